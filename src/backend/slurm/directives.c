/* directives.c - a request in sbatch's own words. */
#include <stdio.h>
#include <string.h>

#include "private.h"
#include "src/resource/script.h"

#define PREFIX "#SBATCH "
#define WARN_S 60       /* how long ahead Slurm warns: sbatch's default */
#define WARN_FROM_S 180 /* shorter jobs would be warned at their start */

/* Where options go: "--nodes=" with "2", "--requeue" with NULL. */
struct options {
    slurm_option_f f;
    void *arg;
};

static void add_option(const struct options *o, const resource_request *q,
                       enum request_word w)
{
    const char *option = slurm_words.option[w];
    size_t n = strlen(option);
    char name[64];

    n -= option[n - 1] == '=';
    if (n >= sizeof(name))
        return;
    memcpy(name, option, n);
    name[n] = '\0';
    if (!script_is_replaced(q, name))
        o->f(o->arg, option,
             request_specs[w].type == REQUEST_TYPE_FLAG ? NULL : q->word[w],
             NULL);
}

static void add_requeue(const struct options *o, const resource_request *q)
{
    if (!script_is_replaced(q, "--requeue") &&
        !script_is_replaced(q, "--no-requeue"))
        o->f(o->arg,
             request_flag(q, REQUEST_REQUEUE) ? "--requeue" : "--no-requeue",
             NULL, NULL);
}

static void add_name(const struct options *o, const resource_spec *s)
{
    char name[256];

    if (script_is_replaced(s->request, "--job-name"))
        return;
    script_job_name(s, name, sizeof(name));
    o->f(o->arg, "--job-name=", name, NULL);
}

/* The pilot goes by a clock of its own; this is for the day when that is
 * wrong.  Nobody asked for it, but a time limit was asked for, and without a
 * word ahead of it a pool loses what it has not committed.
 */
static void add_warning(const struct options *o, const resource_request *q)
{
    char value[32];

    if (q->word[REQUEST_SIGNAL] ||
        request_seconds(q, REQUEST_TIME) < WARN_FROM_S ||
        script_is_replaced(q, "--signal"))
        return;
    snprintf(value, sizeof(value), "B:USR1@%d", WARN_S);
    o->f(o->arg, "--signal=", value,
         "A warning ahead of the end, should the pilot's own clock be wrong.");
}

void slurm_options(const resource_spec *s, slurm_option_f f, void *arg)
{
    const struct options o = {f, arg};
    const resource_request *q = s->request;

    add_name(&o, s);
    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        bool flag = request_specs[w].type == REQUEST_TYPE_FLAG;
        if (!q->word[w] || !slurm_words.option[w] || w == REQUEST_JOB_NAME)
            continue;
        if (w == REQUEST_REQUEUE)
            add_requeue(&o, q);
        else if (!flag || request_flag(q, w))
            add_option(&o, q, w);
    }
    add_warning(&o, q);
}

/* A slurm_option_f. */
static void line_add(void *arg, const char *option, const char *value,
                     const char *comment)
{
    text *out = arg;

    if (comment)
        text_add(out, "# %s\n", comment);
    text_add(out, PREFIX "%s", option);
    if (value)
        script_add_value(out, value);
    text_add(out, "\n");
}

int slurm_directives(const resource_spec *s, text *out, pe_error *errp)
{
    if (script_refuse(s->request, &slurm_ops, errp) < 0)
        return -1;
    slurm_options(s, line_add, out);
    return 0;
}
