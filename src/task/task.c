/* task.c - what a task is, as a text, and its function as a file. */
#include "task.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/digest.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/revision/revision.h"

/* --- as a text --- */

static int take_words(const json_t *list, char ***to, pe_error *errp)
{
    const json_t *one;
    size_t i;

    json_array_foreach((json_t *)list, i, one)
    {
        const char *word = json_string_value(one);

        if (!word || words_add(to, strdup(word), errp) < 0)
            return -1;
    }
    return 0;
}

static int take(const json_t *o, task_spec *out, pe_error *errp)
{
    json_int_t points = json_integer_value(json_object_get(o, "points"));
    const char *function = json_string_value(json_object_get(o, "function"));
    bool failed = false;

    if (!function || points < 1 || points > UINT32_MAX)
        return -1;
    out->function = words_copy(function, &failed);
    out->digest =
        words_copy(json_string_value(json_object_get(o, "file")), &failed);
    out->over =
        words_copy(json_string_value(json_object_get(o, "over")), &failed);
    out->by = words_copy(json_string_value(json_object_get(o, "by")), &failed);
    out->points = (uint32_t)points;
    out->time_ns = json_integer_value(json_object_get(o, "time_ns"));
    if (failed)
        return pe_error_nomem(errp);
    if (take_words(json_object_get(o, "read"), &out->read, errp) < 0)
        return -1;
    return take_words(json_object_get(o, "options"), &out->options, errp);
}

int task_spec_parse(const char *words, task_spec *out, pe_error *errp)
{
    json_t *o = json_loads(words, 0, NULL);
    pe_error e = {0};
    int rc;

    *out = (task_spec){0};
    rc = o ? take(o, out, &e) : -1;
    json_decref(o);
    if (rc == 0)
        return 0;
    if (e.kind != PE_ERROR_NONE) {
        *errp = e;
        return -1;
    }
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "'%.80s' is no task: some other program wrote to the "
                        "keys of this run",
                        words);
}

static json_t *list_of(char *const *words)
{
    json_t *list = json_array();
    bool good = list;

    for (; good && words && *words; words++)
        good = json_array_append_new(list, json_string(*words)) == 0;
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

char *task_spec_text(const task_spec *s, pe_error *errp)
{
    json_t *o = json_pack("{s:s, s:s*, s:s*, s:I, s:s*, s:I, s:o, s:o}",
                          "function", s->function, "file", s->digest, "over",
                          s->over, "points", (json_int_t)s->points, "by", s->by,
                          "time_ns", (json_int_t)s->time_ns, "options",
                          list_of(s->options), "read", list_of(s->read));
    char *words = o ? json_dumps(o, JSON_COMPACT) : NULL;

    json_decref(o);
    if (!words)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                     "a name or value of the task is not UTF-8");
    return words;
}

void task_spec_free(task_spec *s)
{
    free(s->function);
    free(s->digest);
    free(s->over);
    free(s->by);
    words_free(s->options);
    words_free(s->read);
    *s = (task_spec){0};
}

/* --- the file of its function --- */

int task_bring(params *p, task_spec *s, const char *path, const char *symbol,
               pe_error *errp)
{
    const char *slash = strrchr(path, '/');
    char digest[DIGEST_HEX + 1];
    size_t len = 0;
    char *data = file_read(path, PARAMS_FILE_MAX, &len, errp);
    int rc = data ? digest_file(path, digest, errp) : -1;

    if (rc == 0)
        rc = params_file_put(p, digest, data, len, errp);
    free(data);
    if (rc < 0)
        return -1;
    s->function = text_format("%s:%s", slash ? slash + 1 : path, symbol);
    s->digest = strdup(digest);
    return s->function && s->digest ? 0 : pe_error_nomem(errp);
}

char *task_function(params *p, const task_spec *s, const char *dir,
                    pe_error *errp)
{
    const char *colon = strrchr(s->function, ':');
    char *folder = NULL, *path = NULL, *out = NULL;

    if (!s->digest || !colon) {
        out = strdup(s->function);
        if (!out)
            pe_error_nomem(errp);
        return out;
    }
    folder = text_format("%s/functions/%s", dir, s->digest);
    path = text_format("%s/%.*s", folder ? folder : "",
                       (int)(colon - s->function), s->function);
    if (!folder || !path)
        pe_error_nomem(errp);
    else if (revision_file(p, folder, path, s->digest, errp) == 0)
        out = text_format("%s%s", path, colon);
    free(path);
    free(folder);
    return out;
}
