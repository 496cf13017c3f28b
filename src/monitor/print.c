/* print.c - the summary of a run as a short table for people. */
#include <string.h>

#include "src/common/text.h"
#include "src/monitor/counter.h"
#include "src/monitor/monitor.h"
#include "src/monitor/private.h"
#include "src/monitor/value.h"

#define LABEL "%-10s"

/* What stands behind a label, so that a line has 80 columns at the most. */
#define WIDE 70

/* The bytes of [s] for a line that has [room]: clauses as they fit, else words
 * as they fit, else all of a word.
 */
static size_t line_of(const char *s, size_t room)
{
    size_t clauses = 0, words = 0, at = 0;

    while (s[at]) {
        at += strcspn(s + at, " ");
        if (at > room)
            break;
        words = at;
        if (!s[at] || s[at - (at > 0)] == ';')
            clauses = at;
        at += strspn(s + at, " ");
    }
    return clauses ? clauses : words ? words : at;
}

/* [s] behind [label], on as many lines as it takes. */
static void wrapped_print(const char *label, const char *s, FILE *f)
{
    do {
        size_t len = line_of(s, WIDE);
        fprintf(f, LABEL "%.*s\n", label, (int)len, s);
        s += len;
        s += strspn(s, " ");
        label = "";
    } while (*s);
}

static long long count_of(const json_t *o, const char *key)
{
    return (long long)value_int(o, key);
}

/* Were there edges and no pool?  Then nothing was to be learned. */
static bool edges_alone(const json_t *summary)
{
    const char *pilot;
    bool edges = false;
    json_t *o;

    json_object_foreach(json_object_get(summary, "detail"), pilot, o)
    {
        if (strcmp(value_text(o, "event", ""), "edge"))
            return false;
        edges = true;
    }
    return edges;
}

/* The counters of one line of the table, from the first that counts; [lead]
 * stands in front of them.
 */
static void line_print(const json_t *summary, const char *line,
                       const char *label, const char *lead, FILE *f)
{
    const char *between = lead;
    int n = 0;

    for (const counter *c = counters; c->key; c++) {
        long long value = (long long)counter_value(c, summary);
        if (strcmp(c->line, line) || (!c->always && value == 0))
            continue;
        if (n++ == 0)
            fprintf(f, LABEL, label);
        fprintf(f, "%s%lld %s", between, value, c->words);
        between = ", ";
    }
    if (n > 0)
        fprintf(f, "\n");
}

static void left_print(const json_t *summary, FILE *f)
{
    json_int_t left = count_of(json_object_get(summary, "blocks"), "left");
    char line[400];

    if (left <= 0)
        return;
    snprintf(line, sizeof(line),
             "%lld block%s sent and not applied yet: 'pilot run --resume %s' "
             "goes on with %s",
             (long long)left, left == 1 ? "" : "s",
             value_text(summary, "run", "RUN"), left == 1 ? "it" : "them");
    wrapped_print("", line, f);
}

/* Where blocks lie that no broker has, and how they get there. */
static void spooled_print(const json_t *summary, FILE *f)
{
    json_int_t n = count_of(json_object_get(summary, "blocks"), "spooled");
    const char *pilot, *dir = NULL;
    char line[700];
    json_t *event;

    json_object_foreach(json_object_get(summary, "detail"), pilot, event)
    {
        const json_t *spool = json_object_get(event, "spool");

        if (!dir && count_of(spool, "blocks") > 0)
            dir = value_text(spool, "dir", NULL);
    }
    if (n <= 0)
        return;
    snprintf(line, sizeof(line),
             "%lld block%s spooled and not sent yet%s%.400s: 'pilot run "
             "--resume %s' sends %s",
             (long long)n, n == 1 ? " is" : "s are", dir ? ", in " : "",
             dir ? dir : "", value_text(summary, "run", "RUN"),
             n == 1 ? "it" : "them");
    wrapped_print("", line, f);
}

static void blocks_print(const json_t *summary, FILE *f)
{
    const json_t *once = json_object_get(summary, "exactly_once");
    char lead[64] = "";

    if (count_of(json_object_get(summary, "blocks"), "sensed") > 0)
        line_print(summary, "edge", "edge", "", f);
    if (json_is_string(once))
        snprintf(lead, sizeof(lead), "exactly-once: %s; ",
                 json_string_value(once));
    else if (edges_alone(summary))
        return;
    line_print(summary, "pool", "pool", "", f);
    if (*lead)
        line_print(summary, "", "", lead, f);
    left_print(summary, f);
    spooled_print(summary, f);
}

