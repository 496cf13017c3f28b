/* proxy.h - connections through a link that is slower than the real one. */
#ifndef LINK_PROXY_H
#define LINK_PROXY_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <pilot/error.h>

#include "src/link/weather.h"

#define PROXY_BUFFER_MIN ((size_t)64 << 10)

typedef struct proxy_conf {
    link_weather weather;
    /* Of bytes of a connection that are on the way, each way; who sends more
     * waits, as its own system makes it.
     */
    size_t buffer;
    size_t connections; /* at a time; further ones wait to be accepted */
} proxy_conf;

/* What went one way. */
typedef struct proxy_way {
    int64_t bytes;
    double busy_s;  /* the link sent */
    double delay_s; /* mean of the bytes' own, without what they waited */
    double most_s;  /* ... and the largest */
} proxy_way;

typedef struct proxy_stats {
    double seconds;   /* since it was made */
    int64_t accepted; /* connections, ... */
    int64_t refused;  /* ... of these: the server was not reached */
    int64_t broken;   /* ... or a side was gone before its end */
    size_t open;      /* ... there now */
    proxy_way way[LINK_WAYS];
} proxy_stats;

/* All that goes through a proxy shares one link. */
typedef struct proxy proxy;

proxy *proxy_create(const proxy_conf *c, pe_error *errp);
void proxy_destroy(proxy *p); /* may be NULL; what is open is cut off */

/* Listen at [listen] ("HOST:PORT", a HOST or a PORT; NULL: 127.0.0.1 and a
 * free port) for connections to [target] (HOST:PORT); the address it has in
 * *atp (borrowed).  Errors: input, 64: no such address; 69: it is taken.
 */
int proxy_route(proxy *p, const char *listen, const char *target,
                const char **atp, pe_error *errp);

/* Carry what there is to carry; returns after that, or after [wait_ns], or a
 * signal, of which [unblocked] are let in meanwhile (NULL: as it is).
 * Servers that cannot be reached are logged.  Errors: fatal: of the system.
 */
int proxy_turn(proxy *p, int64_t wait_ns, const sigset_t *unblocked,
               pe_error *errp);

proxy_stats proxy_stats_get(const proxy *p);

#endif
