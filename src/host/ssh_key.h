/* ssh_key.h - key files: what is in them, and may they be used. */
#ifndef HOST_SSH_KEY_H
#define HOST_SSH_KEY_H

#include <stdbool.h>
#include <stddef.h>

/* How a key fares with this libssh2. */
enum ssh_key_use {
    SSH_KEY_GOOD,
    SSH_KEY_RSA,   /* signed with SHA-1 only, before libssh2 1.11: servers of
                      today refuse it */
    SSH_KEY_NEVER, /* certificates, and keys on tokens */
};

/* What becomes of keys of type "ssh-ed25519", "ssh-rsa", ... */
enum ssh_key_use ssh_key_use_of(const char *type);

typedef struct ssh_key {
    char type[64]; /* "": not told by the file */
    bool encrypted;
} ssh_key;

/* Look at the text of a private key file.  False: it is none. */
bool ssh_key_parse(const char *content, ssh_key *out);

/* The content of key file [path] in new memory, to be wiped and freed; NULL
 * when it is missing (why = "") or must not be used ([why] says it in a few
 * words, with what mends it).
 */
char *ssh_key_read(const char *path, size_t *lenp, char *why, size_t cap);

#endif
