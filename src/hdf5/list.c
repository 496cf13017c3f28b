/* list.c - what is in an HDF5 file, as a list for people. */
#include "hdf5.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lines that are shown, in all and of the members of one group.  The others are
 * counted, up to the third.
 */
#define SHOWN_MAX 200
#define MEMBERS_MAX 40
#define COUNTED_MAX 1000000

/* Groups in groups that are told apart; what is deeper is counted. */
#define DEPTH_MAX 32

/* Data sets that could be named instead. */
#define OTHERS_MAX 12

typedef struct listing {
    hid_t file;
    const char *path; /* of the file */
    const char *top;  /* the group that is listed */
    const hdf5_found *found;
    text lines, *out; /* the one is the other */
    size_t shown;
    size_t groups, sets, others, links;
    struct {
        size_t members, hidden;
        bool told; /* the group that they are in is shown */
    } level[DEPTH_MAX];
    int depth; /* the group that is gone through */
    text instead;
    size_t instead_n;
    bool cut; /* there are more than are counted */
} listing;

/* --- words --- */

/* Names of others have what they like in them. */
static void add_clean(text *t, const char *s)
{
    for (; *s; s++)
        text_add_bytes(t, (unsigned char)*s < ' ' || *s == 0x7f ? "?" : s, 1);
}

static void add_quoted(text *t, hid_t object, const char *name,
                       const char *before, const char *behind)
{
    char word[256];

    if (!hdf5_text(object, name, word, sizeof(word)) || !*word)
        return;
    text_add(t, "%s", before);
    add_clean(t, word);
    text_add(t, "%s", behind);
}

static void add_type(text *t, hid_t set, bool *numbersp)
{
    grid_items items = {0};
    const char *what = "";
    hid_t type = H5Dget_type(set);
    hid_t read = type < 0 ? -1 : hdf5_type(type, &items, &what);

    if (read < 0)
        text_add(t, "%.*s", (int)strcspn(what, ";"), what);
    else if (items.n)
        text_add(t, "records of %zu number%s", items.n,
                 items.n == 1 ? "" : "s");
    else
        text_add(t, "%s", element_name(items.type));
    *numbersp = read >= 0;
    grid_items_clear(&items);
    if (read >= 0)
        H5Tclose(read);
    if (type >= 0)
        H5Tclose(type);
}

static void add_filters(text *t, hid_t plist)
{
    int n = H5Pget_nfilters(plist);

    for (unsigned i = 0; (int)i < n; i++) {
        char says[64] = "";
        unsigned flags, config, value[8] = {0};
        size_t values = 8;
        H5Z_filter_t id = H5Pget_filter2(plist, i, &flags, &values, value,
                                         sizeof(says), says, &config);
        const char *name = hdf5_filter_name(id);
        says[sizeof(says) - 1] = '\0';
        if (name)
            text_add(t, ", %s", name);
        else
            text_add(t, ", filter %d", (int)id);
        if (id == H5Z_FILTER_DEFLATE && values > 0)
            text_add(t, " %u", value[0]);
        if (id >= 0 && !hdf5_can_decode(id))
            text_add(t, " (not here)");
    }
}

static void add_layout(text *t, hid_t set)
{
    hid_t plist = H5Dget_create_plist(set);
    hsize_t chunk[H5S_MAX_RANK];
    uint64_t dim[H5S_MAX_RANK];
    char shape[128];
    size_t sources = 0;
    int n = -1;

    if (plist < 0)
        return;
    if (H5Pget_layout(plist) == H5D_CHUNKED)
        n = H5Pget_chunk(plist, H5S_MAX_RANK, chunk);
    for (int i = 0; i < n; i++)
        dim[i] = chunk[i];
    if (n > 0) {
        grid_shape_text(dim, (unsigned)n, shape, sizeof(shape));
        text_add(t, ", chunks %s", shape);
    }
    if (H5Pget_layout(plist) == H5D_VIRTUAL &&
        H5Pget_virtual_count(plist, &sources) >= 0)
        text_add(t, ", put together from %zu part%s", sources,
                 sources == 1 ? "" : "s");
    if (H5Pget_external_count(plist) > 0)
        text_add(t, ", in a file of its own");
    add_filters(t, plist);
    H5Pclose(plist);
}

/* --- objects --- */

static bool is_found(const listing *l, const char *path)
{
    for (size_t i = 0; l->found && i < l->found->n; i++)
        if (!strcmp(l->found->path[i], path) ||
            (l->found->path[i][0] != '/' &&
             !strcmp(l->found->path[i], path + 1)))
            return true;
    return false;
}

static void add_line(listing *l, const char *path, bool mark)
{
    text_add(l->out, "  %c ", mark ? '*' : ' ');
    size_t from = l->out->len;
    add_clean(l->out, path);
    size_t width = l->out->len - from;
    text_add(l->out, "%*s", width < 30 ? (int)(30 - width) + 2 : 2, "");
}

