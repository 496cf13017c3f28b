/* verdict.c - which hop bounds a run, and how far the others are from it. */
#include "monitor.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "src/common/text.h"
#include "src/monitor/shares.h"
#include "src/monitor/value.h"

/* Below BUSY nothing was at its limit; sources that are waited for are the
 * reason when that took more than WAITED of the time.  Less than SEEN is
 * noise, and no headroom is claimed from it.
 */
#define BUSY 0.5
#define FULL 0.8
#define WAITED 0.1
#define SEEN 0.01

/* What takes no longer is start and end: of such a run no hop can be blamed. */
#define SHORT_S 0.25

/* The pool and its makers of commits are worth a word beside another hop. */
#define TOLD 0.1

static const char *const hop_names[HOPS] = {
    [HOP_EDGE] = "edge",     [HOP_LINK] = "link",     [HOP_BROKER] = "broker",
    [HOP_FETCH] = "fetch",   [HOP_KERNEL] = "kernel", [HOP_REDUCE] = "reduce",
    [HOP_PARAMS] = "params",
};

/* --- headroom --- */

/* What the pool as one has to do: functions and records. */
static bool is_pool(int hop)
{
    return hop == HOP_KERNEL || hop == HOP_FETCH;
}

/* "; edge has 3.1x headroom", of the first one; then ", broker 2.0x". */
static void room_add(text *t, int *np, const char *name, double use)
{
    text_add(t, (*np)++ == 0 ? "; %s has %.1fx headroom" : ", %s %.1fx", name,
             1 / use);
}

static bool is_seen(const struct shares *s, int hop)
{
    return s->known[hop] && s->use[hop] >= SEEN;
}

/* Of all hops but [but], of which the sentence has told; of the pool as one. */
static void headroom_add(text *t, const struct shares *s, int but)
{
    static const int way[] = {HOP_EDGE, HOP_LINK, HOP_BROKER};
    static const int end[] = {HOP_REDUCE, HOP_PARAMS};
    int n = 0;

    for (size_t i = 0; i < sizeof(way) / sizeof(way[0]); i++)
        if (way[i] != but && is_seen(s, way[i]))
            room_add(t, &n, hop_names[way[i]], s->use[way[i]]);
    if (!is_pool(but) && s->known[HOP_KERNEL] && s->pool >= SEEN)
        room_add(t, &n, "pool", s->pool);
    for (size_t i = 0; i < sizeof(end) / sizeof(end[0]); i++)
        if (end[i] != but && s->use[end[i]] >= TOLD)
            room_add(t, &n, hop_names[end[i]], s->use[end[i]]);
}

static void idle_add(text *t, const struct shares *s, int but)
{
    bool edges = s->known[HOP_EDGE];

    if (but != HOP_EDGE && edges && s->use[HOP_EDGE] < SEEN)
        text_add(t, "; the edge was idle");
    /* By blocks it was, where they were late. */
    if (but != HOP_BROKER && but != HOP_LINK && edges && s->blocked < SEEN &&
        s->use[HOP_BROKER] < SEEN && s->late_ms <= 0)
        text_add(t, "; the broker was never waited for");
    if (!is_pool(but) && s->known[HOP_KERNEL] && s->pool < SEEN)
        text_add(t, "; the pool was idle");
}

static json_t *room_of(bool known, double use)
{
    return known && use >= SEEN ? json_real(1 / use) : json_null();
}

static json_t *headroom_make(const struct shares *s)
{
    json_t *out = json_object();

    for (int i = 0; i < HOPS; i++)
        json_object_set_new(out, hop_names[i], room_of(s->known[i], s->use[i]));
    json_object_set_new(out, "pool", room_of(s->known[HOP_KERNEL], s->pool));
    return out;
}

/* --- what bounds it, a sentence each --- */

/* Milliseconds for people. */
static void ms_add(text *t, double ms)
{
    if (ms < 10)
        text_add(t, "%.1f ms", ms);
    else if (ms < 1e3)
        text_add(t, "%.0f ms", ms);
    else
        text_add(t, "%.1f s", ms / 1e3);
}

