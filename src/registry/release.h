/* release.h - a machine that was made for a pilot goes when that has ended. */
#ifndef REGISTRY_RELEASE_H
#define REGISTRY_RELEASE_H

#include "src/registry/record.h"

/* Fetch what pilot [r], which has ended, has said (out, err) and its trace
 * into its folder in [home], and end its machine.  1; 0: it has none.  Errors:
 * retry, 69: it is not known to be ended; it ends itself.
 */
int pilot_release(const char *home, const pilot_record *r, pe_error *errp);

#endif
