/* test_share.c - rank 0: partitions that are handed over, and its patience. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rank_bench.h"
#include "src/common/clock.h"
#include "src/common/log.h"

static char told[4096], logged[1024];

static void hear(json_t *event)
{
    char *line = json_dumps(event, JSON_COMPACT | JSON_SORT_KEYS);

    snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s\n",
             line ? line : "none");
    free(line);
    json_decref(event);
}

static void keep(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), "%s\n",
             line);
}

static pool_head head;
static int64_t lanes[R_FIXED + RANK_PARTITIONS];

/* Rank 0 that is alone, of a run that others may be in. */
static pool *begin(uint64_t counted)
{
    pool *p = rank_load(counted, NULL);

    memset(&head, 0, sizeof(head));
    memset(lanes, 0, sizeof(lanes));
    *told = *logged = '\0';
    p->head = &head;
    p->rounds.in = lanes;
    p->c.progress = hear;
    p->c.pilot = "pool";
    log_init(keep, NULL, LOG_LEVEL_INFO);
    return p;
}

static void end(pool *p)
{
    log_init(NULL, NULL, LOG_LEVEL_ERROR);
    p->head = NULL;
    rank_end(p);
}

/* --- handing over --- */

static void test_say(void)
{
    static const struct {
        uint64_t lease; /* of the view; ours is 4 */
        int32_t surplus;
        enum phase phase;
        enum phase_order order;
        int64_t want;
    } rows[] = {
        {4, 0, PHASE_OPEN, PHASE_GO, 0},
        {5, 0, PHASE_OPEN, PHASE_GO, 1},
        {4, 2, PHASE_OPEN, PHASE_GO, 1},
        {4, 2, PHASE_OPEN, PHASE_MOVE, 2}, /* nothing is dispatched now */
        {5, 2, PHASE_LOADING, PHASE_GO, 0},
        {5, 2, PHASE_OPEN, PHASE_DRAIN, 0}, /* they are given back then */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p = begin(0);

        p->own.map.lease = 4;
        head.view.lease = rows[i].lease;
        head.view.surplus = rows[i].surplus;
        p->term.phase = rows[i].phase;
        p->term.order = rows[i].order;
        CU_ASSERT_EQUAL(share_say(p), rows[i].want);
        end(p);
    }
}

