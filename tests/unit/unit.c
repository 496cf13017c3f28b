/* unit.c - runs a table of CUnit tests and prints TAP. */
#include "unit.h"

#include <CUnit/TestRun.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int number;
static int failed;

static struct timespec began;

static void test_begins(const CU_pTest test, const CU_pSuite suite)
{
    (void)test;
    (void)suite;
    clock_gettime(CLOCK_MONOTONIC, &began);
}

/* What took long is said, for scripts/check to list. */
static void took(const CU_pTest test, const CU_pSuite suite)
{
    struct timespec now;
    double s;

    clock_gettime(CLOCK_MONOTONIC, &now);
    s = (double)(now.tv_sec - began.tv_sec) +
        (double)(now.tv_nsec - began.tv_nsec) / 1e9;
    if (s >= 1)
        printf("# took %.1f s: %s: %s\n", s, suite->pName, test->pName);
}

static void test_done(const CU_pTest test, const CU_pSuite suite,
                      const CU_pFailureRecord failure)
{
    printf("%s %d - %s\n", failure ? "not ok" : "ok", ++number, test->pName);
    if (failure)
        failed = 1;
    for (const CU_FailureRecord *f = failure; f; f = f->pNext)
        printf("# %s:%u: %s\n", f->strFileName, f->uiLineNumber,
               f->strCondition);
    took(test, suite);
    fflush(stdout);
}

int unit_main(const char *suite, const unit_test *tests)
{
    int n = 0;

    while (tests[n].name)
        n++;
    printf("1..%d\n", n);
    if (CU_initialize_registry() != CUE_SUCCESS) {
        printf("Bail out! CUnit does not start\n");
        return 1;
    }
    CU_pSuite s = CU_add_suite(suite, NULL, NULL);
    for (int i = 0; s && i < n; i++)
        if (!CU_add_test(s, tests[i].name, tests[i].run))
            failed = 1;
    CU_set_test_start_handler(test_begins);
    CU_set_test_complete_handler(test_done);
    CU_run_all_tests();
    CU_cleanup_registry();
    return failed || number != n;
}

void unit_equal_at(const char *got, const char *want, const char *file,
                   unsigned line)
{
    if (got && want && !strcmp(got, want)) {
        CU_PASS("equal");
        return;
    }
    printf("# %s:%u:\n#   got:  %s\n#   want: %s\n", file, line,
           got ? got : "NULL", want ? want : "NULL");
    CU_FAIL("strings differ");
}

void unit_contains_at(const char *text, const char *part, const char *file,
                      unsigned line)
{
    if (text && strstr(text, part)) {
        CU_PASS("contains");
        return;
    }
    printf("# %s:%u:\n#   text: %s\n#   lacks: %s\n", file, line,
           text ? text : "NULL", part);
    CU_FAIL("text lacks a part");
}
