/* reach.h - the parameter services of runs, as commands reach them. */
#ifndef RUN_REACH_H
#define RUN_REACH_H

#include <jansson.h>

#include "src/params/params.h"

/* Connections by run, made when they are first needed and kept; a service
 * that could not be reached is not tried again.
 */
typedef struct reach reach;

reach *reach_create(const char *home, pe_error *errp);
void reach_destroy(reach *r); /* may be NULL */

/* The parameter service of [run]; borrowed.  NULL: it has none (*errp then is
 * of class none), or it cannot be reached.
 */
params *reach_params(reach *r, const char *run, pe_error *errp);

/* Newest beats of the pilots of [run] by name: an object, or NULL. */
json_t *reach_beats(reach *r, const char *run);

#endif
