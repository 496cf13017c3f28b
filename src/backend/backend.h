/* backend.h - places by their URL, and where this process is itself. */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "src/resource/resource.h"

/* A URL of src/request/place.h; NULL or "batch://": see backend_default.
 * Nothing is connected yet.  Errors: input, 78: it is none, or its backend was
 * left out of this build.
 */
resource *backend_open(const char *url, pe_error *errp);

/* The backend of [url] without opening it: for scripts and --dry-run, which
 * call nothing.  "batch://" and NULL look for what is there: see
 * backend_default.
 */
const resource_ops *backend_ops(const char *url, pe_error *errp);

/* The facts of a backend (src/resource/resource.h) by a URL that was looked at
 * before; false for one that is none.  Nobody is asked but for "batch://".
 */
bool backend_is_here(const char *url);
bool backend_is_direct(const char *url);
/* Does each pilot get a machine of its own there? */
bool backend_is_made(const char *url);

/* The id of the job that this process is in; NULL: it is in none. */
const char *backend_job(void);

/* The URL that "batch://" and none at all stand for here: the allocation we
 * are in (its id into [job], else ""), the one scheduler of this host, or
 * local://.  [why] gets a sentence for people.  A scheduler is known by its
 * own answer, not by the name of a command.
 */
enum backend_where { BACKEND_INSIDE, BACKEND_SCHEDULER, BACKEND_HERE };
enum backend_where backend_default(char url[64], char job[RESOURCE_ID_MAX],
                                   char *why, size_t cap);

/* When the allocation we run in ends, CLOCK_REALTIME; 0: it has no end.
 * Called by the supervisor inside of it: asks the scheduler, with a time
 * limit.  Errors: retry, 69.
 */
int backend_end_of_allocation(int64_t *end_nsp, pe_error *errp);

/* Seconds from the TERM to the KILL by which a scheduler ends the allocation
 * we run in, at its end or when it is canceled; 0: we are in none.  Asks the
 * scheduler, with a time limit; without an answer what it does by default.
 */
double backend_grace_of_allocation(void);

#endif
