/* fetch.h - reads streams of a Redis ahead, in a thread. */
#ifndef STREAM_FETCH_H
#define STREAM_FETCH_H

#include "src/stream/stream.h"

typedef struct fetcher fetcher;

/* What came of a partition: its next entry; NULL: the stream ends in front of
 * [offset], where it was to be read from.
 */
typedef struct fetched {
    struct fetched *next;
    redisReply *entry; /* ID, and fields */
    int32_t partition;
    int64_t offset;
    size_t bytes;
} fetched;

fetcher *fetcher_open(const broker_consumer_conf *c, const char *topic,
                      pe_error *errp);
void fetcher_close(fetcher *f); /* may be NULL */

/* Read these from now on, and the record in front of each that has a mark; what
 * was read before is dropped.
 */
int fetcher_assign(fetcher *f, const broker_position *p, size_t n,
                   pe_error *errp);
/* The next one, until [limit_ns] of clock_mono_ns: 1, its entry is the
 * caller's; 0; -1: fatal, the server does not let us read.
 */
int fetcher_next(fetcher *f, int64_t limit_ns, fetched *out, pe_error *errp);
/* Was a connection lost, or another topic found, since it was last asked? */
bool fetcher_shaken(fetcher *f);

bool fetcher_is_away(const fetcher *f, char *out, size_t cap);
void fetcher_answers(const fetcher *f, broker_answers *out);
int fetcher_fd(const fetcher *f);
void fetcher_fd_clear(const fetcher *f);
int fetcher_partitions(const fetcher *f); /* as broker_consumer_partitions */
int64_t fetcher_high(fetcher *f, int32_t partition);
/* Progress, for displays: sent with the next request. */
void fetcher_note(fetcher *f, const char *group, const broker_position *p,
                  size_t n);

/* Value, key and time of an entry; its headers. */
void fetched_fields(const redisReply *entry, broker_record *r);
void fetched_headers(const redisReply *entry, record_headers *h);
void fetched_free(redisReply *entry); /* may be NULL */

#endif
