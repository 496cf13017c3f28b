/* submit.c - `pilot submit`, `pilot-submit`: a pilot into a queue. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/backend/backend.h"
#include "src/cmd/cmd.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/registry/submit.h"
#include "src/request/defaults.h"
#include "src/request/place.h"
#include "src/run/again.h"
#include "src/run/run.h"

struct submit_options {
    const char *word[REQUEST_N_WORDS];
    bool flag[REQUEST_N_WORDS];
    option_list list[REQUEST_N_WORDS];
    bool no_requeue;
    option_list set;
    const char *resource, *pilot, *run, *successor;
    bool dry_run, parsable, quiet, help;
    char **extra; /* behind "--" */
    int n_extra;
};

#define AT(member) offsetof(struct submit_options, member)

static const option_spec own_rows[] = {
    {"resource", 0, OPTION_TEXT, AT(resource), "URL", NULL,
     "where: " PLACE_URLS},
    {"pilot", 0, OPTION_TEXT, AT(pilot), "NAME", NULL,
     "which pilot of the file"},
    {"run", 0, OPTION_TEXT, AT(run), "NAME", NULL,
     "name of the run: a new one, or one to join"},
    {"successor", 0, OPTION_TEXT, AT(successor), "ID", NULL,
     "one that goes on when pilot ID ends"},
    {"set", 0, OPTION_LIST, AT(set), "PATH=VALUE", NULL,
     "override a key of the file; may be repeated"},
    {"no-requeue", 0, OPTION_FLAG, AT(no_requeue), NULL, NULL,
     "never put it back into the queue"},
    {"dry-run", 0, OPTION_FLAG, AT(dry_run), NULL, NULL,
     "print the job script and ask nobody"},
    {"parsable", 0, OPTION_FLAG, AT(parsable), NULL, NULL,
     "print PILOT;SCHEDULER_ID"},
    {"quiet", 'Q', OPTION_FLAG, AT(quiet), NULL, NULL,
     "no messages but errors"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
};

#define N_OWN (sizeof(own_rows) / sizeof(own_rows[0]))

static const char *const synopsis[] = {
    "[OPTION]... FILE [-- SCHEDULER_OPTION...]", "--successor ID", NULL};

/* A word of the scheduler as an option. */
static option_spec word_row(int w, const char *name)
{
    const request_spec *s = &request_specs[w];
    option_spec row = {name,        name == s->name ? s->letter : (char)0,
                       OPTION_TEXT, AT(word) + (size_t)w * sizeof(char *),
                       s->value,    s->choices,
                       s->prose};

    if (s->type == REQUEST_TYPE_FLAG) {
        row.kind = OPTION_FLAG;
        row.offset = AT(flag) + (size_t)w * sizeof(bool);
        row.choices = NULL;
        row.value = NULL;
    }
    if (s->type == REQUEST_TYPE_LIST) {
        row.kind = OPTION_LIST;
        row.offset = AT(list) + (size_t)w * sizeof(option_list);
    }
    return row;
}

/* One table of sbatch's words and ours. */
static const option_spec *rows_make(void)
{
    static option_spec rows[2 * REQUEST_N_WORDS + N_OWN + 1];
    size_t n = 0;

    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        if (w == REQUEST_EXTRA)
            continue;
        rows[n++] = word_row(w, request_specs[w].name);
        if (request_specs[w].alias)
            rows[n++] = word_row(w, request_specs[w].alias);
    }
    memcpy(rows + n, own_rows, sizeof(own_rows));
    return rows;
}

static const option_usage *usage_make(void)
{
    static option_usage usage = {
        .command = "pilot submit",
        .synopsis = synopsis,
        .prose = "Submit a pilot of a pipeline file, and return. sbatch's "
                 "words mean what they\nmean there.",
        .min_args = 0,
        .max_args = 1,
    };

    usage.options = rows_make();
    return &usage;
}

/* --- words of the command line --- */

