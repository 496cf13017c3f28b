/* device_scale.h - what `standardise` on devices has to do, found once. */
#ifndef EDGE_DEVICE_SCALE_H
#define EDGE_DEVICE_SCALE_H

#include "src/edge/device.h"
#include "src/function/overall.h"

/* Of all devices of an agent, by stage. */
device_scale *device_scale_create(size_t n_stages, pe_error *errp);
void device_scale_destroy(device_scale *s); /* may be NULL */

/* Before stage [i] is opened: where it asks for the scaling of all rows, what
 * the run has kept of that, else what the rows say, which are read once by one
 * device of the agent and kept for all; the others wait.  *givenp lives as long
 * as the device_scale; NULL: it does not ask.  -1: d->error.
 */
int device_scale_find(device *d, size_t i, const context_scaling **givenp);

#endif
