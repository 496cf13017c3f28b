/* epoch.c - epochs of the pool: open, closing, reduced to rank 0. */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"

/* --- a rank's contribution --- */

static int pack(const pool *p, const pool_slot *s, pe_buffer *b, pe_error *errp)
{
    wire_part m = {.term = p->term.number,
                   .epoch = s->epoch,
                   .add = s->add,
                   .ranges = s->range,
                   .n_ranges = p->n_parts,
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

static int send_part(pool *p, pe_buffer *b, pe_error *errp)
{
    pool_send *out;
    int pages;

    if (p->rank == 0) {
        epoch_take_part(p, b);
        return 0;
    }
    pages = pool_pages(b, errp);
    if (pages < 0)
        return -1;
    /* Rank 0 takes parts at once, so a place comes free soon. */
    while (!(out = pool_send_room(p)))
        help_serve(p);
    out->used = true;
    out->buffer = b->data;
    p->n_sends++;
    MPI_Isend(b->data, pages, p->page, 0, TAG_PART, p->c.comm, &out->req);
    return 0;
}

/* Rank 0: the job the epoch is reduced into. */
static int open_job(pool *p, const pool_slot *s, pe_error *errp)
{
    p->job = commit_job_create(p->n_partitions, errp);
    if (!p->job)
        return -1;
    p->job->last_epoch = s->epoch;
    p->parts_got = 0;
    if (!s->base)
        return 0;
    p->job->ops = p->model_ops;
    p->job->features = s->base->m->features;
    p->job->warm = !s->base->m->warming;
    p->job->delta = pe_delta_create(s->base->m, errp);
    if (!p->job->delta)
        return -1;
    if (s->base->m->version > 0)
        return 0;
    p->job->base = pe_model_copy(s->base->m, errp);
    return p->job->base ? 0 : -1;
}

static void reduce_lanes(pool *p, const pool_slot *s)
{
    pe_delta *to = p->job ? p->job->delta : NULL;

    p->n_reduce = 0;
    if (!s->base)
        return;
    if (s->delta->n_sum)
        MPI_Ireduce(s->delta->sum, to ? to->sum : NULL, (int)s->delta->n_sum,
                    MPI_DOUBLE, MPI_SUM, 0, p->c.comm,
                    &p->reduce[p->n_reduce++]);
    if (s->delta->n_count)
        MPI_Ireduce(s->delta->count, to ? to->count : NULL,
                    (int)s->delta->n_count, MPI_INT64_T, MPI_SUM, 0, p->c.comm,
                    &p->reduce[p->n_reduce++]);
}

void epoch_advance(pool *p, int64_t base_seq)
{
    pe_error e = {0};

    if (pool_step(p, p->counted ? PHASE_ON_END_COUNTED : PHASE_ON_END) !=
        PHASE_DO_NEXT)
        return;
    if (p->size == 1) /* there is nobody to help with it */
        pool_step(p, PHASE_ON_UNACKED);
    p->ended_ns[p->epoch % POOL_ENDED] = clock_mono_ns();
    p->epoch++;
    p->logical++;
    if (p->recent[base_seq & 1])
        p->term.proposal = 0;
    p->advance_due = clock_mono_ns() + (int64_t)(p->c.pl->epoch_s * 1e9);
    /* Every rank has this broadcast, perhaps not yet the one after it. */
    if (pool_slot_open(p, p->epoch, p->recent[base_seq & 1], base_seq, &e) < 0)
        pool_fail(p, &e);
}

/* --- rank 0: parts into the job --- */

static void add_range(pool *p, const params_range *g)
{
    p->job->range[g->partition] = *g;
    if (g->to > p->reached[g->partition])
        p->reached[g->partition] = g->to;
}

static void add_part(pool *p, const wire_part *m)
{
    pe_delta *d = p->job->delta;
    pe_error e = {0};
    int rc = 0;

    for (size_t i = 0; i < m->n_ranges; i++)
        add_range(p, &m->ranges[i]);
    for (size_t i = 0; rc == 0 && i < m->n_devices; i++)
        rc = commit_job_device(p->job, &m->devices[i], &e);
    commit_counters_add(&p->job->add, &m->add);
    for (size_t i = 0; d && i < m->n_cells && i < d->n_cells; i++)
        d->cells[i] += m->cells[i];
    if (d) {
        d->points += m->points;
        d->masked += m->masked;
        d->outliers += m->outliers;
    }
    if (rc == 0 && d && m->blob_len)
        rc = p->model_ops->merge_blob(d, m->blob, m->blob_len, &e);
    if (rc < 0)
        pool_fail(p, &e);
    p->parts_got++;
}

/* A rank that is a round ahead sends its part before rank 0 has opened the
 * job: it waits here.
 */
static void keep_early(pool *p, pe_buffer *m)
{
    pe_error e = {0};

    for (int i = 0; i < p->size; i++) {
        if (!p->early[i].data) {
            p->early[i] = *m;
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
    wire_part part;
    pe_error e = {0};
    bool early = false;

    if (wire_part_decode(m->data, m->len, p->n_partitions, &part, &e) < 0)
        pool_abort(p, &e); /* the epoch would wait for it for ever */
    if (part.term == p->term.number && p->job &&
        p->job->last_epoch == part.epoch)
        add_part(p, &part);
    else
        early = part.term >= p->term.number;
    wire_part_free(&part);
    if (early)
        keep_early(p, m);
    else
        pe_buffer_free(m);
}

static void take_early(pool *p)
{
    for (int i = 0; i < p->size; i++) {
        pe_buffer m = p->early[i];

        p->early[i] = (pe_buffer){0};
        if (m.data)
            epoch_take_part(p, &m);
    }
}

/* --- closing --- */

static void contribute(pool *p)
{
    pool_slot *s = &p->slot[(p->epoch - 1) & 1];
    pe_buffer part = {0};
    pe_error e = {0};

    if (p->rank == 0 && open_job(p, s, &e) < 0)
        goto error;
    if (s->base && pe_delta_seal(s->base->m, s->delta, &e) < 0)
        goto error;
    if (pack(p, s, &part, &e) < 0)
        goto error;
    reduce_lanes(p, s);
    if (send_part(p, &part, &e) < 0)
        goto error;
    if (p->rank == 0)
        take_early(p);
    return;
error:
    /* The others wait in the reduction: the world cannot go on in order. */
    pe_buffer_free(&part);
    pool_abort(p, &e);
}

void epoch_settle(pool *p, enum phase_event e)
{
    switch (pool_step(p, e)) {
    case PHASE_DO_CONTRIBUTE:
        p->epochs++;
        contribute(p);
        break;
    case PHASE_DO_FORGET:
        p->epochs++;
        pool_slot_clear(&p->slot[(p->epoch - 1) & 1]);
        break;
    default:
        break;
    }
}

/* The epoch is whole at rank 0: it waits for the committer, folded with what
 * waits already.
 */
static void finish_job(pool *p)
{
    pe_error e = {0};

    if (!p->pending) {
        p->pending = p->job;
    } else {
        if (commit_job_fold(p->pending, p->job, &e) < 0)
            pool_fail(p, &e);
        commit_job_destroy(p->job);
    }
    p->job = NULL;
}

static void finish_reduction(pool *p)
{
    p->n_reduce = 0;
    if (pool_step(p, PHASE_ON_REDUCED) == PHASE_DO_KEEP) {
        if (p->job)
            finish_job(p);
        pool_slot_clear(&p->slot[(p->epoch - 1) & 1]);
    } else {
        commit_job_destroy(p->job);
        p->job = NULL;
    }
}

void epoch_submit(pool *p)
{
    if (!p->pending || p->view.busy || !pool_is_ready(p))
        return;
    committer_submit(p->c.committer, p->pending);
    p->pending = NULL;
    p->view.busy = true;
}

void epoch_progress(pool *p)
{
    /* gcc takes MPICH's MPI_STATUSES_IGNORE for an array too short */
    MPI_Status ignored[sizeof(p->reduce) / sizeof(p->reduce[0])];
    int done = 1;

    if (!phase_is_reducing(p->term.phase))
        return;
    if (p->n_reduce)
        MPI_Testall(p->n_reduce, p->reduce, &done, ignored);
    /* Of an older term no part need come. */
    if (p->job && pool_is_ready(p) && p->parts_got < p->size)
        done = 0;
    if (done)
        finish_reduction(p);
}

/* Rule 4: one way back.  Everything of the older term is dropped; the state
 * comes again from the store.
 */
void epoch_new_term(pool *p, int64_t term)
{
    pool_step(p, PHASE_ON_TERM);
    pool_hear(p, PHASE_SAYS_TERM);
    pool_turn(p, PHASE_SHIP_ON_TERM);
    p->term = (pool_term){.number = term,
                          .wanted = term,
                          .phase = p->term.phase,
                          .order = p->term.order};
    p->terms++;
    help_drop(p);
    owner_drop(p);
    results_drop(p);
    p->n_samples = 0;
    for (int i = 0; i < 2; i++)
        pool_slot_clear(&p->slot[i]);
    if (!p->c.committer)
        return;
    /* The reduction under way still writes into the job's lanes. */
    commit_job_destroy(p->pending);
    p->pending = NULL;
    guard_reset(p);
    committer_load(p->c.committer, p->term.number);
}
