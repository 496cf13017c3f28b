/* fold_json.c - what was taken of a trace, as members of a document. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/page/fold_private.h"
#include "src/page/memory.h"

#define PICTURE_ROWS 24 /* of ranks; more are put together */

static const char *const hop_words[TRACE_HOPS] = {
    [TRACE_HOP_EDGE] = "sensed to leaving the stages of its device",
    [TRACE_HOP_SEND] = "from there until the broker said it has it",
    [TRACE_HOP_BROKER] = "from the device to the rank that owns it",
    [TRACE_HOP_WAIT] = "fetched, until a rank took it up",
    [TRACE_HOP_PROCESS] = "stages and model, on a rank",
    [TRACE_HOP_RESULT] = "from there until its result is in the broker",
    [TRACE_HOP_COMMIT] = "from its end on a rank to its commit",
    [TRACE_HOP_MODEL] = "its commit was sent, until its device had the model",
    [TRACE_HOP_TOTAL] = "sensed to committed",
};

static json_t *real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* Names are those of logs, and may be cut within a character. */
static json_t *named(const char *s)
{
    char shown[1024];

    text_named(s, strlen(s), shown, sizeof(shown));
    return json_string(shown);
}

/* --- over time --- */

static json_t *lane_make(const bins *b, int lane, int first, int last)
{
    json_t *out = json_array();

    for (int i = first; i <= last; i++)
        json_array_append_new(out, real(bins_row(b, i)[lane]));
    return out;
}

/* Of a bin without a block there is no latency. */
static json_t *quantile_make(const fold *f, double q, int first, int last)
{
    json_t *out = json_array();

    for (int i = first; i <= last; i++)
        json_array_append_new(
            out, histogram_count(&f->latency[i]) > 0
                     ? real(histogram_quantile_ms(&f->latency[i], q))
                     : json_null());
    return out;
}

static json_t *series_make(const fold *f)
{
    const bins *b = &f->series;
    double first_part, last_part;
    int first, last;

    if (!bins_range(b, &first, &last))
        return NULL;
    bins_parts(b, &first_part, &last_part);
    return json_pack(
        "{s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o}",
        "counted", "processed", "from",
        "each block of the trace, by its end on a rank", "latency_of",
        "From sensed to committed", "start_ns",
        (json_int_t)bins_start_ns(b, first), "step_s",
        (double)b->step_ns / CLOCK_S, "first_part", first_part, "last_part",
        last_part, "blocks", lane_make(b, LANE_BLOCKS, first, last), "points",
        lane_make(b, LANE_POINTS, first, last), "bytes",
        lane_make(b, LANE_BYTES, first, last), "outliers",
        lane_make(b, LANE_OUTLIERS, first, last), "p50_ms",
        quantile_make(f, 0.5, first, last), "p90_ms",
        quantile_make(f, 0.9, first, last), "p99_ms",
        quantile_make(f, 0.99, first, last));
}

static json_t *hops_make(const fold *f)
{
    json_t *out = json_array();

    for (unsigned i = 0; i < TRACE_HOPS; i++) {
        const histogram *h = &f->hop[i];

        json_array_append_new(
            out, json_pack("{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:I}", "hop",
                           trace_hop_name(i), "words", hop_words[i], "n",
                           (json_int_t)histogram_count(h), "p50_ms",
                           histogram_quantile_ms(h, 0.5), "p90_ms",
                           histogram_quantile_ms(h, 0.9), "p99_ms",
                           histogram_quantile_ms(h, 0.99), "max_ms",
                           (double)h->max_ns / CLOCK_MS, "negative",
                           (json_int_t)h->negative));
    }
    return out;
}

/* --- ranks --- */

