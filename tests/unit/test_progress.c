/* test_progress.c - a run for people: its progress line, its table. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "monitor_case.h"
#include "src/monitor/monitor.h"

/* --- progress --- */

static void test_progress(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);
    char line[256] = "?";

    monitor_progress(m, line, sizeof(line));
    UNIT_EQUAL(line, "");
    case_take(m, "devices", "{'event': 'progress', 'sensed': 12, 'sent': 10}");
    monitor_progress(m, line, sizeof(line));
    UNIT_EQUAL(line, "lag 2 (2 on devices)  sensed 12  sent 10");
    case_take(m, "pool",
              "{'event': 'progress', 'blocks': 4, 'mb': 1, 't': 0.5}");
    case_take(m, "pool",
              "{'event': 'progress', 'blocks': 9, 'mb': 3.5, 't': 1, "
              "'lag': 3, 'version': 2, 'outliers': 1}");
    case_take(m, "devices",
              "{'event': 'progress', 'sensed': 15, 'sent': 12, 'dropped': 2, "
              "'filtered': 1}");
    monitor_progress(m, line, sizeof(line));
    UNIT_EQUAL(line, "1.0 s  applied 9 (10/s, 5.0 MB/s)  lag 3  dropped 2  "
                     "model v2  outliers 1  sensed 15  sent 12");
    /* our clock; a second pool tells of the same run and its own lag */
    case_take(m, "pool", "{'event': 'progress', 'blocks': 9, 'lag': 4}");
    case_take(m, "more",
              "{'event': 'progress', 'blocks': 9, 'lag': 2, 'masked': 7, "
              "'refused': 1}");
    monitor_progress(m, line, sizeof(line));
    UNIT_CONTAINS(line, "  lag 6  dropped 2  refused 1  masked 7  outliers 0  "
                        "sensed 15  sent 12");
    /* files: how far, and how long */
    case_take(m, "devices",
              "{'event': 'progress', 'sensed': 15, 'sent': 15, 'rows': 1500, "
              "'share': 0.25, 't': 30}");
    monitor_progress(m, line, sizeof(line));
    UNIT_CONTAINS(line, "  lag 6  1500 rows  25% read, 1:30 left  refused 1");
    monitor_destroy(m);
}

/* Files that ranks read themselves are told of by the pool. */
static void test_progress_local(void)
{
    monitor *m = monitor_create("r-1", "local", NULL);
    char line[256];

    case_take(
        m, "pool",
        "{'event': 'progress', 'blocks': 10, 't': 10, 'rows': 1000, 'share': "
        "0.1}");
    monitor_progress(m, line, sizeof(line));
    UNIT_CONTAINS(line, "lag 0  1000 rows  10% read, 1:30 left");
    case_take(m, "pool",
              "{'event': 'progress', 'blocks': 100, 't': 100, 'rows': 9999, "
              "'share': 1}");
    monitor_progress(m, line, sizeof(line));
    UNIT_CONTAINS(line, "9999 rows  100% read  ");
    /* What no files are read for has none. */
    case_take(m, "pool", "{'event': 'progress', 'blocks': 101, 't': 101}");
    monitor_progress(m, line, sizeof(line));
    CU_ASSERT_PTR_NULL(strstr(line, "read"));
    monitor_destroy(m);
}

/* 256 blocks on a device are behind, too; and what there is least need of
 * goes where the line is longer than a terminal is wide.
 */
static void test_progress_width(void)
{
    static const struct {
        size_t cap;
        const char *line;
    } rows[] = {
        {200, "3601.5 s  applied 1000000 (1000/s, 256.0 MB/s)  lag 256 (256 on "
              "devices)  model v14000  outliers 123456789  sensed 1000256  "
              "sent 1000000"},
        {81, "3601.5 s  applied 1000000 (1000/s, 256.0 MB/s)  lag 256 (256 on "
             "devices)"},
        {66, "3601.5 s  applied 1000000  lag 256 (256 on devices)"},
        {40, "3601.5 s  applied 1000000  lag 256"},
        {30, "3601.5 s  applied 1000000"},
        {8, "3601.5 "},
    };
    monitor *m = monitor_create("r-1", "quick", NULL);
    char line[256];

    case_take(m, "pool", "{'event': 'progress', 'blocks': 999500, 't': 3601}");
    case_take(
        m, "pool",
        "{'event': 'progress', 'blocks': 1000000, 't': 3601.5, 'mb': 128, "
        "'version': 14000, 'outliers': 123456789}");
    case_take(m, "devices",
              "{'event': 'progress', 'sensed': 1000256, 'sent': 1000000}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor_progress(m, line, rows[i].cap);
        UNIT_EQUAL(line, rows[i].line);
    }
    monitor_destroy(m);
}

