/* commits.c - `pilot commits`: how the model of a run came to be. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/common/clock.h"
#include "src/common/locate.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/common/text.h"
#include "src/live/live.h"
#include "src/run/signals.h"
#include "src/watch/watch.h"

#define SHOWN 20
#define FOLLOW_NS (500 * CLOCK_MS)

struct commits_options {
    const char *n;
    bool follow, json, csv, no_header, help;
};

#define AT(member) offsetof(struct commits_options, member)

static const option_spec options[] = {
    {"number", 'n', OPTION_TEXT, AT(n), "N", NULL,
     "how many of the newest; default: 20, 0: all that are kept"},
    {"follow", 'f', OPTION_FLAG, AT(follow), NULL, NULL,
     "go on with those that come"},
    {"json", 'j', OPTION_FLAG, AT(json), NULL, NULL,
     "print JSON, an object a line"},
    {"csv", 0, OPTION_FLAG, AT(csv), NULL, NULL, "print CSV"},
    {"no-header", 0, OPTION_FLAG, AT(no_header), NULL, NULL,
     "print no line of titles"},
    {"help", 'h', OPTION_FLAG, AT(help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {"[OPTION]... RUN", NULL};

static const option_usage usage = {
    .command = "pilot commits",
    .synopsis = synopsis,
    .prose = "List the newest commits of a run: what each added to the model, "
             "how large that was, how long it took, and what it moved.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .operand = "a RUN",
};

/* What was printed last, for what is missing behind it. */
typedef struct list {
    const struct commits_options *o;
    uint64_t version; /* 0: none yet */
    char id[48];
} list;

/* --- rows --- */

static void stamp_put(int64_t ns, char out[32])
{
    time_t s = (time_t)(ns / CLOCK_S);
    struct tm local;
    char day[24] = "?";

    if (localtime_r(&s, &local))
        strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &local);
    snprintf(out, 32, "%s.%03d", day, (int)(ns / CLOCK_MS % 1000));
}

static double age_s(int64_t ns)
{
    int64_t now = clock_real_ns();

    return ns < now ? (double)(now - ns) / 1e9 : 0;
}

static void titles_print(const struct commits_options *o)
{
    if (o->no_header || o->json)
        return;
    if (o->csv)
        puts("version,time,age_s,writer,model,blocks,refused,points,outliers,"
             "bytes,ms,threshold,warming,partitions,records,moved,commit,"
             "revision");
    else
        printf("%8s %-23s %8s %-10s %7s %9s %9s %8s %9s %s\n", "VERSION",
               "TIME", "AGE", "WRITER", "BLOCKS", "POINTS", "BYTES", "MS",
               "THRESHOLD", "MOVED");
}

static void csv_print(const params_row *r)
{
    char time[32];

    stamp_put((int64_t)r->time_ns, time);
    printf("%" PRIu64 ",%s,%.3f,%s,%s,%" PRIu64 ",%" PRIu64 ",%" PRIu64
           ",%" PRIu64 ",%" PRIu64 ",%.3f,",
           r->version, time, age_s((int64_t)r->time_ns), r->writer, r->kind,
           r->blocks, r->refused, r->points, r->outliers, r->bytes,
           (double)r->us / 1e3);
    if (isfinite(r->threshold))
        printf("%.9g", r->threshold);
    printf(",%d,%" PRIu64 ",%" PRIu64 ",\"%s\",%s,%" PRIu64 "\n",
           r->warming != 0, r->partitions, r->records, r->moved, r->commit,
           r->revision);
}

static void json_print(const params_row *r)
{
    json_t *o = live_commit(r);

    if (o)
        json_object_set_new(o, "age_s", json_real(age_s((int64_t)r->time_ns)));
    if (o)
        json_dumpf(o, stdout,
                   JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(o);
}

/* "3 of 7 partitions" would say less than which. */
static void table_print(const params_row *r)
{
    char time[32], threshold[32] = "-";

    stamp_put((int64_t)r->time_ns, time);
    if (isfinite(r->threshold))
        snprintf(threshold, sizeof(threshold), "%.4g", r->threshold);
    printf("%8" PRIu64 " %-23s %6.1f s %-10.*s %7" PRIu64 " %9" PRIu64
           " %9" PRIu64 " %8.1f %9s %s%s\n",
           r->version, time, age_s((int64_t)r->time_ns),
           (int)strcspn(r->writer, ":"), r->writer, r->blocks, r->points,
           r->bytes, (double)r->us / 1e3, threshold, r->moved,
           r->warming ? " (warming up)" : "");
}

/* What is not in the history, or came twice, is said where it was. */
static void gap_tell(list *l, const params_row *r)
{
    if (l->version == 0 || r->version == l->version + 1)
        return;
    fflush(stdout);
    if (r->version == l->version + 2) {
        log_warn("version %" PRIu64
                 " has no row: it was not written when it was committed",
                 l->version + 1);
    } else if (r->version > l->version) {
        log_warn("versions %" PRIu64 " to %" PRIu64
                 " have no row: it was not written when they were committed",
                 l->version + 1, r->version - 1);
    } else {
        log_warn("version %" PRIu64 " follows %" PRIu64
                 ": the parameter service went back to an older state in "
                 "between",
                 r->version, l->version);
    }
}

static void rows_print(list *l, const params_row *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        gap_tell(l, &r[i]);
        if (l->o->json)
            json_print(&r[i]);
        else if (l->o->csv)
            csv_print(&r[i]);
        else
            table_print(&r[i]);
        l->version = r[i].version;
        snprintf(l->id, sizeof(l->id), "%s", r[i].id);
    }
    fflush(stdout);
}

