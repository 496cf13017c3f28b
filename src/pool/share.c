/* share.c - which partitions are this pool's; how they are handed over.
 *
 * Leases change at any time, the partitions of a pool only with its term.  To
 * hand some over it stops dispatching, lets the open epoch close and commit,
 * gives back what it has too many, and raises the term: every partition is
 * read from where the pool before has committed it, and none twice.
 */
#include "pool_private.h"

#include <stdio.h>

#include "src/commit/lease.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/text.h"

/* Beyond a lease that has ended, for a pool that needs all partitions. */
#define ALONE_LIMIT_S (LEASE_TTL_MS * 1e-3 + 5)
#define ALONE_TELL_S 3.0

/* --- text --- */

void share_text(const pool *p, char *out, size_t cap)
{
    size_t at = 0;

    *out = '\0';
    for (int32_t a = 0, b; a < p->n_partitions && at < cap; a = b) {
        b = a + 1;
        if (p->own.map.owner[a] < 0)
            continue;
        while (b < p->n_partitions && p->own.map.owner[b] >= 0)
            b++;
        if (b == a + 1)
            at += (size_t)snprintf(out + at, cap - at, "%s%d", at ? "," : "",
                                   (int)a);
        else
            at += (size_t)snprintf(out + at, cap - at, "%s%d-%d", at ? "," : "",
                                   (int)a, (int)(b - 1));
    }
}

void share_tell(pool *p)
{
    char said[200];

    if (p->own.map.n_told == p->own.map.n)
        return;
    p->own.map.n_told = p->own.map.n;
    share_text(p, said, sizeof(said));
    log_info("%s has %d of %d partition%s%s%s", p->c.member, (int)p->own.map.n,
             (int)p->n_partitions, text_s((uint64_t)p->n_partitions),
             *said ? ": " : "", said);
}

/* --- rank 0: hand over --- */

int64_t share_say(const pool *p)
{
    const committer_view *v = &p->head->view;
    bool wants = pool_is_ready(p) && !pool_is_draining(p) &&
                 (v->lease != p->own.map.lease || v->surplus > 0 ||
                  v->revision != p->revised.number || p->revised.over);

    return wants ? 1 + (p->term.order == PHASE_MOVE) : 0;
}

/* What is dispatched is committed, and nothing more is dispatched: every rank
 * had heard so before it said how it stands.  A pool that has to have all
 * partitions has lost them if it moves, and one that had none has nothing.
 */
static bool is_still(const pool *p)
{
    const int64_t *v = p->rounds.in;

    if (p->own.map.n == 0 || p->counted)
        return true;
    return v[R_MOVE] == 2 && !v[R_OPEN] && !v[R_CLOSING] && !v[R_BUSY] &&
           head_is_idle(p);
}

void share_decide(pool *p)
{
    if (!p->rounds.in[R_MOVE] || !is_still(p))
        return;
    if (p->head->view.surplus > 0) {
        committer_settle(p->c.committer);
        p->head->view.busy = true;
    } else if (p->head->view.lease != p->own.map.lease ||
               p->head->view.revision != p->revised.number) {
        term_want(&p->term);
    }
}

/* --- rank 0: all or nothing --- */

static void fail_alone(pool *p)
{
    pe_error e = {0};

    pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                 "epochs counted in blocks need every partition in one pool, "
                 "and pool '%s' serves run '%s' too: end one of them, or set "
                 "epoch.interval instead of epoch.blocks",
                 p->head->view.other, p->c.req->run);
    pool_fail(p, &e);
}

static double waited_s(const pool_watch *w, int64_t now)
{
    return (double)(now - w->since_ns) / (double)CLOCK_S;
}

/* A counted epoch goes on with the next block of each partition: where one
 * gives nothing while others have blocks, that is said once.
 */
static void watch_wanted(pool *p, int64_t now)
{
    const int64_t *v = p->rounds.in;
    pool_head *h = p->head;
    char said[400];

    if (!v[R_WANTED] || !v[R_LAG] || pool_is_draining(p) ||
        h->wanted_at != p->epochs.logical) {
        h->wanted_at = p->epochs.logical;
        h->wanted.since_ns = now;
    }
    if (!p->c.progress || h->wanted.told ||
        waited_s(&h->wanted, now) < ALONE_TELL_S)
        return;
    h->wanted.told = true;
    snprintf(said, sizeof(said),
             "pool %s waits: epochs counted in blocks go round the partitions, "
             "and partition %d gives no block while %lld wait in others; have "
             "a device for each (streams.STAGE.partitions), or set "
             "epoch.interval instead of epoch.blocks",
             p->c.member, (int)v[R_WANTED] - 1, (long long)v[R_LAG]);
    head_note(p, said);
}

/* It needs every partition, too, and another pool may have some. */
static void watch_lacking(pool *p, int64_t now)
{
    double limit = p->c.alone_limit_s > 0 ? p->c.alone_limit_s : ALONE_LIMIT_S;
    const committer_view *v = &p->head->view;
    pool_watch *w = &p->head->lacking;

    if (!p->counted || !pool_is_ready(p) || pool_is_draining(p) ||
        p->own.map.n == p->n_partitions) {
        w->since_ns = now;
        w->told = false;
        return;
    }
    if (v->others > 0 && waited_s(w, now) > ALONE_TELL_S && !w->told) {
        log_info("waits for all partitions, which epochs counted in blocks "
                 "need: pool '%s' has some",
                 v->other);
        w->told = true;
    }
    if (v->others > 0 && waited_s(w, now) > limit)
        fail_alone(p);
}

void share_watch(pool *p, int64_t now)
{
    watch_lacking(p, now);
    watch_wanted(p, now);
}
