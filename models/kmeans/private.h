/* private.h - what the files of k-means share. */
#ifndef MODELS_KMEANS_PRIVATE_H
#define MODELS_KMEANS_PRIVATE_H

#include <pilot/model.h>

#include "src/model/items.h"
#include "src/model/threshold.h"
#include "src/model/warmup.h"

/* A row nearer than this to its centre (squared) is a measurement for sure;
 * one that is not is looked at cell by cell (FLT_MAX, squared, with room).
 */
#define KMEANS_D2_SURE 1e75

/* Order-exact sums are whole numbers of a grid, added modulo 2^64, so no
 * order and no number of ranks changes a bit.  A feature's grid is 2^-37 of
 * its limit, which is 32 times its spread at the first fit; a value beyond
 * the limit has its high part in coarser levels, each 2^37 times the one
 * before: enough for every float whatever the limit.
 */
#define KMEANS_LEVELS 8

/* Limit of a feature that did not move at the first fit: no scale is known,
 * so all that moves goes by the levels.
 */
#define KMEANS_LIMIT_LEAST 0x1p-112

enum { KMEANS_STEP = 8 }; /* rows are padded to a multiple of it */

/* The centres as kernels compare rows with them (kernel.c): less the centre
 * with the most points, in a unit that makes the farthest about 1.  A centre
 * that is much farther out than most, as a reading of an overload makes one,
 * is left out, and so is every row that may belong to it.
 */
struct kmeans_view {
    double scale;  /* a power of 2 */
    double *minus; /* stride: a row is x scale + minus here */
    double reach2; /* a row within (squared) belongs to no centre left out */
    double *norms; /* 2 k: of the centres; NAN: left out */
    float *across; /* for vectors */
};

/* Points that stand for rows which have stayed on a device: n of them, each the
 * mean of so many as its weight, of these devices (a hash of the name).
 */
struct kmeans_points {
    double *x; /* n x features */
    double *weight;
    uint64_t *device;
    size_t n;
    uint64_t parts; /* deltas they came in */
};

struct kmeans {
    pe_model base;
    uint32_t k;
    uint32_t stride; /* of rows here: the features, padded with zeros */
    bool exact;      /* order-exact sums */
    bool reassign;
    double decay;     /* of the counts, each commit; 1: none */
    int iterations;   /* of Lloyd on the rows of the warm-up */
    double *centers;  /* k x stride */
    double *counts;   /* k */
    uint64_t *births; /* k: commit a centre was born in */
    double *origins;  /* k x stride: where a centre was born, the origin of
                         sums that leave this rank */
    double *limit;    /* stride: of the grid; exact only */
    double *magic;    /* stride: added to a value, makes it one of the grid */
    double near2;     /* a row nearer than this to its centre (squared) is
                         within twice the limits */
    struct kmeans_view view;
    struct warmup warmup;
    struct kmeans_points points; /* instead, where rows stay on devices ... */
    uint32_t quorum; /* ... and the devices that have to be among them */
    struct threshold threshold;
    uint64_t since; /* points since the last look at dead centres */
    uint64_t stale; /* points of lanes whose centre was reborn */
};

static inline struct kmeans *kmeans_of(pe_model *m)
{
    return (struct kmeans *)m;
}

static inline const struct kmeans *kmeans_cof(const pe_model *m)
{
    return (const struct kmeans *)m;
}

/* --- deltas --- */

enum { ITEM_CANDIDATE = ITEM_OWN };

/* Rows that may become a centre: those with the smallest hashes, so the
 * choice does not depend on order.
 */
struct kmeans_candidates {
    uint32_t n, worst; /* worst: index of the largest hash */
    uint64_t *hash;    /* k */
    double *rows;      /* (k + 1) x features, the last in passing */
};

/* d->work of a warm delta. */
struct kmeans_work {
    struct kmeans_candidates candidates;
    pe_delta *one;   /* of one block, and what it leads to; only with */
    pe_model *after; /* score_after */
};

/* Counts of the centres, and behind them the lanes of the threshold. */
static inline size_t kmeans_grid_lanes(const struct kmeans *k)
{
    return k->exact ? (size_t)KMEANS_LEVELS * k->k * k->stride : 0;
}

static inline int64_t *kmeans_counts(const struct kmeans *k, const pe_delta *d)
{
    return d->count + kmeans_grid_lanes(k);
}

static inline int64_t *kmeans_scores(const struct kmeans *k, const pe_delta *d)
{
    return kmeans_counts(k, d) + k->k;
}

