/* task.c - tasks of a run, and the slices that ranks do of them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/params/args.h"
#include "src/params/private.h"
#include "src/params/reply.h"
#include "src/params/task_lua.h"
#include "src/params/task.h"

#define TASKS(p) ((p)->names[PARAMS_KEY_TASKS])
#define SLICES(p) ((p)->names[PARAMS_KEY_SLICES])
#define CLAIMS(p) ((p)->names[PARAMS_KEY_CLAIMS])

#define TOO_MUCH                                                       \
    "the results of the task are more than 64 MiB, which is what the " \
    "parameter service keeps of one"

static int refuse(const char *key, const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s has %s: some other program wrote to the keys of "
                        "this run",
                        key, what);
}

/* --- tasks --- */

/* The number that answers a command on one hash; -1. */
static int64_t ask_number(params *p, const char *command, const char *key,
                          const char *field, const char *value, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, command,
                                   key, field, value, NULL);
    int64_t n;

    if (!r)
        return -1;
    n = r->integer;
    freeReplyObject(r);
    return n;
}

/* Field "TASK/WHAT". */
static int put_fact(params *p, const char *task, const char *what,
                    const char *value, pe_error *errp)
{
    char *field = text_format("%s/%s", task, what);
    int64_t n = field ? ask_number(p, "HSETNX", TASKS(p), field, value, errp)
                      : pe_error_nomem(errp);

    free(field);
    return n < 0 ? -1 : 0;
}

int params_task_end(params *p, const char *task, uint64_t slices,
                    pe_error *errp)
{
    char value[24];

    snprintf(value, sizeof(value), "%" PRIu64, slices);
    return put_fact(p, task, "end", value, errp);
}

int params_task_stop(params *p, const char *task, const char *why,
                     pe_error *errp)
{
    return put_fact(p, task, "state", why, errp);
}

/* Is there a task, and is it not [words]?  -1: error. */
static int is_other(params *p, const char *task, const char *words,
                    bool *therep, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "HGET",
                                   TASKS(p), task, NULL);
    const char *is = r ? redis_reply_text(r, "") : NULL;
    int other = is && *is && strcmp(is, words) != 0;

    if (!r)
        return -1;
    *therep = is && *is;
    freeReplyObject(r);
    return other;
}

/* Who looks at the stages sees that there is another.  No transaction: a server
 * that is killed while it writes one takes what is behind it for a part of it
 * (commit.lua).  Who dies between the two puts the task once more.
 */
static int tell_task(params *p, pe_error *errp)
{
    int64_t n = ask_number(p, "HLEN", TASKS(p), NULL, NULL, errp);
    char value[24];

    snprintf(value, sizeof(value), "%" PRId64, n);
    return n < 0 || ask_number(p, "HSET", p->names[PARAMS_KEY_STAGES],
                               PARAMS_STAGES_TASKS, value, errp) < 0
               ? -1
               : 0;
}

/* Its end goes first: a task that is there has it. */
int params_task_put(params *p, const char *task, const char *words,
                    uint64_t slices, pe_error *errp)
{
    bool there = false;
    int rc = is_other(p, task, words, &there, errp);

    if (rc < 0)
        return -1;
    if (there)
        return tell_task(p, errp) < 0 ? -1 : !rc;
    if ((slices && params_task_end(p, task, slices, errp) < 0) ||
        ask_number(p, "HSETNX", TASKS(p), task, words, errp) < 0 ||
        tell_task(p, errp) < 0)
        return -1;
    rc = is_other(p, task, words, &there, errp);
    return rc < 0 ? -1 : !rc;
}

/* --- what there is --- */

/* A params_parse_f: a field of the tasks, as it is. */
typedef struct pair {
    char *field, *value;
} pair;

static int pair_parse(const char *field, const char *value, void *item,
                      pe_error *errp)
{
    pair *one = item;

    *one = (pair){strdup(field), strdup(value)};
    if (one->field && one->value)
        return 0;
    free(one->field);
    free(one->value);
    return pe_error_nomem(errp);
}

static const char *find(const pair *all, size_t n, const char *task,
                        const char *what)
{
    size_t len = strlen(task);

    for (size_t i = 0; i < n; i++)
        if (!strncmp(all[i].field, task, len) && all[i].field[len] == '/' &&
            !strcmp(all[i].field + len + 1, what))
            return all[i].value;
    return NULL;
}

