/* admin.h - requests to brokers that other files of this room make. */
#ifndef BROKER_ADMIN_H
#define BROKER_ADMIN_H

#include <librdkafka/rdkafka.h>

#include "src/broker/acl.h"

/* The answer, which the caller destroys; NULL: there was none in time. */
rd_kafka_event_t *admin_create_acls(broker_admin *a,
                                    rd_kafka_AclBinding_t **acls, size_t n);

/* broker_acl_put of a Kafka. */
int kafka_acl_put(broker_admin *a, const broker_acl *acl, size_t n,
                  pe_error *errp);

#endif
