/* hdf5.h - what the files of the HDF5 reader share.
 *
 * The library is entered by one thread at a time: every function but those
 * of store_ops is called between hdf5_enter and hdf5_leave.
 */
#ifndef STORE_HDF5_HDF5_H
#define STORE_HDF5_HDF5_H

#include <hdf5.h>

#include "src/store/private.h"

#define HDF5_WHY 512

/* Longest fact of packing that is kept of a kind. */
#define HDF5_FILLS 8

void hdf5_enter(void);
void hdf5_leave(void);

/* --- what went wrong --- */

/* What the library says of its last error, the deepest words first, on one
 * line; "" : nothing.
 */
void hdf5_why(char out[HDF5_WHY]);

/* --- files (file.c) --- */

typedef struct hdf5_file {
    hid_t id;
    const char *path; /* borrowed */
    bool writing;     /* a writer has it open, or was killed */
    bool swmr;        /* it is read beside a writer */
} hdf5_file;

/* Open [path], or say why not and what to do.  [follow]: as what grows. */
int hdf5_file_open(hdf5_file *f, const char *path, bool follow, pe_error *errp);

/* --- types (type.c) --- */

/* What an item of [type] holds, into [items].  The type to read with, the
 * caller closes it; -1: no number, and *whatp says what it is.
 */
hid_t hdf5_type(hid_t type, grid_items *items, const char **whatp);

/* --- attributes (attribute.c) --- */

/* Text of attribute [name] of [object] (of an array of texts, all of them,
 * separated by blanks), cut, into [out]; false: there is none.
 */
bool hdf5_text(hid_t object, const char *name, char *out, size_t cap);
/* Numbers of it: how many, at most [cap]. */
size_t hdf5_numbers(hid_t object, const char *name, double *out, size_t cap);
bool hdf5_has(hid_t object, const char *name);

/* How the numbers of a variable stand for others (CF conventions). */
typedef struct hdf5_packing {
    bool any; /* else nothing is to be done */
    double scale, offset;
    double fill[HDF5_FILLS]; /* as they are stored */
    size_t fills;
    double low, high; /* NaN: none */
    bool unpacked;    /* low and high are of what is stood for */
} hdf5_packing;

/* [netcdf]: cells that were never written have netCDF's own fill value. */
void hdf5_packing_read(hid_t set, bool netcdf, grid_items *items,
                       hdf5_packing *p);

/* --- data sets --- */

#define HDF5_DEPTH_MAX 8

/* Can all of [set] be read: its filters, and the files its data lie in?  Looked
 * at before the first row; the error names [name].
 */
int hdf5_check(const hdf5_file *f, hid_t set, const char *name, int depth,
               pe_error *errp);

/* Which data sets [member] asks for; "": what the file offers by itself, which
 * is said in [said].  Paths, NULL-ended, the caller frees list and paths.
 */
char **hdf5_find(const hdf5_file *f, const char *member, text *said,
                 pe_error *errp);
void hdf5_paths_free(char **paths);

/* Open the data set at [path]; NULL-safe error names what is missing. */
hid_t hdf5_open_set(const hdf5_file *f, const char *path, hid_t access,
                    pe_error *errp);

/* A dimension of netCDF without a variable: a data set that holds nothing. */
bool hdf5_is_phantom(hid_t set);
/* Is it a coordinate: the numbers of a dimension? */
bool hdf5_is_scale(hid_t set);
bool hdf5_is_netcdf(hid_t file);

/* The kind, for store_add_hdf5. */
extern const store_kind store_hdf5;

#endif
