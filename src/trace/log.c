/* log.c - rows of a process, kept for a second, then written by a thread. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "names.h"

#define WRITE_NS CLOCK_S      /* between two writes */
#define ASK_NS (10 * CLOCK_S) /* between two looks at the service's clock */
#define ASK_TIMES 5           /* the best of so many */

enum {
    BLOCK_ROWS = 32768, /* of one half */
    OTHER_ROWS = 1024,
    NAMES_MAX = 65536, /* devices of a process; the others have no name */
    NAMES_ROOM = 128 << 10,
    LOGS_MAX = 1000000, /* starts of one process */
};

/* Rows of a kind: one half is added to while the other is written. */
typedef struct lane {
    unsigned char *at[2];
    uint32_t cap, n[2];
    bool block; /* counted as such */
} lane;

struct trace_log {
    int fd; /* -1: not made yet */
    char *path;
    off_t end; /* of what is whole */
    trace_writer w;
    layout_head head;
    char *folder, *stem; /* of the file, and its name without a number */

    pthread_mutex_t lock; /* all down to the blank line */
    pthread_cond_t wake, done;
    lane lanes[LAYOUT_KINDS];
    names names;
    uint32_t nameless, others; /* as in a segment */
    int half;                  /* that is added to */
    uint64_t asked;            /* for flushes, and how many were made */
    uint64_t flushed;
    trace_count count;
    bool stop;

    bool cut; /* a name was, which was said; of who adds names */
    pthread_t writer, asker;
    bool writes, asks;
    /* the writer's */
    uint32_t named; /* names that are in the log */
    uint64_t told_dropped, told_lost;
    bool failing;
};

/* --- adding --- */

static int lanes_init(trace_log *l, pe_error *errp)
{
    for (unsigned k = LAYOUT_EDGE; k <= LAYOUT_CLOCK; k++) {
        lane *a = &l->lanes[k];

        a->block = k == LAYOUT_EDGE || k == LAYOUT_WORK;
        if (a->block && (k == LAYOUT_EDGE) != (strcmp(l->w.kind, "edge") == 0))
            continue;
        a->cap = a->block ? BLOCK_ROWS : OTHER_ROWS;
        for (int h = 0; h < 2; h++) {
            a->at[h] = malloc(a->cap * layout_row(k));
            if (!a->at[h])
                return pe_error_nomem(errp);
        }
    }
    return 0;
}

void trace_log_add(trace_log *l, enum layout_kind kind, const void *row)
{
    lane *a = &l->lanes[kind];
    size_t size = layout_row(kind);
    uint32_t n;

    pthread_mutex_lock(&l->lock);
    n = a->n[l->half];
    l->count.rows += a->block;
    if (n < a->cap) {
        memcpy(a->at[l->half] + n * size, row, size);
        a->n[l->half] = n + 1;
        if (n + 1 == a->cap / 2)
            pthread_cond_signal(&l->wake);
    } else {
        l->count.dropped += a->block;
        l->others += !a->block;
    }
    pthread_mutex_unlock(&l->lock);
}

static uint32_t add_name(trace_log *l, const char *name)
{
    uint32_t at;

    pthread_mutex_lock(&l->lock);
    at = names_add(&l->names, name, NAMES_MAX);
    l->nameless += at == TRACE_NO_DEVICE;
    pthread_mutex_unlock(&l->lock);
    return at;
}

uint32_t trace_log_device(trace_log *l, const char *name)
{
    size_t len = name ? strlen(name) : 0;
    char cut[NAMES_LONGEST + 1];
    uint32_t at;

    if (!name)
        return TRACE_NO_DEVICE;
    if (len > NAMES_LONGEST) {
        names_cut(name, len, cut);
        name = cut;
    }
    at = names_find(&l->names, name); /* nobody else adds names */
    if (at != TRACE_NO_DEVICE)
        return at;
    if (len > NAMES_LONGEST && !l->cut)
        log_warn("the name of a device has %zu bytes, and in the trace the "
                 "first of %d and a hash: %.60s...",
                 len, NAMES_LONGEST, name);
    l->cut = l->cut || len > NAMES_LONGEST;
    return add_name(l, name);
}

