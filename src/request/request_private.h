/* request_private.h - the grammar of values, apart from where they are kept.
 */
#ifndef REQUEST_REQUEST_PRIVATE_H
#define REQUEST_REQUEST_PRIVATE_H

#include "src/request/request.h"

/* Bytes that stand for themselves in a directive, beside letters and digits.
 */
#define REQUEST_SAFE "_.,:/@%+=-"

/* [value] as [word] keeps it, new memory.  NULL: input, 64, with the word,
 * the value and what it may be.
 */
char *request_check(enum request_word word, const char *value,
                    bool bare_minutes, pe_error *errp);

#endif