/* --- table --- */

static const char *printed(const json_t *summary)
{
    static char out[4096];
    FILE *f = fmemopen(out, sizeof(out), "w");

    memset(out, 0, sizeof(out));
    monitor_print(summary, f);
    fclose(f);
    return out;
}

/* Changes that stages have found, with the first of them. */
static void test_drifts(void)
{
    json_t *o = json_quoted(
        "{'run': 'r', 'state': 'done', 'blocks': {'drifts': 3}, 'tasks': "
        "{'slices': 4, 'slices_failed': 1}, 'rows': "
        "{'masked': 2}, 'masked_cells': {'1': 2}, 'first': {'drifts': 'column "
        "0 has changed at f.csv:9, block 0', 'masked': 't/0/5 row 2'}}");

    /* What belongs to the rows stands below them. */
    UNIT_CONTAINS(printed(o), "rows      2 masked\n"
                              "          masked cells: column 1: 2\n"
                              "          first masked: t/0/5 row 2\n"
                              "drift     3 found\n"
                              "          first drifts: column 0 has changed "
                              "at f.csv:9, block 0\n"
                              "tasks     4 slices done, 1 failed\n");
    json_object_set_new(json_object_get(o, "blocks"), "drifts",
                        json_integer(0));
    CU_ASSERT_PTR_NULL(strstr(printed(o), " found\n"));
    json_decref(o);
}

/* What is left in the topic is said of a run that is not done. */
static void test_left(void)
{
    static const struct {
        const char *pool, *edge, *state, *left;
    } rows[] = {
        {POOL_BLOCKS('applied' : 6, 'refused' : 2),
         BLOCKS('sensed' : 11, 'sent' : 10), "drained",
         "          2 blocks sent and not applied yet: 'pilot run --resume "
         "r-1' goes on\n          with them\n"},
        {POOL_BLOCKS('applied' : 10), BLOCKS('sensed' : 11, 'sent' : 10),
         "drained", NULL},
        {POOL_BLOCKS('applied' : 10, 'deduplicated' : 3),
         BLOCKS('sensed' : 10, 'sent' : 10), "drained", NULL},
        {POOL_BLOCKS('applied' : 6), NULL, "drained", NULL},
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 10, 'sent' : 10),
         "failed",
         "          1 block sent and not applied yet: 'pilot run --resume r-1' "
         "goes on\n          with it\n"},
        {POOL_BLOCKS('applied' : 9), BLOCKS('sensed' : 10, 'sent' : 10), "done",
         NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = case_monitor(rows[i].pool, rows[i].edge);
        json_t *s = monitor_summary(m, rows[i].state, 1);
        if (rows[i].left)
            UNIT_CONTAINS(printed(s), rows[i].left);
        else
            CU_ASSERT_PTR_NULL(strstr(printed(s), "not applied yet"));
        json_decref(s);
        monitor_destroy(m);
    }
}

