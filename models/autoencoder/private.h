/* private.h - what the files of the auto-encoder share. */
#ifndef MODELS_AUTOENCODER_PRIVATE_H
#define MODELS_AUTOENCODER_PRIVATE_H

#include <pilot/model.h>

#include "net.h"
#include "src/common/spread.h"
#include "src/model/threshold.h"
#include "src/model/warmup.h"

/* Of each feature.  A value that is far, FARTHEST deviations off or more, is
 * an overload and no part of the scaler; but when most of those since the last
 * look are, the data have moved, and the scaler begins anew with them.
 */
struct scaler {
    double *shift;            /* origin of the sums */
    double *n, *sum, *square; /* values behind the scaler, beyond shift */
    double *recent;           /* of them since the last look */
    double *far_n, *far_sum, *far_square; /* far ones since then, as read */
};

enum { SCALER_VECTORS = 8 };

/* Its vectors one by one; [i] below SCALER_VECTORS. */
static inline double **scaler_vector(struct scaler *s, int i)
{
    double **const v[] = {&s->shift,  &s->n,     &s->sum,     &s->square,
                          &s->recent, &s->far_n, &s->far_sum, &s->far_square};

    return v[i];
}

#define FARTHEST SPREAD_FARTHEST

/* Values before any is far, and before it is decided whether the data moved. */
enum { SCALER_LOOK = 100 };

struct autoencoder {
    pe_model base;
    struct net net;
    struct net_state state;
    uint32_t batch, passes; /* rows of a step; times over a block */
    double holdout;         /* share of a block that is not learned from */
    bool frozen;            /* the scaler stays as the warm-up left it */
    double *mean, *inverse; /* features: the scaler, (x - mean) inverse */
    struct scaler scaler;   /* what it is made of */
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
 * the rows behind it, then these, then of each feature the scaler's sums and
 * squares, beyond the origin in its tag, and number, sum and square of the
 * values that are far.
 */
enum {
    LANE_ROWS,   /* learned from */
    LANE_STEPS,  /* rows x Adam's steps */
    LANE_BASE,   /* rows x points behind the base */
    LANE_SCALED, /* rows the scaler has seen */
    LANE_COUNT
};

enum { SCALER_LANES = 5 }; /* of a feature */

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

/* veil.c: see veil and admit of pe_model_ops. */
int autoencoder_veil(const pe_model *base, pe_delta *d, uint64_t least,
                     pe_error *errp);
int autoencoder_admit(const pe_model *base, pe_delta *d, const pe_block *from,
                      pe_error *errp);
/* What [d] has in place of the rows of a warm-up, into the scaler; the first
 * of it makes the model.
 */
int autoencoder_take_moments(struct autoencoder *a, const pe_delta *d,
                             pe_error *errp);

/* file.c */
int autoencoder_encode(const pe_model *m, pe_tensors *t, pe_error *errp);
int autoencoder_decode(pe_model *m, const pe_tensors *t, pe_error *errp);

/* scaler.c */
int scaler_create(struct scaler *s, uint32_t features, pe_error *errp);
void scaler_free(struct scaler *s);
/* Out of the rows of the warm-up. */
int scaler_first(struct autoencoder *a, pe_error *errp);
/* Mean and scale out of the sums. */
void scaler_derive(struct autoencoder *a);
/* The origins of the sums into the tags of [d]. */
void scaler_tag(const struct autoencoder *a, pe_delta *d);
/* What the scaler sees of the rows that have a score. */
void scaler_fold(const struct autoencoder *a, pe_delta *d, const pe_block *b,
                 const float *scores);
void scaler_apply(struct autoencoder *a, const pe_delta *d);
/* ops->align_lanes: of sums, the other origin. */
void scaler_align(pe_delta *into, const pe_delta *from);

#endif
