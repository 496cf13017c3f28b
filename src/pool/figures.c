/* figures.c - what a rank counts and times; of all ranks, the pool's final
 * event.
 */
#include "pool_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/model/path.h"

#define FIRST_MAX 256 /* of what was refused or skipped first */

int figures_init(pool_figures *f, pe_error *errp)
{
    f->samples = malloc(POOL_SAMPLES * sizeof(*f->samples));
    return f->samples ? 0 : pe_error_nomem(errp);
}

void figures_fini(pool_figures *f)
{
    free(f->samples);
}

/* The clock of a file that is read now may be that of another year; a time
 * that is so far off says nothing about this run.
 */
#define LIVE_NS (3600 * CLOCK_S)

static bool is_live(const pe_block *b)
{
    return b->sense_ns && b->edge_ns && b->sense_ns <= b->edge_ns &&
           b->edge_ns - b->sense_ns <= LIVE_NS;
}

/* When the block came to be: as its device says, else, of a record of others,
 * as that says, if it may be so, or when Kafka had it; 0: nobody knows.
 */
static int64_t born(const pe_block *b)
{
    int64_t ago = b->broker_ns - b->sense_ns;

    if (b->edge_ns && !is_live(b))
        return b->edge_ns;
    if (!b->edge_ns && b->broker_ns && (ago < 0 || ago > LIVE_NS))
        return b->broker_ns;
    return b->sense_ns ? b->sense_ns : b->broker_ns;
}

static int64_t sent(const pe_block *b)
{
    return b->edge_ns ? b->edge_ns : b->broker_ns;
}

void figures_first(pool_figures *f, const pe_block *b)
{
    f->first_ns = b->fetch_ns;
    if (sent(b))
        histogram_add(&f->hop[HOP_START], b->fetch_ns - sent(b));
}

void figures_block(pool_figures *f, int64_t epoch, const pe_block *b)
{
    if (is_live(b))
        histogram_add(&f->hop[HOP_EDGE], b->edge_ns - b->sense_ns);
    if (sent(b))
        histogram_add(&f->hop[HOP_BROKER], b->fetch_ns - sent(b));
    histogram_add(&f->hop[HOP_WAIT], b->start_ns - b->fetch_ns);
    histogram_add(&f->hop[HOP_PROCESS], b->end_ns - b->start_ns);
    if (born(b))
        histogram_add(&f->hop[HOP_PROCESSED], b->end_ns - born(b));
    f->busy_ns += b->end_ns - b->start_ns;
    f->last_ns = b->end_ns;
    if (f->n_samples < POOL_SAMPLES)
        f->samples[f->n_samples++] = (struct pool_sample){
            epoch, b->end_ns, born(b) ? born(b) : b->fetch_ns};
}

void figures_refused(pool_figures *f, const source_item *r, const char *reason)
{
    const pe_block *b = &r->block;
    char *first = r->foreign ? f->first_foreign : f->first_refused;

    if (*first)
        return;
    snprintf(first, FIRST_MAX, "%s/%d/%lld: %s", b->topic ? b->topic : "-",
             (int)b->partition, (long long)b->offset, reason);
}

void figures_commit(pool_figures *f, int64_t epoch, int64_t commit_ns)
{
    size_t kept = 0;

    for (size_t i = 0; i < f->n_samples; i++) {
        const struct pool_sample *s = &f->samples[i];

        if (s->epoch > epoch) {
            f->samples[kept++] = *s;
            continue;
        }
        histogram_add(&f->hop[HOP_COMMIT], commit_ns - s->end_ns);
        histogram_add(&f->hop[HOP_TOTAL], commit_ns - s->sense_ns);
    }
    f->n_samples = kept;
}

int64_t figures_p95(pool_figures *f, int64_t now)
{
    if (now >= f->next_p95) {
        f->next_p95 = now + 500 * CLOCK_MS;
        f->p95_ns =
            (int64_t)(1e6 * histogram_quantile_ms(&f->hop[HOP_PROCESS], 0.95));
    }
    return f->p95_ns;
}

/* --- of all ranks --- */

enum {
    F_FETCHED,
    F_REPLAYED,
    F_UNCHECKED,
    F_SKIPPED,
    F_ASIDE,
    F_DRIFTS,
    F_HELPED,
    F_BUSY,
    F_FETCH,
    F_IDLE,
    F_REDUCE,
    F_CPU_US,
    F_RSS,
    F_SUMS,
    F_RSS_MAX = F_SUMS,
    F_FIRST,
    F_LAST,
    F_ALL
};

