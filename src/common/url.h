/* url.h - SCHEME://HOST:PORT and HOST:PORT. */
#ifndef COMMON_URL_H
#define COMMON_URL_H

#include <pilot/error.h>

typedef struct url {
    char scheme[16];
    char user[64];
    char host[256]; /* without brackets */
    int port;       /* 0: not given */
    char path[512]; /* "" or from the first '/' */
} url;

/* Parse [s]; a missing scheme leaves scheme "".  A password in the text is
 * refused.  Errors: input, 78.
 */
int url_parse(const char *s, url *out, pe_error *errp);

#endif
