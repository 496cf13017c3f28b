/* reach.c - can the pilots reach the endpoints that the file gives them? */
#include "pipeline_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/common/text.h"
#include "src/common/url.h"
#include "src/config/section.h"
#include "src/request/place.h"

/* Is [host] a name by which a machine calls itself? */
static bool is_loopback(const char *host)
{
    return !strncmp(host, "127.", 4) || !strcasecmp(host, "localhost") ||
           !strcmp(host, "::1") || !strcmp(host, "0.0.0.0");
}

/* The first address of [endpoint] that only its own machine knows, into
 * [out]; false when there is none.
 */
static bool find_loopback(const char *endpoint, char *out, size_t cap)
{
    for (const char *s = endpoint; *s;) {
        size_t len = strcspn(s, ",");
        char *one = text_format("%.*s", (int)len, s);
        url u;
        bool found = one && url_parse(one, &u, NULL) == 0 &&
                     (!strcmp(u.scheme, "unix") || is_loopback(u.host));
        if (found)
            snprintf(out, cap, "%s", one);
        free(one);
        if (found)
            return true;
        s += len + (s[len] == ',');
    }
    return false;
}

/* The place of pilot [k] that is not this host, or NULL. */
static const char *far_place(const pipeline *p, const pipeline_pilot *k)
{
    if (k->within >= 0)
        k = &p->pilots[k->within];
    if (k->same_host)
        return NULL;
    for (size_t i = 0; i < k->n_resources; i++)
        if (!place_is_same_host(k->resources[i]))
            return k->resources[i];
    return NULL;
}

static bool needs_services(const pipeline_pilot *k)
{
    return k->kind == PILOT_POOL || k->kind == PILOT_EDGE;
}

/* A service that is given, and listens only to its own machine. */
static int check_given(const pipeline *p, const pipeline_pilot *service,
                       const tree *at, pe_error *errp)
{
    char address[256];

    if (!service->endpoint ||
        !find_loopback(service->endpoint, address, sizeof(address)))
        return 0;
    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        const char *place = needs_services(k) ? far_place(p, k) : NULL;
        const char *own = service->kind == PILOT_BROKER ? k->broker : k->params;
        if (place && !k->via && !own)
            return section_error(
                at, errp,
                "endpoint: pilot '%s' on %s cannot reach %s, which is a "
                "name for its own machine: give the address by which others "
                "reach '%s', or `via: ssh://HOST` on '%s', or say `same-host: "
                "yes` there if it is this one",
                k->name, place, address, service->name, k->name);
    }
    return 0;
}

/* A service that is started where others do not reach it. */
static int check_managed(const pipeline *p, const pipeline_pilot *service,
                         const tree *at, pe_error *errp)
{
    if (service->endpoint || !service->listen || !is_loopback(service->listen))
        return 0;
    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        const char *place = needs_services(k) ? far_place(p, k) : NULL;
        if (place && k->within != service->within)
            return section_error(
                at, errp,
                "listen: '%s' is heard on its own machine only, and pilot "
                "'%s' lives on %s: name an address or an interface that it "
                "reaches, or leave it out",
                service->listen, k->name, place);
    }
    return 0;
}

int pipeline_check_reach(const pipeline *p, const tree *root, pe_error *errp)
{
    const tree *pilots = tree_get(root, "pilots");

    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        const tree *t = &pilots->child[i];
        const tree *endpoint = tree_get(t, "endpoint");
        const tree *listen = tree_get(t, "listen");
        if (!pilot_kind_is_service(k->kind))
            continue;
        if (check_given(p, k, endpoint ? endpoint : t, errp) < 0 ||
            check_managed(p, k, listen ? listen : t, errp) < 0)
            return -1;
    }
    return 0;
}

const char *pipeline_via_here(const pipeline *p)
{
    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        for (size_t j = 0; k->via && j < k->n_resources; j++)
            if (place_is_same_host(k->resources[j]))
                return k->via;
    }
    return NULL;
}
