/* advice.c - where the work of a run had better be, and on how many ranks. */
#include "advice.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "src/common/text.h"
#include "src/monitor/value.h"

/* A pool is to be so busy at the rate that comes, with room for the rest; and
 * less than IDLE of its time is more ranks than it needs.
 */
#define TARGET 0.7
#define IDLE 0.3
/* Another placement is worth the change from so much on. */
#define BETTER 1.2
/* Ratios of fewer bytes tell of headers. */
#define BYTES_MIN 1e5

/* What a run has told; per block in seconds, 0: not measured. */
struct told {
    double ranks, partitions, devices;
    double kernel_s, take_s; /* on a rank */
    double edge_s;           /* on a device */
    double sensed_per_s;     /* as it was */
    double paced;            /* of the devices' time: waiting for the source */
    double raw_mb, wire_mb;  /* of a block: as it is, as it was sent */
    double link_mb_s;        /* went over the link, */
    bool link_full;          /* ... which held it up */
    double ratio;            /* of the codec; 0: none was in use */
    double pool_speed, edge_speed; /* of a core, by one measure */
    double cores;                  /* that the pool's ranks have; 0: unknown */
};

/* A placement, and what it would give. */
struct place {
    bool known;
    double rate; /* blocks/s */
    const char *bound;
    text words;
};

enum { CLOUD, HYBRID, EDGE, PLACES };

static const char *const place_names[PLACES] = {"cloud", "hybrid", "edge"};

static double blocks_of(const json_t *event, const char *key)
{
    return value_real(json_object_get(event, "blocks"), key);
}

static double per(double sum, double n)
{
    return n > 0 ? sum / n : 0;
}

/* --- what was measured --- */

/* Sums over pilots of one side. */
struct sums {
    double busy, take, blocks, bytes, wire, seconds, paced, sensed, speed;
    double n;
};

/* Blocks that [event] has spent its time on.  In some seconds of a pool it may
 * be that none was fetched, and those were processed that had been before.
 */
static double worked_of(const json_t *event)
{
    double fetched = blocks_of(event, "fetched");
    double applied = blocks_of(event, "applied"); /* of a final event: all */

    return json_object_get(event, "event") ? fetched : fmax(fetched, applied);
}

static void sums_add(struct sums *s, const json_t *event, const char *count)
{
    /* Its times are of this process, and so are these. */
    const json_t *life = json_object_get(event, "life");
    const json_t *own = json_object_get(life, "blocks") ? life : event;

    s->busy += value_real(event, "busy_s");
    s->take += value_real(event, "fetch_s");
    s->paced += value_real(event, "paced_s");
    s->bytes += value_real(own, "bytes");
    s->wire += value_real(event, "wire_bytes");
    s->blocks += worked_of(event) + blocks_of(own, "sent");
    s->sensed += blocks_of(own, "sensed");
    s->n += value_real(event, count);
    if (value_real(event, "seconds") > s->seconds)
        s->seconds = value_real(event, "seconds");
    if (value_real(event, "core_speed") > s->speed)
        s->speed = value_real(event, "core_speed");
}

static void told_take(struct told *t, const json_t *detail, const json_t *facts)
{
    const char *codec = value_text(facts, "compression", "none");
    struct sums pool = {0}, edge = {0};
    const char *pilot;
    json_t *event;

    json_object_foreach((json_t *)(uintptr_t)detail, pilot, event)
    {
        if (json_object_get(event, "ranks"))
            sums_add(&pool, event, "ranks");
        else if (json_object_get(event, "devices"))
            sums_add(&edge, event, "devices");
    }
    t->ranks = pool.n;
    t->devices = edge.n;
    t->partitions = value_real(facts, "partitions");
    t->kernel_s = per(pool.busy, pool.blocks);
    t->take_s = per(pool.take, pool.blocks);
    t->edge_s = per(edge.busy, edge.sensed);
    t->sensed_per_s = per(edge.sensed, edge.seconds);
    t->paced = per(edge.paced, edge.n * edge.seconds);
    t->raw_mb = per(edge.bytes, edge.blocks) / 1e6;
    t->wire_mb = per(edge.wire, edge.blocks) / 1e6;
    t->link_mb_s =
        per(edge.wire > 0 ? edge.wire : edge.bytes, edge.seconds) / 1e6;
    if (strcmp(codec, "none") != 0 && edge.wire > BYTES_MIN)
        t->ratio = edge.bytes / edge.wire;
    t->cores = value_real(facts, "cores");
    t->pool_speed = pool.speed;
    t->edge_speed = edge.speed;
}

