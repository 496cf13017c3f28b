/* home.c - an isolation forest that learns on a device: what goes up is trees.
 *
 * The device has a window of its own, as the model of a pool has it: a model
 * of the same options (`home`) whose rows never leave it.  Each delta brings
 * trees grown from it.  A split is drawn among the multiples of a power of two
 * that is no less than 1/64 of what the rows of its node span, which are
 * `least` and more, and a leaf of fewer rows than that does not say how many
 * they are.  So no value is in a tree, and many trees together tell where a
 * row lies no closer than to 1/64 of the way to its least - 1 neighbours.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/common/random.h"
#include "src/common/spread.h"
#include "src/model/buckets.h"
#include "trees.h"

/* --- the window --- */

static struct iforest_work *work_of(pe_delta *d)
{
    if (!d->work) {
        d->work = calloc(1, sizeof(struct iforest_work));
        d->work_destroy = iforest_work_destroy;
    }
    return d->work;
}

/* Of models with other options the rows are no use. */
static bool fits(const struct iforest *home, const struct iforest *m)
{
    return home->base.features == m->base.features && home->cap == m->cap &&
           home->psi == m->psi && home->forest.trees == m->forest.trees;
}

static struct iforest *home_of(const pe_model *base, pe_delta *d,
                               pe_error *errp)
{
    struct iforest_work *w = work_of(d);

    if (!w) {
        pe_error_nomem(errp);
        return NULL;
    }
    if (w->home && !fits(iforest_of(w->home), iforest_cof(base))) {
        pe_model_destroy(w->home);
        w->home = NULL;
    }
    if (!w->home) {
        w->home =
            pe_model_create("iforest", base->options, base->features, errp);
        if (w->home)
            w->home->seed = base->seed;
    }
    return w->home ? iforest_of(w->home) : NULL;
}

void iforest_remember(pe_delta *to, pe_delta *from)
{
    struct iforest_work *old = from->work, *w;

    if (!old || !old->home)
        return;
    w = work_of(to);
    if (!w || w->home)
        return;
    w->home = old->home;
    old->home = NULL;
}

/* Rows of [s] into the window.  The seed takes in which they were: devices draw
 * different trees.
 */
static void keep(struct iforest *home, struct sample *s)
{
    iforest_push(home, s);
    if (s->n > 0)
        home->base.seed = random_mix(home->base.seed, s->heap[0].hash);
}

/* --- trees out of it --- */

/* [n] trees, grown from the window, behind each other; the caller frees. */
static int grow_trees(struct iforest *home, uint64_t n, uint64_t least,
                      pe_buffer *out, pe_error *errp)
{
    uint32_t psi = iforest_told_rows(home);
    uint32_t rows = home->rows < psi ? (uint32_t)home->rows : psi;
    struct forest_told *told = malloc(2 * psi * sizeof(*told));
    size_t n_told = 0;
    const struct forest_seed from = {.rows = home->window,
                                     .n = home->rows,
                                     .width = home->width,
                                     .index = home->index,
                                     .psi = psi,
                                     .least =
                                         least < psi ? (uint32_t)least : psi,
                                     .told = told,
                                     .n_told = &n_told};
    int rc = told ? 0 : pe_error_nomem(errp);

    for (uint64_t t = 0; rc == 0 && t < n; t++) {
        rc = forest_grow(&home->forest, 0, &from,
                         random_mix(home->base.seed, home->grown++), errp);
        if (rc == 0)
            rc = pe_buffer_reserve(out, out->len + trees_room(n_told), errp);
        if (rc == 0)
            out->len +=
                trees_write(out->data + out->len, told, n_told, rows, least);
    }
    free(told);
    return rc;
}

/* The item of [n] trees in place of what the blob of [d] has. */
static int put_trees(struct iforest *home, uint64_t n, uint64_t least,
                     pe_delta *d, pe_error *errp)
{
    uint32_t features = home->base.features;
    struct trees_head head = {
        .from = {-1, -1, n}, .rows = d->points, .least = least};
    pe_buffer trees = {0};
    unsigned char *out = NULL;
    size_t len = 0;

    d->blob.len = 0;
    if (grow_trees(home, n, least, &trees, errp) == 0) {
        head.bytes = trees.len;
        len = sizeof(head) + features * sizeof(double) + trees.len;
        len = (len + 7) / 8 * 8;
        out = item_reserve(d, ITEM_TREES, len, errp);
    }
    if (out) {
        memset(out + len - 8, 0, 8);
        memcpy(out, &head, sizeof(head));
        memcpy(out + sizeof(head), home->shift, features * sizeof(double));
        memcpy(out + sizeof(head) + features * sizeof(double), trees.data,
               trees.len);
        item_commit(d, len);
    }
    pe_buffer_free(&trees);
    return out ? 0 : -1;
}

/* --- instead of the rows of a warm-up --- */

