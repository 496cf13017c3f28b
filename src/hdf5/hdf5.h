/* hdf5.h - what the files of the HDF5 reader share.
 *
 * The library is entered by one thread at a time: every function but those
 * of store_ops is called between hdf5_enter and hdf5_leave.
 */
#ifndef HDF5_HDF5_H
#define HDF5_HDF5_H

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

/* --- writing (write.c), which enters and leaves by itself --- */

int hdf5_make(const char *npy, const char *path, pe_error *errp);

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

/* What [x], as it is stored, stands for, into *yp; else why it is no number. */
enum { HDF5_MISSING = 1, HDF5_OUTSIDE = 2 };
static inline int hdf5_unpack(const hdf5_packing *p, double x, double *yp)
{
    double y = x * p->scale + p->offset, bound = p->unpacked ? y : x;

    for (size_t i = 0; i < p->fills; i++)
        if (x == p->fill[i])
            return HDF5_MISSING;
    if (bound < p->low || bound > p->high)
        return HDF5_OUTSIDE;
    *yp = y;
    return 0;
}

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

/* Which data sets are meant.  Starts zeroed. */
typedef struct hdf5_found {
    char **path; /* NULL-ended */
    size_t n;
    text said;  /* what is left out, for the line of a run; */
    text why;   /* why these, for people */
    char *time; /* one that counts time, and may be their clock; NULL */
    bool failed;
} hdf5_found;

int hdf5_found_add(hdf5_found *out, const char *path, size_t len);
void hdf5_found_free(hdf5_found *out);

/* Which data sets [member] asks for, or, of a group, what it plots; "": what
 * the file offers by itself.  With [times], one that counts time is none of
 * them.  Errors: input, 65, also where there are several to choose from.
 */
int hdf5_find(const hdf5_file *f, const char *member, bool times,
              hdf5_found *out, pe_error *errp);

/* What NeXus plots at [from] and below (nexus.c): 1, 0 nothing, -1: several
 * things, or no memory.
 */
int hdf5_nexus(const hdf5_file *f, const char *from, hdf5_found *out,
               pe_error *errp);

/* What [file] has, at [member] and below ("": all), for people. */
int hdf5_list(const char *file, const char *member, text *out, pe_error *errp);

/* "(100, 32)", of a data set. */
void hdf5_shape_text(hid_t set, char *out, size_t cap);

/* Open the data set at [path]; NULL-safe error names what is missing. */
hid_t hdf5_open_set(const hdf5_file *f, const char *path, hid_t access,
                    pe_error *errp);

/* A dimension of netCDF without a variable: a data set that holds nothing. */
bool hdf5_is_phantom(hid_t set);
/* Is it a coordinate: the numbers of a dimension? */
bool hdf5_is_scale(hid_t set);
/* Are its units those of a time, "days since 2026-01-01"? */
bool hdf5_counts_time(hid_t set);
bool hdf5_is_netcdf(hid_t file);

/* --- filters --- */

/* Name of filter [id], as people know it; NULL: not known here. */
const char *hdf5_filter_name(H5Z_filter_t id);
/* The first filter of [set] that is not the library's own; NULL: none. */
const char *hdf5_foreign_filter(hid_t set);
/* Is it here? */
bool hdf5_can_decode(H5Z_filter_t id);

/* The kind, for store_add_hdf5. */
extern const store_kind store_hdf5;

#endif
