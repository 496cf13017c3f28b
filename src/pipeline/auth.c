/* auth.c - how the clients of a service say who they are: `auth` of a pilot. */
#include "pipeline_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/common/words.h"
#include "src/config/section.h"

/* Values of the last three stand in a file of mode 0600 alone. */
const pe_option_spec pipeline_auth_keys[] = {
    {"tls", PE_OPTION_BOOL, 0, 0, "yes", NULL,
     "talk to it through TLS; no: in the clear"},
    {"ca", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "file, or folder, of the certificates that vouch for it; without: the "
     "system's"},
    {"hostname", PE_OPTION_STRING, 0, 0, "check", "check any",
     "whether its certificate has to be for the name it is reached by"},
    {"certificate", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "file of our own, with those that vouch for it"},
    {"key", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "file of mode 0600 with the key of that"},
    {"key-password-file", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "file of mode 0600 with what opens the key"},
    {"sasl", PE_OPTION_STRING, 0, 0, NULL,
     "plain scram-sha-256 scram-sha-512 oauthbearer", "how we say who we are"},
    {"user", PE_OPTION_STRING, 0, 0, NULL, NULL, "who we are"},
    {"password-file", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "file of mode 0600 with the password of that"},
    {"token-file", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "file of mode 0600 with a token for oauthbearer, read anew when it ends"},
    {"key-password", PE_OPTION_STRING, 0, 0, NULL, NULL, "what opens the key"},
    {"password", PE_OPTION_STRING, 0, 0, NULL, NULL, "the password of user"},
    {"token", PE_OPTION_STRING, 0, 0, NULL, NULL, "a token for oauthbearer"},
    {0},
};

/* What a role says of itself; all else is said for all of them. */
static const pe_option_spec role_specs[] = {
    {"certificate", PE_OPTION_STRING, 0, 0, NULL, NULL, "of this role"},
    {"key", PE_OPTION_STRING, 0, 0, NULL, NULL, "of this role"},
    {"key-password-file", PE_OPTION_STRING, 0, 0, NULL, NULL, "of this role"},
    {"sasl", PE_OPTION_STRING, 0, 0, NULL,
     "plain scram-sha-256 scram-sha-512 oauthbearer", "of this role"},
    {"user", PE_OPTION_STRING, 0, 0, NULL, NULL, "of this role"},
    {"password-file", PE_OPTION_STRING, 0, 0, NULL, NULL, "of this role"},
    {"token-file", PE_OPTION_STRING, 0, 0, NULL, NULL, "of this role"},
    {"key-password", PE_OPTION_STRING, 0, 0, NULL, NULL, "of this role"},
    {"password", PE_OPTION_STRING, 0, 0, NULL, NULL, "of this role"},
    {"token", PE_OPTION_STRING, 0, 0, NULL, NULL, "of this role"},
    {0},
};

#define ROLES "operator pool device"

static const char *const secrets[] = {"key-password", "password", "token"};
const char *const pipeline_auth_files[] = {
    "ca",         "certificate", "key", "key-password-file", "password-file",
    "token-file", NULL};

/* --- reading --- */

static int read_options(pipeline_auth *a, const tree *t, pe_error *errp)
{
    const tree *o = tree_get(t, "options");

    if (section_check(o, errp) < 0)
        return -1;
    a->options = json_object();
    for (size_t i = 0; o && i < o->n; i++) {
        const tree *c = &o->child[i];

        if (c->kind != TREE_SCALAR)
            return section_error(c, errp, "options: %s: one value is expected",
                                 c->key);
        if (json_object_set_new(a->options, c->key, json_string(c->value)) < 0)
            return section_error(c, errp, "options: %s: its value is not UTF-8",
                                 c->key);
    }
    return a->options ? 0 : pe_error_nomem(errp);
}

const char *auth_value(const pipeline_auth *a, const char *key)
{
    return a->values ? pe_options_string(a->values, key) : NULL;
}

/* Either of two keys, of which one says where the other's value is. */
static bool has(const pipeline_auth *a, const char *key, const char *file)
{
    return auth_value(a, key) || auth_value(a, file);
}

static int check_tls(const pipeline_auth *a, const tree *t, pe_error *errp)
{
    static const char *const keys[] = {"ca", "certificate", "key",
                                       "key-password-file"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!pe_options_bool(a->values, "tls") && auth_value(a, keys[i]))
            return section_error(
                t, errp, "auth: with 'tls: no' nothing has a %s", keys[i]);
    if (!auth_value(a, "certificate") != !auth_value(a, "key"))
        return section_error(t, errp,
                             "auth: a certificate and its key go together");
    return 0;
}