/* Fold [b] into [d]: sums, counts, scores (points of them) and outliers, but
 * neither the threshold's window nor candidates.  Takes nothing in on error.
 */
int kmeans_fold(const struct kmeans *k, pe_delta *d, const pe_block *b,
                float *scores, pe_error *errp);

/* candidates.c */
struct kmeans_work *kmeans_work_create(const struct kmeans *k, pe_error *errp);
void kmeans_work_destroy(void *work);
void kmeans_offer(const struct kmeans *k, struct kmeans_candidates *c,
                  const pe_block *b);
int kmeans_put_candidates(const struct kmeans *k, pe_delta *d, pe_error *errp);
/* Give dead centres another place, when it is time to. */
int kmeans_reassign(struct kmeans *k, const pe_delta *d, pe_error *errp);

/* The sums of [d], taken beyond the centres there are, beyond the origins:
 * they are not of this version alone.  Once, when nothing more is folded in.
 */
void kmeans_seal_sums(const struct kmeans *k, pe_delta *d);

/* points.c */
void kmeans_points_free(struct kmeans_points *p);
/* n more, each of [weight], of 1 without; of no device's. */
int kmeans_points_add(struct kmeans_points *p, uint32_t features,
                      const double *x, const double *weight, size_t n,
                      pe_error *errp);
/* Those of the items of [d], in order of their origin. */
int kmeans_points_collect(struct kmeans_points *p, uint32_t features,
                          const pe_delta *d, pe_error *errp);
/* As an item behind the others of [d]. */
int kmeans_points_put(const struct kmeans_points *p, uint32_t features,
                      pe_delta *d, pe_error *errp);
/* Is an item of [len] bytes one of points? *rowsp: what they stand for. */
bool kmeans_points_check(const unsigned char *data, size_t len,
                         uint32_t features, uint64_t *rowsp);
/* Have the item be of this record. */
void kmeans_points_place(unsigned char *data, const pe_block *from);
/* Centres of [k] for [p]: k-means++, then Lloyd; counts are what each has
 * taken.  labels: p->n, of each its centre.
 */
int kmeans_points_fit(struct kmeans *k, const struct kmeans_points *p,
                      uint32_t *labels, pe_error *errp);
/* Points to a model that has centres. */
int kmeans_points_fold(struct kmeans *k, const struct kmeans_points *p,
                       pe_error *errp);
/* Tensors of a model that is warming, where there are any. */
int kmeans_points_encode(const struct kmeans *k, pe_tensors *t, pe_error *errp);
int kmeans_points_decode(struct kmeans *k, const pe_tensors *t, pe_error *errp);

/* Of a centre that was reborn nothing stays in lane [j] of [d]. */
void kmeans_drop_lane(pe_delta *d, size_t j, size_t k);

/* veil.c: see veil and admit of pe_model_ops. */
int kmeans_veil(const pe_model *base, pe_delta *d, uint64_t least,
                pe_error *errp);
int kmeans_admit(const pe_model *base, pe_delta *d, const pe_block *from,
                 pe_error *errp);

/* apply.c */
int kmeans_apply(pe_model *m, const pe_delta *d, pe_error *errp);
/* The means alone: what [d] says of the centres; one that is not [sealed] was
 * made of them as they are.
 */
void kmeans_add(struct kmeans *k, const pe_delta *d, double decay, bool sealed);

/* init.c: first centres out of n rows (features apart): k-means++ with
 * 2 + ln k local trials, then k->iterations of Lloyd.
 */
int kmeans_init(struct kmeans *k, const double *rows, size_t n, pe_error *errp);
/* The first of the two, of draws by number [start], each of which looks at so
 * many rows for a centre; each counts as its weight, NULL: as one.
 */
int kmeans_plus_plus(struct kmeans *k, const double *rows,
                     const double *weights, size_t n, uint64_t start,
                     pe_error *errp);
int kmeans_trials(const struct kmeans *k);
/* Lloyd's algorithm from the centres there are. */
int kmeans_lloyd(struct kmeans *k, const double *rows, size_t n, int iterations,
                 pe_error *errp);

/* fit.c: see fit of pe_model_ops. */
int kmeans_fit(pe_model *m, const double *rows, size_t n, size_t *usedp,
               pe_error *errp);

/* carry.c: see carry of pe_model_ops. */
int kmeans_carry(pe_model *m, const pe_model *was, const pe_tensors *t,
                 char *words, size_t cap, pe_error *errp);

/* file.c */
int kmeans_encode(const pe_model *m, pe_tensors *t, pe_error *errp);
int kmeans_decode(pe_model *m, const pe_tensors *t, pe_error *errp);

#endif
