/* command.c - `pilot verify`: is a run exact? */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/run/revive.h"
#include "src/run/signals.h"

struct verify_options {
    bool json, quiet, help;
};

#define AT(member) offsetof(struct verify_options, member)

static const option_spec options[] = {
    {"json", 'j', OPTION_FLAG, AT(json), NULL, NULL, "one object, as JSON"},
    {"quiet", 'q', OPTION_FLAG, AT(quiet), NULL, NULL,
     "no output: the exit status says it"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[--json] RUN", NULL};

static const option_usage usage = {
    .command = "pilot verify",
    .synopsis = synopsis,
    .prose = "Count a run again, from Kafka and Redis alone: is every block in "
             "the model exactly once?  Exit status 0: exact; 1: not; 65: it "
             "cannot be decided.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .operand = "a RUN",
};

/* All that is looked at. */
struct look {
    char *home, *dir;
    revival services;
    layer *layer;
    size_t n;
    findings findings;
};

static int find(struct look *v, const char *run, pe_error *errp)
{
    v->home = locate_home(errp);
    v->dir = v->home ? locate_run(v->home, run, errp) : NULL;
    if (v->dir)
        return 0;
    if (v->home && errp->kind == PE_ERROR_NONE)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no run %s in %s; 'pilot runs' lists them", run,
                     v->home);
    return -1;
}

/* What is committed of all layers, before a topic is looked at: so whatever is
 * handed on or answered before a commit is in the topics by then.
 */
static int open_layers(struct look *v, pe_error *errp)
{
    size_t most = 1;

    for (size_t i = 0; i < most; i++) {
        layer *more = realloc(v->layer, (v->n + 1) * sizeof(*more));

        if (!more)
            return pe_error_nomem(errp);
        v->layer = more;
        memset(&v->layer[v->n++], 0, sizeof(*more));
        if (layer_open(&v->layer[i], v->dir, i, errp) < 0)
            return -1;
        most = v->layer[i].pl->n_streams;
    }
    return 0;
}

static int look(struct look *v, pe_error *errp)
{
    int rc = open_layers(v, errp);

    for (size_t i = 0; rc == 0 && i < v->n; i++) {
        const layer *front = i > 0 ? &v->layer[i - 1] : NULL;

        rc = layer_read(&v->layer[i], front, errp);
        if (rc == 0)
            judge_layer(&v->layer[i], front, &v->findings);
    }
    if (rc == 0 && v->findings.failed)
        rc = pe_error_nomem(errp);
    return rc;
}

static int print(const struct look *v, const struct verify_options *o,
                 pe_error *errp)
{
    const char *run = v->layer[0].req->run;
    int rc = 0;

    if (o->json && !o->quiet)
        rc = show_json(run, v->layer, v->n, &v->findings, stdout);
    else if (!o->quiet)
        show_table(run, v->layer, v->n, &v->findings, stdout);
    if (rc < 0)
        return pe_error_nomem(errp);
    if (fflush(stdout) != 0)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                            "standard output cannot be written");
    return 0;
}

static void finish(struct look *v)
{
    for (size_t i = 0; i < v->n; i++)
        layer_close(&v->layer[i]);
    free(v->layer);
    findings_free(&v->findings);
    revive_close(&v->services);
    free(v->dir);
    free(v->home);
}

static int verify_do(const struct verify_options *o, const char *run)
{
    struct look v = {0};
    pe_error e = {0};
    enum log_level was = log_limit(LOG_LEVEL_ERROR);
    enum pe_exit status = PE_EXIT_FAILED;
    int rc = find(&v, run, &e);

    if (rc == 0)
        rc = signals_open(&e);
    if (rc == 0)
        rc = revive_open(&v.services, v.home, run, &e);
    if (rc == 0)
        rc = look(&v, &e);
    if (rc == 0)
        rc = print(&v, o, &e);
    if (rc == 0)
        status = findings_exit(&v.findings);
    else if (v.dir)
        revive_hint(v.dir, &e);
    finish(&v);
    log_limit(was);
    return rc < 0 ? log_failure(&e) : (int)status;
}

int verify_command(int argc, char **argv)
{
    struct verify_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0)
        return log_failure(&e);
    return verify_do(&o, argv[first]);
}
