/* map.c - which pool has which partition of a live run, and why. */
#include "map.h"

#include <stdlib.h>
#include <string.h>

#include "make.h"
#include "src/agent/via.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/pipeline/pipeline.h"
#include "src/place/place.h"

#define TIMEOUT_S 2.0 /* somebody waits at a terminal */

/* --- one layer --- */

typedef struct layer_map {
    place_look look;
    const place_row *row;
    int *holder, *rank; /* of each partition; -1: nobody */
} layer_map;

static json_t *member_make(const place_member *m, int32_t partitions)
{
    json_t *o = json_pack("{s:s, s:i, s:b}", "member", m->name, "ranks",
                          m->ranks, "settled", m->settled);
    int32_t best = 0;

    for (int32_t k = 0; k < partitions; k++)
        if (m->trip_us[k] > 0 && (best == 0 || m->trip_us[k] < best))
            best = m->trip_us[k];
    if (o && *m->site)
        json_object_set_new(o, "site", json_string(m->site));
    if (o && best > 0)
        json_object_set_new(o, "trip_ms", live_real(best / 1e3));
    return o;
}

/* Where it is, who is to have it, and why. */
static void why_put(const layer_map *l, int32_t k, text *out)
{
    const place_row *r = &l->row[k];
    text why = {0};

    place_why(&l->look, k, r, &why);
    if (r->member >= 0 && l->holder[k] < 0)
        text_add(out, "nobody has it yet, %s is to take it: ",
                 l->look.m[r->member].name);
    else if (r->member >= 0 && l->holder[k] != r->member)
        text_add(out, "on its way to %s: ", l->look.m[r->member].name);
    text_add(out, "%s", why.data ? why.data : "");
    text_free(&why);
}

static json_t *partition_make(const layer_map *l, int32_t k)
{
    json_t *o = json_pack("{s:i}", "partition", (int)k);
    int h = l->holder[k];
    text why = {0}, unmet = {0};

    why_put(l, k, &why);
    place_unmet(&l->look, k, &l->row[k], &unmet);
    if (o && h >= 0) {
        json_object_set_new(o, "pilot", json_string(l->look.m[h].name));
        json_object_set_new(o, "rank", json_integer(l->rank[k]));
        if (*l->look.m[h].site)
            json_object_set_new(o, "site", json_string(l->look.m[h].site));
    }
    if (o)
        json_object_set_new(o, "why", json_string(why.data ? why.data : ""));
    if (o && unmet.len > 0)
        json_object_set_new(o, "unmet", json_string(unmet.data));
    text_free(&why);
    text_free(&unmet);
    return o;
}

static void holders_take(layer_map *l, int32_t partitions)
{
    for (int32_t k = 0; k < partitions; k++)
        l->holder[k] = -1;
    for (size_t i = 0; i < l->look.n; i++)
        for (size_t a = 0; a < l->look.m[i].n_has; a++)
            if (l->look.m[i].has[a] < partitions) {
                l->holder[l->look.m[i].has[a]] = (int)i;
                l->rank[l->look.m[i].has[a]] =
                    pipeline_owner((int)a, l->look.m[i].ranks);
            }
}

int live_map_layer(const map_look *l, json_t *out, pe_error *errp)
{
    static const place_wish none;
    size_t all = (size_t)l->partitions + 1;
    place_row *row = calloc(all, sizeof(*row));
    place_member *m = place_members(l->leases, l->n, l->partitions, errp);
    layer_map map = {.look = {.wish = l->wish ? l->wish : &none,
                              .m = m,
                              .n = l->n,
                              .at = l->at,
                              .partitions = l->partitions},
                     .row = row,
                     .holder = calloc(all, sizeof(int)),
                     .rank = calloc(all, sizeof(int))};
    json_t *members = json_array(), *list = json_array();
    int rc = m && row && map.holder && map.rank ? 0 : pe_error_nomem(errp);

    if (rc == 0)
        rc = place_decide(&map.look, row, errp);
    if (rc == 0)
        holders_take(&map, l->partitions);
    for (size_t i = 0; rc == 0 && i < l->n; i++)
        json_array_append_new(members, member_make(&m[i], l->partitions));
    for (int32_t k = 0; rc == 0 && k < l->partitions; k++)
        json_array_append_new(list, partition_make(&map, k));
    json_object_set_new(out, "members", members);
    json_object_set_new(out, "partitions", list);
    place_members_free(m, l->n);
    free(row);
    free(map.holder);
    free(map.rank);
    return rc;
}

/* --- a run --- */

static int layer_ask(const pipeline *p, const pipeline_request *req,
                     json_t *out, pe_error *errp)
{
    char **at = pipeline_sites(p, errp);
    params_conf c = {0};
    params *service = NULL;
    params_lease *leases = NULL;
    size_t n = 0;
    char key[512];
    int rc = -1;

    pipeline_layer_key(p, req->run, p->seen, key, sizeof(key));
    pipeline_request_params(req, &c);
    c.no_commits = true;
    c.connect_timeout_s = c.command_timeout_s = TIMEOUT_S;
    if (at)
        service = params_open(&c, key, errp);
    if (service)
        rc = params_leases_fetch(service, &leases, &n, errp);
    if (rc == 0)
        rc = live_map_layer(&(map_look){.wish = pipeline_wish(p),
                                        .at = (const char *const *)at,
                                        .partitions = p->partitions,
                                        .leases = leases,
                                        .n = n},
                            out, errp);
    params_leases_free(leases, n);
    params_close(service);
    for (int k = 0; at && k < p->partitions; k++)
        free(at[k]);
    free(at);
    return rc;
}

static int layers_map(const pipeline *p, const pipeline_request *req,
                      json_t *list, pe_error *errp)
{
    for (size_t k = 0; k < p->n_streams; k++) {
        json_t *o = json_object();
        pipeline of;
        pipeline_request at;

        json_array_append_new(list, o);
        pipeline_peek(p, req, k, &of, &at);
        if (p->n_streams > 1)
            json_object_set_new(o, "layer",
                                json_string(pipeline_layer_name(p, k)));
        if (layer_ask(&of, &at, o, errp) < 0)
            return -1;
    }
    return 0;
}

static pipeline_request *request_of(const char *home, const char *run,
                                    pe_error *errp)
{
    pe_error e = {0};
    char *dir = locate_run(home, run, &e);
    pipeline_request *req = dir ? pipeline_request_read(dir, &e) : NULL;

    if (!dir && e.kind == PE_ERROR_NONE)
        pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "this host has no folder of run %s", run);
    if (req && !req->params_url)
        pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "run %s has no parameter service", run);
    free(dir);
    if (e.kind == PE_ERROR_NONE)
        return req;
    if (errp)
        *errp = e;
    pipeline_request_destroy(req);
    return NULL;
}

json_t *live_map(const char *home, const char *run, pe_error *errp)
{
    pipeline_request *req = request_of(home, run, errp);
    enum log_level was = log_limit(LOG_LEVEL_ERROR); /* it was said before */
    json_t *list = json_array(), *out = NULL;
    pipeline *p = NULL;

    if (req && via_open(req, errp) == 0)
        p = pipeline_load(req->file, (const char *const *)req->overrides,
                          req->n_overrides, errp);
    if (p && layers_map(p, req, list, errp) == 0) {
        out = json_pack("{s:s, s:O}", "run", run, "layers", list);
        if (!out)
            pe_error_nomem(errp);
    }
    log_limit(was);
    json_decref(list);
    pipeline_destroy(p);
    pipeline_request_destroy(req);
    return out;
}
