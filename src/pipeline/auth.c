/* auth.c - how the clients of a broker say who they are: `auth` of a pilot. */
#include "pipeline_private.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"
#include "src/common/text.h"
#include "src/common/words.h"
#include "src/config/section.h"
#include "src/login/login.h"

#define PEM_MAX (2 << 20)

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

static const char *const secrets[] = {"key-password", "password", "token"};
const char *const pipeline_auth_files[] = {
    "ca",         "certificate", "key", "key-password-file", "password-file",
    "token-file", NULL};

struct pipeline_auth {
    enum pilot_kind kind; /* of the service */
    char *file;           /* it stands in there; NULL: here */
    char *where;          /* of the pipeline file */
    pe_options *values;
    json_t *options; /* of the client, by name */
};

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

static const char *value(const pipeline_auth *a, const char *key)
{
    return a->values ? pe_options_string(a->values, key) : NULL;
}

/* Either of two keys, of which one says where the other's value is. */
static bool has(const pipeline_auth *a, const char *key, const char *file)
{
    return value(a, key) || value(a, file);
}

static int check_tls(const pipeline_auth *a, const tree *t, pe_error *errp)
{
    static const char *const keys[] = {"ca", "certificate", "key",
                                       "key-password-file"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!pe_options_bool(a->values, "tls") && value(a, keys[i]))
            return section_error(
                t, errp, "auth: with 'tls: no' nothing has a %s", keys[i]);
    if (!value(a, "certificate") != !value(a, "key"))
        return section_error(t, errp,
                             "auth: a certificate and its key go together");
    return 0;
}

static int check_sasl(const pipeline_auth *a, const tree *t, pe_error *errp)
{
    const char *sasl = value(a, "sasl");

    if (!sasl && (value(a, "user") || has(a, "password", "password-file") ||
                  has(a, "token", "token-file")))
        return section_error(t, errp,
                             "auth: say how, by sasl: plain, scram-sha-256, "
                             "scram-sha-512 or oauthbearer");
    if (sasl && !strcmp(sasl, "oauthbearer") && !has(a, "token", "token-file"))
        return section_error(t, errp, "auth: oauthbearer wants a token-file");
    if (sasl && strcmp(sasl, "oauthbearer") != 0 &&
        (!value(a, "user") || !has(a, "password", "password-file")))
        return section_error(t, errp,
                             "auth: %s wants a user and a password-file", sasl);
    return 0;
}

static int check_secrets(const tree *t, pe_error *errp)
{
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
        if (value(a, keys[i]))
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

static int read_mapping(pipeline_auth *a, const tree *t, pe_error *errp)
{
    a->values = section_read(t, pipeline_auth_keys, "options", errp);
    if (!a->values || check_params(a, t, errp) < 0 ||
        check_tls(a, t, errp) < 0 || check_sasl(a, t, errp) < 0)
        return -1;
    return read_options(a, t, errp);
}

pipeline_auth *pipeline_auth_read(const tree *t, enum pilot_kind kind,
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
    else if (check_secrets(t, errp) == 0 && read_mapping(a, t, errp) == 0)
        return a;
    pipeline_auth_destroy(a);
    return NULL;
}

void pipeline_auth_destroy(pipeline_auth *a)
{
    if (!a)
        return;
    json_decref(a->options);
    pe_options_destroy(a->values);
    free(a->file);
    free(a->where);
    free(a);
}

const char *pipeline_auth_file(const pipeline_auth *a, const char *key)
{
    return !key ? a->file : value(a, key);
}

void pipeline_auth_each(const pipeline_auth *a, pipeline_auth_f each, void *arg)
{
    const char *name;
    json_t *v;

    pe_options_each(a->values, each, arg);
    json_object_foreach(a->options, name, v)
    {
        char *key = text_format("options.%s", name);

        if (key)
            each(arg, key, json_string_value(v));
        free(key);
    }
}

/* --- a login: what all files said --- */

static int put(json_t *o, const char *key, const char *said, pe_error *errp)
{
    if (json_object_set_new(o, key, json_string(said)) == 0)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "auth: its %s is not UTF-8", key);
}

