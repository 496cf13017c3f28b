/* backlog.h - records of a partition that wait until those before them are
 * answered for.
 *
 * An idempotent producer has at most five records of a partition on their way,
 * or one request of more.  Kafka's client looks at what it has beyond that
 * without a pause until the answer comes, which takes a core; so it gets no
 * more.
 */
#ifndef BROKER_BACKLOG_H
#define BROKER_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/broker/broker.h"

#define BACKLOG_OUT 5

/* A record that waits.  All but [next] is its holder's. */
typedef struct backlog_record {
    struct backlog_record *next;
    void *headers; /* of the client; NULL: none */
    void *value;
    size_t len;
    size_t size; /* in a request: with its key and headers */
    bool owned;  /* [value] goes with it */
    void *opaque;
    bool keyed;
    char key[];
} backlog_record;

/* Of one partition.  Starts zeroed; may be moved. */
typedef struct backlog {
    int out; /* with the client, not yet answered for */
    backlog_record *first, *last;
} backlog;

/* Bytes of [o] in a request: at most, or what the client takes it for at least.
 */
size_t backlog_size(const broker_output *o, bool most);
/* [o], with copies of its key and, if it is to be copied, its value; headers
 * and size are set by the holder.  NULL: no memory.
 */
backlog_record *backlog_record_new(const broker_output *o, pe_error *errp);

/* Has a record of this partition to wait? */
bool backlog_waits(const backlog *b);
void backlog_put(backlog *b, backlog_record *r);
/* The next that may go, which then is out; NULL: none.  When one may go so many
 * may as are a request of [most] bytes: *takenp starts as 0.
 */
backlog_record *backlog_take(backlog *b, size_t *takenp, size_t most);
/* It did not go: it is the next again. */
void backlog_return(backlog *b, backlog_record *r);
/* One that was out is answered for: may others go? */
bool backlog_answered(backlog *b);

#endif
