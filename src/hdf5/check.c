/* check.c - can all of a data set be read, before its first row is? */
#include "hdf5.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/text.h"

/* Chunks that are gone through one by one: the library counts up to each from
 * the first one.
 */
#define CHUNKS_LOOKED 2000

/* --- filters --- */

#define PLUGINS "hdf5plugin"

/* Filters that files of others use, and what brings them in Debian; "": no
 * package there, but PLUGINS of the Python package index does.
 */
static const struct {
    H5Z_filter_t id;
    const char *name, *package;
} known[] = {
    {H5Z_FILTER_DEFLATE, "gzip", NULL},
    {H5Z_FILTER_SHUFFLE, "shuffle", NULL},
    {H5Z_FILTER_FLETCHER32, "fletcher32", NULL},
    {H5Z_FILTER_SZIP, "szip", NULL},
    {H5Z_FILTER_NBIT, "nbit", NULL},
    {H5Z_FILTER_SCALEOFFSET, "scale-offset", NULL},
    {307, "bzip2", "hdf5-filter-plugin"},
    /* That of hdf5-plugin-lzf cannot be loaded: it is not linked with LZF. */
    {32000, "LZF", "bitshuffle"},
    {32001, "Blosc", "hdf5-filter-plugin-blosc-serial"},
    {32004, "LZ4", "hdf5-filter-plugin"},
    {32008, "bitshuffle", "bitshuffle"},
    {32013, "ZFP", "hdf5-filter-plugin-zfp-serial"},
    {32015, "Zstandard", ""},
    {32017, "SZ", ""},
    {32018, "FCIDECOMP", "hdf5-filter-plugin-fcidecomp-serial"},
    {32024, "SZ3", ""},
    {32026, "Blosc2", ""},
};

const char *hdf5_filter_name(H5Z_filter_t id)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].id == id)
            return known[i].name;
    return NULL;
}

bool hdf5_can_decode(H5Z_filter_t id)
{
    unsigned flags = 0;

    return H5Zfilter_avail(id) > 0 && H5Zget_filter_info(id, &flags) >= 0 &&
           flags & H5Z_FILTER_CONFIG_DECODE_ENABLED;
}

const char *hdf5_foreign_filter(hid_t set)
{
    hid_t plist = H5Dget_create_plist(set);
    int n = plist < 0 ? 0 : H5Pget_nfilters(plist);
    const char *name = NULL;

    for (unsigned i = 0; (int)i < n && !name; i++) {
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t id =
            H5Pget_filter2(plist, i, &flags, &values, NULL, 0, NULL, &config);
        if (id >= H5Z_FILTER_RESERVED)
            name =
                hdf5_filter_name(id) ? hdf5_filter_name(id) : "of its writer's";
    }
    if (plist >= 0)
        H5Pclose(plist);
    return name;
}

/* Has every chunk left filter number [i] out?  A writer may do so chunk by
 * chunk, so the first ones say nothing of the others.
 */
static bool unused(hid_t set, unsigned i)
{
    hid_t space = H5Dget_space(set);
    hsize_t n = CHUNKS_LOOKED + 1, offset[H5S_MAX_RANK], size;
    haddr_t at;
    bool used =
        space < 0 || H5Dget_num_chunks(set, space, &n) < 0 || n > CHUNKS_LOOKED;

    for (hsize_t k = 0; !used && k < n; k++) {
        unsigned mask = 0;
        used =
            H5Dget_chunk_info(set, space, k, offset, &mask, &at, &size) < 0 ||
            !(mask & 1u << i);
    }
    if (space >= 0)
        H5Sclose(space);
    return !used;
}

/* The package of filter [id] in Debian, as in the table. */
static const char *package_of(H5Z_filter_t id)
{
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].id == id)
            return known[i].package;
    return NULL;
}

static int refuse_filter(const char *name, H5Z_filter_t id, const char *says,
                         pe_error *errp)
{
    const char *plugins = getenv("HDF5_PLUGIN_PATH");
    const char *is = plugins ? ", which is " : "";
    const char *package = package_of(id), *known_as = hdf5_filter_name(id);

    plugins = plugins ? plugins : "";
    if (package && *package)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s is compressed by %s, whose filter is not here: "
                            "apt-get install %s, or name its folder in "
                            "HDF5_PLUGIN_PATH%s%s",
                            name, known_as, package, is, plugins);
    if (package)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s is compressed by %s, whose filter is not here, "
                            "and in no package of Debian: pip install " PLUGINS
                            ", and name the folder " PLUGINS
                            "/plugins in HDF5_PLUGIN_PATH%s%s",
                            name, known_as, is, plugins);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s is compressed by filter %d (%s), which is not "
                        "here; name the folder of its plugin in "
                        "HDF5_PLUGIN_PATH%s%s",
                        name, (int)id,
                        known_as ? known_as
                        : *says  ? says
                                 : "without a name",
                        is, plugins);
}

