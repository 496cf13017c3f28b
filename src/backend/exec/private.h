/* private.h - parts of the backend of providers. */
#ifndef BACKEND_EXEC_PRIVATE_H
#define BACKEND_EXEC_PRIVATE_H

#include "src/provider/provider.h"
#include "src/resource/resource.h"

/* A machine: a place behind SSH whose job is one process. */
typedef struct machine {
    resource base; /* its host is NULL where it cannot be had */
    struct machine *next;
    char id[PROVIDER_ID_MAX];
    pe_error why;   /* it cannot be had */
    char off[256];  /* command by which it ends itself; "" */
    int linger_s;   /* and how long behind its pilot */
    char *mark;     /* file of this host: its job was started */
    bool is_marked; /* it is written */
} machine;

/* Opened at [at]; nothing is connected yet.  The caller destroys it. */
machine *machine_open(const provider *p, const provider_machine *m,
                      const provider_address *at, pe_error *errp);
/* One that cannot be had, with [why]. */
machine *machine_lost(const char *id, const pe_error *why, pe_error *errp);
/* All of the list. */
void machine_destroy_all(machine *list);

/* Was the job of machine [name] started, or is it so old that nobody is at it
 * any more?
 */
bool machine_is_started(const provider *p, const char *name);

/* The script of a pilot on a machine of its own. */
char *machine_script(const resource_spec *s, pe_error *errp);

#endif
