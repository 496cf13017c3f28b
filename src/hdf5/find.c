/* find.c - which data sets of a file are meant. */
#include "hdf5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Data sets that are looked at where none is named, and those told of. */
#define LOOKED_MAX 10000
#define TOLD_MAX 12

/* Columns that are taken without being named. */
#define COLUMNS_MAX 4096

#define PHANTOM "This is a netCDF dimension but not a netCDF variable"

bool hdf5_is_netcdf(hid_t file)
{
    char conventions[64];

    return hdf5_has(file, "_NCProperties") ||
           (hdf5_text(file, "Conventions", conventions, sizeof(conventions)) &&
            strstr(conventions, "CF"));
}

bool hdf5_is_scale(hid_t set)
{
    char class[32];

    return hdf5_text(set, "CLASS", class, sizeof(class)) &&
           !strcmp(class, "DIMENSION_SCALE");
}

bool hdf5_is_phantom(hid_t set)
{
    char name[128];

    return hdf5_is_scale(set) && hdf5_text(set, "NAME", name, sizeof(name)) &&
           !strncmp(name, PHANTOM, sizeof(PHANTOM) - 1);
}

bool hdf5_counts_time(hid_t set)
{
    char units[128];

    return hdf5_text(set, "units", units, sizeof(units)) &&
           strcasestr(units, " since ");
}

void hdf5_shape_text(hid_t set, char *out, size_t cap)
{
    uint64_t d[H5S_MAX_RANK];
    hsize_t dim[H5S_MAX_RANK];
    hid_t space = H5Dget_space(set);
    int n = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dim, NULL);

    for (int i = 0; i < n; i++)
        d[i] = dim[i];
    if (n < 0 || H5Sget_simple_extent_type(space) == H5S_NULL)
        snprintf(out, cap, "empty");
    else
        grid_shape_text(d, (unsigned)n, out, cap);
    if (space >= 0)
        H5Sclose(space);
}

/* --- what is found --- */

int hdf5_found_add(hdf5_found *out, const char *path, size_t len)
{
    char **more = realloc(out->path, (out->n + 2) * sizeof(*more));

    if (more)
        out->path = more;
    if (!more || !(out->path[out->n] = strndup(path, len))) {
        out->failed = true;
        return -1;
    }
    out->path[++out->n] = NULL;
    return 0;
}

void hdf5_found_free(hdf5_found *out)
{
    for (size_t i = 0; i < out->n; i++)
        free(out->path[i]);
    free(out->path);
    free(out->time);
    text_free(&out->said);
    text_free(&out->why);
    *out = (hdf5_found){0};
}

/* --- what is missing --- */

/* Say where the first [len] bytes of [path] lead to, if they are a link. */
static bool explain_link(hid_t file, const char *part, const char *name,
                         pe_error *errp)
{
    H5L_info_t info;
    char value[2048] = "";
    const char *to = NULL, *set = NULL;
    unsigned flags;

    if (H5Lget_info(file, part, &info, H5P_DEFAULT) < 0 ||
        info.type == H5L_TYPE_HARD ||
        H5Lget_val(file, part, value, sizeof(value) - 1, H5P_DEFAULT) < 0)
        return false;
    if (info.type == H5L_TYPE_EXTERNAL &&
        H5Lunpack_elink_val(value, info.u.val_size, &flags, &to, &set) >= 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s: %s is a link to %s of file %s, which is not there",
                     name, part, set, to);
    else
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s: %s is a link to %s, which is not there", name, part,
                     value);
    return true;
}

static int refuse_path(const hdf5_file *f, const char *path, pe_error *errp)
{
    char part[1024];

    for (size_t i = 1; path[i - 1] && i < sizeof(part); i++) {
        if (path[i] && path[i] != '/')
            continue;
        snprintf(part, sizeof(part), "%.*s", (int)i, path);
        if (H5Lexists(f->id, part, H5P_DEFAULT) <= 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s has no %s", f->path, part);
        if (H5Oexists_by_name(f->id, part, H5P_DEFAULT) <= 0 &&
            explain_link(f->id, part, f->path, errp))
            return -1;
    }
    return 0;
}

hid_t hdf5_open_set(const hdf5_file *f, const char *path, hid_t access,
                    pe_error *errp)
{
    char why[HDF5_WHY];
    H5O_info_t info;
    hid_t set;

    if (refuse_path(f, path, errp) < 0)
        return -1;
    if (H5Oget_info_by_name2(f->id, path, &info, H5O_INFO_BASIC, H5P_DEFAULT) >=
            0 &&
        info.type == H5O_TYPE_GROUP) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s:%s is a group; name a data set in it", f->path, path);
        return -1;
    }
    set = H5Dopen2(f->id, path, access);
    if (set >= 0)
        return set;
    hdf5_why(why);
    if (strstr(why, "version"))
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s:%s was written by a newer HDF5 than %d.%d.%d here; "
                     "have its writer use libver='v110' (h5py: "
                     "libver=('v110', 'v110'))",
                     f->path, path, H5_VERS_MAJOR, H5_VERS_MINOR,
                     H5_VERS_RELEASE);
    else
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s:%s cannot be opened: %s", f->path, path, why);
    return -1;
}

