/* test_trail.c - what a rank tells the trace of its run.
 *
 * The log is this test's, and the clock on the wall, by the linker.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "rank_bench.h"
#include "src/trace/log.h"

#define S INT64_C(1000000000)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct {
    layout_work work[8];
    trace_rank rank[8];
    size_t n_work, n_rank;
    const char *device; /* the last that was named */
} told;
static int64_t now;

void __wrap_trace_log_add(trace_log *l, enum layout_kind kind, const void *row);
uint32_t __wrap_trace_log_device(trace_log *l, const char *name);
int64_t __wrap_clock_real_ns(void);

void __wrap_trace_log_add(trace_log *l, enum layout_kind kind, const void *row)
{
    CU_ASSERT_PTR_NOT_NULL(l);
    CU_ASSERT_FATAL(told.n_work < 8 && told.n_rank < 8);
    if (kind == LAYOUT_WORK)
        memcpy(&told.work[told.n_work++], row, sizeof(layout_work));
    else if (kind == LAYOUT_RANK)
        memcpy(&told.rank[told.n_rank++], row, sizeof(trace_rank));
    else
        CU_FAIL("a row of another kind");
}

uint32_t __wrap_trace_log_device(trace_log *l, const char *name)
{
    CU_ASSERT_PTR_NOT_NULL(l);
    told.device = name;
    return 42;
}

int64_t __wrap_clock_real_ns(void)
{
    return now;
}

/* A rank whose run is traced. */
static pool *begin(void)
{
    pool *p = rank_load(0, NULL);

    memset(&told, 0, sizeof(told));
    now = 100 * S;
    p->trail.log = (trace_log *)&told;
    return p;
}

static void end(pool *p)
{
    trail_free(&p->trail);
    CU_ASSERT_PTR_NULL(p->trail.last);
    CU_ASSERT_PTR_NULL(p->trail.free);
    rank_end(p);
}

static void block(pool *p, int64_t offset, const pe_block *done,
                  enum trace_outcome outcome)
{
    source_item r = rank_item(1, offset);

    trail_block(p, pool_epoch_open(&p->epochs), &r, done, outcome);
}

/* --- marks of results --- */

/* Without a log there is but the mark, and nothing to be freed. */
static void test_marks(void)
{
    static const uint64_t marks[] = {
        0, 1, 2, 7, UINT64_C(1) << 62, (UINT64_C(1) << 63) - 1};
    pool_trail t = {0};

    memset(&told, 0, sizeof(told));
    for (size_t i = 0; i < COUNT(marks); i++) {
        CU_ASSERT_PTR_NOT_NULL(trail_give(NULL, marks[i]));
        CU_ASSERT_EQUAL(trail_take(NULL, trail_give(NULL, marks[i]), true),
                        marks[i]);
        CU_ASSERT_EQUAL(trail_take(&t, trail_give(&t, marks[i]), false),
                        marks[i]);
        CU_ASSERT_PTR_NULL(t.last);
    }
    CU_ASSERT_EQUAL(trail_take(&t, NULL, true), 0); /* nobody waits for it */
    CU_ASSERT_EQUAL(told.n_work, 0);
}

/* A mark that was given before there was a log. */
static void test_late_log(void)
{
    pool *p = begin();
    void *early = trail_give(NULL, 9);

    CU_ASSERT_EQUAL(trail_take(&p->trail, early, true), 9);
    CU_ASSERT_EQUAL(told.n_work, 0);
    end(p);
}

/* --- a block and its result --- */

/* Its row waits for both, whichever comes first. */
static void test_orders(void)
{
    static const struct {
        bool result_first, stored;
        int64_t result;
    } rows[] = {
        {false, true, 100 * S},
        {true, true, 100 * S},
        {false, false, 0}, /* the broker does not have it */
        {true, false, 0},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pool *p = begin();
        void *k = trail_give(&p->trail, 77);

        CU_ASSERT_PTR_NOT_NULL_FATAL(k);
        for (int turn = 0; turn < 2; turn++) {
            CU_ASSERT_EQUAL(told.n_work, 0);
            if ((turn == 0) == rows[i].result_first) {
                CU_ASSERT_EQUAL(trail_take(&p->trail, k, rows[i].stored), 77);
            } else {
                block(p, 5, NULL, TRACE_APPLIED);
            }
        }
        CU_ASSERT_EQUAL_FATAL(told.n_work, 1);
        CU_ASSERT_EQUAL(told.work[0].offset, 5);
        CU_ASSERT_EQUAL(told.work[0].result, rows[i].result);
        CU_ASSERT_PTR_NULL(p->trail.last);
        end(p);
    }
}