trace_count trace_log_count(trace_log *l)
{
    trace_count c;

    pthread_mutex_lock(&l->lock);
    c = l->count;
    pthread_mutex_unlock(&l->lock);
    return c;
}

/* --- writing --- */

/* The first number that is free: each start of a process has a log of its own.
 */
static int make_file(trace_log *l, pe_error *errp)
{
    if (file_mkdir(l->folder, errp) < 0)
        return -1;
    for (int i = 1; l->fd < 0 && i < LOGS_MAX; i++) {
        free(l->path);
        l->path = text_format("%s.%d.log", l->stem, i);
        if (!l->path)
            return pe_error_nomem(errp);
        l->fd = open(l->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (l->fd < 0 && errno != EEXIST)
            return file_error(errp, errno, "make", l->path, PE_EXIT_CREATE);
    }
    return l->fd < 0 ? pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                                    "%s has too many logs", l->folder)
                     : 0;
}

/* Its file and its head, or nothing of it. */
static int begin_file(trace_log *l, pe_error *errp)
{
    ssize_t got;

    if (make_file(l, errp) < 0)
        return -1;
    l->end = sizeof(l->head);
    got = pwrite(l->fd, &l->head, sizeof(l->head), 0);
    if (got == (ssize_t)sizeof(l->head))
        return 0;
    file_error(errp, got < 0 ? errno : ENOSPC, "write", l->path,
               PE_EXIT_CREATE);
    unlink(l->path);
    close(l->fd);
    l->fd = -1;
    return -1;
}

static void begin_if_due(trace_log *l)
{
    pe_error e = {0};

    if (l->fd >= 0 || begin_file(l, &e) == 0)
        return;
    if (!l->failing)
        log_warn("nothing is traced, and the run goes on: %s", e.text);
    l->failing = true;
}

/* At the end of the log, or not at all. */
static int put(trace_log *l, const void *data, size_t n, const void *more,
               size_t n_more)
{
    struct iovec v[2] = {{(void *)data, n}, {(void *)more, n_more}};

    if (l->fd < 0)
        return -1;

    ssize_t got = pwritev(l->fd, v, n_more ? 2 : 1, l->end);
    int why = got < 0 ? errno : ENOSPC;

    if (got == (ssize_t)(n + n_more)) {
        l->end += got;
        return 0;
    }
    /* A part of it is no segment: it is cut, or else by who reads. */
    if (ftruncate(l->fd, l->end) < 0)
        why = errno;
    if (!l->failing)
        log_warn("the trace has lost rows, and the run goes on: cannot write "
                 "%s: %s",
                 l->path, strerror(why));
    l->failing = true;
    return -1;
}

static int segment(trace_log *l, layout_segment s, const void *payload)
{
    s.time_ns = clock_real_ns();
    pthread_mutex_lock(&l->lock);
    s.dropped = l->count.dropped;
    s.lost = l->count.lost;
    s.nameless = l->nameless;
    s.others = l->others;
    pthread_mutex_unlock(&l->lock);
    layout_segment_seal(&s, payload);
    if (put(l, &s, sizeof(s), payload, s.bytes) < 0)
        return -1;
    l->told_dropped = s.dropped;
    l->told_lost = s.lost;
    if (l->failing)
        log_info("the trace is written again; %llu blocks are not in it",
                 (unsigned long long)s.lost);
    l->failing = false;
    return 0;
}

/* Names that no segment has yet, in front of the rows that need them; -1: they
 * come the next time.
 */
