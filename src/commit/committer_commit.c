/* committer_commit.c - a job applied, sent, rebased, resent. */
#include "committer_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/common/random.h"

/* Beside an answer of the store: try again if the error says so, or an end of
 * the job.
 */
enum { JOB_ERROR = -1, JOB_DOUBT = -2, JOB_OVER = -3 };

/* Does the delta go with the newest model?  Another pool's first model may be
 * for other features, and a roll-back may have taken the model it needs.
 */
static bool fits(const committer *c, const commit_job *j)
{
    const pe_model *m = c->model ? c->model : j->base;

    if (!j->delta)
        return true;
    return m && m->features == j->features && !(j->warm && m->warming);
}

/* The delta on the newest model, as bytes, under a new version. */
static int build(committer *c, commit_job *j, const char *id, pe_buffer *out,
                 pe_error *errp)
{
    out->len = 0;
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
        if (j->range[p].to > j->range[p].from) {
            r[n] = j->range[p];
            r[n++].topic = c->topic;
        }
    return n;
}

static void note(const committer *c, const commit_job *j,
                 const committer_news *n, int64_t sent_ns)
{
    const trace_commit row = {.version = n->version,
                              .term = j->term,
                              .first_epoch = j->first_epoch,
                              .last_epoch = j->last_epoch,
                              .time_ns = n->commit_ns,
                              .duration_ns = clock_mono_ns() - c->job_ns,
                              .blocks = j->add.applied + j->add.refused,
                              .points = j->add.points,
                              .outliers = j->add.outliers,
                              .bytes = n->model.len,
                              .threshold = c->model ? c->model->threshold : 0,
                              .tries = c->sent,
                              .sent_ns = sent_ns,
                              .revision = c->revision};

    trace_log_add(c->trace, LAYOUT_COMMIT, &row);
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
    revise_stands(&c->revise);
    if (c->trace)
        note(c, j, &n, r->time_ns);
    if (c->checkpoint)
        checkpoint_offer(c->checkpoint, n.model.data, n.model.len, n.version);
    pthread_mutex_lock(&c->lock);
    c->view.commits++;
    c->view.commit_ns = clock_mono_ns() - r->began_ns;
    commit_counters_add(&c->view.total, &j->add);
    for (size_t i = 0; i < r->n_ranges; i++) {
        const params_range *g = &r->ranges[i];

        c->committed[g->partition] = g->to;
        c->mark[g->partition] = g->mark;
    }
    pthread_mutex_unlock(&c->lock);
    committer_post(c, &n);
}

/* Start again from the newest model, where other pools came first.  0: there
 * was nothing newer, 1: there was, JOB_DOUBT, or JOB_ERROR.
 */
static int rebase(committer *c, pe_error *errp)
{
    params_state s = {0};
    int rc = committer_is_behind(c, errp);

    if (rc <= 0)
        return rc;
    rc = committer_catch_up(c, &s, errp);
    params_state_free(&s);
    if (rc != 0)
        return rc < 0 ? JOB_ERROR : JOB_DOUBT;
    pthread_mutex_lock(&c->lock);
    c->view.stale++;
    pthread_mutex_unlock(&c->lock);
    return 1;
}

static int send(committer *c, params_commit *r, const pe_buffer *model,
                pe_error *errp)
{
    memcpy(r->base, c->commit, sizeof(r->base));
    r->fence = c->fence;
    r->version = c->version + 1;
    r->revision = c->revision;
    r->time_ns = clock_real_ns();
    if (c->first_ns == 0)
        c->first_ns = r->time_ns;
    r->kind = c->model ? c->model->ops->name : "none";
    r->threshold = c->model ? c->model->threshold : NAN;
    r->warming = c->model && c->model->warming;
    r->model = model->data;
    r->model_len = model->len;
    c->sent++;
    if (FAILPOINT_FAILS(FAILPOINT_COMMIT, errp))
        return -1;
    return c->store->ops->send(c->store, r, errp);
}

/* The time of a commit is the store's from now on, or ours again. */
static void note_store(committer *c, bool asked)
{
    int64_t now = clock_mono_ns();

    pthread_mutex_lock(&c->lock);
    if (c->asked_ns)
        c->view.store_ns += now - c->asked_ns;
    c->asked_ns = asked ? now : 0;
    c->turn_ns = now;
    c->applying = !asked;
    pthread_mutex_unlock(&c->lock);
}

