/* record_batch.c - many records changed at once, without waits for the disk.
 *
 * What is learned by looking can be learned again, so these writes are not
 * synced: a thousand of them would take seconds.  But after a loss of power a
 * file that was not synced may be empty, and a record holds what cannot be
 * learned again.  Therefore the last version that was synced stays beside it
 * as state.old, which readers take when the newer one is torn.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/text.h"
#include "src/registry/record_private.h"

#define BATCH 128 /* at once: each holds a lock, and a file that is open */

/* One record on its way to the disk. */
typedef struct stage {
    int lock, fd; /* -1: none */
    bool written; /* the new content, aside */
    char *path, *old, *new;
} stage;

static void stage_drop(stage *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->lock >= 0)
        close(s->lock);
    free(s->path);
    free(s->old);
    free(s->new);
}

static int stage_error(const stage *s, pe_error *errp)
{
    bool full = errno == ENOSPC || errno == EDQUOT;

    return pe_error_set(errp, full ? PE_ERROR_RETRY : PE_ERROR_FATAL,
                        errno == EACCES ? PE_EXIT_PERMISSION : PE_EXIT_CREATE,
                        "cannot write %s: %s%s", s->path,
                        full ? "disk full: " : "", strerror(errno));
}

/* Write [data] beside the record, not yet in its place.  Under the lock one
 * name is enough; what a killed command left there is written over.
 */
static int stage_write(stage *s, const char *data, pe_error *errp)
{
    size_t len = strlen(data), done = 0;

    s->fd = open(s->new, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (s->fd >= 0 && done < len) {
        ssize_t n = write(s->fd, data + done, len - done);
        if (n < 0 && errno != EINTR)
            return stage_error(s, errp);
        done += n > 0 ? (size_t)n : 0;
    }
    if (s->fd < 0 || ftruncate(s->fd, (off_t)len) < 0)
        return stage_error(s, errp);
    s->written = true;
    return 0;
}

static int stage_paths(stage *s, const char *home, const char *id,
                       pe_error *errp)
{
    s->path = record_path(home, id, "state.json", errp);
    s->old = record_path(home, id, RECORD_OLD, errp);
    s->new = record_path(home, id, RECORD_NEW, errp);
    return s->path && s->old && s->new ? 0 : -1;
}

/* Lock, read, change, write aside.  The edit's id may lie in its own out. */
static int stage_fill(const char *home, stage *s, const pilot_record_edit *e,
                      pilot_record_change_f change, pe_error *errp)
{
    pilot_record r;
    char *data = NULL;
    int status;

    *s = (stage){.lock = -1, .fd = -1};
    if (pilot_id_check(e->id, errp) < 0)
        return -1;
    if (stage_paths(s, home, e->id, errp) < 0)
        return -1;
    s->lock = record_lock(home, e->id, "lock", errp);
    if (s->lock < 0)
        return -1;
    status = record_load(home, e->id, &r, errp);
    if (status == 1)
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                              "there is no pilot %s in %s", e->id, home);
    if (status == 0)
        status = change(&r, e->arg, errp);
    if (status == 0 && (data = record_dump(&r, errp)) == NULL)
        status = -1;
    if (status == 0)
        status = stage_write(s, data, errp);
    if (status >= 0)
        *e->out = r;
    free(data);
    return status < 0 ? -1 : 0;
}

/* Keep the version that is safe, if there is none yet: a file system without
 * hard links makes us wait.
 */
static int old_keep(const stage *s)
{
    if (link(s->path, s->old) == 0 || errno == EEXIST)
        return 0;
    return fdatasync(s->fd);
}

/* Into its place. */
static int stage_commit(stage *s, pe_error *errp)
{
    if (!s->written)
        return 0;
    if (old_keep(s) < 0 || rename(s->new, s->path) < 0)
        return stage_error(s, errp);
    return 0;
}

static int batch_change(const char *home, const pilot_record_edit *edits,
                        size_t n, pilot_record_change_f change, pe_error *errp)
{
    stage stages[BATCH];
    int status = 0;

    for (size_t i = 0; i < n; i++) {
        if (stage_fill(home, &stages[i], &edits[i], change,
                       status == 0 ? errp : NULL) == 0)
            continue;
        status = -1;
        stage_drop(&stages[i]);
        stages[i] = (stage){.lock = -1, .fd = -1};
    }
    for (size_t i = 0; i < n; i++)
        if (stage_commit(&stages[i], status == 0 ? errp : NULL) < 0)
            status = -1;
    for (size_t i = 0; i < n; i++)
        stage_drop(&stages[i]);
    return status;
}

int pilot_records_change(const char *home, const pilot_record_edit *edits,
                         size_t n, pilot_record_change_f change, pe_error *errp)
{
    int status = 0;

    for (size_t at = 0; at < n; at += BATCH) {
        size_t some = n - at < BATCH ? n - at : BATCH;
        if (batch_change(home, edits + at, some, change,
                         status == 0 ? errp : NULL) < 0)
            status = -1;
    }
    return status;
}
