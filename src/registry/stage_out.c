/* stage_out.c - results of a pilot, fetched when it has ended. */
#include "stage_out.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/backend/backend.h"
#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/pipeline/pipeline.h"
#include "src/registry/submit.h"

struct copy {
    host *host;
    const char *dir;        /* of the pilot */
    const char *submit_dir; /* relative paths are meant from there */
    void (*told)(void *arg, const char *path);
    void *arg;
};

/* "NAME" or "NAME:PATH" */
static int copy_one(const struct copy *c, const char *item, pe_error *errp)
{
    const char *colon = strchr(item, ':');
    int len = colon ? (int)(colon - item) : (int)strlen(item);
    char *from = text_format("%s/%.*s", c->dir, len, item);
    char *to = locate_absolute(c->submit_dir, colon ? colon + 1 : item, errp);
    int status = -1;

    if (!from)
        pe_error_nomem(errp);
    else if (to)
        status = host_exists(c->host, from, errp);
    if (status == 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s was to be fetched and is not there", from);
    if (status > 0)
        status = host_get(c->host, from, to, NULL, NULL, errp);
    else
        status = -1;
    if (status == 0 && c->told)
        c->told(c->arg, to);
    free(to);
    free(from);
    return status;
}

static int copy_all(const struct copy *c, const struct request_list *l,
                    pe_error *errp)
{
    pe_error first = {0};
    int n = 0;

    for (size_t i = 0; i < l->n; i++) {
        pe_error e = {0};
        if (copy_one(c, l->items[i], &e) == 0)
            n++;
        else if (first.kind == PE_ERROR_NONE)
            first = e;
    }
    if (first.kind == PE_ERROR_NONE)
        return n;
    if (errp)
        *errp = first;
    return -1;
}

static int copy_of(const pilot_record *r, const pipeline_request *q,
                   const struct request_list *l, struct copy *c, pe_error *errp)
{
    resource *place = backend_open(r->resource, errp);
    int n = -1;

    c->submit_dir =
        json_string_value(json_object_get(q->supervise, "submit_dir"));
    c->dir = r->dir;
    if (place) {
        c->host = resource_host(place, r->sched_id, errp);
        n = c->host ? copy_all(c, l, errp) : -1;
    }
    resource_close(place);
    return n;
}

/* A submission that failed early left no request, and no results. */
static bool was_filled(const char *dir)
{
    char *path = text_format("%s/request.json", dir);
    bool is = path && access(path, F_OK) == 0;

    free(path);
    return is;
}

int stage_out(const char *home, const pilot_record *r,
              void (*told)(void *arg, const char *path), void *arg,
              pe_error *errp)
{
    char *dir = text_format("%s/%s", home, r->id);
    pipeline_request *q = NULL;
    struct copy c = {.told = told, .arg = arg};
    resource_request words = {0};
    int n = -1;

    if (!dir)
        pe_error_nomem(errp);
    else if (!was_filled(dir))
        n = 0;
    else
        q = pipeline_request_read(dir, errp);
    if (q && submit_request_of(q, &words, errp) == 0) {
        const struct request_list *l = &words.list[REQUEST_STAGE_OUT];
        n = l->n ? copy_of(r, q, l, &c, errp) : 0;
    }
    request_free(&words);
    pipeline_request_destroy(q);
    free(dir);
    return n;
}
