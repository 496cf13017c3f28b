/* observe.h - bring the records of pilots up to date. */
#ifndef REGISTRY_OBSERVE_H
#define REGISTRY_OBSERVE_H

#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/registry/beat.h"
#include "src/registry/record.h"

/* Between two questions to one scheduler, unless somebody asked.  One that
 * does not answer is asked less and less often.  Places without a queue,
 * which have no scheduler to be spared, are asked each time.
 */
#define OBSERVE_PERIOD_NS (30 * CLOCK_S)

/* A period: schedulers are not asked at all. */
#define OBSERVE_NEVER_NS INT64_MAX

/* No sign of life for so long, from a pilot its scheduler does not know any
 * more, and it is lost: network file systems may show a file a minute late.
 */
#define OBSERVE_SILENCE_NS (60 * CLOCK_S)

/* A submission that the scheduler does not know so long after it began was
 * cut off.
 */
#define OBSERVE_SUBMIT_NS (30 * CLOCK_S)

/* Connections kept from one look to the next, for commands that look again
 * and again.
 */
typedef struct observe_cache observe_cache;
observe_cache *observe_cache_create(pe_error *errp);
void observe_cache_destroy(observe_cache *c); /* may be NULL */
/* The place at [url], opened at its first use and kept; borrowed.  NULL on
 * error: backend_open's.
 */
resource *observe_cache_open(observe_cache *c, const char *url, pe_error *errp);

typedef struct observe_conf {
    const char *home;
    bool now;          /* ask the schedulers however recently they answered */
    int64_t period_ns; /* 0: OBSERVE_PERIOD_NS; OBSERVE_NEVER_NS */
    observe_cache *cache; /* NULL: connections are closed again */
    /* The newest beats of run [run] by pilot name, as the parameter service
     * has them; NULL: none is asked.  New reference.
     */
    json_t *(*beats)(void *arg, const char *run);
    void *arg;
    /* A scheduler that does not answer, said once for each; may be NULL. */
    void (*trouble)(void *arg, const char *text);
    /* The newest beat of a pilot, whole (its partitions); may be NULL. */
    void (*heard)(void *arg, const pilot_record *r, const json_t *beat);
} observe_conf;

/* Ask each scheduler of [records] once, for all pilots of the registry that
 * are not over (so that another command need not ask again), read beats and
 * exit records, move states by the table and write what changed.  A scheduler
 * that does not answer changes nothing: records keep their last state and
 * observed_ns says how old it is.  [records] are replaced by what is known
 * afterwards.  When schedulers answered last, and what they had to say, is in
 * HOME/schedulers.json.
 */
int observe(const observe_conf *c, pilot_record *records, size_t n,
            pe_error *errp);

/* Is [r] a pilot of "local://" on another host that shares this home?  Here
 * nobody can say whether its processes run.
 */
bool observe_is_elsewhere(const pilot_record *r);

/* What a scheduler said, and the signs of life, put together: a pure function
 * of its arguments, for tests.  [job] may be NULL (nobody was asked or
 * nobody answered), [b] and [end] too.  Returns true when [r] has changed.
 */
bool observe_apply(pilot_record *r, const resource_job *job, const beat *b,
                   const beat *end, int64_t now_ns);

#endif
