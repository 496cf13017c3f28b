/* pass.h - every row of some partitions, scored by one model. */
#ifndef ANSWER_PASS_H
#define ANSWER_PASS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "answer.h"
#include "src/answer/lane.h"

/* What a run had learned from, which is to come again. */
typedef struct pass_expected {
    uint64_t blocks, points;
} pass_expected;

typedef struct pass_conf {
    const char *folder; /* made anew; what is in it is a try that was ended */
    const void *model;  /* safetensors */
    size_t model_len;
    double threshold;     /* NaN: exact, over all that is scored, for the */
    double contamination; /* model's, or this where > 0 */
    const char *threshold_from; /* who says so, for [threshold] */
    const lane_conf *lanes;
    size_t n_lanes;
    /* Of the pool's stages that scale by all rows: what is not known yet is
     * found before anything is scored; NULL: nothing is.
     */
    scaling *scaling;
    bool fit;    /* first fit the model to all rows, where it can be */
    int threads; /* 0: one for each core we may use */
    /* Told about twice a second, from one thread; may be NULL. */
    void (*progress)(void *arg, uint64_t rows, double share);
    void *arg;
    /* Told the model that has scored, before the files are there; may be NULL.
     */
    int (*keep)(void *arg, const void *model, size_t len, pe_error *errp);
    void *keep_arg;
    const pass_expected *expected; /* NULL: nobody knows */
    uint64_t values_bytes;         /* most of all values; 0: 1 GiB */
    json_t *info;                  /* more members for results.json; borrowed */
    /* What the columns were called when the model learned, and in which run;
     * NULL: nobody knows.  Borrowed.
     */
    const json_t *learned;
    const char *learned_in;
} pass_conf;

/* Score all rows of all lanes and write the folder of answers (answer.h) into
 * c->folder, whole or, on error, not at all.  Memory is bounded whatever the
 * number of rows: a record for each thread, the queues of as many sources, and
 * where it is fitted the rows that stand for all (draw.h).
 */
int pass_run(const pass_conf *c, pe_error *errp);

#endif
