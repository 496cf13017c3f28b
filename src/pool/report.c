/* report.c - what all ranks have counted and timed: the pool's final event. */
#include "pool_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/block/columns.h"
#include "src/common/clock.h"
#include "src/common/process.h"
#include "src/common/speed.h"
#include "src/common/text.h"
#include "src/model/path.h"

enum {
    F_FETCHED,
    F_REPLAYED,
    F_UNCHECKED,
    F_SKIPPED,
    F_ASIDE,
    F_DRIFTS,
    F_HELPED,
    F_UNTRACED,
    F_SLICES,
    F_SLICES_FAILED,
    F_BUSY,
    F_FETCH,
    F_IDLE,
    F_REDUCE,
    F_STARVED,
    F_HELD,
    F_ANSWERS, /* seconds; sums over them, us */
    F_SLOW,
    F_QUICK,
    F_THROTTLE,
    F_CPU_US,
    F_RSS,
    F_SUMS,
    F_RSS_MAX = F_SUMS,
    F_FIRST,
    F_LAST,
    F_ALL
};

uint64_t report_skipped(const pool *p, const char **firstp)
{
    const char *first = "";
    uint64_t n = 0;

    if (p->c.source->ops->skipped)
        n = p->c.source->ops->skipped(p->c.source, &first);
    if (firstp)
        *firstp = first;
    return n;
}

uint64_t report_aside(const pool *p, const char **wordsp)
{
    const char *words = "";
    uint64_t n = 0;

    if (p->c.source->ops->aside)
        n = p->c.source->ops->aside(p->c.source, &words);
    if (wordsp)
        *wordsp = words;
    return n;
}

/* Rows of blocks that the trace has lost. */
static int64_t untraced(const pool *p)
{
    trace_count c;

    if (!p->c.trace)
        return 0;
    trace_log_flush(p->c.trace);
    c = trace_log_count(p->c.trace);
    return (int64_t)(c.dropped + c.lost);
}

static void own_answers(const pool *p, int64_t f[F_ALL])
{
    broker_answers a = figures_answers(p->c.source);

    f[F_ANSWERS] = (int64_t)a.seconds;
    f[F_SLOW] = (int64_t)(1e3 * a.slow_ms);
    f[F_QUICK] = (int64_t)(1e3 * a.quick_ms);
    f[F_THROTTLE] = (int64_t)(1e3 * a.throttle_ms);
}

static void own_figures(const pool *p, int64_t f[F_ALL])
{
    uint64_t slices = 0, failed = 0;
    const char *drift;

    if (p->c.tasks)
        tasks_count(p->c.tasks, &slices, &failed);
    f[F_SLICES] = (int64_t)slices;
    f[F_SLICES_FAILED] = (int64_t)failed;

    f[F_FETCHED] = (int64_t)p->figures.fetched;
    f[F_REPLAYED] = (int64_t)p->figures.replayed;
    f[F_UNCHECKED] = (int64_t)p->figures.unchecked;
    f[F_SKIPPED] = (int64_t)report_skipped(p, NULL);
    f[F_ASIDE] = (int64_t)report_aside(p, NULL);
    f[F_DRIFTS] = (int64_t)chain_drifts(&p->stages, &drift);
    f[F_HELPED] = (int64_t)p->figures.helped;
    f[F_UNTRACED] = untraced(p);
    f[F_BUSY] = p->figures.busy_ns;
    f[F_FETCH] = p->figures.fetch_ns;
    f[F_IDLE] = p->figures.idle_ns;
    f[F_REDUCE] = p->figures.reduce_ns;
    f[F_STARVED] = p->figures.starved_ns;
    f[F_HELD] = p->figures.held_ns;
    own_answers(p, f);
    f[F_CPU_US] = (int64_t)(clock_cpu_s() * 1e6);
    f[F_RSS] = f[F_RSS_MAX] = process_peak_bytes();
    f[F_FIRST] = p->figures.first_ns ? -p->figures.first_ns : INT64_MIN;
    f[F_LAST] = p->figures.last_ns;
}

