/* apply.h - what of observe_apply() the rest of the room has to know. */
#ifndef REGISTRY_APPLY_H
#define REGISTRY_APPLY_H

#include "src/registry/observe.h"

/* Is the exit record [end] no verdict before the scheduler has said its word?
 * A pilot that was told to end does not know why: its time may have been
 * over, or its job is queued again.
 */
bool apply_wants_word(const pilot_record *r, const beat *end, int64_t now_ns);

#endif
