/* rehearse_home.h - a home with rehearsed jobs in it, and none left behind. */
#ifndef TESTS_REHEARSE_HOME_H
#define TESTS_REHEARSE_HOME_H

#include <stdbool.h>

#include "src/resource/resource.h"

/* Jobs that say when they are ready for what comes: `run @ready`.
 * The file is whole from the first: the job may be stopped as soon as it is.
 */
#define REHEARSE_READY "echo >\"$0.set\"; mv \"$0.set\" \"${0%/*}/ready\"\n"
#define REHEARSE_WAITS                                               \
    "trap 'echo term >>\"$0.told\"; exit 143' TERM\n" REHEARSE_READY \
    "sleep 1000 & wait\n"
#define REHEARSE_DEAF \
    "trap '' TERM\n" REHEARSE_READY "while :; do sleep 1; done\n"

/* After scratch_make(): SCRATCH/home as PILOT_HOME, and players from the
 * folder the test runs in.  The home is emptied by each call.
 */
extern char rehearse_home[300];
void rehearse_home_make(void);

/* Write [lines] as script SCRATCH/name; its URL, kept to the end. */
const char *rehearse_script(const char *name, const char *lines);

/* Submit a pilot RUN/NAME whose job.sh is [job]; its id, or -1. */
int rehearse_submit(const char *url, const char *pilot, const char *job,
                    char id[RESOURCE_ID_MAX], pe_error *errp);

/* Ask for job [id] until it is seen as [seen]; false: never. */
bool rehearse_await(const char *url, const char *id, enum resource_seen seen,
                    resource_job *job);

/* End all jobs, and wait until their players are gone: the number of those
 * that would not go.
 */
int rehearse_end_all(void);

#endif
