/* cancel.c - `pilot cancel`: end pilots, also ones that wait in a queue.
 *
 * That the end was asked for is written down before anybody is told, so that
 * a command that is cut off leaves nothing that looks untouched, and the same
 * command again does what is left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cmd/cmd.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/registry/release.h"
#include "src/run/pilots.h"

#define GRACE_S 10.0
#define STEP_NS (200 * CLOCK_MS)
#define SETTLE_NS (10 * CLOCK_S) /* for the job of one that has just ended */
#define OLD_NS (600 * CLOCK_S)

struct cancel_options {
    const char *run, *grace;
    bool all, now, quiet, help;
};

#define OPTION(kind, member) \
    OPTION_##kind, offsetof(struct cancel_options, member)

static const option_spec options[] = {
    {"run", 0, OPTION(TEXT, run), "RUN", NULL, "all pilots of a run"},
    {"all", 'a', OPTION(FLAG, all), NULL, NULL, "all pilots there are"},
    {"grace", 'g', OPTION(TEXT, grace), "TIME", NULL,
     "how long one that is up may finish its work (10s)"},
    {"now", 0, OPTION(FLAG, now), NULL, NULL,
     "at once: no time to finish or to tidy up"},
    {"quiet", 'Q', OPTION(FLAG, quiet), NULL, NULL, "print nothing but errors"},
    {"help", 'h', OPTION(FLAG, help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "[-Q] [--now | --grace TIME] ID|RUN|SCHED_ID...",
    "[-Q] [--now | --grace TIME] --run RUN",
    "[-Q] [--now | --grace TIME] --all", NULL};

static const option_usage usage = {
    .command = "pilot cancel",
    .synopsis = synopsis,
    .prose = "End pilots.  One that is up first gets a while to finish what "
             "it has.",
    .options = options,
    .min_args = 0,
    .max_args = -1,
};

/* What a scheduler knows of a pilot that may not be what its record says. */
enum fate {
    FATE_OVER, /* it was over before, and that was said */
    FATE_NONE, /* it was not asked */
    FATE_GONE, /* there is no such job, or not any more */
    FATE_LIVES
};

typedef struct canceling {
    const struct cancel_options *o;
    pilots p;
    enum fate *fate; /* of each of the pilots */
    double grace_s;
    int status; /* of the first failure */
} canceling;

static void failed(canceling *c, const pe_error *e)
{
    int status = log_failure(e);

    if (c->status == PE_EXIT_OK)
        c->status = status;
}

/* Over, with nothing left behind: one that is MISSING may still have a job. */
static bool is_over(const pilot_record *r)
{
    return pilot_state_is_final(r->state) &&
           (r->state != PILOT_MISSING || !*r->sched_id);
}

/* --- before all: jobs that may be other than their records --- */

/* A pilot that is over may have a job that runs: its script goes on, or it was
 * queued again by hand.  And what was not looked at for long may be over, and
 * its id be that of another job by now.
 */
static bool is_doubtful(const pilot_record *r, int64_t now)
{
    if (!*r->sched_id)
        return false;
    if (pilot_state_is_final(r->state))
        return now - r->ended_ns > SETTLE_NS;
    if (observe_is_elsewhere(r))
        return true;
    return now - r->observed_ns > OLD_NS;
}

static enum fate fate_of(const resource_job *job)
{
    return job->seen >= RESOURCE_QUEUED && job->seen <= RESOURCE_SUSPENDED
               ? FATE_LIVES
               : FATE_GONE;
}

/* One question for all that live at [url]. */
static void place_ask(canceling *c, const char *url, const size_t *at, size_t n)
{
    resource_job *jobs = calloc(n + 1, sizeof(*jobs));
    resource *res = jobs ? observe_cache_open(c->p.cache, url, NULL) : NULL;
    pe_error e = {0};

    for (size_t i = 0; jobs && i < n; i++) {
        const pilot_record *r = &c->p.r[at[i]];
        jobs[i].dir = r->dir;
        jobs[i].since_ns = r->submitted_ns ? r->submitted_ns : r->created_ns;
        snprintf(jobs[i].id, sizeof(jobs[i].id), "%s", r->sched_id);
    }
    if (res && res->ops->describe(res, jobs, n, &e) == 0)
        for (size_t i = 0; i < n; i++)
            c->fate[at[i]] = fate_of(&jobs[i]);
    else if (e.kind != PE_ERROR_NONE)
        log_warn("whether jobs of pilots that are over still run is not "
                 "known: %s",
                 e.text);
    free(jobs);
}

static int jobs_ask(canceling *c, pe_error *errp)
{
    int64_t now = clock_real_ns();
    size_t *at = calloc(c->p.n + 1, sizeof(*at));
    bool *done = calloc(c->p.n + 1, sizeof(*done));

    c->fate = calloc(c->p.n + 1, sizeof(*c->fate));
    for (size_t i = 0; c->fate && i < c->p.n; i++)
        c->fate[i] = FATE_NONE;
    for (size_t i = 0; at && done && c->fate && i < c->p.n; i++) {
        const char *url = c->p.r[i].resource;
        size_t n = 0;
        for (size_t k = i; k < c->p.n; k++)
            if (!done[k] && is_doubtful(&c->p.r[k], now) &&
                !strcmp(c->p.r[k].resource, url)) {
                at[n++] = k;
                done[k] = true;
            }
        if (n > 0)
            place_ask(c, url, at, n);
    }
    bool room = at && done && c->fate;
    free(at);
    free(done);
    return room ? 0 : pe_error_nomem(errp);
}

/* Is there something of pilot [i] to be ended? */
static bool is_left(const canceling *c, size_t i)
{
    return !is_over(&c->p.r[i]) || c->fate[i] == FATE_LIVES;
}

/* --- first: written down --- */

/* A pilot_record_change_f. */
static int mark(pilot_record *r, void *arg, pe_error *errp)
{
    bool unheard = r->state == PILOT_NEW && !r->submitting && !*r->sched_id;

    (void)arg;
    (void)errp;
    if (is_over(r) || (r->cancel_asked && !unheard))
        return 1;
    r->cancel_asked = true;
    if (unheard) { /* of by any scheduler: that was all */
        r->state = pilot_state_next(r->state, PILOT_ON_LOST, true);
        snprintf(r->reason, sizeof(r->reason),
                 "canceled before it was submitted");
        r->ended_ns = clock_real_ns();
    }
    return 0;
}

static void mark_all(canceling *c)
{
    for (size_t i = 0; i < c->p.n; i++) {
        pilot_record *r = &c->p.r[i];
        pe_error e = {0};
        if (is_over(r) && is_left(c, i)) {
            log_warn("%s is %s, but its job %s still runs: it is ended, too",
                     r->id, pilot_state_name(r->state), r->sched_id);
        } else if (is_over(r)) {
            if (!c->o->all)
                log_info("%s is %s already", r->id, pilot_state_name(r->state));
            c->fate[i] = FATE_OVER;
        } else if (pilot_record_change(c->p.home, r->id, mark, NULL, r, &e) <
                   0) {
            failed(c, &e);
        }
    }
}

/* --- then: the pilots that are up may finish --- */

static bool is_up(const pilot_record *r)
{
    return pilot_state_is_up(r->state);
}

/* How many were told. */
static size_t orders_give(canceling *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->p.n; i++) {
        const pilot_record *r = &c->p.r[i];
        pe_error e = {0};
        params *service;
        if (!is_up(r))
            continue;
        service = reach_params(c->p.reach, r->run, &e);
        if (service && params_order_put(service, r->name, "drain", &e) == 0)
            n++;
        else if (e.kind != PE_ERROR_NONE)
            log_warn("%s cannot be asked to finish first: %s", r->id, e.text);
    }
    return n;
}

static size_t count_up(const pilots *p)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n; i++)
        n += is_up(&p->r[i]);
    return n;
}

