/* plan.c - what would start where, as text. */
#include "pipeline_private.h"

#include <string.h>

#include "src/common/text.h"
#include "src/model/path.h"
#include "src/place/place.h"

#define MANAGED "the kept services, else managed ones"

/* Width of the column of names. */
static int name_width(const pipeline *p)
{
    size_t width = strlen("partition");

    for (size_t i = 0; i < p->n_pilots; i++)
        if (strlen(p->pilots[i].name) > width)
            width = strlen(p->pilots[i].name);
    for (size_t i = 0; i < p->n_stages; i++)
        if (strlen(p->stages[i].name) > width)
            width = strlen(p->stages[i].name);
    return (int)width;
}

/* Width of the column of kinds. */
static int kind_width(const pipeline *p)
{
    return (int)strlen(pilot_kind_name(pipeline_pilot_of(p, PILOT_ALLOCATION)
                                           ? PILOT_ALLOCATION
                                           : PILOT_PARAMS));
}

static const char *place_of(const pipeline *p, const pipeline_pilot *k)
{
    return k->within >= 0 ? p->pilots[k->within].name : k->resources[0];
}

static void print_pilot(const pipeline *p, const pipeline_pilot *k, int width,
                        FILE *f)
{
    int n = (int)k->n_resources;

    fprintf(f, "  %-*s  %-*s  %s%s  ", width, k->name, kind_width(p),
            pilot_kind_name(k->kind), k->within >= 0 ? "in " : "",
            place_of(p, k));
    if (k->kind == PILOT_POOL)
        fprintf(f, "%d MPI rank%s of %d core%s\n", k->ntasks, text_s(k->ntasks),
                k->cpus_per_task, text_s(k->cpus_per_task));
    else if (k->kind == PILOT_EDGE && n > 1)
        fprintf(f, "and %d more, %d device%s each\n", n - 1, k->devices,
                text_s(k->devices));
    else if (k->kind == PILOT_EDGE)
        fprintf(f, "%d device%s\n", k->devices, text_s(k->devices));
    else if (k->kind == PILOT_ALLOCATION)
        fprintf(f, "one job for what is within\n");
    else
        fprintf(f, "%s\n",
                k->endpoint         ? k->endpoint
                : k->resource_given ? "managed, started there"
                                    : MANAGED);
}

/* A service the file leaves out is there all the same. */
static void print_left_out(const pipeline *p, enum pilot_kind kind, int width,
                           FILE *f)
{
    if (!pipeline_is_local(p) && !pipeline_pilot_of(p, kind))
        fprintf(f, "  %-*s  %-*s  local://  " MANAGED "\n", width, "-",
                kind_width(p), pilot_kind_name(kind));
}

static void print_pilots(const pipeline *p, int width, FILE *f)
{
    fprintf(f, "\nPilots\n");
    for (size_t i = 0; i < p->n_pilots; i++)
        print_pilot(p, &p->pilots[i], width, f);
    print_left_out(p, PILOT_BROKER, width, f);
    print_left_out(p, PILOT_PARAMS, width, f);
}

/* The kernels that would run if the ranks were on this machine. */
static void print_kernels(const pipeline *p, FILE *f)
{
    pe_error e = {0};

    if (pipeline_use_kernel(p, &e) == 0)
        fprintf(f, ", kernels %s here", path_name(path_now()));
    else
        fputs(", by kernels that this machine does not run", f);
}

static void print_wished(void *arg, const char *key, const char *value)
{
    fprintf(arg, ", %s %s", key, value);
}

static void print_stages(const pipeline *p, int width, FILE *f)
{
    fprintf(f, "\nStages\n");
    for (size_t i = 0; i < p->n_stages; i++) {
        const pipeline_stage *s = &p->stages[i];
        fprintf(f, "  %-*s  %s on %s%s", width, s->name, s->function,
                s->n_learners ? "devices, merged on " : "",
                p->pilots[s->pilots[0]].name);
        for (size_t k = 1; k < s->n_pilots; k++)
            fprintf(f, " and %s", p->pilots[s->pilots[k]].name);
        if (s->from >= 0)
            fprintf(f, ", from %s", p->stages[s->from].name);
        if (s->prefer)
            place_wish_each(s->prefer, print_wished, f);
        if (s == pipeline_last_stage(p) && pipeline_is_ordered(p))
            fprintf(f, "; one rank alone holds its object");
        else if (s->is_model)
            print_kernels(p, f);
        fputc('\n', f);
    }
}

