/* table_private.h - what the parts of the reader share. */
#ifndef TABLE_TABLE_PRIVATE_H
#define TABLE_TABLE_PRIVATE_H

#include "src/pack/pack.h"
#include "src/table/table.h"

/* Bytes of a file that tell it from another one: its first ones, and those in
 * front of where we are.
 */
#define TABLE_MARK 256

enum { SLOT_LEFT = -1, SLOT_CLOCK = -2, SLOT_DAY = -3 };

struct table {
    table_conf conf;
    char *path;
    int fd;
    pack *pack;
    bool regular;
    char *buf;
    size_t pos, len, cap; /* what is in buf and not consumed: [pos, len) */
    size_t safe;          /* behind the last line end in buf */
    uint64_t line;        /* of buf[pos], from 1 */
    bool started;         /* the byte order mark is behind us, if any */
    bool ended;           /* the file ends in buf, as far as is known */
    bool ready;           /* the dialect is known */
    bool kept;            /* ... of an earlier file, which is to be matched */
    table_dialect d;
    int32_t *slots;   /* of each column: its feature, or SLOT_* */
    bool passing;     /* within a record that is too long */
    bool closing;     /* followed, but nothing is added any more */
    span clock, day;  /* of the row that is read; in buf */
    char stamp[96];   /* the time of the last row, as it stands there */
    size_t stamp_len; /* 0: none */
    span *fields;
    size_t fields_cap;
    int64_t quiet_ns;     /* since when it was renamed, and ... */
    uint64_t quiet_bytes; /* ... as long as this; 0: it was not */
    int64_t still_ns;     /* ... of one that is followed by another */
    uint64_t still_bytes;
    char head[TABLE_MARK], tail[TABLE_MARK]; /* see renew.c */
    size_t head_len, tail_len;
};

enum shape { SHAPE_WHOLE, SHAPE_QUOTE, SHAPE_LONG };

/* Read on: 1 more bytes are there, 0 the file ends here, -1 error. */
int table_fill(table *t, pe_error *errp);
/* Have the next record whole in the buffer, without its line end; nothing is
 * consumed.  1, 0: none is there, -1.
 */
int table_record(table *t, span *r, enum shape *shapep, pe_error *errp);
/* Go past [r] and its line end. */
void table_consume(table *t, span r);
/* Begin at the start of the file that is open. */
void table_start_over(table *t);
/* Keep what tells the file: [n] bytes at [p] were read. */
void table_mark(table *t, const char *p, size_t n);
/* Followed: was the file cut, or written over, since it was read? */
bool table_was_cut(const table *t);

#endif
