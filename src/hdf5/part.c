/* part.c - one data set as some columns of a table. */
#include "part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Rows are read by whole chunks, at least so many bytes in one go, and at most
 * so many in memory: beyond it they are read as they are asked for.
 */
#define SLAB_LEAST ((size_t)1 << 20)
#define SLAB_MOST ((size_t)32 << 20)

/* The library keeps unpacked chunks: two rows of them, for devices that are
 * not at the same place, as long as they are no more than the first; one, up
 * to the second.
 */
#define CACHE_TWO ((size_t)256 << 20)
#define CACHE_MOST ((size_t)1 << 30)

static int refuse(const hdf5_file *f, const hdf5_part *p, const char *why,
                  pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s:%s %s", f->path,
                        p->path, why);
}

/* --- shape --- */

static int read_shape(const hdf5_file *f, hdf5_part *p, uint64_t *dim,
                      unsigned *dimsp, pe_error *errp)
{
    hsize_t d[H5S_MAX_RANK];
    hid_t space = H5Dget_space(p->set);
    H5S_class_t class =
        space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    int n = class == H5S_SIMPLE ? H5Sget_simple_extent_dims(space, d, NULL) : 0;

    if (space >= 0)
        H5Sclose(space);
    if (class == H5S_NULL)
        return refuse(f, p, "is empty: it has no rows at all", errp);
    if (n < 0)
        return refuse(f, p, "has no shape that can be read", errp);
    for (int i = 0; i < n; i++)
        dim[i] = d[i];
    *dimsp = (unsigned)n;
    return 0;
}

static int take_shape(const hdf5_file *f, hdf5_part *p, const grid_take *take,
                      pe_error *errp)
{
    grid_shape shape = {0};

    if (read_shape(f, p, shape.dim, &shape.dims, errp) < 0)
        return -1;
    if (grid_make(&p->grid, &shape, &p->items, take, errp) < 0)
        return pe_error_prefix(errp, "%s:%s", f->path, p->path);
    return 0;
}

static int take_type(const hdf5_file *f, hdf5_part *p, pe_error *errp)
{
    hid_t type = H5Dget_type(p->set);
    const char *what = "numbers of a kind that is not known";

    p->type = type < 0 ? -1 : hdf5_type(type, &p->items, &what);
    if (type >= 0)
        H5Tclose(type);
    if (p->type >= 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s:%s holds no numbers: it is of %s", f->path, p->path,
                        what);
}

/* --- chunks --- */

/* Bytes of the chunks that a row is in, and how many they are. */
static size_t row_of_chunks(const hdf5_part *p, size_t *np)
{
    size_t bytes = p->items.bytes, n = 1;

    for (unsigned i = 0; i < p->grid.dims; i++) {
        size_t side = (size_t)p->chunk[i], count = 1;
        if (i != p->grid.axis)
            count = ((size_t)p->grid.dim[i] + side - 1) / side;
        if (__builtin_mul_overflow(bytes, side * count, &bytes))
            return SIZE_MAX;
        n *= count;
    }
    *np = n;
    return bytes;
}

static void size_slab(hdf5_part *p)
{
    size_t n, rows = (size_t)p->chunk[p->grid.axis];
    size_t bytes = row_of_chunks(p, &n);

    p->slab = 0;
    p->too_large = bytes > CACHE_MOST;
    if (bytes == 0 || bytes > SLAB_MOST)
        return;
    p->slab = rows * (bytes < SLAB_LEAST ? SLAB_LEAST / bytes : 1);
}

/* How the library is to open it. */
static hid_t access_list(const hdf5_part *p, hid_t made)
{
    hid_t list = H5Pcreate(H5P_DATASET_ACCESS);
    size_t n = 0, bytes, slots;

    if (list < 0)
        return -1;
    if (H5Pget_external_count(made) > 0 && p->path &&
        H5Pset_efile_prefix(list, "${ORIGIN}") < 0) {
        H5Pclose(list);
        return -1;
    }
    if (!p->chunked)
        return list;
    bytes = row_of_chunks(p, &n);
    if (bytes <= CACHE_TWO / 2)
        bytes *= 2;
    if (bytes > CACHE_MOST)
        bytes = CACHE_MOST;
    if (bytes < SLAB_LEAST)
        bytes = SLAB_LEAST;
    /* Slots, of which a chunk has one by its place, so many that two seldom
     * share one.
     */
    slots = n > 100000 ? 1000003 : 20 * n + 521;
    (void)H5Pset_chunk_cache(list, slots | 1, bytes, 1); /* else slower */
    return list;
}

