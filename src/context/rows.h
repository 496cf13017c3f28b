/* rows.h - what the functions that work on the rows of a block share. */
#ifndef CONTEXT_ROWS_H
#define CONTEXT_ROWS_H

#include <stdbool.h>

#include <pilot/function.h>

#define ROWS_ITEM 64 /* longest item of a list, its NUL included */

/* Next item of the comma list at *atp into [item], without blanks around it;
 * 0: there is none.  An item that is too long comes as "", which is none.
 */
int rows_item(const char **atp, char item[ROWS_ITEM]);

#define ROWS_COLUMNS_MAX 65536 /* repeats included */

/* Some columns, in an order; starts zeroed. */
typedef struct rows_columns {
    uint32_t *columns;
    uint32_t n, highest;
} rows_columns;

/* "3" or "5-8", from 0 on: 0, or -1 when [item] is neither. */
int rows_range(const char *item, int64_t *fromp, int64_t *top);
/* [list] is "0,3,5-8".  0, or -1 with the error in the context. */
int rows_columns_parse(pe_context *ctx, rows_columns *c, const char *list);
void rows_columns_free(rows_columns *c);
/* Has [b] them all?  0, or -1 likewise. */
int rows_columns_check(pe_context *ctx, const rows_columns *c,
                       const pe_block *b);

/* Make [out] a block of its own of points x features elements of the type of
 * [in], with everything else [in] says of itself.  0, or -1 with the error in
 * the context.
 */
int rows_reserve(pe_context *ctx, const pe_block *in, pe_block *out,
                 uint32_t points, uint32_t features);

/* Say once, which *saidp keeps, that the rows of [source] are so many ranges
 * that it has but the first and the last of them.
 */
void rows_blurred(pe_context *ctx, bool *saidp, const char *source);

/* Row [row] of [b] as doubles into [x]; false when the models mask it: a
 * value that is not finite, or beyond FLT_MAX.
 */
bool rows_load(const pe_block *b, uint32_t row, double *x);

/* The doubles [x] as row [row] of [b]. */
void rows_store(pe_block *b, uint32_t row, const double *x);

#endif
