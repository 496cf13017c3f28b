/* pilots.c - the pilots of a pipeline file. */
#include "pipeline_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "src/common/text.h"
#include "src/common/url.h"
#include "src/common/words.h"
#include "src/config/section.h"
#include "src/place/place.h"
#include "src/request/place.h"
#include "src/scale/scale.h"

#define MIB (1024.0 * 1024)

#define KINDS "pool edge broker params allocation"

/* Rows every kind has. */
#define KIND_ROW "kind", PE_OPTION_STRING, 0, 0, NULL, KINDS, "what runs in it"
#define WITHIN_ROW                                \
    "within", PE_OPTION_STRING, 0, 0, NULL, NULL, \
        "the allocation it lives in, instead of a resource"
#define VIA_ROW                                \
    "via", PE_OPTION_STRING, 0, 0, NULL, NULL, \
        "ssh://HOST that carries its connections to broker and parameters"
#define BROKER_ROW                                \
    "broker", PE_OPTION_STRING, 0, 0, NULL, NULL, \
        "HOST:PORT where it reaches the broker, if not at its endpoint"
#define PARAMS_ROW                                \
    "params", PE_OPTION_STRING, 0, 0, NULL, NULL, \
        "redis://HOST:PORT where it reaches the parameters, likewise"
#define SAME_HOST_ROW                              \
    "same-host", PE_OPTION_BOOL, 0, 0, "no", NULL, \
        "its nodes are this very machine: what listens on 127.0.0.1 is there"
#define SITE_ROW                                \
    "site", PE_OPTION_STRING, 0, 0, NULL, NULL, \
        "where it is; default: host of its resource, partition, or scheme"
#define LISTEN_ROW                                \
    "listen", PE_OPTION_STRING, 0, 0, NULL, NULL, \
        "address or interface a managed one listens on"
#define CLEAR_ROW                              \
    "clear", PE_OPTION_BOOL, 0, 0, "no", NULL, \
        "a managed one that others can reach does without TLS and logins"

static const pe_option_spec pool_keys[] = {
    {KIND_ROW},   {WITHIN_ROW},    {VIA_ROW},  {BROKER_ROW},
    {PARAMS_ROW}, {SAME_HOST_ROW}, {SITE_ROW}, {0},
};

static const pe_option_spec edge_keys[] = {
    {KIND_ROW},
    {VIA_ROW},
    {BROKER_ROW},
    {PARAMS_ROW},
    {SAME_HOST_ROW},
    {SITE_ROW},
    {"devices", PE_OPTION_INT, 1, 4096, "1", NULL,
     "how many there are, at each resource"},
    {"queue", PE_OPTION_SIZE, 65536, 65536 * MIB, "64MiB", NULL,
     "memory for blocks that wait to be sent, of each device"},
    {"full", PE_OPTION_STRING, 0, 0, "block", "block drop",
     "what a full queue does: block the source, or drop the oldest"},
    {"urgent", PE_OPTION_STRING, 0, 0, "false", NULL,
     "are its blocks ahead of others: true, or numbers of devices as 0,3-5"},
    {0},
};

static const pe_option_spec broker_keys[] = {
    {KIND_ROW},
    {WITHIN_ROW},
    {LISTEN_ROW},
    {CLEAR_ROW},
    {"endpoint", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "HOST:PORT[,HOST:PORT...] of a Kafka that is there, redis://HOST:PORT of "
     "a Redis that keeps the topics; without: managed"},
    {0},
};

static const pe_option_spec params_keys[] = {
    {KIND_ROW},
    {WITHIN_ROW},
    {LISTEN_ROW},
    {CLEAR_ROW},
    {"endpoint", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "redis://HOST:PORT of one that is there, rediss: with TLS; without: "
     "managed"},
    {"password-file", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "file of mode 0600 with its password"},
    {"user", PE_OPTION_STRING, 0, 0, NULL, NULL, "its user"},
    {0},
};

static const pe_option_spec allocation_keys[] = {
    {KIND_ROW},
    {SAME_HOST_ROW},
    {SITE_ROW},
    {0},
};

const pe_option_spec *const pipeline_pilot_keys[PILOT_N_KINDS] = {
    [PILOT_POOL] = pool_keys,
    [PILOT_EDGE] = edge_keys,
    [PILOT_BROKER] = broker_keys,
    [PILOT_PARAMS] = params_keys,
    [PILOT_ALLOCATION] = allocation_keys,
};

