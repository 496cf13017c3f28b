/* stages.c - the stages of a pipeline file. */
#include "pipeline_private.h"

#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "src/common/text.h"
#include "src/common/words.h"
#include "src/config/section.h"
#include "src/function/builtin.h"
#include "src/function/host.h"

const pe_option_spec pipeline_stage_keys[] = {
    {"function", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "built-in, model, or PATH.so:SYMBOL"},
    {"from", PE_OPTION_STRING, 0, 0, NULL, NULL, "default: the stage above"},
    {"sync", PE_OPTION_TIME, 0.001, 86400, NULL, NULL,
     "a model on devices: between two deltas of one; default 10s"},
    {"least", PE_OPTION_INT, 2, 1e9, NULL, NULL,
     "... rows that a number which leaves a device is of; default 5"},
    {"stale", PE_OPTION_TIME, 0.001, 3.2e7, NULL, NULL,
     "... age from which a delta is not merged; default: any is"},
    {"limit", PE_OPTION_TIME, 0.01, 86400, NULL, NULL,
     "longest call of a function; default: none"},
    {0},
};

const pe_option_spec pipeline_block_keys[] = {
    {"points", PE_OPTION_INT, 1, 16777216, "1000", NULL,
     "a block is closed at"},
    {"within", PE_OPTION_TIME, 0.001, 86400, "1s", NULL, "or after"},
    {"rate", PE_OPTION_FLOAT, 0, 1e9, "0", NULL,
     "blocks/s of a device; 0: as fast as it goes"},
    {0},
};

/* The key [name] of stage [t], or the stage, for messages. */
static const tree *at_key(const tree *t, const char *name)
{
    const tree *c = tree_get(t, name);

    return c ? c : t;
}

/* --- pilot and from --- */

/* Add pilot [name] to those that stage [t] runs on. */
static int add_pilot(const pipeline *p, pipeline_stage *s, const tree *t,
                     const char *name, pe_error *errp)
{
    const pipeline_pilot *k = name ? pipeline_pilot_find(p, name) : NULL;
    text known = {0};

    if (k) {
        s->pilots[s->n_pilots++] = (int)(k - p->pilots);
        return 0;
    }
    for (size_t i = 0; i < p->n_pilots; i++)
        text_add(&known, "%s%s", i ? ", " : "", p->pilots[i].name);
    section_error(at_key(t, "pilot"), errp,
                  "stage '%s': there is no pilot '%s'; known: %s", t->key,
                  name ? name : "{...}", known.data ? known.data : "");
    text_free(&known);
    return -1;
}

/* `pilot: NAME`, or a list of pilots that share the stage. */
static int find_pilots(const pipeline *p, pipeline_stage *s, const tree *t,
                       pe_error *errp)
{
    const tree *c = tree_get(t, "pilot");
    size_t n = c->kind == TREE_LIST ? c->n : 1;

    s->pilots = calloc(n + 1, sizeof(*s->pilots));
    if (!s->pilots)
        return pe_error_nomem(errp);
    if (n == 0)
        return section_error(c, errp, "stage '%s': the list of pilots is empty",
                             t->key);
    for (size_t i = 0; i < n; i++)
        if (add_pilot(p, s, t,
                      c->kind == TREE_LIST ? c->child[i].value : c->value,
                      errp) < 0)
            return -1;
    return 0;
}

static int find_from(const pipeline *p, pipeline_stage *s, const tree *t,
                     const char *name, pe_error *errp)
{
    int above = (int)(s - p->stages) - 1;

    s->from = above;
    if (!name)
        return 0;
    for (int i = 0; i <= above; i++)
        if (!strcmp(p->stages[i].name, name)) {
            s->from = i;
            return 0;
        }
    return section_error(at_key(t, "from"), errp,
                         "stage '%s': from: there is no stage '%s' above it",
                         t->key, name);
}

static enum pilot_kind kind_of(const pipeline *p, const pipeline_stage *s)
{
    return p->pilots[s->pilots[0]].kind;
}

