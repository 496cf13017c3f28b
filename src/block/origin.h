/* origin.h - which rows of a file the points of a block are made of.
 *
 * A source is PATH:ROWS.  ROWS of a block as it was read: FIRST (and those
 * behind it), or a list, 0-3,5-9, where some are missing.  What stages make of
 * it: a list of those that stayed; LIST/N, each point is N of the rows in the
 * list, the last one what is left of them; FIRST-LAST*, each point is of some
 * rows from FIRST to LAST, and nobody knows which.  FIRST+: the first point is
 * row FIRST, and of the others nothing is known.
 */
#ifndef BLOCK_ORIGIN_H
#define BLOCK_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/block.h>

#include "src/block/record.h"

/* Rows of one point; first < 0: they are not known. */
typedef struct origin_rows {
    int64_t first, last;
} origin_rows;

/* The points of a source, one after another. */
typedef struct origin_reader {
    const char *at;    /* behind the range at hand */
    uint64_t from, to; /* what is left of that; from > to: nothing */
    uint64_t each;     /* rows of a point */
    enum { ORIGIN_NONE, ORIGIN_FROM, ORIGIN_LIST, ORIGIN_SOME } kind;
} origin_reader;

/* Begin with the first point of [source], which is borrowed and may be NULL;
 * false: it says nothing of rows.
 */
bool origin_open(origin_reader *o, const char *source);
/* The rows of the next point. */
origin_rows origin_next(origin_reader *o);
/* Rows of point [point] alone. */
origin_rows origin_of(const char *source, uint32_t point);

/* Bytes of [source] in front of ":ROWS"; 0: it says nothing of rows. */
size_t origin_path(const char *source);

/* A source under construction. */
typedef struct origin_list {
    char text[RECORD_SOURCE_MAX + 1];
    size_t path;          /* bytes of "PATH:" */
    size_t len;           /* of text */
    uint64_t first, last; /* of all rows */
    uint64_t from, to;    /* the range that is not in the text yet */
    bool any, full;       /* there are rows; they find no room */
} origin_list;

/* What is to be said of some points of [source]: the list is begun. */
void origin_begin(origin_list *l, const char *source);
/* The next point of [o] is one of them, or is left out. */
void origin_keep(origin_list *l, origin_reader *o, bool kept);
/* The source of the points that were kept, in l->text.  False: which they are
 * found no room, and it says from where to where.
 */
bool origin_end(origin_list *l, const origin_reader *o);

/* The source of points each of which is [each] points of a block of [points]
 * points of [source], into l->text; false as above.
 */
bool origin_join(origin_list *l, const char *source, uint32_t points,
                 uint32_t each);

/* The source of points that somebody made of a block of [points] points of
 * [source], nobody knows how, into l->text.
 */
void origin_blur(origin_list *l, const char *source, uint32_t points);

/* The source of [out], which a function made of [in].  One that gave another
 * number of points and said nothing of their rows has the source of points
 * that nobody knows, in l->text.
 */
const char *origin_trust(origin_list *l, const pe_block *in,
                         const pe_block *out);

#endif