/* Histograms and figures of all ranks, on rank 0. */
static void gather(pool *p, int64_t f[F_ALL])
{
    int64_t own[F_ALL];

    own_figures(p, own);
    memcpy(f, own, sizeof(own));
    MPI_Reduce(own, f, F_SUMS, MPI_INT64_T, MPI_SUM, 0, p->c.comm);
    MPI_Reduce(own + F_SUMS, f + F_SUMS, F_ALL - F_SUMS, MPI_INT64_T, MPI_MAX,
               0, p->c.comm);
    for (int h = 0; h < POOL_HOPS; h++) {
        histogram sum = p->figures.hop[h];
        int64_t *lanes = (int64_t *)&p->figures.hop[h], *to = (int64_t *)&sum;

        MPI_Reduce(lanes, to, HISTOGRAM_LANES - 1, MPI_INT64_T, MPI_SUM, 0,
                   p->c.comm);
        MPI_Reduce(lanes + HISTOGRAM_LANES - 1, to + HISTOGRAM_LANES - 1, 1,
                   MPI_INT64_T, MPI_MAX, 0, p->c.comm);
        p->figures.hop[h] = sum;
    }
}

static json_t *report_latency(const pool *p)
{
    static const char *const name[POOL_HOPS] = {"edge",  "broker",    "start",
                                                "wait",  "process",   "commit",
                                                "total", "processed", "urgent"};
    json_t *o = json_object();

    for (int h = 0; h < POOL_HOPS; h++)
        json_object_set_new(o, name[h], event_latency(&p->figures.hop[h]));
    return o;
}

static json_t *report_model(const pool *p)
{
    const pool_model *pm = ship_model(p);
    const pe_model *m = pm ? pm->m : NULL;
    json_t *o = json_pack(
        "{s:s, s:s, s:I, s:s, s:I, s:b}", "kind", p->stages.end->function,
        "kernel", path_name(path_now()), "version",
        (json_int_t)(m ? m->version : 0), "commit", m ? m->commit : "",
        "points", (json_int_t)(m ? m->points : 0), "warming", !m || m->warming);

    /* JSON has no NaN and no infinity: absent means there is none. */
    if (m && m->threshold < 1e308 && m->threshold > -1e308)
        event_real(o, "threshold", m->threshold);
    return o;
}

static json_t *report_blocks(const pool *p, const int64_t f[F_ALL])
{
    const params_counters *t = &p->head->view.total;

    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
        "forged", (json_int_t)t->forged, "fetched", (json_int_t)f[F_FETCHED],
        "applied", (json_int_t)t->applied, "refused", (json_int_t)t->refused,
        "refused_own", (json_int_t)t->refused_own, "replayed",
        (json_int_t)f[F_REPLAYED], "deduplicated", (json_int_t)t->deduplicated,
        "foreign", (json_int_t)t->foreign, "unchecked",
        (json_int_t)f[F_UNCHECKED], "aside", (json_int_t)f[F_ASIDE], "drifts",
        (json_int_t)f[F_DRIFTS], "untraced", (json_int_t)f[F_UNTRACED]);
}

static json_t *report_rows(const pool *p, const int64_t f[F_ALL])
{
    const params_counters *t = &p->head->view.total;

    return json_pack("{s:I, s:I, s:I, s:I}", "skipped",
                     (json_int_t)f[F_SKIPPED], "masked", (json_int_t)t->masked,
                     "unscored", (json_int_t)t->unscored, "stale",
                     (json_int_t)t->stale);
}

/* What was committed before is not of this world's time. */
static json_t *report_began(const pool *p)
{
    return json_pack("{s:I, s:I, s:I}", "blocks",
                     (json_int_t)p->head->began.applied, "points",
                     (json_int_t)p->head->began.points, "bytes",
                     (json_int_t)p->head->began.bytes);
}

/* What the columns of [m] are called, where the source's are [names], into
 * [out]; false: nobody knows.
 */
static bool name_columns(const pool *p, const char *names, const pe_model *m,
                         text *out)
{
    return names && chain_columns(&p->stages, names, out) == 0 &&
           columns_count(out->data, out->len) == m->features;
}

void report_layer(const pool *p, json_t *o)
{
    const pipeline *pl = p->c.pl;

    if (pl->n_streams > 1)
        json_object_set_new(o, "layer",
                            json_pack("{s:s, s:i, s:i}", "name",
                                      pipeline_layer_name(pl, pl->seen),
                                      "index", (int)pl->seen, "of",
                                      (int)pl->n_streams));
}

char *report_column(const pool *p, const pe_model *m, uint32_t k)
{
    text list = {0};
    const char *name = NULL;
    size_t len = 0;
    char *copy;

    if (name_columns(p, p->stages.names, m, &list))
        name = columns_at(list.data, list.len, k, &len);
    copy = name ? strndup(name, len) : NULL;
    text_free(&list);
    return copy;
}

/* What the source's columns are called, as one of the ranks has heard it first;
 * collective.  The caller frees; NULL: none has, or there is no memory.
 */