/* Which cells masked their rows. */
static void cells_print(const json_t *summary, FILE *f)
{
    text t = {0}, line = {0};

    counter_cells(summary, &t);
    if (t.len > 0)
        text_add(&line, "masked cells: %s", t.data);
    if (line.len > 0)
        wrapped_print("", line.data, f);
    text_free(&line);
    text_free(&t);
}

/* What the first of each counter was, of those of [line], or of all others. */
static void firsts_print(const json_t *first, const char *line, bool others,
                         FILE *f)
{
    for (const counter *c = counters; c->key; c++) {
        const char *words = value_text(first, c->key, NULL);
        if (words && !strcmp(c->line, line) != others)
            fprintf(f, LABEL "first %.*s: %s\n", "", (int)strcspn(c->key, "_"),
                    c->key, words);
    }
}

/* How many rows were called outliers as they came, and by what. */
static void called_print(const char *label, const json_t *o, long long rows,
                         const char *where, FILE *f)
{
    long long n = count_of(o, "outliers");
    char line[400];

    snprintf(line, sizeof(line), "%lld outlier%s of %lld row%s %.300s", n,
             text_s(n), rows, text_s(rows), where);
    wrapped_print(label, line, f);
}

/* What devices have learned and sent instead of rows. */
static void learned_print(const json_t *summary, FILE *f)
{
    const char *label = "learned", *pilot;
    char line[400], kept[100];
    json_t *o;

    json_object_foreach(json_object_get(summary, "learned"), pilot, o)
    {
        long long syncs = count_of(o, "syncs"), left = count_of(o, "withheld");

        snprintf(kept, sizeof(kept),
                 "; %lld row%s too few to be told of and left out", left,
                 left == 1 ? " was" : "s were");
        snprintf(line, sizeof(line),
                 "%lld row%s by %lld device%s of %.100s, in %lld delta%s of "
                 "%.1f kB each; no row has left them%s",
                 count_of(o, "rows"), text_s(count_of(o, "rows")),
                 count_of(o, "n"), text_s(count_of(o, "n")), pilot, syncs,
                 text_s(syncs),
                 syncs ? (double)count_of(o, "bytes") / 1e3 / (double)syncs : 0,
                 left ? kept : "");
        wrapped_print(label, line, f);
        label = "";
    }
}

/* Rows are scored as they come, by models that go on learning, on devices and
 * in the pool, and at the end by the last one: the numbers differ, and each
 * says by which.
 */
static void stream_print(const json_t *summary, FILE *f)
{
    const json_t *model = json_object_get(summary, "model");
    const json_t *rows = json_object_get(summary, "rows");
    const char *label = "stream", *pilot;
    char where[400];
    json_t *o;

    long long scored = count_of(summary, "points") - count_of(rows, "unscored");

    if (scored > 0 &&
        (json_object_get(model, "threshold") || count_of(model, "outliers"))) {
        called_print(label, model, scored,
                     json_object_get(summary, "learned")
                         ? "on devices, by the models they learned from"
                         : "in the pool, by models that were still learning",
                     f);
        label = "";
    }
    json_object_foreach(json_object_get(summary, "detail"), pilot, o)
    {
        if (count_of(o, "scored") > 0) {
            snprintf(where, sizeof(where), "on %s, by the newest model there",
                     pilot);
            called_print(label, o, count_of(o, "scored"), where, f);
            label = "";
        }
        if (count_of(o, "unscored") > 0) {
            fprintf(f,
                    LABEL "%lld row%s on %s not scored: no model was there "
                          "yet\n",
                    label, count_of(o, "unscored"),
                    text_s(count_of(o, "unscored")), pilot);
            label = "";
        }
    }
    if (json_is_string(json_object_get(summary, "drift")))
        wrapped_print(label, value_text(summary, "drift", ""), f);
}

/* 12,345 */
static void thousands(long long n, char out[32])
{
    char digits[32];
    int len = snprintf(digits, sizeof(digits), "%lld", n), k = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[k++] = ',';
        out[k++] = digits[i];
    }
    out[k] = '\0';
}

/* Rows with the highest scores, each of its file, else of its device. */
static void top_print(const json_t *final, FILE *f)
{
    const json_t *top = json_object_get(final, "top");
    const json_t *threshold = json_object_get(final, "threshold");
    const char *label = "top";
    const json_t *row;
    size_t i;

    json_array_foreach(top, i, row)
    {
        const char *source = value_text(row, "source", "");
        char last[32] = "";
        bool outlier = !json_is_number(threshold) ||
                       value_real(row, "score") > json_number_value(threshold);

        if (json_object_get(row, "last"))
            snprintf(last, sizeof(last), "-%lld", count_of(row, "last"));
        fprintf(f, LABEL "%s row%s %lld%s  %.6g%s\n", label,
                *source ? source : value_text(row, "device", ""),
                *last ? "s" : "", count_of(row, "row"), last,
                value_real(row, "score"), outlier ? "" : ", no outlier");
        label = "";
    }
}

