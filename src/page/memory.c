/* memory.c - was there memory for all of a document? */
#include "src/page/memory.h"

#include <jansson.h>
#include <stddef.h>

static json_malloc_t below;
static _Thread_local bool failed;

static void *watched(size_t n)
{
    void *p = below(n);

    failed = failed || !p;
    return p;
}

void memory_watch(void)
{
    json_malloc_t from;
    json_free_t to;

    json_get_alloc_funcs(&from, &to);
    if (from != watched) {
        below = from;
        json_set_alloc_funcs(watched, to);
    }
    failed = false;
}

bool memory_failed(void)
{
    return failed;
}
