/* walk.h - a record of values within each other, on its way to fields. */
#ifndef CODEC_WALK_H
#define CODEC_WALK_H

#include "codec_private.h"
#include "doc.h"

#define WALK_PATH_MAX 256

typedef struct walk {
    codec *c;
    doc d;
    char path[WALK_PATH_MAX]; /* of what is at hand: a.b.c */
    size_t len;
    /* Objects as rows; 0: one object, whose values are fields. */
    uint64_t row;
    char only[WALK_PATH_MAX]; /* the one column, where none are named */
    size_t only_len;
    size_t base;  /* of the row, in c->number */
    size_t found; /* columns of it so far */
    size_t hint;
    /* Within a list of objects: their fields are those from [first] on. */
    bool listed, uneven, timed;
    size_t first, list_base; /* ... and their numbers */
} walk;

/* What is within map [v], as fields, or as columns of a row; [errp]: input. */
int walk_map(walk *w, doc_node *v, pe_error *errp);
/* The value at hand, whose head is [v], under the path there is. */
int walk_value(walk *w, doc_node *v, pe_error *errp);

/* Value [v] as the clock: of the record, or a list of such, of its rows. */
int walk_clock(walk *w, doc_node *v, pe_error *errp);

/* --- walk_array.c --- */

/* List [v] as a field of the path there is, or why it is none. */
int walk_list(walk *w, doc_node *v, pe_error *errp);
/* Map [v], if it is an array of msgpack-numpy, as a field.  1; 0: it is none,
 * and nothing of it was read; -1.
 */
int walk_numpy(walk *w, doc_node *v, pe_error *errp);
/* A field of the path there is; NULL: error. */
codec_field *walk_field(walk *w, pe_error *errp);

/* --- walk_objects.c --- */

/* List [v] of objects as columns, or why it is none. */
int walk_objects(walk *w, doc_node *v, pe_error *errp);
/* Value [v] of one of them, under the path there is. */
void walk_listed(walk *w, const doc_node *v, bool number, double value);

/* --- bluesky.c --- */

/* Is the record a pair of a name and a document of bluesky?  Then *rcp is what
 * was made of it; else nothing was read.
 */
bool walk_bluesky(walk *w, int *rcp, pe_error *errp);

#endif
