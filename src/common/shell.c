/* shell.c - words of a POSIX shell: quoting, and what needs none. */
#include "shell.h"

#include <ctype.h>
#include <string.h>

bool shell_is_plain(const char *s)
{
    if (!*s)
        return false;
    for (; *s; s++)
        if ((unsigned char)*s > 127 ||
            (!isalnum((unsigned char)*s) && !strchr("_-./:,+@%=", *s)))
            return false;
    return true;
}

void shell_add_word(text *t, const char *s)
{
    if (shell_is_plain(s)) {
        text_add(t, "%s", s);
        return;
    }
    text_add(t, "'");
    for (size_t n; *s; s += n) {
        n = strcspn(s, "'");
        text_add_bytes(t, s, n);
        if (s[n] == '\'') {
            text_add(t, "'\\''");
            n++;
        }
    }
    text_add(t, "'");
}

void shell_add_words(text *t, const char *const *argv)
{
    for (size_t i = 0; argv[i]; i++) {
        if (i > 0)
            text_add(t, " ");
        shell_add_word(t, argv[i]);
    }
}
