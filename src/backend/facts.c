/* facts.c - what is known of a place by its URL, without asking anybody. */
#include "backend.h"

bool backend_is_here(const char *url)
{
    const resource_ops *o = backend_ops(url, NULL);

    return o && o->is_here;
}

bool backend_is_direct(const char *url)
{
    const resource_ops *o = backend_ops(url, NULL);

    return o && o->is_direct;
}

bool backend_is_made(const char *url)
{
    const resource_ops *o = backend_ops(url, NULL);

    return o && o->make;
}
