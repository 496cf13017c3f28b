/* commit_job.c - closed epochs on their way into one commit. */
#include "committer.h"

#include <stdlib.h>
#include <string.h>

commit_job *commit_job_create(int32_t n_partitions, pe_error *errp)
{
    commit_job *j = calloc(1, sizeof(*j));

    if (j) {
        j->n_partitions = n_partitions;
        j->from = calloc((size_t)n_partitions, sizeof(*j->from));
        j->to = calloc((size_t)n_partitions, sizeof(*j->to));
        j->mark = calloc((size_t)n_partitions, sizeof(*j->mark));
    }
    if (!j || !j->from || !j->to || !j->mark) {
        commit_job_destroy(j);
        pe_error_nomem(errp);
        return NULL;
    }
    return j;
}

void commit_job_destroy(commit_job *j)
{
    if (!j)
        return;
    for (size_t i = 0; i < j->n_devices; i++)
        free(j->devices[i].device);
    free(j->devices);
    free(j->from);
    free(j->to);
    free(j->mark);
    pe_delta_destroy(j->delta);
    pe_model_destroy(j->base);
    free(j);
}

void commit_counters_add(params_counters *a, const params_counters *b)
{
    a->applied += b->applied;
    a->refused += b->refused;
    a->refused_own += b->refused_own;
    a->deduplicated += b->deduplicated;
    a->foreign += b->foreign;
    a->points += b->points;
    a->masked += b->masked;
    a->outliers += b->outliers;
    a->bytes += b->bytes;
    a->unscored += b->unscored;
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

int commit_job_device(commit_job *j, const char *name, size_t len,
                      int32_t partition, uint64_t boot, uint64_t seq,
                      pe_error *errp)
{
    params_device *d;

    if (grow_devices(j, j->n_devices, errp) < 0)
        return -1;
    d = &j->devices[j->n_devices];
    d->device = strndup(name, len);
    if (!d->device)
        return pe_error_nomem(errp);
    d->partition = partition;
    d->boot = boot;
    d->seq = seq;
    j->n_devices++;
    return 0;
}

static void fold_ranges(commit_job *j, const commit_job *next)
{
    for (int32_t p = 0; p < j->n_partitions; p++) {
        if (next->from[p] == next->to[p])
            continue;
        if (j->from[p] == j->to[p])
            j->from[p] = next->from[p];
        j->to[p] = next->to[p];
        j->mark[p] = next->mark[p];
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
    for (size_t i = 0; i < next->n_devices; i++) {
        const params_device *d = &next->devices[i];

        if (commit_job_device(j, d->device, strlen(d->device), d->partition,
                              d->boot, d->seq, errp) < 0)
            return -1;
    }
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
