/* submit_place.c - the folder of a pilot, on the host where it will live. */
#include "submit_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/backend/backend.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/common/words.h"

#define FILE_MAX_BYTES (4 << 20)

/* --- where --- */

static int dir_set(const submit_plan *p, submit_place *at, pe_error *errp)
{
    at->dir = text_format("%s/%s/%s", at->home, p->run->run, p->member);
    return at->dir ? 0 : pe_error_nomem(errp);
}

int place_here(const submit_plan *p, submit_place *at, pe_error *errp)
{
    at->home = text_format("%s", p->home);
    if (!at->home)
        return pe_error_nomem(errp);
    at->supervisor = locate_program("pilot-supervisor", PILOT_LIBEXECDIR, errp);
    return at->supervisor ? dir_set(p, at, errp) : -1;
}

/* Programs a pilot needs on a host that is not this one. */
static const struct program {
    const char *name;
    const char *installed;
    bool for_kind[PILOT_N_KINDS];
} programs[] = {
    {"pilot-supervisor",
     PILOT_LIBEXECDIR,
     {[PILOT_POOL] = true,
      [PILOT_EDGE] = true,
      [PILOT_BROKER] = true,
      [PILOT_PARAMS] = true,
      [PILOT_ALLOCATION] = true}},
    {"pilot-agent",
     PILOT_LIBEXECDIR,
     {[PILOT_POOL] = true, [PILOT_ALLOCATION] = true}},
    {"pilot-edge", PILOT_BINDIR, {[PILOT_EDGE] = true}},
    {"pilot-services",
     PILOT_LIBEXECDIR,
     {[PILOT_BROKER] = true, [PILOT_PARAMS] = true, [PILOT_ALLOCATION] = true}},
    {"pilot", PILOT_BINDIR, {[PILOT_POOL] = true, [PILOT_ALLOCATION] = true}},
    {NULL, NULL, {false}},
};

/* Program [name] for a machine of kind [machine], new memory. */
static char *program_for(const struct program *g, const char *machine,
                         const char *name_of_host, pe_error *errp)
{
    struct utsname u;
    char *here = locate_program(g->name, g->installed, errp);
    char *folder, *path;

    if (!here || (uname(&u) == 0 && !strcmp(u.machine, machine)))
        return here;
    folder = locate_folder(here, errp);
    path = folder ? text_format("%s/%s/%s", folder, machine, g->name) : NULL;
    free(here);
    if (path && access(path, R_OK) == 0) {
        free(folder);
        return path;
    }
    pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                 "%s is a machine of kind %s, and there is no %s for it: "
                 "build there, and put it into %s/%s",
                 name_of_host, machine, g->name, folder ? folder : "libexec",
                 machine);
    free(folder);
    free(path);
    return NULL;
}

static int program_send(const submit_plan *p, submit_place *at,
                        const struct program *g, const char *machine,
                        pe_error *errp)
{
    char *from = program_for(g, machine, host_name(at->host), errp);
    char *to = from ? text_format("%s/%s", at->libexec, g->name) : NULL;
    int status = -1;

    if (from && !to)
        pe_error_nomem(errp);
    if (from && !at->machine[0] && object_machine(from, at->machine, NULL) < 0)
        at->machine[0] = '\0'; /* a script */
    if (to)
        status = host_put(at->host, from, to, p->progress, p->arg, errp);
    free(to);
    free(from);
    return status;
}

/* The agents travel once for each version of them. */
static int programs_send(const submit_plan *p, submit_place *at, pe_error *errp)
{
    const char *machine = host_machine(at->host, errp);

    if (!machine)
        return -1;
    at->libexec = text_format("%s/agents/%s", at->home, machine);
    if (!at->libexec)
        return pe_error_nomem(errp);
    if (host_mkdir(at->host, at->libexec, errp) < 0)
        return -1;
    for (const struct program *g = programs; g->name; g++)
        if (g->for_kind[p->pilot->kind] &&
            program_send(p, at, g, machine, errp) < 0)
            return -1;
    at->supervisor = text_format("%s/pilot-supervisor", at->libexec);
    return at->supervisor ? 0 : pe_error_nomem(errp);
}

