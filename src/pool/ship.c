/* ship.c - committed models and states, broadcast from rank 0. */
#include "pool_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"

/* A broadcast: this head, the model's file, then, of a state, a ship_part of
 * every partition and the devices.
 */
struct ship_head {
    int64_t term, epoch, commit_ns, is_state;
    uint64_t lease, model_len, n_devices;
};

struct ship_part {
    int64_t next;
    uint64_t mark;
    int64_t reached, own;
};

struct ship_device {
    uint64_t boot, seq, len;
    int64_t partition;
};

/* --- rank 0: build --- */

static int put_parts(pool *p, const committer_news *n, pe_error *errp)
{
    size_t first = p->ship.len;

    for (int32_t k = 0; k < p->n_partitions; k++) {
        struct ship_part part = {0, 0, p->reached[k], n->own[k]};

        if (pe_buffer_append(&p->ship, &part, sizeof(part), errp) < 0)
            return -1;
    }
    for (size_t i = 0; i < n->state.n_offsets; i++) {
        const params_offset *o = &n->state.offsets[i];

        struct ship_part part;
        unsigned char *at = p->ship.data + first +
                            (size_t)o->partition * sizeof(struct ship_part);

        if (o->partition >= p->n_partitions || strcmp(o->topic, p->topic) != 0)
            continue;
        memcpy(&part, at, sizeof(part));
        part.next = o->next;
        part.mark = o->mark;
        memcpy(at, &part, sizeof(part));
    }
    return 0;
}

static int put_devices(pool *p, const params_state *s, pe_error *errp)
{
    for (size_t i = 0; i < s->n_devices; i++) {
        const params_device *d = &s->devices[i];
        struct ship_device r = {d->boot, d->seq, strlen(d->device),
                                d->partition};

        if (pe_buffer_append(&p->ship, &r, sizeof(r), errp) < 0 ||
            pe_buffer_append(&p->ship, d->device, r.len, errp) < 0)
            return -1;
    }
    return 0;
}

static int build(pool *p, const committer_news *n, pe_error *errp)
{
    bool state = n->word == COMMITTER_STATE;
    const pe_buffer *model = state ? &n->state.model : &n->model;
    struct ship_head h = {
        .term = p->term.number,
        .epoch = n->epoch,
        .commit_ns = n->commit_ns,
        .is_state = state,
        .lease = n->lease,
        .model_len = model->len,
        .n_devices = n->state.n_devices,
    };

    p->ship.len = 0;
    if (pe_buffer_append(&p->ship, &h, sizeof(h), errp) < 0)
        return -1;
    if (model->len &&
        pe_buffer_append(&p->ship, model->data, model->len, errp) < 0)
        return -1;
    if (state &&
        (put_parts(p, n, errp) < 0 || put_devices(p, &n->state, errp) < 0))
        return -1;
    pool_turn(p, PHASE_SHIP_ON_NEWS);
    p->ship_state = state;
    return 0;
}

/* From the end of the newest epoch inside to its commit: what a drain takes
 * at the end.  It rises at once and falls slowly.
 */
static void note_epoch(pool *p, int64_t epoch)
{
    double ms;

    if (epoch == 0)
        return;
    ms = (double)(clock_mono_ns() - p->ended_ns[epoch % POOL_ENDED]) / 1e6;
    p->epoch_ms = ms > p->epoch_ms ? ms : p->epoch_ms + (ms - p->epoch_ms) / 16;
}

void ship_news(pool *p)
{
    committer_news n = {0};
    pe_error e = {0};

    if (p->shipping != PHASE_SHIP_NONE || !committer_take(p->c.committer, &n))
        return;
    switch (n.word) {
    case COMMITTER_COMMIT:
        note_epoch(p, n.epoch);
        guard_note(p);
        if (pool_is_ready(p) && build(p, &n, &e) < 0)
            pool_fail(p, &e);
        break;
    case COMMITTER_STATE:
        /* The term was raised while the state of the one before was read: a
         * rank takes up one state a term, with nothing of it dispatched.
         */
        if (n.term == p->term.number && build(p, &n, &e) < 0)
            pool_fail(p, &e);
        break;
    case COMMITTER_DOUBT:
        p->term.wanted = p->term.number + 1;
        break;
    case COMMITTER_ERROR:
        pool_fail(p, &n.error);
        break;
    case COMMITTER_NONE:
        break;
    }
    committer_news_clear(&n);
}

/* --- all ranks --- */

void ship_post(pool *p, int64_t bytes, int64_t state_term)
{
    pe_error e = {0};

    int pages = -1;

    if (pe_buffer_reserve(&p->ship, (size_t)bytes, &e) == 0) {
        p->ship.len = (size_t)bytes;
        pages = pool_pages(&p->ship, &e);
    }
    if (pages < 0)
        pool_abort(p, &e);
    p->ship_seq++;
    if (state_term == p->term.number)
        p->term.state_seq = p->ship_seq;
    pool_turn(p, PHASE_SHIP_ON_POST);
    MPI_Ibcast(p->ship.data, pages, p->page, 0, p->c.comm, &p->ship_req);
}

