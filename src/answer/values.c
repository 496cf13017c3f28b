/* values.c - the values of every row, beside its score, in bounded room. */
#include "values.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/block/columns.h"
#include "src/block/npy.h"
#include "src/common/file.h"
#include "src/common/text.h"

#define CHUNK (1 << 20)

/* --- parts --- */

int values_open(pass *p, pe_error *errp)
{
    size_t n = p->c->n_lanes;

    p->value_fd = calloc(n + 1, sizeof(*p->value_fd));
    for (size_t i = 0; p->value_fd && i < n; i++)
        p->value_fd[i] = -1;
    if (!p->value_fd)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++) {
        char *path = text_format("%s/values-%zu", p->folder, i);

        if (!path)
            return pe_error_nomem(errp);
        /* Read by nobody else: it goes with us. */
        p->value_fd[i] =
            open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (p->value_fd[i] < 0)
            file_error(errp, errno, "make", path, PE_EXIT_CREATE);
        else
            unlink(path);
        free(path);
        if (p->value_fd[i] < 0)
            return -1;
    }
    return 0;
}

void values_close(pass *p)
{
    for (size_t i = 0; p->value_fd && i < p->c->n_lanes; i++)
        if (p->value_fd[i] >= 0)
            close(p->value_fd[i]);
    free(p->value_fd);
    p->value_fd = NULL;
}

int values_put(pass *p, size_t k, uint64_t at, const double *values, uint32_t n,
               pe_error *errp)
{
    size_t row = p->n_values * sizeof(*values);
    uint64_t most = p->c->values_bytes ? p->c->values_bytes : PASS_VALUES_BYTES;

    if (atomic_load(&p->values_cut))
        return 0;
    if (atomic_fetch_add(&p->value_bytes, n * row) + n * row > most) {
        atomic_store(&p->values_cut, true);
        return 0;
    }
    return pass_write(p->value_fd[k], values, n * row, at * row, p->folder,
                      errp);
}

bool values_kept(const pass *p)
{
    return p->n_values > 0 && !atomic_load(&p->values_cut);
}

/* --- values.npy --- */

/* The one file. */
struct whole {
    int fd;
    const char *path;
    uint64_t at;
};

static int copy_part(const pass *p, size_t k, char *buffer, struct whole *w,
                     pe_error *errp)
{
    uint64_t len = p->lanes[k].rows * p->n_values * sizeof(double), from = 0;

    while (from < len) {
        size_t want = len - from < CHUNK ? (size_t)(len - from) : CHUNK;
        ssize_t got = pread(p->value_fd[k], buffer, want, (off_t)from);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                                "values that were written cannot be read "
                                "again: %s",
                                got < 0 ? strerror(errno) : "they are cut");
        if (pass_write(w->fd, buffer, (size_t)got, w->at, w->path, errp) < 0)
            return -1;
        from += (uint64_t)got;
        w->at += (uint64_t)got;
    }
    /* What is in the one file needs no room in the other. */
    return ftruncate(p->value_fd[k], 0) < 0
               ? file_error(errp, errno, "write", w->path, PE_EXIT_CREATE)
               : 0;
}

static int write_all(pass *p, const char *path, int fd, pe_error *errp)
{
    unsigned char head[NPY_HEADER_LEN];
    char *buffer = malloc(CHUNK);
    struct whole w = {fd, path, sizeof(head)};
    uint64_t rows = 0;
    int rc = buffer ? 0 : pe_error_nomem(errp);

    for (size_t k = 0; k < p->c->n_lanes; k++)
        rows += p->lanes[k].rows;
    npy_header(head, PE_F8, (uint32_t)rows, p->n_values);
    if (rc == 0)
        rc = pass_write(fd, head, sizeof(head), 0, path, errp);
    for (size_t k = 0; rc == 0 && k < p->c->n_lanes; k++)
        rc = copy_part(p, k, buffer, &w, errp);
    if (rc == 0 && fsync(fd) < 0)
        rc = file_error(errp, errno, "write", path, PE_EXIT_CREATE);
    free(buffer);
    return rc;
}

int values_write(pass *p, pe_error *errp)
{
    char *path;
    int fd, rc;

    if (!values_kept(p))
        return 0;
    path = text_format("%s/values.npy", p->folder);
    if (!path)
        return pe_error_nomem(errp);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    rc = fd < 0 ? file_error(errp, errno, "make", path, PE_EXIT_CREATE)
                : write_all(p, path, fd, errp);
    if (fd >= 0)
        close(fd);
    free(path);
    return rc;
}

/* --- names --- */

/* Of the first lane that knows them; the same for any number of threads. */
static const lane *lane_named(const pass *p)
{
    for (size_t i = 0; i < p->c->n_lanes; i++)
        if (p->lanes[i].columns)
            return &p->lanes[i];
    return NULL;
}

static json_t *list_of(const char *all, uint32_t n)
{
    json_t *list = json_array();

    for (uint32_t k = 0; k < n; k++) {
        size_t len = 0;
        const char *name = columns_at(all, strlen(all), k, &len);
        char *copy = name ? strndup(name, len) : NULL;

        json_array_append_new(list, event_text(copy ? copy : ""));
        free(copy);
    }
    return list;
}

