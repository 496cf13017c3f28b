/* submit_private.h - what the files of a submission share. */
#ifndef REGISTRY_SUBMIT_PRIVATE_H
#define REGISTRY_SUBMIT_PRIVATE_H

#include "src/common/object.h"
#include "src/registry/submit.h"
#include "src/registry/supervise.h"

/* Paths on the resource's host. */
typedef struct submit_place {
    host *host;
    char *home;    /* HOME there */
    char *dir;     /* of the pilot */
    char *libexec; /* of the agents; NULL: as they are installed here */
    char *supervisor;
    /* What the agents that travel there were built for; "": they do not, or
     * are none of ours.
     */
    char machine[OBJECT_MACHINE];
} submit_place;

/* Errors: of the host; 78: no agents for that machine. */
int place_open(const submit_plan *p, host *h, submit_place *out,
               pe_error *errp);
/* The same for this host, which is not touched. */
int place_here(const submit_plan *p, submit_place *out, pe_error *errp);
void place_close(submit_place *at);

/* Write request.json, pipeline.yaml and what travels with them into the
 * folder of [p], and those of its tenants.
 */
int place_fill(const submit_plan *p, const submit_place *at, pe_error *errp);

/* --- submit_files.c --- */

/* Files of --stage-in into DIR/in, so that none takes the place of ours. */
int files_stage_in(const submit_plan *p, const submit_place *at,
                   pe_error *errp);
/* Under which name object [path], of override [i] of [q], travels: its own,
 * behind the number of the first override that names it where another object
 * has that name already.  New memory.
 */
char *files_object_name(const pipeline_request *q, size_t i, const char *path);
/* The overrides of [p] as they read on the resource's host, where the objects
 * they name come into [dir], each under a name of its own; new memory.
 */
char **files_overrides(const submit_plan *p, const submit_place *at,
                       const char *dir, pe_error *errp);
/* Where a broker is to run in a job: have its jars in the cache, here, where
 * a mirror can be reached.  Errors: 78, 69: they cannot be had.
 */
int files_fetch(const submit_plan *p, const submit_place *at, pe_error *errp);

/* What its supervisor is told; [out] is overwritten. */
int place_supervise(const submit_plan *p, const submit_place *at,
                    supervise *out, pe_error *errp);

#endif
