/* test_reason.c - reasons of refusals are told apart. */
#include "unit.h"

#include "src/poison/reason.h"

static void test_kind(void)
{
    static const struct {
        const char *reason, *want;
    } rows[] = {
        {"", ""},
        {"is empty", "is empty"},
        {"has 3 columns, not 17", "has # columns, not #"},
        {"1.5e9", "#.#e#"},
        {"42", "#"},
    };
    char kind[64];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        reason_kind(rows[i].reason, kind, sizeof(kind));
        UNIT_EQUAL(kind, rows[i].want);
    }
    reason_kind("twelve 12", kind, 8);
    UNIT_EQUAL(kind, "twelve ");
    reason_kind("x", kind, 1);
    UNIT_EQUAL(kind, "");
}

int main(void)
{
    static const unit_test tests[] = {
        {"those that differ in numbers alone", test_kind},
        {NULL, NULL},
    };

    return unit_main("reason", tests);
}
