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

#define LOOK_S 5      /* for a program to print its version */
#define GRACE_WORDS 4 /* of a command that tells the grace */

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* The backend whose job this process is in, or NULL. */
static const resource_ops *inside(void)
{
    for (const resource_ops *const *o = backends; *o; o++)
        if ((*o)->scheduler && variable((*o)->scheduler->variable))
            return *o;
    return NULL;
}

const char *backend_job(void)
{
    const resource_ops *in = inside();

    return in ? variable(in->scheduler->variable) : NULL;
}

/* A `qsub` may be Slurm's wrapper, and an `sbatch` may lie there without a
 * cluster: what counts is what it says.
 */
static bool answers(host *h, const resource_scheduler *k)
{
    host_answer a = {0};
    size_t n = strlen(k->answer);
    bool yes = false;

    if (host_run(h, k->version, NULL, LOOK_S, &a, NULL) == 0)
        yes = a.status == 0 && (!strncmp(a.out, k->answer, n) ||
                                (a.err && !strncmp(a.err, k->answer, n)));
    host_answer_free(&a);
    return yes;
}

/* The schedulers of this host: their names and URLs, as a sentence has them,
 * and the last of them.  Returns how many.
 */
static int schedulers_find(const resource_ops **lastp, text *names, text *urls)
{
    host *h = host_open_local(NULL);
    int n = 0;

    for (const resource_ops *const *o = backends; h && *o; o++) {
        if (!(*o)->scheduler || (*o)->open || !answers(h, (*o)->scheduler))
            continue;
        *lastp = *o;
        text_add(names, "%s%s", n ? " and " : "", (*o)->name);
        text_add(urls, "%s%s://", n ? " or " : "", (*o)->scheme);
        n++;
    }
    host_close(h);
    return n;
}

static enum backend_where job_take(const resource_ops *in,
                                   char job[RESOURCE_ID_MAX], char *why,
                                   size_t cap)
{
    snprintf(job, RESOURCE_ID_MAX, "%s", variable(in->scheduler->variable));
    snprintf(why, cap, "this is job %s of %s: its allocation is used", job,
             in->name);
    return BACKEND_INSIDE;
}

enum backend_where backend_default(char url[64], char job[RESOURCE_ID_MAX],
                                   char *why, size_t cap)
{
    const resource_ops *in = inside(), *found = in;
    text names = {0}, urls = {0};
    int n = in ? 1 : schedulers_find(&found, &names, &urls);

    job[0] = '\0';
    snprintf(url, 64, "%s://", n == 1 ? found->scheme : local_ops.scheme);
    if (n == 1 && !in)
        snprintf(why, cap,
                 "%s is the one scheduler of this host: --resource local:// "
                 "is this host itself",
                 found->name);
    else if (n > 1)
        snprintf(why, cap,
                 "this host has %s, so none is taken: name one with "
                 "--resource %s",
                 names.data ? names.data : "several schedulers",
                 urls.data ? urls.data : "URL");
    else if (n == 0)
        snprintf(why, cap, "there is no scheduler here: this host is used");
    text_free(&names);
    text_free(&urls);
    if (in)
        return job_take(in, job, why, cap);
    return n == 1 ? BACKEND_SCHEDULER : BACKEND_HERE;
}

int backend_end_of_allocation(int64_t *end_nsp, pe_error *errp)
{
    const resource_ops *in = inside();
    const char *job = backend_job();
    char url[64];
    resource *r;
    int result = -1;

    *end_nsp = 0;
    if (!in)
        return 0;
    snprintf(url, sizeof(url), "%s://", in->scheme);
    r = backend_open(url, errp);
    if (!r)
        return -1;
    r->timeout_s = LOOK_S; /* who asks has signals to take */
    if (scheduler_id_check(job, errp) == 0)
        result = in->scheduler->end(r, job, end_nsp, errp);
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
    const resource_ops *in = inside();
    const resource_scheduler *k = in ? in->scheduler : NULL;
    const char *argv[GRACE_WORDS + 2] = {NULL};
    host_answer a = {0};
    double grace_s = k ? k->grace_s : 0;
    host *h;
    int n = 0;

    if (!k || !k->grace)
        return grace_s;
    for (; n < GRACE_WORDS && k->grace[n]; n++)
        argv[n] = k->grace[n];
    if (k->grace_variable)
        argv[n] = variable(k->grace_variable);
    h = host_open_local(NULL);
    if (h && host_run(h, argv, NULL, LOOK_S, &a, NULL) == 0 && a.status == 0)
        grace_s = number_behind(a.out, k->grace_word, grace_s);
    host_answer_free(&a);
    host_close(h);
    return grace_s;
}
