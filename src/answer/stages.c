/* stages.c - a block through the stages before the model. */
#include "stages.h"

#include <stdlib.h>
#include <string.h>

#include "src/agent/fault.h"
#include "src/block/origin.h"
#include "src/common/text.h"

typedef struct stage {
    const pipeline_stage *of;
    function *fn;
    pe_options *options;
    pe_context *ctx;
    pe_block out;
    char *words; /* for a fault in it */
} stage;

struct stages {
    stages_conf c;
    context_host host;
    pe_model *m;      /* ours: kernels are for one thread at a time */
    pe_block work;    /* a copy that is aligned */
    origin_list blur; /* rows of a block that a function reshaped */
    stage *stage;
    size_t n;
};

/* Stages that only count change nothing, and what one keeps it has. */
static bool counts(const pipeline_stage *s)
{
    return !strcmp(s->function, "drift") || !strcmp(s->function, "score") ||
           (s->loaded && function_keeps(s->loaded));
}

static bool is_one(const stages_conf *c, const pipeline_stage *s)
{
    if ((c->upto && s >= c->upto) || counts(s))
        return false;
    if (s->role == STAGE_EDGE)
        return c->edges;
    return s->role == STAGE_CLOUD && s != pipeline_last_stage(c->pl);
}

/* A stage of devices that some records have not been through, since it was on
 * the pool when they came.  It is opened with the first of them.
 */
static bool is_late(const stages_conf *c, const pipeline_stage *s)
{
    return !c->edges && s->role == STAGE_EDGE && !counts(s) &&
           !(c->upto && s >= c->upto);
}

bool stages_any(const stages_conf *c)
{
    for (size_t i = 0; i < c->pl->n_stages; i++)
        if (is_one(c, &c->pl->stages[i]) || is_late(c, &c->pl->stages[i]))
            return true;
    return false;
}

bool stages_reshape(const pipeline *pl)
{
    for (size_t i = 0; i < pl->n_stages; i++) {
        const pipeline_stage *s = &pl->stages[i];

        if (s->role == STAGE_EDGE && (!strcmp(s->function, "filter") ||
                                      !strcmp(s->function, "aggregate")))
            return true;
    }
    return false;
}

bool stages_standardise(const pipeline *pl, size_t through)
{
    size_t n = through ? through : pipeline_ahead(pl);

    for (size_t i = 1; i < n && i < pl->n_stages; i++)
        if (!strcmp(pl->stages[i].function, "standardise"))
            return true;
    return false;
}

int stages_columns(const stages_conf *c, const char *list, text *out)
{
    text behind = {0};
    int rc = 0;

    out->len = 0;
    text_add_bytes(out, list, strlen(list));
    for (size_t i = 0; rc == 0 && i < c->pl->n_stages; i++) {
        const pipeline_stage *s = &c->pl->stages[i];

        if (!is_one(c, s))
            continue;
        rc = function_columns(s->function, s->options, out->data, &behind);
        out->len = 0;
        if (rc == 0)
            text_add_bytes(out, behind.data, behind.len);
    }
    text_free(&behind);
    return rc < 0 || out->failed ? -1 : 0;
}

static const pe_model *the_model(void *arg)
{
    const stages *s = arg;

    return s->m;
}

static context_setup setup_of(const stages *s, const stage *k)
{
    const pipeline *pl = s->c.pl;

    return (context_setup){
        .run = s->c.run,
        .stage = k->of->name,
        .device = "",
        .index = s->c.index,
        .size = s->c.size,
        .options = k->options,
        .context_keys = (const char *const *)pl->context_keys,
        .context_values = (const char *const *)pl->context_values,
        .n_context = pl->n_context,
        .dtype = pl->dtype,
        .given = s->c.scaling ? scaling_of(s->c.scaling, pl, k->of) : NULL,
        .host = &s->host,
    };
}

/* Does the device's entry point do it here, too? */
static bool as_device(const stages *s, const stage *k)
{
    return s->c.edges && k->of->role == STAGE_EDGE;
}

