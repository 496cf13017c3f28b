/* facts.h - what services say of a run, as live_make wants it. */
#ifndef LIVE_FACTS_H
#define LIVE_FACTS_H

#include <jansson.h>

#include "src/broker/broker.h"
#include "src/params/params.h"

/* All that the parameter service has of a run but its models: members
 * "beats", "control", "leases", "state", "ends", "commits" of [facts] (live.h)
 * are replaced, all or none.  -1: what it did not answer.
 */
int facts_read(params *p, json_t *facts, pe_error *errp);

/* The ends of the partitions that "state" of [facts] has, into its "high".  -1:
 * the broker does not answer, and what there is stays.
 */
int facts_high(broker_admin *a, json_t *facts, pe_error *errp);

#endif
