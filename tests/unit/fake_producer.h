/* fake_producer.h - a producer that keeps what it is given. */
#ifndef TESTS_FAKE_PRODUCER_H
#define TESTS_FAKE_PRODUCER_H

#include <pthread.h>
#include <stdbool.h>

#include "src/sender/sender.h"

#define FAKE_RECORDS_MAX 4096

/* One record that was stored, as a consumer would see it. */
typedef struct fake_record {
    int partition;
    int64_t boot, seq;
    int64_t sense_ns;
    double first; /* element of its block */
    uint32_t points;
    char source[32], model[8], stage[24];
    char times[96], columns[64], scale[96]; /* "" : no such header */
} fake_record;

/* How the broker behaves, and what it has stored. */
struct fake {
    pthread_mutex_t lock;
    bool hold;         /* acknowledge nothing */
    int room;          /* records it takes before the queue is full; 0: all */
    int break_after;   /* records until the next fatal error; 0: never */
    int lose;          /* records before the break that are not stored */
    int open_failures; /* how often open fails before it works */
    bool refuse;       /* every record is refused for good */
    size_t len_max;    /* larger ones are an input error; 0: none is */
    int opened;
    fake_record stored[FAKE_RECORDS_MAX];
    int n_stored;
    int64_t next_offset;
};
extern struct fake fake;

/* Back to a broker that stores all; no sender is open. */
void fake_reset(void);

/* While a sender is open. */
int fake_stored(void);
void fake_hold(bool hold);
void fake_fail_open(int times);

extern const sender_ops fake_ops;

#endif
