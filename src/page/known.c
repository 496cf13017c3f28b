/* known.c - gathers what is known of a run. */
#include "known.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/locate.h"
#include "src/common/text.h"
#include "src/live/live.h"
#include "src/monitor/monitor.h"
#include "src/monitor/value.h"
#include "src/page/fold.h"
#include "src/pipeline/pipeline.h"
#include "src/registry/record.h"
#include "src/run/history.h"
#include "src/run/reach.h"
#include "src/trace/trace.h"
#include "src/view/topic_look.h"

#define FILE_MAX_BYTES (16 << 20)
#define CONFIG_MAX_BYTES (1 << 20)
#define REFUSED_LOOK 1000 /* the newest of those, for their reasons */

typedef struct known {
    const char *run;
    char *home, *dir; /* dir NULL: this host has no folder of it */
    json_t *facts, *why;
    bool followed; /* a command follows it */
    bool alive;    /* a pilot of it is not over */
    bool over;     /* its summary is that of its end */
    bool gone;     /* its parameter service has nothing of it */
    bool silent;   /* ... does not answer */
    pe_error none; /* why it cannot be looked at */
    bool quickly;  /* nothing that takes long */
} known;

static void put(known *k, const char *key, json_t *value)
{
    if (value)
        json_object_set_new(k->facts, key, value);
}

static void why(known *k, const char *key, const char *words)
{
    char said[1024];

    text_shown(words, strlen(words), said, sizeof(said));
    json_object_set_new(k->why, key, json_string(said));
}

static json_t *shown(const char *s)
{
    char said[1024];

    text_shown(s ? s : "", s ? strlen(s) : 0, said, sizeof(said));
    return json_string(said);
}

/* A file with an object of JSON; NULL, with the reason in *errp: it is none.
 * Class none: it is not there.
 */
static json_t *json_read(const char *dir, const char *name, pe_error *errp)
{
    char *path = text_format("%s/%s", dir, name);
    size_t len = 0;
    char *data = NULL;
    json_error_t bad;
    json_t *o = NULL;

    if (!path)
        pe_error_nomem(errp);
    else if (access(path, F_OK) == 0)
        data = file_read(path, FILE_MAX_BYTES, &len, errp);
    if (data && !(o = json_loadb(data, len, 0, &bad)))
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is no whole JSON (%s, line %d): it was cut off, or "
                     "changed; put a copy of it back, or move it away",
                     path, bad.text, bad.line);
    if (o && !json_is_object(o)) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                     "%s is JSON and no object, so pilot has not written it: "
                     "put a copy of it back, or move it away",
                     path);
        json_decref(o);
        o = NULL;
    }
    free(data);
    free(path);
    return o;
}

/* --- the folder --- */

static bool is_followed(const char *dir)
{
    char *path = text_format("%s/lock", dir);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    bool held =
        fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    free(path);
    return held;
}

/* The newest sign of life of a pilot; a record speaks for one that has none
 * here.
 */
static json_t *beat_of(const pilot_record *r, const char *dir)
{
    char *folder = text_format("%s/%s", dir, r->name);
    json_t *o = folder ? json_read(folder, "exit", NULL) : NULL;

    if (!o && folder)
        o = json_read(folder, "beat.json", NULL);
    free(folder);
    if (o)
        return o;
    return json_pack("{s:o, s:s, s:o, s:o, s:i, s:i}", "kind", shown(r->kind),
                     "state", pilot_state_name(r->state), "host",
                     shown(r->host), "reason", shown(r->reason), "ranks",
                     r->ranks, "restarts", r->restarts);
}

static void beats_read(known *k)
{
    pilot_record *r = NULL;
    size_t n = 0;
    pe_error e = {0};
    json_t *beats = json_object();

    if (pilot_records_find(k->home, k->run, &r, &n, &e) < 0)
        why(k, "beats", e.text);
    for (size_t i = 0; i < n; i++) {
        json_object_set_new(beats, r[i].name, beat_of(&r[i], k->dir));
        k->alive = k->alive || !pilot_state_is_final(r[i].state);
    }
    free(r);
    put(k, "beats", beats);
}

