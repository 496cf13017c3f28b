/* follower.c - keeps the newest committed model of a run at hand. */
#include "follower.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/random.h"

/* One wait for an announcement; bounds how long a stop takes. */
#define WAIT_MS 100

/* Look at the ids this often, give or take a quarter so that a thousand
 * devices do not ask at once.
 */
#define LOOK_NS CLOCK_S

struct follower {
    params_conf conf;
    char *run;
    params *params;            /* of the thread */
    params_follower *announce; /* of the thread */
    int64_t start_ns;
    random_stream jitter;
    bool away; /* said in the log */
    atomic_bool stop;
    pthread_t thread;
    bool running;

    pthread_mutex_t lock;
    pe_model *newest;                  /* under lock */
    uint64_t newest_version;           /* ... */
    int64_t newest_ns;                 /* ... */
    trace_log *trace;                  /* the same; NULL: none */
    atomic_uint_fast64_t generation;   /* counts the models taken */
    char commit[PE_COMMIT_ID_LEN + 1]; /* last id looked at */
    uint64_t version;
    histogram latency;
};

static void free_all(follower *f)
{
    params_follower_close(f->announce);
    params_close(f->params);
    pe_model_destroy(f->newest);
    free(f->run);
    free(f);
}

/* One line when the service goes away and one when it is back. */
static void tell(follower *f, const pe_error *error)
{
    if (error && !f->away)
        log_warn("models cannot be followed: %s", error->text);
    else if (!error && f->away)
        log_info("models are followed again");
    f->away = error != NULL;
}

/* Under the lock. */
static void note(const follower *f, int64_t time_ns)
{
    const trace_model row = {.version = f->newest->version,
                             .time_ns = clock_real_ns(),
                             .commit_ns = time_ns};

    trace_log_add(f->trace, LAYOUT_MODEL, &row);
}

/* One of another kind that warms up scores nothing yet: where stages have been
 * swapped the last one that does stays.
 */
static bool is_worse(const follower *f, const pe_model *m)
{
    return m->warming && f->newest && !f->newest->warming;
}

static void take_model(follower *f, pe_model *m, int64_t time_ns)
{
    pe_model *old;

    if (is_worse(f, m)) { /* the thread alone changes f->newest */
        pe_model_destroy(m);
        return;
    }
    pthread_mutex_lock(&f->lock);
    old = f->newest;
    f->newest = m;
    f->newest_version = m->version;
    f->newest_ns = time_ns;
    if (f->trace)
        note(f, time_ns);
    pthread_mutex_unlock(&f->lock);
    atomic_fetch_add(&f->generation, 1);
    pe_model_destroy(old);
    /* A model that was there before us says nothing of our latency. */
    if (time_ns >= f->start_ns)
        histogram_add(&f->latency, clock_real_ns() - time_ns);
}

/* Fetch the newest model unless its id is the one we have. */
static int fetch(follower *f, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1] = "";
    pe_buffer bytes = {0};
    uint64_t version = 0;
    int64_t time_ns = 0;
    pe_error error;
    pe_model *m;

    if (params_model_fetch(f->params, &bytes, commit, &version, &time_ns,
                           errp) < 0)
        return -1;
    if (bytes.len > 0 && strcmp(commit, f->commit) != 0) {
        m = pe_model_decode(bytes.data, bytes.len, &error);
        if (m)
            take_model(f, m, time_ns);
        else
            log_error("model of commit %s is refused: %s", commit, error.text);
        memcpy(f->commit, commit, sizeof(commit));
        f->version = version;
    }
    pe_buffer_free(&bytes);
    return 0;
}

/* Ask for the ids, which is cheap, and for the model when they differ. */
static int model_ask(follower *f, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version, fence;

    if (params_ids_fetch(f->params, commit, &version, &fence, errp) < 0)
        return -1;
    if (commit[0] == '\0' || !strcmp(commit, f->commit))
        return 0;
    return fetch(f, errp);
}

