/* sign.h - signed files: keys of Ed25519, and whose signature is trusted.
 *
 * A signature lies at the end of its file, where the loader of programs does
 * not look, so that it is wherever the file is: the key's public half, what it
 * says of the digest of all that is in front, and a mark.
 */
#ifndef COMMON_SIGN_H
#define COMMON_SIGN_H

#include <stddef.h>

#include <pilot/error.h>

enum { SIGN_KEY_BYTES = 32, SIGN_WORD = 64 };

/* A new key into the file [path] of mode 0600, its public half with [name] as a
 * line for a file of trust into PATH.pub.  Errors: 73, one of them is there.
 */
int sign_key_make(const char *path, const char *name, pe_error *errp);

/* Sign [path] with the key in [key]; what was signed before is signed anew.
 * Errors: 77, the key is open to others; 65, it is none.
 */
int sign_file(const char *key, const char *path, pe_error *errp);

/* The files of trust of this host, a line "ed25519 KEY NAME" for each key:
 * that of PILOT_TRUST, else those of user and site, pilot/trust beside their
 * pilots.yaml.  NULL where there is none, or on an error, which is set then:
 * 77, others may write to one; 78, a line that is none.
 */
typedef struct sign_trust sign_trust;
sign_trust *sign_trust_open(pe_error *errp);
void sign_trust_close(sign_trust *t); /* may be NULL */

/* The file [path], read once into memory that nobody can change any more: its
 * descriptor, by which it can be opened as /proc/self/fd/N.  Errors: 77: it is
 * not signed by a key of [t], or was changed since; 65: it cannot be read.
 */
int sign_seal(const sign_trust *t, const char *path, pe_error *errp);

#endif
