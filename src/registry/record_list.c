/* record_list.c - all records at once, and those a word means. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/registry/record_private.h"

#define SAME_JOB_NS (600 * CLOCK_S)

/* --- reading --- */

/* Records under way.  A thousand of them are read with three system calls
 * each, relative to the folder of their run.
 */
typedef struct list {
    const char *home;
    pilot_record *r;
    size_t n, cap, torn;
    char torn_id[256]; /* one of them */
    char *buf;         /* RECORD_BYTES_MAX */
} list;

static pilot_record *list_room(list *l)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 16;
        pilot_record *r = reallocarray(l->r, cap, sizeof(*r));
        if (!r)
            return NULL;
        l->r = r;
        l->cap = cap;
    }
    return &l->r[l->n];
}

/* All of [name] under [dir] into the buffer: its length, or -1. */
static ssize_t record_slurp(list *l, int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n = -1;

    if (fd < 0)
        return -1;
    while (len < RECORD_BYTES_MAX &&
           ((n = read(fd, l->buf + len, RECORD_BYTES_MAX - len)) > 0 ||
            (n < 0 && errno == EINTR)))
        len += n > 0 ? (size_t)n : 0;
    int saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return n == 0 ? (ssize_t)len : -1;
}

/* File [file] of pilot [id] into *r; 1: it is not there, -1: torn. */
static int record_take(list *l, int dir, const char *name, const char *file,
                       const char *id, pilot_record *r)
{
    char path[300];
    ssize_t len;

    snprintf(path, sizeof(path), "%.200s/%s", name, file);
    errno = 0;
    len = record_slurp(l, dir, path);
    if (len < 0)
        return errno == ENOENT || errno == ENOTDIR ? 1 : -1;
    return record_parse(l->buf, (size_t)len, path, id, r, NULL);
}

static int pilot_add(list *l, int dir, const char *run, const char *name,
                     pe_error *errp)
{
    char id[512];
    int status;

    snprintf(id, sizeof(id), "%.200s/%.200s", run, name);
    if (pilot_id_check(id, NULL) < 0)
        return 0;
    pilot_record *r = list_room(l);
    if (!r)
        return pe_error_nomem(errp);
    status = record_take(l, dir, name, "state.json", id, r);
    if (status < 0 && record_take(l, dir, name, RECORD_OLD, id, r) == 0)
        status = 0;
    if (status == 0)
        l->n++;
    else if (status < 0 && l->torn++ == 0)
        snprintf(l->torn_id, sizeof(l->torn_id), "%.255s", id);
    return 0; /* 1: a folder of something else */
}

/* File systems that do not tell what an entry is leave it to us to try. */
static bool may_be_folder(const struct dirent *e)
{
    return (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN ||
            e->d_type == DT_LNK) &&
           *e->d_name != '.';
}

/* The folder [name] of [parent] to be read; NULL: there is none. */
static DIR *folder_open(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir && fd >= 0)
        close(fd);
    return dir;
}

static int run_add(list *l, int home, const char *run, pe_error *errp)
{
    DIR *dir = folder_open(home, run);
    const struct dirent *e;
    int status = 0;

    while (dir && status == 0 && (e = readdir(dir)) != NULL)
        if (may_be_folder(e))
            status = pilot_add(l, dirfd(dir), run, e->d_name, errp);
    if (dir)
        closedir(dir);
    return status;
}

static int by_creation(const void *a, const void *b)
{
    const pilot_record *x = a, *y = b;

    if (x->created_ns != y->created_ns)
        return x->created_ns < y->created_ns ? -1 : 1;
    return strcmp(x->id, y->id);
}

static void list_free(list *l)
{
    free(l->buf);
    free(l->r);
}

/* Those of [run], or of all runs (NULL). */
static int list_read(list *l, const char *run, pe_error *errp)
{
    DIR *home = folder_open(AT_FDCWD, l->home);
    const struct dirent *e;
    int status = 0;

    if (!home)
        return 0; /* nothing was ever submitted */
    l->buf = malloc(RECORD_BYTES_MAX);
    if (!l->buf)
        status = pe_error_nomem(errp);
    if (status == 0 && run)
        status = run_add(l, dirfd(home), run, errp);
    while (status == 0 && !run && (e = readdir(home)) != NULL)
        if (may_be_folder(e))
            status = run_add(l, dirfd(home), e->d_name, errp);
    closedir(home);
    if (status == 0 && l->n > 1)
        qsort(l->r, l->n, sizeof(*l->r), by_creation);
    return status;
}

int pilot_records_read(const char *home, pilot_record **out, size_t *np,
                       size_t *tornp, pe_error *errp)
{
    list l = {.home = home};
    int status = list_read(&l, NULL, errp);

    *out = NULL;
    *np = 0;
    if (status == 0) {
        *out = l.r;
        *np = l.n;
        l.r = NULL;
        if (tornp)
            *tornp = l.torn;
    }
    list_free(&l);
    return status;
}

