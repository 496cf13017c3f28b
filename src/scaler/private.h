/* private.h - what the files of this room share. */
#ifndef SCALER_PRIVATE_H
#define SCALER_PRIVATE_H

#include "scaler.h"
#include "src/common/process.h"
#include "src/live/live.h"
#include "src/pipeline/pipeline.h"
#include "src/run/pilots.h"

/* A decision that is carried out. */
typedef struct act {
    process *proc; /* a command of ours that does; NULL: none */
    scale_decision d;
    int64_t began_ns; /* monotonic */
    char *out, *err;  /* its files */
} act;

struct scaler {
    char *home, *run, *dir;
    pipeline_request *req;
    pipeline *pl;
    const pipeline_pilot *pilot; /* that has the policy: a pool, or an edge */
    const scale_policy *policy;
    live *live;
    pilots pilots;
    bool open;        /* [pilots] is */
    int64_t asked_ns; /* monotonic: when schedulers were, last */
    char first[96];   /* the member that leads: of the file, or who goes on for
                         it */
    scale_history history;
    json_t *rows; /* of decisions */
    char id[200]; /* as keeper */
    act act;
    char watched[96]; /* the member that was submitted last, until it is up */
    int64_t up_ns;    /* since when it is, real; 0: not yet */
    char leaving[SCALE_MEMBERS_MAX][96]; /* asked to, by us */
    size_t n_leaving;
    params_event event; /* that is decided about; name NULL: none */
    int64_t put_ns;     /* when the state was written, monotonic */
    enum scale_cause told_cause;
    bool took_over; /* from a keeper before us, and not looked at yet */
    void (*tell)(void *arg, const char *line);
    void *arg;
};

/* --- facts.c --- */

/* Look at the run.  [f] points into [s] and the returned document, which the
 * caller frees; NULL: no memory.
 */
json_t *facts_take(scaler *s, scale_facts *f, pe_error *errp);
/* The record of the member that is watched, or NULL. */
const pilot_record *facts_record(const scaler *s, const char *member);

/* Has the registry any pilot of the pool, or the edge, one that has ended too?
 */
bool facts_is_begun(const scaler *s);
/* Is what [row], a decision of a keeper before us, says to be seen? */
bool facts_was_done(const scaler *s, const scale_facts *f, const json_t *row);

/* Who was asked to leave and has left, or is not known any more, needs no
 * place in s->leaving.
 */
void facts_forget_left(scaler *s);

/* --- act.c --- */

/* Begin what [d] says.  1: it is under way, 0: done; -1: refused, as *errp
 * says.
 */
int act_begin(scaler *s, const scale_decision *d, pe_error *errp);
/* Is what is under way over?  1, 0 (not yet), -1: it was refused. */
int act_turn(scaler *s, pe_error *errp);
/* Leave it alone: it goes on without us. */
void act_close(scaler *s);

/* --- scaler.c --- */

/* The "now" of what stands in the parameter service. */
json_t *scaler_now(const scaler *s, const scale_decision *d,
                   const scale_facts *f, const scale_history *h);

#endif
