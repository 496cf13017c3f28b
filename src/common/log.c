/* log.c - lines for people; the program says where they go. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define LINE_MAX_BYTES 2048

static struct {
    log_write_f write;
    void *arg;
    enum log_level max;
} sink;

void log_init(log_write_f write, void *arg, enum log_level max)
{
    sink.write = write;
    sink.arg = arg;
    sink.max = max;
}

enum log_level log_limit(enum log_level max)
{
    enum log_level was = sink.max;

    sink.max = max;
    return was;
}

/* True for the second byte of U+0080 to U+009F in UTF-8: terminals take those
 * as controls too.
 */
static int is_c1_tail(const unsigned char *p)
{
    return p[-1] == 0xc2 && p[0] >= 0x80 && p[0] <= 0x9f;
}

/* Copy [line], cut to [cap], with blanks in place of controls. */
static void line_clean(char *out, size_t cap, const char *line)
{
    size_t i;

    for (i = 0; line[i] && i + 1 < cap; i++) {
        const unsigned char *p = (const unsigned char *)line + i;
        out[i] = (char)*p;
        if (*p < 0x20 || *p == 0x7f)
            out[i] = ' ';
        if (i > 0 && is_c1_tail(p))
            out[i] = out[i - 1] = ' ';
    }
    out[i] = '\0';
}

void log_write_stderr(void *arg, enum log_level level, const char *line)
{
    char clean[LINE_MAX_BYTES];

    (void)level;
    line_clean(clean, sizeof(clean), line);
    fprintf(stderr, "%s: %s\n", arg ? (const char *)arg : "pilot", clean);
}

__attribute__((format(printf, 2, 0))) static void
log_line(enum log_level level, const char *fmt, va_list ap)
{
    int saved_errno = errno;
    char line[LINE_MAX_BYTES];

    if (sink.write && level <= sink.max) {
        if (vsnprintf(line, sizeof(line), fmt, ap) >= 0)
            sink.write(sink.arg, level, line);
    }
    errno = saved_errno;
}

void log_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_line(LOG_LEVEL_ERROR, fmt, ap);
    va_end(ap);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_line(LOG_LEVEL_WARN, fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_line(LOG_LEVEL_INFO, fmt, ap);
    va_end(ap);
}

void log_debug(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_line(LOG_LEVEL_DEBUG, fmt, ap);
    va_end(ap);
}

int log_failure(const pe_error *e)
{
    log_error("%s", e->text);
    return e->exit_code ? (int)e->exit_code : PE_EXIT_FAILED;
}
