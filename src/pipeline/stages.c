/* stages.c - the stages of a pipeline file. */
#include "pipeline_private.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "src/common/text.h"
#include "src/config/section.h"
#include "src/function/host.h"

static const pe_option_spec stage_keys[] = {
    {"pilot", PE_OPTION_STRING, 0, 0, NULL, NULL, "where it runs"},
    {"function", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "built-in, model, or PATH.so:SYMBOL"},
    {"from", PE_OPTION_STRING, 0, 0, NULL, NULL, "default: the stage above"},
    {0},
};

static const pe_option_spec block_keys[] = {
    {"points", PE_OPTION_INT, 1, 16777216, "1000", NULL,
     "a block is closed at"},
    {"within", PE_OPTION_TIME, 0.001, 86400, "1s", NULL, "or after"},
    {"rate", PE_OPTION_FLOAT, 0, 1e9, "0", NULL,
     "blocks/s of a device; 0: as fast as it goes"},
    {0},
};

static int find_pilot(const pipeline *p, const tree *t, const char *name,
                      pe_error *errp)
{
    text known = {0};

    for (size_t i = 0; i < p->n_pilots; i++) {
        if (!strcmp(p->pilots[i].name, name))
            return (int)i;
        text_add(&known, "%s%s", i ? ", " : "", p->pilots[i].name);
    }
    section_error(t, errp, "stage '%s': there is no pilot '%s'; known: %s",
                  t->key, name, known.data ? known.data : "");
    text_free(&known);
    return -1;
}

static int find_from(const pipeline *p, const tree *t, const char *name,
                     pe_error *errp)
{
    int above = (int)p->n_stages - 1;

    if (!name)
        return above;
    for (int i = 0; i <= above; i++)
        if (!strcmp(p->stages[i].name, name))
            return i;
    section_error(t, errp, "stage '%s': from: there is no stage '%s' above",
                  t->key, name);
    return -2;
}

/* --- the function --- */

/* A relative shared object is looked for beside the pipeline file. */
static char *absolute_function(const pipeline *p, const char *spec)
{
    char *file, *dir, *real, *out;

    if (!strstr(spec, ".so:") || *spec == '/')
        return strdup(spec);
    file = strdup(p->file);
    if (!file)
        return NULL;
    dir = dirname(file);
    real = realpath(dir, NULL);
    out = text_format("%s/%s", real ? real : dir, spec);
    free(real);
    free(file);
    return out;
}

static int unknown_function(const tree *t, const char *name, pe_error *errp)
{
    const char *const *lists[] = {pe_model_names(), function_names()};
    char near[128] = "";
    text words = {0};

    for (int l = 0; l < 2; l++)
        for (const char *const *n = lists[l]; *n; n++)
            text_add(&words, "%s ", *n);
    if (words.data)
        text_nearest(name, words.data, near, sizeof(near));
    section_error(t, errp,
                  "stage '%s': there is no function '%s'%s%s%s known: "
                  "%sor PATH.so:SYMBOL",
                  t->key, name, *near ? "; did you mean " : ";", near,
                  *near ? "?" : "", words.data ? words.data : "");
    text_free(&words);
    return -1;
}

static int has_entry(const pe_function *f, enum stage_role role)
{
    switch (role) {
    case STAGE_SOURCE:
        return f->produce_edge != NULL;
    case STAGE_EDGE:
        return f->process_edge != NULL;
    case STAGE_CLOUD:
        return f->process_cloud != NULL;
    }
    return 0;
}

static const char *const role_word[] = {
    [STAGE_SOURCE] = "be a source (produce_edge)",
    [STAGE_EDGE] = "run on an edge pilot (process_edge)",
    [STAGE_CLOUD] = "run on a pool (process_cloud)",
};

static int model_options(pipeline_stage *s, const tree *t, pe_error *errp)
{
    if (s->role != STAGE_CLOUD)
        return section_error(t, errp,
                             "stage '%s': model %s learns on a pool; put it "
                             "on the pool pilot, and use `score` at the edge",
                             t->key, s->function);
    s->is_model = true;
    s->options = pe_model_options(s->function, errp);
    return s->options ? 0 : -1;
}

static int function_options(pipeline_stage *s, const tree *t, pe_error *errp)
{
    function *f = function_load(s->function, NULL, errp);
    const pe_function *ops;

    if (!f)
        return pe_error_prefix(errp, "%s: stage '%s'", t->where, t->key);
    ops = function_ops(f);
    if (!has_entry(ops, s->role)) {
        section_error(t, errp, "stage '%s': %s cannot %s", t->key, s->function,
                      role_word[s->role]);
        function_unload(f);
        return -1;
    }
    /* A table in a shared object goes with it when it is unloaded. */
    s->options = pe_options_create(
        strstr(s->function, ".so:") ? NULL : ops->options, errp);
    if (s->options && strstr(s->function, ".so:"))
        pe_options_allow_any(s->options);
    function_unload(f);
    return s->options ? 0 : -1;
}

