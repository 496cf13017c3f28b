/* doc.h - values within each other, as JSON and msgpack have them: a reader
 * that goes through them once, and keeps nothing.
 */
#ifndef CODEC_DOC_H
#define CODEC_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#define DOC_DEPTH_MAX 32

enum doc_kind {
    DOC_NIL,
    DOC_BOOL,
    DOC_NUMBER,
    DOC_TEXT,
    DOC_BYTES,
    DOC_LIST,
    DOC_MAP,
    DOC_OTHER,
};

typedef struct doc_node {
    enum doc_kind kind;
    double number;  /* of DOC_NUMBER and DOC_BOOL */
    bool lost;      /* a whole number that has no exact double */
    const char *at; /* of DOC_TEXT (of JSON with its escapes) and DOC_BYTES */
    size_t len;
    uint64_t left; /* the reader's */
} doc_node;

struct doc_ops;
typedef struct doc {
    const struct doc_ops *ops;
    const char *start, *at, *end;
    unsigned depth;
    bool packed; /* bytes stand for themselves: msgpack */
} doc;

/* Both borrow the bytes. */
doc doc_json(const void *bytes, size_t len);
doc doc_msgpack(const void *bytes, size_t len);

/* The next value; of a list or map its head alone, whose items follow.  Errors:
 * input, 65, with the byte.
 */
int doc_value(doc *d, doc_node *v, pe_error *errp);
/* Does list or map [of] have another item?  1: it follows (of a map, doc_key
 * first); 0: no, and [of] is behind us; -1: error.
 */
int doc_more(doc *d, doc_node *of, pe_error *errp);
int doc_key(doc *d, doc_node *k, pe_error *errp);
/* Go past what is left of [v]. */
int doc_skip(doc *d, doc_node *v, pe_error *errp);
/* Is there another value at the top? */
bool doc_is_left(doc *d);

/* The text of [v], without escapes, of which there is room for [cap] bytes;
 * its length, SIZE_MAX: it is longer, or no text.
 */
size_t doc_text(const doc *d, const doc_node *v, char *out, size_t cap);
bool doc_is(const doc *d, const doc_node *v, const char *word);
/* "number", "text", "list", ... */
const char *doc_kind_name(enum doc_kind kind);

#endif