static void notes_print(const json_t *final, FILE *f)
{
    const json_t *note;
    size_t i;

    json_array_foreach(json_object_get(final, "notes"), i, note)
        wrapped_print("", json_string_value(note), f);
    if (json_is_string(json_object_get(final, "drift")))
        wrapped_print("", value_text(final, "drift", ""), f);
}

/* All rows by the last model: what people came for. */
static void final_print(const json_t *summary, FILE *f)
{
    const json_t *final = json_object_get(summary, "final");
    long long masked = count_of(final, "masked");
    char outliers[32], rows[32], fitted[32], line[400];

    if (!json_is_object(final))
        return;
    if (json_is_string(json_object_get(final, "error"))) {
        snprintf(line, sizeof(line), "not scored by the final model: %.300s",
                 value_text(final, "error", ""));
        wrapped_print("final", line, f);
        return;
    }
    thousands(count_of(final, "outliers"), outliers);
    thousands(count_of(final, "rows"), rows);
    thousands(count_of(final, "fitted"), fitted);
    fprintf(f,
            LABEL "%s outlier%s of %s row%s (final model, version "
                  "%lld%s%s%s)\n",
            "final", outliers, text_s(count_of(final, "outliers")), rows,
            text_s(count_of(final, "rows")), count_of(final, "version"),
            *fitted == '0' ? "" : ", fitted to ", *fitted == '0' ? "" : fitted,
            *fitted == '0' ? "" : " rows");
    if (masked > 0)
        fprintf(f, LABEL "%lld row%s masked: no score\n", "", masked,
                text_s(masked));
    snprintf(line, sizeof(line), "threshold %.6g, %.200s; the stream's: %.6g",
             value_real(final, "threshold"),
             value_text(final, "threshold_from", ""),
             value_real(final, "model_threshold"));
    wrapped_print("", line, f);
    notes_print(final, f);
    top_print(final, f);
    fprintf(f, LABEL "pilot results %s\n", "all",
            value_text(summary, "run", "RUN"));
}

static void rate_print(const json_t *summary, FILE *f)
{
    const json_t *rate = json_object_get(summary, "rate");

    if (json_object_size(json_object_get(summary, "detail")) == 0)
        return; /* nobody lived to tell */
    fprintf(f,
            LABEL "%.1f blocks/s, %.0f points/s, %.1f MB/s (%lld point%s, %.1f "
                  "MB)\n",
            "rate", value_real(rate, "blocks_per_s"),
            value_real(rate, "points_per_s"), value_real(rate, "mb_per_s"),
            count_of(summary, "points"), text_s(count_of(summary, "points")),
            value_real(summary, "bytes") / 1e6);
}

static void latency_print(const json_t *latency, FILE *f)
{
    const char *hop;
    json_t *h;
    int shown = 0;

    json_object_foreach((json_t *)latency, hop, h)
    {
        /* Without a broker some hops are none. */
        if (value_int(h, "n") == 0 || value_real(h, "max") <= 0)
            continue;
        if (!shown++)
            fprintf(f, LABEL "%-9s %9s %9s %9s %9s %9s\n", "latency", "hop",
                    "n", "p50 ms", "p90 ms", "p99 ms", "max ms");
        fprintf(f, LABEL "%-9s %9lld %9.2f %9.2f %9.2f %9.2f\n", "", hop,
                count_of(h, "n"), value_real(h, "p50"), value_real(h, "p90"),
                value_real(h, "p99"), value_real(h, "max"));
    }
}

static void model_print(const json_t *model, FILE *f)
{
    if (!json_is_object(model))
        return;
    if (count_of(model, "version") == 0) {
        fprintf(f, LABEL "%s: none was committed\n", "model",
                value_text(model, "kind", ""));
        return;
    }
    fprintf(f, LABEL "%s version %lld, commit %.12s, %lld point%s%s\n", "model",
            value_text(model, "kind", ""), count_of(model, "version"),
            value_text(model, "commit", "-"), count_of(model, "points"),
            text_s(count_of(model, "points")),
            json_is_true(json_object_get(model, "warming")) ? ", warming up"
                                                            : "");
}

