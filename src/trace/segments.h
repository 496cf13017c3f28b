/* segments.h - a log read from its start to its end, segment by segment. */
#ifndef TRACE_SEGMENTS_H
#define TRACE_SEGMENTS_H

#include <stdio.h>

#include <pilot/error.h>

#include "layout.h"

typedef struct segments {
    FILE *f;
    char *name;  /* for errors */
    uint64_t at; /* bytes that are read and whole */
    layout_head head;
    layout_segment s;
    unsigned char *data; /* of [s] */
    size_t cap;
    uint32_t row; /* the next of [s] */
} segments;

/* What is there: a segment, no more, or something that is none. */
enum segments_word { SEGMENTS_END, SEGMENTS_ONE, SEGMENTS_TORN };

/* Read [f], which is taken over in any case, and its head.  1; 0: it is shorter
 * than a head, and ends in one (its process was killed at its start); -1:
 * input, 65: it is no log, or one of a newer pilot; no memory.
 */
int segments_open(segments *g, FILE *f, const char *name, pe_error *errp);
void segments_close(segments *g);
/* Again from the first segment; not of a pipe. */
void segments_rewind(segments *g);

/* The next segment into g->s and g->data.  -1: no memory. */
int segments_next(segments *g, enum segments_word *wordp, pe_error *errp);

/* Row [i] of the segment into [row] of its kind as we have it. */
void segments_row(const segments *g, uint32_t i, void *row);

#endif
