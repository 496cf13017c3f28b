/* metrics.c - writes a live document in the format of Prometheus. */
#include "metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "src/live/live.h"
#include "src/monitor/value.h"

/* Where the rows of a metric come from. */
enum from {
    FROM_RUN,    /* one row */
    FROM_STATES, /* one for each state there is */
    FROM_PILOTS, /* lists of the document, with the labels of below */
    FROM_RANKS,
    FROM_PARTITIONS,
    FROM_DEVICES,
    FROM_HOPS,
    FROM_STALLED,
    FROM_TROUBLE,
};

/* A metric: its rows are member [path] of what it comes from. */
typedef struct metric {
    const char *name, *type, *help;
    enum from from;
    const char *path;   /* "model.version" */
    const char *labels; /* more of them, with what they are: "outcome=\"x\"" */
    double scale;       /* 0: 1 */
} metric;

/* Rows of one name follow each other. */
static const metric metrics[] = {
    {"pilot_run_info", "gauge", "The run, its pipeline and its topic; 1.",
     FROM_RUN, NULL, NULL, 0},
    {"pilot_run_state", "gauge", "1 of the state that the run has, else 0.",
     FROM_STATES, NULL, NULL, 0},
    {"pilot_run_duration_seconds", "gauge",
     "How long the run goes on, or took.", FROM_RUN, "seconds", NULL, 0},
    {"pilot_run_left_seconds", "gauge",
     "Until the time of the pool is over that is over first.", FROM_RUN,
     "left_s", NULL, 0},
    {"pilot_look_timestamp_seconds", "gauge",
     "When the parameter service answered last.", FROM_RUN, "looked_ns", NULL,
     1e-9},
    {"pilot_blocks_total", "counter", "Blocks, by what became of them.",
     FROM_RUN, "blocks.sensed", "outcome=\"sensed\"", 0},
    {"pilot_blocks_total", NULL, NULL, FROM_RUN, "blocks.sent",
     "outcome=\"sent\"", 0},
    {"pilot_blocks_total", NULL, NULL, FROM_RUN, "blocks.filtered",
     "outcome=\"filtered\"", 0},
    {"pilot_blocks_total", NULL, NULL, FROM_RUN, "blocks.dropped",
     "outcome=\"dropped\"", 0},
    {"pilot_blocks_total", NULL, NULL, FROM_RUN, "blocks.lost",
     "outcome=\"lost\"", 0},
    {"pilot_blocks_total", NULL, NULL, FROM_RUN, "blocks.applied",
     "outcome=\"applied\"", 0},
    {"pilot_blocks_total", NULL, NULL, FROM_RUN, "blocks.refused",
     "outcome=\"refused\"", 0},
    {"pilot_blocks_total", NULL, NULL, FROM_RUN, "blocks.deduplicated",
     "outcome=\"deduplicated\"", 0},
    {"pilot_blocks_total", NULL, NULL, FROM_RUN, "blocks.foreign",
     "outcome=\"foreign\"", 0},
    {"pilot_points_total", "counter", "Points that were learned from.",
     FROM_RUN, "points", NULL, 0},
    {"pilot_outlier_points_total", "counter",
     "Points above the threshold of the model they met.", FROM_RUN, "outliers",
     NULL, 0},
    {"pilot_masked_points_total", "counter",
     "Points that are no finite numbers.", FROM_RUN, "masked", NULL, 0},
    {"pilot_stale_rows_total", "counter",
     "Rows of devices' deltas that are left out: too old, or of a model that "
     "is "
     "gone.",
     FROM_RUN, "stale", NULL, 0},
    {"pilot_skipped_rows_total", "counter", "Rows that sources left out.",
     FROM_RUN, "skipped", NULL, 0},
    {"pilot_processed_bytes_total", "counter", "Bytes of blocks committed.",
     FROM_RUN, "bytes", NULL, 0},
    {"messaging_client_sent_messages_total", "counter",
     "Records that devices have sent.", FROM_RUN, "blocks.sent",
     "messaging_system=\"kafka\",messaging_operation_name=\"send\"", 0},
    {"messaging_client_consumed_messages_total", "counter",
     "Records whose offset is committed, by partition.", FROM_PARTITIONS,
     "committed",
     "messaging_system=\"kafka\",messaging_operation_name=\"poll\"", 0},
    {"pilot_lag_blocks", "gauge", "Written to the topic and not committed.",
     FROM_RUN, "lag.blocks", NULL, 0},
    {"pilot_lag_work_seconds", "gauge",
     "The same as seconds of work, at the rate of the last seconds.", FROM_RUN,
     "lag.seconds", NULL, 0},
    {"pilot_model_version", "gauge", "Version that is committed.", FROM_RUN,
     "model.version", NULL, 0},
    {"pilot_model_timestamp_seconds", "gauge", "When it was committed.",
     FROM_RUN, "model.time_ns", NULL, 1e-9},
    {"pilot_model_size_bytes", "gauge", "Its bytes.", FROM_RUN, "model.bytes",
     NULL, 0},
    {"pilot_model_threshold", "gauge",
     "A score above it is that of an outlier.", FROM_RUN, "model.threshold",
     NULL, 0},
    {"pilot_beat_age_seconds", "gauge", "Since a pilot gave a sign of life.",
     FROM_PILOTS, "beat_s", NULL, 0},
    {"pilot_restarts_total", "counter", "Times its processes were restarted.",
     FROM_PILOTS, "restarts", NULL, 0},
    {"pilot_block_p95_seconds", "gauge",
     "95% of the blocks took a rank of the pool less.", FROM_PILOTS, "p95_ms",
     NULL, 1e-3},
    {"pilot_commit_seconds", "gauge", "From the end of an epoch to its commit.",
     FROM_PILOTS, "epoch_ms", NULL, 1e-3},
    {"pilot_queued_blocks", "gauge", "In the queues of an edge's devices.",
     FROM_PILOTS, "queued", NULL, 0},
    {"pilot_queue_fill_ratio", "gauge", "Of the fullest queue of an edge.",
     FROM_PILOTS, "full", NULL, 0},
    {"pilot_rank_time_ratio", "gauge",
     "Share of a rank's time, of the last seconds.", FROM_RANKS, "busy",
     "activity=\"busy\"", 0},
    {"pilot_rank_time_ratio", NULL, NULL, FROM_RANKS, "fetch",
     "activity=\"fetch\"", 0},
    {"pilot_rank_time_ratio", NULL, NULL, FROM_RANKS, "reduce",
     "activity=\"reduce\"", 0},
    {"pilot_rank_time_ratio", NULL, NULL, FROM_RANKS, "idle",
     "activity=\"idle\"", 0},
    {"pilot_rank_memory_bytes", "gauge", "Resident memory of a rank.",
     FROM_RANKS, "rss_mb", NULL, 1e6},
    {"pilot_partition_end_offset", "gauge", "Next offset of its log.",
     FROM_PARTITIONS, "end", NULL, 0},
    {"pilot_partition_lag_blocks", "gauge",
     "Written to the partition and not committed.", FROM_PARTITIONS, "lag",
     NULL, 0},
    {"pilot_device_queue_fill_ratio", "gauge", "Of the queue of a device.",
     FROM_DEVICES, "full", NULL, 0},
    {"pilot_hop_use_ratio", "gauge",
     "How near a hop is to its limit, of the last seconds.", FROM_HOPS, "share",
     NULL, 0},
    {"pilot_stalled", "gauge",
     "1: there are records, and nothing is committed.", FROM_STALLED, NULL,
     NULL, 0},
    {"pilot_server_unreachable", "gauge",
     "1: it does not answer us; all else is as it was last known.",
     FROM_TROUBLE, NULL, NULL, 0},
};

