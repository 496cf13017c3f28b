/* ssh_dial.c - the socket of an SSH connection. */
#include "ssh_session.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/interrupt.h"

static int dial_error(const ssh_target *t, const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%s%s%s port %d cannot be reached: %s", t->name,
                        strcmp(t->name, t->host) ? " at " : "",
                        strcmp(t->name, t->host) ? t->host : "", t->port, why);
}

/* 0, or an errno. */
static int await_connection(int fd, int64_t deadline)
{
    struct pollfd pfd = {.fd = fd, .events = POLLOUT};
    int err = 0;
    socklen_t len = sizeof(err);

    for (;;) {
        int64_t left = (deadline - clock_mono_ns() + CLOCK_MS - 1) / CLOCK_MS;
        if (left <= 0)
            return ETIMEDOUT;
        int ready = poll(&pfd, 1, interrupt_slice(left));
        if (interrupt_level() >= INTERRUPT_NOW)
            return EINTR;
        if (ready < 0 && errno != EINTR)
            return errno;
        if (ready > 0)
            break;
    }
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
}

/* Connected, or -1 with *whyp an errno. */
static int dial_address(const struct addrinfo *a, int64_t deadline, int *whyp)
{
    int one = 1;
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    a->ai_protocol);

    if (fd < 0) {
        *whyp = errno;
        return -1;
    }
    *whyp = connect(fd, a->ai_addr, a->ai_addrlen) < 0 ? errno : 0;
    if (*whyp == EINPROGRESS)
        *whyp = await_connection(fd, deadline);
    if (*whyp) {
        close(fd);
        return -1;
    }
    /* Requests are small and wait for each other. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    return fd;
}

int ssh_dial(const ssh_target *t, int64_t deadline, pe_error *errp)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    char port[16];
    int why = ETIMEDOUT, fd = -1;

    snprintf(port, sizeof(port), "%d", t->port);
    int rc = getaddrinfo(t->host, port, &hints, &list);
    if (rc != 0)
        return dial_error(
            t, rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc), errp);
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        /* The last address may take all the time, the others half. */
        int64_t now = clock_mono_ns();
        fd = dial_address(a, a->ai_next ? now + (deadline - now) / 2 : deadline,
                          &why);
    }
    freeaddrinfo(list);
    return fd < 0 ? dial_error(t, strerror(why), errp) : fd;
}