/* How long either side waits for the broker; [own] is the one that does. */
static void answers_add(text *t, const struct answers *own, const char *who,
                        const struct answers *other, const char *whom)
{
    if (!own->known)
        return;
    text_add(t, ", the broker's answers take ");
    ms_add(t, own->quick_ms);
    text_add(t, " to ");
    ms_add(t, own->slow_ms);
    text_add(t, " for %s", who);
    if (other->known) {
        text_add(t, " and ");
        ms_add(t, other->quick_ms);
        text_add(t, " to ");
        ms_add(t, other->slow_ms);
        text_add(t, " for %s", whom);
    }
    if (own->throttle_ms >= 1)
        text_add(t, ", of it %.0f ms by a quota", own->throttle_ms);
}

static void edge_add(text *t, const struct shares *s)
{
    text_add(t, "the edge is %.0f%% busy", 100 * s->use[HOP_EDGE]);
}

static void way_add(text *t, const struct shares *s)
{
    if (s->starved > s->blocked && s->starved > s->dropped)
        text_add(t,
                 "ranks wait %.0f%% of the time for records that the topic has",
                 100 * s->starved);
    else if (s->dropped > s->blocked)
        text_add(t,
                 "devices drop %.0f%% of their blocks, which the broker does "
                 "not take in time",
                 100 * s->dropped);
    else
        text_add(t, "devices wait for the broker %.0f%% of the time",
                 100 * s->blocked);
    if (s->starved > s->blocked && s->starved > s->dropped)
        answers_add(t, &s->ranks, "ranks", &s->edge, "devices");
    else
        answers_add(t, &s->edge, "devices", &s->ranks, "ranks");
}

static void fetch_add(text *t, const struct shares *s)
{
    if (s->starved >= s->pool)
        way_add(t, s);
    else
        text_add(t,
                 "ranks take records %.0f%% of the time and are in functions "
                 "%.0f%%",
                 100 * s->taking, 100 * s->kernel);
}

static void kernel_add(text *t, const struct shares *s)
{
    text_add(t, "the pool is %.0f%% busy", 100 * s->pool);
    if (s->taking >= SEEN)
        text_add(t, " (%.0f%% in functions, %.0f%% with records)",
                 100 * s->kernel, 100 * s->taking);
}

/* "...: a commit takes 410 ms, 95% of it Redis" */
static void commit_add(text *t, const struct shares *s)
{
    if (s->held > TOLD)
        text_add(t,
                 "ranks wait %.0f%% of the time for the commit of the epoch "
                 "before, and",
                 100 * s->held);
    else
        text_add(t, "a commit begins when the one before is done, and");
    text_add(t, " one takes ");
    ms_add(t, s->commit_ms);
    text_add(t, ", of which Redis has %.0f%%", 100 * s->store);
}

static void reduce_add(text *t, const struct shares *s)
{
    if (s->epochs >= BUSY * s->use[HOP_REDUCE])
        text_add(t, "ranks are in epochs %.0f%% of the time", 100 * s->epochs);
    else
        commit_add(t, s);
}

static const struct {
    const char *bound; /* it is the bottleneck */
    void (*add)(text *t, const struct shares *s);
} hops[HOPS] = {
    [HOP_EDGE] = {"edge-bound", edge_add},
    [HOP_LINK] = {"link-bound", way_add},
    [HOP_BROKER] = {"broker-bound", way_add},
    [HOP_FETCH] = {"fetch-bound", fetch_add},
    [HOP_KERNEL] = {"processing-bound", kernel_add},
    [HOP_REDUCE] = {"reduce-bound", reduce_add},
    [HOP_PARAMS] = {"params-bound", commit_add},
};

/* The hop nearest to its limit; -1 when nothing was measured.  Commits hold up
 * nobody where ranks need not wait for them: of two at their limit it is the
 * one that blocks pass first.
 */
