/* sent.c - which rows of a device are in deltas that the topic has. */
#include "sent.h"

#include <string.h>

#include "src/block/record.h"
#include "src/block/sender.h"
#include "src/common/clock.h"
#include "src/login/seal.h"

#define WAIT_MS 200
#define LIMIT_NS (60 * CLOCK_S) /* of a broker that gives nothing */

/* SEQ behind that of [r], where it is the device's; else [next]. */
static uint64_t behind(const sent_conf *c, const broker_record *r,
                       uint64_t next)
{
    record_headers headers;
    char name[SENDER_NAME], text[RECORD_SOURCE_MAX + 1];
    const seal_place at = {c->topic, r->partition, r->key, r->key_len};
    pe_block b = {0};

    if (broker_record_headers(r, &headers, NULL) < 0 ||
        sender_decode(&headers, c->run, r->key, r->key_len, r->partition,
                      name) != SENDER_OURS ||
        strcmp(name, c->device) != 0 ||
        (c->signer &&
         !seal_signer_has(c->signer, &at, &headers, r->value, r->len)) ||
        record_decode(&headers, &b, text, sizeof(text), NULL) < 0 ||
        !b.has_seq || b.boot != c->boot || b.seq < next)
        return next;
    return b.seq + 1;
}

static int read_to(const sent_conf *c, broker_consumer *from,
                   broker_position at, int64_t high, uint64_t *nextp,
                   pe_error *errp)
{
    int64_t until = clock_mono_ns() + LIMIT_NS;
    int rc = broker_consumer_assign(from, &at, 1, errp);

    while (rc >= 0 && at.offset < high) {
        broker_record r = {0};

        rc = broker_consumer_fetch(from, WAIT_MS, &r, errp);
        if (rc > 0) {
            *nextp = behind(c, &r, *nextp);
            at.offset = r.offset + 1;
            broker_record_release(&r);
            until = clock_mono_ns() + LIMIT_NS;
        }
        if (rc == 0 && clock_mono_ns() > until)
            return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                                "device %s: what it has sent before cannot be "
                                "looked at: the broker gives no record of "
                                "%s/%d",
                                c->device, c->topic, (int)c->partition);
    }
    return rc < 0 ? -1 : 0;
}

int federate_find_sent(const sent_conf *c, uint64_t *nextp, pe_error *errp)
{
    broker_consumer_conf conf = {.broker = c->broker,
                                 .topic = c->topic,
                                 .group = c->run,
                                 .message_bytes = c->message_bytes,
                                 .queue_bytes = 4 * c->message_bytes,
                                 .gaps_allowed = true};
    broker_position at = {.partition = c->partition};
    broker_admin *admin = broker_admin_open(&c->broker, errp);
    broker_consumer *consumer;
    int64_t low, high;
    int rc;

    if (!admin)
        return -1;
    rc = broker_watermarks(admin, c->topic, c->partition, &low, &high, errp);
    broker_admin_close(admin);
    if (rc < 0 || high <= c->from)
        return rc;
    consumer = broker_consumer_open(&conf, errp);
    if (!consumer)
        return -1;
    at.offset = low > c->from ? low : c->from;
    rc = read_to(c, consumer, at, high, nextp, errp);
    broker_consumer_close(consumer);
    return rc;
}
