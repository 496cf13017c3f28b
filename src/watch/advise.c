/* advise.c - `pilot advise`: where the work of a run had better be. */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/monitor/advice.h"
#include "src/monitor/monitor.h"
#include "src/pipeline/pipeline.h"
#include "src/watch/watch.h"

struct advise_options {
    bool json, help;
};

#define AT(member) offsetof(struct advise_options, member)

static const option_spec options[] = {
    {"json", 'j', OPTION_FLAG, AT(json), NULL, NULL, "print JSON"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[-j] RUN", NULL};

static const option_usage usage = {
    .command = "pilot advise",
    .synopsis = synopsis,
    .prose = "Say on how many ranks, and where, the model of a run had better "
             "be, by what was measured of it.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .operand = "a RUN",
};

/* --- what there is --- */

/* NULL: it is not there, or, which is said, it is no whole object. */
static json_t *file_load(const char *dir, const char *name)
{
    char *path = text_format("%s/%s", dir, name);
    json_t *o = path ? json_load_file(path, 0, NULL) : NULL;

    if (path && !json_is_object(o) && access(path, F_OK) == 0) {
        log_warn("%s is left out: it is no whole object of JSON; put a copy of "
                 "it back, or move it away",
                 path);
        json_decref(o);
        o = NULL;
    }
    free(path);
    return o;
}

/* What a pilot has told of itself: all, when it has ended, else of the last
 * seconds; of devices that sense nothing any more, while the pool goes on with
 * what they have sent, of the time in which they did.
 */
static json_t *told_of(const json_t *beat)
{
    const json_t *progress = json_object_get(beat, "progress");
    json_t *final = json_object_get(beat, "final");
    json_t *last = json_object_get(progress, "last");
    json_t *all = json_object_get(progress, "all");
    const json_t *blocks = json_object_get(last, "blocks");

    if (final)
        return final;
    return all && json_number_value(json_object_get(blocks, "sensed")) <= 0
               ? all
               : last;
}

/* Figures of pilots that live, as their newest beats on this host have them. */
static json_t *living(const char *dir)
{
    json_t *detail = json_object(), *beat, *told;
    DIR *d = opendir(dir);
    const struct dirent *e;

    while (d && (e = readdir(d))) {
        char *of = text_format("%s/%s", dir, e->d_name);

        beat = of && *e->d_name != '.' ? file_load(of, "beat.json") : NULL;
        told = told_of(beat);
        if (told)
            json_object_set(detail, e->d_name, told);
        if (told && json_object_get(beat, "layer"))
            json_object_set(told, "layer", json_object_get(beat, "layer"));
        json_decref(beat);
        free(of);
    }
    if (d)
        closedir(d);
    return detail;
}

static json_t *verdict_of(const json_t *detail)
{
    json_t *pools = json_array(), *edges = json_array(), *event, *v;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)detail, name, event)
    {
        if (json_object_get(event, "ranks"))
            json_array_append(pools, event);
        else if (json_object_get(event, "devices"))
            json_array_append(edges, event);
    }
    v = monitor_verdict(pools, edges, (int)sysconf(_SC_NPROCESSORS_ONLN));
    json_decref(pools);
    json_decref(edges);
    return v;
}

/* Of a pool of this host; 0: it lives elsewhere. */
static int cores_of(const pipeline_pilot *pool)
{
    return pool->same_host ? (int)sysconf(_SC_NPROCESSORS_ONLN) : 0;
}

/* The first pool of layer [layer]; of the first one where that is NULL. */
static const pipeline_pilot *pool_of(const pipeline *p, const char *layer)
{
    for (size_t i = 0; layer && i < p->n_pilots; i++)
        if (p->pilots[i].kind == PILOT_POOL &&
            !strcmp(p->pilots[i].name, layer))
            return &p->pilots[i];
    return pipeline_pilot_of(p, PILOT_POOL);
}

/* Without pools of other layers than [layer]: more ranks are for that one. */
static json_t *of_layer(const json_t *detail, const char *layer)
{
    json_t *o = json_object(), *event;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)detail, name, event)
    {
        const char *own = json_string_value(
            json_object_get(json_object_get(event, "layer"), "name"));

        if (!layer || !own || !strcmp(own, layer))
            json_object_set(o, name, event);
    }
    return o;
}

/* Of the pipeline, with the pool of layer [layer]; NULL with the error: its
 * file, or a function, is gone.
 */
