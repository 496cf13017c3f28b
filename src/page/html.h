/* html.h - a document as one HTML file that needs nothing else. */
#ifndef PAGE_HTML_H
#define PAGE_HTML_H

#include <jansson.h>
#include <stdbool.h>

#include "src/common/text.h"

/* Has this program the charts library in it? */
bool html_is_there(void);

/* The page of document [doc] (document.h), added to [out].  [events]: where
 * newer ones of it come from, a URL relative to the page; NULL: it stands as it
 * is, and loads nothing.  Errors: fatal, 78, without the charts library.
 */
int html_page(const json_t *doc, const char *events, text *out, pe_error *errp);

/* [s] as text of HTML, also within an attribute in quotes. */
void html_escape(const char *s, text *out);

/* [doc] as JSON that may stand in a script of HTML, whatever strings it has:
 * ASCII without '<', '>' and '&'.
 */
int html_json(const json_t *doc, text *out, pe_error *errp);

#endif