#define METRICS (sizeof(metrics) / sizeof(metrics[0]))

/* The labels of each list: member of a row, and what it is called. */
static const struct {
    const char *list;
    const char *label[4][2];
} lists[] = {
    [FROM_PILOTS] = {"pilots", {{"name", "pilot"}, {"kind", "kind"}}},
    [FROM_RANKS] = {"ranks", {{"pilot", "pilot"}, {"rank", "rank"}}},
    /* A counter of one stays one, whichever pool it goes to. */
    [FROM_PARTITIONS] = {"partitions",
                         {{"partition", "messaging_destination_partition_id"}}},
    [FROM_DEVICES] = {"devices", {{"device", "device"}, {"pilot", "pilot"}}},
    [FROM_HOPS] = {"hops", {{"hop", "hop"}}},
    [FROM_STALLED] = {"stalled", {{"pilot", "pilot"}, {"hop", "hop"}}},
    [FROM_TROUBLE] = {"trouble", {{"server", "server"}}},
};

const char *metrics_name(size_t i)
{
    return i < METRICS ? metrics[i].name : NULL;
}

/* --- one row --- */

static void label_add(text *out, const char *name, const char *value)
{
    char last = out->data[out->len - 1];

    text_add(out, "%s%s=\"", last == '{' ? "" : ",", name);
    for (; *value; value++)
        switch (*value) {
        case '\\':
            text_add(out, "\\\\");
            break;
        case '"':
            text_add(out, "\\\"");
            break;
        case '\n':
            text_add(out, "\\n");
            break;
        default:
            text_add_bytes(out, value, 1);
        }
    text_add(out, "\"");
}

static void label_of(text *out, const json_t *row, const char *member,
                     const char *name)
{
    const json_t *v = json_object_get(row, member);
    char number[32];

    if (json_is_string(v)) {
        label_add(out, name, json_string_value(v));
    } else if (json_is_integer(v)) {
        snprintf(number, sizeof(number), "%lld",
                 (long long)json_integer_value(v));
        label_add(out, name, number);
    }
}