static bool has_words(const struct submit_options *o)
{
    for (int w = 0; w < REQUEST_N_WORDS; w++)
        if (o->word[w] || o->flag[w] || o->list[w].n)
            return true;
    return o->no_requeue || o->n_extra > 0;
}

static int words_take(const struct submit_options *o, resource_request *q,
                      pe_error *errp)
{
    static const char from[] = "command line";

    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        enum request_word word = (enum request_word)w;
        if ((o->word[w] &&
             request_set(q, word, o->word[w], true, from, errp) < 0) ||
            (o->flag[w] && request_set(q, word, "true", true, from, errp) < 0))
            return -1;
        for (size_t i = 0; i < o->list[w].n; i++)
            if (request_set(q, word, o->list[w].items[i], true, from, errp) < 0)
                return -1;
    }
    for (int i = 0; i < o->n_extra; i++)
        if (request_set(q, REQUEST_EXTRA, o->extra[i], true, from, errp) < 0)
            return -1;
    return o->no_requeue
               ? request_set(q, REQUEST_REQUEUE, "false", true, from, errp)
               : 0;
}

/* --- which pilots --- */

/* Would this one be submitted?  Services that are there already, and what
 * lives in an allocation, are not.
 */
static bool is_candidate(const pipeline_pilot *k)
{
    return k->within < 0 && (!pilot_kind_is_service(k->kind) ||
                             (!k->endpoint && k->resource_given));
}

static int refuse_several(const pipeline *p, pe_error *errp)
{
    text names = {0};

    for (size_t i = 0; i < p->n_pilots; i++)
        if (is_candidate(&p->pilots[i]))
            text_add(&names, "%s%s", names.len ? ", " : "", p->pilots[i].name);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                 "%s has several pilots: say which with --pilot: %s", p->file,
                 names.data ? names.data : "");
    text_free(&names);
    return -1;
}

/* Mark those to be submitted in chosen[n_pilots]; their number, or -1. */
static int choose(const struct submit_options *o, const pipeline *p,
                  bool *chosen, pe_error *errp)
{
    int n = 0;

    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        chosen[i] = o->pilot ? !strcmp(k->name, o->pilot) : is_candidate(k);
        n += chosen[i];
        if (chosen[i] && k->within >= 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                                "pilot '%s' lives in '%s': submit that one",
                                k->name, p->pilots[k->within].name);
    }
    if (n == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "%s has no pilot '%s' to be submitted", p->file,
                            o->pilot ? o->pilot : "");
    if (n > 1 && (has_words(o) || o->resource))
        return refuse_several(p, errp);
    return n;
}

/* Services first, then what needs them; devices last. */
static int rank_of(const pipeline_pilot *k)
{
    static const int ranks[PILOT_N_KINDS] = {
        [PILOT_BROKER] = 0, [PILOT_PARAMS] = 0, [PILOT_ALLOCATION] = 1,
        [PILOT_POOL] = 2,   [PILOT_EDGE] = 3,
    };

    return ranks[k->kind];
}

/* --- where --- */

/* The URL of [k] at its place [i], new memory; says so where nobody did. */
static char *url_of(const struct submit_options *o, const pipeline_pilot *k,
                    size_t i, pe_error *errp)
{
    const char *given = o->resource         ? o->resource
                        : k->resource_given ? k->resources[i]
                                            : NULL;
    char url[64], job[RESOURCE_ID_MAX], why[256], *out;

    if (given && !place_is_batch(given)) {
        out = text_format("%s", given);
    } else {
        backend_default(url, job, why, sizeof(why));
        if (!o->dry_run)
            log_info("%s: %s", k->name, why);
        out = text_format("%s", url);
    }
    if (!out)
        pe_error_nomem(errp);
    return out;
}

/* --- one pilot --- */

