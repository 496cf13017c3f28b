/* pipeline.c - a pipeline file, read: names, context, results, epoch. */
#include "pipeline.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline_private.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/config/section.h"

const pe_option_spec pipeline_root_keys[] = {
    {"version", PE_OPTION_INT, 1, 1, NULL, NULL, "of this format: 1"},
    {"pipeline", PE_OPTION_STRING, 0, 0, NULL, NULL, "name of the pipeline"},
    {"results", PE_OPTION_STRING, 0, 0, "topic", "topic off",
     "where scores go"},
    {"results-format", PE_OPTION_STRING, 0, 0, "npy", "npy da00",
     "how records of scores are written"},
    {"results-topic", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "topic of the scores; default: one of the run's own"},
    {"until", PE_OPTION_STRING, 0, 0, "end", "end eof",
     "end with the devices, or at what the topic holds at the start"},
    {"restore", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "a safetensors file of the model to begin with"},
    {"trace", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "record what becomes of every block"},
    {"sign", PE_OPTION_STRING, 0, 0, "no", NULL,
     "yes: records are signed, and who is not is refused; without a pool: the "
     "file of 'pilot key gateway'"},
    {"refuse-max", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "blocks that may be refused, N or N%, before the run is stopped"},
    {"stall", PE_OPTION_TIME, 0, 86400, "30s", NULL,
     "a pilot with blocks that commits none for so long is STALLED; 0s: never"},
    {"unheard", PE_OPTION_TIME, 0, 86400, "60s", NULL,
     "a pool of several hosts ends, and is started again, when one of them has "
     "not answered for so long; 0s: never"},
    {0},
};

const pe_option_spec pipeline_epoch_keys[] = {
    {"interval", PE_OPTION_TIME, 0.001, 3600, NULL, NULL,
     "time between two reductions; default: 250ms"},
    {"blocks", PE_OPTION_INT, 1, 1e9, NULL, NULL,
     "blocks between two reductions, instead"},
    {0},
};

const pe_option_spec pipeline_checkpoint_keys[] = {
    {"every", PE_OPTION_TIME, 1, 30 * 86400, "10m", NULL,
     "time between two files of the model"},
    {"keep", PE_OPTION_INT, 1, 10000, "3", NULL, "the newest so many stay"},
    {0},
};

bool pipeline_is_name(const char *s, const char *also, size_t longest)
{
    if (!isalnum((unsigned char)*s) || strlen(s) > longest)
        return false;
    while (isalnum((unsigned char)*s) || (*s && strchr(also, *s)))
        s++;
    return *s == '\0';
}

int pipeline_check_name(const tree *t, const char *what, pe_error *errp)
{
    if (pipeline_is_name(t->key, "_-", PIPELINE_NAME_BYTES))
        return 0;
    return section_error(t, errp,
                         "'%.80s' is no name of a %s: letters, digits, '_' "
                         "and '-', at most %d, the first a letter or digit",
                         t->key, what, PIPELINE_NAME_BYTES);
}

/* --- context, results, epoch --- */

static int read_context(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "context");
    bool failed = false;

    if (section_check(t, errp) < 0)
        return -1;
    if (!t || t->n == 0)
        return 0;
    p->context_keys = calloc(t->n, sizeof(char *));
    p->context_values = calloc(t->n, sizeof(char *));
    if (!p->context_keys || !p->context_values)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < t->n; i++) {
        const tree *c = &t->child[i];
        if (c->kind != TREE_SCALAR)
            return section_error(c, errp, "%s: one value is expected here",
                                 c->key);
        p->context_keys[i] = words_copy(c->key, &failed);
        p->context_values[i] = words_copy(c->value, &failed);
        p->n_context = i + 1;
    }
    return failed ? pe_error_nomem(errp) : 0;
}

/* Scores that are to go where the file says; the stream is known. */
static int read_results(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "results-topic");
    char topic[256], other[256];
    bool failed = false;

    if (!t)
        return 0;
    p->results_topic = words_copy(t->value, &failed);
    if (failed)
        return pe_error_nomem(errp);
    if (pipeline_check_topic(t, p->results_topic, errp) < 0)
        return -1;
    if (!p->results)
        return section_error(t, errp,
                             "results-topic: 'results: off' writes no scores; "
                             "leave one of them out");
    pipeline_topic(p, "R", PIPELINE_RESULTS, topic, sizeof(topic));
    pipeline_topic(p, "R", "", other, sizeof(other));
    if (strcmp(topic, other) != 0) {
        pipeline_topic(p, "R", PIPELINE_REFUSED, other, sizeof(other));
        if (strcmp(topic, other) != 0)
            return 0;
    }
    return section_error(t, errp,
                         "results-topic: '%s' has other records of this "
                         "pipeline; name another",
                         p->results_topic);
}

static int read_epoch(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "epoch");
    pe_options *o = section_read(t, pipeline_epoch_keys, NULL, errp);

    if (!o)
        return -1;
    bool timed = pe_options_has(o, "interval");
    bool counted = pe_options_has(o, "blocks");
    p->epoch_blocks = (uint64_t)pe_options_int(o, "blocks");
    p->epoch_s = timed ? pe_options_time(o, "interval") : counted ? 0 : 0.25;
    pe_options_destroy(o);
    if (timed && counted)
        return section_error(tree_get(t, "blocks"), errp,
                             "epoch: either interval or blocks, not both; "
                             "--set epoch.interval= takes the former away");
    return 0;
}

