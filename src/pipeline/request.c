/* request.c - what `pilot run` hands to the agents of a run. */
#include "pipeline.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/file.h"
#include "src/common/text.h"

static json_t *optional(const char *s)
{
    return s ? json_string(s) : json_null();
}

static json_t *build(const pipeline_request *r)
{
    json_t *set = json_array();

    for (size_t i = 0; i < r->n_overrides; i++)
        json_array_append_new(set, json_string(r->overrides[i]));
    return json_pack("{s:i, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:b}", "schema",
                     1, "run", r->run, "dir", r->dir, "file", r->file, "set",
                     set, "broker", optional(r->broker), "params",
                     optional(r->params_url), "password_file",
                     optional(r->password_file), "resumed", r->resumed);
}

int pipeline_request_write(const pipeline_request *r, pe_error *errp)
{
    json_t *o = build(r);
    char *data = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    char *path = text_format("%s/request.json", r->dir);
    int rc;

    if (data && path)
        rc = file_write(path, data, strlen(data), 0600, errp);
    else
        rc = pe_error_nomem(errp);
    json_decref(o);
    free(data);
    free(path);
    return rc;
}

static char *take(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? strdup(s) : NULL;
}

static pipeline_request *parse(const json_t *o, pe_error *errp)
{
    pipeline_request *r = calloc(1, sizeof(*r));
    const json_t *set = json_object_get(o, "set");
    size_t n = json_array_size(set);

    if (!r || !(r->overrides = calloc(n + 1, sizeof(char *))))
        goto nomem;
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_array_get(set, i));

        if (!s || !(r->overrides[i] = strdup(s)))
            goto nomem;
        r->n_overrides = i + 1;
    }
    r->run = take(o, "run");
    r->dir = take(o, "dir");
    r->file = take(o, "file");
    r->broker = take(o, "broker");
    r->params_url = take(o, "params");
    r->password_file = take(o, "password_file");
    r->resumed = json_is_true(json_object_get(o, "resumed"));
    if (r->run && r->dir && r->file)
        return r;
nomem:
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                 "request.json is not complete");
    pipeline_request_destroy(r);
    return NULL;
}

pipeline_request *pipeline_request_read(const char *dir, pe_error *errp)
{
    char *path = text_format("%s/request.json", dir);
    pipeline_request *r = NULL;
    json_error_t why;
    json_t *o = NULL;
    size_t len;
    char *data;

    if (!path) {
        pe_error_nomem(errp);
        return NULL;
    }
    data = file_read(path, 1 << 20, &len, errp);
    if (data)
        o = json_loadb(data, len, 0, &why);
    if (o)
        r = parse(o, errp);
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
    for (size_t i = 0; i < r->n_overrides; i++)
        free(r->overrides[i]);
    free(r->overrides);
    free(r->run);
    free(r->dir);
    free(r->file);
    free(r->broker);
    free(r->params_url);
    free(r->password_file);
    free(r);
}

void pipeline_request_broker(const pipeline_request *r, broker_conf *c,
                             const char *client_id)
{
    c->endpoint = r->broker;
    c->client_id = client_id;
}

void pipeline_request_params(const pipeline_request *r, params_conf *c)
{
    c->url = r->params_url;
    c->password_file = r->password_file;
}
