/* meanvar.c - a model of one's own: running mean and variance of every column.
 *
 * The score of a point is the root mean square of its z values.  A delta is
 * sums about a fixed origin, so deltas of any blocks and ranks add up; the
 * origin comes out of the first rows, so that a large offset costs no digits.
 */
#include <math.h>
#include <stdlib.h>

#include <pilot/model.h>

#include "src/model/items.h"
#include "src/model/safetensors.h"
#include "src/model/scratch.h"
#include "src/model/threshold.h"
#include "src/model/warmup.h"

struct meanvar {
    pe_model base;
    double *origin, *sum, *square; /* a column each, about the origin */
    uint64_t n;                    /* rows in the sums */
    double *mean, *inverse;        /* what scores are made of */
    struct warmup warmup;
    struct threshold threshold;
};

static const pe_option_spec options[] = {
    {"warmup", PE_OPTION_INT, 2, 1e7, "100", NULL, "rows before a score"},
    THRESHOLD_OPTIONS,
    {0},
};

static void destroy(pe_model *m)
{
    struct meanvar *v = (struct meanvar *)m;

    if (!v)
        return;
    free(v->origin); /* and the columns behind it */
    warmup_free(&v->warmup);
    threshold_free(&v->threshold);
    free(v);
}

static pe_model *create(const pe_options *o, uint32_t features, pe_error *errp)
{
    struct meanvar *v = calloc(1, sizeof(*v));

    if (!v) {
        pe_error_nomem(errp);
        return NULL;
    }
    v->base.warming = true;
    v->base.threshold = NAN;
    v->warmup.want = (size_t)pe_options_int(o, "warmup");
    v->origin = calloc(5 * (size_t)features, sizeof(double));
    if (!v->origin)
        pe_error_nomem(errp);
    if (!v->origin || threshold_create(&v->threshold, o, errp) < 0) {
        destroy(&v->base);
        return NULL;
    }
    v->sum = v->origin + features;
    v->square = v->sum + features;
    v->mean = v->square + features;
    v->inverse = v->mean + features;
    return &v->base;
}

/* Mean and 1 / deviation; a column that does not vary is left as it is. */
static void refresh(struct meanvar *v)
{
    double n = v->n ? (double)v->n : 1;

    for (uint32_t f = 0; f < v->base.features; f++) {
        double mean = v->sum[f] / n, var = v->square[f] / n - mean * mean;

        v->mean[f] = v->origin[f] + mean;
        v->inverse[f] = var > 0 ? 1 / sqrt(var) : 1;
    }
}

/* --- a block --- */

static float score_row(const struct meanvar *v, const double *row)
{
    double sum = 0;

    for (uint32_t f = 0; f < v->base.features; f++) {
        double z = (row[f] - v->mean[f]) * v->inverse[f];

        sum += z * z;
    }
    return (float)sqrt(sum / v->base.features);
}

static void add_row(const struct meanvar *v, const double *row, double *sum,
                    double *square)
{
    for (uint32_t f = 0; f < v->base.features; f++) {
        double x = row[f] - v->origin[f];

        sum[f] += x;
        square[f] += x * x;
    }
}

/* Scores of [b], and its sums into [d] when there is one. */
static int walk(const struct meanvar *v, pe_delta *d, const pe_block *b,
                float *scores, pe_error *errp)
{
    uint32_t features = v->base.features;
    double *row = model_scratch(SCRATCH_TILE, features * sizeof(*row), errp);

    if (!row)
        return -1;
    for (uint32_t i = 0; i < b->points; i++) {
        pe_block_row(b, i, row);
        scores[i] = row_is_finite(row, features) ? score_row(v, row) : NAN;
        if (!d || isnan(scores[i]))
            continue;
        add_row(v, row, d->sum, d->sum + features);
    }
    return 0;
}

static int score(const pe_model *m, const pe_block *b, float *scores,
                 pe_error *errp)
{
    return walk((const struct meanvar *)m, NULL, b, scores, errp);
}

static int delta_init(const pe_model *base, pe_delta *d, pe_error *errp)
{
    const struct meanvar *v = (const struct meanvar *)base;

    d->n_sum = base->warming ? 0 : 2 * (size_t)base->features;
    d->n_count = base->warming ? 0 : threshold_lanes(&v->threshold);
    return pe_delta_alloc(d, errp);
}

static int update(const pe_model *base, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp)
{
    const struct meanvar *v = (const struct meanvar *)base;

    if (base->warming) /* raw rows, which apply keeps */
        return warmup_update(base, d, b, scores, errp);
    if (!scores)
        scores =
            model_scratch(SCRATCH_SCORES, b->points * sizeof(*scores), errp);
    /* All of the block or nothing: the steps that can fail come first. */
    if (!scores || threshold_reserve(&v->threshold, d, b, errp) < 0 ||
        walk(v, d, b, scores, errp) < 0)
        return -1;
    threshold_fold(&v->threshold, d, d->count, b, scores);
    pe_delta_count(d, base, scores, b->points);
    return 0;
}

