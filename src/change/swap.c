/* swap.c - `pilot swap`: other functions and options for a run that goes on. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/change/change.h"
#include "src/change/shared.h"
#include "src/change/swap.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/live/live.h"
#include "src/revision/revision.h"
#include "src/run/run.h"

#define LOOK_NS (100 * CLOCK_MS)

struct swap_options {
    const char *function, *wait;
    option_list set;
    bool back, dry_run, json, help;
};

#define AT(member) offsetof(struct swap_options, member)

static const option_spec options[] = {
    {"function", 'f', OPTION_TEXT, AT(function), "NAME", NULL,
     "a built-in, a model, or PATH.so:SYMBOL; its options are those of --set"},
    {"set", 0, OPTION_LIST, AT(set), "NAME=VALUE", NULL,
     "an option of the stage; without a VALUE it is its default again"},
    {"back", 'b', OPTION_FLAG, AT(back), NULL, NULL,
     "return to the stages from before the last change"},
    {"dry-run", 0, OPTION_FLAG, AT(dry_run), NULL, NULL,
     "check, and say what would become of the model"},
    {"wait", 0, OPTION_TEXT, AT(wait), "TIME", NULL,
     "for the first commit under it; default: 10s, 0s: not at all"},
    {"json", 'j', OPTION_FLAG, AT(json), NULL, NULL,
     "list revisions as JSON, an object a line"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "RUN", "RUN/STAGE [--function NAME] [--set NAME=VALUE]...",
    "RUN[/STAGE] --back", NULL};

static const option_usage usage = {
    .command = "pilot swap",
    .synopsis = synopsis,
    .prose = "Give a stage of a run another function, model, or options while "
             "it goes on: all ranks and\ndevices change over between two "
             "epochs, no block is lost or counted twice. What does not\nwork "
             "is taken back by itself. RUN alone lists the revisions.",
    .options = options,
    .operand = "a RUN, or RUN/STAGE",
    .min_args = 1,
    .max_args = 1,
};

struct swap {
    const struct swap_options *o;
    change_run of;
    char *stage;  /* NULL where none is named */
    pipeline *pl; /* as it is now */
    live *at;
    params *p;     /* borrowed */
    revision *now; /* the newest */
    char *path;    /* of a shared object that is brought, else NULL */
    const char *symbol;
};

/* --- the run --- */

/* Each layer of pools has a state of its own, and would need revisions; what
 * is tried in one may fail in the next.
 */
static int check_layers(const struct swap *s, pe_error *errp)
{
    for (size_t i = 0; i < s->pl->n_stages; i++)
        if (s->pl->stages[i].layer > 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "run %s has pools in a row, whose stages stay "
                                "as their file has them: what one layer hands "
                                "on is refused by the next, which cannot take "
                                "it back; drain it, change the file, and go on "
                                "with 'pilot run --resume'",
                                s->of.name);
    return 0;
}

static int open_run(struct swap *s, pe_error *errp)
{
    if (change_run_read(&s->of, errp) < 0)
        return -1;
    s->pl = revision_pipeline(NULL, s->of.req, NULL, errp);
    if (!s->pl)
        return -1;
    if (pipeline_is_local(s->pl))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "run %s has no parameter service by which its "
                            "stages could change",
                            s->of.name);
    if (check_layers(s, errp) < 0)
        return -1;
    s->at = live_open(s->of.home, s->of.name, errp);
    if (!s->at)
        return -1;
    if (s->stage || s->o->back)
        if (change_check_alive(s->at, s->of.name, "take up other stages",
                               errp) < 0)
            return -1;
    s->p = live_params(s->at, errp);
    s->now = s->p ? revision_load(s->p, errp) : NULL;
    return s->now ? 0 : -1;
}

static void close_run(struct swap *s)
{
    revision_destroy(s->now);
    live_close(s->at);
    pipeline_destroy(s->pl);
    change_run_free(&s->of);
    free(s->path);
    free(s->stage);
}

/* --- the change --- */

static const pipeline_stage *stage_of(const pipeline *pl, const char *name)
{
    for (size_t i = 0; i < pl->n_stages; i++)
        if (!strcmp(pl->stages[i].name, name))
            return &pl->stages[i];
    return NULL;
}

static int set_options(const struct swap *s, revision *r, pe_error *errp)
{
    for (size_t i = 0; i < s->o->set.n; i++) {
        const char *item = s->o->set.items[i];
        size_t len = strcspn(item, "=");
        char *name = item[len] && len ? strndup(item, len) : NULL;
        int rc;

        if (!name)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                "--set '%s': write NAME=VALUE, an option of "
                                "the stage",
                                item);
        rc = revision_set_option(r, s->stage, name, item + len + 1, errp);
        free(name);
        if (rc < 0)
            return -1;
    }
    return 0;
}

