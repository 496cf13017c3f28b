/* sign_private.h - what the files on signatures share. */
#ifndef COMMON_SIGN_PRIVATE_H
#define COMMON_SIGN_PRIVATE_H

#include <stdbool.h>

#include "src/common/sign.h"

#define SIGN_FILE_MAX (512u << 20)

/* Is the public key [raw] in it? */
bool sign_trust_has(const sign_trust *t, const unsigned char *raw);
/* Its files, for error texts. */
const char *sign_trust_where(const sign_trust *t);

/* Is [data], of the file [path], signed by a key of [t]?  Errors: 77. */
int sign_check(const sign_trust *t, const unsigned char *data, size_t len,
               const char *path, pe_error *errp);

#endif
