/* via.c - connections of a pilot through a login node. */
#include "via.h"

#include "src/host/tunnel.h"

static void close_tunnel(void *arg)
{
    tunnel_close(arg);
}

int via_open(pipeline_request *r, pe_error *errp)
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
