/* committer_next.c - pools that are in each other's way take turns.
 *
 * A commit is made on the newest model and is stale where another pool comes
 * first.  One whose commits take longer than the others' come after each other
 * would never be in time: it asks to be the next, and they wait for it, for a
 * time that ends by itself.  What is exact does not rest on it.
 */
#include "committer_private.h"

#include "src/common/clock.h"

/* Beyond twice what the job has taken so far. */
#define NEXT_LEAST_MS 1000
#define NEXT_MOST_MS 15000 /* a drain waits for 20 s */
#define NEXT_LOOK (5 * CLOCK_MS)

/* Times that a job is stale before it asks. */
#define NEXT_STALE 2

static int ask(committer *c, pe_error *errp)
{
    int64_t ms = NEXT_LEAST_MS + 2 * (clock_mono_ns() - c->job_ns) / CLOCK_MS;

    if (c->sent < NEXT_STALE)
        return c->store->ops->next(c->store, c->writer, 0, errp);
    c->next = true;
    return c->store->ops->next(c->store, c->writer,
                               ms < NEXT_MOST_MS ? ms : NEXT_MOST_MS, errp);
}

int committer_wait_next(committer *c, pe_error *errp)
{
    int rc = 0;

    if (!c->store->ops->next || c->lease.others == 0)
        return 0;
    while ((rc = ask(c, errp)) > 0 && !committer_stopped(c)) {
        committer_beat_if_due(c);
        clock_sleep_ns(NEXT_LOOK, 1);
    }
    return rc < 0 ? -1 : 0;
}

void committer_end_next(committer *c)
{
    pe_error e = {0};

    /* Where it is not heard it ends by itself. */
    if (c->next)
        c->store->ops->next(c->store, c->writer, -1, &e);
    c->next = false;
}
