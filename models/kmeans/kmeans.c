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
#include "src/model/safetensors.h"

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
static double *scratch(const struct kmeans *k)
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
    double *row = scratch(k);
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
    double *row = scratch(k), d2;

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
    double *row = scratch(k);
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

/* --- apply --- */

static void add_lanes(struct kmeans *k, const pe_delta *d)
{
    uint32_t features = k->base.features;

    for (uint32_t j = 0; j < k->k; j++) {
        double n = (double)d->count[j], was = k->decay * k->counts[j];
        double *c = k->centers + (size_t)j * features;

        if (d->tag[j] != k->births[j]) {
            k->stale += (uint64_t)d->count[j];
            n = 0;
        }
        k->counts[j] = was + n;
        if (n == 0)
            continue;
        for (uint32_t f = 0; f < features; f++)
            c[f] = (was * c[f] + d->sum[(size_t)j * features + f]) / (was + n);
    }
    for (size_t i = 0; i < QUANTILE_LANES; i++)
        k->scores[i] += d->count[k->k + i];
    quantile_trim(k->scores, k->window);
    k->base.threshold =
        quantile_threshold(k->scores, k->anchor, k->base.contamination);
}

/* Rows of a delta that was made while warming, folded as ordinary points. */
static int fold_raw(struct kmeans *k, pe_delta *sum, const double *rows,
                    size_t n, pe_error *errp)
{
    if (pe_delta_reset(sum, &k->base, errp) < 0)
        return -1;
    return kmeans_fold_rows(k, sum, rows, n, errp);
}

static int keep_rows(struct kmeans *k, const double *rows, size_t n,
                     pe_error *errp)
{
    size_t d = k->base.features;
    double *grown;

    if (n == 0)
        return 0;
    grown = realloc(k->rows, (k->n_rows + n) * d * sizeof(*grown));
    if (!grown)
        return pe_error_nomem(errp);
    k->rows = grown;
    memcpy(grown + k->n_rows * d, rows, n * d * sizeof(*rows));
    k->n_rows += n;
    return 0;
}

/* The unit of the scores, from the first ones. */
static void set_anchor(struct kmeans *k, double *acc)
{
    double sum = 0, d2;

    for (size_t i = 0; i < k->n_rows; i++) {
        kmeans_nearest(k, k->rows + i * k->base.features, acc, &d2);
        sum += sqrt(d2);
    }
    k->anchor = quantile_anchor((float)(sum / (double)k->n_rows));
}

/* First centres; then the rows they came from are ordinary points. */
static int end_warmup(struct kmeans *k, pe_delta *sum, pe_error *errp)
{
    double *acc = scratch(k);

    if (!acc)
        return pe_error_nomem(errp);
    if (kmeans_init(k, k->rows, k->n_rows, errp) < 0)
        return -1;
    set_anchor(k, acc);
    k->base.warming = false;
    if (fold_raw(k, sum, k->rows, k->n_rows, errp) < 0)
        return -1;
    free(k->rows);
    k->rows = NULL;
    k->n_rows = 0;
    return 0;
}

struct candidate {
    uint64_t hash;
    const unsigned char *row;
};

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct candidate *)a)->hash;
    uint64_t y = ((const struct candidate *)b)->hash;

    return (x > y) - (x < y);
}

static size_t list_candidates(const pe_delta *d, struct candidate *c,
                              size_t cap)
{
    const unsigned char *p;
    struct kmeans_item item;
    size_t at = 0, n = 0;

    while (n < cap && kmeans_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        if (item.kind != KMEANS_CANDIDATE)
            continue;
        memcpy(&c[n].hash, p, sizeof(c[n].hash));
        c[n++].row = p + sizeof(c->hash);
    }
    qsort(c, n, sizeof(*c), by_hash);
    return n;
}

static void rebear(struct kmeans *k, const struct candidate *c, size_t n)
{
    size_t width = k->base.features * sizeof(double), used = 0;
    double most = 0, least = INFINITY;

    for (uint32_t j = 0; j < k->k; j++)
        most = fmax(most, k->counts[j]);
    for (uint32_t j = 0; j < k->k; j++)
        if (k->counts[j] >= 0.01 * most && k->counts[j] < least)
            least = k->counts[j];
    n = n > k->k / 2 ? k->k / 2 : n;
    for (uint32_t j = 0; j < k->k && used < n; j++) {
        if (k->counts[j] >= 0.01 * most)
            continue;
        memcpy((char *)k->centers + j * width, c[used].row, width);
        k->counts[j] = least;
        /* Versions are part of what is committed: all agree on a birth. */
        k->births[j] = random_mix(c[used].hash, k->base.version + 1) | 1;
        used++;
    }
}

/* scikit-learn's reassignment: when a centre has no points, or 10 k points
 * have come since the last look, those with less than 1% of the largest
 * count move to random rows.
 */
static int reassign(struct kmeans *k, const pe_delta *d, pe_error *errp)
{
    struct candidate *c;
    bool empty = false;

    k->since += d->points;
    for (uint32_t j = 0; j < k->k; j++)
        empty = empty || k->counts[j] == 0;
    if (!k->reassign || (!empty && k->since < 10 * (uint64_t)k->k))
        return 0;
    c = malloc(k->k * sizeof(*c));
    if (!c)
        return pe_error_nomem(errp);
    k->since = 0;
    rebear(k, c, list_candidates(d, c, k->k));
    free(c);
    return 0;
}

