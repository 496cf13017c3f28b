/* device_spool.c - blocks of a device that are on its disk before they are
 * sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/edge/device_private.h"

#define FULL_TOLD_NS (60 * CLOCK_S)

/* No sensor is faster than this: so long a block, and so long for each of its
 * bytes, on the average of so many.
 */
#define PACE_NS 20e3
#define PACE_BYTE_NS 1.0
#define PACE_BLOCKS 64
#define PACE_MOST 16 /* ... each counted as so many times that, at most */

/* A source whose blocks take less than that by so much is not looked at. */
#define PACE_SURE 4

/* Nor is a block to wait in the queue for so long: it would be due on the disk,
 * with a check sum.
 */
#define LATE_NS (250 * CLOCK_MS)

/* A link that acknowledges nothing for so long does not move. */
#define MOVES_NS (300 * CLOCK_MS)

/* Blocks are made in memory of the spool's again where the queue is not fuller
 * than this.
 */
#define CALM 0.5

/* What is said of a frame; the texts follow, each with its NUL. */
typedef struct said {
    int64_t sense_ns, edge_ns;
    uint64_t version, revision;
    uint32_t points, features, dtype;
    uint32_t stage, source, times, scale, columns, /* bytes; 0: there is none */
        refused;
} said;

/* --- a block as a record --- */

static uint32_t text_put(text *t, const char *s, size_t len)
{
    if (!s || len == 0)
        return 0;
    text_add_bytes(t, s, len);
    text_add_bytes(t, "", 1);
    return (uint32_t)len + 1;
}

static uint32_t header_put(text *t, const text *h)
{
    return h ? text_put(t, h->data, h->len) : 0;
}

/* [slot] into d->spool.meta-> */
static int encode(device *d, const queue_slot *slot)
{
    const pe_block *b = &slot->block;
    const char *stage = d->conf.stages[slot->through - 1].setup.stage;
    const char *names = slot->named ? d->said.columns : NULL;
    text *t;
    said s = {.sense_ns = b->sense_ns,
              .edge_ns = b->edge_ns,
              .version = b->version,
              .revision = slot->revision,
              .points = b->points,
              .features = b->features,
              .dtype = (uint32_t)b->dtype};

    if (!d->spool.meta)
        d->spool.meta = calloc(1, sizeof(*d->spool.meta));
    t = d->spool.meta;
    if (!t)
        return pe_error_nomem(&d->error);
    t->len = 0;
    text_add_bytes(t, (const char *)&s, sizeof(s));
    s.stage = text_put(t, stage, strlen(stage));
    s.source = b->source ? text_put(t, b->source, strlen(b->source)) : 0;
    s.times = header_put(t, slot->times);
    s.scale = header_put(t, slot->scale);
    s.columns = names ? text_put(t, names, strlen(names)) : 0;
    s.refused =
        *slot->refused ? text_put(t, slot->refused, strlen(slot->refused)) : 0;
    if (t->failed)
        return pe_error_nomem(&d->error);
    memcpy(t->data, &s, sizeof(s));
    return 0;
}

/* The next text of [len] bytes at *atp; NULL: there is none. */
static const char *text_take(const char **atp, uint32_t len)
{
    const char *at = *atp;

    *atp += len;
    return len ? at : NULL;
}

static int header_take(text **to, const char *s, uint32_t len)
{
    if (!*to && !(*to = calloc(1, sizeof(**to))))
        return -1;
    (*to)->len = 0;
    if (s)
        text_add_bytes(*to, s, len - 1);
    return (*to)->failed ? -1 : 0;
}

/* Texts of a slot that was read are in its own memory. */
static int texts_take(queue_slot *slot, const said *s, const char *at)
{
    uint32_t len =
        s->stage + s->source + s->times + s->scale + s->columns + s->refused;
    const char *own, *refused;

    if (!slot->kept && !(slot->kept = calloc(1, sizeof(*slot->kept))))
        return -1;
    slot->kept->len = 0;
    text_add_bytes(slot->kept, at, len);
    if (slot->kept->failed)
        return -1;
    own = slot->kept->data;
    slot->stage = text_take(&own, s->stage);
    slot->block.source = text_take(&own, s->source);
    if (header_take(&slot->times, text_take(&own, s->times), s->times) < 0 ||
        header_take(&slot->scale, text_take(&own, s->scale), s->scale) < 0)
        return -1;
    slot->columns = text_take(&own, s->columns);
    refused = text_take(&own, s->refused);
    snprintf(slot->refused, sizeof(slot->refused), "%s",
             refused ? refused : "");
    return 0;
}

static bool is_sound(const spool_record *r, const said *s)
{
    uint64_t texts = (uint64_t)s->stage + s->source + s->times + s->scale +
                     s->columns + s->refused;
    uint64_t values = (uint64_t)s->points * s->features * s->dtype;

    return (s->dtype == PE_F4 || s->dtype == PE_F8) && s->points > 0 &&
           s->features > 0 && s->stage > 0 &&
           sizeof(*s) + texts <= r->meta_len && /* zeros may follow */
           NPY_HEADER_LEN + values == r->len;
}

