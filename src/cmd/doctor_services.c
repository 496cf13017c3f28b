/* doctor_services.c - `pilot doctor` about broker, parameters, clocks. */
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/agent/via.h"
#include "src/broker/broker.h"
#include "src/cmd/doctor.h"
#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/host/host.h"
#include "src/params/params.h"
#include "src/run/run.h"

/* More than this and latencies between hosts mean nothing. */
#define CLOCK_LIMIT_MS 50.0
#define CHECK_S 20 /* for pilot-services to look around */

/* --- what is known, and from where --- */

/* The services that are kept here, as far as they do not run. */
static void kept(doctor *d, const char *home)
{
    char *env = text_format("%s/services/env", home);

    if (env && access(env, F_OK) == 0)
        doctor_line(d, false,
                    "of the services kept in %s/services not both run: "
                    "`pilot services start`, or `pilot services stop`, and "
                    "runs start their own",
                    home);
    free(env);
}

/* What pilot-services needs to start the one, or both. */
static void own(doctor *d, const pipeline_request *q)
{
    char *program = locate_program("pilot-services", PILOT_LIBEXECDIR, NULL);
    const char *const argv[] = {program, "check", q->broker ? "--only" : NULL,
                                "redis", NULL};
    host *h = host_open_local(NULL);
    host_answer a = {0};
    pe_error e = {0};
    char *save = NULL;

    if (program && (!h || host_run(h, argv, NULL, CHECK_S, &a, &e) < 0))
        doctor_line(d, false, "%s", e.text);
    for (char *line = a.out ? strtok_r(a.out, "\n", &save) : NULL; line;
         line = strtok_r(NULL, "\n", &save)) {
        size_t word = strcspn(line, " ");
        doctor_line(d, !strncmp(line, "ok ", 3), "%s",
                    line[word] ? line + word + 1 : line);
    }
    host_answer_free(&a);
    host_close(h);
    free(program);
}

/* Nobody has said where the service of [kind] is. */
static void unknown(doctor *d, enum pilot_kind kind)
{
    const pipeline_pilot *k = d->pl ? pipeline_pilot_of(d->pl, kind) : NULL;
    const char *what = kind == PILOT_BROKER ? "broker" : "parameter service";

    if (k && (k->resource_given || k->within >= 0))
        doctor_line(d, true, "%s: pilot %s starts it", what, k->name);
    else if (!d->pl || d->pl->shape == PIPELINE_WHOLE)
        doctor_line(d, true,
                    "no %s is known: `pilot run` starts one for the run; for "
                    "pilots of other hosts set %s, keep one by "
                    "`pilot services start`, or have a pilot of kind %s",
                    what,
                    kind == PILOT_BROKER ? "PILOT_BROKER" : "PILOT_PARAMS",
                    pilot_kind_name(kind));
    else
        doctor_line(d, false,
                    "no %s is known, and %s is one half of a run: set %s, or "
                    "keep one by `pilot services start`",
                    what, d->pl->file,
                    kind == PILOT_BROKER ? "PILOT_BROKER" : "PILOT_PARAMS");
}

/* --- the broker --- */

struct advertised {
    doctor *d;
    const char *endpoint;
};

/* Clients leave the address they were given for the ones that brokers
 * advertise: a name that means nothing here ends in time-outs that name
 * neither.
 */
static void advertised_take(void *arg, const char *name, int port)
{
    const struct advertised *ad = arg;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(name, NULL, &hints, &found);

    if (rc == 0)
        freeaddrinfo(found);
    doctor_line(ad->d, rc == 0,
                rc == 0 ? "broker %s is reached as %s:%d"
                        : "broker %s tells its clients to come to %s:%d, a "
                          "name that nobody resolves here: have it advertise "
                          "another (advertised.listeners; `pilot services "
                          "start --advertise HOST`), or name it in /etc/hosts",
                ad->endpoint, name, port);
}

