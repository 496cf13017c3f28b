/* final.c - every row of a run by its final model. */
#include "src/answer/final_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/file/file_identity.h"
#include "src/file/file_list.h"
#include "src/common/digest.h"

/* --- lanes --- */

static source_reader *open_topic(void *arg, int32_t partition, pe_error *errp)
{
    final *f = arg;
    uint64_t most = 2 * f->pl->message_bytes, least = UINT64_C(16) << 20;

    (void)partition;
    return source_open_broker(f->pl, f->req, SOURCE_ONE,
                              most > least ? most : least, errp);
}

static source_reader *open_function(void *arg, int32_t partition,
                                    pe_error *errp)
{
    final *f = arg;

    (void)partition;
    return source_open_function(f->pl, f->req, false, &f->drain, errp);
}

/* Records that the topic does not keep any more are said. */
static int first_of(final *f, const params_offset *o, int64_t *firstp,
                    pe_error *errp)
{
    int64_t low, high;
    char line[256];

    if (broker_watermarks(f->admin, f->topic, o->partition, &low, &high, errp) <
            0 ||
        params_offset_init(f->params, f->topic, o->partition, low, firstp,
                           errp) < 0)
        return -1;
    if (low <= *firstp)
        return 0;
    snprintf(line, sizeof(line),
             "records %" PRId64 " to %" PRId64
             " of partition %d are not kept in the topic any more: their rows "
             "have no final score",
             *firstp, (low < o->next ? low : o->next) - 1, (int)o->partition);
    json_array_append_new(json_object_get(f->info, "notes"), json_string(line));
    *firstp = low;
    return 0;
}

static int add_lane(final *f, const params_offset *o, pe_error *errp)
{
    bool local = !f->params;
    lane_conf *l = &f->lanes[f->n];

    *l = (lane_conf){
        .open = local ? open_function : open_topic,
        .arg = f,
        .stages = {.pl = f->pl,
                   .run = f->req->run,
                   .dir = f->req->dir,
                   .index = o->partition,
                   .size = f->pl->partitions,
                   .m = f->m,
                   .scaling = &f->scaling},
        .features = f->m->features,
        .partition = o->partition,
        .end = o->next,
        .again = local,
    };
    l->staged = stages_any(&l->stages);
    l->reshaped = stages_reshape(f->pl);
    l->standardised = !local && stages_standardise(f->pl, 0);
    l->strict = f->m->strict;
    if (!local && first_of(f, o, &l->first, errp) < 0)
        return -1;
    f->n++;
    return 0;
}

static int by_partition(const void *a, const void *b)
{
    const lane_conf *x = a, *y = b;

    return (x->partition > y->partition) - (x->partition < y->partition);
}

static int make_lanes(final *f, pe_error *errp)
{
    broker_conf c = {0};

    if (f->params) {
        pipeline_request_broker(f->req, &c, "pilot-score");
        f->admin = broker_admin_open(&c, errp);
        if (!f->admin)
            return -1;
    }
    f->lanes = calloc(f->state.n_offsets + 1, sizeof(*f->lanes));
    if (!f->lanes)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < f->state.n_offsets; i++) {
        const params_offset *o = &f->state.offsets[i];

        if (o->topic && strcmp(o->topic, f->topic) != 0)
            continue;
        if (add_lane(f, o, errp) < 0)
            return -1;
    }
    qsort(f->lanes, f->n, sizeof(*f->lanes), by_partition);
    return 0;
}

