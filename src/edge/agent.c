/* agent.c - the edge agent: all devices of one edge pilot in a process. */
#include "agent.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/agent/via.h"
#include "src/common/clock.h"
#include "src/common/failpoint.h"
#include "src/common/log.h"
#include "src/edge/agent_private.h"
#include "src/edge/device_scale.h"
#include "src/edge/report.h"
#include "src/federate/sent.h"
#include "src/login/seal.h"
#include "src/poison/device.h"

#define TURN_NS 20000000       /* of the main loop, and for each device more: */
#define TURN_DEVICE_NS 100000  /* it goes through all of them */
#define CONTROL_NS 250000000   /* between two looks at the control word */
#define AWAY_RETRY_NS CLOCK_S  /* the same while Redis is away */
#define ABORT_NS (3 * CLOCK_S) /* for functions, at an end by error */

/* --- shared state of functions --- */

static int shared_put(void *arg, const char *key, const void *value,
                      uint32_t len, pe_error *errp)
{
    agent *a = arg;
    int rc;

    pthread_mutex_lock(&a->lock);
    rc = params_shared_put(a->params, key, value, len, errp);
    pthread_mutex_unlock(&a->lock);
    return rc;
}

static int shared_once(void *arg, const char *key, const void *value,
                       uint32_t len, pe_error *errp)
{
    agent *a = arg;
    int rc;

    pthread_mutex_lock(&a->lock);
    rc = params_shared_once(a->params, key, value, len, errp);
    pthread_mutex_unlock(&a->lock);
    return rc;
}

static int shared_get(void *arg, const char *key, void *value, uint32_t cap,
                      pe_error *errp)
{
    agent *a = arg;
    size_t len = 0;
    int rc;

    pthread_mutex_lock(&a->lock);
    rc = params_shared_get(a->params, key, value, cap, &len, errp);
    pthread_mutex_unlock(&a->lock);
    return rc < 0 ? -1 : (int)(len < cap ? len : cap);
}

static void shared_tell(void *arg, const char *words)
{
    const agent *a = arg;

    report_note(a->pilot, words);
}

/* --- start --- */

static int load(agent *a, const char *dir, pe_error *errp)
{
    const char *name = a->pilot; /* in the file */

    a->req = pipeline_request_read(dir, errp);
    if (!a->req)
        return -1;
    a->pl = pipeline_load(a->req->file, (const char *const *)a->req->overrides,
                          a->req->n_overrides, errp);
    if (a->req->member)
        a->pilot = a->req->member; /* in what it tells */
    if (!a->pl || pipeline_see(a->pl, a->req, 0, errp) < 0 ||
        pipeline_use_kernel(a->pl, errp) < 0 ||
        plan_make(&a->plan, a->pl, a->req, name, errp) < 0)
        return -1;
    if (!a->req->broker || !a->req->params_url)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "%s/request.json names no %s for pilot '%s'", dir,
                            a->req->broker ? "params_url" : "broker", a->pilot);
    a->alone = !pipeline_pilot_of(a->pl, PILOT_POOL);
    return via_open(a->req, errp);
}

bool agent_learner(const pipeline *pl, learner_conf *out)
{
    const pipeline_stage *s = pipeline_learner(pl);

    if (s)
        *out = (learner_conf){.stage = s->name,
                              .kind = s->function,
                              .options = s->options,
                              .least = s->least,
                              .within_s = s->sync_s};
    return s;
}

/* Where its model learns here: how, and behind which block, for a source that
 * can be read again has sent what the topic has, whether that is committed or
 * not.
 */
static int let_learn(agent *a, agent_device *d, int number, pe_error *errp)
{
    sent_conf c = {.broker = a->producer.broker,
                   .run = a->req->run,
                   .topic = a->plan.topic,
                   .device = d->name,
                   .partition = d->conf.partition,
                   .message_bytes = a->pl->message_bytes,
                   .from = d->stored,
                   .signer = d->conf.signer,
                   .boot = d->conf.id.boot};

    if (!agent_learner(agent_pipeline(a), &d->learn))
        return 0;
    d->learn.number = number;
    d->conf.learn = &d->learn;
    if (!d->conf.rereadable)
        return 0;
    return federate_find_sent(&c, &d->conf.id.first, errp);
}

/* A parameter service that was rolled back between two commands knows of less
 * than the devices have sent: those blocks are sent once more, and counted.
 */
