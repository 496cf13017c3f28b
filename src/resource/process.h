/* process.h - child processes of this host: start, signal, reap, read. */
#ifndef RESOURCE_PROCESS_H
#define RESOURCE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <pilot/error.h>

typedef struct process process;

typedef struct process_spec {
    const char *const *argv; /* argv[0] looked up on PATH */
    const char *const *env;  /* "K=V" added to ours; may be NULL */
    const char *out_path;    /* stdout to this file; NULL: a pipe to us */
    const char *err_path;    /* stderr to this file; NULL: ours */
    bool new_group;          /* own process group: a terminal's Ctrl-C does
                                not reach it */
} process_spec;

/* 0 when [program] is on PATH, else the error process_start would give. */
int process_find(const char *program, pe_error *errp);

/* Start a child with no signal blocked or ignored and nothing on its standard
 * input.  Errors: "mpirun is not there: install openmpi-bin" (input, 78; the
 * package is named for the programs known here), a file that cannot be made
 * (73), no room for a process (retry, 75).
 */
process *process_start(const process_spec *s, pe_error *errp);

/* Pipe of its stdout (non-blocking), -1 when it goes to a file. */
int process_fd(const process *p);
pid_t process_pid(const process *p);

/* Send [sig] to the child (its group when it has one). */
void process_signal(process *p, int sig);

/* Has it ended?  Never blocks.  After true, process_status is valid. */
bool process_ended(process *p);
/* 0..255 exit status, or 128 + signal. */
int process_status(const process *p);
/* CPU seconds of it and its reaped children. */
double process_cpu_s(const process *p);

/* Wait up to [timeout_ms] (-1: for ever); true when it ended. */
bool process_wait(process *p, int timeout_ms);

/* End a child that still runs (TERM, then KILL after 5 s), reap, free.  May
 * be NULL.
 */
void process_destroy(process *p);

/* Kill every process of this user that was started with [mark], a whole
 * "NAME=VALUE", in its environment: what outlives the parent it was started
 * by.  Never us.  Returns how many there were.
 */
int process_kill_marked(const char *mark);

#endif