/* The text of a certificate, or of a key, which nobody else may read. */
static int put_pem(const pipeline_auth *a, json_t *o, const char *key,
                   bool secret, pe_error *errp)
{
    const char *path = value(a, key);
    struct stat st;
    size_t len = 0;
    char *data;
    int status;

    if (!path)
        return 0;
    if (!secret && *path == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return put(o, key, path, errp);
    data = secret ? file_read_private(path, PEM_MAX, &len, errp)
                  : file_read(path, PEM_MAX, &len, errp);
    if (!data)
        return pe_error_prefix(errp, "auth: %s", key);
    if (strstr(data, "-----BEGIN "))
        status = put(o, key, data, errp);
    else
        status = pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                              "auth: %s: %s is no PEM file (it begins with "
                              "-----BEGIN); 'openssl x509 -inform der' or "
                              "'openssl pkcs12 -nodes' makes one",
                              key, path);
    explicit_bzero(data, len);
    free(data);
    return status;
}

/* The secret [key], or that of the file which KEY-file names. */
static int put_secret(const pipeline_auth *a, json_t *o, const char *key,
                      const char *file_key, pe_error *errp)
{
    const char *path = value(a, file_key);
    char *secret;
    int status;

    if (!path)
        return value(a, key) ? put(o, key, value(a, key), errp) : 0;
    secret = file_read_secret(path, errp);
    if (!secret)
        return pe_error_prefix(errp, "auth: %s", file_key);
    status = put(o, key, secret, errp);
    explicit_bzero(secret, strlen(secret));
    free(secret);
    return status;
}

static int put_sasl(const pipeline_auth *a, json_t *o, pe_error *errp)
{
    static const char *const names[][2] = {
        {"plain", "PLAIN"},
        {"scram-sha-256", "SCRAM-SHA-256"},
        {"scram-sha-512", "SCRAM-SHA-512"},
        {"oauthbearer", "OAUTHBEARER"},
    };
    const char *sasl = value(a, "sasl"), *file = value(a, "token-file");

    for (size_t i = 0; sasl && i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(sasl, names[i][0]) && put(o, "sasl", names[i][1], errp) < 0)
            return -1;
    if (value(a, "user") && put(o, "user", value(a, "user"), errp) < 0)
        return -1;
    if (file && *file == '/' && put(o, "token-file", file, errp) < 0)
        return -1;
    if (put_secret(a, o, "token", "token-file", errp) < 0)
        return -1;
    return put_secret(a, o, "password", "password-file", errp);
}

static json_t *login_build(const pipeline_auth *a, pe_error *errp)
{
    json_t *o =
        json_pack("{s:b, s:b}", "tls", pe_options_bool(a->values, "tls"),
                  "hostname", strcmp(value(a, "hostname"), "any") != 0);

    if (!o)
        pe_error_nomem(errp);
    else if (put_pem(a, o, "ca", false, errp) == 0 &&
             put_pem(a, o, "certificate", false, errp) == 0 &&
             put_pem(a, o, "key", true, errp) == 0 &&
             put_secret(a, o, "key-password", "key-password-file", errp) == 0 &&
             put_sasl(a, o, errp) == 0 &&
             json_object_set(o, "options", a->options) == 0)
        return o;
    json_decref(o);
    return NULL;
}

/* What stands in a file of its own, which says secrets. */
static json_t *login_of_file(const char *path, enum pilot_kind kind,
                             pe_error *errp)
{
    pipeline_auth a = {.kind = kind};
    char *secret = file_read_private(path, PEM_MAX, NULL, errp);
    tree *t = secret ? tree_read(path, errp) : NULL;
    json_t *o = NULL;

    if (t && read_mapping(&a, t, errp) == 0)
        o = login_build(&a, errp);
    json_decref(a.options);
    pe_options_destroy(a.values);
    tree_destroy(t);
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
    return o;
}

static json_t *login_make(const pipeline_auth *a, pe_error *errp)
{
    json_t *o =
        a->file ? login_of_file(a->file, a->kind, errp) : login_build(a, errp);

    if (!o)
        pe_error_prefix(errp, "%s", a->where);
    return o;
}

/* --- the file of logins --- */

/* The lists of the file, while it is made. */
typedef struct logins {
    const pipeline *p;
    json_t *brokers, *params;
} logins;

/* [o] is taken.  [main]: some pilots reach it by another name. */
static int add(logins *l, json_t *o, enum pilot_kind kind, const char *endpoint,
               bool main, pe_error *errp)
{
    json_t *all = json_array();

    json_array_append_new(all, json_string(endpoint));
    for (size_t i = 0; main && i < l->p->n_pilots; i++) {
        const pipeline_pilot *k = &l->p->pilots[i];
        const char *way = kind == PILOT_BROKER ? k->broker : k->params;

        if (way)
            json_array_append_new(all, json_string(way));
    }
    if (all && json_object_set_new(o, "endpoints", all) == 0 &&
        json_array_append_new(kind == PILOT_BROKER ? l->brokers : l->params,
                              o) == 0)
        return 0;
    return pe_error_nomem(errp);
}

