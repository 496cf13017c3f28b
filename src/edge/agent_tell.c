/* agent_tell.c - what an edge agent says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/edge/agent_private.h"
#include "src/edge/report.h"

#define NS_PER_S 1e9
#define PROGRESS_NS 500000000
#define LATE_NS (5 * CLOCK_S) /* of a function that does not return */
#define DRAIN_NS (3 * CLOCK_S)
#define STILL_NS (5 * CLOCK_S) /* of blocks that nobody acknowledges */

static double seconds_between(int64_t from_ns, int64_t to_ns)
{
    return from_ns ? (double)(to_ns - from_ns) / NS_PER_S : 0;
}

/* The device whose function is at work for the longest time, beyond LATE_NS:
 * its stage; *np: how many are.
 */
static const char *latest(const agent *a, int64_t now, const char **devicep,
                          double *secondsp, int *np)
{
    const char *stage = NULL;
    int64_t oldest = now - LATE_NS;

    *np = 0;
    for (int i = 0; i < a->n; i++) {
        int64_t since;
        const char *at = device_at(a->devices[i].device, &since);
        *np += at && now - since > LATE_NS;
        if (!at || since >= oldest)
            continue;
        oldest = since;
        stage = at;
        *devicep = a->devices[i].name;
    }
    *secondsp = (double)(now - oldest) / NS_PER_S;
    return stage;
}

static uint64_t waiting(const agent *a)
{
    uint64_t n = 0;

    for (int i = 0; i < a->n; i++)
        n += device_waiting(a->devices[i].device);
    return n;
}

/* A function that does not come back is named, at first after some seconds,
 * then ever more seldom; what a drain waits for is, once.
 */
void agent_tell_late(agent *a)
{
    int64_t now = clock_mono_ns();
    const char *name = "", *stage;
    char text[640];
    double seconds;
    uint64_t left;
    int n;

    if (now < a->late_ns || a->end_ns)
        return;
    stage = latest(a, now, &name, &seconds, &n);
    if (stage)
        snprintf(text, sizeof(text),
                 "device %s: stage '%s' has not come back for %.0f s%s", name,
                 stage, seconds, n > 1 ? ", and others" : "");
    else if (a->draining && !a->wait_told && (left = waiting(a)) > 0)
        snprintf(text, sizeof(text),
                 "pilot %s: %llu block%s not acknowledged by the broker "
                 "yet; it is waited for",
                 a->pilot, (unsigned long long)left,
                 left == 1 ? " is" : "s are");
    else
        return;
    log_warn("%s", text);
    report_note(a->pilot, text);
    a->wait_told = a->wait_told || !stage;
    if (stage)
        a->late_ns = now + (int64_t)(seconds * NS_PER_S);
}

/* What earlier incarnations counted, and ours. */
static tally_counts counts_of(const agent *a, const device_stats *sum)
{
    tally_counts c = tally_before(a->tally, NULL);

    c.sensed += sum->sensed;
    c.filtered += sum->filtered;
    c.dropped += sum->dropped;
    c.sent += sum->sent;
    c.points += sum->points;
    c.bytes += sum->bytes;
    c.scored += sum->scored;
    c.unscored += sum->unscored;
    c.outliers += sum->outliers;
    c.drifts += sum->drifts;
    c.lost += sum->lost;
    c.spooled = sum->spooled;
    return c;
}

/* What sources leave out is said with its first row, reason by reason. */
static void skips_note(agent *a)
{
    bool changed = false;

    for (int i = 0; i < a->n; i++) {
        uint64_t n = device_skipped(a->devices[i].device);
        changed = changed || n != a->devices[i].skipped;
        a->devices[i].skipped = n;
    }
    if (!changed)
        return;
    /* Reasons keep their places: those of the devices in their order. */
    memset(&a->skips.rows, 0, 2 * sizeof(uint64_t));
    for (size_t i = 0; i < a->skips.n; i++)
        a->skips.by[i].n = 0;
    for (int i = 0; i < a->n; i++)
        device_skips(a->devices[i].device, &a->skips);
    for (; a->skips_told < a->skips.n; a->skips_told++)
        report_note(a->pilot, a->skips.by[a->skips_told].first);
}

/* The first change that a device finds is told; the others are counted. */
static void drifts_note(agent *a)
{
    for (int i = 0; i < a->n; i++) {
        agent_device *d = &a->devices[i];
        char words[DEVICE_DRIFT], text[DEVICE_DRIFT + 300];
        uint64_t n = device_drifts(d->device, words);

        if (n == 0 || d->drifts > 0)
            continue;
        d->drifts = n;
        snprintf(text, sizeof(text), "drift: %s: %s", d->name, words);
        report_note(a->pilot, text);
        if (!*a->drift)
            memcpy(a->drift, words, sizeof(words));
    }
}

/* Who is to be told of less is told of it. */
static int64_t still_ns(const agent *a)
{
    double stall = a->pl ? a->pl->stall_s : 0;

    return stall > 0 && stall * NS_PER_S < STILL_NS
               ? (int64_t)(stall * NS_PER_S)
               : STILL_NS;
}

