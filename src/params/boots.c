/* boots.c - the incarnations of live devices, handed out in order (rule 5). */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "src/params/args.h"
#include "src/params/private.h"
#include "src/params/reply.h"

#define BATCH 64 /* devices a round trip */
#define TRIES 20

/* A BOOT holds, from the top: how often the log went back, 7 bits; the end of
 * the device's partition when the incarnation began, 40; a count, 16.
 */
#define LOG_SHIFT 16
#define AGE_SHIFT 56
#define AGE_MAX 127
#define LOG_MAX ((UINT64_C(1) << (AGE_SHIFT - LOG_SHIFT)) - 1)

uint64_t params_boot_next(uint64_t last, int64_t log_end)
{
    uint64_t end = (uint64_t)log_end & LOG_MAX;
    uint64_t prev = last > 1 ? last : 1; /* 1: of sources read again */
    uint64_t age = prev >> AGE_SHIFT;
    uint64_t was = (prev >> LOG_SHIFT) & LOG_MAX;

    if (end == was || (end < was && age == AGE_MAX))
        return prev + 1;
    return (age + (end < was)) << AGE_SHIFT | end << LOG_SHIFT;
}

/* Number of [b] as it is stored, 0 when there is none, into b->boot. */
static int stored_parse(const params *p, const redisReply *r, params_boot *b,
                        pe_error *errp)
{
    if (params_number_parse(redis_reply_text(r, "0"), INT64_MAX, &b->boot) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                        "field '%.200s' of %s is no number: some other program "
                        "wrote to the keys of this run",
                        b->device, p->names[PARAMS_KEY_BOOTS]);
}

static int boots_fetch(params *p, params_boot *b, size_t n, pe_error *errp)
{
    redis_args a = {0};
    redisReply *r = NULL;
    int rc = -1;

    redis_args_addf(&a, "HMGET");
    redis_args_addf(&a, "%s", p->names[PARAMS_KEY_BOOTS]);
    for (size_t i = 0; i < n; i++)
        redis_args_add(&a, b[i].device, strlen(b[i].device));
    const redis_command cmd = {a.n, a.argv, a.lens};
    if (a.failed)
        pe_error_nomem(errp);
    else
        rc = redis_link_call(p->link, &cmd, 1, &r, errp);
    redis_args_free(&a);
    if (rc < 0)
        return -1;
    rc = redis_reply_check(r, REDIS_REPLY_ARRAY, p->link->name, "HMGET", errp);
    if (rc == 0 && r->elements != n)
        rc = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_DATA,
                          "Redis at %s answers HMGET with %zu of %zu fields",
                          p->link->name, r->elements, n);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = stored_parse(p, r->element[i], &b[i], errp);
    freeReplyObject(r);
    return rc;
}

/* What is to be added to the number that was read as b->boot. */
static int step_of(const params_boot *b, uint64_t *wantp, pe_error *errp)
{
    uint64_t last = b->boot > b->known ? b->boot : b->known;
    uint64_t want = params_boot_next(last, b->log_end);

    *wantp = want;
    if (last < INT64_MAX && want <= INT64_MAX)
        return 0;
    return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                        "device %s: there is no incarnation after %" PRIu64
                        "; start a new run",
                        b->device, last);
}

/* Did another raise the number meanwhile, so far that what we add to it is no
 * number any more?  Nothing was added then.
 */
static bool is_overflow(const redisReply *r)
{
    return r->type == REDIS_REPLY_ERROR && strstr(r->str, "would overflow");
}

/* Raise the numbers of [n] <= BATCH devices, read before, to what comes next:
 * 1 done, 0 one was changed in between.  The write adds, so of two who do this
 * at once each gets a number of its own; one that is sent twice skips some.
 */
static int batch_raise(params *p, params_boot *b, size_t n, pe_error *errp)
{
    const char *words[BATCH][4];
    char adds[BATCH][24];
    uint64_t want[BATCH];
    redis_command cmds[BATCH] = {0};
    redisReply *r[BATCH];
    int rc = 1;

    for (size_t i = 0; i < n; i++) {
        if (step_of(&b[i], &want[i], errp) < 0)
            return -1;
        snprintf(adds[i], sizeof(adds[i]), "%" PRIu64, want[i] - b[i].boot);
        words[i][0] = "HINCRBY";
        words[i][1] = p->names[PARAMS_KEY_BOOTS];
        words[i][2] = b[i].device;
        words[i][3] = adds[i];
        cmds[i] = (redis_command){4, words[i], NULL};
    }
    if (redis_link_call(p->link, cmds, n, r, errp) < 0)
        return -1;
    for (size_t i = 0; rc >= 0 && i < n; i++) {
        if (is_overflow(r[i]))
            rc = 0;
        else if (redis_reply_check(r[i], REDIS_REPLY_INTEGER, p->link->name,
                                   "HINCRBY", errp) < 0)
            rc = -1;
        else if (r[i]->integer < 0 || (uint64_t)r[i]->integer < want[i])
            rc = 0;
        else
            b[i].boot = (uint64_t)r[i]->integer;
    }
    redis_replies_free(r, n);
    return rc;
}

static int batch_take(params *p, params_boot *b, size_t n, pe_error *errp)
{
    for (int tries = 0; tries < TRIES; tries++) {
        if (boots_fetch(p, b, n, errp) < 0)
            return -1;
        int rc = batch_raise(p, b, n, errp);
        if (rc != 0)
            return rc < 0 ? -1 : 0;
    }
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                        "the numbers in %s change all the time; try again",
                        p->names[PARAMS_KEY_BOOTS]);
}

int params_boots_take(params *p, params_boot *b, size_t n, pe_error *errp)
{
    for (size_t at = 0; at < n; at += BATCH)
        if (batch_take(p, b + at, n - at < BATCH ? n - at : BATCH, errp) < 0)
            return -1;
    return 0;
}
