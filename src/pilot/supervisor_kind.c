/* supervisor_kind.c - what runs in a pilot of each kind. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/tally.h"
#include "src/agent/via.h"
#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/launcher/launcher.h"
#include "src/pilot/bury.h"
#include "src/pilot/scratch.h"
#include "src/pilot/sibling.h"
#include "src/pilot/supervisor.h"
#include "src/pilot/topics.h"
#include "src/registry/hear.h"

#define BURY_NS (2 * CLOCK_S) /* between two tries */
#define BURY_TIMEOUT_S 1.0
#define PACE_NS (3 * CLOCK_S)

/* --- what crews tell --- */

static void keep(json_t **slotp, json_t *event)
{
    json_decref(*slotp);
    *slotp = json_incref(event);
}

static void unit_ready(supervisor *s, const json_t *event)
{
    const char *endpoint =
        json_string_value(json_object_get(event, "endpoint"));

    if (endpoint)
        snprintf(s->endpoint, sizeof(s->endpoint), "%s", endpoint);
    for (size_t i = 0; i < s->n_units; i++)
        if (!s->units[i].crew.told.ready)
            return;
    if (s->state == SUPERVISOR_STARTING)
        tell_state(s, SUPERVISOR_ACTIVE, "%s", "");
    if (s->state == SUPERVISOR_ACTIVE)
        s->reason[0] = '\0'; /* it came up again */
}

/* The devices of an edge follow models to the end of the run, and sense
 * nothing more.
 */
static void sources_ended(supervisor *s)
{
    if (s->pilot->kind == PILOT_EDGE && s->state == SUPERVISOR_ACTIVE)
        tell_state(s, SUPERVISOR_DRAINING, "its sources have ended");
}

/* Blocks a second, over some seconds, beside what the pool tells. */
static void pace_add(supervisor *s, json_t *event)
{
    const json_t *blocks = json_object_get(event, "blocks");
    int64_t n = json_integer_value(blocks), now = clock_mono_ns();

    if (!blocks)
        return;
    if (s->pace.ns == 0 || n < s->pace.blocks) {
        s->pace.ns = now;
        s->pace.blocks = n;
    } else if (now - s->pace.ns >= PACE_NS) {
        s->pace.rate =
            (double)(n - s->pace.blocks) * 1e9 / (double)(now - s->pace.ns);
        s->pace.ns = now;
        s->pace.blocks = n;
    }
    json_object_set_new(event, "rate", json_real(s->pace.rate));
}

/* What its host has taken meanwhile, in its last word. */
static void energy_add(supervisor *s, json_t *event)
{
    energy_turn(&s->energy);
    json_object_set_new(event, "energy", energy_json(&s->energy));
}

static void event_take(void *arg, json_t *event)
{
    unit *u = arg;
    supervisor *s = u->s;
    const char *kind = json_string_value(json_object_get(event, "event"));

    if (!strcmp(kind, "progress"))
        pace_add(s, event);
    if (!strcmp(kind, "pool") || !strcmp(kind, "edge")) {
        energy_add(s, event);
        life_tell(s, event);
    }
    tell_event(s, json_incref(event));
    if (!strcmp(kind, "ready"))
        unit_ready(s, event);
    if (!strcmp(kind, "ended"))
        sources_ended(s);
    if (!strcmp(kind, "progress")) {
        tell_progress(s, event);
        time_learn(s, event);
    }
    if (!strcmp(kind, "error"))
        keep(&s->error, event);
    if (!strcmp(kind, "pool") || !strcmp(kind, "edge")) {
        keep(&s->final, event);
        s->heard_ns = 0;
    }
    if (!strcmp(kind, "edge") && !s->stopped)
        s->reason[0] = '\0';
}

static void line_take(void *arg, const char *line)
{
    const unit *u = arg;

    log_info("%s: %s", u->name, line);
}

/* --- deaths --- */

static bool run_is_done(supervisor *s)
{
    char order[HERALD_WORD_MAX], control[HERALD_WORD_MAX];

    return s->herald && herald_hear(s->herald, order, control) &&
           !strcmp(control, "done");
}

