/* epoch.c - epochs of the pool: open, closing, reduced to rank 0. */
#include "pool_private.h"

#include <stdio.h>

#include "src/common/clock.h"
#include "src/common/failpoint.h"

/* --- opening --- */

pool_slot *pool_epoch_of(pool_epochs *e, int64_t number)
{
    pool_slot *s = &e->slot[number & 1];

    return s->live && s->epoch == number ? s : NULL;
}

int epoch_begin(pool *p, int64_t base_seq, pe_error *errp)
{
    pool_slot *s = pool_epoch_open(&p->epochs);

    pool_slot_open(s, p->epochs.open, p->own.at, p->own.n_parts);
    return pool_slot_rebase(s, *ship_place(p, base_seq), base_seq, errp);
}

void epoch_advance(pool *p, int64_t base_seq)
{
    pool_epochs *ep = &p->epochs;
    int64_t now = clock_mono_ns();
    pe_error e = {0};

    if (pool_step(p, p->counted ? PHASE_ON_END_COUNTED : PHASE_ON_END) !=
        PHASE_DO_NEXT)
        return;
    if (p->size == 1) /* there is nobody to help with it */
        pool_step(p, PHASE_ON_UNACKED);
    if (p->head)
        p->head->ended_ns[ep->open % POOL_ENDED] = now;
    ep->open++;
    ep->logical++;
    if (*ship_place(p, base_seq))
        p->term.proposal = 0;
    ep->advance_due = now + (int64_t)(p->c.pl->epoch_s * 1e9);
    /* Every rank has this broadcast, perhaps not yet the one after it. */
    if (epoch_begin(p, base_seq, &e) < 0)
        pool_fail(p, &e);
}

/* --- a rank's contribution --- */

static int encode_part(const pool *p, const pool_slot *s, pe_buffer *b,
                       pe_error *errp)
{
    wire_part m = {.term = p->term.number,
                   .epoch = s->epoch,
                   .add = s->add,
                   .tried = s->tried,
                   .failed = s->failed,
                   .why = s->why,
                   .refusal = s->refusal,
                   .ranges = s->range,
                   .n_ranges = p->own.n_parts,
                   .devices = s->touch,
                   .n_devices = s->n_touch};
    const pe_delta *d = s->delta;

    if (s->base) {
        m.points = d->points;
        m.masked = d->masked;
        m.outliers = d->outliers;
        m.cells = d->cells;
        m.n_cells = d->masked ? d->n_cells : 0;
        m.blob = d->blob.data;
        m.blob_len = d->blob.len;
    }
    return wire_part_encode(&m, b, errp);
}

/* Rank 0: the job the epoch is reduced into. */
static int open_job(pool_head *h, const pool *p, const pool_slot *s,
                    pe_error *errp)
{
    commit_job *j = commit_job_create(p->n_partitions, errp);

    h->job = j;
    h->parts_got = 0;
    if (!j)
        return -1;
    j->term = p->term.number;
    j->first_epoch = j->last_epoch = s->epoch;
    if (!s->base)
        return 0;
    j->ops = p->stages.model;
    j->features = s->base->m->features;
    j->warm = !s->base->m->warming;
    j->delta = pe_delta_create(s->base->m, errp);
    if (!j->delta)
        return -1;
    if (s->base->m->version > 0)
        return 0;
    j->base = pe_model_copy(s->base->m, errp);
    return j->base ? 0 : -1;
}

static void reduce_lanes(pool *p, const pool_slot *s)
{
    pool_epochs *ep = &p->epochs;
    pe_delta *to = p->head ? p->head->job->delta : NULL;

    ep->n_reduce = 0;
    if (!s->base)
        return;
    if (s->delta->n_sum)
        MPI_Ireduce(s->delta->sum, to ? to->sum : NULL, (int)s->delta->n_sum,
                    MPI_DOUBLE, MPI_SUM, 0, p->c.comm,
                    &ep->reduce[ep->n_reduce++]);
    if (s->delta->n_count)
        MPI_Ireduce(s->delta->count, to ? to->count : NULL,
                    (int)s->delta->n_count, MPI_INT64_T, MPI_SUM, 0, p->c.comm,
                    &ep->reduce[ep->n_reduce++]);
}

/* The part waits for a place among what is under way. */
static void send_part(pool *p)
{
    pool_send *out = p->epochs.part.data ? send_room(&p->sends) : NULL;

    if (out)
        send_pages(&p->sends, out, &p->epochs.part, 0);
}

/* --- rank 0: parts into the job --- */

static int add_part(pool_head *h, const pe_model_ops *ops, const wire_part *m,
                    pe_error *errp)
{
    commit_job *j = h->job;
    pe_delta *d = j->delta;

    for (size_t i = 0; i < m->n_ranges; i++) {
        const params_range *g = &m->ranges[i];

        j->range[g->partition] = *g;
        if (g->to > h->reached[g->partition])
            h->reached[g->partition] = g->to;
    }
    for (size_t i = 0; i < m->n_devices; i++)
        if (commit_job_device(j, &m->devices[i], errp) < 0)
            return -1;
    commit_counters_add(&j->add, &m->add);
    breaker_note(&h->breaker, m->refusal, m->add.refused - m->add.forged);
    j->tried += m->tried;
    j->failed += m->failed;
    if (*m->why && !*j->why)
        snprintf(j->why, sizeof(j->why), "%s", m->why);
    if (!d)
        return 0;
    for (size_t i = 0; i < m->n_cells && i < d->n_cells; i++)
        d->cells[i] += m->cells[i];
    d->points += m->points;
    d->masked += m->masked;
    d->outliers += m->outliers;
    return m->blob_len ? ops->merge_blob(d, m->blob, m->blob_len, errp) : 0;
}

