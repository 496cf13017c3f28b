/* epoch.c - epochs of the pool: open, closing, reduced to rank 0. */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"

/* What a rank adds to an epoch beside its lanes: a flat message of this
 * head, ranges, devices, where rows were masked the cells of each column, and
 * the delta's blob.
 */
struct part_head {
    int64_t term, epoch;
    params_counters add;
    uint64_t points, masked, outliers;
    uint64_t n_ranges, n_devices, n_cells, blob_len;
};

struct part_range {
    int64_t partition, from, to;
    uint64_t mark;
};

struct part_device {
    uint64_t boot, seq;
    int64_t partition;
    uint64_t len; /* of the name, which follows */
};

/* --- a rank's contribution --- */

static void fill_head(const pool *p, const pool_slot *s, struct part_head *h)
{
    memset(h, 0, sizeof(*h));
    h->term = p->term.number;
    h->epoch = s->epoch;
    h->add = s->add;
    h->n_ranges = p->n_parts;
    h->n_devices = s->n_touch;
    if (s->base) {
        h->points = s->delta->points;
        h->masked = s->delta->masked;
        h->outliers = s->delta->outliers;
        h->n_cells = s->delta->masked ? s->delta->n_cells : 0;
        h->blob_len = s->delta->blob.len;
    }
}

static int pack_ranges(const pool *p, const pool_slot *s, pe_buffer *b,
                       pe_error *errp)
{
    for (size_t i = 0; i < p->n_parts; i++) {
        struct part_range r = {p->parts[i].partition, s->from[i], s->to[i],
                               s->mark[i]};

        if (pe_buffer_append(b, &r, sizeof(r), errp) < 0)
            return -1;
    }
    return 0;
}

static int pack_devices(const pool *p, const pool_slot *s, pe_buffer *b,
                        pe_error *errp)
{
    for (size_t i = 0; i < s->n_touch; i++) {
        const pool_touch *t = &s->touch[i];
        const pool_device *d = &p->devices.d[t->device];
        struct part_device r = {t->boot, t->seq, d->partition, strlen(d->name)};

        if (pe_buffer_append(b, &r, sizeof(r), errp) < 0 ||
            pe_buffer_append(b, d->name, r.len, errp) < 0)
            return -1;
    }
    return 0;
}

static int pack(const pool *p, const pool_slot *s, pe_buffer *b, pe_error *errp)
{
    struct part_head h;

    fill_head(p, s, &h);
    if (pe_buffer_append(b, &h, sizeof(h), errp) < 0 ||
        pack_ranges(p, s, b, errp) < 0 || pack_devices(p, s, b, errp) < 0)
        return -1;
    if (h.n_cells && pe_buffer_append(b, s->delta->cells,
                                      h.n_cells * sizeof(uint64_t), errp) < 0)
        return -1;
    return h.blob_len
               ? pe_buffer_append(b, s->delta->blob.data, h.blob_len, errp)
               : 0;
}

static int send_part(pool *p, pe_buffer *b, pe_error *errp)
{
    pool_send *out;
    int pages;

    if (p->rank == 0) {
        epoch_take_part(p, b->data, b->len);
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

static const unsigned char *take_ranges(pool *p, const unsigned char *m,
                                        uint64_t n)
{
    for (uint64_t i = 0; i < n; i++, m += sizeof(struct part_range)) {
        struct part_range r;

        memcpy(&r, m, sizeof(r));
        p->job->from[r.partition] = r.from;
        p->job->to[r.partition] = r.to;
        p->job->mark[r.partition] = r.mark;
        if (r.to > p->reached[r.partition])
            p->reached[r.partition] = r.to;
    }
    return m;
}

static const unsigned char *take_devices(pool *p, const unsigned char *m,
                                         uint64_t n)
{
    pe_error e = {0};

    for (uint64_t i = 0; i < n; i++) {
        struct part_device d;

        memcpy(&d, m, sizeof(d));
        m += sizeof(d);
        if (commit_job_device(p->job, (const char *)m, d.len,
                              (int32_t)d.partition, d.boot, d.seq, &e) < 0)
            pool_fail(p, &e);
        m += d.len;
    }
    return m;
}

static const unsigned char *take_cells(pe_delta *d, const unsigned char *m,
                                       uint64_t n)
{
    for (uint64_t i = 0; i < n; i++, m += sizeof(uint64_t)) {
        uint64_t cells;

        memcpy(&cells, m, sizeof(cells));
        if (d && i < d->n_cells)
            d->cells[i] += cells;
    }
    return m;
}

static void add_part(pool *p, const unsigned char *m)
{
    struct part_head h;
    pe_delta *d;
    pe_error e = {0};

    memcpy(&h, m, sizeof(h));
    m = take_ranges(p, m + sizeof(h), h.n_ranges);
    m = take_devices(p, m, h.n_devices);
    d = p->job->delta;
    m = take_cells(d, m, h.n_cells);
    commit_counters_add(&p->job->add, &h.add);
    if (d) {
        d->points += h.points;
        d->masked += h.masked;
        d->outliers += h.outliers;
    }
    if (d && h.blob_len && p->model_ops->merge_blob(d, m, h.blob_len, &e) < 0)
        pool_fail(p, &e);
    p->parts_got++;
}

/* A rank that is a round ahead sends its part before rank 0 has opened the
 * job: it waits here.
 */
static void keep_early(pool *p, unsigned char *m)
{
    pe_error e = {0};

    for (int i = 0; i < p->size; i++) {
        if (!p->early[i]) {
            p->early[i] = m;
            return;
        }
    }
    free(m);
    pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "more parts of an epoch than ranks");
    pool_fail(p, &e);
}

void epoch_take_part(pool *p, unsigned char *m, size_t len)
{
    struct part_head h = {0};

    memcpy(&h, m, len < sizeof(h) ? len : sizeof(h));
    if (h.term == p->term.number && p->job && p->job->last_epoch == h.epoch) {
        add_part(p, m);
    } else if (h.term >= p->term.number) {
        keep_early(p, m);
        return;
    }
    free(m);
}

static void take_early(pool *p)
{
    for (int i = 0; i < p->size; i++) {
        unsigned char *m = p->early[i];

        p->early[i] = NULL;
        if (m)
            epoch_take_part(p, m, sizeof(struct part_head));
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
        pool_slot_clear(p, &p->slot[(p->epoch - 1) & 1]);
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
        pool_slot_clear(p, &p->slot[(p->epoch - 1) & 1]);
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
        pool_slot_clear(p, &p->slot[i]);
    if (!p->c.committer)
        return;
    /* The reduction under way still writes into the job's lanes. */
    commit_job_destroy(p->pending);
    p->pending = NULL;
    guard_reset(p);
    committer_load(p->c.committer, p->term.number);
}
