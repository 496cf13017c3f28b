/* identity.h - who a device is to the run: boot, position, end, schedule. */
#ifndef SENDER_IDENTITY_H
#define SENDER_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/params/params.h"

/* BOOT of a source that can be read again. */
#define IDENTITY_FIXED_BOOT 1

typedef struct identity {
    uint64_t boot;  /* 0: not known yet */
    uint64_t first; /* SEQ of the first block, and position of such a source */
} identity;

/* A device as it is now. */
typedef struct identity_facts {
    const char *device;
    int partition;
    bool rereadable; /* its source can be read again */
} identity_facts;

/* What device [d] goes on with, given what the run has applied of it ([s]).  A
 * source that can be read again starts behind the block applied last, under its
 * fixed BOOT; a live one starts at 0 under a BOOT that the parameter service
 * hands out (params_boots_take), so it is 0 here.  *knownp: the largest BOOT
 * that was applied of it; 0: none.  Errors: input, 78: the device is known with
 * another partition, or as live and is now one that can be read again.
 */
int identity_of(const params_state *s, const identity_facts *d, identity *out,
                uint64_t *knownp, pe_error *errp);

/* Offset the run has reached on a partition of [topic]; 0: nothing stored. */
int64_t identity_offset(const params_state *s, const char *topic,
                        int partition);

/* Time block [n] (from 0) is due, [rate] blocks a second from [start_ns]. */
int64_t identity_due_ns(int64_t start_ns, double rate, uint64_t n);

#endif