static int write_names(trace_log *l, uint32_t n)
{
    text t = {0};
    uint32_t at = l->named;
    int rc = 0;

    while (rc == 0 && at < n) {
        layout_segment s = {.kind = LAYOUT_NAMES};

        for (t.len = 0; at < n && t.len < NAMES_ROOM; at++, s.n++) {
            uint32_t two[2] = {at, 0};
            const char *name;

            pthread_mutex_lock(&l->lock);
            name = l->names.name[at];
            pthread_mutex_unlock(&l->lock);
            two[1] = (uint32_t)strlen(name);
            text_add_bytes(&t, (const char *)two, sizeof(two));
            text_add_bytes(&t, name, two[1]);
        }
        s.bytes = (uint32_t)t.len;
        rc = t.failed ? -1 : segment(l, s, t.data);
        if (rc == 0)
            l->named = at;
    }
    text_free(&t);
    return rc;
}

/* The rows of half [h], of which nothing is added to. */
static void write_lane(trace_log *l, unsigned kind, int h)
{
    lane *a = &l->lanes[kind];
    uint32_t n = a->n[h];
    uint16_t size = (uint16_t)layout_row(kind);
    layout_segment s = {
        .kind = (uint16_t)kind, .row = size, .n = n, .bytes = n * size};

    if (n == 0)
        return;
    if (segment(l, s, a->at[h]) < 0) {
        /* There are few of the others: they are kept for the next time. */
        if (!a->block)
            return;
        pthread_mutex_lock(&l->lock);
        l->count.lost += n;
        pthread_mutex_unlock(&l->lock);
    }
    a->n[h] = 0;
}

static void write_all(trace_log *l)
{
    trace_count c;
    uint32_t n_names;
    int h;

    begin_if_due(l);
    pthread_mutex_lock(&l->lock);
    h = l->half;
    l->half = 1 - h;
    n_names = l->names.n;
    pthread_mutex_unlock(&l->lock);
    write_names(l, n_names);
    for (unsigned k = LAYOUT_EDGE; k <= LAYOUT_CLOCK; k++)
        write_lane(l, k, h);
    c = trace_log_count(l);
    if (c.dropped != l->told_dropped || c.lost != l->told_lost)
        segment(l, (layout_segment){.kind = LAYOUT_BEAT}, NULL);
}

static bool half_full(const trace_log *l)
{
    for (unsigned k = LAYOUT_EDGE; k <= LAYOUT_CLOCK; k++)
        if (l->lanes[k].cap && l->lanes[k].n[l->half] >= l->lanes[k].cap / 2)
            return true;
    return false;
}

static void *writer(void *arg)
{
    trace_log *l = arg;
    bool stop = false;

    while (!stop) {
        int64_t due = clock_mono_ns() + WRITE_NS;
        uint64_t asked;

        pthread_mutex_lock(&l->lock);
        while (!l->stop && l->asked == l->flushed && !half_full(l) &&
               clock_cond_wait(&l->wake, &l->lock, due))
            ;
        stop = l->stop;
        asked = l->asked;
        pthread_mutex_unlock(&l->lock);
        write_all(l);
        pthread_mutex_lock(&l->lock);
        l->flushed = asked;
        pthread_cond_broadcast(&l->done);
        pthread_mutex_unlock(&l->lock);
    }
    segment(l, (layout_segment){.kind = LAYOUT_END}, NULL);
    return NULL;
}

void trace_log_flush(trace_log *l)
{
    uint64_t mine;

    pthread_mutex_lock(&l->lock);
    mine = ++l->asked;
    pthread_cond_signal(&l->wake);
    while (l->flushed < mine)
        pthread_cond_wait(&l->done, &l->lock);
    pthread_mutex_unlock(&l->lock);
}

/* --- the service's clock --- */

