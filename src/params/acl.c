/* acl.c - what each role may do at a Redis: its rules, for ACL SETUSER. */
#include "src/params/acl.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/params/wire.h"

/* Of each key what a role does with it: "R" reads, "RW" reads and writes, ""
 * neither.  A field of a hash cannot be told from another by rules: who may
 * write its own end may write that of others.
 */
static const struct {
    enum params_key key;
    const char *may[LOGIN_N_ROLES]; /* operator, pool, device */
} rows[] = {
    {PARAMS_KEY_STATE, {"RW", "RW", "R"}},
    {PARAMS_KEY_MODEL, {"RW", "RW", "R"}},
    {PARAMS_KEY_FIRST, {"RW", "RW", "R"}},
    /* A script has to be let write each of its keys. */
    {PARAMS_KEY_FENCE, {"RW", "RW", "R"}},
    {PARAMS_KEY_ENDS, {"RW", "RW", "RW"}},
    {PARAMS_KEY_PILOTS, {"RW", "RW", "RW"}},
    {PARAMS_KEY_ORDERS, {"RW", "RW", "R"}}, /* a pool's policy gives some */
    {PARAMS_KEY_LEASES, {"RW", "RW", ""}},
    {PARAMS_KEY_CONTROL, {"RW", "RW", "R"}},
    {PARAMS_KEY_SHARED, {"RW", "RW", "RW"}},
    {PARAMS_KEY_BOOTS, {"RW", "", "RW"}},
    {PARAMS_KEY_HOME, {"RW", "RW", "R"}},
    {PARAMS_KEY_COMMITS, {"RW", "RW", ""}},
    {PARAMS_KEY_STAGES, {"RW", "R", "R"}},
    {PARAMS_KEY_FILES, {"RW", "R", "R"}},
    {PARAMS_KEY_PLACES, {"RW", "R", "R"}},
    {PARAMS_KEY_KEEPER, {"RW", "RW", ""}},
    {PARAMS_KEY_SCALE, {"RW", "RW", ""}},
    {PARAMS_KEY_EVENTS, {"RW", "RW", ""}},
    {PARAMS_KEY_NEXT, {"RW", "RW", ""}},
    {PARAMS_KEY_SUSPECTS, {"RW", "RW", ""}},
    {PARAMS_KEY_TASKS, {"RW", "RW", ""}},
    {PARAMS_KEY_SLICES, {"RW", "RW", ""}},
    {PARAMS_KEY_CLAIMS, {"RW", "RW", ""}},
    {PARAMS_KEY_REPLAYS, {"RW", "R", ""}},
    {PARAMS_KEY_TRIALS, {"RW", "RW", "RW"}},
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == PARAMS_N_KEYS,
               "each key has a row");

static const char *const commands[LOGIN_N_ROLES] = {
    [LOGIN_OPERATOR] =
        "+ping +time +info +get +getrange +strlen +set +del +unlink +hget "
        "+hmget +hgetall +hlen +hexists +hset +hsetnx +hdel +hincrby +eval "
        "+multi +exec +watch +unwatch +xrange +xrevrange +subscribe",
    [LOGIN_POOL] =
        ("+ping +time +info +type +get +getrange +set +mset +unlink +hget "
         "+hmget +hgetall +hlen +hexists +hset +hsetnx +hdel +hincrby +evalsha "
         "+script|load +eval +multi +exec +watch +unwatch +xadd +xrevrange "
         "+publish +subscribe"),
    [LOGIN_DEVICE] =
        ("+ping +time +get +getrange +hget +hmget +hgetall +hset +hsetnx +hdel "
         "+hincrby +multi +exec +subscribe"),
};

static void add_keys(text *t, const char *run, const char *below,
                     enum login_role role)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *may = rows[i].may[role];

        if (*may)
            text_add(t, "%s%s~pilot:{%s%s}:%s ", strcmp(may, "R") ? "" : "%",
                     strcmp(may, "R") ? "" : "R", run, below,
                     params_key_word(rows[i].key));
    }
    text_add(t, "&pilot:{%s%s}:%s ", run, below,
             params_key_word(PARAMS_CHANNEL));
}

char *params_acl_rules(enum login_role role, const char *run, pe_error *errp)
{
    char *name = params_key_name(run, PARAMS_KEY_STATE, errp);
    text t = {0};

    if (!name)
        return NULL;
    free(name);
    text_add(&t, "resetkeys resetchannels -@all ");
    add_keys(&t, run, "", role);
    /* Layers of a run commit under names below its own. */
    if (strcmp(run, "*") != 0)
        add_keys(&t, run, "/*", role);
    text_add(&t, "%s", commands[role]);
    if (!t.failed)
        return t.data;
    text_free(&t);
    pe_error_nomem(errp);
    return NULL;
}
