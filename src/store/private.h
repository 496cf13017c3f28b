/* private.h - what the readers of one kind of file each share. */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include "src/block/grid.h"
#include "src/common/text.h"
#include "src/store/store.h"

/* Names of all columns there are: a name, or NULL for one that has but its
 * number.
 */
typedef const char *(*store_name_of)(const void *arg, uint32_t c);

typedef struct store_ops {
    int (*read)(store_table *s, uint64_t row, uint32_t n, void *to,
                enum pe_dtype dtype, pe_error *errp);
    int (*refresh)(store_table *s, pe_error *errp); /* NULL: it does not grow */
    /* NULL: there is never a clock */
    int (*times)(store_table *s, uint64_t row, uint32_t n, int64_t *ns,
                 pe_error *errp);
    element (*type)(const store_table *s, uint32_t c); /* of all columns */
    /* likewise; NULL: they have none */
    const char *(*unit)(const store_table *s, uint32_t c);
    void (*close)(store_table *s); /* frees the reader's own */
} store_ops;

/* Head of every reader, which begins with it and comes zeroed. */
struct store_table {
    const store_ops *ops;
    store_hear hear; /* arg outlives the reader */
    char *name;
    char *words;
    uint64_t rows;
    uint32_t columns;
    uint32_t *column;      /* which of all there are; NULL: all */
    bool rounding;         /* it has been said that numbers are rounded */
    store_name_of name_of; /* set by store_pick */
    const void *named;
    const char *clock; /* the reader's own; NULL: there is none */
    const char *clock_unit;
};

/* Choose of [all] columns those that [w] asks for, into s->column and
 * s->columns.  Errors: input, 78: no such column (the nearest named), none
 * left.
 */
int store_pick(store_table *s, const store_wish *w, uint32_t all,
               store_name_of name_of, const void *arg, pe_error *errp);

/* After store_pick, s->words: ROWS rows of COLUMNS columns, with their names
 * where they have some; then "; " and [left], where not "".
 */
int store_describe(store_table *s, const char *left, pe_error *errp);

/* Say once that whole numbers are rounded; [row] is the first of the rows it
 * was seen in.
 */
void store_rounded(store_table *s, uint64_t row, enum pe_dtype dtype);
void store_say(store_table *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Free head and all. */
void store_free(store_table *s);

/* Bytes of a file that are wanted, of which [row] is the first row. */
typedef struct store_piece {
    void *to;
    size_t n;
    uint64_t offset, row;
} store_piece;

/* All of [p], or an error that names [s] and the row. */
int store_pread(const store_table *s, int fd, const store_piece *p,
                pe_error *errp);

/* Open of HDF5 where the library is not ours: pilot-hdf5 is asked. */
store_table *store_ask(const store_wish *w, const char *file,
                       const char *member, pe_error *errp);
int store_ask_list(const char *file, const char *member, text *out,
                   pe_error *errp);

extern const store_kind store_npy;
extern const store_kind store_npz;

#endif
