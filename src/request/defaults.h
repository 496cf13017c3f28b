/* defaults.h - what a user and a site ask for every pilot of a scheduler. */
#ifndef REQUEST_DEFAULTS_H
#define REQUEST_DEFAULTS_H

#include <pilot/error.h>

#include "src/request/request.h"

/* Put under [q] what the user's file ($XDG_CONFIG_HOME/pilot/pilots.yaml, else
 * ~/.config/pilot/pilots.yaml) and then the site's (pilot/pilots.yaml in the
 * folders of $XDG_CONFIG_DIRS, else SYSCONFDIR) say for pilots at [url]:
 *
 *   slurm: {account: proj, setup: ["module load openmpi"]}
 *   pbs: {qos: workq}
 *
 * A key is a scheme without "+ssh", or `all`.  A file that is not there is no
 * error.  Errors: input, 78, "FILE:LINE: ...".
 */
int defaults_merge(resource_request *q, const char *url, pe_error *errp);

#endif
