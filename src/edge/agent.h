/* agent.h - the edge agent: all devices of one edge pilot in a process. */
#ifndef EDGE_AGENT_H
#define EDGE_AGENT_H

#include <stdatomic.h>

/* Run edge pilot [pilot] of the run that keeps its files in [dir], to its
 * end: sense, process and send until the sources end, write the ends, follow
 * the models until the run says "done".  *signals counts signals that asked
 * for the end: with the first the sources stop, what is queued is sent, and
 * the agent leaves without waiting for "done".  Returns the exit status, the
 * error having been told as an event and in the log.
 */
int agent_run(const char *dir, const char *pilot, const atomic_int *signals);

#endif