/* Resident memory of this process in bytes, 0 when it cannot be read. */
static int64_t rss_bytes(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long long kb = 0;

    while (f && fgets(line, sizeof(line), f))
        if (sscanf(line, "VmHWM: %lld kB", &kb) == 1)
            break;
    if (f)
        fclose(f);
    return kb * 1024;
}

/* Rows that this rank's source has left out, and what it said of the first. */
static uint64_t rows_skipped(const pool *p, const char **firstp)
{
    const char *first = "";
    uint64_t n = 0;

    if (p->c.source->ops->skipped)
        n = p->c.source->ops->skipped(p->c.source, &first);
    if (firstp)
        *firstp = first;
    return n;
}

/* Records that hold no rows, and of which kinds they are. */
static uint64_t set_aside(const pool *p, const char **wordsp)
{
    const char *words = "";
    uint64_t n = 0;

    if (p->c.source->ops->aside)
        n = p->c.source->ops->aside(p->c.source, &words);
    if (wordsp)
        *wordsp = words;
    return n;
}

static void own_figures(const pool *p, int64_t f[F_ALL])
{
    const char *drift;

    f[F_FETCHED] = (int64_t)p->figures.fetched;
    f[F_REPLAYED] = (int64_t)p->figures.replayed;
    f[F_UNCHECKED] = (int64_t)p->figures.unchecked;
    f[F_SKIPPED] = (int64_t)rows_skipped(p, NULL);
    f[F_ASIDE] = (int64_t)set_aside(p, NULL);
    f[F_DRIFTS] = (int64_t)chain_drifts(&p->stages, &drift);
    f[F_HELPED] = (int64_t)p->figures.helped;
    f[F_BUSY] = p->figures.busy_ns;
    f[F_FETCH] = p->figures.fetch_ns;
    f[F_IDLE] = p->figures.idle_ns;
    f[F_REDUCE] = p->figures.reduce_ns;
    f[F_CPU_US] = (int64_t)(clock_cpu_s() * 1e6);
    f[F_RSS] = f[F_RSS_MAX] = rss_bytes();
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
    static const char *const name[POOL_HOPS] = {"edge",  "broker",   "start",
                                                "wait",  "process",  "commit",
                                                "total", "processed"};
    json_t *o = json_object();

    for (int h = 0; h < POOL_HOPS; h++)
        json_object_set_new(o, name[h], event_latency(&p->figures.hop[h]));
    return o;
}

static json_t *report_model(const pool *p)
{
    const pool_model *pm = ship_model(p);
    const pe_model *m = pm ? pm->m : NULL;
    json_t *o = json_object();

    json_object_set_new(o, "kind", json_string(p->stages.end->function));
    json_object_set_new(o, "kernel", json_string(path_name(path_now())));
    json_object_set_new(o, "version",
                        json_integer(m ? (json_int_t)m->version : 0));
    json_object_set_new(o, "commit", json_string(m ? m->commit : ""));
    json_object_set_new(o, "points",
                        json_integer(m ? (json_int_t)m->points : 0));
    /* JSON has no NaN and no infinity: absent means there is none. */
    if (m && m->threshold < 1e308 && m->threshold > -1e308)
        json_object_set_new(o, "threshold", json_real(m->threshold));
    json_object_set_new(o, "warming", json_boolean(!m || m->warming));
    return o;
}

static json_t *report_blocks(const pool *p, const int64_t f[F_ALL])
{
    const params_counters *t = &p->head->view.total;

    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "fetched",
        (json_int_t)f[F_FETCHED], "applied", (json_int_t)t->applied, "refused",
        (json_int_t)t->refused, "refused_own", (json_int_t)t->refused_own,
        "replayed", (json_int_t)f[F_REPLAYED], "deduplicated",
        (json_int_t)t->deduplicated, "foreign", (json_int_t)t->foreign,
        "unchecked", (json_int_t)f[F_UNCHECKED], "aside",
        (json_int_t)f[F_ASIDE], "drifts", (json_int_t)f[F_DRIFTS]);
}

static json_t *report_rows(const pool *p, const int64_t f[F_ALL])
{
    const params_counters *t = &p->head->view.total;

    return json_pack("{s:I, s:I, s:I}", "skipped", (json_int_t)f[F_SKIPPED],
                     "masked", (json_int_t)t->masked, "unscored",
                     (json_int_t)t->unscored);
}

/* What was committed before is not of this world's time. */
static json_t *report_began(const pool *p)
{
    return json_pack("{s:I, s:I, s:I}", "blocks",
                     (json_int_t)p->head->began.applied, "points",
                     (json_int_t)p->head->began.points, "bytes",
                     (json_int_t)p->head->began.bytes);
}

