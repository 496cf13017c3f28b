/* test_metrics.c - a run as Prometheus reads it, and who rests on the names. */
#include "unit.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_quoted.h"
#include "src/common/file.h"
#include "src/serve/metrics.h"

static text made;

static const char *metrics_of(const char *quoted)
{
    json_t *o = json_quoted(quoted);

    text_free(&made);
    metrics_add(o, &made);
    json_decref(o);
    return made.data ? made.data : "";
}

static void test_run(void)
{
    const char *s = metrics_of(
        "{'run': 'r', 'pipeline': 'p', 'topic': 't', 'state': 'running', "
        "'looked_ns': 1795985000500000000, 'blocks': {'applied': 7, 'refused': "
        "0}, 'points': 12345678901, 'lag': {'seconds': 0.25}, 'model': "
        "{'kind': "
        "'kmeans', 'threshold': 3.5}}");

    UNIT_CONTAINS(
        s, "# HELP pilot_run_info The run, its pipeline and its topic; 1.\n"
           "# TYPE pilot_run_info gauge\n"
           "pilot_run_info{run=\"r\",pipeline=\"p\",messaging_destination_name="
           "\"t\",model=\"kmeans\"} 1\n");
    UNIT_CONTAINS(s, "pilot_run_state{run=\"r\",state=\"running\"} 1\n");
    UNIT_CONTAINS(s, "pilot_run_state{run=\"r\",state=\"done\"} 0\n");
    UNIT_CONTAINS(s, "pilot_look_timestamp_seconds{run=\"r\"} 1795985000.5\n");
    UNIT_CONTAINS(s, "# TYPE pilot_blocks_total counter\n"
                     "pilot_blocks_total{run=\"r\",outcome=\"applied\"} 7\n"
                     "pilot_blocks_total{run=\"r\",outcome=\"refused\"} 0\n");
    UNIT_CONTAINS(s, "pilot_points_total{run=\"r\"} 12345678901\n");
    UNIT_CONTAINS(s, "pilot_lag_work_seconds{run=\"r\"} 0.25\n");
    UNIT_CONTAINS(s, "pilot_model_threshold{run=\"r\"} 3.5\n");
    /* what is not known is not there */
    CU_ASSERT_PTR_NULL(strstr(s, "sensed"));
    CU_ASSERT_PTR_NULL(strstr(s, "pilot_lag_blocks"));
    CU_ASSERT_PTR_NULL(strstr(s, "pilot_model_version"));
    CU_ASSERT_PTR_NULL(strstr(s, "pilot_stalled"));
}

static void test_lists(void)
{
    const char *s = metrics_of(
        "{'run': 'r', 'topic': 't', 'pilots': [{'name': 'pool', 'kind': "
        "'pool', 'beat_s': 0.5, 'p95_ms': 2}], 'ranks': [{'pilot': 'pool', "
        "'rank': 3, 'busy': 0.5, 'rss_mb': 12.5}, {'rank': 4, 'busy': 1}], "
        "'partitions': [{'partition': 0, 'pilot': 'pool', 'committed': 9, "
        "'lag': 1}], 'hops': [{'hop': 'edge', 'share': 0.1}, {'hop': 'pool'}], "
        "'stalled': [{'pilot': 'pool', 'hop': 'commit'}], 'trouble': "
        "[{'server': 'redis'}]}");

    UNIT_CONTAINS(s, "pilot_beat_age_seconds{run=\"r\",pilot=\"pool\",kind="
                     "\"pool\"} 0.5\n");
    UNIT_CONTAINS(s, "pilot_block_p95_seconds{run=\"r\",pilot=\"pool\",kind="
                     "\"pool\"} 0.002\n");
    UNIT_CONTAINS(s, "pilot_rank_time_ratio{run=\"r\",pilot=\"pool\",rank="
                     "\"3\",activity=\"busy\"} 0.5\n"
                     "pilot_rank_time_ratio{run=\"r\",rank=\"4\",activity="
                     "\"busy\"} 1\n");
    UNIT_CONTAINS(s, "pilot_rank_memory_bytes{run=\"r\",pilot=\"pool\",rank="
                     "\"3\"} 12500000\n");
    UNIT_CONTAINS(s, "messaging_client_consumed_messages_total{run=\"r\","
                     "messaging_destination_name=\"t\",messaging_destination_"
                     "partition_id=\"0\",messaging_system=\"kafka\",messaging_"
                     "operation_name=\"poll\"} 9\n");
    UNIT_CONTAINS(s, "# TYPE pilot_hop_use_ratio gauge\n"
                     "pilot_hop_use_ratio{run=\"r\",hop=\"edge\"} 0.1\n#");
    UNIT_CONTAINS(s,
                  "pilot_stalled{run=\"r\",pilot=\"pool\",hop=\"commit\"} 1\n");
    UNIT_CONTAINS(s,
                  "pilot_server_unreachable{run=\"r\",server=\"redis\"} 1\n");
}

