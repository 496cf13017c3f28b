/* main.c - the program pilot-rehearse: plays one job of a rehearsal.
 *
 * "pilot-rehearse FOLDER ID": started by the submission of the job, it lives
 * as long as there is something to play.  SIGTERM cancels the job, SIGUSR1
 * without its time to tidy up.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/process.h"
#include "src/common/text.h"
#include "private.h"

#define STEP_NS (5 * CLOCK_MS)
#define GONE_MS 10000 /* for what was killed to be gone */

typedef struct player {
    const char *folder;
    rehearsal_job job;
    rehearsal_script script;
    process *proc;    /* job.sh; NULL: does not run */
    char *mark;       /* "NAME=VALUE" in the environment of its processes */
    int64_t limit_ns; /* monotonic; 0: none */
    int signal;       /* that came and was not yet obeyed */
} player;

/* --- what the scheduler knows --- */

static void job_save(const player *p)
{
    pe_error e = {0};

    if (rehearsal_job_write(p->folder, &p->job, &e) < 0)
        fprintf(stderr, "pilot-rehearse: %s\n", e.text);
}

static void job_set(player *p, enum resource_seen seen, const char *reason)
{
    static const char *const words[RESOURCE_N_SEEN] = {
        [RESOURCE_QUEUED] = "PENDING",       [RESOURCE_HELD] = "PENDING",
        [RESOURCE_STARTING] = "CONFIGURING", [RESOURCE_RUNNING] = "RUNNING",
        [RESOURCE_SUSPENDED] = "SUSPENDED",  [RESOURCE_ENDING] = "COMPLETING",
        [RESOURCE_DONE] = "COMPLETED",       [RESOURCE_FAILED] = "FAILED",
        [RESOURCE_CANCELED] = "CANCELLED",   [RESOURCE_TIMEOUT] = "TIMEOUT",
        [RESOURCE_PREEMPTED] = "PREEMPTED",  [RESOURCE_NODE_LOST] = "NODE_FAIL",
    };

    p->job.seen = seen;
    snprintf(p->job.native, sizeof(p->job.native), "%s",
             words[seen] ? words[seen] : "");
    snprintf(p->job.reason, sizeof(p->job.reason), "%.255s", reason);
    job_save(p);
}

static bool is_over(const player *p)
{
    return p->job.seen == RESOURCE_ABSENT ||
           (p->job.seen >= RESOURCE_DONE && p->job.seen <= RESOURCE_NODE_LOST);
}

/* --- job.sh --- */

/* A time of the scheduler as one of ours. */
static int64_t ours(const player *p, double seconds)
{
    return (int64_t)(seconds / p->script.speed * 1e9);
}

/* Environment of the job: its id, how often it was queued again, its end. */
static char **env_make(const player *p)
{
    char **env = calloc(5, sizeof(*env));

    if (!env)
        return NULL;
    env[0] = text_format("REHEARSAL_JOB_ID=%s", p->job.id);
    env[1] = text_format("REHEARSAL_RESTART_COUNT=%d", p->job.restarts);
    env[2] = text_format("REHEARSAL_JOB_END_NS=%lld", (long long)p->job.end_ns);
    env[3] = text_format("%s", p->mark);
    return env;
}

static void env_free(char **env)
{
    for (size_t i = 0; env && env[i]; i++)
        free(env[i]);
    free(env);
}

static process *job_start(const player *p, pe_error *errp)
{
    char *path = text_format("%s/job.sh", p->job.dir);
    char *out = text_format("%s/out", p->job.dir);
    char *err = text_format("%s/err", p->job.dir);
    char **env = env_make(p);
    const char *const argv[] = {"bash", path, NULL};
    const process_spec spec = {.argv = argv,
                               .env = (const char *const *)env,
                               .out_path = out,
                               .err_path = err,
                               .new_group = true};
    process *proc = NULL;

    if (path && out && err && env)
        proc = process_start(&spec, errp);
    else
        pe_error_nomem(errp);
    env_free(env);
    free(err);
    free(out);
    free(path);
    return proc;
}

static void job_run(player *p)
{
    pe_error e = {0};

    p->job.start_ns = clock_real_ns();
    p->job.end_ns = 0;
    p->limit_ns = 0;
    if (p->job.limit_s > 0) {
        p->job.end_ns = p->job.start_ns + ours(p, p->job.limit_s);
        p->limit_ns = clock_mono_ns() + ours(p, p->job.limit_s);
    }
    p->proc = job_start(p, &e);
    if (p->proc) {
        job_set(p, RESOURCE_RUNNING, "");
        return;
    }
    p->job.end_ns = p->job.start_ns;
    job_set(p, RESOURCE_FAILED, e.text);
}

