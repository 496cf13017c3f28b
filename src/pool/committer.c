/* committer.c - rank 0's thread that applies deltas and commits. */
#include "committer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/random.h"

#define MS INT64_C(1000000)

struct committer {
    pool_store *store;
    char topic[256];
    char writer[128];
    int32_t n_partitions;
    int n_devices;
    int64_t interval_ns;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* guards everything down to the blank line */
    pthread_cond_t wake;
    bool stop, load;
    commit_job *job;
    bool working;
    committer_news news;
    committer_view view;
    int64_t *committed, *ends;

    /* the thread's own */
    pe_model *model; /* newest committed state */
    char commit[PE_COMMIT_ID_LEN + 1];
    uint64_t version, fence;
    int64_t next_ends, next_ids;
    bool away; /* the store does not answer; said once */
};

void committer_news_clear(committer_news *n)
{
    params_state_free(&n->state);
    pe_buffer_free(&n->model);
    memset(n, 0, sizeof(*n));
}

/* --- the thread --- */

static bool stopped(committer *c)
{
    bool stop;

    pthread_mutex_lock(&c->lock);
    stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static void post(committer *c, committer_news *n)
{
    pthread_mutex_lock(&c->lock);
    committer_news_clear(&c->news);
    c->news = *n;
    memset(n, 0, sizeof(*n));
    pthread_mutex_unlock(&c->lock);
}

static void post_error(committer *c, const pe_error *e)
{
    committer_news n = {.word = COMMITTER_ERROR, .error = *e};

    post(c, &n);
}

/* Say once that the store is away, and once that it is back. */
static void note_away(committer *c, bool away, const pe_error *e)
{
    if (away && !c->away)
        log_warn("%s; trying again", e->text);
    if (!away && c->away) {
        log_info("the parameter service answers again");
        c->next_ids = 0;
    }
    c->away = away;
}

/* One more try after a failed call?  Sleeps; false: give up. */
static bool try_again(committer *c, const pe_error *e, int *triesp)
{
    int64_t ms = 50 << (*triesp < 5 ? *triesp : 5);

    if (e->kind != PE_ERROR_RETRY) {
        post_error(c, e);
        return false;
    }
    note_away(c, true, e);
    ++*triesp;
    clock_sleep_ns(ms * MS, 1);
    return !stopped(c);
}

static int adopt_state(committer *c, const params_state *s, pe_error *errp)
{
    pe_model *m = NULL;

    if (s->model.len > 0) {
        m = pe_model_decode(s->model.data, s->model.len, errp);
        if (!m)
            return -1;
    }
    pe_model_destroy(c->model);
    c->model = m;
    memcpy(c->commit, s->commit, sizeof(c->commit));
    c->version = s->version;
    c->fence = s->fence;
    pthread_mutex_lock(&c->lock);
    c->view.total = s->counters;
    for (size_t i = 0; i < s->n_offsets; i++) {
        const params_offset *o = &s->offsets[i];

        if (!strcmp(o->topic, c->topic) && o->partition >= 0 &&
            o->partition < c->n_partitions)
            c->committed[o->partition] = o->next;
    }
    pthread_mutex_unlock(&c->lock);
    return 0;
}

static void do_load(committer *c)
{
    committer_news n = {.word = COMMITTER_STATE};
    pe_error e = {0};
    int tries = 0;

    while (c->store->ops->load(c->store, &n.state, &e) < 0)
        if (!try_again(c, &e, &tries))
            return;
    note_away(c, false, NULL);
    if (adopt_state(c, &n.state, &e) < 0) {
        params_state_free(&n.state);
        post_error(c, &e);
        return;
    }
    memcpy(n.commit, c->commit, sizeof(n.commit));
    n.version = c->version;
    post(c, &n);
}

/* The delta on the newest model, as bytes, under a new version. */
static int build(committer *c, commit_job *j, const char *id, pe_buffer *out,
                 pe_error *errp)
{
    if (j->delta && !c->model) {
        c->model = j->base;
        j->base = NULL;
    }
    if (j->delta && !pe_delta_finite(j->delta))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "the reduced delta is not finite; the model was "
                            "left as it is");
    if (j->delta && pe_model_apply(c->model, j->delta, errp) < 0)
        return -1;
    if (!c->model)
        return 0;
    c->model->version = c->version + 1;
    memcpy(c->model->commit, id, sizeof(c->model->commit));
    return pe_model_encode(c->model, out, errp);
}

static size_t fill_ranges(const committer *c, const commit_job *j,
                          params_range *r)
{
    size_t n = 0;

    for (int32_t p = 0; p < j->n_partitions; p++)
        if (j->to[p] > j->from[p])
            r[n++] = (params_range){c->topic, p, j->from[p], j->to[p]};
    return n;
}

