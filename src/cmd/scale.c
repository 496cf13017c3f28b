/* scale.c - `pilot scale`: what the policy of a run decides, and why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/cmd/cmd.h"
#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/live/live.h"
#include "src/monitor/value.h"
#include "src/run/signals.h"
#include "src/scaler/scaler.h"

#define SHOWN 20
/* Whoever decides writes every 2 s. */
#define OLD_S 15.0

struct scale_options {
    const char *n;
    bool dry_run, json, keep, help;
};

#define AT(member) offsetof(struct scale_options, member)

static const option_spec options[] = {
    {"dry-run", 0, OPTION_FLAG, AT(dry_run), NULL, NULL,
     "only what would be decided now; nothing is done"},
    {"lines", 'n', OPTION_TEXT, AT(n), "N", NULL,
     "so many decisions, the newest (20)"},
    {"json", 0, OPTION_FLAG, AT(json), NULL, NULL, "all of it as JSON"},
    {"keep", 0, OPTION_FLAG, AT(keep), NULL, NULL,
     "decide until the run is over; 'pilot run' and pilots start that"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "[-n N] [--json] RUN", "--dry-run [--json] RUN", "--keep RUN", NULL};

static const option_usage usage = {
    .command = "pilot scale",
    .synopsis = synopsis,
    .prose = "Show by what policy a run gets more ranks, or devices, or fewer, "
             "what was decided\nlast, and why.  'pilot resize' gives them by "
             "hand.",
    .options = options,
    .operand = "a RUN",
    .min_args = 1,
    .max_args = 1,
};

/* --- for people --- */

static void json_show(const json_t *o)
{
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    printf("\n");
}

/* Texts of schedulers and pilots do not reach a terminal as they are. */
static void words_show(const json_t *o, const char *key)
{
    const char *s = value_text(o, key, "");
    char line[800];

    text_shown(s, strlen(s), line, sizeof(line));
    fputs(line, stdout);
}

static void now_show(const json_t *now)
{
    json_int_t pending = value_int(now, "pending");

    printf("now      %lld %s%s in %lld pilot%s",
           (long long)value_int(now, "ranks"), value_text(now, "unit", "rank"),
           value_int(now, "ranks") == 1 ? "" : "s",
           (long long)value_int(now, "pilots"),
           value_int(now, "pilots") == 1 ? "" : "s");
    if (pending > 0)
        printf(", %lld more on their way", (long long)pending);
    printf("; lag %lld block%s", (long long)value_int(now, "lag_blocks"),
           text_s((uint64_t)value_int(now, "lag_blocks")));
    if (json_object_get(now, "lag_s"))
        printf(", %.1f s of work", value_real(now, "lag_s"));
    printf("; bottleneck ");
    words_show(now, "bound");
    printf("; %.4g core hours\n", value_real(now, "core_hours"));
    printf("         ");
    words_show(now, "words");
    printf("\n");
}

static void counts_show(const json_t *h)
{
    printf("counted  %lld submitted, %lld refused, %lld failed; %lld asked to "
           "leave, %lld canceled in the queue\n",
           (long long)value_int(h, "submitted"),
           (long long)value_int(h, "refused"),
           (long long)value_int(h, "failed"), (long long)value_int(h, "ended"),
           (long long)value_int(h, "canceled"));
}

static void row_show(const json_t *row)
{
    time_t t = (time_t)(value_int(row, "time_ns") / CLOCK_S);
    char when[32] = "?", lag[24] = "?";
    struct tm local;

    if (localtime_r(&t, &local))
        strftime(when, sizeof(when), "%m-%d %H:%M:%S", &local);
    if (json_object_get(row, "lag_s"))
        snprintf(lag, sizeof(lag), "%.1f s", value_real(row, "lag_s"));
    printf("%-14s %9s  %-8.8s %5lld %5lld  ", when, lag,
           *value_text(row, "bound", "") ? value_text(row, "bound", "") : "?",
           (long long)value_int(row, "from"), (long long)value_int(row, "to"));
    words_show(row, "words");
    printf("\n%47s", "");
    words_show(row, "outcome");
    printf("\n");
}

static void rows_show(const json_t *rows, size_t most)
{
    size_t n = json_array_size(rows), i = n > most ? n - most : 0;

    if (n == 0) {
        printf("nothing was decided yet\n");
        return;
    }
    if (i > 0)
        printf("%zu decisions before these\n", i);
    printf("%-14s %9s  %-8s %5s %5s  %s\n", "TIME", "LAG", "VERDICT", "FROM",
           "TO", "WHY, AND WHAT BECAME OF IT");
    for (; i < n; i++)
        row_show(json_array_get(rows, i));
}

static void keeper_show(const json_t *o)
{
    double age = (double)(clock_real_ns() - value_int(o, "time_ns")) / 1e9;
    const char *keeper = value_text(o, "keeper", "?");

    printf("keeper   %.*s, %.1f s ago%s\n", (int)strcspn(keeper, " "), keeper,
           age > 0 ? age : 0, age > OLD_S ? ": nobody decides now" : "");
}

static void told_show(const json_t *o, size_t most)
{
    printf("policy   of %s: ", value_text(o, "pool", "?"));
    words_show(o, "policy");
    printf("\n");
    keeper_show(o);
    now_show(json_object_get(o, "now"));
    counts_show(json_object_get(o, "history"));
    rows_show(json_object_get(o, "decisions"), most);
}

/* --- what is asked for --- */

static int told(const struct scale_options *o, const char *home,
                const char *run, pe_error *errp)
{
    int64_t most = SHOWN;
    live *l;
    params *p;
    json_t *doc = NULL;

    if (o->n && (text_parse_int(o->n, &most) < 0 || most < 1))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "-n %s: it is a number from 1 on", o->n);
    l = live_open(home, run, errp);
    p = l ? live_params(l, errp) : NULL;
    if (p)
        doc = scaler_told(p, run, errp);
    if (doc && o->json)
        json_show(doc);
    else if (doc)
        told_show(doc, (size_t)most);
    json_decref(doc);
    live_close(l);
    return doc ? 0 : -1;
}