/* Nothing of it is left. */
static void job_reap(player *p)
{
    int status;

    if (process_end_marked(p->mark, GONE_MS) > 0)
        fprintf(stderr, "pilot-rehearse: processes of job %s do not end\n",
                p->job.id);
    process_wait(p->proc, -1);
    status = process_status(p->proc);
    process_destroy(p->proc);
    p->proc = NULL;
    p->job.end_ns = clock_real_ns();
    p->job.exit_code = status;
    p->job.signal = status > 128 ? status - 128 : 0;
}

/* The signal that came, 0: none; waits at most [ns]. */
static int signal_take(int64_t ns)
{
    struct timespec wait = {.tv_nsec = ns};
    sigset_t set;
    int sig;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sig = sigtimedwait(&set, NULL, &wait);
    return sig > 0 ? sig : 0;
}

/* TERM and a while to tidy up, then KILL; [now]: KILL. */
static void job_stop(player *p, bool now)
{
    int64_t until = clock_mono_ns() + ours(p, p->script.grace_s);

    if (!p->proc)
        return;
    if (!now) {
        job_set(p, RESOURCE_ENDING, "");
        process_signal(p->proc, SIGTERM);
        process_signal(p->proc, SIGCONT);
    }
    while (!now && !process_ended(p->proc) && clock_mono_ns() < until)
        now = signal_take(STEP_NS) == SIGUSR1;
    process_signal(p->proc, SIGKILL);
    job_reap(p);
}

/* The job is ended by the scheduler, as [seen]. */
static void job_end(player *p, enum resource_seen seen, bool now)
{
    job_stop(p, now || seen == RESOURCE_NODE_LOST);
    if (p->job.end_ns == 0)
        p->job.end_ns = clock_real_ns();
    job_set(p, seen, "");
}

static void end_as(player *p, const rehearsal_act *a)
{
    job_stop(p, a->end == RESOURCE_NODE_LOST);
    if (a->end == RESOURCE_FAILED) {
        p->job.exit_code = a->status;
        p->job.signal = 0;
    }
    job_end(p, a->end, false);
}

/* --- time --- */

/* Is there the file that [a] lasts to? */
static bool is_there(const player *p, const rehearsal_act *a)
{
    char *path = *a->until ? text_format("%s/%s", p->job.dir, a->until) : NULL;
    bool there = path && access(path, F_OK) == 0;

    free(path);
    return there;
}

/* Let the time of [a] pass; the job may end meanwhile: by itself, at its
 * limit, or because somebody cancels it.
 */
static void pass(player *p, const rehearsal_act *a)
{
    int64_t until =
        a->seconds < 0 ? INT64_MAX : clock_mono_ns() + ours(p, a->seconds);
    bool stopped = a->what == REHEARSAL_SUSPEND;

    while (!is_over(p) && clock_mono_ns() < until && !is_there(p, a)) {
        int sig = signal_take(STEP_NS);
        if (sig) {
            job_end(p, RESOURCE_CANCELED, sig == SIGUSR1);
        } else if (p->proc && !stopped && process_ended(p->proc)) {
            job_reap(p);
            job_set(p, p->job.exit_code ? RESOURCE_FAILED : RESOURCE_DONE, "");
        } else if (p->proc && p->limit_ns > 0 &&
                   clock_mono_ns() >= p->limit_ns) {
            job_end(p, RESOURCE_TIMEOUT, false);
        }
    }
}

/* It is over, and nothing happens. */
static void rest(const player *p, const rehearsal_act *a)
{
    if (a->seconds >= 0)
        clock_sleep_ns(ours(p, a->seconds), 1);
    while (*a->until && !is_there(p, a))
        clock_sleep_ns(STEP_NS, 1);
}

static void requeue(player *p)
{
    job_stop(p, false);
    p->job.restarts++;
    p->job.start_ns = p->job.end_ns = 0;
    p->job.exit_code = p->job.signal = -1;
    p->limit_ns = 0;
    job_set(p, RESOURCE_QUEUED, "requeued");
}

/* --- acts --- */

