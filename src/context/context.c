/* context.c - what a function is told, and what it may ask for. */
#include "context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/log.h"

#define DRIFTS_LOGGED 10

struct pe_context {
    context_setup set; /* strings and map point to our copies */
    char **keys, **values;
    void *state;
    uint64_t outliers;
    bool unmet; /* scores were asked for, and there was no model */
    context_skip_list *skips; /* NULL: none */
    context_progress read;    /* of a source that ends */
    int64_t due_ns;           /* of its next block */
    const int64_t *times;     /* of the rows of its block */
    uint32_t n_times;
    char *columns; /* their names; NULL: none */
    context_scaling scale;
    uint64_t drifts;
    char first_drift[256];
    pe_error error;
};

static void free_strings(char **list, size_t n)
{
    for (size_t i = 0; list && i < n; i++)
        free(list[i]);
    free(list);
}

static char **copy_strings(const char *const *list, size_t n)
{
    char **copy = calloc(n + 1, sizeof(*copy));

    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = strdup(list[i]);
        if (!copy[i]) {
            free_strings(copy, n);
            return NULL;
        }
    }
    return copy;
}

static char *copy_text(const char *text)
{
    return strdup(text ? text : "");
}

pe_context *context_create(const context_setup *s, pe_error *errp)
{
    pe_context *ctx = calloc(1, sizeof(*ctx));

    if (!ctx) {
        pe_error_nomem(errp);
        return NULL;
    }
    ctx->set = *s;
    ctx->due_ns = -1;
    ctx->set.run = copy_text(s->run);
    ctx->set.stage = copy_text(s->stage);
    ctx->set.device = copy_text(s->device);
    ctx->set.writer = s->writer ? strdup(s->writer) : NULL;
    ctx->keys = copy_strings(s->context_keys, s->n_context);
    ctx->values = copy_strings(s->context_values, s->n_context);
    if (!ctx->set.run || !ctx->set.stage || !ctx->set.device || !ctx->keys ||
        !ctx->values || (s->writer && !ctx->set.writer)) {
        pe_error_nomem(errp);
        context_destroy(ctx);
        return NULL;
    }
    return ctx;
}

void context_destroy(pe_context *ctx)
{
    if (!ctx)
        return;
    free((char *)ctx->set.run);
    free((char *)ctx->set.stage);
    free((char *)ctx->set.device);
    free((char *)ctx->set.writer);
    free(ctx->skips);
    free(ctx->columns);
    free_strings(ctx->keys, ctx->set.n_context);
    free_strings(ctx->values, ctx->set.n_context);
    free(ctx);
}

const char *context_error(const pe_context *ctx)
{
    return ctx->error.text;
}

const pe_error *context_failure(const pe_context *ctx)
{
    return &ctx->error;
}

int context_fail_with(pe_context *ctx, const pe_error *e)
{
    ctx->error = *e;
    return -1;
}

const context_scaling *context_given(const pe_context *ctx)
{
    return ctx->set.given;
}

const char *context_writer(const pe_context *ctx)
{
    return ctx->set.writer;
}

bool context_again(const pe_context *ctx)
{
    return ctx->set.again;
}

uint64_t context_take_outliers(pe_context *ctx)
{
    uint64_t n = ctx->outliers;

    ctx->outliers = 0;
    return n;
}

bool context_take_unmet(pe_context *ctx)
{
    bool unmet = ctx->unmet;

    ctx->unmet = false;
    return unmet;
}

/* The row of [reason]; the last of the table is for all that find no place. */
static context_skipped *skip_of(context_skip_list *s, bool cell,
                                const char *reason)
{
    const char *name =
        s->n + 1 < CONTEXT_SKIPS_MAX ? reason : "of other reasons";
    context_skipped *k;

    for (size_t i = 0; i < s->n; i++)
        if (s->by[i].cell == cell && (!strcmp(s->by[i].reason, reason) ||
                                      !strcmp(s->by[i].reason, name)))
            return &s->by[i];
    if (s->n == CONTEXT_SKIPS_MAX)
        return &s->by[s->n - 1];
    k = &s->by[s->n++];
    k->cell = cell;
    snprintf(k->reason, sizeof(k->reason), "%s", name);
    return k;
}

