/* figures.c - what a rank counts and times. */
#include "figures.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/common/clock.h"

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
    if (sent(b)) {
        histogram_add(&f->hop[HOP_BROKER], b->fetch_ns - sent(b));
        f->way_ns += b->fetch_ns > sent(b) ? b->fetch_ns - sent(b) : 0;
    }
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

void figures_urgent(pool_figures *f, const pe_block *b)
{
    if (sent(b))
        histogram_add(&f->hop[HOP_URGENT], b->start_ns - sent(b));
}

void figures_refused(pool_figures *f, const source_item *r, const char *reason)
{
    const pe_block *b = &r->block;
    char *first = r->foreign ? f->first_foreign : f->first_refused;

    if (*first)
        return;
    snprintf(first, POOL_FIRST_MAX, "%s/%d/%lld: %s", b->topic ? b->topic : "-",
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

broker_answers figures_answers(source_reader *s)
{
    broker_answers a = {0};

    if (s->ops->answers)
        s->ops->answers(s, &a);
    return a;
}

json_t *figures_answers_event(const int64_t sum[4])
{
    return json_pack("{s:I, s:f, s:f, s:f}", "n", (json_int_t)sum[0], "slow_ms",
                     (double)sum[1] / 1e3, "quick_ms", (double)sum[2] / 1e3,
                     "throttle_ms", (double)sum[3] / 1e3);
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