/* Another writer's commit came first: start again from its model. */
static int rebase(committer *c, pe_error *errp)
{
    params_state s = {0};
    int rc;

    if (c->store->ops->load(c->store, &s, errp) < 0)
        return -1;
    rc = adopt_state(c, &s, errp);
    params_state_free(&s);
    pthread_mutex_lock(&c->lock);
    c->view.stale++;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

static void committed(committer *c, commit_job *j, const params_commit *r,
                      pe_buffer *model)
{
    committer_news n = {.word = COMMITTER_COMMIT, .epoch = j->last_epoch};

    memcpy(c->commit, r->id, sizeof(c->commit));
    c->version++;
    n.commit_ns = clock_real_ns();
    n.version = c->version;
    memcpy(n.commit, c->commit, sizeof(n.commit));
    n.model = *model;
    memset(model, 0, sizeof(*model));
    pthread_mutex_lock(&c->lock);
    c->view.commits++;
    commit_counters_add(&c->view.total, &j->add);
    for (int32_t p = 0; p < j->n_partitions; p++)
        if (j->to[p] > j->from[p])
            c->committed[p] = j->to[p];
    pthread_mutex_unlock(&c->lock);
    post(c, &n);
}

/* Build and send until there is an answer that ends the job.  Returns that
 * answer, or -1 when news was posted or the thread must stop.
 */
static int send_job(committer *c, commit_job *j, params_commit *r,
                    pe_buffer *model)
{
    pe_error e = {0};
    int answer, tries = 0;
    bool built = false;

    for (;;) {
        if (!built) {
            model->len = 0;
            if (build(c, j, r->id, model, &e) < 0) {
                post_error(c, &e);
                return -1;
            }
            built = true;
        }
        memcpy(r->base, c->commit, sizeof(r->base));
        r->fence = c->fence;
        r->version = c->version + 1;
        r->time_ns = clock_real_ns();
        r->kind = c->model ? c->model->ops->name : "none";
        r->model = model->data;
        r->model_len = model->len;
        /* An unknown outcome is resent as the same call: the id decides. */
        answer = c->store->ops->send(c->store, r, &e);
        if (answer == PARAMS_STALE) {
            while (rebase(c, &e) < 0)
                if (!try_again(c, &e, &tries))
                    return -1;
            built = false;
        } else if (answer >= 0) {
            note_away(c, false, NULL);
            return answer;
        } else if (!try_again(c, &e, &tries)) {
            return -1;
        }
    }
}

static void do_commit(committer *c, commit_job *j)
{
    params_range *ranges = calloc((size_t)j->n_partitions, sizeof(*ranges));
    params_commit r = {.writer = c->writer, .ranges = ranges, .add = j->add};
    committer_news doubt = {.word = COMMITTER_DOUBT};
    pe_buffer model = {0};
    pe_error e = {0};
    int answer;

    if (!ranges || random_id(r.id, PE_COMMIT_ID_LEN / 2, &e) < 0) {
        if (!ranges)
            pe_error_nomem(&e);
        post_error(c, &e);
        goto done;
    }
    r.n_ranges = fill_ranges(c, j, ranges);
    r.devices = j->devices;
    r.n_devices = j->n_devices;
    answer = send_job(c, j, &r, &model);
    if (answer == PARAMS_OK || answer == PARAMS_DUP) {
        committed(c, j, &r, &model);
    } else if (answer >= 0) {
        log_warn("commit answered %s: the pool starts again from the stored "
                 "state",
                 params_answer_name((enum params_answer)answer));
        post(c, &doubt);
    }
done:
    pe_buffer_free(&model);
    free(ranges);
}

/* --- while idle: ends, control word, ids (rules 4 and 9) --- */

static void take_ends(committer *c, const params_end *e, size_t n)
{
    pthread_mutex_lock(&c->lock);
    for (int32_t p = 0; p < c->n_partitions; p++)
        c->ends[p] = -1;
    c->view.any_dead = false;
    for (size_t i = 0; i < n; i++) {
        int32_t p = e[i].partition;

        if (e[i].dead)
            c->view.any_dead = true;
        if (p >= 0 && p < c->n_partitions && e[i].next > c->ends[p])
            c->ends[p] = e[i].next;
    }
    c->view.ends_known = c->n_devices > 0 && n >= (size_t)c->n_devices;
    pthread_mutex_unlock(&c->lock);
}

static int look_ends(committer *c, pe_error *errp)
{
    params_end *ends = NULL;
    char word[sizeof(c->view.control)] = "";
    size_t n = 0;

    if (c->store->ops->control(c->store, word, sizeof(word), errp) < 0)
        return -1;
    if (c->store->ops->ends(c->store, &ends, &n, errp) < 0)
        return -1;
    take_ends(c, ends, n);
    params_ends_free(ends, n);
    pthread_mutex_lock(&c->lock);
    memcpy(c->view.control, word, sizeof(word));
    pthread_mutex_unlock(&c->lock);
    return 0;
}

static int look_ids(committer *c, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1];
    committer_news doubt = {.word = COMMITTER_DOUBT};
    uint64_t fence;

    if (c->store->ops->ids(c->store, commit, &fence, errp) < 0)
        return -1;
    if (strcmp(commit, c->commit) || fence != c->fence) {
        log_warn("the stored state is not the one this pool committed: "
                 "starting again from it");
        post(c, &doubt);
    }
    return 0;
}

