/* forge.c - who writes records for a device, and is not it.
 *
 * usage: forge write BROKER TOPIC PARTITION RUN DEVICE BOOT SEQ N [KEYS AS]:
 *        N records that say they are of DEVICE, from SEQ on; with KEYS, a file
 *        of keys, signed by that of device AS
 *        forge again BROKER TOPIC PARTITION OFFSET TO [bit]: that record once
 *        more, as it stands, into partition TO; bit: one of its value changed
 *        forge show BROKER TOPIC PARTITION OFFSET: its headers, a line each,
 *        but for those that hold times
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/broker/broker.h"
#include "src/common/clock.h"
#include "src/login/seal.h"

static int fail(const pe_error *e)
{
    fprintf(stderr, "forge: %s\n", e->text);
    return 1;
}

static broker_producer *producer(const char *broker, pe_error *errp)
{
    const broker_producer_conf c = {
        .broker = {.endpoint = broker, .client_id = "forge"},
        .compression = "none",
        .message_bytes = 1 << 20,
        .queue_bytes = 16 << 20,
        .in_flight = 1};

    return broker_producer_open(&c, errp);
}

static int produce(broker_producer *p, const broker_output *o, pe_error *errp)
{
    int rc;

    while ((rc = broker_produce(p, o, errp)) == 1)
        broker_producer_poll(p, 100);
    return rc;
}

static int write_all(char **a, int n, pe_error *errp)
{
    const char *topic = a[3], *run = a[5], *device = a[6];
    seal *s = n == 12 ? seal_open(a[10], errp) : NULL;
    seal_signer *k = s ? seal_signer_open(s, run, a[11], errp) : NULL;
    broker_producer *p = n == 12 && !k ? NULL : producer(a[2], errp);
    pe_block b = {0}, id = {.device = device, .has_seq = 1};
    size_t len = 0;
    const void *frame = NULL;
    int rc = p ? pe_block_reserve(&b, 25, 4, PE_F8, errp) : -1;

    if (rc == 0) {
        memset(b.data, 0, pe_block_bytes(&b));
        frame = npy_frame(&b, &len);
    }
    for (int i = 0; rc == 0 && i < atoi(a[9]); i++) {
        record_headers h;
        const broker_output o = {.topic = topic,
                                 .partition = atoi(a[4]),
                                 .key = device,
                                 .value = frame,
                                 .len = len,
                                 .headers = &h,
                                 .copy = true};

        id.boot = strtoull(a[7], NULL, 10);
        id.seq = strtoull(a[8], NULL, 10) + (uint64_t)i;
        id.sense_ns = id.edge_ns = clock_real_ns();
        rc = record_encode(&h, run, "sense", &id, errp);
        if (rc == 0 && k)
            rc = seal_signer_sign(
                k, &(seal_place){topic, o.partition, device, strlen(device)},
                &h, frame, len, errp);
        if (rc == 0)
            rc = produce(p, &o, errp);
    }
    if (rc == 0)
        rc = broker_producer_flush(p, 30000, errp);
    broker_producer_close(p);
    seal_signer_close(k);
    seal_close(s);
    pe_block_release(&b);
    return rc;
}

/* The record at TOPIC PARTITION OFFSET; its consumer holds it. */
static broker_consumer *fetch(char **a, broker_record *r, pe_error *errp)
{
    const broker_consumer_conf c = {
        .broker = {.endpoint = a[2], .client_id = "forge"},
        .topic = a[3],
        .group = "forge",
        .message_bytes = 1 << 20,
        .queue_bytes = 16 << 20};
    const broker_position at = {.partition = atoi(a[4]), .offset = atoll(a[5])};
    broker_consumer *k = broker_consumer_open(&c, errp);
    int rc = k ? broker_consumer_assign(k, &at, 1, errp) : -1;

    for (int i = 0; rc == 0 && i < 300; i++)
        rc = broker_consumer_fetch(k, 100, r, errp);
    if (rc > 0)
        return k;
    broker_consumer_close(k);
    return NULL;
}

static int again(char **a, int n, pe_error *errp)
{
    broker_record r;
    record_headers h;
    char key[256], *value = NULL;
    broker_consumer *k = fetch(a, &r, errp);
    broker_producer *p = k ? producer(a[2], errp) : NULL;
    int rc = p ? broker_record_headers(&r, &h, errp) : -1;

    if (rc == 0 && !(value = malloc(r.len)))
        rc = pe_error_nomem(errp);
    if (rc == 0) {
        broker_output o = {.topic = a[3],
                           .partition = atoi(a[6]),
                           .key = key,
                           .value = value,
                           .len = r.len,
                           .headers = &h,
                           .copy = true};

        snprintf(key, sizeof(key), "%.*s", (int)r.key_len, (const char *)r.key);
        memcpy(value, r.value, r.len);
        if (n == 8)
            value[r.len - 1] ^= 1;
        rc = produce(p, &o, errp);
    }
    if (rc == 0)
        rc = broker_producer_flush(p, 30000, errp);
    broker_producer_close(p);
    if (k)
        broker_record_release(&r);
    broker_consumer_close(k);
    free(value);
    return rc;
}

static int show(char **a, pe_error *errp)
{
    broker_record r;
    record_headers h;
    broker_consumer *k = fetch(a, &r, errp);
    int rc = k ? broker_record_headers(&r, &h, errp) : -1;

    for (size_t i = 0; rc == 0 && i < h.n; i++)
        if (!strstr(h.h[i].name, "_ns") && strcmp(h.h[i].name, "ce_time") != 0)
            printf("%s %.*s\n", h.h[i].name, (int)h.h[i].len, h.h[i].value);
    if (k)
        broker_record_release(&r);
    broker_consumer_close(k);
    return rc;
}

int main(int n, char **a)
{
    pe_error e = {0};
    int rc;

    if ((n == 10 || n == 12) && !strcmp(a[1], "write"))
        rc = write_all(a, n, &e);
    else if ((n == 7 || n == 8) && !strcmp(a[1], "again"))
        rc = again(a, n, &e);
    else if (n == 6 && !strcmp(a[1], "show"))
        rc = show(a, &e);
    else
        return 64;
    return rc < 0 ? fail(&e) : 0;
}
