/* private.h - a trace that is read, for the files of this room. */
#ifndef TRACE_PRIVATE_H
#define TRACE_PRIVATE_H

#include "names.h"
#include "segments.h"
#include "src/common/process.h"
#include "trace.h"

/* A version that an edge process took up. */
typedef struct taken_model {
    uint64_t version;
    int64_t time_ns, commit_ns;
    uint32_t undone; /* as in epochs */
} taken_model;

/* A log of the trace. */
typedef struct source {
    segments g;
    uint32_t *map; /* numbers of its devices -> those of the trace */
    uint32_t n_map;
    uint64_t whole; /* bytes up to where it is whole */
    uint64_t world;
    taken_model *model; /* those undone behind the others; by version */
    uint32_t n_models, cap_models;
    trace_process p;
    bool best; /* p has an offset */
} source;

/* Which epochs a commit has. */
typedef struct epochs {
    uint64_t world;
    uint32_t layer;
    int64_t term, first, last;
    int64_t time_ns, sent_ns;
    uint64_t version;
    uint32_t undone; /* by roll-back undone - 1 of the trace; 0: by none */
} epochs;

/* Versions of a layer from [version] on, sent from [from_ns] on and before
 * [to_ns], were undone.
 */
typedef struct rollback {
    uint64_t version;
    int64_t from_ns, to_ns;
    uint32_t layer;
} rollback;

typedef struct join join;

struct trace {
    char *path;
    source *s;
    uint32_t n;
    uint32_t layer; /* the last one, whose models devices have */
    names names;
    epochs *commit; /* by world, term and epoch */
    size_t n_commits, cap_commits;
    rollback *rollback;
    uint32_t n_rollbacks;
    trace_facts facts;
    char *run, *missing;
    /* reading */
    bool reading;
    enum trace_kind kind;
    uint32_t at; /* source that is read */
    join *join;  /* blocks */
    /* of an HDF5 file */
    process *child;
    char words[512]; /* the first that it said for people, */
    size_t n_words;
    bool said; /* ... all of them */
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

/* --- commits.c: what has a block --- */

/* All logs were read: put commits and models in order. */
int commits_settle(trace *t, pe_error *errp);
/* The commit that has an epoch of a world; NULL: none that we know. */
const epochs *commits_find(const trace *t, uint64_t world,
                           const layout_work *w);
/* When the process of [s] had the model of [c], or a later one that it is in;
 * 0: never.
 */
int64_t commits_model(const source *s, const epochs *c);

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
