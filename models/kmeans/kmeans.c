/* kmeans.c - streaming k-means: MiniBatchKMeans.partial_fit over ranks.
 *
 * Labels come from the base's centres; a delta holds sums and counts against
 * them, so deltas of any number of blocks and ranks add up.  In apply
 * N <- g N + m and c <- (g N c + S) / (g N + m), which with g = 1 is
 * scikit-learn's update (and Sculley 2010 with cached assignments).
 */
#include "kmeans.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "src/common/random.h"
#include "src/model/quantile.h"

/* A row beyond this is not a measurement (FLT_MAX, squared, with room). */
#define D2_MAX 1e76

static const pe_option_spec options[] = {
    {"clusters", PE_OPTION_INT, 1, 65536, "25", NULL, "number of centres"},
    {"warmup", PE_OPTION_INT, 0, 1e7, "0", NULL,
     "rows before the first centres; 0: ten a centre"},
    {"decay", PE_OPTION_FLOAT, 1e-6, 1, "1", NULL,
     "of what was learned, each commit; 1: none"},
    {"reassign", PE_OPTION_BOOL, 0, 0, "true", NULL,
     "give centres without points another place"},
    {"window", PE_OPTION_INT, 100, 1e12, "100000", NULL,
     "points the threshold looks back on"},
    {0},
};

static struct kmeans *of(pe_model *m)
{
    return (struct kmeans *)m;
}

static const struct kmeans *cof(const pe_model *m)
{
    return (const struct kmeans *)m;
}

/* --- making --- */

static void destroy(pe_model *m)
{
    struct kmeans *k = of(m);

    if (!k)
        return;
    free(k->centers);
    free(k->across);
    free(k->counts);
    free(k->births);
    free(k->scores);
    free(k->rows);
    free(k);
}

static pe_model *create(const pe_options *o, uint32_t features, pe_error *errp)
{
    struct kmeans *k = calloc(1, sizeof(*k));

    if (!k)
        goto nomem;
    k->k = (uint32_t)pe_options_int(o, "clusters");
    k->padded = (k->k + KMEANS_PAD - 1) / KMEANS_PAD * KMEANS_PAD;
    k->warmup = (size_t)pe_options_int(o, "warmup");
    if (k->warmup < k->k)
        k->warmup = k->warmup ? k->k : 10 * (size_t)k->k;
    k->decay = pe_options_float(o, "decay");
    k->reassign = pe_options_bool(o, "reassign");
    k->window = pe_options_int(o, "window");
    k->centers = calloc((size_t)k->k * features, sizeof(double));
    k->across = calloc((size_t)k->padded * features, sizeof(double));
    k->counts = calloc(k->k, sizeof(double));
    k->births = calloc(k->k, sizeof(uint64_t));
    k->scores = calloc(QUANTILE_LANES, sizeof(int64_t));
    k->base.warming = true;
    k->base.threshold = NAN;
    if (k->centers && k->across && k->counts && k->births && k->scores)
        return &k->base;
nomem:
    destroy((pe_model *)k);
    pe_error_nomem(errp);
    return NULL;
}

/* --- deltas --- */

static int delta_init(const pe_model *base, pe_delta *d, pe_error *errp)
{
    const struct kmeans *k = cof(base);
    bool warm = !base->warming;

    d->n_sum = warm ? (size_t)k->k * base->features : 0;
    d->n_count = warm ? k->k + QUANTILE_LANES : 0;
    d->n_tag = warm ? k->k + 1 : 0;
    if (pe_delta_alloc(d, errp) < 0)
        return -1;
    if (warm) {
        memcpy(d->tag, k->births, k->k * sizeof(*k->births));
        d->tag[k->k] = (uint64_t)k->anchor;
    }
    return 0;
}

