/* scheduler.c - a scheduler's commands: how they are called and what they say.
 */
#include "scheduler.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Set by users for their own eyes: they would filter or reshape answers.  With
 * an id of a job around it, scontrol leaves files behind when it shrinks one.
 */
static const char *const unset[] = {
    "SQUEUE_ACCOUNT",    "SQUEUE_ARRAY",        "SQUEUE_FEDERATION",
    "SQUEUE_FORMAT",     "SQUEUE_FORMAT2",      "SQUEUE_LICENSES",
    "SQUEUE_LOCAL",      "SQUEUE_NAMES",        "SQUEUE_PARTITION",
    "SQUEUE_PRIORITY",   "SQUEUE_QOS",          "SQUEUE_SIBLING",
    "SQUEUE_SORT",       "SQUEUE_STATES",       "SQUEUE_USERS",
    "SACCT_FORMAT",      "SACCT_FEDERATION",    "SINFO_FORMAT",
    "SINFO_PARTITION",   "SCANCEL_ACCOUNT",     "SCANCEL_BATCH",
    "SCANCEL_FULL",      "SCANCEL_INTERACTIVE", "SCANCEL_NAME",
    "SCANCEL_PARTITION", "SCANCEL_QOS",         "SCANCEL_STATE",
    "SCANCEL_USER",      "SCANCEL_VERBOSE",     "SCANCEL_WCKEY",
    "SLURM_TIME_FORMAT", "SLURM_JOBID",         "SLURM_JOB_ID"};
enum { N_UNSET = sizeof(unset) / sizeof(unset[0]) };
/* Of one who submits: they would make an array of the job, have the command
 * wait for its end, or have the lines of its script passed over.
 */
static const char *const unset_submit[] = {"SBATCH_ARRAY_INX", "SBATCH_WAIT",
                                           "PBS_DPREFIX"};
enum { N_UNSET_SUBMIT = sizeof(unset_submit) / sizeof(unset_submit[0]) };
/* env(1) is what sets and unsets them behind SSH as well as here. */
static const char *const set[] = {"LC_ALL=C", "TZ=UTC"};
enum { N_SET = sizeof(set) / sizeof(set[0]) };

static int run_error(const resource *r, const char *name, pe_error *errp)
{
    return pe_error_prefix(errp, "%s on %s", name, host_name(r->host));
}

/* "env -u NAME... NAME=VALUE... " and [argv]; the words are borrowed. */
static const char **env_argv(const char *const *names, size_t n_names,
                             const char *const *values, size_t n_values,
                             const char *const *argv)
{
    size_t words = 0, n = 0;

    while (argv[words])
        words++;
    const char **all =
        calloc(1 + 2 * n_names + n_values + words + 1, sizeof(*all));
    if (!all)
        return NULL;
    all[n++] = "env";
    for (size_t i = 0; i < n_names; i++) {
        all[n++] = "-u";
        all[n++] = names[i];
    }
    for (size_t i = 0; i < n_values; i++)
        all[n++] = values[i];
    memcpy(all + n, argv, words * sizeof(*all));
    return all;
}

/* Run [all], which is taken (NULL: no memory): [name] behind an env. */
static int env_run(resource *r, const char **all, const char *name,
                   const char *folder, host_answer *a, pe_error *errp)
{
    int result;

    if (!all)
        return pe_error_nomem(errp);
    result = host_run(r->host, all, folder, r->timeout_s, a, errp);
    free(all);
    if (result < 0)
        return run_error(r, name, errp);
    if (a->status != 127 || a->out_len > 0)
        return 0;
    host_answer_free(a); /* env's own "no such file" */
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s is not there on %s: put its folder on PATH", name,
                        host_name(r->host));
}

int scheduler_tell(resource *r, const char *const *argv, const char *folder,
                   host_answer *a, pe_error *errp)
{
    const char **all = env_argv(unset_submit, N_UNSET_SUBMIT, NULL, 0, argv);

    return env_run(r, all, argv[0], folder, a, errp);
}

int scheduler_ask(resource *r, const char *const *argv, host_answer *a,
                  pe_error *errp)
{
    const char **all = env_argv(unset, N_UNSET, set, N_SET, argv);

    return env_run(r, all, argv[0], NULL, a, errp);
}

