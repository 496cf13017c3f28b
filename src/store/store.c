/* store.c - which reader a file is for, and what all of them share. */
#include "private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/text.h"

/* Most names that are told. */
#define NAMES_TOLD 24

static bool starts_hdf5(const unsigned char *head, size_t n)
{
    /* At the start, or behind a block of the user's of 512, 1024, ... */
    for (size_t at = 0; at + 8 <= n; at = at ? 2 * at : 512)
        if (!memcmp(head + at, "\x89HDF\r\n\x1a\n", 8))
            return true;
    return false;
}

static bool starts_netcdf3(const unsigned char *head, size_t n)
{
    return n >= 4 && !memcmp(head, "CDF", 3) && head[3] >= 1 && head[3] <= 5;
}

static store_kind hdf5 = {.name = "HDF5",
                          .is = starts_hdf5,
                          .open = store_ask,
                          .list = store_ask_list};
static const store_kind netcdf3 = {.name = "netCDF-3", .is = starts_netcdf3};

static const store_kind *const kinds[] = {&store_npy, &store_npz, &hdf5,
                                          &netcdf3};

void store_add_hdf5(const store_kind *kind)
{
    hdf5.open = kind->open;
    hdf5.list = kind->list;
    hdf5.make = kind->make;
}

bool store_makes_hdf5(void)
{
    return hdf5.make != NULL;
}

int store_make_hdf5(const char *npy, const char *path, pe_error *errp)
{
    if (!hdf5.make)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                            "%s is not made: this program was built without "
                            "HDF5; let the path end in .npy or .csv",
                            path);
    return hdf5.make(npy, path, errp);
}

/* --- which file, which kind --- */

/* Split [path] into a file that is there and what is behind a ':'.  A file
 * with that very name comes first.
 */
static char *split_path(const char *path, const char **memberp)
{
    char *file = strdup(path), *colon;
    struct stat st;

    *memberp = "";
    if (!file || stat(file, &st) == 0)
        return file;
    while ((colon = strrchr(file, ':'))) {
        *colon = '\0';
        if (stat(file, &st) == 0) {
            *memberp = path + (colon - file) + 1;
            return file;
        }
    }
    memcpy(file, path, strlen(path) + 1); /* its colons are back */
    return file;
}

/* The kind of [file]; NULL: none of ours, or it cannot be read. */
static const store_kind *kind_of(const char *file)
{
    unsigned char head[STORE_HEAD_MAX];
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

    if (fd >= 0)
        close(fd);
    for (size_t i = 0; n > 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i]->is(head, (size_t)n))
            return kinds[i];
    return NULL;
}

bool store_knows(const char *path)
{
    const char *member;
    char *file = split_path(path, &member);
    bool known = file && kind_of(file) != NULL;

    free(file);
    return known;
}

char *store_file_of(const char *path)
{
    const char *member;

    return split_path(path, &member);
}

static int refuse_kind(const store_kind *k, const char *file, pe_error *errp)
{
    if (k == &netcdf3)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%s is a classic netCDF file; make one of version "
                            "4 of it: nccopy -k nc4 %s NEW.nc",
                            file, file);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "%s holds no arrays of a kind that is read", file);
}

store_table *store_open(const store_wish *w, pe_error *errp)
{
    const char *member;
    char *file = split_path(w->path, &member);
    const store_kind *k = file ? kind_of(file) : NULL;
    store_table *s = NULL;

    if (!file)
        pe_error_nomem(errp);
    else if (!k || !k->open)
        refuse_kind(k, file, errp);
    else if (k != &hdf5 && w->time && strcmp(w->time, "none") != 0)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "time: %s is a %s file, of which no column is taken for "
                     "the clock; leave it out",
                     file, k->name);
    else
        s = k->open(w, file, member, errp);
    free(file);
    return s;
}

void store_close(store_table *s)
{
    if (s)
        s->ops->close(s);
}

const char *store_name(const store_table *s)
{
    return s->name;
}

const char *store_words(const store_table *s)
{
    return s->words;
}

