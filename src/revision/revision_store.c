/* revision_store.c - revisions of a run in its parameter service. */
#include "revision.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/digest.h"
#include "src/common/file.h"
#include "src/common/text.h"

revision *revision_load_number(params *p, uint64_t number, pe_error *errp)
{
    params_revision stored;
    revision *r;

    if (params_revision_fetch(p, number, &stored, errp) < 0)
        return NULL;
    r = revision_parse(number, stored.text, errp);
    free(stored.text);
    return r;
}

revision *revision_load(params *p, pe_error *errp)
{
    uint64_t now = 0;

    if (params_revision_now(p, &now, NULL, 0, errp) < 0)
        return NULL;
    return revision_load_number(p, now, errp);
}

/* --- the next one --- */

/* Files of which no stage has its function go. */
static void drop_files(revision *r)
{
    json_t *files = json_object_get(r->doc, "files");
    json_t *stages = json_object_get(r->doc, "stages"), *v, *s;
    const char *name, *stage;
    void *next = NULL;

    json_object_foreach_safe(files, next, name, v)
    {
        bool used = false;

        json_object_foreach(stages, stage, s)
        {
            const char *f = revision_function(r, stage);
            size_t n = strlen(name);

            used = used || (f && !strncmp(f, name, n) && f[n] == ':');
        }
        if (!used)
            json_object_del(files, name);
    }
}

static int stamp(revision *r, uint64_t number, uint64_t is, uint64_t before,
                 const char *by, const char *why)
{
    json_t *said = json_pack(
        "{s:I, s:I, s:I, s:I, s:s, s:s}", "revision", (json_int_t)number, "is",
        (json_int_t)is, "before", (json_int_t)before, "time_ns",
        (json_int_t)clock_real_ns(), "by", by, "why", why ? why : "");
    int rc = said ? json_object_update(r->doc, said) : -1;

    json_decref(said);
    return rc;
}

static int put(params *p, revision *r, uint64_t after, pe_error *errp)
{
    char *words = revision_text(r, errp);
    int rc = words ? params_revision_put(p, after, words, errp) : -1;

    free(words);
    if (rc == 0)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "somebody else has changed the stages of this run "
                            "since they were looked at (they were at revision "
                            "%llu): look at 'pilot swap RUN', and try again",
                            (unsigned long long)after);
    if (rc < 0)
        return -1;
    r->number = after + 1;
    return 0;
}

int revision_put(params *p, revision *r, const char *by, const char *why,
                 pe_error *errp)
{
    uint64_t before = revision_is(r), next = r->number + 1;

    drop_files(r);
    if (stamp(r, next, next, before, by, why) < 0)
        return pe_error_nomem(errp);
    return put(p, r, r->number, errp);
}

revision *revision_back(params *p, const revision *now, const char *by,
                        const char *why, pe_error *errp)
{
    uint64_t to = revision_before(now);
    revision *r;

    if (revision_is(now) == 0) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "the stages are as the file of the run has them: there "
                     "is nothing to go back to");
        return NULL;
    }
    r = revision_load_number(p, to, errp);
    if (!r)
        return NULL;
    if (stamp(r, now->number + 1, to, revision_before(r), by, why) < 0)
        pe_error_nomem(errp);
    else if (put(p, r, now->number, errp) == 0)
        return r;
    revision_destroy(r);
    return NULL;
}

/* --- files --- */

/* What the file is called there: its own name, or that with some of its digest
 * where the revision has another one of that name.
 */
static char *name_of(const revision *r, const char *path, const char *digest)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *other = json_string_value(
        json_object_get(json_object_get(r->doc, "files"), base));

    if (!other || !strcmp(other, digest))
        return text_format("%s", base);
    return text_format("%.8s-%s", digest, base);
}

int revision_bring(params *p, revision *r, const char *s, const char *path,
                   const char *symbol, pe_error *errp)
{
    char digest[DIGEST_HEX + 1], *name = NULL, *function = NULL;
    size_t len = 0;
    char *data = file_read(path, PARAMS_FILE_MAX, &len, errp);
    int rc = data ? digest_file(path, digest, errp) : -1;

    if (rc == 0 && (!(name = name_of(r, path, digest)) ||
                    !(function = text_format("%s:%s", name, symbol))))
        rc = pe_error_nomem(errp);
    if (rc == 0)
        rc = params_file_put(p, digest, data, len, errp);
    if (rc == 0 && json_object_set_new(json_object_get(r->doc, "files"), name,
                                       json_string(digest)) < 0)
        rc = pe_error_nomem(errp);
    if (rc == 0)
        rc = revision_set_function(r, s, function, errp);
    free(function);
    free(name);
    free(data);
    return rc;
}