/* Shares of rows [from, to) in each bin, by state. */
static json_t *shares_make(const fold *f, size_t from, size_t to, int first,
                           int last)
{
    json_t *out = json_array();

    for (int k = 0; k < RANK_STATES; k++) {
        json_t *lane = json_array();

        for (int i = first; i <= last; i++) {
            double sum = 0, all = 0;
            for (size_t r = from; r < to; r++) {
                const double *s = bins_row(&f->row[r].over_time, i);
                sum += s[k];
                for (int j = 0; j < RANK_STATES; j++)
                    all += s[j];
            }
            /* Of the time that is told of: a rank that came late, or was
             * killed, has bins of which a part is not.
             */
            json_array_append_new(
                lane, json_real(all > 0 ? round(1e4 * sum / all) / 1e4 : 0));
        }
        json_array_append_new(out, lane);
    }
    return out;
}

static json_t *rows_make(const fold *f, size_t step)
{
    const bins *b = &f->row[0].over_time;
    json_t *out = json_array();
    int first, last;

    if (!bins_range(b, &first, &last))
        return out;
    for (size_t i = 0; i < f->n_rows; i += step) {
        size_t to = i + step < f->n_rows ? i + step : f->n_rows;
        char name[400];

        if (to - i == 1)
            snprintf(name, sizeof(name), "%s", f->row[i].name);
        else
            snprintf(name, sizeof(name), "%s to %s", f->row[i].name,
                     f->row[to - 1].name);
        json_array_append_new(
            out, json_pack("{s:o, s:o}", "name", named(name), "share",
                           shares_make(f, i, to, first, last)));
    }
    return out;
}

static json_t *totals_make(const fold *f)
{
    json_t *out = json_array();

    for (size_t i = 0; i < f->n_rows; i++) {
        json_t *s = json_array();

        for (int k = 0; k < RANK_STATES; k++)
            json_array_append_new(s, json_real(f->row[i].seconds[k]));
        json_array_append_new(
            out, json_pack("{s:o, s:o, s:o}", "name", named(f->row[i].name),
                           "host", named(f->row[i].host), "seconds", s));
    }
    return out;
}

static json_t *ranks_make(const fold *f)
{
    size_t step = (f->n_rows + PICTURE_ROWS - 1) / PICTURE_ROWS;
    json_t *states = json_array();
    const bins *b;
    text words = {0};
    json_t *out;
    int first, last;

    if (f->n_rows == 0 || !states ||
        !bins_range(&f->row[0].over_time, &first, &last)) {
        json_decref(states);
        return NULL;
    }
    b = &f->row[0].over_time;
    for (int k = 0; k < RANK_STATES; k++)
        json_array_append_new(states, json_string(fold_states[k]));
    text_add(&words, "What each rank did, as shares of its time: fetching, "
                     "helping another rank, its own blocks (kernel), epochs "
                     "and messages (reduce), asleep (idle), and what it does "
                     "not tell of, as its start (other). Rank 0 commits in a "
                     "thread beside, which has a row of its own.");
    if (step > 1)
        text_add(&words, " %zu ranks each are one row.", step);
    out = json_pack("{s:I, s:f, s:o, s:s, s:o, s:o}", "start_ns",
                    (json_int_t)bins_start_ns(b, first), "step_s",
                    (double)b->step_ns / CLOCK_S, "states", states, "words",
                    words.data ? words.data : "", "rows", rows_make(f, step),
                    "totals", totals_make(f));
    text_free(&words);
    return out;
}

/* --- partitions, versions --- */

static json_t *partitions_make(const fold *f)
{
    json_t *out = json_array();

    for (size_t i = 0; i < f->n_partitions; i++) {
        const fold_partition *q = &f->partition[i];
        char devices[sizeof(q->devices) + 32];

        if (q->blocks == 0)
            continue;
        snprintf(devices, sizeof(devices), "%s", q->devices);
        if (q->more > 0)
            snprintf(devices, sizeof(devices), "%s and %u more", q->devices,
                     q->more);
        json_array_append_new(
            out, json_pack("{s:I, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I}",
                           "partition", (json_int_t)i, "topic", "", "owner",
                           named(q->owner), "devices", named(devices), "blocks",
                           (json_int_t)q->blocks, "committed",
                           (json_int_t)q->committed, "lag",
                           (json_int_t)(q->blocks - q->committed), "next",
                           (json_int_t)(q->last + 1), "refused",
                           (json_int_t)q->refused));
    }
    return out;
}

