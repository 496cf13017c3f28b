/* log.h - one process's part of the trace, written while it works. */
#ifndef TRACE_LOG_H
#define TRACE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#include "layout.h"

/* A log and its thread.  Who adds a row copies it under a lock that is held
 * for as long as a copy takes; the thread writes once a second, or when half
 * of the room is taken.  Where there is no room, or the disk has none, rows go
 * and are counted: nothing waits.
 */
typedef struct trace_log trace_log;

/* Who writes; borrowed for the call. */
typedef struct trace_writer {
    const char *folder; /* of the pilot: the log is made in trace/ of it */
    const char *run, *pilot, *member;
    const char *kind; /* "pool", "edge" */
    int rank, ranks;
    uint32_t layer;
    uint64_t world;
    /* The time of the parameter service, asked for in a thread of its own at
     * the start and every 10 s; NULL: the offset of this host's clock is not
     * measured by this process.
     */
    int (*ask)(void *arg, int64_t *nsp, pe_error *errp);
    void *arg; /* lives as long as the log */
} trace_writer;

/* What became of block rows. */
typedef struct trace_count {
    uint64_t rows;    /* added */
    uint64_t dropped; /* ... for which there was no room */
    uint64_t lost;    /* ... that could not be written */
} trace_count;

/* Make FOLDER/trace/MEMBER.RANK.N.log, with the first N that is free.  Where it
 * cannot be made, which is said in the process's log, rows are lost until it
 * can: no run ends by its trace.  Errors: no memory, no thread.
 */
trace_log *trace_log_open(const trace_writer *w, pe_error *errp);
/* Write what is there, and that this is the end; free.  May be NULL. */
void trace_log_close(trace_log *l);

/* The index of a device for rows of this log.  One thread. */
uint32_t trace_log_device(trace_log *l, const char *name);
/* Add a row, of the type that goes with [kind].  Any thread. */
void trace_log_add(trace_log *l, enum layout_kind kind, const void *row);
/* So far.  Any thread.  After the last second nothing is lost any more: see
 * trace_log_flush.
 */
trace_count trace_log_count(trace_log *l);
/* Have all that was added written, or lost: for a final count. */
void trace_log_flush(trace_log *l);

#endif
