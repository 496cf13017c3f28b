/* values.h - the values of every row, beside its score, in bounded room. */
#ifndef ANSWER_VALUES_H
#define ANSWER_VALUES_H

#include "src/answer/pass_private.h"

/* Where the parts lie until all are there; -1: errors. */
int values_open(pass *p, pe_error *errp);
void values_close(pass *p);

/* The values of [n] rows of lane [k], the first of them row [at] of the lane;
 * n x p->n_values of them.  Those that find no room end all of them, so that
 * the highest alone are kept.  Any thread.
 */
int values_put(pass *p, size_t k, uint64_t at, const double *values, uint32_t n,
               pe_error *errp);

/* Are those of all rows kept? */
bool values_kept(const pass *p);

/* values.npy, rows in their order. */
int values_write(pass *p, pe_error *errp);

/* Names of the values of a row as a JSON list; null: nobody says. */
json_t *values_columns(const pass *p);

/* The name of column [k] of what the model gets, new memory; NULL: nobody says.
 */
char *values_model_column(const pass *p, uint32_t k);

/* What is to be said of them, into [notes]. */
void values_notes(const pass *p, uint64_t rows, json_t *notes);

#endif
