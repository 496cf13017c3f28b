/* broker.h - streams of records: topics, producer, consumer. */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/block/record.h"

/* A connected stream socket to [host]:[port], which the caller closes; -1.
 * Called from the client's own threads.
 */
typedef int (*broker_dial_f)(void *arg, const char *host, int port,
                             pe_error *errp);

/* How to reach a broker; strings are borrowed during the call only. */
typedef struct broker_conf {
    const char *endpoint;  /* host:port[,host:port...] of Kafka; of streams in a
                              Redis redis://host:port, rediss://... or
                              unix:///path */
    const char *logins;    /* path of a file of them (src/login); NULL: none
                              is needed */
    const char *client_id; /* shows in the broker's log */
    const char *from;      /* who named the endpoint, for error texts; NULL:
                              nobody knows */
    double timeout_s;      /* of the first contact; 0: 10 s */
    broker_dial_f dial;    /* makes the connections, and no name is looked up
                              here; NULL: we do */
    void *dial_arg;        /* has to live as long as what is opened */
} broker_conf;

/* How fast brokers have answered a client, summed over seconds in which they
 * did: a mean is a sum over [seconds].
 */
typedef struct broker_answers {
    uint64_t seconds;
    double slow_ms;     /* of the slowest answer of each such second */
    double quick_ms;    /* ... and of the quickest */
    double throttle_ms; /* by which a quota held its answers back, on average */
    uint64_t wire_bytes; /* that were sent, as they were packed */
} broker_answers;

/* A record as it was read.  Pointers live until broker_record_release. */
typedef struct broker_record {
    void *handle;                          /* the client's own */
    const struct broker_consumer_ops *ops; /* of whose it is */
    const void *value;
    size_t len;
    const char *key; /* not NUL-ended; NULL: none */
    size_t key_len;
    int32_t partition;
    int64_t offset;
    int64_t time_ns; /* record time, 0: none */
    uint64_t mark;   /* by which it is known again: a hash of time, key, length
                        and the last bytes; never 0 */
} broker_record;

/* Is [endpoint] that of streams in a Redis?  Else it is Kafka's. */
bool broker_is_redis(const char *endpoint);

/* Would a client take what the file of logins says, and can it be made?  No
 * broker is asked.  Errors: input, of the file (65, 77) or of a value (78).
 */
int broker_login_check(const broker_conf *c, pe_error *errp);

/* --- admin: one connection, any thread, blocking up to timeout_s --- */
typedef struct broker_admin broker_admin;

/* Errors: retry, 69, "broker HOST:PORT cannot be reached: ..., fix". */
broker_admin *broker_admin_open(const broker_conf *c, pe_error *errp);
void broker_admin_close(broker_admin *a);

/* Facts wanted of a topic. */
typedef struct broker_topic {
    const char *name;
    int partitions;         /* at least; exactly when it is created */
    uint64_t message_bytes; /* max.message.bytes wanted */
    bool gaps_allowed;      /* accept compacted topics */
    bool device_clocks;     /* its writers' clocks may be wrong: it is said
                               where records are kept and admitted by them */
    double retention_s;     /* 0: the broker's default; only on creation */
    bool theirs;            /* made and kept by others: nobody is told to alter
                               it, and what it admits is theirs to say */
    const char *stream;     /* its name in the pipeline file, for error texts;
                               NULL: STAGE */
} broker_topic;

/* Create the topic, or check the one that is there: too few partitions,
 * a smaller max.message.bytes, cleanup.policy=compact without gaps_allowed
 * are input errors (78) with the command that fixes it.  *partitionsp = how
 * many there are.  A topic that was created has leaders on return,
 * and keeps and admits records by the broker's clock.
 */
int broker_topic_ensure(broker_admin *a, const broker_topic *t,
                        int *partitionsp, pe_error *errp);
/* Returns when it is gone; one that is not there is no error. */
int broker_topic_delete(broker_admin *a, const char *name, pe_error *errp);
/* Call [each] with every broker of the cluster, as it is advertised: what
 * clients connect to, whatever they were told first.
 */
