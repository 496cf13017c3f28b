/* environ.h - the environment that a child gets. */
#ifndef COMMON_ENVIRON_H
#define COMMON_ENVIRON_H

#include <stdbool.h>

#include <pilot/error.h>

/* Ours with [env], "NAME=VALUE" each and NULL-ended (may be NULL), in place of
 * entries of the same names; with [no_rank] without what an MPI launcher tells
 * the processes that it starts (see environ.c).  An array to free; its strings
 * are borrowed.  Errors: memory.
 */
char **environ_make(const char *const *env, bool no_rank, pe_error *errp);

#endif
