/* rest_call.c - calls of slurmrestd: which API it has, and its errors. */
#include "rest.h"

#include <stdlib.h>
#include <string.h>

#include "src/resource/scheduler.h"

#define ANSWER_MAX ((size_t)256 << 20)

/* What we speak, the newest first.  Each slurmrestd has three or four that
 * follow one another: so there is one of these in all from Slurm 22.05 on.
 */
static const struct {
    const char *name;
    enum rest_form form;
} apis[] = {
    {REST_NEWEST, REST_TYPED},
    {"v0.0.41", REST_TYPED},
    {"v0.0.40", REST_TYPED},
    {"v0.0.38", REST_WORDS},
};
#define APIS "v0.0.38 (of Slurm 22.05) and v0.0.40 to " REST_NEWEST " (24.11)"

/* Numbers of Slurm's for a controller that was not reached, or was and did not
 * answer; and what slurmrestd from 23.11 on says of that when it is to cancel.
 */
enum {
    NO_CONNECTION = 1001,
    NO_CONNECTION_END = 1010,
    NO_CONTROLLER = 1800,
    NO_CONTROLLER_END = 1810,
    NO_ANSWER = 5000,
    NO_ANSWER_END = 5010,
    NO_REASON = 1,
};

void rest_line_clear(rest_line *l)
{
    post_close(l->post);
    for (int i = 0; l->headers[i]; i++)
        free(l->headers[i]);
    free(l->root);
    free(l->socket);
    free(l->name);
    *l = (rest_line){0};
}

void rest_answer_clear(rest_answer *a)
{
    json_decref(a->all);
    *a = (rest_answer){0};
}

bool rest_is_away(const rest_answer *a)
{
    json_int_t e = a->error;

    return (e >= NO_CONNECTION && e < NO_CONNECTION_END) ||
           (e >= NO_CONTROLLER && e < NO_CONTROLLER_END) ||
           (e >= NO_ANSWER && e < NO_ANSWER_END) || e == NO_REASON ||
           (e == REST_MINE && !strstr(a->words, "pars") &&
            !strstr(a->words, "specification"));
}

static void error_add(rest_answer *a, text *words, json_int_t number,
                      const char *more, const char *what)
{
    if (a->error == 0)
        a->error = number;
    text_add(words, "%s%s%s%s", words->len ? "; " : "", more ? more : "",
             more && what ? ": " : "", what ? what : "");
}

/* Of the call, where numbers have two names; and from v0.0.42 on of each job
 * that was to be canceled.
 */
static void errors_read(rest_answer *a)
{
    const json_t *errors = json_object_get(a->all, "errors"), *e;
    const json_t *jobs = json_object_get(a->all, "status");
    text words = {0};
    size_t i;

    json_array_foreach(errors, i, e)
    {
        const json_t *number = json_object_get(e, "error_number");
        if (!number)
            number = json_object_get(e, "error_code");
        error_add(a, &words, json_integer_value(number),
                  json_string_value(json_object_get(e, "description")),
                  json_string_value(json_object_get(e, "error")));
    }
    if (json_array_size(errors) > 0 && a->error == 0)
        a->error = REST_MINE;
    json_array_foreach(jobs, i, e)
    {
        e = json_object_get(e, "error");
        error_add(a, &words, json_integer_value(json_object_get(e, "code")),
                  json_string_value(json_object_get(e, "string")), NULL);
    }
    scheduler_copy(a->words, sizeof(a->words), words.data ? words.data : "?",
                   words.data ? words.len : 1);
    text_free(&words);
}

/* What it says is no answer of the API. */
static int stranger(const rest_line *l, const post_answer *p, pe_error *errp)
{
    char said[128];

    scheduler_copy(said, sizeof(said), (const char *)p->data,
                   p->len < 100 ? p->len : 100);
    if (p->status == 401 || p->status == 403 || strstr(said, "uthenticat"))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                            "%s lets us not in ('%s'): %s", l->name, said,
                            l->socket && !l->headers[1]
                                ? "its socket is for the user it runs as"
                                : "is the token over? 'scontrol token' makes "
                                  "one, for a file that " REST_TOKEN_FILE
                                  " names, or SLURM_JWT");
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                        "%s gives no answer of the API but status %ld, '%s'",
                        l->name, p->status, said);
}

/* [api] of it is asked: 0 with an answer of that, 1: it has none such. */
static int ask(rest_line *l, const char *api, const char *path, post_body *b,
               rest_answer *a, pe_error *errp)
{
    const post_conf c = {.url = l->root,
                         .socket = l->socket,
                         .headers = (const char *const *)l->headers,
                         .limit_s = l->timeout_s,
                         .most = ANSWER_MAX};
    char *full = text_format("%s%s%s", l->root, api, path);
    post_answer p;
    int status = -1;

    *a = (rest_answer){0};
    if (!full)
        return pe_error_nomem(errp);
    if (!l->post)
        l->post = post_open(&c, errp);
    b->url = full;
    if (l->post) {
        status = post_send(l->post, b, &p, errp);
        if (status < 0)
            pe_error_prefix(errp, "%s, within %g s", l->name, l->timeout_s);
    }
    free(full);
    if (status < 0)
        return -1;
    a->all = json_loadb((const char *)p.data, p.len, 0, NULL);
    /* Whoever stands before it may say other things in JSON. */
    if (json_is_array(json_object_get(a->all, "errors"))) {
        errors_read(a);
        return 0;
    }
    rest_answer_clear(a);
    return p.status == 404 ? 1 : stranger(l, &p, errp);
}

int rest_api_find(rest_line *l, pe_error *errp)
{
    for (size_t i = 0; !l->api && i < sizeof(apis) / sizeof(apis[0]); i++) {
        post_body b = {.method = "GET"};
        rest_answer a;
        int status = ask(l, apis[i].name, "/ping", &b, &a, errp);
        rest_answer_clear(&a);
        if (status < 0)
            return -1;
        if (status == 0) {
            l->api = apis[i].name;
            l->form = apis[i].form;
        }
    }
    if (l->api)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s has no API that is spoken here: those are " APIS,
                        l->name);
}

int rest_call(rest_line *l, const char *method, const char *path,
              const char *body, rest_answer *a, pe_error *errp)
{
    post_body b = {.data = body,
                   .len = body ? strlen(body) : 0,
                   .method = body ? NULL : method};
    int status;

    *a = (rest_answer){0};
    if (rest_api_find(l, errp) < 0)
        return -1;
    status = ask(l, l->api, path, &b, a, errp);
    if (status <= 0)
        return status;
    /* Another one is there, started since. */
    pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                 "%s has no API %s any more", l->name, l->api);
    l->api = NULL;
    return -1;
}
