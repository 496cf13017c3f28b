/* topic_look.h - the newest records of a topic, for commands that show them. */
#ifndef VIEW_TOPIC_LOOK_H
#define VIEW_TOPIC_LOOK_H

#include "src/pipeline/pipeline.h"

/* Where a topic is. */
typedef struct look_place {
    pipeline_request *req; /* has the broker */
    pipeline *pl;          /* of a run, else NULL */
    char topic[300];
} look_place;

/* Is [word] the URL of a topic: kafka://HOST:PORT/TOPIC, or
 * redis://HOST:PORT/TOPIC of one in a Redis?
 */
bool look_is_url(const char *word);
/* That URL of [topic] at [broker], new memory; NULL. */
char *look_url(const char *broker, const char *topic);

/* [word] is such a URL, a run, or a topic of the broker that is known
 * (PILOT_BROKER, services that are kept); [suffix], "" or ".results",
 * follows its name.  After an error [out] still wants look_leave.
 */
int look_find(const char *word, const char *suffix, look_place *out,
              pe_error *errp);
void look_leave(look_place *p);
/* Would a run that names no broker find this one? */
bool look_is_known(const look_place *p);

typedef struct look {
    broker_consumer *consumer;
    broker_record *record; /* in the order of their times; newest last */
    size_t n, most;
    uint64_t bytes; /* of all of them: bounded, so there may be fewer */
    int partitions;
    uint64_t kept;    /* offsets in the topic, about as many as records */
    uint64_t missing; /* partitions that did not give all they were asked for */
} look;

/* The newest records of the topic, at most [most].  Errors: 78, there is no
 * such topic; 69, no broker.  After an error [out] still wants look_close.
 */
int look_newest(const look_place *p, size_t most, look *out, pe_error *errp);
/* All that the topic holds now, one by one, those of a partition in order:
 * [take] releases each, and returns 0, or 1: that was enough.  [out] says how
 * many partitions there are, and which are missing; errors as above.
 */
int look_each(const look_place *p, look *out,
              int (*take)(void *arg, broker_record *r), void *arg,
              pe_error *errp);
void look_close(look *l);

#endif
