/* environ.h - the environment that a child gets. */
#ifndef COMMON_ENVIRON_H
#define COMMON_ENVIRON_H

#include <stdbool.h>

#include <pilot/error.h>

/* Of a rank: names of the settings of MPI that its user has made, with blanks
 * between.
 */
#define ENVIRON_MPI "PILOT_MPI_ENV"

/* What that is to be for ranks that are started with [env] (NULL-ended) in
 * place of entries of the same names, "NAME=VALUE", to be freed: settings to
 * which [env] gives no other value.  NULL: there are none, or no memory.
 */
char *environ_settings(const char *const *env, pe_error *errp);

/* Ours with [env], "NAME=VALUE" each and NULL-ended (may be NULL), in place of
 * entries of the same names; with [no_rank], where we are a rank of MPI,
 * without what says so, and with no settings of MPI but those of ENVIRON_MPI.
 * An array to free; its strings are borrowed.  Errors: memory.
 */
char **environ_make(const char *const *env, bool no_rank, pe_error *errp);

#endif
