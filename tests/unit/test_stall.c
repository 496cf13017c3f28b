/* test_stall.c - a pool that has something to commit and commits nothing.
 *
 * Rank 0 is put together by hand, and the clock on the wall is this test's, by
 * the linker.
 */
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "json_quoted.h"
#include "src/pool/pool_private.h"

#define S INT64_C(1000000000)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { STALL_S = 10, EPOCH_S = 2 };
/* Beyond both of them it stands still; it is looked at from here on. */
#define LIMIT ((STALL_S + EPOCH_S) * S)
#define BEGIN (1000 * S)
#define REAL (5000 * S)

int64_t __wrap_clock_real_ns(void);

int64_t __wrap_clock_real_ns(void)
{
    return REAL;
}

/* --- a broker that answers, or not --- */

static uint64_t answered;
static bool deaf;

static void line_answers(source_reader *s, broker_answers *out)
{
    (void)s;
    answered += !deaf;
    out->seconds = answered;
}

static const source_ops asking = {.answers = line_answers}, silent_ops = {0};
static source_reader line;

/* --- rank 0 --- */

static pipeline pl;
static int64_t in[R_FIXED];
static pool_head head;
static pool rank0;

static pool *begin(void)
{
    memset(in, 0, sizeof(in));
    memset(&head, 0, sizeof(head));
    memset(&rank0, 0, sizeof(rank0));
    answered = 0;
    deaf = false;
    line = (source_reader){.ops = &asking};
    pl = (pipeline){.stall_s = STALL_S, .epoch_s = EPOCH_S};
    rank0.c = (pool_conf){.pl = &pl, .source = &line, .member = "p-0"};
    rank0.rounds.in = in;
    rank0.own.n_parts = 1;
    rank0.term.phase = PHASE_OPEN;
    rank0.head = &head;
    return &rank0;
}

/* Looked at every second up to [end], and then; what is said last, or NULL. */
static const char *pass(pool *p, int64_t from, int64_t end)
{
    const char *said = NULL;

    for (int64_t t = from; t < end; t += S) {
        const char *words = stall_look(p, t);
        said = words ? words : said;
    }
    const char *words = stall_look(p, end);
    return words ? words : said;
}

static const char *event_of(const pool *p)
{
    json_t *o = json_object();

    stall_add(p, o);
    return json_shown(o);
}

/* --- the hops --- */

/* What rank 0 knows of its pool when nothing has moved for 13 s. */
typedef struct situation {
    int64_t in[R_FIXED];
    bool pending, job, working, loading, deaf;
    const char *params_why, *broker_why; /* NULL: it is there */
    int64_t params_since;                /* away as the head has it; 0: not */
    int64_t asked, due;                  /* so long ago; 0: never */
    const char *hop, *text;
} situation;