int place_open(const submit_plan *p, host *h, submit_place *at, pe_error *errp)
{
    const char *home;

    at->host = h;
    if (host_is_local(h))
        return place_here(p, at, errp);
    home = host_home(h, errp);
    if (!home)
        return -1;
    at->home = text_format("%s", home);
    if (!at->home)
        return pe_error_nomem(errp);
    return dir_set(p, at, errp) < 0 ? -1 : programs_send(p, at, errp);
}

void place_close(submit_place *at)
{
    free(at->home);
    free(at->dir);
    free(at->libexec);
    free(at->supervisor);
    memset(at, 0, sizeof(*at));
}

/* --- what the supervisor is told --- */

/* Members that live in the allocation: services first. */
static char **tenants_of(const submit_plan *p, bool *failedp)
{
    char **list = calloc(p->pl->n_pilots + 1, sizeof(*list));
    size_t n = 0;

    for (int services = 1; list && services >= 0; services--)
        for (size_t i = 0; i < p->pl->n_pilots; i++) {
            const pipeline_pilot *k = &p->pl->pilots[i];
            if (k->within >= 0 && &p->pl->pilots[k->within] == p->pilot &&
                pilot_kind_is_service(k->kind) == (services == 1))
                list[n++] = words_copy(k->name, failedp);
        }
    *failedp = *failedp || !list;
    return list;
}

/* Where a managed service is heard: by this machine alone as long as nobody
 * else has to.
 */
static const char *listen_of(const submit_plan *p)
{
    if (!pilot_kind_is_service(p->pilot->kind) || p->pilot->listen)
        return p->pilot->listen;
    return backend_is_here(p->url) ? "127.0.0.1" : "auto";
}

/* What others can reach lets in who has a login, and nobody reads along. */
static bool is_secure(const submit_plan *p)
{
    const char *listen = listen_of(p);

    return pilot_kind_is_service(p->pilot->kind) && !p->pilot->clear &&
           strcmp(listen, "localhost") != 0 && strcmp(listen, "::1") != 0 &&
           strcmp(listen, "lo") != 0 && strncmp(listen, "127.", 4) != 0;
}

int place_supervise(const submit_plan *p, const submit_place *at,
                    supervise *out, pe_error *errp)
{
    const resource_request *q = p->request;
    request_shape shape;
    bool failed = false;

    memset(out, 0, sizeof(*out));
    if (request_shape_of(q, &shape, errp) < 0)
        return -1;
    out->id = text_format("%s/%s", p->run->run, p->member);
    out->kind = words_copy(pilot_kind_name(p->pilot->kind), &failed);
    out->libexec = words_copy(at->libexec, &failed);
    out->launcher = words_copy(q->word[REQUEST_LAUNCHER], &failed);
    out->wrap = words_copy(q->word[REQUEST_WRAP], &failed);
    out->listen = words_copy(listen_of(p), &failed);
    out->secure = is_secure(p);
    out->home = words_copy(at->home, &failed);
    out->ranks = p->ntasks ? p->ntasks : shape.ntasks;
    out->cpus_per_task = shape.cpus_per_task;
    out->chain = (int)request_int(q, REQUEST_CHAIN, 0);
    out->time_s = request_seconds(q, REQUEST_TIME);
    out->lead_s = request_seconds(q, REQUEST_LEAD);
    out->hello_s = request_seconds(q, REQUEST_HELLO_TIMEOUT);
    out->batch = !backend_is_direct(p->url) && !backend_is_made(p->url);
    if (p->pilot->kind == PILOT_ALLOCATION)
        out->tenants = tenants_of(p, &failed);
    if (p->pilot->kind != PILOT_POOL)
        out->ranks = 0;
    return failed || !out->id ? pe_error_nomem(errp) : 0;
}

/* The words that were asked for, for those who go on with the work. */
static json_t *words_json(const resource_request *q)
{
    json_t *o = json_object();

    for (int w = 0; o && w < REQUEST_N_WORDS; w++) {
        json_t *list = q->list[w].n ? json_array() : NULL;
        if (q->word[w])
            json_object_set_new(o, request_specs[w].name,
                                json_string(q->word[w]));
        for (size_t i = 0; list && i < q->list[w].n; i++)
            json_array_append_new(list, json_string(q->list[w].items[i]));
        if (list)
            json_object_set_new(o, request_specs[w].name, list);
    }
    return o;
}

