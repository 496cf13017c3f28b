/* sender.h - the producer of the process, opened again when it breaks. */
#ifndef SENDER_SENDER_H
#define SENDER_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/broker/broker.h"
#include "src/trace/log.h"

/* What a sender needs of a producer: the calls of broker.h, which say what
 * each does.  A test has its own.
 */
typedef struct sender_ops {
    broker_producer *(*open)(const broker_producer_conf *c, pe_error *errp);
    void (*close)(broker_producer *p);
    int (*produce)(broker_producer *p, const broker_output *o, pe_error *errp);
    int (*poll)(broker_producer *p, int timeout_ms);
    int (*error)(const broker_producer *p, pe_error *errp);
    /* May be NULL. */
    void (*answers)(const broker_producer *p, broker_answers *out);
} sender_ops;

extern const sender_ops sender_broker_ops;

/* One producer for all devices, and the thread that serves its delivery
 * callbacks, each of which calls queue_delivered on the slot that was given
 * as opaque.
 */
typedef struct sender sender;

/* Open the producer and start the thread.  [c] and its strings are borrowed
 * for the life of the sender; delivered and arg are set by it.
 */
sender *sender_open(const sender_ops *ops, broker_producer_conf *c,
                    pe_error *errp);
/* The same where the broker may be away: the thread opens the producer. */
sender *sender_open_later(const sender_ops *ops, broker_producer_conf *c,
                          pe_error *errp);
/* Have every record that is stored noted in [l] (borrowed; NULL: none): before
 * the first one is sent.  Rows are added by whoever serves the callbacks, one
 * at a time.
 */
void sender_trace(sender *s, trace_log *l);
/* Stop the thread and close the producer: what is not acknowledged is given
 * up, and no callback comes afterwards.  May be NULL.
 */
void sender_close(sender *s);

/* 0, or -1 with the error after which no other producer is opened: several in
 * a row stored nothing.
 */
int sender_error(const sender *s, pe_error *errp);

/* How fast the broker has answered all of its producers.  Any thread. */
void sender_answers(sender *s, broker_answers *out);

/* Use of the producer between these two, by any number of threads.
 * sender_enter: false when there is none at the moment.  *generationp counts
 * the producers: when it is another one than at the last call, everything
 * handed over before has had its callback, and what is not stored is to be
 * sent again.
 */
bool sender_enter(sender *s, uint64_t *generationp);
void sender_leave(sender *s);

/* broker_produce, between enter and leave; the class of an error that only a
 * new producer cures is PE_ERROR_RETRY, and the sender opens it.
 */
int sender_produce(sender *s, const broker_output *o, pe_error *errp);

#endif
