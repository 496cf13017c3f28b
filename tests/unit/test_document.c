/* test_document.c - the document of a report, and the page it stands in. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "json_quoted.h"
#include "src/page/asset.h"
#include "src/page/document.h"
#include "src/page/html.h"

#define SUMMARY                                                             \
    "{'schema': 1, 'run': 'r-1', 'pipeline': 'quick', 'state': 'done', "    \
    "'exit': 0, 'seconds': 4.5, 'points': 2000000, 'blocks': {'sent': 20, " \
    "'applied': 18, 'refused': 2, 'refused_own': 1}, 'cpu_s': {'pool': 5, " \
    "'devices': 2.2}, 'latency_ms': {'total': {'n': 18, 'p50': 1, 'p90': "  \
    "2, 'p99': 3, 'max': 4}}, 'verdict': {'text': 'source-bound'}, "        \
    "'detail': {'pool': {'event': 'pool', 'ranks': 2, 'seconds': 4, "       \
    "'busy_s': 2, 'fetch_s': 1, 'reduce_s': 0.4}, 'devices': {'event': "    \
    "'edge', 'devices': 1, 'seconds': 4, 'busy_s': 0.2, 'blocked_s': 0, "   \
    "'paced_s': 3.8}}}"

/* The document of [facts], and its report, both until the next call. */
static json_t *made, *report;

static void make(const char *facts)
{
    json_t *f = json_quoted(facts);

    json_decref(made);
    made = document_make(f, NULL);
    report = json_object_get(made, "report");
    json_decref(f);
}

static const char *shown(const json_t *o, const char *key)
{
    return json_shown(json_incref(json_object_get(o, key)));
}

static const char *lack(const char *section)
{
    const char *s = json_string_value(
        json_object_get(json_object_get(report, "lacks"), section));

    return s ? s : "";
}

/* --- of a run that is over --- */

static void test_over(void)
{
    make("{'run': 'r-1', 'by': 'pilot 9', 'now_ns': 1795985000000000000, "
         "'began_ns': 7, 'over': true, 'summary': " SUMMARY ", 'why': "
         "{'trace': 'run r-1 has no trace: --trace makes one', 'live': 'Redis "
         "is away', 'commits': 'Redis is away', 'refused': 'Kafka is away'}}");
    UNIT_EQUAL(shown(made, "state"), "'done'");
    UNIT_EQUAL(shown(report, "schema"), "1");
    UNIT_EQUAL(shown(report, "made"), "'2026-11-29 20:43:20 UTC'");
    UNIT_EQUAL(shown(report, "by"), "'pilot 9'");
    UNIT_EQUAL(shown(report, "live"), "false");
    /* 7.2 s over 2 million points */
    UNIT_EQUAL(shown(report, "core_hours_per_million"), "0.001");
    UNIT_EQUAL(
        shown(report, "arithmetic"),
        "['pool: 2 ranks x 4 s from first fetch to last commit = 8 s: stages "
        "and model 2 s (25%), fetching 1 s (12%), epochs 0.4 s (5%).',"
        "'devices: 1 device x 4 s = 4 s: sensing and stages 0.2 s (5%), "
        "waiting for the broker 0 s (0%), waiting for the source 3.8 s "
        "(95%).']");
    UNIT_CONTAINS(shown(report, "hops"),
                  "{'hop':'total','words':'sensed to committed','n':18,'p50_ms'"
                  ":1.0,'p90_ms':2.0,'p99_ms':3.0,'max_ms':4.0}");
    /* what is not there says so, and why */
    UNIT_EQUAL(lack("series"), "No curve: run r-1 has no trace: --trace makes "
                               "one; and Redis is away");
    UNIT_EQUAL(lack("latency"),
               "No curve: run r-1 has no trace: --trace makes one");
    UNIT_EQUAL(lack("ranks"),
               "No picture: run r-1 has no trace: --trace makes one");
    UNIT_CONTAINS(
        lack("partitions"),
        "No map of partitions: Redis is away; and run r-1 has no trace");
    UNIT_CONTAINS(lack("history"), "No history of its versions: ");
    UNIT_EQUAL(lack("refused"), "Their reasons are not here: Kafka is away");
    UNIT_EQUAL(lack("machines"),
               "No machine has told of itself: nobody has looked");
    UNIT_EQUAL(lack("verdict"), "");
}

