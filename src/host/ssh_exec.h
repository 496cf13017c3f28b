/* ssh_exec.h - shell scripts run at the other end. */
#ifndef HOST_SSH_EXEC_H
#define HOST_SSH_EXEC_H

#include "src/host/host.h"
#include "src/host/ssh_session.h"

/* The login shell may be a csh or a fish, and may print what it likes before
 * it obeys.  So it is told `exec /bin/sh -s` and no more; the script comes
 * through standard input, in one pair of braces, so that all of it has been
 * read before any of it runs.  It says `began WORD` when it starts: what
 * stands before that is dropped, and WORD is what it found (SSH_BEGAN when
 * all is well).
 */
#define SSH_BEGAN "ok"

typedef struct ssh_script {
    const char *body; /* commands, each line with its end */
    double timeout_s; /* <= 0: none */
    size_t max;       /* of bytes of an answer; 0: 1 MiB */
    const char *what; /* the command's name, for messages */
} ssh_script;

/* Run it to its end: [a] has what it said behind `began`, [word] the word.
 * *sentp (may be NULL) tells on error whether it may have run.  Errors: retry,
 * 69: the session broke, or it took too long (its processes are ended then);
 * retry, 75: too long an answer; fatal, 77: the login shell runs no commands.
 */
int ssh_exec(ssh_session *s, const ssh_script *script, char word[32],
             host_answer *a, bool *sentp, pe_error *errp);

#endif
