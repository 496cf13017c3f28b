/* agent_recent.c - what the devices of a pilot have done in the last seconds.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/edge/agent_private.h"

#define LOOK_NS (CLOCK_S)
#define NS_PER_S 1e9

/* --- looks --- */

static broker_answers answers_now(const agent *a)
{
    broker_answers out = {0};

    if (a->sender)
        sender_answers(a->sender, &out);
    return out;
}

/* Keep [now] for later, once a second. */
static void look_keep(agent *a, const device_stats *now, int64_t now_ns)
{
    const agent_look *newest = &a->look[(a->looks - 1) % AGENT_LOOKS];
    agent_look *next = &a->look[a->looks % AGENT_LOOKS];
    size_t bytes = (size_t)a->n * sizeof(*now);

    if (a->looks > 0 && now_ns - newest->ns < LOOK_NS)
        return;
    if (!next->of)
        next->of = malloc(bytes + 1);
    if (!next->of)
        return; /* the next turn may find memory */
    memcpy(next->of, now, bytes);
    next->ns = now_ns;
    next->answers = answers_now(a);
    a->looks++;
}

static const agent_look *look_oldest(const agent *a)
{
    return &a->look[a->looks < AGENT_LOOKS ? 0 : a->looks % AGENT_LOOKS];
}

void agent_recent_free(agent *a)
{
    for (int i = 0; i < AGENT_LOOKS; i++)
        free(a->look[i].of);
}

/* --- all devices together --- */

static double seconds_of(int64_t then, int64_t now)
{
    return now > then ? (double)(now - then) / NS_PER_S : 0;
}

json_t *agent_last(const device_stats *then, const device_stats *now, int n,
                   double seconds)
{
    device_stats a = {0}, b = {0};

    for (int i = 0; i < n; i++) {
        report_add(&a, &then[i]);
        report_add(&b, &now[i]);
    }
    return json_pack(
        "{s:f, s:i, s:{s:I, s:I, s:I, s:I}, s:I, s:I, s:f, s:f, s:f}",
        "seconds", seconds, "devices", n, "blocks", "sensed",
        (json_int_t)(b.sensed - a.sensed), "filtered",
        (json_int_t)(b.filtered - a.filtered), "dropped",
        (json_int_t)(b.dropped - a.dropped), "sent",
        (json_int_t)(b.sent - a.sent), "points",
        (json_int_t)(b.points - a.points), "bytes",
        (json_int_t)(b.bytes - a.bytes), "busy_s",
        seconds_of(a.busy_ns, b.busy_ns), "blocked_s",
        seconds_of(a.blocked_ns, b.blocked_ns), "paced_s",
        seconds_of(a.paced_ns, b.paced_ns));
}

static uint64_t queued(const device_stats *s)
{
    uint64_t gone = s->filtered + s->dropped + s->sent + s->held + s->lost;

    uint64_t all = s->sensed + s->carried;

    return all > gone ? all - gone : 0;
}

/* --- one by one --- */

static json_t *share_of(int64_t then, int64_t now, double seconds)
{
    double s = seconds > 0 ? seconds_of(then, now) / seconds : 0;

    return json_real(s > 1 ? 1 : rint(s * 1e3) / 1e3);
}

static json_t *device_row(const agent_device *d, const device_stats *then,
                          const device_stats *now, double seconds)
{
    uint64_t all_sensed = d->before.sensed + now->sensed;
    uint64_t all_sent = d->before.sent + now->sent;
    json_int_t sensed = (json_int_t)all_sensed, sent = (json_int_t)all_sent;
    json_t *row = json_array();

    json_array_append_new(row, event_text(d->name));
    json_array_append_new(row, json_integer(sensed));
    json_array_append_new(row, json_integer(sent));
    json_array_append_new(row, json_integer((json_int_t)queued(now)));
    json_array_append_new(row, json_real(rint(now->full * 1e3) / 1e3));
    json_array_append_new(row, share_of(then->busy_ns, now->busy_ns, seconds));
    json_array_append_new(row,
                          share_of(then->blocked_ns, now->blocked_ns, seconds));
    json_array_append_new(row,
                          share_of(then->paced_ns, now->paced_ns, seconds));
    return row;
}