static void note_instead(listing *l, const char *path)
{
    if (l->instead_n++ < OTHERS_MAX) {
        text_add(&l->instead, "%s%s:", l->instead_n > 1 ? " " : "", l->path);
        add_clean(&l->instead, path);
    }
}

static void show_set(listing *l, hid_t set, const char *path)
{
    bool numbers = false, taken = is_found(l, path);
    char shape[128];
    hid_t space = H5Dget_space(set);
    hssize_t n = space < 0 ? 0 : H5Sget_simple_extent_npoints(space);
    bool rows = n > 0 && H5Sget_simple_extent_ndims(space) > 0;

    if (space >= 0)
        H5Sclose(space);
    hdf5_shape_text(set, shape, sizeof(shape));
    add_line(l, path, taken);
    text_add(l->out, "%s ", shape);
    add_type(l->out, set, &numbers);
    add_layout(l->out, set);
    add_quoted(l->out, set, "units", "  [", "]");
    add_quoted(l->out, set, "long_name", "  \"", "\"");
    if (hdf5_is_phantom(set))
        text_add(l->out, "  (a dimension without a variable)");
    else if (hdf5_is_scale(set))
        text_add(l->out, "  (a coordinate)");
    else if (numbers && rows && !taken)
        note_instead(l, path);
    text_add(l->out, "\n");
}

static void show_group(listing *l, hid_t group, const char *path)
{
    add_line(l, path, false);
    text_add(l->out, "group");
    add_quoted(l->out, group, "NX_class", ", ", "");
    add_quoted(l->out, group, "default", ", default: ", "");
    add_quoted(l->out, group, "signal", ", signal: ", "");
    add_quoted(l->out, group, "auxiliary_signals", ", also: ", "");
    add_quoted(l->out, group, "axes", ", axes: ", "");
    text_add(l->out, "\n");
}

/* What a link leads to, if it is a data set. */
static void add_target(listing *l, const char *path)
{
    hid_t o = H5Oopen(l->file, path, H5P_DEFAULT);
    char shape[128];
    bool numbers;

    if (o >= 0 && H5Iget_type(o) == H5I_DATASET) {
        hdf5_shape_text(o, shape, sizeof(shape));
        text_add(l->out, ", %s ", shape);
        add_type(l->out, o, &numbers);
    }
    if (o >= 0)
        H5Oclose(o);
}

static void show_link(listing *l, const char *path, const H5L_info_t *info)
{
    char value[2048] = "";
    const char *to = value, *set = NULL;
    unsigned flags;
    bool there = H5Oexists_by_name(l->file, path, H5P_DEFAULT) > 0;

    add_line(l, path, is_found(l, path));
    text_add(l->out, "-> ");
    if (H5Lget_val(l->file, path, value, sizeof(value) - 1, H5P_DEFAULT) < 0) {
        text_add(l->out, "a link of a kind that is not known");
    } else if (info->type == H5L_TYPE_EXTERNAL) {
        if (H5Lunpack_elink_val(value, info->u.val_size, &flags, &to, &set) < 0)
            to = set = "?";
        add_clean(l->out, to);
        text_add(l->out, ":");
        add_clean(l->out, set);
    } else {
        add_clean(l->out, to);
    }
    if (there)
        add_target(l, path);
    text_add(l->out, "%s\n", there ? "" : ", which is not there");
}

static void show(listing *l, const char *path, const H5L_info_t *info)
{
    hid_t o;

    l->shown++;
    if (info && info->type != H5L_TYPE_HARD) {
        show_link(l, path, info);
        return;
    }
    o = H5Oopen(l->file, path, H5P_DEFAULT);
    if (o >= 0 && H5Iget_type(o) == H5I_DATASET) {
        show_set(l, o, path);
    } else if (o >= 0 && H5Iget_type(o) == H5I_GROUP) {
        show_group(l, o, path);
    } else {
        add_line(l, path, false);
        text_add(l->out, o < 0 ? "cannot be opened\n" : "a named type\n");
    }
    if (o >= 0)
        H5Oclose(o);
}

/* --- all of them --- */

/* Say what was not shown of groups that are left, down to [depth]. */
static void leave(listing *l, int depth)
{
    for (; l->depth > depth; l->depth--) {
        if (l->level[l->depth].hidden && l->level[l->depth].told)
            text_add(l->out, "    %*s... and %zu more beside it\n",
                     2 * l->depth, "", l->level[l->depth].hidden);
        l->level[l->depth].members = l->level[l->depth].hidden = 0;
    }
}

static void count(listing *l, const char *path, const H5L_info_t *info)
{
    H5O_info_t o;

    if (info->type != H5L_TYPE_HARD)
        l->links++;
    else if (H5Oget_info_by_name2(l->file, path, &o, H5O_INFO_BASIC,
                                  H5P_DEFAULT) < 0)
        l->others++;
    else if (o.type == H5O_TYPE_GROUP)
        l->groups++;
    else if (o.type == H5O_TYPE_DATASET)
        l->sets++;
    else
        l->others++;
}

