/* sniff_private.h - what the parts of the sniffer share. */
#ifndef TABLE_SNIFF_PRIVATE_H
#define TABLE_SNIFF_PRIVATE_H

#include "src/table/sniff.h"

typedef struct record {
    span at;
    uint64_t line; /* from 1 */
    bool comment;
} record;

typedef struct sniffer {
    const table_wish *w;
    const char *path;
    const char *text, *end; /* behind a byte order mark */
    bool whole;
    record *rec; /* without blank lines */
    size_t n;
    size_t first;        /* of the rows; n: there are none */
    size_t names, units; /* records; n: none */
    span *fields;        /* room for a record's */
    size_t cap;
    table_dialect *d;
    pe_error *errp;
} sniffer;

enum field_kind {
    FIELD_EMPTY,
    FIELD_MISSING,
    FIELD_NUMBER,
    FIELD_STAMP,
    FIELD_TEXT
};

/* Fields of record [i] into s->fields; 0: no memory (said). */
size_t sniff_fields(sniffer *s, size_t i);
enum field_kind sniff_kind(const table_dialect *d, span field, char decimal,
                           double *valuep);
/* An error of class input, 65, behind the path and, where it is not 0, the
 * line.
 */
int sniff_fail(sniffer *s, uint64_t line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Parts, in their order: 1 go on, 0 more is needed, -1 error. */
int sniff_encoding(sniffer *s, size_t len);
int sniff_known(sniffer *s); /* TOA5, LabVIEW: d->known */
int sniff_delimiter(sniffer *s);
int sniff_header(sniffer *s);
int sniff_columns(sniffer *s);

#endif
