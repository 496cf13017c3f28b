/* commit.c - a commit is one call of the script (rule 1). */
#include "params.h"

#include <string.h>

#include "src/params/args.h"
#include "src/params/commit_lua.h"
#include "src/params/private.h"
#include "src/params/reply.h"
#include "src/params/sha1.h"

static void script_name(char sha[PARAMS_SHA1_LEN + 1])
{
    params_sha1_hex(commit_lua, sizeof(commit_lua) - 1, sha);
}

int params_script_load(params_link *l, void *arg, pe_error *errp)
{
    const params *p = arg;
    char sha[PARAMS_SHA1_LEN + 1];
    const char *load[] = {"SCRIPT", "LOAD", commit_lua};
    const char *probe[] = {"EVALSHA",
                           sha,
                           "4",
                           p->names[PARAMS_KEY_STATE],
                           p->names[PARAMS_KEY_MODEL],
                           p->names[PARAMS_KEY_OFFSETS],
                           p->names[PARAMS_KEY_DEVICES],
                           p->names[PARAMS_CHANNEL]};
    const params_command cmds[] = {{3, load, NULL}, {8, probe, NULL}};
    redisReply *r[2];

    script_name(sha);
    if (params_link_try(l, cmds, 2, r, errp) < 0)
        return -1;
    int rc = params_reply_check(r[0], REDIS_REPLY_STRING, l->name,
                                "SCRIPT LOAD", errp);
    if (rc == 0)
        rc = params_reply_check(r[1], REDIS_REPLY_STATUS, l->name, "EVALSHA",
                                errp);
    params_replies_free(r, 2);
    return rc;
}

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

int params_commit_send(params *p, const params_commit *c, pe_error *errp)
{
    char sha[PARAMS_SHA1_LEN + 1];
    params_args a;
    redisReply *r = NULL;
    int answer = -1;

    if (!p->link->setup)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "Redis at %s was opened without commits",
                            p->link->name);
    script_name(sha);
    if (params_commit_args(c, sha, p->names, &a, errp) < 0)
        goto done;
    const params_command cmd = {a.n, a.argv, a.lens};
    if (params_link_call(p->link, &cmd, 1, &r, errp) < 0)
        goto done;
    if (params_reply_is_error(r, "NOSCRIPT")) {
        /* Flushed: a new connection brings the script along. */
        params_replies_free(&r, 1);
        params_link_drop(p->link);
        if (params_link_call(p->link, &cmd, 1, &r, errp) < 0)
            goto done;
    }
    answer = answer_of(p, r, errp);
done:
    params_replies_free(&r, 1);
    params_args_free(&a);
    return answer;
}