static void count_resent(agent *a, const agent_device *d)
{
    const tally_counts *c = &d->before;
    uint64_t told = c->sent + c->filtered + c->dropped + c->lost + c->spooled;

    if (d->conf.rereadable && told > d->conf.id.first)
        a->resent += told - d->conf.id.first;
}

static int make_device(agent *a, int i, const params_state *state,
                       pe_error *errp)
{
    agent_device *d = &a->devices[i];
    int number = a->plan.first_device + i;

    agent_device_name(a, i, d->name, sizeof(d->name));
    d->conf = (device_conf){
        .run = a->req->run,
        .topic = a->plan.topic,
        .name = d->name,
        .index = i,
        .partition = pipeline_partition(a->pl, number),
        .rate = a->plan.source->rate,
        .queue_bytes = a->plan.pilot->queue_bytes,
        .message_bytes = a->pl->message_bytes,
        .drop = a->plan.pilot->full_drop,
        .spool = a->spools.of ? a->spools.of[i] : NULL,
        .spool_bytes = a->plan.pilot->spool.size,
        .spool_drop = a->plan.pilot->spool.drop,
        .rereadable = a->plan.rereadable,
        .framed = a->plan.framed,
        .stages = agent_plan(a)->stages,
        .n_stages = agent_plan(a)->n_stages,
        .cap_stages = PLAN_STAGES_MAX,
        .revision = a->revision,
        .sender = a->sender,
        .executor = a->executor,
        .follower = a->follower,
        .shared = &a->shared,
        .scale = a->scale,
        .tally = tally_slot_of(a->tally, i),
    };
    d->before = tally_device_before(a->tally, i);
    if (a->seal && !(d->conf.signer =
                         seal_signer_open(a->seal, a->req->run, d->name, errp)))
        return -1;
    if (agent_identify(a, i, state, errp) < 0 ||
        let_learn(a, d, number, errp) < 0)
        return -1;
    count_resent(a, d);
    d->device = device_create(&d->conf, errp);
    return d->device ? 0 : -1;
}

/* Who waits for a disk with each block needs a thread for it. */
static int open_executor(agent *a, pe_error *errp)
{
    const pipeline_pilot *p = a->plan.pilot;

    if (p->spool.size > 0 && p->spool.sync == SPOOL_EACH)
        return 0;
    a->executor = executor_create(0, errp);
    return a->executor ? 0 : -1;
}

/* Who the devices are, from what the run has applied of them. */
static int make_devices(agent *a, pe_error *errp)
{
    params_state state = {0};
    int rc;

    a->devices = calloc((size_t)a->plan.pilot->devices, sizeof(*a->devices));
    if (!a->devices)
        return pe_error_nomem(errp);
    a->scale = device_scale_create(PLAN_STAGES_MAX, errp);
    if (!a->scale || open_executor(a, errp) < 0)
        return -1;
    rc = params_state_fetch(a->layer, &state, errp);
    a->spools.blind = rc < 0 && agent_spools_bear(a, errp);
    if (rc < 0 && !a->spools.blind)
        return -1;
    rc = 0;
    while (rc == 0 && a->n < a->plan.pilot->devices)
        rc = make_device(a, a->n++, &state, errp);
    params_state_free(&state);
    return rc;
}

static int connect_services(agent *a, pe_error *errp)
{
    a->booted = a->plan.rereadable;
    pipeline_request_params(a->req, &a->params_conf);
    a->params_conf.no_commits = true;
    a->params_conf.later = a->plan.pilot->spool.size > 0;
    a->params = params_open(&a->params_conf, a->req->run, errp);
    if (!a->params)
        return -1;
    a->layer = a->req->key ? params_open(&a->params_conf, a->req->key, errp)
                           : a->params;
    if (!a->layer)
        return -1;
    a->shared = (context_host){.arg = a,
                               .put = shared_put,
                               .once = shared_once,
                               .get = shared_get,
                               .tell = shared_tell};
    plan_producer(&a->plan, a->pl, a->req, &a->producer);
    a->sender = a->params_conf.later
                    ? sender_open_later(&sender_broker_ops, &a->producer, errp)
                    : sender_open(&sender_broker_ops, &a->producer, errp);
    if (!a->sender)
        return -1;
    a->follower = follower_start(&a->params_conf, a->req->run, errp);
    return a->follower ? 0 : -1;
}

static int open_tally(agent *a, const char *dir, pe_error *errp)
{
    uint64_t lost;

    a->tally = tally_open(dir, a->plan.pilot->devices, a->plan.rereadable,
                          a->spools.found, errp);
    if (!a->tally)
        return -1;
    tally_before(a->tally, &lost);
    if (lost > 0)
        report_lost(a->pilot, lost);
    return 0;
}

