/* results.c - results and refused records, acknowledged before the commit. */
#include "results.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/block/times.h"
#include "src/codec/da00.h"
#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/common/text.h"

/* Most bytes of a result as da00 beside its numbers: names and tables. */
#define DA00_BYTES 4096

/* Longest reason, so that all headers fit. */
#define REASON_SENT 640

/* The one header that is not in the room of the headers themselves. */
#define TIMES "pe_times"

/* The opaque of a record: the term and the slot that wait for it. */
static void *ticket(const pool_results *r, const pool_slot *s)
{
    return trail_give(r->c.trail, 2 * (uint64_t)r->c.term->number +
                                      (uint64_t)(s - r->c.slot));
}

static void delivered(void *arg, void *opaque, int32_t partition,
                      int64_t offset)
{
    pool_results *r = arg;
    uint64_t t = trail_take(r->c.trail, opaque, offset >= 0);

    (void)partition;
    if ((int64_t)(t / 2) != r->c.term->number)
        return;
    if (offset < 0)
        term_want(r->c.term);
    else
        r->c.slot[t & 1].unacked--;
}

/* --- what the client has no room for --- */

/* A record that waits here; until it is gone no block is begun, so there are
 * never many.
 */
struct pool_held {
    pool_held *next;
    broker_output what;
    char *key;
    char *times; /* of the rows; the record they came with is released */
    record_headers headers;
    unsigned char value[];
};

/* What is not with the client comes back by nobody else. */
static void give_up(pool_results *r, const broker_output *o)
{
    trail_take(r->c.trail, o->opaque, false);
}

static void held_free(pool_held *h)
{
    if (h) {
        free(h->key);
        free(h->times);
    }
    free(h);
}

static int keep_times(pool_held *h)
{
    for (size_t i = 0; i < h->headers.n; i++) {
        record_header *k = &h->headers.h[i];

        if (strcmp(k->name, TIMES) != 0)
            continue;
        h->times = malloc(k->len);
        if (!h->times)
            return -1;
        memcpy(h->times, k->value, k->len);
        k->value = h->times;
    }
    return 0;
}

static int hold(pool_results *r, const broker_output *o, pe_error *errp)
{
    pool_held *h = malloc(sizeof(*h) + o->len), **at = &r->held;

    if (!h)
        return pe_error_nomem(errp);
    *h = (pool_held){.what = *o, .key = strdup(o->key)};
    record_copy(&h->headers, o->headers);
    if (!h->key || keep_times(h) < 0) {
        held_free(h);
        return pe_error_nomem(errp);
    }
    memcpy(h->value, o->value, o->len);
    h->what.key = h->key;
    h->what.value = h->value;
    h->what.headers = &h->headers;
    while (*at)
        at = &(*at)->next;
    *at = h;
    return 0;
}

void results_drop(pool_results *r)
{
    while (r->held) {
        pool_held *h = r->held;

        r->held = h->next;
        give_up(r, &h->what);
        held_free(h);
    }
}

/* What the client answered to a record: is it done with? */
static bool settle(pool_results *r, int rc, const pe_error *e)
{
    if (rc == 1)
        return false;
    if (rc < 0 && e->kind != PE_ERROR_RETRY)
        fate_fail(r->c.fate, e);
    else if (rc < 0)
        term_want(r->c.term);
    return true;
}

static void send_held(pool_results *r)
{
    while (r->held) {
        pool_held *h = r->held;
        pe_error e = {0};
        int rc = broker_produce(r->producer, &h->what, &e);

        if (!settle(r, rc, &e))
            return;
        if (rc < 0)
            give_up(r, &h->what);
        r->held = h->next;
        held_free(h);
    }
}

/* --- opening, acknowledgements --- */

static int open_producer(pool_results *r, pe_error *errp)
{
    broker_producer_conf c = {
        .compression = r->c.pl->compression,
        .linger_s = 0.005,
        .message_bytes = r->c.pl->message_bytes + PIPELINE_HEADER_BYTES,
        .queue_bytes = 4 * r->c.pl->message_bytes,
        .in_flight = 1,
        .delivered = delivered,
        .arg = r,
    };

    pipeline_request_broker(r->c.req, &c.broker, "pilot-agent-results");
    r->producer = broker_producer_open(&c, errp);
    return r->producer ? 0 : -1;
}

