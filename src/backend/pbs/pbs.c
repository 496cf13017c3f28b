/* pbs.c - OpenPBS and PBS Pro, through their commands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "private.h"
#include "src/resource/script.h"

#define OUTPUT "/scheduler.out"
/* Ids in one call of qstat: they are words of a command line, which SSH
 * carries in one packet.
 */
#define IDS_BYTES 24000

struct pbs {
    resource base;
    bool no_history; /* the server keeps no finished jobs */
    bool is_pbs;     /* qsub has said so */
};

static const script_dialect dialect = {
    .prefix = "#PBS ",
    .directives = pbs_directives,
    .submit_dir = "${PBS_O_WORKDIR:-$PILOT_DIR}",
};

static const scheduler_fault faults[] = {
    {"cannot connect to server", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "try again later ('qstat -B')"},
    {"Couldn't connect", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "try again later ('qstat -B')"},
    {"Connection refused", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "try again later ('qstat -B')"},
    {"Connection timed out", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "it may have been done all the same"},
    {"End of File", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
     "it may have been done all the same"},
    {"Unauthorized Request", PE_ERROR_FATAL, PE_EXIT_PERMISSION, NULL},
    {"Unknown resource: ngpus", PE_ERROR_INPUT, PE_EXIT_CONFIG,
     "this site has no resource of that name: give the pilot its own "
     "directive '-l select=...'"},
    {NULL, PE_ERROR_INPUT, PE_EXIT_CONFIG, NULL},
};

static const scheduler_ways ways = {
    .faults = faults,
    .usage_least = 1, /* a client's own view of what it was told */
    .usage_most = 5,
    .id_marks = ".[", /* "17.server", "21[].server" */
};

static char *pbs_script(const resource_spec *s, pe_error *errp)
{
    return script_make(&dialect, s, errp);
}

/* Without these the job's output would be left where the user is.  qsub takes
 * what stands in front of a ':' for a host, so such a folder cannot be named.
 */
static void output_add(scheduler_line *l, const resource_spec *s)
{
    const resource_request *q = s->request;

    if (strchr(s->dir, ':'))
        return;
    if (q->word[REQUEST_OUTPUT] || script_is_replaced(q, "-o"))
        return;
    scheduler_line_add(l, "-o");
    scheduler_line_take(l, text_format("%s" OUTPUT, s->dir));
    if (q->word[REQUEST_ERROR] || script_is_replaced(q, "-e") ||
        script_is_replaced(q, "-j"))
        return;
    scheduler_line_add(l, "-j");
    scheduler_line_add(l, "oe");
}

/* -v has to be on the command line: one there hides those of the script. */
static int line_make(const resource_spec *s, scheduler_line *l, pe_error *errp)
{
    const char *list = s->request->word[REQUEST_EXPORT];
    char *variables = pbs_variables(s, errp);

    if (!variables)
        return -1;
    scheduler_line_add(l, "qsub");
    if (list && (!strcasecmp(list, "ALL") || !strncasecmp(list, "ALL,", 4)))
        scheduler_line_add(l, "-V");
    scheduler_line_add(l, "-v");
    scheduler_line_take(l, variables);
    output_add(l, s);
    scheduler_line_end(l, s);
    return 0;
}

/* Words that do not mean there what they mean in sbatch, told to people. */
static void add_notes(text *out, const resource_request *q)
{
    static const enum request_word words[] = {REQUEST_PARTITION, REQUEST_QOS,
                                              REQUEST_RESERVATION};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (q->word[words[i]])
            text_add(out, "# --%s is the queue there: -q %s\n",
                     request_specs[words[i]].name, q->word[words[i]]);
}

static char *pbs_command(const resource_spec *s, pe_error *errp)
{
    scheduler_line l = {0};
    text notes = {0};

    if (line_make(s, &l, errp) < 0)
        return NULL;
    add_notes(&notes, s->request);
    return scheduler_command(&l, &notes, errp);
}

/* Slurm comes with a qsub of its own, and others have one too: jobs would go
 * where nobody looks for them.
 */
static int version_check(struct pbs *p, pe_error *errp)
{
    static const char *const argv[] = {"qsub", "--version", NULL};
    host_answer a = {0};

    if (p->is_pbs)
        return 0;
    if (scheduler_ask(&p->base, argv, &a, errp) < 0)
        return -1;
    p->is_pbs = (a.out && strstr(a.out, "pbs_version")) ||
                (a.err && strstr(a.err, "pbs_version"));
    host_answer_free(&a);
    if (p->is_pbs)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "the qsub on %s is not that of PBS: if it is Slurm's, "
                        "the resource is slurm://",
                        host_name(p->base.host));
}

