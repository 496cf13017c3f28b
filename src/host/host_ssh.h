/* host_ssh.h - a host behind SSH, to itself. */
#ifndef HOST_HOST_SSH_H
#define HOST_HOST_SSH_H

#include "src/common/text.h"
#include "src/host/host_private.h"
#include "src/host/ssh_exec.h"
#include "src/host/ssh_sftp.h"
#include "src/host/ssh_target.h"

/* A channel that is refused may be free a little later. */
enum { SSH_ROOM_TRIES = 20, SSH_ROOM_NS = 50000000 };

/* An open file; they are known to their host, which closes them when the
 * session goes.
 */
typedef struct ssh_host_file {
    ssh_file file;
    struct ssh_host_file *next;
} ssh_host_file;

typedef struct ssh_host {
    host base;
    ssh_target target;
    host_conf conf; /* its times */
    ssh_session *s; /* NULL: not connected */
    ssh_sftp sftp;  /* raw NULL: not open */
    ssh_host_file *files;
    bool fresh; /* connected for this very call */
    bool again; /* see host_ops.again */
} ssh_host;

/* Begin a call: connect where there is no session.  -1: not reached. */
int ssh_host_begin(ssh_host *h, pe_error *errp);
/* The same with SFTP. */
int ssh_host_begin_files(ssh_host *h, pe_error *errp);
/* End it: a broken session is dropped.  Returns [status]. */
int ssh_host_end(ssh_host *h, int status, bool idempotent);

/* ssh_exec on its session. */
int ssh_host_exec(ssh_host *h, const ssh_script *script, char word[32],
                  host_answer *a, bool *sentp, pe_error *errp);
/* A script that may be run twice. */
typedef struct ssh_question {
    const char *what; /* for messages */
    const text *body; /* see ssh_exec; it may have failed */
    double timeout_s; /* <= 0: none */
} ssh_question;

int ssh_host_ask(ssh_host *h, const ssh_question *q, char word[32],
                 host_answer *a, pe_error *errp);

/* Commands: host_ssh_run.c. */
int ssh_host_run(host *h, const host_command *c, host_answer *a,
                 pe_error *errp);
int ssh_host_spawn(host *h, const host_command *c, pid_t *pidp, char start[32],
                   pe_error *errp);
int ssh_host_alive(host *h, pid_t pid, const char *start, pe_error *errp);
int ssh_host_kill(host *h, pid_t pid, const char *start, int sig,
                  pe_error *errp);

#endif