/* Near the middle of the rows, but on a grid as wide as they are spread: the
 * middle is the value of a row.
 */
static int set_shift(struct iforest *home, const double *rows, size_t n,
                     pe_error *errp)
{
    size_t d = home->base.features;
    double *work = malloc((n + 1) * sizeof(*work));

    if (!work)
        return pe_error_nomem(errp);
    for (size_t f = 0; f < d; f++) {
        struct spread s = spread_of(rows + f, n, d, work);
        int coarse, wide;
        double step;

        frexp(s.middle, &coarse);
        frexp(s.width, &wide);
        step = ldexp(1, s.width > 0 && wide > coarse - 20 ? wide : coarse - 20);
        home->shift[f] = rint(s.middle / step) * step;
    }
    free(work);
    return 0;
}

/* Scores of the rows by the trees in [d], to what its buckets count. */
static int count_scores(struct iforest *home, const pe_block *b, pe_delta *d,
                        int64_t *lanes, pe_error *errp)
{
    float *scores = malloc((b->points + (size_t)1) * sizeof(*scores));
    struct trees_item it;
    size_t at = 0;
    int rc = scores ? 0 : pe_error_nomem(errp);

    if (rc == 0 && trees_next(&d->blob, &at, &it)) {
        struct trees_walk w = {.it = &it};

        for (uint32_t t = 0; t < home->forest.trees; t++)
            trees_take(&w, home, t);
        forest_prepare(&home->forest);
        rc = iforest_scores(home, &home->forest, home->psi, b, scores, errp);
    }
    for (uint32_t i = 0; rc == 0 && i < b->points; i++)
        if (!isnan(scores[i]))
            quantile_count(lanes, scores[i]);
    free(scores);
    return rc == 0 ? buckets_put(lanes, d, errp) : -1;
}

/* Which block the first rows of the warm-up came from. */
static struct item_origin first_origin(const pe_delta *d)
{
    struct item_origin from = {-1, -1, 0};
    const unsigned char *p;
    struct item item;
    size_t at = 0;

    while (item_next(d->blob.data, d->blob.len, &at, &item, &p))
        if (item.kind == ITEM_ROWS && item.len >= sizeof(from)) {
            memcpy(&from, p, sizeof(from));
            break;
        }
    return from;
}

/* The rows of a warm-up into the window. */
static int keep_rows(struct iforest *home, const pe_block *b, pe_error *errp)
{
    struct sample s = {0};
    int rc;

    if (b->points == 0)
        return 0;
    if (home->rows == 0 && set_shift(home, b->data, b->points, errp) < 0)
        return -1;
    if (sample_create(&s, home->cap, home->width, errp) < 0)
        return -1;
    rc = iforest_offer(home, &s, b, errp);
    if (rc == 0)
        keep(home, &s);
    sample_free(&s);
    return rc;
}

static int veil_rows(struct iforest *home, pe_delta *d, uint64_t least,
                     pe_error *errp)
{
    struct item_origin from = first_origin(d);
    int64_t *lanes = calloc(QUANTILE_LANES, sizeof(*lanes));
    double *rows = NULL;
    size_t n = 0;
    int rc = lanes ? 0 : pe_error_nomem(errp);
    pe_block b = {.features = home->base.features,
                  .dtype = PE_F8,
                  .partition = (int32_t)from.partition,
                  .offset = from.offset};

    if (rc == 0)
        rc = warmup_collect(home->base.features, d, &rows, &n, errp);
    b.data = rows;
    b.points = (uint32_t)n;
    if (rc == 0 && buckets_add(lanes, d) == 0)
        rc = keep_rows(home, &b, errp);
    if (rc == 0)
        rc = put_trees(home, home->forest.trees, least, d, errp);
    if (rc == 0)
        rc = count_scores(home, &b, d, lanes, errp);
    free(rows);
    free(lanes);
    return rc < 0 ? -1 : 1;
}

/* --- behind it --- */

static int veil_sample(const struct iforest *m, struct iforest *home,
                       pe_delta *d, uint64_t least, pe_error *errp)
{
    struct iforest_work *w = d->work;
    double horizon = fmax(iforest_round(m, d->points), (double)m->cap);
    double n = ceil((double)d->points / horizon * m->forest.trees);

    for (uint32_t f = 0; f < m->base.features; f++)
        iforest_shift(home, f, m->shift[f]);
    keep(home, &w->sample);
    n = fmin(n, m->forest.trees);
    return put_trees(home, (uint64_t)n, least, d, errp) < 0 ? -1 : 1;
}

int iforest_veil(const pe_model *base, pe_delta *d, uint64_t least,
                 pe_error *errp)
{
    struct iforest *home;

    if (d->points < least)
        return 0;
    home = home_of(base, d, errp);
    if (!home)
        return -1;
    return base->warming ? veil_rows(home, d, least, errp)
                         : veil_sample(iforest_cof(base), home, d, least, errp);
}
