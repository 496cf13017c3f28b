/* release.c - a machine that was made for a pilot goes when that has ended. */
#include "release.h"

#include <stdlib.h>

#include "src/backend/backend.h"
#include "src/common/text.h"
#include "src/registry/trace_out.h"

static void fetch(host *h, const char *home, const pilot_record *r,
                  const char *name)
{
    char *from = text_format("%s/%s", r->dir, name);
    char *to = text_format("%s/%s/%s", home, r->id, name);

    if (from && to && host_exists(h, from, NULL) > 0)
        host_get(h, from, to, NULL, NULL, NULL);
    free(to);
    free(from);
}

/* What is not to be had is said by who needs it. */
static void fetch_all(resource *place, const char *home, const pilot_record *r)
{
    host *h = resource_host(place, r->sched_id, NULL);
    char *trace = text_format("%s/trace", r->dir);

    if (h) {
        fetch(h, home, r, "out");
        fetch(h, home, r, "err");
        fetch(h, home, r, "exit");
    }
    if (h && trace && host_exists(h, trace, NULL) > 0)
        trace_out(home, r, NULL);
    free(trace);
}

int pilot_release(const char *home, const pilot_record *r, pe_error *errp)
{
    resource *place;
    int status = -1;

    if (!*r->sched_id || !backend_is_made(r->resource))
        return 0;
    place = backend_open(r->resource, errp);
    if (place) {
        fetch_all(place, home, r);
        status = place->ops->cancel(place, r->sched_id, true, errp);
    }
    resource_close(place);
    return status < 0 ? -1 : 1;
}