static int check_kinds(const pipeline *p, const pipeline_stage *s,
                       const tree *t, pe_error *errp)
{
    for (size_t i = 0; i < s->n_pilots; i++) {
        const pipeline_pilot *k = &p->pilots[s->pilots[i]];
        if (k->kind != PILOT_EDGE && k->kind != PILOT_POOL)
            return section_error(at_key(t, "pilot"), errp,
                                 "stage '%s': pilot '%s' is of kind %s and "
                                 "runs no stages",
                                 t->key, k->name, pilot_kind_name(k->kind));
        if (k->kind != kind_of(p, s))
            return section_error(at_key(t, "pilot"), errp,
                                 "stage '%s': '%s' is of another kind than "
                                 "'%s'; a stage runs on devices or on pools",
                                 t->key, k->name, p->pilots[s->pilots[0]].name);
    }
    return 0;
}

/* Does the first stage take what others write to a topic?  It does on a pool
 * when its function does not sense.
 */
static bool takes_topic(const pipeline *p, const pipeline_stage *s)
{
    bool senses = true;

    if (kind_of(p, s) != PILOT_POOL || pipeline_pilot_of(p, PILOT_EDGE))
        return false;
    if (pe_model_find(s->function))
        return true;
    if (function_find(s->function))
        senses = function_find(s->function)->produce_edge != NULL;
    return !senses;
}

static int set_role(const pipeline *p, pipeline_stage *s, const tree *t,
                    pe_error *errp)
{
    if (check_kinds(p, s, t, errp) < 0)
        return -1;
    if (s == p->stages && !takes_topic(p, s))
        s->role = STAGE_SOURCE;
    else
        s->role = kind_of(p, s) == PILOT_EDGE ? STAGE_EDGE : STAGE_CLOUD;
    return 0;
}

/* --- the function and its options --- */

/* Folder of the pipeline file, which shared objects are named from. */
static char *folder_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    if (!slash)
        return text_format(".");
    return text_format("%.*s", slash == file ? 1 : (int)(slash - file), file);
}

static int refuse_unknown(const tree *t, const char *name, pe_error *errp)
{
    const char *const *lists[] = {pe_model_names(), function_names()};
    char nearest[128];
    text words = {0};

    for (int l = 0; l < 2; l++)
        for (const char *const *n = lists[l]; *n; n++)
            text_add(&words, "%s%s", words.len ? " " : "", *n);
    text_nearest(name, words.data, nearest, sizeof(nearest));
    if (*nearest)
        section_error(at_key(t, "function"), errp,
                      "stage '%s': there is no function '%s'; did you mean "
                      "'%s'?",
                      t->key, name, nearest);
    else
        section_error(at_key(t, "function"), errp,
                      "stage '%s': there is no function '%s'; known are: %s, "
                      "or PATH.so:SYMBOL",
                      t->key, name, words.data ? words.data : "");
    text_free(&words);
    return -1;
}

static int refuse_role(const pipeline_stage *s, const tree *t,
                       const pe_function *f, pe_error *errp)
{
    const char *why = "has no process_cloud and cannot run on a pool";

    if (s->role == STAGE_SOURCE)
        why = "is no source; the first stage has to sense, as generator, file "
              "and proc do";
    else if (f->produce_edge && !f->process_edge && !f->process_cloud)
        why = "is a source and has to be the first stage";
    else if (s->role == STAGE_EDGE)
        why = "has no process_edge and cannot run on an edge pilot";
    else if (f == function_find("score"))
        why = "scores on devices; put it on an edge pilot";
    return section_error(at_key(t, "function"), errp, "stage '%s': %s %s",
                         t->key, s->function, why);
}

static int use_model(const pipeline *p, pipeline_stage *s, const tree *t,
                     pe_error *errp)
{
    if (s->role == STAGE_SOURCE)
        return section_error(at_key(t, "function"), errp,
                             "stage '%s': %s is a model; the first stage has "
                             "to sense, as generator, file and proc do",
                             t->key, s->function);
    if (s->role == STAGE_EDGE && pipeline_use_learner(p, s, t, errp) < 0)
        return -1;
    s->is_model = true;
    s->options = pe_model_options(s->function, errp);
    return s->options ? 0 : -1;
}

