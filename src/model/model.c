/* model.c - the models there are; making and unmaking one. */
#include "model_private.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"

/* models.h is made by the build: a line MODEL(name) for each. */
#define MODEL(name) extern const pe_model_ops name##_ops;
#include "src/model/models.h"
#undef MODEL

#define MODEL(name) &name##_ops,
static const pe_model_ops *const models[] = {
#include "src/model/models.h"
};
#undef MODEL

enum {
    MODELS = sizeof(models) / sizeof(models[0]),
    COMMON = 6,
    SPECS_MAX = 32
};

static const pe_option_spec common[COMMON + 1] = {
    {"seed", PE_OPTION_INT, 0, 9e15, "1", NULL, "of every draw"},
    {"contamination", PE_OPTION_FLOAT, 1e-6, 0.5, "0.1", NULL,
     "share of points taken as outliers"},
    {"strict", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "refuse a block with a point that is not finite"},
    {"mode", PE_OPTION_STRING, 0, 0, "test_then_train",
     "test_then_train score_after",
     "score a block before, or after it was learned from"},
    {"kernel", PE_OPTION_STRING, 0, 0, "auto", PATH_WORDS,
     "the code that computes; auto: the fastest here"},
    {"final", PE_OPTION_STRING, 0, 0, "fit", "fit stream",
     "what scores all rows of a run that has come to its end: the model fitted "
     "once more, to all of them, or as the stream has left it"},
    {0},
};

const pe_model_ops *pe_model_find(const char *kind)
{
    for (int i = 0; i < MODELS; i++)
        if (!strcmp(models[i]->name, kind))
            return models[i];
    return NULL;
}

/* A model's own options, and behind them what all have. */
static pe_option_spec tables[MODELS][SPECS_MAX];
static const char *names[MODELS + 1];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void tables_fill(void)
{
    for (int i = 0; i < MODELS; i++) {
        const pe_option_spec *s = models[i]->options;
        int n = 0;

        names[i] = models[i]->name;
        for (; s && s->name; s++)
            tables[i][n++] = *s;
        for (int k = 0; k < COMMON; k++)
            tables[i][n++] = common[k];
    }
}

const char *const *pe_model_names(void)
{
    pthread_once(&tables_once, tables_fill);
    return names;
}

const pe_option_spec *model_specs(const pe_model_ops *ops)
{
    pthread_once(&tables_once, tables_fill);
    for (int i = 0; i < MODELS; i++)
        if (models[i] == ops)
            return tables[i];
    return NULL;
}

pe_options *pe_model_options(const char *kind, pe_error *errp)
{
    const pe_model_ops *ops = pe_model_find(kind);

    if (ops)
        return pe_options_create(model_specs(ops), errp);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "there is no model '%s'",
                 kind);
    return NULL;
}

bool model_option_is_common(const char *name)
{
    for (int k = 0; k < COMMON; k++)
        if (!strcmp(common[k].name, name))
            return true;
    return false;
}

struct copying {
    pe_options *to;
    int rc;
    pe_error *errp;
};

static void copy_option(void *arg, const char *name, const char *text)
{
    struct copying *c = arg;

    if (c->rc == 0)
        c->rc = pe_options_set(c->to, name, text, c->errp);
}

/* The model keeps its own: it outlives the stage it was described by. */
static int keep_options(pe_model *m, const pe_options *o, pe_error *errp)
{
    struct copying c = {pe_options_create(model_specs(m->ops), errp), 0, errp};

    m->options = c.to;
    if (!c.to)
        return -1;
    pe_options_each(o, copy_option, &c);
    return c.rc;
}

static void fill_header(pe_model *m, const pe_model_ops *ops,
                        const pe_options *o, uint32_t features)
{
    m->ops = ops;
    m->features = features;
    m->score_after = !strcmp(pe_options_string(o, "mode"), "score_after");
    m->contamination = pe_options_float(o, "contamination");
    m->seed = (uint64_t)pe_options_int(o, "seed");
    m->strict = pe_options_bool(o, "strict");
}

pe_model *pe_model_create(const char *kind, const pe_options *o,
                          uint32_t features, pe_error *errp)
{
    const pe_model_ops *ops = pe_model_find(kind);
    pe_model *m;

    if (!ops) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no model '%s'", kind);
        return NULL;
    }
    m = ops->create(o, features, errp);
    if (!m)
        return NULL;
    fill_header(m, ops, o, features);
    if (keep_options(m, o, errp) == 0)
        return m;
    pe_model_destroy(m);
    return NULL;
}

void pe_model_destroy(pe_model *m)
{
    if (!m)
        return;
    pe_options_destroy(m->options);
    free(m->cells);
    m->ops->destroy(m);
}

pe_model *pe_model_copy(const pe_model *m, pe_error *errp)
{
    pe_buffer b = {0};
    pe_model *copy = NULL;

    if (pe_model_encode(m, &b, errp) == 0)
        copy = pe_model_decode(b.data, b.len, errp);
    pe_buffer_free(&b);
    return copy;
}

bool pe_model_dominated(const pe_model *m, const char *name, const char *pilot,
                        char *out, size_t cap)
{
    char called[128] = "";

    if (!(m->dominant_share > 0))
        return false;
    if (name && *name)
        snprintf(called, sizeof(called), " ('%.100s')", name);
    snprintf(out, cap,
             "column %u%s had %.4g%% of the variance when the model began: the "
             "distances of %s are those of this column; so that all %u count, "
             "put a stage in front of it, as scale: {pilot: %.100s, function: "
             "standardise}",
             m->dominant, called, 100 * m->dominant_share, m->ops->name,
             m->features, pilot);
    return true;
}
