/* proxy_private.h - inside of a proxy, for the files of this folder. */
#ifndef LINK_PROXY_PRIVATE_H
#define LINK_PROXY_PRIVATE_H

#include <netdb.h>

#include "src/link/flow.h"
#include "src/link/proxy.h"

/* Who listens for whom. */
typedef struct route {
    int fd;
    char at[300];     /* HOST:PORT it listens at */
    char target[300]; /* as it was given */
    struct addrinfo *to;
    bool shaped;    /* there is a rate */
    bool unreached; /* the last try failed, which was said */
} route;

/* A connection: side 0 is who came, side 1 the server. */
typedef struct conn {
    route *route;
    int fd[2];
    flow flow[LINK_WAYS]; /* LINK_UP: from side 0 to side 1 */
    int64_t open_ns;      /* from when on it carries; the handshake's time */
    bool connected;
    bool shut[LINK_WAYS]; /* the end has arrived */
    bool full[2];         /* this side takes nothing now */
    int polled[2];        /* where its sides stand among what is polled; -1 */
    bool over, broken;    /* it goes; as something that was cut */
} conn;

/* Listen as proxy_route says; route->fd is -1 on error. */
int route_open(route *r, const char *listen, const char *target, bool shaped,
               pe_error *errp);
void route_close(route *r);

/* Accept one that waits and begin its way to the server: NULL where nobody
 * does, or it went.  *failedp: the server cannot be reached.
 */
conn *conn_accept(route *r, bool *failedp);
/* Its way to the server is made, or will not be: 1, 0 not yet, -1. */
int conn_connected(conn *c);
/* [broken]: both sides are to see that it is cut. */
void conn_destroy(conn *c, bool broken);

#endif
