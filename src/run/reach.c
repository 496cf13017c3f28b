/* reach.c - the parameter services of runs, as commands reach them. */
#include "reach.h"

#include <stdlib.h>
#include <string.h>

#include "src/agent/via.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/pipeline/pipeline.h"

#define TIMEOUT_S 2.0 /* somebody waits at a terminal */

typedef struct way {
    char *run;
    char *url;                 /* of the service; NULL: it has none */
    pipeline_request *request; /* its `via` carries the connection */
    params *params;
    pe_error why; /* it cannot be reached */
} way;

struct reach {
    char *home;
    way **ways;
    size_t n;
};

reach *reach_create(const char *home, pe_error *errp)
{
    reach *r = calloc(1, sizeof(*r));

    if (r)
        r->home = text_format("%s", home);
    if (r && r->home)
        return r;
    free(r);
    pe_error_nomem(errp);
    return NULL;
}

static void way_free(way *w)
{
    if (!w)
        return;
    params_close(w->params);
    pipeline_request_destroy(w->request);
    free(w->url);
    free(w->run);
    free(w);
}

void reach_destroy(reach *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        way_free(r->ways[i]);
    free(r->ways);
    free(r->home);
    free(r);
}

/* One that failed before at this address: runs often share a service. */
static const way *failed_before(const reach *r, const char *url)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->ways[i]->url && !r->ways[i]->params &&
            !strcmp(r->ways[i]->url, url))
            return r->ways[i];
    return NULL;
}

/* What it warns of was said when the run began. */
static params *open_quietly(const params_conf *c, const char *run,
                            pe_error *errp)
{
    enum log_level was = log_limit(LOG_LEVEL_ERROR);
    params *p = params_open(c, run, errp);

    log_limit(was);
    return p;
}

static void way_open(const reach *r, way *w)
{
    pipeline_request *q = w->request;
    params_conf c = {.no_commits = true,
                     .connect_timeout_s = TIMEOUT_S,
                     .command_timeout_s = TIMEOUT_S};
    const way *before;

    if (!q->params_url || !(w->url = text_format("%s", q->params_url)))
        return;
    before = failed_before(r, w->url);
    if (before) {
        w->why = before->why;
        return;
    }
    if (via_open(q, &w->why) < 0)
        return;
    pipeline_request_params(q, &c);
    w->params = open_quietly(&c, w->run, &w->why);
}

static way *way_make(const reach *r, const char *run, pe_error *errp)
{
    char *dir = text_format("%s/%s", r->home, run);
    way *w = calloc(1, sizeof(*w));

    if (w)
        w->run = text_format("%s", run);
    if (!dir || !w || !w->run) {
        pe_error_nomem(errp);
        way_free(w);
        free(dir);
        return NULL;
    }
    w->request = pipeline_request_read(dir, NULL);
    if (w->request)
        way_open(r, w);
    free(dir);
    return w;
}

static way *way_of(reach *r, const char *run, pe_error *errp)
{
    way **ways, *w;

    for (size_t i = 0; i < r->n; i++)
        if (!strcmp(r->ways[i]->run, run))
            return r->ways[i];
    ways = reallocarray(r->ways, r->n + 1, sizeof(way *));
    if (!ways) {
        pe_error_nomem(errp);
        return NULL;
    }
    r->ways = ways;
    w = way_make(r, run, errp);
    if (w)
        ways[r->n++] = w;
    return w;
}

params *reach_params(reach *r, const char *run, pe_error *errp)
{
    way *w = way_of(r, run, errp);

    if (w && !w->params && errp)
        *errp = w->why;
    return w ? w->params : NULL;
}

json_t *reach_beats(reach *r, const char *run)
{
    params *p = reach_params(r, run, NULL);
    params_pilot *pilots = NULL;
    size_t n = 0;
    json_t *all;

    if (!p || params_pilots_fetch(p, &pilots, &n, NULL) < 0)
        return NULL;
    all = json_object();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_loads(pilots[i].beat, 0, NULL);
        if (o)
            json_object_set_new(all, pilots[i].pilot, o);
    }
    params_pilots_free(pilots, n);
    return all;
}
