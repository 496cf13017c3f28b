/* items.c - the blob of a delta as items: what is not a sum. */
#include "items.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"

struct item_origin item_origin_of(const pe_block *b, uint64_t n)
{
    return (struct item_origin){b->partition, b->offset, n};
}

uint64_t item_key(uint64_t seed, const pe_block *b)
{
    return random_mix(random_mix(seed, (uint64_t)b->partition),
                      (uint64_t)b->offset);
}

uint64_t item_device(const pe_block *b)
{
    const char *name = b->device ? b->device : "";
    uint64_t hash = 0x706f696e;

    for (; *name; name++)
        hash = random_mix(hash, (unsigned char)*name);
    return hash;
}

bool item_next(const unsigned char *blob, size_t len, size_t *atp,
               struct item *item, const unsigned char **payload)
{
    if (*atp + sizeof(*item) > len)
        return false;
    memcpy(item, blob + *atp, sizeof(*item));
    if (item->len > len - *atp - sizeof(*item))
        return false;
    *payload = blob + *atp + sizeof(*item);
    *atp += sizeof(*item) + item->len;
    return true;
}

unsigned char *item_reserve(pe_delta *d, uint64_t kind, size_t len,
                            pe_error *errp)
{
    struct item head = {kind, len};
    size_t at = d->blob.len;

    if (pe_buffer_reserve(&d->blob, at + sizeof(head) + len, errp) < 0)
        return NULL;
    memcpy(d->blob.data + at, &head, sizeof(head));
    return d->blob.data + at + sizeof(head);
}

void item_commit(pe_delta *d, size_t len)
{
    struct item head;

    memcpy(&head, d->blob.data + d->blob.len, sizeof(head));
    head.len = len;
    memcpy(d->blob.data + d->blob.len, &head, sizeof(head));
    d->blob.len += sizeof(head) + len;
}

static int by_origin(const void *a, const void *b)
{
    const struct item_origin *x = &((const struct item_ref *)a)->from;
    const struct item_origin *y = &((const struct item_ref *)b)->from;

    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static size_t list(const pe_buffer *blob, uint64_t kind, struct item_ref *refs)
{
    const unsigned char *p;
    struct item item;
    size_t at = 0, n = 0;

    while (item_next(blob->data, blob->len, &at, &item, &p)) {
        if (item.kind != kind || item.len < sizeof(refs->from))
            continue;
        if (refs) {
            memcpy(&refs[n].from, p, sizeof(refs[n].from));
            refs[n].data = p + sizeof(refs[n].from);
        }
        n++;
    }
    return n;
}

int item_sort(const pe_buffer *blob, uint64_t kind, struct item_ref **refsp,
              size_t *np, pe_error *errp)
{
    *np = list(blob, kind, NULL);
    *refsp = malloc((*np + 1) * sizeof(**refsp));
    if (!*refsp)
        return pe_error_nomem(errp);
    list(blob, kind, *refsp);
    qsort(*refsp, *np, sizeof(**refsp), by_origin);
    return 0;
}

int item_merge(pe_delta *into, const unsigned char *from, size_t len,
               pe_error *errp)
{
    return pe_buffer_append(&into->blob, from, len, errp);
}
