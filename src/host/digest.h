/* digest.h - SHA-256 of files. */
#ifndef HOST_DIGEST_H
#define HOST_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

enum { DIGEST_HEX = 64 };

/* Digest of file [path] of this host, as lower-case hex.  Errors: a file that
 * cannot be read, as file_read.
 */
int digest_file(const char *path, char hex[DIGEST_HEX + 1], pe_error *errp);

/* The first 64 hex digits in a row of what a program like sha256sum said;
 * false: there are none.
 */
bool digest_parse(const char *text, char hex[DIGEST_HEX + 1]);

#endif
