/* clock.c - the data set that says when each row was. */
#include "clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

/* What is looked for, and what was found of it. */
typedef struct search {
    hdf5_clock *clock;
    const hdf5_file *file;
    const hdf5_part *first; /* whose rows are to have times */
    const store_wish *wish;
    bool netcdf;
    bool attached; /* the file itself says that it belongs to the rows */
    text *said;
} search;

static void refuse(search *s, const char *path, const char *why)
{
    text_add(s->said, "%s%s is not the clock (%s)", s->said->len ? "; " : "",
             path, why);
}

/* --- what a data set says of itself --- */

/* By option `format`, numbers since 1970. */
static bool since_1970(const char *format, since *out)
{
    static const struct {
        const char *word;
        int64_t ns;
    } units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};

    for (size_t i = 0; format && i < sizeof(units) / sizeof(units[0]); i++)
        if (!strcmp(units[i].word, format)) {
            *out = (since){0, units[i].ns};
            return true;
        }
    return false;
}

/* Does [set] count time from an instant?  1, 0, -1: it would, but [why]. */
static int counts(const search *s, hid_t set, since *out, char why[SINCE_WHY])
{
    char units[128], calendar[64], start[64];

    why[0] = '\0';
    hdf5_text(set, "units", units, sizeof(units));
    hdf5_text(set, "calendar", calendar, sizeof(calendar));
    if (hdf5_counts_time(set))
        return since_parse(units, calendar, out, why) ? 1 : -1;
    if (hdf5_text(set, "start", start, sizeof(start)) && *start)
        return since_start(units, start, s->wish->zone_s, out, why) ? 1 : -1;
    return 0;
}

/* --- as a clock --- */

/* Open [path] as the clock: 1, 0 it has not our rows, -1. */
static int open_clock(search *s, const char *path, bool asked, pe_error *errp)
{
    const grid_take take = {.axis = -1};
    hdf5_part *p = &s->clock->part;
    pe_error e = {0};
    char why[SINCE_WHY] = "";

    if (hdf5_part_open(p, s->file, path, &take, s->netcdf, &e) < 0)
        snprintf(why, sizeof(why), "%.120s", e.text);
    else if (p->grid.columns != 1 || p->items.n)
        snprintf(why, sizeof(why), "it is no row of numbers");
    else if (s->wish->follow && !p->chunked)
        snprintf(why, sizeof(why), "it cannot grow");
    else if (p->grid.rows != s->first->grid.rows && !s->wish->follow &&
             !(s->attached && s->netcdf) && !s->file->writing)
        snprintf(why, sizeof(why), "it has %" PRIu64 " row%s", p->grid.rows,
                 text_s(p->grid.rows));
    if (!*why) {
        s->clock->unit = s->clock->part.unit;
        s->clock->name = s->clock->part.label;
        return 1;
    }
    hdf5_part_close(p);
    *p = (hdf5_part){.set = -1, .type = -1};
    if (asked)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "time: %s:%s cannot be the clock: %s",
                            s->file->path, path, why);
    refuse(s, path, why);
    return 0;
}

/* Is the data set at [path] the clock?  1, 0, -1. */
static int try(search *s, const char *path, pe_error *errp)
{
    hid_t set = H5Dopen2(s->file->id, path, H5P_DEFAULT);
    char why[SINCE_WHY];
    int rc;

    if (set < 0)
        return 0;
    rc = counts(s, set, &s->clock->since, why);
    H5Dclose(set);
    if (rc < 0)
        refuse(s, path, why);
    return rc > 0 ? open_clock(s, path, false, errp) : 0;
}

/* [name] of the same group as the rows, new memory. */
static char *beside(const search *s, const char *name, size_t len)
{
    size_t n = (size_t)(s->first->label - s->first->path);

    return text_format("%.*s%s%.*s", (int)n, s->first->path, n ? "" : "/",
                       (int)len, name);
}

static int try_beside(search *s, const char *name, size_t len, pe_error *errp)
{
    char *path = beside(s, name, len);
    int rc = path ? 0 : pe_error_nomem(errp);

    if (path && len > 0 && H5Lexists(s->file->id, path, H5P_DEFAULT) > 0)
        rc = try(s, path, errp);
    free(path);
    return rc;
}

