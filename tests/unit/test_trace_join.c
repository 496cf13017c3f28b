/* test_trace_join.c - what many processes told of a block becomes one row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logs_case.h"
#include "src/common/text.h"

/* A log of a rank of [pilot], in [world]. */
static trace_log *open_world(const char *pilot, int rank, uint64_t world)
{
    char dir[256];
    pe_error e = {0};
    trace_log *l;

    snprintf(dir, sizeof(dir), "%s/%s", logs_folder, pilot);
    l = trace_log_open(&(trace_writer){.folder = dir,
                                       .run = "r1",
                                       .pilot = pilot,
                                       .member = pilot,
                                       .kind = "pool",
                                       .rank = rank,
                                       .ranks = 3,
                                       .world = world},
                       &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    return l;
}

/* The next block; it is there. */
static trace_block next(trace *t)
{
    trace_block b = {0};
    pe_error e = {0};

    CU_ASSERT_EQUAL_FATAL(trace_next(t, TRACE_BLOCKS, &b, &e), 1);
    return b;
}

static void no_more(trace *t)
{
    trace_block b;

    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 0);
    trace_close(t);
}

/* --- which commit has a block --- */

struct commit_row {
    uint64_t world;
    int64_t term, first, last;
    uint64_t version;
};

struct work_row {
    uint64_t world;
    int64_t term, epoch;
    uint64_t version; /* of the commit that has it; 0: none */
};

/* Block i of [works] by the log of its world; commits are answered at 9000 and
 * their version.
 */
static void check_commits(const struct commit_row *commits, size_t n_commits,
                          const struct work_row *works, size_t n_works)
{
    trace_log *l[3];
    trace *t;

    logs_begin();
    for (int w = 0; w < 3; w++)
        l[w] = open_world("pool", 0, (uint64_t)w);
    for (size_t i = 0; i < n_commits; i++) {
        const struct commit_row *c = &commits[i];
        const trace_commit row = {.version = c->version,
                                  .term = c->term,
                                  .first_epoch = c->first,
                                  .last_epoch = c->last,
                                  .time_ns = 9000 + (int64_t)c->version};

        trace_log_add(l[c->world], LAYOUT_COMMIT, &row);
    }
    for (size_t i = 0; i < n_works; i++) {
        layout_work w = logs_work_of(l[works[i].world], "d", i);

        w.term = works[i].term;
        w.epoch = works[i].epoch;
        trace_log_add(l[works[i].world], LAYOUT_WORK, &w);
    }
    for (int w = 0; w < 3; w++)
        trace_log_close(l[w]);
    t = logs_trace();
    for (size_t i = 0; i < n_works; i++) {
        trace_block b = next(t);
        uint64_t want = works[i].version;

        CU_ASSERT_EQUAL(b.seq, i);
        CU_ASSERT_EQUAL(b.term, works[i].term);
        CU_ASSERT_EQUAL(b.epoch, works[i].epoch);
        CU_ASSERT_EQUAL(b.commit_version, want);
        CU_ASSERT_EQUAL((b.flags & TRACE_COMMITTED) != 0, want > 0);
        CU_ASSERT_EQUAL(b.stamp[TRACE_COMMIT], want ? 9000 + (int64_t)want : 0);
    }
    no_more(t);
}

#define CHECK_COMMITS(commits, works)                                     \
    check_commits(commits, sizeof(commits) / sizeof((commits)[0]), works, \
                  sizeof(works) / sizeof((works)[0]))

/* Every start of a pool counts its terms and epochs anew. */
static void test_worlds(void)
{
    static const struct commit_row commits[] = {
        {1, 1, 1, 4, 20}, {0, 1, 1, 2, 10}, {1, 1, 5, 9, 21}};
    static const struct work_row works[] = {
        {0, 1, 1, 10}, {0, 1, 2, 10}, {0, 1, 3, 0}, /* dropped with it */
        {1, 1, 3, 20}, {1, 1, 5, 21}, {1, 1, 9, 21},
        {1, 1, 10, 0}, {2, 1, 6, 0}, /* committed nothing */
        {0, 1, 0, 0},  {1, 1, 0, 0},
    };

    CHECK_COMMITS(commits, works);
}

