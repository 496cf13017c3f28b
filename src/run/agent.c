/* agent.c - the pilots of a run: start, hear, end. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/backend/backend.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/launcher/launcher.h"
#include "src/request/defaults.h"
#include "src/request/place.h"
#include "src/run/run.h"

#define TAIL_BYTES 8192
#define TAIL_LINES 5

/* --- start --- */

submit_plan run_agent_plan(const agent *a, const char *cwd)
{
    const struct run *r = a->run;

    return (submit_plan){.home = r->home,
                         .pl = r->p,
                         .pilot = a->pilot,
                         .run = r->req,
                         .member = a->member,
                         .place = a->place,
                         .url = a->url,
                         .request = &a->request,
                         .submit_dir = cwd ? cwd : "/",
                         .renew = r->req->resumed || a->crew.starts > 0};
}

int run_agent_submit(agent *a, pe_error *errp)
{
    char *cwd = getcwd(NULL, 0);
    submit_plan p = run_agent_plan(a, cwd);
    int status = submit(&p, &a->record, errp);

    free(cwd);
    /* A scheduler has its job, or may have. */
    if (status == 0 || errp->kind == PE_ERROR_RETRY)
        a->run->made_dir = false;
    if (status < 0)
        return -1;
    log_info("%s is job %s on %s", a->record.id, a->record.sched_id, a->url);
    a->state = AGENT_RUNS;
    return 0;
}

/* --- what they say --- */

static void error_take(agent *a, const char *what)
{
    run_progress_clear(a->run);
    log_error("%s", what ? what : "a pilot failed without a word");
    monitor_error(a->run->monitor, what ? what : "");
}

/* Its processes died, and are started again or not. */
static void died_take(agent *a, const json_t *event)
{
    const char *what = json_string_value(json_object_get(event, "text"));

    monitor_lost(a->run->monitor, a->member, a->pilot->kind == PILOT_EDGE);
    if (!json_is_true(json_object_get(event, "again")))
        return;
    run_progress_clear(a->run);
    log_warn("%s", what ? what : "a pilot died; it is started again");
}

static void ready_take(agent *a, const char *endpoint)
{
    if (endpoint)
        snprintf(a->record.endpoint, sizeof(a->record.endpoint), "%s",
                 endpoint);
    if (a->run->drained && a->run->local)
        run_agent_drain(a); /* it missed the signal */
}

void run_agent_take(agent *a, json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    const char *what = json_string_value(json_object_get(event, "text"));

    if (!agent_told_take(&a->told, event))
        return;
    monitor_take(a->run->monitor, a->member, event);
    if (!strcmp(kind, "error"))
        error_take(a, what);
    if (!strcmp(kind, "died"))
        died_take(a, event);
    if (!strcmp(kind, "note") && what) {
        run_progress_clear(a->run);
        log_info("%s", what);
    }
    if (!strcmp(kind, "ready"))
        ready_take(a, json_string_value(json_object_get(event, "endpoint")));
}

/* --- beats of those in jobs --- */