static int open_one(stages *s, stage *k, pe_error *errp)
{
    bool edge = as_device(s, k);
    context_setup set;
    pe_context *ctx;

    k->fn = function_load(k->of->function, s->c.dir, errp);
    if (k->fn)
        k->options = function_options(k->fn, k->of->options, errp);
    if (!k->options)
        return -1;
    k->words = fault_words(k->of->name, edge ? "process_edge" : "process_cloud",
                           k->of->function);
    if (!k->words)
        return pe_error_nomem(errp);
    set = setup_of(s, k);
    ctx = context_create(&set, errp);
    if (!ctx)
        return -1;
    if (function_ops(k->fn)->open && function_ops(k->fn)->open(ctx) < 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "stage '%s': %s",
                     k->of->name, context_error(ctx));
        context_destroy(ctx); /* never opened, so never closed */
        return -1;
    }
    k->ctx = ctx;
    return 0;
}

stages *stages_open(const stages_conf *c, pe_error *errp)
{
    stages *s = calloc(1, sizeof(*s));

    if (s)
        s->stage = calloc(c->pl->n_stages + 1, sizeof(*s->stage));
    if (!s || !s->stage) {
        free(s);
        pe_error_nomem(errp);
        return NULL;
    }
    s->c = *c;
    s->m = pe_model_copy(c->m, errp);
    if (!s->m) {
        stages_close(s);
        return NULL;
    }
    s->host = (context_host){.arg = s, .model = the_model};
    for (size_t i = 0; i < c->pl->n_stages; i++) {
        bool late = is_late(c, &c->pl->stages[i]);

        if (!late && !is_one(c, &c->pl->stages[i]))
            continue;
        s->stage[s->n].of = &c->pl->stages[i];
        if (!late && open_one(s, &s->stage[s->n], errp) < 0) {
            s->n++;
            stages_close(s);
            return NULL;
        }
        s->n++;
    }
    return s;
}

void stages_close(stages *s)
{
    for (size_t i = 0; s && i < s->n; i++) {
        stage *k = &s->stage[i];

        if (k->ctx && function_ops(k->fn)->close)
            function_ops(k->fn)->close(k->ctx);
        context_destroy(k->ctx);
        pe_options_destroy(k->options);
        function_unload(k->fn);
        pe_block_release(&k->out);
        free(k->words);
    }
    if (s) {
        pe_block_release(&s->work);
        pe_model_destroy(s->m);
        free(s->stage);
    }
    free(s);
}

static int step(const stages *s, stage *k, const pe_block *in, pe_error *errp)
{
    const pe_function *ops = function_ops(k->fn);
    int rc;

    pe_context_pass(k->ctx, in, &k->out);
    fault_enter(k->words);
    rc = as_device(s, k) ? ops->process_edge(k->ctx, in, &k->out)
                         : ops->process_cloud(k->ctx, in, &k->out);
    fault_leave();
    if (rc > 0 && (k->out.points == 0 || k->out.features == 0))
        rc = pe_context_fail(k->ctx, "an empty block was forwarded; return "
                                     "PE_NOTHING instead");
    if (rc >= 0)
        return rc ? PE_FORWARD : PE_NOTHING;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "stage '%s': %s",
                        k->of->name, context_error(k->ctx));
}

/* The first stage that is left of a record that has been through so many; its
 * own is opened where it is not.
 */
static int begin(stages *s, size_t through, size_t *ip, pe_error *errp)
{
    const pipeline *pl = s->c.pl;
    size_t n = s->c.edges ? 0 : through ? through : pipeline_ahead(pl), i = 0;

    while (i < s->n && (size_t)(s->stage[i].of - pl->stages) < n)
        i++;
    *ip = i;
    for (; i < s->n; i++)
        if (!s->stage[i].ctx && open_one(s, &s->stage[i], errp) < 0) {
            errp->kind = PE_ERROR_FATAL; /* no block is to blame */
            return -1;
        }
    return 0;
}

int stages_run(stages *s, pe_block *b, size_t through, pe_error *errp)
{
    const pe_block *in = b;
    int rc = PE_FORWARD;
    size_t i;

    if (begin(s, through, &i, errp) < 0)
        return -1;
    if (i == s->n)
        return PE_FORWARD;
    if (((uintptr_t)b->data & 63) != 0) { /* functions read aligned data */
        if (pe_block_copy(&s->work, b, errp) < 0)
            return -1;
        b->data = s->work.data;
    }
    for (; rc > 0 && i < s->n; i++) {
        rc = step(s, &s->stage[i], in, errp);
        if (rc > 0)
            s->stage[i].out.source =
                origin_trust(&s->blur, in, &s->stage[i].out);
        in = &s->stage[i].out;
    }
    if (rc > 0 && in != b) {
        b->data = in->data;
        b->source = in->source;
        b->points = in->points;
        b->features = in->features;
        b->dtype = in->dtype;
    }
    return rc;
}
