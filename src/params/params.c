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

/* Value of a CONFIG GET, or "" when we are not allowed to see it. */
static const char *config_value(const redisReply *r)
{
    const char *value = NULL;

    if (r->type == REDIS_REPLY_ARRAY && r->elements == 2)
        value = redis_reply_text(r->element[1], "");
    return value ? value : "";
}

/* Where the server writes, to look at its disk when it is gone. */
static void keep_folder(redis_link *l, const redisReply *r)
{
    const char *folder = config_value(r);

    if (*folder && !l->folder && params_link_is_local(l))
        l->folder = strdup(folder);
}

/* Settings that lose a run: some forbid it, some are only told. */
static int check_server(params *p, pe_error *errp)
{
    const char *policy[] = {"CONFIG", "GET", "maxmemory-policy"};
    const char *append[] = {"CONFIG", "GET", "appendonly"};
    const char *folder[] = {"CONFIG", "GET", "dir"};
    const redis_command cmds[] = {
        {3, policy, NULL}, {3, append, NULL}, {3, folder, NULL}};
    const char *name = p->link->name;
    redisReply *r[3];
    int rc = 0;

    if (redis_link_call(p->link, cmds, 3, r, errp) < 0)
        return -1;
    keep_folder(p->link, r[2]);
    /* The volatile-* ones take keys with a time to live; ours have none. */
    if (!strncmp(config_value(r[0]), "allkeys-", strlen("allkeys-")))
        rc = pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CONFIG,
                          "Redis at %s may drop the model when memory is "
                          "short (maxmemory-policy %s): run CONFIG SET "
                          "maxmemory-policy noeviction",
                          name, config_value(r[0]));
    else if (!strcmp(config_value(r[1]), "no"))
        log_warn("Redis at %s has appendonly off: when it restarts, the run "
                 "starts from its last snapshot or from nothing",
                 name);
    redis_replies_free(r, 3);
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

params *params_open(const params_conf *c, const char *run, pe_error *errp)
{
    params *p = calloc(1, sizeof(*p));

    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    if (fill_names(p, run, errp) < 0)
        goto error;
    p->link =
        params_link_make(c, c->no_commits ? NULL : params_script_load, p, errp);
    if (!p->link)
        goto error;
    if (redis_link_connect(p->link, errp) == 0 && check_server(p, errp) == 0)
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

int params_hash_fetch(params *p, enum params_key key, size_t size,
                      params_parse_f parse, void *itemsp, size_t *np,
                      pe_error *errp)
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
        rc = params_reply_hash(r, size, parse, itemsp, np, errp);
    freeReplyObject(r);
    return rc;
}