static int word_take(resource_request *q, const char *name, const json_t *v,
                     pe_error *errp)
{
    int w = request_word_find(name);

    if (w < 0)
        return 0;
    if (json_is_string(v))
        return request_set(q, (enum request_word)w, json_string_value(v), true,
                           "file", errp);
    for (size_t i = 0; i < json_array_size(v); i++) {
        const char *s = json_string_value(json_array_get(v, i));
        if (s &&
            request_set(q, (enum request_word)w, s, true, "file", errp) < 0)
            return -1;
    }
    return 0;
}

int submit_request_of(const pipeline_request *q, resource_request *out,
                      pe_error *errp)
{
    json_t *words = json_object_get(q->supervise, "words");
    const char *name;
    json_t *v;

    memset(out, 0, sizeof(*out));
    json_object_foreach(words, name, v)
    {
        if (word_take(out, name, v, errp) < 0) {
            request_free(out);
            return -1;
        }
    }
    return 0;
}

/* --- the files --- */

/* A secret stays out of scripts and command lines: a file of its own, [file],
 * whose copy is called [name].  NULL: there is none, or an error.
 */
static char *secret_settle(const char *file, const submit_place *at,
                           const char *dir, const char *name, pe_error *errp)
{
    char *secret, *path;
    size_t len = 0;

    if (!file)
        return NULL;
    if (host_is_local(at->host))
        return strdup(file);
    secret = file_read_private(file, FILE_MAX_BYTES, &len, errp);
    path = secret ? text_format("%s/%s", dir, name) : NULL;
    if (path && host_write(at->host, path, secret, len, 0600, errp) < 0) {
        free(path);
        path = NULL;
    }
    if (secret)
        explicit_bzero(secret, len);
    free(secret);
    return path;
}

static int pipeline_send(const submit_plan *p, const submit_place *at,
                         const char *dir, pe_error *errp)
{
    size_t len = 0;
    char *data = file_read(p->run->file, FILE_MAX_BYTES, &len, errp);
    char *path = text_format("%s/pipeline.yaml", dir);
    int status = -1;

    if (data && !path)
        pe_error_nomem(errp);
    else if (data)
        status = host_write(at->host, path, data, len, 0600, errp);
    free(path);
    free(data);
    return status;
}

static enum login_role role_of(enum pilot_kind kind)
{
    return kind == PILOT_EDGE ? LOGIN_DEVICE : LOGIN_POOL;
}

/* What a pilot logs in with, of its role alone: q->logins and password_file,
 * which are to be freed.
 */
static int secrets_settle(const submit_plan *p, const submit_place *at,
                          const char *dir, pipeline_request *q, pe_error *errp)
{
    const pipeline_request *run = p->run;
    char *own = run->logins
                    ? login_role_path(run->logins, role_of(p->pilot->kind))
                    : NULL;
    const params_conf c = {.url = q->params_url, .logins = own};
    bool named = params_login_named(&c);
    int status = run->logins && !own ? pe_error_nomem(errp) : 0;

    if (status == 0 && run->logins) {
        q->logins = secret_settle(own, at, dir, "logins", errp);
        status = q->logins ? 0 : -1;
    }
    if (status == 0 && named)
        q->user = NULL;
    else if (status == 0 && run->password_file) {
        q->password_file =
            secret_settle(run->password_file, at, dir, "password", errp);
        status = q->password_file ? 0 : -1;
    }
    free(own);
    return status;
}

/* The keys of its devices for an edge pilot, in a file of its own wherever it
 * is; those of the run for a pool; for others none.
 */
