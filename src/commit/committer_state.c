/* committer_state.c - the stored state, and what is ours of it. */
#include "committer_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/log.h"
#include "src/common/text.h"
#include "src/poison/suspects.h"

static bool is_ours(const committer *c, const params_offset *o)
{
    return o->partition >= 0 && o->partition < c->n_partitions &&
           !strcmp(o->topic, c->topic);
}

int committer_adopt(committer *c, const params_state *s, pe_error *errp)
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
    for (size_t i = 0; i < s->n_offsets; i++)
        if (is_ours(c, &s->offsets[i])) {
            c->committed[s->offsets[i].partition] = s->offsets[i].next;
            c->mark[s->offsets[i].partition] = s->offsets[i].mark;
        }
    pthread_mutex_unlock(&c->lock);
    return 0;
}

/* Model and offsets go back together, if they do: where our partitions stand
 * as we left them, all that we committed is in there.
 */
static bool holds(const committer *c, const params_state *s)
{
    int32_t found = 0;

    if (s->fence != c->fence || s->version < c->version)
        return false;
    for (size_t i = 0; i < s->n_offsets; i++) {
        const params_offset *o = &s->offsets[i];

        if (!is_ours(c, o) || !c->mine[o->partition])
            continue;
        if (o->next != c->committed[o->partition])
            return false;
        found++;
    }
    return found == c->n_mine;
}

int committer_catch_up(committer *c, params_state *s, pe_error *errp)
{
    if (c->store->ops->load(c->store, s, errp) < 0)
        return -1;
    c->revised = s->revision != c->revision;
    if (c->revised || !holds(c, s))
        return 1;
    return committer_adopt(c, s, errp);
}

void committer_tell_back(const committer *c)
{
    if (c->revised)
        log_info("another pool works by another revision of the stages: "
                 "starting again from what is stored");
    else
        log_warn("the stored state is not the one this pool committed: "
                 "starting again from it");
}

int committer_is_behind(committer *c, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1];
    uint64_t fence;

    if (c->store->ops->ids(c->store, commit, &fence, errp) < 0)
        return -1;
    return strcmp(commit, c->commit) || fence != c->fence;
}

/* --- load --- */

/* As text, of a run that has a parameter service. */
static int find_suspects(committer *c, committer_news *n, pe_error *errp)
{
    suspects l = {0};
    text words = {0};
    int rc;

    if (!c->revise.p)
        return 0;
    rc = suspects_load(c->revise.p, &n->state, c->topic, &l, errp);
    if (rc == 0)
        suspects_text(&l, &words);
    if (words.failed)
        rc = pe_error_nomem(errp);
    suspects_free(&l);
    n->suspects = words.data;
    return rc;
}

/* The leases first: whoever had a partition before us has committed what it
 * had of it by then, and the state we read has that.
 */
static int fetch(committer *c, committer_news *n, pe_error *errp)
{
    if (committer_beat(c, 0, errp) < 0 ||
        c->store->ops->load(c->store, &n->state, errp) < 0)
        return -1;
    if (find_suspects(c, n, errp) == 0 &&
        revise_load(&c->revise, &n->state, &n->stages, errp) == 0)
        return 0;
    params_state_free(&n->state);
    free(n->suspects);
    n->suspects = NULL;
    free(n->stages.text);
    n->stages = (revise_news){0};
    return -1;
}

/* What the pool works on from now on. */
static int set_mine(committer *c, committer_news *n, pe_error *errp)
{
    n->own = malloc((size_t)c->n_partitions);
    if (!n->own)
        return pe_error_nomem(errp);
    memcpy(n->own, c->lease.own, (size_t)c->n_partitions);
    memcpy(c->mine, c->lease.own, (size_t)c->n_partitions);
    c->n_mine = c->lease.n;
    n->lease = c->lease.number;
    return 0;
}

void committer_do_load(committer *c, int64_t term)
{
    committer_news n = {.word = COMMITTER_STATE, .term = term};
    pe_error e = {0};
    int tries = 0;

    (void)committer_take_revocation(c, &e); /* else it is said later */
    while (fetch(c, &n, &e) < 0)
        if (!committer_try_again(c, &e, &tries))
            return;
    committer_note_away(c, false, NULL);
    if (committer_adopt(c, &n.state, &e) < 0 || set_mine(c, &n, &e) < 0) {
        committer_news_clear(&n);
        committer_post_error(c, &e);
        return;
    }
    memcpy(n.commit, c->commit, sizeof(n.commit));
    n.version = c->version;
    pthread_mutex_lock(&c->lock);
    if (c->revision != n.stages.number)
        c->revoke[0] = '\0';
    c->revision = c->view.revision = n.stages.number;
    pthread_mutex_unlock(&c->lock);
    c->doubt = c->revised = false;
    committer_post(c, &n);
}
