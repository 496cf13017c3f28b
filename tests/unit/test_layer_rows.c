/* test_layer_rows.c - a run of several layers: a row of each in its summary,
 * and whether they add up.
 */
#include "unit.h"

#include "monitor_case.h"

/* A final event of a pool of layer NAME, number I of three. */
#define LAYER(NAME, I, ...)                                            \
    "{'event': 'pool', 'layer': {'name': '" NAME "', 'index': " #I     \
    ", 'of': 3}, 'points': 10, 'bytes': 80, 'first': {'refused_own': " \
    "'t/0/1: torn'}, 'latency_ms': {'total': {'n': 1, 'p50': " #I      \
    ", 'p90': 2, 'p99': 3, 'max': 4}}, 'blocks': {" __VA_ARGS__ "}}"

#define SENT "{'event': 'edge', 'blocks': {'sensed': 10, 'sent': 10}}"
#define FIRST LAYER("g", 0, "'applied': 10, 'forwarded': 9, 'replayed': 2")
#define SECOND LAYER("s", 1, "'applied': 9, 'forwarded': 9, 'deduplicated': 2")
#define THIRD LAYER("c", 2, "'applied': 9")

static json_t *summary_of(const char *first, const char *second,
                          const char *third)
{
    monitor *m = case_monitor(NULL, NULL);
    json_t *s;

    case_take(m, "devices", SENT);
    case_take(m, "g", first);
    case_take(m, "s", second);
    case_take(m, "c", third);
    s = monitor_summary(m, "done", 1);
    monitor_destroy(m);
    return s;
}

static void test_rows(void)
{
    json_t *s = summary_of(FIRST, SECOND, THIRD);
    const json_t *rows = json_object_get(s, "layers");

    UNIT_EQUAL(case_part(s, "state"), "'done'");
    UNIT_EQUAL(case_part(s, "errors"), "[]");
    CU_ASSERT_EQUAL_FATAL(json_array_size(rows), 3);
    UNIT_EQUAL(case_part(json_array_get(rows, 0), "layer"), "'g'");
    UNIT_EQUAL(case_part(json_array_get(rows, 0), "pilots"), "['g']");
    UNIT_EQUAL(
        case_part(json_array_get(rows, 0), "blocks"),
        "{'applied':10,'refused':0,'refused_own':0,'forged':0,'deduplicated':0,"
        "'foreign':0,'forwarded':9,'replayed':2}");
    UNIT_EQUAL(case_part(json_array_get(rows, 1), "latency_ms"),
               "{'total':{'n':1,'p50':1,'p90':2,'p99':3,'max':4}}");
    /* All else is the last one's, but what each has told. */
    UNIT_CONTAINS(case_part(s, "blocks"), "'applied':9,");
    UNIT_CONTAINS(case_part(s, "detail"), "'devices'");
    CU_ASSERT_EQUAL(json_object_size(json_object_get(s, "detail")), 4);
    json_decref(s);
}

/* Two pools of a layer have committed to one state. */
static void test_members(void)
{
    monitor *m = case_monitor(NULL, NULL);
    json_t *s;

    case_take(m, "devices", SENT);
    case_take(m, "g", LAYER("g", 0, "'applied': 4, 'forwarded': 4"));
    case_take(m, "h", FIRST);
    case_take(m, "s", SECOND);
    case_take(m, "c", THIRD);
    s = monitor_summary(m, "done", 1);
    UNIT_EQUAL(case_part(s, "state"), "'done'");
    UNIT_EQUAL(
        case_part(json_array_get(json_object_get(s, "layers"), 0), "pilots"),
        "['g','h']");
    /* A second look finds the same. */
    json_decref(s);
    s = monitor_summary(m, "done", 1);
    UNIT_EQUAL(case_part(s, "state"), "'done'");
    json_decref(s);
    monitor_destroy(m);
}

static void test_sums(void)
{
    static const struct {
        const char *first, *second, *third, *error, *exit;
    } rows[] = {
        {LAYER("g", 0, "'applied': 9, 'forwarded': 9"), SECOND, THIRD,
         "blocks do not add up at layer g: 10 sent + 0 foreign, but 9 applied "
         "or refused",
         "1"},
        {FIRST, LAYER("s", 1, "'applied': 8, 'forwarded': 9"), THIRD,
         "blocks do not add up at layer s: 9 forwarded by g + 0 foreign, but 8 "
         "applied or refused",
         "1"},
        {FIRST, SECOND, LAYER("c", 2, "'applied': 10"),
         "blocks do not add up at layer c: 9 forwarded by s + 0 foreign, but "
         "10 applied or refused",
         "1"},
        /* Others may write to the stream between two. */
        {FIRST, SECOND, LAYER("c", 2, "'applied': 10, 'foreign': 1"), NULL,
         "0"},
        {LAYER("g", 0,
               "'applied': 9, 'forwarded': 9, 'refused': 1, 'refused_own': 1"),
         SECOND, THIRD,
         "1 block of this run's devices was refused by layer g, and went no "
         "further; the first: t/0/1: torn",
         "65"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *s = summary_of(rows[i].first, rows[i].second, rows[i].third);
        const char *e =
            json_string_value(json_array_get(json_object_get(s, "errors"), 0));

        CU_ASSERT_EQUAL(!e, !rows[i].error);
        if (rows[i].error)
            UNIT_EQUAL(e, rows[i].error);
        UNIT_EQUAL(case_part(s, "exit"), rows[i].exit);
        json_decref(s);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"a row of each layer", test_rows},
        {"two pools of a layer", test_members},
        {"layers that do not add up", test_sums},
        {0},
    };

    return unit_main("layer rows", tests);
}
