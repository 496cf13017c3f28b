/* tls.h - TLS under a connection, for a client that knows none. */
#ifndef LOGIN_TLS_H
#define LOGIN_TLS_H

#include <pilot/error.h>

/* What a server is known by, and we are; read once, for many connections. */
typedef struct login_tls login_tls;

/* For the server at [endpoint], by what the file of logins at [logins] has for
 * it in [list]; NULL, or nothing there: by the certificates that the system
 * trusts. Errors: input, of the file (65, 77), or of what it says (78).
 */
login_tls *login_tls_open(const char *logins, const char *list,
                          const char *endpoint, pe_error *errp);
void login_tls_close(login_tls *t); /* may be NULL; no line is open */

/* One connection: a thread carries its bytes. */
typedef struct login_tls_line login_tls_line;

/* Speak TLS with [host] over the connected socket [fd], which is taken in any
 * case, for up to [limit_s].  *plainp: a socket on which the same is said in
 * the clear, the caller's to close, before the line.  Errors: retry, 69: the
 * server does not answer; 77: it is not who it should be, or does not let us
 * in.
 */
login_tls_line *login_tls_dial(const login_tls *t, int fd, const char *host,
                               double limit_s, int *plainp, pe_error *errp);
/* The other end is closed: wait for the thread.  May be NULL. */
void login_tls_hang_up(login_tls_line *l);

#endif
