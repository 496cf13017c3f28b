/* answers.c - the end of a bounded run: its rows by its final model. */
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/answer/answer.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/function/host.h"
#include "src/run/run.h"
#include "src/run/signals.h"

#define SHOWN 10 /* rows in the summary */
#define POLL_MS 100

/* --- when --- */

static bool is_pool_done(const struct run *r)
{
    bool done = false;

    for (size_t i = 0; i < r->n_agents; i++) {
        const agent *a = &r->agents[i];

        if (a->pilot->kind != PILOT_POOL)
            continue;
        if (a->told.failed || a->told.drained || a->state == AGENT_GIVEN_UP)
            return false;
        done = done || a->told.final;
    }
    return done;
}

/* The model stage whose scores say something, or NULL. */
static const pipeline_stage *scoring_stage(const struct run *r)
{
    const pipeline_stage *s = pipeline_last_stage(r->p);
    const pe_model_ops *ops =
        s && s->is_model ? pe_model_find(s->function) : NULL;

    return ops && !(ops->flags & PE_MODEL_NO_SCORES) ? s : NULL;
}

/* Without a broker the source has to give its rows again. */
static bool is_kept(const struct run *r)
{
    const pipeline_stage *s = pipeline_stage_of(r->p, STAGE_SOURCE);

    return !r->local ||
           (s && s->loaded && function_rereadable(s->loaded, s->options));
}

static bool is_wanted(const struct run *r)
{
    return !r->o->no_final && scoring_stage(r) && is_kept(r) &&
           !pipeline_learner(r->p); /* its rows are on devices */
}

bool run_answers_due(const struct run *r)
{
    return is_wanted(r) && !r->failed && !r->drained && !r->stop_signal &&
           is_pool_done(r) && monitor_has_model(r->monitor);
}

bool run_answers_lack(const struct run *r, const json_t *summary)
{
    const json_t *model = json_object_get(summary, "model");
    char *path = run_path(r, ANSWER_FOLDER "/results.json", NULL);
    bool there = path && access(path, F_OK) == 0;

    free(path);
    return !there && is_wanted(r) &&
           json_integer_value(json_object_get(model, "version")) > 0 &&
           !json_is_true(json_object_get(model, "warming"));
}

/* --- the pass --- */

void run_answers_start(struct run *r)
{
    const char *args[] = {r->req->dir, NULL};

    run_progress_clear(r);
    if (scorer_start(&r->scorer, args, false, &r->unscored) < 0)
        log_error("%s", r->unscored.text);
}

bool run_answers_turn(struct run *r)
{
    pe_error e = {0};
    int rc;

    if (!r->scorer.proc)
        return true;
    rc = scorer_turn(&r->scorer, &e);
    if (rc > 0)
        return false;
    run_progress_clear(r);
    if (rc < 0) {
        r->unscored = e;
        log_error("the rows are not scored by the final model: %s; 'pilot "
                  "score %s' tries again",
                  e.text, r->req->run);
    }
    scorer_close(&r->scorer);
    return true;
}

void run_answers_stop(struct run *r, int sig)
{
    if (!r->scorer.proc)
        return;
    scorer_close(&r->scorer);
    pe_error_set(&r->unscored, PE_ERROR_RETRY, (enum pe_exit)(128 + sig),
                 "interrupted; 'pilot score %s' does it", r->req->run);
}

void run_answers_wait(struct run *r)
{
    run_answers_start(r);
    while (!run_answers_turn(r)) {
        struct pollfd fds[] = {{.fd = signals_fd(), .events = POLLIN},
                               {.fd = scorer_fd(&r->scorer), .events = POLLIN}};

        poll(fds, 2, POLL_MS);
        if (run_interrupted(r))
            run_answers_stop(r, r->stop_signal);
    }
}

static int model_keep(struct run *r, const char *path, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1];
    pe_buffer model = {0};
    uint64_t version;
    int64_t time_ns;
    int rc =
        params_model_fetch(r->params, &model, commit, &version, &time_ns, errp);

    if (rc == 0 && model.len > 0)
        rc = file_write(path, model.data, model.len, 0600, errp);
    pe_buffer_free(&model);
    return rc;
}

void run_answers_keep(struct run *r)
{
    char *path = run_path(r, ANSWER_MODEL, NULL);
    pe_error e = {0};

    if (path && (r->managed || r->placed) && r->params &&
        access(path, F_OK) < 0 && model_keep(r, path, &e) < 0) {
        run_progress_clear(r);
        log_warn("the model is not kept with the run, whose services end: %s",
                 e.text);
    }
    free(path);
}

void run_answers_drop(const struct run *r)
{
    char *folder = run_path(r, ANSWER_FOLDER, NULL);
    char *old = run_path(r, ANSWER_FOLDER ".old", NULL);
    char *model = run_path(r, ANSWER_MODEL, NULL);

    if (folder)
        file_remove_tree(folder, NULL);
    if (old)
        file_remove_tree(old, NULL);
    if (model)
        unlink(model);
    free(model);
    free(old);
    free(folder);
}

