/* supervisor_tell.c - what a supervisor tells: beats, events, its end. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/machine.h"
#include "src/backend/backend.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/monitor/monitor.h"
#include "src/pilot/supervisor.h"
#include "src/registry/beat.h"

/* Between two beats, and two that go to disk: a shared file system is not to
 * be bothered often.
 */
#define BEAT_NS (2 * CLOCK_S)
#define BEATS_TO_DISK 5
#define QUIET_S 5.0 /* progress comes twice a second */
#define BEAT_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(9))

static const char *state_name(const supervisor *s)
{
    static const char *const names[] = {
        [SUPERVISOR_STARTING] = "STARTING",
        [SUPERVISOR_ACTIVE] = "ACTIVE",
        [SUPERVISOR_DRAINING] = "DRAINING",
    };

    if (s->state == SUPERVISOR_ACTIVE &&
        json_object_get(s->progress, "stalled"))
        return "STALLED";
    if (s->state != SUPERVISOR_OVER)
        return names[s->state];
    if (s->signal && s->status == 128 + s->signal)
        return "CANCELED"; /* its ranks died of the same */
    if (s->status != 0)
        return "FAILED";
    return s->cut || s->canceled ? "CANCELED" : "DONE";
}

static void set_text(json_t *o, const char *key, const char *value)
{
    if (value && *value)
        json_object_set_new(o, key, event_text(value));
}

static void set_int(json_t *o, const char *key, int64_t value)
{
    if (value)
        json_object_set_new(o, key, json_integer((json_int_t)value));
}

static void set_place(const supervisor *s, json_t *o)
{
    char name[256] = "";

    if (gethostname(name, sizeof(name) - 1) == 0)
        set_text(o, "host", name);
    set_int(o, "pid", getpid());
    if (s->conf.batch)
        set_text(o, "sched_id", backend_job());
}

/* Which of several layers a pool is of. */
static json_t *layer_make(const supervisor *s)
{
    const pipeline *pl = s->pl;
    json_t *o =
        json_pack("{s:s, s:i, s:i}", "name", pipeline_layer_name(pl, pl->seen),
                  "index", (int)pl->seen, "of", (int)pl->n_streams);

    if (o && pl->stream_broker)
        set_text(o, "broker", pl->stream_broker);
    return o;
}

/* For who looks from elsewhere, and has no file of the run. */
static void set_run(const supervisor *s, json_t *o)
{
    char topic[256];

    set_int(o, "born_ns", clock_real_ns() - (clock_mono_ns() - s->born_ns));
    if (!s->pl)
        return;
    set_text(o, "pipeline", s->pl->name);
    if (pipeline_is_local(s->pl))
        return;
    pipeline_topic(s->pl, s->req->run, "", topic, sizeof(topic));
    set_text(o, "topic", topic);
    if (s->pl->n_streams > 1 && s->pilot && s->pilot->kind == PILOT_POOL)
        json_object_set_new(o, "layer", layer_make(s));
}

static void set_newest(const supervisor *s, json_t *o)
{
    if (s->progress)
        json_object_set(o, "progress", s->progress);
    if (s->final)
        json_object_set(o, "final", s->final);
    if (s->error)
        json_object_set(o, "error", s->error);
    if (json_object_get(s->progress, "partitions"))
        json_object_set(o, "partitions",
                        json_object_get(s->progress, "partitions"));
}

/* A new beat (beat.h); NULL: no memory. */
static json_t *beat_make(supervisor *s)
{
    json_t *o =
        json_pack("{s:i, s:s, s:s, s:I, s:s, s:I, s:i}", "schema", BEAT_SCHEMA,
                  "pilot", s->conf.id, "kind", s->conf.kind, "seq",
                  (json_int_t)++s->seq, "state", state_name(s), "time_ns",
                  (json_int_t)clock_real_ns(), "ranks", s->conf.ranks);

    if (!o)
        return NULL;
    set_text(o, "reason", s->reason);
    set_place(s, o);
    set_run(s, o);
    set_int(o, "limit_ns", s->time.end_ns);
    set_int(o, "restarts", life_restarts(s));
    set_text(o, "endpoint", s->endpoint);
    set_text(o, "successor", s->successor);
    json_object_set_new(o, "cpu_s", json_real(life_cpu_s(s)));
    if (s->energy.is_open && !*s->energy.why)
        json_object_set_new(o, "joules", json_real(s->energy.joules));
    if (!s->machine)
        s->machine = machine_make();
    if (s->machine)
        json_object_set(o, "machine", s->machine);
    set_newest(s, o);
    return o;
}

