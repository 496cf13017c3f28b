/* merge.c - nets trained apart into one: averages weighted by rows.
 *
 * Each rank trains a copy of the base.  What leaves it is n (w - base), n m,
 * n v, so that a sum over ranks is an average once divided by the rows.  Of a
 * delta whose base is s rows behind the model, a share a = n / (n + s) is
 * taken: w += a dw, and the moments become (1 - a) ours + a theirs.  Both are
 * means of numbers that are not negative, so no schedule of commits makes a
 * second moment negative.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/random.h"

int autoencoder_seal(const pe_model *base, pe_delta *d, pe_error *errp)
{
    const struct autoencoder *a = autoencoder_cof(base);
    const struct autoencoder_work *w = d->work;
    size_t n = a->net.params;
    double *lanes = autoencoder_lanes(a, d);

    (void)errp;
    if (base->warming || w->rows == 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        double change = (double)w->state.w[i] - (double)a->state.w[i];

        d->sum[i] = w->rows * change;
        d->sum[n + i] = w->rows * (double)w->state.m[i];
        d->sum[2 * n + i] = w->rows * (double)w->state.v[i];
    }
    lanes[LANE_ROWS] = w->rows;
    lanes[LANE_STEPS] = w->rows * w->state.t;
    lanes[LANE_BASE] = w->rows * (double)base->points;
    return 0;
}

static float mixed(float theirs, float ours, double share)
{
    return (float)((1 - share) * (double)theirs + share * (double)ours);
}

/* A rank that is still training takes up what was committed meanwhile. */
int autoencoder_rebase(pe_delta *d, const pe_model *from, const pe_model *to,
                       pe_error *errp)
{
    const struct autoencoder *a = autoencoder_cof(from);
    const struct autoencoder *b = autoencoder_cof(to);
    struct autoencoder_work *w = d->work;
    double others = (double)to->points - (double)from->points, share;

    (void)errp;
    share = w->rows > 0 ? w->rows / (w->rows + fmax(others, 0)) : 0;
    for (size_t i = 0; i < a->net.params; i++) {
        w->state.w[i] += b->state.w[i] - a->state.w[i];
        w->state.m[i] = mixed(b->state.m[i], w->state.m[i], share);
        w->state.v[i] = mixed(b->state.v[i], w->state.v[i], share);
    }
    w->state.t = b->state.t + (w->state.t - a->state.t);
    return 0;
}

/* --- apply --- */

static void take_net(struct autoencoder *a, const pe_delta *d)
{
    const double *lanes = autoencoder_lanes(a, d);
    double n = lanes[LANE_ROWS], stale, share;
    size_t p = a->net.params;

    if (!(n > 0))
        return;
    stale = fmax((double)a->base.points - lanes[LANE_BASE] / n, 0);
    share = n / (n + stale);
    for (size_t i = 0; i < p; i++) {
        double change = d->sum[i] / n;

        a->state.w[i] = (float)((double)a->state.w[i] + share * change);
        a->state.m[i] = mixed(a->state.m[i], (float)(d->sum[p + i] / n), share);
        a->state.v[i] =
            mixed(a->state.v[i], (float)(d->sum[2 * p + i] / n), share);
    }
    a->state.t = (1 - share) * a->state.t + share * (lanes[LANE_STEPS] / n);
}

static int take_delta(struct autoencoder *a, const pe_delta *d, pe_error *errp)
{
    if (d->n_sum == 0)
        return 0;
    take_net(a, d);
    scaler_apply(a, d);
    return threshold_apply(&a->threshold, &a->base, d, d->count, errp);
}

/* --- warm-up --- */

/* Rows of a delta made while warming, as ordinary points into [sum]. */
static int learn_rows(struct autoencoder *a, pe_delta *sum, double *rows,
                      size_t n, pe_error *errp)
{
    pe_block b = {
        .data = rows,
        .points = (uint32_t)n,
        .features = a->base.features,
        .dtype = PE_F8,
        .partition = -1,
        .offset = (int64_t)a->base.points,
    };

    if (n == 0)
        return 0;
    if (pe_delta_reset(sum, &a->base, errp) < 0 ||
        a->base.ops->update(&a->base, sum, &b, NULL, errp) < 0)
        return -1;
    return pe_delta_seal(&a->base, sum, errp);
}

static int end_warmup(struct autoencoder *a, pe_delta *sum, pe_error *errp)
{
    if (scaler_first(a, errp) < 0)
        return -1;
    net_init(&a->net, &a->state, a->base.seed);
    a->base.warming = false;
    if (learn_rows(a, sum, a->warmup.rows, a->warmup.n, errp) < 0)
        return -1;
    /* The scaler has seen them. */
    memset(autoencoder_lanes(a, sum) + LANE_SCALED, 0,
           (1 + SCALER_LANES * a->base.features) * sizeof(double));
    warmup_free(&a->warmup);
    return 0;
}

static int apply_rows(struct autoencoder *a, const pe_delta *d, pe_delta *sum,
                      pe_error *errp)
{
    double *rows;
    size_t n;
    int rc;

    if (warmup_collect(a->base.features, d, &rows, &n, errp) < 0)
        return -1;
    if (!a->base.warming)
        rc = learn_rows(a, sum, rows, n, errp);
    else
        rc = warmup_keep(&a->warmup, a->base.features, rows, n, errp);
    free(rows);
    if (rc == 0 && a->base.warming && a->warmup.n >= a->warmup.want)
        rc = end_warmup(a, sum, errp);
    return rc;
}

int autoencoder_apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    struct autoencoder *a = autoencoder_of(m);
    pe_delta *sum = calloc(1, sizeof(*sum));
    int rc = -1;

    if (!sum)
        return pe_error_nomem(errp);
    if (apply_rows(a, d, sum, errp) < 0 ||
        autoencoder_take_moments(a, d, errp) < 0)
        goto done;
    rc = 0;
    if (!m->warming &&
        (take_delta(a, sum, errp) < 0 || take_delta(a, d, errp) < 0))
        rc = -1;
    m->points += d->points;
done:
    pe_delta_destroy(sum);
    return rc;
}
