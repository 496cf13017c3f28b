/* chain.c - the functions of a rank: stages before the last, and the last one
 * where it is no model.
 */
#include "chain.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/agent/fault.h"
#include "src/block/times.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define RESTORE_MAX ((size_t)4 << 30) /* bytes of a model */

/* --- what functions may ask for --- */

/* The model the block at work is learned against: every block of an epoch is
 * scored with the same one, on any rank.
 */
static const pe_model *base_model(void *arg)
{
    const chain *st = arg;

    return st->end->is_model ? st->base : NULL;
}

/* A rank connects when its function first asks: most never do. */
static params *connect(chain *st, pe_error *errp)
{
    params_conf conf = {0};

    if (st->shared)
        return st->shared;
    if (pipeline_is_local(st->c.pl)) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no shared state without a parameter service");
        return NULL;
    }
    pipeline_request_params(st->c.req, &conf);
    conf.no_commits = true;
    st->shared = params_open(&conf, st->c.req->run, errp);
    return st->shared;
}

static int put(void *arg, const char *key, const void *value, uint32_t len,
               pe_error *errp)
{
    params *s = connect(arg, errp);

    return s ? params_shared_put(s, key, value, len, errp) : -1;
}

static int get(void *arg, const char *key, void *value, uint32_t cap,
               pe_error *errp)
{
    params *s = connect(arg, errp);
    size_t len = 0;

    if (!s || params_shared_get(s, key, value, cap, &len, errp) < 0)
        return -1;
    return (int)(len < cap ? len : cap);
}

/* Words for who follows the run, from any rank. */
static void tell(void *arg, const char *words)
{
    const chain *st = arg;

    st->c.progress(json_pack("{s:s, s:s, s:o}", "event", "note", "pilot",
                             st->c.pilot, "text", event_text(words)));
}

static void set_host(chain *st, context_host *h)
{
    h->arg = st;
    h->put = put;
    h->get = get;
    h->model = base_model;
    h->tell = tell;
}

/* --- opening and closing --- */

static context_setup setup_of(const chain *st, const pipeline_stage *s)
{
    const pipeline *pl = st->c.pl;

    return (context_setup){
        .run = st->c.req->run,
        .stage = s->name,
        .device = "",
        .index = st->c.rank,
        .size = st->c.size,
        .context_keys = (const char *const *)pl->context_keys,
        .context_values = (const char *const *)pl->context_values,
        .n_context = pl->n_context,
        .dtype = pl->dtype,
        .host = &st->host,
        .cancelled = st->c.drain,
    };
}

/* The error that a function left: the block's, or the agent's. */
static int stage_error(const pipeline_stage *s, const pe_context *ctx,
                       pe_error *errp)
{
    const pe_error *e = context_failure(ctx);
    bool known = e->kind != PE_ERROR_NONE;

    return pe_error_set(errp, known ? e->kind : PE_ERROR_INPUT,
                        known ? e->exit_code : PE_EXIT_DATA, "stage '%s': %s",
                        s->name, e->text);
}

static int open_one(chain *st, const pipeline_stage *s, chain_function *f,
                    bool scout, pe_error *errp)
{
    context_setup set = setup_of(st, s);
    pe_context *ctx;
    char writer[160];

    f->stage = s;
    f->fn = function_load(s->function, st->c.req->dir, errp);
    if (!f->fn)
        return -1;
    f->options = function_options(f->fn, s->options, errp);
    if (!f->options)
        return -1;
    f->words = fault_words(s->name, "process_cloud", s->function);
    if (!f->words)
        return pe_error_nomem(errp);
    set.options = f->options;
    set.given = &st->given[s - st->c.pl->stages];
    /* One that looks ahead sees what another will see again. */
    snprintf(writer, sizeof(writer), "%s-%d",
             st->c.member ? st->c.member : "pool", st->c.rank);
    set.writer = scout ? NULL : writer;
    ctx = context_create(&set, errp);
    if (!ctx)
        return -1;
    if (function_ops(f->fn)->open && function_ops(f->fn)->open(ctx) < 0) {
        stage_error(s, ctx, errp);
        context_destroy(ctx); /* never opened, so never closed */
        return -1;
    }
    f->ctx = ctx;
    return 0;
}

static void close_one(chain_function *f)
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
static int open_row(chain *st, chain_function **row, size_t *n, bool scout,
                    pe_error *errp)
{
    const pipeline *pl = st->c.pl;

    *row = calloc(pl->n_stages, sizeof(**row));
    if (!*row)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < pl->n_stages; i++) {
        const pipeline_stage *s = &pl->stages[i];

        if (s->role != STAGE_CLOUD || s == st->end)
            continue;
        if (open_one(st, s, &(*row)[(*n)++], scout, errp) < 0)
            return -1;
    }
    return 0;
}

