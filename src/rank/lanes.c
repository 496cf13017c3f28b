/* lanes.c - what ranks have done between two looks, as it is told. */
#include "lanes.h"

#include <math.h>
#include <stdlib.h>

#include "figures.h"
#include "src/agent/event.h"

static int64_t grown(const int64_t *then, const int64_t *now,
                     enum recent_lane lane)
{
    return now[lane] > then[lane] ? now[lane] - then[lane] : 0;
}

static double seconds_of(const int64_t *then, const int64_t *now)
{
    return (double)grown(then, now, RECENT_NOW) * 1e-9;
}

static json_t *share_of(const int64_t *then, const int64_t *now,
                        enum recent_lane lane)
{
    double whole = (double)grown(then, now, RECENT_NOW);
    double part = (double)grown(then, now, lane);
    double s = whole > 0 ? part / whole : 0;

    return json_real(s > 1 ? 1 : rint(s * 1e3) / 1e3);
}

static double per_s(const int64_t *then, const int64_t *now,
                    enum recent_lane lane)
{
    double s = seconds_of(then, now);

    return s > 0 ? rint((double)grown(then, now, lane) / s * 1e3) / 1e3 : 0;
}

static json_t *rank_row(const int64_t *then, const int64_t *now, int rank)
{
    json_t *row = json_array();

    json_array_append_new(row, json_integer(rank));
    for (enum recent_lane k = RECENT_BUSY; k <= RECENT_IDLE; k++)
        json_array_append_new(row, share_of(then, now, k));
    json_array_append_new(row, json_real(per_s(then, now, RECENT_BLOCKS)));
    json_array_append_new(row, json_real(per_s(then, now, RECENT_HELPED)));
    json_array_append_new(row,
                          json_real(rint((double)now[RECENT_RSS] / 1e5) / 10));
    json_array_append_new(row, json_integer(now[RECENT_LAG]));
    json_array_append_new(row, json_integer(now[RECENT_BACKLOG]));
    return row;
}

/* A rank, and what it is shown for. */
struct place {
    int rank;
    int64_t lag, busy;
};

static int by_lag(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->lag != y->lag)
        return x->lag < y->lag ? 1 : -1;
    if (x->busy != y->busy)
        return x->busy < y->busy ? 1 : -1;
    return x->rank - y->rank;
}

static int by_rank(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->rank - y->rank;
}

json_t *recent_ranks(const int64_t *then, const int64_t *now, int ranks)
{
    struct place *at = calloc((size_t)ranks, sizeof(*at));
    int n = ranks < EVENT_ROWS_MAX ? ranks : EVENT_ROWS_MAX;
    json_t *rows = json_array();

    for (int i = 0; at && i < ranks; i++) {
        const int64_t *a = then + (size_t)i * RECENT_LANES;
        const int64_t *b = now + (size_t)i * RECENT_LANES;

        at[i] = (struct place){i, b[RECENT_LAG], grown(a, b, RECENT_BUSY)};
    }
    if (at) {
        qsort(at, (size_t)ranks, sizeof(*at), by_lag);
        qsort(at, (size_t)n, sizeof(*at), by_rank);
    }
    for (int i = 0; at && i < n; i++) {
        size_t k = (size_t)at[i].rank * RECENT_LANES;

        json_array_append_new(rows, rank_row(then + k, now + k, at[i].rank));
    }
    free(at);
    return rows;
}

json_t *recent_last(const int64_t *then, const int64_t *now, int ranks)
{
    int64_t sum[RECENT_LANES] = {0};
    double seconds = 0;
    json_t *o;

    for (int i = 0; i < ranks; i++) {
        const int64_t *a = then + (size_t)i * RECENT_LANES;
        const int64_t *b = now + (size_t)i * RECENT_LANES;
        double s = seconds_of(a, b);

        for (int k = 0; k < RECENT_LANES; k++)
            sum[k] += grown(a, b, (enum recent_lane)k);
        seconds = s > seconds ? s : seconds;
    }
    o = json_pack("{s:f, s:i, s:{s:I, s:I, s:I}, s:I, s:I, s:I, s:I, s:I}",
                  "seconds", seconds, "ranks", ranks, "blocks", "fetched",
                  (json_int_t)sum[RECENT_FETCHED], "applied",
                  (json_int_t)sum[RECENT_BLOCKS], "refused",
                  (json_int_t)sum[RECENT_REFUSED], "points",
                  (json_int_t)sum[RECENT_POINTS], "bytes",
                  (json_int_t)sum[RECENT_BYTES], "outliers",
                  (json_int_t)sum[RECENT_OUTLIERS], "helped",
                  (json_int_t)sum[RECENT_HELPED], "commits",
                  (json_int_t)sum[RECENT_COMMITS]);
    if (!o)
        return NULL;
    event_real(o, "busy_s", (double)sum[RECENT_BUSY] * 1e-9);
    event_real(o, "fetch_s", (double)sum[RECENT_FETCH] * 1e-9);
    event_real(o, "reduce_s", (double)sum[RECENT_REDUCE] * 1e-9);
    event_real(o, "idle_s", (double)sum[RECENT_IDLE] * 1e-9);
    event_real(o, "starved_s", (double)sum[RECENT_STARVED] * 1e-9);
    event_real(o, "held_s", (double)sum[RECENT_HELD] * 1e-9);
    event_real(o, "way_s", (double)sum[RECENT_WAY] * 1e-9);
    event_real(o, "commit_s", (double)sum[RECENT_SPENT] * 1e-9);
    event_real(o, "store_s", (double)sum[RECENT_STORE] * 1e-9);
    event_real(o, "apply_s", (double)sum[RECENT_APPLY] * 1e-9);
    json_object_set_new(o, "answers",
                        figures_answers_event(sum + RECENT_ANSWERS));
    if (now[RECENT_COMMITS] > 0)
        event_real(o, "commit_ms", (double)now[RECENT_COMMIT_NS] / 1e6);
    return o;
}

void recent_counts(const int64_t *now, int ranks, json_t *event)
{
    int64_t sum[RECENT_LANES] = {0};

    for (int i = 0; i < ranks; i++)
        for (int k = 0; k < RECENT_LANES; k++)
            sum[k] += now[(size_t)i * RECENT_LANES + (size_t)k];
    event_real(event, "cpu_s", (double)sum[RECENT_CPU] * 1e-6);
    json_object_set_new(event, "counts",
                        json_pack("{s:{s:I, s:I, s:I, s:I, s:I}, s:{s:I}}",
                                  "blocks", "fetched",
                                  (json_int_t)sum[RECENT_FETCHED], "replayed",
                                  (json_int_t)sum[RECENT_REPLAYED], "unchecked",
                                  (json_int_t)sum[RECENT_UNCHECKED], "aside",
                                  (json_int_t)sum[RECENT_ASIDE], "drifts",
                                  (json_int_t)sum[RECENT_DRIFTS], "rows",
                                  "skipped", (json_int_t)sum[RECENT_SKIPPED]));
}
