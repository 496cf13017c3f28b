/* chain.c - a block through the functions of a rank: stages before the last,
 * and the last one where it is no model.
 */
#include "chain_private.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/times.h"
#include "src/common/clock.h"
#include "src/common/text.h"

/* --- a block through the stages --- */

/* Where the row goes on behind [through] stages, 0: those of the file. */
size_t chain_place(const chain *st, uint32_t through)
{
    size_t n = through ? through : pipeline_ahead(st->c.pl);
    size_t at = n > st->first ? n - st->first : 0;

    return at < st->n_pre ? at : st->n_pre;
}

/* ... of the record at work. */
static size_t place_now(const chain *st)
{
    return chain_place(st, st->item ? st->item->through : 0);
}

int chain_align(chain *st, pe_block *b, pe_error *errp)
{
    if (((uintptr_t)b->data & 63) == 0)
        return 0;
    if (pe_block_copy(&st->aligned, b, errp) < 0)
        return -1;
    b->data = st->aligned.data;
    return 0;
}

/* --- what a record says beside its rows --- */

/* One that is not open has its options from the file. */
static const pe_options *options_of(const chain_function *f)
{
    return f->options ? f->options : f->stage->options;
}

/* What columns called [list] are called in front of [f], who is told, and
 * behind it, into [list] again; once nobody knows it stays empty.
 */
static int tell_one(const chain_function *f, text *list, bool *knownp)
{
    text behind = {0};

    if (f->ctx && chain_asks(f) &&
        context_columns(f->ctx, *knownp ? list->data : NULL) < 0)
        return -1;
    *knownp = *knownp && function_columns(f->stage->function, options_of(f),
                                          list->data, &behind) == 0;
    list->len = 0;
    if (*knownp)
        text_add_bytes(list, behind.data, behind.len);
    text_free(&behind);
    return list->failed ? -1 : 0;
}

/* Those in front of which the names were said are told nothing. */
static int tell_row(const chain *st, const chain_function *row, pe_error *errp)
{
    bool known = st->names;
    text list = {0};
    int rc = 0;

    if (!known || !row)
        return 0;
    text_add(&list, "%s", st->names);
    for (size_t i = chain_place(st, st->names_at);
         rc == 0 && !list.failed && i < st->n_pre; i++)
        rc = tell_one(&row[i], &list, &known);
    if (rc == 0 && !list.failed && row == st->pre && st->last.fn)
        rc = tell_one(&st->last, &list, &known);
    if (list.failed)
        rc = -1;
    text_free(&list);
    return rc < 0 ? pe_error_nomem(errp) : 0;
}

int chain_hear(chain *st, const source_said *said, pe_error *errp)
{
    const source_text *columns = &said->columns;
    char *names;

    st->heard = true;
    if (!columns->at || (st->names && !st->named) ||
        (st->names && st->names_at == said->named &&
         strlen(st->names) == columns->len &&
         !memcmp(st->names, columns->at, columns->len)))
        return 0;
    names = strndup(columns->at, columns->len);
    if (!names)
        return pe_error_nomem(errp);
    free(st->names);
    st->names = names;
    st->names_at = said->named;
    return st->named ? tell_row(st, st->pre, errp) : 0;
}

bool chain_is_deaf(const chain *st)
{
    return !st->names && (st->named || !st->heard);
}

source_text chain_names(const chain *st)
{
    const char *names = st->named ? st->names : NULL;

    return (source_text){names, names ? strlen(names) : 0};
}

int chain_columns(const chain *st, const char *names, text *out)
{
    text behind = {0};
    int rc = 0;

    out->len = 0;
    text_add(out, "%s", names);
    for (size_t i = chain_place(st, st->names_at); rc == 0 && i < st->n_pre;
         i++) {
        const chain_function *f = &st->pre[i];

        rc = function_columns(f->stage->function, options_of(f), out->data,
                              &behind);
        out->len = 0;
        if (rc == 0)
            text_add_bytes(out, behind.data, behind.len);
    }
    text_free(&behind);
    return rc < 0 || out->failed ? -1 : 0;
}

