/* hostlist.h - "node[1-3,07],login": names of hosts, one by one. */
#ifndef REQUEST_HOSTLIST_H
#define REQUEST_HOSTLIST_H

#include <stddef.h>

#include <pilot/error.h>

typedef struct hostlist {
    char **names;
    size_t n;
} hostlist; /* starts zeroed */

/* Add the names in [s] to [h], in their order, repeats kept; zeros in front
 * of a number are.  Several brackets in a name are all combinations.  Errors:
 * input, 78: a bracket or range that is none, or more than 1,048,576 names.
 */
int hostlist_add(hostlist *h, const char *s, pe_error *errp);
void hostlist_free(hostlist *h); /* leaves it zeroed */

#endif