static char *gather_names(const pool *p)
{
    const char *names = p->stages.names;
    struct {
        int len, rank;
    } own = {names ? (int)strlen(names) + 1 : 0, p->rank}, longest;
    int there;
    char *all;

    MPI_Allreduce(&own, &longest, 1, MPI_2INT, MPI_MAXLOC, p->c.comm);
    if (longest.len == 0)
        return NULL;
    all = malloc((size_t)longest.len);
    there = all != NULL;
    MPI_Allreduce(MPI_IN_PLACE, &there, 1, MPI_INT, MPI_LAND, p->c.comm);
    if (!there) {
        free(all);
        return NULL;
    }
    if (p->rank == longest.rank)
        memcpy(all, names, (size_t)longest.len);
    MPI_Bcast(all, longest.len, MPI_CHAR, longest.rank, p->c.comm);
    return all;
}

/* Of the columns that masked rows, how many cells, and their names where they
 * are known.
 */
static void set_cells(json_t *o, const pool *p, const char *names)
{
    const pool_model *pm = ship_model(p);
    const pe_model *m = pm ? pm->m : NULL;
    json_t *cells = json_object(), *called = json_object();
    text list = {0};
    bool known = m && m->cells && name_columns(p, names, m, &list);
    char column[16], *rest = list.data;

    for (uint32_t i = 0; m && m->cells && i < m->features; i++) {
        const char *name = known ? strsep(&rest, "\t") : NULL;

        if (m->cells[i] == 0)
            continue;
        snprintf(column, sizeof(column), "%u", i);
        event_int(cells, column, m->cells[i]);
        if (name && *name)
            json_object_set_new(called, column, event_text(name));
    }
    if (json_object_size(cells) > 0)
        json_object_set(o, "masked_cells", cells);
    if (json_object_size(called) > 0)
        json_object_set(o, "masked_names", called);
    json_decref(cells);
    json_decref(called);
    text_free(&list);
}

/* The text [own] of the first rank that has one as member [key] of [o];
 * collective, the answer is for rank 0.
 */
static void gather_first(pool *p, const char own[POOL_FIRST_MAX], json_t *o,
                         const char *key)
{
    char *all = p->rank == 0 ? calloc((size_t)p->size, POOL_FIRST_MAX) : NULL;
    int there = p->rank != 0 || all;

    MPI_Bcast(&there, 1, MPI_INT, 0, p->c.comm);
    if (there)
        MPI_Gather(own, POOL_FIRST_MAX, MPI_CHAR, all, POOL_FIRST_MAX, MPI_CHAR,
                   0, p->c.comm);
    for (size_t i = 0; all && i < (size_t)p->size; i++)
        if (all[i * POOL_FIRST_MAX]) {
            json_object_set_new(o, key, event_text(all + i * POOL_FIRST_MAX));
            break;
        }
    free(all);
}

/* The first block of ours that was refused, and of others, the first row that
 * was skipped, the first record set aside, the first change that was found;
 * collective.
 */
static json_t *report_first(pool *p)
{
    json_t *o = json_object();
    char own[POOL_FIRST_MAX];
    const char *skip;

    gather_first(p, p->figures.first_refused, o, "refused_own");
    report_skipped(p, &skip);
    snprintf(own, sizeof(own), "%s", skip);
    gather_first(p, own, o, "skipped");
    report_aside(p, &skip);
    snprintf(own, sizeof(own), "%s", skip);
    gather_first(p, own, o, "aside");
    gather_first(p, p->figures.first_foreign, o, "refused");
    chain_drifts(&p->stages, &skip);
    snprintf(own, sizeof(own), "%s", skip);
    gather_first(p, own, o, "drifts");
    return o;
}

static const char *report_state(const pool *p)
{
    if (p->fate.failed || p->head->broken || p->head->view.any_dead)
        return "failed";
    return p->term.order == PHASE_DRAINED ? "drained" : "done";
}