/* --- which keys a kind has --- */

/* Words that say how ranks are started. */
static bool is_rank_word(enum request_word w)
{
    return w == REQUEST_NTASKS || w == REQUEST_NTASKS_PER_NODE ||
           w == REQUEST_LAUNCHER || w == REQUEST_WRAP || w == REQUEST_LEAD;
}

bool pipeline_kind_has_word(enum pilot_kind kind, enum request_word w)
{
    if (w == REQUEST_CHAIN) /* services do not move */
        return kind == PILOT_POOL;
    return !is_rank_word(w) || kind == PILOT_POOL || kind == PILOT_ALLOCATION;
}

static bool has_row(const pe_option_spec *row, const char *key)
{
    while (row->name && strcmp(row->name, key) != 0)
        row++;
    return row->name != NULL;
}

static bool is_service(enum pilot_kind kind)
{
    return kind == PILOT_BROKER || kind == PILOT_PARAMS;
}

static bool kind_has_key(enum pilot_kind kind, const char *key)
{
    int w = request_word_find(key);

    return has_row(pipeline_pilot_keys[kind], key) ||
           !strcmp(key, "resource") ||
           ((kind == PILOT_POOL || kind == PILOT_EDGE) &&
            !strcmp(key, "scale")) ||
           (kind == PILOT_EDGE && !strcmp(key, "spool")) ||
           (is_service(kind) && !strcmp(key, "auth")) ||
           (w >= 0 && pipeline_kind_has_word(kind, (enum request_word)w));
}

/* The keys of [kind] that stand in no table of options, blank-separated. */
static int other_keys(enum pilot_kind kind, text *out, pe_error *errp)
{
    text_add(out, "resource%s",
             kind == PILOT_POOL   ? " scale"
             : kind == PILOT_EDGE ? " scale spool"
             : is_service(kind)   ? " auth"
                                  : "");
    for (int w = 0; w < REQUEST_N_WORDS; w++)
        if (pipeline_kind_has_word(kind, (enum request_word)w))
            text_add(out, " %s", request_specs[w].name);
    return out->failed ? pe_error_nomem(errp) : 0;
}

/* Refuse what would be right in a pilot of another kind, and a password. */
static int check_keys(const tree *t, enum pilot_kind kind, pe_error *errp)
{
    for (size_t i = 0; i < t->n; i++) {
        const tree *c = &t->child[i];
        if (!strcmp(c->key, "password"))
            return section_error(c, errp,
                                 "a password does not belong into this file: "
                                 "put it into a file of mode 0600 and name "
                                 "that with password-file");
        if (kind_has_key(kind, c->key))
            continue;
        for (int k = 0; k < PILOT_N_KINDS; k++)
            if (kind_has_key((enum pilot_kind)k, c->key))
                return section_error(c, errp,
                                     "%s: a key of pilots of kind %s; '%s' is "
                                     "of kind %s",
                                     c->key,
                                     pilot_kind_name((enum pilot_kind)k),
                                     t->key, pilot_kind_name(kind));
    }
    return 0;
}

static int read_kind(const tree *t, enum pilot_kind *kindp, pe_error *errp)
{
    const tree *k = tree_get(t, "kind");

    if (section_check(t, errp) < 0)
        return -1;
    if (!k)
        return section_error(t, errp,
                             "pilot '%s' needs a kind: pool, edge, broker, "
                             "params or allocation",
                             t->key);
    for (int i = 0; i < PILOT_N_KINDS; i++)
        if (pipeline_is_of_kind(t, (enum pilot_kind)i)) {
            *kindp = (enum pilot_kind)i;
            return 0;
        }
    return section_error(k, errp, "kind: '%s' is not one of: " KINDS,
                         k->value ? k->value : "a mapping");
}

/* --- where it lives --- */

static int add_resource(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    if (t->kind != TREE_SCALAR || !*t->value)
        return section_error(t, errp, "resource: a URL is expected here");
    if (words_add(&k->resources, strdup(t->value), errp) < 0)
        return -1;
    k->n_resources++;
    return 0;
}

