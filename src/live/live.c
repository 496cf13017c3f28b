/* live.c - a run as it is now: its services are asked, again and again. */
#include "live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "facts.h"
#include "layers.h"
#include "src/agent/event.h"
#include "src/agent/via.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/monitor/value.h"
#include "src/run/run.h"

#define TIMEOUT_S 2.0 /* somebody waits at a terminal */
#define AGAIN_NS (2 * CLOCK_S)
#define SUMMARY_MAX_BYTES (16 << 20)
#define LAG_AGE_NS (4 * CLOCK_S)

/* A service, and since when it does not answer. */
typedef struct server {
    const char *name;
    int64_t since_ns; /* real time; 0: it answers */
    int64_t next_ns;  /* monotonic: it is not asked before */
    char why[600];
} server;

struct live {
    char *home, *run, *dir; /* dir: NULL where this host has no folder of it */
    pipeline_request *req;
    params *params;
    broker_admin *admin;
    layers *layers;
    server redis, kafka;
    json_t *facts;
    int64_t lag_ns; /* of facts' lag_then, monotonic */
};

/* --- where its services are --- */

static int request_make(live *l, pe_error *errp)
{
    l->req = calloc(1, sizeof(*l->req));
    if (!l->req)
        return pe_error_nomem(errp);
    l->req->run = strdup(l->run);
    l->req->dir = text_format("%s/%s", l->home, l->run);
    return l->req->run && l->req->dir ? 0 : pe_error_nomem(errp);
}

/* A run that this host has no folder of: services that are known here. */
static int find_services(live *l, pe_error *errp)
{
    struct run_options ro = {0};
    pipeline nothing = {0};
    struct run r = {
        .o = &ro, .lock_fd = -1, .p = &nothing, .home = strdup(l->home)};

    if (!r.home || request_make(l, errp) < 0) {
        free(r.home);
        return pe_error_nomem(errp);
    }
    r.req = l->req;
    run_endpoints_known(&r);
    free(r.home);
    if (l->req->params_url)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "there is no run %s in %s, and no parameter service "
                        "is known that could have it: set PILOT_PARAMS (and "
                        "PILOT_BROKER); 'pilot runs' lists the runs",
                        l->run, l->home);
}

static int find_folder(live *l, pe_error *errp)
{
    l->req = pipeline_request_read(l->dir, errp);
    if (!l->req)
        return -1;
    if (l->req->params_url)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                        "run %s has no parameter service, so nothing of it is "
                        "seen from outside%s",
                        l->run,
                        l->req->broker ? " yet" : ": its pool keeps it all");
}

live *live_open(const char *home, const char *run, pe_error *errp)
{
    live *l = calloc(1, sizeof(*l));
    pe_error e = {0};
    int rc;

    if (!l || !(l->home = strdup(home)) || !(l->run = strdup(run)) ||
        !(l->facts = json_pack("{s:o}", "run", event_text(run)))) {
        live_close(l);
        pe_error_nomem(errp);
        return NULL;
    }
    l->redis.name = "redis";
    l->kafka.name = "kafka";
    l->dir = locate_run(home, run, &e);
    if (e.kind != PE_ERROR_NONE)
        rc = errp ? (*errp = e, -1) : -1;
    else
        rc = l->dir                          ? find_folder(l, errp)
             : run_name_check(run, errp) < 0 ? -1
                                             : find_services(l, errp);
    if (rc == 0)
        rc = via_open(l->req, errp);
    if (rc == 0)
        return l;
    live_close(l);
    return NULL;
}

void live_close(live *l)
{
    if (!l)
        return;
    params_close(l->params);
    broker_admin_close(l->admin);
    layers_close(l->layers);
    pipeline_request_destroy(l->req);
    json_decref(l->facts);
    free(l->home);
    free(l->run);
    free(l->dir);
    free(l);
}

/* --- servers that come and go --- */

static bool is_due(const server *s)
{
    return !s->since_ns || clock_mono_ns() >= s->next_ns;
}

static void away(server *s, const pe_error *e)
{
    if (!s->since_ns)
        s->since_ns = clock_real_ns();
    s->next_ns = clock_mono_ns() + AGAIN_NS;
    snprintf(s->why, sizeof(s->why), "%.599s", e->text);
}

static void trouble_add(json_t *list, const server *s)
{
    if (s->since_ns)
        json_array_append_new(
            list, json_pack("{s:s, s:I, s:s}", "server", s->name, "since_ns",
                            (json_int_t)s->since_ns, "text", s->why));
}

/* What it warns of was said when the run began. */
static params *open_quietly(const params_conf *c, const char *run,
                            pe_error *errp)
{
    enum log_level was = log_limit(LOG_LEVEL_ERROR);
    params *p = params_open(c, run, errp);

    log_limit(was);
    return p;
}

static int redis_open(live *l, pe_error *errp)
{
    params_conf c = {.no_commits = true};

    if (l->params)
        return 0;
    pipeline_request_params(l->req, &c);
    c.no_commits = true;
    c.connect_timeout_s = c.command_timeout_s = TIMEOUT_S;
    l->params = open_quietly(&c, l->run, errp);
    return l->params ? 0 : -1;
}