static void cpu_print(const json_t *summary, FILE *f)
{
    const json_t *cpu = json_object_get(summary, "cpu_s");
    const json_t *cost =
        json_object_get(summary, "core_hours_per_million_points");
    const char *pilot, *lead = "";
    json_t *value;

    if (json_object_size(cpu) == 0)
        return;
    fprintf(f, LABEL, "cpu");
    json_object_foreach((json_t *)cpu, pilot, value)
    {
        fprintf(f, "%s%s %.2f s", lead, pilot, json_number_value(value));
        lead = ", ";
    }
    if (json_is_number(cost))
        fprintf(f, "; %.3g core-hours per million points",
                json_number_value(cost));
    fprintf(f, "\n");
}

/* What schedulers say of it: " (slurm: 875 J of pool)" */
static void accounts_print(const json_t *energy, FILE *f)
{
    const char *name, *lead = " (";
    const json_t *account;

    json_object_foreach(json_object_get(energy, "accounts"), name, account)
    {
        if (!json_object_get(account, "joules"))
            continue;
        fprintf(f, "%s%s: %.4g J of %s", lead,
                value_text(account, "source", "?"),
                value_real(account, "joules"), name);
        lead = ", ";
    }
    if (*lead == ',')
        fprintf(f, value_int(energy, "hosts") > 0 ? "), the rest" : ")");
}

/* Those whose schedulers do not, with why. */
static void unaccounted_print(const json_t *energy, FILE *f)
{
    const char *name;
    const json_t *account;

    json_object_foreach(json_object_get(energy, "accounts"), name, account)
    {
        if (json_object_get(account, "why"))
            fprintf(f, LABEL "%s not measured by %s: %s\n", "", name,
                    value_text(account, "source", "?"),
                    value_text(account, "why", "?"));
    }
}

static void energy_print(const json_t *energy, FILE *f)
{
    const json_t *per = json_object_get(energy, "joules_per_million_points");
    json_int_t hosts = value_int(energy, "hosts");

    if (!energy)
        return;
    fprintf(f, LABEL, "energy");
    if (json_object_get(energy, "why")) {
        fprintf(f, "not available: %s\n", value_text(energy, "why", "?"));
        return;
    }
    fprintf(f, "%.4g J", value_real(energy, "joules"));
    accounts_print(energy, f);
    if (hosts > 0)
        fprintf(f, " of %lld host%s", (long long)hosts, hosts == 1 ? "" : "s");
    if (json_is_number(per))
        fprintf(f, "; %.4g J per million points", json_number_value(per));
    fprintf(f, "\n");
    unaccounted_print(energy, f);
}

static void errors_print(const json_t *errors, FILE *f)
{
    const json_t *e;
    size_t i;

    json_array_foreach(errors, i, e)
        fprintf(f, LABEL "%s\n", "error", json_string_value(e));
}

void monitor_print(const json_t *summary, FILE *f)
{
    const json_t *verdict = json_object_get(summary, "verdict");
    const json_t *first = json_object_get(summary, "first");
    const json_t *since = json_object_get(summary, "since");
    long long deaths = count_of(summary, "deaths");

    fprintf(f, LABEL "%s, %s in %.1f s", "run", value_text(summary, "run", ""),
            value_text(summary, "state", ""), value_real(summary, "seconds"));
    if (deaths > 0)
        fprintf(f, ", %lld pilot%s died", deaths, deaths > 1 ? "s" : "");
    fprintf(f, "\n");
    blocks_print(summary, f);
    line_print(summary, "rows", "rows", "", f);
    cells_print(summary, f);
    firsts_print(first, "drift", true, f);
    line_print(summary, "drift", "drift", "", f);
    firsts_print(first, "drift", false, f);
    line_print(summary, "tasks", "tasks", "", f);
    monitor_sides_print(summary, f);
    rate_print(summary, f);
    latency_print(json_object_get(summary, "latency_ms"), f);
    if (since)
        wrapped_print("since", value_text(since, "text", ""), f);
    monitor_layers_print(summary, f);
    model_print(json_object_get(summary, "model"), f);
    learned_print(summary, f);
    stream_print(summary, f);
    cpu_print(summary, f);
    energy_print(json_object_get(summary, "energy"), f);
    wrapped_print("verdict", value_text(verdict, "text", ""), f);
    if (json_object_get(summary, "empty"))
        wrapped_print("empty", value_text(summary, "empty", ""), f);
    errors_print(json_object_get(summary, "errors"), f);
    final_print(summary, f);
}