static int use_function(const pipeline *p, pipeline_stage *s, const tree *t,
                        pe_error *errp)
{
    char *folder = folder_of(p->file);

    if (!folder)
        return pe_error_nomem(errp);
    s->loaded = function_load(s->function, folder, errp);
    free(folder);
    if (!s->loaded)
        return pe_error_prefix(errp, "%s: stage '%s'",
                               at_key(t, "function")->where, t->key);
    const pe_function *f = function_ops(s->loaded);
    if ((s->role == STAGE_SOURCE && !f->produce_edge) ||
        (s->role == STAGE_EDGE && !f->process_edge) ||
        (s->role == STAGE_CLOUD && !f->process_cloud))
        return refuse_role(s, t, f, errp);
    s->options = pe_options_create(f->options, errp);
    if (s->options && !f->options)
        pe_options_allow_any(s->options);
    return s->options ? 0 : -1;
}

static int read_options(const pipeline *p, pipeline_stage *s, const tree *t,
                        pe_error *errp)
{
    pe_error e = {0};
    int status;

    if (pe_model_find(s->function))
        status = use_model(p, s, t, errp);
    else if (function_find(s->function) || strchr(s->function, ':'))
        status = use_function(p, s, t, errp);
    else
        status = refuse_unknown(t, s->function, errp);
    if (status < 0 ||
        section_fill(s->options, tree_get(t, "options"), errp) < 0)
        return -1;
    if (!s->loaded || function_check(s->loaded,
                                     &(context_setup){.options = s->options,
                                                      .rate = s->rate,
                                                      .points = s->points},
                                     &e) == 0)
        return 0;
    return section_error(at_key(t, "options"), errp, "stage '%s': %s", t->key,
                         e.text);
}

/* --- one stage --- */

static int read_block(pipeline_stage *s, const tree *t, pe_error *errp)
{
    const tree *b = tree_get(t, "block");

    if (s->role != STAGE_SOURCE)
        return b ? section_error(b, errp,
                                 "stage '%s': block: only the first stage "
                                 "makes blocks",
                                 t->key)
                 : 0;
    pe_options *o = section_read(b, pipeline_block_keys, NULL, errp);
    if (!o)
        return -1;
    s->points = (uint32_t)pe_options_int(o, "points");
    s->within_s = pe_options_time(o, "within");
    s->rate = pe_options_float(o, "rate");
    pe_options_destroy(o);
    return 0;
}

/* What stands in [o] itself: name, function, pilot, from. */
static int take_head(const pipeline *p, pipeline_stage *s, const tree *t,
                     const pe_options *o, pe_error *errp)
{
    bool failed = false;

    if (!tree_get(t, "pilot") || !pe_options_has(o, "function"))
        return section_error(t, errp, "stage '%s' needs a pilot and a function",
                             t->key);
    s->name = words_copy(t->key, &failed);
    s->file = words_copy(p->file, &failed);
    s->line = t->line;
    s->function = words_copy(pe_options_string(o, "function"), &failed);
    if (failed)
        return pe_error_nomem(errp);
    if (find_pilots(p, s, t, errp) < 0)
        return -1;
    return find_from(p, s, t, pe_options_string(o, "from"), errp);
}

/* A source waits for what it senses, and a model is no function.  A program, or
 * an endpoint, that is away is no fault of the block that waits for it.
 */
static int take_limit(pipeline_stage *s, const tree *t, const pe_options *o,
                      pe_error *errp)
{
    const builtin *row = builtin_find(s->function);

    if (!pe_options_has(o, "limit"))
        return 0;
    if (s->role == STAGE_SOURCE || s->is_model)
        return section_error(at_key(t, "limit"), errp,
                             "stage '%s': limit: is for functions that process "
                             "blocks; %s %s: leave it out",
                             t->key, s->function,
                             s->is_model ? "is a model" : "senses them");
    if (row && row->outside)
        return section_error(at_key(t, "limit"), errp,
                             "stage '%s': limit: ends a process that its "
                             "function keeps; %s waits in its own way: put it "
                             "into options, {limit: ...}",
                             t->key, s->function);
    s->limit_s = pe_options_time(o, "limit");
    return 0;
}

