/* test_history.c - the history of commits, on a Redis of the test's own. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commit_call.h"

#include "src/common/clock.h"

/* Commit [id] of partition 0, with a row. */
static void commit(params *p, int id, int base, int64_t from, int64_t to)
{
    call k;

    call_fill(&k, id, base, "pool:1", 0, from, to);
    k.c.version = (uint64_t)id;
    k.c.began_ns = clock_mono_ns() - 5 * CLOCK_MS;
    k.c.threshold = 1.5 * id;
    k.c.warming = id == 1;
    k.c.add.applied = (uint64_t)(to - from);
    k.c.add.points = 1000 * k.c.add.applied;
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_OK);
}

static size_t rows_of(params *p, const char *after, size_t most,
                      params_row **out)
{
    pe_error e = {0};
    size_t n = 99;

    CU_ASSERT_EQUAL(params_rows_fetch(p, after, most, out, &n, &e), 0);
    if (*e.text)
        printf("# %s\n", e.text);
    return n;
}

static void test_rows(void)
{
    params *p = call_run("rows", 5);
    params_row *rows;
    char id[48];

    CU_ASSERT_EQUAL(rows_of(p, NULL, 10, &rows), 0);
    CU_ASSERT_PTR_NULL(rows);
    call_init_offsets(p, 1);
    commit(p, 1, 0, 0, 5);
    commit(p, 2, 1, 5, 12);
    commit(p, 3, 2, 12, 13);
    CU_ASSERT_EQUAL_FATAL(rows_of(p, NULL, 10, &rows), 3);
    CU_ASSERT_EQUAL(rows[0].version, 1);
    CU_ASSERT_EQUAL(rows[0].warming, 1);
    CU_ASSERT_EQUAL(rows[1].version, 2);
    CU_ASSERT_EQUAL(rows[1].blocks, 7);
    CU_ASSERT_EQUAL(rows[1].points, 7000);
    CU_ASSERT_EQUAL(rows[1].records, 7);
    CU_ASSERT_EQUAL(rows[1].partitions, 1);
    CU_ASSERT_EQUAL(rows[1].threshold, 3.0);
    CU_ASSERT_EQUAL(rows[1].warming, 0);
    CU_ASSERT_TRUE(rows[1].us >= 5000);
    UNIT_EQUAL(rows[1].writer, "pool:1");
    UNIT_EQUAL(rows[1].moved, "0:5-12");
    CU_ASSERT_EQUAL(strlen(rows[1].commit), PE_COMMIT_ID_LEN);
    snprintf(id, sizeof(id), "%s", rows[1].id);
    free(rows);
    /* The newest; what came behind one. */
    CU_ASSERT_EQUAL_FATAL(rows_of(p, NULL, 1, &rows), 1);
    CU_ASSERT_EQUAL(rows[0].version, 3);
    free(rows);
    CU_ASSERT_EQUAL_FATAL(rows_of(p, id, 10, &rows), 1);
    CU_ASSERT_EQUAL(rows[0].version, 3);
    free(rows);
    params_close(p);
}

/* Without a time of its own a commit has no row: nobody asked for one. */
static void test_none(void)
{
    params *p = call_run("norows", 5);
    params_row *rows;

    call_init_offsets(p, 1);
    CU_ASSERT_EQUAL(call_send_one(p, 1, 0, 0, 5), PARAMS_OK);
    CU_ASSERT_EQUAL(rows_of(p, NULL, 10, &rows), 0);
    params_close(p);
}