/* Open it again, with room for its chunks. */
static int reopen(const hdf5_file *f, hdf5_part *p, pe_error *errp)
{
    hid_t made = H5Dget_create_plist(p->set), list;
    int n = -1;

    if (made < 0)
        return refuse(f, p, "has no layout that can be read", errp);
    p->chunked = H5Pget_layout(made) == H5D_CHUNKED;
    if (p->chunked)
        n = H5Pget_chunk(made, GRID_DIMS_MAX, p->chunk);
    if (n == (int)p->grid.dims)
        size_slab(p);
    else
        p->chunked = false;
    list = access_list(p, made);
    H5Pclose(made);
    H5Dclose(p->set);
    p->set = list < 0 ? -1 : hdf5_open_set(f, p->path, list, errp);
    if (list >= 0)
        H5Pclose(list);
    return p->set < 0 ? -1 : 0;
}

/* --- open and close --- */

static int fetch_rows(hdf5_part *p, uint64_t first, size_t n, void *to);

/* A plugin may be here and be older than what it is to unpack: with filters
 * that are not the library's own the first row is read to see.
 */
static int try_filters(const hdf5_file *f, hdf5_part *p, pe_error *errp)
{
    const char *name = hdf5_foreign_filter(p->set);
    void *row;
    int rc;

    if (!name || p->grid.rows == 0)
        return 0;
    row = malloc((size_t)grid_bytes(&p->grid, 1));
    if (!row)
        return pe_error_nomem(errp);
    rc = fetch_rows(p, 0, 1, row);
    free(row);
    if (rc == 0)
        return 0;
    return pe_error_set(
        errp, PE_ERROR_INPUT, PE_EXIT_DATA,
        "%s:%s row 0 cannot be unpacked by the filter %s that is "
        "here; either it is damaged, or the filter is older "
        "than its writer's: pip install hdf5plugin, and name "
        "the folder hdf5plugin/plugins in HDF5_PLUGIN_PATH",
        f->path, p->path, name);
}

static int read_unit(hdf5_part *p, pe_error *errp)
{
    char unit[64];

    hdf5_text(p->set, "units", unit, sizeof(unit));
    p->unit = strdup(unit);
    return p->unit ? 0 : pe_error_nomem(errp);
}

int hdf5_part_open(hdf5_part *p, const hdf5_file *f, const char *path,
                   const grid_take *take, bool netcdf, pe_error *errp)
{
    char *name;
    int rc;

    p->path = strdup(path);
    name = text_format("%s:%s", f->path, path);
    if (!p->path || !name) {
        free(name);
        return pe_error_nomem(errp);
    }
    p->label = strrchr(p->path, '/') ? strrchr(p->path, '/') + 1 : p->path;
    p->set = hdf5_open_set(f, path, H5P_DEFAULT, errp);
    if (p->set >= 0 && hdf5_is_phantom(p->set)) {
        free(name);
        return refuse(f, p,
                      "is a dimension without a variable: it holds no "
                      "numbers",
                      errp);
    }
    rc = p->set < 0 || read_unit(p, errp) < 0 || take_type(f, p, errp) < 0 ||
                 take_shape(f, p, take, errp) < 0 ||
                 hdf5_check(f, p->set, name, 0, errp) < 0 ||
                 reopen(f, p, errp) < 0
             ? -1
             : 0;
    free(name);
    if (rc == 0)
        rc = try_filters(f, p, errp);
    if (rc == 0)
        hdf5_packing_read(p->set, netcdf, &p->items, &p->packing);
    return rc;
}

void hdf5_part_close(hdf5_part *p)
{
    if (p->set >= 0)
        H5Dclose(p->set);
    if (p->type >= 0)
        H5Tclose(p->type);
    grid_items_clear(&p->items);
    free(p->raw);
    free(p->unit);
    free(p->path);
}

/* --- rows --- */

