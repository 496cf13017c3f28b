/* test_audit.c - the audit model adds up what the records hold. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "models/audit/audit.h"

static void test_fold(void)
{
    double v[] = {1.5, -2, 0.25, NAN, INFINITY, 1e300};
    pe_block b = {.data = v, .points = 3, .features = 2, .dtype = PE_F8};
    int64_t row[AUDIT_LANES] = {0};

    audit_fold(row, &b);
    CU_ASSERT_EQUAL(row[0], 1);
    CU_ASSERT_EQUAL(row[1], 3);
    CU_ASSERT_EQUAL(row[2], 1536 - 2048 + 256);
    CU_ASSERT_EQUAL(row[3], 1536 * 1536 + 2048 * 2048 + 256 * 256);
    audit_fold(row, &b);
    CU_ASSERT_EQUAL(row[0], 2);
}

static void test_devices(void)
{
    pe_options *o = pe_model_options("audit", NULL);
    pe_model *m = pe_model_create("audit", o, 1, NULL);
    pe_delta *d = pe_delta_create(m, NULL);
    double v = 3;
    pe_block b = {.data = &v, .points = 1, .features = 1, .dtype = PE_F8};
    static const char *const names[] = {"a", "b", "a", "", "ab", "a"};
    const int64_t *row;

    for (size_t i = 0; i < 6; i++) {
        b.device = names[i];
        CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
    }
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    CU_ASSERT_EQUAL(audit_devices(m), 4);
    UNIT_EQUAL(audit_device(m, 0, &row), "");
    UNIT_EQUAL(audit_device(m, 1, &row), "a");
    CU_ASSERT_EQUAL(row[0], 6);
    CU_ASSERT_EQUAL(row[2], 6 * 3 * 1024);
    UNIT_EQUAL(audit_device(m, 2, &row), "ab");
    CU_ASSERT_EQUAL(row[0], 2);
    pe_delta_destroy(d);
    pe_model_destroy(m);
    pe_options_destroy(o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"values that are none count as 0", test_fold},
        {"devices by name", test_devices},
        {0},
    };

    return unit_main("audit", tests);
}
