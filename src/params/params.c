/* params.c - open and close the parameter service of a run; delete a run. */
#include "params.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/log.h"
#include "src/login/login.h"
#include "src/params/private.h"
#include "src/params/reply.h"

static int fill_names(params *p, const char *run, pe_error *errp)
{
    for (int i = 0; i <= PARAMS_CHANNEL; i++) {
        p->names[i] = params_key_name(run, (enum params_key)i, errp);
        if (!p->names[i])
            return -1;
    }
    return 0;
}

/* Where the server writes, to look at its disk when it is gone. */
static int ask_folder(redis_link *l, pe_error *errp)
{
    const char *words[] = {"CONFIG", "GET", "dir"};
    const redis_command cmd = {3, words, NULL};
    const char *folder = NULL;
    redisReply *r;

    if (redis_link_call(l, &cmd, 1, &r, errp) < 0)
        return -1;
    if (r->type == REDIS_REPLY_ARRAY && r->elements == 2)
        folder = redis_reply_text(r->element[1], "");
    if (folder && *folder && !l->folder)
        l->folder = strdup(folder);
    freeReplyObject(r);
    return 0;
}

/* The value of [key], "KEY:", in the answer to INFO, up to its line's end; ""
 * when we are not allowed to see it.
 */
static const char *info_value(const redisReply *r, const char *key)
{
    const char *at = r->type == REDIS_REPLY_STRING ? strstr(r->str, key) : NULL;

    return at ? at + strlen(key) : "";
}

/* Settings that lose a run: some forbid it, some are only told.  INFO shows
 * them, and no secret, as CONFIG GET would.
 */
static int check_server(params *p, pe_error *errp)
{
    const char *memory[] = {"INFO", "memory"};
    const char *disk[] = {"INFO", "persistence"};
    const redis_command cmds[] = {{2, memory, NULL}, {2, disk, NULL}};
    const char *name = p->link->name, *policy;
    redisReply *r[2];
    int rc = 0;

    if (redis_link_call(p->link, cmds, 2, r, errp) < 0)
        return -1;
    policy = info_value(r[0], "maxmemory_policy:");
    /* The volatile-* ones take keys with a time to live; ours have none. */
    if (!strncmp(policy, "allkeys-", strlen("allkeys-")))
        rc = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                          "Redis at %s may drop the model when memory is "
                          "short (maxmemory-policy %.*s): run CONFIG SET "
                          "maxmemory-policy noeviction",
                          name, (int)strcspn(policy, "\r\n"), policy);
    else if (*info_value(r[1], "aof_enabled:") == '0')
        log_warn("Redis at %s has appendonly off: when it restarts, the run "
                 "starts from its last snapshot or from nothing",
                 name);
    redis_replies_free(r, 2);
    /* An ACL user is not asked to have more rights for a hint. */
    if (rc == 0 && !p->link->user && params_link_is_local(p->link))
        rc = ask_folder(p->link, errp);
    return rc;
}

redis_link *params_link_make(const params_conf *c, redis_setup_f setup,
                             void *arg, pe_error *errp)
{
    const redis_conf r = {.url = c->url,
                          .logins = c->logins,
                          .list = LOGIN_PARAMS,
                          .from = c->from,
                          .user = c->user,
                          .password_file = c->password_file,
                          .connect_timeout_s = c->connect_timeout_s,
                          .command_timeout_s = c->command_timeout_s,
                          .dial = c->dial,
                          .dial_arg = c->dial_arg};

    return redis_link_create(&r, setup, arg, errp);
}

int params_login_check(const params_conf *c, pe_error *errp)
{
    redis_link *l = params_link_make(c, NULL, NULL, errp);

    redis_link_destroy(l);
    return l ? 0 : -1;
}

bool params_login_named(const params_conf *c)
{
    login *found = NULL;
    bool named;

    if (!c->logins || !c->url ||
        login_open(c->logins, LOGIN_PARAMS, c->url, &found, NULL) < 0)
        return false;
    named = found && login_text(found, "user");
    login_close(found);
    return named;
}

params *params_open(const params_conf *c, const char *run, pe_error *errp)
{
    params *p = calloc(1, sizeof(*p));

    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    if (fill_names(p, run, errp) < 0)
        goto error;
    p->run = strndup(run, strcspn(run, "/"));
    p->sign = c->sign ? strdup(c->sign) : NULL;
    if (!p->run || (c->sign && !p->sign)) {
        pe_error_nomem(errp);
        goto error;
    }
    p->link =
        params_link_make(c, c->no_commits ? NULL : params_script_load, p, errp);
    if (!p->link)
        goto error;
    if (redis_link_connect(p->link, errp) == 0 &&
        (c->no_commits || check_server(p, errp) == 0))
        return p;
    if (!c->later || errp->kind != PE_ERROR_RETRY)
        goto error;
    log_warn("%s; it is asked again", errp->text);
    errp->kind = PE_ERROR_NONE;
    return p;
error:
    params_close(p);
    return NULL;
}

void params_cut(params *p)
{
    redis_link_cut(p->link);
}

void params_close(params *p)
{
    if (!p)
        return;
    redis_link_destroy(p->link);
    for (int i = 0; i <= PARAMS_CHANNEL; i++)
        free(p->names[i]);
    seal_close(p->seal);
    free(p->run);
    free(p->sign);
    free(p);
}

int params_run_delete(params *p, pe_error *errp)
{
    const char *words[1 + PARAMS_N_KEYS] = {"UNLINK"};
    const redis_command cmd = {1 + PARAMS_N_KEYS, words, NULL};
    redisReply *r;

    for (int i = 0; i < PARAMS_N_KEYS; i++)
        words[1 + i] = p->names[i];
    if (redis_link_call(p->link, &cmd, 1, &r, errp) < 0)
        return -1;
    int rc = redis_reply_check(r, REDIS_REPLY_INTEGER, p->link->name, words[0],
                               errp);
    freeReplyObject(r);
    return rc;
}

int params_hash_fetch(params *p, enum params_key key, const params_item *as,
                      void *itemsp, size_t *np, pe_error *errp)
{
    redisReply *r = redis_link_ask(p->link, REDIS_REPLY_ARRAY, errp, "HGETALL",
                                   p->names[key], NULL);
    int rc;

    memset(itemsp, 0, sizeof(void *));
    *np = 0;
    if (!r)
        return -1;
    rc =
        redis_reply_check(r, REDIS_REPLY_ARRAY, p->link->name, "HGETALL", errp);
    if (rc == 0)
        rc = params_reply_hash(r, as->size, as->parse, itemsp, np, errp);
    freeReplyObject(r);
    return rc;
}
