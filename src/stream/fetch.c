/* fetch.c - reads streams of a Redis ahead, in a thread.
 *
 * Each request asks what the topic is now, where its partitions end, and for
 * entries, waiting for some up to 100 ms.
 */
#include "src/stream/fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/common/clock.h"

#define BLOCK_MS "100"
#define ANSWER_BYTES (UINT64_C(8) << 20)
#define COUNT_MAX 1000
#define AWAY_NS (100 * CLOCK_MS)

/* A partition that is read. */
typedef struct place {
    int32_t partition;
    int64_t next; /* to be asked for */
    int64_t want; /* what the reader wants: behind a record to be looked at */
    int64_t end;  /* -1: not known */
    bool told;    /* that it ends in front of what is wanted */
} place;

struct fetcher {
    stream_server server;
    const char *topic; /* borrowed */
    uint64_t answer_bytes, held_bytes;
    int fd;
    pthread_t thread;
    bool started;
    atomic_bool shaken;
    atomic_int partitions; /* of the topic; 0: not known */
    /* The thread's. */
    char id[sizeof(((stream_topic *)0)->id)];
    uint64_t largest;     /* of the records of the newest answers */
    size_t count;         /* entries asked for of each partition */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;  /* of the thread */
    pthread_cond_t arrived;
    bool stop;
    uint64_t generation; /* of the assignment */
    place *places;
    size_t n;
    fetched *first, **last;
    uint64_t bytes; /* of these */
    bool broken;
    pe_error error;
    redis_args note;
};

/* --- what is asked --- */

/* Entries of each partition, by how large those of before were: what is not
 * known yet is asked for one at a time.
 */
static size_t next_count(const fetcher *f, size_t n)
{
    uint64_t fit = f->largest ? f->answer_bytes / (f->largest * n) : 1;
    uint64_t grown = 4 * (uint64_t)f->count;

    fit = fit < grown ? fit : grown;
    fit = fit < COUNT_MAX ? fit : COUNT_MAX;
    return fit > 0 ? (size_t)fit : 1;
}

static void ask_ends(redis_args *a, const fetcher *f, const place *p, size_t n)
{
    redis_args_addf(a, "HMGET");
    stream_key(a, f->topic, ":ends");
    for (size_t i = 0; i < n; i++)
        redis_args_addf(a, "%" PRId32, p[i].partition);
}

/* Entries behind the one in front of each place: its ID is the offset of the
 * one that is wanted.
 */
static void ask_entries(redis_args *a, const fetcher *f, const place *p,
                        size_t n)
{
    redis_args_addf(a, "XREAD");
    redis_args_addf(a, "COUNT");
    redis_args_addf(a, "%zu", f->count);
    redis_args_addf(a, "BLOCK");
    redis_args_addf(a, BLOCK_MS);
    redis_args_addf(a, "STREAMS");
    for (size_t i = 0; i < n; i++)
        stream_key_part(a, f->topic, p[i].partition, "");
    for (size_t i = 0; i < n; i++)
        redis_args_addf(a, "%" PRId64 "-0", p[i].next);
}

enum { ASK_TOPIC, ASK_ENDS, ASK_ENTRIES, ASK_NOTE, ASKED };

/* One request; [r] has ASKED replies.  [note] may have no words. */
static int ask(fetcher *f, const place *p, size_t n, redis_args *note,
               redisReply **r, pe_error *errp)
{
    redis_args a[ASK_NOTE] = {{0}};
    redis_command cmds[ASKED];
    int rc = 0;

    memset(r, 0, ASKED * sizeof(*r));
    stream_topic_ask(&a[ASK_TOPIC], f->topic);
    ask_ends(&a[ASK_ENDS], f, p, n);
    ask_entries(&a[ASK_ENTRIES], f, p, n);
    for (int i = 0; i < ASK_NOTE; i++) {
        cmds[i] = (redis_command){a[i].n, a[i].argv, a[i].lens};
        rc = a[i].failed ? pe_error_nomem(errp) : rc;
    }
    cmds[ASK_NOTE] = (redis_command){note->n, note->argv, note->lens};
    if (rc == 0 && !f->server.link->ctx)
        rc = redis_link_connect(f->server.link, errp);
    if (rc == 0)
        rc = redis_link_try(f->server.link, cmds, note->n ? ASKED : ASK_NOTE, r,
                            errp);
    for (int i = 0; i < ASK_NOTE; i++)
        redis_args_free(&a[i]);
    return rc;
}