static int by_time(const void *a, const void *b)
{
    const trace_commit *x = a, *y = b;

    return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

/* They came pool by pool. */
static json_t *history_make(const fold *f)
{
    json_t *out = json_array();
    trace_commit *all = calloc(f->n_versions + 1, sizeof(*all));

    if (all && f->n_versions > 0) {
        memcpy(all, f->version, f->n_versions * sizeof(*all));
        qsort(all, f->n_versions, sizeof(*all), by_time);
    }
    for (size_t i = 0; all && i < f->n_versions; i++) {
        const trace_commit *c = &all[i];

        json_array_append_new(
            out,
            json_pack("{s:I, s:I, s:I, s:o, s:I, s:f, s:I}", "version",
                      (json_int_t)c->version, "time_ns", (json_int_t)c->time_ns,
                      "points", (json_int_t)c->points, "threshold",
                      real(c->threshold), "bytes", (json_int_t)c->bytes,
                      "took_ms", (double)c->duration_ns / CLOCK_MS, "tries",
                      (json_int_t)c->tries));
    }
    free(all);
    return out;
}

/* --- what is odd --- */

static void add(json_t *notes, char *words)
{
    if (words)
        json_array_append_new(notes, json_string(words));
    free(words);
}

static const char *have(uint64_t n)
{
    return n == 1 ? "has" : "have";
}

static json_t *notes_make(const fold *f)
{
    json_t *out = json_array();

    if (f->negative > 0)
        add(out, text_format("%" PRIu64 " of %" PRIu64 " block%s %s a latency "
                             "below 0: the clocks of two hosts differ by more "
                             "than it took; such a latency is counted, and is "
                             "in no percentile",
                             f->negative, f->blocks, text_s(f->blocks),
                             have(f->negative)));
    if (f->unended > 0)
        add(out, text_format("%" PRIu64 " of %" PRIu64 " block%s of the trace "
                             "%s no end on a rank: no rank has told of %s "
                             "(yet), or %s refused before; the curves are "
                             "without %s",
                             f->unended, f->blocks, text_s(f->blocks),
                             have(f->unended), f->unended == 1 ? "it" : "them",
                             f->unended == 1 ? "it was" : "they were",
                             f->unended == 1 ? "it" : "them"));
    if (f->set_back > 0)
        add(out, text_format("%" PRIu64 " row%s of ranks %s no part of what "
                             "ranks did over time: the clock of a host was set "
                             "back before %s",
                             f->set_back, text_s(f->set_back),
                             f->set_back == 1 ? "is" : "are",
                             f->set_back == 1 ? "it" : "them"));
    if (f->unknown_ranks > 0)
        add(out, text_format("ranks beyond the first %d are left out of the "
                             "picture of ranks",
                             FOLD_RANKS));
    if (f->unknown_partitions > 0)
        add(out, text_format("%" PRIu64 " block%s of partitions from %d on, or "
                             "of none, %s left out of the map",
                             f->unknown_partitions,
                             text_s(f->unknown_partitions), FOLD_PARTITIONS,
                             f->unknown_partitions == 1 ? "is" : "are"));
    if (f->stride > 1)
        add(out, text_format("of %" PRIu64 " commits each %u. is shown",
                             f->commits, f->stride));
    return out;
}

static void put(json_t *o, const char *key, json_t *member)
{
    if (json_is_array(member) && json_array_size(member) == 0)
        json_decref(member);
    else if (member)
        json_object_set_new(o, key, member);
}

json_t *fold_json(const fold *f)
{
    json_t *out;

    memory_watch();
    out = json_object();
    if (!out)
        return NULL;
    put(out, "series", series_make(f));
    if (f->blocks > 0)
        put(out, "hops", hops_make(f));
    put(out, "ranks", ranks_make(f));
    put(out, "partitions", partitions_make(f));
    put(out, "history", history_make(f));
    put(out, "notes", notes_make(f));
    if (!memory_failed())
        return out;
    json_decref(out);
    return NULL;
}
