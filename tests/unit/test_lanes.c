/* test_lanes.c - partitions of a rank: shared, fetched, admitted, told. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rank_bench.h"

/* --- whose they are --- */

static void test_share(void)
{
    static const struct {
        int rank, size;
        unsigned char own[RANK_PARTITIONS];
        uint64_t counted;
        int32_t n, owner[RANK_PARTITIONS], place[RANK_PARTITIONS];
        size_t parts, lanes;
    } rows[] = {
        {0, 1, {1, 1, 1, 1, 1}, 0, 5, {0, 0, 0, 0, 0}, {0, 1, 2, 3, 4}, 5, 1},
        {0, 1, {1, 1, 1, 1, 1}, 3, 5, {0, 0, 0, 0, 0}, {0, 1, 2, 3, 4}, 5, 5},
        {1, 2, {1, 1, 0, 1, 1}, 0, 4, {0, 1, -1, 0, 1}, {0, 0, 0, 1, 1}, 2, 1},
        {2, 3, {0, 1, 0, 1, 0}, 0, 2, {-1, 0, -1, 1, -1}, {0}, 0, 0},
        {0, 2, {0, 0, 0, 0, 0}, 3, 0, {-1, -1, -1, -1, -1}, {0}, 0, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p = rank_make(rows[i].rank, rows[i].size, rows[i].counted);
        size_t mine = 0;

        lane_share(p, rank_all); /* of a term before */
        lane_share(p, rows[i].own);
        CU_ASSERT_EQUAL(p->own.map.n, rows[i].n);
        CU_ASSERT_EQUAL(p->own.n_parts, rows[i].parts);
        CU_ASSERT_EQUAL(p->own.n_lanes, rows[i].lanes);
        for (int k = 0; k < RANK_PARTITIONS; k++) {
            CU_ASSERT_EQUAL(p->own.map.owner[k], rows[i].owner[k]);
            if (rows[i].owner[k] < 0)
                continue;
            CU_ASSERT_EQUAL(p->own.map.place[k], rows[i].place[k]);
            if (rows[i].owner[k] == rows[i].rank)
                CU_ASSERT_EQUAL(p->own.at[mine++].partition, k);
        }
        CU_ASSERT_EQUAL(mine, rows[i].parts);
        rank_end(p);
    }
}

static void test_share_text(void)
{
    static const struct {
        unsigned char own[RANK_PARTITIONS];
        size_t cap;
        const char *want;
    } rows[] = {
        {{1, 1, 1, 1, 1}, 64, "0-4"},     {{0, 0, 0, 0, 0}, 64, ""},
        {{1, 0, 1, 0, 1}, 64, "0,2,4"},   {{0, 1, 1, 0, 1}, 64, "1-2,4"},
        {{1, 1, 0, 1, 1}, 64, "0-1,3-4"}, {{1, 1, 0, 1, 1}, 5, "0-1,"},
    };
    pool *p = rank_make(0, 1, 0);
    char text[64];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        lane_share(p, rows[i].own);
        share_text(p, text, rows[i].cap);
        UNIT_EQUAL(text, rows[i].want);
    }
    rank_end(p);
}

/* --- a state --- */

static void test_load(void)
{
    params_offset offsets[] = {{(char *)"t", 0, 7, 70},
                               {(char *)"t", 3, 4, 40},
                               {(char *)"u", 1, 9, 90},
                               {(char *)"t", -1, 9, 9},
                               {(char *)"t", RANK_PARTITIONS, 9, 9}};
    params_device devices[] = {{(char *)"d-0", 0, 3, 4},
                               {(char *)"x", 1, 5, 6}};
    params_state s = {
        .offsets = offsets, .n_offsets = 5, .devices = devices, .n_devices = 2};
    pool *p = rank_make(0, 1, 0);
    size_t d;

    commit_device_find(&p->own.devices, "of a term before", NULL);
    CU_ASSERT_EQUAL(lane_load(p, &s, rank_all, NULL), 0);
    CU_ASSERT_EQUAL(rank_line.assigned, 1);
    CU_ASSERT_EQUAL_FATAL(rank_line.n, RANK_PARTITIONS);
    CU_ASSERT_EQUAL(rank_line.at[0].offset, 7);
    CU_ASSERT_EQUAL(rank_line.at[0].mark, 70);
    CU_ASSERT_EQUAL(rank_line.at[1].offset, 0); /* of another topic */
    CU_ASSERT_EQUAL(rank_line.at[3].offset, 4);
    CU_ASSERT_EQUAL(p->own.fetched[3], 4);
    CU_ASSERT_EQUAL(p->own.devices.n, 2);
    d = commit_device_look(&p->own.devices, "x");
    CU_ASSERT_NOT_EQUAL_FATAL(d, SIZE_MAX);
    CU_ASSERT_TRUE(commit_device_has(&p->own.devices.d[d], 5, 6));
    CU_ASSERT_TRUE(commit_device_has(&p->own.devices.d[d], 4, 99));
    CU_ASSERT_FALSE(commit_device_has(&p->own.devices.d[d], 5, 7));
    CU_ASSERT_EQUAL(commit_device_look(&p->own.devices, "y"), SIZE_MAX);
    rank_end(p);
}