/* Several pools: percentiles do not add, and that is said. */
static void test_two_pools(void)
{
    make("{'run': 'r', 'over': true, 'summary': {'latency_ms': {'total': "
         "{'n': 1, 'p50': 1, 'p90': 1, 'p99': 1, 'max': 1}}, 'detail': {'a': "
         "{'event': 'pool'}, 'b': {'event': 'pool'}}}}");
    UNIT_CONTAINS(shown(report, "hops_from"),
                  "percentiles do not add, so the largest of each is shown");
}

static void test_nothing_known(void)
{
    make("{'run': 'r', 'why': {'summary': 'there is none'}}");
    UNIT_EQUAL(shown(made, "run"), "'r'");
    UNIT_EQUAL(shown(made, "state"), "'unknown'");
    UNIT_EQUAL(lack("figures"), "No figures: there is none");
    UNIT_CONTAINS(lack("verdict"), "No verdict yet");
    UNIT_CONTAINS(lack("refused"), "Nobody has told whether any was refused");
    UNIT_EQUAL(shown(report, "pilots"), "[]");
}

/* --- of one that goes on --- */

static void test_live(void)
{
    make("{'run': 'r-1', 'summary': {'state': 'cut off', 'blocks': {'sensed': "
         "4}, 'model': {'kernel': 'avx2'}}, 'live': {'state': 'running', "
         "'pipeline': 'quick', 'topic': 't', 'seconds': 3, 'points': 50, "
         "'outliers': 2, 'blocks': {'applied': 5}, 'model': {'kind': 'kmeans', "
         "'version': 3}, 'rate': {'blocks_per_s': 2.5}, 'partitions': "
         "[{'partition': 0, 'pilot': 'pool', 'rank': 1, 'committed': 5, "
         "'end': 9, 'lag': 4}], 'devices': [{'device': 'd-0', 'partition': "
         "0}], 'pilots': [{'name': 'pool', 'kind': 'pool', 'state': 'ACTIVE', "
         "'waits': {'text': 'for Redis'}}], 'stalled': [{'text': 'nothing "
         "moves'}], 'left_out': {'devices': 7, 'ranks': 0}, 'notes': "
         "['odd']}}");
    UNIT_EQUAL(shown(made, "state"), "'running'");
    UNIT_EQUAL(shown(made, "blocks"), "{'sensed':4,'applied':5}");
    UNIT_EQUAL(shown(made, "model"),
               "{'kind':'kmeans','version':3,'kernel':'avx2','outliers':2,"
               "'points':50}");
    UNIT_EQUAL(shown(report, "live"), "true");
    UNIT_EQUAL(shown(report, "partitions"),
               "[{'partition':0,'topic':'t','owner':'pool rank 1','devices':"
               "'d-0','committed':5,'next':5,'lag':4}]");
    UNIT_EQUAL(shown(report, "pilots"),
               "[{'name':'pool','kind':'pool','state':'ACTIVE','words':'for "
               "Redis'}]");
    UNIT_EQUAL(shown(report, "notes"),
               "['nothing moves','odd','7 devices more are in no table']");
}

/* The summary of a run that is over is its own, whatever services say. */
static void test_over_and_live(void)
{
    make("{'run': 'r-1', 'over': true, 'summary': {'state': 'done', 'blocks': "
         "{'applied': 5}}, 'live': {'state': 'silent', 'blocks': {'applied': "
         "4}, 'stalled': [{'text': 'no'}]}}");
    UNIT_EQUAL(shown(made, "state"), "'done'");
    UNIT_EQUAL(shown(made, "blocks"), "{'applied':5}");
    UNIT_EQUAL(shown(report, "notes"), "[]");
}

/* --- curves --- */

