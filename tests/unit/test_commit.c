/* test_commit.c - the commit script, on a Redis that is hurt on purpose. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commit_call.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* --- answers --- */

static void test_answers(void)
{
    /* One after the other on one run; offsets of partitions 0 and 1 are 0. */
    static const struct {
        const char *name, *writer;
        int id, base, partition;
        uint64_t fence;
        int64_t from, to;
        enum params_answer want;
    } rows[] = {
        {"no offset stored yet", "a", 1, 0, 7, 0, 0, 5, PARAMS_OFFSET},
        {"moves nothing", "a", 1, 0, 0, 0, 0, 0, PARAMS_EMPTY},
        {"a base before the first", "a", 1, 9, 0, 0, 0, 5, PARAMS_STALE},
        {"the first", "a", 1, 0, 0, 0, 0, 5, PARAMS_OK},
        {"again", "a", 1, 0, 0, 0, 0, 5, PARAMS_DUP},
        {"again, rebased", "a", 1, 1, 0, 0, 0, 5, PARAMS_DUP},
        {"again, and moves nothing", "a", 1, 0, 0, 0, 5, 5, PARAMS_DUP},
        {"same id, other writer", "b", 1, 0, 0, 0, 0, 5, PARAMS_OFFSET},
        {"done by another id", "b", 2, 0, 0, 0, 0, 5, PARAMS_OFFSET},
        {"beyond the offset", "b", 2, 1, 0, 0, 6, 9, PARAMS_OFFSET},
        {"wrong base and offset", "b", 2, 0, 0, 0, 4, 9, PARAMS_OFFSET},
        {"wrong base", "b", 2, 0, 1, 0, 0, 3, PARAMS_STALE},
        {"rebased", "b", 2, 1, 1, 0, 0, 3, PARAMS_OK},
        {"not the newest, but a's last", "a", 1, 0, 0, 0, 0, 5, PARAMS_DUP},
        {"a higher fence", "a", 3, 2, 0, 2, 5, 6, PARAMS_FENCED},
        {"INCR", NULL, 0, 0, 0, 0, 0, 0, PARAMS_OK},
        {"the fence that there is", "a", 3, 2, 0, 1, 5, 6, PARAMS_OK},
        {"an older fence", "b", 4, 3, 0, 0, 6, 9, PARAMS_FENCED},
        {"older fence, wrong offset", "b", 4, 3, 0, 0, 0, 9, PARAMS_FENCED},
        {"older fence, wrong base", "b", 4, 1, 0, 0, 6, 9, PARAMS_FENCED},
        {"older fence, moves nothing", "b", 4, 3, 0, 0, 6, 6, PARAMS_EMPTY},
        {"older fence, b's last", "b", 2, 1, 1, 0, 0, 3, PARAMS_DUP},
        {"the same fence", "b", 4, 3, 0, 1, 6, 9, PARAMS_OK},
        {"a's last is not its first", "a", 1, 0, 0, 1, 0, 5, PARAMS_OFFSET},
    };
    params *p = call_run("answers", 5);
    call k;

    call_init_offsets(p, 2);
    for (size_t i = 0; p && i < N(rows); i++) {
        if (!rows[i].writer) { /* an operator's reset */
            redis_server_ask(&call_server, "INCR pilot:{answers}:fence");
            continue;
        }
        char *before = call_snapshot("answers");
        call_fill(&k, rows[i].id, rows[i].base, rows[i].writer,
                  rows[i].partition, rows[i].from, rows[i].to);
        k.c.fence = rows[i].fence;
        int answer = call_send(p, &k);
        if (answer != (int)rows[i].want)
            printf("# %s: %d\n", rows[i].name, answer);
        CU_ASSERT_EQUAL(answer, (int)rows[i].want);
        if (rows[i].want == PARAMS_OK)
            free(before);
        else
            call_expect_unchanged(before, "answers");
    }
    params_close(p);
}

static void test_no_ranges(void)
{
    params *p = call_run("no-ranges", 5);
    call k;

    call_fill(&k, 1, 0, "w", 0, 0, 5);
    k.c.n_ranges = 0;
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_EMPTY);
    params_close(p);
}

