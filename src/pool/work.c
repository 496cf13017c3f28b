/* work.c - one block through the stages: prepare, score, learn, stamp. */
#include "pool_private.h"

#include <stdio.h>

#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/federate/merge.h"

/* A record at work, and what the last stage gets of it. */
struct job {
    pool_slot *s;
    const source_item *r;
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
    bool results = results_on(&p->results);
    float *scores = results ? results_room(&p->results, b->points) : NULL;
    uint64_t masked = s->delta->masked, outliers = s->delta->outliers;

    if (p->forward && onward_send(p, s, j->r, b, errp) < 0)
        return -1;
    if (results && !scores)
        return pe_error_nomem(errp);
    if (results &&
        results_fit(&p->results, (size_t)b->points * sizeof(float), errp) < 0)
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
        results_scores(&p->results, s, j->r, b, outliers);
    return 0;
}

/* The error that the last stage has left, which need not be the block's. */
static int refusal(const pe_context *ctx, pe_error *errp)
{
    const pe_error *e = context_failure(ctx);

    if (e->kind == PE_ERROR_NONE || e->kind == PE_ERROR_INPUT)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s", e->text);
    *errp = *e;
    return -1;
}

static int call(pool *p, struct job *j, pe_error *errp)
{
    chain_function *f = &p->stages.last;
    pool_slot *s = j->s;
    pe_block *b = &j->b;
    bool results = results_on(&p->results);
    pe_block in = *b;
    int rc;

    if (chain_lend(&p->stages, f, &in, errp) < 0)
        return -1;
    pe_context_pass(f->ctx, &in, &f->out);
    rc = chain_call(&p->stages, f, &in, errp);
    if (rc == CHAIN_CONDEMNED)
        return -1;
    if (rc < 0)
        return refusal(f->ctx, errp);
    if (rc == PE_FORWARD)
        f->out.source = origin_trust(&p->stages.blur, &in, &f->out);
    b->end_ns = clock_real_ns();
    if (rc == PE_FORWARD && results &&
        results_fit(&p->results, pe_block_bytes(&f->out), errp) < 0)
        return -1;
    if (rc == PE_FORWARD && p->forward &&
        onward_send(p, s, j->r, &f->out, errp) < 0)
        return -1;
    if (s->delta && pe_model_update(s->base->m, s->delta, b, NULL, errp) < 0)
        return -1;
    count_applied(j, 0, context_take_outliers(f->ctx));
    if (rc == PE_FORWARD && results)
        results_block(&p->results, s, j->r, &f->out);
    return 0;
}

void pool_set_aside(pool *p, pool_slot *s, const source_item *r)
{
    s->add.applied++;
    s->add.foreign += r->foreign;
    s->add.bytes += r->raw_len;
    trail_block(p, s, r, NULL, TRACE_ASIDE);
}

void pool_refuse(pool *p, pool_slot *s, const source_item *r,
                 const char *reason)
{
    const chain *st = &p->stages;
    int attempts = r->refuser.at  ? SUSPECT_DEATHS
                   : st->attempts ? st->attempts
                                  : 1;
    char stage[64];
    const pe_block *b = &r->block;

    snprintf(stage, sizeof(stage), "%s",
             st->refuser ? st->refuser->name : st->end->name);
    if (r->refuser.at)
        text_shown(r->refuser.at, r->refuser.len, stage, sizeof(stage));
    log_warn("record %s/%d/%lld refused: %s", b->topic ? b->topic : "-",
             (int)b->partition, (long long)b->offset, reason);
    figures_refused(&p->figures, r, reason);
    s->add.refused++;
    s->add.refused_own += !r->foreign;
    s->add.forged += r->forged;
    s->add.foreign += r->foreign;
    s->add.bytes += r->raw_len;
    snprintf(s->refusal, sizeof(s->refusal), "stage '%.60s': %.180s", stage,
             reason);
    results_refused(&p->results, s, r, stage, attempts, reason);
    trail_block(p, s, r, NULL, TRACE_REFUSED);
}

