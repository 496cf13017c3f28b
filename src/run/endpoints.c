/* endpoints.c - where the broker and the parameter service of a run are. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/via.h"
#include "src/broker/broker.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/run/run.h"

#define ENV_MAX_BYTES 65536

/* Who names endpoints, beside files and variables. */
#define KEPT "kept by `pilot services`"
#define REQUEST "the run's request.json"

/* Where services are, as one source tells it; any member may be NULL. */
struct endpoints {
    char *broker, *broker_auth, *params, *params_auth, *password_file;
    char *broker_from, *params_from; /* who that is; not in env files */
    /* Only in the file of pilot-services: processes, and when they began in
     * the words of /proc/PID/stat.
     */
    char *kafka_pid, *kafka_start, *redis_pid, *redis_start;
};

static const struct {
    const char *name;
    size_t offset;
} env_rows[] = {
    {"PILOT_BROKER", offsetof(struct endpoints, broker)},
    {"PILOT_BROKER_AUTH", offsetof(struct endpoints, broker_auth)},
    {"PILOT_PARAMS", offsetof(struct endpoints, params)},
    {"PILOT_PARAMS_AUTH", offsetof(struct endpoints, params_auth)},
    {"PILOT_PASSWORD_FILE", offsetof(struct endpoints, password_file)},
    {"KAFKA_PID", offsetof(struct endpoints, kafka_pid)},
    {"KAFKA_START", offsetof(struct endpoints, kafka_start)},
    {"REDIS_PID", offsetof(struct endpoints, redis_pid)},
    {"REDIS_START", offsetof(struct endpoints, redis_start)},
};

#define N_ENV_ROWS (sizeof(env_rows) / sizeof(env_rows[0]))

static char **member(struct endpoints *e, size_t row)
{
    return (char **)((char *)e + env_rows[row].offset);
}

static void endpoints_free(struct endpoints *e)
{
    for (size_t i = 0; i < N_ENV_ROWS; i++)
        free(*member(e, i));
    memset(e, 0, sizeof(*e));
}

/* One "NAME=VALUE" of an env file; other lines are not ours. */
static void line_take(struct endpoints *e, const char *line)
{
    for (size_t i = 0; i < N_ENV_ROWS; i++) {
        size_t len = strlen(env_rows[i].name);
        if (strncmp(line, env_rows[i].name, len) || line[len] != '=')
            continue;
        free(*member(e, i));
        *member(e, i) = text_format("%s", line + len + 1);
    }
}

/* Fill [e] from the env file of pilot-services in [folder]; none is there:
 * [e] stays empty.
 */
static void env_file_read(const char *folder, struct endpoints *e)
{
    char *path = text_format("%s/env", folder), *save = NULL;
    char *data = path ? file_read(path, ENV_MAX_BYTES, NULL, NULL) : NULL;

    for (char *line = data ? strtok_r(data, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save))
        line_take(e, line);
    free(data);
    free(path);
}

/* Does the process [pid] that began at [start] still run? */
static bool is_alive(const char *pid, const char *start)
{
    char now[32];
    int64_t number;

    return pid && start && text_parse_int(pid, &number) == 0 &&
           process_state((pid_t)number, now) && !strcmp(now, start);
}

/* Fill [slotp] unless an earlier source did. */
static void adopt(char **slotp, const char *value)
{
    if (!*slotp && value && *value)
        *slotp = text_format("%s", value);
}

/* What opens a service belongs to it: it comes from one source. */
static void adopt_all(pipeline_request *q, const struct endpoints *e)
{
    if (!q->broker && e->broker) {
        adopt(&q->broker_from, e->broker_from);
        adopt(&q->broker, e->broker);
        adopt(&q->broker_auth, e->broker_auth);
    }
    if (!q->params_url && e->params) {
        adopt(&q->params_from, e->params_from);
        adopt(&q->params_url, e->params);
        adopt(&q->params_auth, e->params_auth);
        adopt(&q->password_file, e->password_file);
    }
}

static void adopt_file(pipeline_request *q, const pipeline *p)
{
    const pipeline_pilot *broker = pipeline_pilot_of(p, PILOT_BROKER);
    const pipeline_pilot *store = pipeline_pilot_of(p, PILOT_PARAMS);
    struct endpoints e = {
        .broker = broker ? broker->endpoint : NULL,
        .params = store ? store->endpoint : NULL,
        .password_file = store ? store->password_file : NULL,
        .broker_from = broker ? broker->endpoint_from : NULL,
        .params_from = store ? store->endpoint_from : NULL,
    };

    adopt_all(q, &e);
    if (q->params_url)
        adopt(&q->password_file, getenv("PILOT_PASSWORD_FILE"));
    adopt(&q->user, store ? store->user : NULL);
}

static void adopt_environment(pipeline_request *q)
{
    struct endpoints e = {
        .broker = getenv("PILOT_BROKER"),
        .broker_auth = getenv("PILOT_BROKER_AUTH"),
        .params = getenv("PILOT_PARAMS"),
        .params_auth = getenv("PILOT_PARAMS_AUTH"),
        .password_file = getenv("PILOT_PASSWORD_FILE"),
        .broker_from = "PILOT_BROKER",
        .params_from = "PILOT_PARAMS",
    };

    adopt_all(q, &e);
}

