/* npy.c - rows of a .npy file. */
#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/text.h"

void npy_end(npy_store *f)
{
    npy_array_clear(&f->array);
    free(f->raw);
    store_free(&f->head);
}

/* Pieces of rows [row], [n] of them, as one behind the other. */
static int read_raw(npy_store *f, uint64_t row, size_t n, void *to,
                    pe_error *errp)
{
    size_t row_bytes = f->grid.inner * f->grid.items->bytes;

    for (size_t o = 0; o < f->grid.outer; o++) {
        uint64_t at = f->array.data_offset +
                      ((uint64_t)o * f->grid.rows + row) * row_bytes;
        if (f->bytes(f, (char *)to + o * n * row_bytes, n * row_bytes, at, row,
                     errp) < 0)
            return -1;
    }
    return 0;
}

static int reserve_raw(npy_store *f, uint64_t bytes, pe_error *errp)
{
    if (bytes <= f->raw_cap)
        return 0;
    free(f->raw);
    f->raw_cap = 0;
    f->raw = bytes <= SIZE_MAX / 2 ? malloc((size_t)bytes) : NULL;
    if (!f->raw)
        return pe_error_nomem(errp);
    f->raw_cap = (size_t)bytes;
    return 0;
}

/* Rows in pieces that are far apart are read ahead where they are read one
 * behind the other, so that a piece is worth going there: at least so many
 * bytes in all.
 */
#define AHEAD_LEAST ((size_t)1 << 20)

/* How many rows to read for [n] from [row] on. */
static size_t rows_ahead(const npy_store *f, uint64_t row, size_t n)
{
    uint64_t bytes = grid_bytes(&f->grid, 1), most = AHEAD_LEAST / bytes;
    uint64_t left = f->grid.rows - row;

    if (f->grid.outer == 1 || row != f->next || most <= n)
        return n;
    return (size_t)(left < most ? left : most);
}

/* Have rows [row], [n] of them, in f->raw. */
static int load(npy_store *f, uint64_t row, size_t n, pe_error *errp)
{
    size_t ahead;

    if (row >= f->raw_first && row + n <= f->raw_first + f->raw_n)
        return 0;
    ahead = rows_ahead(f, row, n);
    f->raw_n = 0;
    if (reserve_raw(f, grid_bytes(&f->grid, ahead), errp) < 0 ||
        read_raw(f, row, ahead, f->raw, errp) < 0)
        return -1;
    f->raw_first = row;
    f->raw_n = ahead;
    return 0;
}

element npy_type(const store_table *s, uint32_t c)
{
    return grid_element(&((const npy_store *)s)->grid, c);
}

int npy_read(store_table *s, uint64_t row, uint32_t n, void *to,
             enum pe_dtype dtype, pe_error *errp)
{
    npy_store *f = (npy_store *)s;
    const grid *g = &f->grid;

    if (!s->column && g->outer == 1 && !g->items->n &&
        element_is(g->items->type, dtype))
        return read_raw(f, row, n, to, errp);
    if (load(f, row, n, errp) < 0)
        return -1;
    f->next = row + n;
    if (grid_copy(
            g, &(grid_rows){f->raw, f->raw_n, (size_t)(row - f->raw_first), n},
            (grid_columns){s->column, s->columns},
            &(grid_to){to, dtype, 0, s->columns}) > 0)
        store_rounded(s, row, dtype);
    return 0;
}

/* --- open --- */

bool npy_is(const unsigned char *head, size_t n)
{
    return n >= 6 && !memcmp(head, "\x93NUMPY", 6);
}

static int read_header(npy_store *f, uint64_t size, pe_error *errp)
{
    char head[NPY_HEAD_MAX];
    size_t n = size < sizeof(head) ? (size_t)size : sizeof(head);

    if (f->bytes(f, head, n, 0, 0, errp) < 0)
        return -1;
    if (npy_array_read(&f->array, head, n, errp) < 0)
        return pe_error_prefix(errp, "%s: not a .npy file that can be read",
                               f->head.name);
    return 0;
}