/* A term that ends drops what is not committed; the next one has the same
 * numbers of epochs again.
 */
static void test_terms(void)
{
    static const struct commit_row commits[] = {
        {0, 3, 4, 4, 13}, {0, 1, 2, 3, 11}, {0, 2, 4, 6, 12}, {0, 3, 5, 5, 14}};
    static const struct work_row works[] = {
        {0, 1, 2, 11}, {0, 1, 3, 11}, {0, 1, 4, 0},  {0, 1, 6, 0},
        {0, 2, 3, 0},  {0, 2, 4, 12}, {0, 2, 6, 12}, {0, 2, 7, 0},
        {0, 3, 4, 13}, {0, 3, 5, 14}, {0, 3, 6, 0},  {0, 4, 5, 0},
    };

    CHECK_COMMITS(commits, works);
}

static void test_no_commit(void)
{
    static const struct work_row works[] = {{0, 1, 1, 0}, {2, 5, 7, 0}};

    check_commits(NULL, 0, works, 2);
}

/* --- which of several times counts --- */

struct time_row {
    uint8_t outcome;
    bool committed, helped;
    int64_t start;
};

static const struct {
    const char *name;
    struct time_row had[3];
    int n, want; /* which of [had] */
} several[] = {
    {"the committed one, though older",
     {{TRACE_APPLIED, false, true, 10}, {TRACE_APPLIED, true, false, 5}},
     2,
     1},
    {"... and refused",
     {{TRACE_APPLIED, false, false, 10}, {TRACE_REFUSED, true, true, 5}},
     2,
     1},
    {"no duplicate, though it is committed and newer",
     {{TRACE_DUPLICATE, true, true, 30}, {TRACE_APPLIED, true, false, 5}},
     2,
     1},
    {"no duplicate, though nothing is committed",
     {{TRACE_DUPLICATE, false, true, 30}, {TRACE_APPLIED, false, false, 5}},
     2,
     1},
    {"the newest where none is committed",
     {{TRACE_APPLIED, false, true, 10},
      {TRACE_APPLIED, false, false, 30},
      {TRACE_REFUSED, false, true, 20}},
     3,
     1},
    {"of all kinds",
     {{TRACE_DUPLICATE, true, true, 40},
      {TRACE_APPLIED, true, false, 5},
      {TRACE_APPLIED, false, true, 30}},
     3,
     1},
};

static void put_time(trace_log *l, const struct time_row *r)
{
    layout_work w = logs_work_of(l, "d", 1);

    w.term = r->committed ? 1 : 2;
    w.outcome = r->outcome;
    w.flags = (uint8_t)(TRACE_HAS_SEQ | (r->helped ? TRACE_HELPED : 0));
    w.start = r->start;
    trace_log_add(l, LAYOUT_WORK, &w);
}

/* In whatever order, and by whatever ranks, they were told. */
static void test_several(void)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

    for (size_t i = 0; i < sizeof(several) / sizeof(several[0]); i++)
        for (size_t o = 0; o < 12; o++) {
            const struct time_row *want = &several[i].had[several[i].want];
            trace_log *l[2];
            trace_block b;
            trace *t;

            logs_begin();
            l[0] = open_world("pool", 0, 7);
            l[1] = open_world("pool", 1, 7);
            logs_commit(l[0], 2, 2, 1);
            for (int k = 0; k < 3; k++)
                if (orders[o % 6][k] < several[i].n)
                    put_time(l[o < 6 ? 0 : k % 2],
                             &several[i].had[orders[o % 6][k]]);
            trace_log_close(l[0]);
            trace_log_close(l[1]);
            t = logs_trace();
            b = next(t);
            if (b.stamp[TRACE_START] != want->start)
                printf("# order %zu of: %s\n", o, several[i].name);
            CU_ASSERT_EQUAL(b.stamp[TRACE_START], want->start);
            CU_ASSERT_EQUAL(b.outcome, want->outcome);
            CU_ASSERT_EQUAL((b.flags & TRACE_HELPED) != 0, want->helped);
            CU_ASSERT_EQUAL((b.flags & TRACE_COMMITTED) != 0, want->committed);
            CU_ASSERT_EQUAL(b.repeats, several[i].n - 1);
            no_more(t);
        }
}

