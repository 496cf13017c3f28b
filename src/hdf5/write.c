/* write.c - an HDF5 file out of a structured array: a data set a field. */
#include "hdf5.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"

#define HEAD_MAX 66000 /* with names of columns in it */
#define ITEM_MAX 4096  /* bytes of a field, but of one with a shape */
#define FIELDS_MAX 16
#define SLAB 16384 /* rows that are written at once, and of a chunk */

/* A field of the array: ('x', '<f8', (3,)), ('device', 'S64'). */
typedef struct field {
    char name[64];
    char kind; /* i u f S */
    size_t bytes;
    hsize_t count;
    bool many;   /* it has a shape, so its data set has columns */
    text titles; /* their names, with a tab between two; empty: none */
    size_t offset;
    hid_t type, set;
} field;

typedef struct maker {
    const char *npy, *path;
    int fd;
    field field[FIELDS_MAX];
    size_t n;
    size_t head, item;
    uint64_t rows;
    hid_t file;
    unsigned char *raw, *column; /* of a slab */
} maker;

/* --- the array --- */

static int refuse(const maker *m, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s is no array of rows as they are written", m->npy);
}

/* A title, '...', at *pp into [t]: a literal of Python, with what write_rows.c
 * escapes.
 */
static bool take_title(const char **pp, text *t)
{
    const char *p = *pp + 1;

    for (; *p && *p != '\''; p++) {
        if (*p == '\\' && *++p == 't')
            text_add_bytes(t, "\t", 1);
        else if (*p)
            text_add_bytes(t, p, 1);
    }
    *pp = *p ? p + 1 : p;
    return *p && !t->failed;
}

/* The field at *pp, which is moved behind it; false: it is none. */
static bool take_field(maker *m, const char **pp)
{
    field *f = &m->field[m->n];
    unsigned long long count = 1;
    int n = 0;

    if (m->n == FIELDS_MAX)
        return false;
    *f = (field){.offset = m->item, .type = -1, .set = -1};
    if (!strncmp(*pp, "(('", 3)) { /* (('TITLE', 'x'), '<f8', (3,)) */
        m->n++;                    /* so its titles are freed */
        *pp += 2;
        if (!take_title(pp, &f->titles) ||
            sscanf(*pp, ", '%63[^']'), '<%c%zu', (%llu,))%n", f->name, &f->kind,
                   &f->bytes, &count, &n) != 4 ||
            !n)
            return false;
        f->many = true;
        m->n--;
    } else if (sscanf(*pp, "('%63[^']', 'S%zu')%n", f->name, &f->bytes, &n) ==
                   2 &&
               n)
        f->kind = 'S';
    else if (sscanf(*pp, "('%63[^']', '<%c%zu', (%llu,))%n", f->name, &f->kind,
                    &f->bytes, &count, &n) == 4 &&
             n)
        f->many = true;
    else if (sscanf(*pp, "('%63[^']', '<%c%zu')%n", f->name, &f->kind,
                    &f->bytes, &n) != 3 ||
             !n)
        return false;
    f->count = count;
    m->item += f->bytes * (size_t)count;
    m->n++;
    *pp += n;
    return f->bytes > 0 && f->bytes < ITEM_MAX && count > 0;
}

static bool take_head(maker *m, const char *head)
{
    const char *p = strstr(head, "[(");
    const char *shape = strstr(head, "'shape': (");

    if (!p || !shape)
        return false;
    m->rows = strtoull(shape + 10, NULL, 10);
    for (p++; take_field(m, &p); p += 2)
        if (strncmp(p, ", ", 2) != 0)
            return *p == ']';
    return false;
}

/* Version 1, or 3, whose length has four bytes. */
static bool read_head(maker *m, unsigned char *head, size_t n)
{
    size_t begin;

    if (n < 12 || memcmp(head, "\x93NUMPY", 6) != 0 ||
        (head[6] != 1 && head[6] != 3))
        return false;
    begin = head[6] == 1 ? 10 : 12;
    m->head = begin + head[8] + 256u * head[9];
    if (head[6] == 3)
        m->head += 65536u * head[10] + 16777216u * (size_t)head[11];
    head[m->head < n ? m->head : n] = '\0';
    return m->head <= n && take_head(m, (char *)head + begin);
}

