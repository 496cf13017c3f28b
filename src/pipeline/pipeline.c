/* pipeline.c - a pipeline file, read: pilots, stages, streams. */
#include "pipeline.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline_private.h"
#include "src/common/text.h"
#include "src/config/section.h"

#define GIB (1024.0 * 1024 * 1024)

static const pe_option_spec root_keys[] = {
    {"version", PE_OPTION_INT, 1, 1.5, NULL, NULL, "of this format: 1"},
    {"pipeline", PE_OPTION_STRING, 0, 0, NULL, NULL, "name of the pipeline"},
    {"results", PE_OPTION_STRING, 0, 0, "topic", "topic off",
     "where scores go"},
    {"until", PE_OPTION_STRING, 0, 0, "end", "end eof",
     "end with the devices, or at what the topic holds now"},
    {0},
};

static const pe_option_spec pilot_keys[] = {
    {"kind", PE_OPTION_STRING, 0, 0, NULL, "pool edge broker params",
     "what runs in it"},
    {"resource", PE_OPTION_STRING, 0, 0, "local://", NULL, "where it lives"},
    {"devices", PE_OPTION_INT, 1, 4096, "1", NULL, "edge: devices"},
    {"ntasks", PE_OPTION_INT, 1, 65536, "1", NULL, "pool: MPI ranks"},
    {"cpus-per-task", PE_OPTION_INT, 1, 1024, "1", NULL,
     "pool: cores of a rank"},
    {"time", PE_OPTION_TIME, 0, 31536000, "0s", NULL, "limit; 0s: none"},
    {"endpoint", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "broker HOST:PORT or params URL that is there already"},
    {"password-file", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "params: file with the password"},
    {"user", PE_OPTION_STRING, 0, 0, NULL, NULL, "params: user"},
    {"queue", PE_OPTION_SIZE, 65536, 64 * GIB, "64MiB", NULL,
     "edge: memory of a device's queue"},
    {"full", PE_OPTION_STRING, 0, 0, "block", "block drop",
     "edge: what a full queue does"},
    {0},
};

static const pe_option_spec stream_keys[] = {
    {"partitions", PE_OPTION_INT, 1, 4096, NULL, NULL, "default: one a device"},
    {"compression", PE_OPTION_STRING, 0, 0, "none", "none lz4 zstd snappy",
     "of records"},
    {"format", PE_OPTION_STRING, 0, 0, "f8", "f8 f4", "of points"},
    {"topic", PE_OPTION_STRING, 0, 0, NULL, NULL, "default: pilot.RUN.STAGE"},
    {"gaps", PE_OPTION_STRING, 0, 0, "stop", "stop allow",
     "what missing records do"},
    {"message-max", PE_OPTION_SIZE, 1024, GIB, NULL, NULL, "largest record"},
    {0},
};

static const pe_option_spec epoch_keys[] = {
    {"interval", PE_OPTION_TIME, 0.001, 3600, NULL, NULL,
     "time between two reductions (250ms)"},
    {"blocks", PE_OPTION_INT, 1, 1e9, NULL, NULL,
     "blocks between two reductions, instead"},
    {0},
};

static char *copy(const char *s)
{
    return s ? strdup(s) : NULL;
}

