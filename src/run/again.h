/* again.h - one more of a pilot there is: its successor, or an addition. */
#ifndef RUN_AGAIN_H
#define RUN_AGAIN_H

#include <stdbool.h>

#include "src/pipeline/pipeline.h"
#include "src/registry/record.h"
#include "src/registry/submit.h"

struct again {
    char *home;
    pilot_record old;
    pipeline_request *req; /* of the old one */
    pipeline *pl;
    resource_request request; /* what it asked for; may be changed */
    bool added; /* of an edge: with devices that the file does not have */
    int ntasks; /* ranks of the new one; 0: as many */
    bool after; /* it starts when the old one has ended */
};

/* [id] is a pilot's, or its scheduler's.  again_close is due also after an
 * error.
 */
int again_open(struct again *a, const char *id, pe_error *errp);
void again_close(struct again *a);

/* Submit it where the old one lives.  Of a successor there is one: where an
 * earlier try has made it, that one is *out; it is tried again under its name
 * where its job was never made; retry, 75, while that is not known.
 */
int again_submit(struct again *a, pilot_record *out, pe_error *errp);

#endif
