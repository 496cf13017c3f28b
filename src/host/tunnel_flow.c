/* tunnel_flow.c - one connection through a tunnel: a socket and a channel. */
#include "tunnel_flow.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER ((size_t)256 * 1024)
#define PENDING_MAX ((size_t)512 * 1024) /* of the session, to take more */

tunnel_flow *tunnel_flow_create(int fd, LIBSSH2_CHANNEL *channel)
{
    tunnel_flow *f = calloc(1, sizeof(*f));
    char *up = malloc(BUFFER), *down = malloc(BUFFER);

    if (!f || !up || !down) {
        free(down);
        free(up);
        free(f);
        return NULL;
    }
    f->up = up;
    f->down = down;
    f->fd = fd;
    f->channel = channel;
    return f;
}

void tunnel_flow_destroy(tunnel_flow *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->up);
    free(f->down);
    free(f);
}

/* Nobody is there any more to read what comes down. */
static void socket_lost(tunnel_flow *f)
{
    f->gone = true;
    f->up_over = true;
    f->down_at = f->down_len = 0;
}

/* From the socket into the buffer.  True when something came. */
static bool socket_read(tunnel_flow *f)
{
    ssize_t n;

    if (f->up_over || f->up_len > 0)
        return false;
    do
        n = read(f->fd, f->up, BUFFER);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        f->up_at = 0;
        f->up_len = (size_t)n;
        return true;
    }
    if (n == 0)
        f->up_over = true;
    else if (errno != EAGAIN)
        socket_lost(f);
    return false;
}

/* From the buffer into the channel.  -1: the session broke. */
static int channel_write(tunnel_flow *f, ssh_session *s)
{
    while (f->up_at < f->up_len && ssh_pending(s) < PENDING_MAX) {
        ssize_t n = libssh2_channel_write(f->channel, f->up + f->up_at,
                                          f->up_len - f->up_at);
        if (n == LIBSSH2_ERROR_EAGAIN || n == 0)
            return 0;
        if (n < 0)
            return -1;
        f->up_at += (size_t)n;
    }
    if (f->up_at == f->up_len)
        f->up_at = f->up_len = 0;
    return 0;
}

static int pump_up(tunnel_flow *f, ssh_session *s)
{
    do {
        if (channel_write(f, s) < 0)
            return -1;
    } while (f->up_len == 0 && socket_read(f));
    if (!f->up_over || f->up_len > 0 || f->up_told)
        return 0;
    int rc = libssh2_channel_send_eof(f->channel);
    if (rc == 0)
        f->up_told = true;
    return rc == 0 || rc == LIBSSH2_ERROR_EAGAIN ? 0 : -1;
}

/* From the channel into the buffer: 1: something came; 0; -1: the session
 * broke.
 */
static int channel_read(tunnel_flow *f)
{
    if (f->down_len > 0 || f->down_over)
        return 0;
    ssize_t n = libssh2_channel_read(f->channel, f->down, BUFFER);
    if (n > 0) {
        f->down_at = 0;
        f->down_len = (size_t)n;
        return 1;
    }
    if (n < 0 && n != LIBSSH2_ERROR_EAGAIN)
        return -1;
    f->down_over = libssh2_channel_eof(f->channel) == 1;
    return 0;
}

/* From the buffer into the socket. */
static void socket_write(tunnel_flow *f)
{
    while (f->down_at < f->down_len) {
        ssize_t n = send(f->fd, f->down + f->down_at, f->down_len - f->down_at,
                         MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN)
            socket_lost(f);
        if (n < 0)
            return;
        f->down_at += (size_t)n;
    }
    f->down_at = f->down_len = 0;
}

static int pump_down(tunnel_flow *f, const ssh_session *s)
{
    int got;

    do {
        socket_write(f);
        got = f->gone ? 0 : channel_read(f);
    } while (got > 0);
    /* A closed far end opens its window for nobody. */
    if (f->gone && s->dry && libssh2_channel_wait_closed(f->channel) == 0) {
        f->up_over = true;
        f->up_at = f->up_len = 0;
    }
    if (got < 0 || f->gone || !f->down_over || f->down_len > 0)
        return got;
    if (!f->down_told)
        shutdown(f->fd, SHUT_WR);
    f->down_told = true;
    /* A far end that is closed, not just at its end, takes nothing either. */
    if (s->dry && libssh2_channel_wait_closed(f->channel) == 0) {
        f->up_over = f->up_told = true;
        f->up_at = f->up_len = 0;
    }
    return 0;
}

/* Both sides have said all, or one is not there any more. */
static bool is_over(const tunnel_flow *f)
{
    return (f->up_told && f->down_told) ||
           (f->gone && f->up_over && f->up_len == 0);
}

int tunnel_flow_pump(tunnel_flow *f, ssh_session *s)
{
    if (!f->closing) {
        if (pump_up(f, s) < 0 || pump_down(f, s) < 0)
            return -1;
        if (!is_over(f))
            return 1;
        close(f->fd);
        f->fd = -1;
        f->closing = true;
    }
    int rc = libssh2_channel_free(f->channel);
    if (rc == LIBSSH2_ERROR_EAGAIN)
        return 1;
    f->channel = NULL;
    return rc < 0 ? -1 : 0;
}

void tunnel_flow_events(const tunnel_flow *f, struct pollfd *out)
{
    *out = (struct pollfd){.fd = f->fd};
    if (!f->up_over && f->up_len == 0)
        out->events |= POLLIN;
    if (f->down_len > 0)
        out->events |= POLLOUT;
    /* Else the end would be told again and again. */
    if (f->gone || (!out->events && f->up_over))
        out->fd = -1;
}

void tunnel_flow_seen(tunnel_flow *f, short revents)
{
    /* Of a pair of sockets: the other one is closed, not just shut. */
    if (revents & (POLLHUP | POLLERR))
        f->gone = true;
}