/* Why [u] is not started again; NULL: it is. */
static const char *refuse_restart(supervisor *s)
{
    if (s->stopped || run_is_done(s))
        return "";
    if (pipeline_is_local(s->pl)) /* it keeps nothing to go on with */
        return "";
    if (!deadline_allows_start(&s->time, clock_real_ns()))
        return "; its time is nearly over, so it is not started again";
    return NULL;
}

/* What an edge agent that does not come back has counted. */
static void tell_left(supervisor *s)
{
    tally_counts c;
    json_t *event;

    if (s->pilot->kind != PILOT_EDGE || tally_read(s->dir, &c) < 0)
        return;
    event = tally_event(s->req->member, &c, false, 0);
    if (event)
        keep(&s->progress, event);
    tell_event(s, event);
}

/* It died without a word.  A scheduler that ends a job signals all that is in
 * it, on every host: ranks that die of it have not failed.
 */
static void tell_silent(supervisor *s, const unit *u, const char *what,
                        const char *why)
{
    char *words = s->attached ? NULL : hear_own_words(u->dir, u->err_from);
    pe_error e = {0};

    if (s->signal)
        pe_error_set(&e, PE_ERROR_FATAL, (enum pe_exit)(128 + s->signal),
                     "pilot %s %s, as its job was asked to end by signal %d",
                     u->name, what, s->signal);
    else
        pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED, "pilot %s %s%s%s%s",
                     u->name, what, why ? why : "", words ? "; it said: " : "",
                     words ? words : "");
    free(words);
    s->silent = !s->signal;
    tell_error(s, &e);
}

/* Why it is started again, for those who look meanwhile. */
static void reason_again(supervisor *s, const unit *u, const char *what)
{
    char *words = s->attached ? NULL : hear_own_words(u->dir, u->err_from);

    snprintf(s->reason, sizeof(s->reason), "%s, and is started again%s%s", what,
             words ? "; it said: " : "", words ? words : "");
    s->changed = true;
    free(words);
}

static int unit_started(void *arg, pe_error *errp)
{
    const unit *u = arg;

    (void)errp;
    u->s->begun_ns = clock_real_ns();
    json_object_del(u->s->progress, "cpu_s"); /* of one that died */
    u->s->changed = true;                     /* for life_keep */
    return 0;
}

static int64_t unit_died(void *arg, const char *what, int64_t delay_ns)
{
    unit *u = arg;
    supervisor *s = u->s;
    const char *why = refuse_restart(s);
    char line[1024];

    s->heard_ns = 0;
    if (delay_ns >= 0 && !why) {
        snprintf(line, sizeof(line), "pilot %s %s; it is started again%s",
                 u->name, what, delay_ns > 0 ? " in a moment" : "");
        reason_again(s, u, what);
        keep(&s->error, NULL); /* what comes may be whole */
        tell_event(s, json_pack("{s:s, s:s, s:s, s:b}", "event", "died",
                                "pilot", u->name, "text", line, "again", 1));
        return delay_ns;
    }
    if (!u->crew.told.error)
        tell_silent(s, u, what, why);
    tell_left(s);
    tell_event(s, json_pack("{s:s, s:s, s:s, s:b}", "event", "died", "pilot",
                            u->name, "text", what, "again", 0));
    return -1;
}

static void unit_stumbled(void *arg, const char *what)
{
    const unit *u = arg;
    char line[1024];

    snprintf(line, sizeof(line), "pilot %s %s", u->name, what);
    tell_note(u->s, line);
}

static const crew_ops unit_ops = {
    .command = kind_command,
    .started = unit_started,
    .event = event_take,
    .line = line_take,
    .died = unit_died,
    .stumbled = unit_stumbled,
};

/* --- open, close --- */

static size_t unit_count(const supervisor *s)
{
    size_t n = 0;

    if (s->pilot->kind != PILOT_ALLOCATION)
        return 1;
    while (s->conf.tenants && s->conf.tenants[n])
        n++;
    return n;
}

/* Where it says what is for people: a tenant of an allocation in its own
 * folder, where `pilot log` looks, the others where we do.
 */