static int open_guard(agent *a, const char *dir, pe_error *errp)
{
    char *told;
    int rc = device_guard_open(dir, a->plan.pilot->devices, a->plan.rereadable,
                               &told, errp);

    if (told)
        shared_tell(a, told);
    free(told);
    return rc;
}

static int open_trace(agent *a, const char *dir, pe_error *errp)
{
    traced_conf c = {.req = a->req,
                     .folder = dir,
                     .pilot = a->plan.pilot->name,
                     .member = a->pilot,
                     .kind = "edge",
                     .ranks = 1,
                     .clock = true};

    if (!a->pl->trace)
        return 0;
    a->traced = traced_open(&c, errp);
    if (!a->traced)
        return -1;
    sender_trace(a->sender, traced_log(a->traced));
    follower_trace(a->follower, traced_log(a->traced));
    return 0;
}

static int start(agent *a, const char *dir, pe_error *errp)
{
    if (load(a, dir, errp) < 0 ||
        pipeline_seal(a->pl, a->req, &a->seal, errp) < 0 ||
        connect_services(a, errp) < 0 || agent_first_stages(a, errp) < 0 ||
        open_trace(a, dir, errp) < 0 || agent_spools_open(a, dir, errp) < 0 ||
        open_tally(a, dir, errp) < 0 || open_guard(a, dir, errp) < 0 ||
        make_devices(a, errp) < 0)
        return -1;
    if (agent_open_ends(a, errp) < 0 && !agent_spools_bear(a, errp))
        return -1;
    a->reached_ns = clock_mono_ns();
    a->through = a->plan.n_stages;
    if (agent_take_place(a, errp) < 0 && !agent_spools_bear(a, errp))
        return -1;
    for (int i = 0; i < a->n; i++)
        if (device_start(a->devices[i].device, errp) < 0)
            return -1;
    return 0;
}

/* --- the main loop --- */

static void drain(agent *a)
{
    if (a->draining || a->end_ns)
        return;
    a->draining = true;
    agent_tell_soon(a);
    log_info("draining: sources stop, what is queued is sent");
    for (int i = 0; i < a->n; i++)
        device_cancel(a->devices[i].device);
}

static void take_signals(agent *a)
{
    if (atomic_load(a->signals) == 0)
        return;
    a->leaving = true;
    drain(a);
}

/* Redis is away: as long as blocks flow that is no matter.  -1 is for errors
 * that will not pass.
 */
static int bear_absence(agent *a, const pe_error *e, pe_error *errp)
{
    a->control_ns = clock_mono_ns() + AWAY_RETRY_NS;
    if (e->kind == PE_ERROR_RETRY)
        return 0;
    if (errp)
        *errp = *e;
    return -1;
}

static int take_control(agent *a, pe_error *errp)
{
    int64_t now = clock_mono_ns();
    char word[64] = "";
    pe_error e = {0};
    int rc;

    if (now < a->control_ns)
        return 0;
    a->control_ns = now + CONTROL_NS;
    pthread_mutex_lock(&a->lock);
    rc = params_control_fetch(a->params, word, sizeof(word), &e);
    pthread_mutex_unlock(&a->lock);
    if (rc == 0)
        rc = agent_take_place(a, &e);
    if (rc < 0)
        return bear_absence(a, &e, errp);
    a->reached_ns = clock_mono_ns();
    if (!strcmp(word, "done"))
        a->leaving = true;
    if (!strcmp(word, "done") || !strcmp(word, "drain"))
        drain(a);
    if (!strcmp(word, "stop"))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "run %s was stopped", a->req->run);
    return 0;
}

/* Look after the devices: 1 all have ended and said so, 0 not yet, -1 one
 * failed.
 */
static int attend(agent *a, pe_error *errp)
{
    int left = 0, opening = 0;

    for (int i = 0; i < a->n; i++) {
        agent_device *d = &a->devices[i];
        enum device_state state = device_state_get(d->device);
        opening += state == DEVICE_OPENING;
        if (state == DEVICE_FAILED) {
            if (errp)
                *errp = *device_error(d->device);
            return -1;
        }
        if (state == DEVICE_ENDED && !d->end_put && !agent_ends_wait(a) &&
            !a->spools.left && agent_put_end(a, d, errp) < 0)
            return -1;
        left += !d->end_put && !(state == DEVICE_ENDED && a->spools.left);
    }
    if (opening == 0 && a->start_ns == 0) {
        a->start_ns = clock_mono_ns();
        report_ready(a->pilot, a->n);
    }
    return left == 0;
}

