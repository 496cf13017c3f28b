/* logins.c - the files of logins of a run: what all `auth` come to. */
#include "pipeline_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/file.h"

#define PEM_MAX (2 << 20)
#define PEM "-----BEGIN "

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
    const char *path = auth_value(a, key);
    struct stat st;
    size_t len = 0;
    char *data;
    int status;

    if (!path)
        return 0;
    /* Itself: a file that is sent to another host names none there. */
    if (!strncmp(path, PEM, strlen(PEM)))
        return put(o, key, path, errp);
    if (!secret && *path == '/' && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return put(o, key, path, errp);
    data = secret ? file_read_private(path, PEM_MAX, &len, errp)
                  : file_read(path, PEM_MAX, &len, errp);
    if (!data)
        return pe_error_prefix(errp, "auth: %s", key);
    if (strstr(data, PEM))
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
    const char *path = auth_value(a, file_key);
    char *secret;
    int status;

    if (!path)
        return auth_value(a, key) ? put(o, key, auth_value(a, key), errp) : 0;
    secret = file_read_secret(path, errp);
    if (!secret)
        return pe_error_prefix(errp, "auth: %s", file_key);
    status = put(o, key, secret, errp);
    explicit_bzero(secret, strlen(secret));
    free(secret);
    return status;
}

static int put_mechanism(json_t *o, const char *sasl, pe_error *errp)
{
    static const char *const names[][2] = {
        {"plain", "PLAIN"},
        {"scram-sha-256", "SCRAM-SHA-256"},
        {"scram-sha-512", "SCRAM-SHA-512"},
        {"oauthbearer", "OAUTHBEARER"},
    };

    for (size_t i = 0; sasl && i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(sasl, names[i][0]) && put(o, "sasl", names[i][1], errp) < 0)
            return -1;
    return 0;
}

static int put_sasl(const pipeline_auth *a, json_t *o, pe_error *errp)
{
    const char *file = auth_value(a, "token-file");

    if (auth_value(a, "user") &&
        put(o, "user", auth_value(a, "user"), errp) < 0)
        return -1;
    if (file && *file == '/' && put(o, "token-file", file, errp) < 0)
        return -1;
    if (put_secret(a, o, "token", "token-file", errp) < 0)
        return -1;
    return put_secret(a, o, "password", "password-file", errp);
}

/* Who we are: nothing of it is another role's. */
static int put_self(const pipeline_auth *base, const pipeline_auth *a,
                    json_t *o, pe_error *errp)
{
    if (put_pem(a, o, "certificate", false, errp) < 0 ||
        put_pem(a, o, "key", true, errp) < 0 ||
        put_secret(a, o, "key-password", "key-password-file", errp) < 0)
        return -1;
    if (put_mechanism(o,
                      auth_value(a, "sasl")   ? auth_value(a, "sasl")
                      : auth_value(a, "user") ? auth_value(base, "sasl")
                                              : NULL,
                      errp) < 0)
        return -1;
    return put_sasl(a, o, errp);
}

static json_t *login_build(const pipeline_auth *a, enum login_role role,
                           pe_error *errp)
{
    json_t *o =
        json_pack("{s:b, s:b}", "tls", pe_options_bool(a->values, "tls"),
                  "hostname", strcmp(auth_value(a, "hostname"), "any") != 0);

    if (!o)
        pe_error_nomem(errp);
    else if (put_pem(a, o, "ca", false, errp) == 0 &&
             put_self(a, a->roles[role] ? a->roles[role] : a, o, errp) == 0 &&
             json_object_set(o, "options", a->options) == 0)
        return o;
    json_decref(o);
    return NULL;
}

/* What stands in a file of its own, which says secrets, into [a]: for
 * auth_clear, however it ends.
 */
static int auth_of_file(pipeline_auth *a, const char *path, pe_error *errp)
{
    char *secret = file_read_private(path, PEM_MAX, NULL, errp);
    tree *t = secret ? tree_read(path, errp) : NULL;
    int status = t ? auth_read_mapping(a, t, errp) : -1;

    tree_destroy(t);
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
    return status;
}

static json_t *login_of_file(const char *path, enum pilot_kind kind,
                             enum login_role role, pe_error *errp)
{
    pipeline_auth a = {.kind = kind};
    json_t *o = NULL;

    if (auth_of_file(&a, path, errp) == 0)
        o = login_build(&a, role, errp);
    auth_clear(&a);
    return o;
}

int pipeline_auth_user(const pipeline_auth *a, enum login_role role,
                       char **userp, pe_error *errp)
{
    pipeline_auth own = {.kind = a->kind};
    const char *user;
    int status = a->file ? auth_of_file(&own, a->file, errp) : 0;

    if (a->file)
        a = &own;
    *userp = NULL;
    user = status < 0 ? NULL
                      : auth_value(a->roles[role] ? a->roles[role] : a, "user");
    if (user && !(*userp = strdup(user)))
        status = pe_error_nomem(errp);
    auth_clear(&own);
    return status;
}

/* A file that is not there, or is none, is a mistake of who wrote its name. */
static json_t *blame(pe_error *errp)
{
    if (errp && errp->exit_code != PE_EXIT_PERMISSION &&
        errp->kind == PE_ERROR_INPUT)
        errp->exit_code = PE_EXIT_CONFIG;
    return NULL;
}

static json_t *login_make(const pipeline_auth *a, enum login_role role,
                          pe_error *errp)
{
    json_t *o = a->file ? login_of_file(a->file, a->kind, role, errp)
                        : login_build(a, role, errp);

    if (o)
        return o;
    pe_error_prefix(errp, "%s", a->where);
    return blame(errp);
}

/* --- the file of logins --- */

/* The lists of the file, while it is made. */
typedef struct logins {
    const pipeline *p;
    enum login_role role;
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
        o = login_make(k->auth, l->role, errp);
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
    o = login_of_file(file, kind, l->role, errp);
    if (!o) {
        blame(errp);
        return pe_error_prefix(errp, "auth of %s", endpoint);
    }
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

int pipeline_logins(const pipeline *p, const pipeline_request *r,
                    enum login_role role, char **textp, pe_error *errp)
{
    logins l = {p, role, json_array(), json_array()};
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
                         enum login_role role, char *out, size_t cap,
                         pe_error *errp)
{
    char *data;
    size_t len;
    int fd, status = 0;

    *out = '\0';
    if (pipeline_logins(p, r, role, &data, errp) < 0)
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

static int check_logins_of(const pipeline *p, enum login_role role,
                           pe_error *errp)
{
    char path[32];
    int fd = pipeline_logins_open(p, NULL, role, path, sizeof(path), errp);
    int status = 0;

    if (fd < 0)
        return fd == -2 ? 0 : -1;
    for (size_t i = 0; status == 0 && i < p->n_pilots; i++)
        if (p->pilots[i].auth)
            status = check_login(&p->pilots[i], path, errp);
    close(fd);
    return status;
}

int pipeline_check_logins(const pipeline *p, pe_error *errp)
{
    for (int r = 0; r < LOGIN_N_ROLES; r++)
        if (check_logins_of(p, (enum login_role)r, errp) < 0)
            return -1;
    return 0;
}