static int folder_fill(supervisor *s, unit *u, pe_error *errp)
{
    char *run_dir;

    if (s->pilot->kind != PILOT_ALLOCATION) {
        u->dir = text_format("%s", s->dir);
        return u->dir ? 0 : pe_error_nomem(errp);
    }
    run_dir = locate_folder(s->dir, errp);
    u->dir = run_dir ? text_format("%s/%s", run_dir, u->name) : NULL;
    u->err_path = u->dir ? text_format("%s/err", u->dir) : NULL;
    u->crew.err_path = u->err_path;
    free(run_dir);
    return u->err_path ? 0 : pe_error_nomem(errp);
}

static int unit_fill(supervisor *s, unit *u, const char *name, pe_error *errp)
{
    const pipeline_pilot *k = s->pilot->kind == PILOT_ALLOCATION
                                  ? pipeline_pilot_find(s->pl, name)
                                  : s->pilot;

    u->s = s;
    u->name = strdup(name);
    if (!u->name)
        return pe_error_nomem(errp);
    u->is_service = k && pilot_kind_is_service(k->kind);
    u->is_params = k && k->kind == PILOT_PARAMS;
    u->crew = (crew){.ops = &unit_ops, .arg = u};
    if (folder_fill(s, u, errp) < 0)
        return -1;
    if (s->pilot->kind != PILOT_ALLOCATION)
        u->crew.mark = s->mark;
    return 0;
}

int kind_open(supervisor *s, pe_error *errp)
{
    size_t n = unit_count(s);

    s->units = calloc(n + 1, sizeof(*s->units));
    if (!s->units)
        return pe_error_nomem(errp);
    while (s->n_units < n) {
        const char *name = s->pilot->kind == PILOT_ALLOCATION
                               ? s->conf.tenants[s->n_units]
                               : s->req->member;
        if (unit_fill(s, &s->units[s->n_units++], name, errp) < 0)
            return -1;
    }
    return 0;
}

void kind_close(supervisor *s)
{
    for (size_t i = 0; i < s->n_units; i++) {
        crew_close(&s->units[i].crew);
        free(s->units[i].name);
        free(s->units[i].dir);
        free(s->units[i].err_path);
    }
    free(s->units);
    if (!s->dir)
        return;
    scratch_clean(s->dir);
    launcher_clean(s->dir);
}

/* --- what has to be there before --- */

static int services_find(supervisor *s, pe_error *errp)
{
    pipeline_request *q = s->req;
    bool had = q->broker && q->params_url;

    if (!q->broker && sibling_find(s, PILOT_BROKER, errp) < 0)
        return -1;
    if (!q->params_url && sibling_find(s, PILOT_PARAMS, errp) < 0)
        return -1;
    if (!q->broker || !q->params_url) {
        snprintf(s->reason, sizeof(s->reason), "waits for the %s of the run",
                 q->broker ? "parameter service" : "broker");
        return 0;
    }
    /* The agents read it from there. */
    return had || (sibling_logins(s, errp) == 0 &&
                   pipeline_request_write(q, errp) == 0)
               ? 1
               : -1;
}

static int herald_open(supervisor *s, pe_error *errp)
{
    params_conf c = {0};

    if (via_open(s->req, errp) < 0)
        return -1;
    pipeline_request_params(s->req, &c);
    s->herald = herald_start(&c, s->req->run, s->req->member, errp);
    s->changed = true;
    if (s->herald && s->pilot->kind != PILOT_POOL &&
        s->pilot->kind != PILOT_EDGE)
        herald_watch(s->herald, s->pilot->kind == PILOT_PARAMS);
    return s->herald ? 0 : -1;
}

/* Is the run ours?  1: yes; 0: the service does not answer yet; -1: another
 * home's.
 */
static int claim_take(supervisor *s, pe_error *errp)
{
    params_conf c = {.no_commits = true};
    params *p = NULL;

    if (s->claimed || !s->req->claim)
        return 1;
    pipeline_request_params(s->req, &c);
    p = params_open(&c, s->req->run, errp);
    if (p && params_claim_take(p, s->req->claim, errp) == 0)
        s->claimed = true;
    params_close(p);
    return s->claimed ? 1 : errp->kind == PE_ERROR_RETRY ? 0 : -1;
}

