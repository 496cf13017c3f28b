/* gather.c - messages of others into a topic, by way of our disk. */
#include "src/gather/gather.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/columns.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/gather/devices.h"
#include "src/gather/receipts.h"
#include "src/login/seal.h"

#define OUT_MAX 4096       /* records that the broker has not yet */
#define HEADERS_BYTES 8192 /* of a record, beside its value */
#define NAME_MAX_BYTES 200 /* of a device */
#define QUEUE_BYTES (UINT64_C(16) << 20)

/* A record that was handed to the broker's client. */
typedef struct sent {
    uint64_t ordinal;
    bool done;
} sent;

struct gather {
    char *name, *stage, *topic;
    uint64_t boot; /* of those that we number */
    uint64_t message_bytes;
    int partitions;
    bool columns; /* they were named */
    codec *codec;
    seal *seal; /* NULL: records are not signed */
    devices *devices;
    receipts *receipts;
    spool *spool;
    spool_record held; /* read, and not yet taken by the client */
    bool holds;
    broker_producer *producer;
    sent out[OUT_MAX];
    uint64_t first, behind; /* of out, counted on */
    bool failed;            /* the client gave a record up */
    pe_block block;         /* as it leaves */
    text names;
    gather_counts counts;
    bool told_refused, told_dropped;
};

/* --- open and close --- */

static void on_delivered(void *arg, void *opaque, int32_t partition,
                         int64_t offset)
{
    gather *g = arg;

    (void)partition;
    if (offset < 0)
        g->failed = true;
    else
        g->out[(uintptr_t)opaque % OUT_MAX].done = true;
}

static int find_topic(gather *g, const gather_conf *c, pe_error *errp)
{
    broker_admin *a = broker_admin_open(&c->broker, errp);
    int rc =
        a ? broker_topic_partitions(a, c->topic, &g->partitions, errp) : -1;

    broker_admin_close(a);
    if (rc < 0 || g->partitions > 0)
        return rc;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "there is no topic '%s' at broker %s: `pilot services "
                        "topic` makes one",
                        c->topic, c->broker.endpoint);
}

/* How often we were started, on the disk before the first number is given. */
static int count_start(gather *g, const char *dir, pe_error *errp)
{
    char *path = text_format("%s/starts", dir), said[32];
    char *data = path ? file_read(path, sizeof(said), NULL, NULL) : NULL;
    int rc = path ? 0 : pe_error_nomem(errp);

    g->boot = data ? strtoull(data, NULL, 10) + 1 : 1;
    snprintf(said, sizeof(said), "%" PRIu64 "\n", g->boot);
    if (rc == 0)
        rc = file_write(path, said, strlen(said), 0600, errp);
    free(data);
    free(path);
    return rc;
}

static int open_spool(gather *g, const gather_conf *c, pe_error *errp)
{
    const spool_conf conf = {.dir = c->dir,
                             .run = c->name,
                             .device = "gateway",
                             .size = c->size,
                             .sync = c->sync};
    spool_found found = {0};

    g->spool = spool_open(&conf, &found, errp);
    if (!g->spool)
        return -1;
    if (found.lost)
        log_warn("%" PRIu64 " message%s of an earlier start %s lost: %s",
                 found.lost, text_s(found.lost), text_are(found.lost),
                 found.first);
    if (found.records)
        log_info("%" PRIu64 " message%s of an earlier start %s forwarded first",
                 found.records, text_s(found.records), text_are(found.records));
    return count_start(g, c->dir, errp);
}

static int open_producer(gather *g, const gather_conf *c, pe_error *errp)
{
    const broker_producer_conf conf = {.broker = c->broker,
                                       .compression = "none",
                                       .message_bytes = c->message_bytes,
                                       .queue_bytes = QUEUE_BYTES,
                                       .in_flight = 5,
                                       .delivered = on_delivered,
                                       .arg = g};

    g->producer = broker_producer_open(&conf, errp);
    return g->producer ? 0 : -1;
}

