/* sibling.h - services of a run that pilots hold: where they are, and what
 * opens them, from the folders beside ours.
 */
#ifndef PILOT_SIBLING_H
#define PILOT_SIBLING_H

#include "src/pilot/supervisor.h"

/* Put the endpoint of the service pilot of [kind] into the request, when it is
 * up, and with it the file that opens it.
 */
int sibling_find(supervisor *s, enum pilot_kind kind, pe_error *errp);
/* The same of the parameter service that we are. */
int sibling_self(supervisor *s, pe_error *errp);
/* Where those files tell roles apart, what they say of ours becomes our file of
 * logins.  Errors: 78, other services have logins of their own.
 */
int sibling_logins(supervisor *s, pe_error *errp);

#endif
