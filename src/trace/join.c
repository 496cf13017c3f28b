/* join.c - what devices, ranks and commits say of a block, as one row.
 *
 * A block goes by what its device calls it (device, boot, seq); a record of
 * others by its place in the topic.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "sort.h"

struct join {
    trace *t;
    sort *s;
    const sort_item *ahead; /* read, and not of the last group; NULL: none */
    bool over;
};

/* --- in --- */

static uint32_t device_of(const source *s, uint32_t i)
{
    return i < s->n_map ? s->map[i] : TRACE_NO_DEVICE;
}

static void set_key(sort_item *i, uint32_t device, bool has_seq,
                    const uint64_t by_device[2], const uint64_t by_place[2])
{
    bool named = has_seq && device != TRACE_NO_DEVICE;
    const uint64_t *k = named ? by_device : by_place;

    i->key[0] = named ? device : TRACE_NO_DEVICE;
    i->key[1] = k[0];
    i->key[2] = k[1];
}

static int add_edge(join *j, uint32_t log, uint32_t at, pe_error *errp)
{
    const source *s = &j->t->s[log];
    sort_item i = {.log = log};
    layout_edge *e = &i.row.edge;

    segments_row(&s->g, at, e);
    e->device = device_of(s, e->device);
    set_key(&i, e->device, true, (uint64_t[]){e->boot, e->seq},
            (uint64_t[]){(uint64_t)e->partition, (uint64_t)e->offset});
    return sort_add(j->s, &i, errp);
}

static int add_work(join *j, uint32_t log, uint32_t at, pe_error *errp)
{
    const source *s = &j->t->s[log];
    sort_item i = {.log = log, .work = 1};
    layout_work *w = &i.row.work;

    segments_row(&s->g, at, w);
    w->device = device_of(s, w->device);
    set_key(&i, w->device, w->flags & TRACE_HAS_SEQ,
            (uint64_t[]){w->boot, w->seq},
            (uint64_t[]){(uint64_t)w->partition, (uint64_t)w->offset});
    return sort_add(j->s, &i, errp);
}

static int add_segment(join *j, uint32_t log, pe_error *errp)
{
    const layout_segment *g = &j->t->s[log].g.s;
    int rc = 0;

    for (uint32_t i = 0; i < g->n && rc == 0; i++) {
        if (g->kind == LAYOUT_EDGE)
            rc = add_edge(j, log, i, errp);
        else if (g->kind == LAYOUT_WORK)
            rc = add_work(j, log, i, errp);
        else
            break;
    }
    return rc;
}

static int add_log(join *j, uint32_t log, pe_error *errp)
{
    source *s = &j->t->s[log];
    enum segments_word word = SEGMENTS_ONE;
    int rc = 0;

    segments_rewind(&s->g);
    while (rc == 0 && word == SEGMENTS_ONE && s->g.at < s->whole) {
        rc = segments_next(&s->g, &word, errp);
        if (rc == 0 && word == SEGMENTS_ONE)
            rc = add_segment(j, log, errp);
    }
    return rc;
}

join *join_create(trace *t, pe_error *errp)
{
    join *j = calloc(1, sizeof(*j));
    int rc;

    if (!j) {
        pe_error_nomem(errp);
        return NULL;
    }
    j->t = t;
    j->s = sort_create(SORT_ITEMS, errp);
    rc = j->s ? 0 : -1;
    for (uint32_t i = 0; i < t->n && rc == 0; i++)
        rc = add_log(j, i, errp);
    if (rc == 0)
        rc = sort_end(j->s, errp);
    if (rc == 0)
        return j;
    join_free(j);
    return NULL;
}

void join_free(join *j)
{
    if (j)
        sort_free(j->s);
    free(j);
}

/* --- out --- */

/* The commit that has an epoch of a world; NULL: none that we know. */
static const epochs *commit_of(const trace *t, uint64_t world,
                               const layout_work *w)
{
    size_t low = 0, high = t->n_commits;

    while (low < high) { /* the first one behind it */
        size_t mid = low + (high - low) / 2;
        const epochs *e = &t->commit[mid];
        bool behind = e->world != world    ? e->world > world
                      : e->term != w->term ? e->term > w->term
                                           : e->first > w->epoch;

        if (behind)
            high = mid;
        else
            low = mid + 1;
    }
    if (low == 0)
        return NULL;
    const epochs *e = &t->commit[low - 1];
    return e->world == world && e->term == w->term && w->epoch <= e->last &&
                   w->epoch >= e->first
               ? e
               : NULL;
}

/* When the process of [log] had [version] or a later one, behind the commit of
 * it; 0: never.
 */