/* Blocks/s that devices would give if nothing held them up. */
static double offered(const struct told *t)
{
    double most = t->edge_s > 0 ? t->devices / t->edge_s : 0;

    return t->paced > 0.1 || most < t->sensed_per_s ? t->sensed_per_s : most;
}

/* --- placements --- */

static void rate_least(struct place *p, double rate, const char *bound)
{
    if (rate > 0 && (p->rate <= 0 || rate < p->rate)) {
        p->rate = rate;
        p->bound = bound;
    }
}

/* The model in the pool, blocks of [mb] on the link. */
static void in_pool(struct place *p, const struct told *t, double mb)
{
    double cost = t->kernel_s + t->take_s;

    p->known = cost > 0 && offered(t) > 0;
    rate_least(p, offered(t), "source");
    if (t->link_full && mb > 0) {
        rate_least(p, t->link_mb_s / mb, "link");
        text_add(&p->words, "link %.3g MB/s / %.3g MB = %.3g blocks/s, ",
                 t->link_mb_s, mb, t->link_mb_s / mb);
    }
    if (cost > 0) {
        rate_least(p, t->ranks / cost, "kernel");
        text_add(&p->words, "%.0f ranks / %.3g ms = %.3g blocks/s", t->ranks,
                 1e3 * cost, t->ranks / cost);
    }
}

/* The model on devices, as fast as their cores are. */
static void on_devices(struct place *p, const struct told *t)
{
    double slower = t->edge_speed > 0 && t->pool_speed > 0
                        ? t->pool_speed / t->edge_speed
                        : 0;
    double cost = t->edge_s + t->kernel_s * slower;

    p->known = slower > 0 && t->kernel_s > 0 && t->devices > 0;
    if (!p->known)
        return;
    rate_least(p, t->devices / cost, "edge");
    if (t->paced > 0.1)
        rate_least(p, t->sensed_per_s, "source");
    text_add(&p->words,
             "%.0f devices / (%.3g ms + %.3g ms x %.2f, a rank's core to a "
             "device's) = %.3g blocks/s",
             t->devices, 1e3 * t->edge_s, 1e3 * t->kernel_s, slower,
             t->devices / cost);
}

static void places_make(struct place p[PLACES], const struct told *t)
{
    in_pool(&p[CLOUD], t, t->wire_mb > 0 ? t->wire_mb : t->raw_mb);
    if (t->ratio > 1)
        in_pool(&p[HYBRID], t, t->raw_mb / t->ratio);
    on_devices(&p[EDGE], t);
}

/* --- advice --- */

struct advice {
    const char *word;
    int place;
    double ranks;
    text words;
};

/* Ranks that are TARGET busy at [rate]. */
static double ranks_for(const struct told *t, double rate)
{
    double need = ceil(rate * (t->kernel_s + t->take_s) / TARGET - 1e-9);

    return need < 1 ? 1 : need;
}

static void ranks_words(struct advice *a, const struct told *t, double rate)
{
    text_add(&a->words,
             "%.3g blocks/s x %.3g ms (function %.3g, records %.3g) / %.0f%% "
             "busy = %.0f rank%s, and there are %.0f",
             rate, 1e3 * (t->kernel_s + t->take_s), 1e3 * t->kernel_s,
             1e3 * t->take_s, 100 * TARGET, ranks_for(t, rate),
             ranks_for(t, rate) == 1 ? "" : "s", t->ranks);
}

/* Ranks beyond the cores there are take turns, and make nothing faster. */
static void cores_words(struct advice *a, const struct told *t)
{
    if (t->cores <= 0 || a->ranks <= t->cores)
        return;
    text_add(&a->words,
             "; the host of the pool has %.0f core%s: have more ranks on other "
             "hosts (nodes), where each has a core",
             t->cores, t->cores == 1 ? "" : "s");
    if (t->ranks > t->cores)
        text_add(&a->words, ", and fewer will do, for a block took so long "
                            "because ranks share cores now");
}

