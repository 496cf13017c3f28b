/* hear.h - read the signs of life that pilots leave in their folders. */
#ifndef REGISTRY_HEAR_H
#define REGISTRY_HEAR_H

#include <jansson.h>

#include "src/host/host.h"

typedef struct heard {
    const char *dir; /* of the pilot, on its host */
    json_t *beat;    /* what beat.json holds; NULL: nothing that is JSON */
    json_t *end;     /* what `exit` holds */
} heard;

/* Read the files of [n] pilots on [h]: on this host as they lie, on another
 * one by one command for all of them.  New references.  Errors: host_run's.
 */
int hear(host *h, double timeout_s, heard *items, size_t n, pe_error *errp);

/* The last words of a pilot: the end of DIR/err on one line, in new memory;
 * NULL when there are none.
 */
char *hear_last_words(host *h, double timeout_s, const char *dir);
/* The same of a pilot on this host, from byte [from] of the file on. */
char *hear_own_words(const char *dir, int64_t from);

#endif
