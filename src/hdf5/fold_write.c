/* fold_write.c - a trace into an HDF5 file of the default format. */
#include "fold.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hdf5.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/trace/layout.h"

#define PACKED 4 /* of deflate: 1 .. 9 */

typedef struct folder {
    const char *path;
    hid_t file;
    trace *t;
    /* the group at hand */
    const fold_table *table;
    hid_t group, set[FOLD_COLUMNS], type[FOLD_COLUMNS];
    size_t n;        /* columns */
    hsize_t written; /* rows */
    unsigned char *rows, *column;
    size_t held; /* of [rows] */
} folder;

static int fail(const folder *f, pe_error *errp)
{
    char why[HDF5_WHY];

    hdf5_why(why);
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_CREATE,
                        "%s cannot be written: %s", f->path,
                        *why ? why : "the HDF5 library says no more");
}

/* --- attributes --- */

static herr_t put_text(hid_t at, const char *name, const char *words)
{
    const fold_column c = {.kind = 'S', .bytes = strlen(words) + 1};
    hid_t type = fold_type(&c), space = H5Screate(H5S_SCALAR), a = -1;
    herr_t rc = -1;

    if (type >= 0 && space >= 0)
        a = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    if (a >= 0) {
        rc = H5Awrite(a, type, words);
        H5Aclose(a);
    }
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return rc;
}

static herr_t put_number(hid_t at, const char *name, uint64_t n)
{
    hid_t space = H5Screate(H5S_SCALAR), a = -1;
    herr_t rc = -1;

    if (space >= 0)
        a = H5Acreate2(at, name, H5T_STD_U64LE, space, H5P_DEFAULT,
                       H5P_DEFAULT);
    if (a >= 0) {
        rc = H5Awrite(a, H5T_NATIVE_UINT64, &n);
        H5Aclose(a);
    }
    if (space >= 0)
        H5Sclose(space);
    return rc;
}

static int put_facts(const folder *f, pe_error *errp)
{
    trace_facts t = trace_facts_get(f->t);

    if (put_text(f->file, "schema", FOLD_SCHEMA) < 0 ||
        put_text(f->file, "run", t.run) < 0 ||
        put_text(f->file, "missing", t.missing) < 0 ||
        put_number(f->file, "rows", t.rows) < 0 ||
        put_number(f->file, "dropped", t.dropped) < 0 ||
        put_number(f->file, "lost", t.lost) < 0 ||
        put_number(f->file, "torn", t.torn_bytes) < 0 ||
        put_number(f->file, "nameless", t.nameless) < 0)
        return fail(f, errp);
    return 0;
}

/* --- a table --- */

static hid_t layout(void)
{
    const hsize_t chunk[1] = {FOLD_ROWS};
    hid_t p = H5Pcreate(H5P_DATASET_CREATE);

    if (p >= 0 &&
        (H5Pset_chunk(p, 1, chunk) < 0 ||
         (H5Zfilter_avail(H5Z_FILTER_DEFLATE) > 0 &&
          (H5Pset_shuffle(p) < 0 || H5Pset_deflate(p, PACKED) < 0)))) {
        H5Pclose(p);
        return -1;
    }
    return p;
}

static int make_column(folder *f, size_t i, pe_error *errp)
{
    const hsize_t none[1] = {0}, most[1] = {H5S_UNLIMITED};
    const fold_column *c = &f->table->columns[i];
    hid_t space = H5Screate_simple(1, none, most), p = layout();
    int rc = 0;

    f->type[i] = fold_type(c);
    f->set[i] = -1;
    if (space >= 0 && p >= 0 && f->type[i] >= 0)
        f->set[i] = H5Dcreate2(f->group, c->name, f->type[i], space,
                               H5P_DEFAULT, p, H5P_DEFAULT);
    f->n = i + 1;
    if (f->set[i] < 0 ||
        (c->units && put_text(f->set[i], "units", c->units) < 0) ||
        (c->words && put_text(f->set[i], "long_name", c->words) < 0))
        rc = fail(f, errp);
    if (space >= 0)
        H5Sclose(space);
    if (p >= 0)
        H5Pclose(p);
    return rc;
}

static int open_table(folder *f, const fold_table *t, pe_error *errp)
{
    int rc = 0;

    f->table = t;
    f->n = 0;
    f->written = 0;
    f->held = 0;
    f->rows = malloc(FOLD_ROWS * t->row);
    f->column = malloc(FOLD_ROWS * t->row);
    if (!f->rows || !f->column)
        return pe_error_nomem(errp);
    f->group =
        H5Gcreate2(f->file, t->group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (f->group < 0)
        return fail(f, errp);
    for (size_t i = 0; rc == 0 && t->columns[i].name; i++)
        rc = make_column(f, i, errp);
    return rc;
}

static int write_column(folder *f, size_t i, pe_error *errp)
{
    const fold_column *c = &f->table->columns[i];
    const hsize_t from[1] = {f->written}, count[1] = {f->held},
                  all[1] = {f->written + f->held};
    hid_t here = H5Screate_simple(1, count, NULL), there = -1;
    int rc = 0;

    for (size_t k = 0; k < f->held; k++)
        memcpy(f->column + k * c->bytes,
               f->rows + k * f->table->row + c->offset, c->bytes);
    if (H5Dset_extent(f->set[i], all) >= 0)
        there = H5Dget_space(f->set[i]);
    if (here < 0 || there < 0 ||
        H5Sselect_hyperslab(there, H5S_SELECT_SET, from, NULL, count, NULL) <
            0 ||
        H5Dwrite(f->set[i], f->type[i], here, there, H5P_DEFAULT, f->column) <
            0)
        rc = fail(f, errp);
    if (here >= 0)
        H5Sclose(here);
    if (there >= 0)
        H5Sclose(there);
    return rc;
}

static int write_rows(folder *f, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && f->held && i < f->n; i++)
        rc = write_column(f, i, errp);
    f->written += f->held;
    f->held = 0;
    return rc;
}

