/* committer.h - rank 0's thread that applies deltas and commits. */
#ifndef COMMIT_COMMITTER_H
#define COMMIT_COMMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/model.h>

#include "src/params/params.h"
#include "src/place/placer.h"
#include "src/trace/log.h"
#include "checkpoint.h"
#include "revise.h"
#include "store.h"

/* One or more closed epochs, folded: what one commit moves. */
typedef struct commit_job {
    int64_t term;            /* of its epochs, */
    int64_t first_epoch;     /* ... the oldest of which is this */
    int64_t last_epoch;      /* newest epoch inside */
    const pe_model_ops *ops; /* of the delta */
    pe_delta *delta;         /* NULL: nothing was learned */
    pe_model *base;          /* what to start from when nothing is committed
                                yet; may be NULL */
    /* Blocks that went through the stages, how many of them refused, and what
     * was said of one; for a revision that is tried.
     */
    uint64_t tried, failed;
    char why[256];
    uint32_t features; /* of the delta's base */
    bool warm;         /* ... which was not warming */
    int32_t n_partitions;
    params_range *range;    /* of every partition, without a topic; from = to:
                               it does not move */
    params_device *devices; /* in order; a later one replaces an earlier */
    size_t n_devices;
    params_counters add;
} commit_job;

commit_job *commit_job_create(int32_t n_partitions, pe_error *errp);
void commit_job_destroy(commit_job *j); /* may be NULL */
/* Fold [next], the epoch after [j], into [j]; [next] is left to the caller
 * to destroy.
 */
int commit_job_fold(commit_job *j, commit_job *next, pe_error *errp);
/* Add a device's newest block; its name is copied. */
int commit_job_device(commit_job *j, const params_device *d, pe_error *errp);

void commit_counters_add(params_counters *a, const params_counters *b);

/* What the thread tells, one piece at a time. */
enum committer_word {
    COMMITTER_NONE,
    COMMITTER_STATE,  /* [state] was loaded, as was asked */
    COMMITTER_COMMIT, /* [model] is the newest; epochs to [epoch] are in, 0:
                         another pool's */
    COMMITTER_DOUBT,  /* our partitions are not where we left them: load again
                         (rule 4) */
    COMMITTER_ERROR,  /* the pool cannot go on */
};

typedef struct committer_news {
    enum committer_word word;
    params_state state;
    int64_t term;       /* STATE: as it was asked for */
    unsigned char *own; /* STATE: of every partition, is it ours? */
    uint64_t lease;     /* ... by this lease */
    revise_news stages; /* STATE: what is to work from now on */
    char *suspects;     /* STATE: blocks that processes have died of */
    pe_buffer model;
    char commit[PE_COMMIT_ID_LEN + 1];
    uint64_t version;
    int64_t commit_ns; /* when the answer came */
    int64_t epoch;
    pe_error error;
} committer_news;

void committer_news_clear(committer_news *n);

/* Read-only facts, copied under the lock. */
typedef struct committer_view {
    bool busy;    /* a job, a load or unread news is there */
    bool working; /* ... but for news */
    uint64_t commits, stale;
    int64_t commit_ns;     /* how long the last one took, from its job on */
    int64_t busy_ns;       /* with jobs */
    params_counters total; /* committed */
    int64_t *committed;    /* next offset of every partition */
    uint64_t *mark;        /* of the record before it */
    bool ends_known;       /* every declared device has an end */
    bool any_dead;
    char control[32]; /* newest control word */
    char hold[80];    /* ... and the stage behind which all is to be open */
    int64_t asked_ns; /* it has not answered since, monotonic; 0: it has */
    int64_t store_ns; /* commits so far: waiting for the store, */
    int64_t apply_ns; /* and making the model that is sent */
    bool away;        /* the store does not answer, */
    char why[256];    /* because of this */
    uint64_t lease;   /* another number: other partitions are ours */
    int32_t leased, surplus; /* how many, and beyond our share */
    uint64_t revision;       /* the newest of the stages */
    uint64_t tasks;          /* so many were given to the run */
    int others;              /* pools of this run beside us */
    char other[104];         /* one of them */
} committer_view;

typedef struct committer committer;

typedef struct committer_conf {
    pool_store *store; /* taken over */
    const char *topic;
    const pipeline_request *req; /* borrowed for its life; NULL: it has no
                                    revisions */
    params_member member; /* we, in the leases and as a writer; partitions of
                             the run */
    placer *placer;       /* taken over; NULL: the file prefers nothing */
    bool alone;           /* all partitions or none */
    int n_devices;        /* declared; 0: the run has no devices of its own */
    double interval_s;    /* between looks at ends and control while idle */
} committer_conf;

/* Start the thread.  Local to rank 0; knows no MPI. */
committer *committer_start(const committer_conf *c, pe_error *errp);
/* Have every commit noted in [l], and its model offered to [p] (both borrowed;
 * NULL: not).  Before the first job.
 */
void committer_note(committer *c, trace_log *l, checkpoint *p);
/* Give up what is not committed, join, free.  May be NULL. */
void committer_stop(committer *c);
/* Before that: whatever its thread waits for, it waits no longer. */
void committer_cut(committer *c);
/* What it was started with; borrowed, and its thread's until it left. */
pool_store *committer_store(committer *c);
/* At a clean end, with nothing to do: give all leases back.  Waits for it;
 * nothing but committer_stop may follow.
 */
void committer_leave(committer *c);

/* Ask for the state (answer: COMMITTER_STATE with this [term]).  The answer to
 * the question before may come, too.
 */
void committer_load(committer *c, int64_t term);
/* Nothing is under way: give back what we hold beyond our share.  The view is
 * busy until it is done.
 */
void committer_settle(committer *c);
/* The stages of this term do not work, because of [why]: their revision is
 * taken back, as soon as the store answers.
 */
void committer_revoke(committer *c, const char *why);
/* Hand over a job (taken over); only while the view is not busy. */
void committer_submit(committer *c, commit_job *j);
/* Next news into *out (cleared by the caller); false when there is none. */
bool committer_take(committer *c, committer_news *out);
/* [committed], [mark] and [ends] must hold n_partitions entries; ends[p] =
 * where partition p ends, -1: not known.
 */
void committer_look(committer *c, committer_view *v, int64_t *committed,
                    uint64_t *mark, int64_t *ends);

#endif