static int decode_model(pool *p, const struct ship_head *h, pe_error *errp)
{
    pool_model **mp = &p->recent[p->ship_seq & 1];
    pool_model *before = p->recent[(p->ship_seq - 1) & 1];
    pe_model *m;

    pool_model_drop(*mp);
    *mp = NULL;
    if (h->model_len == 0) {
        /* Nothing was learned yet: what all have stays. */
        *mp = h->is_state ? NULL : pool_model_hold(before);
        return 0;
    }
    m = pe_model_decode(p->ship.data + sizeof(*h), h->model_len, errp);
    *mp = m ? pool_model_create(m, errp) : NULL;
    if (!*mp)
        return -1;
    if (strcmp(m->ops->name, p->model_ops->name))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run '%s' holds a model of kind %s, the stage "
                            "'%s' asks for %s: use another --run",
                            p->c.req->run, m->ops->name, p->stage->name,
                            p->model_ops->name);
    return 0;
}

static int read_devices(const unsigned char *m, uint64_t n, params_state *s)
{
    s->devices = calloc(n + 1, sizeof(*s->devices));
    if (!s->devices)
        return -1;
    for (; s->n_devices < n; s->n_devices++) {
        params_device *d = &s->devices[s->n_devices];
        struct ship_device r;

        memcpy(&r, m, sizeof(r));
        d->device = strndup((const char *)m + sizeof(r), r.len);
        d->partition = (int32_t)r.partition;
        d->boot = r.boot;
        d->seq = r.seq;
        if (!d->device)
            return -1;
        m += sizeof(r) + r.len;
    }
    return 0;
}

static int read_state(pool *p, const struct ship_head *h, params_state *s,
                      unsigned char *own)
{
    const unsigned char *m = p->ship.data + sizeof(*h) + h->model_len;
    struct ship_part part;

    s->offsets = calloc((size_t)p->n_partitions, sizeof(*s->offsets));
    if (!s->offsets)
        return -1;
    for (int32_t k = 0; k < p->n_partitions; k++, m += sizeof(part)) {
        memcpy(&part, m, sizeof(part));
        s->offsets[k].partition = k;
        s->offsets[k].next = part.next;
        s->offsets[k].mark = part.mark;
        own[k] = part.own != 0;
        if (part.reached > p->highest[k])
            p->highest[k] = part.reached;
    }
    s->n_offsets = (size_t)p->n_partitions;
    return read_devices(m, h->n_devices, s);
}

static int take_state(pool *p, const struct ship_head *h, pe_error *errp)
{
    unsigned char *own = malloc((size_t)p->n_partitions);
    params_state s = {0};
    int rc;

    if (!own || read_state(p, h, &s, own) < 0)
        rc = pe_error_nomem(errp);
    else
        rc = owner_load(p, &s, own, errp);
    params_state_free(&s);
    free(own);
    if (rc < 0 || pool_step(p, PHASE_ON_STATE) != PHASE_DO_BEGIN)
        return -1;
    p->lease = h->lease;
    if (p->rank == 0)
        share_tell(p);
    return pool_slot_open(p, p->epoch, p->recent[p->ship_seq & 1], p->ship_seq,
                          errp);
}

/* What the open epoch has learned goes on from the newer model, where the
 * model can do that; another rank may do so later, or not at all.
 */
static int rebase_open(pool_slot *s, pool_model *to, pe_error *errp)
{
    const pe_model *from = s->base ? s->base->m : NULL;

    if (!s->live || !from || !to || to == s->base || !from->ops->rebase ||
        from->warming || to->m->warming)
        return 0;
    if (from->ops->rebase(s->delta, from, to->m, errp) < 0)
        return -1;
    pool_model_drop(s->base);
    s->base = pool_model_hold(to);
    return 0;
}

/* Another pool's first model is for other features than ours would have been:
 * what we learned for that one is no use.
 */
static bool is_other(const pool_slot *s, const pool_model *to)
{
    return s->live && s->base && to && s->base->m->features != to->m->features;
}

/* A counted epoch starts from the commit of the one before: nothing of it
 * was dispatched while the rank held.
 */
static int take_commit(pool *p, const struct ship_head *h, pe_error *errp)
{
    pool_slot *open = &p->slot[p->epoch & 1];

    pool_sample_commit(p, h->epoch, h->commit_ns);
    if (is_other(open, p->recent[p->ship_seq & 1])) {
        p->term.wanted = p->term.number + 1;
        return 0;
    }
    switch (pool_step(p, h->epoch < p->epoch - 1 ? PHASE_ON_MODEL
                                                 : PHASE_ON_COMMIT)) {
    case PHASE_DO_GO_ON:
        return rebase_open(open, p->recent[p->ship_seq & 1], errp);
    case PHASE_DO_BEGIN:
        return pool_slot_rebase(open, p->recent[p->ship_seq & 1], p->ship_seq,
                                errp);
    default:
        return 0;
    }
}

void ship_receive(pool *p)
{
    int done = 0;

    if (p->shipping == PHASE_SHIP_POSTED)
        MPI_Test(&p->ship_req, &done, MPI_STATUS_IGNORE);
    if (done)
        pool_turn(p, PHASE_SHIP_ON_ARRIVED);
}

void ship_progress(pool *p)
{
    struct ship_head h;
    pe_error e = {0};
    int rc;

    ship_receive(p);
    if (p->shipping != PHASE_SHIP_HERE)
        return;
    memcpy(&h, p->ship.data, sizeof(h));
    /* A reduction of the older term still reads the lanes of its epoch. */
    if (h.is_state && phase_is_reducing(p->term.phase))
        return;
    rc = decode_model(p, &h, &e);
    if (rc == 0 && h.term == p->term.number)
        rc = h.is_state ? take_state(p, &h, &e) : take_commit(p, &h, &e);
    if (rc < 0)
        pool_fail(p, &e);
    pool_turn(p, PHASE_SHIP_ON_TAKEN);
    p->have_seq = p->ship_seq;
    p->last_active = clock_mono_ns();
}
