/* write_private.h - inside of the stage that keeps rows. */
#ifndef FILE_WRITE_PRIVATE_H
#define FILE_WRITE_PRIVATE_H

#include <pilot/function.h>

#include "src/common/text.h"
#include "src/context/rows.h"
#include "write_part.h"
#include "write_rows.h"

enum write_format { WRITE_CSV, WRITE_NPY, WRITE_HDF5 };

typedef struct write_state {
    bool values, scores;
    rows_columns columns;
    enum write_format format;
    char *stem, *end; /* of the path: STEM.WRITER.END; of HDF5 that of the array
                         that it is made of, which has PART behind it */
    char *owner;      /* run and stage */
    part *part;       /* NULL: nothing is kept here */
    char *path;       /* of that */
    bool cut;         /* it holds what counts, and nothing else */
    write_shape shape;
    char *names;  /* of the columns of blocks, as the file has them; "": none */
    bool renamed; /* it was said that they are called otherwise now */
    float *scored;
    size_t cap;
    text lines;
    unsigned char *items;
    size_t cap_items;
    int64_t told_ns;
} write_state;

static inline bool write_on_device(const pe_context *ctx)
{
    return *pe_context_device(ctx) != '\0';
}

/* --- write_begin.c --- */

/* The first block says what rows look like; others are refused, unless the
 * file is another's by options that were changed.  0, or -1 with the error in
 * the context.
 */
int write_take_shape(pe_context *ctx, write_state *st, const pe_block *in);
/* A file has one line of titles: what does not agree with it is said. */
void write_check_names(pe_context *ctx, write_state *st);

#endif
