/* script.h - the job script: readable, and nothing in it that was not asked. */
#ifndef RESOURCE_SCRIPT_H
#define RESOURCE_SCRIPT_H

#include "src/common/text.h"
#include "src/resource/resource.h"

/* Where the lines of a script are the scheduler's. */
typedef struct script_dialect {
    const char *prefix; /* "#SBATCH "; NULL: there are none */
    /* Add the directives of [q], one a line with the prefix. */
    int (*directives)(const resource_spec *s, text *out, pe_error *errp);
    const char *submit_dir; /* shell text of the submit directory, for a
                               spec that has none: "${PBS_O_WORKDIR:-.}"; or
                               NULL: the pilot's own */
    const char *shell;      /* lines of its own in front of the site's, or
                               NULL */
} script_dialect;

/* The whole script, new memory; the same bytes for the same spec.  What it
 * prints goes to DIR/out and DIR/err by its own redirection, under every
 * scheduler: -o and -e of a request are the scheduler's, and get what its
 * shell and it itself say before and after that.  Errors: input, 64: a name
 * or folder with an end of line or another control character.
 */
char *script_make(const script_dialect *d, const resource_spec *s,
                  pe_error *errp);

/* Is option [name] ("--constraint", "-l walltime") said by a directive of the
 * user's, or to be left out?
 */
bool script_is_replaced(const resource_request *q, const char *name);

/* For dialects.  Add [value], which request_set let through, as one word of a
 * directive line: between quotes when it has to be.
 */
void script_add_value(text *out, const char *value);

/* The job's name: as asked for, else RUN.NAME with '_' for what is no letter,
 * digit or one of "._-".
 */
void script_job_name(const resource_spec *s, char *out, size_t cap);

/* Error (input, 64) when [q] asks for what a scheduler cannot be asked for, by
 * its words, or with words of the user's own for more or less than one job of
 * a script: arrays, heterogeneous jobs.
 */
int script_refuse(const resource_request *q, const resource_ops *scheduler,
                  pe_error *errp);

#endif