static int read_stage(const pipeline *p, pipeline_stage *s, const tree *t,
                      pe_error *errp)
{
    if (pipeline_check_name(t, "stage", errp) < 0)
        return -1;
    pe_options *o = section_read(t, pipeline_stage_keys,
                                 "pilot block options prefer", errp);
    if (!o)
        return -1;
    int status = take_head(p, s, t, o, errp);
    if (status == 0 &&
        (set_role(p, s, t, errp) < 0 || read_block(s, t, errp) < 0 ||
         read_options(p, s, t, errp) < 0 || take_limit(s, t, o, errp) < 0))
        status = -1;
    if (status == 0)
        status = pipeline_take_learner(s, o, t, errp);
    if (status == 0)
        status = pipeline_read_prefer(s, t, errp);
    pe_options_destroy(o);
    return status;
}

/* --- all of them together --- */

int pipeline_check_scores(const pipeline_stage *s, const pipeline_stage *end,
                          const tree *t, pe_error *errp)
{
    if (end->is_model || !s->loaded || !function_scores(s->loaded, s->options))
        return 0;
    return section_error(at_key(t, "function"), errp,
                         "stage '%s': %s needs a model, and '%s' is none "
                         "that learns one%s",
                         s->name, s->function, end->function,
                         function_keeps(s->loaded) ? " (what: rows needs none)"
                                                   : "");
}

/* Do [a] and [b] run on the same pilots? */
static bool same_pilots(const pipeline_stage *a, const pipeline_stage *b)
{
    return a->n_pilots == b->n_pilots &&
           !memcmp(a->pilots, b->pilots, a->n_pilots * sizeof(*a->pilots));
}

/* Stages on a pool hand each other their blocks within a rank, those of two
 * pools by a stream; a model hands none on, but for the one that learns nothing
 * and ends a layer.
 */
static int check_cloud_stage(const pipeline *p, const pipeline_stage *s,
                             const tree *t, pe_error *errp)
{
    const pipeline_stage *from = s->from < 0 ? NULL : &p->stages[s->from];

    if (from && from->is_model &&
        (strcmp(from->function, "passthrough") != 0 || same_pilots(s, from)))
        return section_error(at_key(t, "from"), errp,
                             "stage '%s': '%s' is a model, which hands no "
                             "blocks on; put '%s' above it",
                             s->name, from->name, s->name);
    return 0;
}

static int check_edge_stage(const pipeline *p, const pipeline_stage *s,
                            const tree *t, pe_error *errp)
{
    const pipeline_stage *source = &p->stages[0];
    const pipeline_stage *from = &p->stages[s->from];

    if (from->role == STAGE_CLOUD)
        return section_error(at_key(t, "from"), errp,
                             "stage '%s': no stage of a device takes from a "
                             "pool; put it above '%s'",
                             s->name, pipeline_stage_of(p, STAGE_CLOUD)->name);
    if (kind_of(p, source) == PILOT_POOL)
        return section_error(at_key(t, "pilot"), errp,
                             "stage '%s' runs on a device, but its source "
                             "'%s' on pool '%s'",
                             s->name, source->name,
                             p->pilots[source->pilots[0]].name);
    if (!same_pilots(s, source))
        return section_error(at_key(t, "pilot"), errp,
                             "stage '%s': all stages of devices run on the "
                             "pilots of the source, '%s'",
                             s->name, source->name);
    return 0;
}

static int check_stage(const pipeline *p, const pipeline_stage *s,
                       const pipeline_stage *last, const tree *t,
                       pe_error *errp)
{
    if (s->role == STAGE_EDGE && check_edge_stage(p, s, t, errp) < 0)
        return -1;
    if (s->role == STAGE_CLOUD && check_cloud_stage(p, s, t, errp) < 0)
        return -1;
    if (s->role == STAGE_EDGE && last)
        return pipeline_check_scores(s, last, t, errp);
    return 0;
}

