/* placer.h - what this pool says of itself, and which partitions it wants. */
#ifndef PLACE_PLACER_H
#define PLACE_PLACER_H

#include "place.h"
#include "src/broker/broker.h"

typedef struct placer placer;

typedef struct placer_conf {
    const place_wish *wish; /* borrowed for its life */
    const char *site;       /* of this pool */
    char **at; /* site of the devices of each partition, NULL: not known; taken
                  over, also by an open that fails; may be NULL */
    int32_t partitions;
    const char *topic;
    broker_conf broker; /* of the topic */
    double settle_s;    /* a pool that is up for so long may take from others */
} placer_conf;

/* Where the wish is about distances, a thread times the broker's answers every
 * few seconds, one question to each leader of a partition.  Errors: no memory,
 * no thread.
 */
placer *placer_open(const placer_conf *c, pe_error *errp);
void placer_close(placer *p); /* may be NULL */

/* The facts for our next sign of life (params_member); ours until the next
 * call.  NULL: no memory.
 */
const char *placer_facts(placer *p);
/* What member [self] is to have as things are in [l], as "0-3,7", ours until
 * the next call; *otherp: is it another answer than the last one?  NULL: no
 * memory.
 */
const char *placer_want(placer *p, const char *self, const params_lease *l,
                        size_t n, bool *otherp, pe_error *errp);

#endif
