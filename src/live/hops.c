/* hops.c - back-pressure of each hop in words, and what stands still. */
#include "make.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "src/monitor/monitor.h"
#include "src/monitor/value.h"

/* Of the time somebody waits for a hop: what Flink calls OK, LOW and HIGH. */
#define LOW_SHARE 0.1
#define HIGH_SHARE 0.5
/* Of the time a hop is at work. */
#define LOW_BUSY 0.5
#define HIGH_BUSY 0.85
/* Seconds of work that wait for it. */
#define LOW_LAG_S 1.0
#define HIGH_LAG_S 10.0

enum pressure { UNKNOWN, OK, LOW, HIGH };

static const char *const words[] = {"?", "ok", "low", "high"};

static enum pressure of(double value, double low, double high)
{
    return value >= high ? HIGH : value >= low ? LOW : OK;
}

static enum pressure more(enum pressure a, enum pressure b)
{
    return a > b ? a : b;
}

static void hop_add(json_t *list, const char *name, enum pressure pressure,
                    double share, const char *text)
{
    json_t *o = json_pack("{s:s, s:s, s:s}", "hop", name, "pressure",
                          words[pressure], "text", text);

    if (o && isfinite(share))
        json_object_set_new(o, "share", live_real(share));
    json_array_append_new(list, o);
}

static bool is_named(const json_t *names, const char *name)
{
    const json_t *one;
    size_t i;

    json_array_foreach(names, i, one)
    {
        if (!strcmp(json_string_value(one), name))
            return true;
    }
    return false;
}

/* Seconds of ranks or devices that went into [key], over all pilots of a kind,
 * or those of [names], as a share of the time they had; NAN: not known.
 */
static double share_among(const live_parts *p, bool pools, const char *key,
                          const json_t *names)
{
    double spent = 0, had = 0;

    for (size_t i = 0; i < p->n; i++) {
        const live_pilot *k = &p->pilots[i];
        double lanes =
            value_real(k->last, "ranks") + value_real(k->last, "devices");

        if (!k->fresh || (pools ? !k->is_pool : !k->is_edge) ||
            (names && !is_named(names, k->name)))
            continue;
        spent += value_real(k->last, key);
        had += lanes * value_real(k->last, "seconds");
    }
    if (had <= 0)
        return NAN;
    return spent > had ? 1 : spent / had;
}

static double share_of(const live_parts *p, bool pools, const char *key)
{
    return share_among(p, pools, key, NULL);
}

/* --- the hops, in the way of blocks --- */

static double fullest(const live_parts *p)
{
    double full = 0;

    for (size_t i = 0; i < p->n; i++)
        if (p->pilots[i].is_edge && p->pilots[i].fresh &&
            value_real(p->pilots[i].progress, "full") > full)
            full = value_real(p->pilots[i].progress, "full");
    return full;
}

/* The source and the stages of devices: are they in time? */
static void edge_add(const live_parts *p, json_t *list)
{
    double busy = share_of(p, false, "busy_s");
    double paced = share_of(p, false, "paced_s");
    char text[160];

    if (!isfinite(busy)) {
        hop_add(list, "source", UNKNOWN, NAN, "no edge tells");
        hop_add(list, "edge", UNKNOWN, NAN, "no edge tells");
        return;
    }
    snprintf(text, sizeof(text),
             "devices wait for the schedule or the sensor %.0f%% of the time%s",
             100 * paced,
             paced >= LOW_SHARE ? ""
             : busy + share_of(p, false, "blocked_s") < LOW_SHARE
                 ? ", nor work: it has ended, or gives little"
                 : ": they are behind it, or it has no limit");
    hop_add(list, "source",
            paced >= LOW_SHARE                              ? OK
            : share_of(p, false, "blocked_s") >= HIGH_SHARE ? HIGH
                                                            : LOW,
            paced, text);
    snprintf(text, sizeof(text),
             "functions of devices are at work %.0f%% of the time", 100 * busy);
    hop_add(list, "edge", of(busy, LOW_BUSY, HIGH_BUSY), busy, text);
}

static void broker_add(const live_parts *p, json_t *list)
{
    double blocked = share_of(p, false, "blocked_s"), full = fullest(p);
    enum pressure q;
    char text[200];

    if (!isfinite(blocked)) {
        hop_add(list, "broker", UNKNOWN, NAN, "no edge tells");
        return;
    }
    q = more(of(blocked, LOW_SHARE, HIGH_SHARE), full >= HIGH_BUSY ? LOW : OK);
    /* A queue that has room is waited for in vain: it is the answers. */
    snprintf(text, sizeof(text),
             "devices wait for %s %.0f%% of the time; the fullest queue is at "
             "%.0f%%",
             full >= LOW_BUSY || blocked < LOW_SHARE
                 ? "room in their queues"
                 : "what they sent to be acknowledged",
             100 * blocked, 100 * full);
    hop_add(list, "broker", q, blocked, text);
}

