/* supervisor.c - pilot-supervisor: the one long-lived process of a pilot. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/registry/hear.h"

#define POLL_MS 100
#define SAME_NS (3 * CLOCK_S)
#define LATE_NS (15 * CLOCK_S)
#define LEAVE_MS 3000 /* for a launcher to take its ranks with it */
#define GONE_MS 5000  /* for what was killed to be gone */
#define CREWS_MAX 64

/* --- start --- */

static void usage(FILE *f)
{
    fputs("Usage: pilot-supervisor PILOT_DIR [--events MARK]\n"
          "Run the pilot that PILOT_DIR/request.json describes, to its end; "
          "started by\nits job script, or by `pilot run`, which reads "
          "events that begin with MARK.\n"
          "\n"
          "SIGTERM, SIGINT: end what is begun and leave; twice, or SIGQUIT: "
          "now.\nSIGUSR1: the time is nearly over. SIGUSR2: no longer "
          "needed.\n",
          f);
}

static int parse(supervisor *s, int argc, char **argv)
{
    static const struct option options[] = {
        {"events", required_argument, NULL, 'e'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'e') {
            s->attached = true;
            s->events = optarg;
        } else if (c == 'h') {
            usage(stdout);
            exit(PE_EXIT_OK);
        } else {
            return -1;
        }
    }
    if (optind + 1 != argc)
        return -1;
    s->dir = argv[optind];
    return 0;
}

static int signals_open(supervisor *s, pe_error *errp)
{
    static const int taken[] = {SIGTERM, SIGINT,  SIGQUIT, SIGUSR1,
                                SIGUSR2, SIGXCPU, SIGHUP,  0};
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    for (const int *sig = taken; *sig; sig++) {
        sigaddset(&set, *sig);
        signal(*sig, SIG_DFL); /* a shell starts what it puts into the
                                  background with some of them ignored */
    }
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->signal_fd < 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "cannot watch signals: %s", strerror(errno));
    process_raise_early();
    return 0;
}

static int load(supervisor *s, pe_error *errp)
{
    s->req = pipeline_request_read(s->dir, errp);
    if (!s->req || supervise_parse(s->req->supervise, &s->conf, errp) < 0)
        return -1;
    s->pl = pipeline_load(s->req->file, (const char *const *)s->req->overrides,
                          s->req->n_overrides, errp);
    if (!s->pl)
        return -1;
    s->pilot = pipeline_pilot_find(s->pl, s->req->pilot);
    if (!s->pilot)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s: there is no pilot '%s'", s->req->file,
                            s->req->pilot);
    if (pilot_kind_is_service(s->pilot->kind) == false &&
        s->pilot->kind != PILOT_ALLOCATION &&
        pipeline_see(s->pl, s->req, pipeline_layer_of(s->pl, s->pilot), errp) <
            0)
        return -1;
    s->mark = text_format("PILOT_AGENT=%s", s->dir);
    return s->mark ? 0 : pe_error_nomem(errp);
}

static int open_all(supervisor *s, pe_error *errp)
{
    s->born_ns = s->waits_ns = clock_mono_ns();
    s->changed = true;
    if (signals_open(s, errp) < 0 || load(s, errp) < 0 ||
        kind_open(s, errp) < 0)
        return -1;
    chain_open(s);
    energy_open(&s->energy, getenv("PILOT_POWERCAP"));
    life_open(s);
    /* What an incarnation that was killed has left on this host. */
    process_end_marked(s->mark, GONE_MS);
    time_open(s);
    return 0;
}

/* --- ends --- */

static void drain(supervisor *s, const char *why)
{
    if (s->stopped)
        return;
    s->stopped = true;
    tell_state(s, SUPERVISOR_DRAINING, "%s", why);
    for (size_t i = 0; i < s->n_units; i++)
        if (!s->units[i].is_service)
            kind_drain(&s->units[i]);
}

/* The end is asked for, or near: it has to be over in time.  [now]: at once.
 * By a signal it may be the scheduler, who kills us in a while.
 */
static void hurry(supervisor *s, bool now, bool by_signal)
{
    int64_t at = clock_mono_ns(), drain_ns, leave_ns;

    deadline_split(s->grace_s, &drain_ns, &leave_ns);
    if (now)
        drain_ns = 0;
    if (!s->kill_ns || at + drain_ns < s->kill_ns)
        s->kill_ns = at + drain_ns;
    if (by_signal && s->grace_s > 0 && !s->leave_ns)
        s->leave_ns = at + leave_ns;
}

