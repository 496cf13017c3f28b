/* join.c - what devices, ranks and commits say of a block, as one row.
 *
 * A block goes by what its device calls it (device, boot, seq); a record of
 * others by its place in the topic.  Where a log has no name for a device, that
 * of another log for the record of that place is taken.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "sort.h"

struct join {
    trace *t;
    sort *s;
    /* By their place: rows of blocks whose device a log has no name for, and,
     * where there are any, all others, which may name it; NULL: none yet.
     */
    sort *places;
    const sort_item *ahead; /* read, and not of the last group; NULL: none */
    bool over;
    uint32_t *edge; /* by device: its edge process, where layers want to know */
    uint32_t n_edges;
};

/* --- in --- */

static uint32_t device_of(const source *s, uint32_t i)
{
    return i < s->n_map ? s->map[i] : TRACE_NO_DEVICE;
}

/* What a row says of whose it is. */
struct identity {
    uint32_t layer, device;
    bool has_seq;
    uint64_t boot, seq, partition, offset;
};

static struct identity identity_of(const trace *t, const sort_item *i)
{
    uint32_t layer = t->s[i->log].p.layer;
    const layout_edge *e = &i->row.edge;
    const layout_work *w = &i->row.work;

    if (i->work)
        return (struct identity){layer,
                                 w->device,
                                 w->flags & TRACE_HAS_SEQ,
                                 w->boot,
                                 w->seq,
                                 (uint64_t)w->partition,
                                 (uint64_t)w->offset};
    return (struct identity){layer,
                             e->device,
                             true,
                             e->boot,
                             e->seq,
                             (uint64_t)e->partition,
                             (uint64_t)e->offset};
}

static bool is_named(const struct identity *w)
{
    return w->has_seq && w->device != TRACE_NO_DEVICE;
}

static int add(join *j, sort_item *i, const struct identity *w, pe_error *errp)
{
    bool named = is_named(w);

    i->key[0] =
        (uint64_t)w->layer << 32 | (named ? w->device : TRACE_NO_DEVICE);
    i->key[1] = named ? w->boot : w->partition;
    i->key[2] = named ? w->seq : w->offset;
    return sort_add(j->s, i, errp);
}

static int add_place(join *j, sort_item *i, const struct identity *w,
                     pe_error *errp)
{
    if (!j->places && !(j->places = sort_create(SORT_ITEMS, errp)))
        return -1;
    i->key[0] = (uint64_t)w->layer << 32 | (uint32_t)w->partition;
    i->key[1] = w->offset;
    i->key[2] = !is_named(w); /* who names it comes first */
    return sort_add(j->places, i, errp);
}

/* A device that tells of a block knows its name, and so does the record: where
 * the log has none for it, another one may.
 */
static bool wants_name(const struct identity *w)
{
    return w->has_seq && w->device == TRACE_NO_DEVICE;
}

/* Row [at] of the segment; in the second look, [again], those that may name
 * others.
 */
static int add_row(join *j, uint32_t log, uint32_t at, bool again,
                   pe_error *errp)
{
    const source *s = &j->t->s[log];
    sort_item i = {.log = log, .work = s->g.s.kind == LAYOUT_WORK};
    struct identity w;

    segments_row(&s->g, at, &i.row);
    if (i.work)
        i.row.work.device = device_of(s, i.row.work.device);
    else
        i.row.edge.device = device_of(s, i.row.edge.device);
    w = identity_of(j->t, &i);
    if (again)
        return is_named(&w) ? add_place(j, &i, &w, errp) : 0;
    return wants_name(&w) ? add_place(j, &i, &w, errp) : add(j, &i, &w, errp);
}

static int add_log(join *j, uint32_t log, bool again, pe_error *errp)
{
    source *s = &j->t->s[log];
    enum segments_word word = SEGMENTS_ONE;
    int rc = 0;

    segments_rewind(&s->g);
    while (rc == 0 && word == SEGMENTS_ONE && s->g.at < s->whole) {
        rc = segments_next(&s->g, &word, errp);
        if (s->g.s.kind != LAYOUT_EDGE && s->g.s.kind != LAYOUT_WORK)
            continue;
        for (uint32_t i = 0; rc == 0 && i < s->g.s.n; i++)
            rc = add_row(j, log, i, again, errp);
    }
    return rc;
}

