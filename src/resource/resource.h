/* resource.h - where pilots live: one set of operations, several schedulers. */
#ifndef RESOURCE_RESOURCE_H
#define RESOURCE_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pilot/error.h>

#include "src/host/host.h"
#include "src/request/request.h"

enum { RESOURCE_ID_MAX = 128, RESOURCE_TEXT_MAX = 256 };

/* How a scheduler sees a job.  An observation: pilots' states are made of
 * them, by table (src/registry/lifecycle.h).
 */
enum resource_seen {
    RESOURCE_ABSENT, /* it does not know it, or no more */
    RESOURCE_QUEUED, /* also back in the queue */
    RESOURCE_HELD,
    RESOURCE_STARTING, /* nodes are being made ready */
    RESOURCE_RUNNING,
    RESOURCE_SUSPENDED,
    RESOURCE_ENDING, /* its processes are being ended, files copied */
    RESOURCE_DONE,   /* status 0 */
    RESOURCE_FAILED,
    RESOURCE_CANCELED,
    RESOURCE_TIMEOUT,
    RESOURCE_PREEMPTED, /* and not queued again */
    RESOURCE_NODE_LOST, /* and not queued again */
    RESOURCE_UNKNOWN,   /* a word we do not know */
    RESOURCE_N_SEEN
};

const char *resource_seen_name(enum resource_seen s); /* "queued" */

/* One job in a query: the caller fills [id] (may be empty) and [dir], the
 * backend the rest.
 */
typedef struct resource_job {
    char id[RESOURCE_ID_MAX]; /* the scheduler's.  Empty: the one that was
                                 submitted for [dir], if any; it is filled in
                                 then */
    const char *dir;          /* of the pilot, on the resource's host */
    int64_t since_ns;         /* when it was submitted: how far to look back;
                                 0: not known */
    enum resource_seen seen;
    char native[64];                /* the scheduler's own word: "PENDING" */
    char reason[RESOURCE_TEXT_MAX]; /* its reason, as it says it; "" */
    char prose[RESOURCE_TEXT_MAX];  /* why it does not run or how it ended, in
                                       words for people, with the fix; "" */
    bool never;                     /* as it is asked for it will never run */
    int exit_code, signal;          /* of one that ended; -1: not known */
    int restarts;                   /* times it was queued again */
    int64_t submit_ns, start_ns, end_ns; /* CLOCK_REALTIME; 0: not known;
                                            end of a running one: its limit */
    int nodes;                           /* 0: not known */
    char hosts[RESOURCE_TEXT_MAX];
} resource_job;

/* What is to be submitted. */
typedef struct resource_spec {
    const char *pilot;      /* id: RUN/NAME */
    const char *kind;       /* pool, edge, ... for the comment in the script */
    const char *dir;        /* its folder, on the resource's host */
    const char *supervisor; /* the program there that runs the pilot */
    const char *submit_dir; /* where it starts */
    const resource_request *request;
} resource_spec;

/* What a backend can do; a NULL operation is one it has not. */
typedef struct resource resource;
typedef struct resource_ops {
    const char *scheme; /* "slurm" */
    const char *name;   /* for people: "Slurm" */
    bool queues;        /* a job may wait; it has a time limit */
    /* The script of [s], new memory; no connection, the same bytes for the
     * same spec.  Errors: input, 64: a word that this scheduler cannot be
     * asked for, with the reason.
     */
    char *(*script)(const resource_spec *s, pe_error *errp);
    /* Lines for --dry-run and the echo of a request: the command that would
     * be called.  New memory.
     */
    char *(*command)(const resource_spec *s, pe_error *errp);
    /* Submit DIR/job.sh, which is written already; the job's id into [id].
     * Errors: what the scheduler says, in its words; retry 69: not reached,
     * or the outcome is unknown (look with describe before another try);
     * input 78/64: refused.
     */
    int (*submit)(resource *r, const resource_spec *s, char id[RESOURCE_ID_MAX],
                  pe_error *errp);
    /* One query for all [n] jobs, whatever n.  Errors: retry 69: no answer;
     * then nothing is known of any job.
     */
    int (*describe)(resource *r, resource_job *jobs, size_t n, pe_error *errp);
    /* End a job: [now] without its time to tidy up.  One that is over
     * already is success.
     */
    int (*cancel)(resource *r, const char *id, bool now, pe_error *errp);
    /* Give nodes of a running job back: keep the first [nodes]. */
    int (*shrink)(resource *r, const char *id, int nodes, pe_error *errp);
    /* Lines of `pilot doctor` about queues and limits. */
    int (*doctor)(resource *r, const resource_request *q,
                  void (*line)(void *arg, bool ok, const char *text), void *arg,
                  pe_error *errp);
    void (*close)(resource *r);
} resource_ops;

/* An opened place.  Backends put it first into their own struct. */
struct resource {
    const resource_ops *ops;
    host *host;
    char *url;
    double timeout_s; /* of a scheduler's command */
};

void resource_close(resource *r); /* may be NULL */

#endif
