/* revision.c - revisions of the stages of a run, and the files they bring. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/params/args.h"
#include "src/params/private.h"
#include "src/params/reply.h"
#include "src/params/revision_lua.h"

/* Fields of the hash that are no numbers. */
#define NOW "now"
#define FAILED "failed"
#define BEGUN "begun" /* "begun NUMBER MEMBER" */

static int refuse_key(const params *p, enum params_key key, const char *what,
                      pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s has %s: some other program wrote to the keys of "
                        "this run",
                        p->names[key], what);
}

static int take_number(const params *p, const char *word, uint64_t *np,
                       pe_error *errp)
{
    if (word && params_number_parse(word, INT64_MAX, np) == 0)
        return 0;
    return refuse_key(p, PARAMS_KEY_STAGES, "a revision that is no number",
                      errp);
}

/* --- which is the newest, and that it fails --- */

/* "NUMBER WORDS"; those of an older revision are none. */
static void take_failure(const char *word, uint64_t now, char *out, size_t cap)
{
    char *end = NULL;
    uint64_t number = word ? strtoull(word, &end, 10) : 0;

    *out = '\0';
    if (number && number == now && *end == ' ')
        snprintf(out, cap, "%s", end + 1);
}

/* Two hashes, so that a device that may say what failed cannot say what is to
 * be run.
 */
static int look(params *p, redisReply *r[2], pe_error *errp)
{
    const char *stages[] = {"HMGET", p->names[PARAMS_KEY_STAGES], NOW,
                            PARAMS_STAGES_TASKS};
    const char *trials[] = {"HGET", p->names[PARAMS_KEY_TRIALS], FAILED};
    const redis_command cmds[] = {{4, stages, NULL}, {3, trials, NULL}};

    if (redis_link_call(p->link, cmds, 2, r, errp) < 0)
        return -1;
    if (redis_reply_check(r[0], REDIS_REPLY_ARRAY, p->link->name, "HMGET",
                          errp) == 0 &&
        (r[1]->type == REDIS_REPLY_NIL ||
         redis_reply_check(r[1], REDIS_REPLY_STRING, p->link->name, "HGET",
                           errp) == 0) &&
        (r[0]->elements == 2 ||
         refuse_key(p, PARAMS_KEY_STAGES, "no fields", errp) == 0))
        return 0;
    redis_replies_free(r, 2);
    return -1;
}

int params_revision_look(params *p, uint64_t *nowp, char *failed, size_t cap,
                         uint64_t *tasksp, pe_error *errp)
{
    redisReply *r[2];
    int rc;

    if (look(p, r, errp) < 0)
        return -1;
    rc = take_number(p, redis_reply_text(r[0]->element[0], "0"), nowp, errp);
    if (rc == 0)
        rc = take_number(p, redis_reply_text(r[0]->element[1], "0"), tasksp,
                         errp);
    if (rc == 0 && failed)
        take_failure(redis_reply_text(r[1], ""), *nowp, failed, cap);
    redis_replies_free(r, 2);
    return rc;
}

int params_revision_now(params *p, uint64_t *nowp, char *failed, size_t cap,
                        pe_error *errp)
{
    uint64_t tasks;

    return params_revision_look(p, nowp, failed, cap, &tasks, errp);
}

static int put_field(params *p, const char *field, const char *value,
                     pe_error *errp)
{
    redisReply *r =
        redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "HSET",
                       p->names[PARAMS_KEY_TRIALS], field, value, NULL);

    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

int params_revision_fail(params *p, uint64_t number, const char *why,
                         pe_error *errp)
{
    char *value = text_format("%" PRIu64 " %s", number, why);
    int rc = value ? put_field(p, FAILED, value, errp) : pe_error_nomem(errp);

    free(value);
    return rc;
}

/* --- how often it was begun --- */

static char *begun_field(uint64_t number, const char *member)
{
    return text_format(BEGUN " %" PRIu64 " %s", number, member);
}

/* A count that was sent twice makes for one attempt less. */
int params_revision_begin(params *p, uint64_t number, const char *member,
                          uint64_t *timesp, pe_error *errp)
{
    char *field = begun_field(number, member);
    redisReply *r;

    if (!field)
        return pe_error_nomem(errp);
    r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "HINCRBY",
                       p->names[PARAMS_KEY_TRIALS], field, "1", NULL);
    free(field);
    if (!r)
        return -1;
    *timesp = r->integer > 0 ? (uint64_t)r->integer : 0;
    freeReplyObject(r);
    return 0;
}

int params_revision_stands(params *p, uint64_t number, const char *member,
                           pe_error *errp)
{
    char *field = begun_field(number, member);
    redisReply *r;

    if (!field)
        return pe_error_nomem(errp);
    r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "HDEL",
                       p->names[PARAMS_KEY_TRIALS], field, NULL);
    free(field);
    if (!r)
        return -1;
    freeReplyObject(r);
    return 0;
}

/* --- texts --- */

