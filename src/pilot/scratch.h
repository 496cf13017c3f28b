/* scratch.h - folders of a pool outside its pilot's: noted, and removed. */
#ifndef PILOT_SCRATCH_H
#define PILOT_SCRATCH_H

#include <pilot/error.h>

/* What mpirun leaves behind when it is killed lies in folders that are ours
 * to remove: its session in one, memory shared by the ranks in the other.
 */
typedef struct scratch {
    char *session; /* under /tmp: a socket's path has to be short */
    char *shared;  /* under /dev/shm; NULL: there is none */
} scratch;

/* New ones, noted in pilot folder [dir]; those noted there before are
 * removed.  Error: 73.
 */
int scratch_make(scratch *out, const char *dir, pe_error *errp);
void scratch_free(scratch *s); /* the names only */

/* Remove what is noted in [dir]: also after a supervisor that was killed. */
void scratch_clean(const char *dir);

#endif