/* A block that is in two commits was committed again behind a roll-back: the
 * later one counts, whatever came first, and however new the work was.
 */
static void test_again(void)
{
    for (int order = 0; order < 4; order++) {
        trace_log *l[2];
        trace_block b;
        trace *t;

        logs_begin();
        l[0] = open_world("pool", 0, 7);
        l[1] = open_world("other", 0, 8);
        for (int k = 0; k < 2; k++) {
            int i = (order & 1) ? 1 - k : k; /* 1: after the roll-back */
            const trace_commit c = {.version = 4,
                                    .term = 1,
                                    .first_epoch = 2,
                                    .last_epoch = 2,
                                    .time_ns = i ? 9500 : 9000,
                                    .sent_ns = i ? 9400 : 8900};
            layout_work w = logs_work_of(l[i], "d", 1);

            w.start = (order & 2) ? 100 - i : 100 + i;
            w.epoch = 2;
            trace_log_add(l[i], LAYOUT_COMMIT, &c);
            trace_log_add(l[i], LAYOUT_WORK, &w);
        }
        trace_log_close(l[0]);
        trace_log_close(l[1]);
        t = logs_trace();
        b = next(t);
        CU_ASSERT_EQUAL(b.stamp[TRACE_COMMIT], 9500);
        CU_ASSERT_EQUAL(b.stamp[TRACE_SENT], 9400);
        CU_ASSERT_EQUAL(b.repeats, 1);
        CU_ASSERT_TRUE(b.flags & TRACE_COMMITTED);
        UNIT_EQUAL(trace_process_at(t, b.log)->member, "other");
        no_more(t);
    }
}

/* A device that sent a block twice has two acknowledgements: that of the record
 * which a rank had counts, and where none is known, no other.
 */
static void test_sent_again(void)
{
    static const struct {
        int64_t had, sense, acked; /* offset of the rank's record */
    } rows[] = {{101, 1001, 3001}, {201, 1501, 3501}, {301, 77, 0}};

    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        trace_log *edge, *pool;
        layout_work w;
        trace_block b;
        trace *t;

        logs_begin();
        edge = logs_open("devices", "edge", 0, "r1");
        pool = open_world("pool", 0, 7);
        for (int k = 0; k < 2; k++) {
            bool second = (i % 2 == 0) == (k == 1);
            const layout_edge e = {.device = trace_log_device(edge, "d"),
                                   .partition = 1,
                                   .boot = 5,
                                   .seq = 1,
                                   .offset = second ? 201 : 101,
                                   .sense = second ? 1501 : 1001,
                                   .edge = second ? 2501 : 2001,
                                   .acked = second ? 3501 : 3001};

            trace_log_add(edge, LAYOUT_EDGE, &e);
        }
        w = logs_work_of(pool, "d", 1);
        w.offset = rows[i / 2].had;
        w.sense = 77;
        trace_log_add(pool, LAYOUT_WORK, &w);
        trace_log_close(edge);
        trace_log_close(pool);
        t = logs_trace();
        b = next(t);
        CU_ASSERT_EQUAL(b.offset, rows[i / 2].had);
        CU_ASSERT_EQUAL(b.stamp[TRACE_SENSE], rows[i / 2].sense);
        CU_ASSERT_EQUAL(b.stamp[TRACE_ACKED], rows[i / 2].acked);
        CU_ASSERT_TRUE(b.flags & TRACE_HAS_EDGE);
        no_more(t);
    }
}

