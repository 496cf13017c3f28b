/* codec_private.h - a record as named arrays of numbers, and who finds them. */
#ifndef CODEC_CODEC_PRIVATE_H
#define CODEC_CODEC_PRIVATE_H

#include "codec.h"

#include "src/block/grid.h"
#include "src/table/dialect.h"

#define CODEC_DIMS_MAX 8

/* Something a record holds, under a name. */
typedef struct codec_field {
    size_t name, name_len; /* in c->names */
    const char *type;      /* of what is no number, static; NULL: numbers */
    element e;
    const void *raw; /* NULL: they are in c->numbers, from [at] on */
    size_t at;
    size_t stride; /* bytes from one to the next, where dims is 1 */
    uint64_t dim[CODEC_DIMS_MAX];
    unsigned dims; /* 0: one number */
    bool fortran;  /* the first axis is the one that goes fastest */
    bool first;    /* where no columns are named, it is what is meant */
    bool aside;    /* ... it is not: an axis, an error, a null */
    bool clock;
    bool null; /* it has no value this time, and may be a number next time */
    bool may_be_clock; /* it looks like one; for what people are told alone */
    bool lost;         /* whole numbers of it were rounded */
    bool taken;        /* it is a column of the block */
} codec_field;

typedef struct codec_row codec_row;

struct codec {
    /* what is wished */
    const codec_row *forced; /* NULL: found */
    char *words;             /* what [label] and [want] point into */
    const char **label;      /* names as they were given: of fields without */
    size_t n_label;
    const char **want; /* of them the columns; NULL: not said */
    size_t n_want;
    bool want_numbers; /* ... all of them are numbers */
    const char *time;  /* NULL: not said */
    bool no_time;
    grid_take take;
    bool wish_one_row;
    char delimiter, decimal;
    table_dialect texts; /* knows the words that are no value */

    /* of the record at hand; the memory stays */
    codec_field *field;
    size_t n_field, cap_field;
    char *names;
    size_t n_names, cap_names;
    double *number;
    size_t n_number, cap_number;
    int64_t *times; /* of the rows */
    size_t n_times, cap_times;
    size_t *chosen; /* fields, in the order of the columns */
    size_t n_chosen, cap_chosen;
    uint64_t *seen; /* by column wanted: which row, or field, had it last */
    grid *grids;    /* of those chosen */
    grid_items *items;
    size_t cap_grids;
    bool positional; /* fields have numbers, and all of them are meant */
    bool one_row;    /* the record is one row, whatever its arrays look like */
    bool other_kind; /* without any of the columns it is of another kind: */
    const char *other_words;
    bool rounded;
    bool clocked; /* it has the clock that is named */
    codec_facts facts;
};

/* Finds the fields of a record, or says why not. */
struct codec_row {
    const char *name;
    /* Does a record begin like one? */
    bool (*knows)(const unsigned char *p, size_t len);
    /* Fill c->field, and facts; 0, CODEC_SKIPPED (facts.skip), or -1. */
    int (*read)(codec *c, const void *buf, size_t len, pe_error *errp);
};

extern const codec_row codec_npy, codec_da00, codec_f144, codec_ev44,
    codec_se00, codec_ad00, codec_msgpack, codec_json, codec_csv;

/* Where among the first bytes is what no text has?  SIZE_MAX: nowhere. */
size_t codec_not_text(const unsigned char *p, size_t len);

/* An input error, 65. */
int codec_fail(pe_error *errp, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* [len] bytes for an error text, printable and cut, in one of a few static
 * rooms of the thread; of a name as much as codec_column has room for.
 */
const char *codec_shown(const char *s, size_t len);
const char *codec_shown_name(const char *s, size_t len);

/* --- fields.c --- */

/* A new field of this name, zeroed else; NULL: too many, or no memory. */
codec_field *codec_field_add(codec *c, const char *name, size_t len,
                             pe_error *errp);
const char *codec_field_name(const codec *c, const codec_field *f);
int codec_number_add(codec *c, double v, pe_error *errp);
/* Room for [n] more numbers behind those that are there; NULL: too many. */
double *codec_number_room(codec *c, size_t n, pe_error *errp);

/* Room for the times of [n] more rows, in ns since 1970. */
int64_t *codec_times_room(codec *c, size_t n, pe_error *errp);

/* The time that the record has is that of its next row, too. */
int codec_time_push(codec *c, pe_error *errp);

/* The column of this name among those wanted, SIZE_MAX: none.  *hintp is where
 * the next one is looked for first; starts 0.
 */
size_t codec_want_find(const codec *c, const char *name, size_t len,
                       size_t *hintp);
/* Is it the clock's name? */
bool codec_is_clock(const codec *c, const char *name, size_t len);
/* A number since 1970 (s, ms, us or ns, by its size), or a text of ISO 8601,
 * becomes the record's time.  Error: it is none.
 */
int codec_clock_number(codec *c, double v, pe_error *errp);
int codec_clock_text(codec *c, const char *s, size_t len, pe_error *errp);
/* ... the numbers of field [f], each that of a row. */
int codec_clock_field(codec *c, codec_field *f, pe_error *errp);
/* By its name and its size: for people. */
bool codec_may_be_clock(const char *name, size_t len, double v);
bool codec_text_time(const char *s, size_t len, int64_t *nsp);

/* Which fields are the columns.  0, CODEC_SKIPPED: of another kind, -1. */
int codec_choose(codec *c, pe_error *errp);
/* ... as a block. */
int codec_assemble(codec *c, pe_block *b, pe_error *errp);

#endif