static int check_sasl(const pipeline_auth *a, const char *sasl, const tree *t,
                      pe_error *errp)
{
    if (!sasl &&
        (auth_value(a, "user") || has(a, "password", "password-file") ||
         has(a, "token", "token-file")))
        return section_error(t, errp,
                             "auth: say how, by sasl: plain, scram-sha-256, "
                             "scram-sha-512 or oauthbearer");
    if (sasl && !strcmp(sasl, "oauthbearer") && !has(a, "token", "token-file"))
        return section_error(t, errp, "auth: oauthbearer wants a token-file");
    if (sasl && strcmp(sasl, "oauthbearer") != 0 &&
        (!auth_value(a, "user") || !has(a, "password", "password-file")))
        return section_error(t, errp,
                             "auth: %s wants a user and a password-file", sasl);
    return 0;
}

static int check_secrets(const tree *t, pe_error *errp)
{
    for (int r = 0; r < LOGIN_N_ROLES; r++) {
        const tree *role = tree_get(t, login_role_word((enum login_role)r));

        if (role && check_secrets(role, errp) < 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        const tree *c = tree_get(t, secrets[i]);

        /* What --set said has the secret in it. */
        if (c)
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "%.*s: auth: a %s does not belong into this "
                                "file: put it into a file of mode 0600 and "
                                "name that with %s-file",
                                (int)strcspn(c->where, "="), c->where,
                                secrets[i], secrets[i]);
    }
    return 0;
}

/* Redis has words of its own for who we are, beside its endpoint. */
static int check_params(const pipeline_auth *a, const tree *t, pe_error *errp)
{
    static const char *const keys[] = {"sasl",     "user",  "password-file",
                                       "password", "token", "token-file"};

    if (a->kind != PILOT_PARAMS)
        return 0;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (auth_value(a, keys[i]))
            return section_error(t, errp,
                                 "auth: %s is for a broker; a Redis has user "
                                 "and password-file beside its endpoint",
                                 keys[i]);
    if (tree_get(t, "options"))
        return section_error(t, errp, "auth: options are for a broker");
    return pe_options_bool(a->values, "tls")
               ? 0
               : section_error(t, errp, "auth: rediss:// is TLS");
}

/* --- roles --- */

static int check_role(const pipeline_auth *base, const pipeline_auth *a,
                      const tree *t, pe_error *errp)
{
    const char *sasl = auth_value(a, "sasl");

    if (auth_value(a, "certificate") && !pe_options_bool(base->values, "tls"))
        return section_error(t, errp,
                             "auth: with 'tls: no' nothing has a certificate");
    if (!auth_value(a, "certificate") != !auth_value(a, "key"))
        return section_error(t, errp,
                             "auth: a certificate and its key go together");
    if (base->kind == PILOT_BROKER) {
        if (!sasl && auth_value(a, "user"))
            sasl = auth_value(base, "sasl");
        if (!sasl && !auth_value(a, "certificate"))
            return section_error(t, errp,
                                 "auth: %s: say who it is, by user and "
                                 "password-file, or by certificate and key",
                                 t->key);
        return check_sasl(a, sasl, t, errp);
    }
    if (sasl || has(a, "token", "token-file"))
        return section_error(t, errp, "auth: sasl is for a broker");
    if (!auth_value(a, "user") || !has(a, "password", "password-file"))
        return section_error(
            t, errp, "auth: %s wants a user and a password-file", t->key);
    return 0;
}

static int read_role(pipeline_auth *base, enum login_role role, const tree *t,
                     pe_error *errp)
{
    pipeline_auth *a = calloc(1, sizeof(*a));

    if (!a)
        return pe_error_nomem(errp);
    base->roles[role] = a;
    a->kind = base->kind;
    a->values = section_read(t, role_specs, NULL, errp);
    return a->values ? check_role(base, a, t, errp) : -1;
}

/* Where one is told apart, each has to be somebody. */
static int read_roles(pipeline_auth *a, const tree *t, pe_error *errp)
{
    bool any = false;
    bool base = a->kind == PILOT_PARAMS || auth_value(a, "sasl") ||
                auth_value(a, "certificate");

    for (int r = 0; r < LOGIN_N_ROLES; r++) {
        const tree *c = tree_get(t, login_role_word((enum login_role)r));

        if (c && read_role(a, (enum login_role)r, c, errp) < 0)
            return -1;
        any = any || c;
    }
    for (int r = 0; any && !base && r < LOGIN_N_ROLES; r++)
        if (!a->roles[r])
            return section_error(t, errp,
                                 "auth: nothing says who the %s is: give it a "
                                 "'%s:', or say for all of them who we are",
                                 login_role_word((enum login_role)r),
                                 login_role_word((enum login_role)r));
    return 0;
}