/* A device tells of a block again where it sent it again: the newest counts
 * where no rank has told.
 */
static void test_told_again(void)
{
    trace_log *l;
    trace_block b;
    trace *t;

    logs_begin();
    l = logs_open("devices", "edge", 0, "r1");
    logs_edge(l, "d", 4);
    logs_edge(l, "d", 4);
    trace_log_close(l);
    t = logs_trace();
    b = next(t);
    CU_ASSERT_EQUAL(b.flags, TRACE_HAS_SEQ | TRACE_HAS_EDGE);
    CU_ASSERT_EQUAL(b.repeats, 0);
    CU_ASSERT_EQUAL(b.outcome, TRACE_UNKNOWN);
    no_more(t);
}

/* --- when a device had the model --- */

static void test_models(void)
{
    static const struct {
        uint64_t version; /* of the commit of the block */
        int64_t at;       /* 0: the device never had it */
    } rows[] = {{1, 100}, {3, 100}, {4, 200}, {5, 200}, {6, 0}, {99, 0}};
    trace_log *edge, *pool;
    trace *t;

    logs_begin();
    edge = logs_open("devices", "edge", 0, "r1");
    pool = open_world("pool", 0, 7);
    trace_log_add(edge, LAYOUT_MODEL,
                  &(trace_model){.version = 3, .time_ns = 100});
    trace_log_add(edge, LAYOUT_MODEL,
                  &(trace_model){.version = 5, .time_ns = 200});
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        logs_edge(edge, "d", 10 * i);
        logs_work(pool, "d", 10 * i);
        logs_commit(pool, 2 + (int64_t)i, 2 + (int64_t)i, rows[i].version);
    }
    logs_work(pool, "d", 1000); /* nobody's */
    trace_log_close(edge);
    trace_log_close(pool);
    t = logs_trace();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        trace_block b = next(t);
        int64_t ns = 0;

        CU_ASSERT_EQUAL(b.commit_version, rows[i].version);
        CU_ASSERT_EQUAL(b.stamp[TRACE_MODEL], rows[i].at);
        /* These clocks disagree: that is told, and is not 0. */
        CU_ASSERT_EQUAL(trace_hop_ns(&b, TRACE_HOP_MODEL, &ns),
                        rows[i].at != 0);
        CU_ASSERT_EQUAL(ns, rows[i].at - 9000 - (int64_t)rows[i].version);
    }
    CU_ASSERT_EQUAL(next(t).stamp[TRACE_MODEL], 0);
    no_more(t);
}

/* Redis went back: versions 3 to 5 came twice, and 6 once, before it did.  A
 * device had 5 and 6 of the first ones, and of the second ones 4.
 */
static void test_rolled_back(void)
{
    static const struct {
        uint64_t version;
        int64_t sent,
            model; /* of the block in it; 0: its device never had it */
    } rows[] = {
        {1, 100, 250}, /* before all that */
        {3, 200, 251}, /* undone, as all up to 6 */
        {5, 230, 251}, {6, 240, 261}, {3, 300, 351}, {4, 310, 351}, {5, 320, 0},
    };
    static const trace_model models[] = {
        {.version = 2, .time_ns = 250, .commit_ns = 150},
        {.version = 5, .time_ns = 251, .commit_ns = 230},
        {.version = 6, .time_ns = 261, .commit_ns = 240},
        {.version = 4, .time_ns = 351, .commit_ns = 310},
    };
    trace_log *edge, *pool;
    trace *t;

    logs_begin();
    edge = logs_open("devices", "edge", 0, "r1");
    pool = open_world("pool", 0, 7);
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        trace_log_add(edge, LAYOUT_MODEL, &models[i]);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const trace_commit c = {.version = rows[i].version,
                                .term = 1,
                                .first_epoch = 2 + (int64_t)i,
                                .last_epoch = 2 + (int64_t)i,
                                .time_ns = rows[i].sent + 50,
                                .sent_ns = rows[i].sent};

        trace_log_add(pool, LAYOUT_COMMIT, &c);
        logs_edge(edge, "d", 10 * i);
        logs_work(pool, "d", 10 * i);
    }
    trace_log_close(edge);
    trace_log_close(pool);
    t = logs_trace();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        trace_block b = next(t);

        CU_ASSERT_EQUAL(b.commit_version, rows[i].version);
        CU_ASSERT_EQUAL(b.stamp[TRACE_MODEL], rows[i].model);
    }
    no_more(t);
}

