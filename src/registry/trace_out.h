/* trace_out.h - a pilot's part of the trace of its run, fetched. */
#ifndef REGISTRY_TRACE_OUT_H
#define REGISTRY_TRACE_OUT_H

#include "src/registry/record.h"

/* Copy the logs of pilot [r], which lives on another host, into its folder
 * here, where they belong; nothing to do for one of this host.  The folder is
 * made in any case, so that who reads the trace sees what is missing.
 * Resumed and compared by digest.  The number of logs, or -1.
 */
int trace_out(const char *home, const pilot_record *r, pe_error *errp);

#endif
