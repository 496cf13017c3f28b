/* slurm.c - Slurm, through its commands and, here, a helper with its library.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "format.h"
#include "private.h"
#include "src/resource/script.h"

#define OUTPUT "/scheduler.out"
#define CALL_WORDS 8      /* of a call about one job */
#define HELPER_MISFIT 78  /* its library does not fit this cluster */
#define HELPER_BROKEN 126 /* and from here on: not started, or crashed */

struct slurm {
    resource base;
    char *helper;        /* path of pilot-slurm; NULL: squeue is asked */
    bool no_accounting;  /* sacct said so */
    bool no_completions; /* and `sacct -c` has nothing either */
};

static const script_dialect dialect = {
    .prefix = "#SBATCH ",
    .directives = slurm_directives,
    .submit_dir = "${SLURM_SUBMIT_DIR:-$PILOT_DIR}",
};

static char *slurm_script(const resource_spec *s, pe_error *errp)
{
    return script_make(&dialect, s, errp);
}

/* "--output=DIR/scheduler.out", so that no slurm-ID.out is left where the user
 * is; NULL: the user says where, or sbatch would not take the path as it is.
 * On the command line a folder may be called anything.
 */
static char *output_option(const resource_spec *s)
{
    text out = {0};

    if (s->request->word[REQUEST_OUTPUT] || strchr(s->dir, '\\') ||
        script_is_replaced(s->request, "--output"))
        return NULL;
    text_add(&out, "--output=");
    for (const char *c = s->dir; *c; c++)
        text_add_bytes(&out, *c == '%' ? "%%" : c, *c == '%' ? 2 : 1);
    text_add(&out, OUTPUT);
    return out.data;
}

/* A slurm_option_f. */
static void option_add(void *arg, const char *option, const char *value,
                       const char *comment)
{
    (void)comment;
    scheduler_line_take(arg, text_format("%s%s", option, value ? value : ""));
}

/* An option of the user's own, "-C fast", as sbatch splits a line of a script.
 * What is quoted there is left to it.
 */
static void directive_add(scheduler_line *l, const char *line)
{
    if (strpbrk(line, "\"'\\#"))
        return;
    for (size_t n; *(line += strspn(line, " \t")); line += n) {
        n = strcspn(line, " \t");
        scheduler_line_take(l, text_format("%.*s", (int)n, line));
    }
}

/* A command line of sbatch.  What was asked for is on it and not in the script
 * alone, whose lines count less than SBATCH_PARTITION and its like of the
 * environment.
 */
static void line_make(const resource_spec *s, scheduler_line *l)
{
    const struct request_list *own = &s->request->list[REQUEST_DIRECTIVES];
    char *output = output_option(s);

    scheduler_line_add(l, "sbatch");
    scheduler_line_add(l, "--parsable");
    if (output)
        scheduler_line_take(l, output);
    slurm_options(s, option_add, l);
    for (size_t i = 0; i < own->n; i++)
        directive_add(l, own->items[i]);
    scheduler_line_end(l, s);
}

static char *slurm_command(const resource_spec *s, pe_error *errp)
{
    scheduler_line l = {0};

    line_make(s, &l);
    return scheduler_command(&l, NULL, errp);
}

static int slurm_submit(resource *r, const resource_spec *s,
                        char id[RESOURCE_ID_MAX], pe_error *errp)
{
    scheduler_line l = {0};

    line_make(s, &l);
    return scheduler_submit(r, &slurm_ways, s, &l, id, errp);
}

/* The cluster in "37;cluster", or NULL. */
static const char *cluster_of(const char *id)
{
    const char *mark = strchr(id, ';');

    return mark && mark[1] && scheduler_id_check(id, NULL) == 0 ? mark + 1
                                                                : NULL;
}

