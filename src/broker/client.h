/* client.h - what every Kafka client of this room has in common. */
#ifndef BROKER_CLIENT_H
#define BROKER_CLIENT_H

#include <stdatomic.h>

#include <librdkafka/rdkafka.h>

#include "src/broker/ops.h"

/* A setting and its value; a list ends with a NULL name. */
typedef struct client_setting {
    const char *name, *value;
} client_setting;

/* A client and what is known of its broker.  It must not move while it is
 * open: callbacks hold its address.
 */
typedef struct client {
    rd_kafka_t *rk;
    struct dialer *dialer;      /* NULL: it connects by itself */
    struct broker_entry *entry; /* NULL: in the clear, and without a name */
    void *owner;                /* who opened it, for delivery callbacks */
    char endpoint[256];         /* for error texts, cut when longer */
    char from[256];             /* so, too: who named it; "": nobody knows */
    double timeout_s;           /* of the first contact */
    atomic_bool contacted;      /* the first contact was made */
    char reason[160];           /* why not: of the opening thread, until then */
    rd_kafka_resp_err_t refused; /* so, too: it does not let us in */
    atomic_bool shaken;    /* a connection was lost, or made anew, since it was
                              last asked */
    char folder[256];      /* where a broker of this host keeps its logs */
    atomic_bool away;      /* said in the log, and not yet taken back */
    atomic_int partitions; /* of the topic it reads; 0: not known */
    atomic_int gone_s;     /* for so long a broker that is there has not had it,
                              which had it before */
    /* broker_answers, in us */
    atomic_uint_fast64_t asked_s, slow_us, quick_us, throttle_us, wire_bytes;
} client;

/* Settings under construction with what every client has in common.  [cl] is
 * filled from [c], [owner] is borrowed.  NULL on error (input: no endpoint,
 * or a value the client refuses).
 */
rd_kafka_conf_t *client_conf(client *cl, const broker_conf *c, void *owner,
                             pe_error *errp);

int client_set(rd_kafka_conf_t *k, const char *name, const char *value,
               pe_error *errp);
/* As client_set; nothing where this client is too old to know the name. */
int client_set_known(rd_kafka_conf_t *k, const char *name, const char *value,
                     pe_error *errp);
int client_set_u64(rd_kafka_conf_t *k, const char *name, uint64_t value,
                   pe_error *errp);
int client_set_all(rd_kafka_conf_t *k, const client_setting *s, pe_error *errp);

/* Start the client with [k], which is taken over in any case, and wait for
 * the first answer of a broker: retry error, 69, when none comes in time.
 * After an error [cl] still wants client_close.
 */
int client_open(client *cl, rd_kafka_type_t type, rd_kafka_conf_t *k,
                pe_error *errp);

int client_login_check(const broker_conf *c, pe_error *errp);

/* End it without waiting for a broker.  May be closed already. */
void client_close(client *cl);

/* Once a second: what the client has counted, as JSON. */
void client_count(client *cl, const char *json, size_t len);
/* All of it so far.  Any thread. */
void client_answers(const client *cl, broker_answers *out);

/* Is no broker there now?  Into [out] why, as far as this host can see. */
bool client_is_away(const client *cl, char *out, size_t cap);

/* A broker answered: says so in the log when it had been away. */
void client_answered(client *cl);

/* The cause out of a connection error of the client: "HOST:PORT/bootstrap:
 * Connect to ipv4#HOST:PORT failed: Connection refused (after 0ms in state
 * CONNECT)" -> "connection refused".
 */
void client_cause(const char *text, char *out, size_t cap);

#endif