static int ask_counts(params *p, params_task *t, pe_error *errp)
{
    char *done = text_format("%s/done", t->name);
    char *failed = text_format("%s/failed", t->name);
    uint64_t *to[] = {&t->done, &t->failed};
    redisReply *r = NULL;
    int rc = done && failed ? 0 : pe_error_nomem(errp);

    if (rc == 0)
        r = redis_link_ask(p->link, REDIS_REPLY_ARRAY, errp, "HMGET", SLICES(p),
                           done, failed, NULL);
    if (!r || r->elements != 2)
        rc = -1;
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        const char *word = redis_reply_text(r->element[i], "0");

        if (!word || params_number_parse(word, INT64_MAX, to[i]) < 0)
            rc = refuse(SLICES(p), "a count that is no number", errp);
    }
    if (r)
        freeReplyObject(r);
    free(done);
    free(failed);
    return rc;
}

/* [all] of a task, which takes its words over. */
static int take_task(params *p, pair *one, const pair *all, size_t n,
                     params_task *t, pe_error *errp)
{
    const char *end = find(all, n, one->field, "end");
    const char *state = find(all, n, one->field, "state");

    *t = (params_task){.name = strdup(one->field), .text = one->value};
    one->value = NULL;
    t->state = state ? strdup(state) : NULL;
    if (!t->name || (state && !t->state))
        return pe_error_nomem(errp);
    t->known = end != NULL;
    if (end && params_number_parse(end, INT64_MAX, &t->slices) < 0)
        return refuse(TASKS(p), "an end that is no number", errp);
    return ask_counts(p, t, errp);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const params_task *)a)->name,
                  ((const params_task *)b)->name);
}

static int take_tasks(params *p, pair *all, size_t n, params_task **out,
                      size_t *np, pe_error *errp)
{
    *out = calloc(n + 1, sizeof(**out));
    if (!*out)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++)
        if (!strchr(all[i].field, '/') &&
            take_task(p, &all[i], all, n, &(*out)[(*np)++], errp) < 0)
            return -1;
    qsort(*out, *np, sizeof(**out), by_name);
    return 0;
}

int params_tasks_fetch(params *p, params_task **out, size_t *np, pe_error *errp)
{
    static const params_item as = {sizeof(pair), pair_parse};
    pair *all;
    size_t n;
    int rc = params_hash_fetch(p, PARAMS_KEY_TASKS, &as, &all, &n, errp);

    *out = NULL;
    *np = 0;
    if (rc == 0)
        rc = take_tasks(p, all, n, out, np, errp);
    for (size_t i = 0; i < n; i++) {
        free(all[i].field);
        free(all[i].value);
    }
    free(all);
    if (rc < 0) {
        params_tasks_free(*out, *np);
        *out = NULL;
        *np = 0;
    }
    return rc;
}

void params_tasks_free(params_task *t, size_t n)
{
    for (size_t i = 0; t && i < n; i++) {
        free(t[i].name);
        free(t[i].text);
        free(t[i].state);
    }
    free(t);
}

/* --- slices --- */

/* The script with [a] behind its keys; the word of its answer, and its number.
 */
static int call(params *p, const redis_args *rest, uint64_t *np, pe_error *errp)
{
    static const char *const words[] = {[PARAMS_SLICE_DO] = "do",
                                        [PARAMS_SLICE_DEAD] = "dead",
                                        [PARAMS_SLICE_LOST] = "lost",
                                        [PARAMS_SLICE_WAIT] = "wait",
                                        [PARAMS_SLICE_OVER] = "over"};
    redis_args a = {0};
    redisReply *r = NULL;
    const char *word;
    int rc = -1, found = -1;

    redis_args_add(&a, "EVAL", strlen("EVAL"));
    redis_args_add(&a, task_lua, sizeof(task_lua) - 1);
    redis_args_add(&a, "3", 1);
    redis_args_add(&a, TASKS(p), strlen(TASKS(p)));
    redis_args_add(&a, SLICES(p), strlen(SLICES(p)));
    redis_args_add(&a, CLAIMS(p), strlen(CLAIMS(p)));
    for (int i = 0; i < rest->n; i++)
        redis_args_add(&a, rest->argv[i], rest->lens[i]);
    if (a.failed || rest->failed)
        pe_error_nomem(errp);
    else
        rc = redis_link_call(p->link, &(redis_command){a.n, a.argv, a.lens}, 1,
                             &r, errp);
    redis_args_free(&a);
    if (rc == 0)
        rc = redis_reply_check(r, REDIS_REPLY_ARRAY, p->link->name, "EVAL",
                               errp);
    word = rc == 0 && r->elements == 2 ? redis_reply_text(r->element[0], "")
                                       : NULL;
    for (size_t i = 0; word && i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(word, words[i])) {
            *np = (uint64_t)r->element[1]->integer;
            found = (int)i;
        }
    if (rc == 0 && found < 0)
        refuse(TASKS(p), "no answer", errp);
    if (r)
        freeReplyObject(r);
    return found;
}