static json_t *facts_of(const char *dir, const char *layer, pe_error *errp)
{
    pipeline_request *q = pipeline_request_read(dir, errp);
    pipeline *p = q ? pipeline_load(q->file, (const char *const *)q->overrides,
                                    q->n_overrides, errp)
                    : NULL;
    const pipeline_pilot *pool = p ? pool_of(p, layer) : NULL;
    json_t *o = NULL;
    pipeline of;
    int stages = 0;

    for (size_t i = 0; p && i < p->n_stages; i++)
        stages += p->stages[i].role == STAGE_EDGE;
    if (p) {
        pipeline_peek(p, NULL, pool ? pipeline_layer_of(p, pool) : 0, &of,
                      NULL);
        o = json_pack("{s:i, s:i, s:s, s:s, s:s, s:i}", "cores",
                      pool ? cores_of(pool) : 0, "partitions", of.partitions,
                      "compression", of.compression ? of.compression : "none",
                      "stream", of.stream_name ? of.stream_name : "", "pool",
                      pool ? pool->name : "", "stages", stages);
    }
    pipeline_destroy(p);
    pipeline_request_destroy(q);
    return o;
}

/* The advice for the run in [dir]; NULL with the error. */
static json_t *advice_of(const char *dir, const char *run, pe_error *errp)
{
    json_t *summary = file_load(dir, "summary.json"), *facts, *o = NULL;
    json_t *detail = json_incref(json_object_get(summary, "detail"));
    json_t *verdict = json_incref(json_object_get(summary, "verdict")), *own;
    const char *layer;

    if (!detail)
        detail = living(dir);
    if (!verdict)
        verdict = verdict_of(detail);
    layer = json_string_value(json_object_get(verdict, "layer"));
    own = of_layer(detail, layer);
    facts = facts_of(dir, layer, errp);
    if (facts && json_object_size(detail) == 0)
        pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                     "run %s has no summary, and its pilots have left no "
                     "figures on this host: ask again when it has ended",
                     run);
    else if (facts)
        o = monitor_advice(own, verdict, facts);
    if (facts && o) {
        json_object_set_new(o, "run", json_string(run));
        json_object_set_new(o, "over", json_boolean(summary != NULL));
        json_object_set(o, "verdict", json_object_get(verdict, "text"));
    }
    json_decref(facts);
    json_decref(own);
    json_decref(verdict);
    json_decref(detail);
    json_decref(summary);
    return o;
}

/* --- for people --- */

static const char *word(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "";
}

static double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static void headline(const json_t *o)
{
    static const struct {
        const char *advice, *words;
    } heads[] = {
        {"leave", "leave it as it is"},
        {"more-ranks", "more ranks"},
        {"fewer-ranks", "fewer ranks"},
        {"hybrid", "compress on devices, the model in the pool"},
        {"edge", "the model on devices"},
        {"cloud", "stages of devices into the pool"},
        {"unknown", "none"},
    };
    const json_t *ranks = json_object_get(o, "ranks");

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        if (!strcmp(heads[i].advice, word(o, "advice")))
            printf("advice    %s\n", heads[i].words);
    printf("because   %s\n", word(o, "text"));
    printf("ranks     %.0f now, %.0f advised: %.3g for each partition\n",
           number(ranks, "now"), number(ranks, "advised"),
           number(ranks, "per_partition"));
}

static void print_plain(const json_t *o)
{
    const json_t *place, *words;
    const char *label = "places", *name;
    size_t i;

    headline(o);
    json_object_foreach((json_t *)json_object_get(o, "placements"), name, place)
    {
        printf("%-10s%-7s %.3g blocks/s, bound by %s: %s\n", label, name,
               number(place, "blocks_per_s"), word(place, "bound"),
               word(place, "text"));
        label = "";
    }
    label = "unknown";
    json_array_foreach(json_object_get(o, "not_measured"), i, words)
    {
        printf("%-10s%s\n", label, json_string_value(words));
        label = "";
    }
    printf("verdict   %s\n", word(o, "verdict"));
    json_array_foreach(json_object_get(o, "try"), i, words)
        printf("try       %s\n", json_string_value(words));
    if (json_is_false(json_object_get(o, "over")))
        printf("note      of the last seconds of a run that is not over\n");
}

static int advise_do(const struct advise_options *o, const char *run)
{
    pe_error e = {0};
    char *home = locate_home(&e);
    char *dir = home ? locate_run(home, run, &e) : NULL;
    json_t *advice = dir ? advice_of(dir, run, &e) : NULL;
    char *json = advice && o->json
                     ? json_dumps(advice, JSON_INDENT(2) | JSON_PRESERVE_ORDER |
                                              JSON_REAL_PRECISION(6))
                     : NULL;

    if (home && !dir && e.kind == PE_ERROR_NONE)
        pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no run %s in %s; 'pilot runs' lists them", run,
                     home);
    if (json)
        puts(json);
    else if (advice)
        print_plain(advice);
    free(json);
    free(dir);
    free(home);
    if (!advice)
        return log_failure(&e);
    json_decref(advice);
    return PE_EXIT_OK;
}

int watch_advise(int argc, char **argv)
{
    struct advise_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0)
        return log_failure(&e);
    return advise_do(&o, argv[first]);
}
