/* learner.h - a model that learns on a device, and tells of it by deltas. */
#ifndef FEDERATE_LEARNER_H
#define FEDERATE_LEARNER_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/model.h>

/* Strings and options are borrowed for its life. */
typedef struct learner_conf {
    const char *stage; /* it is, for messages */
    const char *kind;  /* of the model */
    const pe_options *options;
    uint64_t least;  /* rows that a number which leaves is made of */
    int32_t number;  /* of the device in the run: draws depend on it */
    double within_s; /* between two deltas */
} learner_conf;

/* What it has learned since the last delta, all of it bounded: the rows of a
 * warm-up give way to what stands for them.  For one thread.
 */
typedef struct learner learner;

learner *learner_create(const learner_conf *c, pe_error *errp);
void learner_destroy(learner *l); /* may be NULL */

/* From when nothing is held, learn as [c] says, of whose number there is no
 * matter: with another model, or other options of it, from the run's newest one
 * that is such, else from the start.
 */
void learner_revise(learner *l, const learner_conf *c);

/* Learn from [b], which has its SEQ.  [newest] is the run's model, NULL: there
 * is none; it is taken up when nothing is held, by a copy.  Errors: of the
 * model; the block is not in it then.
 */
int learner_fold(learner *l, const pe_model *newest, const pe_block *b,
                 pe_error *errp);

/* Is it time for a delta, at [now_ns] (monotonic)?  While there is no model
 * for the first: as soon as there are rows for it.
 */
bool learner_due(const learner *l, int64_t now_ns);

/* A delta, whose bytes stay until the next call. */
typedef struct learner_delta {
    const void *data;
    size_t len;
    uint64_t blocks, rows, masked, outliers;
    uint64_t first, last; /* SEQ of its blocks */
    uint64_t version;     /* of the model it was learned from; 0: none */
    uint32_t features;
} learner_delta;

/* Make one of all that is held.  1: it is in [out], and nothing is held any
 * more; 0: nothing is held, or fewer rows than may be told of, which stay.
 */
int learner_cut(learner *l, int64_t now_ns, learner_delta *out, pe_error *errp);

/* Blocks and rows that are held. */
uint64_t learner_held(const learner *l, uint64_t *rowsp);
uint64_t learner_least(const learner *l);
/* Version of the model it learns from; 0: none of the run's. */
uint64_t learner_version(const learner *l);

#endif
