/* nexus.c - what a file of NeXus plots. */
#include "hdf5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that are told where there are several. */
#define TOLD_MAX 12

/* Members of groups that are looked at. */
#define LOOKED_MAX 100000

/* What is plotted below a group. */
typedef struct plots {
    hid_t file;
    size_t n, looked;
    char *group, *signals; /* the first one: names, separated by blanks */
    text chain;            /* the defaults that led to it */
    text told;
    bool failed, unread; /* no memory; a group that cannot be listed */
} plots;

static void look_into(plots *p, const char *path, int depth);

/* [name] in group [path], new memory. */
static char *join(const char *path, const char *name, size_t len)
{
    size_t n = strlen(path);

    while (n > 0 && path[n - 1] == '/')
        n--;
    return text_format("%.*s/%.*s", (int)n, path, (int)len, name);
}

static bool exists(hid_t file, const char *path, const char *name, size_t len)
{
    char *full = join(path, name, len);
    bool is = full && len > 0 && H5Lexists(file, full, H5P_DEFAULT) > 0;

    free(full);
    return is;
}

static void note_plot(plots *p, const char *group, const char *signals)
{
    size_t n = strcspn(signals, " ,");
    char *full = join(group, signals, n);

    if (!full)
        p->failed = true;
    else if (p->n < TOLD_MAX)
        text_add(&p->told, "%s%s", p->n ? ", " : "", full);
    else if (p->n == TOLD_MAX)
        text_add(&p->told, ", ...");
    free(full);
    if (p->n++ > 0)
        return;
    p->group = strdup(group);
    p->signals = strdup(signals);
    p->failed = p->failed || !p->group || !p->signals;
}

/* --- signals of a group --- */

/* Before 2014 a data set said itself that it is the signal. */
typedef struct marked {
    plots *p;
    const char *group;
} marked;

static herr_t note_marked(hid_t group, const char *name, const H5L_info_t *info,
                          void *arg)
{
    marked *m = arg;
    char word[16];
    double number = 0;
    hid_t o =
        m->p->looked++ < LOOKED_MAX ? H5Oopen(group, name, H5P_DEFAULT) : -1;

    (void)info;
    if (o >= 0 && H5Iget_type(o) == H5I_DATASET &&
        ((hdf5_text(o, "signal", word, sizeof(word)) && !strcmp(word, "1")) ||
         (hdf5_numbers(o, "signal", &number, 1) == 1 && number == 1)))
        note_plot(m->p, m->group, name);
    if (o >= 0)
        H5Oclose(o);
    return m->p->looked > LOOKED_MAX;
}

/* Does [group], which is [path], plot something? */
static bool take_signals(plots *p, hid_t group, const char *path)
{
    char signals[512], class[64];
    marked m = {p, path};
    size_t before = p->n;
    hsize_t at = 0;

    if (hdf5_text(group, "signal", signals, sizeof(signals)) &&
        exists(p->file, path, signals, strcspn(signals, " ,")))
        note_plot(p, path, signals);
    else if (hdf5_text(group, "NX_class", class, sizeof(class)) &&
             !strcmp(class, "NXdata"))
        p->unread |= H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at,
                                note_marked, &m) < 0;
    return p->n > before;
}

/* --- groups in groups --- */

typedef struct below {
    plots *p;
    const char *path;
    int depth;
} below;

static bool may_plot(hid_t group)
{
    static const char *const classes[] = {"NXentry", "NXsubentry", "NXdata"};
    char class[64];

    if (!hdf5_text(group, "NX_class", class, sizeof(class)))
        return false;
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (!strcmp(class, classes[i]))
            return true;
    return false;
}

