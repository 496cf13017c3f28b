/* history.c - keeps the commits of a run with its folder. */
#include "history.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/agent/event.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/run/run.h"
#include "src/params/task.h"

#define SUMMARY_MAX_BYTES (16 << 20)
#define NAMES_BYTES 160 /* of the devices of a partition */

static json_t *commit_json(const params_row *r)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:o, s:o}", "version",
        (json_int_t)r->version, "time_ns", (json_int_t)r->time_ns, "blocks",
        (json_int_t)r->blocks, "refused", (json_int_t)r->refused, "points",
        (json_int_t)r->points, "outliers", (json_int_t)r->outliers, "bytes",
        (json_int_t)r->bytes, "took_ms", (double)r->us / 1e3, "threshold",
        isfinite(r->threshold) ? json_real(r->threshold) : json_null(),
        "writer", event_text(r->writer));
}

static json_t *commits_json(params *p, pe_error *errp)
{
    params_row *row = NULL;
    size_t n = 0;
    json_t *list;

    if (params_rows_fetch(p, NULL, PARAMS_ROWS_MAX, &row, &n, errp) < 0)
        return NULL;
    list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, commit_json(&row[i]));
    free(row);
    return list;
}

/* "a, b and 3 more" */
static json_t *devices_json(const params_state *s, int32_t partition)
{
    text t = {0};
    size_t more = 0;
    json_t *o;

    text_add_bytes(&t, "", 0);
    for (size_t i = 0; i < s->n_devices; i++) {
        if (s->devices[i].partition != partition)
            continue;
        if (t.len + strlen(s->devices[i].device) > NAMES_BYTES)
            more++;
        else
            text_add(&t, "%s%s", t.len ? ", " : "", s->devices[i].device);
    }
    if (more > 0)
        text_add(&t, " and %zu more", more);
    o = t.failed ? json_null() : event_text(t.data);
    text_free(&t);
    return o;
}

static json_t *partitions_json(params *p, pe_error *errp)
{
    params_facts f = {0};
    json_t *list;

    if (params_facts_fetch(p, &f, errp) < 0)
        return NULL;
    list = json_array();
    for (size_t i = 0; i < f.state.n_offsets; i++) {
        const params_offset *o = &f.state.offsets[i];

        json_array_append_new(
            list, json_pack("{s:o, s:i, s:I, s:o}", "topic",
                            event_text(o->topic), "partition",
                            (int)o->partition, "next", (json_int_t)o->next,
                            "devices", devices_json(&f.state, o->partition)));
    }
    params_facts_free(&f);
    return list;
}

json_t *run_history_make(params *p, pe_error *errp)
{
    json_t *commits = commits_json(p, errp);
    json_t *partitions = commits ? partitions_json(p, errp) : NULL;

    if (!partitions) {
        json_decref(commits);
        return NULL;
    }
    return json_pack("{s:i, s:o, s:o}", "schema", RUN_HISTORY_SCHEMA, "commits",
                     commits, "partitions", partitions);
}

void run_history_keep(struct run *r)
{
    pe_error e = {0};
    char *path = run_path(r, RUN_HISTORY, &e);
    json_t *o = path && r->params ? run_history_make(r->params, &e) : NULL;
    char *json =
        o ? json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) : NULL;

    if (json && json_array_size(json_object_get(o, "commits")) > 0)
        file_write(path, json, strlen(json), 0600, &e);
    if (e.kind != PE_ERROR_NONE) {
        run_progress_clear(r);
        log_warn("the history of commits is not kept with the run: %s", e.text);
    }
    free(json);
    json_decref(o);
    free(path);
}

void run_tasks_keep(struct run *r)
{
    uint64_t done = 0, failed = 0;
    params_task *all = NULL;
    pe_error e = {0};
    size_t n = 0;

    if (!r->params)
        return;
    if (params_tasks_fetch(r->params, &all, &n, &e) < 0) {
        run_progress_clear(r);
        log_warn("slices of tasks are those that pools have told of: %s",
                 e.text);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        done += all[i].done;
        failed += all[i].failed;
    }
    monitor_tasks(r->monitor, done, failed);
    params_tasks_free(all, n);
}

json_t *run_summary_read(const char *dir)
{
    char *path = text_format("%s/summary.json", dir);
    bool there = path && access(path, F_OK) == 0;
    size_t len = 0;
    pe_error e = {0};
    char *data = there ? file_read(path, SUMMARY_MAX_BYTES, &len, &e) : NULL;
    json_t *o = data ? json_loadb(data, len, 0, NULL) : NULL;

    if (e.kind != PE_ERROR_NONE)
        log_warn("the summary is as if there were none: %s", e.text);
    if (data && !json_is_object(o)) {
        log_warn("%s is as if it were not there: it is no whole object of "
                 "JSON, and was cut off, or changed; put a copy of it back, or "
                 "move it away",
                 path);
        json_decref(o);
        o = NULL;
    }
    free(data);
    free(path);
    return o;
}
