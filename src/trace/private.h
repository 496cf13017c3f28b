/* private.h - a trace that is read, for the files of this room. */
#ifndef TRACE_PRIVATE_H
#define TRACE_PRIVATE_H

#include "names.h"
#include "segments.h"
#include "src/common/process.h"
#include "trace.h"

/* A log of the trace. */
typedef struct source {
    segments g;
    uint32_t *map; /* numbers of its devices -> those of the trace */
    uint32_t n_map;
    uint64_t whole; /* bytes up to where it is whole */
    uint64_t world;
    trace_model *model; /* versions it took up, in time */
    uint32_t n_models, cap_models;
    trace_process p;
    bool best; /* p has an offset */
} source;

/* Which epochs a commit has. */
typedef struct epochs {
    uint64_t world;
    int64_t term, first, last;
    int64_t time_ns;
    uint64_t version;
} epochs;

typedef struct join join;

struct trace {
    char *path;
    source *s;
    uint32_t n;
    names names;
    epochs *commit; /* by world, term and epoch */
    size_t n_commits, cap_commits;
    trace_facts facts;
    char *run, *missing;
    /* reading */
    bool reading;
    enum trace_kind kind;
    uint32_t at; /* source that is read */
    join *join;  /* blocks */
    /* of an HDF5 file */
    process *child;
    segments stream;
    layout_process *process; /* their words */
};

/* --- scan.c: what there is --- */

/* All logs of the folder.  Number of them, -1. */
int scan_folder(trace *t, pe_error *errp);
/* Take a segment of a log, or of a stream, that is no row of a kind that is
 * read: names, processes.
 */
int scan_names(trace *t, const segments *g, uint32_t **mapp, uint32_t *np,
               pe_error *errp);
void scan_free(trace *t);

/* --- join.c: blocks --- */

join *join_create(trace *t, pe_error *errp);
int join_next(join *j, trace_block *b, pe_error *errp);
void join_free(join *j); /* may be NULL */

/* --- ask.c: out of an HDF5 file, by pilot-hdf5 --- */

/* What is in there, but rows. */
int ask_open(trace *t, pe_error *errp);
/* Start to read rows of [kind], and the next one. */
int ask_start(trace *t, enum trace_kind kind, pe_error *errp);
int ask_next(trace *t, void *row, pe_error *errp);
void ask_end(trace *t);

#endif
