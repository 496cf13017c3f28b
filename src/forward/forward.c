/* forward.c - blocks that leave a layer for the next one, as records. */
#include "forward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "held.h"
#include "src/block/npy.h"
#include "src/block/times.h"
#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/login/seal.h"

#define LINGER_S 0.002

struct forward {
    forward_conf c;
    pipeline next;       /* as of the stream it writes to */
    pipeline_request at; /* ... and that one's broker */
    const char *stage;   /* which it leaves */
    char topic[256];
    char layer[128]; /* in front of the names of strangers */
    broker_producer *producer;
    record_headers headers;
    seal *seal; /* NULL: records are not signed */
    held_list held;
    pe_block copy;  /* of a block that has no room in front */
    int64_t *times; /* of the rows of one */
    uint32_t cap_times;
    char *picked; /* ... as text */
};

static void delivered(void *arg, void *opaque, int32_t partition,
                      int64_t offset)
{
    forward *f = arg;

    (void)partition;
    f->c.delivered(f->c.arg, opaque, offset >= 0);
}

static int open_producer(forward *f, pe_error *errp)
{
    broker_producer_conf c = {
        .compression = f->next.compression,
        .linger_s = LINGER_S,
        .message_bytes = f->next.message_bytes + PIPELINE_HEADER_BYTES,
        .queue_bytes = 4 * f->next.message_bytes,
        .in_flight = 1, /* a device stays in order, whatever breaks */
        .delivered = delivered,
        .arg = f,
    };

    pipeline_request_broker(&f->at, &c.broker, "pilot-agent-forward");
    f->producer = broker_producer_open(&c, errp);
    return f->producer ? 0 : -1;
}

forward *forward_open(const forward_conf *c, pe_error *errp)
{
    forward *f = calloc(1, sizeof(*f));

    if (!f) {
        pe_error_nomem(errp);
        return NULL;
    }
    f->c = *c;
    pipeline_peek(c->pl, c->req, c->pl->seen + 1, &f->next, &f->at);
    f->stage = c->pl->stages[f->next.stream_stage].name;
    pipeline_topic(&f->next, c->req->run, "", f->topic, sizeof(f->topic));
    snprintf(f->layer, sizeof(f->layer), "~%s",
             pipeline_layer_name(c->pl, c->pl->seen));
    if (pipeline_seal(c->pl, c->req, &f->seal, errp) == 0 &&
        open_producer(f, errp) == 0)
        return f;
    forward_close(f);
    return NULL;
}

void forward_close(forward *f)
{
    if (!f)
        return;
    broker_producer_close(f->producer);
    forward_drop(f);
    seal_close(f->seal);
    pe_block_release(&f->copy);
    free(f->times);
    free(f->picked);
    free(f);
}

int forward_fit(const forward *f, size_t bytes, pe_error *errp)
{
    size_t len = NPY_HEADER_LEN + bytes;

    if (len <= f->next.message_bytes)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "what goes on of it, %zu bytes, is larger than a "
                        "record may be (%llu): set streams.%s.message-max to "
                        "%zuMiB",
                        len, (unsigned long long)f->next.message_bytes,
                        f->next.stream_name, (len >> 20) + 1);
}

/* --- whose it is --- */

/* Run and device as the next layer is to read them out of ce_source. */
struct whose {
    char run[256], device[SENDER_NAME + 16];
    uint64_t boot, seq;
};

/* A device of ours stays itself, one of another run RUN/DEVICE; a stranger's
 * block is known by its place, which is told apart by partition.
 */
static void find_whose(const forward *f, const source_item *r, struct whose *w)
{
    const pe_block *b = &r->block;
    const char *slash = strchr(b->device, '/');
    size_t run = slash ? (size_t)(slash - b->device) : 0;

    w->boot = b->boot;
    w->seq = b->seq;
    if (r->sender == SENDER_OURS) {
        snprintf(w->run, sizeof(w->run), "%s", f->c.req->run);
        snprintf(w->device, sizeof(w->device), "%s", b->device);
    } else if (r->sender == SENDER_OTHER && run > 0 && run < sizeof(w->run)) {
        snprintf(w->run, sizeof(w->run), "%.*s", (int)run, b->device);
        snprintf(w->device, sizeof(w->device), "%s", slash + 1);
    } else {
        snprintf(w->run, sizeof(w->run), "%s", f->layer);
        snprintf(w->device, sizeof(w->device), "%d/%s", (int)b->partition,
                 b->device);
        w->boot = 1;
        w->seq = (uint64_t)b->offset;
    }
}

/* --- what is said of it --- */

/* The times of the rows that stages have left; none where it cannot be told
 * which, or there is no memory.
 */
