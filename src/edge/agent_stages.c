/* agent_stages.c - the stages of an edge pilot change while it runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/edge/agent_private.h"
#include "src/revision/revision.h"

#define LOOK_NS 250000000
#define AGAIN_NS (100 * CLOCK_MS)
#define PATIENCE_NS (30 * CLOCK_S) /* for a pool to take one back */
#define ATTEMPTS 2                 /* ends of ours before that is asked for */

/* A revision as this pilot runs it; kept to the end, for functions hold what
 * it is made of.
 */
struct agent_stages {
    uint64_t number;
    pipeline *pl;
    plan plan;
    device_chain chain;
    learner_conf learn;
    agent_stages *before;
};

static void stages_free(agent_stages *s)
{
    if (!s)
        return;
    plan_clear(&s->plan);
    pipeline_destroy(s->pl);
    free(s);
}

void agent_stages_free(agent *a)
{
    while (a->stages) {
        agent_stages *s = a->stages;

        a->stages = s->before;
        stages_free(s);
    }
}

/* --- which stages do the same as before --- */

static const pipeline_stage *stage_of(const pipeline *pl, const char *name)
{
    for (size_t i = 0; i < pl->n_stages; i++)
        if (!strcmp(pl->stages[i].name, name))
            return &pl->stages[i];
    return NULL;
}

/* A stage that does the same bears the id of before. */
static void set_ids(plan *now, const pipeline *pl, const plan *was,
                    const pipeline *was_pl)
{
    for (size_t i = 0; i < PLAN_STAGES_MAX; i++) {
        device_stage *s = &now->stages[i];

        s->id = s;
        for (size_t k = 0; was && i < now->n_loaded && k < was->n_loaded; k++)
            if (!strcmp(was->stages[k].setup.stage, s->setup.stage) &&
                pipeline_stage_same(stage_of(pl, s->setup.stage),
                                    stage_of(was_pl, s->setup.stage)))
                s->id = was->stages[k].id;
    }
}

/* --- load --- */

static const plan *plan_now(const agent *a)
{
    return a->stages ? &a->stages->plan : &a->plan;
}

plan *agent_plan(agent *a)
{
    return a->stages ? &a->stages->plan : &a->plan;
}

const pipeline *agent_pipeline(const agent *a)
{
    return a->stages ? a->stages->pl : a->pl;
}

static revision *fetch(agent *a, uint64_t *nowp, char *why, size_t cap,
                       pe_error *errp)
{
    revision *r = NULL;

    pthread_mutex_lock(&a->lock);
    if (params_revision_now(a->params, nowp, why, cap, errp) == 0 &&
        (*nowp != a->revision || *why))
        r = revision_load_number(a->params, *nowp, errp);
    pthread_mutex_unlock(&a->lock);
    return r;
}

static agent_stages *make(const agent *a, const revision *r, pe_error *errp)
{
    agent_stages *s = calloc(1, sizeof(*s));
    int rc = -1;

    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    s->number = r->number;
    s->pl = revision_pipeline(NULL, a->req, r, errp);
    if (s->pl)
        rc = plan_make(&s->plan, s->pl, a->req, a->plan.pilot->name, errp);
    if (rc == 0) /* and those that have moved here */
        rc = plan_reach(&s->plan, s->pl, a->req, plan_now(a)->n_loaded, errp);
    if (rc < 0) {
        stages_free(s);
        return NULL;
    }
    set_ids(&s->plan, s->pl, plan_now(a), agent_pipeline(a));
    s->chain = (device_chain){
        .stages = s->plan.stages,
        .number = s->number,
        .learn = agent_learner(s->pl, &s->learn) ? &s->learn : NULL};
    return s;
}

static int say_fails(agent *a, uint64_t number, const char *why, pe_error *errp)
{
    char words[256];
    int rc;

    snprintf(words, sizeof(words), "pilot %.60s: %.180s", a->pilot, why);
    pthread_mutex_lock(&a->lock);
    rc = params_revision_fail(a->params, number, words, errp);
    pthread_mutex_unlock(&a->lock);
    return rc;
}

