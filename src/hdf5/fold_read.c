/* fold_read.c - a trace out of an HDF5 file, in the words of a log. */
#include "fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hdf5.h"
#include "src/common/text.h"
#include "src/trace/layout.h"

typedef struct unfolder {
    const char *path;
    hid_t file;
    uint32_t nameless;
} unfolder;

static int refuse(const unfolder *u, const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s %s", u->path,
                        why);
}

static int damaged(const unfolder *u, pe_error *errp)
{
    char why[HDF5_WHY], words[HDF5_WHY + 32];

    hdf5_why(why);
    snprintf(words, sizeof(words), "cannot be read: %s", why);
    return refuse(u, words, errp);
}

/* --- out --- */

static int put(const void *data, size_t n, pe_error *errp)
{
    if (fwrite(data, 1, n, stdout) == n)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE,
                        "what is asked for cannot be written");
}

static int put_segment(const unfolder *u, layout_segment s, const void *payload,
                       pe_error *errp)
{
    s.nameless = u->nameless;
    layout_segment_seal(&s, payload);
    return put(&s, sizeof(s), errp) < 0 ? -1 : put(payload, s.bytes, errp);
}

/* --- in --- */

/* The text of attribute [name], cut to [cap]; "": there is none. */
static void take_text(hid_t at, const char *name, char *out, size_t cap)
{
    hid_t a = H5Aexists(at, name) > 0 ? H5Aopen(at, name, H5P_DEFAULT) : -1;
    hid_t type = a >= 0 ? H5Aget_type(a) : -1;
    size_t n = type >= 0 && H5Tget_class(type) == H5T_STRING &&
                       H5Tis_variable_str(type) == 0
                   ? H5Tget_size(type)
                   : 0;
    char *words = n ? calloc(1, n + 1) : NULL;

    *out = '\0';
    if (words && H5Aread(a, type, words) >= 0)
        snprintf(out, cap, "%s", words);
    free(words);
    if (type >= 0)
        H5Tclose(type);
    if (a >= 0)
        H5Aclose(a);
}

static uint64_t take_number(hid_t at, const char *name)
{
    hid_t a = H5Aexists(at, name) > 0 ? H5Aopen(at, name, H5P_DEFAULT) : -1;
    uint64_t n = 0;

    if (a >= 0 && H5Aread(a, H5T_NATIVE_UINT64, &n) < 0)
        n = 0;
    if (a >= 0)
        H5Aclose(a);
    return n;
}

static int put_head(const unfolder *u, pe_error *errp)
{
    layout_head h = {.ranks = 1};
    char words[1024];

    memcpy(h.kind, "file", sizeof("file"));
    take_text(u->file, "run", h.run, sizeof(h.run));
    take_text(u->file, "missing", words, sizeof(words));
    snprintf(h.host, sizeof(h.host), "%.255s", words);
    layout_head_seal(&h);
    return put(&h, sizeof(h), errp);
}

static hsize_t length_of(hid_t set)
{
    hid_t space = H5Dget_space(set);
    hsize_t n = 0;

    if (space >= 0 && H5Sget_simple_extent_ndims(space) == 1 &&
        H5Sget_simple_extent_dims(space, &n, NULL) < 0)
        n = 0;
    if (space >= 0)
        H5Sclose(space);
    return n;
}

/* Rows of a data set. */
typedef struct slab {
    hid_t set, type;
    hsize_t from, n;
} slab;

static int read_slab(const unfolder *u, const slab *s, void *out,
                     pe_error *errp)
{
    hid_t there = H5Dget_space(s->set);
    hid_t here = H5Screate_simple(1, &s->n, NULL);
    int rc = 0;

    if (there < 0 || here < 0 ||
        H5Sselect_hyperslab(there, H5S_SELECT_SET, &s->from, NULL, &s->n,
                            NULL) < 0 ||
        H5Dread(s->set, s->type, here, there, H5P_DEFAULT, out) < 0)
        rc = damaged(u, errp);
    if (there >= 0)
        H5Sclose(there);
    if (here >= 0)
        H5Sclose(here);
    return rc;
}

/* --- names --- */

static int put_names(const unfolder *u, hid_t set, pe_error *errp)
{
    hid_t type = H5Dget_type(set);
    size_t most =
        type >= 0 && H5Tget_class(type) == H5T_STRING ? H5Tget_size(type) : 0;
    hsize_t n = length_of(set);
    char *names = most ? malloc(FOLD_ROWS * most) : NULL;
    int rc = names ? 0 : damaged(u, errp);

    for (hsize_t at = 0; rc == 0 && at < n; at += FOLD_ROWS) {
        hsize_t some = n - at < FOLD_ROWS ? n - at : FOLD_ROWS;
        layout_segment s = {.kind = LAYOUT_NAMES, .n = (uint32_t)some};
        text t = {0};

        rc = read_slab(u, &(slab){set, type, at, some}, names, errp);
        for (hsize_t i = 0; rc == 0 && i < some; i++) {
            const char *name = names + i * most;
            uint32_t two[2] = {(uint32_t)(at + i),
                               (uint32_t)strnlen(name, most)};

            text_add_bytes(&t, (const char *)two, sizeof(two));
            text_add_bytes(&t, name, two[1]);
        }
        s.bytes = (uint32_t)t.len;
        if (rc == 0)
            rc = t.failed ? pe_error_nomem(errp)
                          : put_segment(u, s, t.data, errp);
        text_free(&t);
    }
    free(names);
    if (type >= 0)
        H5Tclose(type);
    return rc;
}

