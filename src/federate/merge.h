/* merge.h - deltas of devices, as a rank of a pool gets them. */
#ifndef FEDERATE_MERGE_H
#define FEDERATE_MERGE_H

#include <stdbool.h>

#include <pilot/model.h>

#include "src/params/params.h"
#include "src/source/source.h"

/* Is [r] learned from a model that is newer than [base], that of the open
 * epoch?  The next epoch begins with that one: it is waited for, but not long,
 * since Redis may have been rolled back behind it.
 */
bool federate_is_early(const pe_model *base, source_item *r);

/* Does [r] hold blocks of its device, [known], that were merged already, and
 * others?  Then r->bad says so: they cannot be told apart.
 */
void federate_check(const params_device *known, source_item *r);

/* What a rank goes by. */
typedef struct federate_rules {
    double stale_s; /* age from which none is merged; 0: any will do */
    bool revised;   /* its stages are no more as the file has them */
} federate_rules;

/* Merge what [r] holds into [d], a delta of [base], and count it in [add];
 * returns its rows, as far as they fit.  One whose first row was sensed more
 * than that before it came to the broker, that does not fit the model and may
 * have been made for the one before a revision of the stages, or that was
 * made of a model which is gone, is left out, its rows counted as stale.
 * -1: no memory, or (input) it is no delta for this model.
 */
int64_t federate_merge(const pe_model *base, pe_delta *d, const source_item *r,
                       const federate_rules *rules, params_counters *add,
                       pe_error *errp);

#endif
