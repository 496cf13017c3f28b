/* test_breaker.c - a run that refuses too much is stopped. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/poison/breaker.h"

/* Commits of [applied] and [refused] blocks each: which of them trips it, from
 * 1; 0: none does.
 */
static int commits(breaker *b, breaker_counts *at, int n, uint64_t applied,
                   uint64_t refused)
{
    for (int i = 1; i <= n; i++) {
        at->applied += applied;
        at->refused += refused;
        if (breaker_look(b, *at, "run"))
            return i;
    }
    return 0;
}

/* "5%" or "100" */
static breaker of(const char *words)
{
    double n = strtod(words, NULL);
    bool share = strchr(words, '%') != NULL;

    return (breaker){
        .limit = {true, share ? n / 100 : 0, share ? -1 : (int64_t)n}};
}

static void test_share(void)
{
    static const struct {
        const char *limit;
        int good, bad_applied, bad_refused, trips;
    } rows[] = {
        {"5%", 0, 9, 1, 10}, /* at the hundredth block */
        {"5%", 0, 95, 5, 0}, /* as many as it may be */
        {"5%", 0, 94, 6, 1},      {"5%", 1000, 0, 10, 6},
        {"5%", 100000, 0, 10, 6}, /* of the newest */
        {"10", 0, 0, 1, 11},      {"10", 5000, 9, 1, 11},
        {"0", 100, 1, 1, 1},      {"50%", 0, 6, 4, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        breaker b = of(rows[i].limit);
        breaker_counts at = {0};

        CU_ASSERT_EQUAL(commits(&b, &at, rows[i].good / 10, 10, 0), 0);
        CU_ASSERT_EQUAL(commits(&b, &at, 500, (uint64_t)rows[i].bad_applied,
                                (uint64_t)rows[i].bad_refused),
                        rows[i].trips);
    }
}

/* What was refused before it went on does not count; it trips once. */
static void test_since(void)
{
    breaker b = of("5");
    breaker_counts at = {500, 400};

    b.since = at;
    CU_ASSERT_EQUAL(commits(&b, &at, 5, 0, 1), 0);
    CU_ASSERT_EQUAL(commits(&b, &at, 1, 0, 1), 1);
    CU_ASSERT_EQUAL(commits(&b, &at, 100, 0, 1), 0);
    b = of("5");
    b.since = (breaker_counts){500, 400};
    at = (breaker_counts){0, 0}; /* the state went back */
    CU_ASSERT_EQUAL(commits(&b, &at, 6, 1, 1), 0);
    CU_ASSERT_EQUAL(commits(&b, &at, 1, 1, 1), 1);
}

static void test_words(void)
{
    breaker b = of("5%");
    breaker_counts at = {0};
    char reason[64];

    breaker_note(&b, "tune: another", 2);
    for (int i = 0; i < 5; i++) {
        snprintf(reason, sizeof(reason), "tune: has %d columns", i);
        breaker_note(&b, reason, 1);
    }
    breaker_note(&b, "", 1);
    breaker_note(&b, "never", 0);
    CU_ASSERT_EQUAL(b.n_reasons, 2);
    CU_ASSERT_EQUAL(commits(&b, &at, 1, 93, 7), 1);
    UNIT_EQUAL(b.words,
               "7 of 100 blocks were refused, and refuse-max is 5%, most of "
               "them since tune: has 4 columns; 'pilot refused list --reasons "
               "run' has all of them; when that is mended: 'pilot run --resume "
               "run'");
    b = of("3");
    at = (breaker_counts){0};
    CU_ASSERT_EQUAL(commits(&b, &at, 1, 0, 4), 1);
    UNIT_CONTAINS(b.words, "4 of 4 blocks were refused, and refuse-max is 3; "
                           "'pilot refused list");
    for (int i = 0; i < 40; i++) {
        snprintf(reason, sizeof(reason), "%c", 'A' + i);
        breaker_note(&b, reason, 1);
    }
    CU_ASSERT_EQUAL(b.n_reasons, BREAKER_KINDS);
}

int main(void)
{
    static const unit_test tests[] = {
        {"shares and numbers", test_share},
        {"since when", test_since},
        {"what is said", test_words},
        {NULL, NULL},
    };

    return unit_main("breaker", tests);
}
