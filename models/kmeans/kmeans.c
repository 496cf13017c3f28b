/* kmeans.c - streaming k-means: MiniBatchKMeans.partial_fit over ranks.
 *
 * Labels come from the base's centres; a delta holds sums and counts against
 * them, so deltas of any number of blocks and ranks add up.  In apply
 * N <- g N + m and c <- (g N c + S) / (g N + m), which with g = 1 is
 * scikit-learn's update (and Sculley 2010 with cached assignments).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "private.h"
#include "src/model/scratch.h"

static const pe_option_spec options[] = {
    {"clusters", PE_OPTION_INT, 1, 65536, "25", NULL, "number of centres"},
    {"warmup", PE_OPTION_INT, 0, 1e7, "0", NULL,
     "rows before the first centres; 0: ten a centre"},
    {"iterations", PE_OPTION_INT, 0, 1000, "0", NULL,
     "of Lloyd over the rows of the warm-up"},
    {"decay", PE_OPTION_FLOAT, 1e-6, 1, "1", NULL,
     "of what was learned, each commit; 1: none"},
    {"reassign", PE_OPTION_BOOL, 0, 0, "true", NULL,
     "give centres without points another place"},
    {"exact", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "sums that no order of blocks and no number of ranks changes"},
    {"quorum", PE_OPTION_INT, 1, 1e6, "1", NULL,
     "devices whose first deltas make the first model, where they learn"},
    THRESHOLD_OPTIONS,
    {0},
};

/* --- making --- */

static void destroy(pe_model *m)
{
    struct kmeans *k = kmeans_of(m);

    if (!k)
        return;
    free(k->centers);
    free(k->counts);
    free(k->births);
    free(k->origins);
    free(k->limit);
    free(k->magic);
    free(k->view.minus);
    free(k->view.norms);
    free(k->view.across);
    warmup_free(&k->warmup);
    kmeans_points_free(&k->points);
    threshold_free(&k->threshold);
    free(k);
}

/* Zeroed doubles that a vector does not find across two cache lines. */
static double *doubles(size_t n)
{
    size_t bytes = (n * sizeof(double) + 64) / 64 * 64;
    double *p = aligned_alloc(64, bytes);

    if (p)
        memset(p, 0, bytes);
    return p;
}

static int allocate(struct kmeans *k, uint32_t features, pe_error *errp)
{
    size_t s;

    k->base.features = features;
    k->stride = (features + KMEANS_STEP - 1) / KMEANS_STEP * KMEANS_STEP;
    s = k->stride;
    k->centers = doubles(k->k * s);
    k->counts = calloc(k->k, sizeof(double));
    k->births = calloc(k->k, sizeof(uint64_t));
    k->origins = doubles(k->k * s);
    k->limit = doubles(s);
    k->magic = doubles(s);
    k->view.minus = doubles(s);
    k->view.norms = calloc(k->k, 2 * sizeof(double));
    k->view.across = (float *)doubles((kmeans_across_len(k) + 1) / 2);
    if (k->centers && k->counts && k->births && k->origins && k->limit &&
        k->magic && k->view.minus && k->view.norms && k->view.across)
        return 0;
    return pe_error_nomem(errp);
}

static pe_model *create(const pe_options *o, uint32_t features, pe_error *errp)
{
    struct kmeans *k = calloc(1, sizeof(*k));

    if (!k) {
        pe_error_nomem(errp);
        return NULL;
    }
    k->k = (uint32_t)pe_options_int(o, "clusters");
    k->warmup.want = (size_t)pe_options_int(o, "warmup");
    if (k->warmup.want < k->k)
        k->warmup.want = k->warmup.want ? k->k : 10 * (size_t)k->k;
    k->iterations = (int)pe_options_int(o, "iterations");
    k->decay = pe_options_float(o, "decay");
    k->reassign = pe_options_bool(o, "reassign");
    k->exact = pe_options_bool(o, "exact");
    k->quorum = (uint32_t)pe_options_int(o, "quorum");
    k->base.warming = true;
    k->base.threshold = NAN;
    if (allocate(k, features, errp) == 0 &&
        threshold_create(&k->threshold, o, errp) == 0)
        return &k->base;
    destroy(&k->base);
    return NULL;
}

/* --- deltas --- */

static int begin_work(const struct kmeans *k, pe_delta *d, pe_error *errp)
{
    struct kmeans_work *w = d->work;

    if (!w) {
        w = kmeans_work_create(k, errp);
        if (!w)
            return -1;
        d->work = w;
        d->work_destroy = kmeans_work_destroy;
    }
    w->candidates.n = 0;
    return 0;
}