static void close_row(chain_function **row, size_t n)
{
    for (size_t i = 0; *row && i < n; i++)
        close_one(&(*row)[i]);
    free(*row);
    *row = NULL;
}

static bool asks(const chain_function *f)
{
    return function_named(function_ops(f->fn), f->options);
}

/* The scaling of stage [i]: every rank finds the same. */
static int find_scaling(chain *st, size_t i, pe_error *errp)
{
    const pipeline *pl = st->c.pl;
    const pipeline_stage *s = &pl->stages[i];
    overall *w = &st->overalls[i];
    const char *why;
    char words[900], line[1100];
    int rc =
        ahead_find(&(ahead_conf){pl, st->c.req, st->c.drain}, s, w, &why, errp);

    if (rc < 0) /* a drain is no error */
        return errp->kind == PE_ERROR_NONE ? 0 : -1;
    if (rc > 0)
        st->given[i] = overall_scaling(w);
    if (st->c.rank != 0 || !st->c.progress)
        return 0;
    ahead_words(pl, rc > 0 ? w : NULL, why, words, sizeof(words));
    snprintf(line, sizeof(line), "stage '%.100s' %s", s->name, words);
    tell(st, line);
    return 0;
}

static int find_scalings(chain *st, pe_error *errp)
{
    const pipeline *pl = st->c.pl;

    st->overalls = calloc(pl->n_stages, sizeof(*st->overalls));
    st->given = calloc(pl->n_stages, sizeof(*st->given));
    if (!st->overalls || !st->given)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < pl->n_stages; i++)
        if (pl->stages[i].role == STAGE_CLOUD && ahead_asked(&pl->stages[i]) &&
            find_scaling(st, i, errp) < 0)
            return -1;
    return 0;
}

int chain_open(chain *st, const chain_conf *c, pe_error *errp)
{
    st->c = *c;
    st->end = pipeline_last_stage(c->pl);
    st->model =
        pe_model_find(st->end->is_model ? st->end->function : "passthrough");
    if (!st->end->is_model) {
        /* A function learns nothing; a model that only counts carries its
         * commits.
         */
        st->plain = pe_model_options("passthrough", errp);
        if (!st->plain)
            return -1;
    }
    set_host(st, &st->host);
    if (find_scalings(st, errp) < 0 ||
        open_row(st, &st->pre, &st->n_pre, false, errp) < 0 ||
        (!st->end->is_model &&
         open_one(st, st->end, &st->last, false, errp) < 0))
        return -1;
    for (size_t i = 0; i < st->n_pre; i++)
        st->named = st->named || asks(&st->pre[i]);
    st->named = st->named || (st->last.fn && asks(&st->last));
    return 0;
}

void chain_close(chain *st)
{
    close_row(&st->pre, st->n_pre);
    close_row(&st->scout, st->n_pre);
    close_one(&st->last);
    pe_block_release(&st->ahead.block);
    pe_block_release(&st->aligned);
    for (size_t i = 0; st->overalls && i < st->c.pl->n_stages; i++)
        overall_free(&st->overalls[i]);
    free(st->overalls);
    free(st->given);
    free(st->times);
    free(st->names);
    pe_options_destroy(st->plain);
    params_close(st->shared);
    *st = (chain){0};
}

/* The model that the run begins with, as one that is not committed yet.  That
 * its kind and its options are those of the stage was seen when the run was
 * started (src/run/restore.c).
 */
static pe_model *restored(const chain *st, uint32_t features, pe_error *errp)
{
    const char *path = st->c.pl->restore;
    size_t len = 0;
    char *data = file_read(path, RESTORE_MAX, &len, errp);
    pe_model *m = data ? pe_model_decode(data, len, errp) : NULL;

    free(data);
    if (!m)
        pe_error_prefix(errp, "restore: %s", path);
    if (m && (strcmp(m->ops->name, st->model->name) != 0 ||
              m->features != features)) {
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                     "restore: %s is a %s for %u features, and stage '%s' is a "
                     "%s for %u: begin without it, or with another",
                     path, m->ops->name, m->features, st->end->name,
                     st->model->name, features);
        pe_model_destroy(m);
        return NULL;
    }
    if (m) {
        m->version = 0;
        m->commit[0] = '\0';
    } else if (errp) {
        errp->kind = PE_ERROR_FATAL; /* no block is to blame */
    }
    return m;
}

