/* observe_private.h - one look at many pilots, and its two halves. */
#ifndef REGISTRY_OBSERVE_PRIVATE_H
#define REGISTRY_OBSERVE_PRIVATE_H

#include "src/registry/asked.h"
#include "src/registry/observe.h"

#define OBSERVE_HOST_TIMEOUT_S 30.0

/* One pilot under observation. */
typedef struct observe_item {
    pilot_record rec;
    resource_job job;
    bool answered;
    json_t *beat_json, *end_json; /* NULL: none */
    beat beat, end;
    char *words; /* its last ones, when they tell why it failed */
    bool changed;
} observe_item;

/* One call of observe(). */
typedef struct observe_work {
    const observe_conf *c;
    observe_cache *cache;
    int64_t now;
    asked_list asked;
    bool asked_any;
    int lock;            /* of those who ask; -1: not taken */
    observe_item *items; /* by id */
    size_t n;
} observe_work;

/* Say what is wrong, to whom the caller of observe() has named. */
void observe_trouble(const observe_work *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Is it time to ask the place at [url]? */
bool observe_is_due(observe_work *w, const char *url);
/* Has it a scheduler that is not to be asked too often? */
bool observe_has_queue(const char *url);

/* Ask every place, where it is time, and read what pilots have written. */
int observe_places(observe_work *w, pe_error *errp);

/* Beats of [it] that are JSON and no beat are as good as none; the others are
 * read.
 */
void observe_take(observe_item *it);

#endif
