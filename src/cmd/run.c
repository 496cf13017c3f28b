/* run.c - `pilot run`: run a pipeline and follow it to its end. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/cmd/cmd.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/run/history.h"
#include "src/run/run.h"
#include "src/run/signals.h"

#define AT(member) offsetof(struct run_options, member)

static const option_spec options[] = {
    {"set", 0, OPTION_LIST, AT(set), "PATH=VALUE", NULL,
     "override a key of the file; may be repeated"},
    {"run", 0, OPTION_TEXT, AT(name), "NAME", NULL,
     "name of the run (default: PIPELINE-DATE-TIME-XXXX)"},
    {"resume", 0, OPTION_TEXT, AT(resume), "RUN", NULL,
     "go on with a run where its last commit left it"},
    {"summary", 0, OPTION_TEXT, AT(summary), "FILE", NULL,
     "write the summary as JSON to FILE"},
    {"until", 0, OPTION_TEXT, AT(until), "eof", "eof",
     "process what is in the topic now and end; no device starts"},
    {"restore", 0, OPTION_TEXT, AT(restore), "FILE", NULL,
     "begin with the model in a safetensors file, as checkpoints are"},
    {"trace", 0, OPTION_FLAG, AT(trace), NULL, NULL,
     "record what becomes of every block, for 'pilot trace RUN'"},
    {"no-final", 0, OPTION_FLAG, AT(no_final), NULL, NULL,
     "do not score every row again by the final model"},
    {"dry-run", 0, OPTION_FLAG, AT(dry_run), NULL, NULL,
     "print what would be done and touch nothing"},
    {"keep", 0, OPTION_FLAG, AT(keep), NULL, NULL,
     "leave services that were started for the run running"},
    {"quiet", 'Q', OPTION_FLAG, AT(quiet), NULL, NULL,
     "no progress and no messages but errors"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... FILE",
                                       "[OPTION]... --resume RUN", NULL};

static const option_usage usage = {
    .command = "pilot run",
    .synopsis = synopsis,
    .prose = "Start the pilots of a pipeline, follow the run to its end and "
             "print its summary.",
    .options = options,
    .min_args = 0,
    .max_args = 1,
};

static bool has_state(const json_t *summary, const char *state)
{
    const char *s = json_string_value(json_object_get(summary, "state"));

    return s && !strcmp(s, state);
}

/* A run is done while the parameter service says so, too: it may have come
 * back as it was before the end.
 */
static bool is_done(struct run *r, const json_t *summary)
{
    const json_t *b = json_object_get(summary, "blocks");
    uint64_t blocks =
        (uint64_t)(json_integer_value(json_object_get(b, "applied")) +
                   json_integer_value(json_object_get(b, "refused")));
    bool reached = true;
    pe_error e = {0};

    if (!has_state(summary, "done"))
        return false;
    if (run_services_reach(r, blocks, &reached, &e) < 0)
        log_warn("this is what the run came to; whether its model is still "
                 "there was not asked: %s",
                 e.text);
    if (!reached)
        log_warn("the parameter service has less than the %" PRIu64
                 " blocks with which this run ended: going on with it",
                 blocks);
    return reached;
}

/* The summary an earlier command left, or NULL.  It is taken away, with the
 * answers, unless the run is done: they stop being true when the run goes on.
 */
static json_t *summary_take(struct run *r, bool *donep)
{
    char *path = run_path(r, "summary.json", NULL);
    json_t *summary = run_summary_read(r->req->dir);

    *donep = is_done(r, summary);
    if (path && !*donep) {
        unlink(path);
        run_answers_drop(r);
    }
    free(path);
    return summary;
}

static int summary_write(const json_t *summary, const char *path,
                         pe_error *errp)
{
    char *json = json_dumps(summary, JSON_INDENT(2) | JSON_PRESERVE_ORDER |
                                         JSON_REAL_PRECISION(9));
    char *lines = json ? text_format("%s\n", json) : NULL;
    int status = lines ? file_write(path, lines, strlen(lines), 0600, errp)
                       : pe_error_nomem(errp);

    free(lines);
    free(json);
    return status;
}

/* A run that failed before its first block: the error says it all, where a
 * pilot had one to tell.
 */
