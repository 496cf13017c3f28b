/* ssh_target.h - where an SSH URL leads, by what the user has configured. */
#ifndef HOST_SSH_TARGET_H
#define HOST_SSH_TARGET_H

#include <stddef.h>

#include <pilot/error.h>

#include "src/host/host.h"

enum { SSH_IDENTITIES = 16, SSH_KNOWN_FILES = 8, SSH_PORT = 22 };

typedef struct ssh_target {
    char name[256];     /* as the user wrote it: for messages */
    char host[256];     /* to connect to */
    char known_as[256]; /* its name in known_hosts: a HostKeyAlias, or "" */
    char user[64];
    int port;
    char *identities[SSH_IDENTITIES]; /* key files that were named */
    size_t n_identities;
    char *folder;                 /* ~/.ssh */
    char *known_hosts;            /* where a key of it is to be added */
    char *known[SSH_KNOWN_FILES]; /* where it is looked up */
    size_t n_known;
    char *agent;   /* socket of the key agent, or NULL */
    char *through; /* "ProxyJump gate": for messages, or NULL */
    char *proxy;   /* the command for /bin/sh that leads there, or NULL */
} ssh_target;

/* [t] of [from], "ssh://[USER@]HOST[:PORT]" (or SCHEDULER+ssh://...).  What
 * neither it nor [c] says is what `ssh -G` prints: the user's configuration
 * and the host's, with all that it may have (Include, Match, ...).  Where no
 * ssh is installed there must be no ~/.ssh/config.  Errors: input, 78.
 */
int ssh_target_parse(const char *from, const host_conf *c, ssh_target *t,
                     pe_error *errp);
void ssh_target_clear(ssh_target *t);

/* Fill in from what `ssh -G` printed for a user whose home is [home] and to
 * ssh [passwd_home], for ssh_target_parse and tests.  Keys that [t] has
 * already stay.  -1: no memory, or input, 78.
 */
typedef struct ssh_homes {
    const char *home;        /* where we look for .ssh */
    const char *passwd_home; /* where ssh does */
} ssh_homes;

int ssh_target_config(ssh_target *t, const ssh_homes *homes, char *printed,
                      pe_error *errp);

#endif
