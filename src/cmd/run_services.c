/* run_services.c - the broker and the parameter service of a run. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/broker/broker.h"
#include "src/cmd/locate.h"
#include "src/cmd/run.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"

#define ENV_MAX_BYTES 65536
#define STEP_MS 100

/* Where services are, as one source tells it; any member may be NULL. */
struct endpoints {
    char *broker, *params, *password_file;
    char *kafka_pid, *redis_pid; /* only in the file of pilot-services */
};

static const struct {
    const char *name;
    size_t offset;
} env_rows[] = {
    {"PILOT_BROKER", offsetof(struct endpoints, broker)},
    {"PILOT_PARAMS", offsetof(struct endpoints, params)},
    {"PILOT_PASSWORD_FILE", offsetof(struct endpoints, password_file)},
    {"KAFKA_PID", offsetof(struct endpoints, kafka_pid)},
    {"REDIS_PID", offsetof(struct endpoints, redis_pid)},
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

static bool is_alive(const char *pid)
{
    long n = pid ? strtol(pid, NULL, 10) : 0;

    return n > 1 && (kill((pid_t)n, 0) == 0 || errno == EPERM);
}

/* Fill [slotp] unless an earlier source did. */
static void adopt(char **slotp, const char *value)
{
    if (!*slotp && value && *value)
        *slotp = text_format("%s", value);
}

/* The password belongs to the service it opens: it comes from one source. */
static void adopt_all(pipeline_request *q, const struct endpoints *e)
{
    adopt(&q->broker, e->broker);
    if (!q->params_url && e->params) {
        adopt(&q->params_url, e->params);
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
    };

    adopt_all(q, &e);
    if (q->params_url)
        adopt(&q->password_file, getenv("PILOT_PASSWORD_FILE"));
}

static void adopt_environment(pipeline_request *q)
{
    struct endpoints e = {
        .broker = getenv("PILOT_BROKER"),
        .params = getenv("PILOT_PARAMS"),
        .password_file = getenv("PILOT_PASSWORD_FILE"),
    };

    adopt_all(q, &e);
}

/* Services somebody keeps for development, as long as both live. */
static void adopt_kept(pipeline_request *q, const char *home)
{
    char *folder = text_format("%s/services", home);
    struct endpoints e = {0};

    if (folder)
        env_file_read(folder, &e);
    if (is_alive(e.kafka_pid) && is_alive(e.redis_pid))
        adopt_all(q, &e);
    endpoints_free(&e);
    free(folder);
}

/* Run "pilot-services VERB --dir FOLDER" to its end; it writes its own
 * messages to our stderr.
 */
static int services_call(struct run *r, const char *verb, const char *folder,
                         pe_error *errp)
{
    char *program = locate_program("pilot-services", PILOT_LIBEXECDIR, errp);
    char *log = run_path(r, "services.log", errp);
    const char *argv[] = {program, verb, "--dir", folder, NULL};
    process_spec spec = {.argv = argv, .out_path = log, .new_group = true};
    bool starts = !strcmp(verb, "start");
    int status = -1;

    process *p = program && log ? process_start(&spec, errp) : NULL;
    if (!p)
        goto done;
    while (!process_wait(p, STEP_MS))
        if (starts && run_interrupted(r)) {
            pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN, "interrupted");
            goto done;
        }
    int code = process_status(p);
    if (code == 0)
        status = 0;
    else
        pe_error_set(errp, PE_ERROR_RETRY,
                     code >= PE_EXIT_USAGE && code <= PE_EXIT_CONFIG
                         ? (enum pe_exit)code
                         : PE_EXIT_UNAVAILABLE,
                     "'pilot-services %s' failed with status %d; %s has more",
                     verb, code, log);
done:
    process_destroy(p);
    free(log);
    free(program);
    return status;
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
    if (services_call(r, "start", folder, errp) < 0)
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

static int endpoints_resolve(struct run *r, pe_error *errp)
{
    pipeline_request *q = r->req;
    struct endpoints before = {.broker = q->broker,
                               .params = q->params_url,
                               .password_file = q->password_file};
    bool managed = was_managed(r);

    q->broker = q->params_url = q->password_file = NULL;
    adopt_file(q, r->p);
    if (!managed) {
        adopt_environment(q);
        adopt_all(q, &before);
        adopt_kept(q, r->home);
    }
    endpoints_free(&before);
    if (q->broker && q->params_url)
        return 0;
    return managed_start(r, errp);
}

static int topic_ensure(const struct run *r, broker_admin *a,
                        const char *suffix, pe_error *errp)
{
    char name[256];
    int partitions;

    pipeline_topic(r->p, r->req->run, suffix, name, sizeof(name));
    const broker_topic t = {
        .name = name,
        .partitions = r->p->partitions,
        .message_bytes = r->p->message_bytes,
        .gaps_allowed = r->p->gaps_allowed,
    };
    return broker_topic_ensure(a, &t, &partitions, errp);
}

static broker_admin *admin_open(const struct run *r, pe_error *errp)
{
    broker_conf c = {0};

    pipeline_request_broker(r->req, &c, "pilot-run");
    return broker_admin_open(&c, errp);
}

static int topics_ensure(struct run *r, pe_error *errp)
{
    broker_admin *a = admin_open(r, errp);

    if (!a)
        return -1;
    int status = topic_ensure(r, a, "", errp);
    if (status == 0 && r->p->results)
        status = topic_ensure(r, a, ".results", errp);
    if (status == 0)
        status = topic_ensure(r, a, ".refused", errp);
    broker_admin_close(a);
    return status;
}

/* A new run must not find a model of the same name; a resumed one forgets
 * what ended it last time.
 */
static int keys_prepare(struct run *r, pe_error *errp)
{
    char commit[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version, fence;

    if (r->req->resumed)
        return params_end_clear_dead(r->params, errp) < 0
                   ? -1
                   : params_control_put(r->params, "", errp);
    if (params_ids_fetch(r->params, commit, &version, &fence, errp) < 0)
        return -1;
    if (!*commit)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "%s has a model of a run %s already: choose another "
                        "--run",
                        r->req->params_url, r->req->run);
}

int run_services_open(struct run *r, pe_error *errp)
{
    const pipeline_pilot *store = pipeline_pilot_of(r->p, PILOT_PARAMS);
    params_conf c = {0};

    if (r->local)
        return 0;
    if (endpoints_resolve(r, errp) < 0 || topics_ensure(r, errp) < 0)
        return -1;
    pipeline_request_params(r->req, &c);
    if (store && store->user)
        c.user = store->user;
    r->params = params_open(&c, r->req->run, errp);
    return r->params ? keys_prepare(r, errp) : -1;
}

void run_services_close(struct run *r)
{
    char *folder = r->managed ? run_path(r, "services", NULL) : NULL;
    pe_error e = {0};

    params_close(r->params);
    r->params = NULL;
    if (folder && r->o->keep)
        log_info("the services go on; stop them with 'pilot-services stop "
                 "--dir %s'",
                 folder);
    else if (folder && services_call(r, "stop", folder, &e) < 0)
        log_error("%s", e.text);
    free(folder);
}

int run_services_control(struct run *r, const char *word, pe_error *errp)
{
    if (!r->params)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_FAILED,
                            "a local run has no control word");
    return params_control_put(r->params, word, errp);
}

