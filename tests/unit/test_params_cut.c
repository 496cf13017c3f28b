/* test_params_cut.c - who waits for a Redis that does not answer is let go. */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "redis_server.h"
#include "src/common/clock.h"
#include "src/params/params.h"

static redis_server server;

/* No limit of its own would end what follows. */
static params *open_run(void)
{
    const params_conf c = {.url = server.url,
                           .connect_timeout_s = 30,
                           .command_timeout_s = 3600,
                           .no_commits = true};
    pe_error e = {0};
    params *p = params_open(&c, "cut", &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    return p;
}

static int ids_of(params *p, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1];
    uint64_t version, fence;

    return params_ids_fetch(p, commit, &version, &fence, errp);
}

typedef struct asking {
    params *p;
    pthread_t thread;
    atomic_int begun;
    int rc;
    pe_error e;
} asking;

static void *ask(void *arg)
{
    asking *a = arg;

    atomic_store(&a->begun, 1);
    a->rc = ids_of(a->p, &a->e);
    return NULL;
}

/* Is the thread in a call that waits?  Its process sleeps in none else. */
static void await_begun(asking *a)
{
    while (!atomic_load(&a->begun))
        clock_sleep_ns(CLOCK_MS, 1);
    clock_sleep_ns(20 * CLOCK_MS, 1);
}

static void test_waiting(void)
{
    asking a = {.p = open_run()};
    pe_error e = {0};

    CU_ASSERT_EQUAL(ids_of(a.p, &e), 0);
    CU_ASSERT_EQUAL(kill(server.pid, SIGSTOP), 0);
    CU_ASSERT_EQUAL(pthread_create(&a.thread, NULL, ask, &a), 0);
    await_begun(&a);
    params_cut(a.p);
    pthread_join(a.thread, NULL);
    CU_ASSERT_EQUAL(a.rc, -1);
    CU_ASSERT_EQUAL(a.e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(a.e.exit_code, PE_EXIT_UNAVAILABLE);
    UNIT_CONTAINS(a.e.text, "Redis at unix://");
    /* Nor is it asked again, also when it answers. */
    CU_ASSERT_EQUAL(kill(server.pid, SIGCONT), 0);
    CU_ASSERT_EQUAL(ids_of(a.p, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, " is not asked any more");
    params_cut(a.p); /* once more is no matter */
    params_close(a.p);
}

/* Before the first word: nothing is sent. */
static void test_before(void)
{
    params *p = open_run();
    pe_error e = {0};

    params_cut(p);
    CU_ASSERT_EQUAL(ids_of(p, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    params_close(p);
    /* Others are asked as before. */
    p = open_run();
    CU_ASSERT_EQUAL(ids_of(p, &e), 0);
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a command that waits is cut off", test_waiting},
        {"nothing is asked behind it", test_before},
        {NULL, NULL},
    };

    signal(SIGPIPE, SIG_IGN);
    if (!redis_server_installed()) {
        puts("1..0 # SKIP redis-server is not installed");
        return 0;
    }
    if (redis_server_open(&server) < 0)
        return 99;
    int status = unit_main("params_cut", tests);
    redis_server_close(&server);
    return status;
}