static int check_filters(hid_t set, hid_t plist, const char *name,
                         pe_error *errp)
{
    int n = H5Pget_nfilters(plist);

    for (unsigned i = 0; (int)i < n; i++) {
        char says[64] = "";
        unsigned flags, config;
        size_t values = 0;
        H5Z_filter_t id = H5Pget_filter2(plist, i, &flags, &values, NULL,
                                         sizeof(says), says, &config);
        says[sizeof(says) - 1] = '\0';
        for (char *p = says; *p; p++)
            if (*p < ' ' || *p > '~')
                *p = '?';
        if (id < 0 || hdf5_can_decode(id) || unused(set, i))
            continue;
        return refuse_filter(name, id, says, errp);
    }
    return 0;
}

/* --- files that the data lie in --- */

/* [name] in the folder of [beside], new memory. */
static char *in_folder(const char *beside, const char *name)
{
    const char *slash = strrchr(beside, '/');

    if (name[0] == '/' || !slash)
        return strdup(name);
    return text_format("%.*s/%s", (int)(slash - beside), beside, name);
}

/* Bytes of all numbers of [set]. */
static uint64_t bytes_of(hid_t set)
{
    hid_t space = H5Dget_space(set), type = H5Dget_type(set);
    hssize_t n = space < 0 ? 0 : H5Sget_simple_extent_npoints(space);
    uint64_t bytes = type < 0 || n < 0 ? 0 : (uint64_t)n * H5Tget_size(type);

    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    return bytes;
}

/* Raw data in a file of their own, [bytes] from [offset] on: what is missing
 * would be read as zeros.
 */
static int check_raw(const hdf5_file *f, const char *name, const char *file,
                     uint64_t offset, uint64_t bytes, pe_error *errp)
{
    char *path = in_folder(f->path, file);
    struct stat st;
    bool there = path && access(path, R_OK) == 0 && stat(path, &st) == 0;

    free(path);
    if (!there)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s has its numbers in file %s, which is not "
                            "beside it",
                            name, file);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size >= offset + bytes)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s has its numbers in file %s, which has %lld byte%s "
                        "and no %llu: it is cut; its rows would be made up",
                        name, file, (long long)st.st_size,
                        text_s((uint64_t)st.st_size),
                        (unsigned long long)offset + bytes);
}

static int check_external(const hdf5_file *f, hid_t set, hid_t plist,
                          const char *name, pe_error *errp)
{
    int n = H5Pget_external_count(plist);
    uint64_t left = n > 0 ? bytes_of(set) : 0;

    for (unsigned i = 0; (int)i < n && left > 0; i++) {
        char file[PATH_MAX];
        off_t offset;
        hsize_t size;
        uint64_t part;
        if (H5Pget_external(plist, i, sizeof(file), file, &offset, &size) < 0)
            continue;
        part = size < left ? size : left;
        if (check_raw(f, name, file, (uint64_t)offset, part, errp) < 0)
            return -1;
        left -= part;
    }
    return 0;
}

/* What one mapping of a virtual data set needs of its source. */
typedef struct mapping {
    char file[PATH_MAX], set[1024];
    hid_t space;    /* the part of the source that is mapped */
    hssize_t cells; /* so many are; < 0: as many as there are */
} mapping;

static int refuse_source(const char *name, const mapping *m, const char *why,
                         pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s is put together from others, and data set %s of "
                        "file %s %s; its rows would be made up",
                        name, m->set, m->file, why);
}

/* Does the source reach as far as is taken of it? */
static bool reaches(hid_t source, const mapping *m)
{
    hid_t wanted = m->space;
    hsize_t low[H5S_MAX_RANK], high[H5S_MAX_RANK], dim[H5S_MAX_RANK];
    hid_t space = H5Dget_space(source);
    int n = space < 0 ? -1 : H5Sget_simple_extent_dims(space, dim, NULL);
    bool is = true;

    /* All of it is whatever there is by now. */
    if (n >= 0 && H5Sget_select_type(wanted) == H5S_SEL_ALL)
        is = H5Sget_simple_extent_npoints(space) >= m->cells;
    /* A selection without an end has no bounds; all there is is taken. */
    if (n > 0 && H5Sget_simple_extent_ndims(wanted) == n &&
        H5Sget_select_bounds(wanted, low, high) >= 0)
        for (int i = 0; i < n; i++)
            is = is && (high[i] < dim[i] || high[i] == H5S_UNLIMITED);
    if (space >= 0)
        H5Sclose(space);
    return is;
}

