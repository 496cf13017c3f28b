/* make.h - a document of live.h is made, part by part. */
#ifndef LIVE_MAKE_H
#define LIVE_MAKE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S 1e9

/* Beats older than this say nothing of now, and their pilot is silent. */
#define LIVE_SILENT_S 15.0
/* Rank 0 of a pool that has told nothing for so long is in a function. */
#define LIVE_QUIET_S 2.0
/* A pool that has records and has committed nothing for so long is stalled. */
#define LIVE_STALLED_S 10.0

/* A pilot as its newest beat tells it. */
typedef struct live_pilot {
    const char *name, *kind, *state;
    const json_t *beat, *progress, *last, *final;
    json_t *own; /* what `last` is, where it is no part of the facts */
    double age_s;
    bool is_pool, is_edge;
    bool over;   /* its beat is an exit record */
    bool silent; /* it is not, and nothing was heard for too long */
    bool fresh;  /* what its `last` says is of now */
} live_pilot;

/* What the parts are made from. */
typedef struct live_parts {
    const json_t *facts, *state;
    int64_t now_ns;
    live_pilot *pilots;
    size_t n;
    double blocks_per_s; /* of the pools, in the last seconds */
    bool rated;          /* ... and that is known */
} live_parts;

/* [ns] as seconds before now; never less than 0. */
double live_age_s(const live_parts *p, int64_t ns);

/* Member [key] of [o], a list of the last seconds, over seconds; 0. */
double live_per_s(const json_t *last, const char *key);
/* What part of the time of its ranks or devices member [key] of [last] took. */
double live_share(const json_t *last, const char *key);

/* [n] as a JSON number of few digits. */
json_t *live_real(double n);

/* Put [value], which may be NULL: nothing. */
void live_put(json_t *o, const char *key, json_t *value);
/* Members of [from] that are there, by the same names. */
void live_copy(json_t *to, const json_t *from, const char *const *keys);
/* {seconds, blocks_per_s, points_per_s, mb_per_s}; NULL: of no time. */
json_t *live_rate(double seconds, double blocks, double points, double bytes);

/* What pilot [k] says of the newest model it has: how old that was when it said
 * so.  New; NULL: nothing.
 */
json_t *live_model_seen(const live_pilot *k);

/* pilots.c: "pilots". */
json_t *live_pilots(const live_parts *p);
/* lists.c: "ranks", "partitions", "devices", "left_out", and "lag". */
int live_lists(const live_parts *p, json_t *doc);
/* layers.c: "layers", of a run that has several. */
void live_layers(const live_parts *p, json_t *doc);
/* Is [k] a pool whose blocks go on to a next layer? */
bool live_passes_on(const live_pilot *k);
/* hops.c: "hops", "stalled", "verdict". */
int live_hops(const live_parts *p, json_t *doc);

#endif
