/* private.h - what the readers of one kind of file each share. */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include "src/block/grid.h"
#include "src/common/text.h"
#include "src/store/store.h"

typedef struct store_ops {
    int (*read)(store *s, uint64_t row, uint32_t n, void *to,
                enum pe_dtype dtype, pe_error *errp);
    int (*refresh)(store *s, pe_error *errp); /* NULL: it does not grow */
    void (*close)(store *s);                  /* frees the reader's own */
} store_ops;

/* Head of every reader, which begins with it and comes zeroed. */
struct store {
    const store_ops *ops;
    store_hear hear; /* arg outlives the reader */
    char *name;
    char *words;
    uint64_t rows;
    uint32_t columns;
    uint32_t *column; /* which of all there are; NULL: all */
    bool rounding;    /* it has been said that numbers are rounded */
};

/* Names of all columns there are: a name, or NULL for one that has but its
 * number.
 */
typedef const char *(*store_name_of)(const void *arg, uint32_t c);

/* Choose of [all] columns those that [w] asks for, into s->column and
 * s->columns.  Errors: input, 78: no such column (the nearest named), none
 * left.
 */
int store_pick(store *s, const store_wish *w, uint32_t all,
               store_name_of name_of, const void *arg, pe_error *errp);

/* s->words: ROWS rows of COLUMNS columns, with their names where they have
 * some; then "; " and [left], where not "".
 */
int store_describe(store *s, store_name_of name_of, const void *arg,
                   const char *left, pe_error *errp);

/* Say once that whole numbers are rounded; [row] is the first of the rows it
 * was seen in.
 */
void store_rounded(store *s, uint64_t row, enum pe_dtype dtype);
void store_say(store *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Free head and all. */
void store_free(store *s);

/* All [n] bytes at [offset], or an error that names [s] and [row]. */
int store_pread(const store *s, int fd, void *to, size_t n, uint64_t offset,
                uint64_t row, pe_error *errp);

extern const store_kind store_npy;
extern const store_kind store_npz;

#endif
