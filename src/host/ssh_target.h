/* ssh_target.h - where an SSH URL leads: it, and ~/.ssh/config. */
#ifndef HOST_SSH_TARGET_H
#define HOST_SSH_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

#include "src/host/host.h"

enum { SSH_IDENTITIES = 4, SSH_PORT = 22 };

typedef struct ssh_target {
    char name[256]; /* as the user wrote it: for messages */
    char host[256]; /* to connect to, and in known_hosts */
    char user[64];
    int port;
    char *identities[SSH_IDENTITIES]; /* key files that were named */
    size_t n_identities;
    char *folder;      /* ~/.ssh */
    char *known_hosts; /* the user's */
    bool proxied;      /* a ProxyJump or ProxyCommand that is not followed */
} ssh_target;

/* [t] of [from], "ssh://[USER@]HOST[:PORT]" (or SCHEDULER+ssh://...).  What
 * neither it nor [c] says is taken from ~/.ssh/config: HostName, Port, User and
 * IdentityFile below `Host` with names, `*`, `?` and `!`; other keywords,
 * `Match` and `Include` are passed over.  Errors: input, 78.
 */
int ssh_target_parse(const char *from, const host_conf *c, ssh_target *t,
                     pe_error *errp);
void ssh_target_clear(ssh_target *t);

/* Fill in from the text of a configuration: for ssh_target_parse and tests.
 * What [t] has already stays.
 */
void ssh_target_config(ssh_target *t, const char *home, const char *config);

#endif
