/* tunnel_line.c - a session with its thread, and the flows it carries. */
#include "tunnel_line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/host/tunnel_flow.h"

#define STUCK_NS (1000 * CLOCK_MS)
#define CONTROL_NS (10000 * CLOCK_MS) /* for the server to open a channel */
#define SOCKET_BYTES (1 << 20)
#define FIXED 2 /* of the descriptors slept on */

/* Somebody waits for a connection. */
struct request {
    struct request *next;
    char *host;
    int port;
    int fd;           /* our end */
    int64_t begun_ns; /* 0: not yet */
    bool done, abandoned;
    pe_error error; /* kind NONE: it worked */
};

struct tunnel_line {
    ssh_session *s;
    int wake; /* eventfd: there is something new below */
    pthread_t thread;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct request *first, *last;
    bool stop, broken;
    pe_error why;

    /* The thread's own. */
    LIBSSH2_CHANNEL *control; /* on which nothing comes: to read with when
                                 there is no flow; NULL: it was refused */
    bool asking;              /* a channel is being opened */
    tunnel_flow *flows;
    size_t n_flows;
    struct pollfd *fds;
    size_t fds_room;
};

/* --- requests --- */

static void request_free(struct request *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r->host);
    free(r);
}

/* The first of the queue, or NULL. */
static struct request *request_first(tunnel_line *l)
{
    pthread_mutex_lock(&l->lock);
    struct request *r = l->first;
    if (r && !r->begun_ns)
        r->begun_ns = clock_mono_ns();
    pthread_mutex_unlock(&l->lock);
    return r;
}

/* Take the first out of the queue with what came of it. */
static void request_finish(tunnel_line *l, const pe_error *error)
{
    pthread_mutex_lock(&l->lock);
    struct request *r = l->first;
    l->first = r->next;
    if (!l->first)
        l->last = NULL;
    bool abandoned = r->abandoned;
    if (error)
        r->error = *error;
    r->done = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    if (abandoned)
        request_free(r);
}

static void refuse(tunnel_line *l, const struct request *r)
{
    char *why = NULL;
    pe_error e;

    libssh2_session_last_error(l->s->raw, &why, NULL, 0);
    if (why && strstr(why, "prohibited"))
        pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                     "%s forbids connections to %s port %d: ask for "
                     "AllowTcpForwarding and PermitOpen in its sshd_config",
                     l->s->name, r->host, r->port);
    else
        pe_error_set(&e, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                     "%s port %d cannot be reached from %s: it knows no such "
                     "host, or nothing listens there",
                     r->host, r->port, l->s->name);
    request_finish(l, &e);
}

static void accept_request(tunnel_line *l, struct request *r,
                           LIBSSH2_CHANNEL *channel)
{
    tunnel_flow *f = tunnel_flow_create(r->fd, channel);
    pe_error e;

    if (!f) {
        /* The channel goes with the session: there is no memory to wait for
         * its end.
         */
        pe_error_nomem(&e);
        request_finish(l, &e);
        return;
    }
    r->fd = -1;
    f->next = l->flows;
    l->flows = f;
    l->n_flows++;
    request_finish(l, NULL);
}

/* Open what was asked for; the library can do one at a time.  -1: the session
 * broke.
 */
static int requests_serve(tunnel_line *l)
{
    struct request *r;

    while ((r = request_first(l)) != NULL) {
        l->asking = true;
        LIBSSH2_CHANNEL *channel =
            libssh2_channel_direct_tcpip(l->s->raw, r->host, r->port);
        int rc = ssh_errno(l->s, channel);
        if (channel)
            accept_request(l, r, channel);
        else if (rc == LIBSSH2_ERROR_EAGAIN)
            return 0;
        else if (rc == LIBSSH2_ERROR_CHANNEL_FAILURE)
            refuse(l, r);
        else
            return rc;
    }
    l->asking = false;
    return 0;
}

/* --- the loop --- */

/* A channel without a program, so that there is always one to read the
 * session with.  A server may refuse it; the session is then read while there
 * are flows.
 */
static void control_open(tunnel_line *l)
{
    int64_t deadline = clock_mono_ns() + CONTROL_NS;
    int rc;

    do {
        l->control = libssh2_channel_open_session(l->s->raw);
        rc = ssh_errno(l->s, l->control);
    } while (!l->control && ssh_again(l->s, rc, deadline));
}