static int reserve_times(chain *st, uint32_t n)
{
    int64_t *more;

    if (n <= st->cap_times)
        return 0;
    more = realloc(st->times, n * sizeof(*more));
    if (!more)
        return -1;
    st->times = more;
    st->cap_times = n;
    return 0;
}

/* A function that keeps rows is told their times, as the record has them. */
static void lend_times(chain *st, const chain_function *f, const pe_block *in)
{
    const source_item *r = st->item;
    uint32_t n = r ? r->block.points : 0;
    bool known;

    if (!function_keeps(f->fn))
        return;
    known =
        r && r->said.times.at && in->points <= n && reserve_times(st, n) == 0 &&
        times_decode(r->said.times.at, r->said.times.len, n, st->times) == 0 &&
        times_pick(r->block.source, n, st->times, in->source, in->points,
                   st->times) == 0;
    context_times(f->ctx, st->times, known ? in->points : 0);
}

void chain_make(chain *st, pe_block *b)
{
    const chain_function *f = st->n_pre > 0 ? &st->pre[0] : &st->last;

    if (f->ctx)
        function_lend(function_ops(f->fn), f->ctx, b);
}

int chain_lend(chain *st, const chain_function *f, const pe_block *in,
               pe_error *errp)
{
    if (st->item && chain_hear(st, &st->item->said, errp) < 0)
        return -1;
    lend_times(st, f, in);
    return 0;
}

static int step(chain *st, chain_function *f, const pe_block *in,
                pe_error *errp)
{
    int rc;

    pe_context_pass(f->ctx, in, &f->out);
    if (chain_lend(st, f, in, errp) < 0)
        return -1;
    rc = chain_call(st, f, in, errp);
    if (rc == CHAIN_CONDEMNED)
        return -1;
    if (rc > 0 && (f->out.points == 0 || f->out.features == 0))
        rc = pe_context_fail(f->ctx, "an empty block was forwarded; return "
                                     "PE_NOTHING instead");
    if (rc >= 0)
        return rc ? PE_FORWARD : PE_NOTHING;
    st->refuser = f->stage;
    return chain_stage_error(f->stage, f->ctx, errp);
}

/* What stages make of a block is its data, and which rows of its file that is;
 * where it came from stays, whatever they write there.
 */
static void take_data(pe_block *b, const pe_block *from)
{
    b->source = from->source;
    b->data = from->data;
    b->points = from->points;
    b->features = from->features;
    b->dtype = from->dtype;
}

static int run(chain *st, chain_function *row, pe_block *b, pe_error *errp)
{
    size_t first = place_now(st);
    const pe_block *in = b;
    int rc = PE_FORWARD;

    if (first == st->n_pre)
        return PE_FORWARD;
    if (chain_row_late(st, row, first, errp) < 0 ||
        chain_align(st, b, errp) < 0)
        return -1;
    for (size_t i = first; rc > 0 && i < st->n_pre; i++) {
        if (!row[i].ctx)
            continue; /* nothing is done of it here */
        rc = step(st, &row[i], in, errp);
        if (rc > 0)
            row[i].out.source = origin_trust(&st->blur, in, &row[i].out);
        in = &row[i].out;
    }
    if (rc > 0 && in != b)
        take_data(b, in);
    return rc;
}

int chain_run(chain *st, pe_block *b, pe_error *errp)
{
    chain_ahead *a = &st->ahead;

    if (!chain_is_ahead(st, b))
        return run(st, st->pre, b, errp);
    a->there = false;
    if (a->rc > 0)
        take_data(b, &a->block);
    if (a->rc < 0)
        *errp = a->error;
    st->refuser = a->refuser;
    return a->rc;
}

uint64_t chain_outliers(chain *st)
{
    uint64_t n = 0;

    for (size_t i = 0; i < st->n_pre; i++)
        if (st->pre[i].ctx) /* all are, but for a pool that did not open */
            n += context_take_outliers(st->pre[i].ctx);
    return n;
}

