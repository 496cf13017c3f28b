/* chain.h - the functions of a rank, in a row, and the model behind them. */
#ifndef CHAIN_CHAIN_H
#define CHAIN_CHAIN_H

#include <jansson.h>
#include <stdatomic.h>

#include "src/agent/note.h"
#include "src/block/origin.h"
#include "src/function/host.h"
#include "src/params/params.h"
#include "src/pipeline/pipeline.h"
#include "src/poison/suspects.h"
#include "src/source/ahead.h"
#include "src/source/source.h"

struct text; /* src/common/text.h */

/* Whose functions these are.  Borrowed for the life of the chain. */
typedef struct chain_conf {
    const pipeline *pl;
    const pipeline_request *req;
    const char *pilot, *member;      /* names; member may be NULL */
    int rank, size;                  /* of the pool */
    const char *notes;               /* folder for what outlives the process;
                                        NULL: nothing is noted */
    const atomic_int *drain;         /* functions come back; may be NULL */
    void (*progress)(json_t *event); /* takes the reference; see pool.h */
} chain_conf;

/* A function of this rank. */
typedef struct chain_function {
    const pipeline_stage *stage;
    function *fn; /* NULL: there is none, or it is not open */
    pe_options *options;
    pe_context *ctx; /* NULL: not open */
    pe_block out;    /* what it makes of a block */
    char *words;     /* what it is, for people */
    int noted;       /* its number there (note_function); -1: it is not */
} chain_function;

/* What the stages made of the first block, before there was a model. */
typedef struct chain_ahead {
    bool there;
    int32_t partition;
    int64_t offset;
    int rc; /* PE_FORWARD, PE_NOTHING, -1: error and refuser */
    pe_block block;
    char source[RECORD_SOURCE_MAX + 1];
    pe_error error;
    const pipeline_stage *refuser;
} chain_ahead;

typedef struct chain {
    chain_conf c;
    const pipeline_stage *end; /* the last one */
    const pe_model_ops *model;
    pe_options *plain; /* of passthrough, under a user function */
    /* The stages before the last but the source, those of devices, too: a stage
     * of theirs is opened once a record comes that has not been through it.
     */
    chain_function *pre;
    size_t n_pre, first; /* ... the index of the first of them in the file */
    overall *overalls;   /* of each stage of the pipeline: of all rows; ... */
    context_scaling *given; /* ... what it has to do, n 0: it is not known */
    chain_function *scout;  /* n_pre, while one looks ahead; or NULL */
    chain_function last;    /* without fn: the last stage is a model */
    chain_ahead ahead;
    const pe_model *base;    /* the block at work is learned against; or NULL */
    const source_item *item; /* the record at work; NULL: only its block */
    int64_t *times;          /* of the rows of one, for who keeps them */
    uint32_t cap_times;
    char *names;       /* of columns, as a record said last; NULL: none has */
    uint32_t names_at; /* ... of one that had been through so many stages */
    bool named;        /* a function asks for them, else the first are enough */
    bool heard;        /* a record was listened to */
    bool revised;      /* the stages are not those it was opened with */
    const pipeline_stage *refuser; /* of the block at work; NULL: the last */
    int attempts;                  /* at it, where it is refused; 0: one */
    note_page *notes;              /* NULL: nothing is noted, or not yet */
    suspects suspects;             /* of the run, as this term began */
    context_host host;             /* of all contexts */
    params *shared;                /* for functions; NULL until one asks */
    pe_block aligned;              /* copy of a block, its storage used again */
    origin_list blur;              /* rows of one that a function reshaped */
} chain;

/* All of it is local. */
int chain_open(chain *st, const chain_conf *c, pe_error *errp);
/* From now on the stages of [pl], another revision of the same file: functions
 * that do the same stay as they are, with what they know; the others are
 * finished, closed, and opened anew.  All they have seen is committed.  [pl]
 * and the pipeline of before are borrowed for the life of the chain.  -1: a
 * stage is not open, and nothing may go through, before another call.
 */
