/* hdf5.c - rows out of the data sets of an HDF5 file. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

#include "src/common/text.h"

/* --- unpacking --- */

/* Cells that became NaN, by reason. */
typedef struct lost {
    uint64_t missing, outside;
    size_t missing_at, outside_at; /* the first one's row */
} lost;

static double unpack(const hdf5_packing *p, double x, size_t row, lost *l)
{
    double y;

    switch (hdf5_unpack(p, x, &y)) {
    case HDF5_MISSING:
        if (l->missing++ == 0)
            l->missing_at = row;
        return (double)NAN;
    case HDF5_OUTSIDE:
        if (l->outside++ == 0)
            l->outside_at = row;
        return (double)NAN;
    default:
        return y;
    }
}

static void tell(hdf5_store *s, const hdf5_part *p, uint64_t n, uint64_t row,
                 const char *what, const char *how)
{
    char reason[48], first[512];

    if (n == 0 || !s->head.hear.masked)
        return;
    snprintf(reason, sizeof(reason), "%.24s %s", p->label, what);
    snprintf(first, sizeof(first), "%s:%s row %" PRIu64 ": %s; it becomes NaN",
             s->path, p->path, row, how);
    s->head.hear.masked(s->head.hear.arg, n, reason, first);
}

/* Of a run's own columns, column [c] of row [row]. */
static void store_cell(const grid_to *to, size_t row, uint32_t c, double x)
{
    size_t i = row * to->width + to->first + c;

    if (to->dtype == PE_F8)
        ((double *)to->matrix)[i] = x;
    else
        ((float *)to->matrix)[i] = (float)x;
}

static int reserve_cells(hdf5_store *s, size_t n, pe_error *errp)
{
    if (n <= s->cells_cap)
        return 0;
    free(s->cells);
    s->cells_cap = 0;
    s->cells = malloc(n * sizeof(*s->cells));
    if (!s->cells)
        return pe_error_nomem(errp);
    s->cells_cap = n;
    return 0;
}

/* Rows [r] of run [k], the first of them being [row] of the file. */
static int copy_packed(hdf5_store *s, const hdf5_run *k, const grid_rows *r,
                       uint64_t row, const grid_to *to, pe_error *errp)
{
    const hdf5_part *p = &s->part[k->part];
    lost l = {0};

    if (reserve_cells(s, r->count * k->columns, errp) < 0)
        return -1;
    if (grid_copy(&p->grid, r, (grid_columns){k->column, k->columns},
                  &(grid_to){s->cells, PE_F8, 0, k->columns}) > 0)
        store_rounded(&s->head, row, PE_F8);
    for (size_t i = 0; i < r->count; i++)
        for (uint32_t c = 0; c < k->columns; c++)
            store_cell(
                to, i, c,
                unpack(&p->packing, s->cells[i * k->columns + c], i, &l));
    tell(s, p, l.missing, row + l.missing_at, "is missing",
         "a fill value or missing_value");
    tell(s, p, l.outside, row + l.outside_at, "is out of range",
         "beyond valid_range");
    return 0;
}

/* --- reading --- */

/* Rows that a shorter variable of netCDF has not. */
static void fill_open(hdf5_store *s, const hdf5_run *k, uint64_t row, size_t n,
                      const grid_to *to)
{
    for (size_t i = 0; i < n; i++)
        for (uint32_t c = 0; c < k->columns; c++)
            store_cell(to, i, c, (double)NAN);
    tell(s, &s->part[k->part], n * (uint64_t)k->columns, row, "is not written",
         "this variable is shorter than others of its dimension");
}

static int read_run(hdf5_store *s, const hdf5_run *k, uint64_t row, size_t n,
                    grid_to to, pe_error *errp)
{
    hdf5_part *p = &s->part[k->part];
    grid_rows r;

    to.first = k->at;
    if (!k->column && k->columns == to.width &&
        hdf5_part_copy(p, row, n, to.matrix, to.dtype))
        return 0;
    while (n > 0 && row < p->grid.rows) {
        size_t there =
            p->grid.rows - row < n ? (size_t)(p->grid.rows - row) : n;
        if (hdf5_part_load(p, s->path, row, there, &r, errp) < 0)
            return -1;
        if (p->packing.any) {
            if (copy_packed(s, k, &r, row, &to, errp) < 0)
                return -1;
        } else if (grid_copy(&p->grid, &r,
                             (grid_columns){k->column, k->columns}, &to) > 0) {
            store_rounded(&s->head, row, to.dtype);
        }
        row += r.count;
        n -= r.count;
        to.matrix = (char *)to.matrix + r.count * to.width * (size_t)to.dtype;
    }
    if (n > 0)
        fill_open(s, k, row, n, &to);
    return 0;
}

static int hdf5_read(store_table *head, uint64_t row, uint32_t n, void *to,
                     enum pe_dtype dtype, pe_error *errp)
{
    hdf5_store *s = (hdf5_store *)head;
    const grid_to table = {to, dtype, 0, head->columns};
    int rc = 0;