static int pbs_submit(resource *r, const resource_spec *s,
                      char id[RESOURCE_ID_MAX], pe_error *errp)
{
    scheduler_line l = {0};

    if (version_check((struct pbs *)r, errp) < 0 || line_make(s, &l, errp) < 0)
        return -1;
    return scheduler_submit(r, &ways, s, &l, id, errp);
}

/* Ids to ask about: those of the query, or all of this user's. */
struct ids {
    const char **at;
    size_t n;
    char *owned; /* text they lie in, or NULL */
};

static void ids_free(struct ids *ids)
{
    free(ids->at);
    free(ids->owned);
}

static int ids_add(struct ids *ids, const char *id, pe_error *errp)
{
    const char **at = realloc(ids->at, (ids->n + 1) * sizeof(*at));

    if (!at)
        return pe_error_nomem(errp);
    ids->at = at;
    ids->at[ids->n++] = id;
    return 0;
}

/* A server that keeps no finished jobs, as most do not, says nothing about the
 * others either when it is asked with -x; and its clients end with 0.  That is
 * no answer about any job.
 */
static bool history_is_off(const host_answer *a)
{
    return a->status == PBS_NO_HISTORY ||
           (a->err && strstr(a->err, "maintain job history"));
}

/* Name of the user there, new memory. */
static char *user_ask(struct pbs *p, pe_error *errp)
{
    static const char *const argv[] = {"id", "-un", NULL};
    host_answer a = {0};
    char *out = NULL;

    if (scheduler_ask(&p->base, argv, &a, errp) < 0)
        return NULL;
    out = text_format("%.*s", (int)strcspn(a.out, "\n"), a.out);
    if (!out || !*out || a.status != 0) {
        free(out);
        out = NULL;
        scheduler_no_answer(&p->base, &ways, "id -un", &a, errp);
    }
    host_answer_free(&a);
    return out;
}

/* A submit was cut off before its id was known: the job is one of ours that
 * carries the mark, and qselect names them all without a word about others'.
 */
static int ids_of_user(struct pbs *p, struct ids *ids, pe_error *errp)
{
    char *user = user_ask(p, errp), *save = NULL;
    const char *with[] = {"qselect", "-x", "-u", user, NULL};
    const char *without[] = {"qselect", "-u", user, NULL};
    host_answer a = {0};
    int result = user ? 0 : -1;

    if (result == 0)
        result =
            scheduler_ask(&p->base, p->no_history ? without : with, &a, errp);
    if (result == 0 && !p->no_history && history_is_off(&a)) {
        host_answer_free(&a);
        p->no_history = true;
        result = scheduler_ask(&p->base, without, &a, errp);
    }
    if (result == 0 && a.status != 0)
        result = scheduler_no_answer(&p->base, &ways, "qselect", &a, errp);
    if (result == 0) {
        ids->owned = a.out;
        a.out = NULL;
        for (char *id = strtok_r(ids->owned, "\n", &save); id && result == 0;
             id = strtok_r(NULL, "\n", &save))
            result = ids_add(ids, id, errp);
    }
    host_answer_free(&a);
    free(user);
    return result;
}

static int ids_of_jobs(const resource_job *jobs, size_t n, struct ids *ids,
                       pe_error *errp)
{
    for (size_t i = 0; i < n; i++)
        if (*jobs[i].id && scheduler_id_check(jobs[i].id, NULL) == 0 &&
            ids_add(ids, jobs[i].id, errp) < 0)
            return -1;
    return 0;
}

/* qstat about some ids: its status is that of the worst of them, and it prints
 * the others; without a server it prints an empty answer and fails.
 */
static int qstat_ask(struct pbs *p, const char *const *ids, size_t n,
                     host_answer *a, pe_error *errp)
{
    const char **argv = calloc(n + 6, sizeof(*argv));
    size_t k = 0;
    int result;

    if (!argv)
        return pe_error_nomem(errp);
    argv[k++] = "qstat";
    if (!p->no_history)
        argv[k++] = "-x";
    argv[k++] = "-f";
    argv[k++] = "-F";
    argv[k++] = "dsv";
    memcpy(argv + k, ids, n * sizeof(*argv));
    result = scheduler_ask(&p->base, argv, a, errp);
    free(argv);
    if (result < 0)
        return -1;
    if (!p->no_history && history_is_off(a)) {
        host_answer_free(a);
        p->no_history = true;
        return qstat_ask(p, ids, n, a, errp);
    }
    if (a->status == 0 || a->status == PBS_UNKNOWN ||
        a->status == PBS_FINISHED || a->status == PBS_NO_QUEUE)
        return 0;
    scheduler_no_answer(&p->base, &ways, "qstat", a, errp);
    host_answer_free(a);
    return -1;
}

/* How many of the ids at [ids] go into one call. */
static size_t ids_fit(const char *const *ids, size_t n)
{
    size_t bytes = 0, k = 0;

    while (k < n && (k == 0 || bytes + strlen(ids[k]) < IDS_BYTES))
        bytes += strlen(ids[k++]) + 1;
    return k;
}

