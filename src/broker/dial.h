/* dial.h - brokers behind a login node: names and connections of a client. */
#ifndef BROKER_DIAL_H
#define BROKER_DIAL_H

#include <librdkafka/rdkafka.h>

#include "src/broker/broker.h"

/* Names that brokers advertise behind a login node mean nothing here, so the
 * client gets an address of 127.0.0.0/8 for each, which no packet ever goes
 * to: it is turned back into the name when the client connects, and the
 * connection is made by broker_conf.dial.
 */
typedef struct dialer dialer;

dialer *dialer_create(broker_dial_f dial, void *arg, pe_error *errp);
void dialer_destroy(dialer *d); /* may be NULL; after the client is gone */

/* Have the client of [k] resolve and connect through the dialer that belongs
 * to its opaque.
 */
void dialer_install(rd_kafka_conf_t *k);
/* That one: defined where the opaque is, in client.c. */
dialer *dialer_of(void *opaque);

/* Why the last connection was not made; "" when it was. */
void dialer_reason(dialer *d, char *out, size_t cap);

#endif
