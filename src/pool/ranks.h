/* ranks.h - what ranks know of each other, and of their hosts. */
#ifndef POOL_RANKS_H
#define POOL_RANKS_H

#include <pilot/error.h>

#include "src/watchdog/watchdog.h"

/* Collective, from before MPI_Init to after MPI_Finalize.  Prints one line
 * about the world, which shall have [ranks]; [number] is the launcher's for
 * this process.  Returns the exit status: 78 when they do not know of each
 * other.
 */
int ranks_check(int ranks, int number);

/* Collective.  Which rank of its host this is, and how many there are. */
void ranks_of_host(int *rankp, int *sizep);

/* Collective.  Have ranks of several hosts watched as [c] says, which needs no
 * place, socket or hosts; NULL where there is one.  An error of the system.
 */
int ranks_watch(const watchdog_conf *c, watchdog **wp, pe_error *errp);

#endif
