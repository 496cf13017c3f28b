/* work.c - one block through the stages: prepare, score, learn, stamp. */
#include "pool_private.h"

#include <stdio.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"

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
 * when Kafka had it; 0: nobody knows.
 */
static int64_t born(const pe_block *b)
{
    if (b->edge_ns && !is_live(b))
        return b->edge_ns;
    return b->sense_ns ? b->sense_ns : b->broker_ns;
}

static void sample(pool *p, const pool_slot *s, const pe_block *b)
{
    if (p->n_samples < POOL_SAMPLES)
        p->samples[p->n_samples++] = (struct pool_sample){
            s->epoch, b->end_ns, born(b) ? born(b) : b->fetch_ns};
}

static void stamp(pool *p, const pool_slot *s, const pe_block *b)
{
    int64_t sent = b->edge_ns ? b->edge_ns : b->broker_ns;

    if (is_live(b))
        histogram_add(&p->hop[HOP_EDGE], b->edge_ns - b->sense_ns);
    if (sent)
        histogram_add(&p->hop[HOP_BROKER], b->fetch_ns - sent);
    histogram_add(&p->hop[HOP_WAIT], b->start_ns - b->fetch_ns);
    histogram_add(&p->hop[HOP_PROCESS], b->end_ns - b->start_ns);
    if (born(b))
        histogram_add(&p->hop[HOP_PROCESSED], b->end_ns - born(b));
    p->busy_ns += b->end_ns - b->start_ns;
    p->last_ns = b->end_ns;
    sample(p, s, b);
}

/* The epoch's commit is in: how long its blocks waited for it. */
void pool_sample_commit(pool *p, int64_t epoch, int64_t commit_ns)
{
    size_t kept = 0;

    for (size_t i = 0; i < p->n_samples; i++) {
        const struct pool_sample *s = &p->samples[i];

        if (s->epoch > epoch) {
            p->samples[kept++] = *s;
            continue;
        }
        histogram_add(&p->hop[HOP_COMMIT], commit_ns - s->end_ns);
        histogram_add(&p->hop[HOP_TOTAL], commit_ns - s->sense_ns);
    }
    p->n_samples = kept;
}

/* A record at work, and what the last stage gets of it. */
struct job {
    pool_slot *s;
    const pool_record *r;
    pe_block b;
};

static void count_applied(struct job *j, uint64_t masked, uint64_t outliers)
{
    params_counters *add = &j->s->add;

    add->applied++;
    add->foreign += j->r->foreign;
    add->points += j->b.points - masked;
    add->masked += masked;
    add->outliers += outliers;
    add->bytes += j->r->raw_len;
}

static int learn(pool *p, struct job *j, pe_error *errp)
{
    pool_slot *s = j->s;
    pe_block *b = &j->b;
    bool results = p->c.pl->results && p->producer;
    float *scores = results ? results_score_room(p, b->points) : NULL;
    uint64_t masked = s->delta->masked, outliers = s->delta->outliers;

    if (results && !scores)
        return pe_error_nomem(errp);
    if (results && results_fit(p, (size_t)b->points * sizeof(float), errp) < 0)
        return -1;
    if (pe_model_update(s->base->m, s->delta, b, scores, errp) < 0)
        return -1;
    b->end_ns = clock_real_ns();
    masked = s->delta->masked - masked;
    outliers = s->delta->outliers - outliers;
    count_applied(j, masked, outliers);
    if (s->base->m->warming)
        s->add.unscored += b->points - masked;
    if (results)
        results_scores(p, s, b, outliers);
    return 0;
}

static int call(pool *p, struct job *j, pe_error *errp)
{
    pool_function *f = &p->last;
    pool_slot *s = j->s;
    pe_block *b = &j->b;
    bool results = p->c.pl->results && p->producer;
    pe_block in = *b;
    int rc;

    rc = function_ops(f->fn)->process_cloud(f->ctx, &in, &f->out);
    if (rc < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s",
                            context_error(f->ctx));
    b->end_ns = clock_real_ns();
    if (rc == PE_FORWARD && results &&
        results_fit(p, pe_block_bytes(&f->out), errp) < 0)
        return -1;
    if (s->delta && pe_model_update(s->base->m, s->delta, b, NULL, errp) < 0)
        return -1;
    count_applied(j, 0, context_take_outliers(f->ctx));
    if (rc == PE_FORWARD && results)
        results_block(p, s, b, &f->out);
    return 0;
}

void pool_refuse(pool *p, pool_slot *s, const pool_record *r,
                 const char *reason)
{
    const pe_block *b = &r->block;
    const char *topic = b->topic ? b->topic : "-";

    log_warn("record %s/%d/%lld refused: %s", topic, (int)b->partition,
             (long long)b->offset, reason);
    if (!r->foreign && !*p->first_refused)
        snprintf(p->first_refused, sizeof(p->first_refused), "%s/%d/%lld: %s",
                 topic, (int)b->partition, (long long)b->offset, reason);
    s->add.refused++;
    s->add.refused_own += !r->foreign;
    s->add.foreign += r->foreign;
    s->add.bytes += r->raw_len;
    if (p->producer)
        results_refused(p, s, r, reason);
}

/* The block as the last stage is to have it.  Functions read aligned data; a
 * model may say that it does not care.
 */
static int prepare(pool *p, struct job *j, pe_error *errp)
{
    bool any = !p->last.fn && (p->model_ops->flags & PE_MODEL_UNALIGNED);
    int rc = PE_FORWARD;

    j->b = j->r->block;
    j->b.start_ns = clock_real_ns();
    if (p->n_pre)
        rc = chain_run(p, &j->b, errp);
    if (rc > 0 && !any && chain_align(p, &j->b, errp) < 0)
        return -1;
    return rc;
}

/* Nothing of the block goes on to the last stage: it is done. */
static void filtered(struct job *j)
{
    j->b.end_ns = clock_real_ns();
    j->b.points = 0;
    count_applied(j, 0, 0);
}

static int process(pool *p, struct job *j, pe_error *errp)
{
    int rc = prepare(p, j, errp);
    uint64_t outliers = chain_outliers(p);

    if (rc == PE_NOTHING)
        filtered(j);
    else if (rc > 0)
        rc = p->last.fn ? call(p, j, errp) : learn(p, j, errp);
    if (rc == 0)
        j->s->add.outliers += outliers;
    return rc;
}

int pool_work(pool *p, pool_slot *s, const pool_record *r)
{
    struct job j = {.s = s, .r = r};
    pe_error e = {0};
    int rc;

    p->at = s;
    rc = process(p, &j, &e);
    p->at = NULL;
    if (rc == 0)
        stamp(p, s, &j.b);
    else if (e.kind == PE_ERROR_INPUT)
        pool_refuse(p, s, r, e.text);
    else
        pool_fail(p, &e);
    p->refuser = NULL;
    return p->failed || p->term.wanted > p->term.number ? -1 : 0;
}
