/* scale.c - the scaling of all rows that a pool took from a topic. */
#include "src/answer/pass_private.h"

#include <stdlib.h>

#include "src/source/ahead.h"

int pass_rewind(pass *p, const pipeline_stage *upto, pe_error *errp)
{
    for (size_t i = 0; i < p->c->n_lanes; i++) {
        lane *l = &p->lanes[i];

        lane_fini(l);
        if (lane_init(l, &p->c->lanes[i], errp) < 0)
            return -1;
        l->c.stages.upto = upto;
        if (upto)
            l->c.features = 0;
    }
    p->turn = 0;
    return 0;
}

/* The sums of all lanes, in their order; see overall_end. */
static int end(pass *p, overall *w, pe_error *errp)
{
    overall_free(w);
    for (size_t i = 0; i < p->c->n_lanes; i++)
        if (overall_merge(w, &p->sums[i], errp) < 0)
            return -1;
    return overall_end(w, errp);
}

static int begin_again(pass *p, const overall *w, pe_error *errp)
{
    for (size_t i = 0; i < p->c->n_lanes; i++) {
        overall_free(&p->sums[i]);
        if (overall_like(&p->sums[i], w, errp) < 0)
            return -1;
    }
    return 0;
}

static int find(pass *p, const pipeline_stage *s, overall *w, pe_error *errp)
{
    int rc = 1;

    for (int look = 0; rc > 0 && look < 2; look++) {
        if (look > 0 && begin_again(p, w, errp) < 0)
            return -1;
        p->stages += look;
        if (pass_rewind(p, s, errp) < 0 || pass_blocks(p, errp) < 0)
            return -1;
        rc = end(p, w, errp);
    }
    return rc;
}

static bool is_open(const scaling *s, const pipeline *pl, size_t i)
{
    return pl->stages[i].role == STAGE_CLOUD && s->given[i].n == 0 &&
           ahead_asked(&pl->stages[i]);
}

int pass_scalings(const pass *p)
{
    const scaling *s = p->c->scaling;
    int n = 0;

    for (size_t i = 0; s && i < s->n; i++)
        n += is_open(s, p->c->lanes[0].stages.pl, i);
    return n;
}

int pass_scale(pass *p, pe_error *errp)
{
    scaling *s = p->c->scaling;
    const pipeline *pl = s ? p->c->lanes[0].stages.pl : NULL;
    bool some = false;
    int rc = 0;

    for (size_t i = 0; s && rc == 0 && i < s->n; i++) {
        if (!is_open(s, pl, i))
            continue;
        p->sums = calloc(p->c->n_lanes + 1, sizeof(*p->sums));
        rc = p->sums ? find(p, &pl->stages[i], &s->overalls[i], errp)
                     : pe_error_nomem(errp);
        for (size_t k = 0; p->sums && k < p->c->n_lanes; k++)
            overall_free(&p->sums[k]);
        free(p->sums);
        p->sums = NULL;
        if (rc == 0)
            scaling_set(s, i);
        some = true;
    }
    return some && rc == 0 ? pass_rewind(p, NULL, errp) : rc;
}
