/* write_index.h - the lines of the index beside a file of rows. */
#ifndef FILE_WRITE_INDEX_H
#define FILE_WRITE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/common/text.h"

/* What came from one place, and where it ends in the file. */
typedef struct write_piece {
    uint64_t lane, at, rows, end;
    uint32_t check; /* pack_check of its bytes */
} write_piece;

/* What an index begins with. */
typedef struct write_head {
    const char *owner;
    const char *layout;  /* "": the file was not begun */
    const char *columns; /* their names (columns.h); "": they have none */
    bool moved;          /* FILE.new, where it is there, is the file */
    size_t head;         /* bytes in front of the rows ... */
    uint32_t head_check; /* ... and the check of them, as they say no rows */
    uint64_t rows, end;  /* there for good: so many, up to there ... */
    uint32_t check;      /* ... and the check of their bytes */
} write_head;

/* All that an index says.  Starts zeroed. */
typedef struct write_index {
    char *text;         /* of which the strings are parts */
    write_head h;       /* owner "": nothing is in it yet */
    write_piece *piece; /* behind what is there for good, in order */
    size_t n, cap;
    write_piece *voided; /* lane and at: what is void from there on */
    size_t n_voided, cap_voided;
} write_index;

/* Read that of [fd], which is called [path].  A last line that is not whole
 * was not finished, and is nothing.  Error: fatal, 65: it is no index, or one
 * that was changed.
 */
int write_index_read(write_index *i, int fd, const char *path, pe_error *errp);
void write_index_free(write_index *i);
bool write_index_is_void(const write_index *i, const write_piece *w);

/* Lines, into [t]. */
void write_index_head(text *t, const write_head *h);
void write_index_piece(text *t, const write_piece *w);
void write_index_void(text *t, uint64_t lane, uint64_t at);

#endif