/* Do both run?  Of a Redis that keeps the topics, too, there is no Kafka. */
static bool are_alive(const struct endpoints *e)
{
    return (broker_is_redis(e->broker) ||
            is_alive(e->kafka_pid, e->kafka_start)) &&
           is_alive(e->redis_pid, e->redis_start);
}

bool run_endpoints_up(const char *folder)
{
    struct endpoints e = {0};
    bool up;

    env_file_read(folder, &e);
    up = are_alive(&e);
    endpoints_free(&e);
    return up;
}

/* Services somebody keeps for development, as long as both live. */
static void adopt_kept(pipeline_request *q, const char *home)
{
    char *folder = text_format("%s/services", home);
    struct endpoints e = {0};

    if (folder)
        env_file_read(folder, &e);
    e.broker_from = e.params_from = KEPT;
    if (are_alive(&e))
        adopt_all(q, &e);
    endpoints_free(&e);
    free(folder);
}

/* Services of our own, in the folder of the run: a resumed run finds what it
 * left there.
 */
static int managed_start(struct run *r, pe_error *errp)
{
    char *folder = run_path(r, "services", errp);
    struct endpoints e = {0};
    int status = -1;

    if (!folder)
        return -1;
    log_info("starting a broker and a parameter service for this run");
    r->managed = true;
    r->made_dir = false; /* their logs stay, whatever happens */
    if (run_services_call(r, "start", folder, errp) < 0)
        goto done;
    env_file_read(folder, &e);
    adopt_all(r->req, &e);
    if (r->req->broker && r->req->params_url)
        status = 0;
    else
        pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_UNAVAILABLE,
                     "pilot-services did not write %s/env", folder);
done:
    endpoints_free(&e);
    free(folder);
    return status;
}

/* Was this run given services of its own by an earlier command? */
static bool was_managed(const struct run *r)
{
    char *folder = text_format("%s/services", r->req->dir);
    bool was = folder && access(folder, F_OK) == 0;

    free(folder);
    return was;
}

/* Take them from wherever they are known; false: not all are. */
static bool endpoints_adopt(struct run *r)
{
    pipeline_request *q = r->req;
    struct endpoints before = {.broker = q->broker,
                               .params = q->params_url,
                               .password_file = q->password_file};
    char *broker_from = q->broker_from, *params_from = q->params_from;

    before.broker_auth = q->broker_auth;
    before.params_auth = q->params_auth;
    before.broker_from = broker_from ? broker_from : REQUEST;
    before.params_from = params_from ? params_from : REQUEST;
    q->broker = q->params_url = q->password_file = NULL;
    q->broker_auth = q->params_auth = NULL;
    q->broker_from = q->params_from = NULL;
    adopt_file(q, r->p);
    if (!was_managed(r)) {
        adopt_environment(q);
        adopt_all(q, &before);
        adopt_kept(q, r->home);
    } else if (!r->managed && r->joined) {
        adopt_all(q, &before);
    }
    endpoints_free(&before);
    free(broker_from);
    free(params_from);
    return q->broker && q->params_url;
}

/* Does a pilot of the file become the service of [kind]? */
static bool is_planned(const pipeline *p, enum pilot_kind kind)
{
    const pipeline_pilot *k = pipeline_pilot_of(p, kind);

    return k && !k->endpoint && (k->resource_given || k->within >= 0);
}

/* Files in it are those of the whole request, which has them absolute. */
static int logins_make(const struct run *r, enum login_role role, char **textp,
                       pe_error *errp)
{
    const pipeline_request *q = r->req;
    pipeline *p;
    int status;

    if (!r->o->file)
        return pipeline_logins(r->p, q, role, textp, errp);
    p = pipeline_load(r->o->file, (const char *const *)q->overrides,
                      q->n_overrides, errp);
    status = p ? pipeline_logins(p, q, role, textp, errp) : -1;
    pipeline_destroy(p);
    return status;
}

#define LOGINS_MAX ((size_t)1 << 20)

static void secret_clear(char *words)
{
    if (words)
        explicit_bzero(words, strlen(words));
    free(words);
}

/* The file of a role beside [path], that of the operator, which says [theirs];
 * none, where it would say the same.
 */
static int role_settle(const struct run *r, enum login_role role,
                       const char *path, const char *theirs, pe_error *errp)
{
    char *own = text_format("%s.%s", path, login_role_word(role));
    char *data = NULL;
    int status = own ? logins_make(r, role, &data, errp) : pe_error_nomem(errp);

    if (status == 0 && data && strcmp(data, theirs) != 0)
        status = file_write(own, data, strlen(data), 0600, errp);
    else if (status == 0)
        unlink(own);
    secret_clear(data);
    free(own);
    return status;
}

