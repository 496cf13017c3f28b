/* part.h - one data set as some columns of a table. */
#ifndef HDF5_PART_H
#define HDF5_PART_H

#include "hdf5.h"

typedef struct hdf5_part {
    char *path;
    const char *label; /* last name of the path */
    char *unit;        /* "": none */
    hid_t set, type;   /* type: what is read into memory */
    grid_items items;
    grid grid;
    hdf5_packing packing;
    bool chunked;
    hsize_t chunk[GRID_DIMS_MAX];
    bool too_large; /* a row of chunks is more than is kept in memory */
    size_t slab;    /* rows that are read in one go; 0: those asked for */
    void *raw;      /* rows raw_first to raw_first + raw_n */
    size_t raw_cap;
    uint64_t raw_first;
    size_t raw_n;
    char why[HDF5_WHY]; /* the library's words on what it could not read */
} hdf5_part;

/* Open data set [path] of [f]: check that all of it can be read, and take it
 * as rows and columns.  Part of a table comes zeroed, with set and type -1.
 */
int hdf5_part_open(hdf5_part *p, const hdf5_file *f, const char *path,
                   const grid_take *take, bool netcdf, pe_error *errp);
void hdf5_part_close(hdf5_part *p);

/* Have row [row], and as many behind it as there are of the [n] wanted, in
 * memory, into *out: at least one.  [name] is that of the file.
 */
int hdf5_part_load(hdf5_part *p, const char *name, uint64_t row, size_t n,
                   grid_rows *out, pe_error *errp);

/* Rows [row], [n] of them, with all of their columns straight to [to], where
 * they lie in one piece in the file, of numbers as [dtype].  false: they do
 * not, or cannot be read, which hdf5_part_load tells apart.
 */
bool hdf5_part_copy(hdf5_part *p, uint64_t row, size_t n, void *to,
                    enum pe_dtype dtype);

/* Look how many rows there are now, in p->grid. */
int hdf5_part_refresh(hdf5_part *p, const char *name, pe_error *errp);

/* Of rows [from] to p->grid.rows, those in chunks that somebody has written:
 * the first one that is in none.  A writer may make room long before.
 */
uint64_t hdf5_part_written(const hdf5_part *p, uint64_t from);

/* Of the first [rows] those that are within the [size] bytes of the file: what
 * lies behind its end, in a copy that was cut, is read as zeros.
 */
uint64_t hdf5_part_within(const hdf5_part *p, uint64_t rows, uint64_t size);

/* How many of rows [from] to [to], at their end, hold nothing but the fill
 * value: in a chunk that is written, those may be none yet.
 */
uint64_t hdf5_part_blank(hdf5_part *p, uint64_t from, uint64_t to);

#endif
