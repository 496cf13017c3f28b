/* ahead.h - what `standardise` has to do in a rank that has the source. */
#ifndef SOURCE_AHEAD_H
#define SOURCE_AHEAD_H

#include "src/function/overall.h"
#include "src/pipeline/pipeline.h"

/* Does stage [s] ask for the scaling of all rows there are? */
bool ahead_asked(const pipeline_stage *s);

/* Of which run; all borrowed. */
typedef struct ahead_conf {
    const pipeline *pl;
    const pipeline_request *req;
    const atomic_int *cancelled; /* may be NULL */
} ahead_conf;

/* Where the source of the run runs in the ranks themselves: the scaling of all
 * rows that stage [s] will get, into [w], which starts zeroed.  1: it is
 * there; 0: it cannot be had, *whyp says why; -1: an error, or, with class
 * none, `cancelled` came in between.
 */
int ahead_find(const ahead_conf *c, const pipeline_stage *s, overall *w,
               const char **whyp, pe_error *errp);

/* What is said of it for people, behind "stage 'NAME' ": [w] where there is
 * one, else [why] not.
 */
void ahead_words(const pipeline *pl, const overall *w, const char *why,
                 char *out, size_t cap);

#endif