static bool full(const pe_model *base, const pe_delta *d)
{
    return warmup_full(&((const struct meanvar *)base)->warmup, base, d);
}

/* --- a delta into the model --- */

static int learn(struct meanvar *v, const pe_delta *d, uint64_t points,
                 pe_error *errp)
{
    uint32_t features = v->base.features;

    for (uint32_t f = 0; f < features && d->n_sum > 0; f++) {
        v->sum[f] += d->sum[f];
        v->square[f] += d->sum[features + f];
    }
    v->n += points;
    refresh(v);
    return threshold_apply(&v->threshold, &v->base, d,
                           d->n_count ? d->count : NULL, errp);
}

static int learn_rows(struct meanvar *v, double *rows, size_t n, pe_error *errp)
{
    pe_block b = {
        .data = rows,
        .points = (uint32_t)n,
        .features = v->base.features,
        .dtype = PE_F8,
        .partition = -1,
    };
    pe_delta *d = pe_delta_create(&v->base, errp);
    int rc = -1;

    if (d && update(&v->base, d, &b, NULL, errp) == 0)
        rc = learn(v, d, d->points, errp);
    pe_delta_destroy(d);
    return rc;
}

/* The origin, and a first mean and deviation to score the same rows with. */
static int end_warmup(struct meanvar *v, pe_error *errp)
{
    uint32_t features = v->base.features;
    const double *rows = v->warmup.rows;
    int rc;

    v->n = v->warmup.n;
    for (size_t i = 0; i < v->n; i++)
        for (uint32_t f = 0; f < features; f++)
            v->origin[f] += rows[i * features + f] / (double)v->n;
    for (size_t i = 0; i < v->n; i++)
        add_row(v, rows + i * features, v->sum, v->square);
    refresh(v);
    for (uint32_t f = 0; f < features; f++)
        v->sum[f] = v->square[f] = 0;
    v->n = 0;
    v->base.warming = false;
    rc = learn_rows(v, v->warmup.rows, v->warmup.n, errp);
    warmup_free(&v->warmup);
    return rc;
}

static int apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    struct meanvar *v = (struct meanvar *)m;
    double *rows;
    size_t n;
    int rc = 0;

    if (warmup_collect(m->features, d, &rows, &n, errp) < 0)
        return -1;
    if (m->warming)
        rc = warmup_keep(&v->warmup, m->features, rows, n, errp);
    else if (n > 0)
        rc = learn_rows(v, rows, n, errp);
    free(rows);
    if (rc == 0 && m->warming && v->warmup.n >= v->warmup.want)
        rc = end_warmup(v, errp);
    else if (rc == 0 && !m->warming)
        rc = learn(v, d, d->points - n, errp);
    m->points += d->points;
    return rc;
}

/* --- the file --- */

static int encode(const pe_model *m, pe_tensors *t, pe_error *errp)
{
    const struct meanvar *v = (const struct meanvar *)m;
    const tensor_form sums = {TENSOR_F64, 2, {3, m->features}};

    if (pe_tensors_put(t, "sums", &sums, v->origin, errp) < 0 ||
        pe_tensors_put_u64(t, "rows_in_sums", v->n, errp) < 0 ||
        threshold_encode(&v->threshold, t, errp) < 0)
        return -1;
    return warmup_encode(&v->warmup, m, t, errp);
}

static int decode(pe_model *m, const pe_tensors *t, pe_error *errp)
{
    struct meanvar *v = (struct meanvar *)m;
    uint64_t shape[2];
    const double *sums = pe_tensors_get(t, "sums", TENSOR_F64, 2, shape, errp);

    if (!sums || pe_tensors_u64(t, "rows_in_sums", &v->n, errp) < 0)
        return -1;
    if (shape[0] != 3 || shape[1] != m->features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a meanvar model: its sums are for %llu "
                            "features",
                            (unsigned long long)shape[1]);
    for (size_t i = 0; i < 3 * (size_t)m->features; i++)
        v->origin[i] = sums[i];
    refresh(v);
    if (threshold_decode(&v->threshold, t, errp) < 0)
        return -1;
    return warmup_decode(&v->warmup, m, t, errp);
}

const pe_model_ops meanvar_ops = {
    .abi = PE_MODEL_ABI,
    .name = "meanvar",
    .prose = "how many deviations a point is from the mean",
    .options = options,
    .flags = PE_MODEL_UNALIGNED,
    .create = create,
    .destroy = destroy,
    .delta_init = delta_init,
    .update = update,
    .score = score,
    .merge_blob = item_merge,
    .full = full,
    .apply = apply,
    .encode = encode,
    .decode = decode,
};
