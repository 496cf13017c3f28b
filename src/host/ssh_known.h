/* ssh_known.h - the host keys that known_hosts files have of one host. */
#ifndef HOST_SSH_KNOWN_H
#define HOST_SSH_KNOWN_H

#include <stdbool.h>
#include <stddef.h>

#include "src/common/text.h"

/* Read by ourselves and line by line: libssh2 stops at the first line that it
 * does not understand, knows no patterns, and takes a key of another type
 * for a changed one.
 */
typedef struct ssh_known_key {
    unsigned char *blob;
    size_t len;
    char *file;
    int line;
    bool revoked;
    bool portless; /* of the name without the port we use */
} ssh_known_key;

typedef struct ssh_known {
    ssh_known_key *keys;
    size_t n;
} ssh_known;

enum ssh_known_verdict {
    SSH_KNOWN_MATCH,
    SSH_KNOWN_NONE,       /* nothing is known of this host */
    SSH_KNOWN_OTHER_TYPE, /* only keys of other types are */
    SSH_KNOWN_CHANGED,    /* another key of this type is */
    SSH_KNOWN_REVOKED,    /* this key is not to be trusted */
};

/* Add what [content] of file [name] says of [host_name] and
 * [port].  A line that
 * is not understood is passed over.  -1: no memory.
 */
int ssh_known_parse(ssh_known *k, const char *content, const char *name,
                    const char *host_name, int port);
/* The same of a file; one that cannot be read has nothing. */
int ssh_known_load(ssh_known *k, const char *path, const char *host_name,
                   int port);
void ssh_known_free(ssh_known *k);

/* Is [blob] the key of the host?  [*found]: the entry that decides, or NULL;
 * as OpenSSH has it, an entry for the name without a port will do as well.
 */
enum ssh_known_verdict ssh_known_check(const ssh_known *k,
                                       const unsigned char *blob, size_t len,
                                       const ssh_known_key **found);

/* Type of a key, "ssh-ed25519", into [out]; "" for what is no key. */
void ssh_known_type(const unsigned char *blob, size_t len, char *out,
                    size_t cap);

/* Algorithms to ask the server for, those of known keys first. */
void ssh_known_algorithms(const ssh_known *k, text *out);

/* Decode [n] characters of base64 into new memory; NULL when they are none. */
unsigned char *ssh_base64(const char *s, size_t n, size_t *lenp);

#endif
