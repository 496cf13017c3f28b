/* observe_cache.c - opened resources, each once. */
#include "observe.h"

#include <stdlib.h>
#include <string.h>

#include "src/backend/backend.h"
#include "src/common/text.h"

struct observe_cache {
    struct place {
        char *url;
        resource *open;
    } * items;
    size_t n;
};

observe_cache *observe_cache_create(pe_error *errp)
{
    observe_cache *c = calloc(1, sizeof(*c));

    if (!c)
        pe_error_nomem(errp);
    return c;
}

void observe_cache_destroy(observe_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++) {
        resource_close(c->items[i].open);
        free(c->items[i].url);
    }
    free(c->items);
    free(c);
}

resource *observe_cache_open(observe_cache *c, const char *url, pe_error *errp)
{
    struct place *items, p = {0};

    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->items[i].url, url))
            return c->items[i].open;
    items = reallocarray(c->items, c->n + 1, sizeof(*items));
    if (items)
        c->items = items;
    p.url = items ? text_format("%s", url) : NULL;
    if (!p.url) {
        pe_error_nomem(errp);
        return NULL;
    }
    p.open = backend_open(url, errp);
    if (!p.open) {
        free(p.url);
        return NULL;
    }
    items[c->n++] = p;
    return p.open;
}
