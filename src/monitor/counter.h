/* counter.h - what is counted of a run: a row each, from event to table. */
#ifndef MONITOR_COUNTER_H
#define MONITOR_COUNTER_H

#include <jansson.h>
#include <stdbool.h>

#include "src/common/text.h"

/* How the total of a run comes from the final events of its pilots. */
enum counter_total {
    COUNTER_ADDED,    /* by each incarnation of a pilot for itself */
    COUNTER_STATE,    /* the same, as it is at the end: not carried on */
    COUNTER_COMMITTED /* of the run: every pool tells it, as of its end */
};

typedef struct counter {
    const char *key;    /* in final events and in the summary */
    const char *object; /* that holds it in both: "blocks" or "rows" */
    enum counter_total total;
    const char *line;  /* of the table it stands on, */
    const char *words; /* and what stands behind its number there */
    bool always;       /* shown while it is 0, too */
} counter;

/* All of them, in the order of the table; the last has no key. */
extern const counter counters[];

/* "column 0 ('temp'): 2, column 7: 1" of the masked cells in the event or
 * summary [o], the first of them, added to [t].
 */
void counter_cells(const json_t *o, text *t);

/* Do edges count it over all their processes (src/agent/tally.h)? */
bool counter_is_kept(const counter *c);

/* The number of [c] in the event or summary [o]; 0: it tells none. */
json_int_t counter_value(const counter *c, const json_t *o);

#endif
