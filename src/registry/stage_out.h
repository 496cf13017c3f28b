/* stage_out.h - results of a pilot, fetched when it has ended. */
#ifndef REGISTRY_STAGE_OUT_H
#define REGISTRY_STAGE_OUT_H

#include "src/host/host.h"
#include "src/registry/record.h"

/* Copy what pilot [r] was to leave ("stage-out": NAME or NAME:PATH, from its
 * folder to PATH, which is taken from where it was submitted): resumed and
 * compared by digest, so it may be called again.  [told] is called for each
 * file that is there.  The number of files copied, or -1: of those that could
 * be reached all are copied, and the first error is told.
 */
int stage_out(const char *home, const pilot_record *r,
              void (*told)(void *arg, const char *path), void *arg,
              pe_error *errp);

#endif
