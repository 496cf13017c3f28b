/* deadline.h - when a pilot has to stop taking blocks. */
#ifndef PILOT_DEADLINE_H
#define PILOT_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

/* What a pilot knows of its time, CLOCK_REALTIME nanoseconds.  Pure: clocks
 * and answers of schedulers come from the caller.
 */
typedef struct deadline {
    int64_t start_ns; /* of the pilot */
    int64_t end_ns;   /* of its allocation; 0: none */
    int64_t lead_ns;  /* asked for; 0: made from the two below */
    int64_t block_ns; /* p95 of a block */
    int64_t epoch_ns; /* from the end of an epoch to its commit */
} deadline;

/* How long before the end to stop: what was asked for, else time for the
 * blocks under way, two epochs and the leave of the ranks; never more than a
 * quarter of the whole time.
 */
int64_t deadline_lead_ns(const deadline *d);

/* When to stop; INT64_MAX: never. */
int64_t deadline_stop_ns(const deadline *d);

/* How an end that a scheduler has announced by TERM is spent: it kills
 * [grace_s] later (0: nobody does).  Until *drain_nsp (from the TERM, ns)
 * agents may end what they have begun, and until *leave_nsp we have to be
 * gone, with an exit record written: a second, or a fifth of a short grace,
 * is left for a slow disk.
 */
void deadline_split(double grace_s, int64_t *drain_nsp, int64_t *leave_nsp);

/* Is there time to start the ranks again and be of use? */
bool deadline_allows_start(const deadline *d, int64_t now_ns);

#endif
