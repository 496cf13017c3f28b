/* chain.c - the functions of a rank: stages before the last, and the last one
 * where it is no model.
 */
#include "pool_private.h"

#include <stdint.h>
#include <stdlib.h>

#include "src/agent/fault.h"
#include "src/common/clock.h"

/* --- what functions may ask for --- */

/* The model the block at work is learned against: every block of an epoch is
 * scored with the same one, on any rank.
 */
static const pe_model *base_model(void *arg)
{
    const pool *p = arg;

    return p->stage->is_model && p->at && p->at->base ? p->at->base->m : NULL;
}

/* --- opening and closing --- */

static function_setup setup_of(const pool *p, const pipeline_stage *s)
{
    const pipeline *pl = p->c.pl;

    return (function_setup){
        .run = p->c.req->run,
        .stage = s->name,
        .device = "",
        .index = p->rank,
        .size = p->size,
        .context_keys = (const char *const *)pl->context_keys,
        .context_values = (const char *const *)pl->context_values,
        .n_context = pl->n_context,
        .dtype = pl->dtype,
        .host = &p->host,
        .cancelled = p->c.drain,
    };
}

static int open_one(pool *p, const pipeline_stage *s, pool_function *f,
                    pe_error *errp)
{
    function_setup set = setup_of(p, s);
    pe_context *ctx;

    f->stage = s;
    f->fn = function_load(s->function, p->c.req->dir, errp);
    if (!f->fn)
        return -1;
    f->options = function_options(f->fn, s->options, errp);
    if (!f->options)
        return -1;
    f->words = fault_words(s->name, "process_cloud", s->function);
    if (!f->words)
        return pe_error_nomem(errp);
    set.options = f->options;
    ctx = context_create(&set, errp);
    if (!ctx)
        return -1;
    if (function_ops(f->fn)->open && function_ops(f->fn)->open(ctx) < 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "stage '%s': %s",
                     s->name, context_error(ctx));
        context_destroy(ctx); /* never opened, so never closed */
        return -1;
    }
    f->ctx = ctx;
    return 0;
}

static void close_one(pool_function *f)
{
    if (f->ctx && function_ops(f->fn)->close)
        function_ops(f->fn)->close(f->ctx);
    context_destroy(f->ctx);
    pe_options_destroy(f->options);
    function_unload(f->fn);
    pe_block_release(&f->out);
    free(f->words);
}

/* The stages before the last, [n] of them. */
static int open_row(pool *p, pool_function **row, size_t *n, pe_error *errp)
{
    const pipeline *pl = p->c.pl;

    *row = calloc(pl->n_stages, sizeof(**row));
    if (!*row)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < pl->n_stages; i++) {
        const pipeline_stage *s = &pl->stages[i];

        if (s->role != STAGE_CLOUD || s == p->stage)
            continue;
        if (open_one(p, s, &(*row)[(*n)++], errp) < 0)
            return -1;
    }
    return 0;
}

static void close_row(pool_function **row, size_t n)
{
    for (size_t i = 0; *row && i < n; i++)
        close_one(&(*row)[i]);
    free(*row);
    *row = NULL;
}

int chain_open(pool *p, pe_error *errp)
{
    shared_host(p, &p->host);
    p->host.model = base_model;
    if (open_row(p, &p->pre, &p->n_pre, errp) < 0)
        return -1;
    return p->stage->is_model ? 0 : open_one(p, p->stage, &p->last, errp);
}

void chain_close(pool *p)
{
    close_row(&p->pre, p->n_pre);
    close_row(&p->scout, p->n_pre);
    close_one(&p->last);
    pe_block_release(&p->ahead.block);
}

/* --- a block through the stages --- */

int chain_align(pool *p, pe_block *b, pe_error *errp)
{
    if (((uintptr_t)b->data & 63) == 0)
        return 0;
    if (pe_block_copy(&p->work, b, errp) < 0)
        return -1;
    b->data = p->work.data;
    return 0;
}

