/* stream.h - what clients of streams in a Redis have in common.
 *
 * A topic is a hash, pilot:topic:{NAME}: `id` (random, of this topic among all
 * that had its name), `partitions`, `max` (bytes of a record, 0: any) and
 * `retention` (ms, 0: for ever).  Beside it are :ends, a hash PARTITION -> next
 * offset, :notes, a hash GROUP/PARTITION -> offset, :P, the stream of
 * partition P, :P:at, a list of what is to be trimmed when, and :w:ID:WRITER,
 * the last batch of a writer, for a day.
 *
 * The entry of offset N has the ID (N+1)-0, and fields: t, when it was appended
 * (ms, by the server's clock); k, the key, where there is one; v, the value;
 * h.NAME, a header; n.NAME, one whose value is null.
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include <pthread.h>
#include <stdatomic.h>

#include "src/broker/ops.h"
#include "src/redis/args.h"
#include "src/redis/link.h"

/* A server, as one client sees it. */
typedef struct stream_server {
    redis_link *link;
    char endpoint[256];   /* for error texts, cut when longer */
    double timeout_s;     /* of the first contact */
    atomic_bool away;     /* said in the log, and not yet taken back */
    pthread_mutex_t lock; /* of what follows: broker_answers, in us */
    int64_t second, slow_us, quick_us;
    broker_answers sum;
} stream_server;

/* Errors: input, 78, for an endpoint that is none, or a login that does not
 * belong to it.  After an error [s] still wants stream_close.
 */
int stream_open(stream_server *s, const broker_conf *c, redis_setup_f setup,
                void *arg, pe_error *errp);
void stream_close(stream_server *s);
/* Connect, again and again up to the limit: retry, 69. */
int stream_contact(stream_server *s, pe_error *errp);
int stream_login_check(const broker_conf *c, pe_error *errp);

/* It does not answer, as [e] says: told once.  It answers again. */
void stream_gone(stream_server *s, const pe_error *e);
void stream_back(stream_server *s);
bool stream_is_away(const stream_server *s, char *out, size_t cap);

/* An answer that took [us] to a request of [bytes]. */
void stream_answered(stream_server *s, int64_t us, uint64_t bytes);
void stream_answers(const stream_server *s, broker_answers *out);

/* Can it be the name of a topic? */
bool stream_name_fits(const char *name);
/* The key of topic [name], with [more] behind it, as a word of [a]. */
void stream_key(redis_args *a, const char *name, const char *more);
void stream_key_part(redis_args *a, const char *name, int32_t partition,
                     const char *more);

/* What a topic is; `partitions` 0: there is none of that name. */
typedef struct stream_topic {
    char id[40];
    int partitions;
    uint64_t max, retention_ms;
} stream_topic;

/* The question, and its answer. */
void stream_topic_ask(redis_args *a, const char *name);
void stream_topic_take(const redisReply *r, stream_topic *t);
/* Both.  Errors: retry, 69. */
int stream_topic_read(stream_server *s, const char *name, stream_topic *t,
                      pe_error *errp);

/* Have a server that was started write its append-only file anew before
 * anything is written to it; one that has done so is left alone.  Errors: 77,
 * who logs in may not; retry, 69.
 */
int stream_log_settle(redis_link *l, pe_error *errp);

/* The script, loaded at each connect: a redis_setup_f without an argument. */
int stream_script_load(redis_link *l, void *arg, pe_error *errp);
/* Begin a call of it: EVALSHA, its name, and the keys of topic [name]. */
void stream_script_begin(redis_args *a, const char *name);

#endif