static int check_set(const hdf5_file *in, const char *name, const mapping *m,
                     int depth, pe_error *errp)
{
    char inner[PATH_MAX + 64];
    hid_t set = H5Dopen2(in->id, m->set, H5P_DEFAULT);
    int rc = 0;

    if (set < 0)
        return refuse_source(name, m, "is not there", errp);
    snprintf(inner, sizeof(inner), "%s:%s", in->path, m->set);
    if (!reaches(set, m))
        rc =
            refuse_source(name, m, "has fewer rows than are taken of it", errp);
    else
        rc = hdf5_check(in, set, inner, depth + 1, errp);
    H5Dclose(set);
    return rc;
}

static int check_mapping(const hdf5_file *f, const char *name, const mapping *m,
                         int depth, pe_error *errp)
{
    hdf5_file source;
    pe_error why = {0};
    char *path;
    int rc;

    /* A pattern of names: the first one stands for all. */
    if (strchr(m->file, '%') || strchr(m->set, '%'))
        return 0;
    if (!strcmp(m->file, "."))
        return check_set(f, name, m, depth, errp);
    path = in_folder(f->path, m->file);
    if (!path)
        return pe_error_nomem(errp);
    if (access(path, R_OK) < 0) { /* as the library: from where we are */
        free(path);
        path = strdup(m->file);
    }
    if (!path || access(path, R_OK) < 0)
        rc = refuse_source(name, m, "is not there", errp);
    else if (hdf5_file_open(&source, path, false, &why) < 0)
        rc = refuse_source(name, m, why.text, errp);
    else {
        rc = check_set(&source, name, m, depth, errp);
        H5Fclose(source.id);
    }
    free(path);
    return rc;
}

/* Cells that no source fills would be made up; [n]: those that have one. */
static int check_cover(hid_t set, const char *name, hsize_t n, bool endless,
                       pe_error *errp)
{
    hid_t space = H5Dget_space(set);
    hssize_t all = space < 0 ? 0 : H5Sget_simple_extent_npoints(space);

    if (space >= 0)
        H5Sclose(space);
    if (endless || all <= 0 || n >= (hsize_t)all)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s is put together from others, which leave %llu of "
                        "its %llu cells open; they would be made up",
                        name, (unsigned long long)all - n,
                        (unsigned long long)all);
}

static int check_virtual(const hdf5_file *f, hid_t set, hid_t plist,
                         const char *name, int depth, pe_error *errp)
{
    size_t n = 0;
    hsize_t cells = 0;
    bool endless = false;

    if (H5Pget_virtual_count(plist, &n) < 0)
        return 0;
    for (size_t i = 0; i < n; i++) {
        mapping *own = malloc(sizeof(*own));
        hid_t to = H5Pget_virtual_vspace(plist, i);
        hssize_t part = to < 0 ? -1 : H5Sget_select_npoints(to);
        int rc = -1;

        if (to >= 0)
            H5Sclose(to);
        endless = endless || part < 0;
        cells += part > 0 ? (hsize_t)part : 0;
        if (!own)
            return pe_error_nomem(errp);
        own->cells = part;
        own->space = H5Pget_virtual_srcspace(plist, i);
        if (own->space >= 0 &&
            H5Pget_virtual_filename(plist, i, own->file, sizeof(own->file)) >=
                0 &&
            H5Pget_virtual_dsetname(plist, i, own->set, sizeof(own->set)) >= 0)
            rc = check_mapping(f, name, own, depth, errp);
        if (own->space >= 0)
            H5Sclose(own->space);
        free(own);
        if (rc < 0)
            return -1;
    }
    return check_cover(set, name, cells, endless, errp);
}

int hdf5_check(const hdf5_file *f, hid_t set, const char *name, int depth,
               pe_error *errp)
{
    hid_t plist;
    int rc;

    if (depth > HDF5_DEPTH_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s: data sets are put together from others too "
                            "many times",
                            name);
    plist = H5Dget_create_plist(set);
    if (plist < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s: its layout cannot be read", name);
    rc = H5Pget_layout(plist) == H5D_VIRTUAL
             ? check_virtual(f, set, plist, name, depth, errp)
             : check_filters(set, plist, name, errp);
    if (rc == 0)
        rc = check_external(f, set, plist, name, errp);
    H5Pclose(plist);
    return rc;
}
