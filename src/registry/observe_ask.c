/* observe_ask.c - ask schedulers, and hear what pilots say. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/registry/apply.h"
#include "src/registry/hear.h"
#include "src/registry/observe_private.h"

/* Between two questions because of a pilot that has ended, at least. */
#define WORD_NS (2 * CLOCK_S)

void observe_trouble(const observe_work *w, const char *fmt, ...)
{
    char what[1400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    if (w->c->trouble)
        w->c->trouble(w->c->arg, what);
}

/* A place with a queue has a scheduler that is not to be asked too often. */
bool observe_has_queue(const char *url)
{
    return !backend_is_direct(url);
}

bool observe_is_due(observe_work *w, const char *url)
{
    asked *a = asked_of(&w->asked, url);
    int64_t period = w->c->period_ns > 0 ? w->c->period_ns : OBSERVE_PERIOD_NS;

    if (w->c->now)
        return true;
    return a && asked_is_due(a, observe_has_queue(url), period, w->now);
}

/* --- ask --- */

static resource_job job_of(const pilot_record *r)
{
    resource_job job = {
        .dir = r->dir, .seen = RESOURCE_ABSENT, .exit_code = -1, .signal = -1};

    snprintf(job.id, sizeof(job.id), "%s", r->sched_id);
    job.since_ns = r->submitted_ns ? r->submitted_ns : r->created_ns;
    return job;
}

bool observe_is_elsewhere(const pilot_record *r)
{
    char here[sizeof(r->host)] = "";

    if (!backend_is_here(r->resource) || !*r->host)
        return false;
    return gethostname(here, sizeof(here) - 1) == 0 && strcmp(here, r->host);
}

/* A scheduler that does not know what somebody is just submitting says
 * nothing about it; nor does a host about the processes of another.
 */
static bool says_nothing(const observe_work *w, const pilot_record *r,
                         const resource_job *job)
{
    if (job->seen != RESOURCE_ABSENT)
        return false;
    return observe_is_elsewhere(r) ||
           (r->state == PILOT_NEW && pilot_record_is_held(w->c->home, r->id));
}

/* One question for all of [list]. */
static int ask(observe_work *w, resource *res, observe_item **list, size_t n,
               pe_error *errp)
{
    resource_job *jobs = calloc(n + 1, sizeof(*jobs));
    int status;

    if (!jobs)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++)
        jobs[i] = job_of(&list[i]->rec);
    status = res->ops->describe(res, jobs, n, errp);
    for (size_t i = 0; status == 0 && i < n; i++) {
        list[i]->job = jobs[i];
        list[i]->answered = !says_nothing(w, &list[i]->rec, &jobs[i]);
    }
    free(jobs);
    if (status == 0)
        w->now = clock_real_ns(); /* an answer may take its time */
    return status;
}

/* Remember how a question went. */
static void note(observe_work *w, const char *url, const pe_error *e)
{
    asked *a = asked_of(&w->asked, url);

    if (!a)
        return;
    if (e || a->failures > 0 || observe_has_queue(url))
        w->asked_any = true; /* worth to be kept */
    a->tried_ns = clock_real_ns();
    if (e) {
        a->failures++;
        snprintf(a->trouble, sizeof(a->trouble), "%s", e->text);
        observe_trouble(w, "%s", e->text);
    } else {
        a->failures = 0;
        a->answered_ns = a->tried_ns;
        a->trouble[0] = '\0';
    }
}

/* Not asked this time.  The last answer was about all pilots that lived. */
static void note_old(observe_work *w, const char *url, observe_item **list,
                     size_t n)
{
    const asked *a = asked_of(&w->asked, url);

    for (size_t i = 0; a && i < n; i++)
        if (a->answered_ns > list[i]->rec.observed_ns &&
            a->answered_ns > list[i]->rec.submitted_ns)
            list[i]->rec.observed_ns = a->answered_ns;
    if (a && a->failures > 0)
        observe_trouble(w, "%s (asked %lld s ago)", a->trouble,
                        (long long)((w->now - a->tried_ns) / CLOCK_S));
}

/* --- hear --- */

/* A thing that is JSON and no beat is as good as none. */
void observe_take(observe_item *it)
{
    json_t **both[] = {&it->beat_json, &it->end_json};
    beat *out[] = {&it->beat, &it->end};

    for (size_t i = 0; i < 2; i++)
        if (*both[i] && beat_take(*both[i], out[i], NULL) < 0) {
            json_decref(*both[i]);
            *both[i] = NULL;
        }
}

