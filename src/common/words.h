/* words.h - lists of words that grow, NULL-ended: command lines, environments.
 */
#ifndef COMMON_WORDS_H
#define COMMON_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

/* Append [word], which is taken, to *listp, NULL at first.  NULL for a word
 * is an error, too: there was no memory for it.
 */
int words_add(char ***listp, char *word, pe_error *errp);
/* Append copies of [words], which end with NULL. */
int words_add_all(char ***listp, const char *const *words, pe_error *errp);
size_t words_count(char *const *list); /* 0 of NULL */
void words_free(char **list);          /* may be NULL */

/* A copy of [s]; NULL of NULL.  *failedp is set where there is no memory, and
 * else stays: for many copies with one question at the end.
 */
char *words_copy(const char *s, bool *failedp);

#endif
