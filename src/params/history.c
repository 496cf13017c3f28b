/* history.c - the commits of a run, one row each, and what is known of it
 * without its model.
 *
 * The script of a commit writes once (rule 1), so its row is written behind it,
 * by the client: it may be lost, which shows as a version that is not there,
 * and nothing rests on it.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/params/args.h"
#include "src/params/history.h"
#include "src/params/layout.h"
#include "src/params/private.h"
#include "src/params/reply.h"
#include "src/common/clock.h"
#include "src/common/text.h"

#define MOVED_BYTES 960 /* of a row, for the ranges it names */

/* --- a row, as it is written --- */

/* "0:10-20,3:7-9", and how many more there are. */
static char *moved_text(const params_commit *c)
{
    text t = {0};
    size_t i;

    text_add_bytes(&t, "", 0);
    for (i = 0; i < c->n_ranges && t.len < MOVED_BYTES; i++)
        text_add(&t, "%s%d:%" PRId64 "-%" PRId64, i ? "," : "",
                 (int)c->ranges[i].partition, c->ranges[i].from,
                 c->ranges[i].to);
    if (i < c->n_ranges)
        text_add(&t, ",+%zu", c->n_ranges - i);
    if (t.failed)
        text_free(&t);
    return t.data;
}

static void add_word(redis_args *a, const char *word)
{
    redis_args_add(a, word, strlen(word));
}

static void add_count(redis_args *a, const char *key, uint64_t value)
{
    add_word(a, key);
    redis_args_addf(a, "%" PRIu64, value);
}

static void add_text(redis_args *a, const char *key, const char *value)
{
    add_word(a, key);
    add_word(a, value);
}

int params_row_words(const params *p, const params_commit *c, redis_args *a)
{
    char *moved = moved_text(c);
    uint64_t records = 0;

    if (!moved)
        return -1;
    for (size_t i = 0; i < c->n_ranges; i++)
        records += (uint64_t)(c->ranges[i].to - c->ranges[i].from);
    add_word(a, "XADD");
    add_word(a, p->names[PARAMS_KEY_COMMITS]);
    add_word(a, "MAXLEN");
    add_word(a, "~");
    redis_args_addf(a, "%d", PARAMS_ROWS_MAX);
    add_word(a, "*");
    add_count(a, "version", c->version);
    add_text(a, "commit", c->id);
    add_count(a, "time_ns", (uint64_t)c->time_ns);
    add_text(a, "writer", c->writer);
    add_text(a, "model", c->kind);
    add_count(a, "bytes", c->model_len);
    add_count(a, "blocks", c->add.applied);
    add_count(a, "refused", c->add.refused);
    add_count(a, "points", c->add.points);
    add_count(a, "outliers", c->add.outliers);
    add_count(a, "partitions", c->n_ranges);
    add_count(a, "records", records);
    add_word(a, "moved");
    redis_args_addf(a, "%s", moved);
    free(moved);
    add_count(a, "us", (uint64_t)((clock_mono_ns() - c->began_ns) / 1000));
    add_count(a, "warming", c->warming);
    if (c->revision)
        add_count(a, "revision", c->revision);
    if (isfinite(c->threshold)) {
        add_word(a, "threshold");
        redis_args_addf(a, "%.17g", c->threshold);
    }
    return a->failed ? -1 : 0;
}

/* --- rows, as they are read --- */

static int row_refuse(const params *p, const char *what, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "%s has a row %s: some other program wrote to the keys "
                        "of this run",
                        p->names[PARAMS_KEY_COMMITS], what);
}

/* Numbers of a row, and where they go. */
static const struct {
    const char *key;
    size_t at;
} counts[] = {
    {"version", offsetof(params_row, version)},
    {"revision", offsetof(params_row, revision)},
    {"time_ns", offsetof(params_row, time_ns)},
    {"bytes", offsetof(params_row, bytes)},
    {"blocks", offsetof(params_row, blocks)},
    {"refused", offsetof(params_row, refused)},
    {"points", offsetof(params_row, points)},
    {"outliers", offsetof(params_row, outliers)},
    {"partitions", offsetof(params_row, partitions)},
    {"records", offsetof(params_row, records)},
    {"us", offsetof(params_row, us)},
    {"warming", offsetof(params_row, warming)},
};

static void text_take(char *out, size_t cap, const char *value)
{
    snprintf(out, cap, "%s", value);
}