/* What is asked for, word by word, with where it was said. */
static void echo(const submit_plan *p)
{
    request_shape s = {0};
    text line = {0};

    if (request_shape_of(p->request, &s, NULL) < 0)
        return; /* it is refused with its reason */
    text_add(&line, "%s/%s on %s", p->run->run, p->member, p->url);
    if (p->pilot->kind == PILOT_POOL)
        text_add(&line, ": %d rank%s x %d core%s", s.ntasks,
                 s.ntasks == 1 ? "" : "s", s.cpus_per_task,
                 s.cpus_per_task == 1 ? "" : "s");
    if (p->pilot->kind == PILOT_EDGE)
        text_add(&line, ": %d device%s", p->pilot->devices,
                 p->pilot->devices == 1 ? "" : "s");
    for (int w = 0; w < REQUEST_N_WORDS; w++)
        if (p->request->word[w])
            text_add(&line, ", %s %s (%s)", request_specs[w].name,
                     p->request->word[w],
                     p->request->from[w] ? p->request->from[w] : "file");
    if (line.data)
        log_info("%s", line.data);
    text_free(&line);
}

static int dry_run(const submit_plan *p, pe_error *errp)
{
    char *command = NULL;
    char *script = submit_script(p, &command, errp);

    if (!script)
        return -1;
    if (command)
        log_info("%s/%s would be submitted by: %s", p->run->run, p->member,
                 command);
    fputs(script, stdout);
    free(command);
    free(script);
    return 0;
}

static void progress_show(void *arg, const char *name, uint64_t done,
                          uint64_t total)
{
    (void)arg;
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r%s: %llu of %llu KiB%s", name,
            (unsigned long long)(done >> 10), (unsigned long long)(total >> 10),
            done == total ? "\n" : "");
}

static void record_print(const struct submit_options *o, const pilot_record *r)
{
    if (o->parsable)
        printf("%s;%s\n", r->id, r->sched_id);
    else
        printf("%s\n", r->id);
    fflush(stdout);
}

static int submit_one(const struct submit_options *o, submit_plan *p,
                      pe_error *errp)
{
    pilot_record r;

    echo(p);
    if (o->dry_run)
        return dry_run(p, errp);
    p->progress = o->quiet ? NULL : progress_show;
    if (submit(p, &r, errp) < 0)
        return -1;
    record_print(o, &r);
    return 0;
}

/* [k] at its place [i]. */
static int submit_place_of(const struct submit_options *o, struct run *r,
                           const pipeline_pilot *k, size_t i, pe_error *errp)
{
    char member[96];
    resource_request q = {0};
    char *cwd = getcwd(NULL, 0), *url = url_of(o, k, i, errp);
    submit_plan p = {.home = r->home,
                     .pl = r->p,
                     .pilot = k,
                     .run = r->req,
                     .member = member,
                     .place = (int)i,
                     .url = url,
                     .request = &q,
                     .submit_dir = cwd ? cwd : "/"};
    int status = url ? words_take(o, &q, errp) : -1;

    if (status == 0)
        status = request_merge(&q, &k->request, errp);
    if (status == 0)
        status = defaults_merge(&q, url, errp);
    if (status == 0 && o->dry_run && i == 0)
        snprintf(member, sizeof(member), "%s", k->name);
    else if (status == 0)
        status = submit_member_next(r->home, r->req->run, k->name, member,
                                    sizeof(member), errp);
    if (status == 0 && r->joined && strcmp(member, k->name) != 0 &&
        k->n_resources == 1)
        p.place = -1; /* one more than the file says */
    if (status == 0 && p.place < 0 && k->kind == PILOT_EDGE)
        status = pipeline_edge_may_grow(r->p, k, errp);
    if (status == 0)
        status = submit_one(o, &p, errp);
    if (status == 0 && !o->dry_run)
        r->made_dir = false; /* a job has its record there */
    request_free(&q);
    free(url);
    free(cwd);
    return status;
}

static int submit_pilot(const struct submit_options *o, struct run *r,
                        const pipeline_pilot *k, pe_error *errp)
{
    size_t places = o->resource ? 1 : k->n_resources;

    for (size_t i = 0; i < places; i++)
        if (submit_place_of(o, r, k, i, errp) < 0)
            return -1;
    return 0;
}

