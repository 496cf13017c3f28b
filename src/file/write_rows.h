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
    const char *names;           /* of all of them (columns.h); "": none */
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

/* The names of the values that are written, as a list (columns.h), into [t];
 * one that is empty or called as what stands before the values is x0, x1, ...
 * by its number; nothing where columns have no names.
 */
void write_names(const write_shape *s, text *t);

/* The line of titles, with the names of that list [names]; "": values are
 * called x0, x1, ...; and the rows of [b], as `pilot results --csv` has them.
 */
void write_csv_titles(const write_shape *s, const char *names, text *t);
void write_csv(const write_shape *s, const pe_block *b,
               const write_scored *scored, text *t);

/* Bytes in front of an array of such rows, at least. */
#define WRITE_NPY_HEAD 512
#define WRITE_DEVICE 64 /* bytes of a device's name, ... */
#define WRITE_SOURCE                                     \
    192 /* ... and of a file's; what is longer loses its \
           beginning */
/* Bytes of an item. */
size_t write_npy_item(const write_shape *s);
/* What stands in front of an array of no rows: the title of its field of values
 * is the list [names].
 */
void write_npy_head(const write_shape *s, const char *names, text *t);
/* Have a head say that there are [n] rows; one of CSV says nothing. */
void write_recount(unsigned char *head, size_t len, uint64_t n);
/* The rows of [b] into [to], which has room for as many items. */
void write_npy(const write_shape *s, const pe_block *b,
               const write_scored *scored, unsigned char *to);

#endif