static int top_of(const struct shares *s)
{
    int top = -1;

    for (int i = 0; i < HOP_REDUCE; i++)
        if (s->known[i] && (top < 0 || s->use[i] > s->use[top]))
            top = i;
    for (int i = HOP_REDUCE; top >= 0 && i < HOPS; i++)
        if (s->known[i] && s->use[i] >= BUSY && s->use[i] > s->use[top] &&
            s->use[top] < FULL)
            top = i;
    return top;
}

/* [ms] for "... or longer": rounded down, or it would not be true. */
static void at_least(double ms, char *out, size_t cap)
{
    if (ms < 1e3)
        snprintf(out, cap, "%.0f ms", floor(ms));
    else
        snprintf(out, cap, "%.1f s", floor(ms / 100) / 10);
}

static bool is_start(const struct shares *s)
{
    return s->late_ms > 0 && s->start_ms >= s->late_ms / 2;
}

static const char *start_add(text *t, const struct shares *s, int *butp)
{
    char late[32], start[32];

    at_least(s->late_ms, late, sizeof(late));
    at_least(s->start_ms, start, sizeof(start));
    *butp = HOP_KERNEL;
    text_add(t,
             "start-bound: the first block waited %s for the pool to come up, "
             "half of all %s or longer",
             start, late);
    return "start";
}

/* Blocks were long on their way, and not because a hop was near its limit:
 * ranks waited for each other, or it was the broker, and with it the cores that
 * all of them share.
 */
static const char *late_add(text *t, const struct shares *s, int *butp)
{
    char late[32];

    at_least(s->late_ms, late, sizeof(late));
    *butp = HOP_KERNEL;
    if (s->pool + s->epochs >= BUSY) {
        bool epochs = s->epochs > s->pool;
        text_add(t,
                 "%s: half of the blocks waited %s or longer for a rank, with "
                 "ranks %.0f%% busy and %.0f%% in epochs",
                 hops[epochs ? HOP_REDUCE : HOP_KERNEL].bound, late,
                 100 * s->pool, 100 * s->epochs);
        return hop_names[epochs ? HOP_REDUCE : HOP_KERNEL];
    }
    *butp = (int)s->way;
    text_add(t,
             "%s: half of the blocks were %s or longer on their way from a "
             "device to a rank",
             hops[s->way].bound, late);
    if (s->way == HOP_FETCH)
        answers_add(t, &s->ranks, "ranks", &s->edge, "devices");
    else
        answers_add(t, &s->edge, "devices", &s->ranks, "ranks");
    return hop_names[s->way];
}

/* Nothing but the first commits was waited for. */
static bool is_short(const struct shares *s)
{
    return s->seconds > 0 && s->seconds < SHORT_S && !is_start(s);
}

/* Begin the sentence; returns the bottleneck.  *butp: the hop the sentence
 * has told of, -1: none.
 */
static const char *bound_add(text *t, const struct shares *s, int *butp)
{
    int top = top_of(s);

    *butp = -1;
    if (top < 0) {
        text_add(t, "no verdict: nothing was measured");
        return "unknown";
    }
    if (is_short(s)) {
        text_add(t, "too short to tell: the pool was done with all blocks in ");
        ms_add(t, 1e3 * s->seconds);
        return "none";
    }
    if (s->use[top] < FULL && is_start(s))
        return start_add(t, s, butp);
    if (s->use[top] < BUSY && s->late_ms > 0)
        return late_add(t, s, butp);
    /* A source that has its pace is not what blocks are late by. */
    if (s->use[top] < FULL && s->late_ms <= 0 && s->paced > WAITED) {
        text_add(t,
                 "source-bound (rate): the sources are waited for %.0f%% of "
                 "the time",
                 100 * s->paced);
        return "source";
    }
    *butp = top;
    text_add(t, "%s: ",
             s->use[top] < BUSY ? "nothing is at its limit" : hops[top].bound);
    hops[top].add(t, s);
    return s->use[top] < BUSY ? "none" : hop_names[top];
}

