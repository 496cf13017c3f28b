/* failpoint.h - places where a process is made to fail, for tests. */
#ifndef COMMON_FAILPOINT_H
#define COMMON_FAILPOINT_H

#include <pilot/error.h>

/* What PILOT_FAULT names: ACTION@POINT[:NTH[:WHO]], several with a comma
 * between them.
 *   kill stop exit   SIGKILL, SIGSTOP to oneself, exit status 1
 *   delay=MS         sleep so long, from the NTH time on each time
 *   error            what is done there fails, where it can (class retry)
 * NTH: of a process, from 1. WHO: rankN, or the pilot's name; else whoever
 * comes there first.  What is no delay happens once in a run: a process that is
 * started again goes on.
 *
 * Or @FILE: the list is in a file that may come, go and be replaced (by a
 * rename) while a run goes on; what has happened of it is FILE.0, FILE.1, ...
 */
enum failpoint {
    /* Of a rank. */
    FAILPOINT_ASSIGN,     /* it is about to read its partitions */
    FAILPOINT_FETCH,      /* it has a record */
    FAILPOINT_COMPUTE,    /* its stages are to have a block */
    FAILPOINT_REDUCE,     /* it contributes to an epoch */
    FAILPOINT_RESULTS,    /* a result or a refused block is with the client */
    FAILPOINT_COMMIT,     /* rank 0 is to send a commit */
    FAILPOINT_ANNOUNCE,   /* it is stored, and nobody knows; error: its answer
                             is lost */
    FAILPOINT_CHECKPOINT, /* a file of the model is to be written */
    FAILPOINT_DRAIN,      /* the pool was told to end */
    /* Of an edge agent; the first three of a gateway, too. */
    FAILPOINT_SENSED,  /* a device has a block */
    FAILPOINT_SPOOLED, /* its spool has it */
    FAILPOINT_SENT,    /* the client has it */
    FAILPOINT_ACKED,   /* the broker has it */
    FAILPOINT_END,     /* a device is to write its end */
    FAILPOINT_N
};

/* 0: off, as long as failpoint_open has found nothing. */
extern int failpoint_on;

/* Read PILOT_FAULT, and say so where there is any.  [dir]: of the pilot, where
 * it is kept what has happened; [rank] -1: none.  Errors: input, 64: what is
 * not known, with what there is.
 */
int failpoint_open(const char *dir, const char *pilot, int rank,
                   pe_error *errp);
/* At [p]: 0, or -1: what is done here has failed. */
int failpoint_hit(enum failpoint p, pe_error *errp);

#define FAILPOINT_FAILS(p, errp) \
    (__builtin_expect(failpoint_on, 0) && failpoint_hit((p), (errp)) < 0)
/* Where nothing can fail. */
#define FAILPOINT(p)                           \
    do {                                       \
        if (__builtin_expect(failpoint_on, 0)) \
            failpoint_hit((p), 0);             \
    } while (0)

#endif
