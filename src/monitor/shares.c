/* shares.c - what figures of pool and edges say of each hop of their run. */
#include "shares.h"

#include <stddef.h>

#include "src/monitor/value.h"

/* Half of the blocks lay longer in the broker than so, and than that share of
 * the run: something was waited for, however idle it looks.
 */
#define LATE_MS 250.0
#define LATE 0.1

/* An answer to a rank that has nothing to fetch takes 100 ms, by our setting:
 * one that took so long was slow.  Where both sides see that, it is the broker.
 * A link slows every answer down, a broker that has too much to do not the
 * quickest of a second.
 */
#define SLOW_MS 250.0
#define SAME 0.25
#define LINK_MS 40.0

/* More of the blocks were dropped, or of each answer held back by a quota. */
#define DROPPED 0.01
#define DROPS 0.8
#define THROTTLE_MS 1.0

/* What edges have told, together. */
struct edges {
    double devices, busy, blocked, paced, sensed, dropped;
};

static double share(double part, double whole)
{
    double s = whole > 0 ? part / whole : 0;

    return s > 1 ? 1 : s;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double hop_ms(const json_t *pool, const char *hop, const char *key)
{
    const json_t *latency = json_object_get(pool, "latency_ms");

    return value_real(json_object_get(latency, hop), key);
}

/* The longest any of the pilots was at work. */
static double span_of(const json_t *pool, const json_t *edges)
{
    double span = value_real(pool, "seconds");
    const json_t *edge;
    size_t i;

    json_array_foreach(edges, i, edge)
    {
        span = larger(span, value_real(edge, "seconds"));
    }
    return span;
}

/* A count of blocks stands in an object in final events, else by itself. */
static double blocks_of(const json_t *edge, const char *key)
{
    const json_t *blocks = json_object_get(edge, "blocks");

    return value_real(json_is_object(blocks) ? blocks : edge, key);
}

static struct edges edges_sum(const json_t *edges)
{
    struct edges sum = {0};
    const json_t *edge;
    size_t i;

    json_array_foreach(edges, i, edge)
    {
        sum.devices += value_real(edge, "devices");
        sum.busy += value_real(edge, "busy_s");
        sum.blocked += value_real(edge, "blocked_s");
        sum.paced += value_real(edge, "paced_s");
        sum.sensed += blocks_of(edge, "sensed");
        sum.dropped += blocks_of(edge, "dropped");
    }
    return sum;
}

/* --- how fast the broker answers --- */

static void answers_add(struct answers *a, const json_t *event, double *np)
{
    const json_t *o = json_object_get(event, "answers");
    double n = value_real(o, "n");

    a->slow_ms += value_real(o, "slow_ms");
    a->quick_ms += value_real(o, "quick_ms");
    a->throttle_ms += value_real(o, "throttle_ms");
    *np += n;
}

static void answers_mean(struct answers *a, double n)
{
    a->known = n > 0;
    a->slow_ms = n > 0 ? a->slow_ms / n : 0;
    a->quick_ms = n > 0 ? a->quick_ms / n : 0;
    a->throttle_ms = n > 0 ? a->throttle_ms / n : 0;
}

static void answers_take(struct shares *s, const json_t *pool,
                         const json_t *edges)
{
    double n_edge = 0, n_pool = 0;
    const json_t *edge;
    size_t i;

    json_array_foreach(edges, i, edge)
    {
        answers_add(&s->edge, edge, &n_edge);
    }
    answers_add(&s->ranks, pool, &n_pool);
    answers_mean(&s->edge, n_edge);
    answers_mean(&s->ranks, n_pool);
}

/* One side waits for the broker's answers: is it the broker?  The other side
 * knows.
 */
static bool is_broker(const struct answers *own, const struct answers *other)
{
    if (own->throttle_ms >= THROTTLE_MS)
        return true;
    return other->slow_ms >= SLOW_MS && other->slow_ms >= SAME * own->slow_ms;
}

/* ... or the way to it? */
static bool is_link(const struct answers *own, const struct answers *other)
{
    return own->known && other->known && !is_broker(own, other) &&
           own->quick_ms >= LINK_MS;
}

/* Blocks that are late and wait for no hop that is at its limit.  An answer to
 * a rank that is slow holds up all that came to the topic meanwhile, be it all
 * there is.
 */
static enum hop way_of(const struct shares *s)
{
    if (is_link(&s->edge, &s->ranks))
        return HOP_LINK;
    if (s->edge.known && s->ranks.slow_ms >= SLOW_MS &&
        !is_broker(&s->ranks, &s->edge))
        return HOP_FETCH;
    return HOP_BROKER;
}

/* A mean, where there are no percentiles. */
static double late_of(const json_t *pool)
{
    const json_t *blocks = json_object_get(pool, "blocks");
    double n = value_real(blocks, "applied");

    if (json_object_get(pool, "latency_ms"))
        return hop_ms(pool, "broker", "p50");
    return n > 0 ? 1e3 * value_real(pool, "way_s") / n : 0;
}

/* --- the hops --- */

/* A device that waits for its queue waits for the broker: a slow pool leaves
 * blocks in the broker and holds up nobody.  All is measured against the
 * whole run, so that edges that were done early show their headroom.
 */
static void edge_take(struct shares *s, const json_t *edges, double span)
{
    struct edges sum = edges_sum(edges);
    double whole = sum.devices * span, way;

    s->paced = share(sum.paced, whole);
    s->blocked = share(sum.blocked, whole);
    s->dropped = share(sum.dropped, sum.sensed);
    /* A device that drops never waits: its queue is full most of the time. */
    way = s->dropped > DROPPED ? DROPS + (1 - DROPS) * s->dropped : s->blocked;
    s->use[HOP_EDGE] = share(sum.busy, whole);
    s->use[is_link(&s->edge, &s->ranks) ? HOP_LINK : HOP_BROKER] = way;
    s->known[HOP_EDGE] = s->known[HOP_BROKER] = whole > 0;
    s->known[HOP_LINK] = whole > 0 && s->edge.known && s->ranks.known;
}

/* Ranks that share cores count time in which they only wait for one as busy:
 * there are no more lanes than cores.  Functions and records share them, so
 * the one that takes more is as near to its limit as both.
 */
static void pool_take(struct shares *s, const json_t *pool, int cores)
{
    double seconds = value_real(pool, "seconds");
    double ranks = value_real(pool, "ranks"), lanes = ranks;
    enum hop waited = HOP_FETCH;

    if (cores > 0 && lanes > cores)
        lanes = cores;
    s->kernel = share(value_real(pool, "busy_s"), lanes * seconds);
    s->taking = share(value_real(pool, "fetch_s"), lanes * seconds);
    s->pool = share(value_real(pool, "busy_s") + value_real(pool, "fetch_s"),
                    lanes * seconds);
    s->starved = share(value_real(pool, "starved_s"), ranks * seconds);
    s->use[HOP_KERNEL] = s->kernel >= s->taking ? s->pool : s->kernel;
    s->use[HOP_FETCH] = s->kernel >= s->taking ? s->taking : s->pool;
    /* Without devices of its own nobody sees the broker from elsewhere. */
    if (s->edge.known && is_broker(&s->ranks, &s->edge))
        waited = HOP_BROKER;
    s->use[waited] = larger(s->use[waited], s->starved);
    s->known[HOP_KERNEL] = s->known[HOP_FETCH] = lanes > 0 && seconds > 0;
    s->known[HOP_BROKER] = s->known[HOP_BROKER] || s->starved > 0;
}

/* What is held up by a commit, or comes as seldom as commits can be made, is
 * at the limit of who makes them.
 */
static void commit_take(struct shares *s, const json_t *pool)
{
    double seconds = value_real(pool, "seconds");
    double whole = value_real(pool, "ranks") * seconds;
    double commits = value_real(pool, "commits");
    double store = value_real(pool, "store_s");
    double apply = value_real(pool, "apply_s");
    double sum = larger(value_real(pool, "commit_s"), store + apply);

    s->seconds = seconds;
    s->epochs = share(value_real(pool, "reduce_s"), whole);
    s->held = share(value_real(pool, "held_s"), whole);
    s->store = share(store, sum);
    s->commit_ms = commits > 0 ? 1e3 * sum / commits : 1e3 * sum;
    s->every_s = commits > 0 ? seconds / commits : 0;
    s->behind = s->commit_ms >= LATE_MS;
    s->use[HOP_PARAMS] = s->held * s->store;
    s->use[HOP_REDUCE] = share(s->epochs + s->held * (1 - s->store), 1);
    if (s->behind) {
        s->use[HOP_PARAMS] = larger(s->use[HOP_PARAMS], share(store, seconds));
        s->use[HOP_REDUCE] = larger(s->use[HOP_REDUCE], share(apply, seconds));
    }
    s->known[HOP_REDUCE] = s->known[HOP_PARAMS] = whole > 0;
}

struct shares shares_of(const json_t *pool, const json_t *edges, int cores)
{
    double span = span_of(pool, edges);
    struct shares s = {0};

    answers_take(&s, pool, edges);
    edge_take(&s, edges, span);
    pool_take(&s, pool, cores);
    commit_take(&s, pool);
    s.way = way_of(&s);
    s.late_ms = late_of(pool);
    /* Since when records of others lie there is not ours to rate. */
    if (!s.known[HOP_EDGE] || s.late_ms < LATE_MS ||
        s.late_ms / 1e3 < LATE * span)
        s.late_ms = 0;
    s.start_ms = hop_ms(pool, "start", "max");
    return s;
}