/* Record [r] into [slot]: 1, 0 it is none of ours, -1 error. */
static int decode(device *d, const spool_record *r, queue_slot *slot)
{
    pe_block *b = &slot->block;
    said s;

    if (r->meta_len < sizeof(s))
        return 0;
    memcpy(&s, r->meta, sizeof(s));
    if (!is_sound(r, &s))
        return 0;
    if (pe_block_reserve(b, s.points, s.features, (enum pe_dtype)s.dtype,
                         &d->error) < 0)
        return -1;
    memcpy(b->data, (const char *)r->data + NPY_HEADER_LEN,
           r->len - NPY_HEADER_LEN);
    slot->frame = npy_frame(b, &slot->len);
    if (texts_take(slot, &s, (const char *)r->meta + sizeof(s)) < 0)
        return pe_error_nomem(&d->error);
    b->device = d->conf.name;
    b->topic = NULL;
    b->partition = -1;
    b->offset = -1;
    b->boot = r->boot;
    b->seq = r->seq;
    b->has_seq = 1;
    b->version = s.version;
    b->sense_ns = s.sense_ns;
    b->edge_ns = s.edge_ns;
    slot->revision = s.revision;
    slot->named = false;
    slot->rows = slot->first = 0;
    slot->ordinal = r->ordinal;
    slot->kept_ns = clock_mono_ns(); /* it is sealed */
    return 1;
}

/* --- in --- */

void spool_ready(device *d, queue_slot *slot)
{
    spool_lend(d->conf.spool, &slot->block, d->spool.block);
}

static double fastest_ns(const device *d)
{
    return PACE_NS + PACE_BYTE_NS * (double)d->spool.block;
}

/* Processor time of this thread outside of the kernel; how often it waited. */
static int64_t used_ns(long *waitsp)
{
    struct rusage u;

    if (getrusage(RUSAGE_THREAD, &u) < 0)
        return -1;
    *waitsp = u.ru_nvcsw;
    return u.ru_utime.tv_sec * CLOCK_S + u.ru_utime.tv_usec * CLOCK_US;
}

void spool_senses(device *d)
{
    bool sure =
        d->stats.sensed > 0 && d->spool.pace_ns * PACE_SURE < fastest_ns(d);

    d->spool.used_ns = sure ? -1 : used_ns(&d->spool.waits);
}

/* What of [spent_ns] is the source's: where it did not wait for anything it is
 * neither that others had the processor nor that pages of ours were fresh.
 */
static int64_t own_ns(const device *d, int64_t spent_ns)
{
    long waits = 0;
    int64_t used;

    if (d->spool.used_ns < 0 || (double)spent_ns < fastest_ns(d))
        return spent_ns;
    used = used_ns(&waits);
    return used < 0 || waits != d->spool.waits ? spent_ns
                                               : used - d->spool.used_ns;
}

void spool_sensed(device *d, int64_t spent_ns, size_t bytes)
{
    double most = PACE_MOST * fastest_ns(d);
    double own = spent_ns < 0 ? most : (double)own_ns(d, spent_ns);

    own = own > most ? most : own;

    /* The rest of a backlog says nothing of its pace. */
    if (!d->spool.held)
        d->spool.pace_ns +=
            (own - d->spool.pace_ns) / (d->stats.sensed > 0 ? PACE_BLOCKS : 1);
    d->spool.held = false;
    if (bytes > 0)
        d->spool.block = bytes;
}

/* Is the oldest block in the queue for long? */
static bool is_late(const device *d, int64_t now)
{
    const queue_slot *oldest = queue_oldest(d->queue);

    return oldest && now - oldest->kept_ns >= LATE_NS;
}

bool spool_paces(device *d, int64_t *sincep)
{
    int64_t now;

    if (d->due_ns >= 0 || d->spool.pace_ns > fastest_ns(d) ||
        (d->spool.still && d->stats.sent == d->spool.still_at))
        return false;
    now = clock_mono_ns();
    if (d->spool.behind == 0 && !queue_full(d->queue) && !is_late(d, now))
        return false;
    if (*sincep == 0 || d->stats.sent != d->spool.still_at)
        *sincep = now;
    d->spool.held = true;
    d->spool.still_at = d->stats.sent;
    d->spool.still = now - *sincep >= MOVES_NS;
    return !d->spool.still;
}

static void tell_full(device *d, const char *why)
{
    int64_t now = clock_mono_ns();

    if (now < d->spool.told_ns)
        return;
    d->spool.told_ns = now + FULL_TOLD_NS;
    pthread_mutex_lock(&d->skips_lock);
    snprintf(d->spool.why, sizeof(d->spool.why), "%s",
             why ? why : "it has the size that it may have");
    pthread_mutex_unlock(&d->skips_lock);
    atomic_fetch_add(&d->spool.fulls, 1);
    log_warn("device %s: its spool is full: %s; %s", d->conf.name, d->spool.why,
             d->conf.spool_drop ? "the oldest blocks are dropped"
                                : "its source waits");
}