static int put_devices(const unfolder *u, pe_error *errp)
{
    hid_t set = H5Dopen2(u->file, "/devices/name", H5P_DEFAULT);
    int rc;

    if (set < 0)
        return refuse(u, "is no trace: it has no /devices/name", errp);
    rc = length_of(set) ? put_names(u, set, errp) : 0;
    H5Dclose(set);
    return rc;
}

/* --- rows --- */

typedef struct columns {
    hid_t set[FOLD_COLUMNS], type[FOLD_COLUMNS];
    size_t n;
    hsize_t rows;
    unsigned char *row, *column; /* of FOLD_ROWS */
} columns;

/* A column that an older pilot did not have stays 0. */
static int open_columns(const unfolder *u, const fold_table *t, columns *c,
                        pe_error *errp)
{
    hid_t group = H5Gopen2(u->file, t->group, H5P_DEFAULT);
    char why[64];
    int rc = 0;

    snprintf(why, sizeof(why), "is no trace: it has no /%s", t->group);
    if (group < 0)
        return refuse(u, why, errp);
    for (size_t i = 0; rc == 0 && t->columns[i].name; i++) {
        const char *name = t->columns[i].name;

        c->set[i] = c->type[i] = -1;
        c->n = i + 1;
        if (H5Lexists(group, name, H5P_DEFAULT) <= 0)
            continue;
        c->set[i] = H5Dopen2(group, name, H5P_DEFAULT);
        c->type[i] = fold_type(&t->columns[i]);
        if (c->set[i] < 0 || c->type[i] < 0)
            rc = damaged(u, errp);
        else if (c->rows == 0)
            c->rows = length_of(c->set[i]);
        else if (c->rows != length_of(c->set[i]))
            rc = refuse(u, "has columns of several lengths", errp);
    }
    H5Gclose(group);
    return rc;
}

static void close_columns(columns *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->set[i] >= 0)
            H5Dclose(c->set[i]);
        if (c->type[i] >= 0)
            H5Tclose(c->type[i]);
    }
}

/* Some rows from [at] on into c->row. */
static int read_rows(const unfolder *u, const fold_table *t, const columns *c,
                     hsize_t at, hsize_t n, pe_error *errp)
{
    int rc = 0;

    memset(c->row, 0, n * t->row);
    for (size_t i = 0; rc == 0 && i < c->n; i++) {
        const fold_column *k = &t->columns[i];

        if (c->set[i] < 0)
            continue;
        rc = read_slab(u, &(slab){c->set[i], c->type[i], at, n}, c->column,
                       errp);
        for (hsize_t r = 0; rc == 0 && r < n; r++)
            memcpy(c->row + r * t->row + k->offset, c->column + r * k->bytes,
                   k->bytes);
    }
    return rc;
}

static int put_rows(const unfolder *u, const fold_table *t, pe_error *errp)
{
    columns c = {.row = malloc(FOLD_ROWS * t->row),
                 .column = malloc(FOLD_ROWS * t->row)};
    int rc =
        c.row && c.column ? open_columns(u, t, &c, errp) : pe_error_nomem(errp);

    for (hsize_t at = 0; rc == 0 && at < c.rows; at += FOLD_ROWS) {
        hsize_t n = c.rows - at < FOLD_ROWS ? c.rows - at : FOLD_ROWS;
        const layout_segment s = {.kind = (uint16_t)t->kind,
                                  .row = (uint16_t)t->row,
                                  .n = (uint32_t)n,
                                  .bytes = (uint32_t)(n * t->row)};

        rc = read_rows(u, t, &c, at, n, errp);
        if (rc == 0)
            rc = put_segment(u, s, c.row, errp);
    }
    close_columns(&c);
    free(c.row);
    free(c.column);
    return rc;
}

/* --- the file --- */

static const fold_table *table_of(const char *kind)
{
    for (unsigned k = 0; k < TRACE_KINDS; k++)
        if (!strcmp(fold_tables[k].group, kind))
            return &fold_tables[k];
    return NULL;
}

static int read_file(unfolder *u, const fold_table *t, pe_error *errp)
{
    char schema[64];

    take_text(u->file, "schema", schema, sizeof(schema));
    if (!strncmp(schema, FOLD_SCHEMA, strlen(FOLD_SCHEMA) - 1) &&
        strcmp(schema, FOLD_SCHEMA) != 0)
        return refuse(u, "was written by a newer pilot: read it with that one",
                      errp);
    if (strcmp(schema, FOLD_SCHEMA) != 0)
        return refuse(u, "is no trace: it has no schema \"" FOLD_SCHEMA "\"",
                      errp);
    u->nameless = (uint32_t)take_number(u->file, "nameless");
    if (put_head(u, errp) < 0)
        return -1;
    if (!t)
        return put_devices(u, errp) < 0
                   ? -1
                   : put_rows(u, &fold_tables[FOLD_PROCESSES], errp);
    return put_rows(u, t, errp);
}

int fold_read(const char *path, const char *kind, pe_error *errp)
{
    const fold_table *t = table_of(kind);
    unfolder u = {.path = path};
    int rc;

    if (!t && strcmp(kind, "facts") != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%s' is no part of a trace", kind);
    hdf5_enter();
    u.file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    rc = u.file < 0 ? refuse(&u, "is no HDF5 file that can be read", errp)
                    : read_file(&u, t, errp);
    if (u.file >= 0)
        H5Fclose(u.file);
    hdf5_leave();
    return rc;
}