/* Of the columns that masked rows, how many cells; NULL: none did. */
static json_t *report_cells(const pool *p)
{
    const pool_model *pm = ship_model(p);
    const pe_model *m = pm ? pm->m : NULL;
    json_t *o = NULL;
    char column[16];

    for (uint32_t i = 0; m && m->cells && i < m->features; i++) {
        if (m->cells[i] == 0)
            continue;
        o = o ? o : json_object();
        snprintf(column, sizeof(column), "%u", i);
        json_object_set_new(o, column, json_integer((json_int_t)m->cells[i]));
    }
    return o;
}

/* The text [own] of the first rank that has one as member [key] of [o];
 * collective, the answer is for rank 0.
 */
static void gather_first(pool *p, const char own[FIRST_MAX], json_t *o,
                         const char *key)
{
    char *all = p->rank == 0 ? calloc((size_t)p->size, FIRST_MAX) : NULL;
    int there = p->rank != 0 || all;

    MPI_Bcast(&there, 1, MPI_INT, 0, p->c.comm);
    if (there)
        MPI_Gather(own, FIRST_MAX, MPI_CHAR, all, FIRST_MAX, MPI_CHAR, 0,
                   p->c.comm);
    for (size_t i = 0; all && i < (size_t)p->size; i++)
        if (all[i * FIRST_MAX]) {
            json_object_set_new(o, key, event_text(all + i * FIRST_MAX));
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
    _Static_assert(sizeof(p->figures.first_refused) == FIRST_MAX, "one size");
    _Static_assert(sizeof(p->figures.first_foreign) == FIRST_MAX, "one size");
    json_t *o = json_object();
    char own[FIRST_MAX];
    const char *skip;

    gather_first(p, p->figures.first_refused, o, "refused_own");
    rows_skipped(p, &skip);
    snprintf(own, sizeof(own), "%s", skip);
    gather_first(p, own, o, "skipped");
    set_aside(p, &skip);
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
    if (p->fate.failed || p->head->view.any_dead)
        return "failed";
    return p->term.order == PHASE_DRAINED ? "drained" : "done";
}

static void set_int(json_t *o, const char *key, uint64_t v)
{
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

static void set_real(json_t *o, const char *key, double v)
{
    json_object_set_new(o, key, json_real(v));
}

static void set_times(json_t *o, const int64_t f[F_ALL])
{
    int64_t first = f[F_FIRST] == INT64_MIN ? f[F_LAST] : -f[F_FIRST];

    set_int(o, "first_ns", (uint64_t)first);
    set_int(o, "last_ns", (uint64_t)f[F_LAST]);
    set_real(o, "seconds", (double)(f[F_LAST] - first) * 1e-9);
    set_real(o, "cpu_s", (double)f[F_CPU_US] * 1e-6);
    set_real(o, "busy_s", (double)f[F_BUSY] * 1e-9);
    set_real(o, "fetch_s", (double)f[F_FETCH] * 1e-9);
    set_real(o, "idle_s", (double)f[F_IDLE] * 1e-9);
    set_real(o, "reduce_s", (double)f[F_REDUCE] * 1e-9);
    set_real(o, "rss_mb", (double)f[F_RSS_MAX] / 1e6);
    set_real(o, "rss_total_mb", (double)f[F_RSS] / 1e6);
}

static void set_counts(json_t *o, const pool *p, const int64_t f[F_ALL])
{
    const params_counters *t = &p->head->view.total;

    set_int(o, "ranks", (uint64_t)p->size);
    set_int(o, "points", t->points);
    set_int(o, "outliers", t->outliers);
    set_int(o, "bytes", t->bytes);
    set_int(o, "epochs", p->figures.epochs);
    set_int(o, "commits", p->head->view.commits);
    set_int(o, "stale", p->head->view.stale);
    set_int(o, "terms", p->figures.terms);
    set_int(o, "helped", (uint64_t)f[F_HELPED]);
}

json_t *pool_report(pool *p)
{
    int64_t f[F_ALL];
    json_t *o, *first;

    gather(p, f);
    first = report_first(p);
    if (p->rank != 0) {
        json_decref(first);
        return NULL;
    }
    o = json_pack(
        "{s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o*}",
        "event", "pool", "pilot", p->c.pilot, "member", p->c.member, "state",
        report_state(p), "exactly_once", p->c.durable, "blocks",
        report_blocks(p, f), "rows", report_rows(p, f), "began",
        report_began(p), "first", first, "latency_ms", report_latency(p),
        "model", report_model(p), "masked_cells", report_cells(p));
    if (!o)
        return NULL;
    set_counts(o, p, f);
    set_times(o, f);
    return o;
}
