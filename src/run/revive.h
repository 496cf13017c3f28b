/* revive.h - services a run had of its own, up again for a while. */
#ifndef RUN_REVIVE_H
#define RUN_REVIVE_H

#include "src/run/run.h"

/* Starts zeroed. */
typedef struct revival {
    struct run r;
    struct run_options o;
    bool open;
} revival;

/* Have the broker and the parameter service of run [run] in [home], which ended
 * with it and whose files lie in its folder, up again.  Nothing to do where it
 * had none, or they run.  Nobody follows the run meanwhile.  Errors: 75:
 * somebody does, or a signal came (run_interrupted); 69: they do not start.
 */
int revive_open(revival *v, const char *home, const char *run, pe_error *errp);
/* Stop them where they were started. */
void revive_close(revival *v);

/* Where [errp] says that a service of the run in [dir] is away, which was its
 * own and ended with it, add what starts it again.  Returns -1.
 */
int revive_hint(const char *dir, pe_error *errp);

#endif
