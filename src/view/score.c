/* score.c - `pilot score`: rows by a model that has learned. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/view/view.h"
#include "src/view/result_out.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/run/revive.h"
#include "src/run/scorer.h"
#include "src/run/signals.h"

#define POLL_MS 200

struct score_options {
    option_list set;
    result_asked asked;
    bool quiet, help;
};

#define AT(member) offsetof(struct score_options, member)

static const option_spec options[] = {
    RESULT_OPTIONS(AT(asked)),
    {"set", 0, OPTION_LIST, AT(set), "NAME=VALUE", NULL,
     "an option of the function `file`, as header=yes; may be repeated"},
    {"quiet", 'Q', OPTION_FLAG, AT(quiet), NULL, NULL,
     "no messages but errors"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... MODEL.safetensors FILE...",
                                       "[OPTION]... RUN FILE...",
                                       "[OPTION]... RUN", NULL};

static const option_usage usage = {
    .command = "pilot score",
    .synopsis = synopsis,
    .prose = "Score the rows of files by a model, or every row a run has "
             "learned from by its final model.",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .operand = "a MODEL or RUN",
};

/* --- what is asked --- */

static int refuse(pe_error *errp, const char *why)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "%s; see 'pilot score --help'", why);
}

/* By whose model, and where its answers go. */
typedef struct scoring {
    char *home;
    char *run;    /* its folder, or NULL: [model] is a file */
    char *folder; /* of the answers */
    bool ours;    /* it is taken away again */
    revival services;
} scoring;

/* The child that makes the folder may have been killed half-way. */
static void scoring_free(scoring *s)
{
    char *part = s->ours ? text_format("%s.part", s->folder) : NULL;

    revive_close(&s->services);
    if (part) {
        file_remove_tree(s->folder, NULL);
        file_remove_tree(part, NULL);
    }
    free(part);
    free(s->folder);
    free(s->run);
    free(s->home);
}

/* A run by its name, else a model by its file. */
static int find_model(scoring *s, const char *word, pe_error *errp)
{
    struct stat st;

    s->home = locate_home(errp);
    if (!s->home)
        return -1;
    s->run = locate_run(s->home, word, errp);
    if (s->run)
        return 0;
    if (errp->kind != PE_ERROR_NONE)
        return -1;
    if (stat(word, &st) == 0 && S_ISREG(st.st_mode))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s is no run in %s, and no file: 'pilot runs' lists "
                        "the runs, 'pilot model get RUN FILE' writes a model",
                        word, s->home);
}

static int make_folder(scoring *s, bool files, pe_error *errp)
{
    if (!files) {
        s->folder = text_format("%s/" ANSWER_FOLDER, s->run);
        return s->folder ? 0 : pe_error_nomem(errp);
    }
    s->folder = text_format("%s/score-XXXXXX", s->home);
    if (!s->folder)
        return pe_error_nomem(errp);
    if (file_mkdir(s->home, errp) < 0)
        return -1;
    if (!mkdtemp(s->folder))
        return file_error(errp, errno, "make", s->folder, PE_EXIT_CREATE);
    s->ours = true;
    return 0;
}

/* Rows that are read again, and a model that nobody has kept, are where its
 * services have put them.
 */
static int find_services(scoring *s, const char *run, bool files,
                         pe_error *errp)
{
    char *model = s->run ? text_format("%s/" ANSWER_MODEL, s->run) : NULL;
    bool kept = files && model && access(model, F_OK) == 0;
    int rc = 0;

    free(model);
    if (s->run && !kept)
        rc = revive_open(&s->services, s->home, run, errp);
    return rc < 0 && s->services.r.stop_signal ? s->services.r.stop_signal : rc;
}

/* --- the child --- */