static int drain(canceling *c, pe_error *errp)
{
    int64_t until = clock_mono_ns() + (int64_t)(c->grace_s * 1e9);
    size_t told = c->grace_s > 0 ? orders_give(c) : 0;
    size_t deaf = count_up(&c->p) - told;

    if (told > 0)
        log_info("%zu pilot%s may finish, for %g s", told, told > 1 ? "s" : "",
                 c->grace_s);
    while (told > 0 && count_up(&c->p) > deaf && clock_mono_ns() < until) {
        clock_sleep_ns(STEP_NS, 1);
        if (pilots_observe(&c->p, PILOTS_ASK_NOT, errp) < 0)
            return -1;
    }
    return 0;
}

/* --- last: the scheduler --- */

/* It has no id yet: its submission is under way, or was cut off a moment ago.
 */
static int unheard_error(const pilot_record *r, pe_error *errp)
{
    long long age = (clock_real_ns() - r->created_ns) / CLOCK_S;

    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                        "pilot %s is not canceled yet: its submission began "
                        "%lld s ago, and the scheduler does not know it; say "
                        "'pilot cancel %s' again in half a minute",
                        r->id, age, r->id);
}

static int ask(canceling *c, size_t i, pe_error *errp)
{
    const pilot_record *r = &c->p.r[i];
    resource *res;
    int status = -1;

    if (!*r->sched_id)
        return unheard_error(r, errp);
    if (c->fate[i] == FATE_GONE && observe_is_elsewhere(r))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "pilot %s lives on %s: say 'pilot cancel %s' there",
                            r->id, r->host, r->id);
    if (c->fate[i] == FATE_GONE) /* nothing is left to be ended */
        return 0;
    res = observe_cache_open(c->p.cache, r->resource, errp);
    if (res && !res->ops->cancel)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "%s cannot end jobs",
                     res->ops->name);
    else if (res)
        status = res->ops->cancel(res, r->sched_id, c->o->now, errp);
    if (status < 0)
        pe_error_prefix(errp,
                        "pilot %s is not canceled ('pilot cancel %s' again "
                        "repeats it)",
                        r->id, r->id);
    return status;
}

