/* test_commit.c - the commit script, on a Redis that is hurt on purpose. */
#include "unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "redis_server.h"

#include "src/common/clock.h"
#include "src/params/params.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static redis_server server;

static params *open_run(const char *run, double timeout_s)
{
    params_conf conf = {.url = server.url,
                        .connect_timeout_s = timeout_s,
                        .command_timeout_s = timeout_s};
    pe_error e = {0};
    params *p = params_open(&conf, run, &e);

    if (!p)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL(p);
    return p;
}

/* Id number [n]; 0 is the state before the first commit. */
static void set_id(char id[PE_COMMIT_ID_LEN + 1], int n)
{
    if (n)
        snprintf(id, PE_COMMIT_ID_LEN + 1, "%032x", (unsigned)n);
    else
        *id = '\0';
}

/* A commit of one range, and what it points to. */
typedef struct call {
    params_commit c;
    params_range range;
    params_device device;
    char model[64];
} call;

static void call_fill(call *k, int id, int base, const char *writer,
                      int partition, int64_t from, int64_t to)
{
    *k = (call){.range = {"t", partition, from, to, 1 + (uint64_t)to},
                .device = {(char *)"d-0", partition, 1, (uint64_t)to}};
    set_id(k->c.id, id);
    set_id(k->c.base, base);
    snprintf(k->model, sizeof(k->model), "model %d", id);
    k->c.writer = writer;
    k->c.version = (uint64_t)id;
    k->c.time_ns = 1000 + id;
    k->c.kind = "kmeans";
    k->c.model = k->model;
    k->c.model_len = strlen(k->model);
    k->c.add =
        (params_counters){.applied = (uint64_t)(to - from), .points = 100};
    k->c.ranges = &k->range;
    k->c.n_ranges = 1;
    k->c.devices = &k->device;
    k->c.n_devices = 1;
}

static int send_call(params *p, const call *k)
{
    pe_error e = {0};
    int answer = params_commit_send(p, &k->c, &e);

    if (answer < 0)
        printf("# %s\n", e.text);
    return answer;
}

/* Send a range of partition 0. */
static int send_one(params *p, int id, int base, int64_t from, int64_t to)
{
    call k;

    call_fill(&k, id, base, "w", 0, from, to);
    return send_call(p, &k);
}

static void init_offsets(params *p, int partitions)
{
    int64_t stored;

    for (int i = 0; i < partitions; i++)
        CU_ASSERT_EQUAL(params_offset_init(p, "t", i, 0, &stored, NULL), 0);
}

/* Everything a commit could have written, as raw replies; caller frees. */
static char *snapshot(const char *run)
{
    static const char *const commands[][2] = {
        {"GET", "state"},  {"GET", "model"},  {"HGETALL", "first"},
        {"GET", "fence"},  {"TYPE", "state"}, {"TYPE", "model"},
        {"TYPE", "first"}, {"TYPE", "fence"}};
    char line[128];
    char *all = calloc(1, 1 << 20);

    for (size_t i = 0; i < N(commands); i++) {
        snprintf(line, sizeof(line), "%s pilot:{%s}:%s", commands[i][0], run,
                 commands[i][1]);
        strncat(all, redis_server_ask(&server, line), 1 << 16);
    }
    return all;
}

static void expect_unchanged(char *before, const char *run)
{
    char *after = snapshot(run);

    UNIT_EQUAL(after, before);
    free(after);
    free(before);
}

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
    params *p = open_run("answers", 5);
    call k;

    init_offsets(p, 2);
    for (size_t i = 0; p && i < N(rows); i++) {
        if (!rows[i].writer) { /* an operator's reset */
            redis_server_ask(&server, "INCR pilot:{answers}:fence");
            continue;
        }
        char *before = snapshot("answers");
        call_fill(&k, rows[i].id, rows[i].base, rows[i].writer,
                  rows[i].partition, rows[i].from, rows[i].to);
        k.c.fence = rows[i].fence;
        int answer = send_call(p, &k);
        if (answer != (int)rows[i].want)
            printf("# %s: %d\n", rows[i].name, answer);
        CU_ASSERT_EQUAL(answer, (int)rows[i].want);
        if (rows[i].want == PARAMS_OK)
            free(before);
        else
            expect_unchanged(before, "answers");
    }
    params_close(p);
}