/* A counted epoch goes on where the partition that is behind stands. */
static void test_load_counted(void)
{
    static const struct {
        int64_t next[RANK_PARTITIONS], logical;
    } rows[] = {
        {{0, 0, 0, 0, 0}, 0},
        {{2, 2, 2, 2, 2}, 1}, /* 10 blocks of 10 */
        {{4, 4, 2, 4, 4}, 1}, /* one is an epoch behind */
        {{20, 20, 20, 20, 1}, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pool *p = rank_load(10, rows[i].next);

        CU_ASSERT_EQUAL(p->epochs.logical, rows[i].logical);
        rank_end(p);
    }
}

/* --- fetched --- */

static void test_fill(void)
{
    static const int64_t next[RANK_PARTITIONS] = {5, 5, 5, 5, 5};
    pool *p = rank_load(0, next);

    CU_ASSERT_PTR_NULL(lane_next(p, 1)); /* there is nothing */
    CU_ASSERT_EQUAL(p->figures.first_ns, 0);
    rank_line.high[1] = 8;
    rank_line.high[4] = 6;
    lane_fill(p, 0, 2);
    CU_ASSERT_EQUAL(lane_backlog(p), 2);
    CU_ASSERT_EQUAL(p->own.fetched[1], 7);
    CU_ASSERT_EQUAL(p->figures.first_ns, 1);
    lane_fill(p, 0, 2); /* it has them */
    CU_ASSERT_EQUAL(rank_line.fetched, 2);
    lane_fill(p, 0, POOL_BACKLOG);
    CU_ASSERT_EQUAL(lane_backlog(p), 4);
    CU_ASSERT_EQUAL(p->own.fetched[4], 6);
    /* Offset order, and round the ring. */
    for (int64_t offset = 5; offset < 8; offset++) {
        pool_lane *l = lane_next(p, 1);

        CU_ASSERT_PTR_NOT_NULL_FATAL(l);
        CU_ASSERT_EQUAL(lane_item(l, 0)->block.offset, offset);
        lane_release(p, l);
    }
    rank_line.high[4] += 3 * POOL_BACKLOG;
    lane_fill(p, 0, POOL_BACKLOG);
    CU_ASSERT_EQUAL(lane_backlog(p), POOL_BACKLOG);
    /* Each knows how much of it was read, and what not. */
    CU_ASSERT_EQUAL(lane_lag(p), 3 + 1 + 3 * POOL_BACKLOG);
    lane_rewind(p);
    CU_ASSERT_EQUAL(lane_backlog(p), 0);
    CU_ASSERT_EQUAL(rank_line.assigned, 2);
    CU_ASSERT_EQUAL(rank_line.at[1].offset, 5);
    CU_ASSERT_EQUAL(p->own.fetched[1], 5);
    rank_end(p);
}

/* Counted: a lane a partition, and they take turns. */
static void test_turns(void)
{
    static const int32_t want[] = {0, 1, 2, 3, 4, 0, 2, 0};
    pool *p = rank_load(10, NULL);

    for (int k = 0; k < RANK_PARTITIONS; k++)
        rank_line.high[k] = k == 0 ? 3 : k == 2 ? 2 : 1;
    for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
        pool_lane *l = lane_next(p, 1);

        CU_ASSERT_PTR_NOT_NULL_FATAL(l);
        CU_ASSERT_EQUAL(lane_item(l, 0)->block.partition, want[i]);
        lane_release(p, l);
    }
    CU_ASSERT_PTR_NULL(lane_next(p, 1));
    rank_end(p);
}

static void test_fetch_fails(void)
{
    pool *p = rank_load(0, NULL);

    rank_line.high[0] = 9;
    rank_line.broken = true;
    CU_ASSERT_PTR_NULL(lane_next(p, 4));
    CU_ASSERT_TRUE(p->fate.failed);
    UNIT_EQUAL(p->fate.error.text, "broken");
    rank_line.broken = false;
    lane_fill(p, 0, 4); /* it is over */
    CU_ASSERT_EQUAL(rank_line.fetched, 0);
    rank_end(p);

    p = rank_load(0, NULL);
    rank_line.deaf = true;
    lane_rewind(p);
    UNIT_EQUAL(p->fate.error.text, "deaf");
    rank_line.deaf = false;
    rank_end(p);
}

/* Others may help with what is fetched ahead, if there are any, and if a block
 * is worth its way to them.
 */