__attribute__((format(printf, 5, 0))) static void
skip(pe_context *ctx, uint64_t n, bool cell, const char *reason,
     const char *fmt, va_list ap)
{
    context_skipped *k;

    if (!ctx->skips)
        ctx->skips = calloc(1, sizeof(*ctx->skips));
    if (!ctx->skips)
        return;
    *(cell ? &ctx->skips->cells : &ctx->skips->rows) += n;
    k = skip_of(ctx->skips, cell, reason);
    k->n += n;
    if (k->n > n)
        return;
    vsnprintf(k->first, sizeof(k->first), fmt, ap);
    pe_context_log(ctx, "%s", k->first);
}

void context_skip(pe_context *ctx, bool cell, const char *reason,
                  const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    skip(ctx, 1, cell, reason, fmt, ap);
    va_end(ap);
}

void context_skip_many(pe_context *ctx, uint64_t n, bool cell,
                       const char *reason, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    skip(ctx, n, cell, reason, fmt, ap);
    va_end(ap);
}

void context_skip_list_add(context_skip_list *sum, const context_skip_list *s)
{
    sum->rows += s->rows;
    sum->cells += s->cells;
    for (size_t i = 0; i < s->n; i++) {
        const context_skipped *from = &s->by[i];
        context_skipped *to = skip_of(sum, from->cell, from->reason);
        if (to->n == 0)
            snprintf(to->first, sizeof(to->first), "%s", from->first);
        to->n += from->n;
    }
}

const context_skip_list *context_skips(const pe_context *ctx)
{
    return ctx->skips;
}

void context_read(pe_context *ctx, const context_progress *r)
{
    ctx->read = *r;
    if (ctx->read.done > r->all)
        ctx->read.done = r->all;
}

context_progress context_read_get(const pe_context *ctx)
{
    return ctx->read;
}

double context_rate(const pe_context *ctx)
{
    return ctx->set.rate;
}

void context_due(pe_context *ctx, int64_t ns)
{
    ctx->due_ns = ns;
}

int64_t context_due_get(const pe_context *ctx)
{
    return ctx->due_ns;
}

void context_times(pe_context *ctx, const int64_t *ns, uint32_t n)
{
    ctx->times = ns;
    ctx->n_times = n;
}

const int64_t *context_times_get(const pe_context *ctx, uint32_t *np)
{
    *np = ctx->n_times;
    return ctx->n_times ? ctx->times : NULL;
}

int context_columns(pe_context *ctx, const char *list)
{
    char *copy = list ? strdup(list) : NULL;

    if (list && !copy)
        return pe_context_fail(ctx, "out of memory");
    free(ctx->columns);
    ctx->columns = copy;
    return 0;
}

const char *context_columns_get(const pe_context *ctx)
{
    return ctx->columns;
}

void context_scale(pe_context *ctx, const context_scaling *s)
{
    ctx->scale = *s;
}

context_scaling context_scale_get(const pe_context *ctx)
{
    return ctx->scale;
}

