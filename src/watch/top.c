/* top.c - `pilot top`: a run as it is now. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/live/live.h"
#include "src/watch/screen.h"
#include "src/watch/watch.h"

#define INTERVAL_S 1.0
#define PROGRAM "pilot-top"

struct top_options {
    const char *interval;
    bool once, json, help;
};

#define AT(member) offsetof(struct top_options, member)

static const option_spec options[] = {
    {"once", '1', OPTION_FLAG, AT(once), NULL, NULL,
     "print it once, as plain text"},
    {"json", 'j', OPTION_FLAG, AT(json), NULL, NULL,
     "print it once, as one JSON object"},
    {"interval", 'd', OPTION_TEXT, AT(interval), "TIME", NULL,
     "between two looks; default: 1s"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... [RUN]", NULL};

static const option_usage usage = {
    .command = "pilot top",
    .synopsis = synopsis,
    .prose = "Show a run as it is now, out of its parameter service and its "
             "broker: how fast it goes, what waits, and who is to blame. "
             "Without RUN, the newest one that runs.",
    .options = options,
    .min_args = 0,
    .max_args = 1,
};

static int print_json(const json_t *doc)
{
    if (json_dumpf(doc, stdout,
                   JSON_COMPACT | JSON_PRESERVE_ORDER |
                       JSON_REAL_PRECISION(9)) < 0)
        return -1;
    putchar('\n');
    return 0;
}

static void print_plain(const json_t *doc)
{
    screen s = {.ascii = true, .rank = -1, .partition = -1};
    screen_lines l = {0};

    screen_plain(doc, &s, &l);
    for (size_t i = 0; i < l.n; i++) {
        screen_strip(l.line[i]);
        puts(l.line[i]);
    }
    screen_free(&l);
}

static int once(const char *home, const char *run, bool json, pe_error *errp)
{
    live *l = live_open(home, run, errp);
    json_t *doc = l ? live_look(l, errp) : NULL;
    int rc = doc ? live_check(doc, run, errp) : -1;

    if (doc && json && print_json(doc) < 0)
        rc = pe_error_nomem(errp);
    else if (rc == 0 && !json && screen_clean(doc) < 0)
        rc = pe_error_nomem(errp);
    else if (rc == 0 && !json)
        print_plain(doc);
    json_decref(doc);
    live_close(l);
    return rc;
}

/* The screen is a program of its own, which alone needs a library for it.
 * Returns only where there is none.
 */
static int screen_run(const char *home, const char *run, const char *interval,
                      pe_error *errp)
{
    char *program = locate_program(PROGRAM, PILOT_LIBEXECDIR, NULL);
    char *words[] = {program, strdup(home), strdup(run), strdup(interval),
                     NULL};

    if (!program) {
        log_info("this pilot was built without a screen (configure "
                 "--without-ncurses): this is how it is now");
    } else if (words[1] && words[2] && words[3]) {
        execv(program, words);
        log_warn("%s does not start (%s): this is how it is now", program,
                 strerror(errno));
    }
    for (size_t i = 0; i < 4; i++)
        free(words[i]);
    return once(home, run, false, errp);
}

static int show(const struct top_options *o, const char *home, const char *run,
                pe_error *errp)
{
    char interval[32];
    double s = INTERVAL_S;

    if (o->interval &&
        (text_parse_time(o->interval, &s) < 0 || s < 0.1 || s > 3600))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--interval %s: it is a time from 100ms to 1h",
                            o->interval);
    snprintf(interval, sizeof(interval), "%gs", s);
    if (o->once || o->json || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
        return once(home, run, o->json, errp);
    return screen_run(home, run, interval, errp);
}

/* Without a name it is the newest that lives; NULL: none does. */
static char *run_find(const char *word, pe_error *errp)
{
    char *run = word ? strdup(word) : live_newest(errp);

    if (word && !run)
        pe_error_nomem(errp);
    return run;
}

static int top_do(const struct top_options *o, const char *word)
{
    pe_error e = {0};
    char *home = locate_home(&e);
    char *run = home ? run_find(word, &e) : NULL;
    int rc = run ? show(o, home, run, &e) : -1;

    if (home && !run && e.kind == PE_ERROR_NONE)
        pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "no run is running; 'pilot runs' lists those there are, "
                     "and 'pilot top RUN' shows one of them");
    free(run);
    free(home);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}

int watch_top(int argc, char **argv)
{
    struct top_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0)
        return log_failure(&e);
    return top_do(&o, first < argc ? argv[first] : NULL);
}