/* Largest hash of the candidates kept, and where it stands. */
static size_t worst_candidate(const pe_delta *d, uint64_t *hashp, size_t *np)
{
    const unsigned char *p;
    struct kmeans_item item;
    struct kmeans_candidate c;
    size_t at = 0, worst = SIZE_MAX;

    *np = 0;
    *hashp = 0;
    while (kmeans_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        if (item.kind != KMEANS_CANDIDATE)
            continue;
        memcpy(&c, p, sizeof(c));
        if (worst == SIZE_MAX || c.hash > *hashp) {
            *hashp = c.hash;
            worst = (size_t)(p - d->blob.data);
        }
        ++*np;
    }
    return worst;
}

static int keep_candidate(const struct kmeans *k, pe_delta *d, uint64_t hash,
                          const void *row, pe_error *errp)
{
    size_t width = k->base.features * sizeof(double), n, at;
    struct kmeans_item item = {KMEANS_CANDIDATE, sizeof(hash) + width};
    uint64_t largest;

    at = worst_candidate(d, &largest, &n);
    if (n >= k->k) {
        if (hash >= largest)
            return 0;
        memcpy(d->blob.data + at, &hash, sizeof(hash));
        memcpy(d->blob.data + at + sizeof(hash), row, width);
        return 0;
    }
    if (pe_buffer_append(&d->blob, &item, sizeof(item), errp) < 0 ||
        pe_buffer_append(&d->blob, &hash, sizeof(hash), errp) < 0)
        return -1;
    return pe_buffer_append(&d->blob, row, width, errp);
}

/* The bottom-k sample of the block's rows, by a hash of their origin. */
static int keep_candidates(const struct kmeans *k, pe_delta *d,
                           const pe_block *b, double *row, pe_error *errp)
{
    uint64_t key = random_mix(random_mix(k->base.seed, (uint64_t)b->partition),
                              (uint64_t)b->offset);
    uint64_t largest;
    size_t n;

    worst_candidate(d, &largest, &n);
    for (uint32_t i = 0; i < b->points; i++) {
        uint64_t hash = random_mix(key, i);

        if (n >= k->k && hash >= largest)
            continue;
        pe_block_row(b, i, row);
        for (uint32_t f = 0; f < b->features; f++)
            if (!(fabs(row[f]) <= FLT_MAX))
                hash = UINT64_MAX;
        if (hash == UINT64_MAX)
            continue;
        if (keep_candidate(k, d, hash, row, errp) < 0)
            return -1;
        worst_candidate(d, &largest, &n);
    }
    return 0;
}

static void fold(const struct kmeans *k, pe_delta *d, const double *row,
                 double *acc, float *scorep)
{
    uint32_t features = k->base.features, best;
    double d2, score;

    best = kmeans_nearest(k, row, acc, &d2);
    /* A row with a value that is not finite has no distance. */
    if (!(d2 <= D2_MAX)) {
        d->masked++;
        *scorep = NAN;
        return;
    }
    score = sqrt(d2);
    for (uint32_t f = 0; f < features; f++)
        d->sum[(size_t)best * features + f] += row[f];
    d->count[best]++;
    d->count[k->k + quantile_bucket((float)score, k->anchor)]++;
    d->points++;
    d->outliers += (double)(float)score > k->base.threshold;
    *scorep = (float)score;
}

/* Scratch of one call: a row and the distances to all centres. */
double *kmeans_scratch(const struct kmeans *k)
{
    static _Thread_local double *memory;
    static _Thread_local size_t size;
    size_t want = k->base.features + k->padded;

    if (want > size) {
        double *grown = realloc(memory, want * sizeof(*grown));

        if (!grown)
            return NULL;
        memory = grown;
        size = want;
    }
    return memory;
}

static int update(const pe_model *base, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp)
{
    const struct kmeans *k = cof(base);
    double *row = kmeans_scratch(k);
    float score;

    if (base->warming)
        return kmeans_warm_update(k, d, b, scores, errp);
    if (!row)
        return pe_error_nomem(errp);
    /* The only step that can fail comes first. */
    if (k->reassign && keep_candidates(k, d, b, row, errp) < 0)
        return -1;
    for (uint32_t i = 0; i < b->points; i++) {
        pe_block_row(b, i, row);
        fold(k, d, row, row + b->features, scores ? &scores[i] : &score);
    }
    return 0;
}

