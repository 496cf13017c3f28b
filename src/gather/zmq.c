/* zmq.c - messages that are pushed by ZeroMQ. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "src/common/log.h"
#include "src/common/text.h"
#include "src/gather/source.h"

#define SCHEME "zmq:"
#define HWM 1000
#define PARTS_MAX 64
#define TURN_MAX 100 /* messages, before some are handed on */

enum { PART_LAST = 0, PART_EACH = -1 };

typedef struct pull {
    gather_source base;
    gather *gather;
    void *context, *socket;
    char *device, *seq;
    int part; /* from 1, or one of these */
    bool counted;
    uint64_t newest; /* number of the last message, where it is counted */
    bool told_full;
} pull;

static int refuse(pe_error *errp, const char *url)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "'%s' cannot be opened (%s): write " SCHEME
                        "tcp://HOST:PORT, with --bind where others connect to "
                        "us",
                        url, zmq_strerror(zmq_errno()));
}

static int take_parts(pull *p, const char *parts, pe_error *errp)
{
    int64_t n = PART_LAST;

    if (parts && !strcmp(parts, "each"))
        n = PART_EACH;
    else if (parts && strcmp(parts, "last") != 0 &&
             (text_parse_int(parts, &n) < 0 || n < 1 || n > PARTS_MAX))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--parts %s: it is last, each, or a number from 1 "
                            "to %d",
                            parts, PARTS_MAX);
    p->part = (int)n;
    return 0;
}

static void pull_close(gather_source *s)
{
    pull *p = (pull *)s;

    if (p->socket)
        zmq_close(p->socket);
    if (p->context)
        zmq_ctx_term(p->context);
    free(p->device);
    free(p->seq);
    free(p);
}

static int start(pull *p, const gather_source_conf *c, pe_error *errp)
{
    const char *address = c->url + strlen(SCHEME);
    int hwm = c->hwm > 0 ? c->hwm : HWM;

    p->device = strdup(c->device ? c->device : c->name);
    p->seq = c->seq ? strdup(c->seq) : NULL;
    if (!p->device || (c->seq && !p->seq))
        return pe_error_nomem(errp);
    if (take_parts(p, c->parts, errp) < 0)
        return -1;
    p->context = zmq_ctx_new();
    p->socket = p->context ? zmq_socket(p->context, ZMQ_PULL) : NULL;
    if (!p->socket ||
        zmq_setsockopt(p->socket, ZMQ_RCVHWM, &hwm, sizeof(hwm)) < 0 ||
        (c->bind ? zmq_bind(p->socket, address)
                 : zmq_connect(p->socket, address)) < 0)
        return refuse(errp, c->url);
    log_info("%s %s", c->bind ? "bound to" : "connects to", address);
    return 0;
}

static gather_source *pull_open(const gather_source_conf *c, gather *g,
                                pe_error *errp)
{
    pull *p = calloc(1, sizeof(*p));

    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    p->base.ops = &gather_zmq;
    p->gather = g;
    if (start(p, c, errp) == 0)
        return &p->base;
    pull_close(&p->base);
    return NULL;
}

/* The number that the first part has; false: it has none. */
static bool number(const pull *p, zmq_msg_t *first, uint64_t *out)
{
    json_t *o = json_loadb(zmq_msg_data(first), zmq_msg_size(first), 0, NULL);
    const json_t *n = json_object_get(o, p->seq);
    bool is = json_is_integer(n) && json_integer_value(n) >= 0;

    if (is)
        *out = (uint64_t)json_integer_value(n);
    json_decref(o);
    return is;
}

static int give(pull *p, zmq_msg_t *part, pe_error *errp)
{
    const gather_message m = {.device = p->device,
                              .data = zmq_msg_data(part),
                              .len = zmq_msg_size(part)};

    return gather_take(p->gather, &m, errp);
}

/* Numbers that never came; one that is not larger begins a series. */
static void count(pull *p, uint64_t seq)
{
    if (p->counted && seq > p->newest + 1)
        gather_lose(p->gather, p->device, seq - p->newest - 1, seq);
    p->counted = true;
    p->newest = seq;
}

/* A message of [n] parts. */
static int take(pull *p, zmq_msg_t *part, int n, pe_error *errp)
{
    uint64_t seq = 0;
    bool numbered = p->seq && number(p, &part[0], &seq);
    int at = p->part == PART_LAST ? n - 1 : p->part - 1;
    int rc = 0;

    if (p->seq && !numbered)
        return 0; /* the header, or the end, of a series: no rows */
    if (numbered)
        count(p, seq);
    if (p->part != PART_EACH) {
        if (at < n)
            return give(p, &part[at], errp);
        log_warn("a message of %d parts has no part %d", n, p->part);
        return 0;
    }
    for (int i = 0; rc == 0 && i < n; i++)
        rc = give(p, &part[i], errp);
    return rc;
}

/* All parts of the next message, at most PARTS_MAX of them; 0: none is there.
 */
static int receive(pull *p, zmq_msg_t *part)
{
    int more = 1, n = 0;

    while (more) {
        zmq_msg_t rest, *m = n < PARTS_MAX ? &part[n] : &rest;

        zmq_msg_init(m);
        if (zmq_msg_recv(m, p->socket, n ? 0 : ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(m);
            break;
        }
        more = zmq_msg_more(m);
        if (m == &rest)
            zmq_msg_close(m);
        else
            n++;
    }
    return n;
}

static int pull_turn(gather_source *s, int timeout_ms, pe_error *errp)
{
    pull *p = (pull *)s;
    bool room = gather_has_room(p->gather);
    zmq_pollitem_t item = {p->socket, 0, (short)(room ? ZMQ_POLLIN : 0), 0};
    zmq_msg_t part[PARTS_MAX];
    int n, rc = 0;

    if (!room && !p->told_full)
        log_warn("the spool is full: who pushes has to wait");
    p->told_full = !room;
    if (zmq_poll(&item, 1, timeout_ms) <= 0 || !(item.revents & ZMQ_POLLIN))
        return 0;
    for (int k = 0; rc == 0 && k < TURN_MAX && room; k++) {
        n = receive(p, part);
        if (n == 0)
            break;
        rc = take(p, part, n, errp);
        for (int i = 0; i < n; i++)
            zmq_msg_close(&part[i]);
        room = gather_has_room(p->gather);
    }
    return rc;
}

const gather_source_ops gather_zmq = {
    .open = pull_open,
    .close = pull_close,
    .turn = pull_turn,
    .stage = "zmq",
};
