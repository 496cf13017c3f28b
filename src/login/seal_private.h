/* seal_private.h - what the files on signatures share. */
#ifndef LOGIN_SEAL_PRIVATE_H
#define LOGIN_SEAL_PRIVATE_H

#include <stddef.h>

#include "src/login/seal.h"

enum { SEAL_KEY = 32, SEAL_BLOCK = 64 };

/* HMAC-SHA256 of one key: what is in front of each message is digested once. */
typedef struct seal_mac seal_mac;

seal_mac *seal_mac_open(const unsigned char key[SEAL_KEY], pe_error *errp);
void seal_mac_close(seal_mac *m); /* may be NULL */
int seal_mac_begin(seal_mac *m);
int seal_mac_add(seal_mac *m, const void *data, size_t len);
int seal_mac_end(seal_mac *m, unsigned char out[SEAL_KEY]);

/* A message: what is small is gathered, for a call costs as much as a hundred
 * bytes.
 */
typedef struct seal_feed {
    seal_mac *mac;
    unsigned char at[2048];
    size_t n;
    int failed;
} seal_feed;

/* [what]: of which kind it is, so that none passes for another. */
void seal_feed_begin(seal_feed *f, seal_mac *m, const char *what);
void seal_feed_raw(seal_feed *f, const void *data, size_t len);
/* Little-endian, wherever we are. */
void seal_feed_u32(seal_feed *f, uint32_t v);
/* Their length, then themselves; NULL is not "". */
void seal_feed_bytes(seal_feed *f, const void *data, size_t len);
int seal_feed_end(seal_feed *f, unsigned char out[SEAL_KEY]);

struct seal_signer {
    seal_mac *mac;
};

/* The signer of [device_len] bytes of a name below [run_len] bytes, which stays
 * that of [s]; NULL: there is no key of it, or an error, which is set then.
 */
seal_signer *seal_find(seal *s, const char *run, size_t run_len,
                       const char *device, size_t device_len, pe_error *errp);

void seal_hex(const unsigned char bytes[SEAL_KEY], char hex[SEAL_HEX + 1]);
int seal_unhex(const char *hex, size_t len, unsigned char bytes[SEAL_KEY]);

#endif
