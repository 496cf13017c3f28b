/* veil.c - an auto-encoder that learns on devices: no row is in its deltas.
 *
 * The net a device has trained leaves as from any rank, for it is of all the
 * rows.  Of the warm-up go up how many values each column has, their mean and
 * their squares about it; the first weights come from the seed.
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/model/items.h"

enum { ITEM_MOMENTS = ITEM_OWN, MOMENTS = 3 };

/* Of a column: values, mean, squares about it. */
struct moment {
    double n, mean, square;
};

/* How an item begins, then a moment of each column. */
struct head {
    struct item_origin from; /* n: rows */
};

/* Chan's: [b] of one column to [a]. */
static void moment_add(struct moment *a, const struct moment *b)
{
    double n = a->n + b->n, by = b->mean - a->mean;

    if (b->n == 0)
        return;
    a->square += b->square + by * by * (a->n * b->n / n);
    a->mean += by * (b->n / n);
    a->n = n;
}

/* The items of [d] into [to], a column each; *rowsp: rows they are of. */
static int take_moments(const pe_delta *d, uint32_t features, struct moment *to,
                        double *rowsp, pe_error *errp)
{
    struct item_ref *refs;
    size_t n;

    *rowsp = 0;
    if (item_sort(&d->blob, ITEM_MOMENTS, &refs, &n, errp) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        for (uint32_t f = 0; f < features; f++) {
            struct moment m;

            memcpy(&m, refs[i].data + f * sizeof(m), sizeof(m));
            moment_add(&to[f], &m);
        }
        *rowsp += (double)refs[i].from.n;
    }
    free(refs);
    return 0;
}

/* --- what leaves a device --- */

static void row_moments(const double *rows, size_t n, uint32_t d, uint32_t f,
                        double *work, struct moment *to)
{
    const double *x = rows + f;
    struct spread about = spread_of(x, n, d, work);

    for (size_t i = 0; i < n; i++) {
        struct moment one = {1, x[i * d], 0};

        if (n < SCALER_LOOK ||
            !(fabs(one.mean - about.middle) > FARTHEST * about.width))
            moment_add(to, &one);
    }
}

static int put_moments(pe_delta *d, const struct moment *m, uint32_t features,
                       pe_error *errp)
{
    size_t len = sizeof(struct head) + features * sizeof(*m);
    struct head head = {.from = {-1, -1, d->points}};
    unsigned char *out = item_reserve(d, ITEM_MOMENTS, len, errp);

    if (!out)
        return -1;
    memcpy(out, &head, sizeof(head));
    memcpy(out + sizeof(head), m, features * sizeof(*m));
    item_commit(d, len);
    return 0;
}

static int veil_rows(const pe_model *base, pe_delta *d, pe_error *errp)
{
    uint32_t features = base->features;
    struct moment *m = calloc(features, sizeof(*m));
    double *rows = NULL, *work = NULL, before;
    size_t n = 0;
    int rc = m ? 0 : pe_error_nomem(errp);

    if (rc == 0)
        rc = take_moments(d, features, m, &before, errp);
    if (rc == 0)
        rc = warmup_collect(features, d, &rows, &n, errp);
    work = malloc((n + 1) * sizeof(*work));
    if (rc == 0 && !work)
        rc = pe_error_nomem(errp);
    for (uint32_t f = 0; rc == 0 && n > 0 && f < features; f++)
        row_moments(rows, n, features, f, work, &m[f]);
    if (rc == 0) {
        d->blob.len = 0;
        rc = put_moments(d, m, features, errp);
    }
    free(m);
    free(rows);
    free(work);
    return rc < 0 ? -1 : 1;
}

/* Values that are far are few: what they are stays here, and the sums are those
 * of the others, as if all rows were like them.
 */
static void hide_far(const struct autoencoder *a, pe_delta *d)
{
    uint32_t n = a->base.features;
    double *sum = autoencoder_lanes(a, d) + LANE_COUNT, *far = sum + 2 * n;
    double rows = sum[LANE_SCALED - LANE_COUNT];

    for (uint32_t f = 0; f < n; f++) {
        double near = rows - far[f];

        if (far[f] > 0 && near > 0) {
            sum[f] *= rows / near;
            sum[n + f] *= rows / near;
        }
        far[f] = far[n + f] = far[2 * n + f] = 0;
    }
}

int autoencoder_veil(const pe_model *base, pe_delta *d, uint64_t least,
                     pe_error *errp)
{
    if (d->points < least)
        return 0;
    if (base->warming)
        return veil_rows(base, d, errp);
    if (autoencoder_seal(base, d, errp) < 0)
        return -1;
    /* Weights are floats: their sums need no more on their way. */
    for (size_t i = 0; i < 3 * autoencoder_cof(base)->net.params; i++)
        d->sum[i] = (double)(float)d->sum[i];
    hide_far(autoencoder_cof(base), d);
    return 1;
}

/* --- what comes of devices --- */

static int refuse(const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "a delta of an auto-encoder %s", why);
}

