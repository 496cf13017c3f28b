/* commit.c - a commit is one call of the script (rule 1). */
#include "params.h"

#include <inttypes.h>
#include <stdio.h>

#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/params/args.h"
#include "src/params/history.h"
#include "src/params/private.h"
#include "src/params/reply.h"

/* The script's answer, or -1. */
static int answer_of(const params *p, const redisReply *r, pe_error *errp)
{
    int answer;

    if (redis_reply_check(r, REDIS_REPLY_STATUS, p->link->name, "EVALSHA",
                          errp) < 0)
        return -1;
    answer = params_answer_parse(r->str);
    if (answer < 0)
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                     "Redis at %s answers a commit with '%.100s'",
                     p->link->name, r->str);
    return answer;
}

/* What is done behind a commit, which holds without: [what] is not. */
static void check_behind(const params *p, const redisReply *r, const char *name,
                         const char *what)
{
    pe_error e = {0};

    if (redis_reply_is_error(r, "") &&
        redis_refusal_set(&e, p->link->name, r->str, 0) < 0)
        log_warn("a commit was stored and %s: %s answers: %s", what, name,
                 e.text);
}

/* A hint to followers, who look by themselves now and then, and the row of the
 * history.  Not by the script: they would be further commands of it
 * (commit.lua).
 */
static void announce(params *p, const params_commit *c)
{
    char news[PE_COMMIT_ID_LEN + 32];
    const char *publish[] = {"PUBLISH", p->names[PARAMS_CHANNEL], news};
    redis_args row = {0};
    redis_command cmds[2] = {{3, publish, NULL}};
    size_t n = 1;
    redisReply *r[2];
    pe_error e = {0};

    snprintf(news, sizeof(news), "%s %" PRIu64, c->id, c->version);
    if (c->began_ns && params_row_words(p, c, &row) == 0)
        cmds[n++] = (redis_command){row.n, row.argv, row.lens};
    if (redis_link_call(p->link, cmds, n, r, &e) < 0) {
        log_warn("a commit was stored and not announced: %s", e.text);
    } else {
        check_behind(p, r[0], "PUBLISH", "not announced");
        if (n > 1 && !p->rowless) {
            check_behind(p, r[1], "XADD", "has no row in the history");
            p->rowless = r[1]->type == REDIS_REPLY_ERROR;
        }
        redis_replies_free(r, n);
    }
    redis_args_free(&row);
}

int params_commit_send(params *p, const params_commit *c, pe_error *errp)
{
    char sha[DIGEST_SHA1_HEX + 1];
    redis_args a;
    redisReply *r = NULL;
    int answer = -1;

    if (params_script_name(p, PARAMS_SCRIPT_COMMIT, sha, errp) < 0)
        return -1;
    if (params_commit_args(c, sha, p->names, &a, errp) == 0) {
        const redis_command cmd = {a.n, a.argv, a.lens};
        r = params_script_call(p, &cmd, errp);
    }
    if (r)
        answer = answer_of(p, r, errp);
    redis_replies_free(&r, 1);
    redis_args_free(&a);
    if (answer >= 0 && FAILPOINT_FAILS(FAILPOINT_ANNOUNCE, errp))
        return -1;
    if (answer == PARAMS_OK || answer == PARAMS_DUP)
        announce(p, c);
    return answer;
}
