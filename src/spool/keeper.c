/* keeper.c - what no broker has is on the disk within a second. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/spool/spool_private.h"

/* Half of what is promised: a record waits for one turn at most, and is synced
 * in the next.
 */
#define TURN_NS (CLOCK_S / 2)
#define FILES_MAX 64

struct spool_keeper {
    spool *const *s;
    size_t n;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stop; /* under lock */
};

/* All from s->sealed to s->due that is not acknowledged. */
static int seal_due(spool *s, pe_error *errp)
{
    uint64_t number = 0;
    int fd = -1, rc = 0;
    char *buf = NULL;
    size_t cap = 0;
    format_record r;
    chunk *c;

    while (rc == 0 && (c = spool_find(s, &s->sealed, &fd, &number, &r, errp)) &&
           r.ordinal < s->due.ordinal) {
        uint64_t at = s->sealed.at;
        size_t len = (size_t)r.meta + r.len;

        s->sealed.at += format_span(r.meta, r.len);
        if (r.sealed || r.ordinal < s->acked)
            continue;
        c->dirty = true;
        rc = spool_room(&buf, &cap, len + 1, errp);
        if (rc == 0 && !chunk_payload(fd, &r, at, true, buf) &&
            chunk_seal(fd, &r, at, buf) < 0)
            rc = file_error(errp, errno, "write to", s->path, PE_EXIT_CREATE);
    }
    if (fd >= 0)
        close(fd);
    free(buf);
    return errp->kind == PE_ERROR_NONE ? rc : -1;
}

static size_t dirty_take(spool *s, int *fds, size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n && n < max; i++) {
        chunk *c = &s->chunks[i];

        if (!c->dirty || c->last <= s->acked)
            continue;
        fds[n] = folder_file(s, c->number, O_RDWR);
        n += fds[n] >= 0;
        /* Of the last one more is to come. */
        c->dirty = i + 1 == s->n;
    }
    return n;
}

size_t spool_turn(spool *s, int *fds, size_t max)
{
    const chunk *c;
    pe_error e = {0};
    size_t n = 0;
    int more;

    pthread_mutex_lock(&s->lock);
    more = s->failed ? 0
                     : cells_turn(s->cells, s->next, s->sync == SPOOL_SECOND,
                                  fds, max / 2);
    if (more < 0) {
        file_error(&e, errno, "write to", s->path, PE_EXIT_CREATE);
        spool_fail(s, &e);
    } else {
        n = (size_t)more;
    }
    if (!s->failed && s->due.ordinal > s->acked) {
        if (seal_due(s, &e) < 0)
            spool_fail(s, &e);
        else if (s->sync == SPOOL_SECOND)
            n += dirty_take(s, fds + n, max - n - 1);
    }
    /* A name is there before what is in it is relied on. */
    if (n > 0 && s->unnamed && (fds[n] = dup(s->dir_fd)) >= 0) {
        n++;
        s->unnamed = false;
    }
    s->sealed = s->due;
    c = s->n ? &s->chunks[s->n - 1] : NULL;
    if (c)
        s->due = (place){c->number, c->end, s->next};
    pthread_mutex_unlock(&s->lock);
    return n;
}

static void keep(spool *s)
{
    int fds[FILES_MAX], failed = 0;
    size_t n = spool_turn(s, fds, FILES_MAX);
    pe_error e = {0};

    for (size_t i = 0; i < n; i++) {
        if (fsync(fds[i]) < 0)
            failed = errno;
        close(fds[i]);
    }
    if (!failed)
        return;
    /* What the kernel could not write it has forgotten. */
    file_error(&e, failed, "sync", s->path, PE_EXIT_CREATE);
    pthread_mutex_lock(&s->lock);
    spool_fail(s, &e);
    pthread_mutex_unlock(&s->lock);
}

static void *serve(void *arg)
{
    spool_keeper *k = arg;
    int64_t until = clock_mono_ns();
    bool stop = false;

    while (!stop) {
        until += TURN_NS;
        pthread_mutex_lock(&k->lock);
        while (!k->stop && clock_cond_wait(&k->wake, &k->lock, until))
            ;
        stop = k->stop;
        pthread_mutex_unlock(&k->lock);
        for (size_t i = 0; !stop && i < k->n; i++)
            if (k->s[i])
                keep(k->s[i]);
        if (clock_mono_ns() > until + TURN_NS)
            until = clock_mono_ns();
    }
    return NULL;
}

spool_keeper *spool_keeper_start(spool *const *s, size_t n, pe_error *errp)
{
    spool_keeper *k = calloc(1, sizeof(*k));

    if (!k) {
        pe_error_nomem(errp);
        return NULL;
    }
    k->s = s;
    k->n = n;
    pthread_mutex_init(&k->lock, NULL);
    clock_cond_init(&k->wake);
    if (pthread_create(&k->thread, NULL, serve, k) == 0)
        return k;
    pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "a thread cannot be started");
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
    return NULL;
}

void spool_keeper_stop(spool_keeper *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k);
}
