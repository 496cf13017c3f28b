/* script.c - the scripts: loaded by every connection, called by their hash. */
#include <string.h>

#include "src/params/commit_lua.h"
#include "src/params/lease_lua.h"
#include "src/params/private.h"
#include "src/params/reply.h"

static int set_name(enum params_script s, char sha[DIGEST_SHA1_HEX + 1],
                    pe_error *errp)
{
    if (s == PARAMS_SCRIPT_COMMIT)
        return digest_sha1(commit_lua, sizeof(commit_lua) - 1, sha, errp);
    return digest_sha1(lease_lua, sizeof(lease_lua) - 1, sha, errp);
}

/* Load [text] and call it with nothing to do but to look at its rights. */
static int load(redis_link *l, const char *text, redis_command probe,
                pe_error *errp)
{
    const char *words[] = {"SCRIPT", "LOAD", text};
    const redis_command cmds[] = {{3, words, NULL}, probe};
    redisReply *r[2];

    if (redis_link_try(l, cmds, 2, r, errp) < 0)
        return -1;
    int rc = redis_reply_check(r[0], REDIS_REPLY_STRING, l->name, "SCRIPT LOAD",
                               errp);
    if (rc == 0)
        rc = redis_reply_check(r[1], REDIS_REPLY_STATUS, l->name, "EVALSHA",
                               errp);
    redis_replies_free(r, 2);
    return rc;
}

int params_script_load(redis_link *l, void *arg, pe_error *errp)
{
    const params *p = arg;
    char commit[DIGEST_SHA1_HEX + 1], lease[DIGEST_SHA1_HEX + 1];
    const char *commit_probe[] = {"EVALSHA",
                                  commit,
                                  "4",
                                  p->names[PARAMS_KEY_STATE],
                                  p->names[PARAMS_KEY_MODEL],
                                  p->names[PARAMS_KEY_FIRST],
                                  p->names[PARAMS_KEY_FENCE],
                                  p->names[PARAMS_CHANNEL]};
    const char *lease_probe[] = {"EVALSHA", lease, "1",
                                 p->names[PARAMS_KEY_LEASES]};

    if (set_name(PARAMS_SCRIPT_COMMIT, commit, errp) < 0 ||
        set_name(PARAMS_SCRIPT_LEASE, lease, errp) < 0 ||
        load(l, commit_lua, (redis_command){8, commit_probe, NULL}, errp) < 0)
        return -1;
    return load(l, lease_lua, (redis_command){4, lease_probe, NULL}, errp);
}

int params_script_name(const params *p, enum params_script s,
                       char sha[DIGEST_SHA1_HEX + 1], pe_error *errp)
{
    if (!p->link->setup)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "Redis at %s was opened without commits",
                            p->link->name);
    return set_name(s, sha, errp);
}

redisReply *params_script_call(params *p, const redis_command *cmd,
                               pe_error *errp)
{
    redisReply *r = NULL;

    if (redis_link_call(p->link, cmd, 1, &r, errp) < 0)
        return NULL;
    if (!redis_reply_is_error(r, "NOSCRIPT"))
        return r;
    /* Flushed: a new connection brings the scripts along. */
    redis_replies_free(&r, 1);
    redis_link_drop(p->link);
    return redis_link_call(p->link, cmd, 1, &r, errp) < 0 ? NULL : r;
}