static void begin(struct job *j)
{
    j->b = j->r->block;
    j->b.start_ns = clock_real_ns();
    FAILPOINT(FAILPOINT_COMPUTE);
}

/* The block as the last stage is to have it.  Functions read aligned data; a
 * model may say that it does not care.
 */
static int prepare(pool *p, struct job *j, pe_error *errp)
{
    bool any =
        !p->stages.last.fn && (p->stages.model->flags & PE_MODEL_UNALIGNED);
    int rc = PE_FORWARD;

    begin(j);
    if (p->stages.n_pre)
        rc = chain_run(&p->stages, &j->b, errp);
    if (rc > 0 && !any && chain_align(&p->stages, &j->b, errp) < 0)
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

/* What a device has learned is merged as it is. */
static int merge(pool *p, struct job *j, pe_error *errp)
{
    const federate_rules rules = {.stale_s = p->stages.end->stale_s,
                                  .revised = p->revised.number > 0};
    int64_t points;

    begin(j);
    points = federate_merge(j->s->base->m, j->s->delta, j->r, &rules,
                            &j->s->add, errp);
    if (points >= 0)
        j->b.points = (uint32_t)points;
    j->b.end_ns = clock_real_ns();
    return points < 0 ? -1 : 0;
}

static int process(pool *p, struct job *j, pe_error *errp)
{
    int rc = prepare(p, j, errp);
    uint64_t outliers = chain_outliers(&p->stages);

    if (rc == PE_NOTHING)
        filtered(j);
    else if (rc > 0)
        rc = p->stages.last.fn ? call(p, j, errp) : learn(p, j, errp);
    if (rc == 0)
        j->s->add.outliers += outliers;
    return rc;
}

void work_failed(pool_slot *s, const char *why)
{
    s->failed++;
    snprintf(s->why, sizeof(s->why), "%.255s", why);
}

int work_hear(pool *p, const source_item *r, pe_error *errp)
{
    const source_ops *ops = p->c.source->ops;
    source_said said;

    if (!chain_is_deaf(&p->stages) || !ops->said)
        return chain_hear(&p->stages, &r->said, errp);
    said = ops->said(p->c.source, r);
    return chain_hear(&p->stages, &said, errp);
}

int pool_work(pool *p, pool_slot *s, const source_item *r)
{
    struct job j = {.s = s, .r = r};
    pe_error e = {0};
    int rc;

    p->stages.base = s->base ? s->base->m : NULL;
    p->stages.item = r;
    p->trail.outliers = s->add.outliers;
    rc = work_hear(p, r, &e);
    if (rc == 0)
        rc = r->is_delta ? merge(p, &j, &e) : process(p, &j, &e);
    p->stages.base = NULL;
    p->figures.blocks++;
    p->figures.points += rc == 0 ? j.b.points : 0;
    p->figures.bytes += r->raw_len;
    s->tried++;
    if (rc == 0) {
        figures_block(&p->figures, s->epoch, &j.b);
        worth_block(&p->worth, j.b.end_ns - j.b.start_ns, r->raw_len);
        if (lane_is_urgent(p, r->block.partition))
            figures_urgent(&p->figures, &j.b);
        trail_block(p, s, r, &j.b, TRACE_APPLIED);
        s->add.through[chain_through(&p->stages)]++;
    } else if (e.kind == PE_ERROR_INPUT) {
        work_failed(s, e.text);
        pool_refuse(p, s, r, e.text);
    } else if (!stages_blame(p, &e)) {
        pool_fail(p, &e);
    }
    p->stages.refuser = NULL;
    p->stages.attempts = 0;
    p->stages.item = NULL;
    return p->fate.failed || p->revised.bad || term_is_wanted(&p->term) ? -1
                                                                        : 0;
}