static bool is_empty(const struct run *r, const json_t *summary)
{
    static const char *const keys[] = {"fetched", "applied", "sensed", NULL};
    const json_t *blocks = json_object_get(summary, "blocks");

    for (const char *const *key = keys; *key; key++)
        if (json_integer_value(json_object_get(blocks, *key)) > 0)
            return false;
    for (size_t i = 0; i < r->n_agents; i++)
        if (r->agents[i].told.silent)
            return false;
    return has_state(summary, "failed");
}

/* Into the state folder, into the user's file, and as a table. */
static int summary_give(const struct run *r, const json_t *summary,
                        pe_error *errp)
{
    char *path = run_path(r, "summary.json", errp);
    int status = path ? summary_write(summary, path, errp) : -1;

    free(path);
    if (r->o->summary && summary_write(summary, r->o->summary, errp) < 0)
        status = -1;
    if (!is_empty(r, summary))
        monitor_print(summary, stdout);
    return status;
}

static int run_stopped(const struct run *r)
{
    if (r->p && !r->local && r->start_ns)
        log_info("stopped; go on with 'pilot run --resume %s'", r->req->run);
    else
        log_info("stopped");
    return 128 + r->stop_signal;
}

/* Somebody asked for the end, or the time of every pool was up. */
static bool was_drained(const struct run *r)
{
    bool drained = false;

    for (size_t i = 0; i < r->n_agents; i++) {
        const agent *a = &r->agents[i];
        if (a->pilot->kind == PILOT_POOL && a->told.final && !a->told.drained)
            return r->drained;
        drained = drained || (a->told.drained && a->pilot->kind == PILOT_POOL);
    }
    return drained || r->drained;
}

/* What the summary found out that nobody has said yet. */
static void findings_tell(const struct run *r, const json_t *summary)
{
    const json_t *e;
    size_t i;

    json_array_foreach(json_object_get(summary, "errors"), i,
                       e) if (!r->failed && has_state(summary, "failed"))
        log_error("%s", json_string_value(e));
}

/* The run is over: its state decides the exit status. */
static int run_conclude(struct run *r, pe_error *errp)
{
    int64_t end_ns = r->learned_ns ? r->learned_ns : clock_mono_ns();
    double seconds = (double)(end_ns - r->start_ns) / 1e9;
    bool drained = !r->failed && was_drained(r);
    const char *state = r->failed ? "failed" : drained ? "drained" : "done";
    json_t *summary = monitor_summary(r->monitor, state, seconds);

    if (!summary) {
        pe_error_nomem(errp);
        return log_failure(errp);
    }
    if (r->failed)
        json_object_set_new(summary, "exit", json_integer(r->exit_code));
    int status = (int)json_integer_value(json_object_get(summary, "exit"));
    findings_tell(r, summary);
    run_answers_tell(r, summary);
    if (status == 0 && r->unscored.kind != PE_ERROR_NONE)
        status = (int)r->unscored.exit_code;
    if (summary_give(r, summary, errp) < 0) {
        int code = log_failure(errp);
        status = status ? status : code;
    }
    if (drained && !r->local)
        log_info("drained; go on with 'pilot run --resume %s'", r->req->run);
    json_decref(summary);
    return status;
}

/* The supervisors of a command that was killed see their pilots to the end, and
 * then say in Redis that the run is done.  So they are gone before what ended
 * the run the last time is forgotten there.
 */
static void leftovers_clear(const struct run *r)
{
    for (size_t i = 0; r->req->resumed && i < r->n_agents; i++)
        if (r->agents[i].attached)
            run_child_clear(&r->agents[i]);
}

/* Everything that can be refused is looked at before a pilot is started. */
static int run_prepare(struct run *r, json_t *before, pe_error *errp)
{
    r->monitor = monitor_create(r->req->run, r->p->name, errp);
    if (!r->monitor)
        return -1;
    if (r->p->until_eof)
        monitor_until_eof(r->monitor);
    if (r->req->resumed)
        /* One that was done is not what the service has any more. */
        monitor_resume(r->monitor, has_state(before, "done") ? NULL : before);
    log_info("run %s, state in %s", r->req->run, r->req->dir);
    if (run_agents_create(r, errp) < 0)
        return -1;
    leftovers_clear(r);
    if (run_endpoints_check(r, errp) < 0)
        return -1;
    if (run_follow_services(r, errp) < 0 || run_services_open(r, errp) < 0)
        return -1;
    return pipeline_request_write(r->req, errp);
}

