/* overrides.c - what takes the place of a pipeline file's words in a run: files
 * by absolute names, since agents work elsewhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/run/run.h"

int run_override_add(pipeline_request *q, char *item, pe_error *errp)
{
    if (words_add(&q->overrides, item, errp) < 0)
        return -1;
    q->n_overrides++;
    return 0;
}

static bool ends_with(const char *s, size_t len, const char *tail)
{
    size_t n = strlen(tail);

    return len >= n && !strncmp(s + len - n, tail, n);
}

/* pilots.NAME.auth, or a key of that whose value is a file. */
static bool is_login_file(const char *path, size_t len)
{
    char tail[64];

    if (strncmp(path, "pilots.", strlen("pilots.")) != 0)
        return false;
    for (size_t i = 0; pipeline_auth_files[i]; i++) {
        snprintf(tail, sizeof(tail), ".auth.%s", pipeline_auth_files[i]);
        if (ends_with(path, len, tail))
            return true;
    }
    return ends_with(path, len, ".auth");
}

/* Does [value] of key [path] (of [len] bytes) name a file, from the working
 * directory?
 */
static bool is_relative_file(const char *path, size_t len, const char *value)
{
    if (!*value || strchr("/{[\"'", *value))
        return false;
    if (ends_with(path, len, ".function"))
        return strstr(value, ".so") != NULL;
    if (len == strlen("sign") && !strncmp(path, "sign", len))
        return pipeline_is_sign_file(value);
    return ends_with(path, len, ".path") || ends_with(path, len, ".folder") ||
           ends_with(path, len, ".token-file") ||
           ends_with(path, len, ".password-file") || is_login_file(path, len);
}

/* The environment is that of this command, and not of agents elsewhere. */
static int trace_take(pipeline_request *q, const struct run_options *o,
                      pe_error *errp)
{
    const char *value = getenv("PILOT_TRACE");
    bool set = !value || !*value;

    if (o->trace)
        return run_override_add(q, text_format("trace=true"), errp);
    for (size_t i = 0; !set && i < o->set.n; i++)
        set = !strncmp(o->set.items[i], "trace=", strlen("trace="));
    if (set)
        return 0;
    if (!strcmp(value, "1") || !strcmp(value, "0"))
        value = *value == '1' ? "true" : "false";
    return run_override_add(q, text_format("trace=%s", value), errp);
}

int run_overrides_take(pipeline_request *q, const struct run_options *o,
                       pe_error *errp)
{
    for (size_t i = 0; i < o->set.n; i++) {
        const char *item = o->set.items[i];
        size_t len = strcspn(item, "=");
        const char *value = item[len] ? item + len + 1 : "";
        char *file = NULL;
        if (is_relative_file(item, len, value)) {
            file = locate_absolute(NULL, value, errp);
            if (!file)
                return -1;
        }
        int status =
            run_override_add(q,
                             file ? text_format("%.*s=%s", (int)len, item, file)
                                  : text_format("%s", item),
                             errp);
        free(file);
        if (status < 0)
            return -1;
    }
    if (o->until &&
        run_override_add(q, text_format("until=%s", o->until), errp) < 0)
        return -1;
    return trace_take(q, o, errp);
}

/* Override key [path], which is taken (NULL: no memory), by [value], meant from
 * [folder], when that is a file.
 */
static int override_file(pipeline_request *q, const char *folder, char *path,
                         const char *value, pe_error *errp)
{
    bool is = path && value && is_relative_file(path, strlen(path), value);
    char *file = is ? locate_absolute(folder, value, errp) : NULL;
    int status = path ? 0 : pe_error_nomem(errp);

    if (is && !file)
        status = -1;
    else if (is)
        status = run_override_add(q, text_format("%s=%s", path, file), errp);
    free(file);
    free(path);
    return status;
}

static int override_option(pipeline_request *q, const char *folder,
                           const pipeline_stage *s, const char *name,
                           pe_error *errp)
{
    return override_file(q, folder,
                         text_format("stages.%s.options.%s", s->name, name),
                         pe_options_text(s->options, name), errp);
}

static int logins_override(pipeline_request *q, const pipeline_pilot *k,
                           const char *folder, pe_error *errp)
{
    int status = 0;

    if (!k->auth)
        return 0;
    if (pipeline_auth_file(k->auth, -1, NULL))
        return override_file(q, folder, text_format("pilots.%s.auth", k->name),
                             pipeline_auth_file(k->auth, -1, NULL), errp);
    for (int role = -1; status == 0 && role < LOGIN_N_ROLES; role++)
        for (size_t i = 0; status == 0 && pipeline_auth_files[i]; i++)
            status = override_file(
                q, folder,
                text_format("pilots.%s.auth.%s%s%s", k->name,
                            role < 0 ? ""
                                     : login_role_word((enum login_role)role),
                            role < 0 ? "" : ".", pipeline_auth_files[i]),
                pipeline_auth_file(k->auth, role, pipeline_auth_files[i]),
                errp);
    return status;
}

int run_overrides_settle(pipeline_request *q, const pipeline *p,
                         const char *file, pe_error *errp)
{
    static const char *const names[] = {"path", "folder", "token-file", NULL};
    char *folder = locate_folder(file, errp);
    int status = folder ? 0 : -1;

    for (size_t i = 0; status == 0 && i < p->n_stages; i++) {
        const pipeline_stage *s = &p->stages[i];
        status =
            override_file(q, folder, text_format("stages.%s.function", s->name),
                          s->function, errp);
        for (int k = 0; status == 0 && s->options && names[k]; k++)
            status = override_option(q, folder, s, names[k], errp);
    }
    for (size_t i = 0; status == 0 && i < p->n_pilots; i++)
        status = override_file(
            q, folder,
            text_format("pilots.%s.password-file", p->pilots[i].name),
            p->pilots[i].password_file, errp);
    for (size_t i = 0; status == 0 && i < p->n_pilots; i++)
        status = logins_override(q, &p->pilots[i], folder, errp);
    free(folder);
    return status;
}