static int delta_init(const pe_model *base, pe_delta *d, pe_error *errp)
{
    const struct kmeans *k = kmeans_cof(base);
    bool warm = !base->warming;

    d->n_sum = warm && !k->exact ? (size_t)k->k * k->stride : 0;
    d->n_count =
        warm ? kmeans_grid_lanes(k) + k->k + threshold_lanes(&k->threshold) : 0;
    d->n_tag = warm ? k->k + 1 : 0;
    if (pe_delta_alloc(d, errp) < 0)
        return -1;
    if (!warm)
        return 0;
    memcpy(d->tag, k->births, k->k * sizeof(*k->births));
    d->tag[k->k] = k->exact ? k->stride : 0; /* for align_lanes */
    return begin_work(k, d, errp);
}

/* The model as the block leaves it scores the block (score_after): the sums
 * of the block alone make it, so that the answer does not depend on what
 * else this rank has seen.
 */
static int fold_after(const struct kmeans *k, pe_delta *d, const pe_block *b,
                      float *scores, pe_error *errp)
{
    struct kmeans_work *w = d->work;
    struct kmeans *after = kmeans_of(w->after);

    if (pe_delta_reset(w->one, &k->base, errp) < 0 ||
        kmeans_fold(k, w->one, b, scores, errp) < 0)
        return -1;
    memcpy(after->centers, k->centers,
           (size_t)k->k * k->stride * sizeof(*k->centers));
    memcpy(after->counts, k->counts, k->k * sizeof(*k->counts));
    memcpy(after->births, k->births, k->k * sizeof(*k->births));
    memcpy(after->origins, k->origins,
           (size_t)k->k * k->stride * sizeof(*k->origins));
    memcpy(after->limit, k->limit, k->stride * sizeof(*k->limit));
    memcpy(after->magic, k->magic, k->stride * sizeof(*k->magic));
    kmeans_add(after, w->one, k->decay, false);
    kmeans_prepare(after);
    if (kmeans_fold(after, NULL, b, scores, errp) < 0)
        return -1;
    w->one->outliers = pe_model_outliers(&k->base, scores, b->points);
    return pe_delta_merge(k->base.ops, d, w->one, errp);
}

static int update(const pe_model *base, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp)
{
    const struct kmeans *k = kmeans_cof(base);
    struct kmeans_work *w = d->work;
    int rc;

    if (base->warming)
        return warmup_update(base, d, b, scores, errp);
    if (!scores)
        scores =
            model_scratch(SCRATCH_SCORES, b->points * sizeof(*scores), errp);
    /* The steps that can fail come first. */
    if (!scores || threshold_reserve(&k->threshold, d, b, errp) < 0)
        return -1;
    rc = base->score_after ? fold_after(k, d, b, scores, errp)
                           : kmeans_fold(k, d, b, scores, errp);
    if (rc < 0)
        return -1;
    threshold_fold(&k->threshold, d, kmeans_scores(k, d), b, scores);
    if (k->reassign)
        kmeans_offer(k, &w->candidates, b);
    return 0;
}

static int score(const pe_model *m, const pe_block *b, float *scores,
                 pe_error *errp)
{
    return kmeans_fold(kmeans_cof(m), NULL, b, scores, errp);
}

static int seal(const pe_model *base, pe_delta *d, pe_error *errp)
{
    const struct kmeans *k = kmeans_cof(base);

    if (base->warming)
        return 0;
    kmeans_seal_sums(k, d);
    return kmeans_put_candidates(k, d, errp);
}

static bool full(const pe_model *base, const pe_delta *d)
{
    return warmup_full(&kmeans_cof(base)->warmup, base, d);
}

/* --- merging --- */

/* Of a centre that was reborn between the two, nothing of the older stays. */
void kmeans_drop_lane(pe_delta *d, size_t j, size_t k)
{
    size_t width = d->n_sum / k, grid = d->tag[k];

    memset(d->sum + j * width, 0, width * sizeof(*d->sum));
    for (size_t l = 0; grid && l < KMEANS_LEVELS; l++)
        memset(d->count + (l * k + j) * grid, 0, grid * sizeof(*d->count));
    d->count[KMEANS_LEVELS * k * grid + j] = 0;
}

static void align_lanes(pe_delta *into, const pe_delta *from)
{
    size_t k = from->n_tag - 1;

    for (size_t j = 0; j < k; j++)
        if (into->tag[j] != from->tag[j])
            kmeans_drop_lane(into, j, k);
    memcpy(into->tag, from->tag, k * sizeof(*into->tag));
}

const pe_model_ops kmeans_ops = {
    .abi = PE_MODEL_ABI,
    .name = "kmeans",
    .prose = "distance to the nearest of k centres",
    .options = options,
    .flags = PE_MODEL_UNALIGNED,
    .create = create,
    .destroy = destroy,
    .delta_init = delta_init,
    .update = update,
    .score = score,
    .seal = seal,
    .merge_blob = item_merge,
    .align_lanes = align_lanes,
    .full = full,
    .apply = kmeans_apply,
    .fit = kmeans_fit,
    .veil = kmeans_veil,
    .admit = kmeans_admit,
    .encode = kmeans_encode,
    .decode = kmeans_decode,
    .carry = kmeans_carry,
};