/* A device may have a model before the answer to its commit: the hop counts
 * from where it was sent.  Of an older log that is when it was taken up.
 */
static void test_before_answer(void)
{
    trace_log *edge, *pool;
    int64_t ns = 0;
    trace *t;

    logs_begin();
    edge = logs_open("devices", "edge", 0, "r1");
    pool = open_world("pool", 0, 7);
    trace_log_add(edge, LAYOUT_MODEL,
                  &(trace_model){.version = 2, .time_ns = 150});
    for (uint64_t i = 0; i < 2; i++) {
        trace_log_add(pool, LAYOUT_COMMIT,
                      &(trace_commit){.version = 1 + i,
                                      .term = 1,
                                      .first_epoch = 2 + (int64_t)i,
                                      .last_epoch = 2 + (int64_t)i,
                                      .time_ns = 200,
                                      .duration_ns = 120,
                                      .sent_ns = i ? 0 : 90});
        logs_edge(edge, "d", 10 * i);
        logs_work(pool, "d", 10 * i);
    }
    trace_log_close(edge);
    trace_log_close(pool);
    t = logs_trace();
    for (int i = 0; i < 2; i++) {
        trace_block b = next(t);

        CU_ASSERT_TRUE(trace_hop_ns(&b, TRACE_HOP_MODEL, &ns));
        CU_ASSERT_EQUAL(ns, i ? 150 - 80 : 150 - 90);
        CU_ASSERT_EQUAL(b.stamp[TRACE_COMMIT], 200);
        b.stamp[TRACE_SENT] = 0; /* out of a file that has none */
        CU_ASSERT_TRUE(trace_hop_ns(&b, TRACE_HOP_MODEL, &ns));
        CU_ASSERT_EQUAL(ns, -50);
    }
    no_more(t);
}

/* --- whose it is --- */

/* Logs number their devices as they come; a name is the same device. */
static void test_numbers(void)
{
    static const char *const first[] = {"a", "b", "", "\xc3\xa9", "a b"};
    trace_log *edge, *pool;
    trace *t;

    logs_begin();
    edge = logs_open("devices", "edge", 0, "r1");
    pool = open_world("pool", 0, 7);
    logs_work(pool, "late", 0);
    for (int i = 0; i < 5; i++)
        logs_edge(edge, first[i], (uint64_t)i);
    for (int i = 5; i-- > 0;)
        logs_work(pool, first[i], (uint64_t)i);
    trace_log_close(edge);
    trace_log_close(pool);
    t = logs_trace();
    CU_ASSERT_EQUAL(trace_devices(t), 6);
    for (uint64_t i = 0; i < 5; i++) {
        trace_block b = next(t);

        CU_ASSERT_EQUAL(b.device, i);
        CU_ASSERT_EQUAL(b.seq, i);
        UNIT_EQUAL(trace_device(t, b.device), first[i]);
        CU_ASSERT_EQUAL(b.flags,
                        TRACE_HAS_SEQ | TRACE_HAS_EDGE | TRACE_HAS_RANK);
    }
    UNIT_EQUAL(trace_device(t, next(t).device), "late");
    UNIT_EQUAL(trace_device(t, 6), "?");
    UNIT_EQUAL(trace_device(t, TRACE_NO_DEVICE), "?");
    no_more(t);
}

/* Rows of a device whose name the log has not: by their place, behind all
 * others, and joined by it.
 */
