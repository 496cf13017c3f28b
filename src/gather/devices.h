/* devices.h - which numbers the messages of each device have. */
#ifndef GATHER_DEVICES_H
#define GATHER_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

typedef struct devices devices;

devices *devices_create(pe_error *errp);
void devices_destroy(devices *d); /* may be NULL */

/* What a message is among those of its device. */
typedef struct devices_word {
    bool repeat;   /* it came before */
    uint64_t lost; /* numbers that did not come, in front of it */
} devices_word;

/* The message with these numbers of its sender's is there.  -1: no memory. */
int devices_given(devices *d, const char *name, uint64_t boot, uint64_t seq,
                  devices_word *w, pe_error *errp);
/* The number of the next message of a device whose sender gives none.  -1: no
 * memory.
 */
int devices_next(devices *d, const char *name, uint64_t *seqp, pe_error *errp);

#endif
