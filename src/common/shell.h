/* shell.h - words of a POSIX shell: quoting, and what needs none. */
#ifndef COMMON_SHELL_H
#define COMMON_SHELL_H

#include <stdbool.h>

#include "src/common/text.h"

/* Does the shell take [s] as one word that means itself? */
bool shell_is_plain(const char *s);

/* Append [s] as one word: as it stands when it is plain, else between single
 * quotes.  Bytes are kept, newlines too; NUL cannot be in it.
 */
void shell_add_word(text *t, const char *s);

/* Append the NULL-ended [argv] as a command line, blanks between words. */
void shell_add_words(text *t, const char *const *argv);

#endif
