/* fold.h - a trace as an HDF5 file: a group a kind, a data set a column. */
#ifndef HDF5_FOLD_H
#define HDF5_FOLD_H

#include <hdf5.h>

#include "src/trace/trace.h"

#define FOLD_SCHEMA "pilot-edge trace 1"
#define FOLD_ROWS 16384 /* of a chunk, and written or read at once */
#define FOLD_COLUMNS 32

/* A column; ended by one without a name. */
typedef struct fold_column {
    const char *name;
    size_t offset; /* in the row */
    char kind;     /* i u f: number; S: characters */
    size_t bytes;
    const char *units; /* NULL: none */
    const char *words; /* what it is, where the name does not say it */
} fold_column;

typedef struct fold_table {
    const char *group; /* and the word for it */
    unsigned kind;     /* enum layout_kind */
    size_t row;
    const fold_column *columns;
} fold_table;

/* By enum trace_kind; behind those that of processes. */
#define FOLD_PROCESSES TRACE_KINDS
extern const fold_table fold_tables[TRACE_KINDS + 1];

/* The type of a column as it lies in the file; to be closed. */
hid_t fold_type(const fold_column *c);

/* Write the trace in folder [run] as HDF5 file [path], which is there, whole,
 * at the end or not at all.  Errors: those of trace_open; 73.
 */
int fold_write(const char *run, const char *path, pe_error *errp);

/* Say rows of [kind] (a word; "facts": none) of file [path] on standard output,
 * as the segments of a log.  Errors: input, 65: it is no such file.
 */
int fold_read(const char *path, const char *kind, pe_error *errp);

#endif