uint64_t store_rows(const store_table *s)
{
    return s->rows;
}

uint32_t store_columns(const store_table *s)
{
    return s->columns;
}

const char *store_column(const store_table *s, uint32_t c, uint32_t *numberp)
{
    *numberp = s->column ? s->column[c] : c;
    return s->name_of ? s->name_of(s->named, *numberp) : NULL;
}

const char *store_column_type(const store_table *s, uint32_t c)
{
    return element_name(s->ops->type(s, s->column ? s->column[c] : c));
}

const char *store_column_unit(const store_table *s, uint32_t c)
{
    return s->ops->unit ? s->ops->unit(s, s->column ? s->column[c] : c) : "";
}

const char *store_clock(const store_table *s, const char **unitp)
{
    *unitp = s->clock ? s->clock_unit : NULL;
    return s->clock;
}

int store_times(store_table *s, uint64_t row, uint32_t n, int64_t *ns,
                pe_error *errp)
{
    return s->ops->times(s, row, n, ns, errp);
}

char *store_list(const char *path)
{
    const char *member;
    char *file = split_path(path, &member);
    const store_kind *k = file ? kind_of(file) : NULL;
    text out = {0};

    if (!k || !k->list || k->list(file, member, &out, NULL) < 0 || out.failed)
        text_free(&out);
    free(file);
    return out.data;
}

int store_read(store_table *s, uint64_t row, uint32_t n, void *to,
               enum pe_dtype dtype, pe_error *errp)
{
    return s->ops->read(s, row, n, to, dtype, errp);
}

int store_refresh(store_table *s, pe_error *errp)
{
    return s->ops->refresh ? s->ops->refresh(s, errp) : 0;
}

/* --- for the readers --- */

void store_free(store_table *s)
{
    free(s->name);
    free(s->words);
    free(s->column);
    free(s);
}

void store_say(store_table *s, const char *fmt, ...)
{
    char line[768];
    va_list ap;

    if (!s->hear.say)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    s->hear.say(s->hear.arg, line);
}

void store_rounded(store_table *s, uint64_t row, enum pe_dtype dtype)
{
    if (s->rounding)
        return;
    s->rounding = true;
    store_say(s,
              "%s row %" PRIu64
              ": whole numbers beyond 2^%d have no exact %s and "
              "are rounded, from here on%s",
              s->name, row, dtype == PE_F8 ? 53 : 24,
              dtype == PE_F8 ? "double" : "float",
              dtype == PE_F8 ? "" : "; format: f8 has room up to 2^53");
}

int store_pread(const store_table *s, int fd, const store_piece *p,
                pe_error *errp)
{
    for (size_t done = 0; done < p->n;) {
        ssize_t got = pread(fd, (char *)p->to + done, p->n - done,
                            (off_t)(p->offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return pe_error_set(
                errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                "%s row %" PRIu64 " cannot be read: %s", s->name, p->row,
                got < 0 ? strerror(errno) : "the file was cut meanwhile");
        done += (size_t)got;
    }
    return 0;
}

/* Names of the columns, as many as are told. */
static void add_names(const store_table *s, text *t)
{
    uint32_t number;

    for (uint32_t i = 0; i < s->columns && i < NAMES_TOLD; i++) {
        const char *name = store_column(s, i, &number);
        if (!name)
            return;
        text_add(t, "%s %s", i ? "" : ":", name);
    }
    if (s->columns > NAMES_TOLD && store_column(s, 0, &number))
        text_add(t, " ...");
}

int store_describe(store_table *s, const char *left, pe_error *errp)
{
    text t = {0};

    text_add(&t, "%s: %" PRIu64 " row%s of %u column%s", s->name, s->rows,
             text_s(s->rows), s->columns, text_s(s->columns));
    add_names(s, &t);
    if (*left)
        text_add(&t, "; %s", left);
    if (t.failed) {
        text_free(&t);
        return pe_error_nomem(errp);
    }
    free(s->words);
    s->words = t.data;
    return 0;
}