static const char *pick_times(forward *f, const forward_block *b)
{
    const source_text *t = &b->item->said.times;
    uint32_t n = b->item->block.points;
    text out = {0};

    if (n > f->cap_times) {
        int64_t *more = realloc(f->times, n * sizeof(*more));

        if (!more)
            return NULL;
        f->times = more;
        f->cap_times = n;
    }
    if (b->out->points > n || times_decode(t->at, t->len, n, f->times) < 0 ||
        times_pick(b->item->block.source, n, f->times, b->out->source,
                   b->out->points, f->times) < 0 ||
        times_encode(f->times, b->out->points, &out) < 0) {
        text_free(&out);
        return NULL;
    }
    free(f->picked);
    f->picked = out.data;
    return f->picked;
}

static void add_said(forward *f, const forward_block *b)
{
    const source_said *s = &b->item->said;
    const char *picked;

    if (s->times.at && b->out->points == b->item->block.points)
        record_add_borrowed(&f->headers, "pe_times", s->times.at, s->times.len);
    else if (s->times.at && (picked = pick_times(f, b)))
        record_add_borrowed(&f->headers, "pe_times", picked, strlen(picked));
    if (b->columns.at)
        record_add_borrowed(&f->headers, "pe_columns", b->columns.at,
                            b->columns.len);
    if (b->whole && s->scale.at)
        record_add_borrowed(&f->headers, "pe_scale", s->scale.at, s->scale.len);
}

/* --- out --- */

/* A block handed on borrows its data; a frame needs room in front. */
static const void *frame_of(forward *f, pe_block *out, size_t *lenp,
                            pe_error *errp)
{
    const void *frame = npy_frame(out, lenp);

    if (frame)
        return frame;
    if (pe_block_copy(&f->copy, out, errp) < 0)
        return NULL;
    return npy_frame(&f->copy, lenp);
}

int forward_send(forward *f, const forward_block *b, pe_error *errp)
{
    const pe_block *in = &b->item->block;
    pe_block head = *in;
    broker_output o = {
        .topic = f->topic,
        .partition = pipeline_partition_next(f->c.pl, &f->next, in->partition),
        .headers = &f->headers,
        .copy = true,
        .opaque = b->opaque};
    struct whose w;
    int rc = 1;

    find_whose(f, b->item, &w);
    head.device = o.key = w.device;
    head.has_seq = 1;
    head.boot = w.boot;
    head.seq = w.seq;
    head.source = b->out->source;
    head.edge_ns = clock_real_ns();
    if (!head.sense_ns) /* of strangers that say none, Kafka's */
        head.sense_ns = head.broker_ns;
    if (record_encode(&f->headers, w.run, f->stage, &head, errp) < 0)
        return -1;
    add_said(f, b);
    o.value = frame_of(f, b->out, &o.len, errp);
    if (!o.value)
        return -1;
    if (f->seal &&
        seal_sign(f->seal,
                  &(seal_place){o.topic, o.partition, o.key, strlen(o.key)},
                  &f->headers, o.value, o.len, errp) < 0)
        return -1;
    if (!f->held.first)
        rc = broker_produce(f->producer, &o, errp);
    return rc == 1 ? held_add(&f->held, &o, errp) : rc;
}

static int send_held(forward *f, pe_error *errp)
{
    const broker_output *o;

    while ((o = held_first(&f->held))) {
        int rc = broker_produce(f->producer, o, errp);

        if (rc == 1)
            return 0;
        if (rc < 0) {
            f->c.delivered(f->c.arg, o->opaque, false);
            held_pop(&f->held);
            return -1;
        }
        held_pop(&f->held);
    }
    return 0;
}

/* A broken producer is replaced; what it held comes again from whoever hears
 * of it.
 */
static int replace_broken(forward *f, pe_error *errp)
{
    pe_error e = {0};

    if (broker_producer_error(f->producer, &e) == 0)
        return 0;
    broker_producer_close(f->producer);
    f->producer = NULL;
    forward_drop(f);
    if (open_producer(f, errp) < 0)
        return -1;
    *errp = e;
    errp->kind = PE_ERROR_RETRY;
    return -1;
}

int forward_poll(forward *f, pe_error *errp)
{
    if (!f->producer ||
        (!f->held.first && !broker_producer_pending(f->producer)))
        return 0;
    broker_producer_poll(f->producer, 0);
    if (send_held(f, errp) < 0)
        return -1;
    return replace_broken(f, errp);
}

bool forward_is_held(const forward *f)
{
    return f && f->held.first;
}

void forward_drop(forward *f)
{
    const broker_output *o;

    if (!f)
        return;
    while ((o = held_first(&f->held))) {
        f->c.delivered(f->c.arg, o->opaque, false);
        held_pop(&f->held);
    }
}