/* One more start by it; 1: it has ended us too often. */
static int begin(agent *a, const revision *r, pe_error *errp)
{
    uint64_t times = 0;
    int rc;

    a->stages_passed = false;
    if (revision_is(r) != r->number)
        return 0; /* what was there before works */
    pthread_mutex_lock(&a->lock);
    rc = params_revision_begin(a->params, r->number, a->pilot, &times, errp);
    pthread_mutex_unlock(&a->lock);
    return rc < 0 ? -1 : times > ATTEMPTS;
}

/* 1: [r] is there; 0: it is to be taken back; -1. */
static int prepare(agent *a, const revision *r, pe_error *errp)
{
    agent_stages *s;
    pe_error e = {0};
    int rc = begin(a, r, errp);

    if (rc < 0)
        return -1;
    if (rc > 0)
        return say_fails(a, r->number,
                         "it has ended twice before its first block under it",
                         errp);
    s = make(a, r, &e);
    if (!s && e.kind == PE_ERROR_RETRY) {
        *errp = e;
        return -1;
    }
    if (!s)
        return say_fails(a, r->number, e.text, errp);
    s->before = a->stages;
    a->stages = s;
    return 1;
}

/* --- at the start --- */

int agent_first_stages(agent *a, pe_error *errp)
{
    int64_t until = clock_mono_ns() + PATIENCE_NS;
    uint64_t now = 0;
    char why[256];

    set_ids(&a->plan, a->pl, NULL, NULL);
    while (clock_mono_ns() < until) {
        pe_error e = {0};
        revision *r = fetch(a, &now, why, sizeof(why), &e);
        int rc = *why ? 0 : r ? prepare(a, r, &e) : 0;

        revision_destroy(r);
        if (e.kind != PE_ERROR_NONE && agent_spools_bear(a, &e))
            return 0; /* those of the file, until it answers */
        if (e.kind != PE_ERROR_NONE) {
            *errp = e;
            return -1;
        }
        if (rc > 0 || (!r && now == 0)) {
            a->revision = now;
            return 0;
        }
        clock_sleep_ns(AGAIN_NS, 0);
    }
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                        "revision %llu of the stages does not work here (%s), "
                        "and no pool takes it back",
                        (unsigned long long)now, why);
}

/* --- while it runs --- */

/* What devices say of the newest: -1 retry. */
static int look_at_devices(agent *a, pe_error *errp)
{
    int passed = 0, rc = 0;

    if (a->stages_passed || a->revision == 0)
        return 0;
    for (int i = 0; i < a->n; i++) {
        device_revised v;

        device_revised_get(a->devices[i].device, &v);
        if (v.refused == a->revision) {
            a->stages_passed = true; /* it is said once */
            return say_fails(a, a->revision, v.why, errp);
        }
        passed += v.passed == a->revision;
    }
    if (passed < a->n)
        return 0;
    a->stages_passed = true;
    pthread_mutex_lock(&a->lock);
    rc = params_revision_stands(a->params, a->revision, a->pilot, errp);
    pthread_mutex_unlock(&a->lock);
    return rc;
}

static int take(agent *a, pe_error *errp)
{
    uint64_t now = 0;
    char why[256];
    pe_error e = {0};
    revision *r = fetch(a, &now, why, sizeof(why), &e);
    int rc = 0;

    if (e.kind != PE_ERROR_NONE) {
        *errp = e;
        return -1;
    }
    if (!r)
        return 0;
    if (!*why && now != a->revision)
        rc = prepare(a, r, errp);
    revision_destroy(r);
    if (rc < 0)
        return -1;
    a->revision = *why ? a->revision : now;
    if (rc == 0)
        return 0;
    log_info("revision %llu of the stages", (unsigned long long)now);
    for (int i = 0; i < a->n; i++)
        device_revise(a->devices[i].device, &a->stages->chain);
    return 0;
}

int agent_take_stages(agent *a, pe_error *errp)
{
    int64_t now = clock_mono_ns();
    pe_error e = {0};

    if (now < a->stages_ns || a->end_ns)
        return 0;
    a->stages_ns = now + LOOK_NS;
    if (take(a, &e) == 0 && look_at_devices(a, &e) == 0)
        return 0;
    if (e.kind == PE_ERROR_RETRY)
        return 0;
    *errp = e;
    return -1;
}
