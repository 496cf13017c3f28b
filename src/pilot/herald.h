/* herald.h - a supervisor's thread that talks with the parameter service. */
#ifndef PILOT_HERALD_H
#define PILOT_HERALD_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/params/params.h"

/* Signs of life go out, orders come in, and a service that does not answer
 * holds nobody up.
 */
typedef struct herald herald;

enum { HERALD_WORD_MAX = 64 };

/* Start the thread.  [c] and the names are copied; what [c] dials with has to
 * live as long as the herald.
 */
herald *herald_start(const params_conf *c, const char *run, const char *member,
                     pe_error *errp);

/* Listen for other pilots of the run, too, with [brokers] also for those of
 * that kind: see herald_others.
 */
void herald_watch(herald *h, bool brokers);

/* How many pools, edges, and commands that follow the run are alive as far as
 * their beats tell; -1: not heard yet.
 */
int herald_others(herald *h);
/* Forget that: what is heard from now on counts. */
void herald_ask(herald *h);

/* Tell [json] (copied): at once when [now], else at the next turn of two
 * seconds.  The newest one counts.
 */
void herald_say(herald *h, const char *json, bool now);

/* Put the control word of the run, once the service answers. */
void herald_control(herald *h, const char *word);

/* The order for this pilot and the control word of the run, as heard last;
 * both HERALD_WORD_MAX bytes, "" for none.  False: never heard.
 */
bool herald_hear(herald *h, char *order, char *control);

/* Say what is to be said for up to [patience_ns], end the thread, free.  May
 * be NULL.
 */
void herald_stop(herald *h, int64_t patience_ns);

#endif
