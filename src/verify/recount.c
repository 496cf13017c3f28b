/* recount.c - what the records of a topic come to, by the rules of a pool. */
#include "recount.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/federate/merge.h"

__attribute__((format(printf, 3, 4))) static void
note(recount_place *p, const pe_block *b, const char *fmt, ...)
{
    va_list ap;
    int n;

    if (p->n++ > 0)
        return;
    n = snprintf(p->words, sizeof(p->words), "%.120s/%d/%" PRId64 " ",
                 b->topic ? b->topic : "-", (int)b->partition, b->offset);
    va_start(ap, fmt);
    vsnprintf(p->words + n, sizeof(p->words) - (size_t)n, fmt, ap);
    va_end(ap);
}

/* --- devices --- */

/* Number [at] of the table, new in [r]: that of what is known of it. */
static int add_device(recount *c, const source_item *r, size_t at,
                      pe_error *errp)
{
    if (at >= c->cap_more) {
        size_t cap = 2 * at + 32;
        recount_device *d = realloc(c->more, cap * sizeof(*d));

        if (!d)
            return pe_error_nomem(errp);
        memset(d + c->cap_more, 0, (cap - c->cap_more) * sizeof(*d));
        c->more = d;
        c->cap_more = cap;
    }
    c->more[at].partition = r->block.partition;
    return 0;
}

/* The device of [r], put there if it is new; SIZE_MAX: it is one too many of
 * another run, or there is no memory.
 */
static size_t find_device(recount *c, const source_item *r, pe_error *errp)
{
    const pe_block *b = &r->block;
    size_t at = commit_device_look(&c->devices, b->device);

    if (at != SIZE_MAX)
        return at;
    /* Those that are here for the audit alone are none to a pool. */
    if (b->has_seq && r->sender != SENDER_OURS && c->others >= COMMIT_OTHERS) {
        note(&c->unheard, b, "of '%.100s'", b->device);
        return SIZE_MAX;
    }
    at = commit_device_find(&c->devices, b->device, errp);
    if (at == SIZE_MAX || add_device(c, r, at, errp) < 0)
        return SIZE_MAX;
    c->others += b->has_seq != 0;
    return at;
}

static int keep_span(recount_device *d, recount_span s, pe_error *errp)
{
    recount_span *last = d->n_spans ? &d->span[d->n_spans - 1] : NULL;

    if (last && last->boot == s.boot && last->to + 1 == s.from) {
        last->to = s.to;
        return 0;
    }
    if (d->n_spans == d->cap_spans && d->cap_spans < RECOUNT_SPANS) {
        size_t cap = d->cap_spans ? 4 * d->cap_spans : 4;
        recount_span *more = realloc(d->span, cap * sizeof(*more));

        if (!more)
            return pe_error_nomem(errp);
        d->span = more;
        d->cap_spans = cap;
    }
    if (d->n_spans == RECOUNT_SPANS) {
        d->n_spans /= 2;
        memmove(d->span, d->span + d->n_spans,
                (RECOUNT_SPANS - d->n_spans) * sizeof(*d->span));
        d->vague = true;
    }
    d->span[d->n_spans++] = s;
    return 0;
}

/* A block that the rule takes for a repeat: was it really there? */
static void check_repeat(recount *c, const recount_device *d, const pe_block *b)
{
    const recount_span *s = d->span;

    for (size_t i = d->n_spans; i-- > 0;)
        if (s[i].boot == b->boot && s[i].from <= b->seq && b->seq <= s[i].to)
            return;
    if (d->vague &&
        (b->boot < s->boot || (b->boot == s->boot && b->seq < s->from)))
        note(&c->unknown, b, "(%.100s/%" PRIu64 "/%" PRIu64 ")", b->device,
             b->boot, b->seq);
    else
        note(&c->order, b, "is %.100s/%" PRIu64 "/%" PRIu64, b->device, b->boot,
             b->seq);
}

/* Blocks of a device of ours that are not there, before this one. */
static void check_missing(recount *c, const commit_device *known,
                          const source_item *r)
{
    const pe_block *b = &r->block;
    uint64_t first = r->is_delta ? r->first : b->seq, from = 0;

    if (known->known && known->last.boot == b->boot)
        from = known->last.seq + 1;
    if (r->sender != SENDER_OURS || first <= from)
        return;
    note(&c->missing, b, "is %.100s/%" PRIu64 "/%" PRIu64 ", behind %" PRIu64,
         b->device, b->boot, first, from);
    c->missing.n += first - from - 1;
}

