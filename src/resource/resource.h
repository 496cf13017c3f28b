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

typedef struct resource resource;

/* An option that a user may say in words of his own, and that would make
 * something else than one job of a script.  A short one may stand in a cluster
 * behind flags; a long one may be cut to what no other begins with.
 */
typedef struct resource_foreign {
    char letter;       /* 0: it has none */
    const char *least; /* of the long one: "--ar"; NULL: it has none */
    const char *whole;
    const char *why; /* ends the table with NULL */
} resource_foreign;

/* How a scheduler hears the words of a request. */
typedef struct resource_words {
    const char *option[REQUEST_N_WORDS]; /* how it reads there: "--nodes=" */
    /* Why it cannot be asked for, and what to do; NULL: it can. */
    const char *refusal[REQUEST_N_WORDS];
    const resource_foreign *foreign; /* NULL: there are none */
    const char *flags; /* short options without a value: "hV"; or NULL */
} resource_words;

/* Why no job array is asked of any scheduler. */
#define RESOURCE_ARRAY_WHY                                               \
    "pilots join a run one by one: submit this one without it, and add " \
    "others with 'pilot resize ID -n RANKS'"

/* What a scheduler tells those who are in a job of it, or beside it. */
typedef struct resource_scheduler {
    const char *variable; /* of the environment inside of a job: its id */
    /* A command whose answer begins like this where the scheduler is: other
     * programs may have the name of its own.
     */
    const char *const *version;
    const char *answer;
    /* When job [id] ends, CLOCK_REALTIME; 0: it has no end.  Errors: retry,
     * 69.
     */
    int (*end)(resource *r, const char *id, int64_t *end_nsp, pe_error *errp);
    /* Seconds from TERM to KILL, by default; what tells: a command (NULL:
     * nothing does), whose last word this variable holds (NULL: none), by a
     * line "WORD = NUMBER".
     */
    double grace_s;
    const char *const *grace;
    const char *grace_variable;
    const char *grace_word;
} resource_scheduler;

/* What a backend is and can do; a NULL operation is one it has not. */
typedef struct resource_ops {
    const char *scheme; /* "slurm", also of "slurm+ssh" (src/request/place.h) */
    const char *name;   /* for people: "Slurm" */
    bool is_direct;     /* its jobs are processes: none waits, none has a time
                           limit, and a command that runs them may be asked as
                           often as one likes */
    bool is_here;       /* processes of this very host */
    const resource_words *words;         /* NULL: it hears none */
    const resource_scheduler *scheduler; /* NULL: it is none */
    /* A struct of its own, zeroed but for what is its own; who opens it fills
     * in the part that all have.  [here]: its commands run on this host.
     */
    resource *(*create)(bool here, pe_error *errp);
    /* In its place: opens itself from its whole URL, but for the time limit. */
    resource *(*open)(const char *url, pe_error *errp);
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
    /* One query for all [n] jobs, whatever n.  What an earlier one said is
     * forgotten; an id that was given stays, whatever it is.  Errors: retry
     * 69: no answer; then nothing is known of any job.
     */
    int (*describe)(resource *r, resource_job *jobs, size_t n, pe_error *errp);
    /* End a job: [now] without its time to tidy up.  One that is over
     * already, or not known (any more), is success.  Errors: input, 78: [id]
     * is none; retry 69: not reached.
     */
    int (*cancel)(resource *r, const char *id, bool now, pe_error *errp);
    /* The joules that a job which is over has taken, by the scheduler's own
     * accounting; NULL: it keeps none that we know to read.  Errors: retry,
     * 75: it does not know yet; 69: not reached; input, 78: why it will not.
     */
    int (*energy)(resource *r, const char *id, double *joulesp, pe_error *errp);
    /* Give nodes of a running job back: keep the first [nodes]. */
    int (*shrink)(resource *r, const char *id, int nodes, pe_error *errp);
    /* Where each pilot has a machine that is made for it, and all below is
     * said to that one; NULL: they live at the place itself.
     *
     * Make the one of [s], whose folder is not known yet, or find it again:
     * opened, borrowed until [r] is closed; its id into [id].  Errors: retry,
     * 69: whether there is one is not known; else nothing of it is left.
     */
    resource *(*make)(resource *r, const resource_spec *s,
                      char id[RESOURCE_ID_MAX], pe_error *errp);
    /* The machine of [id], opened and borrowed.  Errors: retry, 69. */
    resource *(*at)(resource *r, const char *id, pe_error *errp);
    /* Try the place out, a line for each thing that it owes. */
    int (*conform)(resource *r,
                   void (*line)(void *arg, bool ok, const char *text),
                   void *arg, pe_error *errp);
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
/* The host on which the files of job [id] are: that of the place, or of the
 * machine that was made for it.  Borrowed; NULL: error, retry 69.
 */
host *resource_host(resource *r, const char *id, pe_error *errp);

#endif
