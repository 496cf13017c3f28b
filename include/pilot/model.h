/* model.h - state that is learned from blocks, merged over ranks, committed. */
#ifndef PILOT_MODEL_H
#define PILOT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>
#include <pilot/error.h>
#include <pilot/options.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PE_COMMIT_ID_LEN 32 /* hex digits of a 128-bit random id */

typedef struct pe_model pe_model;
typedef struct pe_delta pe_delta;
typedef struct pe_tensors pe_tensors; /* safetensors.h */

/* A growing byte string. */
typedef struct pe_buffer {
    unsigned char *data;
    size_t len, cap;
} pe_buffer;

/* What blocks have changed since a base model, as a plain value.  Its lanes
 * are laid out by the model; the pool adds [sum] and [count] over ranks with
 * one MPI sum each and gathers [blob], which ops->merge_blob understands.
 */
struct pe_delta {
    double *sum;    /* n_sum lanes, added */
    int64_t *count; /* n_count lanes, added modulo 2^64 */
    uint64_t *tag;  /* n_tag lanes, taken from the base, never added */
    size_t n_sum, n_count, n_tag;
    size_t bytes[3]; /* of sum, count, tag as allocated: 64-byte aligned */
    pe_buffer blob;  /* the part that is not a sum */
    void *work;      /* what updates build on and does not travel, as the
                        weights of a net in training; the model's own */
    void (*work_destroy)(void *work);
    uint64_t points; /* points folded in, masked ones not included */
    uint64_t masked; /* points left out: not finite, or beyond FLT_MAX */
    uint64_t *cells; /* n_cells: of each column the values for which; the
                        room's, not the model's */
    uint32_t n_cells;
    uint64_t outliers; /* points with score > the base's threshold */
    bool sealed;       /* nothing more is folded in: it may leave its rank */
};

#define PE_MODEL_ABI 1

/* Flags of a model. */
enum {
    PE_MODEL_UNALIGNED = 1, /* reads block data of any alignment in place */
    PE_MODEL_NO_SCORES = 2, /* its scores say nothing of the points */
    PE_MODEL_ORDER = 4,     /* one rank learns, from block after block, and a
                               delta belongs to the base it began with:
                               counted epochs, one partition */
};

/* Contract of a model.  Kernels are called from one thread at a time per
 * model object; a base model may be read by several deltas.
 */