static int read_resources(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    static const tree here = {.kind = TREE_SCALAR, .value = "local://"};
    const tree *r = tree_get(t, "resource");

    k->resource_given = r != NULL;
    if (!r || r->kind != TREE_LIST)
        return add_resource(k, r ? r : &here, errp);
    if (r->n == 0 || (k->kind != PILOT_EDGE && r->n > 1))
        return section_error(r, errp,
                             "resource: %s; a list is for the places of an "
                             "edge pilot",
                             r->n ? "one is expected here"
                                  : "the list is empty");
    for (size_t i = 0; i < r->n; i++)
        if (add_resource(k, &r->child[i], errp) < 0)
            return -1;
    return 0;
}

static int check_resource(const char *value, const tree *t, pe_error *errp)
{
    place_url p;

    if (place_parse(value, &p, errp) == 0)
        return 0;
    return pe_error_prefix(errp, "%s: resource", t->where);
}

static int check_resources(const pipeline_pilot *k, const tree *t,
                           pe_error *errp)
{
    const tree *r = tree_get(t, "resource");

    for (size_t i = 0; i < k->n_resources; i++)
        if (check_resource(k->resources[i], r ? r : t, errp) < 0)
            return -1;
    return 0;
}

static int check_site(const pipeline_pilot *k, const tree *t, pe_error *errp)
{
    if (!k->site || place_site_check(k->site))
        return 0;
    return section_error(tree_get(t, "site"), errp,
                         "site: '%.80s' is no name: letters, digits, '_', '-' "
                         "and '.', at most 64",
                         k->site);
}

static int check_via(const pipeline_pilot *k, const tree *t, pe_error *errp)
{
    url u;

    if (!k->via)
        return 0;
    if (url_parse(k->via, &u, errp) < 0)
        return pe_error_prefix(errp, "%s: via", tree_get(t, "via")->where);
    if (!strcmp(u.scheme, "ssh") && *u.host)
        return 0;
    return section_error(tree_get(t, "via"), errp,
                         "via: '%s' is not ssh://HOST", k->via);
}

/* --- words of the scheduler --- */

static int read_word(pipeline_pilot *k, const tree *c, int word, pe_error *errp)
{
    bool list = request_specs[word].type == REQUEST_TYPE_LIST;
    size_t n = c->kind == TREE_LIST ? c->n : 1;

    if (c->kind == TREE_MAP || (c->kind == TREE_LIST && !list))
        return section_error(c, errp, "%s: one value is expected here", c->key);
    for (size_t i = 0; i < n; i++) {
        const tree *v = c->kind == TREE_LIST ? &c->child[i] : c;
        if (v->kind != TREE_SCALAR || !*v->value)
            return section_error(c, errp, "%s: the value is missing", c->key);
        if (request_set(&k->request, (enum request_word)word, v->value, false,
                        "file", errp) < 0) {
            if (errp)
                errp->exit_code = PE_EXIT_CONFIG;
            return pe_error_prefix(errp, "%s", c->where);
        }
    }
    return 0;
}

static int read_words(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    request_shape shape;

    for (size_t i = 0; i < t->n; i++) {
        int word = request_word_find(t->child[i].key);
        if (word >= 0 && read_word(k, &t->child[i], word, errp) < 0)
            return -1;
    }
    if (request_shape_of(&k->request, &shape, errp) < 0) {
        if (errp)
            errp->exit_code = PE_EXIT_CONFIG;
        return pe_error_prefix(errp, "%s: pilot '%s'", t->where, t->key);
    }
    k->ntasks = shape.ntasks;
    k->cpus_per_task = shape.cpus_per_task;
    k->time_s = request_seconds(&k->request, REQUEST_TIME);
    return 0;
}

/* --- endpoints --- */

static int check_params(const tree *t, pe_error *errp)
{
    url u;

    if (url_parse(t->value, &u, errp) < 0)
        return pe_error_prefix(errp, "%s: %s", t->where, t->key);
    if (((!strcmp(u.scheme, "redis") || !strcmp(u.scheme, "rediss")) &&
         *u.host) ||
        (!strcmp(u.scheme, "unix") && *u.path))
        return 0;
    return section_error(
        t, errp,
        "%s: '%s' is not redis://HOST:PORT, rediss://HOST:PORT "
        "(TLS) or unix:///PATH",
        t->key, t->value);
}

