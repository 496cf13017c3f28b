/* task.h - functions over data sets, slice by slice, as the service has them.
 */
#ifndef PARAMS_TASK_H
#define PARAMS_TASK_H

#include "src/params/params.h"

/* Tasks (src/task): each is done slice by slice, from 0, by whoever claims the
 * next one for [ttl_ms]; one whose worker was silent for that long is another's
 * then, so each is done at least once and its result kept once.
 */
typedef struct params_task {
    char *name, *text; /* src/task/task.h makes and reads the text */
    char *state;       /* why no more is done of it: "canceled", or what
                          has failed; NULL: nobody has said so */
    bool known;        /* how many slices there are, in all: */
    uint64_t slices;
    uint64_t done, failed; /* of them */
} params_task;

typedef struct params_worker {
    const char *task;
    const char *worker; /* MEMBER/WORLD/RANK, WORLD in hex digits: another one
                           of this member is dead */
    int64_t ttl_ms;
} params_worker;

#define PARAMS_SLICE_TRIES 2 /* so often one is begun, at most */
#define PARAMS_RESULTS_MAX ((size_t)64 << 20) /* bytes, of one task */

/* By name. */
int params_tasks_fetch(params *p, params_task **out, size_t *np,
                       pe_error *errp);
void params_tasks_free(params_task *t, size_t n); /* may be NULL */
/* 1: it is there now; 0: there is one of that name.  [slices] 0: nobody knows
 * how many there are, until somebody says so.  A name has no '/'.
 */
int params_task_put(params *p, const char *task, const char *words,
                    uint64_t slices, pe_error *errp);
int params_task_end(params *p, const char *task, uint64_t slices,
                    pe_error *errp);
/* No more is done of it, because of [why]; what was said first stays. */
int params_task_stop(params *p, const char *task, const char *why,
                     pe_error *errp);

/* What the service answers; -1: error. */
enum params_slice_word {
    PARAMS_SLICE_DO,   /* claim: *slicep is ours; renew: still; put: kept */
    PARAMS_SLICE_DEAD, /* claim: *slicep was begun too often; put: as failed */
    PARAMS_SLICE_LOST, /* renew: it is another's, or nobody's any more */
    PARAMS_SLICE_WAIT, /* claim: others have what is left */
    PARAMS_SLICE_OVER, /* claim: nothing is left; put: it was there */
};
int params_slice_claim(params *p, const params_worker *w, uint64_t *slicep,
                       pe_error *errp);
int params_slice_renew(params *p, const params_worker *w, uint64_t slice,
                       pe_error *errp);
/* It is another's, and as if it had not been begun: 0, or -1. */
int params_slice_leave(params *p, const params_worker *w, uint64_t slice,
                       pe_error *errp);
/* What came of a slice; where it failed, why. */
typedef struct params_result {
    bool failed;
    const void *data;
    size_t len;
} params_result;
/* What there is stays.  Where the results of the task are too many bytes it
 * has failed.
 */
int params_slice_put(params *p, const char *task, uint64_t slice,
                     const params_result *r, pe_error *errp);
/* It is not ours any more: 0, or -1. */
int params_slice_drop(params *p, const char *task, uint64_t slice,
                      pe_error *errp);
/* 1: into [out]; 0: there is none yet. */
int params_slice_fetch(params *p, const char *task, uint64_t slice,
                       pe_buffer *out, bool *failedp, pe_error *errp);

#endif
