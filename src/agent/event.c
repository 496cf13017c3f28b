/* event.c - one JSON object a line: what agents tell who started them. */
#include "event.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/log.h"
#include "src/common/random.h"

#define RS '\x1e' /* jansson escapes it: it is never within an event */
#define READ_BYTES 16384

static const char *const kind_names[] = {
    [PE_ERROR_NONE] = "none",
    [PE_ERROR_RETRY] = "retry",
    [PE_ERROR_INPUT] = "input",
    [PE_ERROR_FATAL] = "fatal",
};

#define N_KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

const char *event_kind_name(enum pe_error_class kind)
{
    return (size_t)kind < N_KINDS ? kind_names[kind] : "fatal";
}

enum pe_error_class event_kind(const char *name)
{
    for (size_t i = 0; name && i < N_KINDS; i++)
        if (!strcmp(name, kind_names[i]))
            return (enum pe_error_class)i;
    return PE_ERROR_FATAL;
}

/* Where events go, and how they begin. */
static int event_fd = STDOUT_FILENO;
static char frame[EVENT_MARK_MAX + 2];
static atomic_bool unheard;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; /* to write a line */

int event_mark_make(char mark[EVENT_MARK_MAX], pe_error *errp)
{
    return random_id(mark, (EVENT_MARK_MAX - 1) / 2, errp);
}

int event_open(const char *mark, pe_error *errp)
{
    static char buffer[BUFSIZ];
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

    fflush(stdout);
    if (fd < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "cannot take standard output for events: %s",
                     strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    /* A killed rank loses no line.  With a buffer of ours: what has printed
     * already keeps the old way with it, from glibc 2.37 on.
     */
    setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
    event_fd = fd;
    if (mark && *mark)
        snprintf(frame, sizeof(frame), "%c%.*s ", RS, EVENT_MARK_MAX - 1, mark);
    return 0;
}

bool event_is_heard(void)
{
    struct pollfd p = {.fd = event_fd};

    return !atomic_load(&unheard) &&
           (poll(&p, 1, 0) <= 0 || !(p.revents & (POLLERR | POLLHUP)));
}

/* A pipe takes a line in one piece as long as it has room. */
static void line_write(const char *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(event_fd, line, len);
        if (n < 0 && errno == EPIPE)
            atomic_store(&unheard, true);
        if (n < 0 && errno != EINTR)
            return;
        if (n > 0) {
            line += n;
            len -= (size_t)n;
        }
    }
}

void event_fault(const char *words, bool noted)
{
    const char *parts[] = {frame, "{\"event\":\"fault\",\"text\":\"", words,
                           noted ? "\",\"noted\":true}\n" : "\"}\n"};
    static char line[2048];
    size_t len = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t n = strlen(parts[i]);
        if (n > sizeof(line) - len)
            return;
        memcpy(line + len, parts[i], n);
        len += n;
    }
    if (write(event_fd, line, len) < 0)
        return; /* nobody hears it any more */
}

void event_print(json_t *o)
{
    const size_t flags =
        JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9);
    const size_t head = strlen(frame), room = EVENT_LINE_MAX - head;
    /* Kept, so that "out of memory" needs little of it. */
    static char line[EVENT_LINE_MAX];
    size_t len;

    pthread_mutex_lock(&turn);
    len = o ? json_dumpb(o, line + head, room, flags) : 0;
    if (len > 0 && len < room) {
        memcpy(line, frame, head);
        line[head + len] = '\n';
        line_write(line, head + len + 1);
    } else {
        log_error("an event of %zu bytes is not printed", len);
    }
    pthread_mutex_unlock(&turn);
    json_decref(o);
}

json_t *event_text(const char *s)
{
    json_t *value = json_string(s);
    char plain[sizeof(((pe_error *)0)->text)];
    size_t n = 0;

    if (value)
        return value;
    for (; s[n] && n + 1 < sizeof(plain); n++)
        plain[n] = (unsigned char)s[n] < 0x80 ? s[n] : '?';
    plain[n] = '\0';
    return json_string(plain);
}

json_t *event_note(const char *pilot, const char *words)
{
    return json_pack("{s:s, s:s, s:o}", "event", "note", "pilot", pilot, "text",
                     event_text(words));
}

