/* watch.c - pilots of a run that live in jobs of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/registry/beat.h"
#include "src/registry/observe.h"
#include "src/run/run.h"
#include "src/run/signals.h"

#define SECRET_MAX 65536 /* of a service: a login, with certificates */
#define BEATS_NS (500 * CLOCK_MS)
/* Schedulers are asked no more often; files beside us cost nothing. */
#define LOOK_NS (2000 * CLOCK_MS)
#define LAST_WORDS_NS (5000 * CLOCK_MS)

static bool is_watched(const agent *a)
{
    return !a->attached && a->state == AGENT_RUNS && *a->record.id;
}

/* A pilot inside an allocation has a record that this command did not make. */
static void record_adopt(agent *a)
{
    const struct run *r = a->run;
    char id[256];
    pilot_record found;

    if (a->attached || a->state != AGENT_RUNS || *a->record.id)
        return;
    snprintf(id, sizeof(id), "%s/%s", r->req->run, a->member);
    if (pilot_record_read(r->home, id, &found, NULL) == 0)
        a->record = found;
}

static void trouble(void *arg, const char *what)
{
    struct run *r = arg;
    const char *age = strstr(what, " (asked "); /* "... 12 s ago)" */
    int n = age ? (int)(age - what) : (int)strlen(what);

    r->in_trouble = true;
    if ((int)strlen(r->trouble) == n && !strncmp(r->trouble, what, (size_t)n))
        return; /* it was said, and nothing else was heard since */
    snprintf(r->trouble, sizeof(r->trouble), "%.*s", n, what);
    run_progress_clear(r);
    log_warn("%s", what);
}

/* Why a pilot does not run yet is said once, and when it changes. */
static void tell_reason(struct run *r, const pilot_record *before,
                        const pilot_record *now)
{
    if (pilot_state_is_final(now->state)) /* end_take has a word on that */
        return;
    if (!*now->reason ||
        (before->state == now->state && !strcmp(before->reason, now->reason)))
        return;
    run_progress_clear(r);
    log_info("%s is %s: %s", now->id, pilot_state_name(now->state),
             now->reason);
}

/* It ended without telling us: the registry knows how. */
static void end_take(agent *a)
{
    struct run *r = a->run;
    char what[800];

    if (!pilot_state_is_final(a->record.state) || a->state != AGENT_RUNS)
        return;
    /* Its last words may be on their way, with who goes on after it. */
    if (!a->gone_ns)
        a->gone_ns = clock_mono_ns();
    if (r->params && clock_mono_ns() - a->gone_ns < LAST_WORDS_NS)
        return;
    if (a->record.state == PILOT_DONE || a->asked) {
        a->state = AGENT_DONE;
        return;
    }
    a->state = AGENT_GIVEN_UP;
    snprintf(what, sizeof(what), "pilot %s is %s%s%s", a->member,
             pilot_state_name(a->record.state), *a->record.reason ? ": " : "",
             a->record.reason);
    run_fail(r, PE_EXIT_FAILED, a->told.error ? NULL : what);
}

static void pilots_observe(struct run *r, bool now)
{
    const observe_conf c = {
        .home = r->home, .now = now, .trouble = trouble, .arg = r};
    pilot_record *records = calloc(r->n_agents + 1, sizeof(*records));
    size_t n = 0;
    pe_error e = {0};

    for (size_t i = 0; records && i < r->n_agents; i++)
        if (is_watched(&r->agents[i]))
            records[n++] = r->agents[i].record;
    r->in_trouble = false;
    signals_step("the schedulers are asked about the pilots of the run");
    if (n > 0 && observe(&c, records, n, &e) < 0)
        trouble(r, e.text);
    signals_step_end();
    if (!r->in_trouble)
        r->trouble[0] = '\0';
    n = 0;
    for (size_t i = 0; records && i < r->n_agents; i++) {
        agent *a = &r->agents[i];
        if (!is_watched(a))
            continue;
        tell_reason(r, &a->record, &records[n]);
        a->record = records[n++];
        a->told.ready = a->told.ready || a->record.state == PILOT_ACTIVE ||
                        a->record.state == PILOT_STALLED;
        end_take(a);
    }
    free(records);
}

void run_watch_tell(struct run *r)
{
    char words[128];

    if (!r->placed || !r->params)
        return;
    snprintf(words, sizeof(words),
             "{\"schema\": %d, \"kind\": \"follower\", \"time_ns\": %lld}",
             BEAT_SCHEMA, (long long)clock_real_ns());
    params_pilot_put(r->params, RUN_FOLLOWER, words, NULL);
}

void run_watch(struct run *r, bool now)
{
    int64_t at = clock_mono_ns();

    if (at >= r->beats_ns) {
        r->beats_ns = at + BEATS_NS;
        for (size_t i = 0; i < r->n_agents; i++)
            record_adopt(&r->agents[i]);
        run_agents_hear(r);
    }
    if (now || at >= r->observe_ns) {
        r->observe_ns = at + LOOK_NS;
        pilots_observe(r, now);
        run_watch_tell(r);
    }
}

char *run_watch_secret(const struct run *r, const agent *a, const char *name)
{
    char *from = text_format("%s/service/%s", a->record.dir, name);
    char *to = run_path(r, name, NULL);
    resource *place = from && to ? backend_open(a->url, NULL) : NULL;
    char *data = NULL;
    size_t len = 0;

    if (place)
        data = host_read(place->host, from, 0, SECRET_MAX, &len, NULL);
    if (!data || len == 0 || file_write(to, data, len, 0600, NULL) < 0) {
        free(to);
        to = NULL;
    }
    if (data)
        explicit_bzero(data, len);
    free(data);
    resource_close(place);
    free(from);
    return to;
}

static int mark_canceled(pilot_record *rec, void *arg, pe_error *errp)
{
    (void)arg;
    (void)errp;
    rec->cancel_asked = true;
    return 0;
}

static void cancel(agent *a)
{
    pe_error e = {0};
    resource *place;

    if (pilot_record_change(a->run->home, a->record.id, mark_canceled, NULL,
                            &a->record, &e) < 0)
        log_warn("%s", e.text);
    place = backend_open(a->url, &e);
    if (!place || !place->ops->cancel ||
        place->ops->cancel(place, a->record.sched_id, false, &e) < 0)
        log_error("%s is not ended: %s; 'pilot cancel %s' tries again",
                  a->record.id, e.text, a->record.id);
    resource_close(place);
}

/* Does a job of [a] live, for all we know?  One that ended by its own word
 * has an exit code.
 */
static bool may_live(const agent *a)
{
    return a->state == AGENT_RUNS ||
           (a->state == AGENT_GIVEN_UP && a->told.exit_code == 0 &&
            (!pilot_state_is_final(a->record.state) ||
             a->record.state == PILOT_MISSING));
}

void run_watch_cancel(struct run *r)
{
    for (size_t i = 0; i < r->n_agents; i++) {
        agent *a = &r->agents[i];
        if (a->attached || a->inside || !*a->record.sched_id || !may_live(a))
            continue;
        signals_step("the job of %s is ended", a->record.id);
        cancel(a);
        signals_step_end();
    }
}
