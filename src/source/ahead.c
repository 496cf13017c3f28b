/* ahead.c - what `standardise` has to do in a rank that has the source. */
#include "ahead.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/function/host.h"

/* The source and the stages in front of one, loaded. */
typedef struct row {
    overall_step *step;
    function **fn;
    pe_options **options;
    overall *given; /* of those of them that scale */
    context_scaling *scaling;
    size_t n;
} row;

bool ahead_asked(const pipeline_stage *s)
{
    return s->loaded && overall_asked(function_ops(s->loaded), s->options);
}

static int load(row *r, const pipeline *pl, const pipeline_request *req,
                const pipeline_stage *s, pe_error *errp)
{
    const pipeline_stage *source = pipeline_stage_of(pl, STAGE_SOURCE);
    size_t i = r->n++;

    r->fn[i] = function_load(s->function, req->dir, errp);
    if (r->fn[i])
        r->options[i] = function_options(r->fn[i], s->options, errp);
    if (!r->options[i])
        return -1;
    r->step[i] = (overall_step){
        .ops = function_ops(r->fn[i]),
        .cloud = s->role == STAGE_CLOUD,
        .setup = {.run = req->run,
                  .stage = s->name,
                  .options = r->options[i],
                  .context_keys = (const char *const *)pl->context_keys,
                  .context_values = (const char *const *)pl->context_values,
                  .n_context = pl->n_context,
                  .within_s = source->within_s,
                  .points = source->points,
                  .dtype = pl->dtype}};
    return 0;
}

static int make(row *r, size_t n, pe_error *errp)
{
    r->step = calloc(n, sizeof(*r->step));
    r->fn = calloc(n, sizeof(*r->fn));
    r->options = calloc(n, sizeof(*r->options));
    r->given = calloc(n, sizeof(*r->given));
    r->scaling = calloc(n, sizeof(*r->scaling));
    return r->step && r->fn && r->options && r->given && r->scaling
               ? 0
               : pe_error_nomem(errp);
}

static void unmake(row *r)
{
    for (size_t i = 0; i < r->n; i++) {
        pe_options_destroy(r->options[i]);
        function_unload(r->fn[i]);
        overall_free(&r->given[i]);
    }
    free(r->step);
    free(r->fn);
    free(r->options);
    free(r->given);
    free(r->scaling);
}

/* A stage in front that scales by all rows does so here, too. */
static int settle(row *r, const atomic_int *cancelled, pe_error *errp)
{
    size_t i = r->n - 1;

    if (!overall_asked(r->step[i].ops, r->options[i]))
        return 0;
    if (overall_read(r->step, i, cancelled, &r->given[i], errp) < 0)
        return -1;
    r->scaling[i] = overall_scaling(&r->given[i]);
    r->step[i].setup.given = &r->scaling[i];
    return 0;
}

int ahead_find(const ahead_conf *c, const pipeline_stage *s, overall *w,
               const char **whyp, pe_error *errp)
{
    const pipeline *pl = c->pl;
    row r = {0};
    int rc = make(&r, pl->n_stages + 1, errp);

    *whyp = pipeline_is_local(pl) ? NULL : "its rows come out of a topic";
    for (size_t i = 0; rc == 0 && !*whyp && &pl->stages[i] != s; i++) {
        rc = load(&r, pl, c->req, &pl->stages[i], errp);
        if (rc == 0)
            *whyp = overall_lacks(r.step, r.n);
        if (rc == 0 && !*whyp)
            rc = settle(&r, c->cancelled, errp);
    }
    if (rc == 0 && !*whyp)
        rc = overall_read(r.step, r.n, c->cancelled, w, errp);
    if (rc == 0 && !*whyp)
        rc = 1;
    unmake(&r);
    return rc;
}

void ahead_words(const pipeline *pl, const overall *w, const char *why,
                 char *out, size_t cap)
{
    const pipeline_stage *s = pipeline_stage_of(pl, STAGE_SOURCE);
    const char *path = s && pe_options_has(s->options, "path")
                           ? pe_options_string(s->options, "path")
                           : "the source";

    if (w)
        overall_words(w, path, out, cap);
    else
        snprintf(out, cap, OVERALL_LEARNS, why);
}