static void wait_as(player *p, const rehearsal_act *a, enum resource_seen seen)
{
    p->job.never = a->what == REHEARSAL_NEVER;
    job_set(p, seen, a->words);
    pass(p, a);
    p->job.never = false;
}

static void suspend(player *p, const rehearsal_act *a)
{
    if (!p->proc)
        return;
    process_signal(p->proc, SIGSTOP);
    job_set(p, RESOURCE_SUSPENDED, "");
    pass(p, a);
    if (is_over(p))
        return;
    process_signal(p->proc, SIGCONT);
    job_set(p, RESOURCE_RUNNING, "");
}

/* A word nobody knows, and then the state it had before. */
static void odd(player *p, const rehearsal_act *a)
{
    enum resource_seen before = p->job.seen;

    p->job.seen = RESOURCE_UNKNOWN;
    snprintf(p->job.native, sizeof(p->job.native), "%.60s", a->words);
    job_save(p);
    pass(p, a);
    if (p->job.seen == RESOURCE_UNKNOWN)
        job_set(p, before, "");
}

static void act_over(player *p, const rehearsal_act *a)
{
    if (a->what == REHEARSAL_WAIT)
        rest(p, a);
    else if (a->what == REHEARSAL_REQUEUE && p->job.seen != RESOURCE_ABSENT)
        requeue(p);
    else if (a->what == REHEARSAL_LOST_ACCOUNTING)
        job_set(p, RESOURCE_ABSENT, "");
}

static void act_play(player *p, const rehearsal_act *a)
{
    switch (a->what) {
    case REHEARSAL_QUEUE:
    case REHEARSAL_NEVER:
        wait_as(p, a, RESOURCE_QUEUED);
        break;
    case REHEARSAL_HOLD:
        wait_as(p, a, RESOURCE_HELD);
        break;
    case REHEARSAL_START:
        wait_as(p, a, RESOURCE_STARTING);
        break;
    case REHEARSAL_RUN:
        if (!p->proc)
            job_run(p);
        pass(p, a);
        break;
    case REHEARSAL_SUSPEND:
        suspend(p, a);
        break;
    case REHEARSAL_ODD:
        odd(p, a);
        break;
    case REHEARSAL_END:
        end_as(p, a);
        break;
    case REHEARSAL_REQUEUE:
        requeue(p);
        break;
    case REHEARSAL_WAIT:
        pass(p, a);
        break;
    case REHEARSAL_LOST_ACCOUNTING:
        job_stop(p, true);
        job_set(p, RESOURCE_ABSENT, "");
        break;
    }
}

static void play(player *p)
{
    static const rehearsal_act last = {.what = REHEARSAL_RUN,
                                       .seconds = REHEARSAL_FOR_EVER};

    for (size_t i = 0; i < p->script.n_acts; i++)
        if (is_over(p))
            act_over(p, &p->script.acts[i]);
        else
            act_play(p, &p->script.acts[i]);
    if (!is_over(p))
        act_play(p, &last);
}

/* --- the program --- */

static void signals_block(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
}

static int player_open(player *p, const char *id, pe_error *errp)
{
    if (rehearsal_job_read(p->folder, id, &p->job, errp) != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "there is no job %s in %s", id, p->folder);
    if (rehearsal_script_read(p->job.script, &p->script, errp) < 0)
        return -1;
    p->mark = text_format("REHEARSAL_JOB=%s/%s", p->folder, p->job.id);
    if (!p->mark)
        return pe_error_nomem(errp);
    if (chdir(p->job.submit_dir) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "cannot work in %s: %s", p->job.submit_dir,
                            strerror(errno));
    p->job.player = getpid();
    process_state(getpid(), p->job.player_start);
    return rehearsal_job_write(p->folder, &p->job, errp);
}

int main(int argc, char **argv)
{
    player p = {.folder = argc == 3 ? argv[1] : ""};
    pe_error e = {0};
    int status = PE_EXIT_OK;

    if (argc != 3) {
        fprintf(stderr, "Usage: pilot-rehearse FOLDER ID\n");
        return PE_EXIT_USAGE;
    }
    signals_block();
    if (player_open(&p, argv[2], &e) < 0) {
        fprintf(stderr, "pilot-rehearse: %s\n", e.text);
        status = (int)e.exit_code;
    } else {
        play(&p);
    }
    rehearsal_script_free(&p.script);
    free(p.mark);
    return status;
}
