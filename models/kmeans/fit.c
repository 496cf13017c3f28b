/* fit.c - centres of all rows at once, as scikit-learn's KMeans finds them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "src/common/spread.h"

enum {
    STARTS = 10,  /* of k-means++, as n_init=10; and one from what is there */
    ROUNDS = 300, /* of Lloyd, as max_iter */
    TRIES = 8,    /* with rows left out */
    FEW = 20,     /* a centre with so many times less than its share */
    SEED_ROWS = 8192, /* a start looks at these, thinned where there are more */
};

#define TOLERANCE 1e-4 /* of the mean variance: moves that are none */
#define WORK 2e10      /* distances x columns of each half, some seconds */

typedef struct fitting {
    struct kmeans *k;
    const double *rows;
    size_t n;
    int rounds;
    double still; /* sum of squared moves that ends it */
    pe_delta *d;
    float *scores;
    double inertia; /* of the centres there are */
    double *best;   /* centres, and their counts behind them */
    double least;
} fitting;

/* Of the columns: the mean of their variances. */
static double mean_variance(const double *rows, size_t n, uint32_t d)
{
    double all = 0;

    for (uint32_t f = 0; f < d; f++) {
        double mean = 0, sum = 0;

        for (size_t i = 0; i < n; i++)
            mean += (rows[i * d + f] - mean) / (double)(i + 1);
        for (size_t i = 0; i < n; i++)
            sum += (rows[i * d + f] - mean) * (rows[i * d + f] - mean);
        all += sum / (double)n;
    }
    return all / d;
}

static double sum_of_squares(const float *scores, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)scores[i] * (double)scores[i];
    return sum;
}

/* Means of the rows of each centre; how far they have moved, squared. */
static double move(const fitting *f)
{
    struct kmeans *k = f->k;
    size_t len = (size_t)k->k * k->stride;
    double moved = 0, none = 0;

    memcpy(k->origins, k->centers, len * sizeof(*k->origins));
    kmeans_add(k, f->d, none, false);
    for (size_t i = 0; i < len; i++)
        moved +=
            (k->centers[i] - k->origins[i]) * (k->centers[i] - k->origins[i]);
    kmeans_prepare(k);
    return moved;
}

/* Lloyd's algorithm from the centres there are, until they stay; with what
 * their rows are away from them.
 */
static int settle(fitting *f, pe_error *errp)
{
    pe_block b = {.data = (void *)(uintptr_t)f->rows,
                  .points = (uint32_t)f->n,
                  .features = f->k->base.features,
                  .dtype = PE_F8};
    double moved = INFINITY;

    for (int i = 0;; i++) {
        if (pe_delta_reset(f->d, &f->k->base, errp) < 0 ||
            kmeans_fold(f->k, f->d, &b, f->scores, errp) < 0)
            return -1;
        if (moved <= f->still || i == f->rounds)
            break;
        moved = move(f);
    }
    f->inertia = sum_of_squares(f->scores, f->n);
    return 0;
}

/* The centres there are, if none were nearer to their rows. */
static void keep(fitting *f)
{
    struct kmeans *k = f->k;
    const int64_t *counts = kmeans_counts(k, f->d);
    size_t len = (size_t)k->k * k->stride;

    if (!(f->inertia < f->least))
        return;
    f->least = f->inertia;
    memcpy(f->best, k->centers, len * sizeof(*f->best));
    for (uint32_t j = 0; j < k->k; j++)
        f->best[len + j] = (double)counts[j];
}

static void take_best(const fitting *f)
{
    struct kmeans *k = f->k;
    size_t len = (size_t)k->k * k->stride;

    memcpy(k->centers, f->best, len * sizeof(*f->best));
    memcpy(k->origins, f->best, len * sizeof(*f->best));
    memcpy(k->counts, f->best + len, k->k * sizeof(*f->best));
    kmeans_prepare(k);
}

/* At most SEED_ROWS of the rows, evenly; the caller frees. */
static double *thin(const fitting *f, size_t *np)
{
    size_t step = f->n / (SEED_ROWS + 1) + 1, d = f->k->base.features;
    double *rows;

    *np = (f->n + step - 1) / step;
    rows = malloc(*np * d * sizeof(*rows));
    for (size_t i = 0; rows && i < *np; i++)
        memcpy(rows + i * d, f->rows + i * step * d, d * sizeof(*rows));
    return rows;
}

/* How often so many rows may be begun with. */
static int starts_of(const struct kmeans *k, size_t n)
{
    double one = (double)n * k->k * k->base.features * kmeans_trials(k);

    return one * STARTS <= WORK ? STARTS : (int)(WORK / one);
}

