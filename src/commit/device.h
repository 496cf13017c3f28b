/* device.h - the newest block of each device, by its name. */
#ifndef COMMIT_DEVICE_H
#define COMMIT_DEVICE_H

#include <stdbool.h>

#include "src/params/params.h"

/* Names of other runs' devices are anybody's to make: where so many devices are
 * known, repeats of no further one of those are looked for.
 */
#define COMMIT_OTHERS 4096

typedef struct commit_device {
    params_device last; /* its newest block, and its name */
    bool known;         /* there is one */
    struct {
        int64_t epoch; /* in which [at] is its place in the touch list */
        size_t at;
    } touched[2]; /* by place of the epoch */
} commit_device;

/* name -> device, open addressing. */
typedef struct commit_devices {
    commit_device *d;
    size_t n, cap;
    size_t *index; /* of cap_index, entry + 1 */
    size_t cap_index;
} commit_devices;

/* Index of [name], put there if it is new; SIZE_MAX: no memory. */
size_t commit_device_find(commit_devices *t, const char *name, pe_error *errp);
/* ... SIZE_MAX: it is not there. */
size_t commit_device_look(const commit_devices *t, const char *name);
void commit_devices_clear(commit_devices *t);

static inline void commit_device_set(commit_device *d, int32_t partition,
                                     uint64_t boot, uint64_t seq)
{
    d->known = true;
    d->last.partition = partition;
    d->last.boot = boot;
    d->last.seq = seq;
}

/* Rule 5: a device's block is new when (boot, seq) is beyond the last. */
static inline bool commit_device_has(const commit_device *d, uint64_t boot,
                                     uint64_t seq)
{
    return d->known && (boot < d->last.boot ||
                        (boot == d->last.boot && seq <= d->last.seq));
}

#endif
