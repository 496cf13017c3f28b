/* trace.h - the trace of a run, read: from its logs, or from its HDF5 file.
 *
 *     trace *t = trace_open("/home/me/.local/state/pilot/RUN", &e);
 *     trace_block b;
 *     while ((rc = trace_next(t, TRACE_BLOCKS, &b, &e)) > 0)
 *         ...
 *     trace_close(t);
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include <pilot/error.h>

#include "row.h"

typedef struct trace trace;

/* The trace of a run: [path] is the folder of the run, or a file that
 * `pilot trace RUN -o FILE.h5` has made.  Of a folder the logs are read, as far
 * as they are written by now, also while the run goes on; where there are none,
 * its trace.h5.  Errors: input, 65: there is no trace (and how one is made),
 * one is of a newer pilot, of several runs, or is none; input, 78: this build
 * has no HDF5.  What is torn, missing or cut is no error: see trace_facts.
 */
trace *trace_open(const char *path, pe_error *errp);
void trace_close(trace *t); /* may be NULL */

enum trace_kind {
    TRACE_BLOCKS,  /* trace_block, layer by layer; by device, boot and seq;
                      those without, by partition and offset, behind them */
    TRACE_COMMITS, /* trace_commit: log by log, in time within one */
    TRACE_RANKS,   /* trace_rank: likewise */
    TRACE_MODELS,  /* trace_model: likewise */
    TRACE_CLOCKS,  /* trace_clock: likewise */
    TRACE_KINDS
};

/* The next row of [kind] into [row] (of that kind's type): 1; 0: there are no
 * more, and the next call begins again; -1: error.  Memory is bounded: blocks
 * are joined by sorting, in files without a name in TMPDIR (/tmp) where they
 * are more than 256 Ki rows.  One kind at a time: another one begins again from
 * its first row.
 */
int trace_next(trace *t, enum trace_kind kind, void *row, pe_error *errp);

/* Which of several layers is the last, from 0; a file has it in its rows alone,
 * which are read then.
 */
int trace_last_layer(trace *t, uint32_t *lastp, pe_error *errp);

/* Device [i] of trace_block; "?": it has no name in the trace. */
const char *trace_device(const trace *t, uint32_t i);
uint32_t trace_devices(const trace *t);

/* A process that wrote a log; strings live as long as the trace. */
typedef struct trace_process {
    const char *pilot, *member, *host;
    const char *kind; /* "pool", "edge" */
    int rank, ranks;  /* of a pool; 0 and 1 of an edge process */
    uint32_t layer;   /* of a pool, of several in a row; else 0 */
    int pid;
    int64_t start_ns, end_ns; /* of its first and its last second */
    bool ended;               /* it has closed its log; else it was killed, or
                                 lives */
    uint64_t rows;            /* blocks that are in its log */
    uint64_t dropped;         /* ... for which there was no room in memory */
    uint64_t lost;            /* ... that could not be written (disk full) */
    uint64_t torn_bytes;      /* behind its last whole second: cut off */
    /* The best offset of its host's clock to the parameter service's, by the
     * smallest bound; bound_ns < 0: not measured.
     */
    int64_t offset_ns, bound_ns;
} trace_process;

/* Process [i] (`log` of rows); NULL behind the last. */
const trace_process *trace_process_at(const trace *t, uint32_t i);

/* What the whole of it is. */
typedef struct trace_facts {
    const char *run;
    bool folded;   /* it was read from an HDF5 file */
    uint64_t rows; /* block rows of all processes, before they are joined;
                      0 of an HDF5 file, which has joined ones */
    uint64_t dropped, lost, torn_bytes; /* sums over processes */
    uint64_t nameless; /* devices beyond what a log has names for */
    uint64_t cut;      /* ... whose name is too long, and was cut (names.h) */
    uint32_t processes, unended;
    const char *missing; /* pilots of the run whose logs are not here, in
                            words; "": none */
} trace_facts;

trace_facts trace_facts_get(const trace *t);

/* Hops: latencies between two stamps of a block, as the summary has them. */
enum trace_hop {
    TRACE_HOP_EDGE,    /* sense -> edge: stages of the device */
    TRACE_HOP_SEND,    /* edge -> acked: queue, link, broker */
    TRACE_HOP_BROKER,  /* edge -> fetch: link, broker, fetching */
    TRACE_HOP_WAIT,    /* fetch -> start: for a rank */
    TRACE_HOP_PROCESS, /* start -> end: stages and model */
    TRACE_HOP_RESULT,  /* end -> result: into the broker */
    TRACE_HOP_COMMIT,  /* end -> commit: its epoch, reduction, Redis */
    TRACE_HOP_MODEL,   /* sent -> model: through Redis, to its device */
    TRACE_HOP_TOTAL,   /* sense -> commit */
    TRACE_HOPS
};

const char *trace_hop_name(unsigned hop); /* "edge", ...; NULL */
/* From one stamp to the other, ns.  False: one is not known.  Where they come
 * from two hosts it may be negative: that is an error of the clocks, to be
 * counted as such (histogram_add does) and never to be shown as 0.
 */
bool trace_hop_ns(const trace_block *b, enum trace_hop hop, int64_t *nsp);
/* The stamps of it. */
void trace_hop_stamps(enum trace_hop hop, enum trace_stamp *from,
                      enum trace_stamp *to);

#endif