static int reserve(hdf5_part *p, size_t bytes, pe_error *errp)
{
    if (bytes <= p->raw_cap)
        return 0;
    free(p->raw);
    p->raw_cap = 0;
    p->raw = malloc(bytes);
    if (!p->raw)
        return pe_error_nomem(errp);
    p->raw_cap = bytes;
    return 0;
}

/* Rows [first], [n] of them, to [to].  1: the library could not. */
static int fetch_rows(hdf5_part *p, uint64_t first, size_t n, void *to)
{
    hsize_t start[GRID_DIMS_MAX] = {0}, count[GRID_DIMS_MAX];
    hid_t file, memory;
    int rc = 1;

    for (unsigned i = 0; i < p->grid.dims; i++)
        count[i] = p->grid.dim[i];
    start[p->grid.axis] = first;
    count[p->grid.axis] = n;
    file = H5Dget_space(p->set);
    memory = H5Screate_simple((int)p->grid.dims, count, NULL);
    if (file >= 0 && memory >= 0 &&
        H5Sselect_hyperslab(file, H5S_SELECT_SET, start, NULL, count, NULL) >=
            0 &&
        H5Dread(p->set, p->type, memory, file, H5P_DEFAULT, to) >= 0)
        rc = 0;
    else
        hdf5_why(p->why); /* before another call forgets it */
    if (file >= 0)
        H5Sclose(file);
    if (memory >= 0)
        H5Sclose(memory);
    return rc;
}

/* Likewise, into p->raw. */
static int read_rows(hdf5_part *p, uint64_t first, size_t n, pe_error *errp)
{
    int rc;

    p->raw_n = 0;
    if (reserve(p, (size_t)grid_bytes(&p->grid, n), errp) < 0)
        return -1;
    rc = fetch_rows(p, first, n, p->raw);
    if (rc == 0) {
        p->raw_first = first;
        p->raw_n = n;
    }
    return rc;
}

bool hdf5_part_copy(hdf5_part *p, uint64_t row, size_t n, void *to,
                    enum pe_dtype dtype)
{
    return !p->chunked && !p->packing.any && p->grid.outer == 1 &&
           !p->items.n && element_is(p->items.type, dtype) &&
           row + n <= p->grid.rows && fetch_rows(p, row, n, to) == 0;
}

static int refuse_row(const hdf5_part *p, const char *name, uint64_t row,
                      pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s:%s row %" PRIu64 " cannot be read: %s", name,
                        p->path, row, p->why);
}

/* Read the slab of [row], or, where a chunk of it cannot be read, the rows that
 * are wanted, for those before the chunk can.
 */
static int read_slab(hdf5_part *p, const char *name, uint64_t row, size_t n,
                     pe_error *errp)
{
    uint64_t first = row, left;
    size_t wanted = n;
    int rc = 1;

    if (p->slab) {
        first = row / p->slab * p->slab;
        left = p->grid.rows - first;
        wanted = left < p->slab ? (size_t)left : p->slab;
        rc = read_rows(p, first, wanted, errp);
    }
    if (rc == 1)
        rc = read_rows(p, row, n, errp);
    if (rc == 1 && n > 1)
        rc = read_rows(p, row, 1, errp);
    return rc == 1 ? refuse_row(p, name, row, errp) : rc;
}

int hdf5_part_load(hdf5_part *p, const char *name, uint64_t row, size_t n,
                   grid_rows *out, pe_error *errp)
{
    if (p->slab && n > p->slab)
        n = p->slab;
    if ((row < p->raw_first || row >= p->raw_first + p->raw_n) &&
        read_slab(p, name, row, n, errp) < 0)
        return -1;
    out->raw = p->raw;
    out->n = p->raw_n;
    out->from = (size_t)(row - p->raw_first);
    out->count = p->raw_n - out->from < n ? p->raw_n - out->from : n;
    return 0;
}

int hdf5_part_refresh(hdf5_part *p, const char *name, pe_error *errp)
{
    hdf5_file f = {.path = name};
    uint64_t dim[GRID_DIMS_MAX];
    unsigned dims = 0;

    if (H5Drefresh(p->set) < 0) {
        hdf5_why(p->why);
        return refuse_row(p, name, p->grid.rows, errp);
    }
    if (read_shape(&f, p, dim, &dims, errp) < 0)
        return -1;
    for (unsigned i = 0; i < p->grid.dims; i++)
        if (dims != p->grid.dims ||
            (i != p->grid.axis && dim[i] != p->grid.dim[i]))
            return refuse(&f, p, "has another shape than before", errp);
    if (dim[p->grid.axis] < p->grid.rows)
        return refuse(&f, p, "has fewer rows than before", errp);
    p->grid.rows = p->grid.dim[p->grid.axis] = dim[p->grid.axis];
    return 0;
}