static int open_array(maker *m, pe_error *errp)
{
    unsigned char *head = malloc(HEAD_MAX + 1);
    ssize_t n;
    int rc = 0;

    if (!head)
        return pe_error_nomem(errp);
    m->fd = open(m->npy, O_RDONLY | O_CLOEXEC);
    n = m->fd < 0 ? -1 : pread(m->fd, head, HEAD_MAX, 0);
    if (n < 0)
        rc = file_error(errp, errno, "open", m->npy, PE_EXIT_FAILED);
    else if (!read_head(m, head, (size_t)n))
        rc = refuse(m, errp);
    free(head);
    return rc;
}

static int read_slab(const maker *m, uint64_t row, size_t n, pe_error *errp)
{
    size_t len = n * m->item, got = 0;

    while (got < len) {
        ssize_t k = pread(m->fd, m->raw + got, len - got,
                          (off_t)(m->head + row * m->item + got));

        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return k < 0
                       ? file_error(errp, errno, "read", m->npy, PE_EXIT_FAILED)
                       : refuse(m, errp);
        got += (size_t)k;
    }
    return 0;
}

/* --- the file --- */

static int fail(const maker *m, pe_error *errp)
{
    char why[HDF5_WHY];

    hdf5_why(why);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_CREATE,
                        "%s cannot be written: %s", m->path,
                        *why ? why : "the HDF5 library says no more");
}

static hid_t type_of(const field *f)
{
    hid_t t = -1;

    if (f->kind == 'S') {
        t = H5Tcopy(H5T_C_S1);
        if (t >= 0 && (H5Tset_size(t, f->bytes) < 0 ||
                       H5Tset_strpad(t, H5T_STR_NULLPAD) < 0)) {
            H5Tclose(t);
            t = -1;
        }
        return t;
    }
    if (f->kind == 'i')
        t = f->bytes == 8 ? H5T_STD_I64LE : H5T_STD_I32LE;
    else if (f->kind == 'u')
        t = f->bytes == 8 ? H5T_STD_U64LE : H5T_STD_U32LE;
    else
        t = f->bytes == 8 ? H5T_IEEE_F64LE : H5T_IEEE_F32LE;
    return H5Tcopy(t);
}

/* Names repeat: they are packed where the library can. */
static hid_t layout_of(const maker *m, const field *f)
{
    const hsize_t chunk[1] = {m->rows < SLAB ? m->rows : SLAB};
    hid_t p = H5Pcreate(H5P_DATASET_CREATE);

    if (p >= 0 && f->kind == 'S' && m->rows > 0 &&
        H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0 &&
        (H5Pset_chunk(p, 1, chunk) < 0 || H5Pset_deflate(p, 1) < 0)) {
        H5Pclose(p);
        return -1;
    }
    return p;
}

/* What stands in [list] from *atp on, up to a tab. */
static size_t take_name(const text *list, size_t *atp, const char **namep)
{
    const char *from = list->data + *atp;
    const char *tab = memchr(from, '\t', list->len - *atp);
    size_t len = tab ? (size_t)(tab - from) : list->len - *atp;

    *namep = from;
    *atp += len + 1;
    return len;
}

/* The names of columns, one behind the other, [size] bytes each. */
static char *make_names(const field *f, size_t *sizep)
{
    const char *name;
    size_t size = 1;
    char *all;

    for (size_t at = 0; at <= f->titles.len;) {
        size_t len = take_name(&f->titles, &at, &name);
        size = len > size ? len : size;
    }
    all = calloc(f->count, size);
    for (size_t at = 0, k = 0; all && at <= f->titles.len && k < f->count;
         k++) {
        size_t len = take_name(&f->titles, &at, &name);
        memcpy(all + k * size, name, len);
    }
    *sizep = size;
    return all;
}

/* Attribute `columns` of a data set that has them. */
static int add_names(const maker *m, const field *f, pe_error *errp)
{
    size_t size;
    char *all = make_names(f, &size);
    hid_t space = H5Screate_simple(1, &f->count, NULL);
    hid_t type = H5Tcopy(H5T_C_S1), at = -1;
    int rc = all ? 0 : pe_error_nomem(errp);

    if (rc == 0 && space >= 0 && type >= 0 && H5Tset_size(type, size) >= 0 &&
        H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 &&
        H5Tset_cset(type, H5T_CSET_UTF8) >= 0)
        at = H5Acreate2(f->set, "columns", type, space, H5P_DEFAULT,
                        H5P_DEFAULT);
    if (rc == 0 && (at < 0 || H5Awrite(at, type, all) < 0))
        rc = fail(m, errp);
    if (at >= 0)
        H5Aclose(at);
    if (type >= 0)
        H5Tclose(type);
    if (space >= 0)
        H5Sclose(space);
    free(all);
    return rc;
}