int results_open(pool_results *r, const results_conf *c, pe_error *errp)
{
    r->c = *c;
    pipeline_topic(c->pl, c->req->run, PIPELINE_RESULTS, r->results,
                   sizeof(r->results));
    pipeline_topic(c->pl, c->req->run, PIPELINE_REFUSED, r->refused,
                   sizeof(r->refused));
    return results_on(r) ? open_producer(r, errp) : 0;
}

void results_close(pool_results *r)
{
    broker_producer_close(r->producer);
    r->producer = NULL;
    results_drop(r);
    free(r->frame);
    free(r->flat);
    free(r->label);
    r->frame = r->flat = NULL;
    r->label = NULL;
    pe_block_release(&r->copy);
    free(r->times);
    free(r->picked);
    r->times = NULL;
    r->picked = NULL;
    r->cap_times = 0;
}

/* A broken producer is replaced; what it held is replayed in a new term. */
static void replace_broken(pool_results *r)
{
    pe_error e = {0};

    if (broker_producer_error(r->producer, &e) == 0)
        return;
    term_want(r->c.term);
    broker_producer_close(r->producer);
    if (open_producer(r, &e) < 0)
        fate_fail(r->c.fate, &e);
}

void results_poll(pool_results *r)
{
    if (!r->producer || (!broker_producer_pending(r->producer) && !r->held))
        return;
    broker_producer_poll(r->producer, 0);
    send_held(r);
    replace_broken(r);
}

/* What is to leave: [s] waits for it. */
struct outgoing {
    pool_slot *s;
    const char *topic;
    const pe_block *of; /* where it came from */
    const void *value;
    size_t len;
};

/* Without a wait: the others wait for this rank in every round. */
static void send(pool_results *r, const struct outgoing *out)
{
    const broker_output o = {
        .topic = out->topic,
        .partition = out->of->partition,
        .key = out->of->device,
        .value = out->value,
        .len = out->len,
        .headers = &r->headers,
        .copy = true,
        .opaque = ticket(r, out->s),
    };
    pe_error e = {0};
    int rc = 1;

    if (!r->held)
        rc = broker_produce(r->producer, &o, &e);
    if (rc == 1)
        rc = hold(r, &o, &e);
    if (rc == 0)
        out->s->unacked++;
    FAILPOINT(FAILPOINT_RESULTS);
    if (rc < 0)
        give_up(r, &o);
    settle(r, rc, &e);
}

bool results_on(const pool_results *r)
{
    return r->c.pl && r->c.pl->results && !pipeline_is_local(r->c.pl);
}

int results_fit(const pool_results *r, size_t bytes, pe_error *errp)
{
    /* da00: a label for each of the scores, names, tables. */
    size_t len = r->c.pl->results_da00
                     ? bytes + bytes / sizeof(float) + DA00_BYTES
                     : NPY_HEADER_LEN + bytes;

    if (len <= r->c.pl->message_bytes)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "its result of %zu bytes is larger than a record may "
                        "be (%llu): set streams.%s.message-max to %zuMiB",
                        len, (unsigned long long)r->c.pl->message_bytes,
                        r->c.pl->stream_name, (len >> 20) + 1);
}

static void add_number(record_headers *h, const char *name, double v)
{
    char words[40];

    snprintf(words, sizeof(words), "%.17g", v);
    record_add(h, name, words);
}

