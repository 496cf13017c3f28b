/* json_quoted.h - JSON in C text, without its quotes. */
#ifndef TESTS_JSON_QUOTED_H
#define TESTS_JSON_QUOTED_H

#include <jansson.h>

/* JSON as C text: ' stands for ". */
json_t *json_quoted(const char *quoted);
/* [o] as such text, keys in order; takes the reference.  Until the next call.
 */
const char *json_shown(json_t *o);

#endif
