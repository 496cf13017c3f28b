/* run.h - `pilot run`: one run, from its file to its summary. */
#ifndef CMD_RUN_H
#define CMD_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "src/cmd/option.h"
#include "src/cmd/restart.h"
#include "src/monitor/event.h"
#include "src/monitor/monitor.h"
#include "src/params/params.h"
#include "src/pipeline/pipeline.h"
#include "src/resource/process.h"

struct run_options {
    option_list set;
    const char *summary; /* file, or NULL */
    const char *name;    /* of the new run, or NULL */
    const char *resume;  /* run to go on with, or NULL */
    const char *until;   /* "eof", or NULL */
    const char *file;    /* the operand, NULL with resume */
    bool dry_run, keep, quiet, help;
};

/* What becomes of the processes of a pilot. */
enum agent_state {
    AGENT_WAITS, /* to be started at due_ns */
    AGENT_RUNS,
    AGENT_DONE,    /* ended after its final event */
    AGENT_GIVEN_UP /* died for good */
};

/* The processes of one pilot, and what they said. */
typedef struct agent {
    const pipeline_pilot *pilot;
    enum agent_state state;
    process *proc;
    event_reader reader;
    restart deaths;
    int64_t due_ns; /* monotonic; start (again) then */
    char *program;  /* pilot-agent or pilot-edge */
    char *err_path; /* RUN_DIR/NAME.err */
    char *mark;     /* in the environment of all its processes */
    /* of this incarnation */
    bool closed;   /* its stdout is at its end */
    bool ready;    /* it said so */
    bool told;     /* it told its error, */
    bool fatal;    /* which no restart can mend, */
    int exit_code; /* and this exit status belongs to it */
    bool final;    /* it gave its final event, */
    bool failed;   /* whose state is "failed", */
    bool drained;  /* or "drained" */
    struct run *run;
} agent;

enum run_phase {
    RUN_FLOWS,  /* until the pool's final event */
    RUN_DRAINS, /* the same, with the sources stopped */
    RUN_ENDS,   /* the pool is done, edges take leave */
    RUN_OVER,
};

struct run {
    const struct run_options *o;
    pipeline *p;
    pipeline_request *req;
    char *home;
    int lock_fd;    /* held while a command follows the run; -1: none */
    bool made_dir;  /* by us, in this call */
    bool local;     /* no broker, no parameter service */
    bool managed;   /* we started the services */
    params *params; /* NULL when local */
    monitor *monitor;
    agent *agents;
    size_t n_agents;
    int signal_fd;
    enum run_phase phase;
    bool drained;    /* somebody asked for the end */
    int stop_signal; /* stop now; 0: no */
    bool failed;
    int exit_code;     /* of the first failure */
    int64_t start_ns;  /* monotonic */
    int64_t end_by_ns; /* edges have until then to take leave */
    int64_t shown_ns;  /* last progress line */
    size_t shown;      /* its length on the terminal */
};

/* --- run_setup.c --- */

/* A new run: load the file, choose the id, make the state folder.  Errors:
 * 78, 73 (a run of that name, or no folder can be made).
 */
int run_setup_new(struct run *r, pe_error *errp);
/* Go on with run o->resume.  75: somebody follows it already. */
int run_setup_resume(struct run *r, pe_error *errp);
/* Print what would be done; touches nothing. */
int run_setup_plan(const struct run_options *o, pe_error *errp);
/* RUN_DIR/[name] in new memory; the caller frees. */
char *run_path(const struct run *r, const char *name, pe_error *errp);

/* --- run_endpoints.c --- */

/* Fill in where the services of the run are: out of the file, the
 * environment, the earlier request, those kept for development, or started
 * for this run, whichever is first.
 */
int run_endpoints_resolve(struct run *r, pe_error *errp);

/* --- run_services.c --- */

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
/* Tell the agents by control word; -1 when it cannot be put. */
int run_services_control(struct run *r, const char *word, pe_error *errp);
/* Write ends for the devices of edge pilot [a], which died for good. */
int run_services_bury(struct run *r, const agent *a, pe_error *errp);

/* --- run_launch.c --- */

/* Start the processes of [a]; its ranks through mpirun. */
process *run_launch(const agent *a, pe_error *errp);
/* Remove what the ranks of [a] may have left outside the run's folder; also
 * after an earlier command that was killed.
 */
void run_launch_clean(const agent *a);

/* --- run_agent.c --- */

/* A row for each pilot that has processes; a program that is missing is an
 * input error (78).
 */
int run_agents_create(struct run *r, pe_error *errp);
void run_agents_destroy(struct run *r);
/* Start it, or start it again. */
int run_agent_start(agent *a, pe_error *errp);
/* Take what it has printed so far. */
void run_agent_read(agent *a);
/* Ask for the end by signal: stop sensing, process what is there, leave. */
void run_agent_drain(agent *a);
/* Show the last lines of its stderr. */
void run_agent_tail(const agent *a);
bool run_agent_is_over(const agent *a);

/* --- run_follow.c --- */

/* Start the agents and stay until the run is over. */
void run_follow(struct run *r);
/* Has somebody asked to stop?  For long steps before run_follow. */
bool run_interrupted(struct run *r);
/* The first failure decides the exit status. */
void run_fail(struct run *r, int exit_code, const char *what);
/* Take the progress line off the terminal before a message. */
void run_progress_clear(struct run *r);

#endif
