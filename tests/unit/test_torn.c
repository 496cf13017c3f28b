/* test_torn.c - a Redis that is killed while it writes a commit, or whose log
 * is cut in it.
 */
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
#include "src/common/random.h"
#include "src/params/params.h"

#define BIG (3 << 19) /* 1.5 MiB, as an isolation forest has */

static redis_server server;

static params *open_run(const char *run)
{
    params_conf conf = {.url = server.url};
    pe_error e = {0};
    params *p = params_open(&conf, run, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

/* Commit number [n] of one block and ten points on commit [n] - 1; its model
 * says so all over its [len] bytes, as does its device.
 */
static int send_nth(params *p, uint64_t n, unsigned char *model, size_t len,
                    pe_error *errp)
{
    params_range range = {"t", 0, (int64_t)n - 1, (int64_t)n, 7};
    params_device device = {(char *)"d", 0, 1, n};
    params_commit c = {.writer = "w",
                       .version = n,
                       .kind = "kmeans",
                       .model = model,
                       .model_len = len,
                       .add = {.applied = 1, .points = 10},
                       .ranges = &range,
                       .n_ranges = 1,
                       .devices = &device,
                       .n_devices = 1};

    memset(model, (int)(n % 251), len);
    snprintf(c.id, sizeof(c.id), "%032" PRIx64, n);
    if (n > 1)
        snprintf(c.base, sizeof(c.base), "%032" PRIx64, n - 1);
    return params_commit_send(p, &c, errp);
}

/* The number of the stored commit, all of which agrees with it. */
static uint64_t stored(params *p)
{
    params_state s;
    pe_error e = {0};
    uint64_t n;

    if (params_state_fetch(p, &s, &e) < 0) {
        UNIT_EQUAL(e.text, "");
        return 0;
    }
    n = strtoull(s.commit, NULL, 16);
    CU_ASSERT_EQUAL(s.version, n);
    CU_ASSERT_EQUAL(s.counters.applied, n);
    CU_ASSERT_EQUAL(s.counters.points, 10 * n);
    CU_ASSERT_EQUAL(s.n_offsets, 1);
    CU_ASSERT_EQUAL(s.offsets[0].next, (int64_t)n);
    CU_ASSERT_EQUAL(s.n_devices, n > 0);
    for (size_t i = 0; i < s.n_devices; i++)
        CU_ASSERT_EQUAL(s.devices[i].seq, n);
    for (size_t i = 0; i < s.model.len; i++)
        if (s.model.data[i] != n % 251) {
            CU_FAIL("the model is another commit's");
            break;
        }
    params_state_free(&s);
    return n;
}

static void start_run(params *p)
{
    int64_t offset;

    CU_ASSERT_EQUAL(params_offset_init(p, "t", 0, 0, &offset, NULL), 0);
}

static void restart(void)
{
    redis_server_kill(&server);
    CU_ASSERT_EQUAL_FATAL(redis_server_run(&server), 0);
}

/* --- cuts --- */

/* The log is [log] up to [cut], somewhere in commit 3.  What is written behind
 * the cut is there at the next start, and the commit is done once.
 */
static void play_cut(params *p, const char *log, off_t cut, off_t whole,
                     unsigned char *model, size_t len)
{
    unsigned failures = CU_get_number_of_failures();
    char word[32], want[32];
    pe_error e = {0};
    uint64_t n = cut < whole ? 2 : 3;

    snprintf(want, sizeof(want), "word-%ld", (long)cut);
    redis_server_kill(&server);
    CU_ASSERT_EQUAL(redis_server_log_write(&server, log, cut), 0);
    CU_ASSERT_EQUAL_FATAL(redis_server_run(&server), 0);
    CU_ASSERT_EQUAL(stored(p), n);
    CU_ASSERT_EQUAL(params_control_put(p, want, &e), 0);
    restart();
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, want);
    CU_ASSERT_EQUAL(stored(p), n);
    CU_ASSERT_EQUAL(send_nth(p, 3, model, len, &e),
                    (int)(n == 2 ? PARAMS_OK : PARAMS_DUP));
    restart();
    CU_ASSERT_EQUAL(stored(p), 3);
    CU_ASSERT_EQUAL(send_nth(p, 3, model, len, &e), PARAMS_DUP);
    if (CU_get_number_of_failures() > failures)
        printf("# of %ld bytes, cut at %ld\n", (long)whole, (long)cut);
}

/* Cuts every [step] bytes, and at each of the first and last [every]. */
static void play_cuts(const char *run, size_t len, off_t step, off_t every)
{
    params *p = open_run(run);
    unsigned char *model = malloc(len);
    off_t from, whole = 0;
    char *log;

    start_run(p);
    for (uint64_t n = 1; n <= 2; n++)
        CU_ASSERT_EQUAL(send_nth(p, n, model, len, NULL), PARAMS_OK);
    from = redis_server_log_size(&server);
    CU_ASSERT_EQUAL(send_nth(p, 3, model, len, NULL), PARAMS_OK);
    log = redis_server_log_read(&server, &whole);
    CU_ASSERT_PTR_NOT_NULL_FATAL(log);
    for (off_t cut = from; cut <= whole; cut++)
        if (cut - from < every || whole - cut <= every ||
            (cut - from) % step == 0)
            play_cut(p, log, cut, whole, model, len);
    free(log);
    free(model);
    params_close(p);
}

/* TORN_STEP=1 cuts at every byte, which takes minutes. */
static void test_cuts_small(void)
{
    const char *step = getenv("TORN_STEP");

    play_cuts("small", 3, step ? atoi(step) : 32, 4);
}

static void test_cuts_big(void)
{
    play_cuts("big", BIG, 1 << 18, 2);
}

/* --- kills --- */

static void *kill_later(void *arg)
{
    clock_sleep_ns(*(int64_t *)arg, 0);
    kill(server.pid, SIGKILL);
    return NULL;
}

/* The server is killed while it gets one commit after the other; each is sent
 * again until it is answered.
 */
static void test_kills(void)
{
    enum { KILLS = 10 };
    params *p = open_run("kills");
    unsigned char *model = malloc(BIG);
    uint64_t n = 1;

    start_run(p);
    for (int i = 0; i < KILLS; i++) {
        int64_t ns = (int64_t)(random_mix((uint64_t)i, 7) % (60 * CLOCK_MS));
        pthread_t thread;
        pe_error e = {0};
        int answer;

        pthread_create(&thread, NULL, kill_later, &ns);
        while ((answer = send_nth(p, n, model, BIG, &e)) == PARAMS_OK)
            n++;
        CU_ASSERT_EQUAL(answer, -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        pthread_join(thread, NULL);
        restart();
        CU_ASSERT_TRUE(stored(p) >= n - 1);
        answer = send_nth(p, n, model, BIG, &e);
        CU_ASSERT_TRUE(answer == PARAMS_OK || answer == PARAMS_DUP);
        restart();
        CU_ASSERT_EQUAL(stored(p), n);
        n++;
    }
    printf("# %" PRIu64 " commits, %d kills\n", n - 1, KILLS);
    free(model);
    params_close(p);
}

/* --- what the log must not have --- */

static void beat(params *p, const char *name, unsigned words)
{
    params_member m = {name, "a1", 1, 4, 60000, 0, NULL, NULL};
    params_share s;

    CU_ASSERT_EQUAL(params_lease_beat(p, &m, words, &s, NULL), 0);
    params_leases_free(s.leases, s.n);
}

/* Everything that writes, once or twice. */
static void write_all(params *p)
{
    static const char claim[] = "0123 1700000000 host /home";
    params_boot boots[] = {{.device = "d"}, {.device = "e"}};
    params_end end = {(char *)"d", 0, 5, true};
    unsigned char model[8];

    start_run(p);
    for (uint64_t n = 1; n <= 2; n++)
        CU_ASSERT_EQUAL(send_nth(p, n, model, sizeof(model), NULL), PARAMS_OK);
    beat(p, "a", PARAMS_LEASE_JOIN);
    beat(p, "b", PARAMS_LEASE_JOIN);
    beat(p, "a", PARAMS_LEASE_SETTLE);
    beat(p, "b", PARAMS_LEASE_LEAVE);
    beat(p, "a", PARAMS_LEASE_LEAVE);
    CU_ASSERT_EQUAL(params_end_put(p, &end, NULL), 0);
    CU_ASSERT_EQUAL(params_end_clear_dead(p, NULL), 0);
    CU_ASSERT_EQUAL(params_ends_clear(p, NULL), 0);
    CU_ASSERT_EQUAL(params_control_put(p, "drain", NULL), 0);
    CU_ASSERT_EQUAL(params_order_put(p, "a", "drain", NULL), 0);
    CU_ASSERT_EQUAL(params_pilot_put(p, "a", "{}", NULL), 0);
    CU_ASSERT_EQUAL(params_shared_put(p, "k", "v", 1, NULL), 0);
    CU_ASSERT_EQUAL(params_claim_take(p, claim, NULL), 0);
    CU_ASSERT_EQUAL(params_claim_drop(p, claim, NULL), 0);
    CU_ASSERT_EQUAL(params_boots_take(p, boots, 2, NULL), 0);
    CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
}

static bool log_has(const char *word)
{
    off_t size;
    char *log = redis_server_log_read(&server, &size);
    bool has = log && memmem(log, (size_t)size, word, strlen(word));

    free(log);
    return has;
}

/* A MULTI whose EXEC is torn off stays open, and swallows what comes behind
 * it: nothing of ours stands in one.  With a replica PUBLISH counts.
 */
static void test_no_multi(void)
{
    params *p = open_run("plain");
    int fd;

    write_all(p);
    CU_ASSERT_TRUE(log_has("MSET"));
    CU_ASSERT_FALSE(log_has("MULTI"));
    fd = redis_server_replica(&server);
    CU_ASSERT_TRUE(fd >= 0);
    write_all(p);
    CU_ASSERT_FALSE(log_has("MULTI"));
    /* What it would look like. */
    redis_server_ask(&server, "EVAL \"redis.call('set', 'a', 1) "
                              "redis.call('publish', 'b', 2)\" 0");
    CU_ASSERT_TRUE(log_has("MULTI"));
    close(fd);
    redis_server_kill(&server);
    CU_ASSERT_EQUAL(redis_server_log_cut(&server, 0), 0);
    CU_ASSERT_EQUAL_FATAL(redis_server_run(&server), 0);
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"nothing of ours stands in a MULTI", test_no_multi},
        {"the log is cut in a small commit", test_cuts_small},
        {"the log is cut in a big commit", test_cuts_big},
        {"the server is killed in a big commit", test_kills},
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
    int rc = unit_main("torn", tests);
    redis_server_close(&server);
    return rc;
}
