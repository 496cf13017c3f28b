/* term.c - a term is raised, or wanted; a rank has failed. */
#include "term.h"

void term_raise(pool_term *t, int64_t number)
{
    *t = (pool_term){.number = number,
                     .wanted = number,
                     .phase = t->phase,
                     .order = t->order};
}

void term_want(pool_term *t)
{
    t->wanted = t->number + 1;
}

void fate_fail(pool_fate *f, const pe_error *e)
{
    if (f->failed)
        return;
    f->failed = true;
    f->error = *e;
}
