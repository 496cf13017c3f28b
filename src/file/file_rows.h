/* file_rows.h - which rows of its file a block holds, and when they were. */
#ifndef FILE_ROWS_H
#define FILE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#define FILE_ROWS_GAPS 120 /* bytes of "0-3,5-7", see file_rows_source */

/* Starts zeroed; n becomes 0 for another block. */
typedef struct file_rows {
    uint32_t n;
    uint64_t first, last; /* numbers of rows, those of files before included */
    uint64_t run_from;    /* first of the rows without a gap */
    char gaps[FILE_ROWS_GAPS + 1]; /* "0-3,5-7", where some are missing */
    int64_t *times;                /* of the n rows, where there is room */
    uint32_t cap;
    int64_t time; /* of the newest row that had one; 0: none had */
    char *source;
    size_t source_cap;
} file_rows;

void file_rows_free(file_rows *r);

/* Room for the times of so many rows; -1: no memory. */
int file_rows_reserve(file_rows *r, uint32_t points);

/* Row [row] is in the block, too; the first one of its file is [base]. */
void file_rows_add(file_rows *r, uint64_t row, uint64_t base);
/* The time of the row that was added last. */
void file_rows_time(file_rows *r, int64_t ns);

/* NAME:FIRST, or, where rows are missing, NAME:0-3,5-7, or NAME:FIRST+ where
 * that is too long; ours until the next call.  NULL: no memory.
 */
const char *file_rows_source(file_rows *r, const char *name, uint64_t base);

#endif
