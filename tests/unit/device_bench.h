/* device_bench.h - a device under test: its functions, sender and thread. */
#ifndef TESTS_DEVICE_BENCH_H
#define TESTS_DEVICE_BENCH_H

#include <stdatomic.h>

#include "fake_producer.h"
#include "src/edge/device.h"

/* What goes wrong, at the fifth block where it is in processing. */
enum bench_behaviour {
    BENCH_GOOD,
    BENCH_BAD_LENS,    /* an error with a text */
    BENCH_WORDLESS,    /* an error without one */
    BENCH_EMPTY_BLOCK, /* no points */
    BENCH_NO_OPEN,     /* the source does not open */
    BENCH_SENSOR_LOST, /* an error in place of the end */
};
extern enum bench_behaviour bench_behaviour;
extern atomic_int bench_blocks;   /* the source ends after so many */
extern atomic_int bench_sleep_ns; /* it takes so long for one */
extern int bench_closed;          /* calls of its close hook */

/* Source: blocks of 3 x 2 that hold their position, from "f:NUMBER". */
extern const pe_function bench_count;
/* By the block's number modulo 5: filters, passes on, makes its own, hands out
 * borrowed memory, hands out a part of its storage.
 */
extern const pe_function bench_odd;
/* Passes on, but for bench_behaviour. */
extern const pe_function bench_broken;

/* Threads that sources share; NULL, as at first: each has its own. */
extern executor *bench_executor;

typedef struct bench {
    broker_producer_conf producer;
    sender *sender;
    device_stage stages[2];
    device_conf conf;
    device *device;
    pe_options *options; /* of the source */
} bench;

/* Set up a re-readable device "dev-0" on partition 2 with room for 1 MiB; the
 * fake broker is reset.  [process] may be NULL.
 */
void bench_init(bench *b, const pe_function *source,
                const pe_function *process);
/* Open the sender and start the device. */
void bench_start(bench *b);
/* Wait until [done] says so, 5 s at most. */
bool bench_wait(bool (*done)(bench *b), bench *b);
/* The device ended or failed. */
bool bench_over(bench *b);
/* Abort what still runs, free all; what the device counted. */
device_stats bench_stop(bench *b);

#endif