/* Files of the model; [shape] is known. */
static int read_checkpoint(pipeline *p, const tree *root, pe_error *errp)
{
    const tree *t = tree_get(root, "checkpoint");
    pe_options *o = section_read(t, pipeline_checkpoint_keys, NULL, errp);

    if (!o)
        return -1;
    p->checkpoint_s = t ? pe_options_time(o, "every") : 0;
    p->checkpoint_keep = (int)pe_options_int(o, "keep");
    pe_options_destroy(o);
    if (p->restore && !pipeline_last_stage(p)->is_model)
        return section_error(tree_get(root, "restore"), errp,
                             "restore: the last stage is a function, and "
                             "learns no model to begin with");
    return 0;
}

/* --- the file --- */

/* "5%" or "100". */
static int refuse_max(const tree *at, const char *words, pipeline_refuse *out,
                      pe_error *errp)
{
    size_t len = strlen(words);
    char part[32];
    double percent = 0;
    int rc = -1;

    *out = (pipeline_refuse){.there = true, .most = -1};
    if (len > 1 && len < sizeof(part) && words[len - 1] == '%') {
        memcpy(part, words, len - 1);
        part[len - 1] = '\0';
        rc = text_parse_float(part, &percent);
        out->share = percent / 100;
        rc = rc == 0 && percent > 0 && percent <= 100 ? 0 : -1;
    } else if (text_parse_int(words, &out->most) == 0 && out->most >= 0) {
        rc = 0;
    }
    return rc == 0 ? 0
                   : section_error(at, errp,
                                   "refuse-max: '%.40s' is neither a number of "
                                   "blocks, as 100, nor a share, as 5%%",
                                   words);
}

static int take_root(pipeline *p, const tree *root, const pe_options *o,
                     pe_error *errp)
{
    const char *name = pe_options_string(o, "pipeline");
    bool failed = false;

    if (!pe_options_has(o, "version"))
        return section_error(root, errp, "'version: 1' is missing");
    if (!name)
        return section_error(root, errp,
                             "'pipeline: NAME' is missing: the name of this "
                             "pipeline");
    if (!pipeline_is_name(name, "._-", PIPELINE_NAME_BYTES))
        return section_error(tree_get(root, "pipeline"), errp,
                             "pipeline: '%.80s' is no name: letters, digits, "
                             "'.', '_' and '-', at most %d, the first a "
                             "letter or digit",
                             name, PIPELINE_NAME_BYTES);
    p->name = words_copy(name, &failed);
    p->results_wanted = !strcmp(pe_options_string(o, "results"), "topic");
    p->results_da00 = !strcmp(pe_options_string(o, "results-format"), "da00");
    p->stall_s = pe_options_time(o, "stall");
    p->unheard_s = pe_options_time(o, "unheard");
    p->until_eof = !strcmp(pe_options_string(o, "until"), "eof");
    p->trace = pe_options_bool(o, "trace");
    pipeline_take_sign(p, pe_options_string(o, "sign"), &failed);
    p->restore = words_copy(pe_options_string(o, "restore"), &failed);
    if (pe_options_has(o, "refuse-max") &&
        refuse_max(tree_get(root, "refuse-max"),
                   pe_options_string(o, "refuse-max"), &p->refuse, errp) < 0)
        return -1;
    return failed ? pe_error_nomem(errp) : 0;
}

static int read_root(pipeline *p, const tree *root, pe_error *errp)
{
    pe_options *o =
        section_read(root, pipeline_root_keys,
                     "pilots stages context streams epoch checkpoint", errp);

    if (!o)
        return -1;
    int status = take_root(p, root, o, errp);
    pe_options_destroy(o);
    return status;
}

static int read_all(pipeline *p, const tree *root, pe_error *errp)
{
    if (read_root(p, root, errp) < 0 ||
        pipeline_read_pilots(p, root, errp) < 0 ||
        pipeline_read_stages(p, root, errp) < 0 ||
        pipeline_settle_results(p, root, errp) < 0 ||
        read_context(p, root, errp) < 0 ||
        pipeline_read_streams(p, root, errp) < 0 ||
        read_results(p, root, errp) < 0 || read_epoch(p, root, errp) < 0 ||
        pipeline_settle_order(p, root, errp) < 0 ||
        read_checkpoint(p, root, errp) < 0 ||
        pipeline_check_scale(p, root, errp) < 0 ||
        pipeline_check_urgent(p, root, errp) < 0 ||
        pipeline_check_prefer(p, root, errp) < 0 ||
        pipeline_check_sign(p, root, errp) < 0)
        return -1;
    return pipeline_check_reach(p, root, errp);
}

tree *pipeline_read_tree(const char *path, const char *const *overrides,
                         size_t n_overrides, pe_error *errp)
{
    tree *root = tree_read(path, errp);
    int status = root ? 0 : -1;

    for (size_t i = 0; status == 0 && i < n_overrides; i++)
        status = tree_override(root, overrides[i], errp);
    if (status == 0)
        status = pipeline_take_environment(root, errp);
    if (status == 0)
        return root;
    tree_destroy(root);
    return NULL;
}

pipeline *pipeline_load(const char *path, const char *const *overrides,
                        size_t n_overrides, pe_error *errp)
{
    tree *root = pipeline_read_tree(path, overrides, n_overrides, errp);
    pipeline *p = NULL;
    bool failed = false;

    if (!root)
        return NULL;
    p = calloc(1, sizeof(*p));
    if (!p) {
        pe_error_nomem(errp);
        goto error;
    }
    p->stream_stage = -1;
    p->file = words_copy(path, &failed);
    if (failed) {
        pe_error_nomem(errp);
        goto error;
    }
    if (read_all(p, root, errp) < 0)
        goto error;
    tree_destroy(root);
    return p;
error:
    tree_destroy(root);
    pipeline_destroy(p);
    return NULL;
}