/* The newest event of a kind, in [beat], as the event it was. */
static void newest_take(agent *a, const json_t *beat, const char *name)
{
    json_t *event = json_object_get(beat, name);

    if (json_is_object(event))
        run_agent_take(a, event);
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

/* Who goes on when this one, of [status], has ended at its deadline, which may
 * have come before it had begun.
 */
static bool succeeded(agent *a, const json_t *beat, int status)
{
    const char *next = strrchr(text_of(beat, "successor"), '/');
    bool unbegun = status == 0 && !a->told.final;

    if (!next || !(a->told.drained || unbegun) || a->run->drained)
        return false;
    run_progress_clear(a->run);
    log_info("%s has ended at its deadline; %s goes on", a->member, next + 1);
    snprintf(a->member, sizeof(a->member), "%s", next + 1);
    a->beat_seq = a->beat_pid = a->gone_ns = 0;
    memset(&a->record, 0, sizeof(a->record)); /* it has one of its own */
    a->told.ready = a->told.final = a->told.drained = false;
    return true;
}

/* It failed, of its own word or, with [unbegun], by having done nothing: say
 * so in one line, unless it has said so itself.
 */
static void end_tell(agent *a, const json_t *beat, bool unbegun)
{
    const char *reason = text_of(beat, "reason"), *colon = *reason ? ": " : "";
    int status = a->told.exit_code;
    char what[800];

    if (unbegun)
        snprintf(what, sizeof(what), "pilot %s ended before it had begun%s%s",
                 a->member, colon, reason);
    else if (*reason)
        snprintf(what, sizeof(what), "%s", reason);
    else
        snprintf(what, sizeof(what), "pilot %s ended with status %d", a->member,
                 status);
    run_fail(a->run, status, unbegun || !a->told.error ? what : NULL);
}

static void end_take(agent *a, const json_t *beat)
{
    const json_t *status = json_object_get(beat, "status");
    bool unbegun;

    if (!json_is_integer(status) ||
        succeeded(a, beat, (int)json_integer_value(status)))
        return;
    monitor_cpu(a->run->monitor, a->member,
                json_number_value(json_object_get(beat, "cpu_s")));
    a->told.exit_code = (int)json_integer_value(status);
    /* Canceled by another, or its time was up. */
    unbegun = a->told.exit_code == 0 && a->pilot->kind == PILOT_POOL &&
              !a->told.final && !a->run->drained;
    if (unbegun)
        a->told.exit_code = PE_EXIT_FAILED;
    a->state = a->told.exit_code == 0 ? AGENT_DONE : AGENT_GIVEN_UP;
    if (a->state == AGENT_GIVEN_UP)
        end_tell(a, beat, unbegun);
}

/* Its job script has started another supervisor for one that was killed. */
static void another_tell(agent *a, const json_t *beat)
{
    int64_t pid = json_integer_value(json_object_get(beat, "pid"));
    bool another = a->beat_pid && pid && pid != a->beat_pid;

    a->beat_pid = pid;
    if (!another)
        return;
    monitor_lost(a->run->monitor, a->member, a->pilot->kind == PILOT_EDGE);
    run_progress_clear(a->run);
    log_warn("pilot %s was killed with its supervisor; its job has started it "
             "again",
             a->member);
}

static void beat_take(agent *a, const json_t *beat)
{
    int64_t seq = json_integer_value(json_object_get(beat, "seq"));
    const char *state = text_of(beat, "state");

    if (seq == a->beat_seq || a->state != AGENT_RUNS)
        return;
    a->beat_seq = seq;
    another_tell(a, beat);
    snprintf(a->record.endpoint, sizeof(a->record.endpoint), "%s",
             text_of(beat, "endpoint"));
    if (!a->told.ready && strcmp(state, "STARTING") != 0)
        a->told.ready = true;
    newest_take(a, beat, "progress");
    newest_take(a, beat, "error");
    if (!a->told.final)
        newest_take(a, beat, "final");
    end_take(a, beat);
}

static void beat_find(struct run *r, const params_pilot *p)
{
    json_t *beat = NULL;
    bool known = false;

    for (size_t i = 0; i < r->n_agents; i++) {
        agent *a = &r->agents[i];
        known = known || !strcmp(a->member, p->pilot);
        if (a->attached || strcmp(a->member, p->pilot) != 0)
            continue;
        if (!beat)
            beat = json_loads(p->beat, 0, NULL);
        if (beat)
            beat_take(a, beat);
        break; /* a successor's name is taken at the next look */
    }
    if (!known)
        run_guest_hear(r, p->pilot, p->beat);
    json_decref(beat);
}

void run_agents_hear(struct run *r)
{
    params_pilot *pilots = NULL;
    size_t n = 0;

    /* Away for a while is no matter: beats come again. */
    if (!r->params || params_pilots_fetch(r->params, &pilots, &n, NULL) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        beat_find(r, &pilots[i]);
    params_pilots_free(pilots, n);
}

/* --- the end --- */

void run_agent_drain(agent *a)
{
    pe_error e = {0};

    a->asked = true;
    if (a->attached)
        crew_signal(&a->crew, SIGUSR2);
    else if (a->state == AGENT_RUNS && a->run->params &&
             params_order_put(a->run->params, a->member, "end", &e) < 0)
        log_warn("%s", e.text);
}

bool run_agent_is_over(const agent *a)
{
    return a->state == AGENT_DONE || a->state == AGENT_GIVEN_UP;
}

bool run_agent_stays(const agent *a)
{
    return pilot_kind_is_service(a->pilot->kind) ||
           a->pilot->kind == PILOT_ALLOCATION;
}

void run_agent_give_up(agent *a, int exit_code, const char *what)
{
    a->state = AGENT_GIVEN_UP;
    run_fail(a->run, exit_code, what);
}

/* Where the last TAIL_LINES lines of [s] begin. */
static char *tail_of(char *s)
{
    char *p = s + strlen(s);
    int lines = 0;

    if (p > s && p[-1] == '\n')
        p--;
    while (p > s) {
        if (p[-1] == '\n' && ++lines == TAIL_LINES)
            break;
        p--;
    }
    return p;
}

void run_agent_tail(const agent *a)
{
    char bytes[TAIL_BYTES + 1], *save = NULL;
    int fd = a->err_path ? open(a->err_path, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    if (lseek(fd, -TAIL_BYTES, SEEK_END) < 0)
        lseek(fd, 0, SEEK_SET); /* it is shorter */
    ssize_t n = read(fd, bytes, TAIL_BYTES);
    close(fd);
    bytes[n > 0 ? n : 0] = '\0';
    launcher_words(bytes);
    for (char *line = strtok_r(tail_of(bytes), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
        log_error("%s: %s", a->member, line);
}

/* --- the table --- */

/* Pilots of [k] that this command has to do with. */
static size_t places_of(const struct run *r, const pipeline_pilot *k)
{
    if (pilot_kind_is_service(k->kind) &&
        (k->endpoint || (!k->resource_given && k->within < 0)))
        return 0;
    /* What the topic holds now is the end: nothing is added to it. */
    if (k->kind == PILOT_EDGE && (r->local || r->p->until_eof))
        return 0;
    return k->n_resources;
}

/* Here, as a child of ours?  In an allocation that we are in, too.  What
 * "batch://" stands for goes to [url].
 */
static bool is_attached(agent *a, char url[64])
{
    char why[256];

    if (!place_is_batch(url))
        return backend_is_here(url);
    switch (backend_default(url, a->job, why, sizeof(why))) {
    case BACKEND_INSIDE:
        log_info("%s", why);
        return true;
    case BACKEND_SCHEDULER:
        log_info("%s", why);
        return false;
    case BACKEND_HERE:
        break;
    }
    return true;
}

static int place_fill(agent *a, const pipeline_pilot *k, size_t i,
                      pe_error *errp)
{
    char url[512];

    if (k->within >= 0) {
        a->inside = true;
        a->url = strdup(a->run->p->pilots[k->within].resources[0]);
        return a->url ? 0 : pe_error_nomem(errp);
    }
    snprintf(url, sizeof(url), "%s", k->resources[i]);
    a->attached = is_attached(a, url);
    a->url = strdup(url);
    return a->url ? 0 : pe_error_nomem(errp);
}

static int program_check(const char *name, const char *installed,
                         pe_error *errp)
{
    char *path = locate_program(name, installed, errp);

    free(path);
    return path ? 0 : -1;
}

/* What is missing is told before anything is started. */
static int programs_check(const agent *a, pe_error *errp)
{
    enum pilot_kind kind = a->pilot->kind;

    if (kind == PILOT_POOL && !*a->job &&
        process_find(launcher_default(), errp) < 0)
        return -1;
    if ((kind == PILOT_POOL &&
         program_check("pilot-agent", PILOT_LIBEXECDIR, errp) < 0) ||
        (kind == PILOT_EDGE &&
         program_check("pilot-edge", PILOT_BINDIR, errp) < 0))
        return -1;
    return program_check("pilot-supervisor", PILOT_LIBEXECDIR, errp);
}

static int agent_fill(agent *a, struct run *r, const pipeline_pilot *k,
                      size_t i, pe_error *errp)
{
    a->run = r;
    a->pilot = k;
    a->place = (int)i;
    if (i == 0)
        snprintf(a->member, sizeof(a->member), "%s", k->name);
    else
        snprintf(a->member, sizeof(a->member), "%s.%zu", k->name, i + 1);
    if (place_fill(a, k, i, errp) < 0)
        return -1;
    if (a->attached && programs_check(a, errp) < 0)
        return -1;
    a->dir = text_format("%s/%s", r->req->dir, a->member);
    a->err_path = a->dir ? text_format("%s/err", a->dir) : NULL;
    if (request_copy(&a->request, &k->request, errp) < 0 ||
        defaults_merge(&a->request, a->url, errp) < 0)
        return -1;
    a->mark = text_format("PILOT_AGENT=%s", a->dir ? a->dir : "");
    if (!a->err_path || !a->mark)
        return pe_error_nomem(errp);
    if (a->attached)
        run_child_open(a);
    return 0;
}

int run_agents_create(struct run *r, pe_error *errp)
{
    size_t n = 0;

    for (size_t i = 0; i < r->p->n_pilots; i++)
        n += places_of(r, &r->p->pilots[i]);
    r->agents = calloc(n + 1, sizeof(*r->agents));
    if (!r->agents)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < r->p->n_pilots; i++)
        for (size_t k = 0; k < places_of(r, &r->p->pilots[i]); k++)
            if (agent_fill(&r->agents[r->n_agents++], r, &r->p->pilots[i], k,
                           errp) < 0)
                return -1;
    return 0;
}

/* Asked to, a supervisor takes its agents with it; all are asked first. */
void run_agents_destroy(struct run *r)
{
    for (size_t i = 0; i < r->n_agents; i++)
        crew_signal(&r->agents[i].crew, SIGQUIT);
    for (size_t i = 0; i < r->n_agents; i++) {
        agent *a = &r->agents[i];
        run_child_close(a);
        request_free(&a->request);
        free(a->url);
        free(a->dir);
        free(a->err_path);
        free(a->mark);
    }
    free(r->agents);
    r->agents = NULL;
    r->n_agents = 0;
}
