/* verdict.c - which hop bounds a run, and how far the others are from it. */
#include "monitor.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "src/common/text.h"
#include "src/monitor/value.h"

/* Below BUSY nothing was at its limit; sources that are waited for are the
 * reason when that took more than WAITED of the time.  Less than SEEN is
 * noise, and no headroom is claimed from it.
 */
#define BUSY 0.5
#define FULL 0.8
#define WAITED 0.1
#define SEEN 0.01

/* Half of the blocks lay longer in the broker than so, and than that share of
 * the run: something was waited for, however idle it looks.
 */
#define LATE_MS 250.0
#define LATE 0.1

enum { HOP_EDGE, HOP_BROKER, HOP_POOL, HOPS };

/* Shares of the time of a run: 0 idle, 1 at the limit. */
struct shares {
    double use[HOPS];
    bool known[HOPS];
    double paced;    /* of the devices' time, spent waiting for the source */
    double late_ms;  /* half of the blocks waited longer for a rank; 0: not
                        worth a word */
    double start_ms; /* and the first ones for the pool to come up */
    double epochs;   /* of the ranks' time, in the epoch protocol */
};

static const char *const hop_names[HOPS] = {"edge", "broker", "pool"};

/* How a hop is told of. */
static const struct {
    const char *bound; /* it is the bottleneck */
    const char *seen;  /* its share: percents follow, */
    const char *rest;  /* and this */
    const char *idle;  /* it had next to nothing to do */
} bounds[HOPS] = {
    [HOP_EDGE] = {"edge-bound", "the edge is", "busy", "the edge was idle"},
    [HOP_BROKER] = {"broker-bound", "devices wait for the broker",
                    "of the time", "the broker was never waited for"},
    [HOP_POOL] = {"processing-bound", "the pool is", "busy",
                  "the pool was idle"},
};

static double hop_ms(const json_t *pool, const char *hop, const char *key)
{
    const json_t *latency = json_object_get(pool, "latency_ms");

    return value_real(json_object_get(latency, hop), key);
}

static double share(double part, double whole)
{
    double s = whole > 0 ? part / whole : 0;

    return s > 1 ? 1 : s;
}

/* The longest any of the pilots was at work. */
static double span_of(const json_t *pool, const json_t *edges)
{
    double span = value_real(pool, "seconds");
    const json_t *edge;
    size_t i;

    json_array_foreach(edges, i, edge)
    {
        double s = value_real(edge, "seconds");
        span = s > span ? s : span;
    }
    return span;
}

/* A device that waits for its queue waits for the broker: a slow pool leaves
 * blocks in the broker and holds up nobody.  All is measured against the
 * whole run, so that edges that were done early show their headroom.  Ranks
 * that share cores count time in which they only wait for one as busy: there
 * are no more lanes than cores.
 */
static struct shares shares_of(const json_t *pool, const json_t *edges,
                               int cores)
{
    double span = span_of(pool, edges);
    double lanes = value_real(pool, "ranks");
    double devices = 0, busy = 0, blocked = 0, paced = 0;
    struct shares s = {0};
    const json_t *edge;
    size_t i;

    json_array_foreach(edges, i, edge)
    {
        devices += value_real(edge, "devices");
        busy += value_real(edge, "busy_s");
        blocked += value_real(edge, "blocked_s");
        paced += value_real(edge, "paced_s");
    }
    if (cores > 0 && lanes > cores)
        lanes = cores;
    s.use[HOP_EDGE] = share(busy, devices * span);
    s.use[HOP_BROKER] = share(blocked, devices * span);
    s.use[HOP_POOL] =
        share(value_real(pool, "busy_s") + value_real(pool, "fetch_s"),
              lanes * value_real(pool, "seconds"));
    s.paced = share(paced, devices * span);
    s.epochs = share(value_real(pool, "reduce_s"),
                     value_real(pool, "ranks") * value_real(pool, "seconds"));
    s.late_ms = hop_ms(pool, "broker", "p50");
    /* Since when records of others lie there is not ours to rate. */
    if (devices == 0 || s.late_ms < LATE_MS || s.late_ms / 1e3 < LATE * span)
        s.late_ms = 0;
    s.start_ms = hop_ms(pool, "start", "max");
    s.known[HOP_EDGE] = s.known[HOP_BROKER] = devices > 0 && span > 0;
    s.known[HOP_POOL] = lanes > 0 && value_real(pool, "seconds") > 0;
    return s;
}

