/* host.h - where commands run and files lie: this host, or one behind SSH. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <pilot/error.h>

/* One thread at a time.  A connection that broke is made again once where
 * that cannot do harm: for questions, files, and commands that were not sent
 * yet.
 */
typedef struct host host;

typedef struct host_conf {
    const char *identity;     /* key file, or NULL: the agent, then the usual
                                 ones in ~/.ssh */
    const char *known_hosts;  /* NULL: ~/.ssh/known_hosts */
    double connect_timeout_s; /* 0: 10 s */
    double keepalive_s;       /* 0: 15 s */
} host_conf;

/* This host: never fails but for memory. */
host *host_open_local(pe_error *errp);

/* USER@HOST:PORT of "ssh://[USER@]HOST[:PORT]"; connects at the first use.
 * Errors at use: retry 69 (not reached), fatal 77 (no key is accepted, with
 * what was tried; an RSA key that this libssh2 cannot use says so; host key
 * unknown or changed, with the line that mends it), 78.
 */
host *host_open_ssh(const char *url, const host_conf *c, pe_error *errp);
void host_close(host *h); /* may be NULL */

bool host_is_local(const host *h);
/* "login.site", or "this host": for messages. */
const char *host_name(const host *h);

/* What a command said. */
typedef struct host_answer {
    int status; /* exit status, or 128 + signal */
    char *out;  /* NUL-ended behind out_len bytes */
    size_t out_len;
    char *err;
    size_t err_len;
} host_answer;

void host_answer_free(host_answer *a); /* leaves it zeroed */

/* Run [argv] (found on the PATH of [h]; no shell sees the words) in [folder]
 * (NULL: as it comes) to its end, nothing on its standard input.  A status
 * other than 0 is an answer, not an error.  Errors: retry, 69: not reached,
 * or [timeout_s] (<= 0: none) is over and the command was ended, or the
 * connection broke and its outcome is unknown; input, 78: no such command or
 * folder; retry, 75: an answer of more than 64 MiB.
 */
int host_run(host *h, const char *const *argv, const char *folder,
             double timeout_s, host_answer *a, pe_error *errp);

/* What is to be run or started; borrowed. */
typedef struct host_command {
    const char *const *argv;
    const char *folder;              /* NULL: as it comes */
    double timeout_s;                /* of host_run; <= 0: none */
    const char *out_path, *err_path; /* of host_spawn: files */
} host_command;

/* Start [c] as a process that outlives us and the connection, its output
 * to files.  *pidp is its process id, of a new session, and [start] (32
 * bytes) when it began in the words of /proc/PID/stat: a pid alone may be
 * somebody else's later.
 */
int host_spawn(host *h, const host_command *c, pid_t *pidp, char start[32],
               pe_error *errp);
/* Does it still run?  1, 0, or -1. */
int host_alive(host *h, pid_t pid, const char *start, pe_error *errp);
/* Signal the process group of [pid] when it is still the one of [start]; one
 * that is not any more is no error.
 */
int host_kill(host *h, pid_t pid, const char *start, int sig, pe_error *errp);

/* Folder of the state there, absolute: PILOT_HOME of that host, else as
 * locate_home() has it.  Borrowed; NULL on error.
 */
const char *host_home(host *h, pe_error *errp);
/* `uname -m` there.  Borrowed; NULL on error. */
const char *host_machine(host *h, pe_error *errp);

/* Files; paths absolute.  mkdir -p, mode 0700. */
int host_mkdir(host *h, const char *path, pe_error *errp);
/* Whole, or not at all: another name, then renamed.  Errors as file_write. */
int host_write(host *h, const char *path, const void *data, size_t len,
               mode_t mode, pe_error *errp);
/* From [offset] at most [max] bytes into new memory, NUL-ended behind *lenp;
 * a file that is not there: *lenp = 0 and an empty text.  NULL on error.
 */
char *host_read(host *h, const char *path, int64_t offset, size_t max,
                size_t *lenp, pe_error *errp);
int host_exists(host *h, const char *path, pe_error *errp); /* 1, 0, -1 */
int host_remove_tree(host *h, const char *path, pe_error *errp);

/* Progress of a copy: called with what is done of how much, in bytes. */
typedef void (*host_progress_f)(void *arg, const char *name, uint64_t done,
                                uint64_t total);

/* Copy a file of this host to [h] and back.  A copy that broke goes on where
 * it was; SHA-256 on both ends decides that it is whole; one that is there
 * with the same digest is not copied.  host_put keeps the mode bits.
 */
int host_put(host *h, const char *from, const char *to,
             host_progress_f progress, void *arg, pe_error *errp);
int host_get(host *h, const char *from, const char *to,
             host_progress_f progress, void *arg, pe_error *errp);

#endif
