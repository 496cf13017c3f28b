/* wait.c - `pilot wait`: until pilots are up, or have ended. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/backend/backend.h"
#include "src/cmd/cmd.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/request/place.h"
#include "src/run/pilots.h"
#include "src/run/wait_end.h"

/* Between two looks at what pilots leave in files; schedulers are asked as
 * seldom as observe() has it.
 */
#define STEP_FIRST_NS (100 * CLOCK_MS)
#define STEP_MAX_NS (1000 * CLOCK_MS)
#define STEP_REMOTE_NS (3000 * CLOCK_MS)

struct wait_options {
    const char *until, *timeout;
    bool quiet, help;
};

#define OPTION(kind, member) \
    OPTION_##kind, offsetof(struct wait_options, member)

static const option_spec options[] = {
    {"until", 'u', OPTION(TEXT, until), "STATE", "active flowing end",
     "active: all are up; flowing: they are, and blocks move; end: all are "
     "over (the default)"},
    {"timeout", 't', OPTION(TEXT, timeout), "TIME", NULL,
     "give up after so long, with status 124 (90s, 10m, 2h)"},
    {"quiet", 'Q', OPTION(FLAG, quiet), NULL, NULL, "print nothing but errors"},
    {"help", 'h', OPTION(FLAG, help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "[-Q] [--until active|flowing|end] [--timeout TIME] ID|RUN|SCHED_ID...",
    NULL};

static const option_usage usage = {
    .command = "pilot wait",
    .synopsis = synopsis,
    .prose = "Wait for pilots; the exit status tells how they ended.",
    .options = options,
    .min_args = 1,
    .max_args = -1,
    .operand = "an ID",
};

/* What was told of a pilot last. */
typedef struct told {
    char id[256];
    enum pilot_state state;
    bool never;
} told;

typedef struct waiting {
    const struct wait_options *o;
    pilots p;
    bool active;  /* until they are */
    bool flowing; /* ... and blocks move */
    int64_t end;  /* monotonic; INT64_MAX: no end */
    told *told;
    size_t n_told;
    size_t shown; /* characters of the line on the terminal */
} waiting;

/* --- what is told --- */

static void line_clear(waiting *w)
{
    if (w->shown > 0)
        fprintf(stderr, "\r%*s\r", (int)w->shown, "");
    w->shown = 0;
}

static told *told_of(waiting *w, const char *id)
{
    told *list;

    for (size_t i = 0; i < w->n_told; i++)
        if (!strcmp(w->told[i].id, id))
            return &w->told[i];
    list = realloc(w->told, (w->n_told + 1) * sizeof(*list));
    if (!list)
        return NULL;
    w->told = list;
    list[w->n_told] = (told){.state = PILOT_N_STATES};
    snprintf(list[w->n_told].id, sizeof(list->id), "%s", id);
    return &list[w->n_told++];
}

/* "ID is STATE: why" */
static void state_print(const pilot_record *r, text *out)
{
    text why = {0};

    pilots_reason(r, clock_real_ns(), &why);
    text_add(out, "%s is %s%s%s", r->id, pilot_state_name(r->state),
             why.data && *why.data ? ": " : "", why.data ? why.data : "");
    text_free(&why);
}

/* One line for every change of a state. */
static void changes_tell(waiting *w)
{
    for (size_t i = 0; i < w->p.n; i++) {
        const pilot_record *r = &w->p.r[i];
        told *t = told_of(w, r->id);
        text line = {0};
        if (!t || (t->state == r->state && t->never == r->never))
            continue;
        t->state = r->state;
        t->never = r->never;
        state_print(r, &line);
        line_clear(w);
        if (line.data)
            log_info("%s", line.data);
        text_free(&line);
    }
}

/* Has a pool committed a block, or an edge sent one?  Services move none. */
static bool has_moved(const waiting *w, const pilot_record *r)
{
    const json_t *progress =
        json_object_get(json_object_get(w->p.heard, r->id), "progress");

    if (!strcmp(r->kind, "pool"))
        return json_integer_value(json_object_get(progress, "blocks")) > 0;
    if (!strcmp(r->kind, "edge"))
        return json_integer_value(json_object_get(progress, "sent")) > 0;
    return true;
}

static bool is_there(const waiting *w, const pilot_record *r)
{
    if (pilot_state_is_final(r->state))
        return true;
    if (w->flowing)
        return r->state != PILOT_STALLED && pilot_state_is_up(r->state) &&
               has_moved(w, r);
    return w->active && pilot_state_is_up(r->state);
}

/* On a terminal the last line says what is waited for. */
static void line_show(waiting *w)
{
    text line = {0};
    size_t there = 0;

    if (w->o->quiet || !isatty(STDERR_FILENO))
        return;
    for (size_t i = w->p.n; i-- > 0;) {
        if (is_there(w, &w->p.r[i])) {
            there++;
            continue;
        }
        text_free(&line);
        state_print(&w->p.r[i], &line);
    }
    line_clear(w);
    if (line.data)
        w->shown = (size_t)fprintf(stderr, "%zu of %zu; %.70s", there, w->p.n,
                                   line.data);
    w->shown = w->shown > 200 ? 0 : w->shown;
    text_free(&line);
}

/* --- the wait --- */

/* Status when the wait is over, else -1.  Of several that failed the first
 * one counts; one that ended instead of being up ends a wait for that.
 */
static int outcome(const waiting *w)
{
    int status = PE_EXIT_OK;

    for (size_t i = 0; i < w->p.n; i++) {
        const pilot_record *r = &w->p.r[i];
        bool over = pilot_state_is_final(r->state);
        int own = over ? pilot_state_status(r->state) : PE_EXIT_OK;
        if (status == PE_EXIT_OK)
            status = own;
        if (w->active && own != PE_EXIT_OK)
            return own;
    }
    for (size_t i = 0; i < w->p.n; i++)
        if (!is_there(w, &w->p.r[i]))
            return -1;
    return status;
}

static bool is_remote(const waiting *w)
{
    for (size_t i = 0; i < w->p.n; i++)
        if (!pilot_state_is_final(w->p.r[i].state) &&
            (place_is_behind_ssh(w->p.r[i].resource) ||
             backend_is_made(w->p.r[i].resource)))
            return true;
    return false;
}

/* Sleep until the next look; false: the time is up. */
static bool pause_take(const waiting *w, int64_t *stepp)
{
    int64_t now = clock_mono_ns(), step = *stepp;

    if (now >= w->end)
        return false;
    if (is_remote(w) && step < STEP_REMOTE_NS)
        step = STEP_REMOTE_NS;
    clock_sleep_ns(step < w->end - now ? step : w->end - now, 1);
    *stepp = *stepp * 3 / 2 < STEP_MAX_NS ? *stepp * 3 / 2 : STEP_MAX_NS;
    return true;
}

/* One that stands still is another answer than one that has not begun. */
static int timed_out(const waiting *w)
{
    const pilot_record *still = NULL;
    text line = {0};

    for (size_t i = 0; w->flowing && i < w->p.n && !still; i++)
        if (w->p.r[i].state == PILOT_STALLED)
            still = &w->p.r[i];
    if (still)
        state_print(still, &line);
    log_error("timed out: %s", line.data    ? line.data
                               : w->flowing ? "not all flow"
                               : w->active  ? "not all are active"
                                            : "not all have ended");
    text_free(&line);
    return still ? PE_EXIT_AGAIN : PE_EXIT_TIMEOUT;
}

/* The words are looked up each time: a run may get more pilots. */
static int wait_loop(waiting *w, size_t n, char **words, pe_error *errp)
{
    int64_t step = STEP_FIRST_NS;
    int status;

    do {
        if (pilots_select(&w->p, words, n, errp) < 0 ||
            pilots_observe(&w->p, PILOTS_ASK_IF_DUE, errp) < 0)
            return -1;
        changes_tell(w);
        status = outcome(w);
        if (status >= 0)
            return status;
        line_show(w);
    } while (pause_take(w, &step));
    line_clear(w);
    return timed_out(w);
}

/* All have ended: their results, and the summary of a run. */
static int ended(waiting *w, size_t n, char **words, int status)
{
    int fetched = wait_results(w->p.home, w->p.r, w->p.n);

    for (size_t i = 0; i < n && !w->o->quiet; i++)
        if (!strchr(words[i], '/'))
            wait_summary(w->p.home, words[i], w->p.r, w->p.n, w->end);
    return status ? status : fetched;
}

static int wait_do(const struct wait_options *o, size_t n, char **words)
{
    waiting w = {.o = o, .end = INT64_MAX};
    pe_error e = {0};
    double seconds = 0;
    int status = -1;

    if (o->quiet)
        log_limit(LOG_LEVEL_ERROR);
    w.flowing = o->until && !strcmp(o->until, "flowing");
    w.active = w.flowing || (o->until && !strcmp(o->until, "active"));
    if (o->timeout && pilots_time("timeout", o->timeout, &seconds, &e) < 0)
        return log_failure(&e);
    if (o->timeout)
        w.end = clock_mono_ns() + (int64_t)(seconds * 1e9);
    if (pilots_open(&w.p, &e) == 0)
        status = wait_loop(&w, n, words, &e);
    line_clear(&w);
    if (status < 0)
        status = log_failure(&e);
    else if (!w.active && status != PE_EXIT_TIMEOUT)
        status = ended(&w, n, words, status);
    free(w.told);
    pilots_close(&w.p);
    return status;
}

int cmd_wait(int argc, char **argv)
{
    struct wait_options o = {0};
    pe_error e = {0};
    int first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0)
        return log_failure(&e);
    return wait_do(&o, (size_t)(argc - first), argv + first);
}
