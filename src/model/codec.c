/* codec.c - a model as a safetensors file, and back. */
#include "model_private.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "pilot-edge.model.v1"
#define FEATURES_MAX (1 << 24)

static int put_header(pe_tensors *t, const pe_model *m, pe_error *errp)
{
    return pe_tensors_put_text(t, "format", FORMAT, errp) < 0 ||
                   pe_tensors_put_text(t, "kind", m->ops->name, errp) < 0 ||
                   pe_tensors_put_u64(t, "version", m->version, errp) < 0 ||
                   pe_tensors_put_text(t, "commit", m->commit, errp) < 0 ||
                   pe_tensors_put_u64(t, "features", m->features, errp) < 0 ||
                   pe_tensors_put_u64(t, "points", m->points, errp) < 0 ||
                   pe_tensors_put_double(t, "threshold", m->threshold, errp) <
                       0 ||
                   pe_tensors_put_u64(t, "warming", m->warming, errp) < 0 ||
                   pe_tensors_put_u64(t, "seed", m->seed, errp) < 0 ||
                   pe_tensors_put_double(t, "contamination", m->contamination,
                                         errp) < 0 ||
                   pe_tensors_put_u64(t, "strict", m->strict, errp) < 0 ||
                   pe_tensors_put_text(t, "mode",
                                       m->score_after ? "score_after"
                                                      : "test_then_train",
                                       errp) < 0
               ? -1
               : 0;
}

struct putting {
    pe_tensors *t;
    int rc;
    pe_error *errp;
};

/* The model's own options travel as metadata "option.NAME". */
static void put_option(void *arg, const char *name, const char *text)
{
    struct putting *p = arg;
    char key[96];

    if (p->rc < 0 || model_option_is_common(name))
        return;
    snprintf(key, sizeof(key), "option.%s", name);
    p->rc = pe_tensors_put_text(p->t, key, text, p->errp);
}

static int put_options(pe_tensors *t, const pe_model *m, pe_error *errp)
{
    struct putting p = {t, 0, errp};

    pe_options_each(m->options, put_option, &p);
    return p.rc;
}

static int put_cells(pe_tensors *t, const pe_model *m, pe_error *errp)
{
    const tensor_form form = {TENSOR_U64, 1, {m->features}};

    if (!m->cells)
        return 0;
    return pe_tensors_put(t, "masked_cells", &form, m->cells, errp);
}

static int put_dominant(pe_tensors *t, const pe_model *m, pe_error *errp)
{
    if (!(m->dominant_share > 0))
        return 0;
    return pe_tensors_put_u64(t, "dominant", m->dominant, errp) < 0 ||
                   pe_tensors_put_double(t, "dominant_share", m->dominant_share,
                                         errp) < 0
               ? -1
               : 0;
}

static int put_fitted(pe_tensors *t, const pe_model *m, pe_error *errp)
{
    return m->fitted ? pe_tensors_put_u64(t, "fitted", m->fitted, errp) : 0;
}

static int get_fitted(const pe_tensors *t, pe_model *m, pe_error *errp)
{
    if (!pe_tensors_text(t, "fitted"))
        return 0;
    return pe_tensors_u64(t, "fitted", &m->fitted, errp);
}

int pe_model_encode(const pe_model *m, pe_buffer *out, pe_error *errp)
{
    pe_tensors *t = pe_tensors_create(errp);
    int rc = -1;

    if (t && put_header(t, m, errp) == 0 && put_options(t, m, errp) == 0 &&
        put_dominant(t, m, errp) == 0 && put_fitted(t, m, errp) == 0 &&
        put_cells(t, m, errp) == 0 && m->ops->encode(m, t, errp) == 0)
        rc = pe_tensors_encode(t, out, errp);
    pe_tensors_destroy(t);
    return rc;
}

static int get_header(const pe_tensors *t, pe_model *m, pe_error *errp)
{
    const char *commit = pe_tensors_text(t, "commit");
    const char *mode = pe_tensors_text(t, "mode");
    uint64_t warming, strict;

    if (pe_tensors_u64(t, "version", &m->version, errp) < 0 ||
        pe_tensors_u64(t, "points", &m->points, errp) < 0 ||
        pe_tensors_double(t, "threshold", &m->threshold, errp) < 0 ||
        pe_tensors_u64(t, "warming", &warming, errp) < 0 ||
        pe_tensors_u64(t, "seed", &m->seed, errp) < 0 ||
        pe_tensors_double(t, "contamination", &m->contamination, errp) < 0 ||
        pe_tensors_u64(t, "strict", &strict, errp) < 0)
        return -1;
    if (!(m->contamination > 0 && m->contamination <= 0.5))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a model file: contamination is %g",
                            m->contamination);
    snprintf(m->commit, sizeof(m->commit), "%.32s", commit ? commit : "");
    m->warming = warming != 0;
    m->strict = strict != 0;
    m->score_after = mode && !strcmp(mode, "score_after");
    return 0;
}

static int get_dominant(const pe_tensors *t, pe_model *m, pe_error *errp)
{
    uint64_t column;

    if (!pe_tensors_text(t, "dominant"))
        return 0;
    if (pe_tensors_u64(t, "dominant", &column, errp) < 0 ||
        pe_tensors_double(t, "dominant_share", &m->dominant_share, errp) < 0)
        return -1;
    if (column >= m->features ||
        !(m->dominant_share > 0 && m->dominant_share <= 1))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a model file: column %llu of %u has a share "
                            "%g of the variance",
                            (unsigned long long)column, m->features,
                            m->dominant_share);
    m->dominant = (uint32_t)column;
    return 0;
}