/* Names of devices are anybody's. */
static void test_escaped(void)
{
    const char *s = metrics_of("{'run': 'a\\\\b\\nc\\u0022d', 'points': 1}");

    UNIT_CONTAINS(s, "pilot_points_total{run=\"a\\\\b\\nc\\\"d\"} 1\n");
}

/* Rows of one name follow each other, each name once. */
static void test_titles(void)
{
    const char *s = metrics_of(
        "{'run': 'r', 'blocks': {'sensed': 1, 'sent': 2}, 'ranks': [{'rank': "
        "0, 'busy': 1, 'idle': 0}]}");
    char title[128];

    for (size_t i = 0; metrics_name(i); i++) {
        const char *first;

        snprintf(title, sizeof(title), "# TYPE %s ", metrics_name(i));
        first = strstr(s, title);
        if (first)
            CU_ASSERT_PTR_NULL(strstr(first + 1, title));
    }
}

/* --- dashboards --- */

static bool is_metric(const char *name, size_t len)
{
    for (size_t i = 0; metrics_name(i); i++)
        if (strlen(metrics_name(i)) == len &&
            !strncmp(metrics_name(i), name, len))
            return true;
    return false;
}

/* Every word of [path] that begins like a metric of ours is one. */
static void names_check(const char *path)
{
    const char *top = getenv("top_srcdir");
    char *file = text_format("%s/%s", top ? top : ".", path);
    char *data = file_read(file, 1 << 20, NULL, NULL);
    int n = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    for (const char *s = data; (s = strstr(s, "pilot_"));) {
        size_t len = 0;

        while (isalnum((unsigned char)s[len]) || s[len] == '_')
            len++;
        if (!is_metric(s, len))
            printf("# %s: %.*s is no metric\n", path, (int)len, s);
        CU_ASSERT_TRUE(is_metric(s, len));
        s += len;
        n++;
    }
    CU_ASSERT_TRUE(n >= 8);
    free(data);
    free(file);
}

static void test_dashboards(void)
{
    json_t *o;
    const char *top = getenv("top_srcdir");
    char *file = text_format("%s/doc/grafana.json", top ? top : ".");

    names_check("doc/grafana.json");
    names_check("doc/alerts.yml");
    o = json_load_file(file, 0, NULL);
    CU_ASSERT_TRUE(json_array_size(json_object_get(o, "panels")) >= 10);
    json_decref(o);
    free(file);
}

/* Two rows of the same labels: who reads them would refuse all.  One stays, and
 * the others are counted.
 */
static void test_twice(void)
{
    const char *s = metrics_of(
        "{'run': 'r', 'pilots': [{'name': 'p', 'kind': 'pool', 'beat_s': 1}, "
        "{'name': 'p', 'kind': 'pool', 'beat_s': 2}, {'name': 'q', 'kind': "
        "'pool', 'beat_s': 3}], 'devices': [{'device': 'a}\\u0022,', 'pilot': "
        "'p', 'full': 0.5}, {'device': 'a}\\u0022,', 'pilot': 'p', 'full': "
        "0.6}, {'device': 'a}', 'pilot': 'p', 'full': 0.7}]}");
    const char *beat = strstr(s, "pilot_beat_age_seconds{run=\"r\",pilot="
                                 "\"p\",kind=\"pool\"} 1\n");

    CU_ASSERT_PTR_NOT_NULL_FATAL(beat);
    CU_ASSERT_PTR_NULL(strstr(s, "pilot=\"p\",kind=\"pool\"} 2\n"));
    UNIT_CONTAINS(s, "pilot=\"q\",kind=\"pool\"} 3\n");
    UNIT_CONTAINS(s, "device=\"a}\\\",\",pilot=\"p\"} 0.5\n");
    CU_ASSERT_PTR_NULL(strstr(s, "} 0.6\n"));
    UNIT_CONTAINS(s, "device=\"a}\",pilot=\"p\"} 0.7\n");
    UNIT_CONTAINS(s, "# TYPE pilot_metrics_left_out gauge\n"
                     "pilot_metrics_left_out{run=\"r\"} 2\n");
    CU_ASSERT_PTR_NULL(strstr(metrics_of("{'run': 'r'}"), "left_out"));
}

int main(void)
{
    static const unit_test tests[] = {
        {"rows that are there twice", test_twice},
        {"a run", test_run},
        {"lists", test_lists},
        {"names", test_escaped},
        {"titles", test_titles},
        {"dashboard and alerts", test_dashboards},
        {NULL, NULL},
    };
    int status = unit_main("metrics", tests);

    text_free(&made);
    return status;
}