static int keys_settle(const submit_plan *p, const submit_place *at,
                       const char *dir, pipeline_request *q, pe_error *errp)
{
    char *keys;
    int status;

    if (!p->run->sign ||
        (p->pilot->kind != PILOT_EDGE && p->pilot->kind != PILOT_POOL))
        return 0;
    if (p->pilot->kind == PILOT_POOL) {
        q->sign = secret_settle(p->run->sign, at, dir, "sign", errp);
        return q->sign ? 0 : -1;
    }
    keys = pipeline_device_keys(p->pl, p->run, p->pilot, p->member, p->place,
                                errp);
    status = keys ? 0 : -1;
    if (status == 0 && !(q->sign = text_format("%s/sign", dir)))
        status = pe_error_nomem(errp);
    if (status == 0)
        status = host_write(at->host, q->sign, keys, strlen(keys), 0600, errp);
    if (keys)
        explicit_bzero(keys, strlen(keys));
    free(keys);
    return status;
}

static int request_send(const submit_plan *p, const submit_place *at,
                        const char *dir, const supervise *s, pe_error *errp)
{
    pipeline_request q = *p->run;
    char *file = text_format("%s/pipeline.yaml", dir);
    char *path = text_format("%s/request.json", dir), *json = NULL;
    int status = -1;

    q.dir = (char *)dir;
    q.file = file;
    q.pilot = p->pilot->name;
    q.via = p->pilot->via;
    if (p->pilot->broker)
        q.broker = p->pilot->broker;
    if (p->pilot->params)
        q.params_url = p->pilot->params;
    q.member = (char *)p->member;
    q.place = p->place;
    q.supervise = supervise_json(s);
    q.password_file = q.logins = q.sign = NULL;
    q.overrides = files_overrides(p, at, dir, errp);
    if (!q.overrides || !q.supervise || !file || !path)
        goto done;
    json_object_set_new(q.supervise, "words", words_json(p->request));
    json_object_set_new(q.supervise, "url", json_string(p->url));
    json_object_set_new(q.supervise, "submit_dir", json_string(p->submit_dir));
    if (secrets_settle(p, at, dir, &q, errp) < 0 ||
        keys_settle(p, at, dir, &q, errp) < 0)
        goto done;
    json = pipeline_request_text(&q, errp);
    if (json)
        status = host_write(at->host, path, json, strlen(json), 0600, errp);
done:
    for (size_t i = 0; q.overrides && i < q.n_overrides; i++)
        free(q.overrides[i]);
    free(q.overrides);
    free(q.password_file);
    free(q.logins);
    free(q.sign);
    json_decref(q.supervise);
    free(json);
    free(path);
    free(file);
    return status;
}

static int fill_one(const submit_plan *p, const submit_place *at,
                    pe_error *errp)
{
    supervise s = {0};
    int status = host_mkdir(at->host, at->dir, errp);

    if (status == 0)
        status = place_supervise(p, at, &s, errp);
    if (status == 0)
        status = pipeline_send(p, at, at->dir, errp);
    if (status == 0)
        status = request_send(p, at, at->dir, &s, errp);
    supervise_free(&s);
    return status;
}

/* A part of the allocation [p]: a pilot whose place is the same job. */
static int fill_part(const submit_plan *p, const submit_place *at,
                     const pipeline_pilot *k, pe_error *errp)
{
    submit_plan part = *p;
    submit_place there = *at;
    resource_request q = {0};
    int status = request_copy(&q, &k->request, errp);

    part.pilot = k;
    part.member = k->name;
    part.place = 0;
    part.ntasks = 0;
    part.request = &q;
    there.dir = text_format("%s/%s/%s", at->home, p->run->run, k->name);
    if (!there.dir)
        status = pe_error_nomem(errp);
    if (status == 0 && p->request->word[REQUEST_TIME])
        status = request_set(&q, REQUEST_TIME, p->request->word[REQUEST_TIME],
                             true, "file", errp);
    if (status == 0)
        status = fill_one(&part, &there, errp);
    free(there.dir);
    request_free(&q);
    return status;
}

int place_fill(const submit_plan *p, const submit_place *at, pe_error *errp)
{
    if (fill_one(p, at, errp) < 0 || files_stage_in(p, at, errp) < 0)
        return -1;
    for (size_t i = 0; i < p->pl->n_pilots; i++) {
        const pipeline_pilot *k = &p->pl->pilots[i];
        if (k->within >= 0 && &p->pl->pilots[k->within] == p->pilot &&
            fill_part(p, at, k, errp) < 0)
            return -1;
    }
    return 0;
}
