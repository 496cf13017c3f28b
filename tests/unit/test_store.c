/* test_store.c - one contract for every store of a pool: the one in memory,
 * which all tests play with, and the parameter service on a real Redis.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redis_server.h"
#include "scratch.h"
#include "src/commit/store.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define TOPIC "pilot.r.sense"

enum { PARTITIONS = 2 };

static redis_server server;
static pipeline *pl;
static int runs;

/* --- the stores --- */

static pool_store *open_params(void)
{
    char run[32];
    pipeline_request req = {.run = run, .params_url = server.url};
    pe_error e = {0};
    pool_store *s;
    int64_t stored;

    snprintf(run, sizeof(run), "r%d", ++runs);
    s = pool_store_params(pl, &req, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    for (int32_t k = 0; k < PARTITIONS; k++)
        CU_ASSERT_EQUAL(s->ops->first(s, k, 0, &stored, &e), 0);
    return s;
}

static pool_store *open_memory(void)
{
    return pool_store_memory(NULL);
}

static void raise_fence_params(pool_store *s)
{
    char line[64];

    (void)s;
    snprintf(line, sizeof(line), "INCR pilot:{r%d}:fence", runs);
    redis_server_ask(&server, line);
}

static void raise_fence_memory(pool_store *s)
{
    pool_store_memory_state(s)->fence++;
}

static const struct subject {
    const char *name, *topic;
    pool_store *(*open)(void);
    void (*raise_fence)(pool_store *s);
    bool durable;
} subjects[] = {
    {"memory", TOPIC, open_memory, raise_fence_memory, false},
    /* The run is part of its topic. */
    {"params", "fixed", open_params, raise_fence_params, true},
};

static const struct subject *subject;

/* --- commits --- */

static void set_id(char id[PE_COMMIT_ID_LEN + 1], int n)
{
    if (n)
        snprintf(id, PE_COMMIT_ID_LEN + 1, "%032x", (unsigned)n);
    else
        *id = '\0';
}

/* What a test tells of a commit. */
typedef struct row {
    const char *name, *writer; /* NULL: an operator's reset */
    int id, base, partition;
    uint64_t fence;
    int64_t from, to;
    enum params_answer want;
} row;

static int send_row(pool_store *s, const row *r)
{
    params_range range = {subject->topic, r->partition, r->from, r->to, 7};
    params_device device = {(char *)"d\n%", r->partition, 1, (uint64_t)r->to};
    char model[32];
    params_commit c = {.writer = r->writer,
                       .fence = r->fence,
                       .version = (uint64_t)r->id,
                       .time_ns = 1000 + r->id,
                       .kind = "kmeans",
                       .model = model,
                       .add = {.applied = (uint64_t)(r->to - r->from)},
                       .ranges = &range,
                       .n_ranges = 1,
                       .devices = &device,
                       .n_devices = 1};
    pe_error e = {0};
    int answer;

    set_id(c.id, r->id);
    set_id(c.base, r->base);
    snprintf(model, sizeof(model), "model %d", r->id);
    c.model_len = strlen(model);
    answer = s->ops->send(s, &c, &e);
    UNIT_EQUAL(e.text, "");
    return answer;
}

/* All that was committed and nothing else: [r] was the last one. */
static void check_state(pool_store *s, const row *r, const int64_t *next,
                        uint64_t applied, uint64_t fence)
{
    char commit[PE_COMMIT_ID_LEN + 1], id[PE_COMMIT_ID_LEN + 1], model[32];
    params_state got;
    pe_error e = {0};
    uint64_t fence_now = 99;

    CU_ASSERT_EQUAL_FATAL(s->ops->load(s, &got, &e), 0);
    set_id(id, r ? r->id : 0);
    UNIT_EQUAL(got.commit, id);
    CU_ASSERT_EQUAL(s->ops->ids(s, commit, &fence_now, &e), 0);
    UNIT_EQUAL(commit, id);
    CU_ASSERT_EQUAL(fence_now, fence);
    CU_ASSERT_EQUAL(got.fence, fence);
    CU_ASSERT_EQUAL(got.version, r ? (uint64_t)r->id : 0);
    CU_ASSERT_EQUAL(got.counters.applied, applied);
    for (size_t i = 0; i < got.n_offsets; i++) {
        UNIT_EQUAL(got.offsets[i].topic, subject->topic);
        CU_ASSERT_EQUAL(got.offsets[i].next, next[got.offsets[i].partition]);
    }
    CU_ASSERT_EQUAL(got.n_devices, r != NULL);
    if (r && got.n_devices == 1) {
        CU_ASSERT_EQUAL(got.time_ns, 1000 + r->id);
        UNIT_EQUAL(got.devices[0].device, "d\n%");
        CU_ASSERT_EQUAL(got.devices[0].seq, (uint64_t)r->to);
        CU_ASSERT_EQUAL(got.devices[0].partition, r->partition);
    }
    snprintf(model, sizeof(model), "model %d", r ? r->id : 0);
    CU_ASSERT_EQUAL(got.model.len, r ? strlen(model) : 0);
    if (got.model.len == strlen(model))
        CU_ASSERT_EQUAL(memcmp(got.model.data, model, got.model.len), 0);
    params_state_free(&got);
}

/* One after the other on one store; offsets begin at 0. */
static const row rows[] = {
    {"moves nothing", "a", 1, 0, 0, 0, 0, 0, PARAMS_EMPTY},
    {"a base before the first", "a", 1, 9, 0, 0, 0, 5, PARAMS_STALE},
    {"a fence nobody has raised", "a", 1, 0, 0, 1, 0, 5, PARAMS_FENCED},
    {"beyond what there is", "a", 1, 0, 0, 0, 3, 5, PARAMS_OFFSET},
    {"the first", "a", 1, 0, 0, 0, 0, 5, PARAMS_OK},
    {"again", "a", 1, 0, 0, 0, 0, 5, PARAMS_DUP},
    {"again, rebased", "a", 1, 1, 0, 0, 0, 5, PARAMS_DUP},
    {"again, and moves nothing", "a", 1, 0, 0, 0, 5, 5, PARAMS_DUP},
    {"same id, other writer", "b", 1, 0, 0, 0, 0, 5, PARAMS_OFFSET},
    {"wrong base and offset", "b", 2, 0, 0, 0, 4, 9, PARAMS_OFFSET},
    {"wrong base", "b", 2, 0, 1, 0, 0, 3, PARAMS_STALE},
    {"rebased", "b", 2, 1, 1, 0, 0, 3, PARAMS_OK},
    {"not the newest, but a's last", "a", 1, 0, 0, 0, 0, 5, PARAMS_DUP},
    {"a reset", NULL, 0, 0, 0, 0, 0, 0, PARAMS_OK},
    {"an older fence", "b", 4, 2, 0, 0, 5, 9, PARAMS_FENCED},
    {"older fence, wrong offset", "b", 4, 2, 0, 0, 0, 9, PARAMS_FENCED},
    {"older fence, wrong base", "b", 4, 1, 0, 0, 5, 9, PARAMS_FENCED},
    {"older fence, moves nothing", "b", 4, 2, 0, 0, 6, 6, PARAMS_EMPTY},
    {"older fence, b's last", "b", 2, 1, 1, 0, 0, 3, PARAMS_DUP},
    {"the fence that there is", "b", 4, 2, 0, 1, 5, 9, PARAMS_OK},
    {"a's last is not its first", "a", 5, 4, 0, 1, 0, 5, PARAMS_OFFSET},
};

static void play_answers(void)
{
    pool_store *s = subject->open();
    const row *last = NULL;
    int64_t next[PARTITIONS] = {0};
    uint64_t applied = 0, fence = 0;

    CU_ASSERT_EQUAL(s->ops->durable, subject->durable);
    check_state(s, NULL, next, 0, 0);
    for (size_t i = 0; i < N(rows); i++) {
        const row *r = &rows[i];
        int answer = PARAMS_OK;

        if (!r->writer) {
            subject->raise_fence(s);
            fence++;
            continue;
        }
        answer = send_row(s, r);
        if (answer != (int)r->want)
            printf("# %s: %s: %d\n", subject->name, r->name, answer);
        CU_ASSERT_EQUAL(answer, (int)r->want);
        if (r->want == PARAMS_OK) {
            last = r;
            next[r->partition] = r->to;
            applied += (uint64_t)(r->to - r->from);
        }
        check_state(s, last, next, applied, fence);
    }
    s->ops->close(s);
}

/* The first one up has all partitions, however often it calls; nobody ends,
 * and nobody orders.
 */
static void play_rest(void)
{
    params_member m = {.name = "w",
                       .incarnation = "12ab",
                       .ranks = 1,
                       .partitions = PARTITIONS,
                       .ttl_ms = 60000};
    pool_store *s = subject->open();
    char word[16] = "x";
    params_end *ends;
    pe_error e = {0};
    size_t n = 9;

    for (int i = 0; i < 3; i++) {
        params_share share = {0};

        CU_ASSERT_EQUAL(
            s->ops->lease(s, &m, i ? 0 : PARAMS_LEASE_JOIN, &share, &e), 0);
        CU_ASSERT_FALSE(share.replaced);
        CU_ASSERT_EQUAL(share.share, PARTITIONS);
        CU_ASSERT_EQUAL(share.surplus, 0);
        CU_ASSERT_EQUAL_FATAL(share.n, 1);
        UNIT_EQUAL(share.leases[0].member, "w");
        CU_ASSERT_EQUAL(share.leases[0].n_partitions, PARTITIONS);
        m.generation = share.generation;
        params_leases_free(share.leases, share.n);
    }
    CU_ASSERT_EQUAL(s->ops->ends(s, &ends, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_ends_free(ends, n);
    CU_ASSERT_EQUAL(s->ops->control(s, word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, "");
    s->ops->close(s);
}

static void test_memory(void)
{
    subject = &subjects[0];
    play_answers();
    play_rest();
}

static void test_params(void)
{
    subject = &subjects[1];
    play_answers();
    play_rest();
}

/* A service that has lost all gets back where the run began, not what is in
 * the log now.
 */
static void test_emptied(void)
{
    pool_store *s;
    params_state state = {0};
    pe_error e = {0};
    char line[64];

    s = open_params();
    snprintf(line, sizeof(line), "HSET pilot:{r%d}:first fixed/1 7", runs);
    redis_server_ask(&server, line);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(s->ops->load(s, &state, &e), 0);
        CU_ASSERT_EQUAL_FATAL(state.n_offsets, PARTITIONS);
        for (size_t k = 0; k < state.n_offsets; k++)
            CU_ASSERT_EQUAL(state.offsets[k].next,
                            state.offsets[k].partition == 1 ? 7 : 0);
        params_state_free(&state);
        redis_server_ask(&server, "FLUSHALL");
    }
    s->ops->close(s);
}

static void test_closed(void)
{
    pool_store *s = pool_store_memory(NULL);

    s->ops->close(NULL);
    s->ops->close(s);
}

static void test_pipeline(void)
{
    pe_error e = {0};

    scratch_write("p.yaml",
                  "version: 1\n"
                  "pipeline: p\n"
                  "pilots: {devices: {kind: edge}, pool: {kind: pool}, "
                  "broker: {kind: broker}, params: {kind: params}}\n"
                  "stages:\n"
                  "  sense: {pilot: devices, function: generator}\n"
                  "  learn: {pilot: pool, function: audit}\n"
                  "streams: {sense: {topic: fixed}}\n");
    pl = pipeline_load(scratch_path, NULL, 0, &e);
    UNIT_EQUAL(e.text, "");
}

int main(void)
{
    static unit_test tests[] = {
        {"the pipeline file", test_pipeline},
        {"nothing to close", test_closed},
        {"the store in memory", test_memory},
        {"the parameter service", test_params},
        {"a service that was emptied", test_emptied},
        {NULL, NULL},
    };
    int rc;

    alarm(300);
    scratch_make();
    if (!redis_server_installed())
        tests[3] = (unit_test){NULL, NULL};
    else if (redis_server_open(&server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    rc = unit_main("store", tests);
    redis_server_close(&server);
    pipeline_destroy(pl);
    scratch_remove();
    return rc;
}