bool agent_waits(agent *a, uint64_t sent, report_waits *w)
{
    int64_t now = clock_mono_ns();
    uint64_t left = waiting(a);
    const char *name;
    double seconds;
    int n;

    /* What is in the hands of a function waits for no server. */
    if (sent != a->acked || left == 0 || !a->acked_ns ||
        latest(a, now, &name, &seconds, &n)) {
        a->acked = sent;
        a->acked_ns = now;
        return false;
    }
    if (now - a->acked_ns < still_ns(a))
        return false;
    w->since_ns = clock_real_ns() - (now - a->acked_ns);
    if (a->booted)
        snprintf(w->why, sizeof(w->why),
                 "%llu block%s not acknowledged by the broker",
                 (unsigned long long)left, left == 1 ? " is" : "s are");
    else
        snprintf(w->why, sizeof(w->why),
                 "the parameter service does not answer, and is asked before "
                 "the first of %llu block%s is sent",
                 (unsigned long long)left, left == 1 ? "" : "s");
    return true;
}

/* The stage of a device that keeps what it was given; a source may well have
 * nothing to give.
 */
static bool is_kept(const agent *a, int64_t now, report_stalled *s)
{
    const char *source = a->plan.stages[0].setup.stage, *stage = NULL;
    const char *name = "";
    int64_t oldest = now - (int64_t)(a->pl->stall_s * NS_PER_S);

    for (int i = 0; i < a->n; i++) {
        int64_t since;
        const char *at = device_at(a->devices[i].device, &since);

        if (!at || since > oldest || !strcmp(at, source))
            continue;
        oldest = since;
        stage = at;
        name = a->devices[i].name;
    }
    if (!stage)
        return false;
    s->hop = "edge";
    s->since_ns = clock_real_ns() - (now - oldest);
    snprintf(s->text, sizeof(s->text),
             "device %s: stage '%s' has not come back for %.0f s", name, stage,
             seconds_between(oldest, now));
    return true;
}

void agent_stalls(agent *a, const report_waits *w)
{
    report_stalled s = {0}, was = a->stalled;
    char words[480];

    if (a->pl->stall_s <= 0)
        return;
    if (w && seconds_between(w->since_ns, clock_real_ns()) >= a->pl->stall_s) {
        s.hop = a->booted ? "broker" : "params";
        s.since_ns = w->since_ns;
        snprintf(s.text, sizeof(s.text), "%s", w->why);
    } else {
        is_kept(a, clock_mono_ns(), &s);
    }
    a->stalled = s;
    if ((s.hop != NULL) == (was.hop != NULL))
        return;
    if (s.hop)
        snprintf(words, sizeof(words), "pilot %s is STALLED; %s: %s", a->pilot,
                 s.hop, s.text);
    else
        snprintf(words, sizeof(words), "pilot %s flows again", a->pilot);
    report_note(a->pilot, words);
}

void agent_tell_progress(agent *a)
{
    int64_t now = clock_mono_ns();
    device_stats sum = {0}, *each;
    context_progress read = {0};
    report_waits waits;
    tally_counts c;
    report_now r;
    bool waiting;

    if (now < a->progress_ns || a->start_ns == 0)
        return;
    a->progress_ns = now + PROGRESS_NS;
    each = calloc((size_t)a->n + 1, sizeof(*each));
    for (int i = 0; each && i < a->n; i++) {
        device_progress(a->devices[i].device, &each[i]);
        report_add(&sum, &each[i]);
        report_read(&read, device_read(a->devices[i].device));
    }
    if (!each)
        return; /* the next turn may find memory */
    c = counts_of(a, &sum);
    skips_note(a);
    drifts_note(a);
    waiting = agent_waits(a, sum.sent, &waits);
    agent_stalls(a, waiting ? &waits : NULL);
    r = (report_now){
        .blocks = &c,
        .again = a->plan.rereadable,
        .skipped = a->skips.rows,
        .read = &read,
        .seconds = seconds_between(a->start_ns, now),
        .recent =
            agent_spool_add(a, agent_place_add(a, agent_recent(a, each, now))),
        .waits = waiting ? &waits : NULL,
        .stalled = &a->stalled,
    };
    report_progress(a->pilot, &r);
    free(each);
}

void agent_tell_soon(agent *a)
{
    a->late_ns = clock_mono_ns() + DRAIN_NS;
}

static uint64_t untraced(const agent *a)
{
    trace_log *l = traced_log(a->traced);
    trace_count c = {0};

    if (l) {
        trace_log_flush(l);
        c = trace_log_count(l);
    }
    return c.dropped + c.lost;
}

void agent_tell_final(agent *a)
{
    report r = {.pilot = a->pilot,
                .state = a->draining ? "drained" : "done",
                .devices = a->n,
                .seconds = seconds_between(a->start_ns, a->end_ns),
                .since_ns = clock_real_ns() - (clock_mono_ns() - a->start_ns),
                .model_latency = follower_latency(a->follower)};

    for (int i = 0; i < a->n; i++) {
        device_stats s = device_stats_get(a->devices[i].device);
        report_add(&r.sum, &s);
    }
    skips_note(a);
    drifts_note(a);
    r.untraced = untraced(a);
    r.skips = a->skips;
    memcpy(r.drift, a->drift, sizeof(r.drift));
    r.blocks = counts_of(a, &r.sum);
    r.lives = tally_lives(a->tally);
    r.resent = a->resent;
    r.answers = a->answers;
    r.learned = agent_learned(a);
    r.spool = agent_spool_add(a, NULL);
    r.model_commit = follower_commit(a->follower, &r.model_version);
    report_final(&r);
}
