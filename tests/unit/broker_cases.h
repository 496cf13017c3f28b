/* broker_cases.h - what every broker does for us (src/broker/broker.h): cases
 * for librdkafka's mock cluster, which unit tests play with, for Kafka, and for
 * streams in a Redis.
 */
#ifndef TESTS_BROKER_CASES_H
#define TESTS_BROKER_CASES_H

#include "mock_broker.h" /* its words are for both: mock_endpoint is set */

/* How a broker is brought to what a case is about.  Each returns NULL, or why
 * it cannot be.
 */
typedef struct broker_kind {
    const char *name;
    /* It makes and changes topics as it is asked to. */
    const char *no_topics; /* NULL: it does */
    /* A new topic. */
    const char *(*topic)(const char *name, int partitions);
    /* A new topic of one partition that refuses the record to come. */
    const char *(*refuse)(const char *name);
    /* The first records of partition 0, of those that are there, go. */
    const char *(*cut)(const char *name);
    /* It goes away at once, and comes back where it was. */
    const char *(*leave)(void);
    const char *(*come)(void);
    /* A record with [n] headers h0, h1, ... in partition 0, by other means. */
    void (*headers)(const char *topic, int n);
    /* What was noted of group g in partition 0, by other means; -1: nothing. */
    int64_t (*noted)(const char *topic);
    const char *alter; /* begins a command that mends a topic */
    const char *reach; /* "HOST:PORT," of each of its servers */
} broker_kind;

/* The two of librdkafka's, for whatever speaks Kafka at mock_endpoint. */
void broker_kafka_headers(const char *topic, int n);
int64_t broker_kafka_noted(const char *topic);

extern const broker_kind *broker_kind_now; /* under test */

/* Rows of a table of unit.h. */
#define BROKER_CASES                                                          \
    {"topics are made, found and deleted", case_topics},                      \
        {"topics that do not fit", case_topics_misfit},                       \
        {"names that are none", case_names}, {"watermarks", case_watermarks}, \
        {"how far its leaders are", case_trips}, {"who is there", case_each}, \
        {"records in their order", case_order},                               \
        {"any bytes, no key, no value", case_bytes},                          \
        {"more headers than are kept", case_headers},                         \
        {"compressed records", case_compressed},                              \
        {"times of records", case_times},                                     \
        {"a record that is too large for us", case_large},                    \
        {"a record that is too large for the topic", case_refused},           \
        {"a partition that is not there", case_partition},                    \
        {"a topic that is not there", case_unknown},                          \
        {"from the first, an offset, the end", case_offsets},                 \
        {"offsets that are not in the log", case_range},                      \
        {"a log whose front is gone", case_cut},                              \
        {"the record in front of a position", case_mark},                     \
        {"a topic that was made anew", case_anew},                            \
        {"the descriptor wakes poll", case_descriptor},                       \
        {"two consumers", case_two}, {"progress is noted", case_note},        \
        {"closed in the midst of it", case_close},                            \
    {                                                                         \
        "a broker that goes and comes back", case_away                        \
    }

void case_topics(void);
void case_topics_misfit(void);
void case_names(void);
void case_watermarks(void);
void case_trips(void);
void case_each(void);
void case_order(void);
void case_bytes(void);
void case_headers(void);
void case_compressed(void);
void case_times(void);
void case_large(void);
void case_refused(void);
void case_partition(void);
void case_unknown(void);
void case_offsets(void);
void case_range(void);
void case_cut(void);
void case_mark(void);
void case_anew(void);
void case_descriptor(void);
void case_two(void);
void case_note(void);
void case_close(void);
void case_away(void);

/* For cases.  A new topic of [partitions]. */
void broker_case_topic(const char *name, int partitions);
/* True, and said, where [why] a case cannot be. */
bool broker_case_skipped(const char *what, const char *why);
/* Nothing comes of [c] while it is asked a few times. */
void broker_case_silent(broker_consumer *c);

#endif
