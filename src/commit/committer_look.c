/* committer_look.c - while idle: ends, control word, ids (rules 4 and 9). */
#include "committer_private.h"

#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"

/* The file does not know of it: NAME.2-0 is of a pilot that was added, and what
 * is sent again (src/refused) is no device's, but has to be reached, too.
 */
static bool is_added(const char *device)
{
    return strchr(device, '.') != NULL || *device == '~';
}

static void take_ends(committer *c, const params_end *e, size_t n)
{
    size_t declared = 0;

    pthread_mutex_lock(&c->lock);
    for (int32_t p = 0; p < c->n_partitions; p++)
        c->ends[p] = -1;
    c->view.any_dead = false;
    for (size_t i = 0; i < n; i++) {
        int32_t p = e[i].partition;

        declared += !is_added(e[i].device);
        if (e[i].dead)
            c->view.any_dead = true;
        if (p >= 0 && p < c->n_partitions && e[i].next > c->ends[p])
            c->ends[p] = e[i].next;
    }
    c->view.ends_known = c->n_devices > 0 && declared >= (size_t)c->n_devices;
    pthread_mutex_unlock(&c->lock);
}

static int ask_ends(committer *c, pe_error *errp)
{
    params_end *ends = NULL;
    char word[sizeof(c->view.control)] = "", hold[sizeof(c->view.hold)] = "";
    size_t n = 0;

    if (c->store->ops->control(c->store, word, sizeof(word), errp) < 0)
        return -1;
    if (c->store->ops->place &&
        c->store->ops->place(c->store, hold, sizeof(hold), errp) < 0)
        return -1;
    if (c->store->ops->ends(c->store, &ends, &n, errp) < 0)
        return -1;
    take_ends(c, ends, n);
    params_ends_free(ends, n);
    pthread_mutex_lock(&c->lock);
    memcpy(c->view.control, word, sizeof(word));
    memcpy(c->view.hold, hold, sizeof(hold));
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* Whoever cannot work with the newest revision has said so.  A task that came
 * is done by the ranks (src/task).
 */
static int ask_revision(committer *c, pe_error *errp)
{
    uint64_t now = 0, tasks = 0;
    char why[256];

    if (!c->revise.p)
        return 0;
    if (params_revision_look(c->revise.p, &now, why, sizeof(why), &tasks,
                             errp) < 0)
        return -1;
    if (*why && revise_back(&c->revise, now, why, errp) < 0)
        return -1;
    pthread_mutex_lock(&c->lock);
    c->view.revision = now;
    c->view.tasks = tasks;
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* Ranks cannot go on with it. */
int committer_take_revocation(committer *c, pe_error *errp)
{
    char why[sizeof(c->revoke)];

    pthread_mutex_lock(&c->lock);
    memcpy(why, c->revoke, sizeof(why));
    pthread_mutex_unlock(&c->lock);
    if (!*why)
        return 0;
    if (params_revision_fail(c->revise.p, c->revision, why, errp) < 0)
        return -1;
    pthread_mutex_lock(&c->lock);
    c->revoke[0] = '\0';
    pthread_mutex_unlock(&c->lock);
    c->next_ends = 0;
    return 0;
}

/* Another pool's commit is news as one of ours is, but for epochs. */
static void tell_newer(committer *c, params_state *s)
{
    committer_news n = {.word = COMMITTER_COMMIT, .commit_ns = s->time_ns};

    n.version = c->version;
    memcpy(n.commit, c->commit, sizeof(n.commit));
    n.model = s->model;
    memset(&s->model, 0, sizeof(s->model));
    committer_post(c, &n);
}

static int ask_ids(committer *c, pe_error *errp)
{
    params_state s = {0};
    int rc = committer_is_behind(c, errp);

    if (rc <= 0)
        return rc;
    rc = committer_catch_up(c, &s, errp);
    if (rc == 0)
        tell_newer(c, &s);
    params_state_free(&s);
    if (rc == 1) {
        committer_tell_back(c);
        committer_post_doubt(c);
    }
    return rc < 0 ? -1 : 0;
}

void committer_look_last(committer *c)
{
    pe_error e = {0};

    if (ask_ends(c, &e) < 0)
        log_warn("which devices have ended was not asked again: %s", e.text);
}

/* Where nothing was committed for long, rounds are seldom, too. */
static int64_t interval(const committer *c, int64_t now)
{
    return now - c->job_ns < CLOCK_S ? c->interval_ns : 5 * c->interval_ns / 2;
}

void committer_ask(committer *c)
{
    pe_error e = {0};
    int64_t now = clock_mono_ns();
    int rc = committer_take_revocation(c, &e);

    if (rc == 0 && now >= c->next_ends) {
        c->next_ends = now + interval(c, now);
        rc = ask_ends(c, &e);
        if (rc == 0)
            rc = ask_revision(c, &e);
    }
    if (rc == 0 && now >= c->next_ids && !c->doubt) {
        c->next_ids = now + 5 * c->interval_ns;
        rc = ask_ids(c, &e);
    }
    if (rc < 0 && e.kind == PE_ERROR_RETRY)
        committer_note_away(c, true, &e);
    else if (rc < 0)
        committer_post_error(c, &e);
    else
        committer_note_away(c, false, NULL);
}