/* Where the block came from: the key under which a reader drops repeats. */
static void add_origin(pool_results *r, const pe_block *b, const char *source)
{
    record_headers *h = &r->headers;
    char words[512], time[40];

    record_clear(h);
    snprintf(words, sizeof(words), "%s/%d/%lld", b->topic ? b->topic : "",
             (int)b->partition, (long long)b->offset);
    record_add(h, "pe_origin", words);
    record_add(h, "pe_run", r->c.req->run);
    if (r->revision)
        record_add_u64(h, "pe_revision", r->revision);
    if (b->has_seq) {
        snprintf(words, sizeof(words), "%s/%llu/%llu", b->device,
                 (unsigned long long)b->boot, (unsigned long long)b->seq);
        record_add(h, "ce_id", words);
    }
    if (b->sense_ns) {
        record_time(b->sense_ns, time, sizeof(time));
        record_add(h, "ce_time", time);
    }
    if (source)
        record_add(h, "pe_source", source);
}

float *results_room(pool_results *r, uint32_t points)
{
    size_t bytes = NPY_HEADER_LEN + (size_t)points * sizeof(float);

    if (bytes > r->cap_frame) {
        unsigned char *f = realloc(r->frame, bytes);

        if (!f)
            return NULL;
        r->frame = f;
        r->cap_frame = bytes;
    }
    return (float *)(void *)(r->frame + NPY_HEADER_LEN);
}

/* --- as da00 --- */

static int64_t time_of(const pe_block *b)
{
    return b->sense_ns ? b->sense_ns : b->broker_ns;
}

/* [v] as a record of [of]: its length, 0 where there is no memory for it, and
 * the pool has failed.
 */
static size_t make_flat(pool_results *r, const pe_block *of,
                        const da00_variable *v, size_t n)
{
    const da00_array a = {of->device, time_of(of), v, n};
    size_t room = da00_room(&a);
    pe_error e = {0};

    if (room > r->cap_flat) {
        unsigned char *p = realloc(r->flat, room);

        if (!p) {
            pe_error_nomem(&e);
            fate_fail(r->c.fate, &e);
            return 0;
        }
        r->flat = p;
        r->cap_flat = room;
    }
    return da00_write(&a, r->flat);
}

/* 1: an outlier, 0: none, -1: it has no score. */
static int make_labels(pool_results *r, const float *score, uint32_t n,
                       double threshold)
{
    if (n > r->cap_label) {
        int8_t *p = realloc(r->label, n);
        pe_error e = {0};

        if (!p) {
            pe_error_nomem(&e);
            fate_fail(r->c.fate, &e);
            return -1;
        }
        r->label = p;
        r->cap_label = n;
    }
    for (uint32_t i = 0; i < n; i++)
        r->label[i] =
            (int8_t)(isnan(score[i]) ? -1 : (double)score[i] > threshold);
    return 0;
}

static void send_flat_scores(pool_results *r, pool_slot *s, const pe_block *b)
{
    const pe_model *m = s->base->m;
    const float *score = (const void *)(r->frame + NPY_HEADER_LEN);
    const uint64_t version = m->version;
    size_t len;

    if (make_labels(r, score, b->points, m->threshold) < 0)
        return;
    len = make_flat(
        r, b,
        (da00_variable[]){
            {"signal",
             "score",
             {'f', 4, false},
             {"row"},
             {b->points},
             1,
             score},
            {"label",
             "1: outlier, 0: none, -1: no score",
             {'i', 1, false},
             {"row"},
             {b->points},
             1,
             r->label},
            {"threshold",
             "a higher score is an outlier",
             {'f', 8, false},
             {0},
             {0},
             0,
             &m->threshold},
            {"version", "of the model", {'u', 8, false}, {0}, {0}, 0, &version},
        },
        4);
    if (len > 0)
        send(r, &(struct outgoing){s, r->results, b, r->flat, len});
}

static void send_flat_block(pool_results *r, pool_slot *s, const pe_block *b,
                            const pe_block *out)
{
    const da00_variable v = {"signal",
                             "",
                             {'f', (unsigned char)out->dtype, false},
                             {"row", "column"},
                             {out->points, out->features},
                             2,
                             out->data};
    size_t len = make_flat(r, b, &v, 1);

    if (len > 0)
        send(r, &(struct outgoing){s, r->results, b, r->flat, len});
}