/* --- what is answered --- */

static size_t entry_bytes(const redisReply *entry)
{
    size_t n = 0;

    for (size_t i = 0; i < entry->element[1]->elements; i++)
        n += entry->element[1]->element[i]->len;
    return n;
}

static bool is_entry(const redisReply *e)
{
    return e->type == REDIS_REPLY_ARRAY && e->elements == 2 &&
           e->element[0]->type == REDIS_REPLY_STRING &&
           e->element[1]->type == REDIS_REPLY_ARRAY;
}

/* Under the lock: [entry] may be NULL; it is taken in any case. */
static void push(fetcher *f, int32_t partition, int64_t offset,
                 redisReply *entry)
{
    fetched *q = calloc(1, sizeof(*q));

    if (!q) {
        fetched_free(entry);
        f->broken = true;
        pe_error_nomem(&f->error);
        return;
    }
    q->entry = entry;
    q->partition = partition;
    q->offset = offset;
    q->bytes = entry ? entry_bytes(entry) : 0;
    f->bytes += q->bytes;
    *f->last = q;
    f->last = &q->next;
}

/* Under the lock: the entries of one stream. */
static void take_stream(fetcher *f, const redisReply *stream)
{
    const char *tail = strrchr(stream->element[0]->str, ':');
    long partition = tail ? strtol(tail + 1, NULL, 10) : -1;
    redisReply *list = stream->element[1];
    place *p = NULL;

    for (size_t i = 0; i < f->n; i++)
        if (f->places[i].partition == partition)
            p = &f->places[i];
    for (size_t i = 0; p && i < list->elements; i++) {
        redisReply *e = list->element[i];
        int64_t offset;

        if (!is_entry(e))
            continue;
        offset = strtoll(e->element[0]->str, NULL, 10) - 1;
        f->largest = entry_bytes(e) > f->largest ? entry_bytes(e) : f->largest;
        list->element[i] = NULL; /* ours */
        push(f, p->partition, offset, e);
        p->next = offset + 1;
    }
}

/* Under the lock. */
static void take_ends(fetcher *f, const redisReply *r, const stream_topic *t)
{
    for (size_t i = 0; i < f->n && i < r->elements; i++) {
        place *p = &f->places[i];
        const redisReply *end = r->element[i];

        if (p->partition >= t->partitions)
            continue;
        p->end =
            end->type == REDIS_REPLY_STRING ? strtoll(end->str, NULL, 10) : 0;
        if (p->want > p->end && !p->told) {
            p->told = true;
            push(f, p->partition, p->want, NULL);
        }
    }
}

static int refused(fetcher *f, redisReply **r, pe_error *errp)
{
    for (int i = 0; i < ASK_NOTE; i++)
        if (r[i]->type == REDIS_REPLY_ERROR)
            return redis_refusal_set(errp, f->server.endpoint, r[i]->str, 0);
    return 0;
}

/* Under the lock. */
static void take(fetcher *f, redisReply **r)
{
    const redisReply *streams = r[ASK_ENTRIES];
    const fetched *had = f->first;
    stream_topic t;
    uint64_t one = 1;

    stream_topic_take(r[ASK_TOPIC], &t);
    if (t.partitions == 0)
        return; /* it is waited for */
    atomic_store(&f->partitions, (int)t.partitions);
    if (*f->id && strcmp(f->id, t.id) != 0)
        atomic_store(&f->shaken, true);
    snprintf(f->id, sizeof(f->id), "%s", t.id);
    take_ends(f, r[ASK_ENDS], &t);
    if (streams->type == REDIS_REPLY_ARRAY && streams->elements > 0) {
        f->largest /= 2;
        for (size_t i = 0; i < streams->elements; i++)
            if (is_entry(streams->element[i]))
                take_stream(f, streams->element[i]);
    }
    for (size_t i = 0; i < f->n; i++)
        if (f->places[i].next > f->places[i].want)
            f->places[i].want = f->places[i].next;
    if (!had && f->first) {
        ssize_t put = write(f->fd, &one, sizeof(one));

        (void)put; /* it is readable already */
        pthread_cond_signal(&f->arrived);
    }
}

