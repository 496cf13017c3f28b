/* bury.c - the ends of devices that died for good. */
#include "bury.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/pilot/topics.h"

static bool has_end(const params_end *ends, size_t n, const char *device)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(ends[i].device, device))
            return ends[i].next != PARAMS_END_OPEN;
    return false;
}

/* Those of a member that was added have its name. */
static void device_name(const pipeline *pl, const pipeline_request *r,
                        bool added, int d, char device[256])
{
    if (added)
        snprintf(device, 256, "%s-%d", r->member, d);
    else
        pipeline_device_name(pl, d, device, 256);
}

/* Whose devices are dead. */
typedef struct pit {
    const pipeline *pl;
    const pipeline_request *r;
    const pipeline_pilot *k;
    int place; /* -1: they were added */
} pit;

static int bury(const pit *g, params *p, const int64_t *ends, pe_error *errp)
{
    const pipeline *pl = g->pl;
    const pipeline_pilot *k = g->k;
    int place = g->place;
    params_end *there = NULL;
    size_t n = 0;
    int first = pipeline_first_device(pl, k, place < 0 ? 0 : place);
    int status = params_ends_fetch(p, &there, &n, errp);

    for (int i = 0; status == 0 && i < k->devices; i++) {
        int partition = pipeline_partition(pl, first + i);
        char device[256];
        params_end end = {.device = device,
                          .partition = partition,
                          .next = ends[partition],
                          .dead = true};
        device_name(pl, g->r, place < 0, place < 0 ? i : first + i, device);
        if (!has_end(there, n, device))
            status = params_end_put(p, &end, errp);
    }
    params_ends_free(there, n);
    return status;
}

int bury_devices(const pipeline *pl, const pipeline_request *r,
                 const pipeline_pilot *k, int place, params *p, pe_error *errp)
{
    int64_t *ends = calloc((size_t)pl->partitions, sizeof(*ends));
    int status = -1;

    if (!ends)
        return pe_error_nomem(errp);
    if (topics_ends(pl, r, ends, errp) == 0)
        status = bury(&(pit){pl, r, k, place}, p, ends, errp);
    free(ends);
    return status;
}
