/* pilots.h - what the commands that look at pilots share. */
#ifndef RUN_PILOTS_H
#define RUN_PILOTS_H

#include "src/common/text.h"
#include "src/registry/observe.h"
#include "src/run/reach.h"

/* The pilots a command is about. */
typedef struct pilots {
    char *home;
    reach *reach;
    observe_cache *cache;
    pilot_record *r;
    size_t n;
    size_t torn;     /* records that cannot be read */
    char **troubles; /* what schedulers did not answer, each once */
    size_t n_troubles;
    json_t *heard; /* newest beats by id */
} pilots;

int pilots_open(pilots *p, pe_error *errp);
void pilots_close(pilots *p);

/* Take those that [n] words mean, each once, in the order of their creation;
 * no words: all of them.  In place of those taken before.
 */
int pilots_select(pilots *p, char *const *words, size_t n, pe_error *errp);

/* Bring them up to date.  A scheduler that does not answer is told on standard
 * error, once.  Returns the number of those that did not answer; -1 on error.
 */
enum pilots_ask {
    PILOTS_ASK_NOT, /* read what pilots have written themselves */
    PILOTS_ASK_IF_DUE,
    PILOTS_ASK_NOW,
};
int pilots_observe(pilots *p, enum pilots_ask ask, pe_error *errp);

/* Time that is left to [r] as squeue prints it; "-" when there is no end. */
void pilots_left(const pilot_record *r, int64_t now_ns, text *out);

/* Why it does not run, or how it ended: its reason without controls, with
 * what the state alone does not tell; "" when there is nothing to tell.
 */
void pilots_reason(const pilot_record *r, int64_t now_ns, text *out);

/* "12 s", "5 min", "3 h", "2 d". */
void pilots_age(int64_t ns, text *out);

/* Parse a time with its unit (or "0"); error 64 naming option [option]. */
int pilots_time(const char *option, const char *value, double *secondsp,
                pe_error *errp);

#endif