static const situation situations[] = {
    /* --- servers come first --- */
    {.in = {[R_LAG] = 7},
     .params_why = "redis-7:6379: connection refused",
     .broker_why = "not looked at",
     .hop = "params",
     .text = "redis-7:6379: connection refused"},
    {.broker_why = "kafka-1:9092: connection refused",
     .pending = true,
     .hop = "broker",
     .text = "kafka-1:9092: connection refused"},
    {.in = {[R_LAG] = 7},
     .asked = 9 * S,
     .hop = "params",
     .text = "the parameter service has not answered for 9 s"},
    {.in = {[R_LAG] = 7},
     .asked = 9 * S,
     .deaf = true,
     .hop = "params",
     .text = "the parameter service has not answered for 9 s"},
    {.in = {[R_LAG] = 7}, /* just asked: it is none of it */
     .asked = S,
     .hop = "fetch",
     .text = "7 records lie in the topic and none comes"},
    {.deaf = true,
     .in = {[R_HELD] = 1},
     .hop = "broker",
     .text = "the broker has not answered for 17 s"},
    {.params_since = 3, /* with nothing that is known of behind it */
     .in = {[R_LAG] = 12},
     .hop = "fetch",
     .text = "12 records lie in the topic and none comes"},
    /* --- then blocks, from the end of their way on --- */
    {.in = {[R_OPEN] = 4, [R_LAG] = 7},
     .due = 5 * S,
     .pending = true,
     .hop = "kernel",
     .text = "a rank has not come back from its function for 5 s"},
    {.in = {[R_OPEN] = 4, [R_LAG] = 7},
     .due = S, /* a round may take that long */
     .hop = "kernel",
     .text = "4 blocks are in an epoch that does not end"},
    {.pending = true,
     .in = {[R_HELD] = 1, [R_UNACKED] = 3, [R_LAG] = 7},
     .hop = "reduce",
     .text = "an epoch is on its way to its commit"},
    {.job = true,
     .hop = "reduce",
     .text = "an epoch is on its way to its commit"},
    {.working = true,
     .hop = "reduce",
     .text = "an epoch is on its way to its commit"},
    {.in = {[R_HELD] = 1, [R_CLOSING] = 5, [R_OUTSTANDING] = 2},
     .hop = "broker",
     .text = "results are not acknowledged by the broker"},
    {.in = {[R_UNACKED] = 3, [R_CLOSING] = 5, [R_WANTED] = 2},
     .hop = "broker",
     .text = "results are not acknowledged by the broker"},
    {.in = {[R_OUTSTANDING] = 2, [R_CLOSING] = 5, [R_WANTED] = 2},
     .hop = "kernel",
     .text = "5 blocks of an epoch are not done"},
    {.in = {[R_CLOSING] = 5, [R_OPEN] = 9},
     .hop = "kernel",
     .text = "5 blocks of an epoch are not done"},
    {.in = {[R_WANTED] = 1, [R_OPEN] = 9, [R_LAG] = 7},
     .hop = "source",
     .text = "partition 0 gives no block for the epoch that counts them"},
    {.in = {[R_WANTED] = 4, [R_OPEN] = 9, [R_LAG] = 7},
     .hop = "source",
     .text = "partition 3 gives no block for the epoch that counts them"},
    {.in = {[R_OPEN] = 9, [R_LAG] = 7},
     .hop = "kernel",
     .text = "9 blocks are in an epoch that does not end"},
    {.in = {[R_LAG] = INT64_C(5000000000)},
     .hop = "fetch",
     .text = "5000000000 records lie in the topic and none comes"},
    /* --- a pool that loads has come to no block yet --- */
    {.loading = true,
     .in = {[R_LAG] = 2},
     .hop = "params",
     .text = "its state is not loaded"},
    {.loading = true,
     .working = true,
     .hop = "params",
     .text = "its state is not loaded"},
    {.loading = true,
     .asked = 9 * S,
     .hop = "params",
     .text = "the parameter service has not answered for 9 s"},
    {.loading = true,
     .due = 5 * S,
     .hop = "kernel",
     .text = "a rank has not come back from its function for 5 s"},
};

static pool *put(const situation *s, int64_t now)
{
    pool *p = begin();

    memcpy(in, s->in, sizeof(in));
    /* Whose they are is no matter here: it is not looked into. */
    head.pending = s->pending ? (commit_job *)&line : NULL;
    head.job = s->job ? (commit_job *)&line : NULL;
    head.view.working = s->working;
    head.view.away = s->params_why != NULL;
    head.away[AWAY_PARAMS].since_ns = s->params_why ? 1 : s->params_since;
    if (s->params_why)
        snprintf(head.view.why, sizeof(head.view.why), "%s", s->params_why);
    if (s->broker_why) {
        head.away[AWAY_BROKER].since_ns = 2;
        snprintf(head.away[AWAY_BROKER].why, sizeof(head.away[0].why), "%s",
                 s->broker_why);
    }
    head.view.asked_ns = s->asked ? now - s->asked : 0;
    p->rounds.posted = s->due > 0;
    p->rounds.begun = now - s->due;
    p->term.phase = s->loading ? PHASE_LOADING : PHASE_OPEN;
    deaf = s->deaf;
    return p;
}

