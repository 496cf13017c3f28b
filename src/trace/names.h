/* names.h - a table of names, each with its number. */
#ifndef TRACE_NAMES_H
#define TRACE_NAMES_H

#include <stddef.h>
#include <stdint.h>

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
