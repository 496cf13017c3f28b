/* place.c - a resource's URL: the words for places where pilots can live. */
#include "place.h"

#include <stdio.h>
#include <string.h>

#include "src/common/url.h"

#define BATCH "batch"
#define SSH_SUFFIX "+ssh"

enum ssh { SSH_NEVER, SSH_ALWAYS, SSH_TOO };

static const struct row {
    const char *scheme;
    enum ssh ssh; /* is it on this host, behind SSH, or either? */
    bool same_host;
    bool has_path; /* what follows the scheme is its own */
} rows[] = {
    {"local", SSH_NEVER, true, false},     {"ssh", SSH_ALWAYS, false, false},
    {"slurm", SSH_TOO, false, false},      {"pbs", SSH_TOO, false, false},
    {"exec", SSH_NEVER, false, true},      {"ec2", SSH_NEVER, false, true},
    {"openstack", SSH_NEVER, false, true}, {"virsh", SSH_NEVER, false, true},
    {"slurmrest", SSH_NEVER, false, true}, {BATCH, SSH_NEVER, true, false},
    {"rehearsal", SSH_NEVER, true, true},
};

/* The row of "NAME" or "NAME+ssh"; NULL: there is none. */
static const struct row *row_find(const char *scheme, bool *behindp)
{
    const char *plus = strchr(scheme, '+');
    size_t n = plus ? (size_t)(plus - scheme) : strlen(scheme);
    bool suffixed = plus && !strcmp(plus, SSH_SUFFIX);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *r = &rows[i];
        if (strlen(r->scheme) != n || strncmp(r->scheme, scheme, n))
            continue;
        *behindp = suffixed || r->ssh == SSH_ALWAYS;
        return !plus || (suffixed && r->ssh == SSH_TOO) ? r : NULL;
    }
    return NULL;
}

int place_parse(const char *s, place_url *out, pe_error *errp)
{
    url u;
    const struct row *r;

    if (url_parse(s, &u, errp) < 0)
        return -1;
    r = row_find(u.scheme, &out->behind_ssh);
    if (!r)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%.200s' is not one of: " PLACE_URLS, s);
    out->scheme = r->scheme;
    snprintf(out->user, sizeof(out->user), "%s", u.user);
    snprintf(out->host, sizeof(out->host), "%s", u.host);
    out->port = u.port;
    out->same_host = r->same_host;
    if (r->has_path)
        return 0;
    if (out->behind_ssh && !*u.host)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%.200s' names no host: %s://HOST", s, u.scheme);
    if (!out->behind_ssh && (*u.host || *u.user))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%.200s': %s:// is of this host and takes none", s,
                            u.scheme);
    if (*u.path && strcmp(u.path, "/"))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "'%.200s': nothing may follow the host", s);
    return 0;
}

bool place_is_behind_ssh(const char *s)
{
    place_url p;

    return place_parse(s, &p, NULL) == 0 && p.behind_ssh;
}

bool place_is_same_host(const char *s)
{
    place_url p;

    return place_parse(s, &p, NULL) == 0 && p.same_host;
}

bool place_is_batch(const char *s)
{
    place_url p;

    return place_parse(s, &p, NULL) == 0 && !strcmp(p.scheme, BATCH);
}