/* All of them are asked first, so that they leave at the same time. */
static void kill_all(supervisor *s)
{
    s->stopped = true;
    for (size_t i = s->n_units; i > 0; i--)
        crew_signal(&s->units[i - 1].crew, SIGTERM);
    for (size_t i = s->n_units; i > 0; i--)
        crew_kill(&s->units[i - 1].crew, time_left_ms(s, LEAVE_MS));
}

/* A pool that drained though we did not ask it to: a scheduler that ends a job
 * signals the ranks, too, and they may hear it first.
 */
static bool is_sent_away(const unit *u)
{
    return u->s->pilot && u->s->pilot->kind == PILOT_POOL &&
           u->crew.told.drained && !u->asked;
}

/* Is there nothing left to be done but to leave?  Who is ended then is not cut
 * off from anything.
 */
static bool is_done(const supervisor *s)
{
    if (s->n_units == 0)
        return false;
    for (size_t i = 0; i < s->n_units; i++) {
        const unit *u = &s->units[i];
        if (u->is_service)
            continue;
        if (is_sent_away(u) ||
            (!u->crew.told.final && u->crew.state != CREW_DONE))
            return false;
    }
    return s->leaving || !s->units[0].is_service;
}

/* One that reaches the whole job comes to us directly and once more through
 * the script: only later it is a second wish.
 */
static void end_signal(supervisor *s, int sig)
{
    int64_t now = clock_mono_ns();
    bool again = s->signal != 0 && now - s->signal_ns > SAME_NS;
    char why[64];

    if (s->signal != 0 && !again && sig != SIGQUIT)
        return;
    if (s->signal == 0)
        s->cut = !is_done(s);
    s->signal = sig;
    s->signal_ns = now;
    hurry(s, again || sig == SIGQUIT, true);
    if (again || sig == SIGQUIT) {
        tell_note(s, "stopped at once");
        if (!s->stopped) /* its sources may have ended as they were asked to */
            tell_state(s, SUPERVISOR_DRAINING, "stopped at once");
        kill_all(s);
        return;
    }
    snprintf(why, sizeof(why), "asked to end by signal %d", sig);
    drain(s, why);
}

static void signals_take(supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        int sig = (int)info.ssi_signo;
        if (sig == SIGTERM || sig == SIGINT || sig == SIGQUIT)
            end_signal(s, sig);
        else if ((sig == SIGUSR1 || sig == SIGXCPU) && time_warned(s))
            drain(s, "the scheduler said that its time is nearly over");
        else if (sig == SIGUSR2)
            drain(s, "no longer needed");
    }
}

/* The command that reads our events is gone: devices stop, and the pool ends
 * when what they sent is learned.
 */
static void left_alone(supervisor *s)
{
    if (s->stopped || !s->attached || event_is_heard())
        return;
    if (s->pilot->kind == PILOT_EDGE || pipeline_is_local(s->pl))
        drain(s, "the command that followed the run is gone");
}

/* "end": nobody needs it any more; "drain": somebody cancels it, "stop": at
 * once; "ranks N" makes it smaller.
 */
static void order_take(supervisor *s, const char *order)
{
    int64_t ranks;

    if (!strcmp(order, "end"))
        drain(s, "no longer needed");
    s->canceled = !strcmp(order, "drain") || !strcmp(order, "stop");
    if (s->canceled)
        drain(s, "canceled");
    if (!strcmp(order, "stop"))
        hurry(s, true, false);
    if (strncmp(order, "ranks ", 6) != 0 || s->pilot->kind != PILOT_POOL ||
        text_parse_int(order + 6, &ranks) < 0 || ranks < 1 ||
        ranks >= (s->ranks ? s->ranks : s->conf.ranks))
        return;
    s->ranks = (int)ranks;
    tell_note(s, "ranks leave: the others go on at the last commit");
    crew_signal(&s->units[0].crew, SIGUSR1);
}

static void orders_take(supervisor *s)
{
    char order[HERALD_WORD_MAX], control[HERALD_WORD_MAX];

    if (!s->herald || s->stopped || !herald_hear(s->herald, order, control))
        return;
    order_take(s, order);
    if (!strcmp(control, "stop")) {
        drain(s, "the run was stopped");
        hurry(s, false, false);
    }
    /* Edges take leave by themselves, and nothing is started again. */
    if (!strcmp(control, "done") && s->pilot->kind == PILOT_POOL)
        s->stopped = true;
    s->done = !strcmp(control, "done") || !strcmp(control, "over");
    s->closed = !strcmp(control, "over");
}

/* --- the loop --- */

static bool all_over(const supervisor *s, bool services)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i].is_service == services &&
            !crew_is_over(&s->units[i].crew))
            return false;
    return true;
}

