/* results.c - results and refused records, acknowledged before the commit. */
#include "pool_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/common/log.h"

/* Longest reason, so that all headers fit. */
#define REASON_SENT 640

/* The opaque of a record: the term and the slot that wait for it. */
static void *ticket(const pool *p, const pool_slot *s)
{
    return (void *)(uintptr_t)(2 * (uint64_t)p->term.number +
                               (uint64_t)(s - p->slot));
}

static void delivered(void *arg, void *opaque, int32_t partition,
                      int64_t offset)
{
    pool *p = arg;
    uint64_t t = (uint64_t)(uintptr_t)opaque;

    (void)partition;
    if ((int64_t)(t / 2) != p->term.number)
        return;
    if (offset < 0)
        p->term.wanted = p->term.number + 1;
    else
        p->slot[t & 1].unacked--;
}

/* --- what the client has no room for --- */

/* A record that waits here; until it is gone no block is begun, so there are
 * never many.
 */
struct pool_held {
    pool_held *next;
    const char *topic; /* of the pool */
    char *key;
    int32_t partition;
    void *ticket;
    record_headers headers;
    size_t len;
    unsigned char value[];
};

static void held_free(pool_held *h)
{
    if (h)
        free(h->key);
    free(h);
}

static int hold(pool *p, const char *topic, const pe_block *b,
                const void *value, size_t len, void *ticket, pe_error *errp)
{
    pool_held *h = malloc(sizeof(*h) + len), **at = &p->held;

    if (!h)
        return pe_error_nomem(errp);
    *h = (pool_held){.topic = topic,
                     .key = strdup(b->device),
                     .partition = b->partition,
                     .ticket = ticket,
                     .len = len};
    if (!h->key) {
        held_free(h);
        return pe_error_nomem(errp);
    }
    record_copy(&h->headers, &p->headers);
    memcpy(h->value, value, len);
    while (*at)
        at = &(*at)->next;
    *at = h;
    return 0;
}

void results_drop(pool *p)
{
    while (p->held) {
        pool_held *h = p->held;

        p->held = h->next;
        held_free(h);
    }
}

/* What the client answered to a record: is it done with? */
static bool settle(pool *p, int rc, const pe_error *e)
{
    if (rc == 1)
        return false;
    if (rc < 0 && e->kind != PE_ERROR_RETRY)
        pool_fail(p, e);
    else if (rc < 0)
        p->term.wanted = p->term.number + 1;
    return true;
}

static void send_held(pool *p)
{
    while (p->held) {
        pool_held *h = p->held;
        pe_error e = {0};
        int rc =
            broker_produce(p->producer, h->topic, h->partition, h->key,
                           h->value, h->len, &h->headers, true, h->ticket, &e);

        if (!settle(p, rc, &e))
            return;
        p->held = h->next;
        held_free(h);
    }
}

/* --- opening, acknowledgements --- */

int results_open(pool *p, pe_error *errp)
{
    broker_producer_conf c = {
        .compression = p->c.pl->compression,
        .linger_s = 0.005,
        .message_bytes = p->c.pl->message_bytes + PIPELINE_HEADER_BYTES,
        .queue_bytes = 4 * p->c.pl->message_bytes,
        .in_flight = 1,
        .delivered = delivered,
        .arg = p,
    };

    pipeline_topic(p->c.pl, p->c.req->run, ".results", p->results_topic,
                   sizeof(p->results_topic));
    pipeline_topic(p->c.pl, p->c.req->run, ".refused", p->refused_topic,
                   sizeof(p->refused_topic));
    pipeline_request_broker(p->c.req, &c.broker, "pilot-agent-results");
    p->producer = broker_producer_open(&c, errp);
    return p->producer ? 0 : -1;
}

void results_close(pool *p)
{
    broker_producer_close(p->producer);
    p->producer = NULL;
    results_drop(p);
    free(p->score_frame);
    p->score_frame = NULL;
}

/* A broken producer is replaced; what it held is replayed in a new term. */
static void replace_broken(pool *p)
{
    pe_error e = {0};

    if (broker_producer_error(p->producer, &e) == 0)
        return;
    p->term.wanted = p->term.number + 1;
    broker_producer_close(p->producer);
    if (results_open(p, &e) < 0)
        pool_fail(p, &e);
}

void results_poll(pool *p)
{
    if (!p->producer || (!broker_producer_pending(p->producer) && !p->held))
        return;
    broker_producer_poll(p->producer, 0);
    send_held(p);
    replace_broken(p);
}

