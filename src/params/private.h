/* private.h - what the files of this room share about an open service. */
#ifndef PARAMS_PRIVATE_H
#define PARAMS_PRIVATE_H

#include "src/params/link.h"
#include "src/params/wire.h"

struct params {
    params_link *link;
    char *names[PARAMS_N_KEYS + 1]; /* keys, and the channel, of the run */
};

/* Load the script and look whether it may run: a params_setup_f whose [arg]
 * is the params.  Errors: fatal, 78, not allowed, with the rule that fixes it.
 */
int params_script_load(params_link *l, void *arg, pe_error *errp);

#endif