int chain_revise(chain *st, const pipeline *pl, pe_error *errp);
void chain_close(chain *st); /* also after an error of chain_open */
/* What a model is made by, for so many features. */
pe_model *chain_model(const chain *st, uint32_t features, pe_error *errp);
/* Have the data of [b] aligned as functions are promised, by a copy if need
 * be.
 */
int chain_align(chain *st, pe_block *b, pe_error *errp);
/* What a record says that columns are called is told to the functions that ask
 * for it, each as they are called in front of it.  Where none does, the first
 * names are kept, for people.
 */
int chain_hear(chain *st, const source_said *said, pe_error *errp);
/* Does one ask, and no record has said it yet?  Or is this the first record? */
bool chain_is_deaf(const chain *st);
/* As the records say, for another rank that gets one; none where nobody asks.
 */
source_text chain_names(const chain *st);
/* What columns called [names] in front of the stages are called behind those
 * before the last, into [out], filled anew; -1: nobody knows, or no memory.
 */
int chain_columns(const chain *st, const char *names, struct text *out);
/* [b] is about to be made, for the first function; see function_lend. */
void chain_make(chain *st, pe_block *b);
/* Function [f] is about to get [in]: tell it what it asks for beside that. */
int chain_lend(chain *st, const chain_function *f, const pe_block *in,
               pe_error *errp);
/* Call [f], which chain_lend has told all, with [in]: what its process_cloud
 * says, and f->out.  CHAIN_CONDEMNED, with errp and st->refuser: the block is
 * not shown to it, since processes have died of it.
 */
#define CHAIN_CONDEMNED (-2)
int chain_call(chain *st, chain_function *f, const pe_block *in,
               pe_error *errp);
/* Blocks that processes have died of, as text; they go until the next call. */
int chain_suspect(chain *st, const char *words, pe_error *errp);
/* Is one of [partition], at [next] or behind, under suspicion?  Then each block
 * had better be committed before the next one is begun.
 */
bool chain_is_wary(const chain *st, int32_t partition, int64_t next);
/* Put [b] through the stages before the last that its record (st->item; NULL:
 * as the file says) has not been through: PE_FORWARD, and [b] has their data;
 * PE_NOTHING; -1: an error, st->refuser says whose.  A stage that is not open
 * is opened; that it cannot be is fatal, for the block is not to blame.
 */
int chain_run(chain *st, pe_block *b, pe_error *errp);
/* Open what a record needs that has been through [through] stages only, before
 * one comes.  What is open stays so, also after an error, which is fatal.
 */
int chain_hold(chain *st, size_t through, pe_error *errp);
/* From how many stages on is all open that follows? */
size_t chain_held(const chain *st);
/* How many stages the record at work had been through when it came, as a place
 * in params_counters.through.
 */
size_t chain_through(const chain *st);
/* Of what was counted so: {STAGE: {"devices": n, "pool": n}}, the blocks that
 * each side put through each stage before the last, of the first ones of the
 * file; NULL where the row has no devices in front of it.
 */
json_t *chain_sides(const chain *st, const uint64_t through[PARAMS_PLACES]);
/* Changes these stages have found, and what was said of the first. */
uint64_t chain_drifts(const chain *st, const char **firstp);
/* Outliers these stages have counted since the last call. */
uint64_t chain_outliers(chain *st);
/* While there is no model: the features that [first] has behind the stages.
 * True when the block needs none, since they keep nothing of it or refuse it.
 */
bool chain_propose(chain *st, const pe_block *first, uint32_t *featuresp);
/* Have the stages of this rank seen this block before its dispatch? */
bool chain_is_ahead(const chain *st, const pe_block *b);
/* What features has [first] behind the stages?  It is shown to stages of their
 * own, not to those that will have it; 0: none.  -1: an error.
 */
int chain_scout(chain *st, const pe_block *first, uint32_t *featuresp,
                pe_error *errp);
void chain_scout_end(chain *st);
void chain_forget(chain *st); /* a new term */
/* The state of a term: what functions have kept of blocks that are not in it
 * goes.  And the end: all they have seen is committed.
 */
int chain_settle(chain *st, const context_committed *c, pe_error *errp);
/* All that was done is about to be committed: see function_sync. */
int chain_sync(chain *st, pe_error *errp);
int chain_finish(chain *st, pe_error *errp);

#endif