static int make_set(const maker *m, field *f, pe_error *errp)
{
    const hsize_t dim[2] = {m->rows, f->count};
    hid_t space = H5Screate_simple(f->many ? 2 : 1, dim, NULL);
    hid_t layout = layout_of(m, f);

    int rc = 0;

    f->type = type_of(f);
    if (space >= 0 && layout >= 0 && f->type >= 0)
        f->set = H5Dcreate2(m->file, f->name, f->type, space, H5P_DEFAULT,
                            layout, H5P_DEFAULT);
    if (f->set < 0)
        rc = fail(m, errp); /* before another call has done well */
    else if (f->titles.len > 0)
        rc = add_names(m, f, errp);
    if (space >= 0)
        H5Sclose(space);
    if (layout >= 0)
        H5Pclose(layout);
    return rc;
}

static int write_column(const maker *m, const field *f, uint64_t row, size_t n,
                        pe_error *errp)
{
    const hsize_t from[2] = {row, 0}, count[2] = {n, f->count};
    size_t bytes = f->bytes * (size_t)f->count;
    hid_t there = H5Dget_space(f->set);
    hid_t here = H5Screate_simple(f->many ? 2 : 1, count, NULL);
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        memcpy(m->column + i * bytes, m->raw + i * m->item + f->offset, bytes);
    if (there < 0 || here < 0 ||
        H5Sselect_hyperslab(there, H5S_SELECT_SET, from, NULL, count, NULL) <
            0 ||
        H5Dwrite(f->set, f->type, here, there, H5P_DEFAULT, m->column) < 0)
        rc = fail(m, errp);
    if (there >= 0)
        H5Sclose(there);
    if (here >= 0)
        H5Sclose(here);
    return rc;
}

static int make_file(maker *m, pe_error *errp)
{
    int rc = 0;

    m->raw = malloc(SLAB * m->item);
    m->column = malloc(SLAB * m->item);
    if (!m->raw || !m->column)
        return pe_error_nomem(errp);
    m->file = H5Fcreate(m->path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (m->file < 0)
        return fail(m, errp);
    for (size_t i = 0; rc == 0 && i < m->n; i++)
        rc = make_set(m, &m->field[i], errp);
    for (uint64_t row = 0; rc == 0 && row < m->rows; row += SLAB) {
        size_t n = m->rows - row < SLAB ? (size_t)(m->rows - row) : SLAB;

        rc = read_slab(m, row, n, errp);
        for (size_t i = 0; rc == 0 && i < m->n; i++)
            rc = write_column(m, &m->field[i], row, n, errp);
    }
    return rc;
}

/* What is not written by then is written now, so it may fail, too. */
static int close_file(maker *m, int rc, pe_error *errp)
{
    for (size_t i = 0; i < m->n; i++) {
        if (m->field[i].set >= 0 && H5Dclose(m->field[i].set) < 0 && rc == 0)
            rc = fail(m, errp);
        if (m->field[i].type >= 0)
            H5Tclose(m->field[i].type);
    }
    if (m->file >= 0 && H5Fclose(m->file) < 0 && rc == 0)
        rc = fail(m, errp);
    return rc;
}

int hdf5_make(const char *npy, const char *path, pe_error *errp)
{
    char *temp = text_format("%s.new", path);
    maker m = {.npy = npy, .path = temp, .fd = -1, .file = -1};
    int rc = temp ? open_array(&m, errp) : pe_error_nomem(errp);

    if (rc == 0) {
        hdf5_enter();
        rc = make_file(&m, errp);
        rc = close_file(&m, rc, errp);
        hdf5_leave();
    }
    if (rc == 0)
        rc = file_replace(temp, path, errp);
    if (rc < 0 && temp)
        unlink(temp);
    if (m.fd >= 0)
        close(m.fd);
    for (size_t i = 0; i < m.n && i < FIELDS_MAX; i++)
        text_free(&m.field[i].titles);
    free(m.raw);
    free(m.column);
    free(temp);
    return rc;
}
