/* table.h - rows out of the data sets of an HDF5 file, and how many they are.
 */
#ifndef HDF5_TABLE_H
#define HDF5_TABLE_H

#include "clock.h"

/* Columns of one part that follow each other in the table. */
typedef struct hdf5_run {
    size_t part;
    const uint32_t *column; /* of the part; NULL: all of them */
    uint32_t columns, at;   /* at: the first one's place in the table */
} hdf5_run;

typedef struct hdf5_store {
    store_table head;
    hdf5_file file;
    char *path;
    bool follow, netcdf;
    hdf5_part *part;
    size_t parts;
    char **name; /* of all columns; NULL: they have numbers */
    uint32_t all;
    uint32_t *local; /* columns of the runs */
    hdf5_run *run;
    size_t runs;
    hdf5_clock clock;
    uint64_t seen;      /* rows at the look before */
    int64_t held_ns;    /* since when no row comes where there is room; 0: one
                           does */
    bool waiting;       /* it has been said */
    uint64_t left_room; /* rows that a writer has but made room for */
    double *cells;      /* of one run, while they are unpacked */
    size_t cells_cap;
} hdf5_store;

/* How many rows the table has, at open. */
int hdf5_count_rows(hdf5_store *s, pe_error *errp);

/* refresh of store_ops. */
int hdf5_refresh(store_table *head, pe_error *errp);

#endif