int broker_admin_each(broker_admin *a,
                      void (*each)(void *arg, const char *host, int port),
                      void *arg, pe_error *errp);
/* How many partitions topic [name] has; 0: there is none of that name, and none
 * is made.
 */
int broker_topic_partitions(broker_admin *a, const char *name, int *partitionsp,
                            pe_error *errp);
/* First offset kept and next offset to be written. */
int broker_watermarks(broker_admin *a, const char *topic, int32_t partition,
                      int64_t *lowp, int64_t *highp, pe_error *errp);

/* Next offsets of [n] partitions of a topic, by one question to each broker: of
 * partition[i] into end[i], -1: not known.  Unlike broker_watermarks, which a
 * broker that is stopped holds up, it takes no longer than the limit.
 */
int broker_ends(broker_admin *a, const char *topic, const int32_t *partition,
                int64_t *end, size_t n, pe_error *errp);

/* How long a question to the leader of each of the [n] partitions of a topic
 * takes, there and back, into us[k] in microseconds, at least 1; 0: it is not
 * known.  Each leader is asked about one of its partitions, up to eight times,
 * until it has answered within 5 ms, and the shortest counts; of more than 64
 * leaders, the first 64.
 */
int broker_trips(broker_admin *a, const char *topic, int32_t n, int32_t *us,
                 pe_error *errp);

/* --- producer: idempotent, acks=all, in order per partition --- */
typedef struct broker_producer broker_producer;

/* Called from broker_producer_poll (any thread that polls) once for every
 * record accepted: [offset] >= 0 when it is stored, -1 when it is not (the
 * producer then is broken, see broker_producer_error).
 */
typedef void (*broker_delivery_f)(void *arg, void *opaque, int32_t partition,
                                  int64_t offset);

typedef struct broker_producer_conf {
    broker_conf broker;
    const char *compression; /* none lz4 zstd snappy */
    double linger_s;
    uint64_t message_bytes;      /* largest record with its headers, as in
                                    the topic's max.message.bytes */
    uint64_t queue_bytes;        /* bound of what is not yet acknowledged;
                                    two of the largest records fit always */
    int in_flight;               /* requests on a connection, 1..5 */
    broker_delivery_f delivered; /* may be NULL */
    void *arg;
} broker_producer_conf;

broker_producer *broker_producer_open(const broker_producer_conf *c,
                                      pe_error *errp);
/* Waits for nothing: what is not acknowledged is given up (its callback is
 * called with -1).  Call broker_producer_flush first.  May be NULL.
 */
void broker_producer_close(broker_producer *p);

/* A record that is to be stored. */
typedef struct broker_output {
    const char *topic;
    int32_t partition; /* < 0: the client's hash of the key */
    const char *key;   /* NULL: none */
    const void *value;
    size_t len;
    const record_headers *headers; /* NULL: none */
    bool copy;    /* else [value] is borrowed until its delivery callback */
    void *opaque; /* for that */
} broker_output;

/* Hand over one record.  Returns 0; 1 when the queue is full (poll and try
 * again); -1 error (input: too large, or no such partition; fatal: producer is
 * broken).  The first record of a topic waits up to 5 s for the broker's
 * description of it.  Any thread.
 */
int broker_produce(broker_producer *p, const broker_output *o, pe_error *errp);

/* Serve delivery callbacks for up to [timeout_ms]; returns how many. */
int broker_producer_poll(broker_producer *p, int timeout_ms);
/* Records accepted and not yet acknowledged. */
int broker_producer_pending(const broker_producer *p);
/* Looked at once a second, by who polls.  Any thread may ask. */
void broker_producer_answers(const broker_producer *p, broker_answers *out);
/* Wait until all is acknowledged; 0, or -1: retry after [timeout_ms], or the
 * error of broker_producer_error.
 */