/* Seconds of work that wait; INFINITY: it waits, and none is processed. */
static double behind_of(const json_t *lag)
{
    if (lag && !json_object_get(lag, "seconds") && value_int(lag, "blocks") > 0)
        return INFINITY;
    return value_real(lag, "seconds");
}

/* Of pools in a row, the layer with the most work before it; NULL: there are
 * none.  Whose pools tell nothing of now, as they are over, is not looked at.
 */
static const json_t *layer_behind(const json_t *doc)
{
    const json_t *row, *most = NULL;
    double behind = -1;
    size_t i;

    json_array_foreach(json_object_get(doc, "layers"), i, row)
    {
        double own = behind_of(json_object_get(row, "lag"));

        if (json_object_get(row, "blocks_per_s") && own > behind) {
            behind = own;
            most = row;
        }
    }
    return most;
}

static void pool_add(const live_parts *p, const json_t *doc, json_t *list)
{
    const json_t *layer = layer_behind(doc);
    const json_t *names = json_object_get(layer, "pilots");
    const json_t *lag = json_object_get(layer ? layer : doc, "lag");
    double busy = share_among(p, true, "busy_s", names);
    double fetch = share_among(p, true, "fetch_s", names);
    double behind = behind_of(lag);
    double grows = value_real(lag, "blocks_per_s");
    char text[400], whose[100] = "";
    enum pressure q;

    if (!isfinite(busy)) {
        hop_add(list, "pool", UNKNOWN, NAN, "no pool tells");
        return;
    }
    if (layer)
        snprintf(whose, sizeof(whose),
                 "layer %.80s: ", value_text(layer, "layer", "?"));
    q = more(of(behind, LOW_LAG_S, HIGH_LAG_S),
             behind >= LOW_LAG_S && grows > 0 && busy >= HIGH_BUSY ? HIGH : OK);
    if (isinf(behind))
        snprintf(text, sizeof(text),
                 "%s%lld block%s and none is processed; ranks are at work "
                 "%.0f%% of the time",
                 whose, (long long)value_int(lag, "blocks"),
                 value_int(lag, "blocks") == 1 ? " waits" : "s wait",
                 100 * busy);
    else
        snprintf(text, sizeof(text),
                 "%s%.3g s of work wait%s; ranks process %.0f%% of the time "
                 "and fetch %.0f%%",
                 whose, behind,
                 grows > 0 && behind >= LOW_LAG_S ? " and grow" : "",
                 100 * busy, 100 * fetch);
    hop_add(list, "pool", q, busy, text);
}

/* Reduction and commit of an epoch. */
static void commit_add(const live_parts *p, json_t *list)
{
    double reduce = share_of(p, true, "reduce_s"), taken = 0, longest = 0;
    char text[200];

    if (!isfinite(reduce)) {
        hop_add(list, "commit", UNKNOWN, NAN, "no pool tells");
        return;
    }
    for (size_t i = 0; i < p->n; i++) {
        const json_t *last = p->pilots[i].last;
        double ms = value_real(last, "commit_ms");

        if (!p->pilots[i].is_pool || !p->pilots[i].fresh)
            continue;
        longest = ms > longest ? ms : longest;
        taken = fmax(taken, live_per_s(last, "commits") * ms / 1e3);
    }
    snprintf(text, sizeof(text),
             "ranks reduce %.0f%% of the time; a commit takes %.3g ms",
             100 * reduce, longest);
    hop_add(list, "commit",
            more(of(reduce, LOW_SHARE * 2, HIGH_SHARE),
                 of(taken, HIGH_SHARE, HIGH_BUSY)),
            fmax(reduce, taken > 1 ? 1 : taken), text);
}

/* --- what stands still --- */

/* The hop a pool stands at, by what it says itself. */
static const char *hop_of(const live_pilot *k)
{
    const char *why =
        value_text(json_object_get(k->progress, "waits"), "text", "");

    if (*why)
        return strstr(why, "broker") ? "broker" : "commit";
    if (!k->fresh || live_share(k->last, "busy_s") > LOW_BUSY)
        return "pool";
    return "commit";
}

static void stalled_add(json_t *list, const char *pilot, const char *hop,
                        json_int_t since_ns, const char *text)
{
    json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:s}", "pilot",
                                          pilot, "hop", hop, "since_ns",
                                          since_ns, "text", text));
}

/* A pool whose ranks are at something that does not come back tells nothing:
 * then its silence, and the state, have to do.
 */
