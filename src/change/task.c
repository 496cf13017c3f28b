/* task.c - `pilot task`: a function over a data set, beside the stream. */
#include <ctype.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/change/change.h"
#include "src/change/shared.h"
#include "src/change/task.h"
#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/revision/revision.h"
#include "src/task/task.h"
#include "src/params/task.h"

#define LOOK_NS (200 * CLOCK_MS)

struct task_options {
    const char *function, *over, *points, *slices, *wait, *out, *merge;
    option_list set, read;
    bool cancel, partial, json, help;
};

#define AT(member) offsetof(struct task_options, member)

static const option_spec options[] = {
    {"function", 'f', OPTION_TEXT, AT(function), "NAME", NULL,
     "a built-in, or PATH.so:SYMBOL: its process_cloud is called for each "
     "slice"},
    {"set", 0, OPTION_LIST, AT(set), "NAME=VALUE", NULL,
     "an option of the function"},
    {"over", 0, OPTION_TEXT, AT(over), "PATH", NULL,
     "files whose rows are the data set, as the ranks' hosts have them"},
    {"read", 0, OPTION_LIST, AT(read), "NAME=VALUE", NULL,
     "an option of 'file', which reads them: delimiter=comma"},
    {"points", 0, OPTION_TEXT, AT(points), "N", NULL,
     "rows of a slice of --over (1000)"},
    {"slices", 'n', OPTION_TEXT, AT(slices), "N", NULL,
     "no files: so many slices, each a block of one number, its own"},
    {"cancel", 0, OPTION_FLAG, AT(cancel), NULL, NULL,
     "no further slice is begun; what is done stays"},
    {"out", 'o', OPTION_TEXT, AT(out), "FILE", NULL,
     "write what came of all slices, as .npy"},
    {"merge", 0, OPTION_TEXT, AT(merge), "HOW", "rows sum mean",
     "... one behind the other (the default), or cell by cell"},
    {"partial", 0, OPTION_FLAG, AT(partial), NULL, NULL,
     "... of those that are done, where not all are"},
    {"wait", 0, OPTION_TEXT, AT(wait), "TIME", NULL,
     "until it is over, at most so long; before --out"},
    {"json", 'j', OPTION_FLAG, AT(json), NULL, NULL,
     "list tasks as JSON, an object a line"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "RUN[/NAME]",
    "RUN/NAME --function NAME [--set NAME=VALUE]... {--over PATH | --slices N}",
    "RUN/NAME {--cancel | --wait TIME | --out FILE [--merge HOW]}", NULL};

static const option_usage usage = {
    .command = "pilot task",
    .synopsis = synopsis,
    .prose = "Have the ranks of a run call a function once for each slice of "
             "a data set, when they have\nno block of the stream to process: "
             "a simulation, a scan, a training. RUN alone lists the\ntasks.",
    .options = options,
    .operand = "a RUN, or RUN/NAME",
    .min_args = 1,
    .max_args = 1,
};

struct command {
    const struct task_options *o;
    change_run of;
    char *name; /* of the task; NULL: none is named */
    pipeline *pl;
    live *at;
    params *p; /* borrowed */
    char *path;
    const char *symbol;
    bool over; /* the run is */
    task_spec spec;
    int64_t slices;
};

/* --- words --- */

static int usage_error(pe_error *errp, const char *words)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE, "%s", words);
}

static bool is_name(const char *s)
{
    size_t n = 0;

    while (isalnum((unsigned char)s[n]) ||
           (n > 0 && s[n] && strchr("_-", s[n])))
        n++;
    return n > 0 && n <= 64 && !s[n];
}

static int read_number(const char *word, const char *what, int64_t most,
                       int64_t *np, pe_error *errp)
{
    if (!word || (text_parse_int(word, np) == 0 && *np >= 1 && *np <= most))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "option --%s: '%s' is not a number from 1 to %lld",
                        what, word, (long long)most);
}

