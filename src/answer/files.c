/* files.c - rows of a user's files by a model. */
#include "src/answer/final_private.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/source/ahead.h"

/* One file: the pipeline of which it is the source. */
typedef struct scored_file {
    pipeline *pl;
    pipeline_request req;
    atomic_int drain; /* stays 0 */
    char *name;       /* what people call it, where it is a copy; else NULL */
} scored_file;

typedef struct files {
    final f;
    scored_file *file;
    double threshold;
    char from[160];
    json_t *learned; /* names of the run's columns; NULL: nobody knows */
} files;

/* --- the model --- */

static int read_model(final *f, const char *path, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read(path, FILE_LARGE_MAX, &len, errp);
    int rc = data ? pe_buffer_append(&f->state.model, data, len, errp) : -1;

    free(data);
    return rc;
}

/* The run's final one; before there is one, what is committed now. */
static int take_model(final *f, pe_error *errp)
{
    char *path;
    int rc;

    if (f->c->model)
        return read_model(f, f->c->model, errp);
    path = text_format("%s/" ANSWER_MODEL, f->req->dir);
    if (!path)
        return pe_error_nomem(errp);
    rc = access(path, R_OK) == 0 ? read_model(f, path, errp)
                                 : final_fetch(f, errp);
    free(path);
    return rc;
}

/* That of the run's answers, which is exact; else the model's own.  The names
 * of its columns, too.
 */
static void take_threshold(files *s)
{
    final *f = &s->f;
    char *folder =
        f->req ? text_format("%s/" ANSWER_FOLDER, f->req->dir) : NULL;
    answers a;

    s->threshold = f->m->threshold;
    snprintf(s->from, sizeof(s->from), "that of the model, version %llu",
             (unsigned long long)f->m->version);
    if (folder && answers_open(folder, &a, NULL) == 0) {
        const char *commit =
            json_string_value(json_object_get(a.info, "commit"));

        if (commit && !strcmp(commit, f->m->commit) &&
            isfinite(answers_threshold(&a))) {
            s->threshold = answers_threshold(&a);
            snprintf(s->from, sizeof(s->from), "that of the answers of run %s",
                     f->req->run);
        }
        s->learned = json_incref(json_object_get(a.info, "columns"));
        answers_close(&a);
    }
    free(folder);
}

/* What stages of the run have scaled its rows by: these, too. */
static int take_scaling(final *f, pe_error *errp)
{
    if (!f->pl)
        return 0;
    if (scaling_open(&f->scaling, f->pl, errp) < 0 ||
        scaling_read(&f->scaling, f->pl, f->req, errp) < 0)
        return -1;
    for (size_t i = 0; i < f->scaling.n; i++)
        if (ahead_asked(&f->pl->stages[i]) && f->scaling.given[i].n == 0)
            json_array_append_new(
                json_object_get(f->info, "notes"),
                json_sprintf("stage '%.100s' scales these rows by themselves: "
                             "what it scaled those of the run by is not kept",
                             f->pl->stages[i].name));
    return 0;
}

/* --- the files --- */

static const char alone[] =
    "version: 1\n"
    "pipeline: score\n"
    "pilots:\n"
    "  pool: {kind: pool, ntasks: 1}\n"
    "stages:\n"
    "  sense: {pilot: pool, function: file, block: {points: 1000}}\n"
    "  learn: {pilot: pool, function: passthrough}\n"
    "results: off\n";

/* The source of the run, if that is a file: its options are those of files
 * like it.
 */
static const pipeline_stage *source_of(const final *f)
{
    const pipeline_stage *s =
        f->pl ? pipeline_stage_of(f->pl, STAGE_SOURCE) : NULL;

    return s && !strcmp(s->function, "file") ? s : NULL;
}

/* [path] as the value of an override, which is YAML where it begins like that.
 */
static char *path_value(const char *stage, const char *path)
{
    text t = {0};

    if (!*path || !strchr("\"'{[", *path))
        return text_format("stages.%s.options.path=%s", stage, path);
    text_add(&t, "stages.%s.options.path='", stage);
    for (; *path; path++)
        text_add_bytes(&t, *path == '\'' ? "''" : path, 1 + (*path == '\''));
    text_add(&t, "'");
    if (!t.failed)
        return t.data;
    text_free(&t);
    return NULL;
}

/* A pipeline with [path] for its source into *plp. */
static int load_with(const final *f, const char *pipeline_file,
                     const char *stage, const char *path, pipeline **plp,
                     pe_error *errp)
{
    size_t n = 0, n_old = f->pl ? f->req->n_overrides : 0;
    char **list = calloc(n_old + f->c->n_set + 3, sizeof(*list));
    bool whole = list != NULL;

    for (size_t i = 0; whole && i < n_old && source_of(f); i++)
        whole = (list[n++] = strdup(f->req->overrides[i])) != NULL;
    for (size_t i = 0; whole && i < f->c->n_set; i++)
        whole = (list[n++] = text_format("stages.%s.options.%s", stage,
                                         f->c->set[i])) != NULL;
    if (whole && source_of(f))
        whole = (list[n++] = text_format("stages.%s.options.follow=false",
                                         stage)) != NULL;
    if (whole)
        whole = (list[n++] = path_value(stage, path)) != NULL;
    if (whole)
        *plp = pipeline_load(pipeline_file, (const char *const *)list, n, errp);
    else
        pe_error_nomem(errp);
    for (size_t i = 0; list && i < n; i++)
        free(list[i]);
    free(list);
    return *plp ? 0 : -1;
}