static int submit_all(const struct submit_options *o, struct run *r,
                      pe_error *errp)
{
    bool *chosen = calloc(r->p->n_pilots + 1, sizeof(*chosen));
    int status = chosen ? choose(o, r->p, chosen, errp) : pe_error_nomem(errp);

    for (int rank = 0; status >= 0 && rank <= 3; rank++)
        for (size_t i = 0; status >= 0 && i < r->p->n_pilots; i++)
            if (chosen[i] && rank_of(&r->p->pilots[i]) == rank)
                status = submit_pilot(o, r, &r->p->pilots[i], errp);
    free(chosen);
    return status < 0 ? -1 : 0;
}

/* --- a new run, or one to join --- */

static int submit_file(const struct submit_options *o, const char *file,
                       pe_error *errp)
{
    struct run_options ro = {
        .set = o->set, .name = o->run, .file = file, .dry_run = o->dry_run};
    struct run r = {.o = &ro, .lock_fd = -1};
    int status = run_setup_join(&r, errp);

    if (status == 0 && !o->dry_run && !r.local)
        status = run_endpoints_find(&r, errp);
    if (status == 0 && !o->dry_run)
        status = pipeline_request_write(r.req, errp);
    if (status == 0)
        status = submit_all(o, &r, errp);
    run_setup_release(&r, status < 0 && errp->kind != PE_ERROR_RETRY);
    return status;
}

/* --- one that goes on for another --- */

/* Words of the command line before those of the old one; one link less, and
 * the last one has none.
 */
static int again_words(const struct submit_options *o, struct again *a,
                       pe_error *errp)
{
    resource_request q = {0};
    int64_t left = request_int(&a->request, REQUEST_CHAIN, 0) - 1;
    char number[32];
    int status = words_take(o, &q, errp);

    free(a->request.word[REQUEST_CHAIN]);
    a->request.word[REQUEST_CHAIN] = NULL;
    snprintf(number, sizeof(number), "%lld", (long long)left);
    if (status == 0 && left > 0)
        status = request_set(&q, REQUEST_CHAIN, number, true, "chain", errp);
    if (status == 0)
        status = request_merge(&q, &a->request, errp);
    request_free(&a->request);
    a->request = q;
    return status;
}

static int submit_successor(const struct submit_options *o, pe_error *errp)
{
    struct again a = {.after = true};
    pilot_record r;
    int status = again_open(&a, o->successor, errp);

    if (status == 0)
        status = again_words(o, &a, errp);
    if (status == 0)
        status = again_submit(&a, &r, errp);
    if (status == 0)
        record_print(o, &r);
    again_close(&a);
    return status;
}

/* --- the command --- */

/* What stands behind "--" is the scheduler's. */
static int split_extra(struct submit_options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--")) {
            o->extra = argv + i + 1;
            o->n_extra = argc - i - 1;
            argv[i] = NULL;
            return i;
        }
    return argc;
}

static int run_command(struct submit_options *o, int argc, char **argv,
                       pe_error *errp)
{
    const option_usage *u = usage_make();
    int first;

    argc = split_extra(o, argc, argv);
    first = option_parse(u, argc, argv, o, errp);
    if (first < 0)
        return -1;
    if (o->help) {
        option_help(u, stdout);
        return 0;
    }
    if (o->quiet)
        log_limit(LOG_LEVEL_ERROR);
    if (option_operands(u, argc - first, errp) < 0)
        return -1;
    if (o->successor)
        return submit_successor(o, errp);
    if (first == argc)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "a FILE is missing; see 'pilot submit --help'");
    return submit_file(o, argv[first], errp);
}

int cmd_submit(int argc, char **argv)
{
    struct submit_options o = {0};
    pe_error e = {0};
    int status =
        run_command(&o, argc, argv, &e) < 0 ? log_failure(&e) : PE_EXIT_OK;

    for (int w = 0; w < REQUEST_N_WORDS; w++)
        option_list_free(&o.list[w]);
    option_list_free(&o.set);
    return status;
}
