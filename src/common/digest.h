/* digest.h - SHA-256 of files, SHA-1 of bytes, by libcrypto. */
#ifndef COMMON_DIGEST_H
#define COMMON_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

enum { DIGEST_HEX = 64, DIGEST_SHA1_HEX = 40 };

/* Digest of file [path] of this host, as lower-case hex.  Errors: a file that
 * cannot be read, as file_read.
 */
int digest_file(const char *path, char hex[DIGEST_HEX + 1], pe_error *errp);

/* The first 64 hex digits in a row of what a program like sha256sum said;
 * false: there are none.
 */
bool digest_parse(const char *text, char hex[DIGEST_HEX + 1]);

/* SHA-1 of [len] bytes, as redis.sha1hex() has it.  It finds torn and mixed-up
 * texts and names scripts; it is no defence against people.  Errors: fatal:
 * libcrypto will not.
 */
int digest_sha1(const void *data, size_t len, char hex[DIGEST_SHA1_HEX + 1],
                pe_error *errp);

#endif