/* What is signed later has to be signable now. */
static int open_keys(gather *g, const gather_conf *c, pe_error *errp)
{
    char *line;

    if (!c->sign)
        return 0;
    g->seal = seal_open(c->sign, errp);
    line = g->seal ? seal_line(g->seal, c->name, NULL, errp) : NULL;
    if (!line)
        return pe_error_prefix(errp, "--sign %s, --name %s", c->sign, c->name);
    explicit_bzero(line, strlen(line));
    free(line);
    return 0;
}

gather *gather_open(const gather_conf *c, pe_error *errp)
{
    gather *g = calloc(1, sizeof(*g));

    if (!g) {
        pe_error_nomem(errp);
        return NULL;
    }
    g->name = strdup(c->name);
    g->stage = strdup(c->stage);
    g->topic = strdup(c->topic);
    g->message_bytes = c->message_bytes;
    g->columns = c->wish.columns != NULL;
    if (!g->name || !g->stage || !g->topic)
        pe_error_nomem(errp);
    else if ((g->codec = codec_open(&c->wish, errp)) &&
             open_keys(g, c, errp) == 0 &&
             (g->devices = devices_create(errp)) &&
             find_topic(g, c, errp) == 0 && open_spool(g, c, errp) == 0 &&
             (g->receipts = receipts_open(c->dir, errp)) &&
             open_producer(g, c, errp) == 0)
        return g;
    gather_close(g);
    return NULL;
}

void gather_close(gather *g)
{
    if (!g)
        return;
    broker_producer_close(g->producer);
    spool_close(g->spool);
    receipts_close(g->receipts);
    devices_destroy(g->devices);
    codec_close(g->codec);
    seal_close(g->seal);
    pe_block_release(&g->block);
    text_free(&g->names);
    free(g->name);
    free(g->stage);
    free(g->topic);
    free(g);
}

/* --- what is said of a record: NAME\0 u32 and bytes, of each header, behind
 * the name of its device --- */

static size_t meta_put(char *at, size_t cap, const char *device,
                       const record_headers *h)
{
    size_t n = strlen(device) + 1;

    memcpy(at, device, n);
    for (size_t i = 0; i < h->n; i++) {
        size_t name = strlen(h->h[i].name) + 1;
        uint32_t len = (uint32_t)h->h[i].len;

        if (n + name + sizeof(len) + len > cap)
            return 0;
        memcpy(at + n, h->h[i].name, name);
        memcpy(at + n + name, &len, sizeof(len));
        memcpy(at + n + name + sizeof(len), h->h[i].value, len);
        n += name + sizeof(len) + len;
    }
    return n;
}

static void meta_take(const char *at, size_t n, record_headers *h)
{
    const char *end = at + n;

    record_clear(h);
    at += strlen(at) + 1;
    while (at < end) {
        const char *name = at;
        uint32_t len;

        at += strlen(at) + 1;
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        record_add_borrowed(h, name, at, len);
        at += len;
    }
}

/* --- a message --- */

/* Its rows where a header can be put in front of them. */
static const void *frame(gather *g, const pe_block *b, size_t *lenp,
                         pe_error *errp)
{
    if (pe_block_reserve(&g->block, b->points, b->features, b->dtype, errp) < 0)
        return NULL;
    memcpy(g->block.data, b->data, pe_block_bytes(b));
    return npy_frame(&g->block, lenp);
}

static void add_columns(gather *g, const pe_block *b, record_headers *h)
{
    char name[CODEC_NAME_MAX + 16];

    if (!g->columns)
        return;
    text_free(&g->names);
    for (uint32_t i = 0; i < b->features; i++) {
        codec_feature(g->codec, i, name, sizeof(name));
        columns_add(&g->names, i, name);
    }
    if (!g->names.failed && g->names.len < HEADERS_BYTES / 2)
        record_add_borrowed(h, "pe_columns", g->names.data, g->names.len);
}

/* A record in the making. */
typedef struct draft {
    const gather_message *m;
    pe_block is; /* what is said of it */
    const void *value;
    size_t len;
    const char *refused; /* why, "": it is not */
} draft;

