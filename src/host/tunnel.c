/* tunnel.c - connections through a login node: `via: ssh://HOST`. */
#include "tunnel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/host/ssh_session.h"
#include "src/host/ssh_target.h"
#include "src/host/tunnel_line.h"

#define CONNECT_S 10.0
#define WAIT_MIN_NS (1000 * CLOCK_MS)

/* A server that does not answer a request stops the next one: libssh2 opens
 * one channel at a time.  Then another session is made for it; more than so
 * many are a network that is not there.
 */
enum { LINES = 4 };

struct tunnel {
    ssh_target target;
    host_conf conf;       /* its times */
    pthread_mutex_t lock; /* of what follows */
    tunnel_line *lines[LINES];
    int users[LINES];  /* that wait for a connection of it */
    unsigned failures; /* to connect, in a row */
    int64_t retry_ns;  /* not to connect before */
    pe_error last;     /* why not */
};

/* A session into place [i], unless the last failure is too fresh.  Under the
 * lock, so that one at a time tries.
 */
static int line_open(tunnel *t, int i, pe_error *errp)
{
    if (clock_mono_ns() < t->retry_ns) {
        if (errp)
            *errp = t->last;
        return -1;
    }
    ssh_session *s = ssh_session_open(&t->target, &t->conf, &t->last);
    if (s)
        t->lines[i] = tunnel_line_start(s, &t->last);
    if (t->lines[i]) {
        t->failures = 0;
        return i;
    }
    t->retry_ns =
        clock_mono_ns() +
        clock_backoff_apart_ns(t->failures++, 100 * CLOCK_MS, 3200 * CLOCK_MS);
    if (errp)
        *errp = t->last;
    return -1;
}

/* A line that takes a request; it counts as used. */
static int line_take(tunnel *t, pe_error *errp)
{
    int place = -1, taken = -1;

    for (int i = 0; i < LINES && taken < 0; i++) {
        if (t->lines[i] && !t->users[i] &&
            tunnel_line_state_of(t->lines[i]) == TUNNEL_LINE_BROKEN) {
            tunnel_line_stop(t->lines[i]);
            t->lines[i] = NULL;
        }
        if (!t->lines[i])
            place = place < 0 ? i : place;
        else if (tunnel_line_state_of(t->lines[i]) == TUNNEL_LINE_OPEN)
            taken = i;
    }
    if (taken < 0 && place < 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "%s still tries to reach other hosts",
                            t->target.name);
    if (taken < 0)
        taken = line_open(t, place, errp);
    if (taken >= 0)
        t->users[taken]++;
    return taken;
}

tunnel *tunnel_open(const char *url, const host_conf *c, pe_error *errp)
{
    tunnel *t = calloc(1, sizeof(*t));

    if (!t) {
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&t->lock, NULL);
    if (c) {
        t->conf.connect_timeout_s = c->connect_timeout_s;
        t->conf.keepalive_s = c->keepalive_s;
    }
    if (ssh_target_parse(url, c, &t->target, errp) == 0 &&
        line_open(t, 0, errp) == 0)
        return t;
    tunnel_close(t);
    return NULL;
}

void tunnel_close(tunnel *t)
{
    if (!t)
        return;
    for (int i = 0; i < LINES; i++)
        tunnel_line_stop(t->lines[i]);
    pthread_mutex_destroy(&t->lock);
    ssh_target_clear(&t->target);
    free(t);
}

int tunnel_connect(tunnel *t, const char *name, int port, pe_error *errp)
{
    int64_t deadline = ssh_deadline(
        t->conf.connect_timeout_s > 0 ? t->conf.connect_timeout_s : CONNECT_S);

    pthread_mutex_lock(&t->lock);
    int i = line_take(t, errp);
    pthread_mutex_unlock(&t->lock);
    if (i < 0)
        return -1;
    /* The session may have taken all the time. */
    int64_t least = clock_mono_ns() + WAIT_MIN_NS;
    int fd = tunnel_line_connect(t->lines[i], name, port,
                                 deadline > least ? deadline : least, errp);
    pthread_mutex_lock(&t->lock);
    t->users[i]--;
    pthread_mutex_unlock(&t->lock);
    return fd;
}

int tunnel_dial(void *arg, const char *name, int port, pe_error *errp)
{
    return tunnel_connect(arg, name, port, errp);
}
