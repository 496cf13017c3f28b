/* submit_private.h - what the files of a submission share. */
#ifndef PILOT_SUBMIT_PRIVATE_H
#define PILOT_SUBMIT_PRIVATE_H

#include "src/pilot/submit.h"
#include "src/pilot/supervise.h"

/* Paths on the resource's host. */
typedef struct submit_place {
    host *host;
    char *home;    /* HOME there */
    char *dir;     /* of the pilot */
    char *libexec; /* of the agents; NULL: as they are installed here */
    char *supervisor;
} submit_place;

/* Errors: of the host; 78: no agents for that machine. */
int place_open(const submit_plan *p, host *h, submit_place *out,
               pe_error *errp);
/* The same for this host, which is not touched. */
int place_here(const submit_plan *p, submit_place *out, pe_error *errp);
void place_close(submit_place *at);

/* Write request.json, pipeline.yaml and what travels with them into the
 * folder of [p], and those of its parts.
 */
int place_fill(const submit_plan *p, const submit_place *at, pe_error *errp);

/* What its supervisor is told; [out] is overwritten. */
int place_supervise(const submit_plan *p, const submit_place *at,
                    supervise *out, pe_error *errp);

#endif