/* Results that come back in another order are of their own blocks. */
static void test_several(void)
{
    static const size_t back[] = {2, 0, 1};
    pool *p = begin();
    void *k[3], *again;

    for (size_t i = 0; i < COUNT(k); i++) {
        k[i] = trail_give(&p->trail, 10 + i);
        block(p, (int64_t)i, NULL, TRACE_APPLIED);
    }
    CU_ASSERT_EQUAL(told.n_work, 0);
    for (size_t i = 0; i < COUNT(back); i++) {
        now += S;
        CU_ASSERT_EQUAL(trail_take(&p->trail, k[back[i]], true), 10 + back[i]);
        CU_ASSERT_EQUAL_FATAL(told.n_work, i + 1);
        CU_ASSERT_EQUAL(told.work[i].offset, (int64_t)back[i]);
        CU_ASSERT_EQUAL(told.work[i].result, now);
    }
    /* What is settled is used again, and knows nothing of before. */
    again = trail_give(&p->trail, 13);
    CU_ASSERT_PTR_EQUAL(again, k[1]);
    block(p, 9, NULL, TRACE_REFUSED);
    CU_ASSERT_EQUAL(told.n_work, 3);
    CU_ASSERT_EQUAL(trail_take(&p->trail, again, false), 13);
    CU_ASSERT_EQUAL_FATAL(told.n_work, 4);
    CU_ASSERT_EQUAL(told.work[3].offset, 9);
    CU_ASSERT_EQUAL(told.work[3].result, 0);
    end(p);
}

/* A block that has no result is told at once; one at which the pool has failed
 * is not told, and leaves nothing (sanitizers look).
 */
static void test_without(void)
{
    pool *p = begin();

    block(p, 3, NULL, TRACE_DUPLICATE);
    CU_ASSERT_EQUAL_FATAL(told.n_work, 1);
    CU_ASSERT_EQUAL(told.work[0].result, 0);
    CU_ASSERT_EQUAL(told.work[0].outcome, TRACE_DUPLICATE);
    CU_ASSERT_PTR_NOT_NULL(trail_give(&p->trail, 1));
    CU_ASSERT_PTR_NOT_NULL(p->trail.last);
    end(p);
    CU_ASSERT_EQUAL(told.n_work, 1);

    p = begin();
    p->trail.log = NULL;
    block(p, 3, NULL, TRACE_APPLIED);
    trail_rank(p, 100 * S);
    CU_ASSERT_EQUAL(told.n_work + told.n_rank, 0);
    end(p);
}

/* --- what is in the rows --- */

