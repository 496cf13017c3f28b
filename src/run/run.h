/* run.h - `pilot run`: one run, from its file to its summary. */
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "src/agent/crew.h"
#include "src/common/option.h"
#include "src/monitor/monitor.h"
#include "src/params/params.h"
#include "src/pipeline/pipeline.h"
#include "src/registry/record.h"
#include "src/pilot/tender.h"
#include "src/registry/submit.h"
#include "src/run/scorer.h"

struct run_options {
    option_list set;
    const char *summary; /* file, or NULL */
    const char *name;    /* of the new run, or NULL */
    const char *resume;  /* run to go on with, or NULL */
    const char *until;   /* "eof", or NULL */
    const char *restore; /* a model to begin with, or NULL */
    const char *file;    /* the operand, NULL with resume */
    bool no_final;       /* rows are not scored again at the end */
    bool trace;          /* record what becomes of every block */
    bool dry_run, keep, quiet, help;
};

/* What becomes of a pilot of the run. */
enum agent_state {
    AGENT_WAITS, /* to be started */
    AGENT_RUNS,
    AGENT_DONE,    /* ended after its final event */
    AGENT_GIVEN_UP /* died for good */
};

/* One pilot, and what it said.  Attached ones are children of this command,
 * which reads their events; the others live in a job of their own, and their
 * beats come by the parameter service.
 */
typedef struct agent {
    const pipeline_pilot *pilot;
    char member[96];           /* name of this instance */
    int place;                 /* which of its resources */
    char *url;                 /* where */
    char job[RESOURCE_ID_MAX]; /* of the allocation we are in ourselves; "" */
    resource_request request;  /* effective */
    bool attached;
    bool inside; /* started by the allocation it lives in */
    enum agent_state state;
    pilot_record record;
    char *dir;        /* its folder; of an attached one */
    char *err_path;   /* what its processes say for people */
    char *mark;       /* in the environment of all of them */
    crew crew;        /* the supervisor of an attached one */
    agent_told told;  /* by events or beats, over all its incarnations */
    int64_t beat_pid; /* of the supervisor whose beat was taken last */
    int64_t gone_ns;  /* when its record was final first, monotonic; 0 */
    int64_t beat_seq; /* of the newest beat that was taken */
    bool asked;       /* to end */
    bool unburied;    /* ends of its devices cannot be written, when it was
                         given up */
    int64_t bury_ns;  /* else when to try again; 0: not tried yet */
    struct run *run;
} agent;

enum run_phase {
    RUN_FLOWS,  /* until the pool's final event */
    RUN_DRAINS, /* the same, with the sources stopped */
    RUN_ENDS,   /* the pools are done, edges take leave */
    RUN_SCORES, /* every row is scored again, by the final model */
    RUN_CLOSES, /* services and allocations are ended */
    RUN_OVER,
};

struct run {
    const struct run_options *o;
    pipeline *p;
    pipeline_request *req;
    char *home;
    int lock_fd;    /* held while a command follows the run; -1: none */
    bool made_dir;  /* by us, in this call */
    bool claimed;   /* the parameter service has it as ours */
    bool joined;    /* it was there: one more pilot comes to it */
    bool local;     /* no broker, no parameter service */
    bool managed;   /* we started the services */
    bool placed;    /* pilots of the run are its services */
    params *params; /* NULL when local */
    monitor *monitor;
    agent *agents;
    size_t n_agents;
    enum run_phase phase;
    bool drained;       /* somebody asked for the end, */
    bool late;          /* when it had come already */
    bool cut;           /* a layer is over before its blocks were */
    char trouble[1024]; /* the newest that a look at the schedulers had */
    bool in_trouble;    /* the last one had it */
    bool slow_told;     /* whose end takes its time */
    int stop_signal;    /* stop now; 0: no */
    bool failed;
    int exit_code;      /* of the first failure */
    scorer scorer;      /* of RUN_SCORES */
    tender tender;      /* of the pool that has a policy */
    json_t *guests;     /* pilots that others have added; NULL: none yet */
    pe_error unscored;  /* why that came to nothing */
    int64_t start_ns;   /* monotonic */
    int64_t learned_ns; /* the end of what was learned; 0: not yet */
    int64_t end_by_ns;  /* edges have until then to take leave */
    int64_t shown_ns;   /* last progress line */
    int64_t beats_ns;   /* next look at the beats */
    int64_t observe_ns; /* next look at the schedulers */
    size_t shown;       /* its length on the terminal */
};

