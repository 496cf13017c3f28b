/* fake_resource.h - places and hosts that say what a test wants them to. */
#ifndef TESTS_FAKE_RESOURCE_H
#define TESTS_FAKE_RESOURCE_H

#include "src/resource/resource.h"

/* In place of resource.c and host.c: "queue://NAME" has a queue on this host,
 * "far://NAME" one on another (whose commands run here), "direct://NAME" has
 * none; others are errors.
 */
enum { FAKE_JOBS_MAX = 16 };

extern struct fake {
    /* What schedulers know: by id, or by folder where `dir` is given. */
    resource_job jobs[FAKE_JOBS_MAX];
    size_t n_jobs;
    const char *silent; /* the URL of one that does not answer; NULL: none */
    /* Counts. */
    int opens, closes, describes, runs;
    size_t asked;   /* jobs in the last question */
    char urls[512]; /* of the questions, each followed by a blank */
} fake;

/* Begin anew: nothing is known. */
void fake_clear(void);

/* A job that is seen so; more may be filled in. */
resource_job *fake_job(const char *id, enum resource_seen seen);

#endif
