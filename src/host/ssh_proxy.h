/* ssh_proxy.h - the command that leads to a host: ProxyJump, ProxyCommand. */
#ifndef HOST_SSH_PROXY_H
#define HOST_SSH_PROXY_H

#include <sys/types.h>

#include "src/host/ssh_target.h"

/* A process whose standard input and output are our connection.  It ends with
 * it, also when we are killed.
 */
typedef struct ssh_proxy {
    pid_t pid;  /* 0: none */
    int err_fd; /* what it says, in memory; -1: none */
} ssh_proxy;

/* Start t->proxy: the connected socket, or -1: retry, 75. */
int ssh_proxy_start(ssh_proxy *p, const ssh_target *t, pe_error *errp);
/* The connection did not come about: say what it said.  Retry, 69; fatal, 77
 * where a host on the way is not known or lets nobody in.  Returns -1.
 */
int ssh_proxy_fail(ssh_proxy *p, const ssh_target *t, pe_error *errp);
/* The socket is closed: end it where it does not end by itself. */
void ssh_proxy_end(ssh_proxy *p);

#endif
