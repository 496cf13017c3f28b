/* seal.h - records and ends that say whose they are: keys, and signatures.
 *
 * A run that is signed has a key, made when it begins.  Each name RUN/DEVICE by
 * which a record speaks has a key of its own, made of that one and the name by
 * HMAC-SHA256 twice: that of who writes under RUN, then that of DEVICE.  So who
 * has the key of a device can speak for it and for nobody else, and who has
 * that of a RUN (a gateway) for its devices.
 *
 * A file of keys is text, of mode 0600, a line for each key, in hex:
 *
 *   run HEX                all others are made of it: operator, pools
 *   sender RUN HEX         a gateway
 *   device RUN/DEVICE HEX  an agent: those of its own devices
 *
 * A signature is the last header of a record, `pe_sig`: HMAC-SHA256, in hex, of
 * topic, partition, key, all headers in front as they stand, and the value.
 */
#ifndef LOGIN_SEAL_H
#define LOGIN_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/block/record.h"

#define SEAL_HEADER "pe_sig"
enum { SEAL_HEX = 64 };

/* How the reason begins for which a record is refused that is not signed by who
 * it says it is of.
 */
#define SEAL_FORGED "forged: "

/* A file of keys; one thread at a time. */
typedef struct seal seal;

/* A new key of a run into [path], which is not there yet. */
int seal_make(const char *path, pe_error *errp);
/* Errors: input: it cannot be read, is open to others (77), or is none (65). */
seal *seal_open(const char *path, pe_error *errp);
void seal_close(seal *s); /* may be NULL; keys are cleared */
/* Does it have the key of a run, of which all others are made? */
bool seal_is_whole(const seal *s);
/* The name RUN of its one sender, or NULL. */
const char *seal_sender(const seal *s);

/* The line of a sender, or of [device] (NULL: of the sender), in new memory to
 * be cleared; NULL: no memory, or an input error: the key is not in it.
 */
char *seal_line(seal *s, const char *run, const char *device, pe_error *errp);

/* What stands around a value. */
typedef struct seal_place {
    const char *topic;
    int32_t partition;
    const void *key; /* of the record; NULL: none */
    size_t key_len;
} seal_place;

/* Who signs as one device; one thread at a time. */
typedef struct seal_signer seal_signer;

/* Errors: input, 78: [s] has no key of it. */
seal_signer *seal_signer_open(seal *s, const char *run, const char *device,
                              pe_error *errp);
void seal_signer_close(seal_signer *k); /* may be NULL */

/* Add the signature, the last header.  Errors: input: it does not fit. */
int seal_signer_sign(seal_signer *k, const seal_place *at, record_headers *h,
                     const void *value, size_t len, pe_error *errp);
/* Has it signed that? */
bool seal_signer_has(seal_signer *k, const seal_place *at,
                     const record_headers *h, const void *value, size_t len);

/* The same as whom ce_source names. */
int seal_sign(seal *s, const seal_place *at, record_headers *h,
              const void *value, size_t len, pe_error *errp);
/* ... -1: it is not signed by that one; the input error says so. */
int seal_check(seal *s, const seal_place *at, const record_headers *h,
               const void *value, size_t len, pe_error *errp);

/* What is said of a device in a service, and where. */
typedef struct seal_words {
    const char *run, *device, *what, *text;
} seal_words;

/* The signature of [w], as its device, into [hex]: 1; 0: [s] has no key of it;
 * -1: error.
 */
int seal_text(seal *s, const seal_words *w, char hex[SEAL_HEX + 1],
              pe_error *errp);

/* Is it the signature that was [said]?  In a time that tells nothing. */
bool seal_same(const char *hex, const char *said);

#endif