/* The times of those rows that stages have left of a record; none where it
 * cannot be told which, or there is no memory.
 */
static const char *pick_times(pool_results *r, const source_item *item,
                              const pe_block *b)
{
    const source_text *t = &item->said.times;
    uint32_t n = item->block.points;
    text out = {0};

    if (n > r->cap_times) {
        int64_t *more = realloc(r->times, n * sizeof(*more));

        if (!more)
            return NULL;
        r->times = more;
        r->cap_times = n;
    }
    if (b->points > n || times_decode(t->at, t->len, n, r->times) < 0 ||
        times_pick(item->block.source, n, r->times, b->source, b->points,
                   r->times) < 0 ||
        times_encode(r->times, b->points, &out) < 0) {
        text_free(&out);
        return NULL;
    }
    free(r->picked);
    r->picked = out.data;
    return r->picked;
}

static void add_times(pool_results *r, const source_item *item,
                      const pe_block *b)
{
    const source_text *t = &item->said.times;
    const char *picked;

    if (t->at && b->points == item->block.points)
        record_add_borrowed(&r->headers, TIMES, t->at, t->len);
    else if (t->at && (picked = pick_times(r, item, b)))
        record_add_borrowed(&r->headers, TIMES, picked, strlen(picked));
}

void results_scores(pool_results *r, pool_slot *s, const source_item *item,
                    const pe_block *b, uint64_t outliers)
{
    const pe_model *m = s->base->m;

    add_origin(r, b, b->source);
    add_number(&r->headers, "pe_threshold", m->threshold);
    record_add_u64(&r->headers, "pe_version", m->version);
    record_add(&r->headers, "pe_commit", m->commit);
    record_add_u64(&r->headers, "pe_outliers", outliers);
    add_times(r, item, b);
    if (r->c.pl->results_da00) {
        send_flat_scores(r, s, b);
        return;
    }
    npy_header(r->frame, PE_F4, b->points, 0);
    send(r, &(struct outgoing){s, r->results, b, r->frame,
                               NPY_HEADER_LEN +
                                   (size_t)b->points * sizeof(float)});
}

void results_block(pool_results *r, pool_slot *s, const source_item *item,
                   pe_block *out)
{
    const pe_block *b = &item->block;
    size_t len;
    const void *frame = npy_frame(out, &len);
    pe_error e = {0};

    add_origin(r, b, out->source);
    add_times(r, item, out);
    if (r->c.pl->results_da00) {
        send_flat_block(r, s, b, out);
        return;
    }
    /* A block handed on borrows its data; a frame needs room in front. */
    if (!frame) {
        if (pe_block_copy(&r->copy, out, &e) < 0) {
            fate_fail(r->c.fate, &e);
            return;
        }
        frame = npy_frame(&r->copy, &len);
    }
    send(r, &(struct outgoing){s, r->results, b, frame, len});
}

/* Where there are no results a client is made for the first refusal. */
static int open_late(pool_results *r)
{
    pe_error e = {0};

    if (r->producer || open_producer(r, &e) == 0)
        return 0;
    settle(r, -1, &e);
    return -1;
}

void results_refused(pool_results *r, pool_slot *s, const source_item *item,
                     const char *stage, int attempts, const char *reason)
{
    char words[REASON_SENT + 1];
    size_t most, len = item->raw_len;

    if (!r->c.pl || pipeline_is_local(r->c.pl) || open_late(r) < 0)
        return;
    most = r->c.pl->message_bytes;
    add_origin(r, &item->block, item->block.source);
    snprintf(words, sizeof(words), "%s", reason);
    record_add(&r->headers, "pe_reason", words);
    record_add(&r->headers, "pe_stage", stage);
    record_add_u64(&r->headers, "pe_attempts", (uint64_t)attempts);
    if (len > most) {
        log_warn("of that record of %zu bytes only %zu are kept in %s", len,
                 most, r->refused);
        record_add_u64(&r->headers, "pe_cut", len);
        len = most;
    }
    send(r, &(struct outgoing){s, r->refused, &item->block, item->raw, len});
}
