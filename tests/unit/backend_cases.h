/* backend_cases.h - what every backend owes (src/resource/resource.h): cases
 * for all of them.
 */
#ifndef TESTS_BACKEND_CASES_H
#define TESTS_BACKEND_CASES_H

#include <stdbool.h>

#include "src/resource/resource.h"

/* A pilot that is submitted, and the place it goes to. */
typedef struct contract_job {
    resource *r;
    resource_request q;
    resource_spec s;
    char *dir, *supervisor; /* of [s] */
    char id[RESOURCE_ID_MAX];
} contract_job;

/* What a scheduler is made to do from now on. */
enum contract_part {
    PART_READY,   /* takes jobs and answers; it knows none */
    PART_REFUSES, /* will have nothing of what it is told to do */
    PART_AWAY,    /* cannot be reached */
    PART_SILENT,  /* is reached, and does not answer questions in time */
    PART_CUT,     /* takes a job, and the answer is lost; waits in the queue */
    PART_OVER,    /* the job of before is over, is forgotten */
    PART_SHRINKS, /* gives nodes back */
    PART_ENDS,    /* tells when the job of before ends */
    PART_FITS,    /* has room for the job, as its doctor is told */
    N_PARTS
};

/* How a backend is brought to each of them. */
typedef struct contract_kind {
    const char *scheme;   /* of its operations */
    const char *place;    /* its host in errors: "this host" */
    const char *stranger; /* an id that may be, and is nobody's */
    bool is_played;       /* its commands are, and are counted */
    bool no_line;         /* it has none, and refuses words behind -- */
    /* Open [j] anew and have it play [part].  NULL, or why it cannot. */
    const char *(*play)(contract_job *j, enum contract_part part);
    /* Open [j] anew and submit its job, which then is seen as [seen].  NULL,
     * or why it cannot be.
     */
    const char *(*show)(contract_job *j, enum resource_seen seen);
    void (*tidy)(contract_job *j); /* nothing of it is left; may be NULL */
} contract_kind;

extern const contract_kind *case_kind; /* under test */

/* Rows of a table of unit.h. */
#define BACKEND_CASES(of)                                                  \
    {of ": what it is", case_facts},                                       \
        {of ": a time limit of a user's own", case_limit},                 \
        {of ": a script, and words that are no job", case_script},         \
        {of ": words behind --", case_extra},                              \
        {of ": a job is found by its id and by its folder", case_found},   \
        {of ": a job in every state", case_states},                        \
        {of ": nothing of an earlier answer is left", case_clear},         \
        {of ": not known is no error", case_unknown},                      \
        {of ": not reached is an error", case_away},                       \
        {of ": no answer in time is an error", case_silent},               \
        {of ": a submission that is refused", case_refused},               \
        {of ": a submission that is not reached", case_submit_away},       \
        {of ": a submission whose answer is lost", case_cut},              \
        {of ": canceled twice, now, and unknown", case_cancel},            \
        {of ": cancels that fail", case_cancel_fails},                     \
        {of ": ids that are none", case_ids},                              \
        {of ": nodes back", case_shrink}, {of ": when it ends", case_end}, \
    {                                                                      \
        of ": doctor", case_doctor                                         \
    }

void case_facts(void);
void case_limit(void);
void case_script(void);
void case_extra(void);
void case_found(void);
void case_states(void);
void case_clear(void);
void case_unknown(void);
void case_away(void);
void case_silent(void);
void case_refused(void);
void case_submit_away(void);
void case_cut(void);
void case_cancel(void);
void case_cancel_fails(void);
void case_ids(void);
void case_shrink(void);
void case_end(void);
void case_doctor(void);

/* For cases.  A pilot with a folder of its own, submitted nowhere yet; nothing
 * of it is left behind the end.
 */
void contract_begin(contract_job *j);
void contract_end(contract_job *j);
/* True, and said, where [why] a case cannot be. */
bool contract_skipped(const char *what, const char *why);
/* The scheduler may be asked again later, and that is said. */
void contract_retry(const pe_error *e);

/* For kinds.  Write job.sh of [j] and submit it. */
int contract_submit(contract_job *j, pe_error *errp);
/* [url] as j->r, in place of what was there. */
void contract_open(contract_job *j, const char *url);
/* What its supervisor does: lines of sh, which have the folder as $1. */
void contract_act(const contract_job *j, const char *lines);
/* Ask until the job of [j] is seen as [seen], up to a minute. */
bool contract_await(contract_job *j, enum resource_seen seen);

#endif
