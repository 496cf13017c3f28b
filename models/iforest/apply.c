/* apply.c - a delta into the window, and trees renewed from it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/random.h"
#include "src/common/spread.h"

/* As many of the oldest trees as the points ask for: all of them once as
 * many points have come as the window holds.
 */
static int renew(struct iforest *m, uint64_t points, pe_error *errp)
{
    const struct forest_seed from = {.rows = m->window,
                                     .n = m->rows,
                                     .width = m->width,
                                     .index = m->index,
                                     .psi = m->psi};
    double share = (double)points / (double)m->cap;
    uint32_t trees = m->forest.trees, n = trees;

    if (m->rows == 0)
        return 0;
    if (share < 1)
        n = (uint32_t)ceil(share * trees);
    m->sampled = m->psi < m->rows ? m->psi : (uint32_t)m->rows;
    for (; n > 0; n--) {
        uint64_t key =
            random_mix(random_mix(m->base.seed, 0x74726565), m->grown++);

        if (forest_grow(&m->forest, m->ring, &from, key, errp) < 0)
            return -1;
        m->whose[m->ring] = 0;
        m->ring = (m->ring + 1) % trees;
    }
    forest_prepare(&m->forest);
    return 0;
}

/* --- the origin --- */

enum { LOOK = 128 }; /* rows of the window that are looked at */

/* Values of column [f] of the window beyond its shift, *np of them. */
static void look(const struct iforest *m, uint32_t f, double *x, size_t *np)
{
    size_t step = m->rows / LOOK + 1;

    *np = 0;
    for (size_t i = 0; i < m->rows; i += step)
        x[(*np)++] = (double)forest_value_of(m->window[i * m->width + f]);
}

void iforest_shift(struct iforest *m, uint32_t f, double to)
{
    double by = m->shift[f] - to;

    for (size_t i = 0; i < m->rows; i++)
        m->window[i * m->width + f] =
            iforest_moved(m->window[i * m->width + f], by);
    m->shift[f] = to;
}

/* A feature whose values lie so far from its origin that a float loses what
 * tells them apart gets another: the data have moved, or the warm-up was all
 * readings of an overload.  True when one did.
 */
static bool recentre(struct iforest *m)
{
    bool moved = false;

    for (uint32_t f = 0; f < m->base.features; f++) {
        double x[LOOK + 1], work[LOOK + 1], to;
        struct spread s;
        size_t n;

        look(m, f, x, &n);
        s = spread_of(x, n, 1, work);
        if (fabs(s.middle) <= 1024 * s.width)
            continue;
        to = m->shift[f] + s.middle;
        /* All but nothing is left: where it is, the rest cannot say. */
        if (fabs(to) <= 0x1p-20 * fabs(m->shift[f]))
            to = 0;
        moved = moved || to != m->shift[f];
        iforest_shift(m, f, to);
    }
    return moved;
}

bool iforest_push(struct iforest *m, struct sample *s)
{
    bool around = false;

    sample_sort(s);
    for (size_t i = 0; i < s->n; i++) {
        memcpy(m->window + m->next * m->width,
               s->rows + s->heap[i].slot * (size_t)s->width,
               m->width * sizeof(*m->window));
        m->next = (m->next + 1) % m->cap;
        m->rows += m->rows < m->cap;
        around = around || m->next == 0;
    }
    return around;
}

int iforest_absorb(struct iforest *m, struct sample *s, uint64_t points,
                   pe_error *errp)
{
    bool around = iforest_push(m, s);

    /* Trees of the other origin are no use: all are grown anew. */
    if (around && recentre(m))
        points = m->cap;
    return s->n ? renew(m, points, errp) : 0;
}

/* --- warm-up --- */

static pe_block as_block(const struct iforest *m, double *rows, size_t n)
{
    return (pe_block){
        .data = rows,
        .points = (uint32_t)n,
        .features = m->base.features,
        .dtype = PE_F8,
        .partition = -1,
        .offset = (int64_t)m->base.points,
    };
}

