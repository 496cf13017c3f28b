/* signals.h - the wishes of whoever runs a command, also in a long step. */
#ifndef RUN_SIGNALS_H
#define RUN_SIGNALS_H

#include <stdbool.h>

#include <pilot/error.h>

/* What has come since the last look. */
struct signals {
    int ends;  /* SIGINT and SIGTERM, */
    int last;  /* the last of them; */
    bool hung; /* SIGHUP: the terminal is gone */
};

/* From now on a thread takes these signals.  Once in a process. */
int signals_open(pe_error *errp);
/* Readable when something has come; -1: not open. */
int signals_fd(void);
struct signals signals_take(void);

/* A step begins that may take long, and what it does ("pool is submitted to
 * slurm://"); NULL: it is over.  A wish to end during it is answered with
 * what is waited for, and the step is asked to be short (interrupt.h); a
 * second one gives up what is under way, a third ends the process.
 */
__attribute__((format(printf, 1, 2))) void signals_step(const char *fmt, ...);
void signals_step_end(void);

#endif
