/* trace_out.c - a pilot's part of the trace of its run, fetched. */
#include "trace_out.h"

#include <stdlib.h>
#include <string.h>

#include "src/backend/backend.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define LIST_S 60.0

static int copy_one(host *h, const char *there, const char *here,
                    const char *name, pe_error *errp)
{
    char *from = text_format("%s/%s", there, name);
    char *to = text_format("%s/%s", here, name);
    int rc = from && to ? host_get(h, from, to, NULL, NULL, errp)
                        : pe_error_nomem(errp);

    free(from);
    free(to);
    return rc;
}

/* The lines of [list] that are names of logs. */
static int copy_listed(host *h, const char *there, const char *here, char *list,
                       pe_error *errp)
{
    char *rest = NULL;
    int n = 0;

    for (char *name = strtok_r(list, "\n", &rest); name;
         name = strtok_r(NULL, "\n", &rest)) {
        size_t len = strlen(name);

        if (len <= 4 || strcmp(name + len - 4, ".log") != 0 ||
            strchr(name, '/'))
            continue;
        if (copy_one(h, there, here, name, errp) < 0)
            return -1;
        n++;
    }
    return n;
}

static int copy_all(host *h, const char *there, const char *here,
                    pe_error *errp)
{
    const char *argv[] = {"ls", "-1", there, NULL};
    host_answer a = {0};
    int n = -1;

    if (file_mkdir(here, errp) < 0 ||
        host_run(h, argv, NULL, LIST_S, &a, errp) < 0)
        return -1;
    if (a.status == 0)
        n = copy_listed(h, there, here, a.out, errp);
    else
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s: %.*s",
                     host_name(h), (int)strcspn(a.err ? a.err : "", "\n"),
                     a.err ? a.err : "");
    host_answer_free(&a);
    return n;
}

int trace_out(const char *home, const pilot_record *r, pe_error *errp)
{
    char *here = text_format("%s/%s/trace", home, r->id);
    char *there = text_format("%s/trace", r->dir);
    resource *place = NULL;
    host *h;
    int n = 0;

    if (!here || !there)
        n = pe_error_nomem(errp);
    else if (strcmp(here, there) != 0) {
        place = backend_open(r->resource, errp);
        h = place ? resource_host(place, r->sched_id, errp) : NULL;
        if (!h)
            n = -1;
        else if (!host_is_local(h))
            n = copy_all(h, there, here, errp);
    }
    resource_close(place);
    free(here);
    free(there);
    return n;
}