static void test_commits(void)
{
    make("{'run': 'r', 'commits': [{'version': 1, 'time_ns': 1000000000, "
         "'blocks': 3}, {'version': 2, 'time_ns': 1200000000, 'blocks': 4, "
         "'points': 8}]}");
    UNIT_EQUAL(shown(json_object_get(report, "series"), "blocks"), "[2.0,2.0]");
    UNIT_EQUAL(shown(json_object_get(report, "series"), "points"), "[4.0,4.0]");
    UNIT_EQUAL(shown(json_object_get(report, "series"), "counted"),
               "'committed'");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(report, "history")), 2);
    UNIT_EQUAL(lack("series"), "");
    UNIT_CONTAINS(lack("latency"), "No curve: ");
    make("{'run': 'r', 'commits': [{'version': 1, 'time_ns': 1000000000}]}");
    UNIT_CONTAINS(lack("series"), "No curve: "); /* of one there is none */
}

static void test_trace(void)
{
    make("{'run': 'r', 'over': true, 'fold': {'series': {'start_ns': "
         "3000000000, 'p50_ms': [1]}, 'ranks': {'start_ns': 1500000000}, "
         "'hops': [1], 'notes': ['odd']}, 'trace': {'rows': 9, 'dropped': 2, "
         "'lost': 0, 'torn_bytes': 5, 'unended': 1, 'missing': 'pilot edge-2', "
         "'processes': [{'member': 'pool', 'host': 'b', 'offset_ns': 2000000, "
         "'bound_ns': 500000}, {'member': 'pool', 'host': 'b', 'offset_ns': "
         "1000000, 'bound_ns': 250000}, {'member': 'x', 'host': 'c', "
         "'offset_ns': 0, 'bound_ns': -1}]}, 'beats': {'pool': {'host': 'a', "
         "'machine': {'cpu': 'EPYC', 'cores': 8}}, '@follower': {}}}");
    UNIT_EQUAL(shown(report, "origin_ns"), "1500000000");
    UNIT_EQUAL(shown(json_object_get(report, "series"), "from_s"), "1.5");
    UNIT_EQUAL(shown(json_object_get(report, "ranks"), "from_s"), "0.0");
    UNIT_EQUAL(lack("latency"), "");
    UNIT_EQUAL(
        shown(report, "notes"),
        "['trace: odd','trace: 2 rows were dropped, for which there was no "
        "room in memory: curves and percentiles are without them','trace: 5 "
        "bytes behind the last whole second cut off: a process was killed "
        "while it wrote','trace: 1 of its processes did not close it, being "
        "killed: up to a second of each is missing','trace: not here: pilot "
        "edge-2']");
    UNIT_EQUAL(shown(report, "machines"),
               "[{'host':'a','cpu':'EPYC','cores':8},{'host':'b','clock_ms':"
               "1.0,'clock_bound_ms':0.25},{'host':'c'}]");
    UNIT_CONTAINS(lack("machines"),
                  "2 of the hosts have not told what they are");
    UNIT_EQUAL(shown(report, "pilots"),
               "[{'name':'pool','host':'a'}]"); /* no follower */
}

/* --- what was refused --- */

static void test_refused(void)
{
    make("{'run': 'r', 'over': true, 'summary': {'blocks': {'refused': 4, "
         "'refused_own': 1}}, 'refused': {'topic': 't.refused', 'records': "
         "[{'reason': '3 columns of 32', 'origin': 't/0/1'}, {'reason': '17 "
         "columns of 32', 'origin': 't/0/2'}, {'origin': 't/0/3'}]}}");
    UNIT_EQUAL(
        shown(report, "refused"),
        "{'reasons':[{'n':2,'reason':'17 columns of 32','origin':"
        "'t/0/2'},{'n':1,'reason':'no reason is given','origin':"
        "'t/0/3'}],'words':'4 blocks were refused and changed nothing, "
        "1 of them of this run's devices. Reasons of the newest 3 in "
        "topic t.refused; those that differ in numbers alone are one.'}");
    make("{'run': 'r', 'over': true, 'summary': {'blocks': {'refused': 0}}}");
    UNIT_EQUAL(shown(report, "refused"), "{'words':'No block was refused.'}");
    UNIT_EQUAL(lack("refused"), "");
}

