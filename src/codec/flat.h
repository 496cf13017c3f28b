/* flat.h - tables, vectors and texts of a FlatBuffer, each length and offset
 * compared with the bytes that are there.
 *
 * Debian has the library for C++ alone; what is read here are four kinds of
 * things at offsets.
 */
#ifndef CODEC_FLAT_H
#define CODEC_FLAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

typedef struct flat {
    const unsigned char *p;
    size_t len;
} flat;

/* A table: where it is, and where its fields are. */
typedef struct flat_table {
    size_t at, size;     /* of its fields in line */
    size_t vtable, rows; /* of the list of their offsets, how many */
} flat_table;

typedef struct flat_vector {
    size_t at; /* of the first */
    uint32_t n;
} flat_vector;

/* Does it look like one, with a name of four letters or digits at byte 4? */
bool flat_is_one(const unsigned char *p, size_t len);
/* ... of that schema? */
bool flat_is(const unsigned char *p, size_t len, const char *schema);
/* Records that stand beside data, of schemas of ess-dmsc/streaming-data-types:
 * what they are, static; NULL: none of them.
 */
const char *flat_aside(const unsigned char *p, size_t len);

/* The root of a record of [schema].  Errors: input, 65: it is of another, or
 * what reaches beyond the record.
 */
int flat_root(const flat *f, const char *schema, flat_table *t, pe_error *errp);
/* Where field [id] of [bytes] is; 0: it has its default; SIZE_MAX: error. */
size_t flat_field(const flat *f, const flat_table *t, unsigned id, size_t bytes,
                  pe_error *errp);
/* What field [id] refers to.  1; 0: it is not there; -1: error. */
int flat_text(const flat *f, const flat_table *t, unsigned id, const char **sp,
              size_t *lenp, pe_error *errp);
int flat_vector_of(const flat *f, const flat_table *t, unsigned id, size_t each,
                   flat_vector *v, pe_error *errp);
int flat_table_of(const flat *f, const flat_table *t, unsigned id,
                  flat_table *out, pe_error *errp);
/* Item [i] of a vector of tables, or texts. */
int flat_table_in(const flat *f, const flat_vector *v, uint32_t i,
                  flat_table *out, pe_error *errp);

uint16_t flat_u16(const flat *f, size_t at);
uint32_t flat_u32(const flat *f, size_t at);
uint64_t flat_u64(const flat *f, size_t at);

#endif