/* Of pools that may be there at once; [layer]: their name, NULL: the run. */
static json_t *verdict_make(const struct shares *s, const char *layer)
{
    text t = {0};
    int but;

    if (layer)
        text_add(&t, "layer %s: ", layer);
    const char *bottleneck = bound_add(&t, s, &but);
    if (!is_short(s)) {
        headroom_add(&t, s, but);
        idle_add(&t, s, but);
    }
    json_t *out = NULL;
    if (!t.failed)
        out = json_pack("{s:s, s:o, s:s, s:s*}", "bottleneck", bottleneck,
                        "headroom", headroom_make(s), "text", t.data, "layer",
                        layer);
    text_free(&t);
    return out;
}

/* --- several layers: the one that is nearest to its limit --- */

static const json_t *layer_of(const json_t *pool)
{
    return json_object_get(pool, "layer");
}

static int layers_of(const json_t *pools)
{
    int of = 0;
    const json_t *pool;
    size_t i;

    json_array_foreach(pools, i, pool)
    {
        int n = (int)value_int(layer_of(pool), "of");

        of = n > of ? n : of;
    }
    return of;
}

/* Pools of layer [index], in a new array; *namep: what it is called. */
static json_t *pools_of(const json_t *pools, int index, const char **namep)
{
    json_t *list = json_array();
    const json_t *pool;
    size_t i;

    json_array_foreach(pools, i, pool)
    {
        if (!layer_of(pool) || value_int(layer_of(pool), "index") != index)
            continue;
        *namep = value_text(layer_of(pool), "name", "?");
        json_array_append(list, (json_t *)(uintptr_t)pool);
    }
    return list;
}

/* A layer, by itself.  Devices send to the first one alone. */
struct one {
    const char *name; /* NULL: none of its pools has told anything */
    struct shares s;
    double use; /* of its hop that is nearest to its limit */
};

static struct one one_of(const json_t *pools, int index, const json_t *edges,
                         int cores)
{
    struct one one = {.use = -1};
    json_t *own = pools_of(pools, index, &one.name);
    int top;

    if (one.name) {
        one.s = shares_of(own, index == 0 ? edges : NULL, cores);
        top = top_of(&one.s);
        one.use = top >= 0 && !is_short(&one.s) ? one.s.use[top] : 0;
    }
    json_decref(own);
    return one;
}

/* One that was done in a moment holds up nobody behind that. */
static double use_of(const struct one *one, double longest)
{
    return longest > 0 && one->use > 0 ? one->use * one->s.seconds / longest
                                       : one->use;
}

/* The first one's verdict stands where its sources have their pace, or its
 * blocks are late, and no later layer is at its limit.
 */
static json_t *layers_verdict(const json_t *pools, const json_t *edges,
                              int cores, int of)
{
    struct one first = one_of(pools, 0, edges, cores), most = first;
    double longest = 0;
    json_t *v = NULL;
    bool paced;

    for (int i = 0; i < of; i++) {
        const struct one one = one_of(pools, i, edges, cores);

        longest = one.s.seconds > longest ? one.s.seconds : longest;
    }
    most.use = use_of(&first, longest);
    for (int i = 1; i < of; i++) {
        struct one one = one_of(pools, i, edges, cores);

        one.use = use_of(&one, longest);
        if (one.use > most.use)
            most = one;
    }
    if (first.name)
        v = verdict_make(&first.s, first.name);
    if (most.name == first.name)
        return v;
    paced = !strcmp(value_text(v, "bottleneck", ""), "source");
    if (v && most.use < (paced ? FULL : BUSY) &&
        strcmp(value_text(v, "bottleneck", ""), "none") != 0)
        return v;
    json_decref(v);
    return verdict_make(&most.s, most.name);
}

json_t *monitor_verdict(const json_t *pool, const json_t *edges, int cores)
{
    int of = layers_of(pool);
    struct shares s;

    if (of > 1)
        return layers_verdict(pool, edges, cores, of);
    s = shares_of(pool, edges, cores);
    return verdict_make(&s, NULL);
}
