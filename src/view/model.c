/* model.c - `pilot model`: what a run has learned, shown and taken along. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/answer/answer.h"
#include "src/view/view.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/model/meaning.h"
#include "src/model/safetensors.h"
#include "src/run/reach.h"
#include "src/run/revive.h"

struct model_options {
    const char *version;
    bool force, help;
};

static const option_spec options[] = {
    {"version", 0, OPTION_TEXT, offsetof(struct model_options, version), "N",
     NULL, "this one and no other; only the newest is kept"},
    {"force", 0, OPTION_FLAG, offsetof(struct model_options, force), NULL, NULL,
     "get: replace a FILE that is there"},
    {"help", 'h', OPTION_FLAG, offsetof(struct model_options, help), NULL, NULL,
     "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"show RUN|FILE", "get RUN FILE",
                                       "list RUN", NULL};

static const option_usage usage = {
    .command = "pilot model",
    .synopsis = synopsis,
    .prose = "Show the model of a run or of a safetensors file, write it to a "
             "file, or list the versions there are.",
    .options = options,
    .min_args = 2,
    .max_args = 3,
    .operand = "show, get or list and a RUN",
};

/* A model with its bytes, and from where. */
typedef struct found {
    pe_buffer data;
    pe_model *m;
    char *from;
} found;

static void found_free(found *f)
{
    pe_buffer_free(&f->data);
    pe_model_destroy(f->m);
    free(f->from);
}

/* --- where it is --- */

static int take_file(found *f, const char *path, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read(path, FILE_LARGE_MAX, &len, errp);
    int rc = data ? pe_buffer_append(&f->data, data, len, errp) : -1;

    free(data);
    f->from = text_format("%s", path);
    return rc == 0 && !f->from ? pe_error_nomem(errp) : rc;
}

static int take_service(found *f, const char *home, const char *run,
                        pe_error *errp)
{
    reach *r = reach_create(home, errp);
    params *p = r ? reach_params(r, run, errp) : NULL;
    char commit[PE_COMMIT_ID_LEN + 1];
    uint64_t version;
    int64_t time_ns;
    int rc = -1;

    if (p)
        rc = params_model_fetch(p, &f->data, commit, &version, &time_ns, errp);
    else if (r && errp->kind == PE_ERROR_NONE)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "run %s has left no model: it did not come to its end",
                     run);
    if (rc == 0 && f->data.len == 0)
        rc =
            pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                         "run %s has no model yet: nothing was committed", run);
    f->from = text_format("the parameter service of run %s", run);
    reach_destroy(r);
    return rc;
}

/* The final one in the folder of the run, else the newest of its service. */
static int take_run(found *f, const char *home, const char *dir,
                    const char *run, pe_error *errp)
{
    char *path = text_format("%s/" ANSWER_MODEL, dir);
    int rc;

    if (!path)
        return pe_error_nomem(errp);
    rc = access(path, F_OK) == 0 ? take_file(f, path, errp)
                                 : take_service(f, home, run, errp);
    free(path);
    return rc;
}

static int find(found *f, const char *word, bool files, pe_error *errp)
{
    char *home = locate_home(errp);
    char *dir = home ? locate_run(home, word, errp) : NULL;
    struct stat st;
    int rc = -1;

    if (dir)
        rc = take_run(f, home, dir, word, errp);
    else if (files && stat(word, &st) == 0 && S_ISREG(st.st_mode))
        rc = take_file(f, word, errp);
    else if (home && errp->kind == PE_ERROR_NONE)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "%s is no run in %s%s; 'pilot runs' lists them", word,
                     home, files ? ", and no file" : "");
    if (dir && rc < 0)
        revive_hint(dir, errp);
    if (rc == 0)
        f->m = pe_model_decode(f->data.data, f->data.len, errp);
    if (rc == 0 && !f->m)
        rc = pe_error_prefix(errp, "%s", f->from);
    free(dir);
    free(home);
    return rc;
}