/* A device, and what it is shown for. */
struct place {
    int device;
    double full;
    int64_t blocked;
};

static int by_queue(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->full < y->full || x->full > y->full)
        return x->full < y->full ? 1 : -1;
    if (x->blocked != y->blocked)
        return x->blocked < y->blocked ? 1 : -1;
    return x->device - y->device;
}

static int by_number(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return x->device - y->device;
}

json_t *agent_rows(const agent_device *d, const device_stats *then,
                   const device_stats *now, int n, double seconds)
{
    struct place *at = calloc((size_t)n + 1, sizeof(*at));
    int shown = n < EVENT_ROWS_MAX ? n : EVENT_ROWS_MAX;
    json_t *rows = json_array();

    if (!at)
        return rows;
    for (int i = 0; i < n; i++)
        at[i] = (struct place){i, now[i].full,
                               now[i].blocked_ns - then[i].blocked_ns};
    if (n > EVENT_ROWS_MAX)
        qsort(at, (size_t)n, sizeof(*at), by_queue);
    qsort(at, (size_t)shown, sizeof(*at), by_number);
    for (int i = 0; i < shown; i++) {
        int k = at[i].device;

        json_t *row = device_row(&d[k], &then[k], &now[k], seconds);

        agent_learned_row(row, &d[k], now[k].bytes);
        json_array_append_new(rows, row);
    }
    free(at);
    return rows;
}

/* --- for people --- */

static json_t *model_of(const agent *a)
{
    int64_t ns = 0;
    uint64_t version = a->follower ? follower_newest(a->follower, &ns) : 0;

    if (version == 0)
        return NULL;
    return json_pack("{s:I, s:I}", "version", (json_int_t)version, "time_ns",
                     (json_int_t)ns);
}

/* Of all the time they were sensing, which is over sooner than a run: a pool
 * goes on with what they have sent.  NULL: no memory.
 */
static json_t *all_of(const agent *a, const device_stats *now, int64_t now_ns)
{
    device_stats *none = calloc((size_t)a->n + 1, sizeof(*none));
    int64_t end = a->sensed_ns ? a->sensed_ns : now_ns;
    json_t *o =
        none ? agent_last(none, now, a->n, seconds_of(a->start_ns, end)) : NULL;

    free(none);
    return o;
}

json_t *agent_recent(agent *a, const device_stats *now, int64_t now_ns)
{
    const agent_look *then;
    uint64_t waiting = 0, sensed = 0;
    double seconds, full = 0;
    broker_answers answers;
    json_t *last;

    look_keep(a, now, now_ns);
    then = look_oldest(a);
    if (a->looks == 0 || now_ns <= then->ns)
        return NULL;
    seconds = (double)(now_ns - then->ns) / NS_PER_S;
    for (int i = 0; i < a->n; i++) {
        waiting += queued(&now[i]);
        sensed += now[i].sensed;
        full = now[i].full > full ? now[i].full : full;
    }
    if (sensed != a->sensed)
        a->sensed_ns = now_ns;
    a->sensed = sensed;
    answers = answers_now(a);
    answers.seconds -= then->answers.seconds;
    answers.slow_ms -= then->answers.slow_ms;
    answers.quick_ms -= then->answers.quick_ms;
    answers.throttle_ms -= then->answers.throttle_ms;
    last = agent_last(then->of, now, a->n, seconds);
    json_object_set_new(last, "answers", report_answers(&answers));
    return json_pack("{s:I, s:I, s:f, s:o, s:o, s:o, s:o*}", "time_ns",
                     (json_int_t)clock_real_ns(), "queued", (json_int_t)waiting,
                     "full", rint(full * 1e3) / 1e3, "last", last, "all",
                     all_of(a, now, now_ns), "device",
                     agent_rows(a->devices, then->of, now, a->n, seconds),
                     "model", model_of(a));
}
