/* via.h - connections of a pilot through a login node. */
#ifndef AGENT_VIA_H
#define AGENT_VIA_H

#include "src/pipeline/pipeline.h"

/* Have the connections of [r] go through its `via`, from now until it is
 * destroyed; nothing to do where it has none.  Errors: those of tunnel_open
 * (src/host/tunnel.h).
 */
int via_open(pipeline_request *r, pe_error *errp);

#endif
