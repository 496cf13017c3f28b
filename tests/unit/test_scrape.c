/* test_scrape.c - metrics as a strict reader of Prometheus' text takes them. */
#include "unit.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_quoted.h"
#include "src/live/live.h"
#include "src/serve/metrics.h"

/* --- a reader of format 0.0.4, which takes nothing that is not in it --- */

enum { SERIES_MAX = 12000, LABELS_MAX = 12 };

typedef struct pair {
    char *name, *value; /* value: as it was before it was escaped */
} pair;

typedef struct series {
    const char *key; /* name and labels, as they stand there */
    size_t key_len;
    char *name;
    pair label[LABELS_MAX];
    int n;
    double value;
    char number[40];
} series;

static text made;
static series *all;
static int n_all;
static char titled[200][80];
static int n_titled;
static char wrong[200]; /* the first thing that is against the format */

static void complain(const char *why, const char *at)
{
    if (!*wrong)
        snprintf(wrong, sizeof(wrong), "%s: %.60s", why, at);
}

static void forget(void)
{
    for (int i = 0; i < n_all; i++) {
        for (int k = 0; k < all[i].n; k++) {
            free(all[i].label[k].name);
            free(all[i].label[k].value);
        }
        free(all[i].name);
    }
    n_all = n_titled = 0;
    *wrong = '\0';
}

static size_t name_len(const char *s)
{
    size_t n = 0;

    if (isdigit((unsigned char)*s))
        return 0;
    while (isalnum((unsigned char)s[n]) || s[n] == '_')
        n++;
    return n;
}