static int connect_both(follower *f, pe_error *errp)
{
    if (!f->params)
        f->params = params_open(&f->conf, f->run, errp);
    if (f->params && !f->announce)
        f->announce = params_follower_open(&f->conf, f->run, errp);
    return f->params && f->announce ? 0 : -1;
}

static int64_t next_look_ns(follower *f)
{
    double share = 0.75 + 0.5 * random_uniform(&f->jitter);

    return clock_mono_ns() + (int64_t)(share * (double)LOOK_NS);
}

/* Wait for an announcement, or until it is time to look; -1: no service. */
static int follow_once(follower *f, int64_t *lookp, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1] = "";
    int rc;

    if (connect_both(f, errp) < 0)
        return -1;
    if (clock_mono_ns() >= *lookp) {
        *lookp = next_look_ns(f);
        return model_ask(f, errp);
    }
    rc = params_follower_wait(f->announce, WAIT_MS, commit, errp);
    if (rc > 0 && strcmp(commit, f->commit) != 0)
        return fetch(f, errp);
    return rc < 0 ? -1 : 0;
}

static void *follow(void *arg)
{
    follower *f = arg;
    int64_t asked_ns = 0;
    pe_error error;

    while (!atomic_load(&f->stop)) {
        if (follow_once(f, &asked_ns, &error) == 0) {
            tell(f, NULL);
            continue;
        }
        tell(f, &error);
        clock_sleep_ns(WAIT_MS * CLOCK_MS, 0);
    }
    return NULL;
}

follower *follower_start(const params_conf *c, const char *run, pe_error *errp)
{
    follower *f = calloc(1, sizeof(*f));

    if (!f) {
        pe_error_nomem(errp);
        return NULL;
    }
    f->conf = *c;
    f->run = strdup(run);
    f->start_ns = clock_real_ns();
    f->jitter.key = (uint64_t)f->start_ns;
    pthread_mutex_init(&f->lock, NULL);
    if (!f->run)
        pe_error_nomem(errp);
    else if (pthread_create(&f->thread, NULL, follow, f) != 0)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "a thread cannot be started");
    else
        f->running = true;
    if (f->running)
        return f;
    follower_destroy(f);
    return NULL;
}

void follower_trace(follower *f, trace_log *l)
{
    pthread_mutex_lock(&f->lock);
    f->trace = l;
    if (l && f->newest)
        note(f, 0);
    pthread_mutex_unlock(&f->lock);
}

void follower_stop(follower *f)
{
    atomic_store(&f->stop, true);
    if (f->running)
        pthread_join(f->thread, NULL);
    f->running = false;
}

void follower_destroy(follower *f)
{
    if (!f)
        return;
    follower_stop(f);
    pthread_mutex_destroy(&f->lock);
    free_all(f);
}

const pe_model *follower_model(follower *f, pe_model **modelp, uint64_t *seenp)
{
    pe_error error = {0};
    pe_model *copy = NULL;
    uint64_t generation =
        atomic_load_explicit(&f->generation, memory_order_acquire);

    if (generation == *seenp)
        return *modelp;
    *seenp = generation;
    pthread_mutex_lock(&f->lock);
    if (f->newest)
        copy = pe_model_copy(f->newest, &error);
    pthread_mutex_unlock(&f->lock);
    if (!copy) {
        log_error("the newest model cannot be copied: %s", error.text);
        return *modelp;
    }
    pe_model_destroy(*modelp);
    *modelp = copy;
    return copy;
}

uint64_t follower_newest(follower *f, int64_t *time_nsp)
{
    uint64_t version;

    pthread_mutex_lock(&f->lock);
    version = f->newest_version;
    *time_nsp = f->newest_ns;
    pthread_mutex_unlock(&f->lock);
    return version;
}

const histogram *follower_latency(const follower *f)
{
    return &f->latency;
}

const char *follower_commit(const follower *f, uint64_t *versionp)
{
    *versionp = f->version;
    return f->commit;
}
