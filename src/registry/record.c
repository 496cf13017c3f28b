/* record.c - the registry: what is known of every pilot, on disk. */
#include "record.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/registry/record_private.h"

#define LOCK_WAIT_NS (10 * CLOCK_S)
#define LOCK_FIRST_NS INT64_C(500000)
#define LOCK_STEP_NS (50 * CLOCK_MS)

/* --- names --- */

static bool is_name(const char *s, size_t len, size_t cap)
{
    if (len == 0 || len >= cap || !isalnum((unsigned char)*s))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
            return false;
    return true;
}

int pilot_id_check(const char *id, pe_error *errp)
{
    const pilot_record *r = NULL;
    size_t run = strcspn(id, "/");

    if (id[run] && is_name(id, run, sizeof(r->run)) &&
        is_name(id + run + 1, strlen(id + run + 1), sizeof(r->name)))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                        "'%.200s' is no id of a pilot: it is RUN/NAME, of "
                        "letters, digits, '.', '_' and '-'",
                        id);
}

char *record_path(const char *home, const char *id, const char *name,
                  pe_error *errp)
{
    char *path = text_format("%s/%s%s%s", home, id, *name ? "/" : "", name);

    if (!path)
        pe_error_nomem(errp);
    return path;
}

/* --- locks --- */

static int lock_error(const char *id, const char *path, pe_error *errp)
{
    if (errno == EWOULDBLOCK)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "pilot %s is busy: another command has locked %s "
                            "for more than %d s; try again",
                            id, path, (int)(LOCK_WAIT_NS / CLOCK_S));
    return pe_error_set(errp, PE_ERROR_FATAL,
                        errno == EACCES ? PE_EXIT_PERMISSION : PE_EXIT_CREATE,
                        "cannot lock %s: %s%s", path, strerror(errno),
                        errno == ENOLCK ? "; set PILOT_HOME to a folder on a "
                                          "file system with locks"
                                        : "");
}

/* flock has no time limit of its own.  Waiters spread out, so that none is
 * always too late.
 */
static int lock_wait(int fd)
{
    int64_t until = clock_mono_ns() + LOCK_WAIT_NS;
    int64_t step = LOCK_FIRST_NS;

    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EINTR && errno != EWOULDBLOCK)
            return -1;
        int64_t now = clock_mono_ns();
        if (now >= until) {
            errno = EWOULDBLOCK;
            return -1;
        }
        uint64_t draw = random_mix((uint64_t)now, (uint64_t)getpid());
        clock_sleep_ns(step / 2 + (int64_t)(draw % (uint64_t)step), 1);
        step = 2 * step < LOCK_STEP_NS ? 2 * step : LOCK_STEP_NS;
    }
    return 0;
}

int record_lock(const char *home, const char *id, const char *name,
                pe_error *errp)
{
    char *path = record_path(home, id, name, errp);
    int fd;

    if (!path)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no pilot %s in %s", id, home);
    } else if (fd < 0 || lock_wait(fd) < 0) {
        lock_error(id, path, errp);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

int pilot_record_hold(const char *home, const char *id, pe_error *errp)
{
    if (pilot_id_check(id, errp) < 0)
        return -1;
    return record_lock(home, id, "submit.lock", errp);
}

bool pilot_record_is_held(const char *home, const char *id)
{
    char *path = record_path(home, id, "submit.lock", NULL);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    bool held =
        fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    free(path);
    return held;
}

/* --- one record --- */

/* Synced; an older version is of no use then. */
static int record_write(const char *home, const pilot_record *r, pe_error *errp)
{
    char *path = record_path(home, r->id, "state.json", errp);
    char *old = record_path(home, r->id, RECORD_OLD, errp);
    char *data = path && old ? record_dump(r, errp) : NULL;
    int status = data ? file_write(path, data, strlen(data), 0600, errp) : -1;

    if (status == 0)
        unlink(old);
    free(data);
    free(old);
    free(path);
    return status;
}

/* File [name] of the pilot; 1: it is not there. */
static int file_load(const char *home, const char *id, const char *name,
                     pilot_record *r, pe_error *errp)
{
    char *path = record_path(home, id, name, errp);
    char *data = NULL;
    size_t len = 0;
    int status = -1;

    memset(r, 0, sizeof(*r));
    if (!path)
        return -1;
    if (access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
        status = 1;
    else if ((data = file_read(path, RECORD_BYTES_MAX, &len, errp)) != NULL)
        status = record_parse(data, len, path, id, r, errp);
    free(data);
    free(path);
    return status;
}

int record_load(const char *home, const char *id, pilot_record *r,
                pe_error *errp)
{
    int status = file_load(home, id, "state.json", r, errp);

    if (status < 0 && file_load(home, id, RECORD_OLD, r, NULL) == 0)
        return 0;
    return status;
}

int pilot_record_read(const char *home, const char *id, pilot_record *out,
                      pe_error *errp)
{
    char copy[sizeof(out->id)]; /* it may lie in *out */

    if (pilot_id_check(id, NULL) < 0) {
        memset(out, 0, sizeof(*out));
        return 1;
    }
    snprintf(copy, sizeof(copy), "%s", id);
    return record_load(home, copy, out, errp);
}

/* A file to be renamed at the first change: to make one takes longer than all
 * the rest, and a thousand pilots may change at once.
 */
static void spare_make(const char *home, const char *id)
{
    char *path = record_path(home, id, RECORD_NEW, NULL);
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd >= 0)
        close(fd);
    free(path);
}

/* A folder without a record is one whose making was cut off. */
static int create_locked(const char *home, const pilot_record *r,
                         pe_error *errp)
{
    pilot_record *old = calloc(1, sizeof(*old));
    int status;

    if (!old)
        return pe_error_nomem(errp);
    status = record_load(home, r->id, old, errp);
    free(old);
    if (status == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "there is a pilot %s already", r->id);
    if (status == 1)
        status = record_write(home, r, errp);
    if (status == 0)
        spare_make(home, r->id);
    return status;
}

int pilot_record_create(const char *home, const pilot_record *r, pe_error *errp)
{
    char *folder = NULL;
    int fd, status = -1;

    if (pilot_id_check(r->id, errp) < 0)
        return -1;
    folder = record_path(home, r->id, "", errp);
    if (!folder)
        return -1;
    if (file_mkdir(folder, errp) == 0 &&
        (fd = record_lock(home, r->id, "lock", errp)) >= 0) {
        status = create_locked(home, r, errp);
        close(fd);
    }
    free(folder);
    return status;
}

static int none_error(const char *home, const char *id, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "there is no pilot %.200s in %s", id, home);
}

int pilot_record_change(const char *home, const char *id,
                        pilot_record_change_f change, void *arg,
                        pilot_record *out, pe_error *errp)
{
    pilot_record *r;
    int fd, status;

    if (pilot_id_check(id, NULL) < 0)
        return none_error(home, id, errp);
    r = calloc(1, sizeof(*r));
    if (!r)
        return pe_error_nomem(errp);
    fd = record_lock(home, id, "lock", errp);
    status = fd < 0 ? -1 : record_load(home, id, r, errp);
    if (status == 1)
        status = none_error(home, id, errp);
    if (status == 0)
        status = change(r, arg, errp);
    if (status == 0)
        status = record_write(home, r, errp);
    if (status >= 0 && out)
        *out = *r;
    if (fd >= 0)
        close(fd);
    free(r);
    return status < 0 ? -1 : 0;
}