json_t *values_columns(const pass *p)
{
    const lane *l = lane_named(p);
    text behind = {0};
    json_t *list = NULL;

    if (!l)
        return json_null();
    /* The values are those of records, or of what stages made of them. */
    if (!p->behind &&
        columns_count(l->columns, strlen(l->columns)) == p->n_values)
        list = list_of(l->columns, p->n_values);
    else if (p->behind &&
             stages_columns(&l->c.stages, l->columns, &behind) == 0 &&
             columns_count(behind.data, behind.len) == p->n_values)
        list = list_of(behind.data, p->n_values);
    text_free(&behind);
    return list ? list : json_null();
}

char *values_model_column(const pass *p, uint32_t k)
{
    const lane *l = lane_named(p);
    text behind = {0};
    const char *name = NULL;
    size_t len = 0;
    char *copy;

    if (l && stages_columns(&l->c.stages, l->columns, &behind) == 0 &&
        columns_count(behind.data, behind.len) == p->m->features)
        name = columns_at(behind.data, behind.len, k, &len);
    copy = name ? strndup(name, len) : NULL;
    text_free(&behind);
    return copy;
}

/* --- what is to be said --- */

static void add(json_t *notes, const char *line)
{
    json_array_append_new(notes, json_string(line));
}

static bool called_otherwise(const pass *p)
{
    const lane *first = lane_named(p);

    for (size_t i = 0; first && i < p->c->n_lanes; i++) {
        const lane *l = &p->lanes[i];

        if (l->called || (l->columns && strcmp(l->columns, first->columns)))
            return true;
    }
    return false;
}

static bool holds(const json_t *list, const char *name)
{
    const json_t *o;
    size_t k;

    json_array_foreach(list, k, o)
    {
        if (!strcmp(json_string_value(o), name))
            return true;
    }
    return false;
}

/* Values go to the model by their place: where the names of [here] are not
 * those it has learned from, that is said, and what takes them by name.
 */
static void compare_names(const pass *p, const json_t *here, json_t *notes)
{
    const json_t *then = p->c->learned, *o;
    size_t k, n = json_array_size(here), other = n;
    text t = {0}, all = {0};
    bool there = true;

    if (n == 0 || json_array_size(then) != n)
        return;
    for (k = n; k-- > 0;)
        if (!json_equal(json_array_get(here, k), json_array_get(then, k)))
            other = k;
    if (other == n)
        return;
    json_array_foreach(then, k, o)
    {
        if (!json_is_string(o))
            goto out; /* somebody else's file */
        there = there && holds(here, json_string_value(o));
        text_add(&all, "%s%s", k ? "," : "", json_string_value(o));
    }
    text_add(&t,
             "column %zu is called '%s' here and was '%s' in run %s: values "
             "are taken by their place",
             other, json_string_value(json_array_get(here, other)),
             json_string_value(json_array_get(then, other)), p->c->learned_in);
    if (there && all.len > 0)
        text_add(&t, "; by name with --set 'columns=%s'", all.data);
    if (!t.failed)
        add(notes, t.data);
out:
    text_free(&all);
    text_free(&t);
}

void values_notes(const pass *p, uint64_t rows, json_t *notes)
{
    lane_counts sum = {0};
    json_t *here;
    char line[300];

    for (size_t i = 0; i < p->c->n_lanes; i++) {
        sum.unread += p->lanes[i].counts.unread;
        sum.scaled += p->lanes[i].counts.scaled;
        sum.undone += p->lanes[i].counts.undone;
    }
    if (sum.undone > 0)
        add(notes, "values are as they were sensed: what 'standardise' of the "
                   "devices made of them is undone");
    if (sum.scaled > 0) {
        snprintf(line, sizeof(line),
                 "%" PRIu64 " block%s %s the values that 'standardise' of "
                 "the devices made: %s not say how",
                 sum.scaled, text_s(sum.scaled), text_have(sum.scaled),
                 sum.scaled == 1 ? "its record does" : "their records do");
        add(notes, line);
    }
    if (sum.unread > 0) {
        snprintf(line, sizeof(line),
                 "%" PRIu64 " block%s %s a header pe_times or pe_scale that "
                 "cannot be read: it is as if it were not there",
                 sum.unread, text_s(sum.unread), text_have(sum.unread));
        add(notes, line);
    }
    here = values_columns(p);
    compare_names(p, here, notes);
    json_decref(here);
    if (called_otherwise(p))
        add(notes, "not all records call the columns alike: the names are "
                   "those of the first one");
    if (rows > 0 && atomic_load(&p->values_cut)) {
        snprintf(
            line, sizeof(line),
            "values are kept of the %zu highest rows alone: those of all "
            "%" PRIu64 " would take more than %" PRIu64 " MiB",
            p->top.n, rows,
            (p->c->values_bytes ? p->c->values_bytes : PASS_VALUES_BYTES) >>
                20);
        add(notes, line);
    }
}
