/* login.h - what opens a service: TLS, names and secrets, out of a file. */
#ifndef LOGIN_LOGIN_H
#define LOGIN_LOGIN_H

#include <stdbool.h>

#include <pilot/error.h>

/* A file of logins is JSON, of mode 0600, made by `pilot run` out of all that
 * an `auth` of the pipeline file names:
 *
 *   {"schema": 1, "brokers": [LOGIN...], "params": [LOGIN...]}
 *
 * LOGIN: {"endpoints": [TEXT...], "tls": BOOL, "hostname": BOOL, "ca": PEM or
 * the path of a folder, "certificate", "key": PEM, "key-password", "sasl":
 * MECHANISM, "user", "password", "token", "token-file": TEXT, "options": {NAME:
 * TEXT...}}, all but the first may be missing.
 */
#define LOGIN_BROKERS "brokers"
#define LOGIN_PARAMS "params"

/* Who logs in.  Where an `auth` tells them apart, each has a file of its own.
 */
enum login_role {
    LOGIN_OPERATOR, /* who runs `pilot`, on its own host */
    LOGIN_POOL,     /* supervisors and ranks, and services of a run */
    LOGIN_DEVICE,   /* edge agents and their supervisors */
    LOGIN_N_ROLES,
};

const char *login_role_word(enum login_role role);
/* The file for [role] beside that of the operator at [path], or that one where
 * there is none; in new memory, NULL: no memory.
 */
char *login_role_path(const char *path, enum login_role role);

typedef struct login login;

/* What the file at [path] has in [list] for [endpoint], as it is spelled there,
 * into *outp; NULL: nothing.  Errors: the file cannot be read, is open to
 * others (77), or is none (65).
 */
int login_open(const char *path, const char *list, const char *endpoint,
               login **outp, pe_error *errp);
void login_close(login *l); /* may be NULL; secrets are cleared */

/* The text of [key], or NULL; lives as long as [l]. */
const char *login_text(const login *l, const char *key);
/* [key], true where it is missing. */
bool login_flag(const login *l, const char *key);
/* Each option, until [each] returns -1, which is returned. */
int login_options(const login *l,
                  int (*each)(void *arg, const char *name, const char *value,
                              pe_error *errp),
                  void *arg, pe_error *errp);

#endif
