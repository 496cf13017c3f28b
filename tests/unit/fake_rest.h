/* fake_rest.h - a slurmrestd that does what a test asks for. */
#ifndef TESTS_FAKE_REST_H
#define TESTS_FAKE_REST_H

enum fake_rest {
    FAKE_REST_READY,   /* takes jobs; it knows none but those it took */
    FAKE_REST_REFUSES, /* takes none */
    FAKE_REST_AWAY,    /* its slurmctld does not answer: -1 for everything */
    FAKE_REST_SILENT,  /* answers no question */
    FAKE_REST_CUT,     /* takes a job, and says nothing */
    FAKE_REST_OVER,    /* knows no job any more: 2017 */
    FAKE_REST_HIDES,   /* its list has none of the jobs that it knows */
    FAKE_REST_LOCKED,  /* lets nobody in */
};

/* Listen on a free port of 127.0.0.1, in a thread; it, or -1. */
int fake_rest_start(void);
void fake_rest_play(enum fake_rest how);
/* The one API that it has, v0.0.38 at first; to others it says 404. */
void fake_rest_api(const char *api);
/* What it says to all but /ping, in place of its own; NULL: that. */
void fake_rest_say(const char *said);
/* The job that it takes, beside what is posted: members of JSON, in place of
 * those that it would have: "\"job_state\": \"RUNNING\", ...".
 */
void fake_rest_job(const char *members);
/* What was posted last, and the head of the last request. */
const char *fake_rest_posted(void);
const char *fake_rest_head(void);

#endif
