/* route.c - where a proxy listens, and the connections it makes. */
#include "proxy_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/common/log.h"
#include "src/common/url.h"

#define HERE "127.0.0.1"

/* The kernel's own room in front of a slow link: a large one would hold, out
 * of sight, what the sender believes to be on its way.
 */
#define KERNEL_BYTES (128 << 10)

/* "HOST:PORT", "HOST" or "PORT" as host and port, 0 where there is none. */
static int address_parse(const char *s, char *host, size_t cap, int *portp,
                         pe_error *errp)
{
    pe_error why = {0};
    char full[300];
    url u;

    snprintf(full, sizeof(full), "%s%s",
             strspn(s, "0123456789") == strlen(s) ? HERE ":" : "", s);
    if (url_parse(full, &u, &why) < 0 || *u.scheme || *u.path || !*u.host)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%s' is no HOST:PORT", s);
    snprintf(host, cap, "%s", u.host);
    *portp = u.port;
    return 0;
}

/* Of a name with both, the IPv4 address: it is what servers on this host listen
 * at.
 */
static struct addrinfo *resolve(const char *host, int port, int flags,
                                pe_error *errp)
{
    struct addrinfo hints = {.ai_family = AF_INET,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *found = NULL;
    char service[16];
    int rc;

    snprintf(service, sizeof(service), "%d", port);
    rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0) {
        hints.ai_family = AF_UNSPEC;
        rc = getaddrinfo(host, service, &hints, &found);
    }
    if (rc == 0)
        return found;
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE, "'%s': %s", host,
                 gai_strerror(rc));
    return NULL;
}

/* Where [fd] listens, into [out]. */
static void name_of(int fd, char *out, size_t cap)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof(at);
    char host[256] = "?", port[16] = "?";

    if (getsockname(fd, (struct sockaddr *)&at, &len) == 0)
        getnameinfo((struct sockaddr *)&at, len, host, sizeof(host), port,
                    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(out, cap, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static void set_room(const route *r, int fd)
{
    int bytes = KERNEL_BYTES;

    if (r->shaped) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    }
}

static int listen_at(const route *r, const char *listen_s, pe_error *errp)
{
    struct addrinfo *at;
    char host[256] = HERE;
    int port = 0, one = 1, fd;

    if (listen_s &&
        address_parse(listen_s, host, sizeof(host), &port, errp) < 0)
        return -1;
    at = resolve(host, port, AI_PASSIVE, errp);
    if (!at)
        return -1;
    fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        set_room(r, fd);
    }
    if (fd < 0 || bind(fd, at->ai_addr, at->ai_addrlen) < 0 ||
        listen(fd, SOMAXCONN) < 0) {
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                     "cannot listen at %s:%d: %s; leave the port out for a "
                     "free one",
                     host, port, strerror(errno));
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(at);
    return fd;
}

int route_open(route *r, const char *listen_s, const char *target, bool shaped,
               pe_error *errp)
{
    char host[256];
    int port;

    memset(r, 0, sizeof(*r));
    r->fd = -1;
    r->shaped = shaped;
    if (address_parse(target, host, sizeof(host), &port, errp) < 0)
        return -1;
    if (port == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%s' has no port: write HOST:PORT", target);
    snprintf(r->target, sizeof(r->target), "%.299s", target);
    r->to = resolve(host, port, 0, errp);
    if (!r->to)
        return -1;
    r->fd = listen_at(r, listen_s, errp);
    if (r->fd < 0) {
        route_close(r);
        return -1;
    }
    name_of(r->fd, r->at, sizeof(r->at));
    return 0;
}

void route_close(route *r)
{
    if (r->fd >= 0)
        close(r->fd);
    if (r->to)
        freeaddrinfo(r->to);
    r->fd = -1;
    r->to = NULL;
}

/* --- connections --- */

static void say_reached(route *r, int err)
{
    if (err && !r->unreached)
        log_warn("%s cannot be reached: %s; connections to it are closed",
                 r->target, strerror(err));
    else if (!err && r->unreached)
        log_info("%s is reached again", r->target);
    r->unreached = err != 0;
}

static int dial(const route *r)
{
    const struct addrinfo *to = r->to;
    int one = 1;
    int fd =
        socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_room(r, fd);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS)
        return fd;
    close(fd);
    return -1;
}

conn *conn_accept(route *r, bool *failedp)
{
    int one = 1;
    int fd = accept4(r->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    conn *c;

    *failedp = false;
    if (fd < 0)
        return NULL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c = calloc(1, sizeof(*c));
    if (!c) {
        close(fd);
        *failedp = true;
        return NULL;
    }
    c->route = r;
    c->fd[0] = fd;
    c->fd[1] = dial(r);
    if (c->fd[1] >= 0)
        return c;
    say_reached(r, errno);
    *failedp = true;
    conn_destroy(c, true);
    return NULL;
}

int conn_connected(conn *c)
{
    socklen_t len = sizeof(int);
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof(peer);
    int err = 0;

    if (getsockopt(c->fd[1], SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        err = errno;
    if (!err && getpeername(c->fd[1], (struct sockaddr *)&peer, &peer_len) < 0)
        return errno == ENOTCONN ? 0 : -1;
    say_reached(c->route, err);
    if (err)
        return -1;
    c->connected = true;
    return 1;
}

void conn_destroy(conn *c, bool broken)
{
    /* Zero seconds of linger: a reset and not an orderly end. */
    const struct linger cut = {.l_onoff = 1, .l_linger = 0};

    for (int i = 0; i < 2; i++) {
        if (c->fd[i] < 0)
            continue;
        if (broken)
            setsockopt(c->fd[i], SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
        close(c->fd[i]);
    }
    for (int i = 0; i < LINK_WAYS; i++)
        flow_clear(&c->flow[i]);
    free(c);
}
