/* traced.c - the log of an agent's part of the trace of its run. */
#include "traced.h"

#include <stdlib.h>

#include "src/params/params.h"

/* The thread that asks has nothing else to do, and is waited for at the end. */
#define PATIENCE_S 1.0

struct traced {
    trace_log *log;
    params_conf conf;
    const char *run;
    params *params; /* of the thread that asks */
};

static int ask(void *arg, int64_t *nsp, pe_error *errp)
{
    traced *t = arg;

    if (!t->params)
        t->params = params_open(&t->conf, t->run, errp);
    return t->params ? params_time_fetch(t->params, nsp, errp) : -1;
}

traced *traced_open(const traced_conf *c, pe_error *errp)
{
    traced *t = calloc(1, sizeof(*t));
    trace_writer w = {.folder = c->folder,
                      .run = c->req->run,
                      .pilot = c->pilot,
                      .member = c->member,
                      .kind = c->kind,
                      .rank = c->rank,
                      .ranks = c->ranks,
                      .layer = c->layer,
                      .world = c->world,
                      .arg = t};

    if (!t) {
        pe_error_nomem(errp);
        return NULL;
    }
    t->run = c->req->run;
    if (c->clock && c->req->params_url) {
        pipeline_request_params(c->req, &t->conf);
        t->conf.no_commits = true;
        t->conf.connect_timeout_s = t->conf.command_timeout_s = PATIENCE_S;
        w.ask = ask;
    }
    t->log = trace_log_open(&w, errp);
    if (t->log)
        return t;
    free(t);
    return NULL;
}

void traced_close(traced *t)
{
    if (!t)
        return;
    trace_log_close(t->log);
    params_close(t->params);
    free(t);
}

trace_log *traced_log(traced *t)
{
    return t ? t->log : NULL;
}