static void test_written(void)
{
    params *p = call_run("written", 5);
    params_state s;
    call k;

    call_init_offsets(p, 2);
    CU_ASSERT_EQUAL(params_state_fetch(p, &s, NULL), 0);
    UNIT_EQUAL(s.commit, "");
    CU_ASSERT_EQUAL(s.version, 0);
    CU_ASSERT_EQUAL(s.model.len, 0);
    CU_ASSERT_EQUAL(s.n_offsets, 2);
    CU_ASSERT_EQUAL(s.n_devices, 0);
    params_state_free(&s);

    CU_ASSERT_EQUAL(call_send_one(p, 1, 0, 0, 5), PARAMS_OK);
    call_fill(&k, 2, 1, "w", 0, 5, 12);
    redis_server_ask(&call_server, "SET pilot:{written}:fence 3");
    k.c.fence = 3;
    k.c.add = (params_counters){1, 2, 3,  4,  5,  6,           7,
                                8, 9, 10, 11, 15, {12, 0, 14}, 16};
    k.c.model = "a\0b\r\n";
    k.c.model_len = 5;
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_OK);

    CU_ASSERT_EQUAL(params_state_fetch(p, &s, NULL), 0);
    UNIT_EQUAL(s.commit, k.c.id);
    CU_ASSERT_EQUAL(s.version, 2);
    CU_ASSERT_EQUAL(s.fence, 3);
    CU_ASSERT_EQUAL(s.time_ns, 1002);
    CU_ASSERT_EQUAL(s.counters.applied, 5 + 1);
    CU_ASSERT_EQUAL(s.counters.refused, 2);
    CU_ASSERT_EQUAL(s.counters.deduplicated, 3);
    CU_ASSERT_EQUAL(s.counters.foreign, 4);
    CU_ASSERT_EQUAL(s.counters.points, 100 + 5);
    CU_ASSERT_EQUAL(s.counters.masked, 6);
    CU_ASSERT_EQUAL(s.counters.outliers, 7);
    CU_ASSERT_EQUAL(s.counters.bytes, 8);
    CU_ASSERT_EQUAL(s.counters.refused_own, 9);
    CU_ASSERT_EQUAL(s.counters.unscored, 10);
    CU_ASSERT_EQUAL(s.counters.forwarded, 11);
    CU_ASSERT_EQUAL(s.counters.through[0], 12);
    CU_ASSERT_EQUAL(s.counters.through[1], 0);
    CU_ASSERT_EQUAL(s.counters.through[2], 14);
    CU_ASSERT_EQUAL(s.counters.stale, 15);
    CU_ASSERT_EQUAL(s.counters.forged, 16);
    CU_ASSERT_EQUAL(s.model.len, 5);
    CU_ASSERT_EQUAL(memcmp(s.model.data, "a\0b\r\n", 5), 0);
    CU_ASSERT_EQUAL(s.n_offsets, 2);
    for (size_t i = 0; i < s.n_offsets; i++) {
        UNIT_EQUAL(s.offsets[i].topic, "t");
        CU_ASSERT_EQUAL(s.offsets[i].next, s.offsets[i].partition ? 0 : 12);
    }
    CU_ASSERT_EQUAL(s.n_devices, 1);
    for (size_t i = 0; i < s.n_devices; i++) {
        UNIT_EQUAL(s.devices[i].device, "d-0");
        CU_ASSERT_EQUAL(s.devices[i].boot, 1);
        CU_ASSERT_EQUAL(s.devices[i].seq, 12);
    }
    params_state_free(&s);

    UNIT_CONTAINS(redis_server_ask(&call_server, "GET pilot:{written}:state"),
                  "\nmodel kmeans\n");
    params_close(p);
}

/* The digest is the one Redis makes, so that any client can check it. */
static void test_digest(void)
{
    params *p = call_run("digest", 5);

    call_init_offsets(p, 1);
    CU_ASSERT_EQUAL(call_send_one(p, 1, 0, 0, 5), PARAMS_OK);
    UNIT_CONTAINS(
        redis_server_ask(
            &call_server,
            "EVAL \"return redis.sha1hex(redis.call('get',KEYS[1])) == "
            "redis.call('get',KEYS[2]):match('digest (%x+)')\" 2 "
            "pilot:{digest}:model "
            "pilot:{digest}:state"),
        ":1");
    params_close(p);
}