/* A commit holds whatever becomes of its row. */
static void test_refused(void)
{
    params *p = call_run("refused", 5);
    params_row *rows;
    pe_error e = {0};
    size_t n;

    redis_server_ask(&call_server, "SET pilot:{refused}:commits x");
    call_init_offsets(p, 1);
    commit(p, 1, 0, 0, 5);
    CU_ASSERT_EQUAL(params_rows_fetch(p, NULL, 9, &rows, &n, &e), -1);
    UNIT_CONTAINS(e.text, "WRONGTYPE");
    redis_server_ask(&call_server, "DEL pilot:{refused}:commits");
    redis_server_ask(&call_server, "XADD pilot:{refused}:commits * a b");
    e = (pe_error){0};
    CU_ASSERT_EQUAL(params_rows_fetch(p, NULL, 9, &rows, &n, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_EQUAL(e.text, "pilot:{refused}:commits has a row of no version: some "
                       "other program wrote to the keys of this run");
    params_close(p);
}

/* The row may be written twice, where a connection broke behind the first. */
static void test_twice(void)
{
    params *p = call_run("twice", 5);
    params_row *rows;
    call k;

    call_init_offsets(p, 1);
    commit(p, 1, 0, 0, 5);
    call_fill(&k, 1, 0, "pool:1", 0, 0, 5);
    k.c.version = 1;
    k.c.began_ns = 1;
    CU_ASSERT_EQUAL(call_send(p, &k), PARAMS_DUP);
    UNIT_CONTAINS(redis_server_ask(&call_server, "XLEN pilot:{twice}:commits"),
                  ":2");
    CU_ASSERT_EQUAL(rows_of(p, NULL, 10, &rows), 1);
    free(rows);
    params_close(p);
}

/* It is bounded, and goes with the run. */
static void test_bound(void)
{
    params *p = call_run("bound", 5);
    params_row *rows;
    pe_error e = {0};
    size_t n;

    call_init_offsets(p, 1);
    for (int i = 0; i < PARAMS_ROWS_MAX + 300; i++)
        commit(p, 1 + i, i, i, i + 1);
    n = rows_of(p, NULL, 5000, &rows);
    CU_ASSERT_TRUE(n >= PARAMS_ROWS_MAX && n < PARAMS_ROWS_MAX + 200);
    free(rows);
    CU_ASSERT_EQUAL(params_run_delete(p, &e), 0);
    UNIT_CONTAINS(
        redis_server_ask(&call_server, "EXISTS pilot:{bound}:commits"), ":0");
    params_close(p);
}

static void test_facts(void)
{
    params *p = call_run("facts", 5);
    params_facts f;
    pe_error e = {0};

    CU_ASSERT_EQUAL(params_facts_fetch(p, &f, &e), 0);
    UNIT_EQUAL(f.state.commit, "");
    UNIT_EQUAL(f.kind, "");
    CU_ASSERT_EQUAL(f.model_bytes, 0);
    params_facts_free(&f);
    call_init_offsets(p, 2);
    commit(p, 1, 0, 0, 5);
    CU_ASSERT_EQUAL(params_facts_fetch(p, &f, &e), 0);
    CU_ASSERT_EQUAL(f.state.version, 1);
    CU_ASSERT_EQUAL(f.state.counters.applied, 5);
    CU_ASSERT_TRUE(f.model_bytes > 0);
    CU_ASSERT_EQUAL(f.state.model.len, 0);
    CU_ASSERT_TRUE(*f.kind != '\0');
    /* One that was moved, and one that only began. */
    CU_ASSERT_EQUAL(f.state.n_offsets, 2);
    CU_ASSERT_EQUAL(f.state.n_devices, 1);
    params_facts_free(&f);
    redis_server_ask(&call_server, "SET pilot:{facts}:state x");
    CU_ASSERT_EQUAL(params_facts_fetch(p, &f, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"rows", test_rows},
        {"none is asked for", test_none},
        {"a row that is refused", test_refused},
        {"a row that is there twice", test_twice},
        {"it is bounded", test_bound},
        {"facts", test_facts},
        {NULL, NULL},
    };
    int status;

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    if (redis_server_open(&call_server) < 0)
        return 1;
    status = unit_main("history", tests);
    redis_server_close(&call_server);
    return status;
}