static bool same_cluster(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

/* What the helper answers; 1: squeue is to be asked, from now on. */
static int helper_ask(struct slurm *m, const char *what, const char *word,
                      host_answer *a, pe_error *errp)
{
    const char *argv[] = {m->helper, what, word, NULL};
    pe_error e = {0};
    bool misfit = false;

    if (!m->helper)
        return 1;
    if (scheduler_ask(&m->base, argv, a, &e) < 0)
        misfit = e.kind == PE_ERROR_INPUT; /* it cannot be started */
    else if (a->status != HELPER_MISFIT && a->status < HELPER_BROKEN)
        return 0;
    else
        misfit = true;
    host_answer_free(a);
    if (misfit) {
        free(m->helper);
        m->helper = NULL;
        return 1;
    }
    if (errp)
        *errp = e;
    return -1;
}

/* All jobs of this user on [cluster]. */
static int queue_ask(struct slurm *m, const char *cluster, host_answer *a,
                     pe_error *errp)
{
    const char *argv[] = {"squeue",
                          "-h",
                          "-a",
                          "--me",
                          "-t",
                          "all",
                          "-o",
                          SLURM_SQUEUE_FORMAT,
                          cluster ? "-M" : NULL,
                          cluster,
                          NULL};
    int r = helper_ask(m, "jobs", cluster, a, errp);

    if (r > 0)
        r = scheduler_ask(&m->base, argv, a, errp);
    if (r < 0 || a->status == 0)
        return r;
    scheduler_no_answer(&m->base, &slurm_ways,
                        m->helper ? SLURM_HELPER : argv[0], a, errp);
    host_answer_free(a);
    return -1;
}

/* The numbers of the jobs of [cluster] that are absent, ',' between them. */
static char *absent_ids(const resource_job *jobs, size_t n, const char *cluster)
{
    text out = {0};

    for (size_t i = 0; i < n; i++) {
        const char *id = jobs[i].id;
        if (jobs[i].seen == RESOURCE_ABSENT &&
            scheduler_id_check(id, NULL) == 0 &&
            same_cluster(cluster_of(id), cluster))
            text_add(&out, "%s%.*s", out.len ? "," : "", (int)strcspn(id, ";"),
                     id);
    }
    if (out.failed)
        text_free(&out);
    return out.data;
}

/* Where there is no accounting the jobs that completed may be written to a
 * file, which sacct can read when the site lets it.
 */
static int completions_ask(struct slurm *m, const char *ids, host_answer *a)
{
    const char *argv[] = {"sacct", "-c", "-P", "-j", ids, NULL};

    if (m->no_completions || scheduler_ask(&m->base, argv, a, NULL) < 0)
        return -1;
    if (a->status == 0)
        return 0;
    host_answer_free(a);
    m->no_completions = true;
    return -1;
}

/* Accounting of [ids].  What it does not say stays absent: it may be off, late
 * or out of reach, and none of that says anything about a job.
 */
static int accounting_ask(struct slurm *m, const char *ids, const char *cluster,
                          host_answer *a)
{
    const char *argv[] = {
        "sacct",
        "-P",
        "-X",
        "-j",
        ids,
        "-o",
        "JobIDRaw,State,ExitCode,Reason,Submit,Start,End,NNodes,NodeList",
        cluster ? "-M" : NULL,
        cluster,
        NULL};

    if (m->no_accounting)
        return completions_ask(m, ids, a);
    if (scheduler_ask(&m->base, argv, a, NULL) < 0)
        return -1;
    if (a->status == 0)
        return 0;
    m->no_accounting = a->err && strstr(a->err, "storage is disabled");
    host_answer_free(a);
    return m->no_accounting ? completions_ask(m, ids, a) : -1;
}

static int accounting_read(struct slurm *m, resource_job *jobs, size_t n,
                           const char *cluster, pe_error *errp)
{
    host_answer a = {0};
    char *ids = absent_ids(jobs, n, cluster);
    job_index *x = NULL;
    int result = 0;

    if (ids && accounting_ask(m, ids, cluster, &a) == 0) {
        x = job_index_create(jobs, n, scheduler_script_path, errp);
        if (x)
            slurm_parse_accounting(a.out, a.out_len, cluster, x);
        else
            result = -1;
    }
    job_index_destroy(x);
    host_answer_free(&a);
    free(ids);
    return result;
}

static int describe_cluster(struct slurm *m, resource_job *jobs, size_t n,
                            const char *cluster, pe_error *errp)
{
    host_answer a = {0};
    job_index *x = NULL;
    int result = -1;

    if (queue_ask(m, cluster, &a, errp) < 0)
        return -1;
    x = job_index_create(jobs, n, scheduler_script_path, errp);
    if (x) {
        slurm_parse_queue(a.out, a.out_len, cluster, x);
        result = accounting_read(m, jobs, n, cluster, errp);
    }
    job_index_destroy(x);
    host_answer_free(&a);
    return result;
}

/* Is job [i] the first one of its cluster? */
static bool is_first(const resource_job *jobs, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (same_cluster(cluster_of(jobs[k].id), cluster_of(jobs[i].id)))
            return false;
    return true;
}

/* Jobs of several clusters are a matter of `-- -M`: one query for each. */
static int slurm_describe(resource *r, resource_job *jobs, size_t n,
                          pe_error *errp)
{
    struct slurm *m = (struct slurm *)r;
    pe_error e = {0};
    char name[RESOURCE_ID_MAX];

    for (size_t i = 0; i < n; i++)
        scheduler_job_clear(&jobs[i]);
    for (size_t i = 0; i < n; i++) {
        const char *cluster = cluster_of(jobs[i].id);
        if (!is_first(jobs, i))
            continue;
        snprintf(name, sizeof(name), "%s", cluster ? cluster : "");
        if (describe_cluster(m, jobs, n, cluster ? name : NULL, &e) < 0) {
            for (size_t k = 0; k < n; k++)
                scheduler_job_clear(&jobs[k]);
            if (errp)
                *errp = e;
            return -1;
        }
    }
    return 0;
}

/* "NAME [-M CLUSTER] WORDS... NUMBER" to its end. */
static int job_call(resource *r, const char *const *words, const char *id,
                    host_answer *a, pe_error *errp)
{
    const char *argv[CALL_WORDS], *cluster = cluster_of(id);
    char number[RESOURCE_ID_MAX];
    size_t n = 0;

    if (scheduler_id_check(id, errp) < 0)
        return -1;
    snprintf(number, sizeof(number), "%.*s", (int)strcspn(id, ";"), id);
    argv[n++] = *words++;
    if (cluster) {
        argv[n++] = "-M";
        argv[n++] = cluster;
    }
    while (*words)
        argv[n++] = *words++;
    argv[n++] = number;
    argv[n] = NULL;
    return scheduler_ask(r, argv, a, errp);
}

/* KILL to everything in the job comes first: once it is canceled its
 * processes have KillWait to end.  That a job which waits has no processes is
 * no error; what counts is the second call.
 */
static int slurm_cancel(resource *r, const char *id, bool now, pe_error *errp)
{
    static const char *const kill[] = {"scancel", "--full", "--signal=KILL",
                                       NULL};
    static const char *const cancel[] = {"scancel", NULL};
    host_answer a = {0};
    int result = 0;

    if (now) {
        if (job_call(r, kill, id, &a, errp) < 0)
            return -1;
        host_answer_free(&a);
    }
    if (job_call(r, cancel, id, &a, errp) < 0)
        return -1;
    /* One that ended or is not known any more is success, and silent. */
    if (a.status != 0 && !(a.err && strstr(a.err, "already completing")) &&
        !(a.err && strstr(a.err, "Invalid job id specified")))
        result = scheduler_refused(r, &slurm_ways, "scancel", &a, errp);
    host_answer_free(&a);
    return result;
}

static int slurm_shrink(resource *r, const char *id, int nodes, pe_error *errp)
{
    const char *cluster = cluster_of(id);
    char job[RESOURCE_ID_MAX + 8], count[32];
    const char *argv[] = {
        "scontrol", "update", job, count, cluster ? "-M" : NULL, cluster, NULL};

    if (scheduler_id_check(id, errp) < 0)
        return -1;
    snprintf(job, sizeof(job), "JobId=%.*s", (int)strcspn(id, ";"), id);
    snprintf(count, sizeof(count), "NumNodes=%d", nodes);
    return scheduler_order(r, &slurm_ways, "scontrol update", argv, errp);
}

static int slurm_energy(resource *r, const char *id, double *joulesp,
                        pe_error *errp)
{
    const char *cluster = cluster_of(id);
    char job[RESOURCE_ID_MAX];
    const char *argv[] = {"sacct",
                          "-P",
                          "-j",
                          job,
                          "-o",
                          "JobIDRaw,State,NNodes,Elapsed,ConsumedEnergyRaw",
                          cluster ? "-M" : NULL,
                          cluster,
                          NULL};
    host_answer a = {0};
    int result;

    if (scheduler_id_check(id, errp) < 0)
        return -1;
    snprintf(job, sizeof(job), "%.*s", (int)strcspn(id, ";"), id);
    if (scheduler_ask(r, argv, &a, errp) < 0)
        return -1;
    if (a.status == 0)
        result = slurm_parse_energy(a.out, a.out_len, joulesp, errp);
    else if (a.err && strstr(a.err, "storage is disabled"))
        result = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                              "this Slurm keeps no accounting (sacct: "
                              "accounting storage is disabled)");
    else
        result = scheduler_refused(r, &slurm_ways, "sacct", &a, errp);
    host_answer_free(&a);
    return result;
}

