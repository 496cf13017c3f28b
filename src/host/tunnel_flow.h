/* tunnel_flow.h - one connection through a tunnel: a socket and a channel. */
#ifndef HOST_TUNNEL_FLOW_H
#define HOST_TUNNEL_FLOW_H

#include <poll.h>

#include "src/host/ssh_session.h"

/* Bytes go up from the socket to the channel and down from the channel to the
 * socket.  What waits is bounded: a buffer each way, the window of the
 * channel, and what the session sends (nothing goes up while that is much).
 */
typedef struct tunnel_flow {
    struct tunnel_flow *next;
    LIBSSH2_CHANNEL *channel;
    int fd; /* -1: closed */
    char *up, *down;
    size_t up_at, up_len; /* [at, len) waits */
    size_t down_at, down_len;
    bool up_over;   /* the socket has said all */
    bool up_told;   /* and the channel knows */
    bool down_over; /* the channel has said all */
    bool down_told; /* and the socket knows */
    bool gone;      /* the socket's user has closed it */
    bool closing;   /* only the other side's farewell is awaited */
} tunnel_flow;

/* Takes over [fd], not blocking, and [channel]; NULL: no memory, and both are
 * the caller's.
 */
tunnel_flow *tunnel_flow_create(int fd, LIBSSH2_CHANNEL *channel);
/* Ends it at once; its channel is freed with its session, or here. */
void tunnel_flow_destroy(tunnel_flow *f);

/* Move what can be moved without a wait.  1: it goes on; 0: it is
 * over; -1: the session broke.
 */
int tunnel_flow_pump(tunnel_flow *f, ssh_session *s);

/* What to sleep on, and what came of it. */
void tunnel_flow_events(const tunnel_flow *f, struct pollfd *out);
void tunnel_flow_seen(tunnel_flow *f, short revents);

#endif
