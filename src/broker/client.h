/* client.h - what the files of the broker room share. */
#ifndef BROKER_CLIENT_H
#define BROKER_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "broker.h"

/* A setting and its value; a list ends with a NULL name. */
typedef struct client_setting {
    const char *name, *value;
} client_setting;

/* Settings under construction with what every client has in common.  NULL on
 * error.
 */
rd_kafka_conf_t *client_conf(const broker_conf *c, pe_error *errp);
int client_set(rd_kafka_conf_t *k, const char *name, const char *value,
               pe_error *errp);
int client_set_u64(rd_kafka_conf_t *k, const char *name, uint64_t value,
                   pe_error *errp);
int client_set_all(rd_kafka_conf_t *k, const client_setting *s, pe_error *errp);
/* New client; takes [k] over in any case. */
rd_kafka_t *client_new(rd_kafka_type_t type, rd_kafka_conf_t *k,
                       pe_error *errp);
/* Wait for the first answer of a broker: retry error, 69, when none comes. */
int client_contact(rd_kafka_t *rk, const broker_conf *c, pe_error *errp);

#endif
