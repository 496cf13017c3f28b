/* acl.h - what each role may do at a Redis: its rules, for ACL SETUSER. */
#ifndef PARAMS_ACL_H
#define PARAMS_ACL_H

#include <pilot/error.h>

#include "src/login/login.h"

/* The rules of [role] for the runs [run], the name of one or "*", as ACL
 * SETUSER and a file of ACL users take them: "resetkeys resetchannels -@all
 * ...", with no password and no word on whether the user is on.  In new memory;
 * NULL: error (input, 78: no name of a run).
 */
char *params_acl_rules(enum login_role role, const char *run, pe_error *errp);

#endif