    hdf5_enter();
    for (size_t i = 0; i < s->runs && rc == 0; i++)
        rc = read_run(s, &s->run[i], row, n, table, errp);
    hdf5_leave();
    return rc;
}

static void hdf5_close(store_table *head)
{
    hdf5_store *s = (hdf5_store *)head;

    hdf5_enter();
    for (size_t i = 0; i < s->parts; i++)
        hdf5_part_close(&s->part[i]);
    hdf5_clock_close(&s->clock);
    if (s->file.id >= 0)
        H5Fclose(s->file.id);
    hdf5_leave();
    for (uint32_t c = 0; s->name && c < s->all; c++)
        free(s->name[c]);
    free(s->name);
    free(s->part);
    free(s->local);
    free(s->run);
    free(s->cells);
    free(s->path);
    store_free(head);
}

/* --- columns --- */

/* Name of column [c] of part [p], of a table of several parts or one. */
static char *column_name(const hdf5_store *s, const hdf5_part *p, uint32_t c)
{
    const char *field = grid_name(&p->grid, c);
    uint32_t items =
        (uint32_t)(p->grid.columns / (p->items.n ? p->items.n : 1));

    if (field)
        return s->parts > 1 ? text_format("%s.%s", p->label, field)
                            : strdup(field);
    return items > 1 ? text_format("%s[%" PRIu32 "]", p->label, c)
                     : strdup(p->label);
}

static int name_columns(hdf5_store *s, pe_error *errp)
{
    uint32_t at = 0;

    if (s->all > GRID_FIELDS_MAX ||
        (s->parts == 1 && s->all > 1 && !s->part[0].items.n))
        return 0;
    s->name = calloc(s->all, sizeof(*s->name));
    if (!s->name)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < s->parts; i++)
        for (uint32_t c = 0; c < s->part[i].grid.columns; c++) {
            s->name[at] = column_name(s, &s->part[i], c);
            if (!s->name[at++])
                return pe_error_nomem(errp);
        }
    return 0;
}

static const char *name_of(const void *arg, uint32_t c)
{
    const hdf5_store *s = arg;

    return s->name ? s->name[c] : NULL;
}

/* All columns: a run for each part. */
static void run_parts(hdf5_store *s)
{
    uint32_t at = 0;

    for (s->runs = 0; s->runs < s->parts; s->runs++) {
        uint32_t n = s->part[s->runs].grid.columns;
        s->run[s->runs] = (hdf5_run){s->runs, NULL, n, at};
        at += n;
    }
}

/* Which part column *cp of the table is of; *cp becomes the part's own. */
static size_t part_of(const hdf5_store *s, uint32_t *cp)
{
    size_t i = 0;

    while (*cp >= s->part[i].grid.columns)
        *cp -= s->part[i++].grid.columns;
    return i;
}

static element type_of(const store_table *head, uint32_t c)
{
    const hdf5_store *s = (const hdf5_store *)head;
    size_t part = part_of(s, &c);

    return grid_element(&s->part[part].grid, c);
}

static const char *unit_of(const store_table *head, uint32_t c)
{
    const hdf5_store *s = (const hdf5_store *)head;
    size_t part = part_of(s, &c);

    return s->part[part].unit;
}

static int hdf5_times(store_table *head, uint64_t row, uint32_t n, int64_t *ns,
                      pe_error *errp)
{
    hdf5_store *s = (hdf5_store *)head;
    int rc;

    hdf5_enter();
    rc = hdf5_clock_read(&s->clock, s->path, row, n, ns, errp);
    hdf5_leave();
    return rc;
}

static const store_ops ops = {.read = hdf5_read,
                              .refresh = hdf5_refresh,
                              .times = hdf5_times,
                              .type = type_of,
                              .unit = unit_of,
                              .close = hdf5_close};

static int make_runs(hdf5_store *s, pe_error *errp)
{
    size_t n = s->head.column ? s->head.columns : s->parts;

    s->run = calloc(n, sizeof(*s->run));
    s->local = calloc(n, sizeof(*s->local));
    if (!s->run || !s->local)
        return pe_error_nomem(errp);
    if (!s->head.column) {
        run_parts(s);
        return 0;
    }
    for (uint32_t i = 0; i < s->head.columns; i++) {
        uint32_t c = s->head.column[i];
        size_t part = part_of(s, &c);
        s->local[i] = c;
        if (s->runs == 0 || s->run[s->runs - 1].part != part)
            s->run[s->runs++] = (hdf5_run){part, &s->local[i], 0, i};
        s->run[s->runs - 1].columns++;
    }
    return 0;
}

/* --- open --- */

static void describe_part(const hdf5_part *p, bool several, text *t)
{
    const hdf5_packing *k = &p->packing;
    const element e = p->items.type;
    char shape[128];

    if (!several && !p->items.n) {
        grid_shape_text(p->grid.dim, p->grid.dims, shape, sizeof(shape));
        text_add(t, "%s%s of %c%c%u", t->len ? "; " : "", shape,
                 e.size == 1 ? '|'
                 : e.big     ? '>'
                             : '<',
                 e.kind, e.size);
    }
    if (p->too_large)
        text_add(t,
                 "%s%s has chunks of more than 1 GiB to a row, which are "
                 "unpacked again for each block: h5repack it",
                 t->len ? "; " : "", p->label);
    if (*p->items.left_out)
        text_add(t, "%sleft out: %s", t->len ? "; " : "", p->items.left_out);
    if (k->scale != 1 || k->offset != 0)
        text_add(t, "%s%s is unpacked: x * %g + %g", t->len ? "; " : "",
                 p->label, k->scale, k->offset);
}