static int dry_run(const struct scale_options *o, const char *home,
                   const char *run, pe_error *errp)
{
    scaler *s = scaler_open(home, run, errp);
    json_t *now = s ? scaler_try(s, errp) : NULL;
    const char *action = value_text(now, "action", "");

    if (now && o->json) {
        json_show(now);
    } else if (now) {
        printf("%s", action);
        if (*value_text(now, "member", ""))
            printf(" %s", value_text(now, "member", ""));
        if (strcmp(action, "nothing") != 0)
            printf(", %lld to %lld %s%s", (long long)value_int(now, "from"),
                   (long long)value_int(now, "to"),
                   value_text(now, "unit", "rank"),
                   value_int(now, "to") == 1 ? "" : "s");
        printf(": ");
        words_show(now, "words");
        printf("\n");
    }
    json_decref(now);
    scaler_close(s);
    return now ? 0 : -1;
}

static void line_print(void *arg, const char *line)
{
    (void)arg;
    printf("%s\n", line);
    fflush(stdout);
}

static int keep(const char *home, const char *run, pe_error *errp)
{
    scaler *s = signals_open(errp) == 0 ? scaler_open(home, run, errp) : NULL;
    int rc = s ? scaler_keep(s, line_print, NULL, errp) : -1;

    scaler_close(s);
    return rc;
}

int cmd_scale(int argc, char **argv)
{
    struct scale_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e), rc;
    char *home;

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0)
        return log_failure(&e);
    home = locate_home(&e);
    rc = !home       ? -1
         : o.keep    ? keep(home, argv[first], &e)
         : o.dry_run ? dry_run(&o, home, argv[first], &e)
                     : told(&o, home, argv[first], &e);
    free(home);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}