int pipeline_check_broker(const tree *t, pe_error *errp)
{
    url u;
    bool good = true;

    if (broker_is_redis(t->value))
        return check_params(t, errp);
    for (const char *s = t->value; good && *s;) {
        size_t len = strcspn(s, ",");
        char *one = text_format("%.*s", (int)len, s);
        if (!one)
            return pe_error_nomem(errp);
        good = url_parse(one, &u, NULL) == 0 && !*u.scheme && !*u.user &&
               !*u.path && u.port > 0 && s[len + (s[len] == ',')] != ',';
        free(one);
        s += len + (s[len] == ',');
    }
    return good ? 0
                : section_error(t, errp,
                                "%s: '%s' is not HOST:PORT or a list of those "
                                "with ',' between them (Kafka), nor "
                                "redis://HOST:PORT (streams in a Redis)",
                                t->key, t->value);
}

/* Where this pilot reaches the services, if that is somewhere else. */
static int check_ways(const pipeline_pilot *k, const tree *t, pe_error *errp)
{
    if (k->broker && pipeline_check_broker(tree_get(t, "broker"), errp) < 0)
        return -1;
    return k->params ? check_params(tree_get(t, "params"), errp) : 0;
}

static int check_endpoint(const pipeline_pilot *k, const tree *t,
                          pe_error *errp)
{
    const tree *endpoint = tree_get(t, "endpoint");

    if (!endpoint)
        return 0;
    if (k->listen || k->clear || k->within >= 0)
        return section_error(endpoint, errp,
                             "endpoint: names one that is there already; "
                             "'%s' is for one that is started",
                             k->listen  ? "listen"
                             : k->clear ? "clear"
                                        : "within");
    return k->kind == PILOT_BROKER ? pipeline_check_broker(endpoint, errp)
                                   : check_params(endpoint, errp);
}

/* --- scale --- */

static int read_scale(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    const tree *s = tree_get(t, "scale");

    if (!s)
        return 0;
    k->scale = k->kind == PILOT_EDGE
                   ? scale_policy_read(s, k->devices, true, errp)
                   : scale_policy_read(s, k->ntasks, false, errp);
    return k->scale ? 0 : -1;
}

/* Is there a stream that more pilots could share? */
static int check_scale(const pipeline *p, const pipeline_pilot *k,
                       const tree *t, pe_error *errp)
{
    pe_error e = {0};

    if (pipeline_is_local(p))
        return section_error(t, errp,
                             "scale: without a broker there is no stream that "
                             "more pilots could share");
    if (k->kind == PILOT_EDGE)
        return pipeline_edge_may_grow(p, k, &e) == 0
                   ? 0
                   : section_error(t, errp, "scale: %s", e.text);
    if (p->epoch_blocks > 0)
        return section_error(t, errp,
                             "scale: with 'epoch: {blocks: %llu}' one pool "
                             "takes all partitions, and others would have "
                             "none; say 'epoch: {interval: ...}'",
                             (unsigned long long)p->epoch_blocks);
    return 0;
}

int pipeline_check_scale(const pipeline *p, const tree *root, pe_error *errp)
{
    const tree *pilots = tree_get(root, "pilots");
    const pipeline_pilot *before = NULL;

    for (size_t i = 0; i < p->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[i];
        const tree *t = tree_get(tree_get(pilots, k->name), "scale");
        if (!k->scale)
            continue;
        if (before)
            return section_error(t, errp,
                                 "scale: '%s' has one, too: a run has one "
                                 "policy",
                                 before->name);
        if (check_scale(p, k, t, errp) < 0)
            return -1;
        before = k;
    }
    return 0;
}

/* --- one pilot --- */

/* Options of another kind are not there, which reads as 0 and NULL. */
static int take_values(pipeline_pilot *k, const pe_options *o, const char *name,
                       pe_error *errp)
{
    const char *full = pe_options_string(o, "full");
    bool failed = false;

    k->name = words_copy(name, &failed);
    k->via = words_copy(pe_options_string(o, "via"), &failed);
    k->broker = words_copy(pe_options_string(o, "broker"), &failed);
    k->params = words_copy(pe_options_string(o, "params"), &failed);
    k->listen = words_copy(pe_options_string(o, "listen"), &failed);
    k->clear = pe_options_bool(o, "clear");
    k->endpoint = words_copy(pe_options_string(o, "endpoint"), &failed);
    k->password_file =
        words_copy(pe_options_string(o, "password-file"), &failed);
    k->user = words_copy(pe_options_string(o, "user"), &failed);
    k->site = words_copy(pe_options_string(o, "site"), &failed);
    k->devices = (int)pe_options_int(o, "devices");
    k->queue_bytes = pe_options_size(o, "queue");
    k->full_drop = full && !strcmp(full, "drop");
    k->same_host = pe_options_bool(o, "same-host");
    k->within = -1;
    return failed ? pe_error_nomem(errp) : 0;
}