/* Name of the pipeline in new memory; NULL: it cannot be read. */
static char *pipeline_name(const known *k)
{
    pipeline_request *q = pipeline_request_read(k->dir, NULL);
    pipeline *p = q ? pipeline_load(q->file, (const char *const *)q->overrides,
                                    q->n_overrides, NULL)
                    : NULL;
    char *name = p ? text_format("%s", p->name) : NULL;

    pipeline_destroy(p);
    pipeline_request_destroy(q);
    return name;
}

/* What stands for a summary that nobody wrote: what pilots told last. */
static json_t *summary_make(const known *k)
{
    const json_t *beats = json_object_get(k->facts, "beats");
    char *name = pipeline_name(k);
    monitor *m = monitor_create(k->run, name ? name : "?", NULL);
    const char *pilot;
    json_t *beat, *o = NULL;
    double longest = 0;
    bool any = false;

    json_object_foreach((json_t *)beats, pilot, beat)
    {
        const json_t *last = json_object_get(beat, "final");

        if (!last)
            last = json_object_get(beat, "progress");
        if (!m || !last)
            continue;
        monitor_take(m, pilot, last);
        monitor_cpu(m, pilot, value_real(beat, "cpu_s"));
        longest = value_real(last, "seconds") > longest
                      ? value_real(last, "seconds")
                      : longest;
        any = true;
    }
    if (any)
        o = monitor_summary(m, "cut off", longest);
    monitor_destroy(m);
    free(name);
    return o;
}

static void summary_read(known *k)
{
    pe_error e = {0};
    json_t *o = json_read(k->dir, "summary.json", &e);

    if (o && !k->followed) {
        put(k, "summary", o);
        put(k, "over", json_true());
        k->over = true;
        return;
    }
    json_decref(o);
    if (k->followed)
        why(k, "summary", "the run is not over");
    else if (e.kind != PE_ERROR_NONE)
        why(k, "summary", e.text);
    else
        why(k, "summary",
            "the command that followed the run was killed, or went away, "
            "before it could write one");
    put(k, "summary", summary_make(k));
}

static json_t *strings(char *const *list, size_t n)
{
    json_t *out = json_array();
    char said[1024];

    for (size_t i = 0; i < n; i++) {
        text_shown(list[i], strlen(list[i]), said, sizeof(said));
        json_array_append_new(out, json_string(said));
    }
    return out;
}

/* A file as it is, but for bytes that are no UTF-8. */
static json_t *text_json(char *data, size_t len)
{
    json_t *o;

    for (size_t i = 0; i < len;) {
        size_t n = text_printable(data + i, len - i);

        if (n == 0 && data[i] != '\n' && data[i] != '\t')
            data[i] = '?';
        i += n ? n : 1;
    }
    o = json_stringn(data, len);
    return o;
}

static void config_read(known *k)
{
    pe_error e = {0};
    pipeline_request *q = pipeline_request_read(k->dir, &e);
    size_t len = 0;
    char *data = q ? file_read(q->file, CONFIG_MAX_BYTES, &len, &e) : NULL;

    if (data)
        put(k, "config",
            json_pack("{s:o, s:o, s:o, s:o, s:o}", "text", text_json(data, len),
                      "file", shown("pipeline.yaml"), "set",
                      strings(q->overrides, q->n_overrides), "broker",
                      shown(q->broker), "params", shown(q->params_url)));
    else
        why(k, "config", e.text);
    free(data);
    pipeline_request_destroy(q);
}

static void folder_read(known *k)
{
    char *path = text_format("%s/pipeline.yaml", k->dir);
    struct stat st;

    if (path && stat(path, &st) == 0)
        put(k, "began_ns",
            json_integer(st.st_mtim.tv_sec * CLOCK_S + st.st_mtim.tv_nsec));
    free(path);
    k->followed = is_followed(k->dir);
    put(k, "state", json_string(k->followed ? "starting" : "cut off"));
    beats_read(k);
    config_read(k);
    summary_read(k);
}

/* --- the trace --- */

