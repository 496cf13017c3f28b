/* test_commit_lost.c - the commit script, where others or the server step in.
 */
#include "unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commit_call.h"
#include "src/common/clock.h"

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
    call_set_id(w->k.c.base, w->base);
    snprintf(w->k.model, sizeof(w->k.model), "%" PRId64 " %" PRId64, total[0],
             total[1]);
    w->k.c.model_len = strlen(w->k.model);
    return call_send(w->p, &w->k);
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

    call_init_offsets(a, 2);
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
    params *a = call_run("orders", 5), *b = call_run("orders", 5);

    for (int n = 0; n < 120; n++) {
        play_order(a, b, n, 0); /* both have the same records */
        play_order(a, b, n, 1);
    }
    params_close(a);
    params_close(b);
}

/* --- a server that goes away --- */

static void test_script_flush(void)
{
    params *p = call_run("flush", 5);

    call_init_offsets(p, 1);
    redis_server_ask(&call_server, "SCRIPT FLUSH");
    CU_ASSERT_EQUAL(call_send_one(p, 1, 0, 0, 5), PARAMS_OK);
    CU_ASSERT_EQUAL(call_send_one(p, 1, 0, 0, 5), PARAMS_DUP);
    params_close(p);
}

static void test_restart(void)
{
    params *p = call_run("restart", 5);

    call_init_offsets(p, 1);
    CU_ASSERT_EQUAL(call_send_one(p, 1, 0, 0, 5), PARAMS_OK);
    redis_server_kill(&call_server);
    CU_ASSERT_EQUAL(redis_server_run(&call_server), 0);
    CU_ASSERT_EQUAL(call_send_one(p, 1, 0, 0, 5), PARAMS_DUP);
    CU_ASSERT_EQUAL(call_send_one(p, 2, 1, 5, 6), PARAMS_OK);
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
    params *p = call_run("killed", 5);
    pe_error e = {0};
    pthread_t thread;
    call k;

    call_init_offsets(p, 1);
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    kill(call_server.pid, SIGSTOP);
    pthread_create(&thread, NULL, kill_soon, &call_server);
    CU_ASSERT_EQUAL(params_commit_send(p, &k.c, &e), -1);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    UNIT_CONTAINS(e.text, "cannot be reached");
    CU_ASSERT_EQUAL(redis_server_run(&call_server), 0);
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_OK);
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_DUP);
    params_close(p);
}

/* A restart in the middle of a call is mended inside it, or told as retry on
 * a machine too slow for that.
 */
static void test_restarted_in_call(void)
{
    params *p = call_run("restarted", 5);
    pe_error e = {0};
    pthread_t thread;
    int answer;
    call k;

    call_init_offsets(p, 1);
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    kill(call_server.pid, SIGSTOP);
    pthread_create(&thread, NULL, kill_and_run_soon, &call_server);
    for (int tries = 0; tries < 20; tries++) {
        answer = params_commit_send(p, &k.c, &e);
        if (answer >= 0 || e.kind != PE_ERROR_RETRY)
            break;
    }
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(answer, PARAMS_OK);
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_DUP);
    params_close(p);
}

/* No answer in time, but the call was done: the resend says so. */
static void test_lost_reply(void)
{
    params *p = call_run("lost", 0.3);
    pe_error e = {0};
    call k;

    call_init_offsets(p, 1);
    call_fill(&k, 1, 0, "w", 0, 0, 5);
    kill(call_server.pid, SIGSTOP);
    CU_ASSERT_EQUAL(params_commit_send(p, &k.c, &e), -1);
    kill(call_server.pid, SIGCONT);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, "did not answer within 0.3 s");
    params_close(p);
    /* The patience of a slow machine, for the writer that comes back. */
    p = call_run("lost", 10);
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_DUP);
    params_close(p);
}

/* Redis comes back without its last commits; a counter would repeat. */
static void test_roll_back(void)
{
    params *a = call_run("back", 5), *c = call_run("back", 5);
    char commit[PE_COMMIT_ID_LEN + 1], id_1[PE_COMMIT_ID_LEN + 1];
    uint64_t version, fence;
    call k;

    call_init_offsets(a, 1);
    CU_ASSERT_EQUAL(call_send_one(a, 1, 0, 0, 5), PARAMS_OK);
    off_t size = redis_server_log_size(&call_server);
    CU_ASSERT_EQUAL(call_send_one(a, 2, 1, 5, 9), PARAMS_OK);
    redis_server_kill(&call_server);
    /* Into the middle of the second commit: all of it goes. */
    CU_ASSERT_EQUAL(redis_server_log_cut(&call_server, size + 100), 0);
    CU_ASSERT_EQUAL(redis_server_run(&call_server), 0);

    CU_ASSERT_EQUAL(params_ids_fetch(c, commit, &version, &fence, NULL), 0);
    call_set_id(id_1, 1);
    UNIT_EQUAL(commit, id_1);
    CU_ASSERT_EQUAL(version, 1);
    /* The zombie goes on from version 2, once it is gone ... */
    CU_ASSERT_EQUAL(call_send_one(a, 3, 2, 9, 11), PARAMS_OFFSET);
    /* ... and once another version 2 is at the very same offsets. */
    call_fill(&k, 4, 1, "c", 0, 5, 9);
    k.c.version = 2;
    CU_ASSERT_EQUAL(call_send(c, &k), PARAMS_OK);
    call_fill(&k, 3, 2, "w", 0, 9, 11);
    CU_ASSERT_EQUAL(call_send(a, &k), PARAMS_STALE);
    /* Its last commit is no DUP any more: it was lost. */
    CU_ASSERT_EQUAL(call_send_one(a, 2, 1, 5, 9), PARAMS_OFFSET);
    params_close(a);
    params_close(c);
}

static void test_roll_back_resend(void)
{
    params *p = call_run("back-2", 5);

    call_init_offsets(p, 1);
    CU_ASSERT_EQUAL(call_send_one(p, 1, 0, 0, 5), PARAMS_OK);
    off_t size = redis_server_log_size(&call_server);
    CU_ASSERT_EQUAL(call_send_one(p, 2, 1, 5, 9), PARAMS_OK);
    redis_server_kill(&call_server);
    CU_ASSERT_EQUAL(redis_server_log_cut(&call_server, size + 100), 0);
    CU_ASSERT_EQUAL(redis_server_run(&call_server), 0);
    /* Model and offsets went back together, so it is simply done again. */
    CU_ASSERT_EQUAL(call_send_one(p, 2, 1, 5, 9), PARAMS_OK);
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"two writers in every order", test_orders},
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
    if (redis_server_open(&call_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("commit_lost", tests);
    redis_server_close(&call_server);
    return rc;
}