/* "; edge has 3.1x headroom, broker 2.0x; the pool was idle", without hop
 * [but].
 */
static void headroom_add(text *t, const struct shares *s, int but)
{
    int n = 0;

    for (int i = 0; i < HOPS; i++) {
        if (i == but || !s->known[i] || s->use[i] < SEEN)
            continue;
        text_add(t, n == 0 ? "; %s has %.1fx headroom" : ", %s %.1fx",
                 hop_names[i], 1 / s->use[i]);
        n++;
    }
    for (int i = 0; i < HOPS; i++)
        if (i != but && s->known[i] && s->use[i] < SEEN &&
            !(i == HOP_BROKER && s->late_ms > 0)) /* it was, by blocks */
            text_add(t, "; %s", bounds[i].idle);
}

static json_t *headroom_make(const struct shares *s)
{
    json_t *out = json_object();

    for (int i = 0; i < HOPS; i++)
        json_object_set_new(out, hop_names[i],
                            s->known[i] && s->use[i] >= SEEN
                                ? json_real(1 / s->use[i])
                                : json_null());
    return out;
}

/* The hop nearest to its limit; -1 when nothing was measured. */
static int top_of(const struct shares *s)
{
    int top = -1;

    for (int i = 0; i < HOPS; i++)
        if (s->known[i] && (top < 0 || s->use[i] > s->use[top]))
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

/* Blocks were long on their way, and not because a hop was at its limit: the
 * pool came up late, its ranks waited for each other, or it was the broker, and
 * with it the cores that all of them share.
 */
static const char *late_add(text *t, const struct shares *s, int *butp)
{
    char late[32], start[32];

    at_least(s->late_ms, late, sizeof(late));
    at_least(s->start_ms, start, sizeof(start));
    *butp = HOP_POOL;
    if (s->start_ms >= s->late_ms / 2) {
        text_add(t,
                 "start-bound: the first block waited %s for the pool to "
                 "come up, half of all %s or longer",
                 start, late);
        return "start";
    }
    if (s->use[HOP_POOL] + s->epochs >= BUSY) {
        text_add(t,
                 "processing-bound: half of the blocks waited %s or longer "
                 "for a rank, with ranks %.0f%% busy and %.0f%% in epochs",
                 late, 100 * s->use[HOP_POOL], 100 * s->epochs);
        return hop_names[HOP_POOL];
    }
    *butp = HOP_BROKER;
    text_add(t,
             "broker-bound: half of the blocks were %s or longer on their "
             "way from a device to a rank",
             late);
    return hop_names[HOP_BROKER];
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
    if (s->use[top] < FULL && s->late_ms > 0)
        return late_add(t, s, butp);
    if (s->use[top] < FULL && s->paced > WAITED) {
        text_add(t,
                 "source-bound (rate): the sources are waited for %.0f%% of "
                 "the time",
                 100 * s->paced);
        return "source";
    }
    *butp = top;
    text_add(t, "%s: ",
             s->use[top] < BUSY ? "nothing is at its limit"
                                : bounds[top].bound);
    text_add(t, "%s %.0f%% %s", bounds[top].seen, 100 * s->use[top],
             bounds[top].rest);
    return s->use[top] < BUSY ? "none" : hop_names[top];
}

json_t *monitor_verdict(const json_t *pool, const json_t *edges, int cores)
{
    struct shares s = shares_of(pool, edges, cores);
    text t = {0};
    int but;

    const char *bottleneck = bound_add(&t, &s, &but);
    headroom_add(&t, &s, but);
    json_t *out = NULL;
    if (!t.failed)
        out = json_pack("{s:s, s:o, s:s}", "bottleneck", bottleneck, "headroom",
                        headroom_make(&s), "text", t.data);
    text_free(&t);
    return out;
}
