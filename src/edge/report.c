/* report.c - what an edge pilot tells the command that runs it. */
#include "report.h"

#include <stdio.h>

#include "src/agent/event.h"
#include "src/common/clock.h"
#include "src/common/speed.h"

#define NS_PER_S 1e9

void report_add(device_stats *sum, const device_stats *s)
{
    sum->sensed += s->sensed;
    sum->filtered += s->filtered;
    sum->dropped += s->dropped;
    sum->sent += s->sent;
    sum->spooled += s->spooled;
    sum->lost += s->lost;
    sum->carried += s->carried;
    sum->points += s->points;
    sum->bytes += s->bytes;
    sum->scored += s->scored;
    sum->unscored += s->unscored;
    sum->outliers += s->outliers;
    sum->drifts += s->drifts;
    sum->busy_ns += s->busy_ns;
    sum->blocked_ns += s->blocked_ns;
    sum->paced_ns += s->paced_ns;
}

void report_ready(const char *pilot, int devices)
{
    event_print(json_pack("{s:s, s:s, s:i}", "event", "ready", "pilot", pilot,
                          "devices", devices));
}

void report_read(context_progress *sum, context_progress r)
{
    sum->rows += r.rows;
    sum->done += r.done;
    sum->all += r.all;
}

void report_progress(const char *pilot, const report_now *now)
{
    const context_progress *read = now->read;
    const report_waits *w = now->waits;
    json_t *event = tally_event(pilot, now->blocks, now->again, now->seconds);

    if (event)
        event_real(event, "cpu_s", clock_cpu_s());
    if (event && now->skipped)
        json_object_set_new(event, "skipped",
                            json_integer((json_int_t)now->skipped));
    if (event && read->all > 0) {
        json_object_set_new(event, "rows",
                            json_integer((json_int_t)read->rows));
        json_object_set_new(event, "share",
                            json_real((double)read->done / (double)read->all));
    }
    if (event && w)
        json_object_set_new(event, "waits",
                            json_pack("{s:I, s:o}", "since_ns",
                                      (json_int_t)w->since_ns, "text",
                                      event_text(w->why)));
    if (event && now->recent)
        json_object_update(event, now->recent);
    json_decref(now->recent);
    if (event && now->stalled && now->stalled->hop)
        json_object_set_new(event, "stalled",
                            json_pack("{s:s, s:I, s:o}", "hop",
                                      now->stalled->hop, "since_ns",
                                      (json_int_t)now->stalled->since_ns,
                                      "text", event_text(now->stalled->text)));
    event_print(event);
}

void report_note(const char *pilot, const char *text)
{
    event_print(event_note(pilot, text));
}

void report_lost(const char *pilot, uint64_t n)
{
    char text[128];

    snprintf(text, sizeof(text),
             "pilot %s: %llu block%s sensed and not sent %s lost with the "
             "agent that died",
             pilot, (unsigned long long)n, n == 1 ? "" : "s",
             n == 1 ? "was" : "were");
    report_note(pilot, text);
}

void report_ended(const char *pilot, int devices)
{
    event_print(json_pack("{s:s, s:s, s:i}", "event", "ended", "pilot", pilot,
                          "devices", devices));
}

static json_t *blocks_of(const report *r)
{
    const tally_counts *c = &r->blocks;

    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "sensed",
                     (json_int_t)c->sensed, "resent", (json_int_t)r->resent,
                     "filtered", (json_int_t)c->filtered, "dropped",
                     (json_int_t)c->dropped, "spooled", (json_int_t)c->spooled,
                     "lost", (json_int_t)c->lost, "sent", (json_int_t)c->sent,
                     "drifts", (json_int_t)c->drifts, "untraced",
                     (json_int_t)r->untraced);
}

/* Rows, or cells, by reason. */
static json_t *reasons_of(const context_skip_list *s, bool cells)
{
    json_t *out = json_object();

    for (size_t i = 0; i < s->n; i++)
        if (s->by[i].cell == cells)
            json_object_set_new(out, s->by[i].reason,
                                json_integer((json_int_t)s->by[i].n));
    return out;
}

static void add_skips(json_t *event, const report *r)
{
    const context_skip_list *s = &r->skips;
    json_t *first = json_object();

    json_object_set_new(event, "rows",
                        json_pack("{s:I}", "skipped", (json_int_t)s->rows));
    if (s->n > 0)
        json_object_set_new(first, s->by[0].cell ? "cells" : "skipped",
                            event_text(s->by[0].first));
    if (*r->drift)
        json_object_set_new(first, "drifts", event_text(r->drift));
    if (json_object_size(first) > 0)
        json_object_set(event, "first", first);
    json_decref(first);
    if (s->n == 0)
        return;
    json_object_set_new(event, "skipped", reasons_of(s, false));
    json_object_set_new(event, "cells", reasons_of(s, true));
}

static json_t *times_of(const report *r)
{
    return json_pack("{s:f, s:f, s:f, s:f, s:f}", "seconds", r->seconds,
                     "cpu_s", clock_cpu_s(), "busy_s",
                     (double)r->sum.busy_ns / NS_PER_S, "blocked_s",
                     (double)r->sum.blocked_ns / NS_PER_S, "paced_s",
                     (double)r->sum.paced_ns / NS_PER_S);
}

json_t *report_answers(const broker_answers *a)
{
    return json_pack("{s:I, s:f, s:f, s:f}", "n", (json_int_t)a->seconds,
                     "slow_ms", a->slow_ms, "quick_ms", a->quick_ms,
                     "throttle_ms", a->throttle_ms);
}

static json_t *model_of(const report *r)
{
    return json_pack("{s:I, s:s}", "version", (json_int_t)r->model_version,
                     "commit", r->model_commit);
}

/* What is told of this process alone, where there were others before it. */
static json_t *life_of(const report *r)
{
    return json_pack("{s:I, s:I, s:{s:I, s:I}, s:I}", "n", (json_int_t)r->lives,
                     "since_ns", (json_int_t)r->since_ns, "blocks", "sensed",
                     (json_int_t)r->sum.sensed, "sent", (json_int_t)r->sum.sent,
                     "bytes", (json_int_t)r->sum.bytes);
}

void report_final(const report *r)
{
    const tally_counts *c = &r->blocks;
    json_t *event = json_pack(
        "{s:s, s:s, s:s, s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:{s:o}, s:o}",
        "event", "edge", "pilot", r->pilot, "state", r->state, "devices",
        r->devices, "blocks", blocks_of(r), "points", (json_int_t)c->points,
        "bytes", (json_int_t)c->bytes, "outliers", (json_int_t)c->outliers,
        "scored", (json_int_t)c->scored, "unscored", (json_int_t)c->unscored,
        "latency_ms", "model", event_latency(r->model_latency), "model",
        model_of(r));
    json_t *times = times_of(r);

    if (event && times)
        json_object_update(event, times);
    if (event) {
        event_real(event, "core_speed", speed_of_core());
        event_int(event, "wire_bytes", r->answers.wire_bytes);
        json_object_set_new(event, "answers", report_answers(&r->answers));
        json_object_set_new(event, "counted", tally_id(c));
        add_skips(event, r);
        if (r->learned)
            json_object_set(event, "learned", r->learned);
        if (r->lives > 1)
            json_object_set_new(event, "life", life_of(r));
        if (r->spool)
            json_object_update(event, r->spool);
    }
    json_decref(r->learned);
    json_decref(r->spool);
    json_decref(times);
    event_print(event);
}
