/* stages.c - another revision of the stages, taken up with a term.
 *
 * A word of the parameter service says that there is one.  Then rank 0 does as
 * when partitions are handed over (share.c): with nothing under way the term is
 * raised, its state comes with the revision, and every rank makes its functions
 * anew, but for those that are as they were.  What was done under the older one
 * is committed; what is fetched from here on sees the new one.  A fresh one is
 * taken back where a rank cannot open it, a function fails, or its first blocks
 * are all refused: the epoch is dropped, nothing of it is committed, and these
 * blocks come again.
 */
#include "pool_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "src/common/log.h"
#include "src/revision/revision.h"

/* --- taken up --- */

static pipeline *load(const pool *p, const wire_news *n, pe_error *errp)
{
    revision *r =
        revision_parse(n->revision, *n->stages ? n->stages : NULL, errp);
    pipeline *pl = r ? revision_pipeline(NULL, p->c.req, r, errp) : NULL;

    revision_destroy(r);
    return pl;
}

/* What functions keep from before points into it. */
static int keep_old(pool_revised *v, pipeline *pl, pe_error *errp)
{
    pipeline **more = realloc(v->old, (v->n_old + 1) * sizeof(*more));

    if (!more)
        return pe_error_nomem(errp);
    v->old = more;
    v->old[v->n_old++] = pl;
    return 0;
}

static int take(pool *p, const wire_news *n, pe_error *errp)
{
    pipeline *pl = load(p, n, errp);

    if (!pl)
        return -1;
    if (keep_old(&p->revised, pl, errp) < 0) {
        pipeline_destroy(pl);
        return -1;
    }
    if (chain_revise(&p->stages, pl, errp) < 0)
        return -1;
    p->c.pl = pl;
    return 0;
}

int stages_take(pool *p, const wire_news *n, pe_error *errp)
{
    pool_revised *v = &p->revised;
    bool other = n->revision != v->number || v->broken;
    pe_error e = {0};

    v->fresh = n->fresh;
    v->number = p->results.revision = n->revision;
    for (int i = 0; other && i < 2; i++)
        pool_slot_reshape(&p->epochs.slot[i]);
    v->broken = other && take(p, n, &e) < 0;
    if (!v->broken)
        return 0;
    if (stages_blame(p, &e))
        return 0;
    *errp = e;
    return -1;
}

void stages_forget(pool *p)
{
    p->revised.bad = p->revised.over = p->revised.stopped = false;
}

void stages_fini(pool *p)
{
    for (size_t i = 0; i < p->revised.n_old; i++)
        pipeline_destroy(p->revised.old[i]);
    free(p->revised.old);
}

/* --- taken back --- */

bool stages_blame(pool *p, const pe_error *e)
{
    pool_revised *v = &p->revised;

    if (!v->fresh)
        return false;
    if (!v->bad) {
        log_warn("rank %d cannot go on with revision %llu of the stages: %s",
                 p->rank, (unsigned long long)v->number, e->text);
        v->error = *e;
    }
    v->bad = true;
    return true;
}

static void revoke(pool *p, const char *why)
{
    committer_revoke(p->c.committer, why);
    p->revised.over = true;
}

void stages_hear(pool *p, int from)
{
    pe_error e = p->revised.error;
    char why[256];

    MPI_Bcast(&e, sizeof(e), MPI_BYTE, from, p->c.comm);
    p->revised.over = true;
    if (!p->head)
        return;
    snprintf(why, sizeof(why), "rank %d: %.230s", from, e.text);
    revoke(p, why);
}

bool stages_stand(pool *p, const commit_job *j)
{
    pool_revised *v = &p->revised;
    char why[256];

    if (v->over)
        return false;
    if (!v->fresh || j->tried == 0)
        return true;
    if (j->failed < j->tried) {
        v->fresh = false;
        return true;
    }
    snprintf(why, sizeof(why),
             "all %llu blocks of its first epoch are refused: %.190s",
             (unsigned long long)j->tried, j->why);
    revoke(p, why);
    return false;
}

void stages_look(pool *p)
{
    const pool_revised *v = &p->revised;

    if (v->over && p->head->view.revision > v->number)
        term_want(&p->term);
}
