/* log.h - lines for people; the program says where they go. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <pilot/error.h>

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG
};

typedef void (*log_write_f)(void *arg, enum log_level level, const char *line);

/* Set once by main(), before threads start.  Until then lines are dropped:
 * libraries never print by themselves.
 */
void log_init(log_write_f write, void *arg, enum log_level max);

/* Drop what is above [max] from now on; returns what the limit was. */
enum log_level log_limit(enum log_level max);

/* A log_write_f that prints "ARG: line" to stderr, [arg] being a program
 * name.  CR, LF, ESC and other controls of remote text become blanks.
 */
void log_write_stderr(void *arg, enum log_level level, const char *line);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Say [e], with which a program ends; returns its exit status. */
int log_failure(const pe_error *e);

#endif
