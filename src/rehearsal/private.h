/* private.h - a scheduler played from a script: what the backend
 * and the player of a job share.
 */
#ifndef REHEARSAL_PRIVATE_H
#define REHEARSAL_PRIVATE_H

#include <jansson.h>

#include "src/resource/resource.h"

/* --- the script (rehearsal_script.c, where its lines are described) --- */

enum rehearsal_what {
    REHEARSAL_QUEUE,
    REHEARSAL_NEVER,
    REHEARSAL_HOLD,
    REHEARSAL_START,
    REHEARSAL_RUN,
    REHEARSAL_SUSPEND,
    REHEARSAL_ODD,
    REHEARSAL_END, /* as `end` says */
    REHEARSAL_WAIT,
    REHEARSAL_REQUEUE,
    REHEARSAL_LOST_ACCOUNTING,
};

#define REHEARSAL_FOR_EVER (-1.0)

typedef struct rehearsal_act {
    enum rehearsal_what what;
    double seconds; /* of the scheduler's; REHEARSAL_FOR_EVER */
    char until[64]; /* a file in the folder of the pilot; "": none */
    enum resource_seen end;
    int status; /* of REHEARSAL_END with RESOURCE_FAILED */
    char words[RESOURCE_TEXT_MAX];
} rehearsal_act;

typedef struct rehearsal_script {
    double speed; /* its seconds in one of ours */
    double grace_s, limit_s, slow_query_s;
    int fail_query, fail_submit, fail_cancel;
    bool submit_lost;
    char refuse[RESOURCE_TEXT_MAX]; /* "": nothing is refused */
    rehearsal_act *acts;
    size_t n_acts;
} rehearsal_script;

/* Read [path] ("": the empty script).  Errors: input, 78, "PATH:LINE: ...". */
int rehearsal_script_read(const char *path, rehearsal_script *s,
                          pe_error *errp);
void rehearsal_script_free(rehearsal_script *s);

/* --- jobs (rehearsal_job.c) --- */

/* What the scheduler knows of a job: FOLDER/NUMBER.json, written by submit and
 * from then on by the player alone.
 */
typedef struct rehearsal_job {
    char id[RESOURCE_ID_MAX]; /* "NUMBER.rehearsal" */
    char script[1024], dir[1024], submit_dir[1024];
    enum resource_seen seen; /* RESOURCE_ABSENT: accounting is lost */
    char native[64], reason[RESOURCE_TEXT_MAX];
    bool never;
    int exit_code, signal, restarts, nodes;
    double limit_s; /* that it was submitted with; 0: none */
    int64_t submit_ns, start_ns, end_ns;
    int64_t player;        /* process id; 0: not up yet */
    char player_start[32]; /* of /proc/PID/stat */
} rehearsal_job;

/* HOME/rehearsal in new memory; made if it is not there. */
char *rehearsal_folder(host *h, pe_error *errp);

/* Take the next free number: its file is made, empty, and the id filled in. */
int rehearsal_job_create(const char *folder, rehearsal_job *j, pe_error *errp);
int rehearsal_job_write(const char *folder, const rehearsal_job *j,
                        pe_error *errp);
/* 1: there is none such. */
int rehearsal_job_read(const char *folder, const char *id, rehearsal_job *j,
                       pe_error *errp);
/* All of the scheduler that plays [script], oldest first. */
int rehearsal_jobs_read(const char *folder, const char *script,
                        rehearsal_job **out, size_t *np, pe_error *errp);

/* Count a call of [what] ("queries", "submits", "cancels"): a line is added
 * to FOLDER/WHAT, and the number of those of [script] before it is returned;
 * -1 on error.
 */
int rehearsal_count(const char *folder, const char *what, const char *script,
                    pe_error *errp);

#endif