int params_slice_claim(params *p, const params_worker *w, uint64_t *slicep,
                       pe_error *errp)
{
    redis_args a = {0};
    int rc;

    redis_args_add(&a, "claim", 5);
    redis_args_add(&a, w->task, strlen(w->task));
    redis_args_add(&a, w->worker, strlen(w->worker));
    redis_args_addf(&a, "%" PRId64, w->ttl_ms);
    redis_args_addf(&a, "%d", PARAMS_SLICE_TRIES);
    rc = call(p, &a, slicep, errp);
    redis_args_free(&a);
    return rc;
}

static int call_of(params *p, const char *word, const params_worker *w,
                   uint64_t slice, pe_error *errp)
{
    redis_args a = {0};
    uint64_t none;
    int rc;

    redis_args_add(&a, word, strlen(word));
    redis_args_add(&a, w->task, strlen(w->task));
    redis_args_add(&a, w->worker, strlen(w->worker));
    redis_args_addf(&a, "%" PRId64, w->ttl_ms);
    redis_args_addf(&a, "%" PRIu64, slice);
    rc = call(p, &a, &none, errp);
    redis_args_free(&a);
    return rc;
}

int params_slice_renew(params *p, const params_worker *w, uint64_t slice,
                       pe_error *errp)
{
    return call_of(p, "renew", w, slice, errp);
}

int params_slice_leave(params *p, const params_worker *w, uint64_t slice,
                       pe_error *errp)
{
    return call_of(p, "leave", w, slice, errp) < 0 ? -1 : 0;
}

/* Nobody has it any more. */
int params_slice_drop(params *p, const char *task, uint64_t slice,
                      pe_error *errp)
{
    char *field = text_format("%s/%" PRIu64, task, slice);
    int64_t n = field ? ask_number(p, "HDEL", CLAIMS(p), field, NULL, errp)
                      : pe_error_nomem(errp);

    free(field);
    return n < 0 ? -1 : 0;
}

int params_slice_put(params *p, const char *task, uint64_t slice,
                     const params_result *r, pe_error *errp)
{
    redis_args a = {0};
    uint64_t none;
    int rc;

    redis_args_add(&a, "put", 3);
    redis_args_add(&a, task, strlen(task));
    redis_args_addf(&a, "%" PRIu64, slice);
    redis_args_add(&a, r->failed ? "f" : "d", 1);
    redis_args_add(&a, r->data, r->len);
    redis_args_addf(&a, "%zu", PARAMS_RESULTS_MAX);
    redis_args_add(&a, TOO_MUCH, strlen(TOO_MUCH));
    rc = call(p, &a, &none, errp);
    redis_args_free(&a);
    if (rc < 0 || params_slice_drop(p, task, slice, errp) < 0)
        return -1;
    return rc;
}

int params_slice_fetch(params *p, const char *task, uint64_t slice,
                       pe_buffer *out, bool *failedp, pe_error *errp)
{
    char *field = text_format("%s/%" PRIu64, task, slice);
    redisReply *r = NULL;
    int rc = 0;

    out->len = 0;
    if (!field)
        return pe_error_nomem(errp);
    r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "HGET", SLICES(p),
                       field, NULL);
    free(field);
    if (!r)
        return -1;
    if (r->type == REDIS_REPLY_STRING && r->len > 0) {
        *failedp = r->str[0] == 'f';
        rc = pe_buffer_append(out, r->str + 1, r->len - 1, errp) < 0 ? -1 : 1;
    }
    freeReplyObject(r);
    return rc;
}
