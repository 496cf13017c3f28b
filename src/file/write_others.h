/* write_others.h - files that others of the run have written. */
#ifndef FILE_WRITE_OTHERS_H
#define FILE_WRITE_OTHERS_H

#include "src/context/context.h"
#include "write_part.h"

typedef struct write_others {
    const char *stem, *end; /* files are STEM.WRITER.END */
    const char *owner;      /* of those that are ours */
    const char *writer;     /* we: MEMBER-RANK, ... */
    int ranks;              /* ... of so many, each of which has its own */
    const context_committed *committed;
    part_counts *counts; /* with that */
} write_others;

/* A rank that is not there any more, of a pool that died or had more of them,
 * has left rows that were not committed: they are cut.  What a pool that lives
 * has written of partitions that are ours now is void.
 */
int write_others_settle(const write_others *o, pe_error *errp);

/* Behind the end of an array of which an HDF5 file is made. */
#define WRITE_PART ".part"

/* Make HDF5 of the array at [path], which ends in WRITE_PART. */
int write_others_make(const char *path, pe_error *errp);
/* ... of those that ranks have left which are not there any more. */
int write_others_finish(const write_others *o, pe_error *errp);

#endif