static void test_row(void)
{
    pe_model m = {.version = 9};
    pool_model base = {.m = &m, .refs = 1};
    pool *p = begin();
    pool_slot *s = pool_epoch_open(&p->epochs);
    pe_block done = {.points = 30, .start_ns = 6, .end_ns = 8};
    source_item r = {.block = {.device = "d-7",
                               .partition = 3,
                               .boot = 11,
                               .seq = 12,
                               .has_seq = 1,
                               .offset = 13,
                               .points = 40,
                               .features = 2,
                               .sense_ns = 1,
                               .edge_ns = 2,
                               .broker_ns = 3,
                               .fetch_ns = 4},
                     .raw_len = 999};

    p->term.number = 6;
    p->trail.outliers = 5;
    s->add.outliers = 7;
    s->base = &base;
    trail_block(p, s, &r, &done, TRACE_APPLIED);
    /* ... and one without a number, on another rank, that did not begin. */
    p->trail.helping = true;
    r.block.has_seq = 0;
    s->base = NULL;
    trail_block(p, s, &r, NULL, TRACE_REFUSED);
    CU_ASSERT_EQUAL_FATAL(told.n_work, 2);
    UNIT_EQUAL(told.device, "d-7");

    const layout_work *w = &told.work[0];
    const int64_t got[] = {
        w->device,       w->partition, (int64_t)w->boot, w->offset,
        (int64_t)w->seq, w->term,      w->epoch,         (int64_t)w->bytes,
        w->points,       w->outliers,  w->features,      w->outcome,
        w->flags,        w->sense,     w->edge,          w->broker,
        w->fetch,        w->start,     w->end,           w->result};
    const int64_t want[] = {
        42, 3, 11, 13, 12, 6, 2, 999, 30, 2, 2, TRACE_APPLIED, TRACE_HAS_SEQ,
        1,  2, 3,  4,  6,  8, 0};

    for (size_t i = 0; i < COUNT(want); i++)
        CU_ASSERT_EQUAL(got[i], want[i]);
    CU_ASSERT_EQUAL(w->version, 9);
    w = &told.work[1];
    CU_ASSERT_EQUAL(w->version, 0);
    CU_ASSERT_EQUAL(w->points, 40); /* as they were sent */
    CU_ASSERT_EQUAL(w->outliers, 0);
    CU_ASSERT_EQUAL(w->flags, TRACE_HELPED);
    CU_ASSERT_EQUAL(w->outcome, TRACE_REFUSED);
    CU_ASSERT_EQUAL(w->start, 0);
    CU_ASSERT_EQUAL(w->end, 0);
    p->trail.helping = false;
    end(p);
}

/* Once a second what the rank has done: its own and for others apart. */
static void test_rank(void)
{
    static const struct {
        int64_t at;
        size_t rows;
    } looks[] = {{50 * S, 1},         {50 * S + 1, 1}, {51 * S - 1, 1},
                 {51 * S, 2},         {90 * S, 3}, /* nothing is made up for */
                 {90 * S + S / 2, 3}, {91 * S, 4}};
    pool_head head = {.view = {.busy_ns = 33}};
    pool *p = begin();

    p->rank = 4;
    p->trail.help_ns = 20;
    p->figures.busy_ns = 70;
    p->figures.fetch_ns = 5;
    p->figures.reduce_ns = 6;
    p->figures.idle_ns = 7;
    p->figures.fetched = 8;
    p->figures.helped = 9;
    p->figures.epochs = 10;
    rank_line.high[2] = 11;
    for (size_t i = 0; i < COUNT(looks); i++) {
        p->head = i == 0 ? NULL : &head;
        trail_rank(p, looks[i].at);
        CU_ASSERT_EQUAL(told.n_rank, looks[i].rows);
    }
    p->head = NULL;
    for (size_t i = 0; i < 2; i++) {
        const trace_rank *r = &told.rank[i];

        CU_ASSERT_EQUAL(r->time_ns, 100 * S);
        CU_ASSERT_EQUAL(r->fetch_ns, 5);
        CU_ASSERT_EQUAL(r->help_ns, 20);
        CU_ASSERT_EQUAL(r->kernel_ns, 50);
        CU_ASSERT_EQUAL(r->reduce_ns, 6);
        CU_ASSERT_EQUAL(r->commit_ns, i == 0 ? 0 : 33); /* of rank 0 alone */
        CU_ASSERT_EQUAL(r->idle_ns, 7);
        CU_ASSERT_EQUAL(r->blocks, 8);
        CU_ASSERT_EQUAL(r->helped, 9);
        CU_ASSERT_EQUAL(r->epochs, 10);
        CU_ASSERT_EQUAL(r->lag, 11);
        CU_ASSERT_EQUAL(r->rank, 4);
    }
    p->rank = 0;
    end(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"marks where nothing is traced", test_marks},
        {"a mark from before the log", test_late_log},
        {"a block and its result, in either order", test_orders},
        {"results out of order", test_several},
        {"blocks without a result", test_without},
        {"what is told of a block", test_row},
        {"what is told of a rank", test_rank},
        {NULL, NULL},
    };

    return unit_main("trail", tests);
}
