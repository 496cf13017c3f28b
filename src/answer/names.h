/* names.h - names by number: devices and files of many rows. */
#ifndef ANSWER_NAMES_H
#define ANSWER_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <pilot/error.h>

/* Keys of records are anybody's to make: of so many names each has a number,
 * of files more.
 */
#define NAMES_MAX 65536
#define NAMES_FILES_MAX 1048576

/* A table that starts zeroed; one thread at a time. */
typedef struct names {
    size_t most; /* 0: NAMES_MAX */
    char **name;
    size_t n, cap;
    size_t *index; /* open hash: number + 1 */
    size_t cap_index;
    uint64_t beyond; /* names that were given none */
} names;

void names_clear(names *t);

/* The number of [name], new or known; -1: there are too many.  -2: no memory.
 */
int32_t names_take(names *t, const char *name);

/* All of them as a JSON list; what is not UTF-8 becomes "?". */
json_t *names_list(const names *t);

#endif