static int put(gather *g, const draft *d, pe_error *errp)
{
    record_headers h;
    char meta[HEADERS_BYTES], why[400];
    spool_record r = {.seq = d->is.seq, .meta = meta, .data = d->value};
    spool_put out;
    int rc;

    record_clear(&h);
    if (record_encode(&h, g->name, g->stage, &d->is, errp) < 0)
        return -1;
    if (*d->refused) {
        snprintf(why, sizeof(why), "%s\t%.300s", g->stage, d->refused);
        record_add_borrowed(&h, "pe_refused", why, strlen(why));
    } else {
        add_columns(g, &g->block, &h);
    }
    r.meta_len = (uint32_t)meta_put(meta, sizeof(meta), d->m->device, &h);
    r.len = (uint32_t)d->len;
    if (r.meta_len == 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "what is said of a message of device %s does not "
                            "fit: fewer --columns, please",
                            d->m->device);
    rc = spool_append(g->spool, &r, false, &out, errp);
    if (rc == 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "the spool has no room for a message%s%s",
                            out.why ? ": " : "", out.why ? out.why : "");
    g->counts.taken += rc > 0;
    return rc < 0 ? -1 : 0;
}

static bool is_small(gather *g, const gather_message *m, size_t len)
{
    if (len + HEADERS_BYTES <= g->message_bytes)
        return true;
    g->counts.dropped++;
    if (!g->told_dropped)
        log_warn("a message of device %s, %zu bytes, is larger than the topic "
                 "takes, and is dropped, as all such are from here on: raise "
                 "--message-max, and the topic's",
                 m->device, m->len);
    g->told_dropped = true;
    return false;
}

/* No codec reads it: it goes up as it is, for the pool to refuse. */
static int take_refused(gather *g, draft *d, const char *why, pe_error *errp)
{
    g->counts.refused++;
    if (!g->told_refused)
        log_warn("a message of device %s is refused, and others may be: %s",
                 d->m->device, why);
    g->told_refused = true;
    d->refused = why;
    d->value = d->m->data;
    d->len = d->m->len;
    return is_small(g, d->m, d->len) ? put(g, d, errp) : 0;
}

static int take_decoded(gather *g, draft *d, pe_error *errp)
{
    pe_block b = {0};
    codec_facts facts;
    pe_error bad = {0};
    int rc;

    if (d->m->refused)
        return take_refused(g, d, d->m->refused, errp);
    rc = codec_decode(g->codec, d->m->data, d->m->len, &b, &facts, &bad);
    if (rc < 0) {
        rc = take_refused(g, d, bad.text, errp);
    } else if (rc == CODEC_SKIPPED) {
        g->counts.skipped++;
        rc = 0;
    } else {
        if (facts.time_ns > 0)
            d->is.sense_ns = facts.time_ns;
        d->value = frame(g, &b, &d->len, errp);
        rc = !d->value ? -1 : is_small(g, d->m, d->len) ? put(g, d, errp) : 0;
    }
    pe_block_release(&b);
    return rc;
}

/* [r]: what is known of it, whose numbers it has where it was [begun]. */
static int number(gather *g, draft *d, bool begun, const receipt *r,
                  devices_word *w, pe_error *errp)
{
    const gather_message *m = d->m;

    *w = (devices_word){0};
    d->is.has_seq = 1;
    d->is.boot = m->has_seq ? m->boot : begun ? r->boot : g->boot;
    d->is.seq = m->has_seq ? m->seq : r->seq;
    if (m->has_seq)
        return devices_given(g->devices, m->device, m->boot, m->seq, w, errp);
    return begun ? 0 : devices_next(g->devices, m->device, &d->is.seq, errp);
}

void gather_lose(gather *g, const char *device, uint64_t n, uint64_t seq)
{
    log_warn("device %s: lost by sequence: %" PRIu64 ", in front of number "
             "%" PRIu64,
             device, n, seq);
    g->counts.lost += n;
}

