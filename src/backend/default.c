/* default.c - where we are: in an allocation, beside a scheduler, or neither.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "backends.h"
#include "src/common/text.h"
#include "src/resource/scheduler.h"

#define LOOK_S 5 /* for a program to print its version */

/* A scheduler, its mark inside of a job, and its own answer outside. */
static const struct kind {
    const char *url, *name;
    const char *variable; /* of the environment inside of a job */
    const char *argv[3];
    const char *answer; /* the answer begins like this */
    int (*end)(resource *r, const char *id, int64_t *end_nsp, pe_error *errp);
    double grace_s;             /* by default from TERM to KILL, */
    const char *grace_argv[4];  /* and what tells, */
    const char *grace_variable; /* of which this is the last word; or NULL */
    const char *grace_word;     /* in a line that begins like this */
} kinds[] = {
    {"slurm://",
     "Slurm",
     "SLURM_JOB_ID",
     {"sbatch", "--version", NULL},
     "slurm", /* Debian's says "slurm-wlm" */
     slurm_end,
     30,
     {"scontrol", "show", "config", NULL},
     NULL,
     "KillWait"},
    {"pbs://",
     "PBS",
     "PBS_JOBID",
     {"qsub", "--version", NULL},
     "pbs_version",
     pbs_end,
     10,
     {"qstat", "-Qf", NULL},
     "PBS_QUEUE",
     "kill_delay"},
};
enum { N_KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* The scheduler whose job this process is in, or NULL. */
static const struct kind *kind_inside(void)
{
    for (int i = 0; i < N_KINDS; i++)
        if (variable(kinds[i].variable))
            return &kinds[i];
    return NULL;
}

/* A `qsub` may be Slurm's wrapper, and an `sbatch` may lie there without a
 * cluster: what counts is what it says.
 */
static bool answers(host *h, const struct kind *k)
{
    host_answer a = {0};
    bool yes = false;

    if (host_run(h, k->argv, NULL, LOOK_S, &a, NULL) == 0)
        yes = a.status == 0 &&
              (!strncmp(a.out, k->answer, strlen(k->answer)) ||
               (a.err && !strncmp(a.err, k->answer, strlen(k->answer))));
    host_answer_free(&a);
    return yes;
}

enum backend_where backend_default(char url[64], char job[RESOURCE_ID_MAX],
                                   char *why, size_t cap)
{
    const struct kind *in = kind_inside(), *found = NULL;
    host *h = in ? NULL : host_open_local(NULL);
    int n = 0;

    job[0] = '\0';
    for (int i = 0; h && i < N_KINDS; i++)
        if (answers(h, &kinds[i])) {
            found = &kinds[i];
            n++;
        }
    host_close(h);
    found = in ? in : n == 1 ? found : NULL;
    snprintf(url, 64, "%s", found ? found->url : "local://");
    if (in) {
        snprintf(job, RESOURCE_ID_MAX, "%s", getenv(in->variable));
        snprintf(why, cap, "this is job %s of %s: its allocation is used", job,
                 in->name);
        return BACKEND_INSIDE;
    }
    if (found)
        snprintf(why, cap,
                 "%s is the one scheduler of this host: --resource local:// "
                 "is this host itself",
                 found->name);
    else if (n > 1)
        snprintf(why, cap,
                 "this host has Slurm and PBS, so none is taken: name one with "
                 "--resource slurm:// or pbs://");
    else
        snprintf(why, cap, "there is no scheduler here: this host is used");
    return found ? BACKEND_SCHEDULER : BACKEND_HERE;
}

int backend_end_of_allocation(int64_t *end_nsp, pe_error *errp)
{
    const struct kind *in = kind_inside();
    resource *r;
    int result = -1;

    *end_nsp = 0;
    if (!in)
        return 0;
    r = backend_open(in->url, errp);
    if (!r)
        return -1;
    r->timeout_s = LOOK_S; /* who asks has signals to take */
    if (scheduler_id_check(getenv(in->variable), errp) == 0)
        result = in->end(r, getenv(in->variable), end_nsp, errp);
    resource_close(r);
    return result;
}

/* The number behind "WORD = " in [out]; [none] where there is none. */
static double number_behind(const char *out, const char *word, double none)
{
    size_t len = strlen(word);

    for (const char *line = out; line && *line;) {
        const char *at = line + strspn(line, " \t");
        if (!strncmp(at, word, len) && strchr(" \t=", at[len])) {
            at += len + strspn(at + len, " \t=");
            return isdigit((unsigned char)*at) ? strtod(at, NULL) : none;
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    return none;
}

double backend_grace_of_allocation(void)
{
    const struct kind *in = kind_inside();
    const char *argv[5] = {NULL};
    host_answer a = {0};
    double grace_s = in ? in->grace_s : 0;
    host *h = in ? host_open_local(NULL) : NULL;
    int n = 0;

    for (; in && in->grace_argv[n]; n++)
        argv[n] = in->grace_argv[n];
    if (in && in->grace_variable)
        argv[n] = variable(in->grace_variable);
    if (h && host_run(h, argv, NULL, LOOK_S, &a, NULL) == 0 && a.status == 0)
        grace_s = number_behind(a.out, in->grace_word, grace_s);
    host_answer_free(&a);
    host_close(h);
    return grace_s;
}
