/* write_rows.h - rows of blocks as CSV, or as items of a NumPy array. */
#ifndef FILE_WRITE_ROWS_H
#define FILE_WRITE_ROWS_H

#include <stdbool.h>

#include <pilot/block.h>

#include "src/context/rows.h"
#include "src/common/text.h"

/* What is written of each row, beside its time, device, file and number. */
typedef struct write_shape {
    bool values, scores;
    const rows_columns *columns; /* which values; none in it: all */
    uint32_t features;           /* of the blocks */
    enum pe_dtype dtype;         /* of the values in an array */
} write_shape;

/* What others say of the rows of a block: a model, and their source. */
typedef struct write_scored {
    const float *score; /* NULL: there is no model yet */
    double threshold;   /* NaN: likewise */
    uint64_t version;
    const int64_t *time; /* of each row; NULL: that of the block */
} write_scored;

/* Values of a row. */
uint32_t write_values(const write_shape *s);

/* The line of titles, and the rows of [b]: as `pilot results --csv` has them,
 * with values called x0, x1, ...
 */
void write_csv_titles(const write_shape *s, text *t);
void write_csv(const write_shape *s, const pe_block *b,
               const write_scored *scored, text *t);

/* Bytes in front of an array of such rows, all of them written by
 * write_npy_head for [n] rows; and of an item.
 */
#define WRITE_NPY_HEAD 512
#define WRITE_DEVICE 64 /* bytes of a device's name, ... */
#define WRITE_SOURCE                                     \
    192 /* ... and of a file's; what is longer loses its \
           beginning */
size_t write_npy_item(const write_shape *s);
void write_npy_head(const write_shape *s, uint64_t n,
                    unsigned char out[WRITE_NPY_HEAD]);
/* Have a head say that there are [n] rows; one of CSV says nothing. */
void write_recount(unsigned char *head, size_t len, uint64_t n);
/* The rows of [b] into [to], which has room for as many items. */
void write_npy(const write_shape *s, const pe_block *b,
               const write_scored *scored, unsigned char *to);

#endif
