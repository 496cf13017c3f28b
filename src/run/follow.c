/* follow.c - watches the agents of a run until it is over. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/common/interrupt.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/registry/observe.h"
#include "src/registry/release.h"
#include "src/registry/stage_out.h"
#include "src/run/history.h"
#include "src/run/run.h"
#include "src/run/signals.h"

#define AGENTS_MAX 256
#define POLL_MS 100
#define PROGRESS_NS 500000000
#define BURY_NS (2 * CLOCK_S)   /* between two tries */
#define LEAVE_NS (30 * CLOCK_S) /* for edges, after the pool */
/* For services and allocations after that: they look whether somebody still
 * lives, and one that was silent counts as gone after a minute.
 */
#define CLOSE_NS (120 * CLOCK_S)
#define SCALED_MS 20000 /* for what its policy has in a queue */
#define SLOW_NS (10 * CLOCK_S)
#define END_NS (10 * CLOCK_S) /* for an exit record, and between two looks */
#define END_STEP_NS (200 * CLOCK_MS)

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
    struct winsize w = {0};
    size_t wide = 80;
    int64_t now = clock_mono_ns();

    if (r->o->quiet || now - r->shown_ns < PROGRESS_NS || !isatty(2))
        return;
    r->shown_ns = now;
    if (ioctl(2, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        wide = w.ws_col;
    /* A line that reaches the last column breaks on some terminals. */
    if (wide > sizeof(line))
        wide = sizeof(line);
    if (r->phase == RUN_SCORES)
        scorer_words(&r->scorer, line, wide);
    else
        monitor_progress(r->monitor, line, wide);
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

bool run_interrupted(struct run *r)
{
    if (!r->stop_signal)
        r->stop_signal = signals_take().last;
    return r->stop_signal != 0;
}

/* A lost terminal is no wish to end: the run goes on, and what there is to
 * say goes to a file.
 */
static void detach(struct run *r)
{
    char *path = run_path(r, "follow.log", NULL);
    int fd =
        path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;

    r->shown = 0;
    if (fd >= 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        close(fd);
    }
    free(path);
    log_info("the terminal is gone and the run goes on; 'pilot wait %s' joins "
             "it again",
             r->req->run);
}

static bool has_kind(const struct run *r, enum pilot_kind kind)
{
    for (size_t i = 0; i < r->n_agents; i++)
        if (r->agents[i].pilot->kind == kind)
            return true;
    return false;
}

/* Sources stop, what was sent is processed.  Without a parameter service, or
 * when it is away, the agents hear of it by signal.
 */
static void drain(struct run *r)
{
    pe_error e = {0};

    run_progress_clear(r);
    if (r->phase >= RUN_ENDS) { /* edges wait for "done": it has to stand */
        r->late = true;
        log_info("the run is over and its pilots take leave; once more stops "
                 "now");
        return;
    }
    r->drained = true;
    if (r->phase == RUN_FLOWS)
        r->phase = RUN_DRAINS;
    log_info("draining: what was sent is processed first; once more stops "
             "now");
    /* Devices write their ends, and the pools end there; without devices there
     * is no end but an order.
     */
    if (!r->local && run_services_control(r, "drain", &e) < 0)
        log_warn("%s", e.text);
    else if (!r->local && has_kind(r, PILOT_EDGE))
        return;
    for (size_t i = 0; i < r->n_agents; i++)
        if ((r->agents[i].told.ready || !r->local) &&
            !run_agent_stays(&r->agents[i]))
            run_agent_drain(&r->agents[i]);
}

static void signals_obey(struct run *r)
{
    struct signals s = signals_take();

    if (s.hung)
        detach(r);
    if (s.ends == 0)
        return;
    if (r->phase == RUN_SCORES) { /* it has learned: nothing to drain */
        run_answers_stop(r, s.last);
        s.ends--;
    } else if (!r->drained && !r->late) {
        drain(r);
        s.ends--;
    }
    if (s.ends > 0) {
        r->stop_signal = s.last;
        r->phase = RUN_OVER;
    }
}

/* The run goes on without an edge that was given up: its devices end where
 * they are, once broker and parameter service can be asked, and again where
 * the service has lost that since.
 */
static void agent_bury(agent *a)
{
    struct run *r = a->run;
    int64_t now = clock_mono_ns();
    pe_error e = {0};

    if (a->state != AGENT_GIVEN_UP || a->pilot->kind != PILOT_EDGE ||
        a->unburied || r->local || r->phase >= RUN_ENDS || now < a->bury_ns)
        return;
    a->unburied = run_services_bury(r, a, &e) < 0 && e.kind != PE_ERROR_RETRY;
    if (a->unburied) {
        run_fail(r, PE_EXIT_FAILED, e.text);
        return;
    }
    if (!a->bury_ns && *e.text) {
        run_progress_clear(r);
        log_warn("the ends of %s cannot be written yet: %s", a->member, e.text);
    }
    a->bury_ns = clock_mono_ns() + BURY_NS;
}

/* One that was interrupted on its way stops the run: without it there is
 * nothing to drain.
 */
static void agent_submit(agent *a)
{
    struct run *r = a->run;
    pe_error e = {0};

    signals_step("%s is submitted to %s", a->member, a->url);
    int status = run_agent_submit(a, &e);
    bool interrupted = interrupt_level() > INTERRUPT_NONE;
    signals_step_end();
    if (status < 0 && interrupted && run_interrupted(r)) {
        a->state = AGENT_GIVEN_UP;
        r->phase = RUN_OVER;
    } else if (status < 0) {
        run_agent_give_up(a, e.exit_code, e.text);
    }
}

/* Devices sense once there is somebody to take it: a stream that waits for
 * its pool would only show how long the ranks took to start.
 */
static bool may_start(const agent *a)
{
    const struct run *r = a->run;
    bool pools = false;

    if (a->inside)
        return true;
    if (a->pilot->kind != PILOT_EDGE)
        return r->phase < RUN_ENDS;
    if (r->p->n_streams > 1)
        return run_layers_ready(r);
    for (size_t i = 0; i < r->n_agents; i++) {
        pools = pools || r->agents[i].pilot->kind == PILOT_POOL;
        if (r->agents[i].pilot->kind == PILOT_POOL && r->agents[i].told.ready)
            return true;
    }
    return !pools;
}

static void agent_turn(agent *a)
{
    if (a->state == AGENT_WAITS && !may_start(a))
        return;
    if (a->attached)
        run_child_turn(a);
    else if (a->state == AGENT_WAITS && a->inside)
        a->state = AGENT_RUNS;
    else if (a->state == AGENT_WAITS)
        agent_submit(a);
}

/* Are all agents of [kind] over? */
static bool are_over(const struct run *r, enum pilot_kind kind)
{
    for (size_t i = 0; i < r->n_agents; i++)
        if (r->agents[i].pilot->kind == kind &&
            !run_agent_is_over(&r->agents[i]))
            return false;
    return true;
}

/* The pools are done, or gone, or there are none and the sources have ended.
 */
static bool is_learned(const struct run *r)
{
    return are_over(r, has_kind(r, PILOT_POOL) ? PILOT_POOL : PILOT_EDGE);
}

/* Layers behind one that is gone for good end with what they have, and what is
 * in front of it with what it was to get.
 */
static void layers_tend(struct run *r)
{
    size_t lost = run_layers_lost(r);

    if (r->cut || lost == r->p->n_streams)
        return;
    r->cut = true;
    run_progress_clear(r);
    log_warn("layer %s has ended before its blocks have: the run drains",
             pipeline_layer_name(r->p, lost));
    if (!r->drained)
        drain(r);
    run_layers_drain(r, lost + 1);
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
        if (run_agent_is_over(a) || run_agent_stays(a))
            continue;
        snprintf(what, sizeof(what), "pilot %s did not end with the run",
                 a->member);
        run_agent_tail(a);
        a->state = AGENT_GIVEN_UP;
        run_fail(r, PE_EXIT_FAILED, what);
    }
}

static void tender_tell(void *arg, const char *line)
{
    run_progress_clear(arg);
    log_info("%s", line);
}

/* Somebody decides about the size of the pool, as long as it may have work. */
static void tender_follow(struct run *r)
{
    if (r->phase >= RUN_SCORES || !tender_is_due(r->p))
        return;
    r->tender.line = tender_tell;
    r->tender.arg = r;
    tender_turn(&r->tender, r->home, r->req->run);
}

/* Services and allocations, when nobody needs them any more. */
static void services_dismiss(struct run *r)
{
    pe_error e = {0};

    r->phase = RUN_CLOSES;
    r->end_by_ns = clock_mono_ns() + CLOSE_NS;
    run_answers_keep(r);
    run_history_keep(r);
    run_tasks_keep(r);
    tender_close(&r->tender, false, SCALED_MS);
    if (!r->placed)
        return;
    if (run_services_control(r, "over", &e) < 0)
        log_warn("%s", e.text);
    params_pilot_put(r->params, RUN_FOLLOWER, "", NULL);
    for (size_t i = 0; i < r->n_agents; i++)
        r->agents[i].asked = true;
    params_close(r->params);
    r->params = NULL;
}

/* Services stay until the rows have been read again. */
static void answers_make(struct run *r)
{
    r->learned_ns = clock_mono_ns();
    r->phase = RUN_SCORES;
    if (run_answers_due(r))
        run_answers_start(r);
}

/* Whose end takes its time is said once. */
static void slow_tell(struct run *r, int64_t now)
{
    text names = {0};

    if (r->phase != RUN_CLOSES || r->slow_told ||
        now < r->end_by_ns - CLOSE_NS + SLOW_NS)
        return;
    r->slow_told = true;
    for (size_t i = 0; i < r->n_agents; i++)
        if (!run_agent_is_over(&r->agents[i]))
            text_add(&names, "%s%s", names.len ? ", " : "",
                     r->agents[i].member);
    run_progress_clear(r);
    if (names.data)
        log_info("the run is over; waits for %s to end", names.data);
    text_free(&names);
}

static void phase_advance(struct run *r)
{
    int64_t now = clock_mono_ns();

    slow_tell(r, now);
    if (r->phase < RUN_ENDS)
        layers_tend(r);
    if (r->phase < RUN_ENDS && is_learned(r))
        edges_dismiss(r);
    if (r->phase == RUN_ENDS && now > r->end_by_ns)
        edges_expire(r);
    if (r->phase == RUN_ENDS && are_over(r, PILOT_POOL) &&
        are_over(r, PILOT_EDGE) && (!run_guests_work(r) || now > r->end_by_ns))
        answers_make(r);
    if (r->phase == RUN_SCORES && run_answers_turn(r))
        services_dismiss(r);
    if (r->phase == RUN_CLOSES &&
        ((are_over(r, PILOT_BROKER) && are_over(r, PILOT_PARAMS) &&
          are_over(r, PILOT_ALLOCATION)) ||
         now > r->end_by_ns))
        r->phase = RUN_OVER;
}

/* Sleep until somebody says something; a child that ends closes its pipe. */
static void events_wait(const struct run *r)
{
    struct pollfd fds[AGENTS_MAX + 2];
    nfds_t n = 0;

    fds[n++] = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
    fds[n++] = (struct pollfd){.fd = scorer_fd(&r->scorer), .events = POLLIN};
    for (size_t i = 0; i < r->n_agents && n < AGENTS_MAX + 2; i++)
        if (crew_fd(&r->agents[i].crew) >= 0)
            fds[n++] = (struct pollfd){.fd = crew_fd(&r->agents[i].crew),
                                       .events = POLLIN};
    poll(fds, n, POLL_MS);
}

/* One turn of the loop. */
static void turn(struct run *r)
{
    for (size_t i = 0; i < r->n_agents; i++)
        agent_turn(&r->agents[i]);
    run_watch(r, false);
    tender_follow(r);
    for (size_t i = 0; i < r->n_agents; i++)
        agent_bury(&r->agents[i]);
    phase_advance(r);
    progress_show(r);
    if (r->phase != RUN_OVER)
        events_wait(r);
    signals_obey(r);
}

static void result_tell(void *arg, const char *path)
{
    (void)arg;
    log_info("fetched %s", path);
}

/* What the pilots were to leave. */
static void results_fetch(struct run *r)
{
    for (size_t i = 0; i < r->n_agents && !run_interrupted(r); i++) {
        const pilot_record *rec = &r->agents[i].record;
        pe_error e = {0};
        if (!*rec->id)
            continue;
        signals_step("results of %s are fetched", rec->id);
        if (stage_out(r->home, rec, result_tell, r, &e) < 0)
            run_fail(r, e.exit_code, e.text);
        signals_step_end();
    }
}

/* Its agents have said their last; the exit record comes behind it. */
static void end_await(struct run *r, pilot_record *rec)
{
    const observe_conf c = {.home = r->home, .now = true};
    int64_t until = clock_mono_ns() + END_NS;

    while (!pilot_state_is_final(rec->state) && clock_mono_ns() < until &&
           observe(&c, rec, 1, NULL) == 0)
        clock_sleep_ns(END_STEP_NS, 1);
}

/* Machines that were made for pilots of the run. */
static void machines_release(struct run *r)
{
    for (size_t i = 0; i < r->n_agents; i++) {
        agent *a = &r->agents[i];
        pe_error e = {0};
        if (a->attached || !*a->record.id || a->state == AGENT_RUNS ||
            !backend_is_made(a->record.resource))
            continue;
        signals_step("the machine of %s is ended", a->record.id);
        end_await(r, &a->record);
        if (pilot_release(r->home, &a->record, &e) < 0)
            log_warn("the machine of %s is left to end itself: %s",
                     a->record.id, e.text);
        signals_step_end();
    }
}

void run_follow(struct run *r)
{
    r->start_ns = clock_mono_ns();
    while (r->phase != RUN_OVER)
        turn(r);
    tender_close(&r->tender, r->stop_signal != 0, 0);
    run_guests_end(r);
    run_progress_clear(r);
    results_fetch(r);
    run_traced_end(r);
    run_energy_end(r);
    machines_release(r);
}

/* Endpoints of the services that pilots of the run hold; true: all there. */
static bool endpoints_take(struct run *r)
{
    pipeline_request *q = r->req;

    for (size_t i = 0; i < r->n_agents; i++) {
        const agent *a = &r->agents[i];
        char **slot = a->pilot->kind == PILOT_BROKER   ? &q->broker
                      : a->pilot->kind == PILOT_PARAMS ? &q->params_url
                                                       : NULL;
        if (!slot || *slot || !*a->record.endpoint)
            continue;
        *slot = strdup(a->record.endpoint);
        if (a->pilot->kind == PILOT_BROKER)
            q->broker_auth = run_watch_secret(r, a, "kafka.auth");
        else
            q->params_auth = run_watch_secret(r, a, "redis.auth");
        if (a->pilot->kind == PILOT_PARAMS && !q->params_auth &&
            !q->password_file)
            q->password_file = run_watch_secret(r, a, "password");
    }
    return (q->broker || !has_kind(r, PILOT_BROKER)) &&
           (q->params_url || !has_kind(r, PILOT_PARAMS));
}

static bool service_failed(const struct run *r)
{
    for (size_t i = 0; i < r->n_agents; i++)
        if (run_agent_stays(&r->agents[i]) &&
            r->agents[i].state == AGENT_GIVEN_UP)
            return true;
    return false;
}

int run_follow_services(struct run *r, pe_error *errp)
{
    if (!has_kind(r, PILOT_BROKER) && !has_kind(r, PILOT_PARAMS))
        return 0;
    r->placed = true;
    while (!endpoints_take(r)) {
        for (size_t i = 0; i < r->n_agents; i++)
            if (run_agent_stays(&r->agents[i]))
                agent_turn(&r->agents[i]);
        run_watch(r, false);
        if (service_failed(r))
            return pe_error_set(errp, PE_ERROR_FATAL, r->exit_code,
                                "the services of the run did not start");
        if (run_interrupted(r))
            return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                                "interrupted");
        events_wait(r);
    }
    return 0;
}