/* --- finding --- */

/* Is [word] how people call job [sched_id]?  "1234.server" of PBS is 1234 to
 * its own commands.
 */
static bool is_job(const char *sched_id, const char *word)
{
    size_t len = strlen(word);

    if (len == 0 || strncmp(sched_id, word, len) != 0)
        return false;
    return !sched_id[len] ||
           (sched_id[len] == '.' && strspn(word, "0123456789[]") == len);
}

/* Keep those of the newest job: a scheduler uses an id again after a while.
 * Several of one moment are the tenants of an allocation.
 */
static void newest_keep(list *l)
{
    int64_t newest = 0;
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        if (l->r[i].created_ns > newest)
            newest = l->r[i].created_ns;
    for (size_t i = 0; i < l->n; i++)
        if (newest - l->r[i].created_ns <= SAME_JOB_NS)
            l->r[n++] = l->r[i];
    l->n = n;
}

/* Keep those whose job is [word], in place. */
static int jobs_keep(list *l, const char *word, pe_error *errp)
{
    size_t n = 0;

    for (size_t i = 0; i < l->n; i++)
        if (is_job(l->r[i].sched_id, word))
            l->r[n++] = l->r[i];
    for (size_t i = 1; i < n; i++)
        if (strcmp(l->r[0].resource, l->r[i].resource) != 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "scheduler id %.100s is that of pilot %s at "
                                "%s and of %s at %s: name the pilot",
                                word, l->r[0].id, l->r[0].resource, l->r[i].id,
                                l->r[i].resource);
    l->n = n;
    newest_keep(l);
    return 0;
}

static void words_add(text *words, const char *word)
{
    if (*word)
        text_add(words, "%s ", word);
}

/* The error, with what was perhaps meant. */
static int unknown_error(const list *l, const char *word, pe_error *errp)
{
    char nearest[256] = "";
    text words = {0};

    /* The newest last, which wins: somebody gave its name without its run. */
    for (size_t i = 0; i < l->n; i++) {
        if (!strcmp(l->r[i].name, word))
            snprintf(nearest, sizeof(nearest), "%s", l->r[i].id);
        words_add(&words, l->r[i].id);
        words_add(&words, l->r[i].run);
        words_add(&words, l->r[i].sched_id);
    }
    if (!*nearest && words.data && !words.failed)
        text_nearest(word, words.data, nearest, sizeof(nearest));
    text_free(&words);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "'%.200s' is no pilot, run or scheduler id%s%s%s%s",
                        word, *nearest ? "; did you mean " : "", nearest,
                        *nearest ? "?" : "; 'pilot status --all' shows them",
                        l->torn ? " (and there are files that cannot be read)"
                                : "");
}

/* One pilot by its id: without a look at the others. */
static int id_find(list *l, const char *word, pe_error *errp)
{
    pilot_record *r = list_room(l);

    if (!r)
        return pe_error_nomem(errp);
    int status = pilot_record_read(l->home, word, r, errp);
    if (status == 0)
        l->n = 1;
    return status < 0 ? -1 : 0;
}

static int word_find(list *l, const char *word, pe_error *errp)
{
    if (strchr(word, '/')) {
        if (id_find(l, word, errp) < 0)
            return -1;
    } else if (*word && *word != '.') {
        if (list_read(l, word, errp) < 0)
            return -1;
        if (l->n == 0 && l->torn > 0)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                                "%s/%s/state.json is no record of a pilot: "
                                "mend the file, or remove it when the job is "
                                "over",
                                l->home, l->torn_id);
    }
    return 0;
}

/* Nothing is called so at first sight: look at all. */
static int jobs_find(list *l, const char *word, pe_error *errp)
{
    list all = {.home = l->home};
    int status = list_read(&all, NULL, errp);
    bool known = false;

    for (size_t i = 0; i < all.n && !known; i++)
        known = is_job(all.r[i].sched_id, word);
    if (status == 0 && !known)
        status = unknown_error(&all, word, errp);
    if (status == 0)
        status = jobs_keep(&all, word, errp);
    if (status == 0) {
        free(l->r);
        l->r = all.r;
        l->n = all.n;
        all.r = NULL;
    }
    list_free(&all);
    return status;
}

int pilot_records_find(const char *home, const char *word, pilot_record **out,
                       size_t *np, pe_error *errp)
{
    list l = {.home = home};
    int status = word_find(&l, word, errp);

    *out = NULL;
    *np = 0;
    if (status == 0 && l.n == 0)
        status = jobs_find(&l, word, errp);
    if (status == 0) {
        *out = l.r;
        *np = l.n;
        l.r = NULL;
    }
    list_free(&l);
    return status;
}
