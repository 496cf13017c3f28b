/* known.h - what is known of a run, out of all the places that may know. */
#ifndef PAGE_KNOWN_H
#define PAGE_KNOWN_H

#include <jansson.h>

#include <pilot/error.h>

/* The facts of run [run] that a document is made of (document.h), a new
 * reference: out of its folder, if this host has one, its trace, its parameter
 * service and its broker, and its topic of refused blocks.  What does not
 * answer, is torn or is not there is no error, but stands in "why".  [by]:
 * name and version of the program.  Takes as long as services need that do not
 * answer, some seconds each.  Errors: input, 78: nobody knows of such a run.
 */
json_t *known_facts(const char *run, const char *by, pe_error *errp);

/* The same without "trace" and "refused", which may take long, and "live",
 * which the caller has: for who looks again and again.  A run of which this
 * host has no folder is no error.
 */
json_t *known_quickly(const char *run, const char *by, pe_error *errp);

#endif
