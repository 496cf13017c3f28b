/* names.h - a table of names, each with its number. */
#ifndef TRACE_NAMES_H
#define TRACE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAMES_LONGEST 511 /* bytes of one in a trace */

/* [len] bytes at [name] as they stand in a trace: as they are, or, where there
 * are more than NAMES_LONGEST, cut, with "..." and a hash of all of it, so that
 * two that differ stay two.
 */
void names_cut(const char *name, size_t len, char out[NAMES_LONGEST + 1]);
bool names_was_cut(const char *name);

/* Starts zeroed; numbers are given from 0 on. */
typedef struct names {
    char **name;
    uint32_t n, cap;
    uint32_t *slot; /* by hash: number + 1; twice as many as [cap] */
} names;

/* TRACE_NO_DEVICE: it is not there. */
uint32_t names_find(const names *t, const char *name);
/* Of a name that is not there; TRACE_NO_DEVICE: there are [max], or there is no
 * memory.
 */
uint32_t names_add(names *t, const char *name, uint32_t max);
void names_free(names *t);

#endif
