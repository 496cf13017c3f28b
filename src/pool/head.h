/* head.h - what rank 0 holds beside what every rank does. */
#ifndef POOL_HEAD_H
#define POOL_HEAD_H

#include "epoch.h"
#include "src/commit/committer.h"
#include "src/commit/guard.h"
#include "src/poison/breaker.h"
#include "stall.h"

enum { POOL_ENDED = 8 }; /* epochs whose end is remembered */

/* A server that is waited for. */
typedef struct pool_away {
    int64_t since_ns; /* real time; 0: it is there */
    char why[600];
} pool_away;

enum { AWAY_PARAMS, AWAY_BROKER, AWAY_N };

/* Since when something is waited for, and whether that is said. */
typedef struct pool_watch {
    int64_t since_ns;
    bool told;
} pool_watch;

typedef struct pool_head {
    commit_job *job;     /* being reduced */
    int parts_got;       /* ... of how many ranks */
    pe_buffer *early;    /* parts that came before their job; by rank */
    commit_job *pending; /* reduced, waiting for the committer */
    committer_view view;
    params_counters began; /* committed when this world took it up */
    bool has_begun;
    int64_t *committed, *ends; /* of every partition; -1: not known */
    uint64_t *mark;            /* of record committed - 1 */
    int64_t *reached;          /* contributed in any term */
    commit_guard guard;
    pool_away away[AWAY_N];
    pool_stall stall;
    breaker breaker;
    uint64_t looked; /* commits when it was asked */
    bool broken;     /* too much was refused: the pool drains, and fails */
    int64_t next_progress;
    bool weighed; /* it was looked whether one column outweighs the others */
    int64_t drain_ns;             /* nothing is waited for since */
    pool_watch lacking;           /* partitions that another pool has */
    pool_watch wanted;            /* the block that a counted epoch needs */
    int64_t wanted_at;            /* ... and which epoch it was */
    int64_t ended_ns[POOL_ENDED]; /* by epoch: when it was ended */
    double epoch_ms; /* from there to its commit: a mean, and what is beyond */
    int64_t commit_ns; /* ... and all of them together */
} pool_head;

/* head.c - local, as all here. */
int head_init(pool *p, pe_error *errp);
void head_fini(pool *p);
/* What the committer knows now, and whether the log is still the same; then
 * what there is to be told, and whether patience is over.
 */
void head_look(pool *p, int64_t now);
void head_tell(pool *p, int64_t now);
void head_note(pool *p, const char *words); /* to whoever follows the run */
/* The state is here: what was committed before this world is not its own. */
void head_begin(pool_head *h);
/* Nothing is on its way to the store or from it. */
bool head_is_idle(const pool *p);
/* A commit is in, with epochs up to [epoch]: what a drain takes; what is to be
 * looked at.
 */
void head_note_commit(pool *p, int64_t epoch);
void head_new_term(pool *p);

/* share.c - which partitions are this pool's. */
void share_text(const pool *p, char *out, size_t cap); /* "0-3,7" */
void share_tell(pool *p); /* to people, when it has changed */
/* What rank 0 says, what it does once all have said so, and the patience of a
 * pool that needs all partitions.
 */
int64_t share_say(const pool *p);
void share_decide(pool *p);
void share_watch(pool *p, int64_t now);

#endif
