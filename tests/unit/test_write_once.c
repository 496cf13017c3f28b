/* test_write_once.c - the stage that keeps rows: each is there once. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "write_bench.h"

/* A device whose source comes again from a position, and one that does not. */
static void test_device_again(void)
{
    char options[400], rows[2000];
    context_setup set = device("d-0");
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    set.again = true;
    for (int life = 0; life < 3; life++) {
        set.position = (uint64_t)life * 2;
        CU_ASSERT_EQUAL(bench_open(&b, options, set), 0);
        for (int i = 0; i < 4; i++)
            CU_ASSERT_EQUAL(feed(&b, 0, 2 * life + i, 2), PE_FORWARD);
        bench_close(&b);
    }
    UNIT_EQUAL(rows_in("rows.d-0.csv", rows),
               "0.0 0.1 1.0 1.1 2.0 2.1 3.0 3.1 4.0 4.1 5.0 5.1 6.0 6.1 7.0 "
               "7.1 ");
    set.again = false;
    set.position = 0;
    CU_ASSERT_EQUAL(bench_open(&b, options, set), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 8, 1), PE_FORWARD);
    bench_close(&b);
    UNIT_CONTAINS(rows_in("rows.d-0.csv", rows), "6.0 6.1 7.0 7.1 8.0 ");
}

static void append_to(const char *name, const char *words)
{
    snprintf(scratch_path, sizeof(scratch_path), "%.250s", in_folder(name));
    scratch_append(words);
}

/* What is behind the last whole piece was not finished. */
static void test_torn(void)
{
    char options[400], rows[2000];
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    settle(&b, (const int64_t[]){0, 0}, NULL);
    CU_ASSERT_EQUAL(feed(&b, 0, 0, 1), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    bench_close(&b);
    append_to("rows.pool-0.csv", "1970,half a");
    append_to("rows.pool-0.csv.index", "+ 0 2 1");
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    settle(&b, (const int64_t[]){2, 0}, NULL);
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), PE_FORWARD);
    UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), "0.0 1.0 2.0 ");
    /* And the same pool goes back. */
    settle(&b, (const int64_t[]){2, 0}, NULL);
    UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), "0.0 1.0 ");
    settle(&b, (const int64_t[]){0, 0}, NULL);
    UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), "0.0 1.0 ");
    bench_close(&b);
}

/* What is not on the disk has no line in the index, but where nobody waits for
 * the disk.
 */
static void test_synced(void)
{
    static const struct {
        const char *more;
        bool synced, is_there;
    } rows[] = {
        {";what=rows", false, false},
        {";what=rows", true, true},
        {";what=rows;sync=never", false, true},
    };
    char options[400];
    bench b;

    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len;
        char *index;

        remove_all();
        path_option(options, "rows.csv", rows[i].more);
        CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
        CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
        if (rows[i].synced)
            sync_all(&b);
        index = read_file("rows.d-0.csv.index", &len);
        CU_ASSERT_EQUAL(strstr(index, "\n+ 1 1 1 ") != NULL, rows[i].is_there);
        free(index);
        bench_close(&b);
        index = read_file("rows.d-0.csv.index", &len);
        UNIT_CONTAINS(index, "\n+ 1 1 1 ");
        free(index);
    }
    CU_ASSERT_EQUAL(function_sync(function_find("select"), NULL, NULL), 0);
}

/* Pieces of two partitions, in turn: those that go may lie between others. */
static void test_between(void)
{
    static const struct {
        int64_t next[2];
        const char *rows;
    } tables[] = {
        {{0, 0}, ""},
        {{3, 3}, "0.0 100.0 1.0 101.0 2.0 102.0 "},
        {{1, 0}, "0.0 "},
        {{0, 1}, "100.0 "},
        {{1, 3}, "0.0 100.0 101.0 102.0 "},
        {{3, 1}, "0.0 100.0 1.0 2.0 "},
        {{2, 2}, "0.0 100.0 1.0 101.0 "},
    };
    char options[400], rows[2000];
    bench b;

    path_option(options, "rows.csv", ";what=rows");
    for (size_t i = 0; i < COUNT(tables); i++) {
        remove_all();
        CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
        settle(&b, (const int64_t[]){0, 0}, NULL);
        for (int k = 0; k < 6; k++)
            CU_ASSERT_EQUAL(feed(&b, k % 2, k / 2, 1), PE_FORWARD);
        settle(&b, tables[i].next, NULL);
        UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), tables[i].rows);
        CU_ASSERT_EQUAL(feed(&b, 0, tables[i].next[0], 1), PE_FORWARD);
        bench_close(&b);
        /* It is as good as any. */
        CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
        settle(&b, tables[i].next, NULL);
        UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), tables[i].rows);
        bench_close(&b);
    }
}

