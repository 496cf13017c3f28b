/* unit.h - runs a table of CUnit tests and prints TAP. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <CUnit/CUnit.h>

typedef struct unit_test {
    const char *name;
    void (*run)(void);
} unit_test;

/* Run [tests] (ended by a row without a name) and print one TAP line a test,
 * with "# FILE:LINE: CONDITION" for every failed assertion.  Returns the
 * program's exit status.
 */
int unit_main(const char *suite, const unit_test *tests);

/* Assert that two strings are equal, printing both when they are not. */
void unit_equal_at(const char *got, const char *want, const char *file,
                   unsigned line);
#define UNIT_EQUAL(got, want) unit_equal_at((got), (want), __FILE__, __LINE__)
/* Assert that [text] contains [part], printing both when it does not. */
void unit_contains_at(const char *text, const char *part, const char *file,
                      unsigned line);
#define UNIT_CONTAINS(text, part) \
    unit_contains_at((text), (part), __FILE__, __LINE__)

#endif