/* Of the first [devices], those of partition [k]. */
static void print_devices(const pipeline *p, int k, int devices, FILE *f)
{
    const char *sep = "";
    char name[128];

    for (int d = 0; d < devices; d++)
        if (pipeline_partition(p, d) == k) {
            pipeline_device_name(p, d, name, sizeof(name));
            fprintf(f, "%s%s", sep, name);
            sep = ", ";
        }
}

/* Of a stream between two layers devices keep their partition, modulo. */
static void print_partition(const pipeline *p, int k, int width, FILE *f)
{
    int devices = pipeline_is_local(p) ? 0 : pipeline_devices(p);
    size_t first = pipeline_layer_first(p, p->seen);
    const pipeline_stage *s = first < p->n_stages ? &p->stages[first] : NULL;

    if (s && s->n_pilots == 1)
        fprintf(f, "  %-*d  %-4d  ", width, k,
                pipeline_owner(k, p->pilots[s->pilots[0]].ntasks));
    else /* by leases, as they come up; or somebody else's */
        fprintf(f, "  %-*d  %-4s  ", width, k, s ? "*" : "-");
    if (pipeline_is_local(p))
        fprintf(f, "(the source runs in the rank)");
    else if (p->seen > 0)
        fprintf(f, "(of '%s', modulo %d)", p->streams[p->seen - 1].name,
                p->partitions);
    else if (k >= devices)
        fputc('-', f);
    print_devices(p, k, p->seen == 0 ? devices : 0, f);
    fputs(k < p->urgent ? "  urgent\n" : "\n", f);
}

static void print_map(const pipeline *p, int width, FILE *f)
{
    fprintf(f, "\nMap");
    if (p->n_streams > 1)
        fprintf(f, " of '%s', into %s", p->stream_name,
                pipeline_layer_name(p, p->seen));
    fprintf(f, "\n  %-*s  rank  devices\n", width, "partition");
    for (int k = 0; k < p->partitions; k++)
        print_partition(p, k, width, f);
}

static void print_topic(const pipeline *p, const char *run, FILE *f)
{
    char topic[256];

    pipeline_topic(p, run, "", topic, sizeof(topic));
    fprintf(f, "  %s  %d partition%s, records to %llu bytes%s%s\n", topic,
            p->partitions, text_s(p->partitions),
            (unsigned long long)p->message_bytes,
            p->stream_broker ? ", at " : "",
            p->stream_broker ? p->stream_broker : "");
    if (p->results) {
        pipeline_topic(p, run, PIPELINE_RESULTS, topic, sizeof(topic));
        fprintf(f, "  %s\n", topic);
    }
    pipeline_topic(p, run, PIPELINE_REFUSED, topic, sizeof(topic));
    fprintf(f, "  %s\n", topic);
}

static void print_streams(const pipeline *p, const char *run, int width,
                          FILE *f)
{
    pipeline of;

    for (size_t k = 0; k < p->n_streams; k++) {
        pipeline_peek(p, NULL, k, &of, NULL);
        print_map(&of, width, f);
    }
    fprintf(f, "\nTopics\n");
    if (pipeline_is_local(p)) {
        fprintf(f, "  none: the source runs in the pool\n");
        return;
    }
    for (size_t k = 0; k < p->n_streams; k++) {
        pipeline_peek(p, NULL, k, &of, NULL);
        print_topic(&of, run, f);
    }
}

static void print_keys(const pipeline *p, const char *run, FILE *f)
{
    char key[512];

    fprintf(f, "\nRedis keys\n");
    if (pipeline_is_local(p)) {
        fprintf(f, "  none: nothing is kept; exactly-once: off\n");
        return;
    }
    for (size_t i = 0; params_key_word(i); i++)
        fprintf(f, "  pilot:{%s}:%s\n", run, params_key_word(i));
    for (size_t k = 0; k + 1 < p->n_streams; k++) {
        pipeline_layer_key(p, run, k, key, sizeof(key));
        fprintf(f, "  pilot:{%s}:..., of layer %s\n", key,
                pipeline_layer_name(p, k));
    }
}

void pipeline_print_plan(const pipeline *p, const char *run, void *file)
{
    FILE *f = file;
    int width = name_width(p);

    fprintf(f, "Pipeline %s of %s, run %s\n", p->name, p->file, run);
    print_pilots(p, width, f);
    print_stages(p, width, f);
    print_streams(p, run, width, f);
    print_keys(p, run, f);
    fprintf(f, "\n# Every key with its value, as a pipeline file\n");
    pipeline_print_config(p, f);
}