params *live_params(live *l, pe_error *errp)
{
    return redis_open(l, errp) < 0 ? NULL : l->params;
}

static int kafka_open(live *l, pe_error *errp)
{
    broker_conf c = {0};

    if (l->admin)
        return 0;
    pipeline_request_broker(l->req, &c, "pilot-live");
    c.timeout_s = TIMEOUT_S;
    l->admin = broker_admin_open(&c, errp);
    return l->admin ? 0 : -1;
}

/* Beats that have changed were heard now, whatever their hosts' clocks say. */
static void heard_note(live *l, const json_t *before)
{
    json_t *heard = json_object_get(l->facts, "heard"), *beat;
    const char *name;

    if (!heard) {
        heard = json_object();
        json_object_set_new(l->facts, "heard", heard);
    }
    json_object_foreach(json_object_get(l->facts, "beats"), name, beat)
    {
        const json_t *was = json_object_get(before, name);

        if (was && value_int(was, "time_ns") != value_int(beat, "time_ns"))
            json_object_set_new(heard, name,
                                json_integer((json_int_t)clock_real_ns()));
    }
}

static void redis_ask(live *l)
{
    pe_error e = {0};
    json_t *before;

    if (!is_due(&l->redis))
        return;
    before = json_incref(json_object_get(l->facts, "beats"));
    if (redis_open(l, &e) == 0 && facts_read(l->params, l->facts, &e) == 0) {
        l->redis.since_ns = 0;
        json_object_set_new(l->facts, "looked_ns",
                            json_integer((json_int_t)clock_real_ns()));
        heard_note(l, before);
    } else {
        away(&l->redis, &e);
        params_close(l->params);
        l->params = NULL;
    }
    json_decref(before);
}

static void kafka_ask(live *l)
{
    pe_error e = {0};

    /* What is committed has to be of the same time. */
    if (!l->req->broker || l->redis.since_ns || !is_due(&l->kafka))
        return;
    if (kafka_open(l, &e) == 0 && facts_high(l->admin, l->facts, &e) == 0) {
        l->kafka.since_ns = 0;
        return;
    }
    away(&l->kafka, &e);
    broker_admin_close(l->admin);
    l->admin = NULL;
}

/* --- a look --- */

/* What the command that followed it has left, where this host has it; else,
 * what is wrong with that, as a note.
 */
static void summary_read(live *l)
{
    char *path = l->dir ? text_format("%s/summary.json", l->dir) : NULL;
    bool there = path && access(path, F_OK) == 0;
    size_t len = 0;
    pe_error e = {0};
    char *data = there ? file_read(path, SUMMARY_MAX_BYTES, &len, &e) : NULL;
    json_t *o = data ? json_loadb(data, len, 0, NULL) : NULL;

    if (data && !json_is_object(o))
        pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is no whole object of JSON: it was cut off, or "
                     "changed; put a copy of it back, or move it away",
                     path);
    if (json_is_object(o))
        json_object_set(l->facts, "summary", o);
    else
        json_object_del(l->facts, "summary");
    if (e.kind != PE_ERROR_NONE)
        json_object_set_new(l->facts, "notes",
                            json_pack("[o]", event_text(e.text)));
    else
        json_object_del(l->facts, "notes");
    json_decref(o);
    free(data);
    free(path);
}

/* The lag of some seconds ago, to say how it grows. */
static void lag_keep(live *l, const json_t *doc)
{
    const json_t *lag = json_object_get(doc, "lag");
    int64_t now = clock_mono_ns();

    if (!lag || now - l->lag_ns < LAG_AGE_NS)
        return;
    l->lag_ns = now;
    json_object_set_new(l->facts, "lag_then",
                        json_pack("{s:I, s:I}", "blocks",
                                  value_int(lag, "blocks"), "time_ns",
                                  value_int(doc, "time_ns")));
}

json_t *live_look(live *l, pe_error *errp)
{
    json_t *trouble = json_array(), *doc;

    redis_ask(l);
    if (!l->layers)
        l->layers = layers_open();
    if (!l->redis.since_ns)
        layers_ask(l->layers, l->req, TIMEOUT_S, l->facts);
    kafka_ask(l);
    summary_read(l);
    trouble_add(trouble, &l->redis);
    trouble_add(trouble, &l->kafka);
    json_object_set_new(l->facts, "trouble", trouble);
    json_object_set_new(l->facts, "now_ns",
                        json_integer((json_int_t)clock_real_ns()));
    doc = live_make(l->facts, errp);
    if (doc)
        lag_keep(l, doc);
    return doc;
}

int live_check(const json_t *doc, const char *run, pe_error *errp)
{
    const char *state = value_text(doc, "state", "");
    const json_t *away = json_array_get(json_object_get(doc, "trouble"), 0);

    if (!strcmp(state, "unknown"))
        return pe_error_set(
            errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE, "%s",
            value_text(away, "text", "the parameter service is silent"));
    if (!strcmp(state, "gone"))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "the parameter service has nothing of a run %s; "
                            "'pilot runs' lists those that this host knows",
                            run);
    return 0;
}
