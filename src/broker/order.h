/* order.h - the offset that must come next, of every partition read. */
#ifndef BROKER_ORDER_H
#define BROKER_ORDER_H

#include "src/broker/broker.h"

struct order_place; /* order.c */

/* What is known of a record at a glance, as a hash, with its time in
 * milliseconds: never 0.
 */
uint64_t order_mark_of(const broker_record *r, int64_t ms);

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

/* Is this the record in front of a position, for its mark alone? */
bool order_is_check(const order *o, int32_t partition, int64_t offset);
/* It has this mark: 0, or -1: a fatal error, also on every later call. */
int order_check(order *o, int32_t partition, uint64_t mark, pe_error *errp);
/* The record that was taken last has this mark. */
void order_mark(order *o, int32_t partition, uint64_t mark);
/* Partitions whose record in front is still awaited. */
size_t order_checks(const order *o);
/* Await none of this partition; false: none was. */
bool order_uncheck(order *o, int32_t partition);
/* Where reading is to begin again, the record in front of every position
 * first where its mark is known; [p] has room for all, their number is
 * returned.
 */
size_t order_again(order *o, broker_position *p);
/* Partitions that are read. */
size_t order_count(const order *o);

/* Offset that must come next, -1 when the partition is not read. */
int64_t order_next(const order *o, int32_t partition);

#endif
