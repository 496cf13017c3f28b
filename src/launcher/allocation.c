/* allocation.c - the job we are in, and the hosts it has. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/launcher/launcher_private.h"

#define NODEFILE_MAX 16777216 /* bytes */

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

static int count_of(const char *name)
{
    int64_t n = 0;

    return text_parse_int(variable(name), &n) == 0 && n > 0 && n < 16777216
               ? (int)n
               : 0;
}

/* Names of a node file, in new memory of [h]: a line for each rank. */
static int nodefile_read(const char *path, hostlist *h, pe_error *errp)
{
    char *data = file_read(path, NODEFILE_MAX, NULL, errp), *save = NULL;
    int r = data ? 0 : -1;

    for (char *line = data ? strtok_r(data, "\n", &save) : NULL; line && r == 0;
         line = strtok_r(NULL, "\n", &save))
        r = hostlist_add(h, line, errp);
    free(data);
    return r;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* How many different names there are; their order is lost. */
static int names_count(hostlist *h)
{
    int n = h->n > 0;

    if (h->n > 0)
        qsort(h->names, h->n, sizeof(*h->names), name_compare);
    for (size_t i = 1; i < h->n; i++)
        n += strcmp(h->names[i - 1], h->names[i]) != 0;
    return n;
}

void launcher_allocation_find(launcher_allocation *a)
{
    const char *slurm = variable("SLURM_JOB_ID"), *pbs = variable("PBS_JOBID");
    hostlist h = {0};

    *a = LAUNCHER_ALONE;
    if (slurm) {
        a->kind = LAUNCHER_SLURM;
        a->nodes = count_of("SLURM_JOB_NUM_NODES");
        a->slots = count_of("SLURM_NTASKS");
        a->hosts = variable("SLURM_JOB_NODELIST");
    } else if (pbs) {
        a->kind = LAUNCHER_PBS;
        a->hosts = variable("PBS_NODEFILE");
        if (a->hosts && nodefile_read(a->hosts, &h, NULL) == 0) {
            a->slots = (int)h.n;
            a->nodes = names_count(&h);
        }
        hostlist_free(&h);
    }
    a->nodes = a->nodes > 0 ? a->nodes : 1;
    if (slurm || pbs)
        snprintf(a->id, sizeof(a->id), "%s", slurm ? slurm : pbs);
}

/* The next of "2(x2),1": its number, and how often; *sp moves behind it. */
static int repeat_next(const char **sp, int64_t *numberp, int64_t *timesp)
{
    char *end;

    if (!isdigit((unsigned char)**sp))
        return -1;
    *numberp = strtol(*sp, &end, 10);
    *timesp = 1;
    if (!strncmp(end, "(x", 2) && isdigit((unsigned char)end[2])) {
        *timesp = strtol(end + 2, &end, 10);
        if (*end++ != ')')
            return -1;
    }
    if (*end && *end != ',')
        return -1;
    *sp = end + (*end == ',');
    return *numberp >= 0 && *numberp < 65536 && *timesp > 0 && *timesp < 65536
               ? 0
               : -1;
}

int launcher_cores_of_job(const launcher_allocation *a)
{
    const char *s = variable("SLURM_JOB_CPUS_PER_NODE");
    int64_t total = 0, cores, times;

    if (a->kind != LAUNCHER_SLURM)
        return 0;
    while (s && *s) {
        if (repeat_next(&s, &cores, &times) < 0)
            return 0;
        total += cores * times;
    }
    return total < 16777216 ? (int)total : 0;
}

/* Append [name] [times] times. */
static int repeat_add(hostlist *h, const char *name, int64_t times,
                      pe_error *errp)
{
    for (; times > 0; times--)
        if (hostlist_add(h, name, errp) < 0)
            return -1;
    return 0;
}

/* Slurm's own count of the ranks of each host, or as even as it can be. */
static int ranks_deal(const launcher_spec *s, const hostlist *names,
                      hostlist *out, pe_error *errp)
{
    const char *told = variable("SLURM_TASKS_PER_NODE");
    int64_t ranks = 0, times = 0, dealt = 0;
    int each = s->ntasks / (int)names->n, more = s->ntasks % (int)names->n;

    for (size_t i = 0; i < names->n; i++, times--) {
        if (times <= 0 && told && repeat_next(&told, &ranks, &times) < 0)
            told = NULL;
        int64_t n = told && times > 0 ? ranks : each + ((int)i < more);
        if (repeat_add(out, names->names[i], n, errp) < 0)
            return -1;
        dealt += n;
    }
    if (dealt >= s->ntasks)
        return 0;
    hostlist_free(out); /* it was asked for less than is started now */
    for (size_t i = 0; i < names->n; i++)
        if (repeat_add(out, names->names[i], each + ((int)i < more), errp) < 0)
            return -1;
    return 0;
}

int launcher_hosts(const launcher_spec *s, const launcher_allocation *a,
                   hostlist *out, pe_error *errp)
{
    hostlist names = {0};
    int r = 0;

    if (!a->hosts)
        return pe_error_set(
            errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
            "job %s does not tell its hosts (%s is not set)", a->id,
            a->kind == LAUNCHER_PBS ? "PBS_NODEFILE" : "SLURM_JOB_NODELIST");
    if (a->kind == LAUNCHER_PBS)
        return nodefile_read(a->hosts, out, errp);
    r = hostlist_add(&names, a->hosts, errp);
    if (r == 0 && names.n > 0)
        r = ranks_deal(s, &names, out, errp);
    hostlist_free(&names);
    return r;
}