static int score(const pe_model *m, const pe_block *b, float *scores,
                 pe_error *errp)
{
    const struct kmeans *k = cof(m);
    double *row = kmeans_scratch(k), d2;

    if (!row)
        return pe_error_nomem(errp);
    for (uint32_t i = 0; i < b->points; i++) {
        if (m->warming) {
            scores[i] = NAN;
            continue;
        }
        pe_block_row(b, i, row);
        kmeans_nearest(k, row, row + b->features, &d2);
        scores[i] = d2 <= D2_MAX ? (float)sqrt(d2) : NAN;
    }
    return 0;
}

int kmeans_fold_rows(const struct kmeans *k, pe_delta *d, const double *rows,
                     size_t n, pe_error *errp)
{
    double *row = kmeans_scratch(k);
    float s;

    if (!row)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++)
        fold(k, d, rows + i * k->base.features, row, &s);
    return 0;
}

static bool full(const pe_model *base, const pe_delta *d)
{
    return base->warming && kmeans_warm_rows(cof(base), d) >= cof(base)->warmup;
}

/* Clusters of a delta: one tag is the anchor. */
static size_t delta_clusters(const pe_delta *d)
{
    return d->n_tag ? d->n_tag - 1 : 0;
}

static int merge_blob(pe_delta *into, const unsigned char *from, size_t len,
                      pe_error *errp)
{
    const unsigned char *p;
    struct kmeans_item item;
    size_t at = 0, start = 0;

    for (; kmeans_next(from, len, &at, &item, &p); start = at) {
        struct kmeans shape = {
            .k = (uint32_t)delta_clusters(into),
            .base.features =
                (uint32_t)((item.len - sizeof(uint64_t)) / sizeof(double)),
        };
        uint64_t hash;
        int rc;

        memcpy(&hash, p, sizeof(hash));
        if (item.kind == KMEANS_CANDIDATE && shape.k)
            rc = keep_candidate(&shape, into, hash, p + sizeof(hash), errp);
        else
            rc = pe_buffer_append(&into->blob, from + start, at - start, errp);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int take_lanes(pe_delta *into, const pe_delta *from, pe_error *errp)
{
    into->n_sum = from->n_sum;
    into->n_count = from->n_count;
    into->n_tag = from->n_tag;
    if (pe_delta_alloc(into, errp) < 0)
        return -1;
    memcpy(into->sum, from->sum, from->n_sum * sizeof(*from->sum));
    memcpy(into->count, from->count, from->n_count * sizeof(*from->count));
    memcpy(into->tag, from->tag, from->n_tag * sizeof(*from->tag));
    return 0;
}

/* Lanes of one birth are added; of a reborn centre the newer lane stays. */
static int merge_lanes(pe_delta *into, const pe_delta *from, pe_error *errp)
{
    size_t k = delta_clusters(from), d;

    if (from->n_sum == 0)
        return 0;
    if (into->n_sum == 0)
        return take_lanes(into, from, errp);
    d = from->n_sum / k;
    for (size_t j = 0; j < k; j++) {
        bool same = into->tag[j] == from->tag[j];

        for (size_t f = j * d; f < (j + 1) * d; f++)
            into->sum[f] = (same ? into->sum[f] : 0) + from->sum[f];
        into->count[j] = (same ? into->count[j] : 0) + from->count[j];
        into->tag[j] = from->tag[j];
    }
    for (size_t i = k; i < from->n_count; i++)
        into->count[i] += from->count[i];
    return 0;
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
    .merge_blob = merge_blob,
    .merge_lanes = merge_lanes,
    .full = full,
    .apply = kmeans_apply,
    .encode = kmeans_encode,
    .decode = kmeans_decode,
};
