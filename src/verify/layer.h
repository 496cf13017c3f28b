/* layer.h - one layer of a run: what is committed, and what its topics hold. */
#ifndef VERIFY_LAYER_H
#define VERIFY_LAYER_H

#include "finding.h"
#include "marks.h"
#include "recount.h"
#include "same.h"
#include "src/params/params.h"
#include "src/pipeline/pipeline.h"

/* A partition of the layer's topic. */
typedef struct layer_part {
    int64_t first, next; /* where the run began, and is committed to */
    uint64_t mark;       /* of the record before next; 0: not known */
    int64_t low, high;   /* of the log */
    int64_t seen;        /* records in [first, next) that were read */
    int64_t holes;       /* offsets in there without one, ... */
    int64_t hole;        /* ... the first */
    int64_t unkept;      /* offsets in there that are not kept any more */
    marks marks;
} layer_part;

/* A topic beside: results, or what was refused. */
typedef struct layer_side {
    bool on;
    char topic[256];
    int64_t records, blocks; /* of this run; different ones below the commit */
    int64_t repeats;         /* of a block again */
    int64_t ahead;           /* of blocks that are not committed */
    int64_t strays;          /* of no block of this layer */
    int64_t unkept;          /* offsets that are not kept any more */
    recount_place idle;      /* of records that were applied to nothing */
    same same;               /* of results, */
    recount_place different; /* ... those that are not */
} layer_side;

typedef struct layer {
    pipeline *pl; /* as the layer is seen */
    pipeline_request *req;
    char name[128], topic[256];
    params_state state;
    params_end *ends;
    size_t n_ends;
    layer_part *part;
    size_t n_parts;
    layer_side results, refused;
    recount count;
    commit_device *last; /* its devices at the committed offsets, names borrowed
                            from count */
    size_t n_last;
    recount_front front; /* of the layer before, for count.front */
    pe_error damage;     /* kind != NONE: the log, or what is stored, cannot be
                            believed */
    bool dense;          /* between the blocks of a device nothing is missing
                            by right */
    bool filters;        /* the pool may have no result of a block */
    bool drawn;          /* results are by code of users, which may draw */
    int settled;         /* as recount_settle */
} layer;

/* Layer number [at] of the run in [dir]; what is committed is read first.  It
 * wants layer_close whatever comes of it.  Errors: 78, it has no topic; 69.
 */
int layer_open(layer *l, const char *dir, size_t at, pe_error *errp);
/* Then its topics; [front] NULL: of devices.  Errors: 69. */
int layer_read(layer *l, const layer *front, pe_error *errp);
void layer_close(layer *l);

#endif
