/* passthrough.c - a model that learns nothing: the path without a kernel. */
#include <pilot/model.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static pe_model *create(const pe_options *o, uint32_t features, pe_error *errp)
{
    pe_model *m = calloc(1, sizeof(*m));

    (void)o;
    (void)features;
    if (!m) {
        pe_error_nomem(errp);
        return NULL;
    }
    m->threshold = INFINITY; /* nothing is an outlier */
    return m;
}

static void destroy(pe_model *m)
{
    free(m);
}

static int delta_init(const pe_model *base, pe_delta *d, pe_error *errp)
{
    (void)base;
    return pe_delta_alloc(d, errp);
}

static int score(const pe_model *m, const pe_block *b, float *scores,
                 pe_error *errp)
{
    (void)m;
    (void)errp;
    memset(scores, 0, b->points * sizeof(*scores));
    return 0;
}

/* Only counts: the data is not touched, and so nothing is masked. */
static int update(const pe_model *base, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp)
{
    d->points += b->points;
    return scores ? score(base, b, scores, errp) : 0;
}

static int apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    (void)errp;
    m->points += d->points;
    return 0;
}

static int encode(const pe_model *m, pe_tensors *t, pe_error *errp)
{
    (void)m;
    (void)t;
    (void)errp;
    return 0;
}

static int decode(pe_model *m, const pe_tensors *t, pe_error *errp)
{
    (void)m;
    (void)t;
    (void)errp;
    return 0;
}

const pe_model_ops passthrough_ops = {
    .abi = PE_MODEL_ABI,
    .name = "passthrough",
    .prose = "learns nothing; for measuring the path",
    .flags = PE_MODEL_UNALIGNED | PE_MODEL_NO_SCORES,
    .create = create,
    .destroy = destroy,
    .delta_init = delta_init,
    .update = update,
    .score = score,
    .apply = apply,
    .encode = encode,
    .decode = decode,
};