static int first_shift(struct iforest *m, pe_error *errp)
{
    size_t n = m->warmup.n, d = m->base.features;
    double *work = malloc(n * sizeof(*work));

    if (!work)
        return pe_error_nomem(errp);
    for (size_t f = 0; f < d; f++)
        m->shift[f] = spread_of(m->warmup.rows + f, n, d, work).middle;
    free(work);
    return 0;
}

/* The first trees; then the rows they came from are scored by them. */
static int end_warmup(struct iforest *m, pe_delta *sum, pe_error *errp)
{
    pe_block b = as_block(m, m->warmup.rows, m->warmup.n);
    struct sample s = {0};
    int rc;

    if (first_shift(m, errp) < 0)
        return -1;
    if (sample_create(&s, m->cap, m->width, errp) < 0)
        return -1;
    rc = iforest_offer(m, &s, &b, errp);
    if (rc == 0)
        rc = iforest_absorb(m, &s, m->cap, errp);
    sample_free(&s);
    if (rc < 0)
        return -1;
    m->base.warming = false;
    if (pe_delta_reset(sum, &m->base, errp) < 0 ||
        m->base.ops->update(&m->base, sum, &b, NULL, errp) < 0)
        return -1;
    /* They are in the window already. */
    ((struct iforest_work *)sum->work)->sample.n = 0;
    warmup_free(&m->warmup);
    return 0;
}

/* Rows of a delta that was made while warming. */
static int apply_rows(struct iforest *m, const pe_delta *d, pe_delta *sum,
                      pe_error *errp)
{
    double *rows;
    size_t n;
    int rc = 0;

    if (warmup_collect(m->base.features, d, &rows, &n, errp) < 0)
        return -1;
    if (m->base.warming) {
        rc = warmup_keep(&m->warmup, m->base.features, rows, n, errp);
        if (rc == 0 && m->warmup.n >= m->warmup.want)
            rc = end_warmup(m, sum, errp);
    } else if (n > 0) {
        pe_block b = as_block(m, rows, n);

        rc = pe_delta_reset(sum, &m->base, errp);
        if (rc == 0)
            rc = m->base.ops->update(&m->base, sum, &b, NULL, errp);
    }
    free(rows);
    return rc;
}

/* --- apply --- */

static int apply_sample(struct iforest *m, const pe_delta *d,
                        const pe_delta *sum, pe_error *errp)
{
    struct sample s = {0};
    uint64_t points = d->points;
    int rc;

    if (sample_create(&s, m->cap, m->width, errp) < 0)
        return -1;
    sample_take(&s, m->shift, m->base.features, &d->blob);
    sample_take(&s, m->shift, m->base.features, &sum->blob);
    rc = iforest_absorb(m, &s, points, errp);
    sample_free(&s);
    return rc;
}

static int apply_threshold(struct iforest *m, const pe_delta *d, pe_error *errp)
{
    const int64_t *lanes = d->n_count ? d->count : NULL;

    return threshold_apply(&m->threshold, &m->base, d, lanes, errp);
}

int iforest_apply(pe_model *base, const pe_delta *d, pe_error *errp)
{
    struct iforest *m = iforest_of(base);
    pe_delta *sum = calloc(1, sizeof(*sum));
    int rc = -1;

    if (!sum)
        return pe_error_nomem(errp);
    if (apply_rows(m, d, sum, errp) < 0 || iforest_take_trees(m, d, errp) < 0)
        goto done;
    base->points += d->points;
    rc = 0;
    if (base->warming)
        goto done;
    if (sum->work && pe_delta_seal(base, sum, errp) < 0)
        rc = -1;
    if (rc == 0 &&
        (apply_sample(m, d, sum, errp) < 0 ||
         apply_threshold(m, sum, errp) < 0 || apply_threshold(m, d, errp) < 0))
        rc = -1;
done:
    pe_delta_destroy(sum);
    return rc;
}
