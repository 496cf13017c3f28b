/* wait_end.c - what is left to do when pilots have ended. */
#include "wait_end.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/monitor/monitor.h"
#include "src/registry/release.h"
#include "src/registry/stage_out.h"
#include "src/run/history.h"

#define STEP_NS 100000000

static void fetched(void *arg, const char *path)
{
    (void)arg;
    log_info("fetched %s", path);
}

/* One that nobody ends here ends itself. */
static void machine_release(const char *home, const pilot_record *r)
{
    pe_error e = {0};

    if (pilot_state_is_final(r->state) && pilot_release(home, r, &e) < 0)
        log_warn("%s: %s", r->id, e.text);
}

int wait_results(const char *home, const pilot_record *r, size_t n)
{
    int status = PE_EXIT_OK;

    for (size_t i = 0; i < n; i++) {
        pe_error e = {0};
        if (stage_out(home, &r[i], fetched, NULL, &e) >= 0) {
            machine_release(home, &r[i]);
            continue;
        }
        log_error("%s: %s", r[i].id, e.text);
        if (status == PE_EXIT_OK)
            status = (int)e.exit_code;
    }
    return status;
}

/* Does a command follow the run?  It holds the lock. */
static bool is_followed(const char *home, const char *run)
{
    char *path = text_format("%s/%s/lock", home, run);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    bool held =
        fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;

    if (fd >= 0)
        close(fd);
    free(path);
    return held;
}

/* HOME/[name]/summary.json; NULL: there is none. */
static json_t *summary_read(const char *home, const char *name)
{
    char *dir = text_format("%s/%s", home, name);
    json_t *summary = dir ? run_summary_read(dir) : NULL;

    free(dir);
    return summary;
}

/* --- pools that nobody followed, as one run --- */

typedef struct together {
    json_t *first; /* the summary of one */
    size_t n;
    monitor *m;
    bool failed, done;
    json_int_t blocks, points, bytes; /* committed before any of them began */
    int64_t start_ns, end_ns;
} together;

static json_int_t int_of(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

/* The final event of the pool, and what was there before it. */
static void detail_add(together *t, const char *member, const json_t *final)
{
    const json_t *began = json_object_get(final, "began");

    monitor_take(t->m, member, final);
    if (t->n > 0 && int_of(began, "blocks") >= t->blocks)
        return;
    t->blocks = int_of(began, "blocks");
    t->points = int_of(began, "points");
    t->bytes = int_of(began, "bytes");
}

static void summary_add(together *t, const pilot_record *r,
                        const json_t *summary)
{
    const char *state = json_string_value(json_object_get(summary, "state"));
    json_t *final, *error;
    const char *member;
    size_t i;

    json_object_foreach(json_object_get(summary, "detail"), member, final)
    {
        detail_add(t, member, final);
    }
    json_array_foreach(json_object_get(summary, "errors"), i, error)
    {
        monitor_error(t->m, json_string_value(error));
    }
    t->failed = t->failed || (state && !strcmp(state, "failed"));
    t->done = t->done || (state && !strcmp(state, "done"));
    if (t->n == 0 || r->started_ns < t->start_ns)
        t->start_ns = r->started_ns;
    if (r->ended_ns > t->end_ns)
        t->end_ns = r->ended_ns;
    t->n++;
}

static void together_print(together *t)
{
    json_t *all;

    monitor_began(t->m, (uint64_t)t->blocks, (uint64_t)t->points,
                  (uint64_t)t->bytes);
    all = monitor_summary(t->m,
                          t->failed ? "failed"
                          : t->done ? "done"
                                    : "drained",
                          (double)(t->end_ns - t->start_ns) / 1e9);
    if (all)
        monitor_print(all, stdout);
    json_decref(all);
}

/* Each pool has left a summary of itself; those of several are one. */
static void pools_print(const char *home, const char *run,
                        const pilot_record *r, size_t n)
{
    together t = {0};

    for (size_t i = 0; i < n; i++) {
        json_t *summary = !strcmp(r[i].run, run) && !strcmp(r[i].kind, "pool")
                              ? summary_read(home, r[i].id)
                              : NULL;
        const char *name =
            json_string_value(json_object_get(summary, "pipeline"));

        if (summary && !t.m)
            t.m = monitor_create(run, name ? name : "", NULL);
        if (t.m && json_object_get(summary, "empty"))
            monitor_until_eof(t.m);
        if (summary && t.m)
            summary_add(&t, &r[i], summary);
        if (!t.first)
            t.first = json_incref(summary);
        json_decref(summary);
    }
    if (t.n > 1)
        together_print(&t);
    else if (t.n > 0)
        monitor_print(t.first, stdout);
    json_decref(t.first);
    monitor_destroy(t.m);
}

void wait_summary(const char *home, const char *run, const pilot_record *r,
                  size_t n, int64_t end_ns)
{
    json_t *summary;

    while (is_followed(home, run) && clock_mono_ns() < end_ns)
        clock_sleep_ns(STEP_NS, 0);
    summary = summary_read(home, run);
    if (summary)
        monitor_print(summary, stdout);
    else
        pools_print(home, run, r, n);
    json_decref(summary);
}
