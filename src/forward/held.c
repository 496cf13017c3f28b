/* held.c - records that wait because the client has no room for them. */
#include "held.h"

#include <stdlib.h>
#include <string.h>

struct held {
    held *next;
    broker_output what;
    record_headers headers;
    unsigned char bytes[]; /* key, value, values of headers */
};

static size_t bytes_of(const broker_output *o)
{
    size_t n = strlen(o->key) + 1 + o->len;

    for (size_t i = 0; i < o->headers->n; i++)
        n += o->headers->h[i].len;
    return n;
}

/* [n] bytes at [from] to *atp, which goes on behind them. */
static const void *put(unsigned char **atp, const void *from, size_t n)
{
    void *to = *atp;

    if (n > 0)
        memcpy(to, from, n);
    *atp += n;
    return to;
}

int held_add(held_list *l, const broker_output *o, pe_error *errp)
{
    held *h = malloc(sizeof(*h) + bytes_of(o));
    unsigned char *at;

    if (!h)
        return pe_error_nomem(errp);
    *h = (held){.what = *o};
    at = h->bytes;
    h->what.key = put(&at, o->key, strlen(o->key) + 1);
    h->what.value = put(&at, o->value, o->len);
    h->headers = *o->headers;
    for (size_t i = 0; i < h->headers.n; i++) {
        record_header *k = &h->headers.h[i];

        k->value = k->value ? put(&at, k->value, k->len) : NULL;
    }
    h->what.headers = &h->headers;
    if (l->first)
        *l->last = h;
    else
        l->first = h;
    l->last = &h->next;
    return 0;
}

const broker_output *held_first(const held_list *l)
{
    return l->first ? &l->first->what : NULL;
}

void held_pop(held_list *l)
{
    held *h = l->first;

    if (!h)
        return;
    l->first = h->next;
    if (!l->first)
        l->last = NULL;
    free(h);
}