static int begin_anew(fitting *f, pe_error *errp)
{
    size_t n;
    double *rows = thin(f, &n);
    int starts = starts_of(f->k, n), rc = 0;

    if (!rows)
        return pe_error_nomem(errp);
    for (int i = 0; rc == 0 && i < starts; i++) {
        rc = kmeans_plus_plus(f->k, rows, NULL, n, (uint64_t)i, errp);
        if (rc == 0)
            rc = settle(f, errp);
        if (rc == 0)
            keep(f);
    }
    free(rows);
    return rc;
}

/* Does one column outweigh all others in these rows? */
static int weigh(fitting *f, pe_error *errp)
{
    uint32_t d = f->k->base.features;
    double *width = malloc((f->n + d) * sizeof(*width));

    if (!width)
        return pe_error_nomem(errp);
    for (uint32_t j = 0; j < d; j++)
        width[j] = spread_of(f->rows + j, f->n, d, width + d).width;
    f->k->base.dominant_share = 0;
    warmup_weigh(&f->k->base, width);
    free(width);
    return 0;
}

/* --- rows with a centre to themselves --- */

/* Rows that are far from all others get a centre, and are no outliers then.
 * Those of centres that have next to none are left out, the smallest first, as
 * long as they are no more than [spare]; how many they are.
 */
static size_t leave_out(fitting *f, double *rows, size_t spare)
{
    struct kmeans *k = f->k;
    size_t few = f->n / FEW / k->k, out = 0, d = k->base.features, to = 0;

    few = few > 0 ? few : 1;
    for (size_t size = 1; size <= few && size <= spare; size++)
        for (uint32_t j = 0; j < k->k; j++) {
            if (k->counts[j] != (double)size || size > spare - out)
                continue;
            out += size;
            k->counts[j] = -1;
        }
    for (size_t i = 0; out > 0 && i < f->n; i++)
        if (k->counts[kmeans_nearest(k, rows + i * d)] >= 0)
            memmove(rows + to++ * d, rows + i * d, d * sizeof(*rows));
    if (out > 0)
        f->n = to;
    return out;
}

static int fit_once(fitting *f, pe_error *errp)
{
    f->least = INFINITY;
    if (settle(f, errp) < 0)
        return -1;
    keep(f);
    if (begin_anew(f, errp) < 0)
        return -1;
    take_best(f);
    return 0;
}

/* Until there are no such centres. */
static int fit_all(fitting *f, pe_error *errp)
{
    size_t bytes = f->n * f->k->base.features * sizeof(double);
    size_t spare = (size_t)(f->k->base.contamination * (double)f->n), out = 1;
    double *rows = aligned_alloc(64, (bytes + 64) / 64 * 64);
    int rc = rows ? 0 : pe_error_nomem(errp);

    if (rows)
        memcpy(rows, f->rows, bytes);
    f->rows = rows;
    for (int i = 0; rc == 0 && i < TRIES && out > 0; i++) {
        rc = fit_once(f, errp);
        out = 0;
        if (rc == 0 && i + 1 < TRIES && f->n > f->k->k)
            out = leave_out(f, rows, spare);
        spare -= out;
    }
    free(rows);
    return rc;
}

int kmeans_fit(pe_model *m, const double *rows, size_t n, size_t *usedp,
               pe_error *errp)
{
    struct kmeans *k = kmeans_of(m);
    size_t len = (size_t)k->k * (k->stride + 1);
    double round = (double)n * k->k * m->features;
    fitting f = {.k = k, .rows = rows, .n = n};
    int rc = -1;

    if (n < k->k || round > WORK || n > UINT32_MAX)
        return 0;
    f.rounds = round * ROUNDS * STARTS / 8 <= WORK
                   ? ROUNDS
                   : 1 + (int)(WORK * 8 / STARTS / round);
    f.still = TOLERANCE * mean_variance(rows, n, m->features);
    f.d = pe_delta_create(m, errp);
    f.scores = malloc((n + 1) * sizeof(*f.scores));
    f.best = malloc(len * sizeof(*f.best));
    if (f.d && (!f.scores || !f.best))
        pe_error_nomem(errp);
    if (f.d && f.scores && f.best && weigh(&f, errp) == 0)
        rc = fit_all(&f, errp);
    *usedp = f.n;
    pe_delta_destroy(f.d);
    free(f.scores);
    free(f.best);
    return rc < 0 ? -1 : 1;
}