static int add_row(folder *f, const void *row, pe_error *errp)
{
    memcpy(f->rows + f->held++ * f->table->row, row, f->table->row);
    return f->held == FOLD_ROWS ? write_rows(f, errp) : 0;
}

/* What is not written by then is written now, so it may fail, too. */
static int close_table(folder *f, int rc, pe_error *errp)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->set[i] >= 0 && H5Dclose(f->set[i]) < 0 && rc == 0)
            rc = fail(f, errp);
        if (f->type[i] >= 0)
            H5Tclose(f->type[i]);
    }
    if (f->group >= 0)
        H5Gclose(f->group);
    free(f->rows);
    free(f->column);
    f->rows = f->column = NULL;
    f->group = -1;
    f->n = 0;
    return rc;
}

static int fold_kind(folder *f, enum trace_kind kind, pe_error *errp)
{
    union {
        trace_block b;
        trace_commit c;
        trace_rank r;
        trace_model m;
        trace_clock k;
    } row;
    int rc = open_table(f, &fold_tables[kind], errp), more = 1;

    while (rc == 0 && (more = trace_next(f->t, kind, &row, errp)) > 0)
        rc = add_row(f, &row, errp);
    if (more < 0)
        rc = -1;
    if (rc == 0)
        rc = write_rows(f, errp);
    return close_table(f, rc, errp);
}

static void fill_text(char *to, size_t cap, const char *words)
{
    memset(to, 0, cap);
    memcpy(to, words, strnlen(words, cap - 1));
}

static int fold_processes(folder *f, pe_error *errp)
{
    int rc = open_table(f, &fold_tables[FOLD_PROCESSES], errp);
    const trace_process *p;

    for (uint32_t i = 0; rc == 0 && (p = trace_process_at(f->t, i)); i++) {
        layout_process r = {.rank = p->rank,
                            .ranks = p->ranks,
                            .pid = p->pid,
                            .ended = p->ended,
                            .start_ns = p->start_ns,
                            .end_ns = p->end_ns,
                            .rows = p->rows,
                            .dropped = p->dropped,
                            .lost = p->lost,
                            .torn_bytes = p->torn_bytes,
                            .offset_ns = p->offset_ns,
                            .bound_ns = p->bound_ns};

        fill_text(r.pilot, sizeof(r.pilot), p->pilot);
        fill_text(r.member, sizeof(r.member), p->member);
        fill_text(r.host, sizeof(r.host), p->host);
        fill_text(r.kind, sizeof(r.kind), p->kind);
        rc = add_row(f, &r, errp);
    }
    if (rc == 0)
        rc = write_rows(f, errp);
    return close_table(f, rc, errp);
}

/* One column, as wide as the longest name. */
static int fold_devices(folder *f, pe_error *errp)
{
    uint32_t n = trace_devices(f->t);
    size_t most = 1; /* with its NUL */
    int rc;

    for (uint32_t i = 0; i < n; i++)
        if (strlen(trace_device(f->t, i)) >= most)
            most = strlen(trace_device(f->t, i)) + 1;

    const fold_column columns[] = {{.name = "name", .kind = 'S', .bytes = most},
                                   {0}};
    const fold_table table = {"devices", 0, most, columns};
    char *row = calloc(1, most);

    rc = row ? open_table(f, &table, errp) : pe_error_nomem(errp);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        fill_text(row, most, trace_device(f->t, i));
        rc = add_row(f, row, errp);
    }
    if (rc == 0)
        rc = write_rows(f, errp);
    free(row);
    return close_table(f, rc, errp);
}

/* --- the file --- */

static int make_file(folder *f, pe_error *errp)
{
    int rc;

    f->file = H5Fcreate(f->path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (f->file < 0)
        return fail(f, errp);
    rc = put_facts(f, errp);
    for (unsigned k = 0; rc == 0 && k < TRACE_KINDS; k++)
        rc = fold_kind(f, (enum trace_kind)k, errp);
    if (rc == 0)
        rc = fold_devices(f, errp);
    if (rc == 0)
        rc = fold_processes(f, errp);
    if (H5Fclose(f->file) < 0 && rc == 0)
        rc = fail(f, errp);
    return rc;
}

int fold_write(const char *run, const char *path, pe_error *errp)
{
    /* Two may do this at once: the last one's stays, and is whole. */
    char *temp = text_format("%s.%d.new", path, (int)getpid());
    folder f = {.path = temp, .file = -1, .group = -1};
    int rc = temp ? 0 : pe_error_nomem(errp);

    if (rc == 0)
        f.t = trace_open(run, errp);
    if (f.t) {
        hdf5_enter();
        rc = make_file(&f, errp);
        hdf5_leave();
        if (rc == 0)
            rc = file_replace(temp, path, errp);
        if (rc < 0)
            unlink(temp);
    } else {
        rc = -1;
    }
    trace_close(f.t);
    free(temp);
    return rc;
}
