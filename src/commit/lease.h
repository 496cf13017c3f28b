/* lease.h - the partitions that the store gives to this pool. */
#ifndef COMMIT_LEASE_H
#define COMMIT_LEASE_H

#include "src/place/placer.h"
#include "store.h"

/* A member that was silent for longer is dead to the others. */
#define LEASE_TTL_MS 10000

/* Used by the committer's thread alone. */
typedef struct lease {
    pool_store *store;
    placer *placer; /* borrowed; NULL: a share by ranks */
    params_member member;
    char name[104], incarnation[40];
    bool alone, joined;
    unsigned char *own; /* of every partition, is it ours? */
    uint64_t number;    /* of the set; 0: none yet */
    int32_t n, share, surplus;
    int others;
    char other[104]; /* one of them */
    int64_t due_ns;
} lease;

/* [m] is copied; the store is borrowed. */
int lease_init(lease *l, pool_store *store, const params_member *m, bool alone,
               pe_error *errp);
void lease_fini(lease *l);

/* One sign of life; [words] of params_lease_word beside those that follow
 * from the state.  Errors of the store; fatal, 78: another process has taken
 * our name.
 */
int lease_beat(lease *l, unsigned words, pe_error *errp);

/* When it is time for one, and is it?  Never before the first, which joins. */
int64_t lease_due_ns(const lease *l);
bool lease_is_due(const lease *l);

#endif
