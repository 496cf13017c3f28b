/* deadline.c - when a pilot has to stop taking blocks. */
#include "deadline.h"

#include "src/common/clock.h"

/* Ranks leave in less than 2 s; schedulers look every few seconds. */
#define LEAVE_NS (10 * CLOCK_S)
/* Blocks that a rank may have begun: its own, and those it helps with. */
#define BLOCKS_UNDER_WAY 4
/* Starting the ranks takes a second or two; less use than that is none. */
#define USE_NS (10 * CLOCK_S)

int64_t deadline_lead_ns(const deadline *d)
{
    int64_t lead = d->lead_ns, most = (d->end_ns - d->start_ns) / 4;

    if (lead == 0)
        lead = LEAVE_NS + BLOCKS_UNDER_WAY * d->block_ns + 2 * d->epoch_ns;
    return most > 0 && lead > most ? most : lead;
}

int64_t deadline_stop_ns(const deadline *d)
{
    return d->end_ns ? d->end_ns - deadline_lead_ns(d) : INT64_MAX;
}

bool deadline_allows_start(const deadline *d, int64_t now_ns)
{
    return !d->end_ns || now_ns + USE_NS < deadline_stop_ns(d);
}

/* From the KILL of agents to the exit record. */
#define RECORD_S 3.0
#define PATIENCE_S 25.0 /* where no scheduler has a say */

void deadline_split(double grace_s, int64_t *drain_nsp, int64_t *leave_nsp)
{
    double grace = grace_s > 0 ? grace_s : PATIENCE_S + RECORD_S + 1;
    double spare = grace / 5 < 1 ? grace / 5 : 1;
    double record = grace / 4 < RECORD_S ? grace / 4 : RECORD_S;

    *leave_nsp = (int64_t)((grace - spare) * 1e9);
    *drain_nsp = (int64_t)((grace - spare - record) * 1e9);
    if (*drain_nsp > (int64_t)(PATIENCE_S * 1e9))
        *drain_nsp = (int64_t)(PATIENCE_S * 1e9);
}