static void put_name(sort_item *i, const struct identity *w)
{
    if (i->work)
        i->row.work.device = w->device;
    else
        i->row.edge.device = w->device;
}

/* A record has one name, whoever tells it. */
static int name_places(join *j, pe_error *errp)
{
    struct identity named = {.device = TRACE_NO_DEVICE};
    const sort_item *at;
    int rc;

    for (uint32_t i = 0; i < j->t->n; i++)
        if (add_log(j, i, true, errp) < 0)
            return -1;
    rc = sort_end(j->places, errp);
    while (rc == 0 && (rc = sort_next(j->places, &at, errp)) > 0) {
        struct identity w = identity_of(j->t, at);
        sort_item i = *at;

        rc = 0;
        if (is_named(&w)) {
            named = w;
            continue;
        }
        if (named.device != TRACE_NO_DEVICE && (int64_t)w.offset >= 0 &&
            w.layer == named.layer && w.partition == named.partition &&
            w.offset == named.offset) {
            put_name(&i, &named);
            w = named;
        }
        rc = add(j, &i, &w, errp);
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
        rc = add_log(j, i, false, errp);
    if (rc == 0 && j->places)
        rc = name_places(j, errp);
    if (rc == 0)
        rc = sort_end(j->s, errp);
    sort_free(j->places);
    j->places = NULL;
    if (rc == 0)
        return j;
    join_free(j);
    return NULL;
}

void join_free(join *j)
{
    if (j) {
        sort_free(j->s);
        sort_free(j->places);
        free(j->edge);
    }
    free(j);
}

/* --- out --- */

/* A block as it is put together. */
struct joint {
    const trace *t;
    trace_block *b;
    const epochs *commit; /* that has it; NULL: none */
    bool same;            /* b->edge told of the very record */
    int64_t edge_ns;      /* ... which left its device then */
};

static void set_stamps(const struct joint *x, const layout_work *w)
{
    int64_t *s = x->b->stamp;

    s[TRACE_SENSE] = w->sense;
    s[TRACE_EDGE] = w->edge;
    s[TRACE_BROKER] = w->broker;
    s[TRACE_FETCH] = w->fetch;
    s[TRACE_START] = w->start;
    s[TRACE_END] = w->end;
    s[TRACE_RESULT] = w->result;
    s[TRACE_COMMIT] = x->commit ? x->commit->time_ns : 0;
    s[TRACE_SENT] = x->commit ? x->commit->sent_ns : 0;
}

static void set_work(const struct joint *x, const sort_item *i)
{
    const layout_work *w = &i->row.work;
    trace_block *b = x->b;

    b->flags |= TRACE_HAS_RANK | (w->flags & (TRACE_HAS_SEQ | TRACE_HELPED));
    b->flags |= x->commit ? TRACE_COMMITTED : 0;
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
    b->layer = x->t->s[i->log].p.layer;
    b->rank = (uint32_t)x->t->s[i->log].p.rank;
    b->commit_version = x->commit ? x->commit->version : 0;
    set_stamps(x, w);
}

/* Of several times that ranks had it the one that counts is no duplicate of
 * another, is in a commit, and in one that no roll-back has undone; of those
 * the newest.
 */
static bool is_better(const struct joint *x, const layout_work *w,
                      const epochs *c)
{
    const epochs *had = x->commit;
    bool twice = w->outcome == TRACE_DUPLICATE;

    if (twice != (x->b->outcome == TRACE_DUPLICATE))
        return !twice;
    if (!c != !had)
        return c != NULL;
    if (c && !c->undone != !had->undone)
        return !c->undone;
    if (c && c->sent_ns != had->sent_ns)
        return c->sent_ns > had->sent_ns;
    return w->start >= x->b->stamp[TRACE_START];
}

static void take_work(struct joint *x, const sort_item *i)
{
    const layout_work *w = &i->row.work;
    const epochs *c = commits_find(x->t, x->t->s[i->log].world, w);
    trace_block *b = x->b;
    bool had = b->flags & TRACE_HAS_RANK;

    if (had && b->repeats < UINT16_MAX)
        b->repeats++;
    if (had && !is_better(x, w, c))
        return;
    b->flags &= (uint8_t) ~(TRACE_COMMITTED | TRACE_HELPED);
    x->commit = c;
    set_work(x, i);
}

/* A block that no rank has told of. */
static void set_edge(trace_block *b, const sort_item *i)
{
    const layout_edge *e = &i->row.edge;

    b->partition = e->partition;
    b->boot = e->boot;
    b->seq = e->seq;
    b->offset = e->offset;
    b->bytes = e->bytes;
    b->points = e->points;
    b->features = e->features;
    b->log = i->log;
}

/* Ranks' rows come first.  Where a device sent it several times, its stamps are
 * those of the record that a rank had, else of the newest; that of another
 * record says nothing of when this one was acknowledged.
 */
static void take_edge(struct joint *x, const sort_item *i)
{
    const layout_edge *e = &i->row.edge;
    trace_block *b = x->b;
    bool rank = b->flags & TRACE_HAS_RANK;
    bool same = !rank || e->offset < 0 ||
                (e->partition == b->partition && e->offset == b->offset);

    if ((b->flags & TRACE_HAS_EDGE) &&
        (same != x->same ? x->same : e->edge < x->edge_ns))
        return;
    x->same = same;
    x->edge_ns = e->edge;
    if (!rank)
        set_edge(b, i);
    if (b->device == TRACE_NO_DEVICE)
        b->device = e->device;
    b->flags |= TRACE_HAS_EDGE | TRACE_HAS_SEQ;
    b->edge = i->log;
    if (!same)
        return;
    b->stamp[TRACE_SENSE] = e->sense;
    b->stamp[TRACE_EDGE] = e->edge;
    b->stamp[TRACE_ACKED] = e->acked;
}

static bool same_key(const uint64_t *a, const uint64_t *b)
{
    return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

/* Of several layers the first has the rows of edge processes, and the models
 * that they take up are those of the last one: which process is a device's?
 */
static int note_edge(join *j, const trace_block *b)
{
    uint32_t n = b->device == TRACE_NO_DEVICE ? 0 : b->device + 1;

    if (j->t->layer == 0 || b->edge == TRACE_NO_DEVICE || n == 0)
        return 0;
    if (n > j->n_edges) {
        uint32_t cap = n < 1024 ? 1024 : 2 * n;
        uint32_t *more = realloc(j->edge, cap * sizeof(*more));

        if (!more)
            return -1;
        while (j->n_edges < cap)
            more[j->n_edges++] = TRACE_NO_DEVICE;
        j->edge = more;
    }
    j->edge[b->device] = b->edge;
    return 0;
}

static uint32_t edge_of(const join *j, const trace_block *b)
{
    if (b->edge != TRACE_NO_DEVICE || b->device >= j->n_edges)
        return b->edge;
    return j->edge[b->device];
}

int join_next(join *j, trace_block *b, pe_error *errp)
{
    struct joint x = {.t = j->t, .b = b};
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
            take_work(&x, j->ahead);
        else
            take_edge(&x, j->ahead);
        rc = sort_next(j->s, &j->ahead, errp);
    }
    j->over = rc <= 0;
    if (rc < 0)
        return -1;
    if (note_edge(j, b) < 0)
        return pe_error_nomem(errp);
    if (b->layer == j->t->layer && edge_of(j, b) != TRACE_NO_DEVICE && x.commit)
        b->stamp[TRACE_MODEL] =
            commits_model(&j->t->s[edge_of(j, b)], x.commit);
    return 1;
}