/* A field that is not known is of a later version, and left. */
static int field_take(params_row *row, const char *key, const char *value)
{
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        if (!strcmp(key, counts[i].key)) {
            uint64_t n;
            if (params_number_parse(value, INT64_MAX, &n) < 0)
                return -1;
            memcpy((char *)row + counts[i].at, &n, sizeof(n));
            return 0;
        }
    if (!strcmp(key, "commit") && params_id_check(value) == 0)
        text_take(row->commit, sizeof(row->commit), value);
    else if (!strcmp(key, "writer"))
        text_take(row->writer, sizeof(row->writer), value);
    else if (!strcmp(key, "model"))
        text_take(row->kind, sizeof(row->kind), value);
    else if (!strcmp(key, "moved"))
        text_take(row->moved, sizeof(row->moved), value);
    else if (!strcmp(key, "threshold"))
        row->threshold = strtod(value, NULL);
    return 0;
}

static int row_take(const params *p, const redisReply *r, params_row *row,
                    pe_error *errp)
{
    const redisReply *id, *fields;
    const char *name;

    *row = (params_row){.threshold = NAN};
    if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
        r->element[1]->type != REDIS_REPLY_ARRAY)
        return row_refuse(p, "that is none", errp);
    id = r->element[0];
    fields = r->element[1];
    name = redis_reply_text(id, NULL);
    if (!name)
        return row_refuse(p, "without an id", errp);
    text_take(row->id, sizeof(row->id), name);
    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        const char *key = redis_reply_text(fields->element[i], NULL);
        const char *value = redis_reply_text(fields->element[i + 1], NULL);

        if (!key || !value || field_take(row, key, value) < 0)
            return row_refuse(p, "with a value that is none", errp);
    }
    return row->version && *row->commit && row->time_ns
               ? 0
               : row_refuse(p, "of no version", errp);
}

/* A connection that broke may have had a row written twice. */
static bool is_twice(const params_row *rows, size_t n)
{
    return n > 1 && !strcmp(rows[n - 1].commit, rows[n - 2].commit);
}

int params_rows_fetch(params *p, const char *after, size_t most,
                      params_row **out, size_t *np, pe_error *errp)
{
    const char *key = p->names[PARAMS_KEY_COMMITS];
    char count[32], from[64];
    redisReply *r;
    int rc = 0;

    *out = NULL;
    *np = 0;
    snprintf(count, sizeof(count), "%zu", most);
    snprintf(from, sizeof(from), "(%s", after ? after : "");
    if (after)
        r = redis_link_ask(p->link, REDIS_REPLY_ARRAY, errp, "XRANGE", key,
                           from, "+", "COUNT", count, NULL);
    else
        r = redis_link_ask(p->link, REDIS_REPLY_ARRAY, errp, "XREVRANGE", key,
                           "+", "-", "COUNT", count, NULL);
    if (!r)
        return -1;
    if (r->elements > 0 && !(*out = calloc(r->elements, sizeof(**out))))
        rc = pe_error_nomem(errp);
    for (size_t i = 0; rc == 0 && i < r->elements; i++) {
        size_t k = after ? i : r->elements - 1 - i;

        rc = row_take(p, r->element[k], &(*out)[(*np)++], errp);
        if (rc == 0 && is_twice(*out, *np))
            --*np;
    }
    freeReplyObject(r);
    if (rc == 0)
        return 0;
    free(*out);
    *out = NULL;
    *np = 0;
    return -1;
}

/* --- what is known without the model --- */

int params_facts_fetch(params *p, params_facts *out, pe_error *errp)
{
    const char *state[] = {"GET", p->names[PARAMS_KEY_STATE]};
    const char *model[] = {"STRLEN", p->names[PARAMS_KEY_MODEL]};
    const char *first[] = {"HGETALL", p->names[PARAMS_KEY_FIRST]};
    const redis_command cmds[] = {
        {2, state, NULL}, {2, model, NULL}, {2, first, NULL}};
    redisReply *r;
    int rc;

    memset(out, 0, sizeof(*out));
    r = redis_link_multi(p->link, cmds, 3, errp);
    if (!r)
        return -1;
    rc = params_state_facts(p, r->element[0], r->element[2], &out->state,
                            out->kind, errp);
    if (rc == 0 && r->element[1]->type == REDIS_REPLY_INTEGER)
        out->model_bytes = (uint64_t)r->element[1]->integer;
    freeReplyObject(r);
    if (rc < 0)
        params_facts_free(out);
    return rc;
}

void params_facts_free(params_facts *f)
{
    params_state_free(&f->state);
}
