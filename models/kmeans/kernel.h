/* kernel.h - what the files of k-means share. */
#ifndef MODELS_KMEANS_KERNEL_H
#define MODELS_KMEANS_KERNEL_H

#include <pilot/model.h>

#define KMEANS_PAD 8 /* lanes of a row of transposed centres */

struct kmeans {
    pe_model base;
    uint32_t k, padded; /* clusters, and rounded up to KMEANS_PAD */
    size_t warmup;      /* rows before the first centres */
    double decay;       /* of the counts, each commit; 1: none */
    bool reassign;
    int64_t window;   /* points the threshold looks back on */
    double *centers;  /* k x d */
    double *across;   /* d x padded: the centres, transposed */
    double *counts;   /* k */
    uint64_t *births; /* k: commit a centre was born in */
    int64_t *scores;  /* QUANTILE_LANES */
    int anchor;
    double *rows; /* while warming: n_rows x d */
    size_t n_rows;
    uint64_t since; /* points since the last look at dead centres */
    uint64_t stale; /* points of lanes whose centre was reborn */
};

/* An item of a delta's blob, followed by len bytes. */
enum { KMEANS_ROWS = 1, KMEANS_CANDIDATE = 2 };

struct kmeans_item {
    uint64_t kind, len;
};

/* Rows sensed while warming; the rows follow. */
struct kmeans_rows {
    uint64_t topic; /* hash of its name */
    int64_t partition, offset;
    uint64_t n;
};

/* A row that may become a centre: smallest hashes win, so the choice does
 * not depend on order.  The row follows.
 */
struct kmeans_candidate {
    uint64_t hash;
};

/* Walk the items: *atp starts at 0; false at the end, or at a cut item. */
bool kmeans_next(const unsigned char *blob, size_t len, size_t *atp,
                 struct kmeans_item *item, const unsigned char **payload);

/* Index of the centre nearest to [row], lowest index on ties, and its exact
 * squared distance.  [acc] has room for m->padded values.
 */
uint32_t kmeans_nearest(const struct kmeans *m, const double *row, double *acc,
                        double *d2p);

/* Transposed copy of the centres, after they have changed. */
void kmeans_transpose(struct kmeans *m);

/* First centres out of n rows: k-means++ with 2 + ln k local trials. */
int kmeans_init(struct kmeans *m, const double *rows, size_t n, pe_error *errp);

/* Fold n rows that are known to be finite into [d], a delta of [m]. */
int kmeans_fold_rows(const struct kmeans *m, pe_delta *d, const double *rows,
                     size_t n, pe_error *errp);

/* Scratch of one call, of this thread: a row, then padded distances.  NULL
 * when there is no memory.
 */
double *kmeans_scratch(const struct kmeans *m);

/* apply.c, file.c: the operations of the model. */
int kmeans_apply(pe_model *m, const pe_delta *d, pe_error *errp);
int kmeans_encode(const pe_model *m, pe_tensors *t, pe_error *errp);
int kmeans_decode(pe_model *m, const pe_tensors *t, pe_error *errp);
/* Keep n more rows while warming. */
int kmeans_keep_rows(struct kmeans *m, const double *rows, size_t n,
                     pe_error *errp);

/* warmup.c: raw rows into a delta, and out of it into the model. */
int kmeans_warm_update(const struct kmeans *m, pe_delta *d, const pe_block *b,
                       float *scores, pe_error *errp);
size_t kmeans_warm_rows(const struct kmeans *m, const pe_delta *d);
/* All rows of the delta in order of (topic, partition, offset); *np rows in
 * new memory, NULL with *np = 0 when there are none.  -1: no memory.
 */
int kmeans_collect_rows(const struct kmeans *m, const pe_delta *d,
                        double **rowsp, size_t *np, pe_error *errp);

#endif
