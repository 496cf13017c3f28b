/* revision_apply.c - the pipeline of a run as a revision has it. */
#include "revision.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/common/digest.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/words.h"

/* Where functions come from. */
typedef struct apply {
    const pipeline_request *q;
    const revision *r;
    params *p;   /* NULL until it is needed */
    bool opened; /* ... and ours */
    char **list;
    pe_error *errp;
} apply;

/* --- files that a revision brings --- */

static params *service(apply *a)
{
    params_conf c = {0};

    if (a->p)
        return a->p;
    pipeline_request_params(a->q, &c);
    c.no_commits = true;
    a->p = params_open(&c, a->q->run, a->errp);
    a->opened = a->p != NULL;
    return a->p;
}

static bool is_there(const char *path, const char *digest)
{
    char hex[DIGEST_HEX + 1];

    return access(path, R_OK) == 0 && digest_file(path, hex, NULL) == 0 &&
           !strcmp(hex, digest);
}

int revision_file(params *p, const char *folder, const char *path,
                  const char *digest, pe_error *errp)
{
    pe_buffer data = {0};
    int rc;

    if (is_there(path, digest))
        return 0;
    rc = params_file_fetch(p, digest, &data, errp);
    if (rc == 0)
        rc = file_mkdir(folder, errp);
    if (rc == 0)
        rc = file_write(path, data.data, data.len, 0700, errp);
    pe_buffer_free(&data);
    if (rc == 0 && !is_there(path, digest))
        rc = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                          "%s is not the file that was sent: its SHA-256 is "
                          "another than %.64s",
                          path, digest);
    return rc;
}

static int fetch(apply *a, const char *folder, const char *path,
                 const char *digest)
{
    params *p = service(a);

    return p ? revision_file(p, folder, path, digest, a->errp) : -1;
}

/* Function [f], "NAME:SYMBOL", as this host has it, new memory: what is of no
 * file of the revision stays as it is.
 */
static char *place(apply *a, const char *f)
{
    const char *colon = strrchr(f, ':'), *digest = NULL;
    char *name = colon ? strndup(f, (size_t)(colon - f)) : NULL;
    char *folder = NULL, *path = NULL, *out = NULL;

    if (name)
        digest = json_string_value(
            json_object_get(json_object_get(a->r->doc, "files"), name));
    if (!digest) {
        free(name);
        out = strdup(f);
        if (!out)
            pe_error_nomem(a->errp);
        return out;
    }
    folder = text_format("%s/functions/%s", a->q->dir, digest);
    path = folder ? text_format("%s/%s", folder, name) : NULL;
    if (!path)
        pe_error_nomem(a->errp);
    else if (is_there(path, digest) || fetch(a, folder, path, digest) == 0)
        out = text_format("%s%s", path, colon);
    free(path);
    free(folder);
    free(name);
    return out;
}

/* --- overrides --- */

static int add(apply *a, const char *stage, const char *key, const char *value)
{
    return words_add(
        &a->list, text_format("stages.%s.%s=%s", stage, key, value), a->errp);
}

static int add_function(apply *a, const char *stage, const char *function)
{
    char *f = place(a, function);
    int rc = f ? add(a, stage, "options", "") : -1;

    if (rc == 0)
        rc = add(a, stage, "function", f);
    free(f);
    return rc;
}

static int add_stage(apply *a, const char *stage, json_t *s)
{
    const char *function = revision_function(a->r, stage);
    const char *pilot = revision_pilot(a->r, stage), *name;
    json_t *value;

    if (function && add_function(a, stage, function) < 0)
        return -1;
    if (pilot && add(a, stage, "pilot", pilot) < 0)
        return -1;
    json_object_foreach(json_object_get(s, "options"), name, value)
    {
        char *key = text_format("options.%s", name);
        int rc = key ? add(a, stage, key, json_string_value(value))
                     : pe_error_nomem(a->errp);

        free(key);
        if (rc < 0)
            return -1;
    }
    return 0;
}

static int add_all(apply *a)
{
    const char *stage;
    json_t *s;

    if (words_add_all(&a->list, (const char *const *)a->q->overrides, a->errp) <
        0)
        return -1;
    json_object_foreach(json_object_get(a->r->doc, "stages"), stage,
                        s) if (add_stage(a, stage, s) < 0) return -1;
    return 0;
}

static pipeline *apply_all(apply *a)
{
    static const char *const none[] = {NULL};
    pipeline *pl = NULL;

    if (!a->r)
        return pipeline_load(a->q->file, (const char *const *)a->q->overrides,
                             a->q->n_overrides, a->errp);
    if (add_all(a) == 0)
        pl = pipeline_load(a->q->file,
                           a->list ? (const char *const *)a->list : none,
                           words_count(a->list), a->errp);
    words_free(a->list);
    if (a->opened)
        params_close(a->p);
    return pl;
}

pipeline *revision_pipeline(params *p, const pipeline_request *q,
                            const revision *r, pe_error *errp)
{
    return apply_all(&(apply){.q = q, .r = r, .p = p, .errp = errp});
}

/* --- what may change --- */

int revision_check_stage(const pipeline *pl, const char *name, pe_error *errp)
{
    text known = {0};

    for (size_t i = 0; i < pl->n_stages; i++) {
        const pipeline_stage *s = &pl->stages[i];

        if (strcmp(s->name, name) != 0) {
            text_add(&known, "%s%s", i ? ", " : "", s->name);
            continue;
        }
        text_free(&known);
        if (s->role != STAGE_SOURCE)
            return 0;
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "stage '%s' senses: a source that changes makes "
                            "another stream; start another run for it",
                            name);
    }
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "there is no stage '%s' in this run; there are: %s", name,
                 known.data ? known.data : "none");
    text_free(&known);
    return -1;
}