/* Another function has options of its own; the same one keeps what it has. */
static int change(struct swap *s, revision *r, bool bring, pe_error *errp)
{
    const pipeline_stage *at = stage_of(s->pl, s->stage);
    const char *f = s->o->function;
    char *local;
    int rc = 0;

    if (f && s->path && bring) {
        rc = revision_bring(s->p, r, s->stage, s->path, s->symbol, errp);
    } else if (f && s->path) {
        local = text_format("%s:%s", s->path, s->symbol);
        rc = local ? revision_set_function(r, s->stage, local, errp)
                   : pe_error_nomem(errp);
        free(local);
    } else if (f && strcmp(f, at->function) != 0) {
        rc = revision_set_function(r, s->stage, f, errp);
    }
    return rc < 0 ? -1 : set_options(s, r, errp);
}

/* --- the check, in a process that may die of it --- */

struct look {
    const struct swap *s;
    const revision *r;
    const pe_model *model; /* of the run now; NULL: none */
};

/* What becomes of the model; the options have to suit its features. */
static int look_at_model(const struct look *l, const pipeline *pl,
                         pe_error *errp)
{
    const pipeline_stage *end = pipeline_last_stage(pl);
    char words[400] = "";
    pe_model *fresh, *m;

    if (!l->model || !end || !end->is_model)
        return 0;
    fresh =
        pe_model_create(end->function, end->options, l->model->features, errp);
    if (!fresh)
        return pe_error_prefix(errp,
                               "stage '%s', for the %u features of run "
                               "%s",
                               end->name, l->model->features, l->s->of.name);
    pe_model_destroy(fresh);
    m = pe_model_carry(l->model, end->function, end->options, words,
                       sizeof(words), errp);
    if (!m && errp->kind != PE_ERROR_NONE)
        return -1;
    pe_model_destroy(m);
    snprintf(errp->text, sizeof(errp->text), "%s", words);
    return 0;
}

static int look(void *arg, pe_error *errp)
{
    const struct look *l = arg;
    pipeline *pl = revision_pipeline(NULL, l->s->of.req, l->r, errp);
    int rc = pl ? look_at_model(l, pl, errp) : -1;

    pipeline_destroy(pl);
    return rc;
}

static pe_model *fetch_model(struct swap *s, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1];
    pe_buffer bytes = {0};
    pe_model *m = NULL;
    uint64_t version;
    int64_t time_ns;

    if (params_model_fetch(s->p, &bytes, commit, &version, &time_ns, errp) ==
            0 &&
        bytes.len > 0)
        m = pe_model_decode(bytes.data, bytes.len, errp);
    pe_buffer_free(&bytes);
    return m;
}

/* [words], of 1,024 bytes, get what becomes of the model. */
static int check(struct swap *s, const revision *r, char *words, size_t cap,
                 pe_error *errp)
{
    struct look l = {.s = s, .r = r};
    pe_error e = {0};
    char what[300];
    pe_model *m = fetch_model(s, &e);
    int rc;

    if (e.kind != PE_ERROR_NONE) {
        *errp = e;
        return -1;
    }
    l.model = m;
    snprintf(what, sizeof(what), "%s%.200s%s",
             s->o->function ? "function '" : "what was ",
             s->o->function ? s->o->function : "set",
             s->o->function ? "'" : "");
    rc = revision_try(look, &l, what, errp);
    if (rc == 0)
        snprintf(words, cap, "%s", errp->text);
    pe_model_destroy(m);
    return rc;
}

/* --- taken up --- */

/* Why [number] was gone back from; "": it was not. */
static int find_reason(struct swap *s, uint64_t number, char *out, size_t cap,
                       pe_error *errp)
{
    revision *r = revision_load(s->p, errp);

    *out = '\0';
    if (!r)
        return -1;
    if (r->number > number && revision_is(r) != r->number)
        snprintf(out, cap, "%s",
                 *revision_why(r) ? revision_why(r) : "somebody went back");
    revision_destroy(r);
    return 0;
}

/* 1: a commit was made under it; 0: not yet; -1: it was taken back, or else. */
static int look_again(struct swap *s, uint64_t number, pe_error *errp)
{
    params_facts f;
    char why[600];
    uint64_t is;

    if (find_reason(s, number, why, sizeof(why), errp) < 0)
        return -1;
    if (*why)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "revision %" PRIu64 " was taken back: %s", number,
                            why);
    if (params_facts_fetch(s->p, &f, errp) < 0)
        return -1;
    is = f.state.revision;
    if (is >= number)
        log_info("version %" PRIu64 " of the model is of revision %" PRIu64,
                 f.state.version, is);
    params_facts_free(&f);
    return is >= number;
}

static int await(struct swap *s, uint64_t number, double seconds,
                 pe_error *errp)
{
    int64_t until = clock_mono_ns() + (int64_t)(seconds * 1e9);
    int rc = 0;

    while (rc == 0 && clock_mono_ns() < until) {
        rc = look_again(s, number, errp);
        if (rc == 0)
            clock_sleep_ns(LOOK_NS, 0);
    }
    if (rc == 0 && seconds > 0)
        log_info("nothing was committed under it yet; 'pilot swap %s' shows "
                 "how it goes",
                 s->of.name);
    return rc < 0 ? -1 : 0;
}