static void test_print(void)
{
    monitor *m = case_monitor(POOL_FINAL, EDGE_FINAL);

    monitor_error(m, "one thing");
    json_t *s = monitor_summary(m, "done", 5);
    UNIT_EQUAL(
        printed(s),
        "run       r-1, done in 5.0 s\n"
        "edge      110 sensed, 10 filtered, 4 dropped, 1 spooled, 95 sent\n"
        "pool      101 fetched, 98 applied, 2 refused, 5 foreign\n"
        "          exactly-once: on; 1 replayed, 3 deduplicated\n"
        "          1 block is spooled and not sent yet: 'pilot run --resume "
        "r-1' "
        "sends it\n"
        "rows      12 skipped, 3 masked, 1000 not scored (warm-up)\n"
        "          masked cells: column 0: 2, column 7: 1\n"
        "          first skipped: a.csv:7: 3 fields, not 4\n"
        "          first masked: t/0/5 row 2\n"
        "rate      24.5 blocks/s, 24500 points/s, 6.3 MB/s (98000 points, "
        "25.1 MB)\n"
        "latency   hop               n    p50 ms    p90 ms    p99 ms    max "
        "ms\n"
        "          process          98      1.50      2.50      3.50      "
        "4.50\n"
        "          model            16      1.00      2.00      3.00      "
        "4.00\n"
        "model     kmeans version 16, commit 0123456789ab, 98000 points\n"
        "stream    7 outliers of 97000 rows in the pool, by models that were "
        "still\n"
        "          learning\n"
        "          5 outliers of 90000 rows on devices, by the newest model "
        "there\n"
        "cpu       pool 8.00 s, devices 0.50 s; 0.0241 core-hours per million "
        "points\n"
        "verdict   processing-bound: the pool is 97% busy (94% in functions, "
        "3% with\n"
        "          records); edge has 4.0x headroom, broker 1.2x\n"
        "error     one thing\n");
    json_decref(s);
    monitor_destroy(m);
}

/* What was not scored is said, and no line is wider than a terminal. */
static void test_print_unscored(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    case_take(
        m, "pool",
        "{'event': 'pool', 'pilot': 'pool', 'ranks': 1, 'seconds': 1, "
        "'blocks': {'fetched': 2, 'applied': 2}, 'points': 198, 'rows': "
        "{'masked': 2, 'unscored': 198}, 'masked_cells': {'0': 1, '1': 1, "
        "'2': 1, '3': 1, '4': 1}, 'latency_ms': {'broker': {'n': 2, 'p50': "
        "768.9, 'p90': 768.9, 'p99': 768.9, 'max': 768.9}}, 'model': {'kind': "
        "'kmeans', 'version': 2, 'commit': '0123456789abcdef', 'points': 198, "
        "'threshold': 2.5, 'warming': true}}");
    case_take(
        m, "devices",
        "{'event': 'edge', 'pilot': 'devices', 'devices': 1, 'blocks': "
        "{'sensed': 2, 'sent': 2}, 'seconds': 1, 'scored': 0, 'unscored': "
        "200}");
    json_t *s = monitor_summary(m, "drained", 5);
    UNIT_CONTAINS(
        printed(s),
        "          masked cells: column 0: 1, column 1: 1, column 2: 1, column "
        "3: 1,\n"
        "          column 4: 1\n");
    UNIT_CONTAINS(printed(s), "model     kmeans version 2, commit "
                              "0123456789ab, 198 points, warming up\n"
                              "stream    200 rows on devices not scored: no "
                              "model was there yet\n");
    UNIT_CONTAINS(
        printed(s),
        "verdict   broker-bound: half of the blocks were 768 ms or longer on "
        "their way\n"
        "          from a device to a rank; the edge was idle; the pool was "
        "idle\n");
    json_decref(s);
    monitor_destroy(m);
}

/* Fewer rows may be outliers than have the highest scores. */
static void test_print_top(void)
{
    json_t *s = json_pack(
        "{s:s, s:{s:i, s:i, s:f, s:[{s:s, s:i, s:f}, {s:s, s:i, s:f}]}}", "run",
        "r-1", "final", "outliers", 1, "rows", 2000, "threshold", 4.5, "top",
        "source", "a.csv", "row", 7, "score", 9.25, "device", "d-0", "row", 8,
        "score", 4.5);

    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    UNIT_CONTAINS(printed(s), "top       a.csv row 7  9.25\n"
                              "          d-0 row 8  4.5, no outlier\n"
                              "all       pilot results r-1\n");
    json_decref(s);
}