static void note_apply(committer *c, int64_t from)
{
    int64_t now = clock_mono_ns();

    pthread_mutex_lock(&c->lock);
    c->view.apply_ns += now - from;
    pthread_mutex_unlock(&c->lock);
}

/* What follows a commit is questions. */
static void note_applied(committer *c)
{
    pthread_mutex_lock(&c->lock);
    c->applying = false;
    pthread_mutex_unlock(&c->lock);
}

/* The model that is to be sent. */
static int prepare(committer *c, commit_job *j, const char *id,
                   pe_buffer *model, pe_error *errp)
{
    int64_t from = clock_mono_ns();
    int rc;

    if (!fits(c, j))
        return JOB_DOUBT;
    note_store(c, false);
    rc = build(c, j, id, model, errp);
    note_apply(c, from);
    note_store(c, true);
    if (rc == 0)
        return 0;
    committer_post_error(c, errp);
    return JOB_OVER; /* half of it may be in the model */
}

/* Build and send until there is an answer, which is returned, or what else
 * ends the job.  Where there are other pools, they are looked at first: a
 * model that is sent in vain takes longer than a look; after two of them they
 * are asked to wait.
 */
static int send_job(committer *c, commit_job *j, params_commit *r,
                    pe_buffer *model)
{
    bool behind = c->lease.others > 0, built = false;
    pe_error e = {0};
    int rc, tries = 0;

    for (;;) {
        rc = committer_wait_next(c, &e);
        if (rc == 0 && behind)
            rc = rebase(c, &e);
        built = built && rc != 1; /* it is built again on a newer one */
        if (rc >= 0)
            rc = built ? 0 : prepare(c, j, r->id, model, &e);
        if (rc == JOB_DOUBT || rc == JOB_OVER)
            return rc;
        built = built || rc == 0;
        /* An unknown outcome is resent as the same call: the id decides. */
        if (rc == 0) {
            behind = false;
            rc = send(c, r, model, &e);
        }
        if (rc < 0 && !committer_try_again(c, &e, &tries))
            return JOB_OVER;
        if (rc >= 0 && rc != PARAMS_STALE)
            break;
        if (rc >= 0) /* so none of those before has come there */
            c->first_ns = 0;
        behind = behind || rc == PARAMS_STALE;
        committer_beat_if_due(c);
    }
    committer_note_away(c, false, NULL);
    return rc;
}

void committer_do_commit(committer *c, commit_job *j)
{
    params_range *ranges = calloc((size_t)j->n_partitions, sizeof(*ranges));
    params_commit r = {.writer = c->writer,
                       .ranges = ranges,
                       .add = j->add,
                       .began_ns = clock_mono_ns()};
    pe_buffer model = {0};
    pe_error e = {0};
    int answer;

    c->sent = 0;
    c->first_ns = 0;
    c->job_ns = clock_mono_ns();
    if (!ranges || random_id(r.id, PE_COMMIT_ID_LEN / 2, &e) < 0) {
        if (!ranges)
            pe_error_nomem(&e);
        committer_post_error(c, &e);
        goto done;
    }
    r.n_ranges = fill_ranges(c, j, ranges);
    r.devices = j->devices;
    r.n_devices = j->n_devices;
    note_store(c, true);
    answer = send_job(c, j, &r, &model);
    committer_end_next(c);
    note_store(c, false);
    note_applied(c);
    if (answer == PARAMS_DUP) /* one came there whose answer was lost */
        r.time_ns = c->first_ns;
    if (answer == PARAMS_OK || answer == PARAMS_DUP) {
        committed(c, j, &r, &model);
    } else if (answer >= 0) {
        log_warn("commit answered %s: the pool starts again from the stored "
                 "state",
                 params_answer_name((enum params_answer)answer));
        committer_post_doubt(c);
    } else if (answer == JOB_DOUBT) {
        committer_tell_back(c);
        committer_post_doubt(c);
    }
done:
    pthread_mutex_lock(&c->lock);
    c->view.busy_ns += clock_mono_ns() - c->job_ns;
    pthread_mutex_unlock(&c->lock);
    pe_buffer_free(&model);
    free(ranges);
}
