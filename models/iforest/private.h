/* private.h - what the files of the isolation forest share. */
#ifndef MODELS_IFOREST_PRIVATE_H
#define MODELS_IFOREST_PRIVATE_H

#include <pilot/model.h>

#include "forest.h"
#include "src/model/items.h"
#include "src/model/threshold.h"
#include "src/model/warmup.h"

enum {
    ITEM_SAMPLE = ITEM_OWN,
    ITEM_TREES,         /* trees.h */
    IFOREST_TILE = 128, /* rows walked while a tree is in the cache */
};

/* The rows with the smallest hashes of those offered: a uniform sample that
 * depends neither on order nor on who offered what.
 */
struct sample_row {
    uint64_t hash;
    uint32_t slot; /* of its keys in [rows] */
};

struct sample {
    size_t cap, n;
    uint32_t width;
    struct sample_row *heap; /* once full, the largest hash first */
    forest_key *rows;        /* cap x width */
};

struct iforest {
    pe_model base;
    struct forest forest;
    uint32_t psi;       /* rows a tree is grown from */
    uint32_t sampled;   /* ... as many as there were */
    uint32_t width;     /* of rows of keys */
    bool refit;         /* a block is scored by trees of its own */
    double *shift;      /* features: taken off before a value is a float */
    size_t cap;         /* rows of the window */
    forest_key *window; /* cap x width, oldest at [next] once full */
    size_t rows, next;
    uint32_t *index; /* cap: 0, 1, ... */
    uint64_t grown;  /* trees ever grown: the key of the next */
    uint32_t ring;   /* the oldest tree */
    struct warmup warmup;
    struct threshold threshold;
    /* Where devices learn: */
    uint32_t quorum;  /* of them for the first trees */
    uint64_t *whose;  /* trees: item_device of who has grown it, 0: we */
    uint64_t *stands; /* trees: rows that one has learned from between its two
                         last deltas */
    pe_delta waiting; /* the blob: what came while warming */
    uint64_t parts;   /* ... in how many deltas */
};

/* d->work of a warm delta. */
struct iforest_work {
    struct sample sample;
    pe_model *home;    /* on a device: see home.c */
    struct forest own; /* refit: trees of one block */
    uint32_t *index;   /* ... and its rows */
    size_t n_index;
    pe_model *after; /* score_after, without refit */
    struct sample one;
};

static inline struct iforest *iforest_of(pe_model *m)
{
    return (struct iforest *)m;
}

static inline const struct iforest *iforest_cof(const pe_model *m)
{
    return (const struct iforest *)m;
}

/* Rows that a tree of a device is grown from, at most: it ends sooner than one
 * that goes down to single rows, and with twice as many is as fine.
 */
static inline uint32_t iforest_told_rows(const struct iforest *m)
{
    const uint32_t most = UINT32_C(1) << FOREST_DEPTH_MAX;

    return m->psi < most / 2 ? 2 * m->psi : most;
}

/* iforest.c */
void iforest_work_destroy(void *work);

/* sample.c */
int sample_create(struct sample *s, size_t cap, uint32_t width, pe_error *errp);
void sample_free(struct sample *s);
/* Offer one row of keys. */
void sample_offer(struct sample *s, uint64_t hash, const forest_key *row);
/* Into the order of the hashes; nothing is offered afterwards. */
void sample_sort(struct sample *s);
/* As one item of the delta's blob; the keys are less [shift]. */
int sample_put(struct sample *s, const double *shift, uint32_t features,
               pe_delta *d, pe_error *errp);
/* Offer the rows of all items of [blob], less [shift]. */
void sample_take(struct sample *s, const double *shift, uint32_t features,
                 const pe_buffer *blob);

/* The key of a value, less a shift that is smaller by [by]. */
static inline forest_key iforest_moved(forest_key k, double by)
{
    return forest_key_of((float)((double)forest_value_of(k) + by));
}

/* score.c */

/* Keys of rows [at, at + n) of [b]; good[i] says whether row i is finite. */
void iforest_keys(const struct iforest *m, const pe_block *b, uint32_t at,
                  uint32_t n, forest_key *keys, bool *good);
/* Scores of [b] by [f], whose trees were grown from [sampled] rows; NaN for
 * rows that are not finite.
 */
int iforest_scores(const struct iforest *m, const struct forest *f,
                   uint32_t sampled, const pe_block *b, float *scores,
                   pe_error *errp);
/* Offer the rows of [b] to [s]. */
int iforest_offer(const struct iforest *m, struct sample *s, const pe_block *b,
                  pe_error *errp);
/* Trees of the block alone, and its scores by them. */
int iforest_refit(const struct iforest *m, struct iforest_work *w,
                  const pe_block *b, float *scores, pe_error *errp);

/* home.c: see veil and remember of pe_model_ops. */
int iforest_veil(const pe_model *base, pe_delta *d, uint64_t least,
                 pe_error *errp);
void iforest_remember(pe_delta *to, pe_delta *from);

/* ring.c: trees of devices. */

/* See admit of pe_model_ops. */
int iforest_admit(const pe_model *base, pe_delta *d, const pe_block *from,
                  pe_error *errp);
/* Those of [d] into the ring, or, while warming, to what waits. */
int iforest_take_trees(struct iforest *m, const pe_delta *d, pe_error *errp);
/* Rows of one round of all devices, as the ring knows them, were a delta of
 * [rows] of one of them the next: fewer, if it cannot be told which.
 */
double iforest_round(const struct iforest *m, uint64_t rows);

/* apply.c */
/* The rows of [s] into the window; has it gone around? */
bool iforest_push(struct iforest *m, struct sample *s);
/* Keys of column [f] of the window of another origin; what a float has lost of
 * them is lost.
 */
void iforest_shift(struct iforest *m, uint32_t f, double to);
int iforest_apply(pe_model *m, const pe_delta *d, pe_error *errp);
/* The rows of [s] into the window, and the trees that [points] renew. */
int iforest_absorb(struct iforest *m, struct sample *s, uint64_t points,
                   pe_error *errp);

/* fit.c: see fit of pe_model_ops. */
int iforest_fit(pe_model *m, const double *rows, size_t n, size_t *usedp,
                pe_error *errp);

/* file.c */
int iforest_encode(const pe_model *m, pe_tensors *t, pe_error *errp);
int iforest_decode(pe_model *m, const pe_tensors *t, pe_error *errp);

#endif