/* --- setup.c --- */

/* A new run: load the file, choose the id, make the state folder.  Errors:
 * 78, 73 (a run of that name, or no folder can be made).
 */
int run_setup_new(struct run *r, pe_error *errp);
/* Go on with run o->resume.  75: somebody follows it already. */
int run_setup_resume(struct run *r, pe_error *errp);
/* A new run, or the one called o->name that is there; with o->dry_run none is
 * made.
 */
int run_setup_join(struct run *r, pe_error *errp);
/* Free what these made; the folder too when we made it and [forget]. */
void run_setup_release(struct run *r, bool forget);
/* Could o->file be run, as far as this host can tell without a server?  Print
 * what would be done into [file], a FILE (NULL: do not); touches nothing.
 */
int run_setup_plan(const struct run_options *o, void *file, pe_error *errp);
/* RUN_DIR/[name] in new memory; the caller frees. */
char *run_path(const struct run *r, const char *name, pe_error *errp);

/* --- overrides.c --- */

/* Append [item], which is taken (NULL: no memory). */
int run_override_add(pipeline_request *q, char *item, pe_error *errp);
/* What the user set, and PILOT_TRACE, into [q]; files are meant from here. */
int run_overrides_take(pipeline_request *q, const struct run_options *o,
                       pe_error *errp);
/* Files that the pipeline names are meant from where [file] lies, and agents
 * read a copy of that which lies elsewhere.
 */
int run_overrides_settle(pipeline_request *q, const pipeline *p,
                         const char *file, pe_error *errp);

/* --- sign.c --- */

/* The keys of a run that is signed: made when it is [fresh], else those that
 * are there.  Errors: input: they are gone (78), or open to others (77).
 */
int run_sign_settle(struct run *r, bool fresh, pe_error *errp);

/* --- endpoints.c --- */

/* Fill in where the services of the run are: out of the file, the
 * environment, the earlier request, those kept for development, or started
 * for this run, whichever is first.
 */
int run_endpoints_resolve(struct run *r, pe_error *errp);
/* Does a service that is named answer, where the other one is to be started?
 * Else nothing has to be.  Errors: its own.
 */
int run_endpoints_check(struct run *r, pe_error *errp);
/* The same, but nothing is started: 78 when they are nowhere and no pilot of
 * the file is to be one.
 */
int run_endpoints_find(struct run *r, pe_error *errp);
/* Is it one that `pilot run` would take?  It is part of topics, keys and
 * paths.
 */
int run_name_check(const char *name, pe_error *errp);
/* Take what is known into the request; nothing is started.  False: not both
 * are.
 */
bool run_endpoints_known(struct run *r);
/* Do both live that pilot-services keeps in [folder]? */
bool run_endpoints_up(const char *folder);

/* --- services.c --- */

/* Run "pilot-services VERB --dir FOLDER" to its end.  It writes its messages
 * to our stderr.  69, or what it exits with.
 */
int run_services_call(struct run *r, const char *verb, const char *folder,
                      pe_error *errp);

/* Find or start the services, make the topics, clear what an earlier command
 * left.  Nothing to do for a local run.
 */
int run_services_open(struct run *r, pe_error *errp);
/* Stop what was started, unless it is to be kept. */
void run_services_close(struct run *r);
/* Does the parameter service have that many blocks of the run, which is over?
 * It may have come back as it was before.  0 and *reachedp; -1: it cannot be
 * asked.
 */
int run_services_reach(struct run *r, uint64_t blocks, bool *reachedp,
                       pe_error *errp);
/* Tell the agents by control word; -1 when it cannot be put. */
int run_services_control(struct run *r, const char *word, pe_error *errp);
/* Write ends for the devices of edge pilot [a], which died for good.  May be
 * made again after an error of class retry.
 */
int run_services_bury(struct run *r, const agent *a, pe_error *errp);

/* --- agent.c --- */

/* guests.c - [said] is a beat of pilot [name], which no agent here is. */
void run_guest_hear(struct run *r, const char *name, const char *said);
/* Is there one that may still tell what it did? */
bool run_guests_work(const struct run *r);
/* Who has not told it is named in the summary. */
void run_guests_end(struct run *r);

