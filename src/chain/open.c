/* open.c - the functions of a rank are opened, and its model is made. */
#include "chain_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/agent/fault.h"
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
params *chain_shared(chain *st, pe_error *errp)
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
    params *s = chain_shared(arg, errp);

    return s ? params_shared_put(s, key, value, len, errp) : -1;
}

static int get(void *arg, const char *key, void *value, uint32_t cap,
               pe_error *errp)
{
    params *s = chain_shared(arg, errp);
    size_t len = 0;

    if (!s || params_shared_get(s, key, value, cap, &len, errp) < 0)
        return -1;
    return (int)(len < cap ? len : cap);
}

/* Words for who follows the run, from any rank. */
void chain_tell(const chain *st, const char *words)
{
    st->c.progress(event_note(st->c.pilot, words));
}

static void tell(void *arg, const char *words)
{
    chain_tell(arg, words);
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

int chain_stage_error(const pipeline_stage *s, const pe_context *ctx,
                      pe_error *errp)
{
    const pe_error *e = context_failure(ctx);
    bool known = e->kind != PE_ERROR_NONE;

    return pe_error_set(errp, known ? e->kind : PE_ERROR_INPUT,
                        known ? e->exit_code : PE_EXIT_DATA, "stage '%s': %s",
                        s->name, e->text);
}

static int open_it(chain *st, const pipeline_stage *s, chain_function *f,
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
    if (chain_note(st, f, errp) < 0)
        return -1;
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
        chain_stage_error(s, ctx, errp);
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
    *f = (chain_function){.stage = f->stage};
}

int chain_open_one(chain *st, const pipeline_stage *s, chain_function *f,
                   bool scout, pe_error *errp)
{
    int rc = open_it(st, s, f, scout, errp);

    if (rc < 0)
        close_one(f);
    return rc;
}

int chain_row_open(chain *st, chain_function **row, size_t *n, bool scout,
                   pe_error *errp)
{
    const pipeline *pl = st->c.pl;

    *row = calloc(pl->n_stages, sizeof(**row));
    if (!*row)
        return pe_error_nomem(errp);
    *n = (size_t)(st->end - pl->stages) - st->first;
    for (size_t i = 0; i < *n; i++)
        (*row)[i].stage = &pl->stages[st->first + i];
    for (size_t i = 0; i < *n; i++) {
        chain_function *f = &(*row)[i];

        if (f->stage->role == STAGE_CLOUD &&
            chain_open_one(st, f->stage, f, scout, errp) < 0)
            return -1;
    }
    return 0;
}

void chain_row_close(chain_function **row, size_t n)
{
    for (size_t i = 0; *row && i < n; i++)
        close_one(&(*row)[i]);
    free(*row);
    *row = NULL;
}

bool chain_asks(const chain_function *f)
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
    chain_tell(st, line);
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
    st->first = c->pl->n_stages > 0 && c->pl->stages[0].role == STAGE_SOURCE;
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
        chain_row_open(st, &st->pre, &st->n_pre, false, errp) < 0 ||
        (!st->end->is_model &&
         chain_open_one(st, st->end, &st->last, false, errp) < 0))
        return -1;
    for (size_t i = 0; i < st->n_pre; i++)
        st->named = st->named || (st->pre[i].fn && chain_asks(&st->pre[i]));
    st->named = st->named || (st->last.fn && chain_asks(&st->last));
    return 0;
}

/* --- another revision of the stages --- */

/* The function of before for [s], where it is to do the same, into *to. */
static void take_over(chain *st, const pipeline_stage *s, chain_function *to)
{
    for (size_t i = 0; i <= st->n_pre; i++) {
        chain_function *f = i < st->n_pre ? &st->pre[i] : &st->last;

        if (!f->ctx || strcmp(f->stage->name, s->name) != 0 ||
            !pipeline_stage_same(f->stage, s))
            continue;
        *to = *f;
        *f = (chain_function){0};
        break;
    }
    to->stage = s;
}

/* All they have seen is committed. */
static int finish_function(chain_function *f, pe_error *errp)
{
    int rc = f->ctx ? function_finish(function_ops(f->fn), f->ctx, errp) : 0;

    close_one(f);
    return rc;
}

/* What was not taken over goes before anything is opened in its place: it may
 * hold the same file.
 */
static int finish_rest(chain *st, pe_error *errp)
{
    int rc = finish_function(&st->last, errp);

    for (size_t i = 0; i < st->n_pre; i++)
        if (finish_function(&st->pre[i], rc < 0 ? NULL : errp) < 0)
            rc = -1;
    free(st->pre);
    st->pre = NULL;
    st->n_pre = 0;
    return rc;
}

static void set_named(chain *st)
{
    st->named = st->last.fn && chain_asks(&st->last);
    for (size_t i = 0; i < st->n_pre; i++)
        st->named = st->named || (st->pre[i].fn && chain_asks(&st->pre[i]));
    st->heard = false;
}

/* The stages of [pl], those of before where they can be; NULL: no memory. */
static chain_function *row_take(chain *st, const pipeline *pl, size_t *np,
                                chain_function *last)
{
    const pipeline_stage *end = pipeline_last_stage(pl);
    chain_function *row = calloc(pl->n_stages, sizeof(*row));

    *np = (size_t)(end - pl->stages) - st->first;
    for (size_t i = 0; row && i < *np; i++)
        take_over(st, &pl->stages[st->first + i], &row[i]);
    if (row && !end->is_model)
        take_over(st, end, last);
    return row;
}

static int open_rest(chain *st, pe_error *errp)
{
    for (size_t i = 0; i < st->n_pre; i++) {
        chain_function *f = &st->pre[i];

        if (!f->ctx && f->stage->role == STAGE_CLOUD &&
            chain_open_one(st, f->stage, f, false, errp) < 0)
            return -1;
    }
    if (!st->end->is_model && !st->last.ctx)
        return chain_open_one(st, st->end, &st->last, false, errp);
    return 0;
}

int chain_revise(chain *st, const pipeline *pl, pe_error *errp)
{
    chain_function last = {0}, *row;
    size_t n;
    int rc;

    chain_row_close(&st->scout, st->n_pre);
    st->ahead.there = false;
    row = row_take(st, pl, &n, &last);
    if (!row)
        return pe_error_nomem(errp);
    rc = finish_rest(st, errp);
    st->pre = row;
    st->n_pre = n;
    st->last = last;
    st->c.pl = pl;
    st->revised = true;
    st->end = pipeline_last_stage(pl);
    st->model =
        pe_model_find(st->end->is_model ? st->end->function : "passthrough");
    if (rc == 0 && !st->end->is_model && !st->plain &&
        !(st->plain = pe_model_options("passthrough", errp)))
        rc = -1;
    if (rc == 0)
        rc = open_rest(st, errp);
    if (rc == 0)
        set_named(st);
    return rc;
}

void chain_close(chain *st)
{
    chain_row_close(&st->pre, st->n_pre);
    chain_row_close(&st->scout, st->n_pre);
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
    note_close(st->notes);
    suspects_free(&st->suspects);
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
    if (st->c.pl->restore && !st->last.fn && !st->revised)
        return restored(st, features, errp);
    return pe_model_create(st->model->name,
                           st->last.fn ? st->plain : st->end->options, features,
                           errp);
}