/* "value" with its quotes; behind it, or NULL. */
static const char *value_read(const char *s, char **valuep)
{
    char *out = malloc(strlen(s) + 1), *to = out;

    *valuep = out;
    if (*s++ != '"')
        return NULL;
    for (; *s && *s != '"' && *s != '\n'; s++) {
        if (*s == '\\') {
            s++;
            if (*s != '\\' && *s != '"' && *s != 'n')
                return NULL;
            *to++ = *s;
            if (*s == 'n')
                to[-1] = '\n';
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
    return *s == '"' ? s + 1 : NULL;
}

static const char *labels_read(const char *s, series *r)
{
    while (*s != '}') {
        size_t len = name_len(s);
        pair *l = &r->label[r->n];

        if (len == 0 || s[len] != '=' || r->n == LABELS_MAX)
            return NULL;
        r->n++;
        l->name = strndup(s, len);
        s = value_read(s + len + 1, &l->value);
        if (!s || (*s != ',' && *s != '}'))
            return NULL;
        s += *s == ',' && s[1] != '}';
        for (int k = 0; k < r->n - 1; k++)
            if (!strcmp(r->label[k].name, l->name))
                return NULL;
    }
    return s;
}

static const char *sample_read(const char *line)
{
    series *r = &all[n_all++];
    size_t len = name_len(line);
    const char *s;
    char *end;

    memset(r, 0, sizeof(*r));
    r->name = strndup(line, len);
    if (!n_titled || strcmp(titled[n_titled - 1], r->name) != 0)
        complain("not below its title", line);
    s = line[len] == '{' ? labels_read(line + len + 1, r) : NULL;
    if (!s) {
        complain("labels", line);
        return NULL;
    }
    r->key = line;
    r->key_len = (size_t)(s - line);
    if (s[1] != ' ' || isspace((unsigned char)s[2]))
        complain("no number", line);
    r->value = strtod(s + 2, &end);
    if (end == s + 2 || *end != '\n') {
        complain("number", line);
        return NULL;
    }
    snprintf(r->number, sizeof(r->number), "%.*s", (int)(end - s - 2), s + 2);
    return end + 1;
}

/* HELP, and the type at once below it; no name twice. */
static const char *title_read(const char *s)
{
    size_t len = name_len(s + strlen("# HELP "));
    char want[200], *name = titled[n_titled++];

    snprintf(name, sizeof(titled[0]), "%.*s", (int)len, s + 7);
    for (int i = 0; i < n_titled - 1; i++)
        if (!strcmp(titled[i], name))
            complain("titled twice", s);
    if (len == 0 || s[7 + len] != ' ' || s[8 + len] == '\n')
        complain("help", s);
    s = strchr(s, '\n');
    snprintf(want, sizeof(want), "\n# TYPE %s %s\n", name,
             len > 6 && !strcmp(name + len - 6, "_total") ? "counter"
                                                          : "gauge");
    if (!s || strncmp(s, want, strlen(want)) != 0) {
        complain("type", name);
        return NULL;
    }
    return s + strlen(want);
}

static int by_key(const void *a, const void *b)
{
    const series *x = a, *y = b;
    size_t n = x->key_len < y->key_len ? x->key_len : y->key_len;
    int rc = memcmp(x->key, y->key, n);

    return rc ? rc : (x->key_len > y->key_len) - (x->key_len < y->key_len);
}

/* Take [made]; what it has against the format fails the test. */
static void scrape(const json_t *now)
{
    const char *s;

    forget();
    text_free(&made);
    metrics_add(now, &made);
    for (s = made.data; s && *s && n_all < SERIES_MAX && n_titled < 200;)
        s = !strncmp(s, "# HELP ", 7) ? title_read(s) : sample_read(s);
    CU_ASSERT_TRUE(s && !*s);
    CU_ASSERT_TRUE_FATAL(n_all > 0);
    qsort(all, (size_t)n_all, sizeof(*all), by_key);
    for (int i = 1; i < n_all; i++)
        if (by_key(&all[i - 1], &all[i]) == 0)
            complain("twice", all[i].key);
    UNIT_EQUAL(wrong, "");
}

static void scrape_of(const char *quoted)
{
    json_t *o = json_quoted(quoted);

    scrape(o);
    json_decref(o);
}

static const char *label_value(const series *r, const char *name)
{
    for (int k = 0; k < r->n; k++)
        if (!strcmp(r->label[k].name, name))
            return r->label[k].value;
    return NULL;
}

static int count_of(const char *name)
{
    int n = 0;

    for (int i = 0; i < n_all; i++)
        n += !strcmp(all[i].name, name);
    return n;
}

/* The only one called [name], in which [label] is [value] (NULL: any). */
static const series *series_of(const char *name, const char *label,
                               const char *value)
{
    const series *found = NULL;

    for (int i = 0; i < n_all; i++) {
        const char *has = label ? label_value(&all[i], label) : NULL;

        if (strcmp(all[i].name, name) != 0 ||
            (label && (!has || strcmp(has, value) != 0)))
            continue;
        CU_ASSERT_PTR_NULL(found);
        found = &all[i];
    }
    if (!found)
        printf("# there is no %s\n", name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(found);
    return found;
}

static const char *number_of(const char *name)
{
    return series_of(name, NULL, NULL)->number;
}

/* --- hostile words --- */

static char long_word[5001];

static const char *const words[] = {
    "",
    "\"",
    "\\",
    "a\\",
    "\\\"",
    "\\n",
    "\n",
    "\r\n",
    "\t\x01\x1f\x7f",
    "{}=,",
    "# TYPE pilot_points_total gauge",
    "\"} 1\npilot_points_total{run=\"x\"} 9\n# EOF",
    "\",run=\"other",
    "</script><b a='",
    "\xc3\xa9\xe2\x80\xa8\xf0\x9f\x92\xa5",
    "%s%n%d",
    long_word,
};

/* What others call their runs, pilots, devices and servers is in a label as it
 * was, and nowhere else.
 */
static void test_words(void)
{
    static const struct {
        const char *metric, *label;
    } where[] = {
        {"pilot_points_total", "run"},
        {"pilot_run_info", "run"},
        {"pilot_run_info", "pipeline"},
        {"pilot_run_info", "messaging_destination_name"},
        {"pilot_run_info", "model"},
        {"messaging_client_sent_messages_total", "messaging_destination_name"},
        {"messaging_client_consumed_messages_total",
         "messaging_destination_name"},
        {"pilot_beat_age_seconds", "pilot"},
        {"pilot_beat_age_seconds", "kind"},
        {"pilot_rank_memory_bytes", "pilot"},
        {"pilot_device_queue_fill_ratio", "device"},
        {"pilot_device_queue_fill_ratio", "pilot"},
        {"pilot_hop_use_ratio", "hop"},
        {"pilot_stalled", "hop"},
        {"pilot_server_unreachable", "server"},
    };

    memset(long_word, 'x', sizeof(long_word) - 1);
    long_word[2500] = '"';
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        const char *w = words[i];
        json_t *o = json_pack(
            "{s:s, s:s, s:s, s:s, s:i, s:{s:i}, s:{s:s}, s:[{s:s, s:s, s:i}], "
            "s:[{s:s, s:i, s:i}], s:[{s:i, s:i}], s:[{s:s, s:s, s:i}], "
            "s:[{s:s, s:i}], s:[{s:s, s:s}], s:[{s:s}]}",
            "run", w, "pipeline", w, "topic", w, "state", w, "points", 7,
            "blocks", "sent", 3, "model", "kind", w, "pilots", "name", w,
            "kind", w, "beat_s", 1, "ranks", "pilot", w, "rank", 0, "rss_mb", 2,
            "partitions", "partition", 0, "committed", 5, "devices", "device",
            w, "pilot", w, "full", 1, "hops", "hop", w, "share", 1, "stalled",
            "pilot", w, "hop", w, "trouble", "server", w);

        CU_ASSERT_PTR_NOT_NULL_FATAL(o);
        scrape(o);
        for (size_t k = 0; k < sizeof(where) / sizeof(*where); k++)
            UNIT_EQUAL(label_value(series_of(where[k].metric, NULL, NULL),
                                   where[k].label),
                       w);
        UNIT_EQUAL(number_of("pilot_points_total"), "7");
        for (int k = 0; k < n_all; k++) /* of this run, all of them */
            UNIT_EQUAL(label_value(&all[k], "run"), w);
        json_decref(o);
    }
}

/* --- members of another kind, and none --- */

static void test_wrong_kind(void)
{
    static const char *const docs[] = {
        "{}",
        "{'run': null, 'state': 5, 'points': '7', 'blocks': 3, 'lag': [1], "
        "'model': 'kmeans', 'pilots': {}, 'ranks': 1, 'partitions': 'x', "
        "'devices': null, 'hops': true, 'stalled': {}, 'trouble': 0}",
        "{'run': ['r'], 'points': null, 'blocks': {'sensed': 'many', 'sent': "
        "null, 'applied': [1], 'refused': {'n': 1}, 'lost': true}, 'pilots': "
        "[null, 1, 'x', [], {}], 'ranks': [{}, {'busy': 'x'}], 'partitions': "
        "[[], {'partition': 0}], 'devices': [{'full': null}], 'hops': [0]}",
    };

    for (size_t i = 0; i < sizeof(docs) / sizeof(*docs); i++) {
        scrape_of(docs[i]);
        /* not known is not 0: the run and its states are all there is */
        CU_ASSERT_EQUAL(count_of("pilot_run_info"), 1);
        CU_ASSERT_EQUAL(n_all, 1 + count_of("pilot_run_state"));
        UNIT_EQUAL(label_value(&all[0], "run"), "");
        for (int k = 0; k < n_all; k++)
            CU_ASSERT_EQUAL(all[k].value,
                            !strcmp(all[k].name, "pilot_run_info"));
    }
    scrape(NULL);
    CU_ASSERT_EQUAL(n_all, 1 + count_of("pilot_run_state"));
}

/* A label that is not known is left out, the number of its row is not. */
static void test_labels_missing(void)
{
    scrape_of("{'run': 'r', 'pilots': [{'beat_s': 2}], 'ranks': [{'rank': "
              "1.5, 'rss_mb': 1}], 'partitions': [{'partition': null, 'end': "
              "4}]}");
    CU_ASSERT_EQUAL(series_of("pilot_beat_age_seconds", NULL, NULL)->n, 1);
    CU_ASSERT_EQUAL(series_of("pilot_rank_memory_bytes", NULL, NULL)->n, 1);
    UNIT_EQUAL(number_of("pilot_partition_end_offset"), "4");
    CU_ASSERT_PTR_NULL(
        label_value(series_of("pilot_partition_end_offset", NULL, NULL),
                    "messaging_destination_partition_id"));
}

/* --- numbers --- */

static void test_numbers(void)
{
    scrape_of(
        "{'run': 'r', 'points': 9223372036854775807, 'bytes': 0, 'outliers': "
        "-1, 'seconds': 0.1, 'left_s': -2.5, 'looked_ns': 1795985000123456000, "
        "'lag': {'blocks': 0, 'seconds': 1e300}, 'model': {'version': "
        "4294967297, 'threshold': 1e-300, 'time_ns': 1}, 'pilots': [{'name': "
        "'p', 'p95_ms': 0.125, 'epoch_ms': 2000}], 'ranks': [{'rank': 0, "
        "'rss_mb': 98765.4321}]}");
    UNIT_EQUAL(number_of("pilot_points_total"), "9223372036854775807");
    UNIT_EQUAL(number_of("pilot_processed_bytes_total"), "0");
    UNIT_EQUAL(number_of("pilot_outlier_points_total"), "-1");
    UNIT_EQUAL(number_of("pilot_run_duration_seconds"), "0.1");
    UNIT_EQUAL(number_of("pilot_run_left_seconds"), "-2.5");
    UNIT_EQUAL(number_of("pilot_look_timestamp_seconds"), "1795985000.123456");
    UNIT_EQUAL(number_of("pilot_lag_blocks"), "0");
    UNIT_EQUAL(number_of("pilot_lag_work_seconds"), "1e+300");
    UNIT_EQUAL(number_of("pilot_model_version"), "4294967297");
    UNIT_EQUAL(number_of("pilot_model_threshold"), "1e-300");
    UNIT_EQUAL(number_of("pilot_model_timestamp_seconds"), "1e-09");
    UNIT_EQUAL(number_of("pilot_block_p95_seconds"), "0.000125");
    UNIT_EQUAL(number_of("pilot_commit_seconds"), "2");
    CU_ASSERT_DOUBLE_EQUAL(
        series_of("pilot_rank_memory_bytes", NULL, NULL)->value, 98765432100.,
        100);
}

/* Counters of a run that goes on: what is one more is shown as one more, and
 * nothing that grows is shown as less.
 */
static void test_counters_rise(void)
{
    static const json_int_t from[] = {0, 999999998, 999999999999,
                                      INT64_C(9007199254740991)};
    double was[SERIES_MAX / 100];

    for (size_t f = 0; f < sizeof(from) / sizeof(*from); f++)
        for (json_int_t step = 0; step < 12; step++) {
            json_int_t v = from[f] + step;
            int n = 0;
            json_t *o = json_pack(
                "{s:s, s:{s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I, s:[{s:i, "
                "s:I}], s:[{s:s, s:I}]}",
                "run", "r", "blocks", "sensed", v, "sent", v, "applied", v,
                "points", v, "outliers", v, "masked", v, "skipped", v, "bytes",
                v, "partitions", "partition", 3, "committed", v, "pilots",
                "name", "p", "restarts", v);
            char want[40];

            snprintf(want, sizeof(want), "%lld", (long long)v);
            scrape(o);
            for (int i = 0; i < n_all; i++) {
                if (!strstr(all[i].name, "_total"))
                    continue;
                UNIT_EQUAL(all[i].number, want);
                CU_ASSERT_TRUE(step == 0 || all[i].value >= was[n]);
                was[n++] = all[i].value;
            }
            CU_ASSERT_EQUAL(n, 11);
            json_decref(o);
        }
}

/* --- whole documents --- */

static json_t *rows_make(const char *label, const char *format, int n)
{
    json_t *list = json_array();
    char name[40];

    for (int i = 0; i < n; i++) {
        json_t *o = json_pack(format, "full", 0.5, "share", 1.0, "rss_mb", 2.0,
                              "busy", 0.25, "idle", 0.75);

        snprintf(name, sizeof(name), "n\"%d", i);
        json_object_set_new(o, label, json_string(name));
        json_array_append_new(list, o);
    }
    return list;
}

/* As many rows as a document has: each has a series, and none has two. */
static void test_many(void)
{
    static const char *const five = "{s:f, s:f, s:f, s:f, s:f}";
    json_t *o = json_pack("{s:s, s:o, s:o, s:o}", "run", "r", "devices",
                          rows_make("device", five, LIVE_ROWS_MAX), "hops",
                          rows_make("hop", five, 5), "ranks",
                          rows_make("pilot", five, LIVE_ROWS_MAX));

    scrape(o);
    CU_ASSERT_EQUAL(count_of("pilot_device_queue_fill_ratio"), LIVE_ROWS_MAX);
    CU_ASSERT_EQUAL(count_of("pilot_rank_memory_bytes"), LIVE_ROWS_MAX);
    CU_ASSERT_EQUAL(count_of("pilot_rank_time_ratio"), 2 * LIVE_ROWS_MAX);
    CU_ASSERT_EQUAL(count_of("pilot_hop_use_ratio"), 5);
    CU_ASSERT_EQUAL(series_of("pilot_hop_use_ratio", "hop", "n\"4")->value, 1);
    json_decref(o);
}

/* One state is 1: the one it has; of a word that is none, none is. */
static void test_states(void)
{
    static const char *const states[] = {
        "waiting", "running", "draining", "stalled", "silent", "done",
        "drained", "failed",  "gone",     "unknown", "drain",  "done failed"};
    int n = (int)(sizeof(states) / sizeof(*states));

    for (int i = 0; i < n; i++) {
        json_t *o = json_pack("{s:s, s:s}", "run", "r", "state", states[i]);
        double sum = 0;

        scrape(o);
        CU_ASSERT_EQUAL(count_of("pilot_run_state"), n - 2);
        for (int k = 0; k < n_all; k++)
            if (!strcmp(all[k].name, "pilot_run_state"))
                sum += all[k].value;
        CU_ASSERT_EQUAL(sum, i < n - 2);
        if (i < n - 2)
            CU_ASSERT_EQUAL(
                series_of("pilot_run_state", "state", states[i])->value, 1);
        json_decref(o);
    }
}

/* What stands there already stays; of what has failed nothing is added. */
static void test_added(void)
{
    json_t *o = json_quoted("{'run': 'r'}");
    text t = {0}, failed = {.failed = 1};

    text_add(&t, "# before\n");
    metrics_add(o, &t);
    CU_ASSERT_EQUAL(strncmp(t.data, "# before\n# HELP pilot_run_info ", 31), 0);
    CU_ASSERT_EQUAL(t.data[t.len - 1], '\n');
    metrics_add(o, &failed);
    CU_ASSERT_EQUAL(failed.len, 0);
    CU_ASSERT_TRUE(failed.failed);
    text_free(&t);
    text_free(&failed);
    json_decref(o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"words of anybody", test_words},
        {"members of another kind", test_wrong_kind},
        {"labels that are not known", test_labels_missing},
        {"numbers", test_numbers},
        {"counters do not fall", test_counters_rise},
        {"many rows", test_many},
        {"states", test_states},
        {"added to a text", test_added},
        {NULL, NULL},
    };
    int status;

    all = calloc(SERIES_MAX, sizeof(*all));
    if (!all)
        return 99;
    status = unit_main("scrape", tests);
    forget();
    free(all);
    text_free(&made);
    return status;
}