/* --- the thread --- */

static void rest(fetcher *f, int64_t ns)
{
    struct timespec until;
    int64_t at = clock_real_ns() + ns;

    until.tv_sec = (time_t)(at / CLOCK_S);
    until.tv_nsec = (long)(at % CLOCK_S);
    if (!f->stop)
        pthread_cond_timedwait(&f->wake, &f->lock, &until);
}

/* Under the lock: a request that came to nothing. */
static void failed(fetcher *f, const pe_error *e, unsigned *tries)
{
    if (e->kind != PE_ERROR_RETRY) {
        uint64_t one = 1;
        ssize_t put = write(f->fd, &one, sizeof(one));

        (void)put;
        f->broken = true;
        f->error = *e;
        pthread_cond_signal(&f->arrived);
        return;
    }
    atomic_store(&f->shaken, true);
    if (f->stop) /* we cut it ourselves */
        return;
    stream_gone(&f->server, e);
    rest(f, redis_backoff_ns((*tries)++));
}

/* Under the lock, which is let go while the server is asked. */
static void read_once(fetcher *f, unsigned *tries)
{
    size_t n = f->n;
    place *p = calloc(n, sizeof(*p));
    uint64_t generation = f->generation;
    redis_args note = f->note;
    redisReply *r[ASKED];
    int64_t from = clock_mono_ns();
    pe_error e = {0};
    int rc;

    f->note = (redis_args){0};
    f->count = next_count(f, n);
    if (p)
        memcpy(p, f->places, n * sizeof(*p));
    pthread_mutex_unlock(&f->lock);
    rc = p ? ask(f, p, n, &note, r, &e) : pe_error_nomem(&e);
    if (rc == 0 && refused(f, r, &e) < 0) {
        redis_replies_free(r, ASKED);
        rc = -1;
    }
    free(p);
    redis_args_free(&note);
    pthread_mutex_lock(&f->lock);
    if (rc < 0) {
        failed(f, &e, tries);
        return;
    }
    *tries = 0;
    stream_back(&f->server);
    stream_answered(&f->server, (clock_mono_ns() - from) / CLOCK_US, 0);
    if (generation == f->generation)
        take(f, r);
    redis_replies_free(r, ASKED);
}

static void *run(void *arg)
{
    fetcher *f = arg;
    unsigned tries = 0;

    pthread_mutex_lock(&f->lock);
    while (!f->stop) {
        if (f->broken || f->n == 0 || (f->first && f->bytes >= f->held_bytes))
            pthread_cond_wait(&f->wake, &f->lock);
        else
            read_once(f, &tries);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* --- open and close --- */

/* Half for an answer, half for what is held when it is asked for. */
static void set_sizes(fetcher *f, const broker_consumer_conf *c)
{
    uint64_t half = c->queue_bytes / 2;

    f->answer_bytes = half < ANSWER_BYTES ? half : ANSWER_BYTES;
    f->held_bytes = half > 0 ? half : 1;
    f->count = 1;
}

fetcher *fetcher_open(const broker_consumer_conf *c, const char *topic,
                      pe_error *errp)
{
    fetcher *f = calloc(1, sizeof(*f));

    if (!f) {
        pe_error_nomem(errp);
        return NULL;
    }
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->wake, NULL);
    pthread_cond_init(&f->arrived, NULL);
    atomic_init(&f->shaken, false);
    atomic_init(&f->partitions, 0);
    f->topic = topic;
    f->last = &f->first;
    set_sizes(f, c);
    f->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (stream_open(&f->server, &c->broker, NULL, NULL, errp) < 0 ||
        stream_contact(&f->server, errp) < 0)
        goto error;
    if (f->fd < 0) {
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "no event descriptor for topic %s: raise `ulimit -n`",
                     topic);
        goto error;
    }
    if (pthread_create(&f->thread, NULL, run, f)) {
        pe_error_nomem(errp);
        goto error;
    }
    f->started = true;
    return f;
error:
    fetcher_close(f);
    return NULL;
}

static void drop_all(fetcher *f)
{
    while (f->first) {
        fetched *q = f->first;

        f->first = q->next;
        fetched_free(q->entry);
        free(q);
    }
    f->last = &f->first;
    f->bytes = 0;
}

