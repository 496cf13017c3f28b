/* first.c - which block tells for how many features the model is made.
 *
 * The devices of the run know, where there are any: what strangers have sent
 * before waits for the first block of a device.  It may lie behind any number
 * of theirs, so a rank reads on without dispatching, drops what it reads, and
 * reads it again once it knows.  Where all is read up to the ends and no
 * device has sent anything, any block will do.
 */
#include "pool_private.h"

#include <string.h>

#include "src/common/log.h"

/* More than that are asked for by mistake, if not by a device. */
#define STRANGERS_MOST (UINT32_C(1) << 18)

/* Is there a model for so many features, and memory for it? */
static int try_model(pool *p, uint32_t features, bool foreign, pe_error *errp)
{
    pe_options *o = p->last.fn ? p->plain_options : p->stage->options;
    pe_model *m = NULL;
    pe_delta *d;

    if (foreign && features > STRANGERS_MOST)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "%u features: the first block of a stranger may "
                            "have %u at most",
                            features, STRANGERS_MOST);
    m = pe_model_create(p->model_ops->name, o, features, errp);
    d = m ? pe_delta_create(m, errp) : NULL;
    pe_model_destroy(m);
    pe_delta_destroy(d);
    return d ? 0 : -1;
}

/* Propose the features of [r]; true: it needs no model, or is refused. */
static bool propose(pool *p, pool_record *r)
{
    if (chain_propose(p, &r->block))
        return true;
    if (!p->term.proposal || p->term.proposal == p->first.tried)
        return false;
    if (try_model(p, p->term.proposal, r->foreign, &r->bad) == 0) {
        p->first.tried = p->term.proposal;
        return false;
    }
    r->bad.kind = PE_ERROR_INPUT;
    p->term.proposal = 0;
    chain_forget(p);
    return true;
}

bool first_propose(pool *p, pool_record *r)
{
    if (!r->foreign || !p->first.ours_only || p->first.nobody)
        return propose(p, r);
    p->first.waits = !p->term.proposal;
    return false;
}

/* Has one of our devices sent what this lane holds?  Then that is it. */
static bool look_into(pool *p, pool_lane *l)
{
    for (size_t i = 0; i < l->n; i++) {
        pool_record *r = &l->ring[(l->head + i) % POOL_BACKLOG];
        uint32_t features = 0;
        pe_error e;

        if (!r->foreign && r->bad.kind == PE_ERROR_NONE)
            features = chain_scout(p, &r->block);
        if (!features || try_model(p, features, false, &e) < 0)
            continue;
        p->term.proposal = p->first.tried = features;
        return true;
    }
    return false;
}

static bool read_whole(const pool *p)
{
    for (size_t i = 0; i < p->n_parts; i++) {
        int64_t end = p->ends[p->parts[i].partition];

        if (end < 0 || p->parts[i].fetched < end)
            return false;
    }
    return true;
}

static void found(pool *p)
{
    p->first.waits = false;
    chain_scout_end(p);
    if (p->first.away)
        owner_rewind(p);
    p->first.away = false;
}

int first_look(pool *p)
{
    int did = 0;

    if (!p->first.waits)
        return 0;
    if (p->term.proposal || p->slot[p->epoch & 1].base) { /* others know */
        found(p);
        return 1;
    }
    if (!p->first.told)
        log_info("blocks of others wait for the first of a device of this "
                 "run, which tells the features");
    p->first.told = true;
    for (size_t i = 0; i < p->n_lanes; i++) {
        pool_lane *l = &p->lanes[i];
        size_t before;

        if (look_into(p, l)) {
            found(p);
            return 1;
        }
        if (l->n == POOL_BACKLOG || p->first.away) {
            owner_empty(p, l);
            p->first.away = true;
        }
        before = l->n;
        owner_fill(p, i, POOL_BACKLOG);
        did |= l->n > before;
    }
    return did;
}

/* Does this rank know of no block of a device, and that none will come? */
bool first_is_nobody(pool *p)
{
    if (!p->first.ours_only)
        return true;
    if (p->term.proposal || !read_whole(p))
        return false;
    for (size_t i = 0; i < p->n_lanes; i++)
        for (size_t k = 0; k < p->lanes[i].n; k++) {
            const pool_lane *l = &p->lanes[i];
            const pool_record *r = &l->ring[(l->head + k) % POOL_BACKLOG];

            if (!r->foreign && r->bad.kind == PE_ERROR_NONE)
                return false;
        }
    return true;
}

void first_all_nobody(pool *p)
{
    if (p->first.nobody || !p->first.ours_only)
        return;
    p->first.nobody = true;
    if (p->first.waits)
        found(p);
}

void first_reset(pool *p)
{
    p->first.waits = p->first.away = p->first.nobody = false;
    chain_scout_end(p);
    p->first.tried = 0;
}
