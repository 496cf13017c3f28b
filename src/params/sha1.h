/* sha1.h - SHA-1 as hex digits, the digest Redis itself knows. */
#ifndef PARAMS_SHA1_H
#define PARAMS_SHA1_H

#include <stddef.h>

#define PARAMS_SHA1_LEN 40 /* hex digits */

/* Same text as redis.sha1hex() of the [len] bytes at [data].  It finds torn
 * and mixed-up models and names the script; it is no defence against people.
 */
void params_sha1_hex(const void *data, size_t len,
                     char out[PARAMS_SHA1_LEN + 1]);

#endif