/* What lies behind the rows of the header is not read, which is said. */
static void say_left_over(npy_store *f, uint64_t need, uint64_t size)
{
    uint64_t row_bytes = grid_bytes(&f->grid, 1);
    unsigned char next[6];

    if (size - need >= sizeof(next) &&
        f->bytes(f, next, sizeof(next), need, f->grid.rows, NULL) == 0 &&
        npy_is(next, sizeof(next)))
        store_say(&f->head,
                  "%s: another array follows the first one, at byte %" PRIu64
                  "; it is not read: write each into a file of its own, or an "
                  ".npz",
                  f->head.name, need);
    else
        store_say(&f->head,
                  "%s: %" PRIu64 " byte%s (%" PRIu64 " row%s and %" PRIu64
                  " byte%s) %s behind the %" PRIu64
                  " row%s that its header tells of; %s not read.  A "
                  "program that appends renews the header when it closes the "
                  "file",
                  f->head.name, size - need, text_s(size - need),
                  (size - need) / row_bytes, text_s((size - need) / row_bytes),
                  (size - need) % row_bytes, text_s((size - need) % row_bytes),
                  size - need == 1 ? "lies" : "lie", f->grid.rows,
                  text_s(f->grid.rows),
                  size - need == 1 ? "it is" : "they are");
}

static int check_size(npy_store *f, uint64_t size, pe_error *errp)
{
    uint64_t need = f->array.data_offset + grid_bytes(&f->grid, f->grid.rows);

    if (size < need)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s has %" PRIu64 " byte%s and its header promises "
                            "%" PRIu64 "; it is not complete: copy it again",
                            f->head.name, size, text_s(size), need);
    if (size > need)
        say_left_over(f, need, size);
    return 0;
}

static const char *name_of(const void *arg, uint32_t c)
{
    return grid_name(arg, c);
}

/* What the numbers are, and what is no number. */
static int describe(npy_store *f, pe_error *errp)
{
    const element e = f->array.items.type;
    char left[400] = "", shape[128];

    grid_shape_text(f->array.shape.dim, f->array.shape.dims, shape,
                    sizeof(shape));
    if (!f->array.items.n)
        snprintf(left, sizeof(left), "%s of %c%c%u%s", shape,
                 e.size == 1 ? '|'
                 : e.big     ? '>'
                             : '<',
                 e.kind, e.size,
                 f->array.shape.fortran && f->array.shape.dims > 1
                     ? ", Fortran order"
                     : "");
    else if (*f->array.items.left_out)
        snprintf(left, sizeof(left), "left out: %s", f->array.items.left_out);
    return store_describe(&f->head, left, errp);
}

int npy_begin(npy_store *f, const store_wish *w, uint64_t size, pe_error *errp)
{
    const grid_take take = {.axis = w->rows, .frames = w->frames};

    if (w->follow)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s cannot be followed: the header of a .npy file "
                            "fixes its rows; write text or HDF5",
                            f->head.name);
    if (read_header(f, size, errp) < 0)
        return -1;
    if (grid_make(&f->grid, &f->array.shape, &f->array.items, &take, errp) < 0)
        return pe_error_prefix(errp, "%s", f->head.name);
    if (f->grid.rows == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s is empty: it has 0 rows", f->head.name);
    f->head.rows = f->grid.rows;
    if (check_size(f, size, errp) < 0 ||
        store_pick(&f->head, w, f->grid.columns, name_of, &f->grid, errp) < 0)
        return -1;
    return describe(f, errp);
}

/* --- a file that is one array --- */

typedef struct npy_file {
    npy_store npy;
    int fd;
} npy_file;

static int file_bytes(npy_store *f, void *to, size_t n, uint64_t offset,
                      uint64_t row, pe_error *errp)
{
    return store_pread(&f->head, ((npy_file *)f)->fd,
                       &(store_piece){to, n, offset, row}, errp);
}

static void file_close(store_table *s)
{
    npy_file *f = (npy_file *)s;

    if (f->fd >= 0)
        close(f->fd);
    npy_end(&f->npy);
}

static const store_ops ops = {
    .read = npy_read, .type = npy_type, .close = file_close};

static int file_begin(npy_file *f, const store_wish *w, const char *member,
                      pe_error *errp)
{
    const char *name = f->npy.head.name;
    struct stat st;

    if (*member)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s is one array and has no member '%s'; write %s",
                            name, member, name);
    f->fd = open(name, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s cannot be opened: %s", name, strerror(errno));
    return npy_begin(&f->npy, w, (uint64_t)st.st_size, errp);
}

static store_table *file_open(const store_wish *w, const char *file,
                              const char *member, pe_error *errp)
{
    npy_file *f = calloc(1, sizeof(*f));

    if (!f || !(f->npy.head.name = strdup(file))) {
        free(f);
        pe_error_nomem(errp);
        return NULL;
    }
    f->npy.head.ops = &ops;
    f->npy.head.hear = w->hear;
    f->npy.bytes = file_bytes;
    f->fd = -1;
    if (file_begin(f, w, member, errp) == 0)
        return &f->npy.head;
    file_close(&f->npy.head);
    return NULL;
}

const store_kind store_npy = {.name = ".npy", .is = npy_is, .open = file_open};