void fetcher_close(fetcher *f)
{
    if (!f)
        return;
    if (f->started) {
        pthread_mutex_lock(&f->lock);
        f->stop = true;
        pthread_cond_signal(&f->wake);
        pthread_mutex_unlock(&f->lock);
        redis_link_cut(f->server.link);
        pthread_join(f->thread, NULL);
    }
    drop_all(f);
    redis_args_free(&f->note);
    stream_close(&f->server);
    if (f->fd >= 0)
        close(f->fd);
    pthread_cond_destroy(&f->wake);
    pthread_cond_destroy(&f->arrived);
    pthread_mutex_destroy(&f->lock);
    free(f->places);
    free(f);
}

/* --- the reader --- */

int fetcher_assign(fetcher *f, const broker_position *p, size_t n,
                   pe_error *errp)
{
    place *places = calloc(n + 1, sizeof(*places));

    if (!places)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++)
        places[i] = (place){.partition = p[i].partition,
                            .next = p[i].offset - (p[i].mark && p[i].offset),
                            .want = p[i].offset,
                            .end = -1};
    pthread_mutex_lock(&f->lock);
    free(f->places);
    f->places = places;
    f->n = n;
    f->generation++;
    f->largest = 0;
    f->count = 1;
    drop_all(f);
    atomic_store(&f->shaken, false);
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
    return 0;
}

bool fetcher_shaken(fetcher *f)
{
    return atomic_load(&f->shaken);
}

int fetcher_partitions(const fetcher *f)
{
    return atomic_load(&f->partitions);
}

/* Under the lock. */
static void wait_arrived(fetcher *f, int64_t ns)
{
    struct timespec until;
    int64_t at = clock_real_ns() + ns;

    until.tv_sec = (time_t)(at / CLOCK_S);
    until.tv_nsec = (long)(at % CLOCK_S);
    pthread_cond_timedwait(&f->arrived, &f->lock, &until);
}

int fetcher_next(fetcher *f, int64_t limit_ns, fetched *out, pe_error *errp)
{
    fetched *q;
    int64_t left;
    int rc = 0;

    pthread_mutex_lock(&f->lock);
    while (!f->first && !f->broken && (left = limit_ns - clock_mono_ns()) > 0)
        wait_arrived(f, left);
    q = f->first;
    if (q) {
        f->first = q->next;
        if (!f->first)
            f->last = &f->first;
        f->bytes -= q->bytes;
        if (f->bytes < f->held_bytes)
            pthread_cond_signal(&f->wake);
        *out = *q;
        free(q);
        rc = 1;
    } else if (f->broken) {
        rc = pe_error_set(errp, f->error.kind, f->error.exit_code, "%s",
                          f->error.text);
    }
    pthread_mutex_unlock(&f->lock);
    return rc;
}

bool fetcher_is_away(const fetcher *f, char *out, size_t cap)
{
    return stream_is_away(&f->server, out, cap);
}

void fetcher_answers(const fetcher *f, broker_answers *out)
{
    stream_answers(&f->server, out);
}

int fetcher_fd(const fetcher *f)
{
    return f->fd;
}

void fetcher_fd_clear(const fetcher *f)
{
    uint64_t count;
    ssize_t got = read(f->fd, &count, sizeof(count));

    (void)got; /* nothing there: cleared before */
}

int64_t fetcher_high(fetcher *f, int32_t partition)
{
    int64_t end = -1;

    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->n; i++)
        if (f->places[i].partition == partition)
            end = f->places[i].end > f->places[i].next ? f->places[i].end
                                                       : f->places[i].next;
    pthread_mutex_unlock(&f->lock);
    return end;
}

void fetcher_note(fetcher *f, const char *group, const broker_position *p,
                  size_t n)
{
    redis_args a = {0};

    if (n == 0)
        return;
    redis_args_addf(&a, "HSET");
    stream_key(&a, f->topic, ":notes");
    for (size_t i = 0; i < n; i++) {
        redis_args_addf(&a, "%s/%" PRId32, group, p[i].partition);
        redis_args_addf(&a, "%" PRId64, p[i].offset);
    }
    pthread_mutex_lock(&f->lock);
    redis_args_free(&f->note);
    if (a.failed)
        redis_args_free(&a);
    f->note = a;
    pthread_mutex_unlock(&f->lock);
}
