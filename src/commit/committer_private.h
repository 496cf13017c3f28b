/* committer_private.h - what the files of the committer share. */
#ifndef COMMIT_COMMITTER_PRIVATE_H
#define COMMIT_COMMITTER_PRIVATE_H

#include <pthread.h>

#include "committer.h"
#include "lease.h"

#include "src/common/clock.h"

struct committer {
    pool_store *store;
    char topic[256];
    char writer[160], member[104];
    int32_t n_partitions;
    int n_devices;
    int64_t interval_ns;

    pthread_t thread;
    bool made, started;   /* the lock; the thread */
    pthread_mutex_t lock; /* guards everything down to the blank line */
    pthread_cond_t wake;
    bool stop, leave, load, settle;
    int64_t load_term;
    char revoke[256]; /* why the revision is to be taken back; "": it is not */
    commit_job *job;
    bool working;
    committer_news news;
    committer_view view;
    int64_t *committed, *ends;
    uint64_t *mark;
    int64_t asked_ns; /* the store has a commit of ours since, monotonic; 0: no
                         more */
    int64_t given_ns; /* when [job] came: the thread asks the store meanwhile */
    int64_t turn_ns; /* the thread does something since; 0: it waits for work */
    bool applying;   /* ... and that is to make a model */

    /* the thread's own */
    trace_log *trace; /* NULL: none */
    checkpoint *checkpoint;
    uint32_t sent;    /* times that the job was */
    int64_t first_ns; /* the first of those that may have come there, real */
    bool next;        /* the others were asked to wait for it */
    int64_t job_ns;   /* when it was taken up, monotonic */
    lease lease;
    placer *placer;      /* NULL: the file prefers nothing */
    unsigned char *mine; /* partitions of the state that was loaded last */
    int32_t n_mine;
    pe_model *model; /* newest committed state */
    char commit[PE_COMMIT_ID_LEN + 1];
    uint64_t version, fence;
    revise revise;
    uint64_t revision; /* of the stages that make our deltas */
    bool revised;      /* another pool's are of another one */
    int64_t next_ends, next_ids;
    bool away;  /* the store does not answer; said once */
    bool doubt; /* told; nothing is looked at before the next load */
};

/* committer.c - news, patience.  The thread's. */
bool committer_stopped(committer *c);
void committer_post(committer *c, committer_news *n);
void committer_post_error(committer *c, const pe_error *e);
/* Our partitions are not where we left them: the pool is to load again. */
void committer_post_doubt(committer *c);
/* Say once that the store is away, and once that it is back. */
void committer_note_away(committer *c, bool away, const pe_error *e);
/* One more try after a failed call?  Sleeps; false: give up. */
bool committer_try_again(committer *c, const pe_error *e, int *triesp);
/* A sign of life; 0, or -1: as lease_beat. */
int committer_beat(committer *c, unsigned words, pe_error *errp);
void committer_beat_if_due(committer *c);

/* committer_state.c - what is stored, and what is ours of it.  The thread's.
 */
int committer_adopt(committer *c, const params_state *s, pe_error *errp);
/* Take up what other pools have committed since, into *s too: 0.  1: our own
 * partitions are not where we left them, so that it is a roll-back, or
 * somebody else has them (rule 4).
 */
int committer_catch_up(committer *c, params_state *s, pe_error *errp);
/* Say why the pool goes back. */
void committer_tell_back(const committer *c);
/* Is there anything newer than what we know?  1: yes, 0: no. */
int committer_is_behind(committer *c, pe_error *errp);
void committer_do_load(committer *c, int64_t term);

/* committer_commit.c - one job into the store.  The thread's. */
void committer_do_commit(committer *c, commit_job *j);

/* committer_next.c - pools that are in each other's way.  The thread's. */
/* Until no other pool is to be the next; a job that was sent in vain twice asks
 * to be that itself.  0; -1: as of the store.
 */
int committer_wait_next(committer *c, pe_error *errp);
void committer_end_next(committer *c); /* the job is over */

/* committer_look.c - while idle: ends, control word, ids.  The thread's. */
void committer_ask(committer *c);
/* Who leaves tells of what stands there then. */
void committer_look_last(committer *c);
/* Say what ranks have said of the revision they have. */
int committer_take_revocation(committer *c, pe_error *errp);

#endif
