/* task.h - `pilot task`: what came of one. */
#ifndef CHANGE_TASK_H
#define CHANGE_TASK_H

#include <stdbool.h>

#include "src/params/params.h"
#include "src/params/task.h"

/* Results of all slices of [t], merged: rows one behind the other, or the sum
 * or mean, cell by cell, as the .npy [path].  Without [partial] all have to be
 * there.  Errors: input, 65.
 */
int task_out(params *p, const params_task *t, const char *merge, bool partial,
             const char *path, pe_error *errp);
/* The words of slices that have failed, the first ten, on standard output. */
int task_out_failed(params *p, const params_task *t, pe_error *errp);

#endif
