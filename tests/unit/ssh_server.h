/* ssh_server.h - an sshd of a test's own, and a HOME for its clients. */
#ifndef TESTS_SSH_SERVER_H
#define TESTS_SSH_SERVER_H

#include <sys/types.h>

/* One at a time, on a free port of 127.0.0.1, with everything it needs in a
 * scratch folder: host keys, settings, log, and client/, which is made HOME
 * of this process, with .ssh/id_ed25519, which the server accepts, and
 * .ssh/known_hosts.  As root it needs /run/sshd, which is made.
 */
typedef struct ssh_server {
    char dir[64];
    char home[80]; /* DIR/client */
    char url[192]; /* ssh://USER@127.0.0.1:PORT */
    char user[64];
    int port;
    pid_t pid;         /* 0: not running */
    const char *extra; /* lines of its settings that go first; may be NULL */
} ssh_server;

/* Are sshd and ssh-keygen there? */
int ssh_server_installed(void);

/* New folder and server; 0, or -1.  However the program ends, short of a
 * SIGKILL, server and folder go with it.
 */
int ssh_server_open(ssh_server *s);
void ssh_server_close(ssh_server *s);

/* Start it (again, with what is in [extra] now) and wait until it answers. */
int ssh_server_run(ssh_server *s);
/* kill -9 of it and of all that its sessions run; they are dead then. */
void ssh_server_kill(ssh_server *s);
/* The same of its sessions only. */
void ssh_server_hang_up(ssh_server *s);
/* Signal the processes below it whose command line has [word]; how many. */
int ssh_server_signal(const ssh_server *s, const char *word, int sig);

/* Run a program to its end: its status, or -1. */
int ssh_server_do(const char *const *argv);
/* A key pair [name] of [type] in client/.ssh. */
int ssh_server_key(const ssh_server *s, const char *name, const char *type,
                   const char *passphrase);
/* Accept the public key client/.ssh/[name].pub, and no other. */
int ssh_server_accept(const ssh_server *s, const char *name);
/* Write file [name] of the folder. */
int ssh_server_write(const ssh_server *s, const char *name,
                     const char *content);
/* Read it into new memory; NULL: it is not there. */
char *ssh_server_read(const ssh_server *s, const char *name);
/* Write client/.ssh/known_hosts with the key of DIR/[key].pub. */
int ssh_server_trust(const ssh_server *s, const char *key);

#endif
