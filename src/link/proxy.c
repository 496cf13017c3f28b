/* proxy.c - connections through a link that is slower than the real one. */
#include "proxy_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/common/clock.h"

/* Bytes that go over the link in one piece, so that connections take turns. */
#define PIECE ((size_t)16 << 10)

/* How far ahead of now the link may be given bytes: a turn that begins late
 * loses no capacity.
 */
#define AHEAD_NS (2 * CLOCK_MS)

struct proxy {
    proxy_conf conf;
    route **routes;
    size_t n_routes;
    conn **conns;
    size_t n_conns;
    size_t first;                /* whose turn it is to be read first */
    const conn *read;            /* who was read last, in this turn */
    int64_t start_ns;            /* of the weather */
    int64_t free_ns[LINK_WAYS];  /* when the link has sent what it has */
    double delay_sum[LINK_WAYS]; /* of bytes x delay */
    proxy_stats stats;
    struct pollfd *polled;
    char piece[PIECE];
};

proxy *proxy_create(const proxy_conf *c, pe_error *errp)
{
    proxy *p = calloc(1, sizeof(*p));

    if (p) {
        p->conf = *c;
        p->start_ns = clock_mono_ns();
        p->conns = calloc(c->connections, sizeof(*p->conns));
    }
    if (p && p->conns)
        return p;
    proxy_destroy(p);
    pe_error_nomem(errp);
    return NULL;
}

void proxy_destroy(proxy *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_conns; i++)
        conn_destroy(p->conns[i], true);
    for (size_t i = 0; i < p->n_routes; i++) {
        route_close(p->routes[i]);
        free(p->routes[i]);
    }
    free(p->routes);
    free(p->conns);
    free(p->polled);
    free(p);
}

int proxy_route(proxy *p, const char *listen_s, const char *target,
                const char **atp, pe_error *errp)
{
    route **routes = realloc(p->routes, (p->n_routes + 1) * sizeof(*p->routes));
    route *r = calloc(1, sizeof(*r));
    struct pollfd *polled =
        realloc(p->polled, (p->n_routes + 1 + 2 * p->conf.connections) *
                               sizeof(*p->polled));

    if (routes)
        p->routes = routes;
    if (polled)
        p->polled = polled;
    if (!routes || !r || !polled) {
        free(r);
        return pe_error_nomem(errp);
    }
    if (route_open(r, listen_s, target, p->conf.weather.rate.most > 0, errp) <
        0) {
        free(r);
        return -1;
    }
    p->routes[p->n_routes++] = r;
    *atp = r->at;
    return 0;
}

/* --- the link --- */

static double at_s(const proxy *p, int64_t now)
{
    return (double)(now - p->start_ns) / 1e9;
}

/* Give the link [len] bytes; returns when they arrive. */
static int64_t link_send(proxy *p, enum link_way way, size_t len, int64_t now)
{
    const link_weather *w = &p->conf.weather;
    proxy_way *s = &p->stats.way[way];
    int64_t start = p->free_ns[way] > now ? p->free_ns[way] : now;
    double at = at_s(p, start), rate = link_rate_at(w, way, at);
    double delay = link_delay_at(w, at);
    double sent = rate > 0 ? 8.0 * (double)len / rate : 0;

    p->free_ns[way] = start + (int64_t)(sent * 1e9);
    s->bytes += (int64_t)len;
    s->busy_s += sent;
    p->delay_sum[way] += delay * (double)len;
    if (len > 0 && delay > s->most_s)
        s->most_s = delay;
    return p->free_ns[way] + (int64_t)(delay * 1e9);
}

/* --- a connection --- */

/* Does it have room, and the link, for what comes from side [way]? */
static bool wants(const proxy *p, const conn *c, int way, int64_t now)
{
    return c->connected && now >= c->open_ns && !c->flow[way].ends &&
           c->flow[way].bytes + PIECE <= p->conf.buffer &&
           p->free_ns[way] <= now + AHEAD_NS;
}

/* One piece of what has come from side [way]; -1: it is broken. */
static int conn_read(proxy *p, conn *c, int way, int64_t now)
{
    ssize_t n = recv(c->fd[way], p->piece, PIECE, 0);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    return flow_put(&c->flow[way], p->piece, (size_t)n,
                    link_send(p, (enum link_way)way, (size_t)n, now), NULL);
}

/* Hand on what has arrived; -1: it is broken. */
static int conn_write(conn *c, int way, int64_t now)
{
    flow *f = &c->flow[way];
    int to = 1 - way;
    size_t len;

    c->full[to] = false;
    while (flow_next_ns(f) <= now) {
        const void *data = flow_peek(f, &len);
        ssize_t n = 0;
        if (len == 0) {
            c->shut[way] = true;
            shutdown(c->fd[to], SHUT_WR);
        } else {
            n = send(c->fd[to], data, len, MSG_NOSIGNAL);
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            c->full[to] = true;
            return 0;
        }
        if (n < 0)
            return -1;
        flow_take(f, (size_t)n);
    }
    return 0;
}

/* What poll has said of side [i] of [c]. */
static short seen(const proxy *p, const conn *c, int i)
{
    return c->polled[i] < 0 ? 0 : p->polled[c->polled[i]].revents;
}

