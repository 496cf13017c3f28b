/* warmup.h - rows that wait for a model's first fit. */
#ifndef MODEL_WARMUP_H
#define MODEL_WARMUP_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/model.h>

/* While a model is warming its deltas hold raw rows; apply keeps them in the
 * model until [want] are there.
 */
struct warmup {
    size_t want;
    double *rows; /* n x features */
    size_t n;
};

/* ops->update of a warming model: keep the finite rows of [b] in [d], mask
 * the others; every score is NaN.
 */
int warmup_update(const pe_model *m, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp);

/* ops->full of a warming model: the delta holds enough. */
bool warmup_full(const struct warmup *w, const pe_model *base,
                 const pe_delta *d);

/* All rows of [d] in order of origin, *np of them, in new memory the caller
 * frees.  -1: no memory.
 */
int warmup_collect(uint32_t features, const pe_delta *d, double **rowsp,
                   size_t *np, pe_error *errp);

/* Keep n more rows. */
int warmup_keep(struct warmup *w, uint32_t features, const double *rows,
                size_t n, pe_error *errp);

/* Has one of the columns whose values spread [width] nearly all of the
 * variance of all that vary?  Into m->dominant: to a model of distances the
 * others are as good as not there.
 */
void warmup_weigh(pe_model *m, const double *width);

void warmup_free(struct warmup *w);

/* The rows as tensor "rows", and back. */
int warmup_encode(const struct warmup *w, const pe_model *m, pe_tensors *t,
                  pe_error *errp);
int warmup_decode(struct warmup *w, const pe_model *m, const pe_tensors *t,
                  pe_error *errp);

/* A value of a row as it lies in a record: at any alignment. */
typedef double row_f8 __attribute__((aligned(1), may_alias));

/* Row of finite values that fit a float? */
bool row_is_finite(const row_f8 *row, uint32_t features);

#endif