static void slurm_close(resource *r)
{
    struct slurm *m = (struct slurm *)r;

    if (m)
        free(m->helper);
    free(m);
}

/* Path of the helper when there is one, new memory, or NULL. */
static char *helper_find(void)
{
    const char *libexec = getenv("PILOT_LIBEXEC");
    const char *const folders[] = {libexec && *libexec ? libexec : NULL,
                                   PILOT_LIBEXECDIR};

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char *path =
            folders[i] ? text_format("%s/" SLURM_HELPER, folders[i]) : NULL;
        if (path && access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return NULL;
}

static resource *slurm_create(bool here, pe_error *errp)
{
    struct slurm *m = calloc(1, sizeof(*m));

    if (!m) {
        pe_error_nomem(errp);
        return NULL;
    }
    m->helper = here ? helper_find() : NULL;
    return &m->base;
}

static int slurm_end(resource *r, const char *id, int64_t *end_nsp,
                     pe_error *errp)
{
    const char *argv[] = {"squeue", "-h", "-a", "-j", id, "-o", "%e", NULL};
    host_answer a = {0};
    int result = helper_ask((struct slurm *)r, "end", id, &a, errp);

    if (result > 0)
        result = scheduler_ask(r, argv, &a, errp);
    if (result == 0 && a.status != 0)
        result = scheduler_no_answer(r, &slurm_ways, argv[0], &a, errp);
    if (result == 0)
        *end_nsp = scheduler_time_iso(a.out, strcspn(a.out, "\n"));
    host_answer_free(&a);
    return result;
}

static const resource_scheduler scheduler = {
    .variable = "SLURM_JOB_ID",
    .version = (const char *const[]){"sbatch", "--version", NULL},
    .answer = "slurm", /* Debian's says "slurm-wlm" */
    .end = slurm_end,
    .grace_s = 30,
    .grace = (const char *const[]){"scontrol", "show", "config", NULL},
    .grace_word = "KillWait",
};

const resource_ops slurm_ops = {
    .scheme = "slurm",
    .name = "Slurm",
    .words = &slurm_words,
    .scheduler = &scheduler,
    .create = slurm_create,
    .script = slurm_script,
    .command = slurm_command,
    .submit = slurm_submit,
    .describe = slurm_describe,
    .cancel = slurm_cancel,
    .energy = slurm_energy,
    .shrink = slurm_shrink,
    .doctor = slurm_doctor,
    .close = slurm_close,
};
