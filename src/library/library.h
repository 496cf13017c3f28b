/* library.h - what the files of libpilot share. */
#ifndef LIBRARY_LIBRARY_H
#define LIBRARY_LIBRARY_H

#include <pilot/pipeline.h>

#include "src/common/process.h"

struct pe_run {
    char *name;
    char *program; /* `pilot` */
    char *dir;     /* of our own: pipeline file, what commands say */
    char *folder;  /* of the run */
    process *child;
    int asked; /* how often it was asked to end */
};

/* --- handler.c --- */

/* "PATH.so:SYMBOL" of [f], in new memory.  Errors, input, 78, without the name
 * of the field: it lives in the program itself, or has no symbol.
 */
char *handler_where(const pe_function *f, pe_error *errp);

/* --- text.c --- */

/* The field of [p] that stands in line [line] of its text, as pe_pipeline_text
 * makes it, or NULL.
 */
const char *text_field(const pe_pipeline *p, int line);

/* --- command.c --- */

/* Files of pe_run.dir. */
#define COMMAND_OUT "answer" /* what a command has answered, */
#define COMMAND_ERR "said"   /* and has told people */

/* `pilot`: on the PATH, else where it was installed.  New memory. */
char *command_find(pe_error *errp);
/* Run `pilot` with [argv], NULL-ended, whose first is its own place, to its
 * end; what it answers lies in COMMAND_OUT.  Errors: those it told.
 */
int command_run(const pe_run *r, const char **argv, pe_error *errp);
/* What a command that ended with [status] has said in file [name], as an error.
 * Returns -1.
 */
int command_fail(const pe_run *r, int status, const char *name, pe_error *errp);
/* File [name] of ours, new memory. */
char *command_path(const pe_run *r, const char *name, pe_error *errp);

#endif