/* Room by dropping: is there some now? */
static bool drop_oldest(device *d)
{
    uint64_t n = d->conf.spool_drop ? spool_drop(d->conf.spool) : 0;

    d->spool.dropped += n;
    return n > 0;
}

bool spool_holds_up(device *d)
{
    if (!d->conf.spool || d->conf.spool_drop ||
        !spool_full(d->conf.spool, d->spool.len))
        return false;
    tell_full(d, NULL);
    return true;
}

int spool_keep(device *d, queue_slot *slot)
{
    bool keeps = d->spool.behind == 0 && !queue_full(d->queue);
    spool_record r = {.seq = slot->block.seq,
                      .data = slot->frame,
                      .len = (uint32_t)slot->len};
    spool_put put;
    int rc;

    if (encode(d, slot) < 0)
        return -1;
    if (!keeps)
        d->spool.calm = false;
    else if (!d->spool.calm)
        d->spool.calm = queue_share(d->queue) < CALM;
    r.stays = d->spool.calm;
    if (pe_block_bytes(&slot->block) > d->spool.block)
        d->spool.block = pe_block_bytes(&slot->block);
    r.meta = d->spool.meta->data;
    r.meta_len = (uint32_t)d->spool.meta->len;
    d->spool.len = d->spool.meta->len + slot->len;
    rc = spool_append(d->conf.spool, &r, keeps, &put, &d->error);
    if (rc < 0)
        return pe_error_prefix(&d->error, "device %s", d->conf.name);
    if (rc == 0) {
        tell_full(d, put.why);
        return drop_oldest(d) ? spool_keep(d, slot) : 0;
    }
    FAILPOINT(FAILPOINT_SPOOLED);
    slot->ordinal = put.ordinal;
    slot->kept_ns = clock_mono_ns();
    if (keeps) {
        queue_put(d->queue, slot);
    } else {
        d->spool.behind++;
        queue_give(d->queue, slot);
    }
    return 1;
}

/* --- out --- */

int spool_refill(device *d)
{
    while (d->spool.behind > 0 && !queue_full(d->queue)) {
        queue_slot *slot = queue_take(d->queue, &d->error);
        spool_record r;
        int rc = -1;

        if (slot) {
            spool_lend(d->conf.spool, &slot->block, 0);
            rc = spool_read(d->conf.spool, &r, &d->error);
        }
        d->spool.behind = spool_stats_get(d->conf.spool).behind;
        if (rc > 0)
            rc = decode(d, &r, slot);
        if (rc > 0) {
            queue_put(d->queue, slot);
            continue;
        }
        if (slot)
            queue_give(d->queue, slot);
        if (rc < 0)
            return pe_error_prefix(&d->error, "device %s", d->conf.name);
    }
    return 0;
}

void spool_publish(device *d, const queue_stats *s)
{
    const queue_slot *oldest = queue_oldest(d->queue);
    spool_stats now;

    spool_ack(d->conf.spool, s->stored - d->spool.stored, s->last);
    d->spool.stored = s->stored;
    now = spool_stats_get(d->conf.spool);
    d->spool.behind = now.behind;
    d->stats.dropped += d->spool.dropped;
    d->stats.lost = now.lost;
    d->stats.spooled = now.records;
    atomic_store_explicit(&d->tally->lost, now.lost, memory_order_relaxed);
    atomic_store_explicit(&d->spool.records, now.records, memory_order_relaxed);
    atomic_store_explicit(&d->spool.bytes, now.bytes, memory_order_relaxed);
    atomic_store_explicit(&d->spool.oldest_ns,
                          oldest ? oldest->block.sense_ns : 0,
                          memory_order_relaxed);
}

/* --- for others --- */

int device_set_boot(device *d, uint64_t boot, bool *leftp, pe_error *errp)
{
    *leftp = false;
    if (d->conf.spool && spool_resolve(d->conf.spool, boot, leftp, errp) < 0)
        return pe_error_prefix(errp, "device %s", d->conf.name);
    if (*leftp)
        return 0;
    atomic_store(&d->tally->boot, boot);
    queue_wake(d->queue);
    return 0;
}

bool device_spooled(const device *d, spool_stats *out, int64_t *oldestp)
{
    if (!d->conf.spool)
        return false;
    out->records =
        atomic_load_explicit(&d->spool.records, memory_order_relaxed);
    out->bytes = atomic_load_explicit(&d->spool.bytes, memory_order_relaxed);
    *oldestp = atomic_load_explicit(&d->spool.oldest_ns, memory_order_relaxed);
    return true;
}

uint64_t device_spool_full(device *d, char out[DEVICE_FULL])
{
    uint64_t n = atomic_load(&d->spool.fulls);

    pthread_mutex_lock(&d->skips_lock);
    memcpy(out, d->spool.why, DEVICE_FULL);
    pthread_mutex_unlock(&d->skips_lock);
    return n;
}
