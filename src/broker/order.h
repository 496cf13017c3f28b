/* order.h - the offset that must come next, of every partition read. */
#ifndef BROKER_ORDER_H
#define BROKER_ORDER_H

#include "src/broker/broker.h"

struct order_place;

/* Starts zeroed. */
typedef struct order {
    struct order_place *place; /* by partition number */
    size_t n;
    const char *topic; /* borrowed, for error texts */
    bool gaps_allowed;
} order;

/* Read [p] and nothing else from now on.  Input error for a negative
 * partition or offset, or a partition that is there twice; the order then is
 * as it was.
 */
int order_assign(order *o, const broker_position *p, size_t n, pe_error *errp);
void order_free(order *o);

/* 1: the record at [offset] is the one that must come now; 0: it is not
 * wanted (another partition, or a record of before); -1: records between are
 * missing, a fatal error, also on every later call.
 */
int order_take(order *o, int32_t partition, int64_t offset, pe_error *errp);

/* Offset that must come next, -1 when the partition is not read. */
int64_t order_next(const order *o, int32_t partition);

#endif
