/* tunnel.h - connections through a login node: `via: ssh://HOST`. */
#ifndef HOST_TUNNEL_H
#define HOST_TUNNEL_H

#include <pilot/error.h>

#include "src/host/host.h"

/* One SSH session and the connections it carries, served by a thread of its
 * own.  Any thread may call.  A session that breaks is made again at the next
 * connection; what it carried is closed, so its users see the end and
 * connect again, as they do when a server goes away.
 */
typedef struct tunnel tunnel;

/* Connects.  Errors as host_open_ssh at use. */
tunnel *tunnel_open(const char *url, const host_conf *c, pe_error *errp);
void tunnel_close(tunnel *t); /* may be NULL; ends what it carries */

/* A connected stream socket to [host]:[port] as that login node sees it; the
 * caller closes it.  Bounded by the time-out of a connection, once for the
 * session where it has to be made again, and once for the server.  -1: retry
 * 69: the login node, or from it the server, cannot be reached; fatal 77: the
 * login node forbids it.
 */
int tunnel_connect(tunnel *t, const char *host, int port, pe_error *errp);

/* The same with [arg] a tunnel: how broker and params rooms take it, which
 * know nothing of SSH (see broker_conf.dial, params_conf.dial).
 */
int tunnel_dial(void *arg, const char *host, int port, pe_error *errp);

#endif
