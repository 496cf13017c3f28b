/* format.h - one line a job: what squeue is asked for, and what
 * `pilot-slurm jobs` prints in its place.
 */
#ifndef BACKEND_SLURM_FORMAT_H
#define BACKEND_SLURM_FORMAT_H

/* Fields in their order, '|' between them, a newline behind the last.  The
 * last two are free text: the reason ends at the first '|' that a '/' follows,
 * the command at the end of the line.
 */
enum slurm_field {
    SLURM_ID,       /* the job's own number: "25" for task 20_2 of an array */
    SLURM_STATE,    /* long name, "PENDING": job_state_string() */
    SLURM_PRIORITY, /* decimal; 0 of a pending job: held */
    SLURM_SUBMIT,   /* times: SLURM_TIME in local time, else "N/A" (not */
    SLURM_START,    /* known) or "NONE" (no end); callers set TZ=UTC.  Of a */
    SLURM_END,      /* pending job they are what Slurm expects */
    SLURM_NODES,    /* decimal */
    SLURM_HOSTS,    /* "node[1-3]", "" when it has none */
    SLURM_RESTARTS, /* decimal; "-": not known (squeue) */
    SLURM_EXIT,     /* "CODE:SIGNAL" of one that ended; "-": not known */
    SLURM_REASON,   /* state_desc when there is one, blanks and all, else
                       job_reason_string() */
    SLURM_COMMAND,  /* path of the script, absolute */
    SLURM_N_FIELDS
};

/* What squeue -o gets: the fields above in its letters.  It has none for
 * restarts and exit codes.
 */
#define SLURM_SQUEUE_FORMAT "%A|%T|%Q|%V|%S|%e|%D|%N|-|-|%r|%o"

/* strftime(3) format of times. */
#define SLURM_TIME "%Y-%m-%dT%H:%M:%S"

/* `pilot-slurm jobs [CLUSTER]`: all jobs of this user that the controller
 * knows, in every state, in any order; an array that waits is one line.
 * `pilot-slurm end ID`: one line, the job's end in SLURM_TIME, or "NONE".
 * Exit status 0; 69: the controller does not answer; 78: the library does not
 * fit this cluster: squeue is asked from then on.  What went wrong is one line
 * on standard error.
 */
#define SLURM_HELPER "pilot-slurm"

#endif