typedef struct pe_model_ops {
    unsigned abi; /* PE_MODEL_ABI */
    const char *name;
    const char *prose;             /* one line */
    const pe_option_spec *options; /* table; common rows are added by the
                                      room: seed, contamination, strict,
                                      mode, kernel */
    unsigned flags;

    /* New, untrained model.  Fills everything after the pe_model header,
     * which the caller of this op (pe_model_create) fills itself.
     */
    pe_model *(*create)(const pe_options *o, uint32_t features, pe_error *errp);
    void (*destroy)(pe_model *m); /* accepts half-built models */

    /* Set n_sum, n_count, n_tag of [d] and, through pe_delta_alloc, its
     * zeroed lanes; fill the tags from [base].
     */
    int (*delta_init)(const pe_model *base, pe_delta *d, pe_error *errp);

    /* Fold [b] into [d] and, when [scores] is not NULL, write points scores
     * (NaN for a masked row, NaN for all while warming): taken from [base],
     * or, with base->score_after, from [base] and what this block teaches.
     * Folds in all of the block or, on error, nothing.
     */
    int (*update)(const pe_model *base, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp);

    /* Scores only, of a model that is not warming. */
    int (*score)(const pe_model *m, const pe_block *b, float *scores,
                 pe_error *errp);

    /* Optional.  Turn d->work into lanes, before the delta leaves its rank;
     * nothing is folded into it afterwards.
     */
    int (*seal)(const pe_model *base, pe_delta *d, pe_error *errp);

    /* Optional.  [to] is newer than [from], the base of [d]: what [d] has
     * learned so far goes on from there, and [to] is its base now.  NULL: a
     * delta keeps the base it began with.
     */
    int (*rebase)(pe_delta *d, const pe_model *from, const pe_model *to,
                  pe_error *errp);

    /* Append what [from] says to the blob of [into]; order-free: the result
     * of apply does not depend on the order of merges.  NULL: no blob.
     */
    int (*merge_blob)(pe_delta *into, const unsigned char *from, size_t len,
                      pe_error *errp);

    /* Optional.  Where tags differ (same lane, other birth): make the lanes
     * of [into] such as may be added to those of [from], whose tags it has
     * then; they are added afterwards.  NULL: lanes are always added.  Never
     * asked where one of the two has none, as a delta that was made while
     * warming.
     */
    void (*align_lanes)(pe_delta *into, const pe_delta *from);

    /* Optional.  True when no further block may be folded into [d] before
     * the next commit (warm-up rows are bounded this way).
     */
    bool (*full)(const pe_model *base, const pe_delta *d);

    /* Fold [d] into [m]; deterministic.  Bumps nothing of the header but
     * points, threshold and warming.  On error [m] must be thrown away.
     */
    int (*apply)(pe_model *m, const pe_delta *d, pe_error *errp);

    /* Optional.  Learn anew from [n] rows that stand for all there are, finite,
     * in order of origin and 64-byte aligned, as an estimator that is given a
     * table does; what [m] has learned is one place to begin at.  Bumps nothing
     * of the header. Depends on [m], its seed and the rows alone.  1: it did,
     * and *usedp of them were no outliers; 0: these are too few, or too much
     * work, and [m] is as it was; on error it must be thrown away.
     */
    int (*fit)(pe_model *m, const double *rows, size_t n, size_t *usedp,
               pe_error *errp);

    /* Optional, of models that learn where rows have to stay; in place of
     * seal.  Makes [d] a value that says nothing of fewer than [least] rows:
     * neither a row nor a sum or a mean of fewer is left in its lanes and its
     * blob.  While warming what stands for the rows takes their place, apply
     * makes the first model of it, and more may be folded in and veiled again.
     * 1: it is; 0: [d] has too few rows for that, and is as it was.  The work
     * of [d] is used up in any other case.
     */
    int (*veil)(const pe_model *base, pe_delta *d, uint64_t least,
                pe_error *errp);

    /* Optional, with veil.  Nothing is folded into [to], whose base takes the
     * place of that of [from]: what [from] remembers of rows, and keeps when it
     * is veiled, goes over to it, if it can.
     */
    void (*remember)(pe_delta *to, pe_delta *from);

    /* With veil.  [d], which was veiled, came as bytes in record [from] of a
     * device, and is to be merged into what was learned from [base]: looks at
     * all of it, has its items in the order of their records, and its lanes
     * aligned to [base].  1: it can be merged; 0: it was made of a model that
     * is not to be found any more, and nothing of it can be; -1 (input): no
     * veil makes such a delta.
     */
    int (*admit)(const pe_model *base, pe_delta *d, const pe_block *from,
                 pe_error *errp);

    /* Tensors and metadata beyond the common ones. */
    int (*encode)(const pe_model *m, pe_tensors *t, pe_error *errp);
    int (*decode)(pe_model *m, const pe_tensors *t, pe_error *errp);

    /* Optional.  [to] is new, of the options that are wanted now, and decode
     * does not take [t], which is [from]: keep what can be kept, and say in
     * [words] ([cap] bytes) what was dropped, or made up.  Depends on these
     * alone.  1: it did; 0: nothing can be kept, and [to] is thrown away.
     */
    int (*carry)(pe_model *to, const pe_model *from, const pe_tensors *t,
                 char *words, size_t cap, pe_error *errp);
} pe_model_ops;

/* Header every model object starts with. */
struct pe_model {
    const pe_model_ops *ops;
    uint32_t features;
    double contamination; /* share of points taken as outliers, (0, 0.5] */
    uint64_t seed;
    bool strict;      /* refuse a block with a masked row, instead of masking */
    bool score_after; /* update gives scores of the model it leads to */
    pe_options *options; /* those it was made with */
    bool warming;
    double threshold;  /* label = score > threshold; NaN while warming */
    uint64_t points;   /* points learned from */
    uint64_t version;  /* number of commits behind this state */
    uint64_t fitted;   /* rows it was fitted to when all were there; 0: it is
                          as the stream has left it */
    uint64_t *cells;   /* features: of each column the values that had their
                          row masked; NULL: none */
    uint32_t dominant; /* of a model of distances: the column that had ... */
    double dominant_share; /* ... so much of the variance at its first fit; 0:
                              none had nearly all of it */
    char commit[PE_COMMIT_ID_LEN + 1]; /* "" before the first */
};

/* New model [kind] ("kmeans") for [features] columns, from a set of options
 * made by pe_model_options.  NULL on error.
 */