static int check_version(const found *f, const char *wanted, pe_error *errp)
{
    int64_t version = 0;

    if (!wanted)
        return 0;
    if (text_parse_int(wanted, &version) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--version wants a number, not '%s'", wanted);
    if ((uint64_t)version == f->m->version)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "version %s is not kept: only the newest is, version "
                        "%" PRIu64,
                        wanted, f->m->version);
}

/* --- show --- */

static void shape_print(const tensor *t)
{
    char shape[64] = "";
    size_t at = 0;

    for (size_t i = 0; i < t->rank && at < sizeof(shape); i++)
        at += (size_t)snprintf(shape + at, sizeof(shape) - at, "%s%" PRIu64,
                               i ? "x" : "", t->shape[i]);
    printf("  %-12s %-4s %-12s ", t->name, pe_tensors_type_name(t->type),
           shape);
}

static int show(const found *f, pe_error *errp)
{
    pe_tensors *t = pe_tensors_decode(f->data.data, f->data.len, errp);
    const tensor *x;

    if (!t)
        return -1;
    printf("from           %s\n", f->from);
    printf("kind           %s (%s)\n", f->m->ops->name, f->m->ops->prose);
    printf("version        %" PRIu64 "\n", f->m->version);
    printf("commit         %s\n", *f->m->commit ? f->m->commit : "-");
    printf("points         %" PRIu64 " learned from%s\n", f->m->points,
           f->m->warming ? ", warming up: it gives no scores" : "");
    if (f->m->fitted)
        printf("fitted         to %" PRIu64 " row%s, when all were there\n",
               f->m->fitted, text_s(f->m->fitted));
    printf("features       %u\n", f->m->features);
    printf("contamination  %g\n", f->m->contamination);
    if (isfinite(f->m->threshold))
        printf("threshold      %.9g; a row with a higher score is an "
               "outlier\n",
               f->m->threshold);
    printf("tensors\n");
    for (size_t i = 0; (x = pe_tensors_at(t, i)); i++) {
        const char *words = meaning_of(f->m->ops->name, x->name);

        shape_print(x);
        printf("%s\n", words ? words : "");
    }
    pe_tensors_destroy(t);
    return 0;
}

/* --- get, list --- */

static int get(const found *f, const char *path, bool force, pe_error *errp)
{
    if (!force && access(path, F_OK) == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "%s is there already; --force replaces it", path);
    if (file_write(path, f->data.data, f->data.len, 0644, errp) < 0)
        return -1;
    log_info("%s: %s, version %" PRIu64 ", %zu bytes", path, f->m->ops->name,
             f->m->version, f->data.len);
    return 0;
}

static int list(const found *f)
{
    printf("%-8s %-12s %-34s %12s\n", "VERSION", "KIND", "COMMIT", "POINTS");
    printf("%-8" PRIu64 " %-12s %-34s %12" PRIu64 "\n", f->m->version,
           f->m->ops->name, f->m->commit, f->m->points);
    log_info("only the newest version is kept");
    return 0;
}

static int dispatch(const struct model_options *o, int n, char **words,
                    pe_error *errp)
{
    const char *verb = words[0];
    bool gets = !strcmp(verb, "get");
    found f = {0};
    int rc;

    if (!gets && strcmp(verb, "show") != 0 && strcmp(verb, "list") != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%s' is not a command of pilot model: show, get "
                            "or list",
                            verb);
    if (n != (gets ? 3 : 2))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "pilot model %s takes %s; see 'pilot model --help'",
                            verb, gets ? "a RUN and a FILE" : "one RUN");
    rc = find(&f, words[1], !strcmp(verb, "show"), errp);
    if (rc == 0)
        rc = check_version(&f, o->version, errp);
    if (rc == 0)
        rc = gets                    ? get(&f, words[2], o->force, errp)
             : !strcmp(verb, "show") ? show(&f, errp)
                                     : list(&f);
    found_free(&f);
    return rc;
}

int view_model(int argc, char **argv)
{
    struct model_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0 ||
        dispatch(&o, argc - first, argv + first, &e) < 0)
        return log_failure(&e);
    return PE_EXIT_OK;
}