int params_revision_fetch(params *p, uint64_t number, params_revision *out,
                          pe_error *errp)
{
    char field[32];
    redisReply *r;
    const char *words;
    int rc = 0;

    *out = (params_revision){.number = number};
    if (number == 0)
        return 0;
    snprintf(field, sizeof(field), "%" PRIu64, number);
    r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "HGET",
                       p->names[PARAMS_KEY_STAGES], field, NULL);
    if (!r)
        return -1;
    words = redis_reply_text(r, NULL);
    if (!words)
        rc = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                          "%s has no revision %s, which was taken up: it was "
                          "deleted, or an older state was restored",
                          p->names[PARAMS_KEY_STAGES], field);
    else if (!(out->text = strdup(words)))
        rc = pe_error_nomem(errp);
    freeReplyObject(r);
    return rc;
}

/* A params_parse_f; of a field that is no number, text is NULL. */
static int revision_parse(const char *field, const char *value, void *item,
                          pe_error *errp)
{
    params_revision *one = item;

    *one = (params_revision){0};
    if (params_number_parse(field, INT64_MAX, &one->number) < 0)
        return 0;
    one->text = strdup(value);
    return one->text ? 0 : pe_error_nomem(errp);
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = ((const params_revision *)a)->number;
    uint64_t y = ((const params_revision *)b)->number;

    return (x > y) - (x < y);
}

int params_revisions_fetch(params *p, params_revision **out, size_t *np,
                           pe_error *errp)
{
    static const params_item as = {sizeof(**out), revision_parse};
    size_t n, kept = 0;

    *np = 0;
    if (params_hash_fetch(p, PARAMS_KEY_STAGES, &as, out, &n, errp) < 0) {
        params_revisions_free(*out, n);
        *out = NULL;
        return -1;
    }
    for (size_t i = 0; i < n; i++)
        if ((*out)[i].text)
            (*out)[kept++] = (*out)[i];
    if (kept)
        qsort(*out, kept, sizeof(**out), by_number);
    *np = kept;
    return 0;
}

void params_revisions_free(params_revision *r, size_t n)
{
    for (size_t i = 0; r && i < n; i++)
        free(r[i].text);
    free(r);
}

int params_revision_put(params *p, uint64_t after, const char *words,
                        pe_error *errp)
{
    redis_args a = {0};
    redisReply *r = NULL;
    int rc = -1;

    redis_args_add(&a, "EVAL", strlen("EVAL"));
    redis_args_add(&a, revision_lua, sizeof(revision_lua) - 1);
    redis_args_add(&a, "1", 1);
    redis_args_add(&a, p->names[PARAMS_KEY_STAGES],
                   strlen(p->names[PARAMS_KEY_STAGES]));
    redis_args_addf(&a, "%" PRIu64, after);
    redis_args_addf(&a, "%" PRIu64, after + 1);
    redis_args_add(&a, words, strlen(words));
    if (a.failed)
        pe_error_nomem(errp);
    else
        rc = redis_link_call(p->link, &(redis_command){a.n, a.argv, a.lens}, 1,
                             &r, errp);
    if (rc == 0)
        rc = redis_reply_check(r, REDIS_REPLY_STATUS, p->link->name, "EVAL",
                               errp);
    if (rc == 0)
        rc = !strcmp(r->str, "OK");
    redis_args_free(&a);
    if (r)
        freeReplyObject(r);
    return rc;
}

/* --- files --- */

static int count_files(params *p, size_t *np, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_INTEGER, errp, "HLEN",
                                   p->names[PARAMS_KEY_FILES], NULL);

    if (!r)
        return -1;
    *np = (size_t)r->integer;
    freeReplyObject(r);
    return 0;
}

int params_file_put(params *p, const char *digest, const void *data, size_t len,
                    pe_error *errp)
{
    const char *argv[] = {"HSET", p->names[PARAMS_KEY_FILES], digest, data};
    const size_t lens[] = {4, strlen(argv[1]), strlen(digest), len};
    redisReply *r = NULL;
    size_t n = 0;
    int rc;

    if (len > PARAMS_FILE_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a function of %zu bytes is too large to travel "
                            "by the parameter service: %zu at most; strip it",
                            len, (size_t)PARAMS_FILE_MAX);
    if (count_files(p, &n, errp) < 0)
        return -1;
    if (n >= PARAMS_FILES_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CREATE,
                            "%s holds %zu files, and no more than %d: delete "
                            "those that no revision needs (HDEL)",
                            p->names[PARAMS_KEY_FILES], n, PARAMS_FILES_MAX);
    if (redis_link_call(p->link, &(redis_command){4, argv, lens}, 1, &r, errp) <
        0)
        return -1;
    rc = redis_reply_check(r, REDIS_REPLY_INTEGER, p->link->name, "HSET", errp);
    freeReplyObject(r);
    return rc;
}

int params_file_fetch(params *p, const char *digest, pe_buffer *out,
                      pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "HGET",
                                   p->names[PARAMS_KEY_FILES], digest, NULL);
    int rc = 0;

    out->len = 0;
    if (!r)
        return -1;
    if (r->type != REDIS_REPLY_STRING)
        rc = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                          "%s has no file %.64s: it was deleted",
                          p->names[PARAMS_KEY_FILES], digest);
    else
        rc = pe_buffer_append(out, r->str, r->len, errp);
    freeReplyObject(r);
    return rc;
}
