/* resource.c - what all places have. */
#include "resource.h"

#include <stdlib.h>

const char *resource_seen_name(enum resource_seen s)
{
    static const char *const names[RESOURCE_N_SEEN] = {
        "absent",    "queued",    "held",      "starting", "running",
        "suspended", "ending",    "done",      "failed",   "canceled",
        "timeout",   "preempted", "node-lost", "unknown"};

    return (int)s >= 0 && s < RESOURCE_N_SEEN ? names[s] : "unknown";
}

void resource_close(resource *r)
{
    if (!r)
        return;
    host_close(r->host);
    free(r->url);
    r->ops->close(r);
}

host *resource_host(resource *r, const char *id, pe_error *errp)
{
    resource *at = r->ops->at ? r->ops->at(r, id, errp) : r;

    return at ? at->host : NULL;
}