/* A row for each pilot that is started or watched. */
int run_agents_create(struct run *r, pe_error *errp);
void run_agents_destroy(struct run *r);
/* Submit one that is not attached. */
int run_agent_submit(agent *a, pe_error *errp);
/* What it is started from; [cwd] (NULL: unknown) is borrowed, as all else. */
submit_plan run_agent_plan(const agent *a, const char *cwd);
/* Take an event of it. */
void run_agent_take(agent *a, json_t *event);
/* Take what those that are not attached have told. */
void run_agents_hear(struct run *r);
/* Ask for the end by signal or order: stop sensing, process what is there,
 * leave.
 */
void run_agent_drain(agent *a);
/* Show the last lines of its stderr. */
void run_agent_tail(const agent *a);
/* It died for good, and the run fails by it. */
void run_agent_give_up(agent *a, int exit_code, const char *what);
bool run_agent_is_over(const agent *a);
/* Does it stay until pools and edges are over?  Services and allocations. */
bool run_agent_stays(const agent *a);

/* --- answers.c --- */

/* Does the run end with all its rows scored by its final model?  It has come
 * to its end, and has a model that scores.
 */
bool run_answers_due(const struct run *r);
/* Should a run that was done with [summary] have done so, and has not? */
bool run_answers_lack(const struct run *r, const json_t *summary);
/* Start that; one that fails is told and goes into the summary. */
void run_answers_start(struct run *r);
/* One look; true: it has ended, one way or the other. */
bool run_answers_turn(struct run *r);
/* End it, for signal [sig]. */
void run_answers_stop(struct run *r, int sig);
/* Stay until it has ended. */
void run_answers_wait(struct run *r);
/* Services that are about to end with the run have its model: keep that in its
 * folder, for who scores by it later.
 */
void run_answers_keep(struct run *r);
/* The run goes on: what it came to is not true any more. */
void run_answers_drop(const struct run *r);
/* What the answers and the stream came to, into [summary]. */
void run_answers_tell(const struct run *r, json_t *summary);

/* --- layers.c --- */

/* Is a pool of each layer up? */
bool run_layers_ready(const struct run *r);
/* The first layer whose pools are over, though what comes has not ended, so
 * that those behind it would wait for ever; p->n_streams: none.
 */
size_t run_layers_lost(const struct run *r);
/* Have the pools of layer [from] and those behind it end with what they have.
 */
void run_layers_drain(struct run *r, size_t from);
/* Before the run: what an earlier one has left of the layers in front of the
 * last one.  Errors: 78, where there is a state of a run of this name.
 */
int run_layers_prepare(struct run *r, pe_error *errp);
/* As run_services_bury, where there are several layers. */
int run_layers_bury(struct run *r, const agent *a, pe_error *errp);

/* --- child.c: pilots whose supervisor is a child of this command --- */

/* End what a command that was killed has left of this very pilot, supervisor
 * and agents: it is gone on return.
 */
void run_child_clear(const agent *a);
void run_child_open(agent *a);
/* Start it when it is due, take what it says, see whether it has ended. */
void run_child_turn(agent *a);
/* End it, with what it has started. */
void run_child_close(agent *a);

/* --- watch.c: pilots in jobs of their own --- */

/* Who follows the run, among the beats of its pilots: no name of a pilot. */
#define RUN_FOLLOWER "@follower"

/* Bring the records of pilots that are not attached up to date, at most every
 * 30 s unless [now].
 */
void run_watch(struct run *r, bool now);
/* Say that somebody follows the run: services that its pilots hold stay as
 * long as that is fresh.
 */
void run_watch_tell(struct run *r);
/* Path of a file of this host that holds what opens the service [a], its file
 * [name]: password, kafka.auth, redis.auth; new memory; NULL: it has none that
 * we can read.
 */
char *run_watch_secret(const struct run *r, const agent *a, const char *name);
/* End their jobs: what still runs, or waits in a queue. */
void run_watch_cancel(struct run *r);

/* --- traced.c --- */

/* The run is over: its trace, where it has one, is fetched and folded. */
void run_traced_end(struct run *r);

/* --- energy.c --- */

/* The run is over: schedulers that account for energy are asked for that of its
 * jobs, for a few seconds.
 */
void run_energy_end(struct run *r);

/* --- follow.c --- */

/* Start the pilots that hold services and wait until those are up. */
int run_follow_services(struct run *r, pe_error *errp);
/* Start the agents and stay until the run is over. */
void run_follow(struct run *r);
/* Has somebody asked to stop?  For long steps before run_follow. */
bool run_interrupted(struct run *r);
/* The first failure decides the exit status. */
void run_fail(struct run *r, int exit_code, const char *what);
/* Take the progress line off the terminal before a message. */
void run_progress_clear(struct run *r);

#endif
