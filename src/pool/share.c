/* share.c - which partitions are this pool's; how they are handed over.
 *
 * Leases change at any time, the partitions of a pool only with its term.  To
 * hand some over it stops dispatching, lets the open epoch close and commit,
 * gives back what it has too many, and raises the term: every partition is
 * read from where the pool before has committed it, and none twice.
 */
#include "pool_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/commit/lease.h"
#include "src/common/clock.h"
#include "src/common/log.h"

#define S INT64_C(1000000000)

/* Beyond a lease that has ended, for a pool that needs all partitions. */
#define ALONE_LIMIT_S (LEASE_TTL_MS * 1e-3 + 5)
#define ALONE_TELL_S 3.0

int share_init(pool *p, pe_error *errp)
{
    size_t n = (size_t)p->n_partitions;

    p->owner = calloc(n, sizeof(*p->owner));
    p->place = calloc(n, sizeof(*p->place));
    p->highest = calloc(n, sizeof(*p->highest));
    if (!p->owner || !p->place || !p->highest)
        return pe_error_nomem(errp);
    for (size_t k = 0; k < n; k++)
        p->owner[k] = -1;
    p->n_told = p->n_partitions; /* nothing to say of a pool that is alone */
    return 0;
}

void share_fini(pool *p)
{
    free(p->owner);
    free(p->place);
    free(p->highest);
}

void share_take(pool *p, const unsigned char *own)
{
    p->n_owned = 0;
    p->n_parts = 0;
    for (int32_t k = 0; k < p->n_partitions; k++) {
        p->owner[k] = -1;
        if (!own[k])
            continue;
        p->owner[k] = pipeline_owner(p->n_owned, p->size);
        p->place[k] = p->n_owned / p->size;
        p->n_owned++;
        if (p->owner[k] == p->rank)
            p->parts[p->n_parts++].partition = k;
    }
    p->n_lanes = p->counted ? p->n_parts : p->n_parts > 0;
}

/* --- text --- */

void share_text(const pool *p, char *out, size_t cap)
{
    size_t at = 0;

    *out = '\0';
    for (int32_t a = 0, b; a < p->n_partitions && at < cap; a = b) {
        b = a + 1;
        if (p->owner[a] < 0)
            continue;
        while (b < p->n_partitions && p->owner[b] >= 0)
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
    char text[200];

    if (p->n_told == p->n_owned)
        return;
    p->n_told = p->n_owned;
    share_text(p, text, sizeof(text));
    log_info("%s has %d of %d partitions%s%s", p->c.member, (int)p->n_owned,
             (int)p->n_partitions, *text ? ": " : "", text);
}

/* --- rank 0: hand over --- */

int64_t share_say(const pool *p)
{
    const committer_view *v = &p->view;
    bool wants = pool_is_ready(p) && p->term.order != PHASE_DRAIN &&
                 (v->lease != p->lease || v->surplus > 0);

    return wants ? 1 + (p->term.order == PHASE_MOVE) : 0;
}

/* What is dispatched is committed, and nothing more is dispatched: every rank
 * had heard so before it said how it stands.  A pool that has to have all
 * partitions has lost them if it moves, and one that had none has nothing.
 */
static bool is_still(const pool *p)
{
    const int64_t *v = p->round_in;

    if (p->n_owned == 0 || p->counted)
        return true;
    return v[R_MOVE] == 2 && !v[R_OPEN] && !v[R_CLOSING] && !v[R_BUSY] &&
           pool_is_idle(p);
}

void share_decide(pool *p)
{
    if (!p->round_in[R_MOVE] || !is_still(p))
        return;
    if (p->view.surplus > 0) {
        committer_settle(p->c.committer);
        p->view.busy = true;
    } else if (p->view.lease != p->lease) {
        p->term.wanted = p->term.number + 1;
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
                 p->view.other, p->c.req->run);
    pool_fail(p, &e);
}

void share_watch_wanted(pool *p, int64_t now)
{
    const int64_t *v = p->round_in;
    char text[400];

    if (!v[R_WANTED] || !v[R_LAG] || p->term.order == PHASE_DRAIN ||
        p->wanted_at != p->logical) {
        p->wanted_at = p->logical;
        p->wanted_ns = now;
    }
    if (!p->c.progress || p->wanted_told ||
        (double)(now - p->wanted_ns) / (double)S < ALONE_TELL_S)
        return;
    p->wanted_told = true;
    snprintf(text, sizeof(text),
             "pool %s waits: epochs counted in blocks go round the partitions, "
             "and partition %d gives no block while %lld wait in others; have "
             "a device for each (streams.STAGE.partitions), or set "
             "epoch.interval instead of epoch.blocks",
             p->c.member, (int)v[R_WANTED] - 1, (long long)v[R_LAG]);
    p->c.progress(json_pack("{s:s, s:s, s:o}", "event", "note", "pilot",
                            p->c.pilot, "text", event_text(text)));
}

void share_watch(pool *p, int64_t now)
{
    double limit = p->c.alone_limit_s > 0 ? p->c.alone_limit_s : ALONE_LIMIT_S;
    double waited;

    if (!p->counted || !pool_is_ready(p) || p->term.order == PHASE_DRAIN ||
        p->n_owned == p->n_partitions) {
        p->lacking_ns = now;
        p->lacking_told = false;
        return;
    }
    waited = (double)(now - p->lacking_ns) / (double)S;
    if (waited > ALONE_TELL_S && p->view.others > 0 && !p->lacking_told) {
        log_info("waits for all partitions, which epochs counted in blocks "
                 "need: pool '%s' has some",
                 p->view.other);
        p->lacking_told = true;
    }
    if (waited > limit && p->view.others > 0)
        fail_alone(p);
}