/* [line] behind "NAME: " and "error: ". */
static const char *behind_name(const char *line, size_t *lenp)
{
    static const char *const heads[] = {"sbatch:",
                                        "squeue:",
                                        "scancel:",
                                        "scontrol:",
                                        "sacct:",
                                        "sinfo:",
                                        "srun:",
                                        "qsub:",
                                        "qstat:",
                                        "qdel:",
                                        "qsig:",
                                        "qselect:",
                                        "pbsnodes:",
                                        "error:",
                                        "fatal:",
                                        "pbs_release_nodes:",
                                        "slurm_load_jobs error:",
                                        NULL};

    for (const char *const *h = heads; *h; h++) {
        size_t n = strlen(*h);
        if (*lenp < n || strncmp(line, *h, n))
            continue;
        line += n;
        *lenp -= n;
        while (*lenp > 0 && *line == ' ') {
            line++;
            (*lenp)--;
        }
    }
    return line;
}

void scheduler_words(const host_answer *a, char *out, size_t cap)
{
    const char *s = a->err_len > 0 ? a->err : a->out;
    text all = {0};

    for (size_t n; s && *s; s += n + (s[n] == '\n')) {
        n = strcspn(s, "\n");
        size_t len = n;
        const char *line = behind_name(s, &len);
        if (!strncasecmp(line, "usage:", 6) || !strncmp(line, "Try \"", 5))
            break;
        while (len > 0 && isspace((unsigned char)line[len - 1]))
            len--;
        if (len > 0)
            text_add(&all, "%s%.*s", all.len ? "; " : "", (int)len, line);
    }
    scheduler_copy(out, cap, all.data ? all.data : "", all.len);
    text_free(&all);
    if (!*out)
        snprintf(out, cap, "nothing, and ended with %d", a->status);
}

/* By the row of the faults that fits, else by [other]. */
static int answer_error(const resource *r, const scheduler_ways *w,
                        const scheduler_fault *other, const char *name,
                        const host_answer *a, pe_error *errp)
{
    const scheduler_fault *f = other;
    char words[512];

    for (const scheduler_fault *row = w->faults; row->words; row++)
        if ((a->err && strstr(a->err, row->words)) ||
            (a->out && strstr(a->out, row->words))) {
            f = row;
            break;
        }
    scheduler_words(a, words, sizeof(words));
    return pe_error_set(errp, f->kind, f->exit_code, "%s on %s says: %s%s%s",
                        name, host_name(r->host), words, f->fix ? "; " : "",
                        f->fix ? f->fix : "");
}

int scheduler_refused(const resource *r, const scheduler_ways *w,
                      const char *name, const host_answer *a, pe_error *errp)
{
    bool usage = a->status >= w->usage_least && a->status <= w->usage_most;
    const scheduler_fault other = {.kind = PE_ERROR_INPUT,
                                   .exit_code =
                                       usage ? PE_EXIT_USAGE : PE_EXIT_CONFIG};

    return answer_error(r, w, &other, name, a, errp);
}

int scheduler_no_answer(const resource *r, const scheduler_ways *w,
                        const char *name, const host_answer *a, pe_error *errp)
{
    static const scheduler_fault other = {.kind = PE_ERROR_RETRY,
                                          .exit_code = PE_EXIT_UNAVAILABLE};

    return answer_error(r, w, &other, name, a, errp);
}

int scheduler_order(resource *r, const scheduler_ways *w, const char *name,
                    const char *const *argv, pe_error *errp)
{
    host_answer a = {0};
    int result = 0;

    if (scheduler_ask(r, argv, &a, errp) < 0)
        return -1;
    if (a.status != 0)
        result = scheduler_refused(r, w, name, &a, errp);
    host_answer_free(&a);
    return result;
}

int scheduler_id_check(const char *id, pe_error *errp)
{
    static const char odd[] = "-_.;[]";
    bool ok = id && isdigit((unsigned char)*id);

    for (const char *c = id; ok && *c; c++)
        ok = isalnum((unsigned char)*c) || strchr(odd, *c);
    if (ok)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "'%.64s' is no id of a job", id ? id : "");
}

void scheduler_say(const scheduler_report *to, bool ok, char *line)
{
    if (line)
        to->line(to->arg, ok, line);
    free(line);
}
