/* child.c - pilots whose supervisor is a child of this command. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/words.h"
#include "src/pilot/scratch.h"
#include "src/registry/submit.h"
#include "src/run/run.h"

#define LEAVE_MS 5000 /* for a supervisor to take its agents with it */
#define CLEAR_MS 5000 /* for what was killed to be gone */

/* --- start --- */

void run_child_clear(const agent *a)
{
    process_end_marked(a->mark, CLEAR_MS);
}

static int command(void *arg, crew_command *c, pe_error *errp)
{
    agent *a = arg;
    char *cwd = getcwd(NULL, 0), *program = NULL;
    submit_plan p = run_agent_plan(a, cwd);
    int status = submit_prepare(&p, &a->record, errp);

    a->told.ready = false;
    free(cwd);
    if (status == 0)
        program = locate_program("pilot-supervisor", PILOT_LIBEXECDIR, errp);
    if (!program)
        return -1;
    run_child_clear(a); /* what a supervisor that was killed has left */
    const char *argv[] = {program, a->dir, "--events", a->crew.reader.mark,
                          NULL};
    status = words_add_all(&c->argv, argv, errp);
    if (status == 0)
        status = words_add(&c->env, strdup(a->mark), errp);
    free(program);
    return status;
}

/* In our own allocation it goes by that one's id, else by its process. */
static void id_make(const agent *a, char id[RESOURCE_ID_MAX])
{
    char start[32] = "";
    pid_t pid = process_pid(a->crew.proc);

    if (*a->job) {
        memcpy(id, a->job, RESOURCE_ID_MAX);
        return;
    }
    process_state(pid, start);
    snprintf(id, RESOURCE_ID_MAX, "%d.%s", (int)pid, start);
}

static int started(void *arg, pe_error *errp)
{
    agent *a = arg;
    char *cwd = getcwd(NULL, 0), id[RESOURCE_ID_MAX];
    submit_plan p = run_agent_plan(a, cwd);
    int status;

    id_make(a, id);
    status = submit_started(&p, id, &a->record, errp);
    free(cwd);
    return status;
}

/* --- what it says --- */

static void event(void *arg, json_t *o)
{
    agent *a = arg;

    if (!a->crew.released) /* what is ended with the run is not asked */
        run_agent_take(a, o);
}

static void line(void *arg, const char *words)
{
    const agent *a = arg;

    log_debug("%s: %s", a->member, words);
}

/* --- its end --- */

/* A supervisor that was killed is started again like its agents are: it finds
 * what is left of them, and the run goes on at its last commit.
 */
static bool may_revive(const agent *a)
{
    const struct run *r = a->run;

    return !a->told.error && !a->asked && !r->local && r->phase < RUN_ENDS &&
           process_status(a->crew.proc) > 128;
}

/* It ended before its agents were done. */
static void give_up(agent *a, const char *how)
{
    const agent_told *t = &a->told;
    char what[256];

    snprintf(what, sizeof(what), "the supervisor of pilot %s %.100s", a->member,
             how);
    run_progress_clear(a->run);
    if (!t->error || t->silent)
        run_agent_tail(a);
    run_agent_give_up(a, t->error ? t->exit_code : PE_EXIT_FAILED,
                      t->error ? NULL : what);
}

static int64_t died(void *arg, const char *what, int64_t delay_ns)
{
    agent *a = arg;
    struct run *r = a->run;

    if (a->crew.proc)
        monitor_cpu(r->monitor, a->member, process_cpu_s(a->crew.proc));
    if (run_agent_is_over(a))
        return -1;
    if (a->asked && process_status(a->crew.proc) == 0) {
        a->state = AGENT_DONE;
        return -1;
    }
    if (delay_ns < 0 || !may_revive(a)) {
        give_up(a, what);
        return -1;
    }
    run_progress_clear(r);
    log_warn("the supervisor of pilot %s %s; it is started again%s", a->member,
             what, delay_ns > 0 ? " in a moment" : "");
    monitor_lost(r->monitor, a->member, a->pilot->kind == PILOT_EDGE);
    return delay_ns;
}

/* It ended after its last word.  A service is missed, unless it was asked. */
static void ended(agent *a)
{
    const agent_told *t = &a->told;
    int status = process_status(a->crew.proc);
    char how[64];

    monitor_cpu(a->run->monitor, a->member, process_cpu_s(a->crew.proc));
    if (run_agent_is_over(a))
        return;
    if (pilot_kind_is_service(a->pilot->kind) && !(a->asked && status == 0)) {
        process_status_words(status, how);
        give_up(a, how);
        return;
    }
    a->state = AGENT_DONE;
    if (t->failed || status != 0)
        run_fail(a->run, t->error ? t->exit_code : PE_EXIT_FAILED, NULL);
}

/* Its agents are told from it, so it stays as long as one of them does. */
static const crew_ops ops = {.command = command,
                             .started = started,
                             .event = event,
                             .line = line,
                             .died = died};

void run_child_open(agent *a)
{
    a->crew = (crew){.ops = &ops,
                     .arg = a,
                     .err_path = a->err_path,
                     .mark = a->mark,
                     .lingers = true};
}

void run_child_turn(agent *a)
{
    bool was_over = crew_is_over(&a->crew);

    if (a->crew.state == CREW_WAITS && run_agent_is_over(a))
        return; /* nothing is left for it */
    crew_turn(&a->crew, clock_mono_ns());
    if (a->crew.state == CREW_DONE && !was_over)
        ended(a);
    if (!run_agent_is_over(a))
        a->state = a->crew.state == CREW_RUNS ? AGENT_RUNS : AGENT_WAITS;
}

void run_child_close(agent *a)
{
    if (a->crew.starts == 0)
        return;
    crew_kill(&a->crew, LEAVE_MS);
    crew_close(&a->crew);
    process_end_marked(a->mark, CLEAR_MS);
    scratch_clean(a->dir);
}