/* Without a wait: the others wait for this rank in every round. */
static void send(pool *p, pool_slot *s, const char *topic, const pe_block *b,
                 const void *value, size_t len)
{
    pe_error e = {0};
    int rc = 1;

    if (!p->held)
        rc = broker_produce(p->producer, topic, b->partition, b->device, value,
                            len, &p->headers, true, ticket(p, s), &e);
    if (rc == 1)
        rc = hold(p, topic, b, value, len, ticket(p, s), &e);
    if (rc == 0)
        s->unacked++;
    settle(p, rc, &e);
}

int results_fit(const pool *p, size_t bytes, pe_error *errp)
{
    size_t len = NPY_HEADER_LEN + bytes;

    if (len <= p->c.pl->message_bytes)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "its result of %zu bytes is larger than a record may "
                        "be (%llu)",
                        len, (unsigned long long)p->c.pl->message_bytes);
}

static void add_number(record_headers *h, const char *name, double v)
{
    char text[40];

    snprintf(text, sizeof(text), "%.17g", v);
    record_add(h, name, text);
}

/* Where the block came from: the key under which a reader drops repeats. */
static void add_origin(pool *p, const pe_block *b)
{
    record_headers *h = &p->headers;
    char text[512], time[40];

    record_clear(h);
    snprintf(text, sizeof(text), "%s/%d/%lld", b->topic ? b->topic : "",
             (int)b->partition, (long long)b->offset);
    record_add(h, "pe_origin", text);
    record_add(h, "pe_run", p->c.req->run);
    if (b->has_seq) {
        snprintf(text, sizeof(text), "%s/%llu/%llu", b->device,
                 (unsigned long long)b->boot, (unsigned long long)b->seq);
        record_add(h, "ce_id", text);
    }
    if (b->sense_ns) {
        record_time(b->sense_ns, time, sizeof(time));
        record_add(h, "ce_time", time);
    }
    if (b->source)
        record_add(h, "pe_source", b->source);
}

float *results_score_room(pool *p, uint32_t points)
{
    size_t bytes = NPY_HEADER_LEN + (size_t)points * sizeof(float);

    if (bytes > p->score_cap) {
        unsigned char *f = realloc(p->score_frame, bytes);

        if (!f)
            return NULL;
        p->score_frame = f;
        p->score_cap = bytes;
    }
    return (float *)(void *)(p->score_frame + NPY_HEADER_LEN);
}

void results_scores(pool *p, pool_slot *s, const pe_block *b, uint64_t outliers)
{
    const pe_model *m = s->base->m;

    add_origin(p, b);
    add_number(&p->headers, "pe_threshold", m->threshold);
    record_add_u64(&p->headers, "pe_version", m->version);
    record_add(&p->headers, "pe_commit", m->commit);
    record_add_u64(&p->headers, "pe_outliers", outliers);
    npy_header(p->score_frame, PE_F4, b->points, 0);
    send(p, s, p->results_topic, b, p->score_frame,
         NPY_HEADER_LEN + (size_t)b->points * sizeof(float));
}

void results_block(pool *p, pool_slot *s, const pe_block *b, pe_block *out)
{
    size_t len;
    const void *frame = npy_frame(out, &len);
    pe_error e = {0};

    /* A block handed on borrows its data; a frame needs room in front. */
    if (!frame) {
        if (pe_block_copy(&p->work, out, &e) < 0) {
            pool_fail(p, &e);
            return;
        }
        frame = npy_frame(&p->work, &len);
    }
    add_origin(p, b);
    send(p, s, p->results_topic, b, frame, len);
}

void results_refused(pool *p, pool_slot *s, const pool_record *r,
                     const char *reason)
{
    char text[REASON_SENT + 1];
    size_t most = p->c.pl->message_bytes, len = r->raw_len;

    add_origin(p, &r->block);
    snprintf(text, sizeof(text), "%s", reason);
    record_add(&p->headers, "pe_reason", text);
    record_add(&p->headers, "pe_stage",
               p->refuser ? p->refuser->name : p->stage->name);
    record_add(&p->headers, "pe_attempts", "1");
    if (len > most) {
        log_warn("of that record of %zu bytes only %zu are kept in %s", len,
                 most, p->refused_topic);
        record_add_u64(&p->headers, "pe_cut", len);
        len = most;
    }
    send(p, s, p->refused_topic, &r->block, r->raw, len);
}
