/* plan.c - what would start where, as text. */
#include "pipeline.h"

#include <stdio.h>

static void print_pilots(const pipeline *p, FILE *f)
{
    fprintf(f, "pilots:\n");
    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];

        fprintf(f, "  %-12s %-7s %-10s", k->name, pilot_kind_name(k->kind),
                k->resource);
        switch (k->kind) {
        case PILOT_POOL:
            fprintf(f, " %d MPI ranks, %d core%s each\n", k->ntasks,
                    k->cpus_per_task, k->cpus_per_task > 1 ? "s" : "");
            break;
        case PILOT_EDGE:
            fprintf(f, " %d device%s, queue %llu bytes each, full: %s\n",
                    k->devices, k->devices > 1 ? "s" : "",
                    (unsigned long long)k->queue_bytes,
                    k->full_drop ? "drop" : "block");
            break;
        case PILOT_BROKER:
        case PILOT_PARAMS:
            fprintf(f, " %s\n",
                    k->endpoint ? k->endpoint
                                : "the kept services, else managed");
            break;
        }
    }
}

static void print_option(void *arg, const char *name, const char *value)
{
    fprintf(arg, " %s=%s", name, value);
}

static void print_stages(const pipeline *p, FILE *f)
{
    fprintf(f, "stages:\n");
    for (size_t i = 0; i < p->n_stages; i++) {
        const pipeline_stage *s = &p->stages[i];

        fprintf(f, "  %-12s %-12s on %s:", s->name, s->function,
                p->pilots[s->pilot].name);
        if (s->role == STAGE_SOURCE)
            fprintf(f, " points=%u within=%gs rate=%g", s->points, s->within_s,
                    s->rate);
        pe_options_each(s->options, print_option, f);
        fprintf(f, "\n");
    }
}

static void print_partition(const pipeline *p, int k, int devices, int ranks,
                            FILE *f)
{
    char name[128];

    fprintf(f, "  %9d  %4d  ", k, pipeline_owner(k, ranks));
    if (devices == 0)
        fprintf(f, "(the source runs in the rank)");
    for (int d = k; d < devices; d += p->partitions) {
        pipeline_device_name(p, d, name, sizeof(name));
        fprintf(f, "%s%s", d == k ? "" : ", ", name);
    }
    fprintf(f, "\n");
}

static void print_map(const pipeline *p, FILE *f)
{
    int ranks = pipeline_pilot_of(p, PILOT_POOL)->ntasks;
    int devices = pipeline_is_local(p) ? 0 : pipeline_devices(p);

    fprintf(f, "map:\n  partition  rank  devices\n");
    for (int k = 0; k < p->partitions; k++)
        print_partition(p, k, devices, ranks, f);
}

static void print_names(const pipeline *p, const char *run, FILE *f)
{
    char topic[256];

    if (pipeline_is_local(p)) {
        fprintf(f, "topics: none; keys: none; exactly-once: off\n");
        return;
    }
    pipeline_topic(p, run, "", topic, sizeof(topic));
    fprintf(f,
            "topics:\n  %s (%d partitions, records to %llu bytes, %s, "
            "compression %s)\n",
            topic, p->partitions, (unsigned long long)p->message_bytes,
            p->dtype == PE_F4 ? "f4" : "f8", p->compression);
    if (p->results)
        fprintf(f, "  %s.results\n", topic);
    fprintf(f, "  %s.refused\n", topic);
    fprintf(f,
            "keys:\n  pilot:{%s}:state, :model, :offsets, :devices, "
            ":ends, :announce, :control, :shared\n",
            run);
}

static void print_rest(const pipeline *p, FILE *f)
{
    if (p->epoch_blocks)
        fprintf(f, "epoch: %llu blocks\n", (unsigned long long)p->epoch_blocks);
    else
        fprintf(f, "epoch: %g ms\n", p->epoch_s * 1000);
    fprintf(f, "results: %s\nuntil: %s\n", p->results ? "topic" : "off",
            p->until_eof ? "eof" : "end");
    for (size_t i = 0; i < p->n_context; i++)
        fprintf(f, "context: %s=%s\n", p->context_keys[i],
                p->context_values[i]);
}

void pipeline_print_plan(const pipeline *p, const char *run, void *file)
{
    FILE *f = file;

    fprintf(f, "pipeline: %s (%s)\nrun: %s\n", p->name, p->file, run);
    print_pilots(p, f);
    print_stages(p, f);
    print_map(p, f);
    print_names(p, run, f);
    print_rest(p, f);
}
