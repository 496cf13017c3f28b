/* guard.h - is a log still the one that was read? */
#ifndef BROKER_GUARD_H
#define BROKER_GUARD_H

#include "src/broker/broker.h"

/* Looks at records by their marks, on a connection of its own. */
typedef struct broker_guard broker_guard;

broker_guard *broker_guard_open(const broker_conf *c, const char *topic,
                                uint64_t message_bytes, pe_error *errp);
void broker_guard_close(broker_guard *g); /* may be NULL */

/* Begin to look at the records in front of these positions, and at no others.
 * Does not wait.
 */
int broker_guard_start(broker_guard *g, const broker_position *p, size_t n,
                       pe_error *errp);
/* 1: each is as it was, or not kept any more; 0: not known after
 * [timeout_ms]; -1: fatal, it is another (65), see broker_consumer_assign.
 */
int broker_guard_poll(broker_guard *g, int timeout_ms, pe_error *errp);
/* As broker_consumer_partitions.  Not while it looks. */
int broker_guard_partitions(broker_guard *g);

#endif
