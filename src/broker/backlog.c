/* backlog.c - records of a partition that wait for answers. */
#include "src/broker/backlog.h"

bool backlog_waits(const backlog *b)
{
    return b->first || b->out >= BACKLOG_OUT;
}

void backlog_put(backlog *b, backlog_record *r)
{
    r->next = NULL;
    if (b->first)
        b->last->next = r;
    else
        b->first = r;
    b->last = r;
}

backlog_record *backlog_take(backlog *b, size_t *takenp, size_t most)
{
    backlog_record *r = b->first;

    if (!r || (*takenp > 0 && r->size > most - *takenp))
        return NULL;
    *takenp = r->size < most - *takenp ? *takenp + r->size : most;
    b->first = r->next;
    b->out++;
    return r;
}

void backlog_return(backlog *b, backlog_record *r)
{
    r->next = b->first;
    if (!b->first)
        b->last = r;
    b->first = r;
    b->out--;
}

bool backlog_answered(backlog *b)
{
    if (b->out > 0)
        b->out--;
    return b->first && b->out < BACKLOG_OUT;
}