/* Its handshake: it carries from when that would be over. */
static int conn_meet(proxy *p, conn *c, int64_t now)
{
    int rc = seen(p, c, 1) ? conn_connected(c) : 0;
    double delay = link_delay_at(&p->conf.weather, at_s(p, now));

    if (rc > 0)
        c->open_ns = now + (int64_t)(2e9 * delay);
    return rc < 0 ? -1 : 0;
}

/* Carry what can be carried both ways; -1: it is broken. */
static int conn_carry(proxy *p, conn *c, int64_t now)
{
    for (int way = 0; way < LINK_WAYS; way++) {
        if (seen(p, c, way) && wants(p, c, way, now)) {
            p->read = c;
            if (conn_read(p, c, way, now) < 0)
                return -1;
        }
        if (conn_write(c, way, now) < 0)
            return -1;
    }
    /* Gone at once, with nothing left to read: no end would come. */
    return (seen(p, c, 0) | seen(p, c, 1)) & POLLERR ? -1 : 0;
}

/* Let connection [c] do what it can. */
static void conn_turn(proxy *p, conn *c, int64_t now)
{
    if (!c->connected) {
        c->broken = conn_meet(p, c, now) < 0;
        p->stats.refused += c->broken;
    } else {
        c->broken = conn_carry(p, c, now) < 0;
        p->stats.broken += c->broken;
    }
    c->over = c->broken || (c->shut[LINK_UP] && c->shut[LINK_DOWN]);
}

/* Take out what is over; whoever comes behind the one that was read last is
 * the first the next time, for the link may have had room for that one only.
 */
static void sweep(proxy *p)
{
    size_t n = 0, first = p->first;

    for (size_t i = 0; i < p->n_conns; i++) {
        conn *c = p->conns[i];
        if (c == p->read)
            first = n + !c->over;
        if (c->over)
            conn_destroy(c, c->broken);
        else
            p->conns[n++] = c;
    }
    p->n_conns = n;
    p->first = n ? first % n : 0;
    p->read = NULL;
}

/* --- a turn --- */

static int add_polled(proxy *p, int n, int fd, short events)
{
    p->polled[n] = (struct pollfd){.fd = fd, .events = events};
    return n + 1;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What [c] waits for: among the polled, and until when. */
static int conn_poll(proxy *p, conn *c, int n, int64_t now, int64_t *untilp)
{
    for (int i = 0; i < 2; i++) {
        const flow *in = &c->flow[i], *out = &c->flow[1 - i];
        short events = 0;
        if (!c->connected)
            events = i == 1 ? POLLOUT : 0;
        else if (wants(p, c, i, now))
            events = POLLIN;
        else if (now < c->open_ns)
            *untilp = earlier(*untilp, c->open_ns);
        else if (!in->ends && in->bytes + PIECE <= p->conf.buffer)
            *untilp = earlier(*untilp, p->free_ns[i] - AHEAD_NS);
        if (c->full[i])
            events |= POLLOUT;
        else
            *untilp = earlier(*untilp, flow_next_ns(out));
        /* One that says nothing new is not asked: its hang-up, which is told
         * whether it is asked for or not, would not let us sleep.
         */
        c->polled[i] = events ? n : -1;
        n = events ? add_polled(p, n, c->fd[i], events) : n;
    }
    return n;
}

static void accept_all(proxy *p)
{
    for (size_t i = 0; i < p->n_routes; i++) {
        bool failed = false;
        conn *c = NULL;
        if (!p->polled[i].revents)
            continue;
        while (p->n_conns < p->conf.connections &&
               ((c = conn_accept(p->routes[i], &failed)) || failed)) {
            p->stats.accepted++;
            p->stats.refused += failed;
            if (c)
                p->conns[p->n_conns++] = c;
        }
    }
}

static int wait_turn(proxy *p, int n, int64_t ns, const sigset_t *unblocked,
                     pe_error *errp)
{
    struct timespec t = {.tv_sec = ns / CLOCK_S, .tv_nsec = ns % CLOCK_S};

    if (ppoll(p->polled, (nfds_t)n, &t, unblocked) >= 0)
        return 0;
    if (errno != EINTR)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "cannot wait for connections: %s", strerror(errno));
    for (int i = 0; i < n; i++)
        p->polled[i].revents = 0;
    return 0;
}

int proxy_turn(proxy *p, int64_t wait_ns, const sigset_t *unblocked,
               pe_error *errp)
{
    int64_t now = clock_mono_ns(), until = now + wait_ns;
    bool room = p->n_conns < p->conf.connections;
    size_t there = p->n_conns;
    int n = 0;

    for (size_t i = 0; i < p->n_routes; i++)
        n = add_polled(p, n, p->routes[i]->fd, room ? POLLIN : 0);
    for (size_t i = 0; i < p->n_conns; i++)
        n = conn_poll(p, p->conns[i], n, now, &until);
    if (wait_turn(p, n, until > now ? until - now : 0, unblocked, errp) < 0)
        return -1;
    now = clock_mono_ns();
    for (size_t k = 0; k < there; k++)
        conn_turn(p, p->conns[(p->first + k) % there], now);
    sweep(p);
    accept_all(p);
    return 0;
}

proxy_stats proxy_stats_get(const proxy *p)
{
    proxy_stats s = p->stats;

    s.seconds = at_s(p, clock_mono_ns());
    s.open = p->n_conns;
    for (int i = 0; i < LINK_WAYS; i++)
        if (s.way[i].bytes > 0)
            s.way[i].delay_s = p->delay_sum[i] / (double)s.way[i].bytes;
    return s;
}