pe_model *pe_model_create(const char *kind, const pe_options *o,
                          uint32_t features, pe_error *errp);
void pe_model_destroy(pe_model *m); /* may be NULL */

/* Options of [kind] with their defaults; NULL when there is no such model. */
pe_options *pe_model_options(const char *kind, pe_error *errp);

/* The ops of [kind], or NULL. */
const pe_model_ops *pe_model_find(const char *kind);

/* Names of all models, NULL-ended. */
const char *const *pe_model_names(void);

/* What is to be said where one column, [name] (NULL: it has but a number), had
 * nearly all of the variance, and on which pilot to scale it: into [out].
 * false: none had.
 */
bool pe_model_dominated(const pe_model *m, const char *name, const char *pilot,
                        char *out, size_t cap);

/* An independent copy. */
pe_model *pe_model_copy(const pe_model *m, pe_error *errp);

/* Deltas.  A delta belongs to the base it was made for until it is merged. */
pe_delta *pe_delta_create(const pe_model *base, pe_error *errp);
void pe_delta_destroy(pe_delta *d);
/* Count the points of a block by their scores: masked ones are NaN, outliers
 * lie above the threshold of [base].
 */
void pe_delta_count(pe_delta *d, const pe_model *base, const float *scores,
                    uint32_t points);
/* Back to nothing learned, shaped and tagged for [base]. */
int pe_delta_reset(pe_delta *d, const pe_model *base, pe_error *errp);
/* Fill the lanes' memory once n_sum, n_count and n_tag are set; keeps it
 * where it is large enough; zeroes sums and counts.
 */
int pe_delta_alloc(pe_delta *d, pe_error *errp);
/* True when nothing was folded in. */
bool pe_delta_empty(const pe_delta *d);
/* True when every sum is finite. */
bool pe_delta_finite(const pe_delta *d);

/* Fold [b] into [d]; see ops->update.  Checks the number of features
 * (input error, "features changed from F to G") and, in strict mode, that
 * every point is finite.
 */
int pe_model_update(const pe_model *base, pe_delta *d, const pe_block *b,
                    float *scores, pe_error *errp);
int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp);

/* No more is folded into [d], which leaves this rank: see ops->seal.  Of one
 * that is sealed already, nothing.
 */
int pe_delta_seal(const pe_model *base, pe_delta *d, pe_error *errp);

/* See ops->veil; of a model that has none, an input error. */
int pe_delta_veil(const pe_model *base, pe_delta *d, uint64_t least,
                  pe_error *errp);

/* See ops->admit; its sums are finite. */
int pe_delta_admit(const pe_model *base, pe_delta *d, const pe_block *from,
                   pe_error *errp);

/* Merge [from] into [into]; both sealed, of models of one kind and one run, or
 * nothing was folded into [into], which is sealed then.
 */
int pe_delta_merge(const pe_model_ops *ops, pe_delta *into,
                   const pe_delta *from, pe_error *errp);

/* Fold [d] into [m].  The caller sets version and commit. */
int pe_model_apply(pe_model *m, const pe_delta *d, pe_error *errp);

/* See ops->fit; of a model that cannot, or is warming, 0. */
int pe_model_fit(pe_model *m, const double *rows, size_t n, pe_error *errp);

/* Number of scores above the threshold (none while warming). */
uint64_t pe_model_outliers(const pe_model *m, const float *scores,
                           uint32_t points);

/* The model as a safetensors file in memory; the caller frees out->data. */
int pe_model_encode(const pe_model *m, pe_buffer *out, pe_error *errp);

/* What [from] has learned, as a model of [kind] with the options [o], as far as
 * that can be; [words], of [cap] bytes, say what became of it, "": it is all
 * there.  Version, commit and points are those of [from].  NULL: an error, or,
 * with an error of class none, nothing can be kept.
 */
pe_model *pe_model_carry(const pe_model *from, const char *kind,
                         const pe_options *o, char *words, size_t cap,
                         pe_error *errp);

/* The model in [data]; kind and options are in it.  Error class input when
 * the bytes are not a model this program can read.
 */
pe_model *pe_model_decode(const void *data, size_t len, pe_error *errp);

/* Buffers. */
int pe_buffer_append(pe_buffer *b, const void *data, size_t len,
                     pe_error *errp);
int pe_buffer_reserve(pe_buffer *b, size_t cap, pe_error *errp);
void pe_buffer_free(pe_buffer *b);

#ifdef __cplusplus
}
#endif
#endif