/* One pass at a time writes into the folder. */
static int take_lock(final *f, pe_error *errp)
{
    char *path = text_format("%s/results.lock", f->req->dir);

    if (!path)
        return pe_error_nomem(errp);
    f->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (f->lock_fd < 0)
        file_error(errp, errno, "make", path, PE_EXIT_CREATE);
    free(path);
    if (f->lock_fd < 0)
        return -1;
    if (flock(f->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                        "the rows of run %s are being scored already",
                        f->req->run);
}

/* --- the pass --- */

static int keep(void *arg, const void *model, size_t len, pe_error *errp)
{
    const final *f = arg;
    char *path = text_format("%s/" ANSWER_MODEL, f->req->dir);
    char digest[DIGEST_SHA1_HEX + 1];
    int rc =
        path ? file_write(path, model, len, 0600, errp) : pe_error_nomem(errp);

    free(path);
    if (rc == 0)
        rc = scaling_write(&f->scaling, f->pl, f->req, errp);
    if (rc == 0)
        rc = digest_sha1(model, len, digest, errp);
    if (rc < 0)
        return -1;
    json_object_set_new(f->info, "digest", json_string(digest));
    json_object_set_new(f->info, "run", json_string(f->req->run));
    return 0;
}

/* Unless the model is to stay as the stream has left it. */
static bool is_fitted(const final *f)
{
    const pe_options *o = pipeline_last_stage(f->pl)->options;

    return !strcmp(pe_options_string(o, "final"), "fit");
}

static int score(final *f, pe_error *errp)
{
    char *folder = f->c->out ? text_format("%s", f->c->out)
                             : text_format("%s/" ANSWER_FOLDER, f->req->dir);
    const pass_expected expected = {f->state.counters.applied,
                                    f->state.counters.points};
    const pass_conf c = {.folder = folder,
                         .model = f->state.model.data,
                         .model_len = f->state.model.len,
                         .threshold = (double)NAN,
                         .scaling = is_fitted(f) && f->n ? &f->scaling : NULL,
                         .fit = is_fitted(f),
                         .lanes = f->lanes,
                         .n_lanes = f->n,
                         .progress = f->c->progress,
                         .arg = f->c->arg,
                         .keep = keep,
                         .keep_arg = f,
                         .expected = &expected,
                         .info = f->info};
    int rc = folder ? pass_run(&c, errp) : pe_error_nomem(errp);

    free(folder);
    return rc;
}

static int note_change(final *f, const char *path, size_t others,
                       pe_error *errp)
{
    char *what = others
                     ? text_format("%s and %zu other file%s are not what they "
                                   "were when the run began: their rows are "
                                   "scored as they are now",
                                   path, others, text_s(others))
                     : text_format("%s is not what it was when the run "
                                   "began: its rows are scored as they are "
                                   "now",
                                   path);
    json_t *note = what ? json_string(what) : NULL;

    free(what);
    return json_array_append_new(json_object_get(f->info, "notes"), note) == 0
               ? 0
               : pe_error_nomem(errp);
}

static bool is_as_it_was(const final *f, const char *path)
{
    json_t *name = event_text(path);
    const char *was =
        json_string_value(json_object_get(f->files, json_string_value(name)));
    char now[FILE_IDENTITY_MAX];

    json_decref(name);
    file_identity(path, now);
    return was && !strcmp(was, now);
}

/* Files that are read a second time may be others by now: nobody has kept
 * what was learned from.
 */
static int look_for_changes(final *f, const pipeline_stage *s, pe_error *errp)
{
    size_t changed = 0, first = 0;
    file_list l;
    int rc = 0;

    if (!f->files || strcmp(s->function, "file") != 0)
        return 0;
    if (file_list_make(pe_options_string(s->options, "path"), &l, NULL) < 0)
        return 0; /* who opens it says why */
    for (size_t i = 0; i < l.n; i++)
        if (!is_as_it_was(f, l.paths[i]) && changed++ == 0)
            first = i;
    if (changed)
        rc = note_change(f, l.paths[first], changed - 1, errp);
    file_list_free(&l);
    return rc;
}

/* A pass reads a source as fast as it gives, and one that gives other rows
 * each time not at all.
 */
static int check_source(final *f, pe_error *errp)
{
    for (size_t i = 0; i < f->pl->n_stages; i++) {
        pipeline_stage *s = &f->pl->stages[i];

        if (s->role != STAGE_SOURCE)
            continue;
        s->rate = 0;
        if (!s->loaded || !function_rereadable(s->loaded, s->options))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "the rows of '%s' cannot be had a second time, "
                                "and without a broker nobody has kept them",
                                s->function);
    }
    return 0;
}

static int check_files(final *f, pe_error *errp)
{
    const pipeline_stage *s = pipeline_stage_of(f->pl, STAGE_SOURCE);

    return s ? look_for_changes(f, s, errp) : 0;
}

static int run(final *f, pe_error *errp)
{
    bool local = pipeline_is_local(f->pl);

    if (final_check_model(f, errp) < 0 || take_lock(f, errp) < 0)
        return -1;
    pipeline_topic(f->pl, f->req->run, "", f->topic, sizeof(f->topic));
    if (local && check_source(f, errp) < 0)
        return -1;
    if (final_fetch(f, errp) < 0 || final_decode(f, errp) < 0)
        return -1;
    if (local && check_files(f, errp) < 0)
        return -1;
    if (scaling_open(&f->scaling, f->pl, errp) < 0 ||
        scaling_fetch(&f->scaling, f->pl, f->req, f->params, errp) < 0 ||
        make_lanes(f, errp) < 0)
        return -1;
    return score(f, errp);
}

/* Services that were pilots of the run are over with it. */
static bool has_placed(const pipeline *pl)
{
    static const enum pilot_kind kinds[] = {PILOT_BROKER, PILOT_PARAMS};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const pipeline_pilot *k = pipeline_pilot_of(pl, kinds[i]);

        if (k && !k->endpoint && (k->resource_given || k->within >= 0))
            return true;
    }
    return false;
}

/* Where to ask in vain, it is said why. */
static void explain(const final *f, pe_error *errp)
{
    pe_error e = *errp;

    if (e.exit_code == PE_EXIT_UNAVAILABLE && f->pl && has_placed(f->pl))
        pe_error_set(errp, e.kind, e.exit_code,
                     "%s (services that are pilots of a run end with it: where "
                     "this one is over, its rows cannot be read again, and "
                     "'pilot score %s FILE' scores files by the model it has "
                     "left)",
                     e.text, f->req->run);
}

int final_run(const final_conf *c, pe_error *errp)
{
    final f = {.c = c, .lock_fd = -1};
    int rc = -1;

    f.info = json_pack("{s:[]}", "notes");
    if (!f.info)
        pe_error_nomem(errp);
    else if (final_load(&f, errp) == 0)
        rc = run(&f, errp);
    if (rc < 0)
        explain(&f, errp);
    final_close(&f);
    return rc;
}