/* Pools and edges need both services and their topics. */
static int agents_ready(supervisor *s, pe_error *errp)
{
    int found;

    if (pipeline_is_local(s->pl))
        return 1;
    found = services_find(s, errp);
    if (found <= 0)
        return found;
    if (!s->herald && herald_open(s, errp) < 0)
        return -1;
    found = claim_take(s, errp);
    if (found <= 0) {
        snprintf(s->reason, sizeof(s->reason), "%.400s", errp->text);
        return found;
    }
    if (topics_ensure(s->pl, s->req,
                      s->pilot->kind == PILOT_EDGE ? LOGIN_DEVICE : LOGIN_POOL,
                      errp) < 0) {
        if (!errp || errp->kind != PE_ERROR_RETRY)
            return -1;
        snprintf(s->reason, sizeof(s->reason), "%.400s", errp->text);
        return 0;
    }
    s->reason[0] = '\0';
    return 1;
}

int kind_ready(supervisor *s, pe_error *errp)
{
    switch (s->pilot->kind) {
    case PILOT_POOL:
    case PILOT_EDGE:
        return agents_ready(s, errp);
    case PILOT_BROKER:
    case PILOT_PARAMS:
    case PILOT_ALLOCATION:
    case PILOT_N_KINDS:
        break;
    }
    return 1;
}

/* They may themselves be what the run talks through. */
int kind_listen(supervisor *s, pe_error *errp)
{
    pipeline_request *q = s->req;

    if (s->herald || s->closed || s->pilot->kind == PILOT_POOL ||
        s->pilot->kind == PILOT_EDGE)
        return 0;
    if (s->pilot->kind == PILOT_PARAMS && *s->endpoint && !q->params_url &&
        sibling_self(s, errp) < 0)
        return -1;
    if (!q->params_url && sibling_find(s, PILOT_PARAMS, errp) < 0)
        return -1;
    if (!q->params_url)
        return 0;
    return !q->logins && sibling_logins(s, errp) < 0 ? -1
                                                     : herald_open(s, errp);
}

void kind_drain(unit *u)
{
    enum pilot_kind kind = u->s->pilot->kind;

    if (u->crew.state == CREW_WAITS)
        crew_release(&u->crew);
    if (u->asked || u->crew.state != CREW_RUNS)
        return;
    u->asked = true;
    /* A pool that is not up may die of what it cannot hear yet. */
    if (u->is_service || kind == PILOT_ALLOCATION || !u->crew.told.ready)
        crew_release(&u->crew);
    /* A pool drains; a tenant of an allocation is no longer needed. */
    crew_signal(&u->crew, kind == PILOT_POOL         ? SIGUSR1
                          : kind == PILOT_ALLOCATION ? SIGUSR2
                                                     : SIGTERM);
}

/* --- ends of devices that do not come back --- */

static int edge_bury(const supervisor *s, pe_error *errp)
{
    params_conf c = {0};
    params *p;
    int status;

    pipeline_request_params(s->req, &c);
    c.no_commits = true;
    c.connect_timeout_s = BURY_TIMEOUT_S;
    c.command_timeout_s = BURY_TIMEOUT_S;
    p = params_open(&c, pipeline_request_key(s->req), errp);
    if (!p)
        return -1;
    status = bury_devices(s->pl, s->req, s->pilot, s->req->place, p, errp);
    params_close(p);
    return status;
}

bool kind_ends_due(supervisor *s, int64_t now)
{
    pe_error e = {0};

    if (s->buried || s->attached || s->stopped || s->done || !s->begun ||
        s->pilot->kind != PILOT_EDGE || s->units[0].crew.state != CREW_LOST)
        return false;
    if (now < s->bury_ns)
        return true;
    s->buried = edge_bury(s, &e) == 0 || e.kind != PE_ERROR_RETRY;
    if (*e.text && (!s->bury_ns || s->buried))
        log_warn("the ends of its devices cannot be written%s: %s",
                 s->buried ? "" : " yet", e.text);
    s->bury_ns = clock_mono_ns() + BURY_NS;
    return !s->buried;
}
