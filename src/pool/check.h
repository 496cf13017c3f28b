/* check.h - do the ranks know of each other?  For `pilot doctor`. */
#ifndef POOL_CHECK_H
#define POOL_CHECK_H

#include <pilot/error.h>

/* Collective, from before MPI_Init to after MPI_Finalize.  Prints one line
 * about the world, which shall have [ranks]; [number] is the launcher's for
 * this process.  Returns the exit status: 78 when they do not know of each
 * other.
 */
int check_world(int ranks, int number);

#endif
