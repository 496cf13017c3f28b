/* request.c - what is handed to the agents of a run, and of a pilot. */
#include "pipeline_private.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/words.h"

#define REQUEST_MAX (1 << 20)

static json_t *build_overrides(const pipeline_request *r)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < r->n_overrides; i++)
        if (json_array_append_new(list, json_string(r->overrides[i])) < 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* A path in the folder of the request is kept without it: the folder may be
 * copied to another host.
 */
static const char *relative(const pipeline_request *r, const char *path)
{
    size_t n = strlen(r->dir);

    return path && !strncmp(path, r->dir, n) && path[n] == '/' ? path + n + 1
                                                               : path;
}

static json_t *build(const pipeline_request *r)
{
    json_t *set = build_overrides(r);
    json_t *o;

    if (!set)
        return NULL;
    o = json_pack("{s:i, s:s, s:s, s:o, s:s?, s:s?, s:s?, s:s?, s:b}", "schema",
                  1, "run", r->run, "file", relative(r, r->file), "set", set,
                  "broker", r->broker, "params", r->params_url, "password_file",
                  relative(r, r->password_file), "user", r->user, "resumed",
                  r->resumed);
    if (o && r->stream_broker)
        json_object_set_new(o, "stream_broker", json_string(r->stream_broker));
    if (o && r->logins)
        json_object_set_new(o, "logins", json_string(relative(r, r->logins)));
    if (o && r->sign)
        json_object_set_new(o, "sign", json_string(relative(r, r->sign)));
    if (o && r->via)
        json_object_set_new(o, "via", json_string(r->via));
    if (o && r->claim)
        json_object_set_new(o, "claim", json_string(r->claim));
    if (!o || !r->pilot)
        return o;
    json_object_set_new(o, "pilot", json_string(r->pilot));
    json_object_set_new(o, "member", json_string(r->member));
    json_object_set_new(o, "place", json_integer(r->place));
    json_object_set(o, "supervise", r->supervise);
    return o;
}

char *pipeline_request_text(const pipeline_request *r, pe_error *errp)
{
    json_t *o = build(r);
    char *data = o ? json_dumps(o, JSON_INDENT(2)) : NULL;

    json_decref(o);
    if (!data)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "the request of run %s cannot be written: a name or "
                     "value in it is not UTF-8",
                     r->run);
    return data;
}

int pipeline_request_write(const pipeline_request *r, pe_error *errp)
{
    char *data = pipeline_request_text(r, errp);
    char *path = text_format("%s/request.json", r->dir);
    int status = data ? 0 : -1;

    if (!path)
        status = pe_error_nomem(errp);
    if (status == 0)
        status = file_write(path, data, strlen(data), 0600, errp);
    free(data);
    free(path);
    return status;
}

/* --- reading --- */

/* String [key] of [o] in new memory; NULL when it is none. */
static char *take(const json_t *o, const char *key, bool *failedp)
{
    return words_copy(json_string_value(json_object_get(o, key)), failedp);
}

static int take_overrides(pipeline_request *r, const json_t *set, bool *failedp)
{
    size_t n = json_array_size(set);

    r->overrides = calloc(n + 1, sizeof(char *));
    if (!r->overrides) {
        *failedp = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(set, i));
        if (!s)
            return -1;
        r->overrides[i] = words_copy(s, failedp);
        r->n_overrides = i + 1;
    }
    return 0;
}

/* The same for a path, which is meant from the folder of the request. */
static char *take_path(const json_t *o, const char *key, const char *dir,
                       bool *failedp)
{
    const char *s = json_string_value(json_object_get(o, key));
    char *path;

    if (!s || *s == '/')
        return words_copy(s, failedp);
    path = text_format("%s/%s", dir, s);
    if (!path)
        *failedp = true;
    return path;
}

static void take_member(pipeline_request *r, const json_t *o, bool *failedp)
{
    r->pilot = take(o, "pilot", failedp);
    r->member = take(o, "member", failedp);
    r->place = (int)json_integer_value(json_object_get(o, "place"));
    r->supervise = json_incref(json_object_get(o, "supervise"));
}

static pipeline_request *parse(const json_t *o, const char *dir,
                               const char *path, pe_error *errp)
{
    pipeline_request *r = calloc(1, sizeof(*r));
    bool failed = !r;

    if (failed || take_overrides(r, json_object_get(o, "set"), &failed) < 0)
        goto error;
    r->run = take(o, "run", &failed);
    r->dir = words_copy(dir, &failed);
    r->file = take_path(o, "file", dir, &failed);
    r->broker = take(o, "broker", &failed);
    r->stream_broker = take(o, "stream_broker", &failed);
    r->params_url = take(o, "params", &failed);
    r->password_file = take_path(o, "password_file", dir, &failed);
    r->logins = take_path(o, "logins", dir, &failed);
    r->sign = take_path(o, "sign", dir, &failed);
    r->user = take(o, "user", &failed);
    r->via = take(o, "via", &failed);
    r->claim = take(o, "claim", &failed);
    take_member(r, o, &failed);
    r->resumed = json_is_true(json_object_get(o, "resumed"));
    if (!failed && r->run && r->dir && r->file)
        return r;
error:
    if (failed)
        pe_error_nomem(errp);
    else
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is not complete; it is written by 'pilot run'", path);
    pipeline_request_destroy(r);
    return NULL;
}

pipeline_request *pipeline_request_read(const char *dir, pe_error *errp)
{
    char *path = text_format("%s/request.json", dir);
    pipeline_request *r = NULL;
    json_error_t why;
    json_t *o = NULL;
    size_t len = 0;
    char *data;

    if (!path) {
        pe_error_nomem(errp);
        return NULL;
    }
    data = file_read(path, REQUEST_MAX, &len, errp);
    if (data)
        o = json_loadb(data, len, 0, &why);
    if (o)
        r = parse(o, dir, path, errp);
    else if (data)
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "%s:%d: %s", path,
                     why.line, why.text);
    json_decref(o);
    free(data);
    free(path);
    return r;
}

void pipeline_request_destroy(pipeline_request *r)
{
    if (!r)
        return;
    if (r->dial_close)
        r->dial_close(r->dial_arg);
    for (size_t i = 0; i < r->n_overrides; i++)
        free(r->overrides[i]);
    free(r->overrides);
    free(r->run);
    free(r->dir);
    free(r->file);
    free(r->broker);
    free(r->stream_broker);
    free(r->key);
    free(r->params_url);
    free(r->broker_from);
    free(r->params_from);
    free(r->password_file);
    free(r->logins);
    free(r->sign);
    free(r->broker_auth);
    free(r->params_auth);
    free(r->user);
    free(r->via);
    free(r->claim);
    free(r->member);
    free(r->pilot);
    json_decref(r->supervise);
    free(r);
}

void pipeline_request_broker(const pipeline_request *r, broker_conf *c,
                             const char *client_id)
{
    c->endpoint = r->stream_broker ? r->stream_broker : r->broker;
    c->from = r->stream_broker ? NULL : r->broker_from;
    c->logins = r->logins;
    c->client_id = client_id;
    c->dial = r->dial;
    c->dial_arg = r->dial_arg;
}

void pipeline_request_params(const pipeline_request *r, params_conf *c)
{
    c->url = r->params_url;
    c->from = r->params_from;
    c->user = r->user;
    c->password_file = r->password_file;
    c->logins = r->logins;
    c->sign = r->sign;
    c->dial = r->dial;
    c->dial_arg = r->dial_arg;
}