static int step(pool *p, pool_function *f, const pe_block *in, pe_error *errp)
{
    int rc;

    pe_context_pass(f->ctx, in, &f->out);
    fault_enter(f->words);
    rc = function_ops(f->fn)->process_cloud(f->ctx, in, &f->out);
    fault_leave();
    if (rc > 0 && (f->out.points == 0 || f->out.features == 0))
        rc = pe_context_fail(f->ctx, "an empty block was forwarded; return "
                                     "PE_NOTHING instead");
    if (rc >= 0)
        return rc ? PE_FORWARD : PE_NOTHING;
    p->refuser = f->stage;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "stage '%s': %s",
                        f->stage->name, context_error(f->ctx));
}

/* What stages make of a block is its data; where it came from stays, whatever
 * they write there.
 */
static void take_data(pe_block *b, const pe_block *from)
{
    b->data = from->data;
    b->points = from->points;
    b->features = from->features;
    b->dtype = from->dtype;
}

static int run(pool *p, pool_function *row, pe_block *b, pe_error *errp)
{
    const pe_block *in = b;
    int rc = PE_FORWARD;

    if (chain_align(p, b, errp) < 0)
        return -1;
    for (size_t i = 0; rc > 0 && i < p->n_pre; i++) {
        rc = step(p, &row[i], in, errp);
        in = &row[i].out;
    }
    if (rc > 0)
        take_data(b, in);
    return rc;
}

int chain_run(pool *p, pe_block *b, pe_error *errp)
{
    pool_ahead *a = &p->ahead;

    if (!chain_is_ahead(p, b))
        return run(p, p->pre, b, errp);
    a->there = false;
    if (a->rc > 0)
        take_data(b, &a->block);
    if (a->rc < 0)
        *errp = a->error;
    p->refuser = a->refuser;
    return a->rc;
}

uint64_t chain_outliers(pool *p)
{
    uint64_t n = 0;

    for (size_t i = 0; i < p->n_pre; i++)
        if (p->pre[i].ctx) /* all are, but for a pool that did not open */
            n += context_take_outliers(p->pre[i].ctx);
    return n;
}

/* --- the first block, ahead of its dispatch --- */

/* Stages that keep state see every block once, so what they make of this one
 * is kept until it is dispatched.  Others may be dispatched before, and use
 * the rooms of the stages: this is a copy.
 */
static void look(pool *p, const pe_block *first)
{
    pool_ahead *a = &p->ahead;
    pe_block b = *first;

    a->there = true;
    a->partition = b.partition;
    a->offset = b.offset;
    b.start_ns = clock_real_ns();
    a->rc = run(p, p->pre, &b, &a->error);
    if (a->rc > 0 && pe_block_copy(&a->block, &b, &a->error) < 0)
        a->rc = -1;
    a->refuser = p->refuser;
    p->refuser = NULL;
}

bool chain_is_ahead(const pool *p, const pe_block *b)
{
    return p->ahead.there && p->ahead.partition == b->partition &&
           p->ahead.offset == b->offset;
}

bool chain_propose(pool *p, const pe_block *first)
{
    const pool_ahead *a = &p->ahead;

    if (!p->n_pre) {
        p->term.proposal = first->features;
        return false;
    }
    if (!a->there)
        look(p, first);
    if (a->rc <= 0)
        return chain_is_ahead(p, first);
    p->term.proposal = a->block.features;
    return false;
}

uint32_t chain_scout(pool *p, const pe_block *first)
{
    pe_block b = *first;
    pe_error e = {0};
    size_t n = 0;
    int rc;

    if (!p->n_pre)
        return first->features;
    if (!p->scout && open_row(p, &p->scout, &n, &e) < 0) {
        pool_fail(p, &e);
        close_row(&p->scout, n);
        return 0;
    }
    b.start_ns = clock_real_ns();
    rc = run(p, p->scout, &b, &e);
    p->refuser = NULL;
    return rc > 0 ? b.features : 0;
}

void chain_scout_end(pool *p)
{
    close_row(&p->scout, p->n_pre);
}

void chain_forget(pool *p)
{
    p->ahead.there = false;
    chain_outliers(p);
}