static int load_alone(const final *f, const char *path, pipeline **plp,
                      pe_error *errp)
{
    char name[] = "/tmp/pilot-score-XXXXXX";
    int fd = mkstemp(name), rc;

    if (fd < 0 ||
        write(fd, alone, sizeof(alone) - 1) != (ssize_t)(sizeof(alone) - 1)) {
        if (fd >= 0) {
            close(fd);
            unlink(name);
        }
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                            "cannot write into /tmp");
    }
    close(fd);
    rc = load_with(f, name, "sense", path, plp, errp);
    unlink(name);
    return rc;
}

static int load_file(files *s, size_t i, pe_error *errp)
{
    const char *path = s->f.c->files[i];
    scored_file *k = &s->file[i];
    const pipeline_stage *source = source_of(&s->f);
    int rc = source ? load_with(&s->f, s->f.req->file, source->name, path,
                                &k->pl, errp)
                    : load_alone(&s->f, path, &k->pl, errp);

    if (rc < 0)
        return -1;
    if (s->f.c->reader)
        snprintf(s->f.c->reader, 64, "%.40s-0",
                 source ? source->name : "sense");
    k->pl->partitions = 1;
    for (size_t n = 0; n < k->pl->n_stages; n++)
        k->pl->stages[n].rate = 0;
    return 0;
}

/* Its rows are those of what it is a copy of. */
static int name_file(files *s, size_t i, pe_error *errp)
{
    const onces *copies = s->f.c->copies;
    char *name =
        copies && copies->n ? onces_words(copies, s->f.c->files[i]) : NULL;

    if (copies && copies->n && !name)
        return pe_error_nomem(errp);
    if (name && strcmp(name, s->f.c->files[i]) != 0)
        s->file[i].name = name;
    else
        free(name);
    return 0;
}

static source_reader *open_file(void *arg, int32_t partition, pe_error *errp)
{
    scored_file *k = arg;

    (void)partition;
    return source_open_function(k->pl, &k->req, false, &k->drain, errp);
}

static int make_lanes(files *s, pe_error *errp)
{
    final *f = &s->f;

    f->lanes = calloc(f->c->n_files + 1, sizeof(*f->lanes));
    s->file = calloc(f->c->n_files + 1, sizeof(*s->file));
    if (!f->lanes || !s->file)
        return pe_error_nomem(errp);
    for (f->n = 0; f->n < f->c->n_files; f->n++) {
        scored_file *k = &s->file[f->n];
        lane_conf *l = &f->lanes[f->n];

        if (load_file(s, f->n, errp) < 0 || name_file(s, f->n, errp) < 0)
            return -1;
        k->req.run = f->req ? f->req->run : (char *)(uintptr_t) "score";
        k->req.dir = f->req ? f->req->dir : NULL;
        *l = (lane_conf){
            .open = open_file,
            .arg = k,
            .stages = {.pl = f->pl ? f->pl : k->pl,
                       .run = k->req.run,
                       .dir = k->req.dir,
                       .edges = f->pl != NULL,
                       .size = 1,
                       .m = f->m,
                       .scaling = f->pl ? &f->scaling : NULL},
            .features = f->m->features,
            .what = f->c->files[f->n],
            .named = k->name,
            .end = -1,
            .again = true,
        };
        l->staged = stages_any(&l->stages);
    }
    return 0;
}

static int score(files *s, pe_error *errp)
{
    const final *f = &s->f;
    const pass_conf c = {.folder = f->c->out,
                         .model = f->state.model.data,
                         .model_len = f->state.model.len,
                         .threshold = s->threshold,
                         .threshold_from = s->from,
                         .lanes = f->lanes,
                         .n_lanes = f->n,
                         .progress = f->c->progress,
                         .arg = f->c->arg,
                         .info = f->info,
                         .learned = s->learned,
                         .learned_in = f->req ? f->req->run : NULL};

    return pass_run(&c, errp);
}

/* Who scores a file knows of no stage. */
static void unstage(const files *s, pe_error *errp)
{
    const pipeline_stage *source = source_of(&s->f);
    char start[80];
    size_t len;

    snprintf(start, sizeof(start),
             "stage '%.60s': ", source ? source->name : "sense");
    len = strlen(start);
    if (!strncmp(errp->text, start, len))
        memmove(errp->text, errp->text + len, strlen(errp->text + len) + 1);
}

int final_files(const final_conf *c, pe_error *errp)
{
    files s = {.f = {.c = c, .lock_fd = -1}};
    int rc = -1;

    s.f.info = json_pack("{s:[], s:s}", "notes", "run", "");
    if (!s.f.info)
        pe_error_nomem(errp);
    else if ((!c->run || final_load(&s.f, errp) == 0) &&
             take_model(&s.f, errp) == 0 && final_decode(&s.f, errp) == 0 &&
             take_scaling(&s.f, errp) == 0 && make_lanes(&s, errp) == 0) {
        if (s.f.req)
            json_object_set_new(s.f.info, "run", json_string(s.f.req->run));
        take_threshold(&s);
        rc = score(&s, errp);
    }
    if (rc < 0)
        unstage(&s, errp);
    for (size_t i = 0; s.file && i < c->n_files; i++) {
        pipeline_destroy(s.file[i].pl);
        free(s.file[i].name);
    }
    free(s.file);
    json_decref(s.learned);
    final_close(&s.f);
    return rc;
}