static bool has_end(const params_end *ends, size_t n, const char *device)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(ends[i].device, device))
            return true;
    return false;
}

/* The end of device [d]: all that is in its partition now. */
static int device_bury(struct run *r, broker_admin *a, int d, char *device,
                       pe_error *errp)
{
    params_end end = {.device = device,
                      .partition = d % r->p->partitions,
                      .dead = true};
    char topic[256];
    int64_t low;

    pipeline_topic(r->p, r->req->run, "", topic, sizeof(topic));
    if (broker_watermarks(a, topic, end.partition, &low, &end.next, errp) < 0)
        return -1;
    return params_end_put(r->params, &end, errp);
}

/* Number of the first device of [pilot]: they are counted over all edges. */
static int first_device(const pipeline *p, const pipeline_pilot *pilot)
{
    int first = 0;

    for (size_t i = 0; i < p->n_pilots && &p->pilots[i] != pilot; i++)
        if (p->pilots[i].kind == PILOT_EDGE)
            first += p->pilots[i].devices;
    return first;
}

int run_services_bury(struct run *r, const agent *a, pe_error *errp)
{
    params_end *ends = NULL;
    size_t n = 0;
    int first = first_device(r->p, a->pilot);

    if (!r->params || params_ends_fetch(r->params, &ends, &n, errp) < 0)
        return -1;
    broker_admin *admin = admin_open(r, errp);
    int status = admin ? 0 : -1;
    for (int d = first; status == 0 && d < first + a->pilot->devices; d++) {
        char device[256];
        pipeline_device_name(r->p, d, device, sizeof(device));
        if (!has_end(ends, n, device))
            status = device_bury(r, admin, d, device, errp);
    }
    broker_admin_close(admin);
    params_ends_free(ends, n);
    return status;
}