/* Blocks go one way, so each stage takes from the one above it in the file: of
 * two that take from the same, name both.
 */
static int check_chain(const pipeline *p, const tree *t, pe_error *errp)
{
    for (size_t i = 1; i < p->n_stages; i++)
        for (size_t k = 1; k < i; k++)
            if (p->stages[k].from == p->stages[i].from)
                return section_error(
                    at_key(&t->child[i], "from"), errp,
                    "stage '%s' takes from '%s', and so does '%s' (%s): "
                    "blocks go one way, from stage to stage; put '%s' behind "
                    "'%s'",
                    p->stages[i].name, p->stages[p->stages[i].from].name,
                    p->stages[k].name, t->child[k].where, p->stages[i].name,
                    p->stages[i - 1].name);
    return 0;
}

static bool runs_on(const pipeline_stage *s, size_t pilot)
{
    for (size_t i = 0; i < s->n_pilots; i++)
        if (s->pilots[i] == (int)pilot)
            return true;
    return false;
}

/* Does a stage run on it? */
static bool is_used(const pipeline *p, size_t pilot)
{
    for (size_t i = 0; i < p->n_stages; i++)
        if (runs_on(&p->stages[i], pilot))
            return true;
    return false;
}

/* Devices without a stage would be waited for, ranks have nothing to do. */
static int check_pilots(const pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "pilots");

    for (size_t i = 0; i < p->n_pilots; i++) {
        enum pilot_kind kind = p->pilots[i].kind;
        if ((kind == PILOT_EDGE && !runs_on(&p->stages[0], i)) ||
            (kind == PILOT_POOL && !is_used(p, i)))
            return section_error(&t->child[i], errp,
                                 "no stage runs on %s pilot '%s'; several "
                                 "share one: `pilot: [A, B]`",
                                 pilot_kind_name(kind), p->pilots[i].name);
    }
    return 0;
}

/* What the stages describe, and the one whose blocks leave by the broker. */
static void set_shape(pipeline *p)
{
    const pipeline_stage *cloud = pipeline_stage_of(p, STAGE_CLOUD);

    if (p->stages[0].role != STAGE_SOURCE)
        p->shape = PIPELINE_POOLS;
    else if (kind_of(p, &p->stages[0]) == PILOT_POOL)
        p->shape = PIPELINE_LOCAL;
    else if (!cloud)
        p->shape = PIPELINE_EDGES;
    else
        p->shape = PIPELINE_WHOLE;
    if (p->shape == PIPELINE_WHOLE)
        p->stream_stage = cloud->from;
    if (p->shape == PIPELINE_EDGES)
        p->stream_stage = (int)p->n_stages - 1;
}

static int check_stages(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "stages");
    const pipeline_stage *cloud = pipeline_last_stage(p);

    if (!cloud && pipeline_pilot_of(p, PILOT_POOL))
        return section_error(t, errp,
                             "stages: none runs on a pool; put a model or a "
                             "function with process_cloud there");
    for (size_t i = 0; i < p->n_stages; i++)
        if (check_stage(p, &p->stages[i], cloud, &t->child[i], errp) < 0)
            return -1;
    if (check_chain(p, t, errp) < 0 || check_pilots(p, root, errp) < 0 ||
        pipeline_check_learner(p, root, errp) < 0)
        return -1;
    set_shape(p);
    return pipeline_make_layers(p, t, errp);
}

int pipeline_read_stages(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "stages");

    if (section_check(t, errp) < 0)
        return -1;
    if (!t || t->n == 0)
        return section_error(t ? t : root, errp,
                             "stages: at least a source or a stage on a pool "
                             "is needed");
    p->stages = calloc(t->n, sizeof(*p->stages));
    if (!p->stages)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++) {
        p->n_stages = i + 1;
        if (read_stage(p, &p->stages[i], &t->child[i], errp) < 0)
            return -1;
    }
    return check_stages(p, root, errp);
}