static void to_file(const supervisor *s, const char *name, const char *json)
{
    char *path = text_format("%s/%s", s->dir, name);
    pe_error e = {0};

    if (path && file_write(path, json, strlen(json), 0600, &e) < 0)
        log_warn("%s", e.text);
    free(path);
}

/* A rank 0 in a function that does not come back tells nothing, be it that it
 * stands still.
 */
static void tell_silence(supervisor *s)
{
    double seconds = (double)(clock_mono_ns() - s->heard_ns) * 1e-9;
    char words[160], note[256];

    if (s->heard_ns != 0 && seconds >= QUIET_S) {
        /* The rate that it told last is none any more. */
        json_object_set_new(s->progress, "rate", json_real(0));
        json_object_set_new(s->progress, "quiet_s", json_real(seconds));
    }
    if (s->heard_ns == 0 || s->state != SUPERVISOR_ACTIVE || !s->pl ||
        s->pl->stall_s <= 0 || seconds < s->pl->stall_s ||
        json_object_get(s->progress, "stalled"))
        return;
    snprintf(words, sizeof(words),
             "rank 0 has not come back from its function for %.0f s", seconds);
    json_object_set_new(
        s->progress, "stalled",
        json_pack("{s:s, s:I, s:s}", "hop", "kernel", "since_ns",
                  (json_int_t)(clock_real_ns() - (int64_t)(seconds * 1e9)),
                  "text", words));
    snprintf(note, sizeof(note), "pool %s is STALLED; kernel: %s",
             s->req->member, words);
    tell_note(s, note);
    s->changed = true;
}

/* Has a stage moved?  Somebody waits for it (`pilot move`). */
static bool has_moved(const supervisor *s, const json_t *event)
{
    const json_t *was = json_object_get(s->progress, "place");
    const json_t *is = json_object_get(event, "place");

    return was != is && !json_equal(was, is);
}

void tell_progress(supervisor *s, json_t *event)
{
    bool was = json_object_get(s->progress, "stalled") != NULL;
    bool is = json_object_get(event, "stalled") != NULL;

    s->changed = s->changed || was != is || has_moved(s, event);
    s->heard_ns = s->pilot->kind == PILOT_POOL ? clock_mono_ns() : 0;
    json_decref(s->progress);
    s->progress = json_incref(event);
}

void tell_beat(supervisor *s, int64_t now_ns)
{
    bool now;
    json_t *o;
    char *json;

    tell_silence(s);
    now = s->changed;
    if (!now && now_ns < s->beat_ns)
        return;
    s->beat_ns = now_ns + BEAT_NS;
    s->changed = false;
    energy_turn(&s->energy);
    o = beat_make(s);
    json = o ? json_dumps(o, BEAT_FLAGS) : NULL;
    if (json && s->herald)
        herald_say(s->herald, json, now);
    if (json && (now || s->seq % BEATS_TO_DISK == 0)) {
        to_file(s, "beat.json", json);
        life_keep(s);
    }
    free(json);
    json_decref(o);
}

void tell_state(supervisor *s, enum supervisor_state state, const char *fmt,
                ...)
{
    va_list ap;

    s->state = state;
    va_start(ap, fmt);
    if (vsnprintf(s->reason, sizeof(s->reason), fmt, ap) < 0)
        s->reason[0] = '\0';
    va_end(ap);
    s->changed = true;
    if (!s->attached)
        log_info("%s%s%s", state_name(s), *s->reason ? ": " : "", s->reason);
}

/* People who read the job's output have use for some of them. */
static void to_log(const json_t *event)
{
    const char *kind = json_string_value(json_object_get(event, "event"));
    const char *words = json_string_value(json_object_get(event, "text"));

    if (!words || !kind)
        return;
    if (!strcmp(kind, "error"))
        log_error("%s", words);
    else if (!strcmp(kind, "died") &&
             json_is_true(json_object_get(event, "again")))
        log_warn("%s", words); /* else an error has said it */
    else if (!strcmp(kind, "note"))
        log_info("%s", words);
}

