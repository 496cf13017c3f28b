/* talk.c - a Python that holds the object of a model, over two pipes.
 *
 * A question is a word of 32 bytes, and the numbers of a block or the bytes of
 * a state; an answer is a word, and scores, a state, or a reason.  What it
 * prints goes where our own standard error goes.
 */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/process.h"
#include "src/common/text.h"

enum {
    GRACE_MS = 2000,      /* from TERM to KILL */
    LEAVE_MS = 1000,      /* from the end of its output to its own */
    PIPE_BYTES = 1 << 20, /* a block at once, where the system grants it */
    DONE = 1,
    REFUSES = 2,
};

/* Silence is no death, which might have been another's doing. */
#define LATE "gave no answer in time"

#define MAGIC "\x93PILOT\2\n"

struct word {
    char magic[8];
    uint32_t kind, element;
    uint64_t rows, columns; /* of an answer: bytes that follow, and 1 where the
                               object may have changed */
};

/* Programs stay until the process ends, whose pipes are their end, too. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static talk *talks;

static bool same(const char *a, const char *b)
{
    return !strcmp(a ? a : "", b ? b : "");
}

static const char *option_of(const pe_options *o, const char *name)
{
    return pe_options_has(o, name) ? pe_options_string(o, name) : NULL;
}

static char *copy(const char *s, bool *failedp)
{
    char *c = s ? strdup(s) : NULL;

    *failedp = *failedp || (s && !c);
    return c;
}

static talk *talk_create(const pe_options *o, bool learns)
{
    talk *t = calloc(1, sizeof(*t));
    bool failed = false;

    if (!t)
        return NULL;
    t->learns = learns;
    t->object = copy(option_of(o, "object"), &failed);
    t->python = copy(option_of(o, "python"), &failed);
    t->folder = copy(option_of(o, "folder"), &failed);
    t->limit_s = pe_options_time(o, "limit");
    t->most = (size_t)pe_options_size(o, "most");
    if (!failed)
        return t;
    free(t->object);
    free(t->python);
    free(t->folder);
    free(t);
    return NULL;
}

talk *talk_take(const pe_options *o, bool learns, pe_error *errp)
{
    talk *t;

    pthread_mutex_lock(&lock);
    for (t = talks; t; t = t->next)
        if (t->learns == learns && same(t->object, option_of(o, "object")) &&
            same(t->python, option_of(o, "python")) &&
            same(t->folder, option_of(o, "folder")))
            break;
    if (!t && (t = talk_create(o, learns))) {
        t->next = talks;
        talks = t;
    }
    if (t)
        return t;
    pthread_mutex_unlock(&lock);
    pe_error_nomem(errp);
    return NULL;
}

void talk_drop(talk *t)
{
    (void)t;
    pthread_mutex_unlock(&lock);
}

/* --- its beginning and its end --- */

static int start(talk *t, pe_error *errp)
{
    char *most = text_format("PILOT_MOST=%zu", t->most);
    const char *argv[] = {t->python, "-m",      "pilot_edge",
                          "learner", t->object, NULL};
    const char *env[] = {most, NULL};
    const process_spec s = {.argv = argv,
                            .env = env,
                            .folder = t->folder,
                            .in_pipe = true,
                            .new_group = true,
                            .no_rank = true};

    t->known = false;
    t->process = most ? process_start(&s, errp) : NULL;
    if (!most)
        pe_error_nomem(errp);
    free(most);
    if (!t->process) {
        if (errp)
            errp->kind = PE_ERROR_FATAL; /* no block is to blame */
        return -1;
    }
    fcntl(process_fd(t->process), F_SETPIPE_SZ, PIPE_BYTES);
    fcntl(process_in_fd(t->process), F_SETPIPE_SZ, PIPE_BYTES);
    return 0;
}

/* It is of no use any more, for [what] it did. */
static enum talk_step died(talk *t, const char *what, pe_error *errp)
{
    char status[64] = "";

    if (process_over(t->process, LEAVE_MS)) {
        process_end_group(t->process, 0);
        process_status_words(process_status(t->process), status);
    } else {
        process_end_group(t->process, GRACE_MS);
    }
    process_release(t->process);
    t->process = NULL;
    t->known = false;
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "the Python of %.100s %s%s%s", t->object, what,
                 *status ? ": it " : "", status);
    return strcmp(what, LATE) ? TALK_DIED : TALK_REFUSES;
}