/* Of layer in front: has it committed this block? */
static void check_front(recount *c, const source_item *r)
{
    const pe_block *b = &r->block;
    const recount_front *f = c->front;
    size_t at, n = f ? strlen(f->layer) : 0;
    int partition;

    if (!f || !b->has_seq)
        return;
    if (b->device[0] == '~' && !strncmp(b->device + 1, f->layer, n) &&
        sscanf(b->device + 1 + n, "/%d/", &partition) == 1) {
        for (size_t i = 0; i < f->n_offsets; i++)
            if (f->offsets[i].partition == partition)
                c->crossed += (int64_t)b->seq < f->offsets[i].next;
        return;
    }
    at = commit_device_look(f->devices, b->device);
    c->crossed +=
        at < f->n_last && commit_device_has(&f->last[at], b->boot, b->seq);
}

/* --- what it counts for --- */

static bool is_staged(const recount *c, const source_item *r)
{
    return (r->through ? r->through : c->ahead) < c->stages;
}

static void count(recount *c, const source_item *r, enum recount_word word,
                  recount_device *d)
{
    const pe_block *b = &r->block;
    bool either = word == RECOUNT_EITHER;
    bool refused = word == RECOUNT_BAD || word == RECOUNT_LEFT;
    params_counters *to = either ? &c->either : &c->sure;

    c->sure.foreign += r->foreign;
    c->sure.bytes += r->raw_len;
    to->applied += !refused;
    to->refused += refused;
    to->refused_own += (refused || either) && !r->foreign;
    to->forged += refused && r->forged;
    if (refused || word == RECOUNT_ASIDE)
        return;
    c->deltas += r->is_delta;
    c->staged += is_staged(c, r);
    to->points += b->points;
    if (c->audits && d && !r->is_delta)
        audit_fold(either ? d->either : d->sure, b);
}

static enum recount_word judge(const recount *c, const source_item *r,
                               unsigned marks)
{
    if (r->bad.kind != PE_ERROR_NONE)
        return RECOUNT_BAD;
    if (!(marks & RECOUNT_REFUSED))
        return RECOUNT_APPLIED;
    return c->results && !(marks & RECOUNT_RESULT) ? RECOUNT_LEFT
                                                   : RECOUNT_EITHER;
}

/* It is no repeat: its device stands here now. */
static int enter(recount *c, const source_item *r, size_t at, pe_error *errp)
{
    const pe_block *b = &r->block;
    commit_device *k = &c->devices.d[at];
    recount_device *d = &c->more[at];
    const recount_span s = {b->boot, r->is_delta ? r->first : b->seq, b->seq};

    if (k->known && d->partition != b->partition)
        note(&c->moved, b, "is of '%.100s', which was in partition %d",
             b->device, (int)d->partition);
    check_missing(c, k, r);
    commit_device_set(k, b->partition, b->boot, b->seq);
    return keep_span(d, s, errp);
}

int recount_take(recount *c, source_item *r, unsigned marks, pe_error *errp)
{
    const pe_block *b = &r->block;
    enum recount_word word = RECOUNT_ASIDE;
    size_t at = commit_device_look(&c->devices, b->device);
    bool known = at != SIZE_MAX && b->has_seq;
    pe_error e = {0};

    if (known && commit_device_has(&c->devices.d[at], b->boot, b->seq)) {
        check_repeat(c, &c->more[at], b);
        c->sure.deduplicated++;
        return RECOUNT_REPEAT;
    }
    if (!r->aside) {
        if (known)
            federate_check(&c->devices.d[at].last, r);
        word = judge(c, r, marks);
        if (b->has_seq || c->audits)
            at = find_device(c, r, &e);
        if (e.kind != PE_ERROR_NONE ||
            (b->has_seq && at != SIZE_MAX && enter(c, r, at, &e) < 0)) {
            if (errp)
                *errp = e;
            return -1;
        }
        check_front(c, r);
    }
    count(c, r, word, at != SIZE_MAX ? &c->more[at] : NULL);
    return (int)word;
}

/* --- what was refused once --- */

static void settle_as(recount *c, bool refused)
{
    params_counters *s = &c->sure, *e = &c->either;

    s->refused += refused ? e->applied : 0;
    s->refused_own += refused ? e->refused_own : 0;
    s->applied += refused ? 0 : e->applied;
    s->points += refused ? 0 : e->points;
    for (size_t i = 0; !refused && i < c->devices.n; i++)
        for (int k = 0; c->audits && k < AUDIT_LANES; k++)
            c->more[i].sure[k] = (int64_t)((uint64_t)c->more[i].sure[k] +
                                           (uint64_t)c->more[i].either[k]);
    *e = (params_counters){0};
}

int recount_settle(recount *c, uint64_t refused)
{
    bool all = refused == c->sure.refused + c->either.applied;
    bool none = refused == c->sure.refused;

    /* Where neither is so the difference is to be seen: as refused. */
    settle_as(c, !none || all);
    return all || none;
}

void recount_free(recount *c)
{
    for (size_t i = 0; i < c->cap_more; i++)
        free(c->more[i].span);
    free(c->more);
    commit_devices_clear(&c->devices);
}