uint64_t chain_drifts(const chain *st, const char **firstp)
{
    uint64_t n = 0;

    *firstp = "";
    for (size_t i = 0; i < st->n_pre; i++) {
        const char *first = "";
        uint64_t own =
            st->pre[i].ctx ? context_drifts(st->pre[i].ctx, &first) : 0;

        *firstp = own && n == 0 ? first : *firstp;
        n += own;
    }
    return n;
}

/* --- the first block, ahead of its dispatch --- */

/* Stages that keep state see every block once, so what they make of this one
 * is kept until it is dispatched.  Others may be dispatched before, and use
 * the rooms of the stages: this is a copy.
 */
static void look(chain *st, const pe_block *first)
{
    chain_ahead *a = &st->ahead;
    pe_block b = *first;

    a->there = true;
    a->partition = b.partition;
    a->offset = b.offset;
    b.start_ns = clock_real_ns();
    a->rc = run(st, st->pre, &b, &a->error);
    if (a->rc > 0 && pe_block_copy(&a->block, &b, &a->error) < 0)
        a->rc = -1;
    if (a->rc > 0 && b.source) { /* the stages' own, for the next block */
        record_source_fit(b.source, a->source);
        a->block.source = a->source;
    }
    a->refuser = st->refuser;
    st->refuser = NULL;
}

bool chain_is_ahead(const chain *st, const pe_block *b)
{
    return st->ahead.there && st->ahead.partition == b->partition &&
           st->ahead.offset == b->offset;
}

bool chain_propose(chain *st, const pe_block *first, uint32_t *featuresp)
{
    const chain_ahead *a = &st->ahead;

    if (place_now(st) == st->n_pre) {
        *featuresp = first->features;
        return false;
    }
    if (!a->there)
        look(st, first);
    if (a->rc <= 0)
        return chain_is_ahead(st, first);
    *featuresp = a->block.features;
    return false;
}

int chain_scout(chain *st, const pe_block *first, uint32_t *featuresp,
                pe_error *errp)
{
    pe_block b = *first;
    pe_error refused = {0};
    size_t n = 0;
    int rc;

    bool any = place_now(st) < st->n_pre;

    *featuresp = any ? 0 : first->features;
    if (!any)
        return 0;
    if (!st->scout && chain_row_open(st, &st->scout, &n, true, errp) < 0) {
        chain_row_close(&st->scout, n);
        return -1;
    }
    if (tell_row(st, st->scout, errp) < 0)
        return -1;
    b.start_ns = clock_real_ns();
    rc = run(st, st->scout, &b, &refused);
    st->refuser = NULL;
    if (rc > 0)
        *featuresp = b.features;
    return 0;
}

void chain_scout_end(chain *st)
{
    chain_row_close(&st->scout, st->n_pre);
}

void chain_forget(chain *st)
{
    st->ahead.there = false;
    chain_outliers(st);
}

/* --- what functions keep --- */

int chain_settle(chain *st, const context_committed *c, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < st->n_pre; i++)
        if (st->pre[i].ctx) /* all are, but behind a failed chain_revise */
            rc = function_settle(function_ops(st->pre[i].fn), st->pre[i].ctx, c,
                                 errp);
    if (rc == 0 && st->last.ctx)
        rc = function_settle(function_ops(st->last.fn), st->last.ctx, c, errp);
    return rc;
}

int chain_sync(chain *st, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < st->n_pre; i++)
        if (st->pre[i].ctx)
            rc = function_sync(function_ops(st->pre[i].fn), st->pre[i].ctx,
                               errp);
    if (rc == 0 && st->last.ctx)
        rc = function_sync(function_ops(st->last.fn), st->last.ctx, errp);
    return rc;
}

int chain_finish(chain *st, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < st->n_pre; i++)
        if (st->pre[i].ctx)
            rc = function_finish(function_ops(st->pre[i].fn), st->pre[i].ctx,
                                 errp);
    if (rc == 0 && st->last.ctx)
        rc = function_finish(function_ops(st->last.fn), st->last.ctx, errp);
    return rc;
}
