/* store.h - where a pool keeps its state: the parameter service, or memory.
 */
#ifndef COMMIT_STORE_H
#define COMMIT_STORE_H

#include "src/params/params.h"
#include "src/pipeline/pipeline.h"

typedef struct pool_store pool_store;

/* Contract of a store; called from the committer's thread, but for cut.  See
 * params.h for the meaning of each call.
 */
typedef struct pool_store_ops {
    bool durable; /* survives this process: exactly-once holds */
    int (*load)(pool_store *s, params_state *out, pe_error *errp);
    int (*send)(pool_store *s, const params_commit *c, pe_error *errp);
    /* Id and fence now; a change not made by us is another pool's commit, or
     * a roll-back.
     */
    int (*ids)(pool_store *s, char commit[PE_COMMIT_ID_LEN + 1],
               uint64_t *fencep, pe_error *errp);
    /* First offset of a partition, stored unless there is one. */
    int (*first)(pool_store *s, int32_t partition, int64_t offset,
                 int64_t *storedp, pe_error *errp);
    int (*ends)(pool_store *s, params_end **out, size_t *np, pe_error *errp);
    int (*control)(pool_store *s, char *word, size_t cap, pe_error *errp);
    /* What ranks are to have open (params_place_fetch); NULL: nothing. */
    int (*place)(pool_store *s, char *stage, size_t cap, pe_error *errp);
    int (*lease)(pool_store *s, const params_member *m, unsigned words,
                 params_share *out, pe_error *errp);
    /* Who is to commit next, of pools that are in each other's way: [ms] > 0:
     * [who], for so long, unless it is another; 0: it is looked; < 0: not [who]
     * any more.  1: it is another; 0: it is not; -1: error.  NULL: there is
     * never another.
     */
    int (*next)(pool_store *s, const char *who, int64_t ms, pe_error *errp);
    /* The service itself, for revisions of the stages; NULL: there are none. */
    params *(*service)(pool_store *s);
    /* From any thread: nobody waits for an answer any more, and nothing is
     * asked; NULL: nobody waits.
     */
    void (*cut)(pool_store *s);
    void (*close)(pool_store *s); /* accepts NULL */
} pool_store_ops;

struct pool_store {
    const pool_store_ops *ops;
};

pool_store *pool_store_params(const pipeline *pl, const pipeline_request *req,
                              pe_error *errp);
/* For pipelines without services: offsets start at 0, and what is kept goes
 * with this process.
 */
pool_store *pool_store_memory(pe_error *errp);
/* What it keeps, to be played with, and a copy of that for params_state_free.
 */
params_state *pool_store_memory_state(pool_store *s);
/* Leave the model it keeps in [dir], as model.safetensors, and in final.json
 * how far it came: "offsets", by partition, its "blocks" and "points", and
 * [files], a JSON object of what it was read from (NULL: nobody knows). Nothing
 * where nothing was committed.  No commit is under way.
 */
int pool_store_memory_leave(pool_store *s, const char *dir, const char *files,
                            pe_error *errp);
int pool_store_memory_copy(const params_state *from, params_state *out,
                           pe_error *errp);

#endif
