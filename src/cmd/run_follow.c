/* run_follow.c - watches the agents of a run until it is over. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "src/cmd/run.h"
#include "src/common/clock.h"
#include "src/common/log.h"

#define AGENTS_MAX 64
#define POLL_MS 100
#define PROGRESS_NS 500000000
#define LEAVE_NS (INT64_C(30) * 1000000000) /* for edges, after the pool */

void run_progress_clear(struct run *r)
{
    if (r->shown > 0)
        fprintf(stderr, "\r%*s\r", (int)r->shown, "");
    r->shown = 0;
}

/* One line on a terminal, twice a second, in place of the last one. */
static void progress_show(struct run *r)
{
    char line[160];
    int64_t now = clock_mono_ns();

    if (r->o->quiet || now - r->shown_ns < PROGRESS_NS || !isatty(2))
        return;
    r->shown_ns = now;
    monitor_progress(r->monitor, line, sizeof(line));
    if (!*line)
        return;
    fprintf(stderr, "\r%-*s", (int)r->shown, line);
    r->shown = strlen(line);
    fflush(stderr);
}

void run_fail(struct run *r, int exit_code, const char *what)
{
    run_progress_clear(r);
    if (what) {
        log_error("%s", what);
        monitor_error(r->monitor, what);
    }
    if (!r->failed)
        r->exit_code = exit_code;
    r->failed = true;
}

/* Signals that arrived since the last call are counted; *lastp is the last of
 * them.
 */