pe_model *chain_model(const chain *st, uint32_t features, pe_error *errp)
{
    if (st->c.pl->restore && !st->last.fn)
        return restored(st, features, errp);
    return pe_model_create(st->model->name,
                           st->last.fn ? st->plain : st->end->options, features,
                           errp);
}

/* --- a block through the stages --- */

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

/* What columns called [list] are called in front of [f], who is told, and
 * behind it, into [list] again; once nobody knows it stays empty.
 */
static int tell_one(const chain_function *f, text *list, bool *knownp)
{
    text behind = {0};

    if (asks(f) && context_columns(f->ctx, *knownp ? list->data : NULL) < 0)
        return -1;
    *knownp = *knownp && function_columns(f->stage->function, f->options,
                                          list->data, &behind) == 0;
    list->len = 0;
    if (*knownp)
        text_add_bytes(list, behind.data, behind.len);
    text_free(&behind);
    return list->failed ? -1 : 0;
}

static int tell_row(const chain *st, const chain_function *row, pe_error *errp)
{
    bool known = st->names;
    text list = {0};
    int rc = 0;

    if (!known || !row)
        return 0;
    text_add(&list, "%s", st->names);
    for (size_t i = 0; rc == 0 && !list.failed && i < st->n_pre; i++)
        rc = tell_one(&row[i], &list, &known);
    if (rc == 0 && !list.failed && row == st->pre && st->last.fn)
        rc = tell_one(&st->last, &list, &known);
    if (list.failed)
        rc = -1;
    text_free(&list);
    return rc < 0 ? pe_error_nomem(errp) : 0;
}

int chain_hear(chain *st, const source_text *columns, pe_error *errp)
{
    char *names;

    st->heard = true;
    if (!columns->at || (st->names && !st->named) ||
        (st->names && strlen(st->names) == columns->len &&
         !memcmp(st->names, columns->at, columns->len)))
        return 0;
    names = strndup(columns->at, columns->len);
    if (!names)
        return pe_error_nomem(errp);
    free(st->names);
    st->names = names;
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
    for (size_t i = 0; rc == 0 && i < st->n_pre; i++) {
        const chain_function *f = &st->pre[i];

        rc = function_columns(f->stage->function, f->options, out->data,
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

int chain_lend(chain *st, const chain_function *f, const pe_block *in,
               pe_error *errp)
{
    if (st->item && chain_hear(st, &st->item->said.columns, errp) < 0)
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
    fault_enter(f->words);
    rc = function_ops(f->fn)->process_cloud(f->ctx, in, &f->out);
    fault_leave();
    if (rc > 0 && (f->out.points == 0 || f->out.features == 0))
        rc = pe_context_fail(f->ctx, "an empty block was forwarded; return "
                                     "PE_NOTHING instead");
    if (rc >= 0)
        return rc ? PE_FORWARD : PE_NOTHING;
    st->refuser = f->stage;
    return stage_error(f->stage, f->ctx, errp);
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
    const pe_block *in = b;
    int rc = PE_FORWARD;

    if (chain_align(st, b, errp) < 0)
        return -1;
    for (size_t i = 0; rc > 0 && i < st->n_pre; i++) {
        rc = step(st, &row[i], in, errp);
        if (rc > 0)
            row[i].out.source = origin_trust(&st->blur, in, &row[i].out);
        in = &row[i].out;
    }
    if (rc > 0)
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

    if (!st->n_pre) {
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

    *featuresp = st->n_pre ? 0 : first->features;
    if (!st->n_pre)
        return 0;
    if (!st->scout && open_row(st, &st->scout, &n, true, errp) < 0) {
        close_row(&st->scout, n);
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
    close_row(&st->scout, st->n_pre);
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
        rc = function_settle(function_ops(st->pre[i].fn), st->pre[i].ctx, c,
                             errp);
    if (rc == 0 && st->last.fn)
        rc = function_settle(function_ops(st->last.fn), st->last.ctx, c, errp);
    return rc;
}

int chain_sync(chain *st, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < st->n_pre; i++)
        rc = function_sync(function_ops(st->pre[i].fn), st->pre[i].ctx, errp);
    if (rc == 0 && st->last.fn)
        rc = function_sync(function_ops(st->last.fn), st->last.ctx, errp);
    return rc;
}

int chain_finish(chain *st, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < st->n_pre; i++)
        rc = function_finish(function_ops(st->pre[i].fn), st->pre[i].ctx, errp);
    if (rc == 0 && st->last.fn)
        rc = function_finish(function_ops(st->last.fn), st->last.ctx, errp);
    return rc;
}