/* --- dimension scales --- */

/* Of the scales in [list], those of the axis of the rows. */
static int try_scales(search *s, const hvl_t *list, pe_error *errp)
{
    int rc = 0;

    for (size_t i = 0; i < list->len && rc == 0; i++) {
        char path[1024];
        ssize_t n =
            H5Rget_name(s->file->id, H5R_OBJECT,
                        (const hobj_ref_t *)list->p + i, path, sizeof(path));
        if (n > 0 && (size_t)n < sizeof(path))
            rc = try(s, path, errp);
    }
    return rc;
}

/* Attribute [a] has a list of references for each axis. */
static int try_lists(search *s, hid_t a, pe_error *errp)
{
    hid_t type = H5Tvlen_create(H5T_STD_REF_OBJ), is = H5Aget_type(a);
    hid_t space = H5Aget_space(a), base = -1;
    hssize_t n = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    hvl_t *lists = NULL;
    int rc = 0;

    if (is >= 0 && H5Tget_class(is) == H5T_VLEN)
        base = H5Tget_super(is);
    if (n == (hssize_t)s->first->grid.dims && base >= 0 &&
        H5Tequal(base, H5T_STD_REF_OBJ) > 0)
        lists = calloc((size_t)n, sizeof(*lists));
    if (lists && type >= 0 && H5Aread(a, type, lists) >= 0) {
        rc = try_scales(s, &lists[s->first->grid.axis], errp);
        (void)H5Dvlen_reclaim(type, space, H5P_DEFAULT, lists);
    }
    free(lists);
    if (base >= 0)
        H5Tclose(base);
    if (space >= 0)
        H5Sclose(space);
    if (is >= 0)
        H5Tclose(is);
    if (type >= 0)
        H5Tclose(type);
    return rc;
}

static int try_dimension(search *s, pe_error *errp)
{
    hid_t a = -1;
    int rc = 0;

    if (hdf5_has(s->first->set, "DIMENSION_LIST"))
        a = H5Aopen(s->first->set, "DIMENSION_LIST", H5P_DEFAULT);
    if (a >= 0) {
        rc = try_lists(s, a, errp);
        H5Aclose(a);
    }
    return rc;
}

/* --- by name --- */

/* CF: attribute `coordinates` of the variable. */
static int try_coordinates(search *s, pe_error *errp)
{
    char names[512];
    int rc = 0;

    if (!hdf5_text(s->first->set, "coordinates", names, sizeof(names)))
        return 0;
    for (const char *at = names; *at && rc == 0;) {
        size_t n = strcspn(at, " ,");
        rc = try_beside(s, at, n, errp);
        at += n + strspn(at + n, " ,");
    }
    return rc;
}

/* NeXus: the axis of the rows among `axes` of NXdata; `time` of NXlog. */
static int try_nexus(search *s, pe_error *errp)
{
    char *path = beside(s, "", 0);
    char axes[512], class[64];
    hid_t group = path ? H5Gopen2(s->file->id, path, H5P_DEFAULT) : -1;
    const char *at = axes;
    int rc = 0;

    free(path);
    if (group < 0)
        return 0;
    if (hdf5_text(group, "axes", axes, sizeof(axes))) {
        for (unsigned i = 0; i < s->first->grid.axis && *at; i++) {
            at += strcspn(at, " ,:");
            at += strspn(at, " ,:");
        }
        rc = try_beside(s, at, strcspn(at, " ,:"), errp);
    }
    if (rc == 0 && hdf5_text(group, "NX_class", class, sizeof(class)) &&
        !strcmp(class, "NXlog"))
        rc = try_beside(s, "time", 4, errp);
    H5Gclose(group);
    return rc;
}

/* --- asked for --- */