void event_error(const char *pilot, const pe_error *e)
{
    event_print(json_pack("{s:s, s:s, s:o, s:s, s:i}", "event", "error",
                          "pilot", pilot, "text", event_text(e->text), "kind",
                          event_kind_name(e->kind), "exit", (int)e->exit_code));
}

void event_int(json_t *o, const char *key, uint64_t v)
{
    json_object_set_new(o, key, json_integer((json_int_t)v));
}

void event_real(json_t *o, const char *key, double v)
{
    json_object_set_new(o, key, json_real(v));
}

json_t *event_latency(const histogram *h)
{
    return json_pack(
        "{s:I, s:f, s:f, s:f, s:f}", "n", (json_int_t)histogram_count(h), "p50",
        histogram_quantile_ms(h, 0.50), "p90", histogram_quantile_ms(h, 0.90),
        "p99", histogram_quantile_ms(h, 0.99), "max", (double)h->max_ns / 1e6);
}

/* The JSON of a line that carries our mark, else NULL. */
static json_t *line_parse(const event_reader *r)
{
    size_t n = strlen(r->mark), head = n + 2;

    if (n == 0 || r->len <= head || r->buf[0] != RS ||
        memcmp(r->buf + 1, r->mark, n) != 0 || r->buf[n + 1] != ' ')
        return NULL;
    return json_loadb(r->buf + head, r->len - head, 0, NULL);
}

static void line_visit(event_reader *r, void (*visit)(void *arg, json_t *o),
                       void (*other)(void *arg, const char *line), void *arg)
{
    json_t *o = line_parse(r);

    if (json_is_object(o))
        visit(arg, o);
    else if (other && r->len > 0)
        other(arg, r->buf + (*r->buf == RS));
    json_decref(o);
    r->len = 0;
}

/* Room for [n] more bytes and a NUL. */
static int reader_reserve(event_reader *r, size_t n)
{
    size_t cap = r->cap ? r->cap : 1024;

    while (cap < r->len + n + 1)
        cap *= 2;
    if (cap == r->cap)
        return 0;
    char *buf = realloc(r->buf, cap);
    if (!buf)
        return -1;
    r->buf = buf;
    r->cap = cap;
    return 0;
}

/* How many of [n] bytes belong to the line that has begun; *wholep: it ends
 * there, by a newline or because an event begins.
 */
static size_t line_part(const event_reader *r, const char *bytes, size_t n,
                        bool *wholep)
{
    size_t most = EVENT_LINE_MAX - r->len, i = 0;

    while (i < n && i < most && bytes[i] != '\n' &&
           (bytes[i] != RS || r->len + i == 0))
        i++;
    *wholep = i == most || (i < n && (bytes[i] == '\n' || bytes[i] == RS));
    return i;
}

int event_feed(event_reader *r, const char *bytes, size_t n,
               void (*visit)(void *arg, json_t *o),
               void (*other)(void *arg, const char *line), void *arg)
{
    while (n > 0) {
        bool whole;
        size_t part = line_part(r, bytes, n, &whole);
        if (reader_reserve(r, part) < 0)
            return -1;
        memcpy(r->buf + r->len, bytes, part);
        r->len += part;
        r->buf[r->len] = '\0';
        if (part < n && bytes[part] == '\n')
            part++;
        bytes += part;
        n -= part;
        if (whole)
            line_visit(r, visit, other, arg);
    }
    return 0;
}

bool event_read(event_reader *r, int fd, size_t max,
                void (*visit)(void *arg, json_t *o),
                void (*other)(void *arg, const char *line), void *arg)
{
    char bytes[READ_BYTES];
    ssize_t n = 1;

    for (size_t all = 0; all < max; all += (size_t)n) {
        n = read(fd, bytes, sizeof(bytes));
        if (n <= 0)
            break;
        /* Without memory this much is lost; the next may find some. */
        event_feed(r, bytes, (size_t)n, visit, other, arg);
    }
    return n != 0;
}

void event_reader_free(event_reader *r)
{
    free(r->buf);
    r->buf = NULL;
    r->len = r->cap = 0;
}
