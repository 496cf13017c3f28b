/* slurm_directives.c - a request in sbatch's own words. */
#include <string.h>

#include "src/resource/script.h"
#include "src/resource/slurm_private.h"

#define PREFIX "#SBATCH "
#define WARN_S 60       /* how long ahead Slurm warns: sbatch's default */
#define WARN_FROM_S 180 /* shorter jobs would be warned at their start */

static void add_option(text *out, const resource_request *q,
                       enum request_word w)
{
    const char *option = request_specs[w].slurm, *value = q->word[w];
    size_t n = strlen(option);
    char name[64];

    n -= option[n - 1] == '=';
    if (n >= sizeof(name))
        return;
    memcpy(name, option, n);
    name[n] = '\0';
    if (script_is_replaced(q, name))
        return;
    text_add(out, PREFIX "%s", option);
    if (request_specs[w].type != REQUEST_TYPE_FLAG)
        script_add_value(out, value);
    text_add(out, "\n");
}

static void add_requeue(text *out, const resource_request *q)
{
    const char *name =
        request_flag(q, REQUEST_REQUEUE) ? "--requeue" : "--no-requeue";

    if (!script_is_replaced(q, "--requeue") &&
        !script_is_replaced(q, "--no-requeue"))
        text_add(out, PREFIX "%s\n", name);
}

static void add_name(text *out, const resource_spec *s)
{
    char name[256];

    if (script_is_replaced(s->request, "--job-name"))
        return;
    script_job_name(s, name, sizeof(name));
    text_add(out, PREFIX "--job-name=");
    script_add_value(out, name);
    text_add(out, "\n");
}

/* The pilot goes by a clock of its own; this is for the day when that is
 * wrong.  Nobody asked for it, but a time limit was asked for, and without a
 * word ahead of it a pool loses what it has not committed.
 */
static void add_warning(text *out, const resource_request *q)
{
    if (q->word[REQUEST_SIGNAL] ||
        request_seconds(q, REQUEST_TIME) < WARN_FROM_S ||
        script_is_replaced(q, "--signal"))
        return;
    text_add(out,
             "# A warning ahead of the end, should the pilot's own clock be "
             "wrong.\n" PREFIX "--signal=B:USR1@%d\n",
             WARN_S);
}

int slurm_directives(const resource_spec *s, text *out, pe_error *errp)
{
    const resource_request *q = s->request;

    if (script_refuse(q, "Slurm", false, errp) < 0)
        return -1;
    add_name(out, s);
    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        bool flag = request_specs[w].type == REQUEST_TYPE_FLAG;
        if (!q->word[w] || !request_specs[w].slurm || w == REQUEST_JOB_NAME)
            continue;
        if (w == REQUEST_REQUEUE)
            add_requeue(out, q);
        else if (!flag || request_flag(q, w))
            add_option(out, q, w);
    }
    add_warning(out, q);
    return 0;
}
