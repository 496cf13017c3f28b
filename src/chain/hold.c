/* hold.c - stages that come to the ranks while blocks flow.
 *
 * The pipeline file says which stages are on devices, and a record says which
 * of them its device has put it through.  A stage that has moved to the pool is
 * opened by each rank once, be it that it was told before, or that a record is
 * there which needs it, and it stays open for as long as the pool lives: the
 * topic may hold records of either kind in any order.
 */
#include "chain_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

/* What the scaling of a stage may take (src/edge/device_scale.c). */
#define SCALING_MAX (32 << 20)

/* A model scores what it gets, so `score` has nothing to do in front of it. */
static bool is_idle(const pipeline_stage *s)
{
    return !strcmp(s->function, "score");
}

static bool is_missing(const chain_function *f)
{
    return !f->ctx && !is_idle(f->stage);
}

/* The devices have found the scaling of all rows, and the run has kept it. */
static int find_given(chain *st, const pipeline_stage *s, pe_error *errp)
{
    size_t i = (size_t)(s - st->c.pl->stages), len = 0;
    overall *w = &st->overalls[i];
    char key[256], *value;
    params *shared;
    int rc = -1;

    if (!ahead_asked(s) || st->given[i].n > 0)
        return 0;
    shared = chain_shared(st, errp);
    value = shared ? malloc(SCALING_MAX) : NULL;
    if (!value)
        return shared ? pe_error_nomem(errp) : -1;
    snprintf(key, sizeof(key), "standardise/%s", s->name);
    rc = params_shared_get(shared, key, value, SCALING_MAX, &len, errp);
    if (rc == 0 && len > 0)
        rc = overall_decode(w, value, len, errp);
    if (rc == 0 && len > 0)
        st->given[i] = overall_scaling(w);
    free(value);
    return rc;
}

/* What it keeps is cut and synced with the commits of its side. */
static int check_crossing(const pipeline_stage *s, pe_error *errp)
{
    const pe_function *ops = function_ops(s->loaded);

    if (function_keeps(s->loaded))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                            "%s keeps rows in files of its side, and stays "
                            "there",
                            s->function);
    if (!ops->process_cloud)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                            "%s has no process_cloud and cannot run on a pool",
                            s->function);
    return 0;
}

static int open_late(chain *st, chain_function *f, bool scout, pe_error *errp)
{
    const pipeline_stage *s = f->stage;

    if (check_crossing(s, errp) == 0 && find_given(st, s, errp) == 0 &&
        chain_open_one(st, s, f, scout, errp) == 0)
        return 0;
    errp->kind = PE_ERROR_FATAL; /* no block is to blame */
    return pe_error_prefix(errp, "stage '%s' is to come to the pool", s->name);
}

int chain_row_late(chain *st, chain_function *row, size_t at, pe_error *errp)
{
    for (size_t i = at; i < st->n_pre; i++) {
        if (!is_missing(&row[i]))
            continue;
        if (open_late(st, &row[i], row == st->scout, errp) < 0)
            return -1;
        st->named = st->named || chain_asks(&row[i]);
    }
    return 0;
}

int chain_hold(chain *st, size_t through, pe_error *errp)
{
    return chain_row_late(st, st->pre, chain_place(st, (uint32_t)through),
                          errp);
}

size_t chain_held(const chain *st)
{
    size_t at = st->n_pre;

    while (at > 0 && !is_missing(&st->pre[at - 1]))
        at--;
    return st->first + at;
}

/* --- who did it --- */

size_t chain_through(const chain *st)
{
    uint32_t through = st->item ? st->item->through : 0;
    size_t at = st->first + chain_place(st, through);

    return at < PARAMS_PLACES ? at : PARAMS_PLACES - 1;
}

json_t *chain_sides(const chain *st, const uint64_t through[PARAMS_PLACES])
{
    size_t end = st->first + st->n_pre;
    const pipeline *pl = st->c.pl;
    json_t *out;

    if (st->first == 0 || pipeline_is_local(pl))
        return NULL;
    out = json_object();
    for (size_t i = st->first; i < end && i + 1 < PARAMS_PLACES; i++) {
        uint64_t devices = 0, pool = 0;

        for (size_t k = 0; k < PARAMS_PLACES; k++)
            *(k > i ? &devices : &pool) += through[k];
        json_object_set_new(out, pl->stages[i].name,
                            json_pack("{s:I, s:I}", "devices",
                                      (json_int_t)devices, "pool",
                                      (json_int_t)pool));
    }
    return out;
}
