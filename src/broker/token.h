/* token.h - bearer tokens: read from a file, and until when they hold. */
#ifndef BROKER_TOKEN_H
#define BROKER_TOKEN_H

#include <stdint.h>

#include <pilot/error.h>

typedef struct token {
    char who[256];
    int64_t until_ms; /* since 1970 */
} token;

/* The first line of [path] (which may be NULL) where it is a secret of ours,
 * else [kept] (may be NULL), in new memory.  Errors: neither is there.
 */
char *token_read(const char *path, const char *kept, pe_error *errp);

/* Whose [text] is and until when, by `sub` and `exp` of its claims where it is
 * a JSON web token; else [user], or "pilot", for an hour.  No signature is
 * looked at: that is the broker's to do.  Errors: it is over (77).
 */
int token_parse(const char *text, const char *user, token *out, pe_error *errp);

#endif
