/* revise.c - the revision of the stages that a state is taken up with. */
#include "revise.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "src/common/log.h"
#include "src/common/text.h"
#include "src/revision/revision.h"

/* --- taken back --- */

int revise_back(revise *v, uint64_t number, const char *why, pe_error *errp)
{
    revision *r = revision_load_number(v->p, number, errp), *next;

    if (!r)
        return -1;
    next = revision_back(v->p, r, v->member, why, errp);
    revision_destroy(r);
    if (next)
        log_warn("revision %llu of the stages is taken back: %s",
                 (unsigned long long)number, why);
    revision_destroy(next);
    /* Another pool was first: it is as well. */
    return next || errp->exit_code == PE_EXIT_AGAIN ? 0 : -1;
}

void revise_stands(revise *v)
{
    pe_error e = {0};

    if (!v->begun)
        return;
    if (params_revision_stands(v->p, v->begun, v->member, &e) < 0)
        log_warn("that revision %llu of the stages stands is not noted: %s",
                 (unsigned long long)v->begun, e.text);
    v->begun = 0;
}

/* --- the model --- */

/* [from] as the last stage of [pl] wants it; NULL: it begins anew. */
static pe_model *carry(const pipeline *pl, const pe_model *from, char *words,
                       size_t cap, pe_error *errp)
{
    const pipeline_stage *end = pipeline_last_stage(pl);
    const char *kind = end->is_model ? end->function : "passthrough";
    pe_options *plain =
        end->is_model ? NULL : pe_model_options("passthrough", errp);
    pe_model *m = NULL;

    if (end->is_model || plain)
        m = pe_model_carry(from, kind, plain ? plain : end->options, words, cap,
                           errp);
    pe_options_destroy(plain);
    return m;
}

static int model_revise(const pipeline *pl, pe_buffer *model, char *words,
                        size_t cap, pe_error *errp)
{
    pe_error e = {0};
    pe_model *from = pe_model_decode(model->data, model->len, errp), *m;
    int rc = 0;

    if (!from)
        return -1;
    m = carry(pl, from, words, cap, &e);
    model->len = 0;
    if (m)
        rc = pe_model_encode(m, model, errp);
    else if (e.kind != PE_ERROR_NONE)
        rc = -1;
    if (!m && rc < 0)
        *errp = e;
    pe_model_destroy(m);
    pe_model_destroy(from);
    return rc;
}

/* --- loaded --- */

static int refuse_older(const params_state *s, uint64_t now, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "the state of the run is of revision %llu of its "
                        "stages, and %llu is the newest there is: the "
                        "parameter service has lost some, or they were deleted",
                        (unsigned long long)s->revision,
                        (unsigned long long)now);
}

/* What it changes, for people. */
static void tell(revise *v, const revision *r, const char *model,
                 revise_news *out)
{
    pe_error e = {0};
    /* Not that of the last commit: of one that is taken back there is none. */
    revision *before = revision_load_number(v->p, r->number - 1, &e);
    const char *why = revision_why(r);
    text what = {0};

    revision_words(before, r, &what);
    snprintf(out->words, sizeof(out->words),
             "revision %llu of the stages by %.60s: %.250s%s%.300s%s%.200s",
             (unsigned long long)r->number, revision_by(r),
             what.data ? what.data : "", *model ? "; " : "", model,
             *why ? "; because " : "", why);
    text_free(&what);
    revision_destroy(before);
}

/* [r] is applied to the state; -1: it cannot be, which is said. */
static int apply(revise *v, const revision *r, params_state *s,
                 revise_news *out, pe_error *errp)
{
    pipeline *pl = revision_pipeline(v->p, v->req, r, errp);
    char words[400] = "";
    int rc = pl ? 0 : -1;

    if (rc == 0 && s->model.len > 0)
        rc = model_revise(pl, &s->model, words, sizeof(words), errp);
    if (rc == 0)
        tell(v, r, words, out);
    pipeline_destroy(pl);
    return rc;
}

/* Has it been begun too often?  1: yes. */
static int begin(revise *v, uint64_t number, pe_error *errp)
{
    uint64_t times = 0;

    if (v->begun == number)
        return 0;
    if (params_revision_begin(v->p, number, v->member, &times, errp) < 0)
        return -1;
    v->begun = number;
    return times > REVISE_ATTEMPTS;
}

/* Take up [r]: 1 it is, 0 it was taken back. */
static int take(revise *v, const revision *r, params_state *s, revise_news *out,
                pe_error *errp)
{
    char why[200];
    int rc;

    out->fresh = r->number > s->revision && revision_is(r) == r->number;
    if (r->number == s->revision)
        return 1;
    rc = begin(v, r->number, errp);
    if (rc > 0 && out->fresh) {
        snprintf(why, sizeof(why),
                 "pool %.60s has ended %d times before its first commit under "
                 "it; 'pilot log' of it has its last words",
                 v->member, REVISE_ATTEMPTS);
        return revise_back(v, r->number, why, errp);
    }
    if (rc < 0)
        return -1;
    if (apply(v, r, s, out, errp) == 0)
        return 1;
    if (errp->kind == PE_ERROR_RETRY || !out->fresh)
        return -1;
    snprintf(why, sizeof(why), "%.199s", errp->text);
    return revise_back(v, r->number, why, errp);
}

int revise_load(revise *v, params_state *s, revise_news *out, pe_error *errp)
{
    uint64_t now = 0;
    revision *r = NULL;
    char why[256];
    int rc = 0;

    *out = (revise_news){0};
    while (v->p && rc == 0) {
        if (params_revision_now(v->p, &now, why, sizeof(why), errp) < 0)
            return -1;
        if (now < s->revision)
            return refuse_older(s, now, errp);
        if (now == 0)
            return 0;
        if (*why) {
            rc = revise_back(v, now, why, errp);
            continue;
        }
        r = revision_load_number(v->p, now, errp);
        rc = r ? take(v, r, s, out, errp) : -1;
        if (rc > 0 && !(out->text = revision_text(r, errp)))
            rc = -1;
        revision_destroy(r);
    }
    out->number = now;
    return rc < 0 ? -1 : 0;
}