/* Does nobody need our services any more?  In an allocation, when the pools in
 * it are over and no other pilot of the run is alive; alone, when the run is
 * done, too.
 */
static bool is_unneeded(supervisor *s)
{
    int others = s->herald ? herald_others(s->herald) : 0;

    if (s->stopped)
        return true;
    /* Brokers hear by way of the parameter service that all is over. */
    if (s->pilot->kind == PILOT_PARAMS && s->closed)
        return others == 0;
    if (s->closed)
        return true;
    if (s->pilot->kind != PILOT_ALLOCATION && !s->done)
        return false;
    return others == 0;
}

/* A broker alone says its end, which the parameter service waits for. */
static bool has_params(const supervisor *s)
{
    for (size_t i = 0; i < s->n_units; i++)
        if (s->units[i].is_params)
            return true;
    return false;
}

/* Services go when those they serve are gone, the last one started first. */
static void services_release(supervisor *s)
{
    if (!all_over(s, false))
        return;
    /* What was heard before may be older than whoever was served. */
    if (!s->asked && s->herald)
        herald_ask(s->herald);
    s->asked = true;
    if (!is_unneeded(s))
        return;
    s->leaving = true;
    if (s->n_units > 0 && s->units[0].is_service)
        s->closed = true;
    if (has_params(s)) {
        /* The last that can be said by way of what goes now. */
        herald_stop(s->herald, CLOCK_S);
        s->herald = NULL;
    }
    for (size_t i = s->n_units; i > 0; i--) {
        unit *u = &s->units[i - 1];
        if (!u->is_service || crew_is_over(&u->crew))
            continue;
        kind_drain(u);
        return; /* one after the other */
    }
}

/* A unit starts when the services before it are up. */
static bool may_start(const supervisor *s, const unit *u)
{
    for (const unit *at = s->units; at != u; at++)
        if (at->is_service && !at->crew.told.ready)
            return false;
    return true;
}

/* Who is not up after a while is named, with its own words. */
static void late_turn(supervisor *s, int64_t now)
{
    const unit *u = s->units;
    char *words;

    if (s->state != SUPERVISOR_STARTING || s->stopped || !s->begun ||
        *s->reason || now - s->born_ns < LATE_NS)
        return;
    while (u < s->units + s->n_units && u->crew.told.ready)
        u++;
    if (u == s->units + s->n_units)
        return;
    words = hear_own_words(u->dir, u->err_from);
    snprintf(s->reason, sizeof(s->reason), "%.90s is not up yet%s%.380s",
             u->name, words ? "; it said: " : "", words ? words : "");
    free(words);
    s->changed = true;
    tell_note(s, s->reason);
}

/* On a busy host ranks may wait for each other for ever in MPI_Init: once they
 * are started again.  Devices are not: what an edge agent that is asked to end
 * says last would be the end of its devices.
 */
static bool start_again(supervisor *s, double seconds, int64_t now)
{
    crew *c = &s->units[0].crew;
    char what[64];

    if (s->again || s->pilot->kind != PILOT_POOL || c->state != CREW_RUNS)
        return false;
    snprintf(what, sizeof(what), "did not say hello within %.0f s", seconds);
    s->again = true;
    s->waits_ns = now;
    crew_again(c, what);
    return true;
}

/* Agents that never said hello are given up in the end: somebody looks for the
 * reason rather than waiting with them.
 */
static void hello_turn(supervisor *s, int64_t now)
{
    double seconds = s->conf.hello_s > 0 ? s->conf.hello_s : SUPERVISE_HELLO_S;
    const char *said;
    pe_error e = {0};

    if (s->state != SUPERVISOR_STARTING || s->stopped ||
        (double)(now - s->waits_ns) / 1e9 < seconds ||
        start_again(s, seconds, now))
        return;
    said = s->again ? strstr(s->reason, "; it said: ") : s->reason;
    pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "pilot %s did not say hello within %.0f s%s%s%s",
                 s->req->member, seconds, s->again ? ", twice" : "",
                 !s->again && *s->reason ? ": " : "", said ? said : "");
    tell_error(s, &e);
    kill_all(s);
}

/* A pool that drained some of its ranks starts again with the others. */
static void resize_turn(supervisor *s)
{
    crew *c = &s->units[0].crew;

    if (s->ranks == 0 || s->ranks == s->conf.ranks || s->stopped ||
        c->state != CREW_DONE || !c->told.drained)
        return;
    s->conf.ranks = s->ranks;
    c->state = CREW_WAITS;
    c->due_ns = 0;
}