/* The link holds blocks up: fewer bytes, or none of them. */
static void advise_link(struct advice *a, const struct told *t,
                        const struct place p[PLACES])
{
    double now = p[CLOUD].rate;
    bool edge = p[EDGE].known && p[EDGE].rate > BETTER * now;

    text_add(&a->words,
             "the link carries %.3g MB/s, which are %.3g blocks/s, and devices "
             "wait for it; ",
             t->link_mb_s, now);
    if (t->ratio <= 0) {
        a->word = "hybrid";
        a->place = HYBRID;
        text_add(&a->words, "compress blocks on devices, and keep the model in "
                            "the pool: a ratio of R gives R times as many");
    } else if (edge) {
        a->word = "edge";
        a->place = EDGE;
        text_add(&a->words,
                 "blocks are %.2f times smaller by their codec already: have "
                 "the model on devices",
                 t->ratio);
    } else {
        text_add(&a->words,
                 "blocks are %.2f times smaller by their codec already, and "
                 "devices are no faster with the model",
                 t->ratio);
    }
    if (edge)
        text_add(&a->words, "; on devices the model would do %.3g blocks/s",
                 p[EDGE].rate);
}

static void advise_pool(struct advice *a, const struct told *t,
                        const char *bound)
{
    double rate = offered(t);

    if (t->link_full && t->wire_mb > 0 && t->link_mb_s / t->wire_mb < rate)
        rate = t->link_mb_s / t->wire_mb;
    a->ranks = ranks_for(t, rate);
    if (!strcmp(bound, "kernel") || !strcmp(bound, "fetch")) {
        a->word = a->ranks > t->ranks ? "more-ranks" : "leave";
        text_add(&a->words, "the pool is at its limit; ");
    } else {
        double used = rate * (t->kernel_s + t->take_s) / t->ranks;

        a->word = used < IDLE && a->ranks < t->ranks ? "fewer-ranks" : "leave";
        if (strcmp(a->word, "leave") == 0)
            a->ranks = t->ranks;
    }
    ranks_words(a, t, rate);
    if (strcmp(a->word, "more-ranks") == 0)
        cores_words(a, t);
}

/* Dear stages of devices fit into the pool, or there are too few devices. */
static void advise_edge(struct advice *a, const struct told *t,
                        const json_t *facts)
{
    if (value_int(facts, "stages") > 0) {
        a->word = "cloud";
        text_add(
            &a->words,
            "devices take %.3g ms a block in their stages and are at their "
            "limit: move stages behind the source to the pool",
            1e3 * t->edge_s);
    } else {
        a->word = "leave";
        text_add(
            &a->words,
            "devices take %.3g ms to sense a block and are at their limit: "
            "more devices, or a faster source; ",
            1e3 * t->edge_s);
        ranks_words(a, t, t->sensed_per_s);
    }
}

static void advise(struct advice *a, const struct told *t,
                   const struct place p[PLACES], const char *bound,
                   const json_t *facts)
{
    static const char *const services[] = {"broker", "params", "reduce",
                                           "start", NULL};

    a->place = t->ratio > 1 ? HYBRID : CLOUD;
    a->ranks = t->ranks;
    a->word = "leave";
    for (const char *const *s = services; *s; s++)
        if (!strcmp(bound, *s)) {
            text_add(&a->words,
                     "what bounds the run (%s) is neither the place of the "
                     "model nor the number of ranks",
                     bound);
            return;
        }
    if (t->ranks <= 0 || t->devices <= 0 || t->kernel_s + t->take_s <= 0 ||
        offered(t) <= 0) {
        a->word = "unknown";
        text_add(&a->words, "there is no advice without blocks of devices that "
                            "a pool has worked on");
    } else if (!strcmp(bound, "link")) {
        advise_link(a, t, p);
    } else if (!strcmp(bound, "edge")) {
        advise_edge(a, t, facts);
    } else {
        advise_pool(a, t, bound);
    }
}