/* Of what its broker sends again it is known whether we have it. */
static enum receipts_word find(gather *g, const gather_message *m, receipt *r)
{
    const char *data = m->len ? m->data : "";
    uint64_t key = random_hash(1, m->device, strlen(m->device));

    if (m->id == 0)
        return RECEIPTS_NEW;
    *r = (receipt){.id = m->id, .hash = random_hash(key, data, m->len)};
    return m->again ? receipts_find(g->receipts, r) : RECEIPTS_NEW;
}

int gather_take(gather *g, const gather_message *m, pe_error *errp)
{
    draft d = {.m = m, .refused = ""};
    receipt r = {0};
    enum receipts_word known = find(g, m, &r);
    devices_word w = {.repeat = known == RECEIPTS_TAKEN};
    int rc;

    if (!w.repeat && number(g, &d, known == RECEIPTS_BEGUN, &r, &w, errp) < 0)
        return -1;
    if (w.repeat) {
        g->counts.repeats++;
        return 0;
    }
    if (w.lost)
        gather_lose(g, m->device, w.lost, m->seq);
    d.is.device = m->device;
    d.is.sense_ns = d.is.edge_ns = clock_real_ns();
    r.boot = d.is.boot;
    r.seq = d.is.seq;
    if (r.id)
        receipts_begin(g->receipts, &r);
    FAILPOINT(FAILPOINT_SENSED);
    rc = take_decoded(g, &d, errp);
    if (rc == 0 && r.id)
        receipts_end(g->receipts);
    FAILPOINT(FAILPOINT_SPOOLED);
    return rc;
}

/* --- to the broker --- */

bool gather_has_room(gather *g)
{
    return !spool_full(g->spool, g->message_bytes);
}

static int32_t partition_of(const gather *g, const char *device)
{
    return (int32_t)(random_hash(1, device, strlen(device)) %
                     (uint64_t)g->partitions);
}

/* 1: the client has what is held; 0: it has no room now. */
static int hand_on(gather *g, pe_error *errp)
{
    const char *device = g->held.meta;
    record_headers h;
    broker_output o = {.topic = g->topic,
                       .partition = partition_of(g, device),
                       .key = device,
                       .value = g->held.data,
                       .len = g->held.len,
                       .headers = &h,
                       .copy = true,
                       .opaque = (void *)(uintptr_t)g->behind};
    int rc;

    meta_take(g->held.meta, g->held.meta_len, &h);
    if (g->seal &&
        seal_sign(g->seal,
                  &(seal_place){o.topic, o.partition, device, strlen(device)},
                  &h, o.value, o.len, errp) < 0)
        return -1;
    g->out[g->behind % OUT_MAX] = (sent){.ordinal = g->held.ordinal};
    rc = broker_produce(g->producer, &o, errp);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    g->behind++;
    g->holds = false;
    FAILPOINT(FAILPOINT_SENT);
    return 1;
}

/* What the broker has, in order. */
static void acknowledge(gather *g)
{
    uint64_t n = 0, last = 0;

    for (; g->first < g->behind && g->out[g->first % OUT_MAX].done; n++)
        last = g->out[g->first++ % OUT_MAX].ordinal;
    if (n)
        spool_ack(g->spool, n, last);
    g->counts.forwarded += n;
}

int gather_forward(gather *g, pe_error *errp)
{
    int rc = 1;

    broker_producer_poll(g->producer, 0);
    acknowledge(g);
    if (g->failed || broker_producer_error(g->producer, errp) < 0)
        return g->failed ? broker_producer_error(g->producer, errp) : -1;
    while (rc > 0 && g->behind - g->first < OUT_MAX) {
        if (!g->holds) {
            rc = spool_read(g->spool, &g->held, errp);
            g->holds = rc == 1;
        }
        if (rc > 0)
            rc = hand_on(g, errp);
    }
    return rc < 0 ? -1 : 0;
}

uint64_t gather_waiting(gather *g)
{
    return spool_stats_get(g->spool).records;
}

gather_counts gather_counts_get(const gather *g)
{
    return g->counts;
}
