/* scorer.h - a child that scores rows: functions of users may end it, and not
 * us.
 */
#ifndef RUN_SCORER_H
#define RUN_SCORER_H

#include "src/agent/event.h"
#include "src/common/process.h"

/* Starts zeroed. */
typedef struct scorer {
    process *proc;
    event_reader reader;
    bool closed;
    uint64_t rows; /* so far */
    double share;  /* of all; < 0: nobody knows */
    bool told;     /* it told its error */
    pe_error error;
} scorer;

/* Start pilot-score with [args], NULL-ended; with [input] it has our standard
 * input.
 */
int scorer_start(scorer *s, const char *const *args, bool input,
                 pe_error *errp);
/* Where to wait for its words; -1: it says nothing more. */
int scorer_fd(const scorer *s);
/* Hear what it has said.  1: it goes on; 0: it is done; -1: it has failed. */
int scorer_turn(scorer *s, pe_error *errp);
/* End it where it still runs. */
void scorer_close(scorer *s);
/* "scoring again: 12,000 rows, 34%" */
void scorer_words(const scorer *s, char *out, size_t cap);

#endif
