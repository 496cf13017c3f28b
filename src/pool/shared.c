/* shared.c - state that user functions on ranks share with other stages. */
#include "pool_private.h"

/* A rank connects when its function first asks: most never do. */
static params *connect(pool *p, pe_error *errp)
{
    params_conf conf = {0};

    if (p->shared)
        return p->shared;
    if (pipeline_is_local(p->c.pl)) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "there is no shared state without a parameter service");
        return NULL;
    }
    pipeline_request_params(p->c.req, &conf);
    conf.no_commits = true;
    p->shared = params_open(&conf, p->c.req->run, errp);
    return p->shared;
}

static int put(void *arg, const char *key, const void *value, uint32_t len,
               pe_error *errp)
{
    params *s = connect(arg, errp);

    return s ? params_shared_put(s, key, value, len, errp) : -1;
}

static int get(void *arg, const char *key, void *value, uint32_t cap,
               pe_error *errp)
{
    params *s = connect(arg, errp);
    size_t len = 0;

    if (!s || params_shared_get(s, key, value, cap, &len, errp) < 0)
        return -1;
    return (int)(len < cap ? len : cap);
}

void shared_host(pool *p, function_host *h)
{
    h->arg = p;
    h->put = put;
    h->get = get;
}
