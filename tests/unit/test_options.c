/* test_options.c - typed options against their table. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <pilot/options.h>

#include "src/config/value.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const pe_option_spec specs[] = {
    {"clusters", PE_OPTION_INT, 1, 100, "25", NULL, "number"},
    {"seed", PE_OPTION_INT, 0, 0, "1", NULL, "number without a range"},
    {"one", PE_OPTION_INT, 1, 1, NULL, NULL, "only this"},
    {"least", PE_OPTION_INT, 5, HUGE_VAL, NULL, NULL, "no upper limit"},
    {"decay", PE_OPTION_FLOAT, 0, 1, "1", NULL, "share"},
    {"strict", PE_OPTION_BOOL, 0, 0, "no", NULL, "refuse"},
    {"path", PE_OPTION_STRING, 0, 0, NULL, NULL, "file"},
    {"header", PE_OPTION_STRING, 0, 0, "auto", "auto yes no", "header"},
    {"queue", PE_OPTION_SIZE, 1024, 1073741824, "64MiB", NULL, "memory"},
    {"period", PE_OPTION_TIME, 0.001, 60, "100ms", NULL, "time"},
    {"pause", PE_OPTION_TIME, 0, 5400, NULL, NULL, "time from nothing on"},
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

/* A wrong default is the table's fault, and told when the set is made. */
static void test_bad_default(void)
{
    static const pe_option_spec bad[] = {
        {"good", PE_OPTION_INT, 1, 9, "5", NULL, ""},
        {"period", PE_OPTION_TIME, 0, 9, "5", NULL, ""},
        {0},
    };
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(pe_options_create(bad, &e));
    UNIT_EQUAL(e.text,
               "default of an option: period: '5' needs a unit: 5ms, 5s");
    CU_ASSERT_PTR_NULL(pe_options_create(bad, NULL));
}

/* A wrong name or type is a program error: a harmless value. */
static void test_wrong_access(void)
{
    pe_options *o = pe_options_create(specs, NULL);

    CU_ASSERT_EQUAL(pe_options_int(o, "nothing"), 0);
    CU_ASSERT_EQUAL(pe_options_int(o, NULL), 0);
    CU_ASSERT_EQUAL(pe_options_int(o, "decay"), 0);
    CU_ASSERT_EQUAL(pe_options_float(o, "clusters"), 0.0);
    CU_ASSERT_FALSE(pe_options_bool(o, "clusters"));
    CU_ASSERT_EQUAL(pe_options_size(o, "period"), 0);
    CU_ASSERT_EQUAL(pe_options_time(o, "decay"), 0.0);
    CU_ASSERT_PTR_NULL(pe_options_string(o, "clusters"));
    CU_ASSERT_PTR_NULL(pe_options_text(o, "nothing"));
    pe_options_destroy(o);

    CU_ASSERT_EQUAL(pe_options_int(NULL, "clusters"), 0);
    CU_ASSERT_FALSE(pe_options_has(NULL, "clusters"));
    CU_ASSERT_EQUAL(pe_options_set(NULL, "clusters", "1", NULL), -1);
    pe_options_allow_any(NULL);
    pe_options_each(NULL, NULL, NULL);
}

static void test_set(void)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {"clusters", "1"}, {"clusters", "100"}, {"seed", "-7"},
        {"one", "1"},      {"least", "5000"},   {"decay", "5e-1"},
        {"strict", "on"},  {"path", ""},        {"path", "a b.csv"},
        {"header", "no"},  {"queue", "4kB"},    {"period", "1ms"},
        {"pause", "0s"},
    };
    pe_options *o = pe_options_create(specs, NULL);
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        CU_ASSERT_EQUAL(pe_options_set(o, rows[i].name, rows[i].text, &e), 0);
        UNIT_EQUAL(pe_options_text(o, rows[i].name), rows[i].text);
        CU_ASSERT_TRUE(pe_options_has(o, rows[i].name));
    }
    CU_ASSERT_EQUAL(pe_options_int(o, "clusters"), 100);
    CU_ASSERT_EQUAL(pe_options_int(o, "seed"), -7);
    CU_ASSERT_EQUAL(pe_options_float(o, "decay"), 0.5);
    CU_ASSERT_TRUE(pe_options_bool(o, "strict"));
    CU_ASSERT_EQUAL(pe_options_size(o, "queue"), 4000);
    CU_ASSERT_DOUBLE_EQUAL(pe_options_time(o, "period"), 0.001, 1e-15);
    UNIT_EQUAL(pe_options_string(o, "path"), "a b.csv");
    pe_options_destroy(o);
}

