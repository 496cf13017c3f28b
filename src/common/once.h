/* once.h - what can be read once only, kept so that it can be read again. */
#ifndef COMMON_ONCE_H
#define COMMON_ONCE_H

#include <stddef.h>

#include <pilot/error.h>

/* One of them; its content lies in a file without a name, which is gone with
 * this process.
 */
typedef struct once {
    int fd;
    char *file; /* by which it can be read, also by our children ... */
    char *path; /* ..., and the part of it that was asked for */
    char *name; /* what people call it: "stdin", or the name of a pipe */
} once;

typedef struct onces {
    once *s;
    size_t n;
} onces;

/* What is to be read where somebody has said [path], as long as [l] is: [path]
 * itself, or, where that is a pipe or standard input ("-", /dev/stdin), a copy
 * of all that comes out of it.  Behind a colon may stand a part of the file,
 * which stays.  A pipe that nobody writes into yet is told and waited for.  The
 * copy is made in TMPDIR (/tmp), and leaves a twentieth of that free.  Errors:
 * input, 65: it is a terminal, a device or a socket, or is closed; 73: there is
 * no room for it.
 */
const char *onces_take(onces *l, const char *path, pe_error *errp);
void onces_free(onces *l);

/* [line] with the names of what was copied in the place of where it lies, new
 * memory; NULL: there is none.
 */
char *onces_words(const onces *l, const char *line);
/* The same for an error (may be NULL). */
void onces_error(const onces *l, pe_error *e);

#endif
