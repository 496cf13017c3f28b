/* fit.c - the model of a run, fitted to all its rows once they are there. */
#include "src/answer/pass_private.h"

#include <stdlib.h>

static int fit(pass *p, draw *d, pe_error *errp)
{
    double *table = draw_table(d, errp);
    int rc = table ? pe_model_fit(p->m, table, d->n, errp) : -1;

    free(table);
    p->drawn = d->n;
    p->drawn_of = d->offered;
    if (rc <= 0)
        return rc;
    if (pe_model_encode(p->m, &p->fitted, errp) < 0)
        return -1;
    p->model = p->fitted.data;
    p->model_len = p->fitted.len;
    return 0;
}

int pass_fit(pass *p, pe_error *errp)
{
    draw d;
    int rc;

    if (!p->c->fit || !p->m->ops->fit)
        return 0;
    if (draw_open(&d, p->m->features, p->m->seed, errp) < 0)
        return -1;
    p->draw = &d;
    rc = pass_blocks(p, errp);
    p->draw = NULL;
    if (rc == 0)
        rc = fit(p, &d, errp);
    draw_free(&d);
    return rc == 0 ? pass_rewind(p, NULL, errp) : -1;
}