static json_t *processes_make(const trace *t)
{
    json_t *out = json_array();
    const trace_process *p;

    for (uint32_t i = 0; (p = trace_process_at(t, i)) && i < 4096; i++)
        json_array_append_new(out,
                              json_pack("{s:o, s:o, s:o, s:I, s:I}", "member",
                                        shown(p->member), "host",
                                        shown(p->host), "kind", shown(p->kind),
                                        "offset_ns", (json_int_t)p->offset_ns,
                                        "bound_ns", (json_int_t)p->bound_ns));
    return out;
}

static json_t *trace_json(const trace *t)
{
    trace_facts f = trace_facts_get(t);

    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "rows",
                     (json_int_t)f.rows, "dropped", (json_int_t)f.dropped,
                     "lost", (json_int_t)f.lost, "torn_bytes",
                     (json_int_t)f.torn_bytes, "nameless",
                     (json_int_t)f.nameless, "cut", (json_int_t)f.cut,
                     "unended", (json_int_t)f.unended, "missing",
                     shown(f.missing), "processes", processes_make(t));
}

static int trace_take(known *k, trace *t, pe_error *errp)
{
    json_t *folded;
    fold *f;
    int rc;

    if (strcmp(trace_facts_get(t).run, k->run) != 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "the trace in its folder is of run %s",
                            trace_facts_get(t).run);
    f = fold_create(errp);
    rc = f ? fold_trace(f, t, errp) : -1;
    if (f && rc < 0) /* what was read until then is true */
        why(k, "trace", errp->text);
    folded = f ? fold_json(f) : NULL;
    if (f && !folded && rc == 0)
        rc = pe_error_nomem(errp);
    put(k, "fold", folded);
    put(k, "trace", trace_json(t));
    fold_destroy(f);
    return rc;
}

static void trace_read(known *k)
{
    pe_error e = {0};
    trace *t = trace_open(k->dir, &e);

    if (!t || trace_take(k, t, &e) < 0)
        why(k, "trace", e.text);
    else
        why(k, "trace", "the trace has no row of that kind");
    trace_close(t);
}

/* --- the services --- */

static void live_read(known *k)
{
    live *l = live_open(k->home, k->run, &k->none);
    json_t *o = l ? live_look(l, &k->none) : NULL;

    live_close(l);
    if (!o) {
        why(k, "live", k->none.text);
        return;
    }
    k->gone = !strcmp(value_text(o, "state", ""), "gone");
    k->silent = !strcmp(value_text(o, "state", ""), "unknown");
    if (k->gone)
        why(k, "live", "its parameter service has nothing of it any more");
    else if (json_array_size(json_object_get(o, "trouble")) > 0)
        why(k, "live",
            value_text(json_array_get(json_object_get(o, "trouble"), 0), "text",
                       "its services do not answer"));
    else
        why(k, "live", "its services tell of none");
    if (k->gone && k->dir)
        json_decref(o);
    else
        put(k, "live", o);
}

/* Kept when the run was over, else as its service has it now.  A file that is
 * torn is said, and what its service says is none of its fault.
 */
static void commits_read(known *k)
{
    pe_error torn = {0}, e = {0};
    json_t *o = json_read(k->dir, RUN_HISTORY, &torn);
    reach *r = o ? NULL : reach_create(k->home, &e);
    params *p = r ? reach_params(r, k->run, &e) : NULL;

    if (p)
        o = run_history_make(p, &e);
    if (!o) {
        why(k, "commits",
            torn.kind != PE_ERROR_NONE ? torn.text
            : e.kind != PE_ERROR_NONE  ? e.text
                                       : "it has no parameter service");
        reach_destroy(r);
        return;
    }
    why(k, "commits",
        torn.kind != PE_ERROR_NONE ? torn.text
        : r ? "its parameter service has no history of commits"
            : "file " RUN_HISTORY " of its folder has none");
    put(k, "commits", json_incref(json_object_get(o, "commits")));
    put(k, "offsets", json_incref(json_object_get(o, "partitions")));
    reach_destroy(r);
    json_decref(o);
}

