/* hdf5_bench.h - HDF5 files that a test writes into its scratch folder. */
#ifndef TESTS_HDF5_BENCH_H
#define TESTS_HDF5_BENCH_H

#include <hdf5.h>

#include "source_bench.h"

extern char bench_path[300]; /* of the file made last */

/* A new file [name]; the caller closes it. */
hid_t bench_file(const char *name);
/* Open "FILE[:MEMBER]" by source `file` with [options] of
 * source_set_words.  Returns what its open does.
 */
int bench_open(source_bench *b, const char *member, const char *options);

/* An attribute of [object]: a text, a number. */
void bench_text(hid_t object, const char *name, const char *value);
void bench_number(hid_t object, const char *name, double value);

/* A group [name] in [at], of NeXus class [class] unless NULL; the caller closes
 * it.
 */
hid_t bench_group(hid_t at, const char *name, const char *class);

/* A data set of [rows] doubles, or, with [columns], of so many columns: value
 * r of row r, r + 0.5 and so on in the columns behind it.  The caller closes
 * it.
 */
hid_t bench_set(hid_t at, const char *name, hsize_t rows, hsize_t columns);
/* The same, closed at once, with its units unless NULL. */
void bench_put(hid_t at, const char *name, hsize_t rows, const char *units);

/* Say that [scale] is the scale of axis [axis] of [set], which has [axes]. */
void bench_attach(hid_t file, const char *scale, hid_t set, unsigned axis,
                  hsize_t axes);

#endif