uint64_t hdf5_part_written(const hdf5_part *p, uint64_t from)
{
    hsize_t at[GRID_DIMS_MAX] = {0}, size;
    uint64_t side = p->chunked ? p->chunk[p->grid.axis] : 0;

    for (uint64_t k = side ? from / side : 0; side && k * side < p->grid.rows;
         k++) {
        at[p->grid.axis] = k * side;
        size = 0;
        if (H5Dget_chunk_storage_size(p->set, at, &size) < 0 || size == 0)
            return k * side > from ? k * side : from;
    }
    return p->grid.rows;
}

/* Is what lies at [at] within the file? */
static bool is_within(haddr_t at, uint64_t bytes, uint64_t size)
{
    return at == HADDR_UNDEF || (at <= size && bytes <= size - at);
}

/* The next chunk in the row of chunks of [at]; false: that was the last. */
static bool next_chunk(const hdf5_part *p, hsize_t *at)
{
    for (unsigned i = p->grid.dims; i-- > 0;) {
        if (i == p->grid.axis)
            continue;
        at[i] += p->chunk[i];
        if (at[i] < p->grid.dim[i])
            return true;
        at[i] = 0;
    }
    return false;
}

/* Do all chunks of the row of chunks that begins with row [row] lie within the
 * file?  One that nobody has written lies nowhere.
 */
static bool is_row_within(const hdf5_part *p, uint64_t row, uint64_t size)
{
    hsize_t at[GRID_DIMS_MAX] = {0}, bytes;
    haddr_t place;
    unsigned mask;

    at[p->grid.axis] = row;
    do {
        if (H5Dget_chunk_info_by_coord(p->set, at, &mask, &place, &bytes) < 0 ||
            !is_within(place, bytes, size))
            return false;
    } while (next_chunk(p, at));
    return true;
}

uint64_t hdf5_part_within(const hdf5_part *p, uint64_t rows, uint64_t size)
{
    uint64_t side = p->chunked ? p->chunk[p->grid.axis] : 0;

    if (!p->chunked)
        return is_within(H5Dget_offset(p->set), grid_bytes(&p->grid, rows),
                         size)
                   ? rows
                   : 0;
    for (uint64_t row = 0; row < rows; row += side)
        if (!is_row_within(p, row, size))
            return row;
    return rows;
}

/* The fill value as it is in memory. */
static bool fill_value(const hdf5_part *p, unsigned char *fill)
{
    hid_t list = H5Dget_create_plist(p->set);
    bool ok = list >= 0 && H5Pget_fill_value(list, p->type, fill) >= 0;

    if (list >= 0)
        H5Pclose(list);
    return ok;
}

/* Is row [i] of the [n] in p->raw nothing but [fill]? */
static bool is_blank(const hdf5_part *p, size_t n, size_t i,
                     const unsigned char *fill)
{
    size_t bytes = p->items.bytes;
    const unsigned char *raw = p->raw;

    for (size_t o = 0; o < p->grid.outer; o++)
        for (size_t k = 0; k < p->grid.inner; k++)
            if (memcmp(raw + ((o * n + i) * p->grid.inner + k) * bytes, fill,
                       bytes) != 0)
                return false;
    return true;
}

uint64_t hdf5_part_blank(hdf5_part *p, uint64_t from, uint64_t to)
{
    uint64_t side = p->chunk[p->grid.axis], first;
    unsigned char *fill;
    size_t n, blank = 0;

    if (!p->chunked)
        return 0;
    fill = calloc(1, p->items.bytes);
    first = (to - 1) / side * side;
    if (first < from)
        first = from;
    n = (size_t)(to - first);
    if (fill && fill_value(p, fill) && read_rows(p, first, n, NULL) == 0)
        while (blank < n && is_blank(p, n, n - 1 - blank, fill))
            blank++;
    free(fill);
    return blank;
}
