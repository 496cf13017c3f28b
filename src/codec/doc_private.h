/* doc_private.h - a way of writing values. */
#ifndef CODEC_DOC_PRIVATE_H
#define CODEC_DOC_PRIVATE_H

#include "doc.h"

typedef struct doc_ops {
    int (*value)(doc *d, doc_node *v, pe_error *errp);
    int (*more)(doc *d, doc_node *of, pe_error *errp);
    int (*key)(doc *d, doc_node *k, pe_error *errp);
    bool (*is_left)(doc *d);
    size_t (*text)(const doc_node *v, char *out, size_t cap);
} doc_ops;

/* "byte N: ...", an input error. */
int doc_fail(const doc *d, pe_error *errp, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A whole number as a double: the sign apart. */
void doc_whole(doc_node *v, uint64_t size, bool minus);

#endif