/* [words] are what the user named: a model or run, and files. */
static int start(scorer *child, const scoring *s, const struct score_options *o,
                 size_t n_words, char **words, pe_error *errp)
{
    const char **args = calloc(2 * o->set.n + n_words + 6, sizeof(*args));
    size_t k = 0;
    int rc;

    if (!args)
        return pe_error_nomem(errp);
    if (o->quiet)
        args[k++] = "--quiet";
    if (n_words == 1) {
        args[k++] = s->run;
    } else {
        args[k++] = "--out";
        args[k++] = s->folder;
        args[k++] = s->run ? "--run" : "--model";
        args[k++] = s->run ? s->run : words[0];
        for (size_t i = 0; i < o->set.n; i++) {
            args[k++] = "--set";
            args[k++] = o->set.items[i];
        }
        args[k++] = "--";
        for (size_t i = 1; i < n_words; i++)
            args[k++] = words[i];
    }
    rc = scorer_start(child, args, n_words > 1, errp);
    free(args);
    return rc;
}

static void show(const scorer *child, size_t *shown)
{
    char line[80];

    if (!isatty(STDERR_FILENO))
        return;
    scorer_words(child, line, sizeof(line));
    fprintf(stderr, "\r%-*s", (int)*shown, line);
    *shown = strlen(line);
}

/* 0; -1: error; > 0: the signal that ended it. */
static int follow(scorer *child, bool quiet, pe_error *errp)
{
    size_t shown = 0;
    int rc;

    while ((rc = scorer_turn(child, errp)) > 0) {
        struct pollfd fds[] = {
            {.fd = signals_fd(), .events = POLLIN},
            {.fd = scorer_fd(child), .events = POLLIN},
        };
        struct signals s;

        poll(fds, 2, POLL_MS);
        if (!quiet)
            show(child, &shown);
        s = signals_take();
        if (s.ends > 0) {
            rc = s.last;
            break;
        }
    }
    if (shown > 0)
        fprintf(stderr, "\r%*s\r", (int)shown, "");
    scorer_close(child);
    return rc;
}

static int print(const scoring *s, const result_wish *w, bool rows,
                 pe_error *errp)
{
    answers a;
    int rc = answers_open(s->folder, &a, errp);

    if (rc < 0 && errp->kind == PE_ERROR_NONE)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "pilot-score has left no answers in %s", s->folder);
    if (rc < 0)
        return -1;
    if (rows)
        rc = result_answers(&a, w, stdout, errp);
    fflush(stdout);
    if (rc == 0)
        result_tell(&a);
    answers_close(&a);
    if (!rows)
        log_info("'pilot results %s' prints the rows",
                 strrchr(s->run, '/') + 1);
    return rc;
}

/* For rows of a run, which are kept? */
static bool is_asked(const struct score_options *o)
{
    return o->asked.outliers || o->asked.top || o->asked.csv || o->asked.json ||
           o->asked.npy;
}

static int score_do(const struct score_options *o, size_t n, char **words)
{
    scoring s = {0};
    scorer child = {0};
    result_wish w;
    pe_error e = {0};
    int rc = result_wish_of(&o->asked, "pilot score", &w, &e);

    if (o->quiet)
        log_limit(LOG_LEVEL_ERROR);
    if (rc == 0)
        rc = find_model(&s, words[0], &e);
    if (rc == 0 && n == 1 && !s.run)
        rc = pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_USAGE,
                          "%s is a model: a FILE with rows is missing; see "
                          "'pilot score --help'",
                          words[0]);
    if (rc == 0 && n == 1 && o->set.n > 0)
        rc = refuse(&e, "--set is for files");
    if (rc == 0)
        rc = signals_open(&e);
    if (rc == 0)
        rc = make_folder(&s, n > 1, &e);
    if (rc == 0)
        rc = find_services(&s, words[0], n > 1, &e);
    if (rc == 0)
        rc = start(&child, &s, o, n, words, &e);
    if (rc == 0)
        rc = follow(&child, o->quiet, &e);
    if (rc == 0)
        rc = print(&s, &w, n > 1 || is_asked(o), &e);
    scoring_free(&s);
    return rc > 0 ? 128 + rc : rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}

int view_score(int argc, char **argv)
{
    struct score_options o = {0};
    pe_error e = {0};
    int status, first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        status = PE_EXIT_OK;
    } else if (first < 0 || option_operands(&usage, argc - first, &e) < 0) {
        status = log_failure(&e);
    } else {
        status = score_do(&o, (size_t)(argc - first), argv + first);
    }
    option_list_free(&o.set);
    return status;
}
