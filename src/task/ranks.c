/* ranks.c - what a rank does of tasks, beside its stream.
 *
 * Two threads.  The clerk talks to the parameter service: it claims a slice
 * when the rank has nothing to do, keeps the claim alive, and puts what came of
 * it.  It stays from the first task on, and sleeps while there is none.  The
 * worker calls the function, and is there as long as there is something to do.
 *
 * The rank takes no lock and joins nobody until its end: the worker gets no
 * core while others want it, and whatever it holds then is held for long.
 */
#include "task.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/params/task.h"

#define TTL_MS 10000
#define STEP_MS 100 /* between two looks at the worker */
#define RENEW_NS (2 * CLOCK_S)
#define LOOK_NS (500 * CLOCK_MS) /* where others have what is left */
#define IDLE_NS (2 * CLOCK_MS)   /* between two looks whether the rank is */
#define LEAVE_S 1                /* at the end, for a function to come back */

enum job { JOB_NONE, JOB_GIVEN, JOB_DONE, JOB_LAST };

struct tasks {
    tasks_conf c;
    char worker_name[160];
    atomic_bool rank_idle, stopped, again;
    atomic_int cancelled; /* for the function */
    atomic_ulong done, failed;
    sem_t wake; /* the clerk, after [again] or [stopped] */
    bool begun; /* the clerk is there; the rank's */
    pthread_t clerk, worker;
    pthread_mutex_t lock; /* for what follows */
    pthread_cond_t changed;
    bool left; /* the clerk, but for a join */
    params *p; /* the clerk's; for a cut */
    enum job job;
    /* The worker's while the job is given, else the clerk's. */
    char *task, *function;
    task_spec spec;
    slice_work *work;
    bool other; /* it is of another task than [work] */
    uint64_t slice, end;
    pe_buffer result;
    enum slice_word word;
    pe_error error;
};

static bool is_stopped(tasks *t)
{
    return atomic_load(&t->stopped);
}

/* --- the worker --- */

/* Linux weighs sessions first, and threads within each: then a thread steps
 * back for those of its own session alone.
 */
static bool weighs_sessions(void)
{
    FILE *f = fopen("/proc/sys/kernel/sched_autogroup_enabled", "re");
    int c = f ? fgetc(f) : EOF;

    if (f)
        fclose(f);
    return c == '1';
}

/* Whatever else wants the core has it at once. */
static void step_back(const tasks *t)
{
    const struct sched_param none = {0};
    int rc = pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);

    if (rc != 0)
        log_warn("tasks have the priority of the stream: %s", strerror(rc));
    else if (t->c.rank == 0 && weighs_sessions())
        log_info("tasks step back for programs of their session alone: on this "
                 "host others, as a broker, share cores with them evenly "
                 "(kernel.sched_autogroup_enabled is 1)");
}

static enum slice_word do_job(tasks *t)
{
    slice_conf c = {.pl = t->c.pl,
                    .run = t->c.req->run,
                    .task = t->task,
                    .function = t->function,
                    .rank = t->c.rank,
                    .ranks = t->c.ranks,
                    .cancelled = &t->cancelled};

    if (t->other || !t->work) {
        slice_close(t->work);
        t->work = slice_open(&c, &t->spec, &t->error);
        t->other = false;
    }
    if (!t->work)
        return SLICE_BROKEN;
    return slice_do(t->work, t->slice, &t->result, &t->end, &t->error);
}

static void *work(void *arg)
{
    tasks *t = arg;
    enum slice_word word;

    step_back(t);
    pthread_mutex_lock(&t->lock);
    while (t->job != JOB_LAST) {
        if (t->job != JOB_GIVEN) {
            pthread_cond_wait(&t->changed, &t->lock);
            continue;
        }
        pthread_mutex_unlock(&t->lock);
        word = do_job(t);
        pthread_mutex_lock(&t->lock);
        t->word = word;
        if (t->job == JOB_GIVEN) /* else the clerk has left */
            t->job = JOB_DONE;
        pthread_cond_broadcast(&t->changed);
    }
    pthread_mutex_unlock(&t->lock);
    slice_close(t->work);
    t->work = NULL;
    return NULL;
}

