/* sort.h - rows of any number in order, in bounded memory. */
#ifndef TRACE_SORT_H
#define TRACE_SORT_H

#include <stdint.h>

#include <pilot/error.h>

#include "layout.h"

/* What one process told of one block, and by what it is sorted. */
typedef struct sort_item {
    uint64_t key[3];
    uint32_t log;
    uint32_t work; /* else of an edge process: those come behind */
    union {
        layout_edge edge;
        layout_work work;
    } row;
} sort_item;

/* Items in memory; beyond, sorted runs lie in a file without a name in TMPDIR.
 */
#define SORT_ITEMS (256U << 10)

typedef struct sort sort;

/* [most] items are kept in memory (SORT_ITEMS; tests have fewer). */
sort *sort_create(uint32_t most, pe_error *errp);
void sort_free(sort *s); /* may be NULL */
int sort_add(sort *s, const sort_item *i, pe_error *errp);
/* After the last: the items come in order. */
int sort_end(sort *s, pe_error *errp);
/* 1: *itemp is valid until the next call; 0: there are no more; -1. */
int sort_next(sort *s, const sort_item **itemp, pe_error *errp);

#endif