static int hear_all(resource *res, observe_item **list, size_t n,
                    pe_error *errp)
{
    heard *files = calloc(n + 1, sizeof(*files));
    double timeout =
        res->timeout_s > 0 ? res->timeout_s : OBSERVE_HOST_TIMEOUT_S;
    int status;

    if (!files)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++)
        files[i].dir = list[i]->rec.dir;
    status = hear(res->host, timeout, files, n, errp);
    for (size_t i = 0; i < n; i++) {
        list[i]->beat_json = files[i].beat;
        list[i]->end_json = files[i].end;
        observe_take(list[i]);
    }
    free(files);
    return status;
}

/* Each has a machine of its own, and no need to be asked: it tells the
 * parameter service.  What it has written is the better word where it can be
 * had.
 */
static void hear_machines(observe_work *w, resource *res, observe_item **list,
                          size_t n)
{
    double timeout =
        res->timeout_s > 0 ? res->timeout_s : OBSERVE_HOST_TIMEOUT_S;

    for (size_t i = 0; i < n; i++) {
        heard file = {.dir = list[i]->rec.dir};
        const observe_item *it = list[i];
        pe_error e = {0};
        host *h;
        if (pilot_state_is_final(it->rec.state) || !*it->rec.sched_id ||
            (it->answered && it->job.seen != RESOURCE_RUNNING))
            continue;
        h = resource_host(res, it->rec.sched_id, &e);
        if (!h || hear(h, timeout, &file, 1, &e) < 0)
            observe_trouble(w, "%s", e.text);
        list[i]->beat_json = file.beat;
        list[i]->end_json = file.end;
        observe_take(list[i]);
    }
}

/* For those that are over nobody is asked. */
static bool any_lives(observe_item *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!pilot_state_is_final(list[i]->rec.state))
            return true;
    return false;
}

/* Has one of them ended in a way that only the scheduler can explain?  It is
 * asked less and less often the longer that goes on.
 */
static bool wants_word(observe_work *w, const char *url,
                       observe_item *const *list, size_t n)
{
    const asked *a = asked_of(&w->asked, url);

    if (!a || a->failures > 0 || w->c->period_ns == OBSERVE_NEVER_NS)
        return false;
    for (size_t i = 0; i < n; i++) {
        const observe_item *it = list[i];
        int64_t wait = (w->now - it->end.time_ns) / 2;
        if (it->end_json && !pilot_state_is_final(it->rec.state) &&
            apply_wants_word(&it->rec, &it->end, w->now) &&
            w->now - a->tried_ns >= (wait > WORD_NS ? wait : WORD_NS))
            return true;
    }
    return false;
}

/* Ask on demand: an answer that is not about all pilots there. */
static void ask_for_word(observe_work *w, resource *res, observe_item **list,
                         size_t n)
{
    asked *a = asked_of(&w->asked, res->url);
    int64_t answered = a ? a->answered_ns : 0;
    pe_error e = {0};
    int status = ask(w, res, list, n, &e);

    note(w, res->url, status < 0 ? &e : NULL);
    a = asked_of(&w->asked, res->url);
    if (a)
        a->answered_ns = answered;
}

/* All pilots at one place. */
static void place_observe(observe_work *w, const char *url, observe_item **list,
                          size_t n)
{
    bool due = observe_is_due(w, url) && (w->c->now || any_lives(list, n));
    pe_error e = {0};
    resource *res = observe_cache_open(w->cache, url, &e);
    int status = 0;

    if (!res) {
        note(w, url, &e);
        return;
    }
    if (due) {
        status = ask(w, res, list, n, &e);
        note(w, url, status < 0 ? &e : NULL);
    } else {
        note_old(w, url, list, n);
    }
    /* A host that does not answer is not waited for twice. */
    if (!res->host || (status < 0 && !host_is_local(res->host)))
        return;
    if (res->ops->at)
        hear_machines(w, res, list, n);
    else if (hear_all(res, list, n, &e) < 0)
        observe_trouble(w, "%s", e.text);
    if (!due && wants_word(w, url, list, n))
        ask_for_word(w, res, list, n);
}

int observe_places(observe_work *w, pe_error *errp)
{
    observe_item **list = calloc(w->n + 1, sizeof(*list));
    bool *seen = calloc(w->n + 1, sizeof(*seen));
    int status = list && seen ? 0 : pe_error_nomem(errp);

    for (size_t i = 0; status == 0 && i < w->n; i++) {
        const char *url = w->items[i].rec.resource;
        size_t n = 0;
        for (size_t k = i; k < w->n && !seen[i]; k++)
            if (!seen[k] && !strcmp(w->items[k].rec.resource, url)) {
                list[n++] = &w->items[k];
                seen[k] = k > i;
            }
        if (n > 0)
            place_observe(w, url, list, n);
    }
    free(seen);
    free(list);
    return status;
}
