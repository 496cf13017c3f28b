/* print.c - the summary of a run as a short table for people. */
#include "src/monitor/monitor.h"
#include "src/monitor/value.h"

#define LABEL "%-10s"

static long long count_of(const json_t *o, const char *key)
{
    return (long long)value_int(o, key);
}

static void blocks_print(const json_t *b, const json_t *once, FILE *f)
{
    if (value_int(b, "sensed") > 0)
        fprintf(f,
                LABEL "%lld sensed, %lld filtered, %lld dropped, %lld spooled, "
                      "%lld sent\n",
                "edge", count_of(b, "sensed"), count_of(b, "filtered"),
                count_of(b, "dropped"), count_of(b, "spooled"),
                count_of(b, "sent"));
    fprintf(f, LABEL "%lld fetched, %lld applied, %lld refused, %lld foreign\n",
            "pool", count_of(b, "fetched"), count_of(b, "applied"),
            count_of(b, "refused"), count_of(b, "foreign"));
    if (json_is_string(once))
        fprintf(f, LABEL "exactly-once: %s; %lld replayed, %lld deduplicated\n",
                "", json_string_value(once), count_of(b, "replayed"),
                count_of(b, "deduplicated"));
}

/* What edge stages made of the model, a line a pilot. */
static void scores_print(const json_t *detail, FILE *f)
{
    const char *pilot;
    json_t *o;

    json_object_foreach((json_t *)detail, pilot, o)
    {
        if (value_int(o, "scored") == 0)
            continue;
        fprintf(f, LABEL "%lld points scored on %s, %lld of them outliers\n",
                "", count_of(o, "scored"), pilot, count_of(o, "outliers"));
    }
}

static void rate_print(const json_t *summary, FILE *f)
{
    const json_t *rate = json_object_get(summary, "rate");

    fprintf(f,
            LABEL "%.1f blocks/s, %.0f points/s, %.1f MB/s (%lld points, %.1f "
                  "MB)\n",
            "rate", value_real(rate, "blocks_per_s"),
            value_real(rate, "points_per_s"), value_real(rate, "mb_per_s"),
            count_of(summary, "points"), value_real(summary, "bytes") / 1e6);
}

static void latency_print(const json_t *latency, FILE *f)
{
    const char *hop;
    json_t *h;
    int shown = 0;

    json_object_foreach((json_t *)latency, hop, h)
    {
        if (value_int(h, "n") == 0)
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
    fprintf(f,
            LABEL "%s version %lld, commit %.12s, %lld points, %lld outliers\n",
            "model", value_text(model, "kind", ""), count_of(model, "version"),
            value_text(model, "commit", "-"), count_of(model, "points"),
            count_of(model, "outliers"));
}

static void cpu_print(const json_t *cpu, FILE *f)
{
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
    fprintf(f, "\n");
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
    long long deaths = count_of(summary, "deaths");

    fprintf(f, LABEL "%s, %s in %.1f s", "run", value_text(summary, "run", ""),
            value_text(summary, "state", ""), value_real(summary, "seconds"));
    if (deaths > 0)
        fprintf(f, ", %lld pilot%s died", deaths, deaths > 1 ? "s" : "");
    fprintf(f, "\n");
    blocks_print(json_object_get(summary, "blocks"),
                 json_object_get(summary, "exactly_once"), f);
    scores_print(json_object_get(summary, "detail"), f);
    rate_print(summary, f);
    latency_print(json_object_get(summary, "latency_ms"), f);
    model_print(json_object_get(summary, "model"), f);
    cpu_print(json_object_get(summary, "cpu_s"), f);
    fprintf(f, LABEL "%s\n", "verdict", value_text(verdict, "text", ""));
    errors_print(json_object_get(summary, "errors"), f);
}
