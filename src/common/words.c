/* words.c - lists of words that grow, NULL-ended: command lines, environments.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

size_t words_count(char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

int words_add(char ***listp, char *word, pe_error *errp)
{
    size_t n = words_count(*listp);
    char **list = word ? realloc(*listp, (n + 2) * sizeof(*list)) : NULL;

    if (!list) {
        free(word);
        return pe_error_nomem(errp);
    }
    list[n] = word;
    list[n + 1] = NULL;
    *listp = list;
    return 0;
}

int words_add_all(char ***listp, const char *const *words, pe_error *errp)
{
    for (; *words; words++)
        if (words_add(listp, strdup(*words), errp) < 0)
            return -1;
    return 0;
}

void words_free(char **list)
{
    for (char **at = list; at && *at; at++)
        free(*at);
    free(list);
}

char *words_copy(const char *s, bool *failedp)
{
    char *copy = s ? strdup(s) : NULL;

    if (s && !copy)
        *failedp = true;
    return copy;
}