static void test_no_ranges(void)
{
    params *p = open_run("no-ranges", 5);
    call k;

    call_fill(&k, 1, 0, "w", 0, 0, 5);
    k.c.n_ranges = 0;
    CU_ASSERT_EQUAL(send_call(p, &k), PARAMS_EMPTY);
    params_close(p);
}

static void test_written(void)
{
    params *p = open_run("written", 5);
    params_state s;
    call k;

    init_offsets(p, 2);
    CU_ASSERT_EQUAL(params_state_fetch(p, &s, NULL), 0);
    UNIT_EQUAL(s.commit, "");
    CU_ASSERT_EQUAL(s.version, 0);
    CU_ASSERT_EQUAL(s.model.len, 0);
    CU_ASSERT_EQUAL(s.n_offsets, 2);
    CU_ASSERT_EQUAL(s.n_devices, 0);
    params_state_free(&s);

    CU_ASSERT_EQUAL(send_one(p, 1, 0, 0, 5), PARAMS_OK);
    call_fill(&k, 2, 1, "w", 0, 5, 12);
    redis_server_ask(&server, "SET pilot:{written}:fence 3");
    k.c.fence = 3;
    k.c.add = (params_counters){1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    k.c.model = "a\0b\r\n";
    k.c.model_len = 5;
    CU_ASSERT_EQUAL(send_call(p, &k), PARAMS_OK);

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

    UNIT_CONTAINS(redis_server_ask(&server, "GET pilot:{written}:state"),
                  "\nmodel kmeans\n");
    params_close(p);
}

/* The digest is the one Redis makes, so that any client can check it. */
static void test_digest(void)
{
    params *p = open_run("digest", 5);

    init_offsets(p, 1);
    CU_ASSERT_EQUAL(send_one(p, 1, 0, 0, 5), PARAMS_OK);
    UNIT_CONTAINS(
        redis_server_ask(
            &server,
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
    params *p = open_run("large", 10);
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
    CU_ASSERT_EQUAL(send_call(p, &k), PARAMS_OK);
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

/* --- two writers, every order --- */

typedef struct writer {
    params *p;
    call k;
    int base; /* id of the state it has read */
    int64_t total[2], delta;
    int done;
} writer;

enum event { A_SENDS, A_RESENDS, B_SENDS, B_RESENDS, A_REBASES, N_EVENTS };

/* What is in Redis, told from the answers alone. */
typedef struct truth {
    int newest;
    int64_t offset[2];
    uint64_t applied;
} truth;

/* Apply the delta to the state read last, and send. */
static int writer_send(writer *w)
{
    int64_t total[2] = {w->total[0], w->total[1]};

    total[w->k.range.partition] += w->delta;
    set_id(w->k.c.base, w->base);
    snprintf(w->k.model, sizeof(w->k.model), "%" PRId64 " %" PRId64, total[0],
             total[1]);
    w->k.c.model_len = strlen(w->k.model);
    return send_call(w->p, &w->k);
}

static void writer_read(writer *w)
{
    params_state s;
    char text[64] = "0 0";

    CU_ASSERT_EQUAL(params_state_fetch(w->p, &s, NULL), 0);
    if (s.model.len > 0 && s.model.len < sizeof(text)) {
        memcpy(text, s.model.data, s.model.len);
        text[s.model.len] = '\0';
    }
    w->total[0] = strtoll(text, NULL, 10);
    w->total[1] = strtoll(strchr(text, ' '), NULL, 10);
    w->base = (int)strtol(s.commit, NULL, 16);
    params_state_free(&s);
}

static enum params_answer oracle(const truth *t, const writer *w)
{
    if (w->done)
        return PARAMS_DUP;
    if (t->offset[w->k.range.partition] != w->k.range.from)
        return PARAMS_OFFSET;
    return w->base == t->newest ? PARAMS_OK : PARAMS_STALE;
}

/* The model's totals are the offsets; each range was applied once. */
static void check_truth(const truth *t, params *p)
{
    writer reader = {.p = p};
    params_state s;

    writer_read(&reader);
    CU_ASSERT_EQUAL(reader.base, t->newest);
    CU_ASSERT_EQUAL(params_state_fetch(p, &s, NULL), 0);
    for (size_t i = 0; i < s.n_offsets; i++) {
        int32_t n = s.offsets[i].partition;
        CU_ASSERT_EQUAL(s.offsets[i].next, t->offset[n]);
        CU_ASSERT_EQUAL(s.offsets[i].next, reader.total[n]);
    }
    CU_ASSERT_EQUAL(s.counters.applied, t->applied);
    params_state_free(&s);
}

static void play(truth *t, writer *w, enum event event)
{
    if (event == A_REBASES)
        writer_read(w);
    enum params_answer want = oracle(t, w);
    CU_ASSERT_EQUAL(writer_send(w), (int)want);
    if (want == PARAMS_OK) {
        w->done++;
        t->newest = (int)strtol(w->k.c.id, NULL, 16);
        t->offset[w->k.range.partition] = w->k.range.to;
        t->applied += (uint64_t)w->delta;
    }
    CU_ASSERT_TRUE(w->done <= 1);
}

/* Order number [n] of the events. */
static void order_fill(enum event order[N_EVENTS], int n)
{
    for (int i = 0; i < N_EVENTS; i++)
        order[i] = (enum event)i;
    for (int i = N_EVENTS; i > 1; n /= i, i--) {
        enum event e = order[n % i];
        order[n % i] = order[i - 1];
        order[i - 1] = e;
    }
}

static void play_order(params *a, params *b, int n, int partition_of_b)
{
    writer wa = {.p = a, .delta = 5}, wb = {.p = b, .delta = 7};
    enum event order[N_EVENTS];
    truth t = {0};

    init_offsets(a, 2);
    call_fill(&wa.k, 1, 0, "a", 0, 0, wa.delta);
    call_fill(&wb.k, 2, 0, "b", partition_of_b, 0, wb.delta);
    order_fill(order, n);
    for (int i = 0; i < N_EVENTS; i++) {
        int is_b = order[i] == B_SENDS || order[i] == B_RESENDS;
        play(&t, is_b ? &wb : &wa, order[i]);
        check_truth(&t, a);
    }
    CU_ASSERT_TRUE(wa.done || wb.done);
    CU_ASSERT_EQUAL(params_run_delete(a, NULL), 0);
}

static void test_orders(void)
{
    params *a = open_run("orders", 5), *b = open_run("orders", 5);

    for (int n = 0; n < 120; n++) {
        play_order(a, b, n, 0); /* both have the same records */
        play_order(a, b, n, 1);
    }
    params_close(a);
    params_close(b);
}

/* --- errors write nothing --- */

/* Send a commit that is due, after [spoil] was done to the server, [drop]
 * being deleted before; it fails.
 */
static void expect_refused(const char *run, const char *drop, const char *spoil,
                           enum pe_error_class kind, enum pe_exit exit_code,
                           const char *part)
{
    params *p = open_run(run, 5);
    pe_error e = {0};
    char line[128];
    call k;

    init_offsets(p, 2);
    CU_ASSERT_EQUAL(send_one(p, 1, 0, 0, 5), PARAMS_OK);
    snprintf(line, sizeof(line), "DEL %s", drop);
    redis_server_ask(&server, line);
    CU_ASSERT_NOT_EQUAL(*redis_server_ask(&server, spoil), '-');
    char *before = snapshot(run);
    call_fill(&k, 2, 1, "w", 0, 5, 6);
    CU_ASSERT_EQUAL(params_commit_send(p, &k.c, &e), -1);
    CU_ASSERT_EQUAL(e.kind, kind);
    CU_ASSERT_EQUAL(e.exit_code, exit_code);
    UNIT_CONTAINS(e.text, part);
    expect_unchanged(before, run);
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
    redis_server_ask(&server, "CONFIG SET maxmemory 0");
}

static void test_replica(void)
{
    expect_refused("replica", "none", "REPLICAOF 127.0.0.1 1", PE_ERROR_FATAL,
                   PE_EXIT_CONFIG, "READONLY");
    redis_server_ask(&server, "REPLICAOF NO ONE");
}

static void test_range_twice(void)
{
    params *p = open_run("twice", 5);
    params_range ranges[] = {
        {"t", 0, 0, 5, 0}, {"t", 1, 0, 5, 0}, {"t", 0, 0, 7, 0}};
    pe_error e = {0};
    call k;

    init_offsets(p, 2);
    char *before = snapshot("twice");
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    k.c.ranges = ranges;
    k.c.n_ranges = N(ranges);
    CU_ASSERT_EQUAL(params_commit_send(p, &k.c, &e), -1);
    UNIT_CONTAINS(e.text, "range t/0 is given twice");
    expect_unchanged(before, "twice");
    params_close(p);
}

/* One of several ranges is wrong: none is written. */
static void test_all_or_nothing(void)
{
    params *p = open_run("all", 5);
    params_range ranges[] = {{"t", 0, 0, 5, 0}, {"t", 1, 3, 5, 0}};
    call k;

    init_offsets(p, 2);
    char *before = snapshot("all");
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    k.c.ranges = ranges;
    k.c.n_ranges = N(ranges);
    CU_ASSERT_EQUAL(send_call(p, &k), PARAMS_OFFSET);
    expect_unchanged(before, "all");
    ranges[1].from = 0;
    CU_ASSERT_EQUAL(send_call(p, &k), PARAMS_OK);
    params_close(p);
}

/* --- a server that goes away --- */

static void test_script_flush(void)
{
    params *p = open_run("flush", 5);

    init_offsets(p, 1);
    redis_server_ask(&server, "SCRIPT FLUSH");
    CU_ASSERT_EQUAL(send_one(p, 1, 0, 0, 5), PARAMS_OK);
    CU_ASSERT_EQUAL(send_one(p, 1, 0, 0, 5), PARAMS_DUP);
    params_close(p);
}

static void test_restart(void)
{
    params *p = open_run("restart", 5);

    init_offsets(p, 1);
    CU_ASSERT_EQUAL(send_one(p, 1, 0, 0, 5), PARAMS_OK);
    redis_server_kill(&server);
    CU_ASSERT_EQUAL(redis_server_run(&server), 0);
    CU_ASSERT_EQUAL(send_one(p, 1, 0, 0, 5), PARAMS_DUP);
    CU_ASSERT_EQUAL(send_one(p, 2, 1, 5, 6), PARAMS_OK);
    params_close(p);
}

static void *kill_soon(void *arg)
{
    clock_sleep_ns(100 * CLOCK_MS, 1);
    redis_server_kill(arg);
    return NULL;
}

static void *kill_and_run_soon(void *arg)
{
    kill_soon(arg);
    CU_ASSERT_EQUAL(redis_server_run(arg), 0);
    return NULL;
}

/* The server holds the call, unread, when it is killed. */
static void test_killed_in_call(void)
{
    params *p = open_run("killed", 5);
    pe_error e = {0};
    pthread_t thread;
    call k;

    init_offsets(p, 1);
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    kill(server.pid, SIGSTOP);
    pthread_create(&thread, NULL, kill_soon, &server);
    CU_ASSERT_EQUAL(params_commit_send(p, &k.c, &e), -1);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    UNIT_CONTAINS(e.text, "cannot be reached");
    CU_ASSERT_EQUAL(redis_server_run(&server), 0);
    CU_ASSERT_EQUAL(send_call(p, &k), PARAMS_OK);
    CU_ASSERT_EQUAL(send_call(p, &k), PARAMS_DUP);
    params_close(p);
}

/* A restart in the middle of a call is mended inside it, or told as retry on
 * a machine too slow for that.
 */
static void test_restarted_in_call(void)
{
    params *p = open_run("restarted", 5);
    pe_error e = {0};
    pthread_t thread;
    int answer;
    call k;

    init_offsets(p, 1);
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    kill(server.pid, SIGSTOP);
    pthread_create(&thread, NULL, kill_and_run_soon, &server);
    for (int tries = 0; tries < 20; tries++) {
        answer = params_commit_send(p, &k.c, &e);
        if (answer >= 0 || e.kind != PE_ERROR_RETRY)
            break;
    }
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(answer, PARAMS_OK);
    CU_ASSERT_EQUAL(send_call(p, &k), PARAMS_DUP);
    params_close(p);
}

/* No answer in time, but the call was done: the resend says so. */
static void test_lost_reply(void)
{
    params *p = open_run("lost", 0.3);
    pe_error e = {0};
    call k;

    init_offsets(p, 1);
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    kill(server.pid, SIGSTOP);
    CU_ASSERT_EQUAL(params_commit_send(p, &k.c, &e), -1);
    kill(server.pid, SIGCONT);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, "did not answer within 0.3 s");
    params_close(p);
    /* The patience of a slow machine, for the writer that comes back. */
    p = open_run("lost", 10);
    CU_ASSERT_EQUAL(send_call(p, &k), PARAMS_DUP);
    params_close(p);
}

/* Redis comes back without its last commits; a counter would repeat. */
static void test_roll_back(void)
{
    params *a = open_run("back", 5), *c = open_run("back", 5);
    char commit[PE_COMMIT_ID_LEN + 1], id_1[PE_COMMIT_ID_LEN + 1];
    uint64_t version, fence;
    call k;

    init_offsets(a, 1);
    CU_ASSERT_EQUAL(send_one(a, 1, 0, 0, 5), PARAMS_OK);
    off_t size = redis_server_log_size(&server);
    CU_ASSERT_EQUAL(send_one(a, 2, 1, 5, 9), PARAMS_OK);
    redis_server_kill(&server);
    /* Into the middle of the second commit: all of it goes. */
    CU_ASSERT_EQUAL(redis_server_log_cut(&server, size + 100), 0);
    CU_ASSERT_EQUAL(redis_server_run(&server), 0);

    CU_ASSERT_EQUAL(params_ids_fetch(c, commit, &version, &fence, NULL), 0);
    set_id(id_1, 1);
    UNIT_EQUAL(commit, id_1);
    CU_ASSERT_EQUAL(version, 1);
    /* The zombie goes on from version 2, once it is gone ... */
    CU_ASSERT_EQUAL(send_one(a, 3, 2, 9, 11), PARAMS_OFFSET);
    /* ... and once another version 2 is at the very same offsets. */
    call_fill(&k, 4, 1, "c", 0, 5, 9);
    k.c.version = 2;
    CU_ASSERT_EQUAL(send_call(c, &k), PARAMS_OK);
    call_fill(&k, 3, 2, "w", 0, 9, 11);
    CU_ASSERT_EQUAL(send_call(a, &k), PARAMS_STALE);
    /* Its last commit is no DUP any more: it was lost. */
    CU_ASSERT_EQUAL(send_one(a, 2, 1, 5, 9), PARAMS_OFFSET);
    params_close(a);
    params_close(c);
}

static void test_roll_back_resend(void)
{
    params *p = open_run("back-2", 5);

    init_offsets(p, 1);
    CU_ASSERT_EQUAL(send_one(p, 1, 0, 0, 5), PARAMS_OK);
    off_t size = redis_server_log_size(&server);
    CU_ASSERT_EQUAL(send_one(p, 2, 1, 5, 9), PARAMS_OK);
    redis_server_kill(&server);
    CU_ASSERT_EQUAL(redis_server_log_cut(&server, size + 100), 0);
    CU_ASSERT_EQUAL(redis_server_run(&server), 0);
    /* Model and offsets went back together, so it is simply done again. */
    CU_ASSERT_EQUAL(send_one(p, 2, 1, 5, 9), PARAMS_OK);
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"every answer, in the order of rule 1", test_answers},
        {"a commit without ranges is refused", test_no_ranges},
        {"all that a commit writes", test_written},
        {"the digest is Redis's own", test_digest},
        {"many ranges and devices, a model of 4 MB", test_large},
        {"two writers in every order", test_orders},
        {"keys of a wrong type", test_wrong_types},
        {"fields that are no numbers", test_wrong_fields},
        {"memory is full", test_memory_full},
        {"the server is a replica", test_replica},
        {"a range given twice", test_range_twice},
        {"one range of several is wrong", test_all_or_nothing},
        {"scripts are flushed", test_script_flush},
        {"the server is restarted", test_restart},
        {"the server is killed in a call", test_killed_in_call},
        {"the server is restarted in a call", test_restarted_in_call},
        {"the reply is lost", test_lost_reply},
        {"a writer from before a roll-back is refused", test_roll_back},
        {"a commit that was rolled back is done again", test_roll_back_resend},
        {NULL, NULL},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    alarm(300);
    if (redis_server_open(&server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("commit", tests);
    redis_server_close(&server);
    return rc;
}