static void test_nameless(void)
{
    trace_log *edge, *pool;
    layout_edge e = {.device = 77, .partition = 2, .seq = 1, .offset = 5};
    trace_block b;
    trace *t;

    logs_begin();
    edge = logs_open("devices", "edge", 0, "r1");
    pool = open_world("pool", 0, 7);
    trace_log_add(edge, LAYOUT_EDGE, &e);
    e.offset = 4;
    trace_log_add(edge, LAYOUT_EDGE, &e);
    logs_edge(edge, "z", 1);
    layout_work w = logs_work_of(pool, "z", 1);
    w.device = TRACE_NO_DEVICE;
    w.partition = 2;
    w.offset = 5;
    trace_log_add(pool, LAYOUT_WORK, &w);
    trace_log_close(edge);
    trace_log_close(pool);
    t = logs_trace();
    UNIT_EQUAL(trace_device(t, next(t).device), "z");
    b = next(t);
    CU_ASSERT_EQUAL(b.device, TRACE_NO_DEVICE);
    CU_ASSERT_EQUAL(b.offset, 4);
    CU_ASSERT_FALSE(b.flags & TRACE_HAS_RANK);
    b = next(t);
    CU_ASSERT_EQUAL(b.offset, 5);
    CU_ASSERT_TRUE(b.flags & TRACE_HAS_EDGE);
    CU_ASSERT_TRUE(b.flags & TRACE_HAS_RANK);
    no_more(t);
}

/* Where one log has no name for a device and another has it, they tell of one
 * block, not of two; whichever it is.
 */
static void test_half_named(void)
{
    for (int who = 0; who < 2; who++) {
        trace_log *edge, *pool;
        trace_block b;
        trace *t;

        logs_begin();
        edge = logs_open("devices", "edge", 0, "r1");
        pool = open_world("pool", 0, 7);
        for (uint64_t i = 0; i < 3; i++) {
            layout_work w = logs_work_of(pool, "d", i);
            layout_edge e = {.device = trace_log_device(edge, "d"),
                             .partition = 1,
                             .boot = 5,
                             .seq = i,
                             .offset = (int64_t)i + 100,
                             .acked = 3000};

            if (i == 1 && who == 0)
                e.device = 77; /* has no name in there */
            if (i == 1 && who == 1)
                w.device = TRACE_NO_DEVICE;
            trace_log_add(edge, LAYOUT_EDGE, &e);
            trace_log_add(pool, LAYOUT_WORK, &w);
        }
        trace_log_close(edge);
        trace_log_close(pool);
        t = logs_trace();
        for (uint64_t i = 0; i < 3; i++) {
            b = next(t);
            UNIT_EQUAL(trace_device(t, b.device), "d");
            CU_ASSERT_EQUAL(b.seq, i);
            CU_ASSERT_EQUAL(b.flags,
                            TRACE_HAS_SEQ | TRACE_HAS_EDGE | TRACE_HAS_RANK);
            CU_ASSERT_EQUAL(b.stamp[TRACE_ACKED], 3000);
        }
        no_more(t);
    }
}

/* A name that is too long is cut, and two that differ behind it stay two. */
static void test_long_names(void)
{
    enum { LONG = 600 };
    static char name[3][LONG + 1];
    trace_log *edge, *pool;
    trace *t;

    for (int i = 0; i < 3; i++)
        memset(name[i], 'n', LONG);
    name[1][LONG - 1] = 'm';
    name[2][511] = '\0'; /* just not too long */
    logs_begin();
    edge = logs_open("devices", "edge", 0, "r1");
    pool = open_world("pool", 0, 7);
    for (uint64_t i = 0; i < 3; i++)
        logs_edge(edge, name[i], i);
    for (uint64_t i = 3; i-- > 0;)
        logs_work(pool, name[i], i);
    trace_log_close(edge);
    trace_log_close(pool);
    t = logs_trace();
    CU_ASSERT_EQUAL(trace_devices(t), 3);
    CU_ASSERT_EQUAL(trace_facts_get(t).cut, 2);
    for (uint64_t i = 0; i < 3; i++) {
        trace_block b = next(t);
        const char *cut = trace_device(t, b.device);

        CU_ASSERT_EQUAL(b.flags,
                        TRACE_HAS_SEQ | TRACE_HAS_EDGE | TRACE_HAS_RANK);
        CU_ASSERT_EQUAL(strlen(cut), 511);
        CU_ASSERT_EQUAL(strncmp(cut, name[0], 492), 0);
        CU_ASSERT_EQUAL(strncmp(cut + 492, "...", 3) == 0, i < 2);
    }
    no_more(t);
}