static void crews_turn(supervisor *s, int64_t now)
{
    pe_error e = {0};

    if (!s->begun) {
        int ready = s->stopped ? 0 : kind_ready(s, &e);
        if (ready < 0) {
            tell_error(s, &e);
            kill_all(s);
        }
        s->begun = ready > 0;
    }
    if (kind_listen(s, &e) < 0) {
        tell_error(s, &e);
        kill_all(s);
    }
    for (size_t i = 0; i < s->n_units; i++) {
        unit *u = &s->units[i];
        if (s->stopped && u->crew.state == CREW_WAITS && u->crew.starts == 0)
            crew_release(&u->crew);
        if (s->begun ? may_start(s, u) || s->stopped : s->stopped)
            crew_turn(&u->crew, now);
    }
    resize_turn(s);
    services_release(s);
}

static void sleep_for_events(const supervisor *s)
{
    struct pollfd fds[CREWS_MAX + 2];
    nfds_t n = 0;

    fds[n++] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    for (size_t i = 0; i < s->n_units && n <= CREWS_MAX; i++)
        if (crew_fd(&s->units[i].crew) >= 0)
            fds[n++] = (struct pollfd){.fd = crew_fd(&s->units[i].crew),
                                       .events = POLLIN};
    poll(fds, n, POLL_MS);
}

static void loop(supervisor *s)
{
    for (;;) {
        int64_t now = clock_mono_ns();

        signals_take(s);
        orders_take(s);
        left_alone(s);
        if (!s->stopped && time_is_up(s))
            drain(s, "its time is nearly over");
        crews_turn(s, now);
        late_turn(s, now);
        hello_turn(s, now);
        chain_turn(s);
        scale_turn(s);
        if (s->kill_ns && now >= s->kill_ns)
            kill_all(s);
        tell_beat(s, now);
        if (all_over(s, false) && all_over(s, true) && !kind_ends_due(s, now))
            return;
        sleep_for_events(s);
    }
}

/* The first crew that failed decides.  One that tells no error has only lost
 * devices: where a signal cut the job off they died of the same.
 */
static void conclude(supervisor *s)
{
    for (size_t i = 0; i < s->n_units && !s->status; i++) {
        const crew *c = &s->units[i].crew;
        if (c->state == CREW_LOST || c->told.final)
            s->status = c->told.exit_code;
        if (s->status && s->cut && c->told.failed && !c->told.error)
            s->status = 128 + s->signal;
        /* Ranks may be warned themselves that the time is nearly over. */
        if (is_sent_away(&s->units[i]) && !s->stopped &&
            deadline_allows_start(&s->time, clock_real_ns()))
            s->cut = true;
    }
    tell_exit(s);
}

/* The copy of a secret, [path], that was sent into the folder of a device. */
static void secret_wipe(const supervisor *s, const char *path)
{
    static const char zeros[4096];
    size_t n = strlen(s->dir);
    struct stat st;
    int fd;

    if (!path || !s->pilot || s->pilot->kind != PILOT_EDGE ||
        strncmp(path, s->dir, n) != 0 || path[n] != '/')
        return;
    fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
        bool failed = fstat(fd, &st) < 0;

        for (off_t at = 0; !failed && at < st.st_size; at += sizeof(zeros))
            failed = write(fd, zeros, sizeof(zeros)) < 0;
        if (failed || fsync(fd) < 0)
            log_warn("cannot clear %s", path);
        close(fd);
    }
    unlink(path);
}

static void secrets_wipe(const supervisor *s)
{
    if (!s->req)
        return;
    secret_wipe(s, s->req->password_file);
    secret_wipe(s, s->req->logins);
    secret_wipe(s, s->req->sign);
}

static void release(supervisor *s)
{
    secrets_wipe(s);
    scale_close(s);
    chain_close(s);
    kind_close(s);
    herald_stop(s->herald, time_left_ms(s, 3000) * CLOCK_MS);
    json_decref(s->progress);
    json_decref(s->machine);
    json_decref(s->final);
    json_decref(s->error);
    free(s->mark);
    supervise_free(&s->conf);
    pipeline_destroy(s->pl);
    pipeline_request_destroy(s->req);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
}

int main(int argc, char **argv)
{
    supervisor s = {.signal_fd = -1};
    pe_error e = {0};

    log_init(log_write_stderr, "pilot-supervisor", LOG_LEVEL_INFO);
    if (parse(&s, argc, argv) < 0) {
        usage(stderr);
        return PE_EXIT_USAGE;
    }
    if ((s.attached && event_open(s.events, &e) < 0) || open_all(&s, &e) < 0) {
        tell_error(&s, &e);
        tell_exit(&s);
    } else {
        loop(&s);
        conclude(&s);
    }
    release(&s);
    return s.status;
}