/* --- as JSON --- */

static void number_add(json_t *o, const char *key, double v)
{
    if (v > 0)
        json_object_set_new(o, key, json_real(v));
}

static json_t *measured_make(const struct told *t)
{
    json_t *o = json_object();

    number_add(o, "kernel_ms", 1e3 * t->kernel_s);
    number_add(o, "records_ms", 1e3 * t->take_s);
    number_add(o, "device_ms", 1e3 * t->edge_s);
    number_add(o, "sensed_per_s", t->sensed_per_s);
    number_add(o, "offered_per_s", offered(t));
    number_add(o, "block_mb", t->raw_mb);
    number_add(o, "sent_mb", t->wire_mb);
    number_add(o, t->link_full ? "link_mb_s" : "link_at_least_mb_s",
               t->link_mb_s);
    number_add(o, "codec_ratio", t->ratio);
    number_add(o, "pool_core_speed", t->pool_speed);
    number_add(o, "device_core_speed", t->edge_speed);
    return o;
}

static void missing_add(json_t *list, bool missing, const char *words)
{
    if (missing)
        json_array_append_new(list, json_string(words));
}

static json_t *missing_make(const struct told *t)
{
    json_t *list = json_array();

    missing_add(list, t->kernel_s <= 0, "the cost of a block on a rank");
    missing_add(list, t->edge_s <= 0, "the cost of a block on a device");
    missing_add(list, !t->link_full,
                "the most that the link carries: it held nobody up");
    missing_add(list, t->ratio <= 0,
                "what compression would spare: the stream has none");
    missing_add(list, t->pool_speed <= 0 || t->edge_speed <= 0,
                "how fast a device's core is beside a rank's");
    return list;
}

static json_t *places_json(struct place p[PLACES])
{
    json_t *o = json_object();

    for (int i = 0; i < PLACES; i++)
        if (p[i].known)
            json_object_set_new(
                o, place_names[i],
                json_pack("{s:f, s:s, s:s}", "blocks_per_s", p[i].rate, "bound",
                          p[i].bound, "text",
                          p[i].words.data ? p[i].words.data : ""));
    return o;
}

/* What to write behind `pilot run FILE`. */
static json_t *try_make(const struct advice *a, const struct told *t,
                        const json_t *facts)
{
    json_t *list = json_array();
    text line = {0};

    if (a->ranks > t->ranks && t->cores > 0 && a->ranks > t->cores)
        ; /* not on this host */
    else if (a->ranks > 0 && a->ranks != t->ranks)
        text_add(&line, "--set pilots.%s.ntasks=%.0f",
                 value_text(facts, "pool", "POOL"), a->ranks);
    else if (a->place == HYBRID && t->ratio <= 0)
        text_add(&line, "--set streams.%s.compression=zstd",
                 value_text(facts, "stream", "STAGE"));
    if (line.data)
        json_array_append_new(list, json_string(line.data));
    text_free(&line);
    return list;
}

json_t *monitor_advice(const json_t *detail, const json_t *verdict,
                       const json_t *facts)
{
    const char *bound = value_text(verdict, "bottleneck", "unknown");
    struct told t = {.link_full = !strcmp(bound, "link")};
    struct place p[PLACES] = {{0}};
    struct advice a = {0};
    json_t *o;

    told_take(&t, detail, facts);
    places_make(p, &t);
    advise(&a, &t, p, bound, facts);
    o = json_pack(
        "{s:i, s:s, s:s, s:s, s:{s:f, s:f, s:f}, s:o, s:o, s:o, s:s, s:o}",
        "schema", 1, "advice", a.word, "bottleneck", bound, "placement",
        place_names[a.place], "ranks", "now", t.ranks, "advised", a.ranks,
        "per_partition", per(a.ranks, t.partitions), "measured",
        measured_make(&t), "not_measured", missing_make(&t), "placements",
        places_json(p), "text", a.words.data ? a.words.data : "", "try",
        try_make(&a, &t, facts));
    text_free(&a.words);
    for (int i = 0; i < PLACES; i++)
        text_free(&p[i].words);
    return o;
}
