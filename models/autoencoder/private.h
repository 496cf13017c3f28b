/* private.h - what the files of the auto-encoder share. */
#ifndef MODELS_AUTOENCODER_PRIVATE_H
#define MODELS_AUTOENCODER_PRIVATE_H

#include <pilot/model.h>

#include "net.h"
#include "src/model/threshold.h"
#include "src/model/warmup.h"

struct autoencoder {
    pe_model base;
    struct net net;
    struct net_state state;
    uint32_t batch, passes;  /* rows of a step; times over a block */
    double holdout;          /* share of a block that is not learned from */
    bool frozen;             /* the scaler stays as the warm-up left it */
    double *shift;           /* features: origin of the sums, fixed */
    double n, *sum, *square; /* rows behind the scaler, sums beyond shift */
    double *mean, *inverse;  /* the scaler: (x - mean) inverse */
    struct warmup warmup;
    struct threshold threshold;
};

/* d->work of a warm delta: the net in training. */
struct autoencoder_work {
    struct net net;
    struct net_state state;
    double rows; /* learned from since the base */
};

/* Lanes of a delta's sums: what training changed and the moments, each times
 * the rows behind it, then these, then the scaler's sums and squares.
 */
enum {
    LANE_ROWS,   /* learned from */
    LANE_STEPS,  /* rows x Adam's steps */
    LANE_BASE,   /* rows x points behind the base */
    LANE_SCALED, /* rows the scaler has seen */
    LANE_COUNT
};

static inline struct autoencoder *autoencoder_of(pe_model *m)
{
    return (struct autoencoder *)m;
}

static inline const struct autoencoder *autoencoder_cof(const pe_model *m)
{
    return (const struct autoencoder *)m;
}

static inline double *autoencoder_lanes(const struct autoencoder *a,
                                        const pe_delta *d)
{
    return d->sum + 3 * a->net.params;
}

/* train.c */

/* Rows of [b] standardised into z (pad[0] apart); good[i]: row i is finite. */
int autoencoder_standardise(const struct autoencoder *a, const pe_block *b,
                            float *z, bool *good, pe_error *errp);
/* Scores by the weights [w]; NaN for rows that are not finite. */
int autoencoder_scores(const struct autoencoder *a, const float *w,
                       const pe_block *b, float *scores, pe_error *errp);
/* Learn from [b] and score it; rows that are not finite are left out. */
int autoencoder_train(const struct autoencoder *a, struct autoencoder_work *w,
                      const pe_block *b, float *scores, pe_error *errp);

/* merge.c */
int autoencoder_seal(const pe_model *base, pe_delta *d, pe_error *errp);
int autoencoder_rebase(pe_delta *d, const pe_model *from, const pe_model *to,
                       pe_error *errp);
int autoencoder_apply(pe_model *m, const pe_delta *d, pe_error *errp);

/* file.c */
int autoencoder_encode(const pe_model *m, pe_tensors *t, pe_error *errp);
int autoencoder_decode(pe_model *m, const pe_tensors *t, pe_error *errp);
/* The scaler out of its sums. */
void autoencoder_scale(struct autoencoder *a);

#endif
