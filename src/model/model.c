/* model.c - the models there are; making and unmaking one. */
#include "model_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/audit/audit.h"
#include "models/kmeans/kmeans.h"
#include "models/passthrough/passthrough.h"

enum { MODELS = 3, COMMON = 3, SPECS_MAX = 32 };

static const pe_model_ops *const models[MODELS] = {
    &kmeans_ops,
    &passthrough_ops,
    &audit_ops,
};

static const pe_option_spec common[COMMON + 1] = {
    {"seed", PE_OPTION_INT, 0, 9e15, "1", NULL, "of every draw"},
    {"contamination", PE_OPTION_FLOAT, 1e-6, 0.5, "0.1", NULL,
     "share of points taken as outliers"},
    {"strict", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "refuse a block with a point that is not finite"},
    {0},
};

const char *const *pe_model_names(void)
{
    static const char *names[MODELS + 1];

    for (int i = 0; i < MODELS; i++)
        names[i] = models[i]->name;
    return names;
}

const pe_model_ops *pe_model_find(const char *kind)
{
    for (int i = 0; i < MODELS; i++)
        if (!strcmp(models[i]->name, kind))
            return models[i];
    return NULL;
}

/* Tables are put together once, before threads read them: each entry is
 * written with the same content whoever comes first.
 */
const pe_option_spec *model_specs(const pe_model_ops *ops)
{
    static pe_option_spec tables[MODELS][SPECS_MAX];

    for (int i = 0; i < MODELS; i++) {
        int n = 0;

        if (models[i] != ops)
            continue;
        for (const pe_option_spec *s = ops->options; s && s->name; s++)
            tables[i][n++] = *s;
        for (int k = 0; k < COMMON; k++)
            tables[i][n++] = common[k];
        return tables[i];
    }
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

static void fill_header(pe_model *m, const pe_model_ops *ops,
                        const pe_options *o, uint32_t features)
{
    m->ops = ops;
    m->features = features;
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
    if (m)
        fill_header(m, ops, o, features);
    return m;
}

void pe_model_destroy(pe_model *m)
{
    if (m)
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
