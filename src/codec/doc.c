/* doc.c - values within each other: what JSON and msgpack have in common. */
#include "doc_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int doc_fail(const doc *d, pe_error *errp, const char *fmt, ...)
{
    char what[256];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "byte %zu: %s",
                        (size_t)(d->at - d->start), what);
}

void doc_whole(doc_node *v, uint64_t size, bool minus)
{
    double x = (double)size;

    v->kind = DOC_NUMBER;
    v->number = minus ? -x : x;
    v->lost = x >= 18446744073709551616.0 || (uint64_t)x != size;
}

int doc_value(doc *d, doc_node *v, pe_error *errp)
{
    *v = (doc_node){0};
    if (d->ops->value(d, v, errp) < 0)
        return -1;
    if (v->kind != DOC_LIST && v->kind != DOC_MAP)
        return 0;
    if (++d->depth > DOC_DEPTH_MAX)
        return doc_fail(d, errp, "lists and maps are nested deeper than %d",
                        DOC_DEPTH_MAX);
    return 0;
}

int doc_more(doc *d, doc_node *of, pe_error *errp)
{
    int rc = d->ops->more(d, of, errp);

    if (rc == 0)
        d->depth--;
    return rc;
}

int doc_key(doc *d, doc_node *k, pe_error *errp)
{
    *k = (doc_node){0};
    return d->ops->key(d, k, errp);
}

int doc_skip(doc *d, doc_node *v, pe_error *errp)
{
    doc_node item;
    int rc;

    if (v->kind != DOC_LIST && v->kind != DOC_MAP)
        return 0;
    while ((rc = doc_more(d, v, errp)) > 0)
        if ((v->kind == DOC_MAP && doc_key(d, &item, errp) < 0) ||
            doc_value(d, &item, errp) < 0 || doc_skip(d, &item, errp) < 0)
            return -1;
    return rc;
}

bool doc_is_left(doc *d)
{
    return d->ops->is_left(d);
}

size_t doc_text(const doc *d, const doc_node *v, char *out, size_t cap)
{
    if (v->kind != DOC_TEXT && v->kind != DOC_BYTES)
        return SIZE_MAX;
    return d->ops->text(v, out, cap);
}

bool doc_is(const doc *d, const doc_node *v, const char *word)
{
    char text[64];
    size_t n = doc_text(d, v, text, sizeof(text));

    return n == strlen(word) && !memcmp(text, word, n);
}

const char *doc_kind_name(enum doc_kind kind)
{
    static const char *const names[] = {"null",  "truth", "number", "text",
                                        "bytes", "list",  "map",    "other"};

    return names[kind];
}