static void say_job(tasks *t, enum job job)
{
    pthread_mutex_lock(&t->lock);
    t->job = job;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* True when it is done within a step. */
static bool wait_job(tasks *t)
{
    int64_t until_ns = clock_mono_ns() + STEP_MS * CLOCK_MS;
    bool done;

    pthread_mutex_lock(&t->lock);
    while (t->job == JOB_GIVEN &&
           clock_cond_wait(&t->changed, &t->lock, until_ns))
        ;
    done = t->job != JOB_GIVEN;
    pthread_mutex_unlock(&t->lock);
    return done;
}

/* --- the clerk --- */

/* A service that does not answer is waited for: 1: ask again. */
static bool ask_again(tasks *t, const pe_error *e)
{
    if (e->kind != PE_ERROR_RETRY || is_stopped(t))
        return false;
    clock_sleep_ns(LOOK_NS, 0);
    return !is_stopped(t);
}

/* What came of the slice; -1: it is not known there. */
static int put(tasks *t, bool failed, const void *data, size_t len)
{
    params_result r = {failed, data, len};
    pe_error e;
    int rc;

    do {
        e = (pe_error){0};
        rc = params_slice_put(t->p, t->task, t->slice, &r, &e);
    } while (rc < 0 && ask_again(t, &e));
    if (rc < 0)
        log_warn("task '%s': what came of slice %" PRIu64 " is not kept: %s",
                 t->task, t->slice, e.text);
    else if (rc == PARAMS_SLICE_DO)
        atomic_fetch_add(&t->done, 1);
    else if (rc == PARAMS_SLICE_DEAD)
        atomic_fetch_add(&t->failed, 1);
    return rc;
}

static int put_words(tasks *t, const char *words)
{
    log_warn("task '%s': slice %" PRIu64 " has failed: %s", t->task, t->slice,
             words);
    return put(t, true, words, strlen(words));
}

/* Nothing comes of this task any more. */
static int stop_task(tasks *t, const char *words)
{
    pe_error e = {0};

    log_warn("task '%s' has failed: %s", t->task, words);
    if (params_task_stop(t->p, t->task, words, &e) == 0 &&
        params_slice_drop(t->p, t->task, t->slice, &e) == 0)
        return 0;
    log_warn("task '%s': that is not noted: %s", t->task, e.text);
    return -1;
}

/* A function that crashes takes its pool with it: it is not let near another
 * slice.
 */
static int stop_dead(tasks *t)
{
    char words[160];

    snprintf(words, sizeof(words),
             "the rank that did slice %" PRIu64 " died, %d times", t->slice,
             PARAMS_SLICE_TRIES);
    return stop_task(t, words) < 0 ? PARAMS_SLICE_WAIT : PARAMS_SLICE_OVER;
}

static int put_end(tasks *t)
{
    pe_error e = {0};

    if (params_task_end(t->p, t->task, t->end, &e) == 0 &&
        params_slice_drop(t->p, t->task, t->slice, &e) == 0)
        return 0;
    log_warn("task '%s': that it has %" PRIu64 " slice%s is not noted: %s",
             t->task, t->end, text_s(t->end), e.text);
    return -1;
}

static int put_result(tasks *t)
{
    switch (t->word) {
    case SLICE_DONE:
        return put(t, false, t->result.data ? (void *)t->result.data : "",
                   t->result.len);
    case SLICE_FAILED:
        return put_words(t, t->error.text);
    case SLICE_END:
        return put_end(t);
    default:
        return stop_task(t, t->error.text);
    }
}

/* Nobody can interrupt it. */
static void say_stuck(const tasks *t)
{
    log_warn("task '%s': slice %" PRIu64 " was given up, and the function has "
             "not come back from it (does it look at pe_context_cancelled?): "
             "rank %d does no task until then",
             t->task, t->slice, t->c.rank);
}

/* The claim lives as long as the worker is at it; one that is lost, or of a
 * task that was canceled, is nothing to put.
 */
static int do_slice(tasks *t, const params_worker *w)
{
    int64_t renewed = clock_mono_ns();
    bool lost = false, said = false;

    t->error = (pe_error){0};
    atomic_store(&t->cancelled, 0);
    say_job(t, JOB_GIVEN);
    while (!wait_job(t)) {
        pe_error e = {0};

        if (is_stopped(t)) {
            atomic_store(&t->cancelled, 1);
            params_slice_leave(t->p, w, t->slice, &e);
            return 0; /* the rank ends, and does not wait for it */
        }
        if (lost) {
            atomic_store(&t->cancelled, 1);
            if (!said && clock_mono_ns() - renewed > RENEW_NS) {
                say_stuck(t);
                said = true;
            }
        } else if (clock_mono_ns() - renewed > RENEW_NS) {
            renewed = clock_mono_ns();
            lost =
                params_slice_renew(t->p, w, t->slice, &e) == PARAMS_SLICE_LOST;
        }
    }
    say_job(t, JOB_NONE);
    if (!lost && atomic_load(&t->cancelled)) {
        /* It came back since it was told to: what it gave may be a part. */
        params_slice_leave(t->p, w, t->slice, &t->error);
        return 0;
    }
    return lost ? 0 : put_result(t);
}

/* Until the rank has no block to process; a stream that leaves it no time
 * leaves tasks none.
 */
static void wait_idle(tasks *t)
{
    while (!is_stopped(t) && !atomic_load(&t->rank_idle))
        clock_sleep_ns(IDLE_NS, 0);
}

/* Slices of the task, as long as there are some for us; what the service said
 * last.
 */
static int do_task(tasks *t)
{
    const params_worker w = {t->task, t->worker_name, TTL_MS};
    pe_error e = {0};
    int rc;

    for (;;) {
        wait_idle(t);
        if (is_stopped(t))
            return PARAMS_SLICE_WAIT;
        rc = params_slice_claim(t->p, &w, &t->slice, &e);
        if (rc == PARAMS_SLICE_DO)
            rc = do_slice(t, &w) < 0 ? PARAMS_SLICE_WAIT : PARAMS_SLICE_DO;
        else if (rc == PARAMS_SLICE_DEAD)
            rc = stop_dead(t);
        if (rc != PARAMS_SLICE_DO)
            break;
    }
    if (rc < 0)
        log_warn("task '%s': %s", t->task, e.text);
    return rc < 0 ? PARAMS_SLICE_WAIT : rc;
}

static void forget(tasks *t)
{
    free(t->task);
    free(t->function);
    task_spec_free(&t->spec);
    t->task = t->function = NULL;
}

static bool is_open(const params_task *k)
{
    return !k->state && (!k->known || k->done + k->failed < k->slices);
}

/* Make [k] the one that is at hand. */
static int take_up(tasks *t, const params_task *k, pe_error *errp)
{
    forget(t);
    t->other = true;
    t->task = strdup(k->name);
    if (!t->task)
        return pe_error_nomem(errp);
    if (task_spec_parse(k->text, &t->spec, errp) < 0)
        return -1;
    t->function = task_function(t->p, &t->spec, t->c.req->dir, errp);
    return t->function ? 0 : -1;
}

/* All tasks there are, in turn: true when something is left for later. */
static bool do_all(tasks *t)
{
    params_task *all = NULL;
    pe_error e = {0};
    bool left = false;
    size_t n = 0;

    if (params_tasks_fetch(t->p, &all, &n, &e) < 0) {
        log_warn("tasks cannot be looked at: %s", e.text);
        return true;
    }
    for (size_t i = 0; i < n && !is_stopped(t); i++) {
        if (!is_open(&all[i]))
            continue;
        if (take_up(t, &all[i], &e) < 0 && t->task && e.kind != PE_ERROR_RETRY)
            stop_task(t, e.text);
        else if (!t->function || do_task(t) == PARAMS_SLICE_WAIT)
            left = true;
    }
    params_tasks_free(all, n);
    return left;
}

static params *open_service(tasks *t)
{
    params_conf c = {0};
    pe_error e = {0};
    params *p;

    pipeline_request_params(t->c.req, &c);
    c.no_commits = true;
    do
        p = params_open(&c, t->c.req->run, &e);
    while (!p && ask_again(t, &e));
    if (!p)
        log_warn("no task is done: %s", e.text);
    return p;
}

/* Until there is nothing more. */
static void serve(tasks *t)
{
    params *p = open_service(t);
    bool left = false, worker = false;

    pthread_mutex_lock(&t->lock);
    t->p = p;
    t->job = JOB_NONE;
    pthread_mutex_unlock(&t->lock);
    if (p)
        worker = pthread_create(&t->worker, NULL, work, t) == 0;
    do {
        if (left)
            clock_sleep_ns(LOOK_NS, 0);
        atomic_store(&t->again, false);
        left = worker && do_all(t);
    } while (!is_stopped(t) && (left || atomic_load(&t->again)));
    if (worker) {
        say_job(t, JOB_LAST);
        pthread_join(t->worker, NULL);
    }
    forget(t);
    pthread_mutex_lock(&t->lock);
    t->p = NULL;
    pthread_mutex_unlock(&t->lock);
    params_close(p);
}

static void *keep_books(void *arg)
{
    tasks *t = arg;

    while (!is_stopped(t)) {
        if (atomic_load(&t->again))
            serve(t);
        else
            sem_wait(&t->wake);
    }
    pthread_mutex_lock(&t->lock);
    t->left = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* --- the rank --- */

tasks *tasks_open(const tasks_conf *c, pe_error *errp)
{
    tasks *t = calloc(1, sizeof(*t));

    if (!t) {
        pe_error_nomem(errp);
        return NULL;
    }
    t->c = *c;
    pthread_mutex_init(&t->lock, NULL);
    if (clock_cond_init(&t->changed) != 0) {
        pe_error_nomem(errp);
        pthread_mutex_destroy(&t->lock);
        free(t);
        return NULL;
    }
    sem_init(&t->wake, 0, 0);
    snprintf(t->worker_name, sizeof(t->worker_name), "%.100s/%" PRIx64 "/%d",
             c->member, c->world, c->rank);
    return t;
}

void tasks_wake(tasks *t)
{
    atomic_store(&t->again, true);
    sem_post(&t->wake);
    if (t->begun)
        return;
    t->begun = pthread_create(&t->clerk, NULL, keep_books, t) == 0;
    if (!t->begun)
        log_warn("no thread for tasks: none is done on rank %d", t->c.rank);
}

void tasks_idle(tasks *t, bool idle)
{
    atomic_store_explicit(&t->rank_idle, idle, memory_order_relaxed);
}

void tasks_count(tasks *t, uint64_t *donep, uint64_t *failedp)
{
    *donep = atomic_load(&t->done);
    *failedp = atomic_load(&t->failed);
}

static bool has_ended(tasks *t)
{
    int64_t until_ns = clock_mono_ns() + LEAVE_S * CLOCK_S;
    bool left;

    pthread_mutex_lock(&t->lock);
    while (!t->left && clock_cond_wait(&t->changed, &t->lock, until_ns))
        ;
    left = t->left;
    pthread_mutex_unlock(&t->lock);
    if (left)
        pthread_join(t->clerk, NULL);
    return left;
}

/* It may be in the service, or wait for the function. */
static bool join(tasks *t)
{
    if (has_ended(t))
        return true;
    pthread_mutex_lock(&t->lock);
    if (t->p)
        params_cut(t->p);
    pthread_mutex_unlock(&t->lock);
    return has_ended(t);
}

bool tasks_close(tasks *t)
{
    if (!t)
        return true;
    atomic_store(&t->cancelled, 1);
    atomic_store(&t->stopped, true);
    sem_post(&t->wake);
    if (t->begun && !join(t)) {
        log_warn("task '%s': slice %" PRIu64 " is not done when the rank "
                 "ends: another does it again",
                 t->task ? t->task : "?", t->slice);
        return false;
    }
    pe_buffer_free(&t->result);
    sem_destroy(&t->wake);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
    return true;
}
