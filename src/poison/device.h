/* device.h - the functions of an edge agent that may end it, and blocks of its
 * devices that agents have died of.
 */
#ifndef POISON_DEVICE_H
#define POISON_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/block.h>
#include <pilot/error.h>

#include "src/pipeline/pipeline.h"

#define DEVICE_REASON 400 /* bytes of one */

/* A process has one agent.  [s] is one of its stages, whose calls may end it:
 * its number; -1: it is built in, and without a limit.  [words] of fault_words.
 * From the agent's own thread.
 */
int device_guard(const pipeline_stage *s, const char *words);

/* Before its devices start, [n] of them: count what the agent before has noted
 * in folder [dir] of its pilot against blocks that can be read [again], and
 * note there from now on.  *toldp: new memory, what is to be said of it; NULL:
 * nothing.
 */
int device_guard_open(const char *dir, int n, bool again, char **toldp,
                      pe_error *errp);
void device_guard_close(void);

/* Around a call of stage [number] for block [b] of device [i]; its thread's
 * own. False: agents have died of it, it is not to be called, and [why] is the
 * stage, a tab, and the reason.
 */
bool device_guard_enter(int number, int i, const pe_block *b,
                        char why[DEVICE_REASON]);
void device_guard_leave(int number, int i);

#endif
