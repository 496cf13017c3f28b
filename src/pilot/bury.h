/* bury.h - the ends of devices that died for good. */
#ifndef PILOT_BURY_H
#define PILOT_BURY_H

#include "src/params/params.h"
#include "src/pipeline/pipeline.h"

/* Write an end, all that is in its partition now, for each device of [place]
 * (-1: of member r->member, which was added) of edge pilot [k] that has none:
 * the pools do not wait for it, and the run fails.  May be made again after an
 * error of class retry.  Errors: those of broker and parameter service.
 */
int bury_devices(const pipeline *pl, const pipeline_request *r,
                 const pipeline_pilot *k, int place, params *p, pe_error *errp);

#endif