/* An error of a settle is the agent's, whatever the file says. */
static void test_settle_fails(void)
{
    static const unsigned char own[] = {1, 1};
    const int64_t next[] = {0, 0};
    const context_committed c = {.next = next, .own = own, .n = 2};
    char options[400];
    pe_error e = {0};
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    /* Before that nobody knows what is to stay. */
    CU_ASSERT_EQUAL(feed(&b, 0, 0, 1), -1);
    UNIT_CONTAINS(context_error(b.ctx), "a block came before it was known");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_FATAL);
    CU_ASSERT(access(in_folder("rows.pool-0.csv"), F_OK) < 0);
    settle(&b, next, NULL);
    CU_ASSERT_EQUAL(feed(&b, 0, 0, 1), PE_FORWARD);
    unlink(in_folder("rows.pool-0.csv"));
    CU_ASSERT_EQUAL(function_settle(function_ops(b.fn), b.ctx, &c, &e), -1);
    UNIT_CONTAINS(e.text, "rows.pool-0.csv is gone and its index is there; ");
    UNIT_CONTAINS(e.text, "rows.pool-0.csv.index to go on with a new file");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    bench_close(&b);
    /* Nor is a function that keeps nothing asked. */
    CU_ASSERT_EQUAL(function_settle(function_find("select"), NULL, &c, &e), 0);
    CU_ASSERT_EQUAL(function_finish(function_find("select"), NULL, &e), 0);
}

/* --- others --- */

/* Rank 0 cuts what ranks have left that are not there any more; those that
 * are see to themselves, and a pool that lives is told what is ours now.
 */
static void test_others(void)
{
    static const unsigned char first[] = {1, 0};
    char options[400], rows[2000];
    bench left, lives, own;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&left, options, rank("pool-5", 5)), 0);
    CU_ASSERT_EQUAL(bench_open(&lives, options, rank("pool.2-1", 1)), 0);
    settle(&left, (const int64_t[]){0, 0}, NULL);
    settle(&lives, (const int64_t[]){0, 0}, NULL);
    for (int k = 0; k < 3; k++) {
        CU_ASSERT_EQUAL(feed(&left, 0, k, 1), PE_FORWARD);
        CU_ASSERT_EQUAL(feed(&lives, 0, k, 1), PE_FORWARD);
        CU_ASSERT_EQUAL(feed(&lives, 1, k, 1), PE_FORWARD);
    }
    bench_close(&left);

    CU_ASSERT_EQUAL(bench_open(&own, options, rank("pool-0", 0)), 0);
    settle(&own, (const int64_t[]){1, 1}, first);
    UNIT_EQUAL(rows_in("rows.pool-5.csv", rows), "0.0 ");
    UNIT_EQUAL(rows_in("rows.pool.2-1.csv", rows),
               "0.0 100.0 1.0 101.0 2.0 102.0 ");
    CU_ASSERT_EQUAL(feed(&own, 0, 1, 1), PE_FORWARD);
    /* It goes on with what is ours, and hears of it when it begins anew: by
     * then we have committed those.
     */
    CU_ASSERT_EQUAL(feed(&lives, 0, 3, 1), PE_FORWARD);
    settle(&lives, (const int64_t[]){4, 2}, NULL);
    UNIT_EQUAL(rows_in("rows.pool.2-1.csv", rows), "0.0 100.0 101.0 ");
    settle(&own, (const int64_t[]){4, 2}, first);
    UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), "1.0 ");
    /* What is void is so until then: it has partition 0 again. */
    settle(&lives, (const int64_t[]){4, 2}, NULL);
    CU_ASSERT_EQUAL(feed(&lives, 0, 4, 1), PE_FORWARD);
    settle(&lives, (const int64_t[]){5, 2}, NULL);
    UNIT_CONTAINS(rows_in("rows.pool.2-1.csv", rows), "101.0 4.0 ");
    bench_close(&lives);
    bench_close(&own);
}

/* A file of another stage in the same folder is none of these. */
static void test_others_alone(void)
{
    char options[400], rows[2000];
    context_setup set = device("pool-7");
    bench other, own;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    set.run = "r2";
    CU_ASSERT_EQUAL(bench_open(&other, options, set), 0);
    CU_ASSERT_EQUAL(feed(&other, 0, 9, 1), PE_FORWARD);
    bench_close(&other);
    scratch_write("rows.pool-8.csv", "mine\n");
    CU_ASSERT_EQUAL(bench_open(&own, options, rank("pool-0", 0)), 0);
    settle(&own, (const int64_t[]){0, 0}, NULL);
    bench_close(&own);
    UNIT_EQUAL(rows_in("rows.pool-7.csv", rows), "9.0 ");
    check_file("rows.pool-8.csv", "mine\n");
}

/* --- a full disk --- */

static void test_full(void)
{
    char options[400], rows[2000];
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 0, 1), PE_FORWARD);
    *told = '\0';
    full = 1;
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    UNIT_CONTAINS(told,
                  "stage 'keep' waits, and nothing is lost: cannot write ");
    UNIT_CONTAINS(told, "rows.d-0.csv: disk full (");
    UNIT_CONTAINS(told, "stage 'keep' goes on: there is room again\n");
    /* The run ends: the block is not done, and nobody's fault. */
    full = 1000;
    cancels = true;
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), -1);
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(context_error(b.ctx), "disk full");
    cancels = false;
    atomic_store(&cancelled, 0);
    full = 0;
    bench_close(&b);
    UNIT_EQUAL(rows_in("rows.d-0.csv", rows), "0.0 1.0 ");
}

int main(void)
{
    static const unit_test tests[] = {
        {"a device that begins again", test_device_again},
        {"what was not finished", test_torn},
        {"what is on the disk", test_synced},
        {"what lies between", test_between},
        {"what cannot be cut", test_settle_fails},
        {"what others have left", test_others},
        {"files of others", test_others_alone},
        {"a full disk", test_full},
        {0},
    };
    int status;

    scratch_make();
    status = unit_main("write_once", tests);
    scratch_remove();
    return status;
}
