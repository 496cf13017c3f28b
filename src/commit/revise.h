/* revise.h - the revision of the stages that a state is taken up with. */
#ifndef COMMIT_REVISE_H
#define COMMIT_REVISE_H

#include "src/params/params.h"
#include "src/pipeline/pipeline.h"

/* So often a pool may begin with a revision without a commit under it. */
#define REVISE_ATTEMPTS 2

#define REVISE_WORDS 900

typedef struct revise {
    params *p; /* NULL: there are no revisions */
    const pipeline_request *req;
    const char *member;
    uint64_t begun; /* counted as begun by this process; 0: none */
} revise;

/* What a pool begins with. */
typedef struct revise_news {
    uint64_t number;
    char *text; /* of the revision, new memory; NULL of 0 */
    bool fresh; /* nothing was committed under it yet: it may be taken back */
    char words[REVISE_WORDS]; /* what it changes, and what becomes of the
                                 model; "": nothing */
} revise_news;

/* The newest revision, and the model of [s], which may be of an older one, as
 * that wants it: other options, or none, where it begins anew.  One that cannot
 * be applied, or was begun too often, is taken back first.  Errors: retry;
 * fatal, 65: the state is of a newer one than there is; what applying it says,
 * where there is nothing to go back to.
 */
int revise_load(revise *v, params_state *s, revise_news *out, pe_error *errp);

/* A commit was made under it, or this process leaves in order. */
void revise_stands(revise *v);

/* Revision [number], the newest, is to be taken back because of [why]: it is,
 * by us or by somebody else.
 */
int revise_back(revise *v, uint64_t number, const char *why, pe_error *errp);

#endif
