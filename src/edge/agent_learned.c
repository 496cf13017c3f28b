/* agent_learned.c - what the devices of a pilot have learned, as events have
 * it.
 */
#include <math.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/edge/agent_private.h"

static json_t *age_of(const device_learned *l)
{
    double s = (double)(clock_mono_ns() - l->synced_ns) / (double)CLOCK_S;

    return l->synced_ns ? json_real(rint(s * 1e3) / 1e3) : json_null();
}

/* Of the processes before, and of this one. */
static json_int_t all(uint64_t before, uint64_t now)
{
    uint64_t sum = before + now;

    return (json_int_t)sum;
}

void agent_learned_row(json_t *row, const agent_device *d, uint64_t bytes)
{
    const tally_counts *b = &d->before;
    device_learned l;

    if (!d->device || !device_learns(d->device, &l))
        return;
    json_array_append_new(row, json_integer(all(b->syncs, l.syncs)));
    json_array_append_new(row, json_integer(all(b->rows, l.rows)));
    json_array_append_new(row, json_integer((json_int_t)l.held_rows));
    json_array_append_new(row, json_integer((json_int_t)l.version));
    json_array_append_new(row, age_of(&l));
    json_array_append_new(row, json_real((double)(b->bytes + bytes) / 1e6));
}

/* [l] is of this process. */
static json_t *device_made(const agent_device *d, const device_learned *l,
                           uint64_t bytes)
{
    const tally_counts *b = &d->before;

    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "device",
                     event_text(d->name), "syncs", all(b->syncs, l->syncs),
                     "rows", all(b->rows, l->rows), "withheld",
                     all(b->kept, l->kept), "bytes", all(b->bytes, bytes),
                     "version", (json_int_t)l->version, "age_s", age_of(l));
}

json_t *agent_learned(const agent *a)
{
    tally_counts before = tally_before(a->tally, NULL);
    device_learned sum = {
        .syncs = before.syncs, .rows = before.rows, .kept = before.kept};
    uint64_t bytes = before.bytes;
    json_t *devices = json_array();

    for (int i = 0; i < a->n; i++) {
        const agent_device *d = &a->devices[i];
        device_stats s = device_stats_get(d->device);
        device_learned l;

        if (!device_learns(d->device, &l))
            continue;
        sum.syncs += l.syncs;
        sum.rows += l.rows;
        sum.kept += l.kept;
        bytes += s.bytes;
        if (i < EVENT_ROWS_MAX)
            json_array_append_new(devices, device_made(d, &l, s.bytes));
    }
    if (json_array_size(devices) == 0) {
        json_decref(devices);
        return NULL;
    }
    return json_pack("{s:i, s:I, s:I, s:I, s:I, s:o}", "n", a->n, "syncs",
                     (json_int_t)sum.syncs, "rows", (json_int_t)sum.rows,
                     "withheld", (json_int_t)sum.kept, "bytes",
                     (json_int_t)bytes, "devices", devices);
}
