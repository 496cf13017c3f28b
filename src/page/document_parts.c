/* document_parts.c - parts of a document: figures, curves, what was refused. */
#include "src/page/document_private.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/monitor/value.h"
#include "src/page/bins.h"
#include "src/poison/reason.h"

#define REASONS 50 /* different ones that are told of */

/* --- what the verdict is made of --- */

static void share_add(text *t, const char *what, double part, double whole)
{
    text_add(t, "%s%s %.3g s (%.0f%%)", t->len ? ", " : "", what, part,
             whole > 0 ? 100 * part / whole : 0.0);
}

static void sum_note(document *d, json_t *list, const char *head, text *parts)
{
    char *words = parts->failed || !parts->len
                      ? NULL
                      : text_format("%s: %s.", head, parts->data);

    d->failed = d->failed || parts->failed;
    if (words)
        json_array_append_new(list, document_text(words));
    free(words);
}

static void pool_arithmetic(document *d, json_t *list, const char *pilot,
                            const json_t *o)
{
    double ranks = value_real(o, "ranks"), s = value_real(o, "seconds");
    double whole = ranks * s;
    text t = {0};
    char head[256];

    snprintf(head, sizeof(head),
             "%.100s: %.0f rank%s x %.3g s from first fetch to last commit = "
             "%.3g s",
             pilot, ranks, ranks == 1 ? "" : "s", s, whole);
    share_add(&t, "stages and model", value_real(o, "busy_s"), whole);
    share_add(&t, "fetching", value_real(o, "fetch_s"), whole);
    share_add(&t, "epochs", value_real(o, "reduce_s"), whole);
    sum_note(d, list, head, &t);
    text_free(&t);
}

static void edge_arithmetic(document *d, json_t *list, const char *pilot,
                            const json_t *o)
{
    double devices = value_real(o, "devices"), s = value_real(o, "seconds");
    double whole = devices * s;
    text t = {0};
    char head[256];

    snprintf(head, sizeof(head), "%.100s: %.0f device%s x %.3g s = %.3g s",
             pilot, devices, devices == 1 ? "" : "s", s, whole);
    share_add(&t, "sensing and stages", value_real(o, "busy_s"), whole);
    share_add(&t, "waiting for the broker", value_real(o, "blocked_s"), whole);
    share_add(&t, "waiting for the source", value_real(o, "paced_s"), whole);
    sum_note(d, list, head, &t);
    text_free(&t);
}

void part_arithmetic(document *d)
{
    const json_t *detail = json_object_get(d->top, "detail");
    json_t *list = json_array(), *o;
    const char *pilot;

    json_object_foreach((json_t *)detail, pilot, o)
    {
        if (value_real(o, "seconds") <= 0)
            continue;
        if (!strcmp(value_text(o, "event", ""), "pool"))
            pool_arithmetic(d, list, pilot, o);
        else if (!strcmp(value_text(o, "event", ""), "edge"))
            edge_arithmetic(d, list, pilot, o);
    }
    json_object_set_new(d->report, "arithmetic", list);
}

/* --- curves --- */

static void take(document *d, const char *key)
{
    json_t *o = json_object_get(fact(d, "fold"), key);

    if (o)
        json_object_set(d->report, key, o);
}

/* What each commit moved, spread over the time since the one before. */
static int spread_commits(const json_t *commits, bins *b)
{
    int64_t was = 0;
    const json_t *o;
    size_t i;

    json_array_foreach((json_t *)commits, i, o)
    {
        int64_t at = value_int(o, "time_ns");

        if (was > 0 && at > was) {
            bins_spread(b, 0, was, at, value_real(o, "blocks"));
            bins_spread(b, 1, was, at, value_real(o, "points"));
        }
        was = at > was ? at : was;
    }
    return json_array_size(commits) > 1 ? 0 : -1;
}

static json_t *lane_of(const bins *b, int lane, int first, int last)
{
    json_t *out = json_array();

    for (int i = first; i <= last; i++)
        json_array_append_new(out, json_real(bins_row(b, i)[lane]));
    return out;
}

/* Without a trace: throughput, as coarse as commits are. */
static void series_of_commits(document *d)
{
    double first_part, last_part;
    bins b;
    int first, last;

    if (bins_open(&b, 2, 100 * CLOCK_MS, NULL) < 0)
        return;
    if (spread_commits(fact(d, "commits"), &b) == 0 &&
        bins_range(&b, &first, &last)) {
        bins_parts(&b, &first_part, &last_part);
        json_object_set_new(
            d->report, "series",
            json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:o, s:o}", "counted",
                      "committed", "from",
                      "the newest commits that its parameter service keeps, "
                      "each spread over the time since the one before",
                      "start_ns", (json_int_t)bins_start_ns(&b, first),
                      "step_s", (double)b.step_ns / CLOCK_S, "first_part",
                      first_part, "last_part", last_part, "blocks",
                      lane_of(&b, 0, first, last), "points",
                      lane_of(&b, 1, first, last)));
    }
    bins_close(&b);
}

