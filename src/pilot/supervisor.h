/* supervisor.h - what the files of the supervisor share. */
#ifndef PILOT_SUPERVISOR_H
#define PILOT_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "src/agent/crew.h"
#include "src/agent/energy.h"
#include "src/pilot/deadline.h"
#include "src/pilot/herald.h"
#include "src/pilot/tender.h"
#include "src/pipeline/pipeline.h"
#include "src/registry/supervise.h"

enum supervisor_state {
    SUPERVISOR_STARTING,
    SUPERVISOR_ACTIVE,
    SUPERVISOR_DRAINING,
    SUPERVISOR_OVER
};

/* A crew and what it is: this pilot itself, or a tenant of its allocation. */
typedef struct unit {
    crew crew;
    struct supervisor *s;
    char *name;       /* member */
    char *dir;        /* its folder, where its err is */
    char *err_path;   /* of a tenant; NULL: our own */
    bool is_service;  /* up before the others, down after them */
    bool is_params;   /* what our herald speaks by */
    bool asked;       /* to drain, or to leave */
    int64_t err_from; /* where its words begin in the pilot's err */
} unit;

typedef struct supervisor {
    const char *dir;
    bool attached;      /* a command reads our events and is waited for, */
    const char *events; /* which begin with this */
    pipeline_request *req;
    pipeline *pl;
    const pipeline_pilot *pilot;
    supervise conf;
    char *mark;
    herald *herald; /* NULL: no parameter service, or not yet */
    unit *units;
    size_t n_units;

    enum supervisor_state state;
    bool begun; /* services are known, crews may start */
    bool told_launch;
    bool claimed;      /* the run is ours, by its parameter service */
    bool stopped;      /* somebody wants the end: no crew starts again */
    bool done;         /* the run is, by its control word, */
    bool closed;       /* and nobody needs its services */
    bool asked;        /* who still lives, since its other units are over */
    bool canceled;     /* ... of this pilot, before its work is done */
    bool leaving;      /* its work is done, and its services go */
    bool cut;          /* a signal came before that, to us or the ranks */
    int signal;        /* that asked for it; 0: none */
    int64_t signal_ns; /* when, monotonic */
    int signal_fd;
    char reason[512]; /* of the state, for people */
    deadline time;
    bool end_known;
    int64_t ask_ns;   /* when the scheduler is asked again, monotonic */
    int64_t born_ns;  /* monotonic */
    int64_t waits_ns; /* for a hello of its agents, monotonic */
    bool again;       /* ... which were started again for want of it */
    int64_t kill_ns;  /* patience ends then, monotonic; 0: not running */
    double grace_s;   /* from TERM to KILL of the scheduler; 0: none */
    int64_t leave_ns; /* by then we have to be gone, monotonic; 0: whenever */
    int64_t beat_ns;  /* of the next beat, monotonic */
    bool changed;     /* the next beat is due now */
    bool silent;      /* the error is that agents ended without a word */
    bool buried;      /* the devices of a dead edge have their ends */
    int64_t bury_ns;  /* else when to try again, monotonic; 0: not tried yet */
    int ranks;        /* a smaller world, when ranks were drained; 0: all */
    int64_t seq;
    char endpoint[256];
    char successor[256];
    tender tender;       /* of a pool that has a policy */
    process *chain_proc; /* that submits it; NULL: none */
    int64_t chain_ns;    /* monotonic: it is given up, or tried again */
    json_t *progress, *final, *error; /* newest events; may be NULL */
    json_t *machine; /* what this host is; NULL: not looked at yet */
    energy energy;   /* of this host, since the pilot began on it */
    struct {
        int starts, restarts; /* of agents */
        double cpu_s;
    } life;           /* of supervisors before us */
    int64_t begun_ns; /* real: the newest start of agents */
    int64_t heard_ns; /* when [progress] came, monotonic; 0: not of agents that
                         live */
    struct {
        int64_t ns, blocks; /* of an earlier progress; 0: none */
        double rate;        /* since then, blocks/s */
    } pace;
    int status;
} supervisor;

/* --- supervisor_kind.c: what runs in a pilot of each kind --- */

/* Make the crews. */
int kind_open(supervisor *s, pe_error *errp);
void kind_close(supervisor *s);
/* May they start?  1, 0 (not yet: s->reason says what it waits for), -1. */
int kind_ready(supervisor *s, pe_error *errp);
/* Talk with the parameter service once it is known, in a pilot that does not
 * need it to begin.
 */
int kind_listen(supervisor *s, pe_error *errp);
/* Ask [p] to end what is begun and leave. */
void kind_drain(unit *u);
/* The pools wait for the ends of devices that do not come back.  A command that
 * follows the run writes them; where none does, we stay until they are: true.
 */
bool kind_ends_due(supervisor *s, int64_t now);

/* --- supervisor_command.c: how it is started --- */

/* The command line of [arg], a unit, as crew_ops.command. */
int kind_command(void *arg, crew_command *c, pe_error *errp);

/* --- supervisor_tell.c: beats, events, the exit record --- */

/* Change the state; told at once. */
void tell_state(supervisor *s, enum supervisor_state state, const char *fmt,
                ...) __attribute__((format(printf, 3, 4)));
/* Keep a progress event; who stands still, or goes on, beats at once. */
void tell_progress(supervisor *s, json_t *event);
void tell_beat(supervisor *s, int64_t now_ns);
/* For the command that runs us, or the log. */
void tell_event(supervisor *s, json_t *event);
void tell_note(supervisor *s, const char *text);
/* The one message of a pilot that fails; its exit status is set. */
void tell_error(supervisor *s, const pe_error *e);
void tell_exit(supervisor *s);

/* --- supervisor_life.c: over the deaths of supervisors, too --- */

/* Find what those before us had counted. */
void life_open(supervisor *s);
/* For who comes after us. */
void life_keep(const supervisor *s);
int life_starts(const supervisor *s);
int life_restarts(const supervisor *s);
double life_cpu_s(const supervisor *s);
/* Into the last word of agents: cpu_s of all of the pilot's processes, and,
 * where these are not its first, "life" {"n", "since_ns"} (monitor.h).
 */
void life_tell(const supervisor *s, json_t *final);

/* --- supervisor_time.c: the end of the allocation --- */

void time_open(supervisor *s);
/* Is it time to stop?  Asks the scheduler once more before it says so. */
bool time_is_up(supervisor *s);
/* The scheduler warned us by a signal. */
bool time_warned(supervisor *s);
void time_learn(supervisor *s, const json_t *progress);

/* --- supervisor_chain.c: who goes on after us --- */

/* Who an incarnation before this one has submitted. */
void chain_open(supervisor *s);
/* Submit it once the pilot is active; again when that failed. */
void chain_turn(supervisor *s);
/* At the end: none goes on when the work is done, or nobody wants it. */
void chain_close(supervisor *s);

/* --- supervisor_scale.c: the policy of a pool that nobody follows --- */

void scale_turn(supervisor *s);
void scale_close(supervisor *s);

/* Milliseconds until we have to be gone, at most [most]. */
int time_left_ms(const supervisor *s, int most);

#endif
