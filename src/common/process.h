/* process.h - child processes of this host: start, signal, reap, read. */
#ifndef COMMON_PROCESS_H
#define COMMON_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <pilot/error.h>

#include "src/common/text.h"

typedef struct process process;

typedef struct process_spec {
    const char *const *argv; /* argv[0] looked up on PATH */
    const char *const *env;  /* "K=V" added to ours; may be NULL */
    const char *out_path;    /* stdout to this file; NULL: a pipe to us */
    const char *err_path;    /* stderr to this file; NULL: ours */
    const char *folder;      /* it starts there; NULL: where we are */
    const char *in_path;     /* stdin is this file; NULL: as in_ours has it */
    bool in_ours;            /* stdin is ours; else there is nothing on it */
    bool in_pipe;            /* stdin is a pipe from us, whatever else */
    bool err_pipe;           /* stderr through a pipe to us */
    bool new_group;          /* own process group: a terminal's Ctrl-C does
                                not reach it */
    bool new_session;        /* own session: outlives our terminal too */
    bool no_rank;            /* we may be a rank of MPI: the child is none, nor
                                hears of it */
} process_spec;

/* 0 when [program] is on PATH, or a path that is there; else the error
 * process_start would give. */
int process_find(const char *program, pe_error *errp);

/* Start a child with no signal blocked or ignored.  Errors: "mpirun is not
 * there: install openmpi-bin" (input, 78; the package is named for the programs
 * known here), a file that cannot be made (73), a folder that is not there
 * (input, 78), no room for a process (retry, 75).
 */
process *process_start(const process_spec *s, pe_error *errp);

/* Pipe of its stdout (non-blocking), -1 when it goes to a file. */
int process_fd(const process *p);
/* The same of its stderr, -1 without err_pipe. */
int process_err_fd(const process *p);
/* Pipe to its stdin (non-blocking), -1 without in_pipe.  What is written there
 * while nobody reads it raises SIGPIPE, which is the caller's to ignore.
 */
int process_in_fd(const process *p);
/* Its stdin is at its end. */
void process_in_close(process *p);
pid_t process_pid(const process *p);

/* Send [sig] to the child (its group when it has one). */
void process_signal(process *p, int sig);

/* Has it ended?  Never blocks.  After true, process_status is valid. */
bool process_ended(process *p);
/* 0..255 exit status, or 128 + signal. */
int process_status(const process *p);
/* What a status says, for people, in [what]: "was killed by signal 9", "ended
 * with status 205".  Launchers have statuses beyond 128 that are no signals.
 */
void process_status_words(int status, char what[64]);
/* CPU seconds of it and its reaped children. */
double process_cpu_s(const process *p);

/* Wait up to [timeout_ms] (-1: for ever); true when it ended. */
bool process_wait(process *p, int timeout_ms);

/* Has it ended, or does it at once?  For one that has closed its output, which
 * says nothing any more: waits some milliseconds.
 */
bool process_leaves(process *p);

/* End a child that still runs (TERM, then KILL after 5 s), reap, free.  May
 * be NULL.
 */
void process_destroy(process *p);

/* Is a child over, or within [timeout_ms]?  It is not reaped, so its id and its
 * group are nobody else's.
 */
bool process_over(const process *p, int timeout_ms);

/* End one that was started with new_group, and reap it: TERM, unless it is
 * over, and after [grace_ms] whoever of its group is left is killed.
 */
void process_end_group(process *p, int grace_ms);

/* Forget a child that is to outlive us: nothing ends or reaps it. */
void process_release(process *p);

/* How far a child may go. */
typedef struct process_limits {
    double timeout_s; /* <= 0: none */
    size_t max;       /* of bytes of each of out and err */
} process_limits;

/* What it said, which is added to what is there, and as process_status. */
typedef struct process_answer {
    text out, err;
    int status;
} process_answer;

/* Run [s], whose output goes to us, to its end.  Its process group is new in
 * any case.  Errors, after which [a] still wants process_answer_free: as
 * process_start; retry, 69: it took too long, and was ended; retry, 75: it
 * said too much.
 */
int process_run(const process_spec *s, const process_limits *l,
                process_answer *a, pe_error *errp);
void process_answer_free(process_answer *a);

/* Kill every process of this user that was started with [mark], a whole
 * "NAME=VALUE", in its environment: what outlives the parent it was started
 * by.  Never us.  Returns how many there were.
 */
int process_kill_marked(const char *mark);
/* The same, until none is left, which they are not while they die, and what
 * they start meanwhile goes, too; at most [timeout_ms].  Returns how many there
 * were at last.
 */
int process_end_marked(const char *mark, int timeout_ms);

/* The most memory that this process has had at once, in bytes; 0 when that
 * cannot be read.
 */
int64_t process_peak_bytes(void);

/* The state letter of process [pid], and when it began, in the words of
 * /proc/PID/stat, in [start]; '\0' and "": there is none.  A pid alone may be
 * somebody else's later.
 */
char process_state(pid_t pid, char start[32]);

/* Raise the signals that whoever started us got before we were there: the
 * words of PILOT_EARLY ("USR1 TERM"), which is taken out of the environment.
 * To be called with these signals blocked.
 */
void process_raise_early(void);

#endif