static int patience(const struct swap_options *o, double *secondsp,
                    pe_error *errp)
{
    *secondsp = 10;
    if (!o->wait || text_parse_time(o->wait, secondsp) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "option --wait: '%s' is no time; write 10s or 1m",
                        o->wait);
}

/* --- what is asked for --- */

static void tell(const struct swap *s, const revision *r, const char *words)
{
    text what = {0};

    revision_words(s->now, r, &what);
    printf("%s%s%s%s\n", s->o->dry_run ? "would be: " : "",
           what.data ? what.data : "", *words ? "; " : "", words);
    fflush(stdout);
    text_free(&what);
}

static revision *copy(const revision *r, pe_error *errp)
{
    char *words = revision_text(r, errp);
    revision *c = words ? revision_parse(r->number, words, errp) : NULL;

    free(words);
    return c;
}

/* Would the stage do what it does now?  An option may have been said that it
 * has anyway.
 */
static bool is_so(const struct swap *s, const revision *trial)
{
    const pipeline_stage *now = stage_of(s->pl, s->stage), *then;
    pipeline *pl;
    bool same = revision_same(s->now, trial, s->stage);

    if (same || s->path)
        return same;
    pl = revision_pipeline(s->p, s->of.req, trial, NULL);
    then = pl ? stage_of(pl, s->stage) : NULL;
    same = then && pipeline_stage_same(now, then);
    pipeline_destroy(pl);
    return same;
}

static int change_stage(struct swap *s, revision *r, pe_error *errp)
{
    revision *trial = copy(s->now, errp);
    char words[1024] = "", who[128];
    double seconds;
    int rc = trial ? change(s, trial, false, errp) : -1;

    if (rc == 0)
        rc = check(s, trial, words, sizeof(words), errp);
    if (rc == 0 && is_so(s, trial)) {
        log_info("stage '%s' is so already: there is nothing to change, and no "
                 "revision is made",
                 s->stage);
        goto done;
    }
    if (rc == 0 && s->o->dry_run)
        tell(s, trial, words);
    if (rc < 0 || s->o->dry_run || (rc = patience(s->o, &seconds, errp)) < 0)
        goto done;
    change_who(who);
    rc = change(s, r, true, errp);
    if (rc == 0)
        rc = revision_put(s->p, r, who, "", errp);
    if (rc == 0) {
        log_info("run %s goes on to revision %" PRIu64, s->of.name, r->number);
        tell(s, r, words);
        rc = await(s, r->number, seconds, errp);
    }
done:
    revision_destroy(trial);
    return rc;
}

static int go_back(struct swap *s, pe_error *errp)
{
    revision *r;
    char who[128];
    double seconds;
    int rc;

    if (s->o->dry_run)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--back with --dry-run: what was there works; "
                            "'pilot swap %s' lists it",
                            s->of.name);
    if (patience(s->o, &seconds, errp) < 0)
        return -1;
    change_who(who);
    r = revision_back(s->p, s->now, who, "", errp);
    if (!r)
        return -1;
    log_info("run %s goes on to revision %" PRIu64, s->of.name, r->number);
    tell(s, r, "");
    rc = await(s, r->number, seconds, errp);
    revision_destroy(r);
    return rc;
}

/* The pipeline as it is now, in which there is the stage. */
static int check_stage(struct swap *s, pe_error *errp)
{
    pipeline *now;

    if (s->now->number > 0) {
        now = revision_pipeline(s->p, s->of.req, s->now, errp);
        if (!now)
            return -1;
        pipeline_destroy(s->pl);
        s->pl = now;
    }
    return revision_check_stage(s->pl, s->stage, errp);
}

static int check_words(const struct swap *s, pe_error *errp)
{
    const struct swap_options *o = s->o;
    bool change = o->function || o->set.n > 0;

    if (o->back && change)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--back goes with no --function and no --set");
    if (change && !s->stage)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "which stage? write %s/STAGE", s->of.name);
    if (s->stage && !change && !o->back)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "what is to become of stage '%s'? give --function, "
                            "--set or --back",
                            s->stage);
    return 0;
}

static int swap(struct swap *s, const char *word, pe_error *errp)
{
    revision *r;
    int rc;

    if (change_split(word, "stage", &s->of.name, &s->stage, errp) < 0 ||
        check_words(s, errp) < 0 ||
        (s->o->function &&
         change_object(s->o->function, &s->path, &s->symbol, errp) < 0) ||
        open_run(s, errp) < 0)
        return -1;
    if (s->stage && check_stage(s, errp) < 0)
        return -1;
    if (s->o->back)
        return go_back(s, errp);
    if (!s->stage)
        return swap_list(s->p, s->of.name, s->o->json, errp);
    r = copy(s->now, errp);
    rc = r ? change_stage(s, r, errp) : -1;
    revision_destroy(r);
    return rc;
}

int change_swap(int argc, char **argv)
{
    struct swap_options o = {0};
    struct swap s = {.o = &o};
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
    rc = swap(&s, argv[first], &e);
    close_run(&s);
    option_list_free(&o.set);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}
