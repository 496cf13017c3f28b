/* committer.c - rank 0's thread that applies deltas and commits. */
#include "committer_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/common/clock.h"
#include "src/common/log.h"

void committer_news_clear(committer_news *n)
{
    params_state_free(&n->state);
    pe_buffer_free(&n->model);
    free(n->own);
    free(n->stages.text);
    free(n->suspects);
    memset(n, 0, sizeof(*n));
}

/* --- the thread: news and patience --- */

bool committer_stopped(committer *c)
{
    bool stop;

    pthread_mutex_lock(&c->lock);
    stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

void committer_post(committer *c, committer_news *n)
{
    pthread_mutex_lock(&c->lock);
    committer_news_clear(&c->news);
    c->news = *n;
    memset(n, 0, sizeof(*n));
    pthread_mutex_unlock(&c->lock);
}

void committer_post_error(committer *c, const pe_error *e)
{
    committer_news n = {.word = COMMITTER_ERROR, .error = *e};

    committer_post(c, &n);
}

void committer_post_doubt(committer *c)
{
    committer_news n = {.word = COMMITTER_DOUBT};

    c->doubt = true;
    committer_post(c, &n);
}

void committer_note_away(committer *c, bool away, const pe_error *e)
{
    if (away == c->away)
        return;
    if (away) {
        log_warn("%s; trying again", e->text);
    } else {
        log_info("the parameter service answers again");
        c->next_ids = 0;
    }
    c->away = away;
    pthread_mutex_lock(&c->lock);
    c->view.away = away;
    snprintf(c->view.why, sizeof(c->view.why), "%.255s", away ? e->text : "");
    pthread_mutex_unlock(&c->lock);
}

bool committer_try_again(committer *c, const pe_error *e, int *triesp)
{
    if (e->kind != PE_ERROR_RETRY) {
        committer_post_error(c, e);
        return false;
    }
    committer_note_away(c, true, e);
    clock_sleep_ns(
        clock_backoff_ns((unsigned)(*triesp)++, 50 * CLOCK_MS, 1600 * CLOCK_MS),
        1);
    return !committer_stopped(c);
}

/* --- the thread: leases --- */

int committer_beat(committer *c, unsigned words, pe_error *errp)
{
    const lease *l = &c->lease;

    if (lease_beat(&c->lease, words, errp) < 0)
        return -1;
    pthread_mutex_lock(&c->lock);
    c->view.lease = l->number;
    c->view.leased = l->n;
    c->view.surplus = l->alone ? 0 : l->surplus;
    c->view.others = l->others;
    memcpy(c->view.other, l->other, sizeof(l->other));
    pthread_mutex_unlock(&c->lock);
    return 0;
}

void committer_beat_if_due(committer *c)
{
    pe_error e = {0};

    if (!lease_is_due(&c->lease) || committer_beat(c, 0, &e) == 0)
        return;
    if (e.kind == PE_ERROR_RETRY)
        committer_note_away(c, true, &e);
    else
        committer_post_error(c, &e);
}

static void do_settle(committer *c)
{
    pe_error e = {0};
    int tries = 0;

    while (committer_beat(c, PARAMS_LEASE_SETTLE, &e) < 0)
        if (!committer_try_again(c, &e, &tries))
            return;
    /* What was given back may move from now on. */
    c->n_mine = 0;
    for (int32_t k = 0; k < c->n_partitions; k++) {
        c->mine[k] = c->mine[k] && c->lease.own[k];
        c->n_mine += c->mine[k];
    }
}

/* The others need not wait for our leases to end; but we do not wait for a
 * store that is away.
 */
static void do_leave(committer *c)
{
    pe_error e = {0};

    if (!c->away)
        revise_stands(&c->revise);
    if (c->lease.joined && !c->away &&
        lease_beat(&c->lease, PARAMS_LEASE_LEAVE, &e) < 0)
        log_warn("the leases of this pool were not given back: %s", e.text);
    if (!c->away)
        committer_look_last(c);
}

/* --- the thread's loop --- */

struct work {
    bool load, settle;
    int64_t load_term;
    commit_job *job;
};

/* When there is something to look at, or to say.  What is overdue, as news that
 * nobody has read yet stand in its way, is tried again soon.
 */
static int64_t next_look(const committer *c)
{
    int64_t soon = clock_mono_ns() + 20 * CLOCK_MS, due = c->next_ends;

    if (c->next_ids < due)
        due = c->next_ids;
    if (lease_due_ns(&c->lease) < due)
        due = lease_due_ns(&c->lease);
    return due > soon ? due : soon;
}

/* Wait for work; false: stop.  No work is there when only a look is due. */
static bool next_work(committer *c, struct work *w)
{
    int64_t until = next_look(c);
    bool stop;

    memset(w, 0, sizeof(*w));
    pthread_mutex_lock(&c->lock);
    c->working = false;
    c->turn_ns = 0;
    if (!c->stop && !c->load && !c->job && !c->settle)
        clock_cond_wait(&c->wake, &c->lock, until);
    w->load = c->load;
    w->load_term = c->load_term;
    if (!c->load) {
        w->job = c->job;
        if (c->job)
            c->view.store_ns += clock_mono_ns() - c->given_ns;
        w->settle = !c->job && c->settle;
        c->job = NULL;
    }
    c->load = false;
    c->settle = c->settle && !w->settle;
    c->working = w->load || w->job || w->settle;
    c->turn_ns = clock_mono_ns();
    stop = c->stop;
    pthread_mutex_unlock(&c->lock);
    return !stop;
}

static bool has_unread(committer *c)
{
    bool unread;

    pthread_mutex_lock(&c->lock);
    unread = c->news.word != COMMITTER_NONE;
    pthread_mutex_unlock(&c->lock);
    return unread;
}

static void *run(void *arg)
{
    committer *c = arg;
    struct work w;

    while (next_work(c, &w)) {
        if (w.load)
            committer_do_load(c, w.load_term);
        else if (w.job)
            committer_do_commit(c, w.job);
        else if (w.settle)
            do_settle(c);
        commit_job_destroy(w.job);
        committer_beat_if_due(c);
        if (!has_unread(c))
            committer_ask(c);
    }
    commit_job_destroy(w.job);
    if (c->leave)
        do_leave(c);
    return NULL;
}

/* --- the rank's side --- */

static int init_wait(committer *c)
{
    if (pthread_mutex_init(&c->lock, NULL))
        return -1;
    c->made = clock_cond_init(&c->wake) == 0;
    if (!c->made)
        pthread_mutex_destroy(&c->lock);
    return c->made ? 0 : -1;
}

static int init(committer *c, const committer_conf *conf, pe_error *errp)
{
    const params_member *m = &conf->member;
    size_t n = (size_t)m->partitions;

    c->n_partitions = m->partitions;
    c->n_devices = conf->n_devices;
    c->interval_ns = (int64_t)(conf->interval_s * 1e9);
    if (conf->req && c->store->ops->service)
        c->revise.p = c->store->ops->service(c->store);
    c->revise.req = conf->req;
    c->revise.member = c->member;
    snprintf(c->member, sizeof(c->member), "%s", m->name);
    snprintf(c->topic, sizeof(c->topic), "%s", conf->topic);
    snprintf(c->writer, sizeof(c->writer), "%.100s:%.40s", m->name,
             m->incarnation);
    c->committed = calloc(n, sizeof(*c->committed));
    c->ends = calloc(n, sizeof(*c->ends));
    c->mark = calloc(n, sizeof(*c->mark));
    c->mine = calloc(n, 1);
    if (!c->committed || !c->ends || !c->mark || !c->mine)
        return pe_error_nomem(errp);
    for (size_t p = 0; p < n; p++)
        c->ends[p] = -1;
    if (lease_init(&c->lease, c->store, m, conf->alone, errp) < 0)
        return -1;
    c->lease.placer = c->placer;
    /* Until it has seen who is there it takes nothing. */
    if (c->placer)
        c->lease.member.only = "";
    return 0;
}

committer *committer_start(const committer_conf *conf, pe_error *errp)
{
    committer *c = calloc(1, sizeof(*c));

    if (!c) {
        conf->store->ops->close(conf->store);
        placer_close(conf->placer);
        pe_error_nomem(errp);
        return NULL;
    }
    c->store = conf->store;
    c->placer = conf->placer;
    if (init(c, conf, errp) < 0) {
        committer_stop(c);
        return NULL;
    }
    if (init_wait(c) < 0 || pthread_create(&c->thread, NULL, run, c)) {
        pe_error_nomem(errp);
        committer_stop(c);
        return NULL;
    }
    c->started = true;
    return c;
}

static void join(committer *c, bool leave)
{
    if (!c->started)
        return;
    pthread_mutex_lock(&c->lock);
    c->stop = true;
    c->leave = leave;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    c->started = false;
}

pool_store *committer_store(committer *c)
{
    return c->store;
}

void committer_leave(committer *c)
{
    join(c, true);
}

void committer_note(committer *c, trace_log *l, checkpoint *p)
{
    c->trace = l;
    c->checkpoint = p;
}

void committer_stop(committer *c)
{
    if (!c)
        return;
    join(c, false);
    if (c->made) {
        pthread_cond_destroy(&c->wake);
        pthread_mutex_destroy(&c->lock);
    }
    committer_news_clear(&c->news);
    commit_job_destroy(c->job);
    pe_model_destroy(c->model);
    c->store->ops->close(c->store);
    lease_fini(&c->lease);
    placer_close(c->placer);
    free(c->mine);
    free(c->committed);
    free(c->mark);
    free(c->ends);
    free(c);
}

void committer_cut(committer *c)
{
    if (c->store->ops->cut)
        c->store->ops->cut(c->store);
}

void committer_load(committer *c, int64_t term)
{
    pthread_mutex_lock(&c->lock);
    c->load = true;
    c->load_term = term;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void committer_settle(committer *c)
{
    pthread_mutex_lock(&c->lock);
    c->settle = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void committer_revoke(committer *c, const char *why)
{
    pthread_mutex_lock(&c->lock);
    snprintf(c->revoke, sizeof(c->revoke), "%.255s", *why ? why : "it failed");
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->lock);
}

void committer_submit(committer *c, commit_job *j)
{
    pthread_mutex_lock(&c->lock);
    commit_job_destroy(c->job);
    c->job = j;
    c->given_ns = clock_mono_ns();
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
                    uint64_t *mark, int64_t *ends)
{
    size_t bytes = (size_t)c->n_partitions * sizeof(*ends);

    pthread_mutex_lock(&c->lock);
    *v = c->view;
    v->asked_ns = c->applying ? 0 : c->turn_ns;
    if (c->asked_ns)
        v->store_ns += clock_mono_ns() - c->asked_ns;
    v->working = c->job || c->load || c->settle || c->working;
    v->busy = v->working || c->news.word != COMMITTER_NONE;
    memcpy(committed_out, c->committed, bytes);
    memcpy(mark, c->mark, bytes);
    memcpy(ends, c->ends, bytes);
    pthread_mutex_unlock(&c->lock);
    v->committed = committed_out;
    v->mark = mark;
}