static void look(committer *c)
{
    pe_error e = {0};
    int64_t now = clock_mono_ns();
    int rc = 0;

    if (now >= c->next_ends) {
        c->next_ends = now + c->interval_ns;
        rc = look_ends(c, &e);
    }
    if (rc == 0 && now >= c->next_ids) {
        c->next_ids = now + 5 * c->interval_ns;
        rc = look_ids(c, &e);
    }
    if (rc < 0 && e.kind == PE_ERROR_RETRY)
        note_away(c, true, &e);
    else if (rc < 0)
        post_error(c, &e);
    else
        note_away(c, false, NULL);
}

/* --- the thread's loop --- */

/* Wait for work; false: stop.  *jobp is NULL when only a look is due. */
static bool next_work(committer *c, commit_job **jobp, bool *loadp)
{
    struct timespec t;
    bool stop;

    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_nsec += 20 * MS;
    if (t.tv_nsec >= 1000 * MS) {
        t.tv_nsec -= 1000 * MS;
        t.tv_sec++;
    }
    pthread_mutex_lock(&c->lock);
    c->working = false;
    if (!c->stop && !c->load && !c->job)
        pthread_cond_timedwait(&c->wake, &c->lock, &t);
    *loadp = c->load;
    *jobp = c->load ? NULL : c->job;
    if (*jobp)
        c->job = NULL;
    c->load = false;
    c->working = *loadp || *jobp;
    stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return !stop;
}

static void *run(void *arg)
{
    committer *c = arg;
    commit_job *job = NULL;
    bool load;

    while (next_work(c, &job, &load)) {
        bool unread;

        if (load)
            do_load(c);
        else if (job)
            do_commit(c, job);
        commit_job_destroy(job);
        job = NULL;
        pthread_mutex_lock(&c->lock);
        unread = c->news.word != COMMITTER_NONE;
        pthread_mutex_unlock(&c->lock);
        if (!unread)
            look(c);
    }
    commit_job_destroy(job);
    return NULL;
}

/* --- the rank's side --- */

static int init_wait(committer *c)
{
    pthread_condattr_t a;
    int rc;

    if (pthread_mutex_init(&c->lock, NULL))
        return -1;
    if (pthread_condattr_init(&a))
        return -1;
    rc = pthread_condattr_setclock(&a, CLOCK_MONOTONIC) ||
         pthread_cond_init(&c->wake, &a);
    pthread_condattr_destroy(&a);
    return rc ? -1 : 0;
}

committer *committer_start(const committer_conf *conf, pe_error *errp)
{
    committer *c = calloc(1, sizeof(*c));

    if (!c) {
        conf->store->ops->close(conf->store);
        pe_error_nomem(errp);
        return NULL;
    }
    c->store = conf->store;
    c->n_partitions = conf->n_partitions;
    c->n_devices = conf->n_devices;
    c->interval_ns = (int64_t)(conf->interval_s * 1e9);
    snprintf(c->topic, sizeof(c->topic), "%s", conf->topic);
    snprintf(c->writer, sizeof(c->writer), "%s", conf->writer);
    c->committed = calloc((size_t)c->n_partitions, sizeof(*c->committed));
    c->ends = calloc((size_t)c->n_partitions, sizeof(*c->ends));
    if (!c->committed || !c->ends || init_wait(c) < 0 ||
        pthread_create(&c->thread, NULL, run, c)) {
        pe_error_nomem(errp);
        committer_stop(c);
        return NULL;
    }
    for (int32_t p = 0; p < c->n_partitions; p++)
        c->ends[p] = -1;
    c->started = true;
    return c;
}

void committer_stop(committer *c)
{
    if (!c)
        return;
    if (c->started) {
        pthread_mutex_lock(&c->lock);
        c->stop = true;
        pthread_cond_signal(&c->wake);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
        pthread_cond_destroy(&c->wake);
        pthread_mutex_destroy(&c->lock);
    }
    committer_news_clear(&c->news);
    commit_job_destroy(c->job);
    pe_model_destroy(c->model);
    c->store->ops->close(c->store);
    free(c->committed);
    free(c->ends);
    free(c);
}

void committer_load(committer *c)
{
    pthread_mutex_lock(&c->lock);
    c->load = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void committer_submit(committer *c, commit_job *j)
{
    pthread_mutex_lock(&c->lock);
    commit_job_destroy(c->job);
    c->job = j;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

bool committer_take(committer *c, committer_news *out)
{
    bool there;

    pthread_mutex_lock(&c->lock);
    there = c->news.word != COMMITTER_NONE;
    if (there) {
        *out = c->news;
        memset(&c->news, 0, sizeof(c->news));
    }
    pthread_mutex_unlock(&c->lock);
    return there;
}

void committer_look(committer *c, committer_view *v, int64_t *committed_out,
                    int64_t *ends)
{
    size_t bytes = (size_t)c->n_partitions * sizeof(*ends);

    pthread_mutex_lock(&c->lock);
    *v = c->view;
    v->busy = c->job || c->load || c->working || c->news.word != COMMITTER_NONE;
    memcpy(committed_out, c->committed, bytes);
    memcpy(ends, c->ends, bytes);
    pthread_mutex_unlock(&c->lock);
    v->committed = committed_out;
}
