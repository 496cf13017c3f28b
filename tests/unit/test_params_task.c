/* test_params_task.c - tasks in the parameter service, and who has which slice.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service_case.h"
#include "src/params/task.h"

#define LONG_MS 100000

static const params_worker one = {"t", "pool/a1/0", LONG_MS},
                           two = {"t", "pool/a1/1", LONG_MS},
                           other = {"t", "more/b2/0", LONG_MS},
                           again = {"t", "pool/c3/0", LONG_MS};

/* The word, and the slice in *ip. */
static int claim(params *p, const params_worker *w, uint64_t *ip)
{
    pe_error e = {0};
    int rc = params_slice_claim(p, w, ip, &e);

    UNIT_EQUAL(e.text, "");
    return rc;
}

static void claims(params *p, const params_worker *w, uint64_t slice)
{
    uint64_t i = 99;

    CU_ASSERT_EQUAL(claim(p, w, &i), PARAMS_SLICE_DO);
    CU_ASSERT_EQUAL(i, slice);
}

static int put(params *p, uint64_t slice, const char *words)
{
    params_result r = {false, words, strlen(words)};

    return params_slice_put(p, "t", slice, &r, NULL);
}

static void test_tasks(void)
{
    params *p = service_run("tasks");
    params_task *all;
    params_revision *revisions;
    uint64_t now = 9, n = 9, before;
    size_t k;

    CU_ASSERT_EQUAL(params_revision_look(p, &now, NULL, 0, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(params_tasks_fetch(p, &all, &k, NULL), 0);
    CU_ASSERT_EQUAL(k, 0);
    params_tasks_free(all, k);
    CU_ASSERT_EQUAL(params_task_put(p, "t", "{\"a\":1}", 4, NULL), 1);
    CU_ASSERT_EQUAL(params_task_put(p, "t", "{\"a\":1}", 4, NULL), 1);
    CU_ASSERT_EQUAL(params_task_put(p, "t", "{\"a\":2}", 5, NULL), 0);
    CU_ASSERT_EQUAL(params_revision_look(p, &now, NULL, 0, &n, NULL), 0);
    CU_ASSERT_TRUE(n > 0);
    before = n;
    CU_ASSERT_EQUAL(params_task_put(p, "b", "{}", 0, NULL), 1);
    CU_ASSERT_EQUAL(params_revision_look(p, &now, NULL, 0, &n, NULL), 0);
    CU_ASSERT_TRUE(n > before);
    before = n;
    CU_ASSERT_EQUAL(params_task_stop(p, "b", "why", NULL), 0);
    CU_ASSERT_EQUAL(params_task_stop(p, "b", "canceled", NULL), 0);
    /* What is known of one is nothing to wake for. */
    CU_ASSERT_EQUAL(params_revision_look(p, &now, NULL, 0, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, before);
    CU_ASSERT_EQUAL(now, 0);
    CU_ASSERT_EQUAL(params_revisions_fetch(p, &revisions, &k, NULL), 0);
    CU_ASSERT_EQUAL(k, 0);
    params_revisions_free(revisions, k);
    CU_ASSERT_EQUAL(params_tasks_fetch(p, &all, &k, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(k, 2);
    UNIT_EQUAL(all[0].name, "b");
    UNIT_EQUAL(all[0].state, "why"); /* the first word stays */
    CU_ASSERT_FALSE(all[0].known);
    UNIT_EQUAL(all[1].text, "{\"a\":1}");
    CU_ASSERT_PTR_NULL(all[1].state);
    CU_ASSERT_TRUE(all[1].known);
    CU_ASSERT_EQUAL(all[1].slices, 4);
    params_tasks_free(all, k);
    params_close(p);
}

/* Each slice is somebody's, until all are done. */
static void test_claims(void)
{
    params_result why = {true, "why not", 7};
    params *p = service_run("claims");
    params_task *all;
    pe_buffer b = {0};
    bool failed = true;
    uint64_t i;
    size_t k;

    CU_ASSERT_EQUAL(claim(p, &one, &i), PARAMS_SLICE_OVER); /* no such task */
    params_task_put(p, "t", "{}", 3, NULL);
    params_task_put(p, "tt", "{}", 3, NULL);
    claims(p, &one, 0);
    claims(p, &two, 1);
    CU_ASSERT_EQUAL(put(p, 1, "one"), PARAMS_SLICE_DO);
    claims(p, &two, 2);
    CU_ASSERT_EQUAL(claim(p, &other, &i), PARAMS_SLICE_WAIT);
    CU_ASSERT_EQUAL(put(p, 1, "once more"), PARAMS_SLICE_OVER);
    CU_ASSERT_EQUAL(params_slice_put(p, "t", 2, &why, NULL), PARAMS_SLICE_DEAD);
    CU_ASSERT_EQUAL(put(p, 0, ""), PARAMS_SLICE_DO);
    CU_ASSERT_EQUAL(claim(p, &other, &i), PARAMS_SLICE_OVER);
    CU_ASSERT_EQUAL(params_slice_fetch(p, "t", 1, &b, &failed, NULL), 1);
    CU_ASSERT_FALSE(failed);
    CU_ASSERT_EQUAL(b.len, 3);
    CU_ASSERT_EQUAL(memcmp(b.data, "one", 3), 0);
    CU_ASSERT_EQUAL(params_slice_fetch(p, "t", 2, &b, &failed, NULL), 1);
    CU_ASSERT_TRUE(failed);
    CU_ASSERT_EQUAL(params_slice_fetch(p, "t", 3, &b, &failed, NULL), 0);
    CU_ASSERT_EQUAL(params_tasks_fetch(p, &all, &k, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(k, 2);
    CU_ASSERT_EQUAL(all[0].done, 2);
    CU_ASSERT_EQUAL(all[0].failed, 1);
    CU_ASSERT_EQUAL(all[1].done, 0);
    params_tasks_free(all, k);
    pe_buffer_free(&b);
    params_close(p);
}

/* What a worker had that is dead is another's, the smallest first. */
static void test_lost(void)
{
    params *p = service_run("lost");
    params_worker brief = other;
    uint64_t i;

    params_task_put(p, "t", "{}", 4, NULL);
    claims(p, &one, 0);
    claims(p, &two, 1);
    claims(p, &other, 2);
    claims(p, &again, 0); /* another world of that pool, and of no other */
    claims(p, &again, 1);
    claims(p, &again, 3);
    CU_ASSERT_EQUAL(claim(p, &again, &i), PARAMS_SLICE_WAIT);
    CU_ASSERT_EQUAL(params_slice_renew(p, &one, 0, NULL), PARAMS_SLICE_LOST);
    CU_ASSERT_EQUAL(params_slice_renew(p, &again, 0, NULL), PARAMS_SLICE_DO);
    /* It is silent for longer than it said. */
    brief.ttl_ms = 1;
    CU_ASSERT_EQUAL(params_slice_renew(p, &brief, 2, NULL), PARAMS_SLICE_DO);
    usleep(20000);
    claims(p, &again, 2);
    CU_ASSERT_EQUAL(params_slice_renew(p, &other, 2, NULL), PARAMS_SLICE_LOST);
    params_close(p);
}

/* One that was begun too often is not begun again; one that was left is as new.
 */
static void test_tries(void)
{
    static const params_worker worlds[] = {{"t", "pool/1/0", LONG_MS},
                                           {"t", "pool/2/0", LONG_MS},
                                           {"t", "pool/3/0", LONG_MS}};
    params *p = service_run("tries");
    uint64_t i = 9;

    params_task_put(p, "t", "{}", 2, NULL);
    for (int k = 0; k < 5; k++) {
        claims(p, &worlds[k % 3], 0);
        CU_ASSERT_EQUAL(params_slice_leave(p, &worlds[k % 3], 0, NULL), 0);
    }
    claims(p, &worlds[0], 0);
    claims(p, &worlds[1], 0);
    CU_ASSERT_EQUAL(params_slice_leave(p, &worlds[0], 0, NULL),
                    0); /* not its */
    CU_ASSERT_EQUAL(claim(p, &worlds[2], &i), PARAMS_SLICE_DEAD);
    CU_ASSERT_EQUAL(i, 0);
    params_task_stop(p, "t", "dead", NULL);
    CU_ASSERT_EQUAL(claim(p, &worlds[2], &i), PARAMS_SLICE_OVER);
    CU_ASSERT_EQUAL(params_slice_renew(p, &worlds[1], 0, NULL),
                    PARAMS_SLICE_LOST);
    params_close(p);
}

/* A data set whose end is found on the way. */
static void test_end(void)
{
    params *p = service_run("end");
    uint64_t i;

    params_task_put(p, "t", "{}", 0, NULL);
    for (uint64_t k = 0; k < 4; k++)
        claims(p, k & 1 ? &one : &two, k);
    CU_ASSERT_EQUAL(params_task_end(p, "t", 2, NULL), 0);
    CU_ASSERT_EQUAL(params_slice_drop(p, "t", 2, NULL), 0);
    CU_ASSERT_EQUAL(claim(p, &other, &i), PARAMS_SLICE_WAIT);
    CU_ASSERT_EQUAL(params_slice_drop(p, "t", 3, NULL), 0);
    put(p, 0, "");
    put(p, 1, "");
    CU_ASSERT_EQUAL(claim(p, &other, &i), PARAMS_SLICE_OVER);
    params_close(p);
}

/* The service has room for models, too. */
static void test_too_much(void)
{
    params *p = service_run("much");
    pe_buffer b = {0};
    bool failed = false;
    char spoil[100];

    params_task_put(p, "t", "{}", 9, NULL);
    snprintf(spoil, sizeof(spoil), "HSET pilot:{much}:slices t/bytes %zu",
             PARAMS_RESULTS_MAX - 4);
    service_ask(spoil);
    CU_ASSERT_EQUAL(put(p, 0, "123"), PARAMS_SLICE_DO);
    CU_ASSERT_EQUAL(put(p, 1, "12"), PARAMS_SLICE_DEAD);
    CU_ASSERT_EQUAL(params_slice_fetch(p, "t", 1, &b, &failed, NULL), 1);
    CU_ASSERT_TRUE(failed);
    CU_ASSERT_EQUAL(pe_buffer_append(&b, "", 1, NULL), 0);
    UNIT_CONTAINS((const char *)b.data, "more than 64 MiB");
    pe_buffer_free(&b);
    params_close(p);
}

static void test_spoiled(void)
{
    static const struct {
        const char *spoil, *text;
    } rows[] = {
        {"HSET pilot:{spoil}:tasks t/end many", "an end that is no number"},
        {"HSET pilot:{spoil}:slices t/done many", "a count that is no number"},
        {"SET pilot:{spoil}:tasks x", "WRONGTYPE"},
    };
    params *p = service_run("spoil");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        params_task *all;
        pe_error e = {0};
        size_t n;

        service_ask("DEL pilot:{spoil}:tasks pilot:{spoil}:slices");
        params_task_put(p, "t", "{}", i ? 1 : 0, NULL);
        service_ask(rows[i].spoil);
        CU_ASSERT_EQUAL(params_tasks_fetch(p, &all, &n, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_PTR_NULL(all);
    }
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"tasks", test_tasks},
        {"slices are claimed", test_claims},
        {"... and lost", test_lost},
        {"... and begun too often", test_tries},
        {"an end that is found", test_end},
        {"results of a task are bounded", test_too_much},
        {"keys of others", test_spoiled},
        {0},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    alarm(300);
    if (redis_server_open(&service_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("params_task", tests);
    redis_server_close(&service_server);
    return rc;
}
