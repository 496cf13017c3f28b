/* direct.h - what jobs that are processes share, here and on a machine. */
#ifndef BACKEND_DIRECT_H
#define BACKEND_DIRECT_H

#include "src/resource/script.h"

/* Lines of a job's script. */
#define DIRECT_SHELL                                             \
    "# Which process this is, for those who did not start it.\n" \
    "if read -r -a stat <\"/proc/$$/stat\"; then\n"              \
    "    echo \"$$.${stat[21]}\" >\"$PILOT_DIR/job.id\"\n"       \
    "fi 2>/dev/null\n"

/* Refuse what no host can be asked for, and name in a comment what of the rest
 * is none of [heard]: nothing is passed over in silence.
 */
int direct_unheard(const resource_spec *s, const enum request_word *heard,
                   size_t n_heard, text *out, pe_error *errp);

#endif
