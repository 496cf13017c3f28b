/* swap.h - what the files of `pilot swap` have of each other. */
#ifndef CHANGE_SWAP_H
#define CHANGE_SWAP_H

#include <stdbool.h>

#include "src/params/params.h"

/* Print the revisions of [run], the oldest first: a table, or a JSON object a
 * line.  -1: they could not be read, or one is none.
 */
int swap_list(params *p, const char *run, bool json, pe_error *errp);

#endif