static int signals_read(const struct run *r, int *lastp)
{
    struct signalfd_siginfo info;
    int n = 0;

    while (read(r->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        *lastp = (int)info.ssi_signo;
        n++;
    }
    return n;
}

bool run_interrupted(struct run *r)
{
    if (!r->stop_signal)
        signals_read(r, &r->stop_signal);
    return r->stop_signal != 0;
}

/* Sources stop, what was sent is processed.  Without a parameter service, or
 * when it is away, the agents hear of it by signal.
 */
static void drain(struct run *r)
{
    pe_error e = {0};

    r->drained = true;
    if (r->phase == RUN_FLOWS)
        r->phase = RUN_DRAINS;
    run_progress_clear(r);
    log_info("draining: what was sent is processed first; once more stops "
             "now");
    if (!r->local && run_services_control(r, "drain", &e) == 0)
        return;
    if (!r->local)
        log_warn("%s", e.text);
    for (size_t i = 0; i < r->n_agents; i++)
        if (r->agents[i].ready || !r->local)
            run_agent_drain(&r->agents[i]);
}

static void signals_take(struct run *r)
{
    int last = 0, n = signals_read(r, &last);

    if (n == 0)
        return;
    if (!r->drained) {
        drain(r);
    } else if (last != SIGHUP) { /* a terminal that closes is no wish */
        r->stop_signal = last;
        r->phase = RUN_OVER;
    }
}

/* The run goes on without [a]: its devices end where they are, and without
 * the pool there is nothing to go on for.
 */
static void agent_give_up(agent *a, int exit_code, const char *what)
{
    struct run *r = a->run;
    pe_error e = {0};

    a->state = AGENT_GIVEN_UP;
    run_fail(r, exit_code, what);
    if (a->pilot->kind == PILOT_POOL || r->local || r->phase == RUN_ENDS)
        return;
    if (run_services_bury(r, a, &e) < 0)
        run_fail(r, PE_EXIT_FAILED, e.text);
}

static void agent_start(agent *a)
{
    pe_error e = {0};

    if (run_agent_start(a, &e) < 0)
        agent_give_up(a, e.exit_code, e.text);
}

/* "pilot pool was killed by signal 9" */
static void end_tell(const agent *a, char *out, size_t cap)
{
    int status = process_status(a->proc);

    if (status > 128)
        snprintf(out, cap, "pilot %s was killed by signal %d", a->pilot->name,
                 status - 128);
    else
        snprintf(out, cap, "pilot %s ended with status %d", a->pilot->name,
                 status);
}

/* Nanoseconds until [a], which died, is started again; -1: never.  A local
 * pool keeps nothing to go on with.
 */
static int64_t agent_delay(agent *a, int64_t now_ns)
{
    if (a->fatal || a->run->local || a->run->phase == RUN_ENDS)
        return -1;
    return restart_delay(&a->deaths, now_ns);
}

/* An agent ended before it was done. */
static void agent_died(agent *a)
{
    struct run *r = a->run;
    char what[160];
    int64_t now = clock_mono_ns(), delay = agent_delay(a, now);

    monitor_lost(r->monitor, a->pilot->name);
    process_kill_marked(a->mark); /* ranks that outlive their mpirun */
    end_tell(a, what, sizeof(what));
    run_progress_clear(r);
    if (delay >= 0) {
        log_warn("%s; it is started again%s", what,
                 delay > 0 ? " in a moment" : "");
        a->state = AGENT_WAITS;
        a->due_ns = now + delay;
        return;
    }
    if (!a->told)
        run_agent_tail(a);
    agent_give_up(a, a->told ? a->exit_code : PE_EXIT_FAILED,
                  a->fatal ? NULL : what);
}

static void agent_reap(agent *a)
{
    struct run *r = a->run;

    if (a->state != AGENT_RUNS || !process_ended(a->proc))
        return;
    run_agent_read(a); /* what it said last */
    monitor_cpu(r->monitor, a->pilot->name, process_cpu_s(a->proc));
    if (!a->final) {
        agent_died(a);
        return;
    }
    a->state = AGENT_DONE;
    if (a->failed || process_status(a->proc) != 0)
        run_fail(r, a->told ? a->exit_code : PE_EXIT_FAILED, NULL);
}

/* Devices sense once there is somebody to take it: a stream that waits for
 * its pool would only show how long the ranks took to start.
 */
static bool may_start(const agent *a)
{
    const struct run *r = a->run;

    if (a->pilot->kind == PILOT_POOL)
        return true;
    for (size_t i = 0; i < r->n_agents; i++)
        if (r->agents[i].pilot->kind == PILOT_POOL && r->agents[i].ready)
            return true;
    return false;
}

static void agent_look(agent *a)
{
    if (a->state == AGENT_WAITS && clock_mono_ns() >= a->due_ns &&
        may_start(a))
        agent_start(a);
    run_agent_read(a);
    agent_reap(a);
}

/* Are all agents over: of the pool, or of every kind? */
static bool are_over(const struct run *r, bool pool_only)
{
    for (size_t i = 0; i < r->n_agents; i++)
        if ((r->agents[i].pilot->kind == PILOT_POOL || !pool_only) &&
            !run_agent_is_over(&r->agents[i]))
            return false;
    return true;
}

/* The pool is done, or gone: edges take leave. */
static void edges_dismiss(struct run *r)
{
    pe_error e = {0};

    r->phase = RUN_ENDS;
    r->end_by_ns = clock_mono_ns() + LEAVE_NS;
    for (size_t i = 0; i < r->n_agents; i++)
        if (r->agents[i].state == AGENT_WAITS)
            r->agents[i].state = AGENT_DONE; /* nothing is left for it */
    if (r->local)
        return;
    if (run_services_control(r, "done", &e) == 0)
        return;
    log_warn("%s", e.text);
    for (size_t i = 0; i < r->n_agents; i++)
        run_agent_drain(&r->agents[i]);
}

static void edges_expire(struct run *r)
{
    for (size_t i = 0; i < r->n_agents; i++) {
        agent *a = &r->agents[i];
        char what[160];
        if (run_agent_is_over(a))
            continue;
        snprintf(what, sizeof(what), "pilot %s did not end with the run",
                 a->pilot->name);
        run_agent_tail(a);
        a->state = AGENT_GIVEN_UP;
        run_fail(r, PE_EXIT_FAILED, what);
    }
}

static void phase_advance(struct run *r)
{
    if (r->phase < RUN_ENDS && are_over(r, true))
        edges_dismiss(r);
    if (r->phase == RUN_ENDS && clock_mono_ns() > r->end_by_ns)
        edges_expire(r);
    if (r->phase == RUN_ENDS && are_over(r, false))
        r->phase = RUN_OVER;
}

/* Sleep until somebody says something; a child that ends closes its pipe. */
static void events_wait(const struct run *r)
{
    struct pollfd fds[AGENTS_MAX + 1];
    nfds_t n = 0;

    fds[n++] = (struct pollfd){.fd = r->signal_fd, .events = POLLIN};
    for (size_t i = 0; i < r->n_agents && n <= AGENTS_MAX; i++)
        if (r->agents[i].state == AGENT_RUNS && !r->agents[i].closed)
            fds[n++] = (struct pollfd){.fd = process_fd(r->agents[i].proc),
                                       .events = POLLIN};
    poll(fds, n, POLL_MS);
}

void run_follow(struct run *r)
{
    r->start_ns = clock_mono_ns();
    while (r->phase != RUN_OVER) {
        for (size_t i = 0; i < r->n_agents; i++)
            agent_look(&r->agents[i]);
        phase_advance(r);
        progress_show(r);
        if (r->phase != RUN_OVER)
            events_wait(r);
        signals_take(r);
    }
    run_progress_clear(r);
}
