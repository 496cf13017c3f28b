/* nudge.h - keeps a consumer fetching when its queue was full. */
#ifndef BROKER_NUDGE_H
#define BROKER_NUDGE_H

#include <librdkafka/rdkafka.h>

#include "broker.h"

/* The client stops fetching while its queue is full, and looks again only
 * when there is traffic on the connection, or after a second: a reader that
 * is slower than the broker would take a queue a second and no more.  (A
 * setting for it, fetch.queue.backoff.ms, came with librdkafka 2.2.)  So a
 * thread asks for a watermark each time a part of the queue has been read.
 */
typedef struct nudge nudge;

nudge *nudge_start(rd_kafka_t *rk, const char *topic, uint64_t queue_bytes,
                   pe_error *errp);
void nudge_stop(nudge *n); /* may be NULL; before the client goes */

/* These partitions are read from now on. */
int nudge_assign(nudge *n, const broker_position *p, size_t count,
                 pe_error *errp);

/* [bytes] more were taken out of the queue; cheap. */
void nudge_taken(nudge *n, size_t bytes);

#endif