static const struct {
    const char *hop, *words;
} summary_hops[] = {
    {"edge", "sensed to leaving the stages of its device"},
    {"broker", "from the device to the rank that owns it"},
    {"start", "the same, of each rank's first record"},
    {"wait", "fetched, until a rank took it up"},
    {"process", "stages and model, on a rank"},
    {"commit", "from its end on a rank to its commit"},
    {"model", "from a commit until a device had its model"},
    {"processed", "sensed to its end on a rank"},
    {"total", "sensed to committed"},
};

/* As the pilots have told at their ends. */
static void hops_of_summary(document *d)
{
    const json_t *latency = json_object_get(d->top, "latency_ms");
    json_t *list = json_array();
    bool any = false;

    for (size_t i = 0; i < sizeof(summary_hops) / sizeof(*summary_hops); i++) {
        const json_t *h = json_object_get(latency, summary_hops[i].hop);

        any = any || value_int(h, "n") > 0;
        if (h)
            json_array_append_new(
                list,
                json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f}", "hop",
                          summary_hops[i].hop, "words", summary_hops[i].words,
                          "n", value_int(h, "n"), "p50_ms",
                          value_real(h, "p50"), "p90_ms", value_real(h, "p90"),
                          "p99_ms", value_real(h, "p99"), "max_ms",
                          value_real(h, "max")));
    }
    if (any) {
        json_object_set_new(d->report, "hops", list);
        return;
    }
    json_decref(list);
    document_lack(d, "hops",
                  text_format("No latency by hop: pilots tell it when they "
                              "end, and %s",
                              fact_why(d, "trace")));
}

static size_t pools_of(const document *d)
{
    const json_t *detail = json_object_get(d->top, "detail");
    const char *pilot;
    json_t *o;
    size_t n = 0;

    json_object_foreach((json_t *)detail, pilot, o)
    {
        n += !strcmp(value_text(o, "event", ""), "pool");
    }
    return n;
}

void part_curves(document *d)
{
    take(d, "series");
    take(d, "hops");
    take(d, "ranks");
    if (json_object_get(d->report, "hops"))
        json_object_set_new(
            d->report, "hops_from",
            json_string("Of every block of the trace: the counts of all "
                        "processes are added, and the percentiles are those of "
                        "the sums."));
    else
        hops_of_summary(d);
    if (!json_object_get(d->report, "hops_from") &&
        json_object_get(d->report, "hops"))
        json_object_set_new(
            d->report, "hops_from",
            json_string(pools_of(d) > 1
                            ? "As the pilots told at their ends. Several pools "
                              "told of it; percentiles do not add, so the "
                              "largest of each is shown: a trace has those of "
                              "all blocks."
                            : "As the pilots told at their ends, over all "
                              "blocks of all ranks."));
    if (!json_object_get(d->report, "series"))
        series_of_commits(d);
    if (!json_object_get(d->report, "series"))
        document_lack(d, "series",
                      text_format("No curve: %s; and %s", fact_why(d, "trace"),
                                  fact_why(d, "commits")));
    if (!json_object_get(json_object_get(d->report, "series"), "p50_ms"))
        document_lack(d, "latency",
                      text_format("No curve: %s", fact_why(d, "trace")));
    if (!json_object_get(d->report, "ranks"))
        document_lack(d, "ranks",
                      text_format("No picture: %s", fact_why(d, "trace")));
}

/* --- partitions --- */

/* Devices by partition, as the service has them. */
static void devices_of(const json_t *live, json_int_t partition, text *t)
{
    const json_t *list = json_object_get(live, "devices"), *o;
    size_t i, more = 0;

    json_array_foreach((json_t *)list, i, o)
    {
        /* One that has not sent yet has none. */
        if (!json_object_get(o, "partition") ||
            value_int(o, "partition") != partition)
            continue;
        if (t->len > 160)
            more++;
        else
            text_add(t, "%s%s", t->len ? ", " : "",
                     value_text(o, "device", "?"));
    }
    if (more > 0)
        text_add(t, " and %zu more", more);
}

static json_t *partition_of_live(const document *d, const json_t *o)
{
    const json_t *live = fact(d, "live");
    json_t *out = json_object();
    char owner[256];
    text devices = {0};

    devices_of(live, value_int(o, "partition"), &devices);
    snprintf(owner, sizeof(owner), "%s rank %lld", value_text(o, "pilot", "?"),
             (long long)value_int(o, "rank"));
    json_object_set_new(out, "partition",
                        json_integer(value_int(o, "partition")));
    json_object_set_new(out, "topic",
                        document_text(value_text(live, "topic", "")));
    if (json_object_get(o, "pilot"))
        json_object_set_new(out, "owner", document_text(owner));
    if (devices.data)
        json_object_set_new(out, "devices", document_text(devices.data));
    if (json_object_get(o, "committed")) {
        json_object_set(out, "committed", json_object_get(o, "committed"));
        json_object_set(out, "next", json_object_get(o, "committed"));
    }
    if (json_object_get(o, "lag"))
        json_object_set(out, "lag", json_object_get(o, "lag"));
    text_free(&devices);
    return out;
}