static void test_refill(void)
{
    pool *p = rank_load(0, NULL);

    rank_line.high[0] = 100;
    lane_refill(p);
    CU_ASSERT_EQUAL(lane_backlog(p), 0);
    p->size = 2;
    lane_refill(p);
    CU_ASSERT_EQUAL(lane_backlog(p), 0);
    worth_block(&p->worth, 1000000000, 100);
    lane_refill(p);
    CU_ASSERT_EQUAL(lane_backlog(p), POOL_BACKLOG / 2);
    lane_drop(p);
    p->term.phase = PHASE_LOADING;
    lane_refill(p);
    CU_ASSERT_EQUAL(lane_backlog(p), 0);
    p->size = 1;
    rank_end(p);
}

/* --- how they stand --- */

static void test_ends(void)
{
    static const int64_t next[RANK_PARTITIONS] = {5, 5, 5, 5, 5};
    pool *p = rank_load(0, next);

    CU_ASSERT_EQUAL(lane_ended(p), 0);
    p->rounds.ends[0] = 0;
    p->rounds.ends[1] = 5;
    p->rounds.ends[2] = 6;
    CU_ASSERT_EQUAL(lane_ended(p), 2);
    CU_ASSERT_EQUAL(lane_quota(p), 0); /* it is not counted */
    CU_ASSERT_EQUAL(lane_wanted(p), 0);
    rank_end(p);
}

/* Epochs of 10 blocks go round five partitions, two of each. */
static void test_quota(void)
{
    static const int64_t next[RANK_PARTITIONS] = {2, 2, 2, 1, 0};
    pool *p = rank_load(10, next);

    CU_ASSERT_EQUAL(lane_logical(p, 0, 0), 0);
    CU_ASSERT_EQUAL(lane_logical(p, 4, 1), 0);
    CU_ASSERT_EQUAL(lane_logical(p, 0, 2), 1);
    CU_ASSERT_EQUAL(p->epochs.logical, 0);
    CU_ASSERT_EQUAL(lane_quota(p), 3);
    CU_ASSERT_EQUAL(lane_wanted(p), 1 + 3);
    rank_line.high[3] = 2;
    CU_ASSERT_EQUAL(lane_wanted(p), 1 + 4);
    rank_line.high[4] = 1;
    CU_ASSERT_EQUAL(lane_wanted(p), 0);
    p->rounds.ends[4] = 0; /* nobody writes to it */
    CU_ASSERT_EQUAL(lane_quota(p), 4);
    p->term.phase = PHASE_LOADING;
    rank_line.high[3] = 0;
    CU_ASSERT_EQUAL(lane_wanted(p), 0);
    rank_end(p);
}

/* --- admission --- */

/* Each block once, wherever it lies, and the epoch of every offset fixed. */
static void test_admit(void)
{
    pool *p = rank_load(0, NULL);
    pool_slot *s = pool_epoch_open(&p->epochs);
    source_item r = rank_item(1, 0);

    rank_give_model(p);
    CU_ASSERT_EQUAL(owner_admit(p, &r), OWNER_WORK);
    CU_ASSERT_EQUAL(p->own.at[1].offset, 1);
    CU_ASSERT_EQUAL(p->own.at[1].mark, 1000);
    CU_ASSERT_EQUAL(s->range[1].to, 1);
    CU_ASSERT_EQUAL(s->n_touch, 1);
    r.block.offset = 1; /* sent twice */
    CU_ASSERT_EQUAL(owner_admit(p, &r), OWNER_DONE);
    CU_ASSERT_EQUAL(s->add.deduplicated, 1);
    CU_ASSERT_EQUAL(p->own.at[1].offset, 2);
    r.block.boot = 0; /* from before it was started again */
    r.block.offset = 2;
    CU_ASSERT_EQUAL(owner_admit(p, &r), OWNER_DONE);
    r = rank_item(1, 3);
    r.block.has_seq = 0; /* nothing is known of it */
    CU_ASSERT_EQUAL(owner_admit(p, &r), OWNER_WORK);
    CU_ASSERT_EQUAL(s->n_touch, 1);
    r = rank_item(1, 4);
    pe_error_set(&r.bad, PE_ERROR_INPUT, PE_EXIT_DATA, "no block");
    CU_ASSERT_EQUAL(owner_admit(p, &r), OWNER_DONE);
    CU_ASSERT_EQUAL(s->add.refused, 1);
    CU_ASSERT_EQUAL(s->add.refused_own, 1);
    UNIT_EQUAL(p->figures.first_refused, "-/1/4: no block");
    CU_ASSERT_EQUAL(s->dispatched, 5);
    CU_ASSERT_EQUAL(p->figures.fetched, 5);
    CU_ASSERT_EQUAL(p->figures.replayed, 0);
    rank_end(p);
}

