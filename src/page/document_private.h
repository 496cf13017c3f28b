/* document_private.h - parts of a document, for its files. */
#ifndef PAGE_DOCUMENT_PRIVATE_H
#define PAGE_DOCUMENT_PRIVATE_H

#include <stdbool.h>

#include "src/common/text.h"
#include "src/page/document.h"

/* What is being made: [top] is the summary, [report] its member. */
typedef struct document {
    const json_t *facts;
    json_t *top, *report;
    json_t *notes, *lacks; /* members of [report] */
    bool failed;           /* there was no memory for words */
} document;

/* Member [key] of the facts; NULL: it is not there. */
const json_t *fact(const document *d, const char *key);
/* Why it is not. */
const char *fact_why(const document *d, const char *key);

/* Is the summary that of its end? */
bool document_is_over(const document *d);

/* Say [words], whose memory is taken (NULL: there was none), as a note, or as
 * the reason why [section] is not there.
 */
void document_note(document *d, char *words);
void document_lack(document *d, const char *section, char *words);

/* [s] as JSON, "?" for bytes that are no UTF-8. */
json_t *document_text(const char *s);

/* document_parts.c: each adds its members to the report. */
void part_arithmetic(document *d);
void part_curves(document *d);
void part_partitions(document *d);
void part_history(document *d);
void part_refused(document *d);
/* document_places.c */
void part_pilots(document *d);
void part_machines(document *d);
void part_trace(document *d);
void part_config(document *d);

#endif