static void test_hops(void)
{
    for (size_t i = 0; i < COUNT(situations); i++) {
        const situation *s = &situations[i];
        bool by_silence = s->deaf && !s->asked;
        int64_t seconds = by_silence ? 17 : 13, now = BEGIN + seconds * S;
        pool *p = put(s, now);
        char want[900];
        const char *said = pass(p, BEGIN, now);

        CU_ASSERT_PTR_NOT_NULL_FATAL(said);
        UNIT_EQUAL(head.stall.hop, s->hop);
        UNIT_EQUAL(head.stall.text, s->text);
        snprintf(want, sizeof(want),
                 "pool p-0 is STALLED: it has %s for %lld s; %s: %s",
                 s->loading ? "not come to work"
                            : "blocks and has committed none",
                 13LL, s->hop, s->text);
        UNIT_EQUAL(said, want);
    }
}

/* --- when --- */

/* Up to the limit nothing is said; then once, and once that it goes on. */
static void test_once(void)
{
    pool *p = begin();

    in[R_LAG] = 7;
    CU_ASSERT_PTR_NULL(pass(p, BEGIN, BEGIN + LIMIT));
    CU_ASSERT_PTR_NULL(head.stall.hop);
    UNIT_EQUAL(event_of(p), "{}");
    UNIT_EQUAL(stall_look(p, BEGIN + LIMIT + 1),
               "pool p-0 is STALLED: it has blocks and has committed none for "
               "12 s; fetch: 7 records lie in the topic and none comes");
    UNIT_EQUAL(event_of(p),
               "{'stalled':{'hop':'fetch','since_ns':4987999999999,'text':'7 "
               "records lie in the topic and none comes'}}");
    /* Where it stands may change: no further word, but in events. */
    CU_ASSERT_PTR_NULL(pass(p, BEGIN + LIMIT + S, BEGIN + 5 * LIMIT));
    in[R_HELD] = 1;
    CU_ASSERT_PTR_NULL(stall_look(p, BEGIN + 5 * LIMIT + S));
    UNIT_EQUAL(event_of(p),
               "{'stalled':{'hop':'broker','since_ns':4987999999999,'text':"
               "'results are not acknowledged by the broker'}}");
    head.view.commits++;
    UNIT_EQUAL(stall_look(p, BEGIN + 6 * LIMIT), "pool p-0 flows again");
    UNIT_EQUAL(event_of(p), "{}");
    CU_ASSERT_PTR_NULL(pass(p, BEGIN + 6 * LIMIT, BEGIN + 7 * LIMIT));
    UNIT_CONTAINS(stall_look(p, BEGIN + 7 * LIMIT + S),
                  "none for 13 s; broker: results");
}

/* Each commit begins the time anew, and so does work that is done. */
static void test_moves(void)
{
    pool *p = begin();
    int64_t t = BEGIN;

    in[R_OPEN] = 3;
    for (int i = 0; i < 20; i++, t += LIMIT) {
        head.view.commits++;
        CU_ASSERT_PTR_NULL(stall_look(p, t));
    }
    in[R_OPEN] = 0;
    CU_ASSERT_PTR_NULL(pass(p, t, t + 100 * LIMIT)); /* idle is not stalled */
    t += 100 * LIMIT;
    in[R_OPEN] = 3;
    CU_ASSERT_PTR_NULL(pass(p, t, t + LIMIT));
    CU_ASSERT_PTR_NOT_NULL(stall_look(p, t + LIMIT + 1));
    in[R_OPEN] = 0; /* it went without a commit: all was refused */
    UNIT_EQUAL(stall_look(p, t + LIMIT + 2), "pool p-0 flows again");
}