/* "NAME{run="...",...}" */
static void head_add(text *out, const metric *m, const json_t *now,
                     const json_t *row)
{
    text_add(out, "%s{", m->name);
    if (out->failed)
        return;
    label_add(out, "run", value_text(now, "run", ""));
    if (!strncmp(m->name, "messaging_", strlen("messaging_")))
        label_of(out, now, "topic", "messaging_destination_name");
    for (size_t i = 0; row && i < 4 && lists[m->from].label[i][0]; i++)
        label_of(out, row, lists[m->from].label[i][0],
                 lists[m->from].label[i][1]);
    if (m->labels)
        text_add(out, ",%s", m->labels);
}

static void value_add(text *out, const metric *m, const json_t *v)
{
    double x = json_number_value(v) * (m->scale > 0 ? m->scale : 1);

    if (json_is_integer(v) && m->scale <= 0)
        text_add(out, "} %lld\n", (long long)json_integer_value(v));
    else
        text_add(out, "} %.*g\n", m->scale > 0 && m->scale < 1e-6 ? 16 : 9, x);
}

/* Member "a.b" of [o] that is a number, or NULL. */
static const json_t *member(const json_t *o, const char *path)
{
    char first[64];
    const char *dot = strchr(path, '.');

    if (!dot) {
        o = json_object_get(o, path);
        return json_is_number(o) ? o : NULL;
    }
    snprintf(first, sizeof(first), "%.*s", (int)(dot - path), path);
    return member(json_object_get(o, first), dot + 1);
}

/* --- all rows of a metric --- */

/* Rows that are there: whoever reads them refuses all where two have the same
 * labels.
 */
struct seen {
    json_t *rows;
    int left; /* rows that are left out, since one is there */
};

/* The row from [at] on is whole. */
static void row_end(text *out, size_t at, struct seen *s)
{
    char *end = out->failed ? NULL : strrchr(out->data + at, '}');

    if (!end)
        return;
    *end = '\0';
    if (json_object_get(s->rows, out->data + at)) {
        s->left++;
        out->len = at;
        out->data[at] = '\0';
        return;
    }
    if (json_object_set_new(s->rows, out->data + at, json_true()) < 0)
        out->failed = true;
    *end = '}';
}

static void titles_add(text *out, const metric *m)
{
    const metric *first = m;

    while (!first->type)
        first--;
    text_add(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, first->help, m->name,
             first->type);
}

static void rows_of_run(text *out, const metric *m, const json_t *now,
                        struct seen *s)
{
    const json_t *v = m->path ? member(now, m->path) : NULL;

    if (m->path && !v)
        return;
    head_add(out, m, now, NULL);
    if (v) {
        value_add(out, m, v);
    } else {
        label_of(out, now, "pipeline", "pipeline");
        label_of(out, now, "topic", "messaging_destination_name");
        label_of(out, json_object_get(now, "model"), "kind", "model");
        text_add(out, "} 1\n");
    }
    row_end(out, 0, s);
}

static void rows_of_states(text *out, const metric *m, const json_t *now)
{
    const char *state = value_text(now, "state", ""), *s = LIVE_STATES;
    char word[32];

    while (*s) {
        size_t len = strcspn(s, " ");

        snprintf(word, sizeof(word), "%.*s", (int)len, s);
        head_add(out, m, now, NULL);
        label_add(out, "state", word);
        text_add(out, "} %d\n", !strcmp(word, state));
        s += len + strspn(s + len, " ");
    }
}

static void rows_of_list(text *out, const metric *m, const json_t *now,
                         struct seen *s)
{
    const json_t *list = json_object_get(now, lists[m->from].list), *row;
    size_t i;

    json_array_foreach((json_t *)list, i, row)
    {
        const json_t *v = m->path ? member(row, m->path) : NULL;
        size_t at = out->len;

        if (m->path && !v)
            continue;
        head_add(out, m, now, row);
        if (v)
            value_add(out, m, v);
        else
            text_add(out, "} 1\n");
        row_end(out, at, s);
    }
}

static void left_add(text *out, const json_t *now, int left)
{
    static const metric m = {
        "pilot_metrics_left_out",
        "gauge",
        "Rows that are not here: others have the same labels.",
        FROM_RUN,
        NULL,
        NULL,
        0};

    titles_add(out, &m);
    head_add(out, &m, now, NULL);
    text_add(out, "} %d\n", left);
}

void metrics_add(const json_t *now, text *out)
{
    struct seen s = {.rows = json_object()};
    const char *titled = "";

    for (size_t i = 0; i < METRICS; i++) {
        const metric *m = &metrics[i];
        text rows = {0};

        if (m->from == FROM_RUN)
            rows_of_run(&rows, m, now, &s);
        else if (m->from == FROM_STATES)
            rows_of_states(&rows, m, now);
        else
            rows_of_list(&rows, m, now, &s);
        if (rows.len > 0 && strcmp(titled, m->name) != 0) {
            titles_add(out, m);
            titled = m->name;
        }
        text_add_bytes(out, rows.data ? rows.data : "", rows.len);
        out->failed = out->failed || rows.failed;
        text_free(&rows);
    }
    if (s.left > 0)
        left_add(out, now, s.left);
    out->failed = out->failed || !s.rows;
    json_decref(s.rows);
}
