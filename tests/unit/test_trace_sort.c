/* test_trace_sort.c - blocks in order, and names by number. */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logs_case.h"
#include "src/common/random.h"
#include "src/trace/names.h"
#include "src/trace/sort.h"

/* --- sorting --- */

static void sort_some(uint32_t most, uint64_t n)
{
    sort *s = sort_create(most, NULL);
    const sort_item *i = NULL;
    uint64_t at = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    for (uint64_t k = 0; k < n; k++) {
        sort_item x = {.key = {k * 7919 % n % 3, k * 7919 % n, 0}};
        CU_ASSERT_EQUAL(sort_add(s, &x, NULL), 0);
    }
    CU_ASSERT_EQUAL(sort_end(s, NULL), 0);
    uint64_t last[2] = {0, 0};
    while (sort_next(s, &i, NULL) > 0) {
        CU_ASSERT_TRUE(i->key[0] > last[0] ||
                       (i->key[0] == last[0] && i->key[1] >= last[1]));
        CU_ASSERT_EQUAL(i->key[0], i->key[1] % 3);
        last[0] = i->key[0];
        last[1] = i->key[1];
        at++;
    }
    CU_ASSERT_EQUAL(at, n);
    CU_ASSERT_EQUAL(sort_next(s, &i, NULL), 0);
    sort_free(s);
}

/* In memory, and by files of runs; just full, and one more. */
static void test_sort(void)
{
    static const uint64_t n[] = {0, 1, 99, 100, 101, 200, 1000, 12345};

    for (size_t i = 0; i < sizeof(n) / sizeof(*n); i++) {
        sort_some(100, n[i]);
        sort_some(20000, n[i]);
    }
}

static void test_sort_full(void)
{
    sort *s = sort_create(1, NULL);
    sort_item x = {0};
    pe_error e = {0};

    setenv("TMPDIR", "/nowhere", 1);
    CU_ASSERT_EQUAL(sort_add(s, &x, &e), 0);
    CU_ASSERT_EQUAL(sort_add(s, &x, &e), -1);
    UNIT_CONTAINS(e.text, "cannot make /nowhere/pilot-trace-");
    unsetenv("TMPDIR");
    sort_free(s);
}

/* What an edge told comes before what ranks did, in whatever run either is. */
static void test_sort_ties(void)
{
    for (uint32_t most = 1; most < 40; most++) {
        sort *s = sort_create(most, NULL);
        const sort_item *i = NULL;
        sort_item x = {0};
        int n = 0, works = 0;

        CU_ASSERT_PTR_NOT_NULL_FATAL(s);
        for (uint64_t k = 0; k < 30; k++) {
            x = (sort_item){.key = {0, UINT64_MAX - k % 5, k % 2},
                            .log = (uint32_t)k,
                            .work = k % 3 != 0};
            CU_ASSERT_EQUAL(sort_add(s, &x, NULL), 0);
        }
        CU_ASSERT_EQUAL(sort_end(s, NULL), 0);
        for (; sort_next(s, &i, NULL) > 0; n++) {
            bool same = n > 0 && !memcmp(x.key, i->key, sizeof(x.key));

            CU_ASSERT_FALSE(same && x.work < i->work);
            CU_ASSERT_EQUAL(i->work, i->log % 3 != 0);
            works += (int)i->work;
            x = *i;
        }
        CU_ASSERT_EQUAL(n, 30);
        CU_ASSERT_EQUAL(works, 20);
        sort_free(s);
    }
    sort_free(NULL);
}

static int by_three(const void *a, const void *b)
{
    return memcmp(a, b, 3 * sizeof(uint64_t));
}

/* Any of three keys decides, also by its highest bits. */
static void test_sort_keys(void)
{
    enum { N = 700 };
    static uint64_t want[N][3]; /* big-endian, for memcmp */
    random_stream r = {.key = 11};
    sort *s = sort_create(64, NULL);
    const sort_item *i = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    for (int n = 0; n < N; n++) {
        sort_item x = {0};

        for (int k = 0; k < 3; k++) {
            x.key[k] = (random_next(&r) % 4) << (random_next(&r) % 2 ? 62 : 0);
            want[n][k] = htobe64(x.key[k]);
        }
        CU_ASSERT_EQUAL(sort_add(s, &x, NULL), 0);
    }
    qsort(want, N, sizeof(want[0]), by_three);
    CU_ASSERT_EQUAL(sort_end(s, NULL), 0);
    for (int n = 0; n < N; n++) {
        CU_ASSERT_EQUAL_FATAL(sort_next(s, &i, NULL), 1);
        for (int k = 0; k < 3; k++)
            CU_ASSERT_EQUAL(htobe64(i->key[k]), want[n][k]);
    }
    CU_ASSERT_EQUAL(sort_next(s, &i, NULL), 0);
    sort_free(s);
}

/* --- names --- */

static void test_names(void)
{
    names t = {0};
    char name[32];

    CU_ASSERT_EQUAL(names_find(&t, ""), TRACE_NO_DEVICE);
    CU_ASSERT_EQUAL(names_find(&t, "a"), TRACE_NO_DEVICE);
    CU_ASSERT_EQUAL(names_add(&t, "", 5000), 0);
    for (uint32_t i = 1; i < 5000; i++) {
        snprintf(name, sizeof(name), "device-%u", i);
        CU_ASSERT_EQUAL(names_find(&t, name), TRACE_NO_DEVICE);
        CU_ASSERT_EQUAL(names_add(&t, name, 5000), i);
    }
    CU_ASSERT_EQUAL(names_add(&t, "one more", 5000), TRACE_NO_DEVICE);
    CU_ASSERT_EQUAL(names_find(&t, "one more"), TRACE_NO_DEVICE);
    CU_ASSERT_EQUAL(t.n, 5000);
    for (uint32_t i = 1; i < 5000; i++) {
        snprintf(name, sizeof(name), "device-%u", i);
        CU_ASSERT_EQUAL(names_find(&t, name), i);
        UNIT_EQUAL(t.name[i], name);
    }
    CU_ASSERT_EQUAL(names_find(&t, ""), 0);
    CU_ASSERT_EQUAL(names_find(&t, "device-1 "), TRACE_NO_DEVICE);
    names_free(&t);
    CU_ASSERT_EQUAL(names_find(&t, "device-1"), TRACE_NO_DEVICE);
}

int main(void)
{
    static const unit_test tests[] = {
        {"sort", test_sort},      {"sort without room", test_sort_full},
        {"ties", test_sort_ties}, {"keys", test_sort_keys},
        {"names", test_names},    {0},
    };

    return logs_main("trace_sort", tests);
}