/* What is work, each by itself; and what is none. */
static void test_work(void)
{
    static const int lanes[] = {R_LAG, R_OPEN, R_CLOSING};
    static const int others[] = {R_QUOTA, R_ENDED, R_NOBODY, R_READ_ROWS,
                                 R_P95,   R_FULL,  R_BACKLOG};

    for (size_t i = 0; i < COUNT(lanes); i++) {
        pool *p = begin();

        in[lanes[i]] = 2;
        CU_ASSERT_PTR_NOT_NULL(pass(p, BEGIN, BEGIN + LIMIT + S));
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        pool *p = begin();

        in[others[i]] = 2;
        CU_ASSERT_PTR_NULL(pass(p, BEGIN, BEGIN + 9 * LIMIT));
    }
    for (int i = 0; i < AWAY_N; i++) {
        pool *p = begin();

        head.away[i].since_ns = 1;
        CU_ASSERT_PTR_NOT_NULL(pass(p, BEGIN, BEGIN + LIMIT + S));
    }
}

/* A broker is missed by who asks it, and by nobody else. */
static void test_silence(void)
{
    static const struct {
        bool asks, deaf;
        size_t parts;
        const char *hop; /* NULL: none */
    } rows[] = {
        {true, true, 1, "broker"},
        {true, false, 1, NULL},
        {true, true, 0, NULL}, /* it reads nothing */
        {false, true, 1, NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pool *p = begin();

        line.ops = rows[i].asks ? &asking : &silent_ops;
        deaf = rows[i].deaf;
        rank0.own.n_parts = rows[i].parts;
        /* The silence has to be one, before it is work. */
        CU_ASSERT_PTR_NULL(pass(p, BEGIN, BEGIN + LIMIT + 4 * S));
        CU_ASSERT_EQUAL(pass(p, BEGIN + LIMIT + 4 * S, BEGIN + 2 * LIMIT) !=
                            NULL,
                        rows[i].hop != NULL);
        CU_ASSERT_EQUAL(head.stall.hop != NULL, rows[i].hop != NULL);
        if (!rows[i].hop || !head.stall.hop)
            continue;
        UNIT_EQUAL(head.stall.hop, rows[i].hop);
        UNIT_EQUAL(head.stall.text, "the broker has not answered for 24 s");
        deaf = false;
        UNIT_EQUAL(stall_look(p, BEGIN + 3 * LIMIT), "pool p-0 flows again");
    }
}

/* The limit is the file's, and an epoch more; 0 is never. */
static void test_limits(void)
{
    static const struct {
        double stall_s, epoch_s;
        int64_t quiet, said; /* ns; said 0: never */
    } rows[] = {
        {0, 2, 1000000 * S, 0},
        {-1, 2, 1000000 * S, 0},
        {0.5, 0, S / 2, S / 2 + 1}, /* epochs are counted */
        {0.5, 0.25, 3 * S / 4, 3 * S / 4 + 1},
        {60, 600, 660 * S, 660 * S + 1},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pool *p = begin();

        pl.stall_s = rows[i].stall_s;
        pl.epoch_s = rows[i].epoch_s;
        in[R_LAG] = 3;
        CU_ASSERT_PTR_NULL(stall_look(p, BEGIN));
        CU_ASSERT_PTR_NULL(stall_look(p, BEGIN + rows[i].quiet));
        if (rows[i].said)
            CU_ASSERT_PTR_NOT_NULL(stall_look(p, BEGIN + rows[i].said));
        CU_ASSERT_EQUAL(head.stall.hop != NULL, rows[i].said > 0);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"every hop that is named", test_hops},
        {"said once, and once that it goes on", test_once},
        {"what moves is not stalled", test_moves},
        {"what there is to commit", test_work},
        {"a broker that is silent", test_silence},
        {"limits", test_limits},
        {NULL, NULL},
    };

    return unit_main("stall", tests);
}