/* --- named by the user --- */

/* "/a,/b", or one path that has commas itself. */
static void split_member(const hdf5_file *f, const char *member,
                         hdf5_found *out)
{
    if (H5Lexists(f->id, member, H5P_DEFAULT) > 0) {
        hdf5_found_add(out, member, strlen(member));
        return;
    }
    for (const char *at = member; at;) {
        const char *end = strchr(at, ',');
        while (*at == ' ')
            at++;
        hdf5_found_add(out, at, end ? (size_t)(end - at) : strlen(at));
        at = end ? end + 1 : NULL;
    }
}

static bool is_group(const hdf5_file *f, const char *path)
{
    H5O_info_t info;

    return H5Oget_info_by_name2(f->id, path, &info, H5O_INFO_BASIC,
                                H5P_DEFAULT) >= 0 &&
           info.type == H5O_TYPE_GROUP;
}

/* What is in a group, for an error. */
typedef struct inside {
    text told;
    size_t n;
} inside;

static herr_t note_inside(hid_t group, const char *name, const H5L_info_t *info,
                          void *arg)
{
    inside *in = arg;
    char shape[128] = "/";
    hid_t o;

    (void)info;
    if (in->n++ >= TOLD_MAX)
        return 0;
    o = H5Oopen(group, name, H5P_DEFAULT);
    if (o >= 0 && H5Iget_type(o) == H5I_DATASET) {
        shape[0] = ' ';
        hdf5_shape_text(o, shape + 1, sizeof(shape) - 1);
    }
    text_add(&in->told, "%s%s%s", in->n > 1 ? ", " : "", name, shape);
    if (o >= 0)
        H5Oclose(o);
    return 0;
}

static int refuse_group(const hdf5_file *f, const char *path, pe_error *errp)
{
    inside in = {0};
    hsize_t at = 0;
    hid_t group = H5Gopen2(f->id, path, H5P_DEFAULT);

    if (group >= 0) {
        if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, note_inside,
                       &in) < 0)
            text_add(&in.told, "%s...", in.n ? ", " : "");
        H5Gclose(group);
    }
    if (in.n > TOLD_MAX)
        text_add(&in.told, ", ... (%zu in all)", in.n);
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "%s:%s is a group; name a data set in it: %s", f->path, path,
                 in.n ? in.told.data ? in.told.data : "" : "it is empty");
    text_free(&in.told);
    return -1;
}

/* Of several data sets, one that counts time is no column, but their clock. */
static void take_time(const hdf5_file *f, hdf5_found *out)
{
    for (size_t i = 0; i < out->n && out->n > 1; i++) {
        hid_t set = H5Lexists(f->id, out->path[i], H5P_DEFAULT) > 0
                        ? H5Dopen2(f->id, out->path[i], H5P_DEFAULT)
                        : -1;
        bool is = set >= 0 && hdf5_counts_time(set);
        if (set >= 0)
            H5Dclose(set);
        if (!is)
            continue;
        out->time = out->path[i];
        out->n--;
        memmove(&out->path[i], &out->path[i + 1],
                (out->n - i + 1) * sizeof(*out->path));
        return;
    }
}

/* Data sets, or a group that plots one. */
static int find_named(const hdf5_file *f, const char *member, bool times,
                      hdf5_found *out, pe_error *errp)
{
    char *group;
    int rc;

    split_member(f, member, out);
    if (out->n != 1 || !is_group(f, out->path[0])) {
        text_add(&out->why, "named");
        if (times)
            take_time(f, out);
        return 0;
    }
    group = out->path[0];
    out->n = 0;
    rc = hdf5_nexus(f, group, out, errp);
    if (rc == 0)
        refuse_group(f, group, errp);
    free(group);
    return rc > 0 ? 0 : -1;
}

/* --- whatever is there --- */

typedef struct seen {
    hdf5_found *out;
    text told; /* paths with their shapes */
    text left; /* coordinates, and what is no number */
    size_t n_left;
    hsize_t longest; /* of those of one axis */
    size_t looked;
    bool many_axes, unequal, netcdf;
} seen;

/* A coordinate that counts time; the first one may be the clock. */
static void note_time(seen *s, const char *name)
{
    if (!s->out->time)
        s->out->time = text_format("/%s", name);
}