/* --- what it came to --- */

static json_t *row_of(const answers *a, uint64_t i)
{
    const answer_row *r = &a->rows[i];
    json_t *o = json_pack(
        "{s:s, s:I, s:s, s:f}", "source", answers_source(a, r->source), "row",
        (json_int_t)r->row, "device", answers_device(a, r->device), "score",
        (double)r->score);

    if (r->last > r->row)
        json_object_set_new(o, "last", json_integer(r->last));
    return o;
}

static json_t *drift_of(const answers *a)
{
    const json_t *d = json_object_get(a->info, "drift");
    int32_t source = (int32_t)json_integer_value(json_object_get(d, "source"));
    int32_t device = (int32_t)json_integer_value(json_object_get(d, "device"));
    json_int_t row = json_integer_value(json_object_get(d, "row"));
    char *words;
    json_t *out;

    if (!json_is_object(d))
        return json_null();
    words = text_format("the scores have drifted since %s row "
                        "%" JSON_INTEGER_FORMAT " (Page-Hinkley)",
                        source >= 0 ? answers_source(a, source)
                                    : answers_device(a, device),
                        row);
    out = words ? json_string(words) : NULL;
    free(words);
    return out ? out : json_null();
}

static void take(json_t *out, const json_t *info, const char *key)
{
    json_object_set(out, key, json_object_get(info, key));
}

static json_t *final_of(const answers *a)
{
    static const char *const keys[] = {
        "version",         "commit",    "rows",
        "scored",          "outliers",  "masked",
        "contamination",   "threshold", "threshold_from",
        "model_threshold", "blocks",    "notes",
        "seconds",         "fitted",    NULL};
    json_t *out = json_object(), *top = json_array();

    for (const char *const *k = keys; *k; k++)
        take(out, a->info, *k);
    json_object_set_new(out, "drift", drift_of(a));
    for (size_t i = 0; i < a->n_top && i < SHOWN; i++)
        json_array_append_new(top, row_of(a, a->top[i]));
    json_object_set_new(out, "top", top);
    return out;
}

/* Is the share of outliers among [n] rows another than [c], so far off that
 * chance is no reason and a factor of two at least?
 */
static bool is_far(double outliers, double n, double c)
{
    double expected = n * c;

    return n > 0 && fabs(outliers - expected) > 5 + 4 * sqrt(expected) &&
           (outliers > 2 * expected || outliers < expected / 2);
}

/* The rows the stream has called outliers, against the contamination. */
static void stream_tell(const struct run *r, json_t *summary)
{
    const pipeline_stage *s = scoring_stage(r);
    const json_t *model = json_object_get(summary, "model");
    double c = s ? pe_options_float(s->options, "contamination") : 0;
    double outliers = json_number_value(json_object_get(model, "outliers"));
    double n = json_number_value(json_object_get(summary, "points")) -
               json_number_value(json_object_get(
                   json_object_get(summary, "rows"), "unscored"));
    char *words;

    if (!s || !json_is_object(model) || !is_far(outliers, n, c))
        return;
    words = text_format(
        "%.3g%% of its rows were outliers, the contamination is "
        "%.3g%%: its models had seen little, or what is sensed has changed",
        100 * outliers / n, 100 * c);
    if (words)
        json_object_set_new(summary, "drift", json_string(words));
    free(words);
}

/* Of a run that is done and was asked for answers: its model gives none yet. */
static bool is_cold(const struct run *r, const json_t *summary)
{
    const json_t *model = json_object_get(summary, "model");
    const char *state = json_string_value(json_object_get(summary, "state"));

    return is_wanted(r) && state && !strcmp(state, "done") &&
           json_is_true(json_object_get(model, "warming"));
}

static json_t *cold_words(const json_t *summary)
{
    return json_sprintf("its model is still warming up after "
                        "%" JSON_INTEGER_FORMAT " rows: it needs more of "
                        "them, or a smaller `warmup`",
                        json_integer_value(json_object_get(
                            json_object_get(summary, "model"), "points")));
}

void run_answers_tell(const struct run *r, json_t *summary)
{
    char *folder = run_path(r, ANSWER_FOLDER, NULL);
    pe_error e = {0};
    answers a;

    stream_tell(r, summary);
    if (r->unscored.kind != PE_ERROR_NONE) {
        json_object_set_new(summary, "final",
                            json_pack("{s:s}", "error", r->unscored.text));
    } else if (is_cold(r, summary)) {
        json_object_set_new(summary, "final",
                            json_pack("{s:o*}", "error", cold_words(summary)));
    } else if (folder && answers_open(folder, &a, &e) == 0) {
        json_object_set_new(summary, "final", final_of(&a));
        answers_close(&a);
    } else if (e.kind != PE_ERROR_NONE) {
        log_error("%s", e.text);
    }
    free(folder);
}