static herr_t note_below(hid_t group, const char *name, const H5L_info_t *info,
                         void *arg)
{
    below *b = arg;
    hid_t o;
    bool may;

    (void)info;
    if (b->p->looked++ >= LOOKED_MAX)
        return 1;
    o = H5Oopen(group, name, H5P_DEFAULT);
    may = o >= 0 && H5Iget_type(o) == H5I_GROUP && may_plot(o);
    if (o >= 0)
        H5Oclose(o);
    if (may) {
        char *path = join(b->path, name, strlen(name));
        if (path)
            look_into(b->p, path, b->depth + 1);
        else
            b->p->failed = true;
        free(path);
    }
    return 0;
}

/* The group that `default` of [group] names, if it plots something. */
static bool take_default(plots *p, hid_t group, const char *path, int depth)
{
    char name[512];
    char *next = NULL;
    size_t before = p->n, chain = p->chain.len;

    if (!hdf5_text(group, "default", name, sizeof(name)) ||
        !exists(p->file, path, name, strlen(name)))
        return false;
    next = join(path, name, strlen(name));
    if (next) {
        text_add(&p->chain, ", by `default` of %s", path);
        look_into(p, next, depth + 1);
    } else {
        p->failed = true;
    }
    free(next);
    if (p->n == before && p->chain.data) { /* it led nowhere */
        p->chain.len = chain;
        p->chain.data[chain] = '\0';
    }
    return p->n > before;
}

static void look_into(plots *p, const char *path, int depth)
{
    below b = {p, path, depth};
    hsize_t at = 0;
    hid_t group =
        depth > HDF5_DEPTH_MAX ? -1 : H5Gopen2(p->file, path, H5P_DEFAULT);

    if (group < 0)
        return;
    if (!take_signals(p, group, path) && !take_default(p, group, path, depth))
        p->unread |= H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, &at,
                                note_below, &b) < 0;
    H5Gclose(group);
}

/* --- the choice --- */

/* Blank-separated [names] in group [path], those that are there. */
static void add_names(const hdf5_file *f, const char *path, const char *names,
                      hdf5_found *out)
{
    for (const char *at = names; *at;) {
        size_t n = strcspn(at, " ,");
        char *full = join(path, at, n);
        if (!full)
            out->failed = true;
        else if (n > 0 && H5Lexists(f->id, full, H5P_DEFAULT) > 0)
            hdf5_found_add(out, full, strlen(full));
        free(full);
        at += n + strspn(at + n, " ,");
    }
}

static void take_plot(const hdf5_file *f, const plots *p, hdf5_found *out)
{
    char more[1024], axes[512];
    hid_t group = H5Gopen2(f->id, p->group, H5P_DEFAULT);

    if (group < 0)
        return;
    add_names(f, p->group, p->signals, out);
    if (hdf5_text(group, "auxiliary_signals", more, sizeof(more)))
        add_names(f, p->group, more, out);
    if (out->n > 0 && hdf5_text(group, "axes", axes, sizeof(axes)) && *axes)
        text_add(&out->said, "its axes %s are not learned from", axes);
    text_add(&out->why, "the signal of %s%s", p->group,
             p->chain.data ? p->chain.data : "");
    H5Gclose(group);
}

int hdf5_nexus(const hdf5_file *f, const char *from, hdf5_found *out,
               pe_error *errp)
{
    plots p = {.file = f->id};
    int rc = 0;

    look_into(&p, from, 0);
    if (p.failed || p.chain.failed || p.told.failed) {
        rc = pe_error_nomem(errp);
    } else if (p.unread) {
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                          "%s: a group cannot be listed, so what it plots is "
                          "not known; name a data set, %s:/PATH",
                          f->path, f->path);
    } else if (p.n > 1) {
        rc = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                          "%s plots %zu things, and no `default` says which is "
                          "meant: %s; name one, %s:/PATH",
                          f->path, p.n, p.told.data, f->path);
    } else if (p.n == 1) {
        take_plot(f, &p, out);
        rc = out->n > 0;
    }
    free(p.group);
    free(p.signals);
    text_free(&p.chain);
    text_free(&p.told);
    return rc;
}