static void broker(doctor *d, const pipeline_request *q)
{
    struct advertised ad = {d, q->broker};
    broker_conf c = {0};
    pe_error e = {0};
    broker_admin *a;

    if (!q->broker) {
        unknown(d, PILOT_BROKER);
        return;
    }
    pipeline_request_broker(q, &c, "pilot-doctor");
    a = broker_admin_open(&c, &e);
    if (!a)
        doctor_line(d, false, "%s", e.text);
    else
        doctor_line(d, true, "broker %s (%s)", q->broker, q->broker_from);
    /* Behind a login node it is that one which resolves names. */
    if (a && !q->via && broker_admin_each(a, advertised_take, &ad, &e) < 0)
        doctor_line(d, false, "%s", e.text);
    broker_admin_close(a);
}

/* --- the parameter service --- */

/* Half of the way there and back is the server's, as NTP has it. */
static void offset(doctor *d, params *p)
{
    int64_t before = clock_real_ns(), server, after;
    pe_error e = {0};
    double ms;

    if (params_time_fetch(p, &server, &e) < 0) {
        doctor_line(d, false, "%s", e.text);
        return;
    }
    after = clock_real_ns();
    ms = ((double)(server - before) - (double)(after - before) / 2) / 1e6;
    doctor_line(
        d, ms < CLOCK_LIMIT_MS && ms > -CLOCK_LIMIT_MS,
        "the clock of the parameter service is %.1f ms %s ours%s",
        ms < 0 ? -ms : ms, ms < 0 ? "behind" : "ahead of",
        ms < CLOCK_LIMIT_MS && ms > -CLOCK_LIMIT_MS
            ? ""
            : ": set both by NTP, or latencies between hosts are wrong");
}

static void store(doctor *d, const pipeline_request *q)
{
    params_conf c = {0};
    pe_error e = {0};
    params *p;

    if (!q->params_url) {
        unknown(d, PILOT_PARAMS);
        return;
    }
    pipeline_request_params(q, &c);
    c.no_commits = params_login_named(&c); /* an operator makes none */
    p = params_open(&c, "doctor", &e);
    if (!p) {
        doctor_line(d, false, "%s", e.text);
        return;
    }
    doctor_line(d, true, "parameter service %s (%s)", q->params_url,
                q->params_from);
    offset(d, p);
    params_close(p);
}

/* A request as a run of the file would make it; nobody writes it. */
static int request_make(struct run *r, pe_error *errp)
{
    const char *via = pipeline_via_here(r->p);

    r->req = calloc(1, sizeof(*r->req));
    if (!r->req)
        return pe_error_nomem(errp);
    r->req->run = strdup("doctor");
    r->req->dir = text_format("%s/doctor", r->home); /* of no run */
    r->req->via = via ? strdup(via) : NULL;
    if (!r->req->run || !r->req->dir || (via && !r->req->via))
        return pe_error_nomem(errp);
    return 0;
}

void doctor_services(doctor *d)
{
    struct run_options ro = {0};
    pipeline nothing = {0};
    struct run r = {.o = &ro, .lock_fd = -1, .p = d->pl ? d->pl : &nothing};
    pe_error e = {0};

    if (d->pl && pipeline_is_local(d->pl))
        return; /* it needs none */
    r.home = locate_home(&e);
    if (!r.home || request_make(&r, &e) < 0) {
        doctor_line(d, false, "%s", e.text);
        goto done;
    }
    run_endpoints_find(&r, NULL); /* what is not found is told below */
    if (via_open(r.req, &e) < 0) {
        doctor_line(d, false, "%s", e.text);
        goto done;
    }
    if (!r.req->broker && !r.req->params_url)
        kept(d, r.home);
    broker(d, r.req);
    store(d, r.req);
    if (!r.req->broker || !r.req->params_url)
        own(d, r.req);
done:
    pipeline_request_destroy(r.req);
    free(r.home);
}