/* --- questions and answers --- */

/* What is still to go out, or to come in. */
struct way {
    const unsigned char *out[2];
    size_t out_len[2];
    unsigned char *in;
    size_t in_len;
};

static ssize_t way_out(const talk *t, struct way *w)
{
    int i = w->out_len[0] ? 0 : 1;
    ssize_t n = write(process_in_fd(t->process), w->out[i], w->out_len[i]);

    if (n > 0) {
        w->out[i] += n;
        w->out_len[i] -= (size_t)n;
    }
    return n;
}

static ssize_t way_in(const talk *t, struct way *w)
{
    ssize_t n = read(process_fd(t->process), w->in, w->in_len);

    if (n > 0) {
        w->in += n;
        w->in_len -= (size_t)n;
    }
    return n;
}

/* All of [w], until [until_ns]; the answer may begin when the question has not
 * gone out whole, for a program that dies reads no more.
 */
static const char *go(talk *t, struct way *w, int64_t until_ns)
{
    while (w->out_len[0] + w->out_len[1] > 0 || w->in_len > 0) {
        bool writes = w->out_len[0] + w->out_len[1] > 0;
        struct pollfd fds[2] = {
            {.fd = w->in_len ? process_fd(t->process) : -1, .events = POLLIN},
            {.fd = writes ? process_in_fd(t->process) : -1, .events = POLLOUT}};
        int64_t left = until_ns - clock_mono_ns();
        ssize_t n = -1;

        if (left <= 0)
            return LATE;
        poll(fds, 2,
             (int)(left / CLOCK_MS < 1000 ? left / CLOCK_MS + 1 : 1000));
        errno = EAGAIN;
        if (fds[0].revents)
            n = way_in(t, w);
        if (n == 0)
            return "has ended";
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return "cannot be read";
        errno = EAGAIN;
        if (fds[1].revents && way_out(t, w) < 0 && errno != EAGAIN &&
            errno != EINTR)
            return "takes nothing more";
    }
    return NULL;
}

static struct word word_of(const talk_question *q)
{
    struct word w = {.kind = q->verb, .rows = q->len};

    memcpy(w.magic, MAGIC, sizeof(w.magic));
    if (q->b) {
        w.element = q->b->dtype == PE_F8 ? 8 : 4;
        w.rows = q->b->points;
        w.columns = q->b->features;
    }
    return w;
}

/* What follows the word [w] into [answer]. */
static enum talk_step take(talk *t, const struct word *w, int64_t until_ns,
                           pe_buffer *answer, pe_error *errp)
{
    struct way way = {.in_len = (size_t)w->rows};
    const char *why;
    char shown[400];

    answer->len = 0;
    if (memcmp(w->magic, MAGIC, sizeof(w->magic)) != 0 ||
        (w->kind != DONE && w->kind != REFUSES)) {
        text_shown(w, sizeof(*w), shown, 64);
        return died(t, "answered with what is no word of ours", errp);
    }
    if (w->rows > t->most + 4096)
        return died(t, "answered with more bytes than 'most' allows", errp);
    if (pe_buffer_reserve(answer, (size_t)w->rows + 1, errp) < 0)
        return died(t, "gave an answer for which there is no memory", errp);
    way.in = answer->data;
    why = go(t, &way, until_ns);
    if (why)
        return died(t, why, errp);
    answer->len = (size_t)w->rows;
    if (w->kind == DONE)
        return TALK_DONE;
    text_shown(answer->data, answer->len, shown, sizeof(shown));
    if (w->columns)
        t->known = false;
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%.100s: %s", t->object,
                 shown);
    return TALK_REFUSES;
}

enum talk_step talk_ask(talk *t, const talk_question *q, pe_buffer *answer,
                        pe_error *errp)
{
    int64_t until = clock_mono_ns() + (int64_t)(t->limit_s * 1e9);
    struct word w = word_of(q), got;
    struct way way = {
        .out = {(const unsigned char *)&w,
                q->b ? q->b->data : (const unsigned char *)q->data},
        .out_len = {sizeof(w), q->b ? pe_block_bytes(q->b) : q->len},
        .in = (unsigned char *)&got,
        .in_len = sizeof(got)};
    const char *why;

    if (!t->process && start(t, errp) < 0)
        return TALK_DIED;
    why = go(t, &way, until);
    if (why)
        return died(t, why, errp);
    return take(t, &got, until, answer, errp);
}