static int check_new(struct command *c, pe_error *errp)
{
    const struct task_options *o = c->o;
    int64_t points = TASK_POINTS;

    if (o->cancel)
        return usage_error(errp, "--cancel goes with no --function");
    if (!o->over == !o->slices)
        return usage_error(errp, "a task is over something: give --over PATH, "
                                 "or --slices N");
    if (o->slices && (o->points || o->read.n))
        return usage_error(errp, "--points and --read are of --over; a slice "
                                 "of --slices is one number");
    if (read_number(o->points, "points", 1 << 24, &points, errp) < 0 ||
        read_number(o->slices, "slices", TASK_SLICES_MAX, &c->slices, errp) < 0)
        return -1;
    c->spec.points = (uint32_t)points;
    return 0;
}

static int check_words(struct command *c, pe_error *errp)
{
    const struct task_options *o = c->o;

    if (c->name && !is_name(c->name))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%.80s' is no name of a task: letters, digits, "
                            "'_' and '-', at most 64, the first a letter or "
                            "digit",
                            c->name);
    if (!c->name && (o->function || o->cancel || o->out || o->wait))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "which task? write %s/NAME", c->of.name);
    if (o->function)
        return check_new(c, errp);
    if (o->set.n || o->read.n || o->over || o->slices || o->points)
        return usage_error(errp, "--set, --over, --read, --slices and --points "
                                 "are of a new task: give --function");
    if ((o->merge || o->partial) && !o->out)
        return usage_error(errp, "--merge and --partial say how --out FILE is "
                                 "written");
    return 0;
}

/* --- the run --- */

static int open_run(struct command *c, pe_error *errp)
{
    json_t *doc;

    if (change_run_read(&c->of, errp) < 0)
        return -1;
    c->pl = revision_pipeline(NULL, c->of.req, NULL, errp);
    if (!c->pl)
        return -1;
    if (pipeline_is_local(c->pl))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run %s has no parameter service, which tasks need",
                            c->of.name);
    c->at = live_open(c->of.home, c->of.name, errp);
    if (!c->at)
        return -1;
    if (c->o->function &&
        change_check_alive(c->at, c->of.name, "do a task", errp) < 0)
        return -1;
    c->p = live_params(c->at, errp);
    if (!c->p)
        return -1;
    doc = live_look(c->at, NULL);
    c->over =
        doc && live_is_over(json_string_value(json_object_get(doc, "state")));
    json_decref(doc);
    return 0;
}

static void close_run(struct command *c)
{
    live_close(c->at);
    pipeline_destroy(c->pl);
    change_run_free(&c->of);
    task_spec_free(&c->spec);
    free(c->path);
    free(c->name);
}

/* --- a new one --- */

struct look {
    struct command *c;
    const char *function;
};

/* In a process that may die of it. */
static int look(void *arg, pe_error *errp)
{
    struct look *l = arg;
    slice_conf conf = {.pl = l->c->pl,
                       .run = l->c->of.name,
                       .task = l->c->name,
                       .function = l->function,
                       .ranks = 1};
    slice_work *w = slice_open(&conf, &l->c->spec, errp);

    slice_close(w);
    return w ? 0 : -1;
}

/* The function is tried here, and then stored for the ranks. */
static int bring(struct command *c, pe_error *errp)
{
    const char *f = c->o->function;
    char *local =
        c->path ? text_format("%s:%s", c->path, c->symbol) : strdup(f);
    char what[300];
    int rc = local ? 0 : pe_error_nomem(errp);

    snprintf(what, sizeof(what), "function '%.200s'", f);
    c->spec.function = local;
    if (rc == 0)
        rc = revision_try(look, &(struct look){c, local}, what, errp);
    if (rc == 0 && c->path) {
        c->spec.function = NULL;
        rc = task_bring(c->p, &c->spec, c->path, c->symbol, errp);
        free(local);
    }
    return rc;
}

