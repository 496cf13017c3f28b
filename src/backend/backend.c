/* backend.c - places by their URL. */
#include "backend.h"

#include <stdlib.h>
#include <string.h>

#include "backends.h"
#include "src/common/text.h"
#include "src/rehearsal/rehearsal.h"
#include "src/request/place.h"

#define TIMEOUT_S 20 /* clients block 9 to 18 s without their server */

const resource_ops *const backends[] = {
    &local_ops,     &ssh_ops,       &exec_ops,
    &ec2_ops,       &openstack_ops, &virsh_ops,
#ifdef PE_WITH_SLURM
    &slurm_ops,     &slurmrest_ops,
#endif
#ifdef PE_WITH_PBS
    &pbs_ops,
#endif
    &rehearsal_ops, NULL,
};

/* What serves [s], which is parsed into [p]. */
static const resource_ops *ops_find(const char *s, place_url *p, pe_error *errp)
{
    if (place_parse(s, p, errp) < 0) {
        pe_error_prefix(errp, "resource");
        return NULL;
    }
    for (const resource_ops *const *o = backends; *o; o++)
        if (!strcmp((*o)->scheme, p->scheme))
            return *o;
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "resource: '%.200s': %s was left out of this build "
                 "(configure --without-%s)",
                 s, p->scheme, p->scheme);
    return NULL;
}

/* What "batch://" and no URL at all stand for. */
static const char *meant(const char *s, char found[64])
{
    char job[RESOURCE_ID_MAX], why[256];

    if (s && *s && !place_is_batch(s))
        return s;
    backend_default(found, job, why, sizeof(why));
    return found;
}

/* "ssh://USER@HOST:PORT" of a URL that is behind SSH; new memory. */
static char *ssh_url(const place_url *u)
{
    bool v6 = strchr(u->host, ':') != NULL;
    text out = {0};

    text_add(&out, "ssh://%s%s%s%s%s", u->user, *u->user ? "@" : "",
             v6 ? "[" : "", u->host, v6 ? "]" : "");
    if (u->port)
        text_add(&out, ":%d", u->port);
    if (out.failed)
        text_free(&out);
    return out.data;
}

static host *host_of(const place_url *p, pe_error *errp)
{
    host *h = NULL;
    char *ssh;

    if (!p->behind_ssh)
        return host_open_local(errp);
    ssh = ssh_url(p);
    if (ssh)
        h = host_open_ssh(ssh, NULL, errp);
    else
        pe_error_nomem(errp);
    free(ssh);
    return h;
}

/* PILOT_SCHEDULER_TIMEOUT=SECONDS. */
static int timeout_read(double *secondsp, pe_error *errp)
{
    const char *s = getenv("PILOT_SCHEDULER_TIMEOUT");

    *secondsp = TIMEOUT_S;
    if (!s || !*s)
        return 0;
    if (text_parse_float(s, secondsp) < 0 || *secondsp <= 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "PILOT_SCHEDULER_TIMEOUT is '%.32s': it is a "
                            "number of seconds",
                            s);
    return 0;
}

resource *backend_open(const char *s, pe_error *errp)
{
    char found[64];
    const resource_ops *o;
    resource *r = NULL;
    double timeout_s;
    place_url p;

    s = meant(s, found);
    o = ops_find(s, &p, errp);
    if (!o || timeout_read(&timeout_s, errp) < 0)
        return NULL;
    r = o->open ? o->open(s, errp) : o->create(!p.behind_ssh, errp);
    if (!r)
        return NULL;
    r->timeout_s = timeout_s;
    if (o->open)
        return r;
    r->ops = o;
    r->url = text_format("%s", s);
    r->host = host_of(&p, errp);
    if (r->url && r->host)
        return r;
    if (!r->url)
        pe_error_nomem(errp);
    resource_close(r);
    return NULL;
}

const resource_ops *backend_ops(const char *s, pe_error *errp)
{
    char found[64];
    place_url p;

    return ops_find(meant(s, found), &p, errp);
}
