/* shares.c - what figures of pool and edges say of each hop of their run. */
#include "shares.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

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

/* What pools have told, together: they may have been there at once, or one
 * behind the other.  Sums are over the ranks of all; of commits, which each
 * pool makes for itself, those of the pool that they took most of its time.
 */
struct pools {
    double seconds; /* in which any of them was at work */
    double ranks;   /* ... on the mean of that time */
    double busy, fetch, starved, reduce, held;
    double store, apply, commit, commits;
    double commit_s; /* the time of that pool */
    double late_ms, start_ms;
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

static void answers_take(struct shares *s, const json_t *pools,
                         const json_t *edges)
{
    double n_edge = 0, n_pool = 0;
    const json_t *one;
    size_t i;

    json_array_foreach(edges, i, one)
    {
        answers_add(&s->edge, one, &n_edge);
    }
    json_array_foreach(pools, i, one)
    {
        answers_add(&s->ranks, one, &n_pool);
    }
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

/* --- pools, together --- */

/* A pool that had fewer of the blocks says nothing of half of them all. */
#define FEW 0.05

/* A mean, where there are no percentiles. */
static double late_of(const json_t *pool)
{
    const json_t *blocks = json_object_get(pool, "blocks");
    double n = value_real(blocks, "applied");

    if (json_object_get(pool, "latency_ms"))
        return hop_ms(pool, "broker", "p50");
    return n > 0 ? 1e3 * value_real(pool, "way_s") / n : 0;
}

/* Blocks that a pool had: those it timed, or told of. */
static double timed_of(const json_t *pool)
{
    return json_object_get(pool, "latency_ms")
               ? hop_ms(pool, "broker", "n")
               : value_real(json_object_get(pool, "blocks"), "applied");
}

/* Of each pool half of the blocks were so late: the least of these is true of
 * all of them.
 */
static double late_of_all(const json_t *pools)
{
    double least = -1, all = 0;
    const json_t *pool;
    size_t i;

    json_array_foreach(pools, i, pool)
    {
        all += timed_of(pool);
    }
    json_array_foreach(pools, i, pool)
    {
        double late = late_of(pool);

        if (timed_of(pool) >= FEW * all && (least < 0 || late < least))
            least = late;
    }
    return least > 0 ? least : 0;
}

/* The stream waited for the pool that was there first. */
static double start_of_all(const json_t *pools)
{
    const json_t *pool, *first = NULL;
    size_t i;

    json_array_foreach(pools, i, pool)
    {
        if (!first ||
            (value_real(pool, "first_ns") > 0 &&
             value_real(pool, "first_ns") < value_real(first, "first_ns")))
            first = pool;
    }
    return hop_ms(first, "start", "max");
}

/* When a pool was at work, in seconds; from 0 on where it does not say. */
struct stretch {
    double from, to;
};

static int by_from(const void *x, const void *y)
{
    const struct stretch *a = x, *b = y;

    return (a->from > b->from) - (a->from < b->from);
}

/* How long any of them was at work; without memory, the longest. */
static double together_s(const json_t *pools)
{
    size_t n = json_array_size(pools), i;
    struct stretch *w = n > 1 ? calloc(n, sizeof(*w)) : NULL;
    double sum = 0, at = -1;
    const json_t *pool;

    json_array_foreach(pools, i, pool)
    {
        double seconds = value_real(pool, "seconds");
        double to = value_real(pool, "last_ns") * 1e-9;

        sum = larger(sum, seconds);
        if (w)
            w[i] = to > 0 ? (struct stretch){to - seconds, to}
                          : (struct stretch){0, seconds};
    }
    if (!w)
        return sum;
    qsort(w, n, sizeof(*w), by_from);
    sum = 0;
    for (i = 0; i < n; i++) {
        double from = larger(w[i].from, at);

        sum += w[i].to > from ? w[i].to - from : 0;
        at = larger(at, w[i].to);
    }
    free(w);
    return sum;
}

static double commits_of(const json_t *pool)
{
    double seconds = value_real(pool, "seconds");
    double spent =
        larger(value_real(pool, "commit_s"),
               value_real(pool, "store_s") + value_real(pool, "apply_s"));

    return seconds > 0 ? spent / seconds : 0;
}

static void pool_add(struct pools *p, const json_t *pool, bool most)
{
    p->ranks += value_real(pool, "ranks") * value_real(pool, "seconds");
    p->busy += value_real(pool, "busy_s");
    p->fetch += value_real(pool, "fetch_s");
    p->starved += value_real(pool, "starved_s");
    p->reduce += value_real(pool, "reduce_s");
    p->held += value_real(pool, "held_s");
    if (!most)
        return;
    p->store = value_real(pool, "store_s");
    p->apply = value_real(pool, "apply_s");
    p->commit = larger(value_real(pool, "commit_s"), p->store + p->apply);
    p->commits = value_real(pool, "commits");
    p->commit_s = value_real(pool, "seconds");
}

static struct pools pools_sum(const json_t *pools)
{
    struct pools p = {.seconds = together_s(pools)};
    const json_t *pool;
    double most = -1;
    size_t i;

    json_array_foreach(pools, i, pool)
    {
        pool_add(&p, pool, commits_of(pool) > most);
        most = larger(most, commits_of(pool));
    }
    p.ranks = p.seconds > 0 ? p.ranks / p.seconds : 0;
    p.late_ms = late_of_all(pools);
    p.start_ms = start_of_all(pools);
    return p;
}

/* --- the hops --- */

/* The longest any of the pilots was at work. */
static double span_of(const struct pools *p, const json_t *edges)
{
    double span = p->seconds;
    const json_t *edge;
    size_t i;

    json_array_foreach(edges, i, edge)
    {
        span = larger(span, value_real(edge, "seconds"));
    }
    return span;
}

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
static void pool_take(struct shares *s, const struct pools *p, int cores)
{
    double lanes = p->ranks, seconds = p->seconds;
    enum hop waited = HOP_FETCH;

    if (cores > 0 && lanes > cores)
        lanes = cores;
    s->kernel = share(p->busy, lanes * seconds);
    s->taking = share(p->fetch, lanes * seconds);
    s->pool = share(p->busy + p->fetch, lanes * seconds);
    s->starved = share(p->starved, p->ranks * seconds);
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
static void commit_take(struct shares *s, const struct pools *p)
{
    double whole = p->ranks * p->seconds, seconds = p->commit_s;

    s->seconds = p->seconds;
    s->epochs = share(p->reduce, whole);
    s->held = share(p->held, whole);
    s->store = share(p->store, p->commit);
    s->commit_ms =
        p->commits > 0 ? 1e3 * p->commit / p->commits : 1e3 * p->commit;
    s->every_s = p->commits > 0 ? seconds / p->commits : 0;
    s->behind = s->commit_ms >= LATE_MS;
    s->use[HOP_PARAMS] = s->held * s->store;
    s->use[HOP_REDUCE] = share(s->epochs + s->held * (1 - s->store), 1);
    if (s->behind) {
        s->use[HOP_PARAMS] =
            larger(s->use[HOP_PARAMS], share(p->store, seconds));
        s->use[HOP_REDUCE] =
            larger(s->use[HOP_REDUCE], share(p->apply, seconds));
    }
    s->known[HOP_REDUCE] = s->known[HOP_PARAMS] = whole > 0;
}

struct shares shares_of(const json_t *pool, const json_t *edges, int cores)
{
    json_t *pools = json_is_object(pool)
                        ? json_pack("[O]", pool)
                        : json_incref((json_t *)(uintptr_t)pool);
    struct pools p = pools_sum(pools);
    double span = span_of(&p, edges);
    struct shares s = {0};

    answers_take(&s, pools, edges);
    edge_take(&s, edges, span);
    pool_take(&s, &p, cores);
    commit_take(&s, &p);
    s.way = way_of(&s);
    s.late_ms = p.late_ms;
    /* Since when records of others lie there is not ours to rate. */
    if (!s.known[HOP_EDGE] || s.late_ms < LATE_MS ||
        s.late_ms / 1e3 < LATE * span)
        s.late_ms = 0;
    s.start_ms = p.start_ms;
    json_decref(pools);
    return s;
}