static bool is_moment(const struct moment *m, uint64_t rows)
{
    return m->n >= 0 && m->n <= (double)rows && fabs(m->mean) <= FLT_MAX &&
           m->square >= 0 && m->square <= DBL_MAX;
}

static int admit_moments(const pe_model *base, pe_delta *d,
                         const pe_block *from, pe_error *errp)
{
    size_t at = 0, len = base->features * sizeof(struct moment);
    const unsigned char *p;
    struct item item;
    struct head head;
    uint64_t rows = 0;

    while (item_next(d->blob.data, d->blob.len, &at, &item, &p)) {
        if (item.kind != ITEM_MOMENTS || item.len != sizeof(head) + len)
            return refuse("with an item that is none", errp);
        memcpy(&head, p, sizeof(head));
        rows += head.from.n;
        for (uint32_t f = 0; f < base->features; f++) {
            struct moment m;

            memcpy(&m, p + sizeof(head) + f * sizeof(m), sizeof(m));
            if (!is_moment(&m, head.from.n))
                return refuse("with moments that cannot be", errp);
        }
        head.from.partition = from->partition;
        head.from.offset = from->offset;
        memcpy(d->blob.data + (p - d->blob.data), &head, sizeof(head));
    }
    if (at != d->blob.len || rows != d->points)
        return refuse("whose moments do not add up to its rows", errp);
    return 1;
}

static int admit_lanes(const struct autoencoder *a, pe_delta *d, pe_error *errp)
{
    size_t n = a->base.features, params = a->net.params;
    pe_delta own = {.n_tag = n};
    const double *lanes;
    uint64_t scores = 0;

    if (d->n_sum != 3 * params + LANE_COUNT + SCALER_LANES * n ||
        d->n_tag != n || d->n_count != threshold_lanes(&a->threshold) ||
        d->blob.len)
        return refuse("for a model of other options", errp);
    for (size_t i = 0; i < d->n_count; i++) {
        if (d->count[i] < 0 || (uint64_t)d->count[i] > 2 * d->points)
            return refuse("with numbers that are no counts", errp);
        scores += (uint64_t)d->count[i];
    }
    lanes = autoencoder_lanes(a, d);
    for (size_t i = 0; i < n; i++) {
        double origin;

        memcpy(&origin, &d->tag[i], sizeof(origin));
        if (!(fabs(origin) <= FLT_MAX) || lanes[LANE_COUNT + n + i] < 0 ||
            lanes[LANE_COUNT + 2 * n + i] < 0 ||
            lanes[LANE_COUNT + 2 * n + i] > lanes[LANE_SCALED])
            return refuse("with sums that cannot be", errp);
    }
    for (size_t i = 2 * params; i < 3 * params; i++)
        if (d->sum[i] < 0) /* a mean of squares */
            return refuse("with sums that cannot be", errp);
    if (scores > 2 * d->points || !(lanes[LANE_ROWS] >= 0) ||
        lanes[LANE_ROWS] > (double)d->points || lanes[LANE_STEPS] < 0 ||
        lanes[LANE_SCALED] < 0 || lanes[LANE_SCALED] > (double)d->points)
        return refuse("whose rows do not add up", errp);
    own.tag = (uint64_t *)(void *)a->scaler.shift;
    scaler_align(d, &own);
    return 1;
}

int autoencoder_admit(const pe_model *base, pe_delta *d, const pe_block *from,
                      pe_error *errp)
{
    if (!d->n_tag && !d->n_sum && !d->n_count)
        return admit_moments(base, d, from, errp);
    return base->warming ? 0 : admit_lanes(autoencoder_cof(base), d, errp);
}

/* --- into the scaler --- */

/* [m] of column [f] to what the scaler is made of. */
static void scaler_take(struct scaler *s, uint32_t f, const struct moment *m)
{
    double beyond;

    if (m->n == 0)
        return;
    if (s->n[f] == 0)
        s->shift[f] = m->mean;
    beyond = m->mean - s->shift[f];
    s->n[f] += m->n;
    s->sum[f] += m->n * beyond;
    s->square[f] += m->square + m->n * beyond * beyond;
}

int autoencoder_take_moments(struct autoencoder *a, const pe_delta *d,
                             pe_error *errp)
{
    uint32_t n = a->base.features;
    struct moment *m = calloc(n, sizeof(*m));
    double rows = 0;
    int rc = m ? take_moments(d, n, m, &rows, errp) : pe_error_nomem(errp);

    if (rc == 0 && rows > 0 && (a->base.warming || !a->frozen)) {
        for (uint32_t f = 0; f < n; f++)
            scaler_take(&a->scaler, f, &m[f]);
        if (!a->base.warming)
            scaler_derive(a);
    }
    free(m);
    if (rc < 0 || rows == 0 || !a->base.warming ||
        (double)(a->base.points + d->points) < (double)a->warmup.want)
        return rc;
    for (uint32_t f = 0; f < n; f++)
        if (a->scaler.n[f] == 0)
            return 0; /* nothing is known of it yet */
    scaler_derive(a);
    net_init(&a->net, &a->state, a->base.seed);
    a->base.warming = false;
    return 0;
}
