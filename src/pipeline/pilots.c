/* pilots.c - the pilots of a pipeline file. */
#include "pipeline_private.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/text.h"
#include "src/common/url.h"
#include "src/config/section.h"

#define MIB (1024.0 * 1024)

#define KINDS "pool edge broker params"

/* Rows every kind has. */
#define KIND_ROW "kind", PE_OPTION_STRING, 0, 0, NULL, KINDS, "what runs in it"
#define RESOURCE_ROW \
    "resource", PE_OPTION_STRING, 0, 0, "local://", NULL, "where it lives"
#define TIME_ROW \
    "time", PE_OPTION_TIME, 0, 31536000, "0s", NULL, "limit; 0s: none"

static const pe_option_spec pool_keys[] = {
    {KIND_ROW},
    {RESOURCE_ROW},
    {TIME_ROW},
    {"ntasks", PE_OPTION_INT, 1, 65536, "1", NULL, "MPI ranks"},
    {"cpus-per-task", PE_OPTION_INT, 1, 1024, "1", NULL, "cores of a rank"},
    {0},
};

static const pe_option_spec edge_keys[] = {
    {KIND_ROW},
    {RESOURCE_ROW},
    {TIME_ROW},
    {"devices", PE_OPTION_INT, 1, 4096, "1", NULL, "how many there are"},
    {"queue", PE_OPTION_SIZE, 65536, 65536 * MIB, "64MiB", NULL,
     "memory for blocks that wait to be sent, of each device"},
    {"full", PE_OPTION_STRING, 0, 0, "block", "block drop",
     "what a full queue does: block the source, or drop the oldest"},
    {0},
};

static const pe_option_spec broker_keys[] = {
    {KIND_ROW},
    {RESOURCE_ROW},
    {TIME_ROW},
    {"endpoint", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "HOST:PORT[,HOST:PORT...] of one that is there; without: managed"},
    {0},
};

static const pe_option_spec params_keys[] = {
    {KIND_ROW},
    {RESOURCE_ROW},
    {TIME_ROW},
    {"endpoint", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "redis://HOST:PORT of one that is there; without: managed"},
    {"password-file", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "file of mode 0600 with its password"},
    {"user", PE_OPTION_STRING, 0, 0, NULL, NULL, "its user"},
    {0},
};

static const pe_option_spec *const keys[] = {
    [PILOT_POOL] = pool_keys,
    [PILOT_EDGE] = edge_keys,
    [PILOT_BROKER] = broker_keys,
    [PILOT_PARAMS] = params_keys,
};

enum { N_KINDS = sizeof(keys) / sizeof(keys[0]) };

/* --- the environment --- */

static bool is_of_kind(const tree *t, enum pilot_kind kind)
{
    const tree *k = tree_get(t, "kind");

    return k && k->kind == TREE_SCALAR &&
           !strcmp(k->value, pilot_kind_name(kind));
}

static bool is_from_command_line(const tree *t)
{
    return !strncmp(t->where, "--set ", strlen("--set "));
}

/* Set or remove (NULL [value]) [key] of pilot [t], on behalf of [variable]. */
static int replace_key(tree *root, const tree *t, const char *key,
                       const char *value, const char *variable, pe_error *errp)
{
    const tree *there = tree_get(t, key);

    if (there && is_from_command_line(there))
        return 0;
    char *path = text_format("pilots.%s.%s", t->key, key);
    int status = path ? tree_set(root, path, value, variable, errp)
                      : pe_error_nomem(errp);
    free(path);
    return status;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* A relative name in the environment is meant from where the user is, one in
 * the file from where that lies.
 */
static int take_password_file(tree *root, const tree *t, const char *value,
                              pe_error *errp)
{
    char *here = *value == '/' ? NULL : getcwd(NULL, 0);
    char *path = here ? text_format("%s/%s", here, value) : NULL;
    int status =
        *value != '/' && !path
            ? pe_error_nomem(errp)
            : replace_key(root, t, "password-file", path ? path : value,
                          "PILOT_PASSWORD_FILE", errp);

    free(here);
    free(path);
    return status;
}

/* User and password belong to the service they open: with another endpoint,
 * those of the file go.
 */
static int take_params(tree *root, const tree *t, pe_error *errp)
{
    const char *address = variable("PILOT_PARAMS");
    const char *secret = variable("PILOT_PASSWORD_FILE");
    const tree *old = tree_get(t, "endpoint");

    if (address && old && !is_from_command_line(old) &&
        (replace_key(root, t, "password-file", NULL, "PILOT_PARAMS", errp) <
             0 ||
         replace_key(root, t, "user", NULL, "PILOT_PARAMS", errp) < 0))
        return -1;
    if (address &&
        replace_key(root, t, "endpoint", address, "PILOT_PARAMS", errp) < 0)
        return -1;
    return secret ? take_password_file(root, t, secret, errp) : 0;
}

int pipeline_take_environment(tree *root, pe_error *errp)
{
    const tree *pilots = tree_get(root, "pilots");
    const char *broker = variable("PILOT_BROKER");

    if (!pilots || pilots->kind != TREE_MAP)
        return 0;
    for (size_t i = 0; i < pilots->n; i++) {
        const tree *t = &pilots->child[i];
        if (pipeline_check_name(t, "pilot", errp) < 0)
            return -1;
        if (broker && is_of_kind(t, PILOT_BROKER) &&
            replace_key(root, t, "endpoint", broker, "PILOT_BROKER", errp) < 0)
            return -1;
        if (is_of_kind(t, PILOT_PARAMS) && take_params(root, t, errp) < 0)
            return -1;
    }
    return 0;
}

/* --- one pilot --- */

static bool has_key(const pe_option_spec *row, const char *key)
{
    while (row->name && strcmp(row->name, key) != 0)
        row++;
    return row->name != NULL;
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
        if (has_key(keys[kind], c->key))
            continue;
        for (int k = 0; k < N_KINDS; k++)
            if (has_key(keys[k], c->key))
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
                             "pilot '%s' needs a kind: pool, edge, broker or "
                             "params",
                             t->key);
    for (int i = 0; i < N_KINDS; i++)
        if (is_of_kind(t, (enum pilot_kind)i)) {
            *kindp = (enum pilot_kind)i;
            return 0;
        }
    return section_error(k, errp, "kind: '%s' is not one of: " KINDS,
                         k->value ? k->value : "a mapping");
}