static int broker_check(const struct run *r, pe_error *errp)
{
    broker_conf c = {0};
    broker_admin *a;
    int n, status = -1;

    pipeline_request_broker(r->req, &c, "pilot-run");
    a = broker_admin_open(&c, errp);
    if (a)
        status = broker_topic_partitions(a, "-", &n, errp);
    broker_admin_close(a);
    return status;
}

static int params_check(const struct run *r, pe_error *errp)
{
    params_conf c = {0};
    params *p;

    pipeline_request_params(r->req, &c);
    c.no_commits = true;
    p = params_open(&c, r->req->run, errp);
    params_close(p);
    return p ? 0 : -1;
}

/* Would services that are up take the login of now?  -1: one refuses it. */
static int logins_try(struct run *r, pe_error *errp)
{
    pipeline_request *q = r->req;
    char *kept = q->logins, open[32];
    int fd =
        pipeline_logins_open(r->p, q, LOGIN_OPERATOR, open, sizeof(open), errp);
    pe_error e = {0};
    int status;

    if (fd < 0)
        return fd == -1 ? -1 : 0;
    q->logins = open;
    status = via_open(q, &e);
    if (status == 0 && q->broker)
        status = broker_check(r, &e);
    if (q->params_url && (status == 0 || e.kind == PE_ERROR_RETRY))
        status = params_check(r, &e);
    q->logins = kept;
    close(fd);
    if (status == 0 || e.kind == PE_ERROR_RETRY)
        return 0;
    *errp = e;
    return pe_error_prefix(errp, "the login of before is kept");
}

/* Does the run keep another text than [data]? */
static bool is_other(const pipeline_request *q, const char *data)
{
    size_t len = 0;
    char *kept = file_read(q->logins, LOGINS_MAX, &len, NULL);
    bool other = !kept || len != strlen(data) || memcmp(kept, data, len) != 0;

    if (kept)
        explicit_bzero(kept, len);
    free(kept);
    return other;
}

/* What opens the services, as a file: in the folder of the run, where there is
 * one, or of this process alone.  Files that are named are read anew each time;
 * what they said when the run began is kept where they are gone, or where a
 * service refuses what they say.
 */
static int logins_settle(struct run *r, pe_error *errp)
{
    pipeline_request *q = r->req;
    bool had = q->logins && access(q->logins, R_OK) == 0;
    char *data = NULL, *path, open[32];
    int status = 0;

    if (access(q->dir, W_OK) != 0) {
        if (pipeline_logins_open(r->p, q, LOGIN_OPERATOR, open, sizeof(open),
                                 errp) == -1)
            return -1;
        if (*open)
            adopt(&q->logins, open);
        return 0;
    }
    if (logins_make(r, LOGIN_OPERATOR, &data, errp) < 0) {
        if (!had)
            return -1;
        log_warn("%s; the login of before is used", errp->text);
        return 0;
    }
    if (!data)
        return 0;
    if (q->resumed && had && is_other(q, data) && logins_try(r, errp) < 0) {
        secret_clear(data);
        return -1;
    }
    path = run_path(r, "logins", errp);
    status = path ? file_write(path, data, strlen(data), 0600, errp) : -1;
    for (int role = LOGIN_OPERATOR + 1; status == 0 && role < LOGIN_N_ROLES;
         role++)
        status = role_settle(r, (enum login_role)role, path, data, errp);
    secret_clear(data);
    free(q->logins);
    q->logins = path;
    return status;
}

bool run_endpoints_known(struct run *r)
{
    bool all = endpoints_adopt(r);
    pe_error e = {0};

    if (logins_settle(r, &e) < 0)
        log_warn("%s", e.text);
    return all;
}

int run_endpoints_find(struct run *r, pe_error *errp)
{
    const pipeline_request *q = r->req;
    bool all = endpoints_adopt(r);

    if (logins_settle(r, errp) < 0)
        return -1;
    if (all)
        return 0;
    if ((q->broker || is_planned(r->p, PILOT_BROKER)) &&
        (q->params_url || is_planned(r->p, PILOT_PARAMS)))
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s: no %s is known: give its endpoint in the file, "
                        "set %s, keep one by 'pilot services start', or "
                        "have one started: `kind: %s, resource: URL`",
                        r->p->file, q->broker ? "parameter service" : "broker",
                        q->broker ? "PILOT_PARAMS" : "PILOT_BROKER",
                        q->broker ? "params" : "broker");
}

int run_endpoints_check(struct run *r, pe_error *errp)
{
    const pipeline_request *q = r->req;

    endpoints_adopt(r);
    if (r->local || !q->broker == !q->params_url)
        return 0;
    if (via_open(r->req, errp) < 0)
        return -1;
    return q->broker ? broker_check(r, errp) : params_check(r, errp);
}

int run_endpoints_resolve(struct run *r, pe_error *errp)
{
    pipeline_request *q = r->req;

    if (q->broker && q->params_url && r->placed)
        /* pilots of this run have told where they are */
        return logins_settle(r, errp);
    if (!endpoints_adopt(r) && managed_start(r, errp) < 0)
        return -1;
    return logins_settle(r, errp);
}
