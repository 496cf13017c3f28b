/* fed.h - devices that learn, and the model of all, without services. */
#ifndef TESTS_FED_H
#define TESTS_FED_H

#include <stdbool.h>

#include "src/federate/learner.h"
#include "src/source/source.h"

enum { D = 8, N = 200, DEVICES = 4, SEED = 11, LEAST = 5 };

/* A run without its services: devices, and the model of all. */
typedef struct fed {
    const char *kind;
    pe_options *options;
    pe_model *m;
    learner *device[DEVICES];
    uint64_t seq[DEVICES];
    size_t bytes;  /* of the largest delta behind the first of each device */
    uint64_t rows; /* that were merged */
    bool leaked;   /* a delta had a value of a row */
} fed;

/* Of the model [w] has the name of, with its options, name and value in turn up
 * to a NULL, and one more, NULL: none.
 */
void fed_open(fed *f, const char *const *w, const char *name,
              const char *value);
void fed_close(fed *f);

/* A value of a row of [b] as a double, or two of them side by side as floats,
 * in [delta].
 */
bool fed_leaks(const pe_block *b, const learner_delta *delta);

/* Device [i] learns from block [number] of all. */
void fed_block(fed *f, int i, int64_t number, uint32_t points, pe_block *b);

/* Delta of device [i], as a rank reads it. */
source_item item_of(const learner_delta *delta, int i, int64_t offset);

/* What device [i] has learned goes into the model of all; 1: it had any. */
int fed_sync(fed *f, int i, const pe_block *last);

#endif