/* What was dispatched in a term before is a replay. */
static void test_replay(void)
{
    pool *p = rank_load(0, NULL);

    rank_give_model(p);
    p->own.map.highest[2] = 2;
    for (int64_t offset = 0; offset < 4; offset++) {
        source_item r = rank_item(2, offset);

        CU_ASSERT_EQUAL(owner_admit(p, &r), OWNER_WORK);
    }
    CU_ASSERT_EQUAL(p->figures.replayed, 2);
    CU_ASSERT_EQUAL(p->own.map.highest[2], 4);
    rank_end(p);
}

/* A block of the next counted epoch waits for it. */
static void test_admit_counted(void)
{
    pool *p = rank_load(10, NULL);
    source_item now = rank_item(0, 1), then = rank_item(0, 2);

    rank_give_model(p);
    CU_ASSERT_EQUAL(owner_admit(p, &now), OWNER_WORK);
    CU_ASSERT_EQUAL(owner_admit(p, &then), OWNER_WAIT);
    CU_ASSERT_EQUAL(p->own.at[0].offset, 2);
    p->epochs.logical++;
    CU_ASSERT_EQUAL(owner_admit(p, &then), OWNER_WORK);
    rank_end(p);
}

/* Of strangers so many devices are known, of ours all. */
static void test_many_devices(void)
{
    pool *p = rank_load(0, NULL);
    pool_slot *s = pool_epoch_open(&p->epochs);
    char name[32];

    rank_give_model(p);
    for (int i = 0; i < COMMIT_OTHERS + 3; i++) {
        source_item r = rank_item(0, i);

        snprintf(name, sizeof(name), "stranger-%d", i);
        r.block.device = name;
        r.sender = SENDER_OTHER;
        r.foreign = true;
        CU_ASSERT_EQUAL(owner_admit(p, &r), OWNER_WORK);
    }
    CU_ASSERT_EQUAL(p->own.devices.n, COMMIT_OTHERS);
    CU_ASSERT_EQUAL(p->figures.unchecked, 3);
    source_item r = rank_item(0, COMMIT_OTHERS + 3);
    r.sender = SENDER_OURS;
    CU_ASSERT_EQUAL(owner_admit(p, &r), OWNER_WORK);
    CU_ASSERT_EQUAL(p->own.devices.n, COMMIT_OTHERS + 1);
    CU_ASSERT_EQUAL(s->n_touch, COMMIT_OTHERS + 1);
    rank_end(p);
}

/* Urgent blocks are looked for before each of the others, also those that came
 * meanwhile; one that has to wait is passed.
 */
static void test_urgent(void)
{
    pool *p;

    rank_urgent = 2;
    p = rank_load(0, NULL);
    CU_ASSERT_EQUAL(p->own.n_lanes, 2);
    rank_line.high[3] = 9;
    CU_ASSERT_EQUAL(lane_item(lane_first(p, 4), 0)->block.partition, 3);
    CU_ASSERT_EQUAL(lane_urgent(p), 0);
    rank_line.high[1] = 2;
    CU_ASSERT_EQUAL(lane_item(lane_first(p, 4), 0)->block.partition, 1);
    CU_ASSERT_EQUAL(lane_item(lane_first(p, 4), 0)->block.partition, 1);
    CU_ASSERT_EQUAL(lane_item(lane_next(p, 4), 0)->block.partition, 3);
    CU_ASSERT_EQUAL(lane_urgent(p), 2);
    CU_ASSERT_TRUE(lane_is_urgent(p, 1));
    CU_ASSERT_FALSE(lane_is_urgent(p, 2));
    lane_empty(p, &p->own.lanes[0]);
    CU_ASSERT_EQUAL(lane_item(lane_first(p, 4), 0)->block.partition, 3);
    lane_share(p, (const unsigned char[RANK_PARTITIONS]){0});
    CU_ASSERT_EQUAL(lane_urgent(p), 0);
    CU_ASSERT_PTR_NULL(lane_first(p, 4));
    lane_share(p, rank_all);
    rank_end(p);
    rank_urgent = 0;
}

int main(void)
{
    static const unit_test tests[] = {
        {"partitions by rank", test_share},
        {"... as a text", test_share_text},
        {"a state is taken up", test_load},
        {"... by epochs that are counted", test_load_counted},
        {"records are fetched ahead", test_fill},
        {"lanes take turns", test_turns},
        {"urgent blocks go ahead", test_urgent},
        {"a source that fails", test_fetch_fails},
        {"what others may help with", test_refill},
        {"partitions at their end", test_ends},
        {"shares of a counted epoch", test_quota},
        {"blocks are admitted once", test_admit},
        {"blocks of a term before", test_replay},
        {"blocks of the next counted epoch", test_admit_counted},
        {"more devices than are known", test_many_devices},
        {0},
    };
    return unit_main("lanes", tests);
}