static int add_pilots(logins *l, pe_error *errp)
{
    for (size_t i = 0; i < l->p->n_pilots; i++) {
        const pipeline_pilot *k = &l->p->pilots[i];
        json_t *o;

        if (!k->auth)
            continue;
        o = login_make(k->auth, errp);
        if (!o)
            return pe_error_prefix(errp, "pilot '%s'", k->name);
        if (add(l, o, k->kind, k->endpoint,
                k == pipeline_pilot_of(l->p, k->kind), errp) < 0)
            return -1;
    }
    return 0;
}

/* A service that the pipeline file does not name. */
static int add_other(logins *l, enum pilot_kind kind, const char *endpoint,
                     const char *file, pe_error *errp)
{
    json_t *o;

    if (!endpoint || !file)
        return 0;
    o = login_of_file(file, kind, errp);
    if (!o)
        return pe_error_prefix(errp, "auth of %s", endpoint);
    return add(l, o, kind, endpoint, true, errp);
}

static char *logins_text(const logins *l, pe_error *errp)
{
    json_t *o = json_pack("{s:i, s:O, s:O}", "schema", 1, LOGIN_BROKERS,
                          l->brokers, LOGIN_PARAMS, l->params);
    char *data = o ? json_dumps(o, JSON_INDENT(1)) : NULL;

    json_decref(o);
    if (!data)
        pe_error_nomem(errp);
    return data;
}

int pipeline_logins(const pipeline *p, const pipeline_request *r, char **textp,
                    pe_error *errp)
{
    logins l = {p, json_array(), json_array()};
    int status = -1;

    *textp = NULL;
    if (!l.brokers || !l.params)
        pe_error_nomem(errp);
    else if (add_pilots(&l, errp) == 0 &&
             (!r || (add_other(&l, PILOT_BROKER, r->broker, r->broker_auth,
                               errp) == 0 &&
                     add_other(&l, PILOT_PARAMS, r->params_url, r->params_auth,
                               errp) == 0)))
        status = 0;
    if (status == 0 && json_array_size(l.brokers) + json_array_size(l.params)) {
        *textp = logins_text(&l, errp);
        status = *textp ? 0 : -1;
    }
    json_decref(l.brokers);
    json_decref(l.params);
    return status;
}

int pipeline_logins_open(const pipeline *p, const pipeline_request *r,
                         char *out, size_t cap, pe_error *errp)
{
    char *data;
    size_t len;
    int fd, status = 0;

    *out = '\0';
    if (pipeline_logins(p, r, &data, errp) < 0)
        return -1;
    if (!data)
        return -2;
    len = strlen(data);
    fd = memfd_create("logins", MFD_CLOEXEC);
    if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, data, len) != (ssize_t)len)
        status = pe_error_nomem(errp);
    explicit_bzero(data, len);
    free(data);
    if (status == 0)
        snprintf(out, cap, "/proc/self/fd/%d", fd);
    else if (fd >= 0)
        close(fd);
    return status < 0 ? -1 : fd;
}

/* Would a client take what the file at [path] says for [k]? */
static int check_login(const pipeline_pilot *k, const char *path,
                       pe_error *errp)
{
    broker_conf b = {.endpoint = k->endpoint, .logins = path};
    params_conf c = {.url = k->endpoint, .logins = path};
    int status = k->kind == PILOT_BROKER ? broker_login_check(&b, errp)
                                         : params_login_check(&c, errp);

    return status < 0 ? pe_error_prefix(errp, "%s: pilot '%s': auth",
                                        k->auth->where, k->name)
                      : 0;
}

int pipeline_check_logins(const pipeline *p, pe_error *errp)
{
    char path[32];
    int fd = pipeline_logins_open(p, NULL, path, sizeof(path), errp);
    int status = 0;

    if (fd < 0)
        return fd == -2 ? 0 : -1;
    for (size_t i = 0; status == 0 && i < p->n_pilots; i++)
        if (p->pilots[i].auth)
            status = check_login(&p->pilots[i], path, errp);
    close(fd);
    return status;
}
