/* answer_data.h - seeded tables with planted rows, for tests and peers. */
#ifndef TESTS_ANSWER_DATA_H
#define TESTS_ANSWER_DATA_H

enum { ANSWER_DATA_ROWS = 3000, ANSWER_DATA_COLUMNS = 4, ANSWER_DATA_ODD = 30 };

typedef struct answer_data {
    int rows, columns;
    double x[ANSWER_DATA_ROWS][ANSWER_DATA_COLUMNS];
    unsigned char planted[ANSWER_DATA_ROWS];
} answer_data;

/* Table [name]: blobs (three of them), ramp (along time), constant (one column
 * is), scales (columns 1e6 times as wide as others), duplicates (few different
 * rows).  The same on every machine.  -1: there is none such.
 */
int answer_data_make(const char *name, answer_data *t);

#endif
