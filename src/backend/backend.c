/* backend.c - places by their URL. */
#include "backend.h"

#include <stdlib.h>
#include <string.h>

#include "backends.h"
#include "src/common/text.h"
#include "src/common/url.h"
#include "src/rehearsal/rehearsal.h"

#define TIMEOUT_S 20 /* clients block 9 to 18 s without their server */

/* A scheme and what serves it. */
static const struct backend {
    const char *scheme;
    const resource_ops *ops;
    resource *(*create)(bool here, pe_error *errp);
    bool remote; /* behind SSH */
    /* Opens itself from its whole URL, in place of the two above; or NULL. */
    resource *(*open)(const char *url, pe_error *errp);
} backends[] = {
    {"local", &local_ops, direct_create, false, NULL},
    {"ssh", &ssh_ops, direct_create, true, NULL},
    {"slurm", &slurm_ops, slurm_create, false, NULL},
    {"slurm+ssh", &slurm_ops, slurm_create, true, NULL},
    {"pbs", &pbs_ops, pbs_create, false, NULL},
    {"pbs+ssh", &pbs_ops, pbs_create, true, NULL},
    {"rehearsal", &rehearsal_ops, NULL, false, rehearsal_open},
};
#define SCHEMES                                                        \
    "local://, ssh://[USER@]HOST, slurm://, slurm+ssh://[USER@]HOST, " \
    "pbs://, pbs+ssh://[USER@]HOST, batch:// or rehearsal:///SCRIPT"

static const struct backend *backend_error(const char *s, const char *why,
                                           pe_error *errp)
{
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG, "resource '%.200s': %s",
                 s, why);
    return NULL;
}

/* The row of [s], which is parsed into [u]. */
static const struct backend *backend_find(const char *s, url *u, pe_error *errp)
{
    const struct backend *b = NULL;

    if (url_parse(s, u, errp) < 0) {
        pe_error_prefix(errp, "resource");
        return NULL;
    }
    for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
        if (!strcmp(backends[i].scheme, u->scheme))
            b = &backends[i];
    if (!b)
        return backend_error(s, "it is one of " SCHEMES, errp);
    if (b->open)
        return b;
    if (b->remote && !*u->host)
        return backend_error(s, "the host is missing", errp);
    if (!b->remote && (*u->host || *u->user))
        return backend_error(
            s, "it is on this host; behind a host it is SCHEME+ssh://", errp);
    if (*u->path && strcmp(u->path, "/"))
        return backend_error(s, "nothing may follow the host", errp);
    return b;
}

/* What "batch://" and no URL at all stand for. */
static const char *meant(const char *s, char found[64])
{
    char job[RESOURCE_ID_MAX], why[256];

    if (s && *s && strcmp(s, "batch://"))
        return s;
    backend_default(found, job, why, sizeof(why));
    return found;
}

/* "ssh://USER@HOST:PORT" of a URL that is behind SSH; new memory. */
static char *ssh_url(const url *u)
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

static host *host_of(const struct backend *b, const url *u, pe_error *errp)
{
    host *h = NULL;
    char *ssh;

    if (!b->remote)
        return host_open_local(errp);
    ssh = ssh_url(u);
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
    const struct backend *b;
    resource *r = NULL;
    double timeout_s;
    url u;

    s = meant(s, found);
    b = backend_find(s, &u, errp);
    if (!b || timeout_read(&timeout_s, errp) < 0)
        return NULL;
    if (b->open)
        return b->open(s, errp);
    r = b->create(!b->remote, errp);
    if (!r)
        return NULL;
    r->ops = b->ops;
    r->timeout_s = timeout_s;
    r->url = text_format("%s", s);
    r->host = host_of(b, &u, errp);
    if (r->url && r->host)
        return r;
    if (!r->url)
        pe_error_nomem(errp);
    resource_close(r);
    return NULL;
}

const resource_ops *backend_ops(const char *s, pe_error *errp)
{
    const struct backend *b;
    char found[64];
    url u;

    b = backend_find(meant(s, found), &u, errp);
    return b ? b->ops : NULL;
}