/* --- the page --- */

static const char evil[] = "</script><b a=\"'&>\xc3\xa9";

static int count(const char *s, const char *part)
{
    int n = 0;

    for (; (s = strstr(s, part)); s += strlen(part))
        n++;
    return n;
}

/* The page of a run called [evil]. */
static void page_of(text *t, const char *events)
{
    json_t *f =
        json_pack("{s:s, s:{s:s}}", "run", evil, "config", "text", evil);
    json_t *doc = document_make(f, NULL);
    pe_error e = {0};

    CU_ASSERT_EQUAL_FATAL(html_page(doc, events, t, &e), 0);
    json_decref(doc);
    json_decref(f);
}

/* Nothing a run is called ends the script it stands in, or begins a tag. */
static void test_escaped(void)
{
    text t = {0};
    const char *data, *end;
    json_t *back;

    if (!html_is_there())
        return;
    page_of(&t, NULL);
    CU_ASSERT_PTR_NULL(strstr(t.data, evil));
    CU_ASSERT_EQUAL(count(t.data, "<script"), 3);
    CU_ASSERT_EQUAL(count(t.data, "</script"), 3);
    CU_ASSERT_EQUAL(count(t.data, "<title>Run &lt;/script&gt;&lt;b a=&quot;"
                                  "&#39;&amp;&gt;\xc3\xa9</title>"),
                    1);
    data = strstr(t.data, "id=\"report\">");
    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    data += strlen("id=\"report\">");
    end = strstr(data, "</script>");
    back = json_loadb(data, (size_t)(end - data), 0, NULL);
    UNIT_EQUAL(json_string_value(json_object_get(back, "run")), evil);
    json_decref(back);
    text_free(&t);
}

/* It loads nothing, and says so to the browser, which holds it to that. */
static void test_alone(void)
{
    static const char *const loads[] = {"src=",    "<link",   "@import",
                                        "url(",    "<iframe", "<img",
                                        "<object", "<base",   NULL};
    text t = {0};

    if (!html_is_there())
        return;
    page_of(&t, NULL);
    UNIT_CONTAINS(t.data, "content=\"default-src 'none'; script-src "
                          "'unsafe-inline'; style-src 'unsafe-inline'; "
                          "connect-src 'none'\"");
    for (const char *const *l = loads; *l; l++) {
        int charts = count(asset_get(ASSET_CHARTS).data, *l);
        CU_ASSERT_EQUAL(count(t.data, *l), charts);
    }
    CU_ASSERT_PTR_NULL(strstr(t.data, "data-events"));
    UNIT_CONTAINS(t.data, "Permission is hereby granted, free of charge");
    CU_ASSERT_EQUAL(count(t.data, asset_get(ASSET_CHARTS).data), 1);
    for (const char *c = t.data; (c = strchr(c, '@')); c++) /* all are filled */
        CU_ASSERT_FALSE(!strncmp(c, "@TITLE@", 7) || !strncmp(c, "@DATA@", 6));
    text_free(&t);
    page_of(&t, "events?token=\"x");
    UNIT_CONTAINS(t.data, " data-events=\"events?token=&quot;x\"");
    UNIT_CONTAINS(t.data, "connect-src 'self'\"");
    text_free(&t);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a run that is over", test_over},
        {"several pools", test_two_pools},
        {"nothing is known", test_nothing_known},
        {"a run that goes on", test_live},
        {"an end is not changed by services", test_over_and_live},
        {"curves out of commits", test_commits},
        {"a trace, and what is odd about it", test_trace},
        {"refusals", test_refused},
        {"names that are markup", test_escaped},
        {"a page that stands alone", test_alone},
        {NULL, NULL},
    };
    int status = unit_main("document", tests);

    json_decref(made);
    return status;
}
