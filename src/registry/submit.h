/* submit.h - a pilot gets its folder, its script, and its place in a queue. */
#ifndef REGISTRY_SUBMIT_H
#define REGISTRY_SUBMIT_H

#include <stdbool.h>

#include <pilot/error.h>

#include "src/backend/backend.h"
#include "src/pipeline/pipeline.h"
#include "src/registry/record.h"

/* A pilot that is about to be.  All borrowed. */
typedef struct submit_plan {
    const char *home; /* of the registry on this host */
    const pipeline *pl;
    const pipeline_pilot *pilot;
    const pipeline_request *run; /* id, file, overrides, endpoints */
    const char *member;          /* name of this instance */
    int place;       /* of an edge pilot; -1: one more than the file says */
    const char *url; /* where: not "batch://", see backend_default */
    const resource_request *request; /* effective */
    int ntasks;                      /* 0: what the request says */
    const char *submit_dir;          /* where the user is */
    const char *after;       /* scheduler's id of the one it goes on for, or
                                NULL */
    const char *predecessor; /* id of the pilot it goes on for, whose one
                                successor it becomes; or NULL */
    bool renew;              /* the pilot goes on: its old record is replaced */
    void (*progress)(void *arg, const char *name, uint64_t done,
                     uint64_t total); /* of copies to another host, or NULL */
    void *arg;
} submit_plan;

/* Is what is asked of [url] what that place can give, as far as it is known
 * without asking it?  A chain needs an end of each member; ranks on this host
 * need its memory.  [ntasks]: ranks instead of those of [q]; 0: those.  Input,
 * 78: with the fix.
 */
int submit_check(const char *pilot, bool is_pool, const char *url,
                 const resource_request *q, int ntasks, pe_error *errp);

/* The job script of [p], new memory: no scheduler and no host is asked, and
 * the same plan gives the same bytes.  [commandp] (may be NULL) gets the
 * command line that would submit it.
 */
char *submit_script(const submit_plan *p, char **commandp, pe_error *errp);

/* A record and a folder with all a supervisor on this host needs, without a
 * job: for pilots that live as long as the command that starts them.  [out]
 * is the record.
 */
int submit_prepare(const submit_plan *p, pilot_record *out, pe_error *errp);
/* It has been started, as [sched_id]. */
int submit_started(const submit_plan *p, const char *sched_id,
                   pilot_record *out, pe_error *errp);

/* Submit: record, folder (on the resource's host), script, scheduler.  *out
 * is the record, also when the error is of class retry: whether the
 * scheduler took it is not known then, the record says so and observe() finds
 * out.  After any other error nothing of it is left.  Errors: input, 73:
 * there is such a pilot; retry, 75: the predecessor has another successor;
 * what the scheduler says; what copies to another host say.
 */
int submit(const submit_plan *p, pilot_record *out, pe_error *errp);

/* What a pilot that was submitted asked for, from its request. */
int submit_request_of(const pipeline_request *q, resource_request *out,
                      pe_error *errp);

/* A name for one more instance of pilot [name] in run [run], "NAME.2" ..., in
 * [out]; the first is NAME itself.
 */
int submit_member_next(const char *home, const char *run, const char *name,
                       char *out, size_t cap, pe_error *errp);

#endif
