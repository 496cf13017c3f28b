/* via.c - connections of a pilot through a login node. */
#include "pipeline.h"

#include "src/resource/tunnel.h"

static void close_tunnel(void *arg)
{
    tunnel_close(arg);
}

const char *pipeline_via_here(const pipeline *p)
{
    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        for (size_t j = 0; k->via && j < k->n_resources; j++)
            if (pipeline_is_here(k->resources[j]))
                return k->via;
    }
    return NULL;
}

int pipeline_via_open(pipeline_request *r, pe_error *errp)
{
    const host_conf c = {0};
    tunnel *t;

    if (!r->via)
        return 0;
    t = tunnel_open(r->via, &c, errp);
    if (!t)
        return pe_error_prefix(errp, "via %s", r->via);
    r->dial = tunnel_dial;
    r->dial_arg = t;
    r->dial_close = close_tunnel;
    return 0;
}
