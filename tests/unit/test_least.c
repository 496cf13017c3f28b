/* test_least.c - a scheduler that has no more than it owes: src/backend is
 * compiled into this program with it alone.
 */
#include "unit.h"

#include <stdlib.h>

#include "src/backend/backend.h"
#include "src/backend/backends.h"
#include "src/resource/script.h"

#define GRACE_S 7

static const resource_foreign array[] = {
    {'a', "--ar", "--array", RESOURCE_ARRAY_WHY},
    {'\0', NULL, NULL, NULL},
};
static const resource_words no_words, foreign_words = {.foreign = array};
static const resource_scheduler scheduler = {
    .variable = "LEAST_JOB",
    .version = (const char *const[]){"false", NULL},
    .answer = "least",
    .grace_s = GRACE_S,
};
static const resource_ops least_ops = {
    .scheme = "least",
    .name = "Least",
    .words = &no_words,
    .scheduler = &scheduler,
};

const resource_ops *const backends[] = {&least_ops, NULL};

resource *backend_open(const char *url, pe_error *errp)
{
    (void)url;
    pe_error_nomem(errp);
    return NULL;
}

static void test_grace(void)
{
    unsetenv("LEAST_JOB");
    CU_ASSERT_EQUAL(backend_grace_of_allocation(), 0);
    setenv("LEAST_JOB", "1", 1);
    UNIT_EQUAL(backend_job(), "1");
    CU_ASSERT_EQUAL(backend_grace_of_allocation(), GRACE_S);
    unsetenv("LEAST_JOB");
}

static void test_words(void)
{
    static const resource_ops foreign_ops = {.name = "Foreign",
                                             .words = &foreign_words};
    static const struct {
        const resource_ops *ops;
        const char *word, *error;
    } rows[] = {
        {&least_ops, "-a1", ""},
        {&least_ops, "--array=1", ""},
        {&foreign_ops, "-b", ""},
        {&foreign_ops, "-a1",
         "'-a1' cannot be asked of Foreign: " RESOURCE_ARRAY_WHY},
        {&foreign_ops, "--arr=1",
         "'--arr=1' cannot be asked of Foreign: " RESOURCE_ARRAY_WHY},
    };
    static const enum request_word lists[] = {REQUEST_EXTRA,
                                              REQUEST_DIRECTIVES};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
            resource_request q = {0};
            pe_error e = {0};
            CU_ASSERT_EQUAL(
                request_set(&q, lists[k], rows[i].word, false, "", &e), 0);
            CU_ASSERT_EQUAL(script_refuse(&q, rows[i].ops, &e),
                            *rows[i].error ? -1 : 0);
            UNIT_EQUAL(e.text, rows[i].error);
            request_free(&q);
        }
}

int main(void)
{
    static const unit_test tests[] = {
        {"nothing tells the grace", test_grace},
        {"no words of its own", test_words},
        {NULL, NULL},
    };

    return unit_main("least", tests);
}
