/* error.h - the one error type: text for people, a class for callers. */
#ifndef PILOT_ERROR_H
#define PILOT_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Project-wide convention: a function that can fail returns -1 or NULL and
 * fills the caller's pe_error, which may be NULL.  On failure nothing has
 * changed that the caller can see, unless the function's comment says so.
 */

/* What a caller can do about an error. */
enum pe_error_class {
    PE_ERROR_NONE,  /* no error */
    PE_ERROR_RETRY, /* the same call may succeed later */
    PE_ERROR_INPUT, /* this input will never be accepted */
    PE_ERROR_FATAL, /* the operation cannot go on */
};

/* Exit status a program ends with when the error reaches its user
 * (sysexits(3) where there is a word for it).
 */
enum pe_exit {
    PE_EXIT_OK = 0,
    PE_EXIT_FAILED = 1,       /* the run or pilot failed */
    PE_EXIT_USAGE = 64,       /* command line */
    PE_EXIT_DATA = 65,        /* bad input data */
    PE_EXIT_UNAVAILABLE = 69, /* scheduler, broker or Redis unreachable */
    PE_EXIT_CREATE = 73,      /* a file or directory cannot be made */
    PE_EXIT_AGAIN = 75,       /* try again */
    PE_EXIT_PERMISSION = 77,
    PE_EXIT_CONFIG = 78, /* pipeline file or environment */
    PE_EXIT_TIMEOUT = 124,
};

typedef struct pe_error {
    enum pe_error_class kind;
    enum pe_exit exit_code;
    char text[1024]; /* one sentence: what, where, the fix; no newline */
} pe_error;

/* Fill [errp] (may be NULL).  Text that is too long is cut.  errno is kept.
 * Returns -1, so that a caller may write `return pe_error_set(...)`.
 */
int pe_error_set(pe_error *errp, enum pe_error_class kind,
                 enum pe_exit exit_code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Put "PREFIX: " before the text of [errp] (may be NULL); class and exit
 * status stay.  Returns -1.
 */
int pe_error_prefix(pe_error *errp, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Out of memory, as an error.  Returns -1. */
int pe_error_nomem(pe_error *errp);

#ifdef __cplusplus
}
#endif
#endif
