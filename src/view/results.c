/* results.c - `pilot results`: which rows of a run are outliers. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/view/view.h"
#include "src/view/result_out.h"
#include "src/view/result_stream.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/run/revive.h"

struct results_options {
    result_asked asked;
    bool final, stream, follow, help;
};

#define AT(member) offsetof(struct results_options, member)

static const option_spec options[] = {
    RESULT_OPTIONS(AT(asked)),
    {"final", 0, OPTION_FLAG, AT(final), NULL, NULL,
     "by the final model, every row (the default)"},
    {"stream", 0, OPTION_FLAG, AT(stream), NULL, NULL,
     "as the pool scored them, each by the model it met there"},
    {"follow", 'f', OPTION_FLAG, AT(follow), NULL, NULL,
     "of the stream: go on as rows are scored"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... RUN", NULL};

static const option_usage usage = {
    .command = "pilot results",
    .synopsis = synopsis,
    .prose = "Print the rows of a run with their scores: time, device, "
             "file:row, score, threshold, label, model version, values.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .operand = "a RUN",
};

static int refuse(pe_error *errp, const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "%s; see 'pilot results --help'", why);
}

static int wish_of(const struct results_options *o, result_wish *w,
                   pe_error *errp)
{
    if (o->final && (o->stream || o->follow))
        return refuse(errp, "--final is of the end, --stream and --follow are "
                            "of the way there");
    if ((o->stream || o->follow) && (o->asked.npy || o->asked.top))
        return refuse(errp, "--npy and --top are of the final answers");
    return result_wish_of(&o->asked, "pilot results", w, errp);
}

/* The folder of run [run]. */
static char *folder_of(const char *run, pe_error *errp)
{
    char *home = locate_home(errp), *dir;

    if (!home)
        return NULL;
    dir = locate_run(home, run, errp);
    if (!dir && errp->kind == PE_ERROR_NONE)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no run %s in %s; 'pilot runs' lists them", run,
                     home);
    free(home);
    return dir;
}

static int final_show(const char *dir, const char *run, const result_wish *w,
                      pe_error *errp)
{
    char *folder = text_format("%s/" ANSWER_FOLDER, dir);
    answers a;
    int rc;

    if (!folder)
        return pe_error_nomem(errp);
    rc = answers_open(folder, &a, errp);
    free(folder);
    if (rc < 0 && errp->kind == PE_ERROR_NONE)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "run %s has no final answers: it is not done, was "
                            "not asked for them, or its model has had too few "
                            "rows; 'pilot score %s' makes them, 'pilot "
                            "results --stream %s' shows the stream's",
                            run, run, run);
    if (rc < 0)
        return -1;
    rc = result_answers(&a, w, stdout, errp);
    fflush(stdout);
    if (rc == 0)
        result_tell(&a);
    answers_close(&a);
    return rc;
}

static int results_do(const struct results_options *o, const char *run)
{
    result_wish w;
    pe_error e = {0};
    char *dir = NULL;
    int rc = wish_of(o, &w, &e);

    if (rc == 0 && !(dir = folder_of(run, &e)))
        rc = -1;
    if (rc == 0)
        rc = o->stream || o->follow ? result_stream(dir, &w, o->follow, &e)
                                    : final_show(dir, run, &w, &e);
    if (rc < 0 && dir)
        revive_hint(dir, &e);
    free(dir);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}

int view_results(int argc, char **argv)
{
    struct results_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0)
        return log_failure(&e);
    return results_do(&o, argv[first]);
}