static bool is_name(const char *s)
{
    for (const char *c = s; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
            return false;
    return *s && *s != '-' && *s != '.' && strlen(s) <= 64;
}

/* --- pilots --- */

static int kind_of(const char *word)
{
    for (int k = PILOT_POOL; k <= PILOT_PARAMS; k++)
        if (!strcmp(pilot_kind_name((enum pilot_kind)k), word))
            return k;
    return -1;
}

static int check_pilot(const tree *t, const pe_options *o, pe_error *errp)
{
    const char *resource = pe_options_string(o, "resource");
    const tree *secret = tree_get(t, "password");

    if (!is_name(t->key))
        return section_error(t, errp, "'%s' is no name: letters, digits, _ . -",
                             t->key);
    if (secret)
        return section_error(secret, errp,
                             "a password does not belong into this file: put "
                             "it into a file of mode 0600 and name that with "
                             "password-file");
    if (!pe_options_has(o, "kind"))
        return section_error(t, errp,
                             "pilot '%s' needs a kind: pool, edge, broker or "
                             "params",
                             t->key);
    if (strcmp(resource, "local://"))
        return section_error(t, errp,
                             "pilot '%s': resource %s: this version starts "
                             "pilots on local:// only",
                             t->key, resource);
    return 0;
}

static int read_pilot(pipeline *p, const tree *t, pe_error *errp)
{
    pipeline_pilot *k = &p->pilots[p->n_pilots];
    pe_options *o = section_read(t, pilot_keys, "password", errp);

    if (!o || check_pilot(t, o, errp) < 0) {
        pe_options_destroy(o);
        return -1;
    }
    p->n_pilots++;
    k->name = copy(t->key);
    k->kind = (enum pilot_kind)kind_of(pe_options_string(o, "kind"));
    k->resource = copy(pe_options_string(o, "resource"));
    k->devices = (int)pe_options_int(o, "devices");
    k->ntasks = (int)pe_options_int(o, "ntasks");
    k->cpus_per_task = (int)pe_options_int(o, "cpus-per-task");
    k->endpoint = copy(pe_options_string(o, "endpoint"));
    k->password_file = copy(pe_options_string(o, "password-file"));
    k->user = copy(pe_options_string(o, "user"));
    k->time_s = pe_options_time(o, "time");
    k->queue_bytes = pe_options_size(o, "queue");
    k->full_drop = !strcmp(pe_options_string(o, "full"), "drop");
    pe_options_destroy(o);
    return k->name && k->resource ? 0 : pe_error_nomem(errp);
}

static int read_pilots(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "pilots");

    if (!t || t->kind != TREE_MAP || !t->n)
        return section_error(t ? t : root, errp,
                             "pilots: at least one pilot is needed");
    p->pilots = calloc(t->n, sizeof(*p->pilots));
    if (!p->pilots)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++) {
        const pipeline_pilot *pool = pipeline_pilot_of(p, PILOT_POOL);

        if (read_pilot(p, &t->child[i], errp) < 0)
            return -1;
        if (pool && p->pilots[i].kind == PILOT_POOL)
            return section_error(&t->child[i], errp,
                                 "a second pool: this version runs one pool "
                                 "a run");
    }
    return 0;
}

/* --- context, stream, epoch --- */

static int read_context(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "context");

    if (!t)
        return 0;
    if (t->kind != TREE_MAP)
        return section_error(t, errp, "context: a mapping is expected here");
    p->context_keys = calloc(t->n + 1, sizeof(char *));
    p->context_values = calloc(t->n + 1, sizeof(char *));
    if (!p->context_keys || !p->context_values)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++) {
        if (t->child[i].kind != TREE_SCALAR)
            return section_error(&t->child[i], errp,
                                 "%s: one value is expected here",
                                 t->child[i].key);
        p->context_keys[i] = copy(t->child[i].key);
        p->context_values[i] = copy(t->child[i].value);
        p->n_context = i + 1;
        if (!p->context_keys[i] || !p->context_values[i])
            return pe_error_nomem(errp);
    }
    return 0;
}

/* The largest record of a source that tells its features. */
static uint64_t needed_bytes(const pipeline *p)
{
    const pipeline_stage *s = pipeline_stage_of(p, STAGE_SOURCE);
    int64_t features = pe_options_int(s->options, "features");
    uint64_t least = UINT64_C(4) << 20;
    uint64_t need = (uint64_t)s->points * (uint64_t)features * p->dtype;

    need += 65536;
    return features > 0 && need > least ? need : least;
}

static void take_stream(pipeline *p, const pe_options *o)
{
    p->partitions =
        pe_options_has(o, "partitions") ? (int)pe_options_int(o, "partitions")
        : pipeline_is_local(p) ? pipeline_pilot_of(p, PILOT_POOL)->ntasks
                               : pipeline_devices(p);
    p->compression = copy(pe_options_string(o, "compression"));
    p->dtype = strcmp(pe_options_string(o, "format"), "f4") ? PE_F8 : PE_F4;
    p->topic = copy(pe_options_string(o, "topic"));
    p->gaps_allowed = !strcmp(pe_options_string(o, "gaps"), "allow");
    p->message_bytes = pe_options_has(o, "message-max")
                           ? pe_options_size(o, "message-max")
                           : needed_bytes(p);
}

