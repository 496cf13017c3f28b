/* test_options.c - typed options against their table. */
#include "unit.h"

#include <pilot/options.h>

static const pe_option_spec specs[] = {
    {"clusters", PE_OPTION_INT, 1, 100, "25", NULL, "number"},
    {"decay", PE_OPTION_FLOAT, 0, 1, "1", NULL, "share"},
    {"strict", PE_OPTION_BOOL, 0, 0, "no", NULL, "refuse"},
    {"path", PE_OPTION_STRING, 0, 0, NULL, NULL, "file"},
    {"header", PE_OPTION_STRING, 0, 0, "auto", "auto yes no", "header"},
    {"queue", PE_OPTION_SIZE, 1024, 1e9, "64MiB", NULL, "memory"},
    {"period", PE_OPTION_TIME, 0.001, 60, "100ms", NULL, "time"},
    {0},
};

static void test_defaults(void)
{
    pe_error e = {0};
    pe_options *o = pe_options_create(specs, &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(o);
    CU_ASSERT_EQUAL(pe_options_int(o, "clusters"), 25);
    CU_ASSERT_EQUAL(pe_options_float(o, "decay"), 1.0);
    CU_ASSERT_FALSE(pe_options_bool(o, "strict"));
    CU_ASSERT_FALSE(pe_options_has(o, "path"));
    CU_ASSERT_PTR_NULL(pe_options_string(o, "path"));
    UNIT_EQUAL(pe_options_string(o, "header"), "auto");
    CU_ASSERT_EQUAL(pe_options_size(o, "queue"), 64u << 20);
    CU_ASSERT_DOUBLE_EQUAL(pe_options_time(o, "period"), 0.1, 1e-12);
    UNIT_EQUAL(pe_options_text(o, "period"), "100ms");
    pe_options_destroy(o);
    pe_options_destroy(NULL);
}

/* A wrong name or type is a program error: a harmless value. */
static void test_wrong_access(void)
{
    pe_options *o = pe_options_create(specs, NULL);

    CU_ASSERT_EQUAL(pe_options_int(o, "nothing"), 0);
    CU_ASSERT_EQUAL(pe_options_int(o, "decay"), 0);
    CU_ASSERT_PTR_NULL(pe_options_string(o, "clusters"));
    CU_ASSERT_EQUAL(pe_options_int(NULL, "clusters"), 0);
    CU_ASSERT_FALSE(pe_options_has(NULL, "clusters"));
    pe_options_destroy(o);
}

static void test_errors(void)
{
    static const struct {
        const char *name, *value, *text;
    } rows[] = {
        {"clusterz", "3",
         "clusterz: there is no such option; did you mean clusters?"},
        {"zzz", "3", "zzz: there is no such option"},
        {"clusters", "many", "clusters: 'many' is not an integer"},
        {"clusters", "3.5", "clusters: '3.5' is not an integer"},
        {"clusters", "", "clusters: '' is not an integer"},
        {"clusters", "0", "clusters: 0 is out of range: 1 to 100"},
        {"clusters", "101", "clusters: 101 is out of range: 1 to 100"},
        {"decay", "nan", "decay: 'nan' is not a number"},
        {"decay", "1.5", "decay: 1.5 is out of range: 0 to 1"},
        {"strict", "maybe", "strict: 'maybe' is not true or false"},
        {"header", "perhaps", "header: 'perhaps' is none of: auto yes no"},
        {"queue", "64", "queue: '64' is not a size with its unit: 64MiB, 4kB"},
        {"period", "250",
         "period: '250' is not a time with its unit: 250ms, 30s"},
        {"period", "2h", "period: 2h is out of range: 0.001 to 60"},
    };
    pe_options *o = pe_options_create(specs, NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        pe_error e = {0};

        CU_ASSERT_EQUAL(pe_options_set(o, rows[i].name, rows[i].value, &e), -1);
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    }
    CU_ASSERT_EQUAL(pe_options_int(o, "clusters"), 25);
    pe_options_destroy(o);
}

static void count(void *arg, const char *name, const char *value)
{
    (void)name;
    (void)value;
    ++*(int *)arg;
}

static void test_any(void)
{
    pe_options *o = pe_options_create(NULL, NULL);
    int n = 0;

    CU_ASSERT_EQUAL(pe_options_set(o, "limit", "3", NULL), -1);
    pe_options_allow_any(o);
    CU_ASSERT_EQUAL(pe_options_set(o, "limit", "3", NULL), 0);
    UNIT_EQUAL(pe_options_string(o, "limit"), "3");
    pe_options_each(o, count, &n);
    CU_ASSERT_EQUAL(n, 1);
    pe_options_destroy(o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"defaults", test_defaults},
        {"wrong name or type", test_wrong_access},
        {"errors name option, value and fix", test_errors},
        {"options without a table", test_any},
        {0},
    };

    return unit_main("options", tests);
}