static void set_times(json_t *o, const int64_t f[F_ALL])
{
    int64_t first = f[F_FIRST] == INT64_MIN ? f[F_LAST] : -f[F_FIRST];

    event_int(o, "first_ns", (uint64_t)first);
    event_int(o, "last_ns", (uint64_t)f[F_LAST]);
    event_real(o, "seconds", (double)(f[F_LAST] - first) * 1e-9);
    event_real(o, "cpu_s", (double)f[F_CPU_US] * 1e-6);
    event_real(o, "busy_s", (double)f[F_BUSY] * 1e-9);
    event_real(o, "fetch_s", (double)f[F_FETCH] * 1e-9);
    event_real(o, "idle_s", (double)f[F_IDLE] * 1e-9);
    event_real(o, "reduce_s", (double)f[F_REDUCE] * 1e-9);
    event_real(o, "starved_s", (double)f[F_STARVED] * 1e-9);
    event_real(o, "held_s", (double)f[F_HELD] * 1e-9);
    event_real(o, "rss_mb", (double)f[F_RSS_MAX] / 1e6);
    event_real(o, "rss_total_mb", (double)f[F_RSS] / 1e6);
}

/* What commits took, from the end of an epoch on, and whose time it was. */
static void set_commits(json_t *o, const pool *p, const int64_t f[F_ALL])
{
    const pool_head *h = p->head;

    event_real(o, "core_speed", speed_of_core());
    event_real(o, "commit_s", (double)h->commit_ns * 1e-9);
    event_real(o, "store_s", (double)h->view.store_ns * 1e-9);
    event_real(o, "apply_s", (double)h->view.apply_ns * 1e-9);
    json_object_set_new(o, "answers", figures_answers_event(f + F_ANSWERS));
}

static void set_checkpoints(json_t *o, const pool *p)
{
    uint64_t written = 0, failed = 0;

    if (!p->c.checkpoint)
        return;
    checkpoint_count(p->c.checkpoint, &written, &failed);
    event_int(o, "checkpoints", written);
    event_int(o, "checkpoints_failed", failed);
}

static void set_counts(json_t *o, const pool *p, const int64_t f[F_ALL])
{
    const params_counters *t = &p->head->view.total;

    event_int(o, "ranks", (uint64_t)p->size);
    event_int(o, "points", t->points);
    event_int(o, "outliers", t->outliers);
    event_int(o, "bytes", t->bytes);
    event_int(o, "epochs", p->figures.epochs);
    event_int(o, "commits", p->head->view.commits);
    event_int(o, "stale", p->head->view.stale);
    event_int(o, "terms", p->figures.terms);
    event_int(o, "helped", (uint64_t)f[F_HELPED]);
    if (f[F_SLICES] + f[F_SLICES_FAILED] > 0)
        json_object_set_new(o, "tasks",
                            json_pack("{s:I, s:I}", "slices",
                                      (json_int_t)f[F_SLICES], "slices_failed",
                                      (json_int_t)f[F_SLICES_FAILED]));
}

/* Of all hosts that ranks are on; collective, the answer is for rank 0. */
static int64_t gather_cores(const pool *p)
{
    int64_t own = 0, sum = 0;
    MPI_Comm host;
    int at;

    if (MPI_Comm_split_type(p->c.comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL,
                            &host) != MPI_SUCCESS)
        return 0;
    MPI_Comm_rank(host, &at);
    MPI_Comm_free(&host);
    if (at == 0)
        own = sysconf(_SC_NPROCESSORS_ONLN);
    MPI_Reduce(&own, &sum, 1, MPI_INT64_T, MPI_SUM, 0, p->c.comm);
    return sum;
}

json_t *pool_report(pool *p)
{
    json_t *o = NULL, *first, *sides;
    int64_t f[F_ALL], cores;
    char *names;

    gather(p, f);
    first = report_first(p);
    names = gather_names(p);
    cores = gather_cores(p);
    if (p->rank != 0) {
        json_decref(first);
        goto done;
    }
    o = json_pack("{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}",
                  "event", "pool", "pilot", p->c.pilot, "member", p->c.member,
                  "state", report_state(p), "exactly_once", p->c.durable,
                  "blocks", report_blocks(p, f), "rows", report_rows(p, f),
                  "began", report_began(p), "first", first, "latency_ms",
                  report_latency(p), "model", report_model(p));
    if (!o)
        goto done;
    /* Of several layers no stage crosses. */
    sides = p->c.pl->n_streams > 1
                ? NULL
                : chain_sides(&p->stages, p->head->view.total.through);
    if (sides)
        json_object_set_new(o, "stages", sides);
    if (p->c.pl->n_streams > 1)
        event_int(json_object_get(o, "blocks"), "forwarded",
                  p->head->view.total.forwarded);
    report_layer(p, o);
    set_cells(o, p, names);
    set_counts(o, p, f);
    event_int(o, "cores", (uint64_t)cores);
    set_checkpoints(o, p);
    set_times(o, f);
    set_commits(o, p, f);
done:
    free(names);
    return o;
}