/* HOST:PORT, once or more. */
static int check_broker(const tree *t, pe_error *errp)
{
    url u;
    bool good = true;

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
                                "endpoint: '%s' is not HOST:PORT or a list of "
                                "those with ',' between them",
                                t->value);
}

static int check_params(const tree *t, pe_error *errp)
{
    url u;

    if (url_parse(t->value, &u, errp) < 0)
        return pe_error_prefix(errp, "%s: endpoint", t->where);
    if ((!strcmp(u.scheme, "redis") && *u.host) ||
        (!strcmp(u.scheme, "unix") && *u.path))
        return 0;
    return section_error(t, errp,
                         "endpoint: '%s' is not redis://HOST:PORT or "
                         "unix:///PATH",
                         t->value);
}

static int check_values(const pipeline_pilot *k, const tree *t, pe_error *errp)
{
    const tree *endpoint = tree_get(t, "endpoint");
    const tree *resource = tree_get(t, "resource");

    if (strcmp(k->resource, "local://") != 0)
        return section_error(resource ? resource : t, errp,
                             "resource: '%s': this version starts pilots on "
                             "local:// only",
                             k->resource);
    if (!endpoint)
        return 0;
    return k->kind == PILOT_BROKER ? check_broker(endpoint, errp)
                                   : check_params(endpoint, errp);
}

/* Options of another kind are not there, which reads as 0 and NULL. */
static int take_values(pipeline_pilot *k, const pe_options *o, const char *name,
                       pe_error *errp)
{
    const char *full = pe_options_string(o, "full");
    bool failed = false;

    k->name = pipeline_copy(name, &failed);
    k->resource = pipeline_copy(pe_options_string(o, "resource"), &failed);
    k->endpoint = pipeline_copy(pe_options_string(o, "endpoint"), &failed);
    k->password_file =
        pipeline_copy(pe_options_string(o, "password-file"), &failed);
    k->user = pipeline_copy(pe_options_string(o, "user"), &failed);
    k->devices = (int)pe_options_int(o, "devices");
    k->ntasks = (int)pe_options_int(o, "ntasks");
    k->cpus_per_task = (int)pe_options_int(o, "cpus-per-task");
    k->time_s = pe_options_time(o, "time");
    k->queue_bytes = pe_options_size(o, "queue");
    k->full_drop = full && !strcmp(full, "drop");
    return failed ? pe_error_nomem(errp) : 0;
}

static int read_pilot(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    if (pipeline_check_name(t, "pilot", errp) < 0 ||
        read_kind(t, &k->kind, errp) < 0 || check_keys(t, k->kind, errp) < 0)
        return -1;
    pe_options *o = section_read(t, keys[k->kind], NULL, errp);
    if (!o)
        return -1;
    int status = take_values(k, o, t->key, errp);
    pe_options_destroy(o);
    return status < 0 ? -1 : check_values(k, t, errp);
}

int pipeline_read_pilots(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "pilots");

    if (section_check(t, errp) < 0)
        return -1;
    if (!t || t->n == 0)
        return section_error(t ? t : root, errp,
                             "pilots: at least a pilot of kind pool is needed");
    p->pilots = calloc(t->n, sizeof(*p->pilots));
    if (!p->pilots)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++) {
        const pipeline_pilot *pool = pipeline_pilot_of(p, PILOT_POOL);
        p->n_pilots = i + 1;
        if (read_pilot(&p->pilots[i], &t->child[i], errp) < 0)
            return -1;
        if (pool && p->pilots[i].kind == PILOT_POOL)
            return section_error(&t->child[i], errp,
                                 "'%s' is a second pool, behind '%s': this "
                                 "version runs one pool per run",
                                 t->child[i].key, pool->name);
    }
    return 0;
}
