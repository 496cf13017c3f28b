/* first.c - which block tells for how many features the model is made.
 *
 * The devices of the run know, where there are any: what strangers have sent
 * before waits for the first block of a device.  It may lie behind any number
 * of theirs, so a rank reads on without dispatching, drops what it reads, and
 * reads it again once it knows.  Where all is read up to the ends and no
 * device has sent anything, any block will do.
 */
#include "pool_private.h"

#include "src/common/log.h"

/* More than that are asked for by mistake, if not by a device. */
#define STRANGERS_MOST (UINT32_C(1) << 18)

/* Is there a model for so many features, and memory for it? */
static int try_model(const pool *p, uint32_t features, bool foreign,
                     pe_error *errp)
{
    pe_model *m;
    pe_delta *d;

    if (foreign && features > STRANGERS_MOST)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%u features: the first block of a stranger may "
                            "have %u at most",
                            features, STRANGERS_MOST);
    m = chain_model(&p->stages, features, errp);
    d = m ? pe_delta_create(m, errp) : NULL;
    pe_model_destroy(m);
    pe_delta_destroy(d);
    return d ? 0 : -1;
}

/* A device of ours senses what the model of `restore` is not for: no block of
 * the run would be taken.
 */
static void fail_restored(pool *p, const pe_error *e)
{
    if (p->c.pl->restore && e->kind == PE_ERROR_FATAL)
        pool_fail(p, e);
}

/* Propose the features of [r]; true: it needs no model, or is refused. */
static bool propose(pool *p, source_item *r)
{
    pe_error e = {0};
    bool none;

    if (work_hear(p, r, &e) < 0)
        pool_fail(p, &e);
    p->stages.item = r;
    none = chain_propose(&p->stages, &r->block, &p->term.proposal);
    p->stages.item = NULL;
    if (none)
        return true;
    if (!p->term.proposal || p->term.proposal == p->own.first.tried)
        return false;
    if (try_model(p, p->term.proposal, r->foreign, &r->bad) == 0) {
        p->own.first.tried = p->term.proposal;
        return false;
    }
    if (!r->foreign)
        fail_restored(p, &r->bad);
    pool_epoch_open(&p->epochs)->tried++;
    work_failed(pool_epoch_open(&p->epochs), r->bad.text);
    r->bad.kind = PE_ERROR_INPUT;
    p->term.proposal = 0;
    chain_forget(&p->stages);
    return true;
}

/* With `until: eof` no device starts, so one can have sent something only
 * where the run has been started before, in another way.
 */
bool first_has_devices(const pipeline *pl, const pipeline_request *req)
{
    if (pl->until_eof && pl->seen == 0 && !req->resumed)
        return false;
    return !pipeline_is_local(pl) && pipeline_devices(pl) > 0;
}

bool first_propose(pool *p, source_item *r)
{
    if (!r->foreign || !p->own.first.ours_only || p->own.first.nobody)
        return propose(p, r);
    p->own.first.waits = !p->term.proposal;
    return false;
}

/* Of a device of ours, and whole. */
static bool is_ours(const source_item *r)
{
    return !r->foreign && !r->aside && r->bad.kind == PE_ERROR_NONE;
}

/* Has one of our devices sent what this lane holds?  Then that is it. */
static bool look_into(pool *p, const pool_lane *l)
{
    for (size_t i = 0; i < l->n; i++) {
        const source_item *r = lane_item(l, i);
        uint32_t features = 0;
        pe_error e = {0};

        p->stages.item = r;
        if (is_ours(r) &&
            (work_hear(p, r, &e) < 0 ||
             chain_scout(&p->stages, &r->block, &features, &e) < 0))
            pool_fail(p, &e);
        p->stages.item = NULL;
        if (!features)
            continue;
        if (try_model(p, features, false, &e) < 0) {
            fail_restored(p, &e);
            continue;
        }
        p->term.proposal = p->own.first.tried = features;
        return true;
    }
    return false;
}

static bool read_whole(const pool *p)
{
    for (size_t i = 0; i < p->own.n_parts; i++) {
        int64_t end = p->rounds.ends[p->own.at[i].partition];

        if (end < 0 || p->own.fetched[i] < end)
            return false;
    }
    return true;
}

static void found(pool *p)
{
    p->own.first.waits = false;
    chain_scout_end(&p->stages);
    if (p->own.first.away)
        lane_rewind(p);
    p->own.first.away = false;
}

int first_look(pool *p)
{
    int did = 0;

    if (!p->own.first.waits)
        return 0;
    if (p->term.proposal ||
        pool_epoch_open(&p->epochs)->base) { /* others know */
        found(p);
        return 1;
    }
    if (!p->own.first.told)
        log_info("blocks of others wait for the first of a device of this "
                 "run, which tells the features");
    p->own.first.told = true;
    for (size_t i = 0; i < p->own.n_lanes; i++) {
        pool_lane *l = &p->own.lanes[i];
        size_t before;

        if (look_into(p, l)) {
            found(p);
            return 1;
        }
        if (l->n == POOL_BACKLOG || p->own.first.away) {
            lane_empty(p, l);
            p->own.first.away = true;
        }
        before = l->n;
        lane_fill(p, i, POOL_BACKLOG);
        did |= l->n > before;
    }
    return did;
}

/* Does this rank know of no block of a device, and that none will come? */
bool first_is_nobody(pool *p)
{
    if (!p->own.first.ours_only)
        return true;
    if (p->term.proposal || !read_whole(p))
        return false;
    for (size_t i = 0; i < p->own.n_lanes; i++)
        for (size_t k = 0; k < p->own.lanes[i].n; k++)
            if (is_ours(lane_item(&p->own.lanes[i], k)))
                return false;
    return true;
}

void first_all_nobody(pool *p)
{
    if (p->own.first.nobody || !p->own.first.ours_only)
        return;
    p->own.first.nobody = true;
    if (p->own.first.waits)
        found(p);
}

void first_reset(pool *p)
{
    p->own.first.waits = p->own.first.away = p->own.first.nobody = false;
    chain_scout_end(&p->stages);
    p->own.first.tried = 0;
}