/* Another set of partitions is another term, once nothing is under way. */
static void test_decide(void)
{
    static const struct {
        int lane; /* that says something is open; R_MOVE: none is */
        bool busy, moves;
    } rows[] = {
        {R_MOVE, false, true},     {R_OPEN, false, false},
        {R_CLOSING, false, false}, {R_BUSY, false, false},
        {R_MOVE, true, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p = begin(0);

        p->own.map.lease = 4;
        head.view.lease = 5;
        head.view.busy = rows[i].busy;
        lanes[rows[i].lane] = 1;
        lanes[R_MOVE] = 2;
        share_decide(p);
        CU_ASSERT_EQUAL(term_is_wanted(&p->term), rows[i].moves);
        end(p);
    }
    /* Not before all have heard of it, nor where nothing changes. */
    for (int64_t move = 0; move < 3; move++) {
        pool *p = begin(0);

        p->own.map.lease = 4;
        head.view.lease = move == 2 ? 4 : 5;
        lanes[R_MOVE] = move;
        share_decide(p);
        CU_ASSERT_FALSE(term_is_wanted(&p->term));
        end(p);
    }
}

/* Who has none, or needs all, has nothing to wait for. */
static void test_decide_at_once(void)
{
    pool *p = begin(10);

    head.view.lease = 5;
    lanes[R_MOVE] = 1;
    lanes[R_OPEN] = 3;
    share_decide(p);
    CU_ASSERT_TRUE(term_is_wanted(&p->term));
    end(p);
    p = begin(0);
    p->own.map.n = 0;
    head.view.lease = 5;
    lanes[R_MOVE] = 1;
    share_decide(p);
    CU_ASSERT_TRUE(term_is_wanted(&p->term));
    end(p);
}

static void test_tell(void)
{
    static const unsigned char two[RANK_PARTITIONS] = {0, 1, 0, 0, 1};
    pool *p = begin(0);

    share_tell(p);
    UNIT_EQUAL(logged, ""); /* all, as it is without others */
    lane_share(p, two);
    share_tell(p);
    share_tell(p);
    UNIT_EQUAL(logged, "m has 2 of 5 partitions: 1,4\n");
    lane_share(p, (const unsigned char[RANK_PARTITIONS]){0});
    share_tell(p);
    UNIT_CONTAINS(logged, "m has 0 of 5 partitions\n");
    end(p);
}

/* --- patience --- */

/* Counted epochs need all partitions: another pool that has some is named,
 * and waited for no longer than its lease.
 */
static void test_lacking(void)
{
    pool *p = begin(10);
    pipeline_request req = {.run = (char *)"r"};

    p->c.req = &req;
    p->c.alone_limit_s = 9;
    snprintf(head.view.other, sizeof(head.view.other), "b");
    share_watch(p, CLOCK_S); /* all are ours */
    p->own.map.n = 3;
    share_watch(p, 2 * CLOCK_S);
    share_watch(p, 60 * CLOCK_S); /* nobody else is there */
    UNIT_EQUAL(logged, "");
    p->own.map.n = RANK_PARTITIONS;
    share_watch(p, 61 * CLOCK_S);
    p->own.map.n = 3;
    head.view.others = 1;
    share_watch(p, 62 * CLOCK_S);
    UNIT_EQUAL(logged, "");
    share_watch(p, 65 * CLOCK_S);
    share_watch(p, 66 * CLOCK_S);
    UNIT_EQUAL(logged, "waits for all partitions, which epochs counted in "
                       "blocks need: pool 'b' has some\n");
    CU_ASSERT_FALSE(p->fate.failed);
    share_watch(p, 71 * CLOCK_S);
    CU_ASSERT_TRUE(p->fate.failed);
    UNIT_EQUAL(p->fate.error.text,
               "epochs counted in blocks need every partition in one pool, and "
               "pool 'b' serves run 'r' too: end one of them, or set "
               "epoch.interval instead of epoch.blocks");
    CU_ASSERT_EQUAL(p->fate.error.exit_code, PE_EXIT_CONFIG);
    end(p);
}

/* By time they do not, and while it drains a pool waits for nobody. */
static void test_lacking_nothing(void)
{
    for (int i = 0; i < 3; i++) {
        pool *p = begin(i == 0 ? 0 : 10);

        p->own.map.n = 3;
        head.view.others = 1;
        if (i == 1)
            p->term.order = PHASE_DRAIN;
        if (i == 2)
            p->term.phase = PHASE_LOADING;
        for (int64_t s = 1; s < 100; s += 9)
            share_watch(p, s * CLOCK_S);
        CU_ASSERT_FALSE(p->fate.failed);
        UNIT_EQUAL(logged, "");
        end(p);
    }
}

/* A partition that gives nothing while others have blocks is said, once. */
static void test_wanted(void)
{
    pool *p = begin(10);

    p->epochs.logical = 3;
    lanes[R_WANTED] = 1 + 4;
    lanes[R_LAG] = 17;
    share_watch(p, CLOCK_S);
    share_watch(p, 3 * CLOCK_S);
    p->epochs.logical = 4; /* it goes on */
    share_watch(p, 5 * CLOCK_S);
    share_watch(p, 7 * CLOCK_S);
    lanes[R_LAG] = 0; /* nobody has any */
    share_watch(p, 9 * CLOCK_S);
    lanes[R_LAG] = 17;
    share_watch(p, 11 * CLOCK_S);
    UNIT_EQUAL(told, "");
    share_watch(p, 13 * CLOCK_S);
    share_watch(p, 15 * CLOCK_S);
    UNIT_EQUAL(
        told, "{\"event\":\"note\",\"pilot\":\"pool\",\"text\":\"pool m waits: "
              "epochs counted in blocks go round the partitions, and partition "
              "4 gives no block while 17 wait in others; have a device for "
              "each (streams.STAGE.partitions), or set epoch.interval instead "
              "of epoch.blocks\"}\n");
    end(p);
}

/* --- what rank 0 tells of its servers --- */

static bool broker_gone;

static bool line_away(source_reader *s, char *out, size_t cap)
{
    (void)s;
    if (broker_gone)
        snprintf(out, cap, "broker h:1 is not reached");
    return broker_gone;
}

/* What was told, without its time, which is another one each time. */
static const char *timeless(void)
{
    static const char key[] = ",\"time_ns\":";
    char *at = strstr(told, key);
    size_t n = at ? sizeof(key) - 1 : 0;

    if (at) {
        n += strspn(at + n, "0123456789");
        memmove(at, at + n, strlen(at + n) + 1);
    }
    return at ? told : "no time";
}

/* Twice a second how far it is, and at once what it waits for. */
static void test_head_tell(void)
{
    static source_ops ops;
    pool *p = begin(0);

    ops = *p->c.source->ops;
    ops.away = line_away;
    rank_line.base.ops = &ops;
    head.view.total.applied = 12;
    head.view.total.refused = 1;
    lanes[R_LAG] = 9;
    lanes[R_P95] = 2500000;
    head_tell(p, CLOCK_S);
    UNIT_EQUAL(timeless(),
               "{\"blocks\":12,\"epoch_ms\":0.0,\"event\":\"progress\","
               "\"lag\":9,\"masked\":0,\"mb\":0.0,\"member\":\"m\","
               "\"outliers\":0,\"owned\":5,\"p95_ms\":2.5,\"partitions\":"
               "[0,1,2,3,4],\"pilot\":\"pool\",\"points\":0,\"refused\":1,"
               "\"version\":0}\n");
    *told = '\0';
    head_tell(p, CLOCK_S + 499 * CLOCK_MS);
    UNIT_EQUAL(told, "");
    head.view.away = true;
    snprintf(head.view.why, sizeof(head.view.why), "Redis is down");
    head_tell(p, CLOCK_S + 499 * CLOCK_MS);
    UNIT_EQUAL(told, "{\"event\":\"note\",\"pilot\":\"pool\",\"text\":\"pool m "
                     "waits: Redis is down\"}\n");
    *told = '\0';
    broker_gone = true;
    head_tell(p, CLOCK_S + 500 * CLOCK_MS);
    UNIT_CONTAINS(told, "pool m waits: broker h:1 is not reached");
    UNIT_CONTAINS(told, "\"waits\":{\"since_ns\":");
    UNIT_CONTAINS(told,
                  "\"text\":\"broker h:1 is not reached; Redis is down\"");
    *told = '\0';
    broker_gone = head.view.away = false;
    head_tell(p, CLOCK_S + 501 * CLOCK_MS);
    UNIT_CONTAINS(told, "pool m goes on: the parameter service answers again");
    UNIT_CONTAINS(told, "pool m goes on: the broker is back");
    *told = '\0';
    head_tell(p, 2 * CLOCK_S);
    CU_ASSERT_PTR_NULL(strstr(told, "waits"));
    end(p);
}

static int cuts;

/* The linker's: in place of the committer's own (tests/unit/pool.inc). */
void __wrap_committer_cut(committer *c);

void __wrap_committer_cut(committer *c)
{
    CU_ASSERT_PTR_NULL(c);
    cuts++;
}

/* A drain is no promise of a server that does not answer.  Who waits for the
 * parameter service is let go.
 */
static void test_drain(void)
{
    static const struct {
        bool working, held;
        const char *who; /* NULL: nobody is waited for */
    } rows[] = {
        {true, false, "the parameter service"},
        {false, true, "the broker"},
        {true, true, "the broker"},
        {false, false, NULL},
    };
    char want[200];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p = begin(0);

        cuts = 0;
        p->c.progress = NULL;
        p->c.drain_limit_s = 5;
        head.view.working = rows[i].working;
        lanes[R_HELD] = rows[i].held;
        head_tell(p, CLOCK_S); /* it does not drain */
        head_tell(p, 60 * CLOCK_S);
        CU_ASSERT_FALSE(p->fate.failed);
        p->term.order = PHASE_DRAIN;
        head_tell(p, 64 * CLOCK_S);
        CU_ASSERT_FALSE(p->fate.failed);
        head_tell(p, 66 * CLOCK_S);
        CU_ASSERT_EQUAL(p->fate.failed, rows[i].who != NULL);
        CU_ASSERT_EQUAL(cuts, rows[i].working && !rows[i].held);
        snprintf(want, sizeof(want),
                 "%s did not answer for 5 s while pool 'm' drained: what is "
                 "not committed is processed again by the next one",
                 rows[i].who ? rows[i].who : "");
        UNIT_EQUAL(p->fate.error.text, rows[i].who ? want : "");
        end(p);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"what rank 0 says of its leases", test_say},
        {"when they are taken up", test_decide},
        {"... at once", test_decide_at_once},
        {"what is told of them", test_tell},
        {"partitions that another pool has", test_lacking},
        {"... and nobody waits for", test_lacking_nothing},
        {"a partition that gives nothing", test_wanted},
        {"servers that are away", test_head_tell},
        {"a drain with a server away", test_drain},
        {0},
    };
    return unit_main("share", tests);
}