int broker_producer_flush(broker_producer *p, int timeout_ms, pe_error *errp);
/* 0, or -1 with the fatal error that broke it: open another and send again
 * from the first record that was not acknowledged.
 */
int broker_producer_error(const broker_producer *p, pe_error *errp);

/* --- consumer: explicit partitions and offsets, no group protocol --- */
typedef struct broker_consumer broker_consumer;

typedef struct broker_position {
    int32_t partition;
    int64_t offset; /* next to read */
    uint64_t mark;  /* of the record before, which is read first and has to
                       have it; 0: not known */
} broker_position;

typedef struct broker_consumer_conf {
    broker_conf broker;
    const char *topic;
    const char *group;      /* under which progress is shown; never joined */
    uint64_t message_bytes; /* largest record */
    uint64_t queue_bytes;   /* bound of what is fetched ahead, as long as
                               half of it holds the largest record */
    bool check_crcs;
    bool gaps_allowed;
    bool only_checks; /* for broker_consumer_checks alone: a record that is no
                         longer there is one that cannot be checked */
} broker_consumer_conf;

broker_consumer *broker_consumer_open(const broker_consumer_conf *c,
                                      pe_error *errp);
void broker_consumer_close(broker_consumer *c); /* may be NULL */

/* Read these partitions from these offsets, and no others, from now on;
 * records fetched before are dropped.  Any number of times; n may be 0.  Where
 * a position has a mark, another record in front of it is an error of the
 * fetch: the topic was made anew, or has lost its end.  The same is looked at
 * whenever a connection was lost; where the record in front is not kept any
 * more, it is not looked at.
 * Input error, and all as it was, for a negative partition or offset or a
 * partition given twice.  One that is not there, or a topic, is waited for:
 * whether they are is for broker_topic_ensure to say.
 */
int broker_consumer_assign(broker_consumer *c, const broker_position *p,
                           size_t n, pe_error *errp);

/* Next record, waiting up to [timeout_ms].  1: *r is filled; 0: none yet;
 * -1: error.  Offsets of a partition come without a gap: a gap, a bad CRC, an
 * offset below the log start are fatal errors naming partition and offset,
 * unless gaps_allowed.  A broker that is away is not an error: 0.
 */
int broker_consumer_fetch(broker_consumer *c, int timeout_ms, broker_record *r,
                          pe_error *errp);
/* Positions whose record in front has not been looked at since assign. */
size_t broker_consumer_checks(const broker_consumer *c);
/* Before the consumer is closed; a second time does nothing. */
void broker_record_release(broker_record *r);

/* Headers of [r]; names and values live as long as the record.  More than
 * RECORD_HEADERS_MAX: the rest is left out.
 */
int broker_record_headers(const broker_record *r, record_headers *h,
                          pe_error *errp);

/* Is no broker there?  [out]: "broker HOST:PORT is away", and why where this
 * host can see it.
 */
bool broker_consumer_is_away(const broker_consumer *c, char *out, size_t cap);
/* As broker_producer_answers.  An answer without records takes 100 ms. */
void broker_consumer_answers(const broker_consumer *c, broker_answers *out);
/* Becomes readable when a record arrives where there was none, for poll(2):
 * clear it, then fetch until 0, before waiting for it again.
 */
int broker_consumer_fd(const broker_consumer *c);
/* Drain the event descriptor after poll said it is readable. */
void broker_consumer_fd_clear(const broker_consumer *c);

/* Newest known end of a partition (next offset), -1: not known yet. */
int64_t broker_consumer_high(const broker_consumer *c, int32_t partition);

/* How many partitions the topic has, as far as the client has heard since it
 * was opened, and a record or a check of it was asked for; 0: not known.
 * Kafka's client hears of it within a minute.
 */
int broker_consumer_partitions(const broker_consumer *c);

/* Write progress to the broker, for lag displays only; never read back.  Does
 * not wait, and does nothing while an earlier one is under way.
 */
void broker_consumer_note(broker_consumer *c, const broker_position *p,
                          size_t n);

#endif