/* A pilot_record_change_f: nothing of one that was MISSING is left now. */
static int missing_end(pilot_record *r, void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    if (r->state != PILOT_MISSING)
        return 1;
    r->state = pilot_state_next(r->state, PILOT_ON_SEEN_AS(RESOURCE_CANCELED),
                                r->cancel_asked);
    return 0;
}

static void ask_all(canceling *c)
{
    for (size_t i = 0; i < c->p.n; i++) {
        pilot_record *r = &c->p.r[i];
        pe_error e = {0};
        if (!is_left(c, i))
            continue;
        if (ask(c, i, &e) < 0 ||
            (r->state == PILOT_MISSING &&
             pilot_record_change(c->p.home, r->id, missing_end, NULL, r, &e) <
                 0))
            failed(c, &e);
    }
}

/* Does one of them lack an id that its scheduler may know? */
static bool has_unknown(const pilots *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (!is_over(&p->r[i]) && !*p->r[i].sched_id)
            return true;
    return false;
}

static bool has_living(const canceling *c)
{
    for (size_t i = 0; i < c->p.n; i++)
        if (is_left(c, i))
            return true;
    return false;
}

/* Those that have ended by themselves meanwhile were not asked for. */
static void machines_release(canceling *c)
{
    for (size_t i = 0; i < c->p.n; i++) {
        const pilot_record *r = &c->p.r[i];
        pe_error e = {0};
        if (c->fate[i] != FATE_OVER && pilot_state_is_final(r->state) &&
            pilot_release(c->p.home, r, &e) < 0)
            failed(c, &e);
    }
}

static void tell_all(const canceling *c)
{
    for (size_t i = 0; i < c->p.n; i++) {
        const pilot_record *r = &c->p.r[i];
        if (c->fate[i] == FATE_OVER)
            continue;
        if (r->cancel_asked && pilot_state_is_final(r->state))
            log_info("%s is %s", r->id, pilot_state_name(r->state));
        else if (r->cancel_asked && *r->sched_id)
            log_info("%s is being ended; 'pilot wait %s' waits for that", r->id,
                     r->id);
    }
}

/* What pilots have written themselves is looked at before, so that what is
 * over is not asked to end.
 */
static int cancel_all(canceling *c, pe_error *errp)
{
    if (pilots_observe(&c->p, PILOTS_ASK_NOT, errp) < 0)
        return -1;
    if (jobs_ask(c, errp) < 0)
        return -1;
    mark_all(c);
    if (c->o->all && c->status == PE_EXIT_OK && !has_living(c))
        log_info("nothing is to be ended: of %zu pilot%s none lives", c->p.n,
                 text_s(c->p.n));
    if (has_unknown(&c->p) && pilots_observe(&c->p, PILOTS_ASK_NOW, errp) < 0)
        return -1;
    if (!c->o->now && drain(c, errp) < 0)
        return -1;
    if (has_living(c)) {
        ask_all(c);
        /* One that did not answer is not waited for twice. */
        if (c->status == PE_EXIT_OK &&
            pilots_observe(&c->p, PILOTS_ASK_NOW, errp) < 0)
            return -1;
    }
    machines_release(c);
    if (c->status == PE_EXIT_OK)
        tell_all(c);
    return 0;
}

/* --run is about a run, and not about what else is called so. */
static int run_check(const pilots *p, const char *run, pe_error *errp)
{
    for (size_t i = 0; run && i < p->n; i++)
        if (strcmp(p->r[i].run, run) != 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "'%.200s' is no run; did you mean pilot %s?",
                                run, p->r[i].id);
    return 0;
}

static int operands_check(const struct cancel_options *o, int n, pe_error *errp)
{
    if ((n > 0) + (o->run != NULL) + o->all == 1)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "which pilots: name them, or say --run RUN or --all "
                        "(one of these); see 'pilot cancel --help'");
}

static int cancel_do(const struct cancel_options *o, size_t n, char **words)
{
    canceling c = {.o = o, .grace_s = GRACE_S};
    char *run = (char *)o->run;
    pe_error e = {0};

    if (o->quiet)
        log_limit(LOG_LEVEL_ERROR);
    if (o->grace && pilots_time("grace", o->grace, &c.grace_s, &e) < 0)
        return log_failure(&e);
    if (pilots_open(&c.p, &e) < 0 ||
        pilots_select(&c.p, run ? &run : words, run ? 1 : n, &e) < 0 ||
        run_check(&c.p, run, &e) < 0 || cancel_all(&c, &e) < 0)
        failed(&c, &e);
    pilots_close(&c.p);
    free(c.fate);
    return c.status;
}

int cmd_cancel(int argc, char **argv)
{
    struct cancel_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || operands_check(&o, argc - first, &e) < 0)
        return log_failure(&e);
    return cancel_do(&o, (size_t)(argc - first), argv + first);
}