static int make(struct command *c, pe_error *errp)
{
    const struct task_options *o = c->o;
    char who[128], *words;
    int rc = 0;

    change_who(who);
    c->spec.by = strdup(who);
    c->spec.time_ns = clock_real_ns();
    if (!c->spec.by)
        return pe_error_nomem(errp);
    if (o->over && !(c->spec.over = locate_absolute(NULL, o->over, errp)))
        return -1;
    for (size_t i = 0; rc == 0 && i < o->set.n; i++)
        rc = words_add(&c->spec.options, strdup(o->set.items[i]), errp);
    for (size_t i = 0; rc == 0 && i < o->read.n; i++)
        rc = words_add(&c->spec.read, strdup(o->read.items[i]), errp);
    if (rc < 0 || bring(c, errp) < 0)
        return -1;
    words = task_spec_text(&c->spec, errp);
    rc = words
             ? params_task_put(c->p, c->name, words, (uint64_t)c->slices, errp)
             : -1;
    free(words);
    if (rc == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "run %s has a task '%s' already: take another name",
                            c->of.name, c->name);
    if (rc > 0)
        log_info("task '%s' is done by ranks that have no block to process; "
                 "'pilot task %s' lists it",
                 c->name, c->of.name);
    return rc < 0 ? -1 : 0;
}

/* --- what there is --- */

static bool is_whole(const params_task *t)
{
    return t->known && t->done + t->failed >= t->slices;
}

static bool is_over(const params_task *t)
{
    return t->state || is_whole(t);
}

static const char *state_of(const struct command *c, const params_task *t)
{
    if (t->state)
        return strcmp(t->state, "canceled") ? "failed" : "canceled";
    if (is_whole(t))
        return t->failed ? "failed" : "done";
    return c->over ? "stopped" : "running";
}

static int print_row(const struct command *c, const params_task *t,
                     pe_error *errp)
{
    task_spec s;
    char slices[24] = "?";
    json_t *o;
    int rc = task_spec_parse(t->text, &s, errp);

    if (t->known)
        snprintf(slices, sizeof(slices), "%" PRIu64, t->slices);
    if (rc == 0 && c->o->json) {
        o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s*, s:s*, s:s, s:I}",
                      "run", c->of.name, "task", t->name, "state",
                      state_of(c, t), "done", (json_int_t)t->done, "failed",
                      (json_int_t)t->failed, "function", s.function, "over",
                      s.over, "why", t->state, "by", s.by ? s.by : "",
                      "time_ns", (json_int_t)s.time_ns);
        if (o && t->known)
            json_object_set_new(o, "slices",
                                json_integer((json_int_t)t->slices));
        if (o && json_dumpf(o, stdout, JSON_COMPACT) == 0)
            putchar('\n');
        json_decref(o);
    } else if (rc == 0) {
        printf("%-20s %-8s %8s %8" PRIu64 " %8" PRIu64 " %s%s%s%s%s\n", t->name,
               state_of(c, t), slices, t->done, t->failed, s.function,
               s.over ? " over " : "", s.over ? s.over : "",
               t->state ? ": " : "", t->state ? t->state : "");
    }
    task_spec_free(&s);
    return rc;
}

static const params_task *find(const struct command *c, const params_task *all,
                               size_t n, pe_error *errp)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(all[i].name, c->name))
            return &all[i];
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "run %s has no task '%s'; 'pilot task %s' lists those it has",
                 c->of.name, c->name, c->of.name);
    return NULL;
}

