/* tls.h - TLS under a connection to Redis, whose client knows none. */
#ifndef PARAMS_TLS_H
#define PARAMS_TLS_H

#include <pilot/error.h>

/* What a server is known by, and we are; read once, for many connections. */
typedef struct params_tls params_tls;

/* For the server at [url] (rediss://HOST:PORT), by what the file of logins at
 * [logins] has for it; NULL, or nothing there: by the certificates that the
 * system trusts.  Errors: input, of the file (65, 77), or of what it says (78).
 */
params_tls *params_tls_open(const char *logins, const char *url,
                            pe_error *errp);
void params_tls_close(params_tls *t); /* may be NULL; no line is open */

/* One connection: a thread carries its bytes. */
typedef struct params_tls_line params_tls_line;

/* Speak TLS with [host] over the connected socket [fd], which is taken in any
 * case, for up to [limit_s].  *plainp: a socket on which the same is said in
 * the clear, the caller's to close, before the line.  Errors: retry, 69: the
 * server does not answer; 77: it is not who it should be, or does not let us
 * in.
 */
params_tls_line *params_tls_dial(const params_tls *t, int fd, const char *host,
                                 double limit_s, int *plainp, pe_error *errp);
/* The other end is closed: wait for the thread.  May be NULL. */
void params_tls_hang_up(params_tls_line *l);

#endif