static int describe(hdf5_store *s, const text *said, pe_error *errp)
{
    text t = {0};
    int rc;

    for (size_t i = 0; i < s->parts; i++)
        describe_part(&s->part[i], s->parts > 1, &t);
    if (said->len)
        text_add(&t, "%s%s", t.len ? "; " : "", said->data);
    if (s->left_room)
        text_add(&t,
                 "%s%" PRIu64 " row%s at the end, not written yet, %s left "
                 "out",
                 t.len ? "; " : "", s->left_room, text_s(s->left_room),
                 text_are(s->left_room));
    if (s->file.writing && !s->follow)
        text_add(&t,
                 "%sa program writes it, or was killed: these are the "
                 "rows there are now",
                 t.len ? "; " : "");
    rc = t.failed ? pe_error_nomem(errp)
                  : store_describe(&s->head, t.data ? t.data : "", errp);
    text_free(&t);
    return rc;
}

static int open_parts(hdf5_store *s, const store_wish *w, char *const *paths,
                      pe_error *errp)
{
    const grid_take take = {.axis = w->rows, .frames = w->frames};
    size_t n = 0;

    while (paths[n])
        n++;
    s->part = calloc(n, sizeof(*s->part));
    if (!s->part)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++) {
        hdf5_part *p = &s->part[s->parts++];
        p->set = p->type = -1;
        if (hdf5_part_open(p, &s->file, paths[i], &take, s->netcdf, errp) < 0)
            return -1;
        if (__builtin_add_overflow(s->all, p->grid.columns, &s->all))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s has more columns than 2^32", s->path);
    }
    return 0;
}

/* The clock of the rows, or what else becomes of what counts time. */
static int find_clock(hdf5_store *s, const store_wish *w, hdf5_found *found,
                      pe_error *errp)
{
    text said = {0};
    const hdf5_clock_of of = {&s->file, &s->part[0], found, w, s->netcdf};
    int rc = hdf5_clock_open(&s->clock, &of, &said, errp);
    const char *mark = found->said.len ? "; " : "";

    if (rc == 0 && s->clock.name)
        text_add(&found->said, "%s%s is the clock", mark, s->clock.name);
    else if (rc == 0 && said.len)
        text_add(&found->said, "%s%s", mark, said.data);
    else if (rc == 0 && found->time)
        text_add(&found->said, "%sleft out: %s (a coordinate)", mark,
                 found->time + (found->time[0] == '/'));
    s->head.clock = s->clock.name;
    s->head.clock_unit = s->clock.unit;
    text_free(&said);
    return rc;
}

static int open_table(hdf5_store *s, const store_wish *w, const char *member,
                      pe_error *errp)
{
    hdf5_found found = {0};
    const bool times = !w->time || strcmp(w->time, "none") != 0;
    int rc = -1;

    if (hdf5_file_open(&s->file, s->path, w->follow, errp) < 0)
        return -1;
    s->netcdf = hdf5_is_netcdf(s->file.id);
    if (hdf5_find(&s->file, member, times, &found, errp) == 0 &&
        open_parts(s, w, found.path, errp) == 0) {
        /* One data set is named by its path, several as they were given. */
        s->head.name = s->parts == 1
                           ? text_format("%s:%s", s->path, found.path[0])
                       : *member ? text_format("%s:%s", s->path, member)
                                 : strdup(s->path);
        if (!s->head.name)
            pe_error_nomem(errp);
        else if (hdf5_count_rows(s, errp) == 0 && name_columns(s, errp) == 0 &&
                 store_pick(&s->head, w, s->all, name_of, s, errp) == 0 &&
                 make_runs(s, errp) == 0 && find_clock(s, w, &found, errp) == 0)
            rc = describe(s, &found.said, errp);
    }
    hdf5_found_free(&found);
    return rc;
}

static store_table *hdf5_open(const store_wish *w, const char *file,
                              const char *member, pe_error *errp)
{
    hdf5_store *s = calloc(1, sizeof(*s));
    int rc;

    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    s->head.ops = &ops;
    s->head.hear = w->hear;
    s->clock.part.set = s->clock.part.type = -1;
    s->file.id = -1;
    s->follow = w->follow;
    s->path = strdup(file);
    hdf5_enter();
    rc = s->path ? open_table(s, w, member, errp) : pe_error_nomem(errp);
    hdf5_leave();
    if (rc == 0)
        return &s->head;
    hdf5_close(&s->head);
    return NULL;
}

const store_kind store_hdf5 = {
    .name = "HDF5", .open = hdf5_open, .list = hdf5_list, .make = hdf5_make};