/* Is there somebody to read the session with? */
static bool can_read(const tunnel_line *l)
{
    return l->control || l->flows || l->asking;
}

/* Have the library deal with all that came. */
static int line_drain(tunnel_line *l)
{
    int rc;

    /* The server has closed it: nothing is read by way of it any more. */
    if (l->control && libssh2_channel_eof(l->control) == 1 &&
        libssh2_channel_free(l->control) != LIBSSH2_ERROR_EAGAIN)
        l->control = NULL;
    rc = l->control ? ssh_drain(l->s, l->control) : 0;

    for (const tunnel_flow *f = l->flows; f && rc == 0 && !l->s->dry;
         f = f->next)
        rc = ssh_drain(l->s, f->channel);
    return rc;
}

static int flows_pump(tunnel_line *l)
{
    tunnel_flow **at = &l->flows;

    while (*at) {
        tunnel_flow *f = *at;
        int rc = tunnel_flow_pump(f, l->s);
        if (rc < 0)
            return -1;
        if (rc > 0) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        l->n_flows--;
        tunnel_flow_destroy(f);
    }
    return 0;
}

static bool stopped(tunnel_line *l)
{
    pthread_mutex_lock(&l->lock);
    bool is = l->stop;
    pthread_mutex_unlock(&l->lock);
    return is;
}

static int fds_fill(tunnel_line *l)
{
    size_t n = FIXED + l->n_flows, i = FIXED;

    if (n > l->fds_room) {
        struct pollfd *more = realloc(l->fds, 2 * n * sizeof(*more));
        if (!more)
            return -1;
        l->fds = more;
        l->fds_room = 2 * n;
    }
    l->fds[0] = (struct pollfd){.fd = l->wake, .events = POLLIN};
    l->fds[1] = (struct pollfd){.fd = l->s->fd};
    /* Who cannot read it would be woken again and again. */
    l->fds[1].events = can_read(l) ? POLLIN : POLLRDHUP;
    if (ssh_pending(l->s))
        l->fds[1].events |= POLLOUT;
    for (const tunnel_flow *f = l->flows; f; f = f->next)
        tunnel_flow_events(f, &l->fds[i++]);
    return 0;
}

static int nap(tunnel_line *l)
{
    int64_t now = clock_mono_ns(), until = INT64_MAX;
    bool more = can_read(l) && !l->s->dry; /* no sleep would end for that */
    uint64_t count;

    if (!can_read(l))
        l->s->heard_ns = now; /* nobody reads what it answers */
    if (ssh_tick(l->s, now, &until) < 0)
        return -1;
    if (fds_fill(l) < 0)
        return ssh_break(l->s, "out of memory");
    int64_t ms = more ? 0 : (until - now + CLOCK_MS - 1) / CLOCK_MS;
    poll(l->fds, FIXED + l->n_flows, ms > 60000 ? 60000 : (int)ms);
    ssh_woken(l->s, clock_mono_ns());
    if (l->fds[0].revents && read(l->wake, &count, sizeof(count)) < 0 &&
        errno != EAGAIN)
        return ssh_break(l->s, strerror(errno));
    if (l->fds[1].revents & POLLRDHUP && !can_read(l))
        return ssh_break(l->s, "it was closed by the other side");
    size_t i = FIXED;
    for (tunnel_flow *f = l->flows; f; f = f->next)
        tunnel_flow_seen(f, l->fds[i++].revents);
    return 0;
}

static int pass(tunnel_line *l)
{
    int rc = requests_serve(l);

    if (rc == 0)
        rc = line_drain(l);
    /* What was said while we were at it waits in the library. */
    if (rc == 0)
        rc = requests_serve(l);
    if (rc == 0)
        rc = flows_pump(l);
    return rc;
}

/* Everybody hears of the end. */
static void line_end(tunnel_line *l, const pe_error *why)
{
    pthread_mutex_lock(&l->lock);
    l->broken = true;
    l->why = *why;
    pthread_mutex_unlock(&l->lock);
    while (l->first)
        request_finish(l, why);
    while (l->flows) {
        tunnel_flow *f = l->flows;
        l->flows = f->next;
        tunnel_flow_destroy(f);
    }
    l->n_flows = 0;
}

