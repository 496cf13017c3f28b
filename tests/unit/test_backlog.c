/* test_backlog.c - which records of a partition wait, and what lets them go. */
#include "unit.h"

#include <stdlib.h>

#include "src/broker/backlog.h"

enum { MOST = 40 };

static backlog_record *made[MOST];

static void make_all(void)
{
    for (int i = 0; i < MOST; i++) {
        made[i] = calloc(1, sizeof(*made[i]));
        CU_ASSERT_PTR_NOT_NULL_FATAL(made[i]);
        made[i]->len = (size_t)i;
    }
}

static void free_all(void)
{
    for (int i = 0; i < MOST; i++)
        free(made[i]);
}

/* Five are out, and no more until one is answered for. */
static void test_few(void)
{
    backlog b = {0};
    size_t taken = 0;

    for (int i = 0; i < BACKLOG_OUT; i++) {
        CU_ASSERT_FALSE(backlog_waits(&b));
        b.out++;
    }
    CU_ASSERT_TRUE(backlog_waits(&b));
    CU_ASSERT_FALSE(backlog_answered(&b)); /* nothing waits */
    CU_ASSERT_FALSE(backlog_waits(&b));
    CU_ASSERT_PTR_NULL(backlog_take(&b, &taken, SIZE_MAX));
    CU_ASSERT_EQUAL(b.out, BACKLOG_OUT - 1);
}

/* All of what waits goes at once, in its order; what comes then is behind it.
 */
static void test_order(void)
{
    backlog b = {.out = BACKLOG_OUT};
    backlog_record *r;
    size_t taken = 0;
    int n = 0;

    make_all();
    for (int i = 0; i < MOST / 2; i++)
        backlog_put(&b, made[i]);
    CU_ASSERT_TRUE(backlog_answered(&b));
    while ((r = backlog_take(&b, &taken, SIZE_MAX)))
        CU_ASSERT_EQUAL(r->len, n++);
    CU_ASSERT_EQUAL(n, MOST / 2);
    CU_ASSERT_EQUAL(b.out, BACKLOG_OUT - 1 + MOST / 2);
    for (int i = MOST / 2; i < MOST; i++) {
        CU_ASSERT_TRUE(backlog_waits(&b));
        backlog_put(&b, made[i]);
    }
    for (int out = b.out; out > BACKLOG_OUT; out--)
        CU_ASSERT_FALSE(backlog_answered(&b));
    CU_ASSERT_TRUE(backlog_answered(&b));
    while ((r = backlog_take(&b, &taken, SIZE_MAX)))
        CU_ASSERT_EQUAL(r->len, n++);
    CU_ASSERT_EQUAL(n, MOST);
    free_all();
}

/* As many as are a request, and one that is larger alone. */
static void test_request(void)
{
    static const size_t sizes[] = {40, 60, 1, 500, 10};
    static const int goes[] = {2, 1, 1, 1};
    backlog b = {.out = BACKLOG_OUT};
    size_t n = 0;

    make_all();
    for (size_t i = 0; i < 5; i++) {
        made[i]->size = sizes[i];
        backlog_put(&b, made[i]);
    }
    for (size_t k = 0; k < 4; k++) {
        size_t taken = 0;
        int got = 0;
        backlog_record *r;

        while ((r = backlog_take(&b, &taken, 100))) {
            CU_ASSERT_EQUAL(r->len, n++);
            got++;
        }
        CU_ASSERT_EQUAL(got, goes[k]);
        CU_ASSERT_EQUAL(backlog_waits(&b), true);
    }
    CU_ASSERT_EQUAL(n, 5);
    free_all();
}

/* What the client does not take stays in its place, and others behind it. */
static void test_return(void)
{
    backlog b = {.out = BACKLOG_OUT};
    backlog_record *r;
    size_t taken = 0;
    int n = 0;

    make_all();
    backlog_put(&b, made[0]);
    r = backlog_take(&b, &taken, SIZE_MAX);
    backlog_return(&b, r);
    backlog_put(&b, made[1]); /* behind the only one */
    r = backlog_take(&b, &taken, SIZE_MAX);
    backlog_return(&b, r);
    CU_ASSERT_EQUAL(b.out, BACKLOG_OUT);
    CU_ASSERT_TRUE(backlog_waits(&b));
    CU_ASSERT_TRUE(backlog_answered(&b));
    CU_ASSERT_TRUE(backlog_waits(&b)); /* though few are out */
    while ((r = backlog_take(&b, &taken, SIZE_MAX)))
        CU_ASSERT_EQUAL(r->len, n++);
    CU_ASSERT_EQUAL(n, 2);
    free_all();
}

/* An answer to a record that was not counted makes no room. */
static void test_none(void)
{
    backlog b = {0};

    CU_ASSERT_FALSE(backlog_answered(&b));
    CU_ASSERT_EQUAL(b.out, 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"few records", test_few},        {"order", test_order},
        {"a request", test_request},      {"what does not go", test_return},
        {"an answer to none", test_none}, {0},
    };

    return unit_main("backlog", tests);
}
