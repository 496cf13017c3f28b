/* answer.h - the answers of a run: its rows, scored by one model. */
#ifndef ANSWER_ANSWER_H
#define ANSWER_ANSWER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include <pilot/error.h>

/* A folder of four files, which needs nobody to be read:
 *
 * rows.npy      one structured row for each row that came, in order of
 *               partition and offset
 * values.npy    the values of each row, as it was sensed, <f8, in the order of
 *               rows.npy; absent where they would take more than 1 GiB
 * top.npy       those of the rows with the highest scores, highest first;
 *               absent where there are none
 * results.json  schema, run, kind, version, commit, features, model_points,
 *               contamination, threshold, threshold_from (what it was found
 *               by, in words), model_threshold (the stream's), fitted (rows the
 *               model was fitted to in the end; 0: it is the stream's), rows,
 *               scored, outliers, masked,
 *               blocks {scored, refused, repeated, filtered, gone}, devices,
 *               sources (names, by index), top (rows of rows.npy, as top.npy),
 *               values ("all" rows have some, or the "top"), columns (names of
 *               values, or null), drift, notes (what is to be said), seconds
 */
#define ANSWER_FOLDER "results"
#define ANSWER_SCHEMA 1
#define ANSWER_MODEL "model.safetensors" /* in the folder of the run */

/* label = score > threshold. */
enum answer_label {
    ANSWER_MASKED = -1, /* not scored: a value is not finite, or too large */
    ANSWER_INLIER = 0,
    ANSWER_OUTLIER = 1,
};

/* A row of rows.npy. */
typedef struct answer_row {
    int64_t time_ns;   /* its own, else of its block: sensed, else stored by
                          the broker; 0: not known */
    int64_t row;       /* from 0 in its source, else of its device; -1: not
                          known */
    int64_t last;      /* where it is made of several, the last of them */
    int64_t offset;    /* of its record */
    int32_t device;    /* index into devices; -1: too many to be kept */
    int32_t source;    /* index into sources; -1: none */
    int32_t partition; /* of its record */
    uint32_t point;    /* from 0 in what the model got of its block */
    float score;       /* NaN: masked */
    int32_t label;
} answer_row;

/* Its fields, as the head of a .npy lists them. */
#define ANSWER_FIELDS                                                  \
    "('time_ns', '<i8'), ('row', '<i8'), ('last', '<i8'), ('offset', " \
    "'<i8'), ('device',"                                               \
    " '<i4'), ('source', '<i4'), ('partition', '<i4'), ('point', "     \
    "'<u4'), ('score', '<f4'), ('label', '<i4')"

/* Bytes in front of the rows. */
#define ANSWER_HEAD 320

/* The head of a file of [n] rows. */
void answer_head(char out[ANSWER_HEAD], uint64_t n);

/* Answers that are there, read-only. */
typedef struct answers {
    json_t *info; /* results.json */
    const answer_row *rows;
    uint64_t n;
    const double *all;    /* n x n_values; NULL: those of the top alone */
    const double *values; /* n_top x n_values; NULL: none are kept */
    const uint64_t *top;  /* n_top rows, highest score first */
    size_t n_top;
    uint32_t n_values;
    /* for answers_close */
    void *map, *value_map, *all_map;
    size_t map_len, value_map_len, all_map_len;
    void *ranks;
} answers;

/* Open those in [folder], or in "FOLDER.old", where who was to replace them was
 * killed at that.  Errors: input, 65, where they are not what they
 * say; class none with -1 where there are none.
 */
int answers_open(const char *folder, answers *a, pe_error *errp);
void answers_close(answers *a);

/* Values of row [i], n_values of them, or NULL: they were not kept. */
const double *answers_values(const answers *a, uint64_t i);
/* Name of value [k] of a row, NULL: it has none. */
const char *answers_column(const answers *a, uint32_t k);
/* Names by index, "" where there is none. */
const char *answers_device(const answers *a, int32_t device);
const char *answers_source(const answers *a, int32_t source);
double answers_threshold(const answers *a);

#endif