static int apply_rows(struct kmeans *k, const pe_delta *d, pe_delta *sum,
                      pe_error *errp)
{
    double *rows;
    size_t n;
    int rc;

    if (kmeans_collect_rows(k, d, &rows, &n, errp) < 0)
        return -1;
    if (!k->base.warming)
        rc = fold_raw(k, sum, rows, n, errp);
    else
        rc = keep_rows(k, rows, n, errp);
    free(rows);
    if (rc == 0 && k->base.warming && k->n_rows >= k->warmup)
        rc = end_warmup(k, sum, errp);
    return rc;
}

static int apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    struct kmeans *k = of(m);
    pe_delta sum = {0};
    int rc;

    if (m->warming && d->n_sum)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "k-means: sums for a model without centres");
    rc = apply_rows(k, d, &sum, errp);
    if (rc == 0 && !m->warming) {
        /* What came with other births is left out by add_lanes. */
        add_lanes(k, &sum);
        if (d->n_sum) {
            double decay = k->decay;

            k->decay = 1;
            add_lanes(k, d);
            k->decay = decay;
        }
        rc = reassign(k, d, errp);
        kmeans_transpose(k);
    }
    m->points += d->points;
    free(sum.sum);
    free(sum.count);
    free(sum.tag);
    pe_buffer_free(&sum.blob);
    return rc;
}

/* --- file --- */

static int put_options(const struct kmeans *k, pe_tensors *t, pe_error *errp)
{
    return pe_tensors_put_u64(t, "option.clusters", k->k, errp) < 0 ||
                   pe_tensors_put_u64(t, "option.warmup", k->warmup, errp) <
                       0 ||
                   pe_tensors_put_double(t, "option.decay", k->decay, errp) <
                       0 ||
                   pe_tensors_put_text(t, "option.reassign",
                                       k->reassign ? "true" : "false",
                                       errp) < 0 ||
                   pe_tensors_put_u64(t, "option.window", (uint64_t)k->window,
                                      errp) < 0 ||
                   pe_tensors_put_u64(t, "anchor", (uint64_t)(k->anchor + 1000),
                                      errp) < 0 ||
                   pe_tensors_put_u64(t, "since", k->since, errp) < 0 ||
                   pe_tensors_put_u64(t, "stale_points", k->stale, errp) < 0
               ? -1
               : 0;
}

static int encode(const pe_model *m, pe_tensors *t, pe_error *errp)
{
    const struct kmeans *k = cof(m);
    uint64_t centers[2] = {k->k, m->features}, n = k->k;
    uint64_t lanes = QUANTILE_LANES, rows[2] = {k->n_rows, m->features};

    if (put_options(k, t, errp) < 0 ||
        pe_tensors_put(t, "centers", TENSOR_F64, 2, centers, k->centers, errp) <
            0 ||
        pe_tensors_put(t, "counts", TENSOR_F64, 1, &n, k->counts, errp) < 0 ||
        pe_tensors_put(t, "births", TENSOR_U64, 1, &n, k->births, errp) < 0 ||
        pe_tensors_put(t, "scores", TENSOR_I64, 1, &lanes, k->scores, errp) < 0)
        return -1;
    if (!m->warming)
        return 0;
    return pe_tensors_put(t, "rows", TENSOR_F64, 2, rows,
                          k->rows ? (void *)k->rows : (void *)&n, errp);
}

static int get_lanes(const pe_tensors *t, const char *name,
                     enum tensor_type type, size_t count, void *to,
                     pe_error *errp)
{
    uint64_t n;
    const void *data = pe_tensors_get(t, name, type, 1, &n, errp);

    if (!data)
        return -1;
    if (n != count)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a k-means model: tensor '%s' has %llu "
                            "elements",
                            name, (unsigned long long)n);
    memcpy(to, data, count * 8);
    return 0;
}

static int get_matrix(const struct kmeans *k, const pe_tensors *t,
                      const char *name, const double **datap, size_t *rowsp,
                      pe_error *errp)
{
    uint64_t shape[2];

    *datap = pe_tensors_get(t, name, TENSOR_F64, 2, shape, errp);
    if (!*datap)
        return -1;
    if (shape[1] != k->base.features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a k-means model: tensor '%s' has %llu "
                            "columns",
                            name, (unsigned long long)shape[1]);
    *rowsp = shape[0];
    return 0;
}

static int get_state(struct kmeans *k, const pe_tensors *t, pe_error *errp)
{
    uint64_t anchor;

    if (pe_tensors_u64(t, "anchor", &anchor, errp) < 0 ||
        pe_tensors_u64(t, "since", &k->since, errp) < 0 ||
        pe_tensors_u64(t, "stale_points", &k->stale, errp) < 0)
        return -1;
    k->anchor = (int)(anchor % 2000) - 1000;
    return get_lanes(t, "counts", TENSOR_F64, k->k, k->counts, errp) < 0 ||
                   get_lanes(t, "births", TENSOR_U64, k->k, k->births, errp) <
                       0 ||
                   get_lanes(t, "scores", TENSOR_I64, QUANTILE_LANES, k->scores,
                             errp) < 0
               ? -1
               : 0;
}

static int decode(pe_model *m, const pe_tensors *t, pe_error *errp)
{
    struct kmeans *k = of(m);
    const double *data = NULL;
    size_t rows = 0;

    if (get_state(k, t, errp) < 0 ||
        get_matrix(k, t, "centers", &data, &rows, errp) < 0)
        return -1;
    if (rows != k->k)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a k-means model: %zu centers", rows);
    memcpy(k->centers, data, rows * m->features * sizeof(double));
    kmeans_transpose(k);
    if (!m->warming)
        return 0;
    if (get_matrix(k, t, "rows", &data, &rows, errp) < 0)
        return -1;
    return keep_rows(k, data, rows, errp);
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
    .apply = apply,
    .encode = encode,
    .decode = decode,
};
