/* flow.h - bytes on their way through a link, in one direction. */
#ifndef LINK_FLOW_H
#define LINK_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

/* Pieces in the order they came; each arrives at a time of its own.  Starts
 * zeroed.
 */
typedef struct flow_piece flow_piece;

typedef struct flow {
    flow_piece *first, *last;
    size_t bytes;      /* in all pieces */
    int64_t newest_ns; /* when the last one arrives */
    bool ends;         /* the end has been put */
} flow;

/* Put a copy of [len] bytes, which arrive at [at_ns], or behind those before
 * them if that is later; len 0: the end.  -1: no memory.
 */
int flow_put(flow *f, const void *data, size_t len, int64_t at_ns,
             pe_error *errp);

/* When the next piece arrives; INT64_MAX: there is none. */
int64_t flow_next_ns(const flow *f);

/* What of the first piece was not taken yet; len 0: it is the end.  There is a
 * piece.
 */
const void *flow_peek(const flow *f, size_t *lenp);
/* [len] bytes of it are gone; the piece is, when all of it is. */
void flow_take(flow *f, size_t len);

void flow_clear(flow *f);

#endif