/* A rank that is a round ahead sends its part before rank 0 has opened the
 * job: it waits here.
 */
static void keep_early(pool *p, pe_buffer *m)
{
    pe_error e = {0};

    for (int i = 0; i < p->size; i++) {
        if (!p->head->early[i].data) {
            p->head->early[i] = *m;
            return;
        }
    }
    pe_buffer_free(m);
    pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "more parts of an epoch than ranks");
    pool_fail(p, &e);
}

void epoch_take_part(pool *p, pe_buffer *m)
{
    pool_head *h = p->head;
    wire_part part = {0};
    pe_error e = {0};
    bool early = false;

    if (!h)
        pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "a part of an epoch came to rank %d", p->rank);
    /* The epoch would wait for it for ever. */
    if (!h || wire_part_decode(m->data, m->len, p->n_partitions, &part, &e) < 0)
        pool_abort(p, &e);
    if (part.term == p->term.number && h->job &&
        h->job->last_epoch == part.epoch) {
        if (add_part(h, p->stages.model, &part, &e) < 0)
            pool_fail(p, &e);
        h->parts_got++;
    } else {
        early = part.term >= p->term.number;
    }
    wire_part_free(&part);
    if (early)
        keep_early(p, m);
    else
        pe_buffer_free(m);
}

static void take_early(pool *p)
{
    for (int i = 0; i < p->size; i++) {
        pe_buffer m = p->head->early[i];

        p->head->early[i] = (pe_buffer){0};
        if (m.data)
            epoch_take_part(p, &m);
    }
}

/* --- closing --- */

static void contribute(pool *p)
{
    pool_slot *s = pool_epoch_closing(&p->epochs);
    pe_buffer *part = &p->epochs.part;
    pe_error e = {0};

    FAILPOINT(FAILPOINT_REDUCE);
    /* The others wait in the reduction: the world cannot go on in order. */
    if (chain_sync(&p->stages, &e) < 0 ||
        (p->head && open_job(p->head, p, s, &e) < 0) ||
        (s->base && pe_delta_seal(s->base->m, s->delta, &e) < 0) ||
        encode_part(p, s, part, &e) < 0 || send_fill_page(part, &e) < 0)
        pool_abort(p, &e);
    reduce_lanes(p, s);
    if (!p->head) {
        send_part(p);
        return;
    }
    epoch_take_part(p, part);
    *part = (pe_buffer){0};
    take_early(p);
}

void epoch_settle(pool *p, enum phase_event e)
{
    enum phase_action a = pool_step(p, e);

    if (a == PHASE_DO_CONTRIBUTE)
        contribute(p);
    if (a == PHASE_DO_FORGET)
        pool_slot_clear(pool_epoch_closing(&p->epochs));
    p->figures.epochs += a == PHASE_DO_CONTRIBUTE || a == PHASE_DO_FORGET;
}

/* The epoch is whole at rank 0: it waits for the committer, folded with what
 * waits already.
 */
static void keep_job(pool *p)
{
    pool_head *h = p->head;
    pe_error e = {0};

    if (!stages_stand(p, h->job)) {
        commit_job_destroy(h->job);
    } else if (!h->pending) {
        h->pending = h->job;
    } else {
        if (commit_job_fold(h->pending, h->job, &e) < 0)
            pool_fail(p, &e);
        commit_job_destroy(h->job);
    }
    h->job = NULL;
}

static void finish_reduction(pool *p)
{
    p->epochs.n_reduce = 0;
    if (pool_step(p, PHASE_ON_REDUCED) == PHASE_DO_KEEP) {
        if (p->head)
            keep_job(p);
        p->epochs.reduced_ns = clock_mono_ns();
        pool_slot_clear(pool_epoch_closing(&p->epochs));
    } else if (p->head) {
        commit_job_destroy(p->head->job);
        p->head->job = NULL;
    }
}

void epoch_progress(pool *p)
{
    pool_epochs *ep = &p->epochs;
    /* gcc takes MPICH's MPI_STATUSES_IGNORE for an array too short */
    MPI_Status ignored[sizeof(ep->reduce) / sizeof(ep->reduce[0])];
    int done = 1;

    if (!phase_is_reducing(p->term.phase))
        return;
    send_part(p);
    if (ep->n_reduce)
        MPI_Testall(ep->n_reduce, ep->reduce, &done, ignored);
    /* Of an older term no part need come. */
    if (p->head && pool_is_ready(p) && p->head->parts_got < p->size)
        done = 0;
    if (done && !ep->part.data)
        finish_reduction(p);
}

void epoch_drop(pool *p)
{
    for (int i = 0; i < 2; i++)
        pool_slot_clear(&p->epochs.slot[i]);
    pe_buffer_free(&p->epochs.part);
}

void epoch_submit(pool *p)
{
    pool_head *h = p->head;

    /* Of a pool that has failed something may be missing in there. */
    if (!h->pending || h->view.busy || !pool_is_ready(p) || p->fate.failed ||
        p->revised.over)
        return;
    committer_submit(p->c.committer, h->pending);
    h->pending = NULL;
    h->view.busy = true;
}
