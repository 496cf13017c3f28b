/* commit_job.c - closed epochs on their way into one commit. */
#include "committer.h"

#include <stdlib.h>
#include <string.h>

#include "src/params/wire.h"

commit_job *commit_job_create(int32_t n_partitions, pe_error *errp)
{
    commit_job *j = calloc(1, sizeof(*j));

    if (j) {
        j->n_partitions = n_partitions;
        j->range = calloc((size_t)n_partitions, sizeof(*j->range));
    }
    if (!j || !j->range) {
        commit_job_destroy(j);
        pe_error_nomem(errp);
        return NULL;
    }
    for (int32_t p = 0; p < n_partitions; p++)
        j->range[p].partition = p;
    return j;
}

void commit_job_destroy(commit_job *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->n_devices; i++)
        free(j->devices[i].device);
    free(j->devices);
    free(j->range);
    pe_delta_destroy(j->delta);
    pe_model_destroy(j->base);
    free(j);
}

void commit_counters_add(params_counters *a, const params_counters *b)
{
    params_counters add = *b;

    for (size_t i = 0; i < PARAMS_N_COUNTERS; i++)
        *params_counter_at(a, i) += *params_counter_at(&add, i);
}

static int grow_devices(commit_job *j, size_t n, pe_error *errp)
{
    params_device *d;

    /* Powers of two: one realloc a doubling, no capacity to keep. */
    if (n && (n & (n - 1)) == 0) {
        d = realloc(j->devices, 2 * n * sizeof(*d));
        if (!d)
            return pe_error_nomem(errp);
        j->devices = d;
    } else if (!n) {
        j->devices = malloc(sizeof(*d));
        if (!j->devices)
            return pe_error_nomem(errp);
    }
    return 0;
}

int commit_job_device(commit_job *j, const params_device *d, pe_error *errp)
{
    params_device *to;

    if (grow_devices(j, j->n_devices, errp) < 0)
        return -1;
    to = &j->devices[j->n_devices];
    *to = *d;
    to->device = strdup(d->device);
    if (!to->device)
        return pe_error_nomem(errp);
    j->n_devices++;
    return 0;
}

static void fold_ranges(commit_job *j, const commit_job *next)
{
    for (int32_t p = 0; p < j->n_partitions; p++) {
        params_range *to = &j->range[p];
        const params_range *g = &next->range[p];

        if (g->from == g->to)
            continue;
        if (to->from == to->to)
            to->from = g->from;
        to->to = g->to;
        to->mark = g->mark;
    }
}

int commit_job_fold(commit_job *j, commit_job *next, pe_error *errp)
{
    if (next->delta && j->delta) {
        if (pe_delta_merge(j->ops, j->delta, next->delta, errp) < 0)
            return -1;
    } else if (next->delta) {
        j->ops = next->ops;
        j->delta = next->delta;
        next->delta = NULL;
    }
    for (size_t i = 0; i < next->n_devices; i++)
        if (commit_job_device(j, &next->devices[i], errp) < 0)
            return -1;
    if (!j->features)
        j->features = next->features;
    j->warm = j->warm || next->warm;
    if (!j->base) {
        j->base = next->base;
        next->base = NULL;
    }
    fold_ranges(j, next);
    commit_counters_add(&j->add, &next->add);
    j->last_epoch = next->last_epoch;
    return 0;
}