/* Who named the endpoint of [t]: a line of the file and what stands there, or
 * --set without its value, or a variable.
 */
static int take_endpoint_from(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    const tree *e = tree_get(t, "endpoint");

    if (!e || !k->endpoint)
        return 0;
    k->endpoint_from =
        e->line > 0
            ? text_format("%s, pilots.%s.endpoint", e->where, k->name)
            : text_format("%.*s", (int)strcspn(e->where, "="), e->where);
    return k->endpoint_from ? 0 : pe_error_nomem(errp);
}

static int read_values(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    text also = {0};
    pe_options *o = NULL;
    int status = other_keys(k->kind, &also, errp);

    if (status == 0)
        o = section_read(t, pipeline_pilot_keys[k->kind], also.data, errp);
    text_free(&also);
    if (!o)
        return -1;
    status = take_values(k, o, t->key, errp);
    if (status == 0)
        status = take_endpoint_from(k, t, errp);
    pe_options_destroy(o);
    return status;
}

static int read_pilot(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    if (pipeline_check_name(t, "pilot", errp) < 0 ||
        read_kind(t, &k->kind, errp) < 0 || check_keys(t, k->kind, errp) < 0 ||
        read_values(k, t, errp) < 0 || read_words(k, t, errp) < 0 ||
        read_scale(k, t, errp) < 0 || pipeline_read_auth(k, t, errp) < 0 ||
        read_resources(k, t, errp) < 0 || check_resources(k, t, errp) < 0 ||
        check_site(k, t, errp) < 0 || pipeline_take_urgent(k, t, errp) < 0 ||
        pipeline_take_spool(k, t, errp) < 0)
        return -1;
    return check_via(k, t, errp) < 0 ? -1 : check_ways(k, t, errp);
}

/* --- within --- */

/* What an allocation is asked for is said once, there. */
static int check_inside(const pipeline_pilot *k, const tree *t, pe_error *errp)
{
    static const enum request_word own[] = {
        REQUEST_NTASKS, REQUEST_CPUS_PER_TASK, REQUEST_LAUNCHER, REQUEST_WRAP,
        REQUEST_LEAD,   REQUEST_HELLO_TIMEOUT, REQUEST_N_WORDS};

    for (int w = 0; w < REQUEST_N_WORDS; w++) {
        const enum request_word *o = own;
        while (*o != REQUEST_N_WORDS && *o != (enum request_word)w)
            o++;
        if (*o == REQUEST_N_WORDS &&
            (k->request.word[w] || k->request.list[w].n))
            return section_error(
                tree_get(t, request_specs[w].name), errp,
                "%s: '%s' lives in an allocation; say this of that one",
                request_specs[w].name, k->name);
    }
    return 0;
}

static int settle_within(pipeline *p, pipeline_pilot *k, const tree *t,
                         pe_error *errp)
{
    const tree *within = tree_get(t, "within");
    const pipeline_pilot *home;

    if (!within)
        return check_endpoint(k, t, errp);
    home = pipeline_pilot_find(p, within->value);
    if (!home || home->kind != PILOT_ALLOCATION)
        return section_error(within, errp,
                             "within: '%s' is no pilot of kind allocation",
                             within->value);
    if (k->resource_given)
        return section_error(tree_get(t, "resource"), errp,
                             "resource: '%s' lives where '%s' does", k->name,
                             home->name);
    k->within = (int)(home - p->pilots);
    return check_inside(k, t, errp) < 0 ? -1 : check_endpoint(k, t, errp);
}

int pipeline_read_pilots(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "pilots");

    if (section_check(t, errp) < 0)
        return -1;
    if (!t || t->n == 0)
        return section_error(t ? t : root, errp,
                             "pilots: at least one of kind pool or edge is "
                             "needed");
    p->pilots = calloc(t->n, sizeof(*p->pilots));
    if (!p->pilots)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++) {
        p->n_pilots = i + 1;
        if (read_pilot(&p->pilots[i], &t->child[i], errp) < 0)
            return -1;
    }
    for (size_t i = 0; i < t->n; i++)
        if (settle_within(p, &p->pilots[i], &t->child[i], errp) < 0)
            return -1;
    return 0;
}
