/* event.c - one JSON object a line: what agents tell `pilot run`. */
#include "event.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/log.h"

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

static atomic_bool unheard;

bool event_is_heard(void)
{
    return !atomic_load(&unheard);
}

/* A pipe takes a line in one piece as long as it has room. */
static void line_write(const char *line, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, line, len);
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

void event_print(json_t *o)
{
    const size_t flags = JSON_COMPACT | JSON_PRESERVE_ORDER;
    char *line = o ? malloc(EVENT_LINE_MAX) : NULL;
    size_t len = line ? json_dumpb(o, line, EVENT_LINE_MAX, flags) : 0;

    if (len > 0 && len < EVENT_LINE_MAX) {
        line[len++] = '\n';
        line_write(line, len);
    } else {
        log_error("an event of %zu bytes is not printed", len);
    }
    free(line);
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

void event_error(const char *pilot, const pe_error *e)
{
    event_print(json_pack("{s:s, s:s, s:o, s:s, s:i}", "event", "error",
                          "pilot", pilot, "text", event_text(e->text), "kind",
                          event_kind_name(e->kind), "exit", (int)e->exit_code));
}

json_t *event_latency(const histogram *h)
{
    return json_pack(
        "{s:I, s:f, s:f, s:f, s:f}", "n", (json_int_t)histogram_count(h), "p50",
        histogram_quantile_ms(h, 0.50), "p90", histogram_quantile_ms(h, 0.90),
        "p99", histogram_quantile_ms(h, 0.99), "max", (double)h->max_ns / 1e6);
}

static void line_visit(char *line, size_t len,
                       void (*visit)(void *arg, json_t *o),
                       void (*other)(void *arg, const char *line), void *arg)
{
    json_t *o = json_loadb(line, len, 0, NULL);

    if (json_is_object(o))
        visit(arg, o);
    else if (other && len > 0)
        other(arg, line);
    json_decref(o);
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

int event_feed(event_reader *r, const char *bytes, size_t n,
               void (*visit)(void *arg, json_t *o),
               void (*other)(void *arg, const char *line), void *arg)
{
    while (n > 0) {
        const char *end = memchr(bytes, '\n', n);
        size_t part = end ? (size_t)(end - bytes) : n;
        if (part > EVENT_LINE_MAX - r->len)
            part = EVENT_LINE_MAX - r->len;
        if (reader_reserve(r, part) < 0)
            return -1;
        memcpy(r->buf + r->len, bytes, part);
        r->len += part;
        r->buf[r->len] = '\0';
        bool whole = end && bytes + part == end;
        bytes += part + whole;
        n -= part + whole;
        if (whole || r->len == EVENT_LINE_MAX) {
            line_visit(r->buf, r->len, visit, other, arg);
            r->len = 0;
        }
    }
    return 0;
}

void event_reader_free(event_reader *r)
{
    free(r->buf);
    memset(r, 0, sizeof(*r));
}
