/* fold.h - the rows of a trace as figures over time, in bounded memory. */
#ifndef PAGE_FOLD_H
#define PAGE_FOLD_H

#include <jansson.h>

#include "src/trace/trace.h"

/* What is kept of a trace: bins of time, histograms, a row for each rank,
 * partition and version up to these numbers; what is beyond them is counted
 * and said.
 */
enum { FOLD_RANKS = 1024, FOLD_PARTITIONS = 4096, FOLD_VERSIONS = 512 };

typedef struct fold fold;

fold *fold_create(pe_error *errp);
void fold_destroy(fold *f); /* may be NULL */

/* Rows of ranks say how long what took since their process began; they are of
 * [from_ns, to_ns].  To be called before the first of them.
 */
int fold_ranks_span(fold *f, int64_t from_ns, int64_t to_ns, pe_error *errp);

/* Take a row; [p] is the process that wrote it, [device] its name. */
int fold_block(fold *f, const trace_block *b, const trace_process *p,
               const char *device, pe_error *errp);
int fold_rank(fold *f, const trace_rank *r, const trace_process *p,
              pe_error *errp);
int fold_commit(fold *f, const trace_commit *c, pe_error *errp);

/* All of [t]: the calls above for each of its rows. */
int fold_trace(fold *f, trace *t, pe_error *errp);

/* The members of a report's document (document.h) that come from a trace:
 * series, hops, ranks, partitions, history, each left out where there was no
 * row for it, and notes, an array of text.  A new reference, NULL: no memory.
 */
json_t *fold_json(const fold *f);

#endif