static int pbs_describe(resource *r, resource_job *jobs, size_t n,
                        pe_error *errp)
{
    struct pbs *p = (struct pbs *)r;
    struct ids ids = {0};
    job_index *x = NULL;
    bool search = false;
    int result = -1;

    for (size_t i = 0; i < n; i++) {
        scheduler_job_clear(&jobs[i]);
        search = search || (!*jobs[i].id && jobs[i].dir);
    }
    if (ids_of_jobs(jobs, n, &ids, errp) < 0 ||
        (search && ids_of_user(p, &ids, errp) < 0))
        goto done;
    x = job_index_create(jobs, n, pbs_mark, errp);
    if (!x)
        goto done;
    for (size_t at = 0, k; at < ids.n; at += k) {
        host_answer a = {0};
        k = ids_fit(ids.at + at, ids.n - at);
        if (qstat_ask(p, ids.at + at, k, &a, errp) < 0)
            goto done;
        pbs_parse(a.out, a.out_len, x);
        host_answer_free(&a);
    }
    result = 0;
done:
    for (size_t i = 0; result < 0 && i < n; i++)
        scheduler_job_clear(&jobs[i]);
    job_index_destroy(x);
    ids_free(&ids);
    return result;
}

/* Call [argv] about a job.  One that is over, ends already, or is not known
 * any more, is success.
 */
static int job_call(resource *r, const char *const *argv, pe_error *errp)
{
    host_answer a = {0};
    int result = 0;

    if (scheduler_ask(r, argv, &a, errp) < 0)
        return -1;
    if (a.status != 0 && a.status != PBS_FINISHED && a.status != PBS_UNKNOWN &&
        a.status != PBS_BAD_STATE && a.status != PBS_EXITING)
        result = scheduler_refused(r, &ways, argv[0], &a, errp);
    host_answer_free(&a);
    return result;
}

/* `qdel -W force` would be quicker than KILL and a qdel, but it ends a job
 * whose processes may go on, with a status of 0.
 */
static int pbs_cancel(resource *r, const char *id, bool now, pe_error *errp)
{
    const char *kill[] = {"qsig", "-s", "KILL", id, NULL};
    const char *cancel[] = {"qdel", id, NULL};
    host_answer a = {0};

    if (scheduler_id_check(id, errp) < 0)
        return -1;
    if (now) { /* one that waits has nothing to signal, and that is no error */
        if (scheduler_ask(r, kill, &a, errp) < 0)
            return -1;
        host_answer_free(&a);
    }
    return job_call(r, cancel, errp);
}

/* It counts the hosts to keep beside the first, which cannot be given back. */
static int pbs_shrink(resource *r, const char *id, int nodes, pe_error *errp)
{
    char keep[32];
    const char *some[] = {"pbs_release_nodes", "-j", id, "-k", keep, NULL};
    const char *all[] = {"pbs_release_nodes", "-j", id, "-a", NULL};

    if (scheduler_id_check(id, errp) < 0)
        return -1;
    snprintf(keep, sizeof(keep), "%d", nodes - 1);
    return scheduler_order(r, &ways, "pbs_release_nodes",
                           nodes > 1 ? some : all, errp);
}

static void pbs_close(resource *r)
{
    free(r);
}

static resource *pbs_create(bool here, pe_error *errp)
{
    struct pbs *p = calloc(1, sizeof(*p));

    (void)here;
    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    return &p->base;
}

static int pbs_end(resource *r, const char *id, int64_t *end_nsp,
                   pe_error *errp)
{
    resource_job job = {.seen = RESOURCE_ABSENT};

    snprintf(job.id, sizeof(job.id), "%s", id);
    if (pbs_describe(r, &job, 1, errp) < 0)
        return -1;
    if (job.seen == RESOURCE_ABSENT)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "qstat on %s does not know job %.64s",
                            host_name(r->host), id);
    *end_nsp = job.end_ns;
    return 0;
}

static const resource_scheduler scheduler = {
    .variable = "PBS_JOBID",
    .version = (const char *const[]){"qsub", "--version", NULL},
    .answer = "pbs_version",
    .end = pbs_end,
    .grace_s = 10,
    .grace = (const char *const[]){"qstat", "-Qf", NULL},
    .grace_variable = "PBS_QUEUE",
    .grace_word = "kill_delay",
};

const resource_ops pbs_ops = {
    .scheme = "pbs",
    .name = "PBS",
    .words = &pbs_words,
    .scheduler = &scheduler,
    .create = pbs_create,
    .script = pbs_script,
    .command = pbs_command,
    .submit = pbs_submit,
    .describe = pbs_describe,
    .cancel = pbs_cancel,
    .shrink = pbs_shrink,
    .doctor = pbs_doctor,
    .close = pbs_close,
};
