/* sender.h - whose a record is: a device's of this run, or somebody else's. */
#ifndef BLOCK_SENDER_H
#define BLOCK_SENDER_H

#include <stdbool.h>

#include "record.h"

enum sender {
    SENDER_OURS,     /* a device of this run: its source and its key say so */
    SENDER_OTHER,    /* a device of another run of ours */
    SENDER_STRANGER, /* anybody */
};

/* What ce_source names: /pilot-edge/RUN/DEVICE; where the record has it. */
typedef struct sender_source {
    const char *run, *device;
    size_t run_len, device_len;
} sender_source;

/* false: it names nobody, and [out] is as it was. */
bool sender_source_of(const record_headers *h, sender_source *out);

/* Longest name with its NUL. */
#define SENDER_NAME 256

/* [len] bytes as a name of SENDER_NAME bytes, as sender_decode makes it of a
 * key.
 */
void sender_name(const void *bytes, size_t len, char *name);

/* Who wrote the record with headers [h] and [key] (NULL: none), and by what
 * name its block goes in run [run]: DEVICE, RUN/DEVICE, or what the key says,
 * else the partition.  In names what is no UTF-8, a control character or '%'
 * stands as %XX, so that two keys are two names; a name that would be too
 * long ends with a hash of all of it.  [name] has SENDER_NAME bytes.
 */
enum sender sender_decode(const record_headers *h, const char *run,
                          const void *key, size_t key_len, int32_t partition,
                          char *name);

#endif