static int read_options(pipeline_stage *s, const tree *t, pe_error *errp)
{
    const tree *o = tree_get(t, "options");
    int rc;

    if (pe_model_find(s->function))
        rc = model_options(s, t, errp);
    else if (!strstr(s->function, ".so:") && !function_find(s->function))
        rc = unknown_function(t, s->function, errp);
    else
        rc = function_options(s, t, errp);
    for (size_t i = 0; rc == 0 && o && i < o->n; i++) {
        const tree *c = &o->child[i];

        if (c->kind != TREE_SCALAR || !c->key)
            rc = section_error(c, errp, "one value is expected here");
        else if (pe_options_set(s->options, c->key, c->value, errp) < 0)
            rc = pe_error_prefix(errp, "%s", c->where);
    }
    return rc;
}

/* --- one stage --- */

static int set_role(const pipeline *p, pipeline_stage *s, const tree *t,
                    pe_error *errp)
{
    enum pilot_kind kind = p->pilots[s->pilot].kind;

    if (kind != PILOT_EDGE && kind != PILOT_POOL)
        return section_error(t, errp,
                             "stage '%s': pilot '%s' is of kind %s and runs "
                             "no stages",
                             t->key, p->pilots[s->pilot].name,
                             pilot_kind_name(kind));
    if (p->n_stages == 0)
        s->role = STAGE_SOURCE;
    else
        s->role = kind == PILOT_EDGE ? STAGE_EDGE : STAGE_CLOUD;
    if (s->role != STAGE_EDGE)
        return 0;
    if (pipeline_stage_of(p, STAGE_CLOUD))
        return section_error(t, errp,
                             "stage '%s': edge stages stand before the "
                             "pool's",
                             t->key);
    return 0;
}

static int read_block(pipeline_stage *s, const tree *t, pe_error *errp)
{
    const tree *b = tree_get(t, "block");
    pe_options *o;

    if (b && s->role != STAGE_SOURCE)
        return section_error(b, errp, "block: only a source makes blocks");
    o = section_read(b, block_keys, NULL, errp);
    if (!o)
        return -1;
    s->points = (uint32_t)pe_options_int(o, "points");
    s->within_s = pe_options_time(o, "within");
    s->rate = pe_options_float(o, "rate");
    pe_options_destroy(o);
    return 0;
}

static int read_head(pipeline *p, pipeline_stage *s, const tree *t,
                     pe_error *errp)
{
    pe_options *o = section_read(t, stage_keys, "block options", errp);
    int rc = -1;

    if (!o)
        return -1;
    if (!pe_options_has(o, "pilot") || !pe_options_has(o, "function")) {
        section_error(t, errp, "stage '%s' needs a pilot and a function",
                      t->key);
        goto done;
    }
    s->name = strdup(t->key);
    s->function = absolute_function(p, pe_options_string(o, "function"));
    if (!s->name || !s->function) {
        pe_error_nomem(errp);
        goto done;
    }
    s->pilot = find_pilot(p, t, pe_options_string(o, "pilot"), errp);
    s->from = find_from(p, t, pe_options_string(o, "from"), errp);
    rc = s->pilot < 0 || s->from < -1 ? -1 : 0;
done:
    pe_options_destroy(o);
    return rc;
}

static int read_stage(pipeline *p, const tree *t, pe_error *errp)
{
    pipeline_stage *s = &p->stages[p->n_stages];

    s->file = strdup(t->where);
    if (!s->file || read_head(p, s, t, errp) < 0 ||
        set_role(p, s, t, errp) < 0 || read_block(s, t, errp) < 0 ||
        read_options(s, t, errp) < 0)
        return -1;
    if (s->role == STAGE_CLOUD && pipeline_stage_of(p, STAGE_CLOUD))
        return section_error(t, errp,
                             "a second stage on a pool: this version runs "
                             "one");
    p->n_stages++;
    return 0;
}

static int check_stages(pipeline *p, const tree *t, pe_error *errp)
{
    bool local = p->pilots[p->stages[0].pilot].kind == PILOT_POOL;

    if (!pipeline_stage_of(p, STAGE_CLOUD))
        return section_error(t, errp,
                             "stages: nothing is learned: a stage on a pool "
                             "is missing");
    for (size_t i = 0; i < p->n_stages; i++) {
        if (p->stages[i].role != STAGE_EDGE)
            continue;
        if (local)
            return section_error(t, errp,
                                 "stage '%s': an edge stage behind a source "
                                 "that runs in the pool",
                                 p->stages[i].name);
        if (!strcmp(p->stages[i].function, "score") &&
            !pipeline_stage_of(p, STAGE_CLOUD)->is_model)
            return section_error(t, errp,
                                 "stage '%s': score needs a model to be "
                                 "learned on the pool",
                                 p->stages[i].name);
    }
    for (size_t i = 0; !local && i < p->n_stages; i++)
        if (p->stages[i].role != STAGE_CLOUD)
            p->stream_stage = (int)i;
    return 0;
}

int pipeline_read_stages(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "stages");

    if (!t || t->kind != TREE_MAP || !t->n)
        return section_error(t ? t : root, errp,
                             "stages: at least a source and a stage on a "
                             "pool are needed");
    p->stages = calloc(t->n, sizeof(*p->stages));
    if (!p->stages)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++) {
        if (read_stage(p, &t->child[i], errp) < 0) {
            p->n_stages++; /* what it holds is freed with the others */
            return -1;
        }
    }
    return check_stages(p, t, errp);
}