static int list(const struct command *c, const params_task *all, size_t n,
                pe_error *errp)
{
    const params_task *one = c->name ? find(c, all, n, errp) : NULL;
    int rc = 0;

    if (c->name && !one)
        return -1;
    if (n == 0)
        log_info("run %s has no tasks", c->of.name);
    if (!c->o->json && n > 0)
        printf("%-20s %-8s %8s %8s %8s %s\n", "TASK", "STATE", "SLICES", "DONE",
               "FAILED", "WHAT");
    for (size_t i = 0; rc == 0 && i < n; i++)
        if (!one || one == &all[i])
            rc = print_row(c, &all[i], errp);
    if (rc == 0 && one && !c->o->json)
        rc = task_out_failed(c->p, one, errp);
    return rc;
}

/* --- what is asked of one --- */

static int cancel(struct command *c, const params_task *t, pe_error *errp)
{
    if (is_over(t))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "task '%s' is over: it is %s", t->name,
                            state_of(c, t));
    if (params_task_stop(c->p, t->name, "canceled", errp) < 0)
        return -1;
    log_info("of task '%s' no further slice is begun; %" PRIu64 " are done",
             t->name, t->done);
    return 0;
}

static int use(struct command *c, const params_task *t, pe_error *errp)
{
    if (c->o->cancel)
        return cancel(c, t, errp);
    if (c->o->out)
        return task_out(c->p, t, c->o->merge ? c->o->merge : "rows",
                        c->o->partial, c->o->out, errp);
    if (t->state && strcmp(t->state, "canceled") != 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "task '%s' has failed: %s", t->name, t->state);
    if (t->failed > 0 || t->state)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "task '%s' is %s: %" PRIu64 " slice%s done, and "
                            "%" PRIu64 " failed",
                            t->name, state_of(c, t), t->done, text_s(t->done),
                            t->failed);
    return 0;
}

/* 1: it is as asked for; 0: not over yet. */
static int look_at(struct command *c, bool must, pe_error *errp)
{
    params_task *all = NULL;
    const params_task *t;
    size_t n = 0;
    int rc = params_tasks_fetch(c->p, &all, &n, errp);

    if (rc == 0 && !c->o->cancel && !c->o->out && !c->o->wait)
        rc = list(c, all, n, errp) < 0 ? -1 : 1;
    else if (rc == 0 && !(t = find(c, all, n, errp)))
        rc = -1;
    else if (rc == 0 && (must || is_over(t)))
        rc = use(c, t, errp) < 0 ? -1 : 1;
    params_tasks_free(all, n);
    return rc;
}

static int await(struct command *c, pe_error *errp)
{
    double seconds;
    int64_t until;
    int rc = 0;

    if (text_parse_time(c->o->wait, &seconds) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "option --wait: '%s' is no time; write 10s or 1m",
                            c->o->wait);
    until = clock_mono_ns() + (int64_t)(seconds * 1e9);
    while (rc == 0 && clock_mono_ns() < until) {
        rc = look_at(c, false, errp);
        if (rc == 0)
            clock_sleep_ns(LOOK_NS, 0);
    }
    if (rc == 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_TIMEOUT,
                            "task '%s' is not over after %s", c->name,
                            c->o->wait);
    return rc < 0 ? -1 : 0;
}

static int run(struct command *c, const char *word, pe_error *errp)
{
    if (change_split(word, "task", &c->of.name, &c->name, errp) < 0 ||
        check_words(c, errp) < 0 ||
        (c->o->function &&
         change_object(c->o->function, &c->path, &c->symbol, errp) < 0) ||
        open_run(c, errp) < 0)
        return -1;
    if (c->o->function && make(c, errp) < 0)
        return -1;
    if (c->o->wait)
        return await(c, errp);
    return c->o->function || look_at(c, true, errp) > 0 ? 0 : -1;
}

int change_task(int argc, char **argv)
{
    struct task_options o = {0};
    struct command c = {.o = &o};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e), rc;

    if (first < 0)
        return log_failure(&e);
    if (o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (option_operands(&usage, argc - first, &e) < 0)
        return log_failure(&e);
    rc = run(&c, argv[first], &e);
    close_run(&c);
    option_list_free(&o.set);
    option_list_free(&o.read);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}