static int64_t model_of(const source *s, uint64_t version)
{
    uint32_t low = 0, high = s->n_models;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;

        if (s->model[mid].version >= version)
            high = mid;
        else
            low = mid + 1;
    }
    return low < s->n_models ? s->model[low].time_ns : 0;
}

static void take_edge(trace_block *b, const sort_item *i)
{
    const layout_edge *e = &i->row.edge;

    if (b->flags & TRACE_HAS_EDGE) /* sent again, and once more told */
        return;
    b->flags |= TRACE_HAS_EDGE | TRACE_HAS_SEQ;
    b->device = e->device;
    b->partition = e->partition;
    b->boot = e->boot;
    b->seq = e->seq;
    b->offset = e->offset;
    b->bytes = e->bytes;
    b->points = e->points;
    b->features = e->features;
    b->log = b->edge = i->log;
    b->stamp[TRACE_SENSE] = e->sense;
    b->stamp[TRACE_EDGE] = e->edge;
    b->stamp[TRACE_ACKED] = e->acked;
}

static void take_stamps(trace_block *b, const layout_work *w)
{
    int64_t *s = b->stamp;

    if (!(b->flags & TRACE_HAS_EDGE)) {
        s[TRACE_SENSE] = w->sense;
        s[TRACE_EDGE] = w->edge;
    }
    s[TRACE_BROKER] = w->broker;
    s[TRACE_FETCH] = w->fetch;
    s[TRACE_START] = w->start;
    s[TRACE_END] = w->end;
    s[TRACE_RESULT] = w->result;
}

static void set_work(const trace *t, trace_block *b, const sort_item *i,
                     const epochs *c)
{
    const layout_work *w = &i->row.work;

    b->flags |= TRACE_HAS_RANK | (w->flags & (TRACE_HAS_SEQ | TRACE_HELPED));
    b->flags |= c ? TRACE_COMMITTED : 0;
    b->device = w->device;
    b->partition = w->partition;
    b->boot = w->boot;
    b->seq = w->seq;
    b->offset = w->offset;
    b->term = w->term;
    b->epoch = w->epoch;
    b->version = w->version;
    b->bytes = w->bytes;
    b->points = w->points;
    b->outliers = w->outliers;
    b->features = w->features;
    b->outcome = w->outcome;
    b->log = i->log;
    b->rank = (uint32_t)t->s[i->log].p.rank;
    take_stamps(b, w);
    b->stamp[TRACE_COMMIT] = c ? c->time_ns : 0;
    b->commit_version = c ? c->version : 0;
}

/* Of several times that ranks had it the one that counts is the one that was
 * committed, and no duplicate of another; else the newest.
 */
static void take_work(const trace *t, trace_block *b, const sort_item *i)
{
    const layout_work *w = &i->row.work;
    const epochs *c = commit_of(t, t->s[i->log].world, w);
    bool had = b->flags & TRACE_HAS_RANK, better;

    better = !(b->flags & TRACE_COMMITTED) &&
             (c || w->start >= b->stamp[TRACE_START]);
    if (w->outcome == TRACE_DUPLICATE)
        better = false;
    else if (b->outcome == TRACE_DUPLICATE)
        better = true;
    if (had && b->repeats < UINT16_MAX)
        b->repeats++;
    if (!had || better) {
        b->flags &= (uint8_t) ~(TRACE_COMMITTED | TRACE_HELPED);
        set_work(t, b, i, c);
    }
}

static bool same_key(const uint64_t *a, const uint64_t *b)
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

int join_next(join *j, trace_block *b, pe_error *errp)
{
    const trace *t = j->t;
    uint64_t key[3];
    int rc = 1;

    if (!j->ahead && !j->over)
        rc = sort_next(j->s, &j->ahead, errp);
    if (rc <= 0 || j->over || !j->ahead)
        return rc < 0 ? -1 : 0;
    *b = (trace_block){
        .device = TRACE_NO_DEVICE, .offset = -1, .edge = TRACE_NO_DEVICE};
    memcpy(key, j->ahead->key, sizeof(key));
    while (rc > 0 && same_key(key, j->ahead->key)) {
        if (j->ahead->work)
            take_work(t, b, j->ahead);
        else
            take_edge(b, j->ahead);
        rc = sort_next(j->s, &j->ahead, errp);
    }
    j->over = rc <= 0;
    if (rc < 0)
        return -1;
    if (b->edge != TRACE_NO_DEVICE && b->commit_version)
        b->stamp[TRACE_MODEL] = model_of(&t->s[b->edge], b->commit_version);
    return 1;
}