/* A run that is done stays so; its answers are made where they are missing. */
static int done_again(struct run *r, json_t *before, pe_error *errp)
{
    int status = PE_EXIT_OK;

    log_info("run %s was done already: this is what it came to", r->req->run);
    if (run_answers_lack(r, before)) {
        if (!r->local && run_endpoints_resolve(r, errp) < 0)
            return log_failure(errp);
        if (pipeline_request_write(r->req, errp) < 0)
            return log_failure(errp);
        run_answers_wait(r);
        status = (int)r->unscored.exit_code;
        if (r->stop_signal)
            return run_stopped(r);
    }
    run_answers_tell(r, before);
    if (summary_give(r, before, errp) < 0)
        status = log_failure(errp);
    return status;
}

static int run_execute(struct run *r, pe_error *errp)
{
    bool done = false;
    json_t *before = r->req->resumed ? summary_take(r, &done) : NULL;
    int status = PE_EXIT_OK;

    if (done) {
        status = done_again(r, before, errp);
    } else if (run_prepare(r, before, errp) < 0) {
        status = r->stop_signal ? run_stopped(r) : log_failure(errp);
    } else {
        r->made_dir = false;
        if (!r->local)
            log_info("watch: pilot top %s", r->req->run);
        run_follow(r);
        status = r->stop_signal ? run_stopped(r) : run_conclude(r, errp);
    }
    json_decref(before);
    return status;
}

/* Nothing is left behind but the state of a run that began. */
static void run_release(struct run *r)
{
    run_watch_cancel(r);
    run_agents_destroy(r);
    if (r->p && r->req)
        run_services_close(r);
    monitor_destroy(r->monitor);
    run_setup_release(r, true);
}

static int run_do(const struct run_options *o)
{
    struct run r = {.o = o, .lock_fd = -1};
    pe_error e = {0};
    int status;

    if (o->quiet)
        log_limit(LOG_LEVEL_ERROR);
    if (signals_open(&e) < 0 ||
        (o->resume ? run_setup_resume(&r, &e) : run_setup_new(&r, &e)) < 0)
        status = log_failure(&e);
    else
        status = run_execute(&r, &e);
    run_release(&r);
    return status;
}

static int plan_print(const struct run_options *o)
{
    pe_error e = {0};

    return run_setup_plan(o, stdout, &e) < 0 ? log_failure(&e) : PE_EXIT_OK;
}

/* Options that exclude each other. */
static int options_check(const struct run_options *o, int n, pe_error *errp)
{
    if (option_operands(&usage, n, errp) < 0)
        return -1;
    if (o->resume && (n > 0 || o->name || o->set.n > 0 || o->dry_run ||
                      o->trace || o->restore))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--resume goes on with a run as it is: no FILE, "
                            "--run, --set, --trace, --restore or --dry-run "
                            "beside it; "
                            "see 'pilot run --help'");
    if (!o->resume && n == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "a FILE is missing; see 'pilot run --help'");
    return 0;
}

/* An hour's run should not find out at its end. */
static int summary_check(const struct run_options *o, pe_error *errp)
{
    char *folder = o->summary ? locate_folder(o->summary, errp) : NULL;
    struct stat st;
    int status = 0;

    if (o->summary && !folder)
        return -1;
    if (folder && stat(o->summary, &st) == 0 && S_ISDIR(st.st_mode)) {
        free(folder);
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "cannot write %s: it is a folder; name a file in "
                            "it",
                            o->summary);
    }
    if (folder && access(folder, W_OK) < 0)
        status =
            pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                         "cannot write %s: %s", o->summary, strerror(errno));
    free(folder);
    return status;
}

int cmd_run(int argc, char **argv)
{
    struct run_options o = {0};
    pe_error e = {0};
    int status, first = option_parse(&usage, argc, argv, &o, &e);

    if (first < 0) {
        status = log_failure(&e);
    } else if (o.help) {
        option_help(&usage, stdout);
        status = PE_EXIT_OK;
    } else if (options_check(&o, argc - first, &e) < 0 ||
               summary_check(&o, &e) < 0) {
        status = log_failure(&e);
    } else {
        o.file = argv[first]; /* NULL behind the last */
        status = o.dry_run ? plan_print(&o) : run_do(&o);
    }
    option_list_free(&o.set);
    return status;
}
