/* result_columns.h - what the values of a row are called. */
#ifndef VIEW_RESULT_COLUMNS_H
#define VIEW_RESULT_COLUMNS_H

#include <stdio.h>

#include "src/answer/answer.h"
#include "src/answer/names.h"

#define RESULT_NUMBER 16 /* bytes of "x123" */

/* A name for each value, no two alike and none that of another part of a row;
 * starts zeroed, which is without values.
 */
typedef struct result_columns {
    names names; /* behind those that are taken; empty: x0, x1, ... */
    uint32_t n;
} result_columns;

/* Those of the values of [a]: as its source calls them, one that is taken
 * already with _2, _3, ... behind it; else x0, x1, ...  Errors: no memory.
 */
int result_columns_make(result_columns *c, const answers *a, pe_error *errp);
/* Of [n] values that [list] (columns.h; NULL: nobody) names. */
int result_columns_take(result_columns *c, uint32_t n, const char *list,
                        pe_error *errp);
void result_columns_free(result_columns *c);
/* That of value [k], which may be in [number]. */
const char *result_columns_at(const result_columns *c, uint32_t k,
                              char number[RESULT_NUMBER]);

/* The head of a .npy of [n] rows: those of rows.npy, each with its values
 * behind it.  Errors: no memory.
 */
int result_npy_head(const result_columns *c, uint64_t n, FILE *f,
                    pe_error *errp);

#endif