static json_t *refusal_of(const broker_record *r)
{
    json_t *o = json_object();
    record_headers h = {0};
    const record_header *reason, *origin;
    char said[640];

    if (broker_record_headers(r, &h, NULL) < 0)
        record_clear(&h);
    reason = record_find(&h, "pe_reason");
    origin = record_find(&h, "pe_origin");
    if (reason && reason->value) {
        text_shown(reason->value, reason->len, said, sizeof(said));
        json_object_set_new(o, "reason", json_string(said));
    }
    if (origin && origin->value) {
        text_shown(origin->value, origin->len, said, sizeof(said));
        json_object_set_new(o, "origin", json_string(said));
    }
    return o;
}

/* Blocks that were refused, as far as is known. */
static bool any_refused(const known *k)
{
    static const char *const where[] = {"summary", "live", NULL};

    for (const char *const *w = where; *w; w++)
        if (value_int(json_object_get(json_object_get(k->facts, *w), "blocks"),
                      "refused") > 0)
            return true;
    return false;
}

static void refused_read(known *k)
{
    look_place at = {0};
    look l = {0};
    pe_error e = {0};
    json_t *records;
    int rc = look_find(k->run, PIPELINE_REFUSED, &at, &e);

    if (rc == 0)
        rc = look_newest(&at, REFUSED_LOOK, &l, &e);
    if (rc < 0) {
        why(k, "refused", e.text);
    } else {
        records = json_array();
        for (size_t i = 0; i < l.n; i++)
            json_array_append_new(records, refusal_of(&l.record[i]));
        put(k, "refused",
            json_pack("{s:o, s:I, s:o}", "topic", shown(at.topic), "kept",
                      (json_int_t)l.kept, "records", records));
        why(k, "refused", "the topic of refused blocks is empty by now");
    }
    look_close(&l);
    look_leave(&at);
}

/* --- all of it --- */

static int gather(known *k, pe_error *errp)
{
    k->home = locate_home(errp);
    if (!k->home)
        return -1;
    k->dir = locate_run(k->home, k->run, errp);
    if (!k->dir && errp->kind != PE_ERROR_NONE)
        return -1;
    if (k->dir) {
        folder_read(k);
        if (k->quickly)
            why(k, "trace",
                "of a run that goes on 'pilot report' reads the trace, if it "
                "has one");
        else
            trace_read(k);
        commits_read(k);
    } else {
        why(k, "commits", "the folder of the run is not on this host");
        why(k, "summary", "this host has no folder of the run");
        why(k, "trace",
            "a trace lies in the folder of the run, which is not "
            "on this host");
        why(k, "config", "the folder of the run is not on this host");
        why(k, "beats", "the folder of the run is not on this host");
    }
    if (k->quickly)
        return 0;
    live_read(k);
    if (!k->dir && k->gone)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "there is no run %s in %s ('pilot runs' lists "
                            "them), and the parameter service that is known "
                            "has nothing of it",
                            k->run, k->home);
    if (!k->dir && k->silent)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "there is no run %s in %s, and the parameter "
                            "service that could have it does not answer: %s",
                            k->run, k->home, value_text(k->why, "live", ""));
    if (!k->dir && k->none.kind != PE_ERROR_NONE) {
        *errp = k->none;
        return -1;
    }
    if (any_refused(k))
        refused_read(k);
    return 0;
}

static json_t *facts_make(const char *run, const char *by, bool quickly,
                          pe_error *errp)
{
    known k = {.run = run,
               .facts = json_object(),
               .why = json_object(),
               .quickly = quickly};
    pe_error e = {0};
    int rc = -1;

    if (!k.facts || !k.why) {
        pe_error_nomem(&e);
    } else {
        json_object_set_new(k.facts, "run", shown(run));
        json_object_set_new(k.facts, "by", shown(by));
        json_object_set_new(k.facts, "now_ns", json_integer(clock_real_ns()));
        json_object_set(k.facts, "why", k.why);
        rc = gather(&k, &e);
    }
    if (rc < 0) {
        json_decref(k.facts);
        k.facts = NULL;
        if (errp)
            *errp = e;
    }
    json_decref(k.why);
    free(k.dir);
    free(k.home);
    return k.facts;
}

json_t *known_facts(const char *run, const char *by, pe_error *errp)
{
    return facts_make(run, by, false, errp);
}

json_t *known_quickly(const char *run, const char *by, pe_error *errp)
{
    return facts_make(run, by, true, errp);
}
