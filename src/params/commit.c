/* commit.c - a commit is one call of the script (rule 1). */
#include "params.h"

#include <inttypes.h>
#include <stdio.h>

#include "src/common/log.h"
#include "src/params/args.h"
#include "src/params/private.h"
#include "src/params/reply.h"

/* The script's answer, or -1. */
static int answer_of(const params *p, const redisReply *r, pe_error *errp)
{
    int answer;

    if (params_reply_check(r, REDIS_REPLY_STATUS, p->link->name, "EVALSHA",
                           errp) < 0)
        return -1;
    answer = params_answer_parse(r->str);
    if (answer < 0)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "Redis at %s answers a commit with '%.100s'",
                     p->link->name, r->str);
    return answer;
}

/* A hint to followers, who look by themselves now and then.  Not by the
 * script: PUBLISH would be a second command of it (commit.lua).
 */
static void announce(params *p, const params_commit *c)
{
    char text[PE_COMMIT_ID_LEN + 32];
    redisReply *r;
    pe_error e = {0};

    snprintf(text, sizeof(text), "%s %" PRIu64, c->id, c->version);
    r = params_link_ask(p->link, REDIS_REPLY_INTEGER, &e, "PUBLISH",
                        p->names[PARAMS_CHANNEL], text, NULL);
    if (r)
        freeReplyObject(r);
    else
        log_warn("a commit was stored and not announced: %s", e.text);
}

int params_commit_send(params *p, const params_commit *c, pe_error *errp)
{
    char sha[DIGEST_SHA1_HEX + 1];
    params_args a;
    redisReply *r = NULL;
    int answer = -1;

    if (params_script_name(p, PARAMS_SCRIPT_COMMIT, sha, errp) < 0)
        return -1;
    if (params_commit_args(c, sha, p->names, &a, errp) == 0) {
        const params_command cmd = {a.n, a.argv, a.lens};
        r = params_script_call(p, &cmd, errp);
    }
    if (r)
        answer = answer_of(p, r, errp);
    params_replies_free(&r, 1);
    params_args_free(&a);
    if (answer == PARAMS_OK || answer == PARAMS_DUP)
        announce(p, c);
    return answer;
}
