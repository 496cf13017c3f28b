/* rehearsal.h - schedulers played from a script. */
#ifndef REHEARSAL_REHEARSAL_H
#define REHEARSAL_REHEARSAL_H

#include "src/resource/resource.h"

/* A script is named by its URL: rehearsal:///PATH, or
 * rehearsal://?script=PATH for a path from the working directory; without a
 * script jobs run at once.  Errors: input, 78: no such script, or a line of
 * it that is none.
 */
extern const resource_ops rehearsal_ops;
resource *rehearsal_open(const char *url, pe_error *errp);

#endif