static int get_cells(const pe_tensors *t, pe_model *m, pe_error *errp)
{
    const uint64_t *cells;
    uint64_t n;

    if (!pe_tensors_find(t, "masked_cells"))
        return 0;
    cells = pe_tensors_get(t, "masked_cells", TENSOR_U64, 1, &n, errp);
    if (!cells)
        return -1;
    if (n != m->features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a model file: %llu masked_cells, %u features",
                            (unsigned long long)n, m->features);
    m->cells = malloc(n * sizeof(*cells));
    if (!m->cells)
        return pe_error_nomem(errp);
    memcpy(m->cells, cells, n * sizeof(*cells));
    return 0;
}

static int set_options(const pe_tensors *t, const pe_model_ops *ops,
                       pe_options *o, pe_error *errp)
{
    for (const pe_option_spec *s = ops->options; s && s->name; s++) {
        char key[96];
        const char *v;

        snprintf(key, sizeof(key), "option.%s", s->name);
        v = pe_tensors_text(t, key);
        if (v && pe_options_set(o, s->name, v, errp) < 0)
            return -1;
    }
    return 0;
}

static int get_features(const pe_tensors *t, uint32_t *np, pe_error *errp)
{
    uint64_t n;

    if (pe_tensors_u64(t, "features", &n, errp) < 0)
        return -1;
    if (n == 0 || n > FEATURES_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a model file: %llu features",
                            (unsigned long long)n);
    *np = (uint32_t)n;
    return 0;
}

static pe_model *build(const pe_tensors *t, pe_error *errp)
{
    const char *kind = pe_tensors_text(t, "kind");
    const pe_model_ops *ops = kind ? pe_model_find(kind) : NULL;
    pe_options *o = ops ? pe_model_options(kind, errp) : NULL;
    pe_model *m = NULL;
    uint32_t features = 0;

    if (!ops)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "not a model this program knows: kind '%s'",
                     kind ? kind : "");
    if (o && set_options(t, ops, o, errp) == 0 &&
        get_features(t, &features, errp) == 0)
        m = pe_model_create(kind, o, features, errp);
    pe_options_destroy(o);
    if (m && (get_header(t, m, errp) < 0 || get_dominant(t, m, errp) < 0 ||
              get_fitted(t, m, errp) < 0 || get_cells(t, m, errp) < 0 ||
              ops->decode(m, t, errp) < 0)) {
        pe_model_destroy(m);
        m = NULL;
    }
    return m;
}

/* --- with other options --- */

/* What the options say and the header of a file does, too. */
static void keep_wished(pe_model *m, const pe_model *as)
{
    m->contamination = as->contamination;
    m->seed = as->seed;
    m->strict = as->strict;
    m->score_after = as->score_after;
}

/* [to], new, with all that [t] has. */
static int take_all(pe_model *to, const pe_tensors *t, pe_error *errp)
{
    pe_model wished = *to;
    int rc = get_header(t, to, errp);

    keep_wished(to, &wished);
    if (rc == 0)
        rc = get_dominant(t, to, errp) < 0 || get_cells(t, to, errp) < 0 ? -1
                                                                         : 0;
    return rc;
}

/* [from], whose file is [t], with the options [o]: as it is where its tensors
 * fit, else as the model itself has it.
 */
static pe_model *carry(const pe_model *from, const pe_tensors *t,
                       const pe_options *o, char *words, size_t cap,
                       pe_error *errp)
{
    const pe_model_ops *ops = from->ops;
    pe_model *to = pe_model_create(ops->name, o, from->features, errp);
    pe_error why = {0};
    int rc = to ? take_all(to, t, errp) : -1;

    if (rc == 0 && ops->decode(to, t, &why) == 0)
        return to;
    pe_model_destroy(to);
    if (rc < 0)
        return NULL;
    to =
        ops->carry ? pe_model_create(ops->name, o, from->features, errp) : NULL;
    if (to && (rc = take_all(to, t, errp)) == 0)
        rc = ops->carry(to, from, t, words, cap, errp);
    if (to && rc > 0)
        return to;
    pe_model_destroy(to);
    if (rc == 0)
        snprintf(words, cap,
                 "with these options what the %s has learned from %llu points "
                 "is dropped: it warms up anew",
                 ops->name, (unsigned long long)from->points);
    return NULL;
}

pe_model *pe_model_carry(const pe_model *from, const char *kind,
                         const pe_options *o, char *words, size_t cap,
                         pe_error *errp)
{
    pe_buffer b = {0};
    pe_tensors *t = NULL;
    pe_model *m = NULL;

    *words = '\0';
    errp->kind = PE_ERROR_NONE;
    if (strcmp(from->ops->name, kind) != 0) {
        snprintf(words, cap,
                 "the %s, which has learned from %llu points, is dropped: %s "
                 "warms up anew, and devices score by the last %s until then",
                 from->ops->name, (unsigned long long)from->points, kind,
                 from->ops->name);
        return NULL;
    }
    if (pe_model_encode(from, &b, errp) == 0)
        t = pe_tensors_decode(b.data, b.len, errp);
    if (t)
        m = carry(from, t, o, words, cap, errp);
    pe_tensors_destroy(t);
    pe_buffer_free(&b);
    return m;
}

pe_model *pe_model_decode(const void *data, size_t len, pe_error *errp)
{
    pe_tensors *t = pe_tensors_decode(data, len, errp);
    pe_model *m;

    if (!t)
        return NULL;
    m = build(t, errp);
    pe_tensors_destroy(t);
    return m;
}
