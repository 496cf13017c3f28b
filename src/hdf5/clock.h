/* clock.h - the data set that says when each row was. */
#ifndef HDF5_CLOCK_H
#define HDF5_CLOCK_H

#include "part.h"
#include "src/store/since.h"

/* Starts zeroed, with part.set and part.type -1. */
typedef struct hdf5_clock {
    const char *name; /* the part's; NULL: there is none */
    const char *unit;
    hdf5_part part;
    since since;
    double *cells;
    size_t cap;
} hdf5_clock;

/* Of which rows the clock is looked for, and where. */
typedef struct hdf5_clock_of {
    const hdf5_file *file;
    const hdf5_part *first; /* the rows */
    const hdf5_found *found;
    const store_wish *wish;
    bool netcdf;
} hdf5_clock_of;

/* Find the clock: what `time` of the wish names, else the coordinate of the
 * rows' axis: by the scales of its dimension, `coordinates` of CF, `axes` of
 * NXdata, `time` of NXlog, or what [found] saw.  One that could be it but is
 * not is named in [said].  Errors: input, of what was named.
 */
int hdf5_clock_open(hdf5_clock *c, const hdf5_clock_of *of, text *said,
                    pe_error *errp);
void hdf5_clock_close(hdf5_clock *c);

/* When rows [row] and on were, [n] of them, in ns since 1970; 0: not known.
 * [name] is that of the file.
 */
int hdf5_clock_read(hdf5_clock *c, const char *name, uint64_t row, uint32_t n,
                    int64_t *ns, pe_error *errp);

#endif
