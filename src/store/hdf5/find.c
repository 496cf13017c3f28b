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

void hdf5_paths_free(char **paths)
{
    for (size_t i = 0; paths && paths[i]; i++)
        free(paths[i]);
    free(paths);
}

/* --- a list under construction --- */

typedef struct list {
    char **path;
    size_t n;
    bool failed;
} list;

static void list_add(list *l, const char *path, size_t len)
{
    char **more = realloc(l->path, (l->n + 2) * sizeof(*more));

    if (more)
        l->path = more;
    if (!more || !(l->path[l->n] = strndup(path, len))) {
        l->failed = true;
        return;
    }
    l->path[++l->n] = NULL;
}

static void list_free(list *l)
{
    hdf5_paths_free(l->path);
    *l = (list){0};
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
static void split_member(const hdf5_file *f, const char *member, list *l)
{
    if (H5Lexists(f->id, member, H5P_DEFAULT) > 0) {
        list_add(l, member, strlen(member));
        return;
    }
    for (const char *at = member; at;) {
        const char *end = strchr(at, ',');
        while (*at == ' ')
            at++;
        list_add(l, at, end ? (size_t)(end - at) : strlen(at));
        at = end ? end + 1 : NULL;
    }
}

/* --- NeXus --- */

/* Is [name] of [group] a group of NeXus class [class]? */
static bool is_class(hid_t group, const char *name, const char *class)
{
    char word[64];
    hid_t o = H5Oopen(group, name, H5P_DEFAULT);
    bool is = o >= 0 && H5Iget_type(o) == H5I_GROUP &&
              hdf5_text(o, "NX_class", word, sizeof(word)) &&
              !strcmp(word, class);

    if (o >= 0)
        H5Oclose(o);
    return is;
}

typedef struct class_find {
    const char *class;
    char *found;
} class_find;

static herr_t note_class(hid_t group, const char *name, const H5L_info_t *info,
                         void *arg)
{
    class_find *c = arg;

    (void)info;
    if (!is_class(group, name, c->class))
        return 0;
    c->found = strdup(name);
    return 1;
}

/* The group below [path] that attribute `default` names, else the first one of
 * [class]; new path, or NULL.
 */
static char *go_down(hid_t file, const char *path, const char *class)
{
    char name[512];
    class_find c = {.class = class};
    hsize_t at = 0;
    hid_t group = H5Gopen2(file, path, H5P_DEFAULT);
    char *next = NULL;

    if (group < 0)
        return NULL;
    if (hdf5_text(group, "default", name, sizeof(name)) &&
        H5Lexists(group, name, H5P_DEFAULT) > 0)
        c.found = strdup(name);
    else
        H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at, note_class, &c);
    if (c.found)
        next = text_format("%s/%s", strcmp(path, "/") ? path : "", c.found);
    free(c.found);
    H5Gclose(group);
    return next;
}

/* Blank-separated [names] of group [path] as paths. */
static void add_names(list *l, hid_t group, const char *path, const char *names)
{
    for (const char *at = names; *at;) {
        size_t n = strcspn(at, " ,");
        char *full = text_format("%s/%.*s", path, (int)n, at);
        if (full && n > 0 && H5Lexists(group, full, H5P_DEFAULT) > 0)
            list_add(l, full, strlen(full));
        free(full);
        at += n + strspn(at + n, " ,");
    }
}

static void add_signals(const hdf5_file *f, const char *data, list *l,
                        text *said)
{
    char signal[512], more[1024], axes[512];
    hid_t group = H5Gopen2(f->id, data, H5P_DEFAULT);

    if (group < 0)
        return;
    if (hdf5_text(group, "signal", signal, sizeof(signal))) {
        add_names(l, f->id, data, signal);
        if (hdf5_text(group, "auxiliary_signals", more, sizeof(more)))
            add_names(l, f->id, data, more);
        if (l->n > 0 && hdf5_text(group, "axes", axes, sizeof(axes)) && *axes)
            text_add(said, "its axes %s are not learned from", axes);
    }
    H5Gclose(group);
}

/* What the file itself plots: NXentry, NXdata, signal. */
static void find_nexus(const hdf5_file *f, list *l, text *said)
{
    char *entry = go_down(f->id, "/", "NXentry");
    char *data = entry ? go_down(f->id, entry, "NXdata") : NULL;

    if (data)
        add_signals(f, data, l, said);
    else if (entry) /* the default may be the NXdata itself */
        add_signals(f, entry, l, said);
    free(data);
    free(entry);
}

/* --- whatever is there --- */

typedef struct seen {
    list l;
    text told; /* paths with their shapes */
    text left; /* coordinates, and what is no number */
    size_t n_left;
    hsize_t longest; /* of those of one axis */
    size_t looked;
    bool many_axes, unequal, netcdf;
} seen;

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
    if (s->l.n < TOLD_MAX)
        text_add(&s->told, "%s/%s %s", s->l.n ? ", " : "", name, shape);
    else if (s->l.n == TOLD_MAX)
        text_add(&s->told, ", ...");
    s->many_axes = s->many_axes || n > 1;
    s->unequal = s->unequal || (s->l.n > 0 && dim[0] != s->longest);
    if (dim[0] > s->longest)
        s->longest = dim[0];
    if (full)
        list_add(&s->l, full, strlen(full));
    else
        s->l.failed = true;
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
        else if (hdf5_is_scale(set))
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
    if (s->l.n == 1)
        return true;
    return s->l.n > 1 && s->l.n <= COLUMNS_MAX && !s->many_axes &&
           (s->netcdf || !s->unequal);
}

static int find_any(const hdf5_file *f, list *l, text *said, pe_error *errp)
{
    seen s = {.netcdf = hdf5_is_netcdf(f->id)};
    int rc = -1;

    H5Ovisit2(f->id, H5_INDEX_NAME, H5_ITER_INC, note_object, &s,
              H5O_INFO_BASIC);
    if (is_table(&s)) {
        *l = s.l;
        s.l = (list){0};
        if (s.left.len)
            text_add(said, "left out: %s", s.left.data);
        rc = 0;
    } else if (s.looked > LOOKED_MAX) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s has more than %d data sets; name one: %s:/PATH",
                     f->path, LOOKED_MAX, f->path);
    } else if (s.l.n == 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s has no data set of numbers with rows", f->path);
    } else {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s holds several data sets: %s; name one, %s:/PATH, or "
                     "several of one axis, /A,/B, which become columns",
                     f->path, s.told.data ? s.told.data : "", f->path);
    }
    list_free(&s.l);
    text_free(&s.told);
    text_free(&s.left);
    return rc;
}

char **hdf5_find(const hdf5_file *f, const char *member, text *said,
                 pe_error *errp)
{
    list l = {0};

    if (*member)
        split_member(f, member, &l);
    else
        find_nexus(f, &l, said);
    if (l.n == 0 && !l.failed && find_any(f, &l, said, errp) < 0)
        return NULL;
    if (!l.failed)
        return l.path;
    list_free(&l);
    pe_error_nomem(errp);
    return NULL;
}
