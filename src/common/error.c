/* error.c - the one error type: text for people, a class for callers. */
#include <pilot/error.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The text is built in memory of its own first: an argument may well be the
 * old text of the same error.
 */
static void text_set(pe_error *errp, const char *text)
{
    size_t len = strlen(text);

    memcpy(errp->text, text, len + 1);
    for (size_t i = 0; i < len; i++)
        if (errp->text[i] == '\n' || errp->text[i] == '\r')
            errp->text[i] = ' ';
}

int pe_error_set(pe_error *errp, enum pe_error_class kind,
                 enum pe_exit exit_code, const char *fmt, ...)
{
    int saved_errno = errno;
    char text[sizeof(errp->text)];
    va_list ap;

    if (!errp)
        return -1;
    va_start(ap, fmt);
    if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
        text[0] = '\0';
    va_end(ap);
    text_set(errp, text);
    errp->kind = kind;
    errp->exit_code = exit_code;
    errno = saved_errno;
    return -1;
}

int pe_error_prefix(pe_error *errp, const char *fmt, ...)
{
    int saved_errno = errno;
    char text[sizeof(errp->text)];
    va_list ap;

    if (!errp)
        return -1;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof(text)) {
        size_t len = (size_t)n;
        size_t left = sizeof(text) - len;
        if (snprintf(text + len, left, ": %s", errp->text) < 0)
            text[len] = '\0';
    }
    if (n >= 0)
        text_set(errp, text);
    errno = saved_errno;
    return -1;
}

int pe_error_nomem(pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED, "out of memory");
}
