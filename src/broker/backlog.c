/* backlog.c - records of a partition that wait for answers. */
#include "src/broker/backlog.h"

#include <stdlib.h>
#include <string.h>

/* Of a record beside its key, value and headers, and of each of those: at most,
 * and as the client counts when it looks whether one is too large, at least.
 */
enum { RECORD_HEAD = 64, RECORD_LEAST = 36, HEADER_HEAD = 8, HEADER_LEAST = 2 };

size_t backlog_size(const broker_output *o, bool most)
{
    size_t header = most ? HEADER_HEAD : HEADER_LEAST;
    size_t size = (most ? RECORD_HEAD : RECORD_LEAST) + o->len +
                  (o->key ? strlen(o->key) : 0);

    for (size_t i = 0; o->headers && i < o->headers->n; i++)
        size += strlen(o->headers->h[i].name) + o->headers->h[i].len + header;
    return size;
}

backlog_record *backlog_record_new(const broker_output *o, pe_error *errp)
{
    size_t key = o->key ? strlen(o->key) + 1 : 0;
    bool owned = o->copy && o->len > 0;
    backlog_record *r = malloc(sizeof(*r) + key);
    void *value = owned ? malloc(o->len) : (void *)(uintptr_t)o->value;

    if (!r || (owned && !value)) {
        free(r);
        if (owned)
            free(value);
        pe_error_nomem(errp);
        return NULL;
    }
    *r = (backlog_record){.value = value,
                          .len = o->len,
                          .owned = owned,
                          .opaque = o->opaque,
                          .keyed = o->key};
    if (owned)
        memcpy(value, o->value, o->len);
    if (key)
        memcpy(r->key, o->key, key);
    return r;
}

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