/* All devices have ended: models are followed on, to the pool's last. */
static bool may_leave(const agent *a)
{
    return a->leaving || a->alone ||
           clock_mono_ns() - a->reached_ns > AGENT_AWAY_NS;
}

/* To the end of the devices and then of the run. */
static int loop(agent *a, pe_error *errp)
{
    for (;;) {
        take_signals(a);
        if (agent_take_boots(a, errp) < 0 || take_control(a, errp) < 0 ||
            agent_take_stages(a, errp) < 0 || sender_error(a->sender, errp) < 0)
            return -1;
        int over = a->end_ns ? 1 : attend(a, errp);
        if (over < 0)
            return -1;
        agent_tell_progress(a);
        agent_tell_late(a);
        agent_spools_turn(a);
        if (!a->orphan_ns && !event_is_heard()) {
            /* Who started us is gone: with the devices' ends the pool
             * finishes by itself, and a resume goes on.
             */
            a->orphan_ns = clock_mono_ns();
            drain(a);
            a->leaving = true;
        }
        if (over && !a->end_ns) {
            a->end_ns = clock_mono_ns();
            report_ended(a->pilot, a->n);
        }
        if (over && may_leave(a))
            return 0;
        /* Also of devices whose blocks stay in their spools: a pool that has
         * what they sent is not to wait for the rest.
         */
        if (over)
            agent_keep_ends(a);
        else if (a->req->place < 0 && clock_mono_ns() >= a->ends_ns)
            agent_open_ends(a, NULL);
        clock_sleep_ns(TURN_NS + a->n * (int64_t)TURN_DEVICE_NS, 0);
    }
}

/* --- end --- */

/* A function that does not come back is not waited for: the process goes with
 * it, and what was counted stands in the tally.
 */
static void leave_late(agent *a, int status)
{
    int64_t until = clock_mono_ns() + ABORT_NS;

    for (int i = 0; i < a->n; i++) {
        const device *d = a->devices[i].device;
        const char *stage = NULL;
        int64_t since;
        while (d && (stage = device_at(d, &since)) && clock_mono_ns() < until)
            clock_sleep_ns(TURN_NS, 0);
        if (!stage)
            continue;
        log_error("device %s: stage '%s' does not come back and is left",
                  a->devices[i].name, stage);
        fflush(NULL);
        _exit(status);
    }
}

/* Threads first, then what they use: the sender borrows the blocks of the
 * devices, which use functions and the follower.
 */
static void stop(agent *a, int status)
{
    for (int i = 0; i < a->n; i++)
        if (a->devices[i].device)
            device_abort(a->devices[i].device);
    leave_late(a, status);
    for (int i = 0; i < a->n; i++)
        if (a->devices[i].device)
            device_join(a->devices[i].device);
    if (a->sender)
        sender_answers(a->sender, &a->answers);
    sender_close(a->sender);
    a->sender = NULL;
    if (a->follower)
        follower_stop(a->follower);
}

static void release(agent *a)
{
    for (int i = 0; i < a->n; i++) {
        device_destroy(a->devices[i].device);
        seal_signer_close(a->devices[i].conf.signer);
    }
    seal_close(a->seal);
    executor_destroy(a->executor);
    agent_spools_close(a);
    agent_recent_free(a);
    free(a->devices);
    device_scale_destroy(a->scale);
    tally_close(a->tally);
    device_guard_close();
    follower_destroy(a->follower);
    traced_close(a->traced);
    if (a->layer != a->params)
        params_close(a->layer);
    params_close(a->params);
    agent_stages_free(a);
    plan_clear(&a->plan);
    pipeline_destroy(a->pl);
    pipeline_request_destroy(a->req);
    pthread_mutex_destroy(&a->lock);
}

int agent_run(const char *dir, const char *pilot, const atomic_int *signals)
{
    agent a = {.pilot = pilot, .signals = signals};
    pe_error error = {0};
    int rc;

    pthread_mutex_init(&a.lock, NULL);
    rc = start(&a, dir, &error);
    if (rc == 0)
        rc = loop(&a, &error);
    if (rc < 0) {
        event_error(pilot, &error);
        log_error("%s", error.text);
    }
    stop(&a, rc < 0 ? (int)error.exit_code : PE_EXIT_OK);
    if (rc == 0)
        agent_tell_final(&a);
    release(&a);
    return rc < 0 ? (int)error.exit_code : PE_EXIT_OK;
}