/* As the run left them, or the service has them. */
static void partitions_of_offsets(document *d)
{
    const json_t *offsets = fact(d, "offsets"), *o;
    json_t *list = json_array(), *copy;
    size_t i;

    json_array_foreach((json_t *)offsets, i, o)
    {
        copy = json_copy((json_t *)o);
        json_object_set(copy, "committed", json_object_get(o, "next"));
        json_array_append_new(list, copy);
    }
    json_object_set_new(d->report, "partitions", list);
    json_object_set_new(
        d->report, "partitions_from",
        json_string("As the last commit left them: the next offset of each "
                    "partition."));
}

void part_partitions(document *d)
{
    const json_t *now = json_object_get(fact(d, "live"), "partitions"), *o;
    json_t *list;
    size_t i;

    if (json_array_size(now) > 0) {
        list = json_array();
        json_array_foreach((json_t *)now, i, o)
        {
            json_array_append_new(list, partition_of_live(d, o));
        }
        json_object_set_new(d->report, "partitions", list);
        json_object_set_new(
            d->report, "partitions_from",
            json_string("As the parameter service and the broker have them: "
                        "offsets that are committed, and what is behind."));
        return;
    }
    take(d, "partitions");
    if (json_object_get(d->report, "partitions"))
        json_object_set_new(d->report, "partitions_from",
                            json_string("Blocks of the trace by partition, and "
                                        "the rank that had it last."));
    else if (json_array_size(fact(d, "offsets")) > 0)
        partitions_of_offsets(d);
    else
        document_lack(d, "partitions",
                      text_format("No map of partitions: %s; and %s",
                                  fact_why(d, "commits"),
                                  fact_why(d, "trace")));
}

/* --- the model --- */

void part_history(document *d)
{
    const json_t *commits = fact(d, "commits");

    take(d, "history");
    if (json_object_get(d->report, "history")) {
        json_object_set_new(d->report, "history_from",
                            json_string("The commits of the trace, with the "
                                        "points that are new in each."));
    } else if (json_array_size(commits) > 0) {
        json_object_set(d->report, "history", (json_t *)commits);
        json_object_set_new(
            d->report, "history_from",
            json_string("The newest commits that its parameter service keeps, "
                        "with the points that are new in each."));
    } else {
        document_lack(d, "history",
                      text_format("No history of its versions: %s; and %s",
                                  fact_why(d, "trace"),
                                  fact_why(d, "commits")));
    }
}

/* --- what was refused --- */

static json_t *reasons_make(const json_t *records, size_t *leftp)
{
    json_t *by = json_object(), *out = json_array(), *o;
    char key[512];
    const char *k;
    size_t i;

    *leftp = 0;
    json_array_foreach((json_t *)records, i, o)
    {
        const char *reason = value_text(o, "reason", "no reason is given");
        json_t *row;

        reason_kind(reason, key, sizeof(key));
        row = json_object_get(by, key);
        if (!row && json_object_size(by) >= REASONS) {
            ++*leftp;
            continue;
        }
        if (!row) {
            row = json_pack("{s:i}", "n", 0);
            if (json_object_set_new_nocheck(by, key, row) < 0)
                continue;
        }
        json_object_set_new(row, "n", json_integer(value_int(row, "n") + 1));
        json_object_set_new(row, "reason", document_text(reason));
        json_object_set(row, "origin", json_object_get(o, "origin"));
    }
    json_object_foreach(by, k, o)
    {
        json_array_append(out, o);
    }
    json_decref(by);
    return out;
}

void part_refused(document *d)
{
    const json_t *blocks = json_object_get(d->top, "blocks");
    const json_t *looked = fact(d, "refused");
    const json_t *records = json_object_get(looked, "records");
    long long n = value_int(blocks, "refused"),
              own = value_int(blocks, "refused_own");
    json_t *out = json_object();
    text t = {0};
    size_t left;

    json_object_set_new(d->report, "refused", out);
    if (!json_object_get(blocks, "refused")) {
        document_lack(d, "refused",
                      text_format("Nobody has told whether any was refused."));
        return;
    }
    if (n == 0)
        text_add(&t, "No block was refused.");
    else
        text_add(&t,
                 "%lld block%s refused and changed nothing, %lld of them of "
                 "this run's devices.",
                 n, n == 1 ? " was" : "s were", own);
    if (n > 0 && json_array_size(records) > 0) {
        json_object_set_new(out, "reasons", reasons_make(records, &left));
        text_add(&t,
                 " Reasons of the newest %zu in topic %s; those that differ in "
                 "numbers alone are one.",
                 json_array_size(records), value_text(looked, "topic", "?"));
        if (left > 0)
            text_add(&t, " %zu more %s.", left,
                     left == 1 ? "has another reason" : "have other reasons");
    } else if (n > 0) {
        document_lack(d, "refused",
                      text_format("Their reasons are not here: %s",
                                  fact_why(d, "refused")));
    }
    if (!t.failed)
        json_object_set_new(out, "words", document_text(t.data));
    text_free(&t);
}
