/* scaler.c - a run with its policy, and what stands of it for everybody. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "private.h"
#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/random.h"
#include "src/common/text.h"

/* --- open --- */

static int policy_find(scaler *s, pe_error *errp)
{
    s->pl = pipeline_load(s->req->file, (const char *const *)s->req->overrides,
                          s->req->n_overrides, errp);
    if (!s->pl)
        return -1;
    for (size_t i = 0; i < s->pl->n_pilots; i++)
        if (s->pl->pilots[i].scale)
            s->pilot = &s->pl->pilots[i];
    if (!s->pilot)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run %s has no policy: 'scale: {lag: 5s, max: 16}' "
                            "of a pool is one, and 'scale: {max: 8, on: "
                            "{night: 8}}' of an edge",
                            s->run);
    s->policy = s->pilot->scale;
    return 0;
}

static void id_make(scaler *s)
{
    char name[128] = "?";

    gethostname(name, sizeof(name) - 1);
    snprintf(s->id, sizeof(s->id), "%.127s %d %llx", name, (int)getpid(),
             (unsigned long long)clock_real_ns());
}

static int files_name(scaler *s, pe_error *errp)
{
    s->act.out = text_format("%s/scale.out.%d", s->dir, (int)getpid());
    s->act.err = text_format("%s/scale.err.%d", s->dir, (int)getpid());
    return s->act.out && s->act.err ? 0 : pe_error_nomem(errp);
}

scaler *scaler_open(const char *home, const char *run, pe_error *errp)
{
    scaler *s = calloc(1, sizeof(*s));
    pe_error e = {0};

    if (!s || !(s->home = strdup(home)) || !(s->run = strdup(run)) ||
        !(s->rows = json_array())) {
        pe_error_nomem(errp);
        goto error;
    }
    s->dir = locate_run(home, run, &e);
    if (!s->dir) {
        if (e.kind == PE_ERROR_NONE)
            pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                         "there is no run %s in %s; 'pilot runs' lists the "
                         "runs",
                         run, home);
        if (errp)
            *errp = e;
        goto error;
    }
    s->req = pipeline_request_read(s->dir, errp);
    if (!s->req || policy_find(s, errp) < 0 || files_name(s, errp) < 0)
        goto error;
    id_make(s);
    s->live = live_open(home, run, errp);
    if (!s->live)
        goto error;
    s->open = pilots_open(&s->pilots, errp) == 0;
    if (s->open)
        return s;
error:
    scaler_close(s);
    return NULL;
}

void scaler_close(scaler *s)
{
    if (!s)
        return;
    act_close(s);
    if (s->open)
        pilots_close(&s->pilots);
    live_close(s->live);
    pipeline_destroy(s->pl);
    pipeline_request_destroy(s->req);
    json_decref(s->rows);
    free(s->event.name);
    free(s->event.id);
    free(s->dir);
    free(s->run);
    free(s->home);
    free(s);
}

/* --- what stands for everybody --- */

static json_t *few_digits(double n)
{
    return json_real(round(n * 1000) / 1000);
}

json_t *scaler_now(const scaler *s, const scale_decision *d,
                   const scale_facts *f, const scale_history *h)
{
    json_t *o = scale_decision_json(d, f, h);
    int up = 0, pending = 0, members = 0;

    for (size_t i = 0; i < f->n_members; i++) {
        const scale_member *m = &f->member[i];
        up += m->leaves || m->waits ? 0 : m->ranks;
        pending += m->waits && !m->leaves ? m->ranks : 0;
        members += !m->leaves;
    }
    json_object_set_new(o, "unit", json_string(s->policy->unit));
    json_object_set_new(o, "ranks", json_integer(up));
    json_object_set_new(o, "pending", json_integer(pending));
    json_object_set_new(o, "pilots", json_integer(members));
    json_object_set_new(o, "partitions", json_integer(f->partitions));
    json_object_set_new(o, "rate", few_digits(f->rate));
    json_object_set_new(o, "busy", few_digits(f->busy));
    json_object_set_new(o, "lag_blocks", few_digits(f->lag_blocks));
    if (f->grows_known)
        json_object_set_new(o, "grows", few_digits(f->grows));
    json_object_set_new(o, "core_hours", json_real(f->core_hours));
    return o;
}

json_t *scaler_told(params *p, const char *run, pe_error *errp)
{
    char *said = params_scale_fetch(p, errp);
    json_t *o;

    if (!said)
        return NULL;
    o = json_loads(said, 0, NULL);
    if (!*said)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "nobody has decided anything about run %s: no pilot of it "
                     "has a 'scale', or nothing of it runs yet",
                     run);
    else if (json_integer_value(json_object_get(o, "schema")) !=
             SCALER_SCHEMA) {
        json_decref(o);
        o = NULL;
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                     "what stands at pilot:{%s}:scale is not of this version: "
                     "another program wrote it",
                     run);
    }
    free(said);
    return o;
}

json_t *scaler_try(scaler *s, pe_error *errp)
{
    params *p = live_params(s->live, errp);
    char *said = p ? params_scale_fetch(p, errp) : NULL;
    json_t *before = said ? json_loads(said, 0, NULL) : NULL, *doc, *o;
    scale_history h;
    scale_decision d;
    scale_facts *f = said ? calloc(1, sizeof(*f)) : NULL;

    free(said);
    scale_history_take(json_object_get(before, "history"), &h);
    json_decref(before);
    doc = f ? facts_take(s, f, errp) : NULL;
    if (!doc) {
        free(f);
        return NULL;
    }
    d = scale_decide(s->policy, f, &h);
    o = scaler_now(s, &d, f, &h);
    json_decref(doc);
    free(f);
    return o;
}
