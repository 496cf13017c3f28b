/* status_learned.h - `pilot status --learned`: what each device has learned. */
#ifndef CMD_STATUS_LEARNED_H
#define CMD_STATUS_LEARNED_H

#include "src/run/pilots.h"

/* Those of the pilots [p] that learn: the ones that have been silent for
 * longest first, and how many more there are.  [json]: all that pilots tell of,
 * as {schema, devices [{pilot, device, syncs, rows, held, age_s, version,
 * behind, mb}], left_out}.  Members that are not known are left out.
 */
int status_learned(const pilots *p, bool header, bool json, pe_error *errp);

#endif