static void stalled_guess(const live_parts *p, const live_pilot *k,
                          const json_t *lag, json_t *list)
{
    double since = live_age_s(p, value_int(p->state, "time_ns"));
    double told = live_age_s(p, value_int(k->progress, "time_ns"));
    const json_t *waits = json_object_get(k->progress, "waits");
    char text[700];

    if (!k->is_pool || value_int(lag, "blocks") < 1 ||
        !value_int(p->state, "time_ns") || since < LIVE_STALLED_S ||
        told < LIVE_STALLED_S)
        return;
    snprintf(text, sizeof(text),
             "pilot %s has %lld block%s to do, has committed nothing for %.0f "
             "s and told nothing for %.0f s%s%s",
             k->name, (long long)value_int(lag, "blocks"),
             value_int(lag, "blocks") == 1 ? "" : "s", since, told,
             waits ? ": " : "", value_text(waits, "text", ""));
    stalled_add(list, k->name, hop_of(k), value_int(p->state, "time_ns"), text);
}

static void stalled_put(const live_parts *p, json_t *doc)
{
    const json_t *lag = json_object_get(doc, "lag");
    json_t *list = json_array();

    for (size_t i = 0; i < p->n; i++) {
        const live_pilot *k = &p->pilots[i];
        const json_t *said = json_object_get(k->progress, "stalled");

        if (k->over || k->silent)
            continue;
        if (said)
            stalled_add(list, k->name, value_text(said, "hop", "?"),
                        value_int(said, "since_ns"),
                        value_text(said, "text", ""));
        else
            stalled_guess(p, k, lag, list);
    }
    json_object_set_new(doc, "stalled", list);
}

/* --- the verdict of the last seconds --- */

/* What the pools say of their last seconds, which are about the same, and of
 * which layer they are.
 */
static json_t *pools_of(const live_parts *p)
{
    json_t *list = json_array(), *last;

    for (size_t i = 0; i < p->n; i++) {
        json_t *layer = json_object_get(p->pilots[i].beat, "layer");

        if (!p->pilots[i].is_pool || !p->pilots[i].fresh)
            continue;
        last = json_copy((json_t *)(uintptr_t)p->pilots[i].last);
        if (layer)
            json_object_set(last, "layer", layer);
        json_array_append_new(list, last);
    }
    return list;
}

/* An edge as it would be over the seconds of the pool. */
static json_t *edge_over(const json_t *last, double seconds)
{
    static const char *const keys[] = {"busy_s", "blocked_s", "paced_s", NULL};
    double own = value_real(last, "seconds");
    json_t *o = json_copy((json_t *)last);

    if (own <= 0 || seconds <= 0)
        return o;
    for (const char *const *key = keys; *key; key++)
        json_object_set_new(o, *key,
                            json_real(value_real(last, *key) * seconds / own));
    json_object_set_new(o, "seconds", json_real(seconds));
    return o;
}

/* Is a pool in front of the [k]-th on its host, too? */
static bool is_counted(const live_parts *p, size_t k)
{
    const char *host = value_text(p->pilots[k].beat, "host", "");

    for (size_t i = 0; *host && i < k; i++)
        if (p->pilots[i].is_pool && p->pilots[i].fresh &&
            !strcmp(value_text(p->pilots[i].beat, "host", ""), host))
            return true;
    return false;
}

/* Of all hosts that pools say they are on; 0: not known. */
static int cores_of(const live_parts *p)
{
    int cores = 0;

    for (size_t i = 0; i < p->n; i++)
        if (p->pilots[i].is_pool && p->pilots[i].fresh && !is_counted(p, i))
            cores += (int)value_int(
                json_object_get(p->pilots[i].beat, "machine"), "cores");
    return cores;
}

static void verdict_put(const live_parts *p, json_t *doc)
{
    json_t *edges = json_array(), *pools = pools_of(p), *verdict = NULL;
    const json_t *pool;
    double seconds = 0;
    size_t i;

    json_array_foreach(pools, i, pool)
    {
        seconds = fmax(seconds, value_real(pool, "seconds"));
    }
    for (i = 0; i < p->n; i++)
        if (p->pilots[i].is_edge && p->pilots[i].fresh)
            json_array_append_new(edges, edge_over(p->pilots[i].last, seconds));
    if (json_array_size(pools) > 0)
        verdict = monitor_verdict(pools, edges, cores_of(p));
    if (verdict)
        json_object_set_new(doc, "verdict", verdict);
    json_decref(pools);
    json_decref(edges);
}

int live_hops(const live_parts *p, json_t *doc)
{
    json_t *list = json_array();

    edge_add(p, list);
    broker_add(p, list);
    pool_add(p, doc, list);
    commit_add(p, list);
    json_object_set_new(doc, "hops", list);
    stalled_put(p, doc);
    verdict_put(p, doc);
    return list ? 0 : -1;
}