/* --- very many --- */

enum { MANY = 100000 };

static const char *device_of(uint64_t seq)
{
    return seq % 3 ? "d-1" : "d-0";
}

/* A hundred thousand that an edge and two ranks tell of, each in an order of
 * its own, and as many of which an edge alone does.
 */
static void tell_many(void)
{
    trace_log *l[] = {logs_open("devices", "edge", 0, "r1"),
                      open_world("pool", 0, 7), open_world("pool", 1, 7)};

    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t seq = i * 7919 % MANY;
        layout_work w = logs_work_of(l[2], device_of(seq), seq);

        logs_edge(l[0], device_of(MANY - 1 - i), MANY - 1 - i);
        logs_edge(l[0], "d-2", i);
        logs_work(l[1], device_of(seq), seq);
        w.outcome = TRACE_DUPLICATE;
        if (seq % 2)
            trace_log_add(l[2], LAYOUT_WORK, &w);
        for (int k = 0; i % 8000 == 0 && k < 3; k++)
            trace_log_flush(l[k]);
    }
    for (int k = 0; k < 3; k++)
        trace_log_close(l[k]);
}

/* More rows than are in memory at once. */
static void test_many(void)
{
    trace_block b = {0}, last = {0};
    uint64_t wrong = 0, worked = 0, n = 0;
    trace *t;

    logs_begin();
    tell_many();
    t = logs_trace();
    CU_ASSERT_EQUAL(trace_facts_get(t).dropped, 0);
    CU_ASSERT_EQUAL(trace_facts_get(t).rows, 3 * MANY + MANY / 2);
    for (; trace_next(t, TRACE_BLOCKS, &b, NULL) > 0; n++) {
        bool later = n == 0 || b.device > last.device ||
                     (b.device == last.device && b.seq > last.seq);
        int64_t seq = (int64_t)b.seq;

        wrong += !later || !(b.flags & TRACE_HAS_EDGE) ||
                 b.stamp[TRACE_SENSE] != 1000 + seq;
        last = b;
        if (!(b.flags & TRACE_HAS_RANK))
            continue;
        worked++;
        wrong += b.outcome != TRACE_APPLIED || b.repeats != b.seq % 2 ||
                 b.stamp[TRACE_END] != 6000 + seq || b.rank != 0 ||
                 strcmp(trace_device(t, b.device), device_of(b.seq)) != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(worked, MANY);
    CU_ASSERT_EQUAL(n, 2 * MANY);
    trace_close(t);
}

int main(void)
{
    static const unit_test tests[] = {
        {"worlds", test_worlds},
        {"terms that were dropped", test_terms},
        {"no commit", test_no_commit},
        {"several times", test_several},
        {"told again", test_told_again},
        {"committed again behind a roll-back", test_again},
        {"sent again", test_sent_again},
        {"models", test_models},
        {"models of versions that were rolled back", test_rolled_back},
        {"a model before the answer", test_before_answer},
        {"numbers of devices", test_numbers},
        {"nameless", test_nameless},
        {"a name that one of two logs has", test_half_named},
        {"names that are too long", test_long_names},
        {"a hundred thousand", test_many},
        {0},
    };

    return logs_main("trace_join", tests);
}