static int read_stream(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "streams");
    const char *stage =
        p->stages[p->stream_stage < 0 ? 0 : p->stream_stage].name;
    pe_options *o;

    for (size_t i = 0; t && i < t->n; i++)
        if (!t->child[i].key || strcmp(t->child[i].key, stage))
            return section_error(&t->child[i], errp,
                                 "streams: the stream of this pipeline leaves "
                                 "stage '%s', not '%s'",
                                 stage, t->child[i].key);
    o = section_read(tree_get(t, stage), stream_keys, NULL, errp);
    if (!o)
        return -1;
    take_stream(p, o);
    pe_options_destroy(o);
    if (p->partitions < 1)
        return section_error(root, errp, "streams: no partition");
    return p->compression ? 0 : pe_error_nomem(errp);
}

static int read_epoch(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "epoch");
    pe_options *o = section_read(t, epoch_keys, NULL, errp);
    bool both;

    if (!o)
        return -1;
    both = pe_options_has(o, "interval") && pe_options_has(o, "blocks");
    p->epoch_blocks = (uint64_t)pe_options_int(o, "blocks");
    p->epoch_s =
        pe_options_has(o, "interval") ? pe_options_time(o, "interval") : 0.25;
    pe_options_destroy(o);
    return both ? section_error(t, errp,
                                "epoch: either interval or blocks, not both")
                : 0;
}

static int read_root(pipeline *p, const tree *root, pe_error *errp)
{
    pe_options *o = section_read(root, root_keys,
                                 "pilots stages streams context epoch", errp);
    const char *name;
    int rc = 0;

    if (!o)
        return -1;
    name = pe_options_string(o, "pipeline");
    p->name = copy(name);
    p->results = !strcmp(pe_options_string(o, "results"), "topic");
    p->until_eof = !strcmp(pe_options_string(o, "until"), "eof");
    if (!pe_options_has(o, "version"))
        rc = section_error(root, errp, "'version: 1' is missing");
    else if (!name || !is_name(name))
        rc = section_error(root, errp,
                           "pipeline: a name is needed: letters, digits, _ . "
                           "-");
    pe_options_destroy(o);
    return rc;
}

static int read_all(pipeline *p, const tree *root, pe_error *errp)
{
    return read_root(p, root, errp) < 0 || read_pilots(p, root, errp) < 0 ||
                   pipeline_read_stages(p, root, errp) < 0 ||
                   read_context(p, root, errp) < 0 ||
                   read_stream(p, root, errp) < 0 ||
                   read_epoch(p, root, errp) < 0
               ? -1
               : 0;
}

/* PILOT_BROKER and its like stand between the file and the command line. */
static int take_environment(pipeline *p, const tree *root, pe_error *errp)
{
    static const struct {
        const char *name;
        enum pilot_kind kind;
        const char *key;
        size_t at;
    } vars[] = {
        {"PILOT_BROKER", PILOT_BROKER, "endpoint",
         offsetof(pipeline_pilot, endpoint)},
        {"PILOT_PARAMS", PILOT_PARAMS, "endpoint",
         offsetof(pipeline_pilot, endpoint)},
        {"PILOT_PASSWORD_FILE", PILOT_PARAMS, "password-file",
         offsetof(pipeline_pilot, password_file)},
    };
    const tree *pilots = tree_get(root, "pilots");

    for (size_t i = 0; i < sizeof(vars) / sizeof(*vars); i++) {
        const char *v = getenv(vars[i].name);

        for (size_t k = 0; v && *v && k < p->n_pilots; k++) {
            char **field = (char **)((char *)&p->pilots[k] + vars[i].at);
            const tree *given = tree_get(&pilots->child[k], vars[i].key);

            if (p->pilots[k].kind != vars[i].kind ||
                (given && !strncmp(given->where, "--set", 5)))
                continue;
            free(*field);
            *field = strdup(v);
            if (!*field)
                return pe_error_nomem(errp);
        }
    }
    return 0;
}

pipeline *pipeline_load(const char *path, const char *const *overrides,
                        size_t n_overrides, pe_error *errp)
{
    tree *root = tree_read(path, errp);
    pipeline *p = NULL;

    if (!root)
        return NULL;
    for (size_t i = 0; i < n_overrides; i++)
        if (tree_override(root, overrides[i], errp) < 0)
            goto error;
    p = calloc(1, sizeof(*p));
    if (!p || !(p->file = strdup(path))) {
        pe_error_nomem(errp);
        goto error;
    }
    p->stream_stage = -1;
    if (read_all(p, root, errp) < 0 || take_environment(p, root, errp) < 0)
        goto error;
    tree_destroy(root);
    return p;
error:
    tree_destroy(root);
    pipeline_destroy(p);
    return NULL;
}