/* --- the history and the state --- */

/* Is the newest row the state's? */
static int state_compare(params *p, const list *l, pe_error *errp)
{
    params_facts f;

    if (params_facts_fetch(p, &f, errp) < 0)
        return -1;
    if (f.state.version == 0 && l->version == 0)
        log_info("nothing was committed yet");
    else if (l->version == 0)
        log_info("the model is at version %" PRIu64
                 ", and no commit of it has a row: it was made by an older "
                 "version, or rows may not be written",
                 f.state.version);
    else if (l->version > f.state.version)
        log_warn("the newest row is of version %" PRIu64
                 ", and the model is at %" PRIu64
                 ": the parameter service went back to an older state",
                 l->version, f.state.version);
    else if (l->version < f.state.version)
        log_warn("the model is at version %" PRIu64
                 ", and the newest row is of %" PRIu64,
                 f.state.version, l->version);
    params_facts_free(&f);
    return 0;
}

static int follow(params *p, list *l, pe_error *errp)
{
    bool away = false;

    while (signals_take().ends == 0) {
        params_row *rows = NULL;
        size_t n = 0;
        pe_error e = {0};
        int rc = params_rows_fetch(p, *l->id ? l->id : "0", PARAMS_ROWS_MAX,
                                   &rows, &n, &e);

        if (rc < 0 && e.kind != PE_ERROR_RETRY) {
            *errp = e;
            return -1;
        }
        if ((rc < 0) != away) {
            away = rc < 0;
            if (away)
                log_warn("%s; trying again", e.text);
            else
                log_info("the parameter service answers again");
        }
        rows_print(l, rows, n);
        free(rows);
        clock_sleep_ns(FOLLOW_NS, 0);
    }
    return 0;
}

static int number_take(const struct commits_options *o, size_t *np,
                       pe_error *errp)
{
    int64_t n = SHOWN;

    if (o->n && (text_parse_int(o->n, &n) < 0 || n < 0 || n > 1000000))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "-n %s: it is a number from 0 (all) on", o->n);
    if (o->json && o->csv)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "--json or --csv, not both");
    *np = n ? (size_t)n : 2 * PARAMS_ROWS_MAX;
    return 0;
}

/* Of a run that was never there, nothing will be committed. */
static int run_check(live *at, const char *run, pe_error *errp)
{
    json_t *doc = live_look(at, errp);
    int rc = doc ? live_check(doc, run, errp) : -1;

    json_decref(doc);
    return rc;
}

static int commits_do(const struct commits_options *o, const char *run)
{
    list l = {.o = o};
    params_row *rows = NULL;
    pe_error e = {0};
    size_t most = 0, n = 0;
    char *home = locate_home(&e);
    int rc = home ? number_take(o, &most, &e) : -1;
    live *at = rc == 0 ? live_open(home, run, &e) : NULL;
    params *p = at ? live_params(at, &e) : NULL;

    rc = p ? params_rows_fetch(p, NULL, most, &rows, &n, &e) : -1;
    if (rc == 0 && n == 0)
        rc = run_check(at, run, &e);
    if (rc == 0 && o->follow)
        rc = signals_open(&e);
    if (rc == 0) {
        titles_print(o);
        rows_print(&l, rows, n);
    }
    if (rc == 0)
        rc = o->follow ? follow(p, &l, &e) : state_compare(p, &l, &e);
    free(rows);
    live_close(at);
    free(home);
    return rc < 0 ? log_failure(&e) : PE_EXIT_OK;
}

int watch_commits(int argc, char **argv)
{
    struct commits_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0)
        return log_failure(&e);
    return commits_do(&o, argv[first]);
}