/* Option `time`: a path, or a name beside the rows or of the root. */
static int take_asked(search *s, pe_error *errp)
{
    const char *name = s->wish->time;
    char *path = name[0] == '/' ? strdup(name) : beside(s, name, strlen(name));
    char why[SINCE_WHY];
    hid_t set = -1;
    int rc;

    if (!path)
        return pe_error_nomem(errp);
    if (H5Lexists(s->file->id, path, H5P_DEFAULT) > 0)
        set = H5Dopen2(s->file->id, path, H5P_DEFAULT);
    if (set < 0) {
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                          "time: %s has no data set %s", s->file->path, path);
        goto done;
    }
    rc = counts(s, set, &s->clock->since, why);
    if (since_1970(s->wish->format, &s->clock->since))
        rc = 1;
    H5Dclose(set);
    s->attached = true;
    rc = rc > 0 ? open_clock(s, path, true, errp)
                : pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                               "time: %s:%s cannot be the clock: %s",
                               s->file->path, path,
                               *why ? why
                                    : "it has no units as 'seconds since "
                                      "2026-01-01'; format: s, ms, us or ns "
                                      "says that it counts from 1970");
done:
    free(path);
    return rc < 0 ? -1 : 0;
}

/* --- the clock --- */

int hdf5_clock_open(hdf5_clock *c, const hdf5_clock_of *of, text *said,
                    pe_error *errp)
{
    search s = {.clock = c,
                .file = of->file,
                .first = of->first,
                .wish = of->wish,
                .netcdf = of->netcdf,
                .attached = true,
                .said = said};
    int rc;

    if (s.wish->time && !strcmp(s.wish->time, "none"))
        return 0;
    if (s.wish->time)
        return take_asked(&s, errp);
    rc = try_dimension(&s, errp);
    if (rc == 0)
        rc = try_coordinates(&s, errp);
    if (rc == 0)
        rc = try_nexus(&s, errp);
    s.attached = false;
    if (rc == 0 && of->found->time && !said->len)
        rc = try(&s, of->found->time, errp);
    return rc < 0 ? -1 : 0;
}

void hdf5_clock_close(hdf5_clock *c)
{
    hdf5_part_close(&c->part);
    free(c->cells);
}

/* Whole numbers of 8 bytes have more digits than a double. */
static bool is_exact(const hdf5_part *p)
{
    const element e = p->items.type;

    return e.kind != 'f' && e.size == 8 && p->packing.scale == 1 &&
           p->packing.offset == 0;
}

static int64_t whole_at(const hdf5_part *p, const grid_rows *r, size_t i)
{
    const unsigned char *at =
        (const unsigned char *)r->raw + (r->from + i) * p->items.bytes;
    uint64_t value = 0;

    for (size_t k = 0; k < 8; k++)
        value = value << 8 | at[p->items.type.big ? k : 7 - k];
    return (int64_t)value;
}

int hdf5_clock_read(hdf5_clock *c, const char *name, uint64_t row, uint32_t n,
                    int64_t *ns, pe_error *errp)
{
    hdf5_part *p = &c->part;
    size_t done = 0;
    grid_rows r;

    memset(ns, 0, n * sizeof(*ns));
    if (c->cap < n) {
        free(c->cells);
        c->cap = 0;
        c->cells = malloc(n * sizeof(*c->cells));
        if (!c->cells)
            return pe_error_nomem(errp);
        c->cap = n;
    }
    while (done < n && row + done < p->grid.rows) {
        uint64_t left = p->grid.rows - row - done;
        size_t want = left < n - done ? (size_t)left : n - done;
        if (hdf5_part_load(p, name, row + done, want, &r, errp) < 0)
            return -1;
        grid_copy(&p->grid, &r, (grid_columns){NULL, 1},
                  &(grid_to){c->cells, PE_F8, 0, 1});
        for (size_t i = 0; i < r.count; i++) {
            int64_t *to = &ns[done + i];
            double x = 0;
            bool is =
                hdf5_unpack(&p->packing, c->cells[i], &x) == 0 &&
                (is_exact(p) ? since_whole_ns(&c->since, whole_at(p, &r, i), to)
                             : since_ns(&c->since, x, to));
            if (!is)
                *to = 0;
        }
        done += r.count;
    }
    return 0;
}