static void *run(void *arg)
{
    tunnel_line *l = arg;
    pe_error why;
    int rc = 0;

    control_open(l);
    while (!l->s->broken && !stopped(l)) {
        rc = pass(l);
        if (rc < 0 || nap(l) < 0)
            break;
    }
    if (stopped(l)) {
        pe_error_set(&why, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                     "the tunnel was closed");
    } else {
        ssh_fail(l->s, rc, "carry connections", &why);
        log_warn("%s; what it carried is closed", why.text);
    }
    line_end(l, &why);
    return NULL;
}

/* --- start and stop --- */

static void line_free(tunnel_line *l)
{
    ssh_session_close(l->s);
    if (l->wake >= 0)
        close(l->wake);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    free(l->fds);
    free(l);
}

/* With no signal of its own: those of the program are for others.  0, or an
 * errno.
 */
static int thread_start(tunnel_line *l)
{
    sigset_t all, was;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &was);
    int err = pthread_create(&l->thread, NULL, run, l);
    pthread_sigmask(SIG_SETMASK, &was, NULL);
    return err;
}

tunnel_line *tunnel_line_start(ssh_session *s, pe_error *errp)
{
    tunnel_line *l = calloc(1, sizeof(*l));

    if (!l) {
        ssh_session_close(s);
        pe_error_nomem(errp);
        return NULL;
    }
    l->s = s;
    pthread_mutex_init(&l->lock, NULL);
    clock_cond_init(&l->changed);
    l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int err = l->wake < 0 ? errno : thread_start(l);
    if (!err)
        return l;
    line_free(l);
    pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                 "no thread for the tunnel: %s", strerror(err));
    return NULL;
}

static void wake_up(tunnel_line *l)
{
    uint64_t one = 1;

    /* Full is as good: it wakes. */
    while (write(l->wake, &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
}

void tunnel_line_stop(tunnel_line *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_mutex_unlock(&l->lock);
    wake_up(l);
    pthread_join(l->thread, NULL);
    line_free(l);
}

enum tunnel_line_state tunnel_line_state_of(tunnel_line *l)
{
    enum tunnel_line_state state = TUNNEL_LINE_OPEN;

    pthread_mutex_lock(&l->lock);
    if (l->broken)
        state = TUNNEL_LINE_BROKEN;
    else if (l->first && l->first->begun_ns &&
             clock_mono_ns() - l->first->begun_ns > STUCK_NS)
        state = TUNNEL_LINE_STUCK;
    pthread_mutex_unlock(&l->lock);
    return state;
}

/* --- connect --- */

/* Hand [r] to the thread and wait; 0: done, 1: given up: it is the thread's
 * then.
 */
static int request_wait(tunnel_line *l, struct request *r, int64_t deadline)
{
    bool early = true;

    pthread_mutex_lock(&l->lock);
    if (l->broken) {
        r->error = l->why;
        r->done = true;
    } else {
        if (l->last)
            l->last->next = r;
        else
            l->first = r;
        l->last = r;
        wake_up(l);
    }
    while (!r->done && early)
        early = clock_cond_wait(&l->changed, &l->lock, deadline);
    bool done = r->done;
    if (!done)
        r->abandoned = true;
    pthread_mutex_unlock(&l->lock);
    return done ? 0 : 1;
}

static struct request *request_create(const char *host_name, int port, int fd)
{
    struct request *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->host = strdup(host_name);
    r->port = port;
    r->fd = -1;
    if (!r->host) {
        request_free(r);
        return NULL;
    }
    r->fd = fd;
    return r;
}

int tunnel_line_connect(tunnel_line *l, const char *host_name, int port,
                        int64_t deadline, pe_error *errp)
{
    int ends[2] = {-1, -1};
    int room = SOCKET_BYTES;
    struct request *r = NULL;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "no socket for a connection: %s", strerror(errno));
    /* The system gives what it allows. */
    for (int i = 0; i < 2; i++)
        setsockopt(ends[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    if (fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0)
        r = request_create(host_name, port, ends[1]);
    if (!r) {
        close(ends[0]);
        close(ends[1]);
        return pe_error_nomem(errp);
    }
    if (request_wait(l, r, deadline) != 0) {
        close(ends[0]);
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "%s port %d does not answer %s", host_name, port,
                            l->s->name);
    }
    int fd = ends[0];
    if (r->error.kind != PE_ERROR_NONE) {
        close(fd);
        fd = -1;
        if (errp)
            *errp = r->error;
    }
    request_free(r);
    return fd;
}
