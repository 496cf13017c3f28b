/* ranks.h - do the ranks know of each other?  For `pilot doctor`. */
#ifndef POOL_RANKS_H
#define POOL_RANKS_H

#include <pilot/error.h>

/* Collective, from before MPI_Init to after MPI_Finalize.  Prints one line
 * about the world, which shall have [ranks]; [number] is the launcher's for
 * this process.  Returns the exit status: 78 when they do not know of each
 * other.
 */
int ranks_check(int ranks, int number);

#endif
