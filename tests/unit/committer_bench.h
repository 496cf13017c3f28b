/* committer_bench.h - a store that plays every answer, under a committer. */
#ifndef TESTS_COMMITTER_BENCH_H
#define TESTS_COMMITTER_BENCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "src/commit/committer.h"

enum { PARTITIONS = 3, SCRIPT = 16 };

/* The store in memory, whose calls are counted, and may have an outcome that
 * nobody hears of.  What it holds is written by the test's thread too: under
 * [bench_lock].
 */
struct bench {
    pool_store base;
    pool_store *store;
    params_state *now;   /* what is in it */
    const char *unheard; /* of each send: 'x' not done, 'd' done */
    int loads, sends;
    char ids[SCRIPT][PE_COMMIT_ID_LEN + 1];
    char bases[SCRIPT][PE_COMMIT_ID_LEN + 1];
    int64_t times[SCRIPT];
    int64_t from, to;
    char writer[64];
    /* leases: of partition k, 'a' we, 'b' another pool, 0 nobody */
    char owner[PARTITIONS];
    int share, beats;
    bool failing;   /* it is away */
    int late;       /* sends that another pool's commit comes before */
    int next;       /* looks at who is next that find another pool */
    char nexts[64]; /* what was asked of that: l(ook), a(sk), d(rop) */
    unsigned words; /* of all calls */
    bool replaced, left;
    params_end *ends;
    size_t n_ends;
    int asked_ends;
    const char *word;
};

extern struct bench bench;
extern pthread_mutex_t bench_lock;
extern atomic_int bench_asked; /* for leases; may wait for the lock yet */

/* A committer on a store with all offsets 0.  [alone]: all partitions or none.
 * A ttl of a tenth of a second.
 */
committer *bench_start_as(int n_devices, bool alone);
committer *bench_start(int n_devices);

/* Blocks [from, to) of partition 0, as epoch 7. */
commit_job *bench_job(int64_t from, int64_t to);

/* The next news, waiting up to 5 s; COMMITTER_NONE when there is none. */
committer_news bench_news(committer *c);
/* ... but another pool's commit, where the thread looked first. */
committer_news bench_own_news(committer *c);

/* Load for term 7, which works: these partitions are ours. */
committer_news bench_load(committer *c);
void bench_load_quietly(committer *c);
committer_view bench_look(committer *c);

/* Another pool's commit of partition [k] up to [to]. */
void bench_foreign_commit(char id, int k, int64_t to, uint64_t version);
/* How often our leases were renewed. */
int bench_beats(void);
/* The first [n] of [ends] are there, and were looked at. */
void bench_show_ends(params_end *ends, size_t n, const char *word);
/* Partition [k] is who's: as owner above. */
void bench_give_to(char who, int k);
/* Partitions that are our share. */
void bench_share(int share);

#endif
