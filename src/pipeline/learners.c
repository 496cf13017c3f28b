/* learners.c - a model that learns on devices, in a pipeline file. */
#include "pipeline_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "src/config/section.h"

#define SYNC_S 10
#define LEAST 5

/* The key [name] of stage [t], or the stage, for messages. */
static const tree *at_key(const tree *t, const char *name)
{
    const tree *c = tree_get(t, name);

    return c ? c : t;
}

/* The pools of the file merge what devices learn. */
static int take_pools(const pipeline *p, pipeline_stage *s, pe_error *errp)
{
    s->learners = s->pilots;
    s->n_learners = s->n_pilots;
    s->n_pilots = 0;
    s->pilots = calloc(p->n_pilots + 1, sizeof(*s->pilots));
    if (!s->pilots)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < p->n_pilots; i++)
        if (p->pilots[i].kind == PILOT_POOL)
            s->pilots[s->n_pilots++] = (int)i;
    return 0;
}

int pipeline_use_learner(const pipeline *p, pipeline_stage *s, const tree *t,
                         pe_error *errp)
{
    const tree *place = at_key(t, "pilot");

    if (!pe_model_find(s->function)->veil)
        return section_error(place, errp,
                             "stage '%s': model %s learns on a pool; put it "
                             "on one, and score at the edge by 'function: "
                             "score'",
                             t->key, s->function);
    if (!pipeline_pilot_of(p, PILOT_POOL))
        return section_error(place, errp,
                             "stage '%s': what devices learn is merged by a "
                             "pool, and the file has none; add a pilot of kind "
                             "pool",
                             t->key);
    if (take_pools(p, s, errp) < 0)
        return -1;
    s->role = STAGE_CLOUD;
    return 0;
}

/* --- its keys and options --- */

static const char *const keys[] = {"sync", "least", "stale"};

int pipeline_take_learner(pipeline_stage *s, const pe_options *o, const tree *t,
                          pe_error *errp)
{
    bool learns = s->n_learners > 0;

    for (size_t i = 0; !learns && i < sizeof(keys) / sizeof(keys[0]); i++)
        if (tree_get(t, keys[i]))
            return section_error(tree_get(t, keys[i]), errp,
                                 "stage '%s': %s is for a model on devices; "
                                 "leave it out, or name an edge pilot",
                                 t->key, keys[i]);
    if (!learns)
        return 0;
    s->sync_s = pe_options_has(o, "sync") ? pe_options_time(o, "sync") : SYNC_S;
    s->stale_s = pe_options_has(o, "stale") ? pe_options_time(o, "stale") : 0;
    s->least = pe_options_has(o, "least") ? (uint64_t)pe_options_int(o, "least")
                                          : LEAST;
    return 0;
}

/* Options of a model that cannot do without rows, or whose deltas grow. */
static int check_options(const pipeline_stage *s, const tree *t, pe_error *errp)
{
    static const struct {
        const char *name, *bad, *why;
    } rows[] = {
        {"exact", "true", "its sums tell of single rows"},
        {"threshold", "exact", "it sends the score of every row"},
        {"refit", "true", "its trees are not those of the model"},
    };
    const tree *o = tree_get(t, "options");
    bool yes;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *name = rows[i].name;

        if (!tree_get(o, name))
            continue;
        yes = !strcmp(rows[i].bad, "true") && pe_options_bool(s->options, name);
        if (yes || !strcmp(pe_options_text(s->options, name), rows[i].bad))
            return section_error(tree_get(o, name), errp,
                                 "stage '%s': %s: %s on devices, where rows "
                                 "stay; leave it out",
                                 t->key, name, rows[i].why);
    }
    return 0;
}

/* Half of the devices make the first model, unless the file says how many. */
static int set_quorum(const pipeline *p, pipeline_stage *s, const tree *t,
                      pe_error *errp)
{
    char half[16];

    if (!pe_options_has(s->options, "quorum") ||
        tree_get(tree_get(t, "options"), "quorum"))
        return 0;
    snprintf(half, sizeof(half), "%d", (pipeline_devices(p) + 1) / 2);
    return pe_options_set(s->options, "quorum", half, errp);
}

/* --- with the other stages --- */

/* What devices learn from passes them alone. */
static int check_stages(const pipeline *p, const pipeline_stage *s,
                        const tree *t, pe_error *errp)
{
    const pipeline_stage *source = &p->stages[0];
    const pipeline_stage *cloud = pipeline_stage_of(p, STAGE_CLOUD);

    if (cloud != s)
        return section_error(at_key(t, "pilot"), errp,
                             "stage '%s' learns on devices, and '%s' above it "
                             "runs on a pool, which no row reaches; put that "
                             "on the devices, too",
                             s->name, cloud->name);
    if (s->n_learners != source->n_pilots ||
        memcmp(s->learners, source->pilots,
               s->n_learners * sizeof(*s->learners)) != 0)
        return section_error(at_key(t, "pilot"), errp,
                             "stage '%s': all stages of devices run on the "
                             "pilots of the source, '%s'",
                             s->name, source->name);
    return 0;
}

int pipeline_check_learner(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "stages");
    const tree *blocks = tree_get(tree_get(root, "epoch"), "blocks");
    pipeline_stage *s = (pipeline_stage *)pipeline_learner(p);

    if (!s)
        return 0;
    t = &t->child[s - p->stages];
    if (check_stages(p, s, t, errp) < 0 || check_options(s, t, errp) < 0)
        return -1;
    if (blocks)
        return section_error(blocks, errp,
                             "epoch: blocks are not counted where stage '%s' "
                             "learns on devices; say interval",
                             s->name);
    return set_quorum(p, s, t, errp);
}

int pipeline_settle_results(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "results");
    const pipeline_stage *s = pipeline_learner(p);

    if (!s)
        return 0;
    if (t && p->results_wanted)
        return section_error(t, errp,
                             "results: the rows of stage '%s' stay on devices, "
                             "and so do their scores; a stage `write` {what: "
                             "scores} there keeps them",
                             s->name);
    p->results_wanted = p->results = false;
    return 0;
}