static void leave_out(seen *s, const char *name, const char *why)
{
    if (s->n_left < TOLD_MAX)
        text_add(&s->left, "%s%s (%.*s)", s->n_left ? ", " : "", name,
                 (int)strcspn(why, ";"), why);
    else if (s->n_left == TOLD_MAX)
        text_add(&s->left, ", ...");
    s->n_left++;
}

/* A data set of [n] axes, of numbers. */
static void take_set(seen *s, const char *name, const hsize_t *dim, int n)
{
    uint64_t d[H5S_MAX_RANK];
    char shape[128], *full = text_format("/%s", name);

    for (int i = 0; i < n; i++)
        d[i] = dim[i];
    grid_shape_text(d, (unsigned)n, shape, sizeof(shape));
    if (s->out->n < TOLD_MAX)
        text_add(&s->told, "%s/%s %s", s->out->n ? ", " : "", name, shape);
    else if (s->out->n == TOLD_MAX)
        text_add(&s->told, ", ...");
    s->many_axes = s->many_axes || n > 1;
    s->unequal = s->unequal || (s->out->n > 0 && dim[0] != s->longest);
    if (dim[0] > s->longest)
        s->longest = dim[0];
    if (full)
        hdf5_found_add(s->out, full, strlen(full));
    else
        s->out->failed = true;
    free(full);
}

/* What has no rows, as the facts beside the data, is none of them. */
static void note_set(seen *s, hid_t set, const char *name)
{
    hsize_t dim[H5S_MAX_RANK];
    hid_t type = H5Dget_type(set), space = H5Dget_space(set), read = -1;
    int n = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dim, NULL);
    grid_items items = {0};
    const char *what = "";

    if (type >= 0 && n > 0 && !hdf5_is_phantom(set)) {
        read = hdf5_type(type, &items, &what);
        if (read < 0)
            leave_out(s, name, what);
        else if (n == 1 && hdf5_counts_time(set) && !s->out->time)
            note_time(s, name);
        else if (hdf5_is_scale(set) || hdf5_counts_time(set))
            leave_out(s, name, "a coordinate");
        else
            take_set(s, name, dim, n);
    }
    if (read >= 0)
        H5Tclose(read);
    grid_items_clear(&items);
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
}

static herr_t note_object(hid_t file, const char *name, const H5O_info_t *info,
                          void *arg)
{
    seen *s = arg;

    /* What PyTables hides: the indexes of its tables. */
    if (info->type != H5O_TYPE_DATASET || !strncmp(name, "_i_", 3) ||
        strstr(name, "/_i_"))
        return 0;
    if (s->looked++ >= LOOKED_MAX)
        return 1;
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0)
        return 0;
    note_set(s, set, name);
    H5Dclose(set);
    return 0;
}

/* One data set, or several of one axis that are columns of one table. */
static bool is_table(const seen *s)
{
    if (s->out->n == 1)
        return true;
    return s->out->n > 1 && s->out->n <= COLUMNS_MAX && !s->many_axes &&
           (s->netcdf || !s->unequal);
}

static int find_any(const hdf5_file *f, hdf5_found *out, pe_error *errp)
{
    seen s = {.out = out, .netcdf = hdf5_is_netcdf(f->id)};
    int rc = -1;

    if (H5Ovisit2(f->id, H5_INDEX_NAME, H5_ITER_INC, note_object, &s,
                  H5O_INFO_BASIC) < 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s: a part of it cannot be listed, so what it holds is "
                     "not known; name a data set, %s:/PATH",
                     f->path, f->path);
    } else if (is_table(&s)) {
        if (s.left.len)
            text_add(&out->said, "left out: %s", s.left.data);
        text_add(&out->why, "%s",
                 out->n == 1 ? "the only data set of numbers with rows"
                             : "all data sets of numbers, of one axis each");
        rc = 0;
    } else if (s.looked > LOOKED_MAX) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s has more than %d data sets; name one: %s:/PATH",
                     f->path, LOOKED_MAX, f->path);
    } else if (out->n == 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s has no data set of numbers with rows", f->path);
    } else {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s holds several data sets: %s; name one, %s:/PATH, or "
                     "several of one axis, /A,/B, which become columns",
                     f->path, s.told.data ? s.told.data : "", f->path);
    }
    text_free(&s.told);
    text_free(&s.left);
    return rc;
}

int hdf5_find(const hdf5_file *f, const char *member, bool times,
              hdf5_found *out, pe_error *errp)
{
    int rc;

    *out = (hdf5_found){0};
    if (*member) {
        rc = find_named(f, member, times, out, errp);
    } else {
        rc = hdf5_nexus(f, "/", out, errp);
        if (rc == 0)
            rc = find_any(f, out, errp);
    }
    if (rc < 0 || out->failed || out->n == 0) {
        hdf5_found_free(out);
        return rc < 0 ? -1 : pe_error_nomem(errp);
    }
    return 0;
}
