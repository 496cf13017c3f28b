/* restore.c - a run that begins with a model out of a file. */
#include "restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/common/text.h"

#define RESTORE_MAX ((size_t)4 << 30)

/* What an option of the model is in the file, against that of the stage. */
struct compared {
    const pe_options *stage;
    const char *name; /* of the first that differs; NULL: none */
    char file[128], here[128];
};

static void differs(struct compared *c, const char *name, const char *file)
{
    const char *here = pe_options_text(c->stage, name);

    if (c->name)
        return;
    c->name = name;
    snprintf(c->file, sizeof(c->file), "%s", file);
    snprintf(c->here, sizeof(c->here), "%s", here ? here : "not set");
}

/* Those of all models are no text in a file: a number has many. */
static void compare_common(struct compared *c, const pe_model *m)
{
    char file[32];

    if (m->contamination != pe_options_float(c->stage, "contamination")) {
        snprintf(file, sizeof(file), "%.15g", m->contamination);
        differs(c, "contamination", file);
    }
    if (m->seed != (uint64_t)pe_options_int(c->stage, "seed")) {
        snprintf(file, sizeof(file), "%" PRIu64, m->seed);
        differs(c, "seed", file);
    }
    if (m->strict != pe_options_bool(c->stage, "strict"))
        differs(c, "strict", m->strict ? "true" : "false");
    if (m->score_after !=
        !strcmp(pe_options_string(c->stage, "mode"), "score_after"))
        differs(c, "mode", m->score_after ? "score_after" : "test_then_train");
}

/* Of the model's own: the code that computes, and what is done when a run has
 * ended, change nothing of what was learned.
 */
static void compare(void *arg, const char *name, const char *value)
{
    static const char *const others[] = {"contamination", "seed",  "strict",
                                         "mode",          "final", "kernel"};
    struct compared *c = arg;
    const char *here = pe_options_text(c->stage, name);

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (!strcmp(name, others[i]))
            return;
    if (strcmp(here ? here : "", value) != 0)
        differs(c, name, value);
}

static int check(const pipeline *p, const pe_model *m, const char *path,
                 pe_error *errp)
{
    const pipeline_stage *s = pipeline_last_stage(p);
    struct compared c = {.stage = s->options};

    if (!s->is_model || strcmp(s->function, m->ops->name) != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "restore: %s is a model of kind %s, and stage "
                            "'%s' learns by %s",
                            path, m->ops->name, s->name, s->function);
    compare_common(&c, m);
    pe_options_each(m->options, compare, &c);
    if (!c.name)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "restore: %s was made with %s: %s, and stage '%s' has "
                        "%s; 'pilot model show %s' has all of its options",
                        path, c.name, c.file, s->name, c.here, path);
}

static char *describe(const pe_model *m, const char *path)
{
    return text_format("begins with %s: %s of %u feature%s, version %" PRIu64
                       ", commit %.12s, %" PRIu64 " point%s%s",
                       path, m->ops->name, m->features, text_s(m->features),
                       m->version, m->commit, m->points, text_s(m->points),
                       m->warming ? ", still warming up" : "");
}

int restore_take(const pipeline *p, const char *path, const char *copy,
                 char **wordsp, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read(path, RESTORE_MAX, &len, errp);
    pe_model *m = data ? pe_model_decode(data, len, errp) : NULL;
    int rc = m ? check(p, m, path, errp) : -1;

    if (data && !m)
        pe_error_prefix(errp, "restore: %s", path);
    if (rc == 0 && copy)
        rc = file_write(copy, data, len, 0600, errp);
    if (rc == 0) {
        *wordsp = describe(m, path);
        rc = *wordsp ? 0 : pe_error_nomem(errp);
    }
    pe_model_destroy(m);
    free(data);
    return rc;
}
