/* shared.h - what commands that change a run share. */
#ifndef CHANGE_SHARED_H
#define CHANGE_SHARED_H

#include "src/live/live.h"
#include "src/pipeline/pipeline.h"

/* A run of this home; starts zeroed, ends with change_run_free. */
typedef struct change_run {
    char *name, *home, *dir;
    pipeline_request *req;
} change_run;

/* Its folder and request, by [r->name].  Errors: input, 78: there is none. */
int change_run_read(change_run *r, pe_error *errp);
void change_run_free(change_run *r);

/* [word], "RUN" or "RUN/PART", into *runp and *partp, new memory; part NULL
 * where there is none.  Errors: input, 64: [what] it does not name.
 */
int change_split(const char *word, const char *what, char **runp, char **partp,
                 pe_error *errp);
/* Errors: input, 65: it is over, so there is nobody to [do]. */
int change_check_alive(live *at, const char *run, const char *to_do,
                       pe_error *errp);
/* Function [f], "PATH.so:SYMBOL" of this host, into *pathp, new memory, and
 * *symbolp, which is borrowed; left alone for a built-in.
 */
int change_object(const char *f, char **pathp, const char **symbolp,
                  pe_error *errp);
/* "me@host", for the others. */
void change_who(char out[128]);

#endif
