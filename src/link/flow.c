/* flow.c - bytes on their way through a link, in one direction. */
#include "flow.h"

#include <stdlib.h>
#include <string.h>

struct flow_piece {
    flow_piece *next;
    int64_t at_ns;
    size_t len, taken;
    char data[];
};

int flow_put(flow *f, const void *data, size_t len, int64_t at_ns,
             pe_error *errp)
{
    flow_piece *p = malloc(sizeof(*p) + len);

    if (!p)
        return pe_error_nomem(errp);
    if (at_ns < f->newest_ns)
        at_ns = f->newest_ns;
    p->next = NULL;
    p->at_ns = at_ns;
    p->len = len;
    p->taken = 0;
    if (len > 0)
        memcpy(p->data, data, len);
    if (f->last)
        f->last->next = p;
    else
        f->first = p;
    f->last = p;
    f->bytes += len;
    f->newest_ns = at_ns;
    f->ends = f->ends || len == 0;
    return 0;
}

int64_t flow_next_ns(const flow *f)
{
    return f->first ? f->first->at_ns : INT64_MAX;
}

const void *flow_peek(const flow *f, size_t *lenp)
{
    *lenp = f->first->len - f->first->taken;
    return f->first->data + f->first->taken;
}

void flow_take(flow *f, size_t len)
{
    flow_piece *p = f->first;

    p->taken += len;
    f->bytes -= len;
    if (p->taken < p->len)
        return;
    f->first = p->next;
    if (!f->first)
        f->last = NULL;
    free(p);
}

void flow_clear(flow *f)
{
    while (f->first) {
        flow_piece *p = f->first;
        f->first = p->next;
        free(p);
    }
    memset(f, 0, sizeof(*f));
}