/* What is said around the rows of the final model, case by case. */
static void test_print_final(void)
{
    static const struct {
        const char *summary, *said; /* NULL: a line "final" is not there */
    } rows[] = {
        {"{'run': 'r', 'final': {'error': 'the file is gone'}}",
         "final     not scored by the final model: the file is gone\n"},
        {"{'run': 'r', 'final': {'outliers': 20, 'rows': 10000, 'version': 4, "
         "'threshold': 2.5, 'threshold_from': 'of all rows', "
         "'model_threshold': 2.25, 'masked': 3}}",
         "final     20 outliers of 10,000 rows (final model, version 4)\n"
         "          3 rows masked: no score\n"
         "          threshold 2.5, of all rows; the stream's: 2.25\n"},
        {"{'run': 'r', 'final': {'notes': ['a.csv has changed', 'so has "
         "b.csv'], 'drift': 'the scores have another mean since row 7'}}",
         "          a.csv has changed\n          so has b.csv\n"
         "          the scores have another mean since row 7\n"},
        {"{'run': 'r', 'drift': 'few outliers'}", "stream    few outliers\n"},
        {"{'run': 'r', 'drift': '20% of its rows were outliers', 'points': 1, "
         "'model': {'outliers': 1}}",
         "stream    1 outlier of 1 row in the pool, by models that were still "
         "learning\n          20% of its rows were outliers\n"},
        {"{'run': 'r', 'final': {'outliers': 1, 'rows': 1, 'masked': 1}}",
         "final     1 outlier of 1 row (final model, version 0)\n"
         "          1 row masked: no score\n"},
        {"{'run': 'r', 'final': 'odd', 'drift': 7}", NULL},
        {"{'run': 'r', 'model': {'kind': 'kmeans', 'version': 0}}",
         "model     kmeans: none was committed\n"},
        {"{'run': 'r', 'model': 'kmeans'}", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_t *s = json_quoted(rows[i].summary);
        if (rows[i].said) {
            UNIT_CONTAINS(printed(s), rows[i].said);
        } else {
            CU_ASSERT_PTR_NULL(strstr(printed(s), "final "));
            CU_ASSERT_PTR_NULL(strstr(printed(s), "model "));
        }
        json_decref(s);
    }
}

/* Six columns are named, and of more it is said how many. */
static void test_print_cells(void)
{
    static const struct {
        int columns;
        const char *said;
    } rows[] = {
        {6, "column 5: 6\n"},
        {7, "and 1 more"},
        {1000, "and 994 more"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        monitor *m = monitor_create("r-1", "quick", NULL);
        json_t *pool = json_quoted("{'event': 'pool', 'points': 1, 'blocks': "
                                   "{'applied': 1}, 'rows': {'masked': 9}, "
                                   "'masked_cells': {}}");
        json_t *cells = json_object_get(pool, "masked_cells");
        for (int k = 0; k < rows[i].columns; k++) {
            char key[16];
            snprintf(key, sizeof(key), "%d", k);
            json_object_set_new(cells, key, json_integer(k + 1));
        }
        monitor_take(m, "pool", pool);
        json_t *s = monitor_summary(m, "done", 1);
        UNIT_CONTAINS(printed(s), "masked cells: column 0: 1, column 1: 2,");
        UNIT_CONTAINS(printed(s), rows[i].said);
        CU_ASSERT_PTR_NULL(strstr(printed(s), "column 6: "));
        json_decref(s);
        json_decref(pool);
        monitor_destroy(m);
    }
}

static void test_print_empty(void)
{
    monitor *m = monitor_create("r-1", "quick", NULL);

    monitor_lost(m, "pool", false);
    monitor_lost(m, "pool", false);
    json_t *s = monitor_summary(m, "failed", 1.26);
    UNIT_EQUAL(printed(s),
               "run       r-1, failed in 1.3 s, 2 pilots died\n"
               "pool      0 fetched, 0 applied, 0 refused, 0 foreign\n"
               "verdict   no verdict: nothing was measured\n");
    json_decref(s);
    monitor_destroy(m);
}

int main(void)
{
    static const unit_test tests[] = {
        {"changes", test_drifts},
        {"blocks that are left", test_left},
        {"progress line", test_progress},
        {"progress line as wide as a terminal", test_progress_width},
        {"progress of a run without services", test_progress_local},
        {"table for people", test_print},
        {"table of what was not scored", test_print_unscored},
        {"table of the highest scores", test_print_top},
        {"table of the final model", test_print_final},
        {"table of many columns", test_print_cells},
        {"table of nothing", test_print_empty},
        {NULL, NULL},
    };

    return unit_main("progress", tests);
}
