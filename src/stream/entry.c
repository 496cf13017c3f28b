/* entry.c - records that a producer of streams has accepted. */
#include "src/stream/entry.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/random.h"

#define EXTRA 64 /* what a record adds to its bytes */

void entry_add(entry_list *l, entry *e)
{
    e->next = NULL;
    *l->last = e;
    l->last = &e->next;
}

entry *entry_take(entry_list *l)
{
    entry *e = l->first;

    if (!e)
        return NULL;
    l->first = e->next;
    if (!l->first)
        l->last = &l->first;
    return e;
}

void entry_free(entry *e)
{
    free(e->key);
    free(e->headers);
    free(e);
}

static void add_headers(redis_args *a, const entry *e)
{
    const char *at = e->headers;

    for (size_t i = 0; i < e->n_headers; i++) {
        const char *name = at;
        uint32_t len;

        at += strlen(at) + 1;
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        redis_args_addf(a, "%c.%s", len == UINT32_MAX ? 'n' : 'h', name);
        len = len == UINT32_MAX ? 0 : len;
        redis_args_add(a, at, len);
        at += len;
    }
}

int32_t entry_partition(const entry *e)
{
    uint64_t n = (uint64_t)e->topic->is.partitions;

    if (e->partition >= 0 || n == 0)
        return e->partition < 0 ? 0 : e->partition;
    return (int32_t)(random_hash(1, e->key ? e->key : "",
                                 e->key ? strlen(e->key) : 0) %
                     n);
}

void entry_words(redis_args *a, const entry *e)
{
    redis_args_addf(a, "%" PRId32, entry_partition(e));
    redis_args_addf(a, "%zu", 2 + (e->key ? 2 : 0) + 2 * e->n_headers);
    redis_args_add(a, "v", 1);
    redis_args_add(a, e->value, e->len);
    if (e->key) {
        redis_args_add(a, "k", 1);
        redis_args_add(a, e->key, strlen(e->key));
    }
    add_headers(a, e);
}

static void headers_put(entry *e, const record_headers *h)
{
    char *at = e->headers;

    for (size_t i = 0; i < e->n_headers; i++) {
        size_t name = strlen(h->h[i].name) + 1;
        uint32_t len = h->h[i].value ? (uint32_t)h->h[i].len : UINT32_MAX;

        memcpy(at, h->h[i].name, name);
        memcpy(at + name, &len, sizeof(len));
        at += name + sizeof(len);
        if (h->h[i].value && len) {
            memcpy(at, h->h[i].value, len);
            at += len;
        }
    }
}

static size_t headers_size(const record_headers *h)
{
    size_t n = 0;

    for (size_t i = 0; h && i < h->n; i++)
        n += strlen(h->h[i].name) + 1 + sizeof(uint32_t) + h->h[i].len;
    return n;
}

size_t entry_bytes(const broker_output *o)
{
    return o->len + headers_size(o->headers) + (o->key ? strlen(o->key) : 0) +
           EXTRA;
}

entry *entry_make(const broker_output *o, known *topic)
{
    size_t headers = headers_size(o->headers), copied = o->copy ? o->len : 0;
    entry *e = calloc(1, sizeof(*e) + copied);

    if (!e)
        return NULL;
    e->n_headers = o->headers ? o->headers->n : 0;
    e->key = o->key ? strdup(o->key) : NULL;
    e->headers = headers ? malloc(headers) : NULL;
    if ((o->key && !e->key) || (headers && !e->headers)) {
        entry_free(e);
        return NULL;
    }
    if (headers)
        headers_put(e, o->headers);
    if (copied)
        memcpy(e + 1, o->value, copied);
    e->value = copied ? (const void *)(e + 1) : o->value;
    e->len = o->len;
    e->bytes = entry_bytes(o);
    e->opaque = o->opaque;
    e->partition = o->partition;
    e->topic = topic;
    e->since_ns = clock_mono_ns();
    return e;
}
