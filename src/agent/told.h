/* told.h - what the events of a pilot's processes have said so far. */
#ifndef AGENT_TOLD_H
#define AGENT_TOLD_H

#include <jansson.h>
#include <stdbool.h>

/* Starts zeroed. */
typedef struct agent_told {
    bool ready;
    bool error;    /* the one message of what fails; */
    bool fatal;    /* no restart can mend it, */
    bool silent;   /* it is only that its processes ended without a word, */
    int exit_code; /* and this exit status belongs to it, 1 to 255 */
    bool final;    /* the final event, */
    bool failed;   /* whose state is "failed", */
    bool drained;  /* or "drained" */
} agent_told;

/* Take [event] (event.h).  False: nothing new, an error after the first one,
 * for ranks may say it more than once; or no event.
 */
bool agent_told_take(agent_told *t, const json_t *event);

#endif