void context_drift(pe_context *ctx, const char *fmt, ...)
{
    char words[sizeof(ctx->first_drift)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    if (ctx->drifts++ == 0)
        memcpy(ctx->first_drift, words, sizeof(words));
    if (ctx->drifts <= DRIFTS_LOGGED)
        pe_context_log(ctx, "%s", words);
    if (ctx->drifts == DRIFTS_LOGGED)
        pe_context_log(ctx, "further changes are counted and not said");
}

uint64_t context_drifts(const pe_context *ctx, const char **firstp)
{
    *firstp = ctx->first_drift;
    return ctx->drifts;
}

void context_tell(pe_context *ctx, const char *fmt, ...)
{
    const context_host *h = ctx->set.host;
    char line[1200];
    int n = snprintf(line, sizeof(line), "stage '%.100s' ", ctx->set.stage);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
    va_end(ap);
    log_warn("%s", line);
    if (h && h->tell)
        h->tell(h->arg, line);
}

bool context_has_shared(const pe_context *ctx)
{
    const context_host *h = ctx->set.host;

    return h && h->put && h->get;
}

const char *pe_context_run(const pe_context *ctx)
{
    return ctx->set.run;
}

const char *pe_context_stage(const pe_context *ctx)
{
    return ctx->set.stage;
}

const char *pe_context_device(const pe_context *ctx)
{
    return ctx->set.device;
}

int pe_context_index(const pe_context *ctx)
{
    return ctx->set.index;
}

int pe_context_size(const pe_context *ctx)
{
    return ctx->set.size;
}

int pe_context_cancelled(const pe_context *ctx)
{
    return ctx->set.cancelled &&
           atomic_load_explicit(ctx->set.cancelled, memory_order_relaxed) != 0;
}

bool context_cancellable(const pe_context *ctx)
{
    return ctx->set.cancelled != NULL;
}

const pe_options *pe_context_options(const pe_context *ctx)
{
    return ctx->set.options;
}

const char *pe_context_value(const pe_context *ctx, const char *key)
{
    for (size_t i = 0; i < ctx->set.n_context; i++)
        if (!strcmp(ctx->keys[i], key))
            return ctx->values[i];
    return NULL;
}

double pe_context_within(const pe_context *ctx)
{
    return ctx->set.within_s;
}

uint32_t pe_context_points(const pe_context *ctx)
{
    return ctx->set.points;
}

enum pe_dtype pe_context_dtype(const pe_context *ctx)
{
    return ctx->set.dtype;
}

uint64_t pe_context_position(const pe_context *ctx)
{
    return ctx->set.position;
}

int pe_context_pass(pe_context *ctx, const pe_block *in, pe_block *out)
{
    void *storage = out->storage;
    size_t capacity = out->capacity;

    (void)ctx;
    *out = *in;
    out->storage = storage;
    out->capacity = capacity;
    return PE_FORWARD;
}

int pe_context_fail(pe_context *ctx, const char *fmt, ...)
{
    char text[sizeof(ctx->error.text)];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return pe_error_set(&ctx->error, PE_ERROR_INPUT, PE_EXIT_DATA, "%s", text);
}

void pe_context_log(pe_context *ctx, const char *fmt, ...)
{
    const char *where = ctx->set.device[0] ? ctx->set.device : ctx->set.stage;
    char line[1024];
    va_list ap;

    if (ctx->set.quiet)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    log_info("%s: %s", where, line);
}

int pe_context_put(pe_context *ctx, const char *key, const void *value,
                   uint32_t len)
{
    const context_host *h = ctx->set.host;

    if (!h || !h->put)
        return pe_context_fail(ctx,
                               "'%s' cannot be put: this run has no "
                               "parameter service",
                               key);
    return h->put(h->arg, key, value, len, &ctx->error) < 0 ? -1 : 0;
}

int pe_context_get(pe_context *ctx, const char *key, void *value, uint32_t cap)
{
    const context_host *h = ctx->set.host;

    if (!h || !h->get)
        return pe_context_fail(ctx,
                               "'%s' cannot be got: this run has no "
                               "parameter service",
                               key);
    return h->get(h->arg, key, value, cap, &ctx->error);
}

/* As pe_context_score, with a model in hand. */
static int score_with(pe_context *ctx, const pe_model *m, const pe_block *in,
                      float *scores, double *thresholdp, uint64_t *versionp)
{
    if (m->warming)
        return 0;
    if (pe_model_score(m, in, scores, &ctx->error) < 0)
        return -1;
    if (thresholdp)
        *thresholdp = m->threshold;
    if (versionp)
        *versionp = m->version;
    return 1;
}

int pe_context_score(pe_context *ctx, const pe_block *in, float *scores,
                     double *thresholdp, uint64_t *versionp)
{
    const context_host *h = ctx->set.host;
    const pe_model *m = h && h->model ? h->model(h->arg) : NULL;
    int rc;

    rc = m ? score_with(ctx, m, in, scores, thresholdp, versionp) : 0;
    if (m && h->release)
        h->release(h->arg, m);
    ctx->unmet = ctx->unmet || rc == 0;
    return rc;
}

void pe_context_set_state(pe_context *ctx, void *state)
{
    ctx->state = state;
}

void *pe_context_state(const pe_context *ctx)
{
    return ctx->state;
}

void pe_context_count_outliers(pe_context *ctx, uint64_t n)
{
    ctx->outliers += n;
}
