/* private.h - parts of the Slurm backend. */
#ifndef BACKEND_SLURM_PRIVATE_H
#define BACKEND_SLURM_PRIVATE_H

#include "src/backend/backends.h"
#include "src/resource/scheduler.h"

extern const resource_words slurm_words;
extern const resource_words slurmrest_words; /* of slurmrestd */

/* How Slurm's programs answer. */
extern const scheduler_ways slurm_ways;

/* Call [f] with each option that [s] asks for, in sbatch's words: "--nodes="
 * with its value, "--exclusive" with NULL; [comment] is for people, or NULL.
 */
typedef void (*slurm_option_f)(void *arg, const char *option, const char *value,
                               const char *comment);
void slurm_options(const resource_spec *s, slurm_option_f f, void *arg);
/* They as lines of a script. */
int slurm_directives(const resource_spec *s, text *out, pe_error *errp);

/* Fill in the jobs of [x] from lines of SLURM_SQUEUE_FORMAT; lines that are
 * none, and jobs nobody asked for, are passed over.  [cluster] (NULL: the
 * one that was not named) is that of the ids.
 */
void slurm_parse_queue(const char *out, size_t len, const char *cluster,
                       const job_index *x);
/* The same for those still absent, from `sacct -P -X` with its header.
 * States of jobs that are not over are stale: the controller did not know
 * them.
 */
void slurm_parse_accounting(const char *out, size_t len, const char *cluster,
                            const job_index *x);

/* The joules of a job by `sacct -P` with its header, of the job and its steps.
 * The line of the job adds up its steps but for the batch step, which counts
 * the first node for all of the job: so of a job of one node the largest line
 * counts, of several the steps where one is on all nodes, and both where steps
 * are on all but the first, as those of mpirun.  Errors: retry, 75: it is not
 * over there, or not known; input, 78: there is no figure, and why.
 */
int slurm_parse_energy(const char *out, size_t len, double *joulesp,
                       pe_error *errp);

/* What state [word] ([len] bytes: "RUNNING", "CANCELLED by 1001") means. */
enum resource_seen slurm_state(const char *word, size_t len);

/* What a reason means for people. */
typedef struct slurm_reason {
    const char *prefix; /* of the reason */
    const char *prose;
    bool never; /* it will not run as it is asked for */
    bool held;
} slurm_reason;
/* NULL: none is known. */
const slurm_reason *slurm_reason_find(const char *reason);

/* Fill prose and never of [job], which has its state and reason, and which is
 * expected to start at [expected_ns] (0: that is not known).
 */
void slurm_explain(resource_job *job, int64_t expected_ns);

int slurm_doctor(resource *r, const resource_request *q,
                 void (*line)(void *arg, bool ok, const char *text), void *arg,
                 pe_error *errp);

#endif
