/* lease.c - signs of life of pools, and the partitions they hold. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/params/args.h"
#include "src/params/private.h"
#include "src/params/reply.h"

#define NAME_MAX_BYTES 100
#define RANKS_MAX 9999999

/* --- the call --- */

static int refuse(pe_error *errp, const char *name, const char *what)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "member '%.100s' of a run is refused: %s", name, what);
}

static int member_check(const params_member *m, pe_error *errp)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    size_t len = strlen(m->name);

    if (len == 0 || len > NAME_MAX_BYTES || strspn(m->name, name) != len)
        return refuse(errp, m->name,
                      "its name has to be 1 to 100 letters, digits, '_', '-' "
                      "and '.'");
    if (!*m->incarnation || strlen(m->incarnation) > PE_COMMIT_ID_LEN ||
        m->incarnation[strspn(m->incarnation, "0123456789abcdef")])
        return refuse(errp, m->name, "its incarnation is no hex number");
    if (m->ranks < 1 || m->ranks > RANKS_MAX || m->partitions < 1 ||
        m->partitions > PARAMS_PARTITIONS_MAX || m->ttl_ms < 2)
        return refuse(errp, m->name,
                      "its ranks, partitions or ttl are out of range");
    for (const char *c = m->facts; c && *c; c++)
        if (*c <= ' ' || *c > '~')
            return refuse(errp, m->name,
                          "what it says of itself has blanks in it");
    return 0;
}

static void add_words(redis_args *a, unsigned words)
{
    static const struct {
        unsigned bit;
        const char *word;
    } rows[] = {
        {PARAMS_LEASE_JOIN, "join"},
        {PARAMS_LEASE_SETTLE, "settle"},
        {PARAMS_LEASE_ALONE, "alone"},
        {PARAMS_LEASE_LEAVE, "leave"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (words & rows[i].bit)
            redis_args_addf(a, "%s", rows[i].word);
}

static redisReply *call(params *p, const params_member *m, unsigned words,
                        pe_error *errp)
{
    char sha[DIGEST_SHA1_HEX + 1];
    redis_args a = {0};
    redisReply *r = NULL;

    if (params_script_name(p, PARAMS_SCRIPT_LEASE, sha, errp) < 0)
        return NULL;
    redis_args_addf(&a, "EVALSHA");
    redis_args_addf(&a, "%s", sha);
    redis_args_addf(&a, "1");
    redis_args_addf(&a, "%s", p->names[PARAMS_KEY_LEASES]);
    redis_args_addf(&a, "%s", m->name);
    redis_args_addf(&a, "%s", m->incarnation);
    redis_args_addf(&a, "%d", m->ranks);
    redis_args_addf(&a, "%" PRId64, m->ttl_ms);
    redis_args_addf(&a, "%" PRId32, m->partitions);
    redis_args_addf(&a, "%" PRIu64, m->generation);
    add_words(&a, words);
    if (m->facts)
        redis_args_addf(&a, "facts=%s", m->facts);
    if (m->only)
        redis_args_addf(&a, "only=%s", m->only);
    if (a.failed) {
        pe_error_nomem(errp);
    } else {
        const redis_command cmd = {a.n, a.argv, a.lens};
        r = params_script_call(p, &cmd, errp);
    }
    redis_args_free(&a);
    return r;
}

/* --- the answer --- */

/* The lines of [text], but for that of nobody. */
static int lines_parse(char *text, params_lease *out, size_t *np,
                       pe_error *errp)
{
    char *line, *value;

    while (text && *text) {
        line = strsep(&text, "\n");
        value = strchr(line, ' ');
        if (value)
            *value++ = '\0';
        if (!strcmp(line, PARAMS_LEASE_NEWEST))
            continue;
        if (params_lease_parse(line, value ? value : "", &out[*np], errp) < 0)
            return -1;
        ++*np;
    }
    return 0;
}

static int leases_parse(const redisReply *r, params_lease **out, size_t *np,
                        pe_error *errp)
{
    const char *text = redis_reply_text(r, "");
    char *copy = strdup(text ? text : "?");
    size_t n = 1;
    int rc = -1;

    *np = 0;
    for (const char *c = copy; c && *c; c++)
        n += *c == '\n';
    *out = calloc(n, sizeof(**out));
    if (copy && *out)
        rc = lines_parse(copy, *out, np, errp);
    else
        pe_error_nomem(errp);
    free(copy);
    if (rc == 0)
        return 0;
    params_leases_free(*out, *np);
    *out = NULL;
    *np = 0;
    return -1;
}

static int answer_parse(const params *p, const redisReply *r, params_share *out,
                        pe_error *errp)
{
    const char *word;

    if (redis_reply_check(r, REDIS_REPLY_ARRAY, p->link->name, "EVALSHA",
                          errp) < 0)
        return -1;
    word = r->elements == 5 ? redis_reply_text(r->element[0], "") : NULL;
    for (size_t i = 1; word && i < 4; i++)
        if (r->element[i]->type != REDIS_REPLY_INTEGER)
            word = NULL;
    if (!word)
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "Redis at %s answers a lease with something else",
                            p->link->name);
    out->replaced = strcmp(word, "OK") != 0;
    out->share = (int32_t)r->element[1]->integer;
    out->surplus = (int32_t)r->element[2]->integer;
    out->generation = (uint64_t)r->element[3]->integer;
    return leases_parse(r->element[4], &out->leases, &out->n, errp);
}

int params_lease_beat(params *p, const params_member *m, unsigned words,
                      params_share *out, pe_error *errp)
{
    redisReply *r;
    int rc;

    *out = (params_share){0};
    if (member_check(m, errp) < 0)
        return -1;
    r = call(p, m, words, errp);
    if (!r)
        return -1;
    rc = answer_parse(p, r, out, errp);
    freeReplyObject(r);
    return rc;
}

/* --- all of them --- */

static int by_joined(const void *a, const void *b)
{
    const params_lease *x = a, *y = b;

    if (x->joined != y->joined)
        return x->joined < y->joined ? -1 : 1;
    return strcmp(x->member, y->member);
}

int params_leases_fetch(params *p, params_lease **out, size_t *np,
                        pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_STRING, errp, "GET",
                                   p->names[PARAMS_KEY_LEASES], NULL);
    int rc;

    *out = NULL;
    *np = 0;
    if (!r)
        return -1;
    rc = leases_parse(r, out, np, errp);
    freeReplyObject(r);
    if (rc < 0)
        return -1;
    if (*np)
        qsort(*out, *np, sizeof(**out), by_joined);
    return 0;
}

void params_leases_free(params_lease *l, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(l[i].member);
        free(l[i].incarnation);
        free(l[i].partitions);
        free(l[i].facts);
    }
    free(l);
}