/* The answer with the shortest round trip says most. */
static bool measure(const trace_log *l, trace_clock *best)
{
    pe_error e = {0};
    bool any = false;

    for (int i = 0; i < ASK_TIMES; i++) {
        int64_t from = clock_mono_ns(), real = clock_real_ns(), there, trip;

        if (l->w.ask(l->w.arg, &there, &e) < 0)
            return any;
        trip = clock_mono_ns() - from;
        if (any && (trip + 1) / 2 >= best->bound_ns)
            continue;
        /* Redis tells whole microseconds. */
        *best = (trace_clock){.time_ns = real,
                              .offset_ns = there - (real + trip / 2),
                              .bound_ns = (trip + 1) / 2 + CLOCK_US};
        any = true;
    }
    return any;
}

static void *asker(void *arg)
{
    trace_log *l = arg;
    bool stop = false;

    while (!stop) {
        int64_t due = clock_mono_ns() + ASK_NS;
        trace_clock c;

        if (measure(l, &c))
            trace_log_add(l, LAYOUT_CLOCK, &c);
        pthread_mutex_lock(&l->lock);
        while (!l->stop && clock_cond_wait(&l->done, &l->lock, due))
            ;
        stop = l->stop;
        pthread_mutex_unlock(&l->lock);
    }
    return NULL;
}

/* --- opening --- */

static void say(char *to, size_t cap, const char *words)
{
    snprintf(to, cap, "%s", words ? words : "");
}

static void make_head(trace_log *l)
{
    const trace_writer *w = &l->w;
    layout_head *h = &l->head;

    *h = (layout_head){.pid = getpid(),
                       .rank = w->rank,
                       .ranks = w->ranks,
                       .layer = w->layer,
                       .world = w->world,
                       .start_ns = clock_real_ns()};
    say(h->kind, sizeof(h->kind), w->kind);
    say(h->run, sizeof(h->run), w->run);
    say(h->pilot, sizeof(h->pilot), w->pilot);
    say(h->member, sizeof(h->member), w->member);
    if (gethostname(h->host, sizeof(h->host) - 1) < 0)
        say(h->host, sizeof(h->host), "unknown");
    layout_head_seal(h);
}

static int make_names(trace_log *l, pe_error *errp)
{
    l->folder = text_format("%s/trace", l->w.folder);
    l->stem = text_format("%s/%s.%d", l->folder ? l->folder : "", l->w.member,
                          l->w.rank);
    return l->folder && l->stem ? 0 : pe_error_nomem(errp);
}

static int start_threads(trace_log *l, pe_error *errp)
{
    l->writes = pthread_create(&l->writer, NULL, writer, l) == 0;
    if (l->writes && l->w.ask)
        l->asks = pthread_create(&l->asker, NULL, asker, l) == 0;
    if (l->writes && (!l->w.ask || l->asks))
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                        "a thread cannot be started");
}

trace_log *trace_log_open(const trace_writer *w, pe_error *errp)
{
    trace_log *l = calloc(1, sizeof(*l));

    if (!l) {
        pe_error_nomem(errp);
        return NULL;
    }
    l->fd = -1;
    l->w = *w;
    pthread_mutex_init(&l->lock, NULL);
    clock_cond_init(&l->wake);
    clock_cond_init(&l->done);
    make_head(l);
    if (lanes_init(l, errp) == 0 && make_names(l, errp) == 0) {
        begin_if_due(l);
        if (start_threads(l, errp) == 0)
            return l;
    }
    trace_log_close(l);
    return NULL;
}

void trace_log_close(trace_log *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->wake);
    pthread_cond_broadcast(&l->done);
    pthread_mutex_unlock(&l->lock);
    if (l->asks)
        pthread_join(l->asker, NULL);
    if (l->writes)
        pthread_join(l->writer, NULL);
    if (l->fd >= 0)
        close(l->fd);
    for (unsigned k = 0; k < LAYOUT_KINDS; k++)
        for (int h = 0; h < 2; h++)
            free(l->lanes[k].at[h]);
    names_free(&l->names);
    pthread_cond_destroy(&l->wake);
    pthread_cond_destroy(&l->done);
    pthread_mutex_destroy(&l->lock);
    free(l->path);
    free(l->folder);
    free(l->stem);
    free(l);
}
