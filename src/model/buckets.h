/* buckets.h - scores of rows that have stayed on a device, as an item. */
#ifndef MODEL_BUCKETS_H
#define MODEL_BUCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/model.h>

/* An item ITEM_BUCKETS is pairs of 64-bit numbers: a lane of quantile.h, and
 * how many it counts; lanes that count none are left out.
 */

/* The lanes (QUANTILE_LANES) as an item behind the others of [d]. */
int buckets_put(const int64_t *lanes, pe_delta *d, pe_error *errp);

/* What the items of [d] count, to [lanes]; -1: one names a lane that is none.
 */
int buckets_add(int64_t *lanes, const pe_delta *d);

/* Is an item of [len] bytes one of buckets, for the scores of [rows]? */
bool buckets_check(const unsigned char *p, size_t len, uint64_t rows);

#endif