static int depth_of(const char *name)
{
    int n = 1;

    while ((name = strchr(name, '/')))
        n++, name++;
    return n;
}

/* Show or count [path], a member of a group at [depth] - 1. */
static void note_at(listing *l, int depth, const char *path,
                    const H5L_info_t *info)
{
    bool fits = l->level[depth].told && l->level[depth].members < MEMBERS_MAX &&
                l->shown < SHOWN_MAX;

    if (depth < l->depth)
        leave(l, depth);
    l->depth = depth;
    l->level[depth].members++;
    /* What is learned from is shown wherever it is. */
    if (fits || (l->shown < 2 * SHOWN_MAX && is_found(l, path)))
        show(l, path, info);
    else
        l->level[depth].hidden++;
    l->level[depth + 1].told = fits;
}

static herr_t note_link(hid_t group, const char *name, const H5L_info_t *info,
                        void *arg)
{
    listing *l = arg;
    int depth = depth_of(name);
    const char *top = strcmp(l->top, "/") ? l->top : "";
    char *path = text_format("%s/%s", top, name);

    (void)group;
    if (!path)
        return -1;
    count(l, path, info);
    if (l->groups + l->sets + l->others + l->links > COUNTED_MAX) {
        l->cut = true;
        free(path);
        return 1;
    }
    if (depth + 1 < DEPTH_MAX)
        note_at(l, depth, path, info);
    free(path);
    return 0;
}

static void add_sums(listing *l, text *head)
{
    text_add(head, "%s%s%s: %s%zu data set%s in %zu group%s", l->path,
             strcmp(l->top, "/") ? ":" : "", strcmp(l->top, "/") ? l->top : "",
             l->cut ? "more than " : "", l->sets, l->sets == 1 ? "" : "s",
             l->groups + 1, l->groups ? "s" : "");
    if (l->links)
        text_add(head, ", %zu link%s", l->links, l->links == 1 ? "" : "s");
    if (l->others)
        text_add(head, ", %zu other object%s", l->others,
                 l->others == 1 ? "" : "s");
    if (l->shown < l->groups + l->sets + l->links + l->others)
        text_add(head, "; %zu of them are shown", l->shown);
    text_add(head, "\n");
}

static void add_choice(const listing *l, text *out)
{
    if (l->found) {
        text_add(out, "learned from (*): %s\n",
                 l->found->why.data ? l->found->why.data : "");
    }
    if (l->instead_n)
        text_add(out, "%s: %s%s", l->found ? "others" : "one of these",
                 l->instead.data ? l->instead.data : "",
                 l->instead_n > OTHERS_MAX ? "" : "\n");
    if (l->instead_n > OTHERS_MAX)
        text_add(out, " and %zu more\n", l->instead_n - OTHERS_MAX);
}

static int list_all(listing *l, text *out, pe_error *errp)
{
    bool cut = false;
    hid_t group = H5Oopen(l->file, l->top, H5P_DEFAULT);

    l->out = &l->lines;
    if (group >= 0 && H5Iget_type(group) == H5I_GROUP) {
        show_group(l, group, l->top);
        l->level[1].told = true;
        cut = H5Lvisit(group, H5_INDEX_NAME, H5_ITER_INC, note_link, l) < 0;
        leave(l, 0);
        add_sums(l, out);
    } else if (group >= 0) { /* a data set alone */
        show(l, l->top, NULL);
    }
    if (group >= 0)
        H5Oclose(group);
    text_add(out, "%s", l->lines.data ? l->lines.data : "");
    if (cut)
        text_add(out, "what stands behind this cannot be listed: the file is "
                      "damaged\n");
    add_choice(l, out);
    out->failed = out->failed || l->lines.failed || l->instead.failed;
    text_free(&l->lines);
    text_free(&l->instead);
    return out->failed ? pe_error_nomem(errp) : 0;
}

/* What is named, if it is one thing; else all of the file. */
static const char *top_of(hid_t file, const char *member)
{
    if (*member && H5Lexists(file, member, H5P_DEFAULT) > 0 &&
        H5Oexists_by_name(file, member, H5P_DEFAULT) > 0)
        return member;
    return "/";
}

int hdf5_list(const char *path, const char *member, text *out, pe_error *errp)
{
    hdf5_file f;
    hdf5_found found = {0};
    listing *l = calloc(1, sizeof(*l));
    int rc;

    if (!l)
        return pe_error_nomem(errp);
    hdf5_enter();
    rc = hdf5_file_open(&f, path, false, errp);
    if (rc == 0) {
        *l = (listing){.file = f.id,
                       .path = path,
                       .top = top_of(f.id, member),
                       .found = hdf5_find(&f, member, true, &found, NULL) == 0
                                    ? &found
                                    : NULL};
        rc = list_all(l, out, errp);
        hdf5_found_free(&found);
        H5Fclose(f.id);
    }
    hdf5_leave();
    free(l);
    return rc;
}