/* More pairs than Lua's stack takes at once, and a model of 4 MB. */
static void test_large(void)
{
    enum { RANGES = 2100, DEVICES = 9001, BYTES = 4 << 20 };
    params *p = call_run("large", 10);
    params_range *ranges = calloc(RANGES, sizeof(*ranges));
    params_device *devices = calloc(DEVICES, sizeof(*devices));
    unsigned char *model = malloc(BYTES);
    char(*device_names)[16] = calloc(DEVICES, sizeof(*device_names));
    int64_t stored;
    params_state s;
    call k;

    for (int i = 0; i < RANGES; i++) {
        ranges[i] = (params_range){"t", i, 0, i + 1, 0};
        params_offset_init(p, "t", i, 0, &stored, NULL);
    }
    for (int i = 0; i < DEVICES; i++) {
        snprintf(device_names[i], sizeof(device_names[i]), "d-%d", i);
        devices[i] = (params_device){device_names[i], i, 1, (uint64_t)i};
    }
    for (int i = 0; i < BYTES; i++)
        model[i] = (unsigned char)(i * 2654435761u >> 13);
    call_fill(&k, 1, 0, "w", 0, 0, 1);
    k.c.ranges = ranges;
    k.c.n_ranges = RANGES;
    k.c.devices = devices;
    k.c.n_devices = DEVICES;
    k.c.model = model;
    k.c.model_len = BYTES;
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_OK);
    CU_ASSERT_EQUAL(params_state_fetch(p, &s, NULL), 0);
    CU_ASSERT_EQUAL(s.model.len, BYTES);
    CU_ASSERT_EQUAL(memcmp(s.model.data, model, BYTES), 0);
    CU_ASSERT_EQUAL(s.n_offsets, RANGES);
    for (size_t i = 0; i < s.n_offsets; i++)
        CU_ASSERT_EQUAL(s.offsets[i].next, s.offsets[i].partition + 1);
    CU_ASSERT_EQUAL(s.n_devices, DEVICES);
    for (size_t i = 0; i < s.n_devices; i++)
        CU_ASSERT_EQUAL(s.devices[i].seq, (uint64_t)s.devices[i].partition);
    params_state_free(&s);
    free(ranges);
    free(devices);
    free(device_names);
    free(model);
    params_run_delete(p, NULL);
    params_close(p);
}

/* --- errors write nothing --- */

/* Send a commit that is due, after [spoil] was done to the server, [drop]
 * being deleted before; it fails.
 */
static void expect_refused(const char *run, const char *drop, const char *spoil,
                           enum pe_error_class kind, enum pe_exit exit_code,
                           const char *part)
{
    params *p = call_run(run, 5);
    pe_error e = {0};
    char line[128];
    call k;

    call_init_offsets(p, 2);
    CU_ASSERT_EQUAL(call_send_one(p, 1, 0, 0, 5), PARAMS_OK);
    snprintf(line, sizeof(line), "DEL %s", drop);
    redis_server_ask(&call_server, line);
    CU_ASSERT_NOT_EQUAL(*redis_server_ask(&call_server, spoil), '-');
    char *before = call_snapshot(run);
    call_fill(&k, 2, 1, "w", 0, 5, 6);
    CU_ASSERT_EQUAL(params_commit_send(p, &k.c, &e), -1);
    CU_ASSERT_EQUAL(e.kind, kind);
    CU_ASSERT_EQUAL(e.exit_code, exit_code);
    UNIT_CONTAINS(e.text, part);
    call_expect_unchanged(before, run);
    params_close(p);
}

static void test_wrong_types(void)
{
    static const struct {
        const char *key, *verb, *rest, *part;
    } rows[] = {
        {"state", "LPUSH", "x", "state is a list and not a string"},
        {"state", "HSET", "commit x", "another version of pilot-edge"},
        {"model", "HSET", "f x", "model is a hash and not a string"},
        {"first", "SET", "x", "first is a string and not a hash"},
        {"fence", "SADD", "x", "fence is a set and not a string"},
    };
    char run[32], key[64], line[128];

    for (size_t i = 0; i < N(rows); i++) {
        snprintf(run, sizeof(run), "type-%zu", i);
        snprintf(key, sizeof(key), "pilot:{%s}:%s", run, rows[i].key);
        snprintf(line, sizeof(line), "%s %s %s", rows[i].verb, key,
                 rows[i].rest);
        expect_refused(run, key, line, PE_ERROR_FATAL, PE_EXIT_DATA,
                       rows[i].part);
    }
}