void tell_event(supervisor *s, json_t *event)
{
    if (!event)
        return;
    if (s->attached) {
        event_print(event);
        return;
    }
    to_log(event);
    json_decref(event);
}

void tell_note(supervisor *s, const char *words)
{
    tell_event(s, event_note(s->req ? s->req->member : "", words));
}

void tell_error(supervisor *s, const pe_error *e)
{
    json_t *event =
        json_pack("{s:s, s:s, s:o, s:s, s:i}", "event", "error", "pilot",
                  s->req && s->req->member ? s->req->member : "", "text",
                  event_text(e->text), "kind", event_kind_name(e->kind), "exit",
                  e->exit_code ? (int)e->exit_code : PE_EXIT_FAILED);

    if (event && s->silent)
        json_object_set_new(event, "silent", json_true());
    if (!s->status)
        s->status = e->exit_code ? (int)e->exit_code : PE_EXIT_FAILED;
    snprintf(s->reason, sizeof(s->reason), "%.500s", e->text);
    json_decref(s->error);
    s->error = json_incref(event);
    tell_event(s, event);
}

/* Why it ended, where no error says so. */
static void settle_reason(supervisor *s)
{
    const char *words = json_string_value(json_object_get(s->error, "text"));

    if (s->status != 0 && words)
        snprintf(s->reason, sizeof(s->reason), "%s", words);
    else if (s->status == 0 && s->state != SUPERVISOR_DRAINING)
        s->reason[0] = '\0';
}

/* Has the last pool told that everything is learned?  Then that is so, however
 * its processes ended afterwards.
 */
static bool is_learned(const supervisor *s)
{
    const crew *c = s->n_units > 0 ? &s->units[0].crew : NULL;

    return s->pilot && s->pilot->kind == PILOT_POOL && c && c->told.final &&
           !c->told.failed && !c->told.drained && !s->pl->forwards;
}

static uint64_t began_of(const json_t *final, const char *key)
{
    const json_t *began = json_object_get(final, "began");

    return (uint64_t)json_integer_value(json_object_get(began, key));
}

/* A pool that nobody follows leaves a summary of itself: in DIR/summary.json,
 * and as a table in the output of its job.
 */
static void summary_leave(const supervisor *s)
{
    monitor *m = NULL;
    json_t *summary = NULL;
    char *json = NULL;

    if (s->attached || !s->final || s->pilot->kind != PILOT_POOL)
        return;
    m = monitor_create(s->req->run, s->pl->name, NULL);
    if (m) {
        const char *why = json_string_value(json_object_get(s->error, "text"));
        if (s->pl->until_eof)
            monitor_until_eof(m);
        monitor_began(m, began_of(s->final, "blocks"),
                      began_of(s->final, "points"),
                      began_of(s->final, "bytes"));
        monitor_take(m, s->req->member, s->final);
        if (why)
            monitor_error(m, why);
        summary = monitor_summary(
            m, json_string_value(json_object_get(s->final, "state")),
            (double)(clock_mono_ns() - s->born_ns) / 1e9);
    }
    if (summary)
        json = json_dumps(summary, JSON_INDENT(2) | JSON_PRESERVE_ORDER |
                                       JSON_REAL_PRECISION(9));
    if (json) {
        to_file(s, "summary.json", json);
        monitor_print(summary, stdout);
        fflush(stdout);
    }
    free(json);
    json_decref(summary);
    monitor_destroy(m);
}

void tell_exit(supervisor *s)
{
    json_t *o;
    char *json;

    summary_leave(s);
    settle_reason(s);
    s->state = SUPERVISOR_OVER;
    o = s->conf.id ? beat_make(s) : NULL;
    if (o)
        json_object_set_new(o, "status", json_integer(s->status));
    json = o ? json_dumps(o, BEAT_FLAGS) : NULL;
    if (json) {
        to_file(s, "beat.json", json);
        to_file(s, "exit", json);
        life_keep(s);
    }
    if (json && s->herald)
        herald_say(s->herald, json, true);
    if (s->herald && is_learned(s))
        herald_control(s->herald, "done");
    if (!s->attached)
        log_info("ended with status %d%s%s", s->status,
                 *s->reason && !s->error ? ": " : "",
                 s->error ? "" : s->reason); /* an error was said */
    free(json);
    json_decref(o);
}