/* A role may bring the mechanism, and all of it then. */
static bool is_all_by_roles(const pipeline_auth *a, const tree *t)
{
    return auth_value(a, "sasl") && !auth_value(a, "user") &&
           !has(a, "token", "token-file") && tree_get(t, "operator") &&
           tree_get(t, "pool") && tree_get(t, "device");
}

int auth_read_mapping(pipeline_auth *a, const tree *t, pe_error *errp)
{
    a->values = section_read(t, pipeline_auth_keys, "options " ROLES, errp);
    if (!a->values || check_params(a, t, errp) < 0 ||
        check_tls(a, t, errp) < 0 ||
        (!is_all_by_roles(a, t) &&
         check_sasl(a, auth_value(a, "sasl"), t, errp) < 0) ||
        read_roles(a, t, errp) < 0)
        return -1;
    return read_options(a, t, errp);
}

static pipeline_auth *auth_read(const tree *t, enum pilot_kind kind,
                                pe_error *errp)
{
    pipeline_auth *a = calloc(1, sizeof(*a));
    bool failed = !a;

    if (a) {
        a->kind = kind;
        a->where = words_copy(t->where, &failed);
        a->file = t->kind == TREE_SCALAR && *t->value
                      ? words_copy(t->value, &failed)
                      : NULL;
    }
    if (failed)
        pe_error_nomem(errp);
    else if (a->file)
        return a;
    else if (check_secrets(t, errp) == 0 && auth_read_mapping(a, t, errp) == 0)
        return a;
    pipeline_auth_destroy(a);
    return NULL;
}

/* What a Redis without TLS can be told: who each role is. */
static bool is_roles(const tree *a)
{
    bool is = a->kind == TREE_MAP && a->n > 0;

    for (size_t i = 0; is && i < a->n; i++) {
        is = false;
        for (int r = 0; r < LOGIN_N_ROLES; r++)
            is = is ||
                 !strcmp(a->child[i].key, login_role_word((enum login_role)r));
    }
    return is;
}

int pipeline_read_auth(pipeline_pilot *k, const tree *t, pe_error *errp)
{
    const tree *a = tree_get(t, "auth");

    if (!a)
        return 0;
    if (!k->endpoint)
        return section_error(a, errp,
                             "auth: is for a service that is there; say its "
                             "endpoint");
    if (k->kind == PILOT_PARAMS && strncmp(k->endpoint, "rediss:", 7) != 0 &&
        !is_roles(a))
        return section_error(a, errp,
                             "auth: is for TLS; write rediss://HOST:PORT, or "
                             "say user and password-file alone, or those of "
                             "an operator, a pool and a device");
    k->auth = auth_read(a, k->kind, errp);
    return k->auth ? 0 : -1;
}

void auth_clear(pipeline_auth *a)
{
    for (int r = 0; r < LOGIN_N_ROLES; r++)
        pipeline_auth_destroy(a->roles[r]);
    json_decref(a->options);
    pe_options_destroy(a->values);
    free(a->file);
    free(a->where);
}

void pipeline_auth_destroy(pipeline_auth *a)
{
    if (!a)
        return;
    auth_clear(a);
    free(a);
}

const char *pipeline_auth_file(const pipeline_auth *a, int role,
                               const char *key)
{
    if (role >= 0)
        a = a->roles[role];
    return !a ? NULL : !key ? a->file : auth_value(a, key);
}

/* --- showing --- */

typedef struct shown {
    pipeline_auth_f each;
    void *arg;
    const char *prefix;
} shown;

static void show(void *arg, const char *name, const char *words)
{
    const shown *s = arg;
    char *key = text_format("%s.%s", s->prefix, name);

    if (key)
        s->each(s->arg, key, words);
    free(key);
}

void pipeline_auth_each(const pipeline_auth *a, pipeline_auth_f each, void *arg)
{
    const char *name;
    json_t *v;

    pe_options_each(a->values, each, arg);
    for (int r = 0; r < LOGIN_N_ROLES; r++) {
        shown s = {each, arg, login_role_word((enum login_role)r)};

        if (a->roles[r])
            pe_options_each(a->roles[r]->values, show, &s);
    }
    json_object_foreach(a->options, name, v)
    {
        shown s = {each, arg, "options"};

        show(&s, name, json_string_value(v));
    }
}