static void test_wrong_fields(void)
{
    expect_refused("f1", "none", "SET pilot:{f1}:state x", PE_ERROR_FATAL,
                   PE_EXIT_DATA, "does not agree with its digest");
    expect_refused("f2", "none", "SETRANGE pilot:{f2}:state 60 x",
                   PE_ERROR_FATAL, PE_EXIT_DATA,
                   "does not agree with its digest");
    expect_refused("f3", "none", "SET pilot:{f3}:fence high", PE_ERROR_FATAL,
                   PE_EXIT_DATA, "fence is not a number");
}

static void test_memory_full(void)
{
    expect_refused("oom", "none", "CONFIG SET maxmemory 1", PE_ERROR_RETRY,
                   PE_EXIT_AGAIN, "CONFIG SET maxmemory");
    redis_server_ask(&call_server, "CONFIG SET maxmemory 0");
}

static void test_replica(void)
{
    expect_refused("replica", "none", "REPLICAOF 127.0.0.1 1", PE_ERROR_FATAL,
                   PE_EXIT_CONFIG, "READONLY");
    redis_server_ask(&call_server, "REPLICAOF NO ONE");
}

static void test_range_twice(void)
{
    params *p = call_run("twice", 5);
    params_range ranges[] = {
        {"t", 0, 0, 5, 0}, {"t", 1, 0, 5, 0}, {"t", 0, 0, 7, 0}};
    pe_error e = {0};
    call k;

    call_init_offsets(p, 2);
    char *before = call_snapshot("twice");
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    k.c.ranges = ranges;
    k.c.n_ranges = N(ranges);
    CU_ASSERT_EQUAL(params_commit_send(p, &k.c, &e), -1);
    UNIT_CONTAINS(e.text, "range t/0 is given twice");
    call_expect_unchanged(before, "twice");
    params_close(p);
}

/* One of several ranges is wrong: none is written. */
static void test_all_or_nothing(void)
{
    params *p = call_run("all", 5);
    params_range ranges[] = {{"t", 0, 0, 5, 0}, {"t", 1, 3, 5, 0}};
    call k;

    call_init_offsets(p, 2);
    char *before = call_snapshot("all");
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    k.c.ranges = ranges;
    k.c.n_ranges = N(ranges);
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_OFFSET);
    call_expect_unchanged(before, "all");
    ranges[1].from = 0;
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_OK);
    params_close(p);
}

/* --- revisions of the stages --- */

static void test_revisions(void)
{
    static const struct {
        int id, base;
        int64_t from, to;
        uint64_t revision;
        enum params_answer want;
    } rows[] = {
        {1, 0, 0, 5, 0, PARAMS_OK},      {2, 1, 5, 6, 2, PARAMS_OK},
        {3, 2, 6, 7, 1, PARAMS_REVISED}, {3, 9, 6, 7, 1, PARAMS_REVISED},
        {2, 1, 5, 6, 2, PARAMS_DUP},     {3, 2, 6, 7, 2, PARAMS_OK},
        {4, 3, 7, 8, 12, PARAMS_OK},     {5, 4, 8, 9, 3, PARAMS_REVISED},
    };
    params *p = call_run("revisions", 5);
    uint64_t now = 0;
    params_state s;
    call k;

    call_init_offsets(p, 1);
    for (size_t i = 0; p && i < N(rows); i++) {
        call_fill(&k, rows[i].id, rows[i].base, "w", 0, rows[i].from,
                  rows[i].to);
        k.c.revision = rows[i].revision;
        CU_ASSERT_EQUAL(call_send(p, &k), (int)rows[i].want);
        if (rows[i].want == PARAMS_OK)
            now = rows[i].revision;
        CU_ASSERT_EQUAL_FATAL(params_state_fetch(p, &s, NULL), 0);
        CU_ASSERT_EQUAL(s.revision, now);
        params_state_free(&s);
    }
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"revisions of the stages", test_revisions},
        {"every answer, in the order of rule 1", test_answers},
        {"a commit without ranges is refused", test_no_ranges},
        {"all that a commit writes", test_written},
        {"the digest is Redis's own", test_digest},
        {"many ranges and devices, a model of 4 MB", test_large},
        {"keys of a wrong type", test_wrong_types},
        {"fields that are no numbers", test_wrong_fields},
        {"memory is full", test_memory_full},
        {"the server is a replica", test_replica},
        {"a range given twice", test_range_twice},
        {"one range of several is wrong", test_all_or_nothing},
        {NULL, NULL},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    alarm(300);
    if (redis_server_open(&call_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("commit", tests);
    redis_server_close(&call_server);
    return rc;
}
