/* doctor_services.c - `pilot doctor` about broker, parameters, clocks. */
#include <stdlib.h>
#include <string.h>

#include "src/broker/broker.h"
#include "src/cmd/doctor.h"
#include "src/cmd/run.h"
#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/params/params.h"

/* More than this and latencies between hosts mean nothing. */
#define CLOCK_LIMIT_MS 50.0

static void broker(doctor *d, const pipeline_request *q)
{
    broker_conf c = {0};
    pe_error e = {0};
    broker_admin *a;

    if (!q->broker) {
        doctor_line(d, false,
                    "no broker is known: set PILOT_BROKER, or keep "
                    "one by `scripts/services start`, or have a pilot "
                    "of kind broker");
        return;
    }
    pipeline_request_broker(q, &c, "pilot-doctor");
    a = broker_admin_open(&c, &e);
    doctor_line(d, a != NULL, "%s%s", a ? "broker " : "",
                a ? q->broker : e.text);
    broker_admin_close(a);
}

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
    ms = (double)(server - before - (after - before) / 2) / 1e6;
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
        doctor_line(d, false,
                    "no parameter service is known: set "
                    "PILOT_PARAMS, or keep one by `scripts/services "
                    "start`, or have a pilot of kind params");
        return;
    }
    pipeline_request_params(q, &c);
    p = params_open(&c, "doctor", &e);
    doctor_line(d, p != NULL, "%s%s", p ? "parameter service " : "",
                p ? q->params_url : e.text);
    if (p)
        offset(d, p);
    params_close(p);
}

void doctor_services(doctor *d)
{
    char none[] = "doctor";
    struct run_options ro = {0};
    struct run r = {.o = &ro, .lock_fd = -1, .signal_fd = -1, .p = d->pl};
    pipeline nothing = {0};
    pe_error e = {0};

    if (d->pl && pipeline_is_local(d->pl))
        return; /* it needs none */
    r.home = locate_home(&e);
    r.req = calloc(1, sizeof(*r.req));
    if (!r.home || !r.req) {
        doctor_line(d, false, "%s", r.home ? "out of memory" : e.text);
    } else {
        if (!r.p)
            r.p = &nothing;
        r.req->run = strdup(none);
        r.req->dir = strdup(r.home);
        if (pipeline_via_here(r.p))
            r.req->via = strdup(pipeline_via_here(r.p));
        run_endpoints_find(&r, &e); /* what is not found is told below */
        if (pipeline_via_open(r.req, &e) < 0) {
            doctor_line(d, false, "%s", e.text);
        } else {
            broker(d, r.req);
            store(d, r.req);
        }
    }
    pipeline_request_destroy(r.req);
    free(r.home);
}
