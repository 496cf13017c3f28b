/* crew.h - the processes of a pilot: started, heard, started again. */
#ifndef AGENT_CREW_H
#define AGENT_CREW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/agent/event.h"
#include "src/agent/restart.h"
#include "src/agent/told.h"
#include "src/common/process.h"

enum crew_state {
    CREW_WAITS, /* to be started at due_ns */
    CREW_RUNS,
    CREW_DONE, /* ended after its final event, or as it was told to */
    CREW_LOST, /* died for good */
};

/* A command line and an environment, lists of src/common/words.h. */
typedef struct crew_command {
    char **argv, **env;
} crew_command;

/* What a crew asks of its owner, and tells it. */
typedef struct crew_ops {
    /* Make the command line; called for every start.  The mark of the crew's
     * reader is what its events have to begin with.
     */
    int (*command)(void *arg, crew_command *c, pe_error *errp);
    /* It has been started.  An error ends it at once, for good.  Optional. */
    int (*started)(void *arg, pe_error *errp);
    /* A JSON event of its processes (borrowed), and any other line. */
    void (*event)(void *arg, json_t *event);
    void (*line)(void *arg, const char *line);
    /* It died with [what] ("was killed by signal 9"): nanoseconds until the
     * next start, or -1: never.  [delay_ns] is what the breaker says.
     */
    int64_t (*died)(void *arg, const char *what, int64_t delay_ns);
    /* After its last word ("had done its work, and then ...").  Optional. */
    void (*stumbled)(void *arg, const char *what);
} crew_ops;

typedef struct crew {
    const crew_ops *ops;
    void *arg;
    const char *err_path; /* its stderr; NULL: ours */
    const char *mark;     /* "NAME=VALUE" in the environment of all of them */
    bool lingers;         /* it may stay as long as it likes after its last
                             word; else for a minute */
    enum crew_state state;
    int64_t due_ns; /* monotonic */
    process *proc;
    event_reader reader;
    restart deaths;
    int starts;
    int stillborn; /* starts that ended without a word, one after the other,
                      however long they took: a host that is dead */
    int suspected; /* ... by a block that is known, since [done] grew */
    int64_t done;  /* blocks: the most that it has told of */
    /* of this incarnation */
    bool closed;      /* its stdout is at its end */
    char fault[512];  /* the function that it died in, or the host that it did
                         not hear; "" */
    bool noted;       /* ... of a block that is known */
    agent_told told;  /* once it is over, its exit_code is that of the crew */
    int64_t final_ns; /* when it gave its final event, monotonic */
    int64_t cut_ns;   /* when it told of a cut, or was pressed to end */
    int pressed;      /* so often */
    bool released;    /* told to leave: its end is no death */
    double cpu_s;     /* of those that ended */
} crew;

/* Start it when it is due, take what it says, see whether it has ended.
 * Never blocks for long.
 */
void crew_turn(crew *c, int64_t now_ns);

/* Its pipe, to poll for; -1: there is none. */
int crew_fd(const crew *c);

bool crew_is_over(const crew *c);

/* Send [sig] to the one process that was started. */
void crew_signal(crew *c, int sig);

/* Leave out what is to be started again: its next end is its last. */
void crew_release(crew *c);

/* End it at once, and whatever carries its mark: TERM, so that a launcher
 * takes its ranks with it, and after [leave_ms] KILL.
 */
void crew_kill(crew *c, int leave_ms);

/* End one that runs, and whatever carries its mark: a death by [what], after
 * which it is started again at the next turn, unless its owner says no.  What
 * it said last is not heard.
 */
void crew_again(crew *c, const char *what);

/* Kill, free what it holds. */
void crew_close(crew *c);

void crew_command_free(crew_command *c); /* leaves it zeroed */

#endif