static void test_errors(void)
{
    static const struct {
        const char *name, *value, *text;
    } rows[] = {
        {NULL, "3", "an option needs a name and a value"},
        {"seed", NULL, "an option needs a name and a value"},
        {"clusterz", "3",
         "unknown option 'clusterz'; did you mean 'clusters'?"},
        {"zzz", "3",
         "unknown option 'zzz'; known are: clusters seed one least decay "
         "strict path header queue period pause"},
        {"clusters", "many", "clusters: 'many' is not an integer"},
        {"clusters", "3.5", "clusters: '3.5' is not an integer"},
        {"clusters", "", "clusters: '' is not an integer"},
        {"clusters", "0", "clusters: '0' is not between 1 and 100"},
        {"clusters", "101", "clusters: '101' is not between 1 and 100"},
        {"one", "2", "one: '2' is not 1"},
        {"least", "4", "least: '4' is less than 5"},
        {"decay", "nan", "decay: 'nan' is not a number"},
        {"decay", "1.5", "decay: '1.5' is not between 0 and 1"},
        {"strict", "maybe", "strict: 'maybe' is not true or false"},
        {"header", "perhaps", "header: 'perhaps' is not one of: auto yes no"},
        {"header", "aut", "header: 'aut' is not one of: auto yes no"},
        {"header", "", "header: '' is not one of: auto yes no"},
        {"queue", "64", "queue: '64' needs a unit: 64kB, 64MiB"},
        {"queue", "much",
         "queue: 'much' is not a size; write it as in 512B, 64kB, 64MiB"},
        {"queue", "2GiB", "queue: '2GiB' is not between 1KiB and 1GiB"},
        {"period", "250", "period: '250' needs a unit: 250ms, 250s"},
        {"period", "soon",
         "period: 'soon' is not a time; write it as in 250ms, 30s, 10m, 1h"},
        {"period", "2h", "period: '2h' is not between 1ms and 1m"},
        {"pause", "2h", "pause: '2h' is not between 0s and 1.5h"},
    };
    pe_options *o = pe_options_create(specs, NULL);

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        CU_ASSERT_EQUAL(pe_options_set(o, rows[i].name, rows[i].value, &e), -1);
        UNIT_EQUAL(e.text, rows[i].text);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    }
    /* What was there stays. */
    CU_ASSERT_EQUAL(pe_options_int(o, "clusters"), 25);
    UNIT_EQUAL(pe_options_text(o, "clusters"), "25");
    pe_options_destroy(o);
}

static void join(void *arg, const char *name, const char *value)
{
    char *list = arg;
    size_t len = strlen(list);

    snprintf(list + len, 256 - len, "%s=%s ", name, value);
}

static void test_any(void)
{
    pe_options *o = pe_options_create(NULL, NULL);
    char list[256] = "";
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_options_set(o, "limit", "3", &e), -1);
    UNIT_EQUAL(e.text, "unknown option 'limit'; there are none here");
    pe_options_allow_any(o);
    CU_ASSERT_EQUAL(pe_options_set(o, "limit", "3", NULL), 0);
    CU_ASSERT_EQUAL(pe_options_set(o, "limit", "4", NULL), 0);
    CU_ASSERT_EQUAL(pe_options_set(o, "path", "x", NULL), 0);
    UNIT_EQUAL(pe_options_string(o, "limit"), "4");
    CU_ASSERT_EQUAL(pe_options_int(o, "limit"), 0);
    pe_options_each(o, join, list);
    UNIT_EQUAL(list, "limit=4 path=x ");
    pe_options_destroy(o);
}

/* In the order of the table, then of setting; without a value: left out. */
static void test_each(void)
{
    pe_options *o = pe_options_create(specs, NULL);
    char list[256] = "";

    pe_options_allow_any(o);
    CU_ASSERT_EQUAL(pe_options_set(o, "zeal", "1", NULL), 0);
    CU_ASSERT_EQUAL(pe_options_set(o, "header", "yes", NULL), 0);
    pe_options_each(o, join, list);
    UNIT_EQUAL(list, "clusters=25 seed=1 decay=1 strict=no header=yes "
                     "queue=64MiB period=100ms zeal=1 ");
    pe_options_destroy(o);
}

static void test_value(void)
{
    config_value v = {.i = 99};
    pe_error e = {0};

    CU_ASSERT_EQUAL(config_value_parse(&specs[0], "a.b", "x", &v, &e), -1);
    UNIT_EQUAL(e.text, "a.b: 'x' is not an integer");
    CU_ASSERT_EQUAL(v.i, 99);
    CU_ASSERT_EQUAL(config_value_parse(&specs[0], "a.b", "7", &v, &e), 0);
    CU_ASSERT_EQUAL(v.i, 7);
}

int main(void)
{
    static const unit_test tests[] = {
        {"defaults", test_defaults},
        {"a default that is wrong", test_bad_default},
        {"wrong name or type", test_wrong_access},
        {"values as they are written", test_set},
        {"errors name option, value and fix", test_errors},
        {"options without a table", test_any},
        {"visit in order", test_each},
        {"one value", test_value},
        {0},
    };

    return unit_main("options", tests);
}
