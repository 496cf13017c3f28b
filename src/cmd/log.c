/* log.c - `pilot log`: what a pilot has written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/cmd/cmd.h"
#include "src/common/clock.h"
#include "src/common/log.h"
#include "src/common/option.h"
#include "src/run/pilots.h"

#define STEP_NS (200 * CLOCK_MS)
#define STEP_REMOTE_NS (2000 * CLOCK_MS)
#define LOOK_NS (1000 * CLOCK_MS) /* between two looks whether it is over */
#define LINES 20
#define LINES_MAX 1000000
#define TAIL_MAX (1 << 20) /* lines are looked for in as many bytes */
#define CHUNK (1 << 18)
#define TIMEOUT_S 30.0

struct log_options {
    const char *lines;
    bool follow, out, err, help;
};

#define OPTION(kind, member) OPTION_##kind, offsetof(struct log_options, member)

static const option_spec options[] = {
    {"follow", 'f', OPTION(FLAG, follow), NULL, NULL,
     "go on until the pilot is over and all is printed"},
    {"lines", 'n', OPTION(TEXT, lines), "N", NULL,
     "begin with the last N lines of each file (20)"},
    {"out", 0, OPTION(FLAG, out), NULL, NULL, "only the job's output"},
    {"err", 0, OPTION(FLAG, err), NULL, NULL, "only the job's errors"},
    {"help", 'h', OPTION(FLAG, help), NULL, NULL, "this text"},
    {NULL, 0, OPTION_FLAG, 0, NULL, NULL, NULL},
};

static const char *const synopsis[] = {
    "[-f] [-n N] [--out] [--err] ID|SCHED_ID", NULL};

static const option_usage usage = {
    .command = "pilot log",
    .synopsis = synopsis,
    .prose = "Print what a pilot has written: output and errors of its job.",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .operand = "an ID",
};

#define N_FILES 2

/* One file of the pilot. */
typedef struct source {
    const char *name; /* "out" */
    bool wanted;
    char *path;
    int64_t at; /* printed up to here */
} source;

typedef struct follow {
    pilots p;
    host *host;
    source sources[N_FILES];
    const source *last; /* printed last */
    bool titles;        /* several files: say which */
} follow;

static const pilot_record *pilot_of(const follow *f)
{
    return &f->p.r[0];
}

/* --- print --- */

/* Write all of it now: somebody looks on. */
static int bytes_print(follow *f, const source *s, const char *data, size_t len,
                       pe_error *errp)
{
    bool bad = false;

    if (len == 0)
        return 0;
    if (f->titles && f->last != s)
        bad = printf("%s==> %s <==\n", f->last ? "\n" : "", s->name) < 0;
    f->last = s;
    bad = bad || fwrite(data, 1, len, stdout) != len || fflush(stdout) != 0;
    if (!bad)
        return 0;
    pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_CREATE, "cannot print: %s",
                 strerror(errno));
    clearerr(stdout); /* that was said */
    return -1;
}

/* Start of the last [lines] lines of [data]. */
static size_t lines_start(const char *data, size_t len, int64_t lines)
{
    size_t at = len;

    if (at > 0 && data[at - 1] == '\n')
        at--; /* that one ends the last line */
    if (lines == 0)
        return len;
    while (at > 0 && (data[at - 1] != '\n' || --lines > 0))
        at--;
    return at;
}

/* --- read --- */

/* Size of the file; 0: it is not there. */
static int size_take(follow *f, const source *s, int64_t *sizep, pe_error *errp)
{
    const char *const argv[] = {"wc", "-c", s->path, NULL};
    host_answer a = {0};
    struct stat st;
    int status = 0;

    *sizep = 0;
    if (host_is_local(f->host)) {
        if (stat(s->path, &st) == 0)
            *sizep = st.st_size;
        return 0;
    }
    status = host_run(f->host, argv, NULL, TIMEOUT_S, &a, errp);
    if (status == 0 && a.status == 0)
        *sizep = strtoll(a.out, NULL, 10);
    host_answer_free(&a);
    return status;
}

/* The last lines, as far as they are in the last bytes. */
static int tail_print(follow *f, source *s, int64_t lines, pe_error *errp)
{
    int64_t size = 0, from;
    size_t len = 0, start;
    char *data;
    int status;

    if (size_take(f, s, &size, errp) < 0)
        return -1;
    from = size > TAIL_MAX ? size - TAIL_MAX : 0;
    data = host_read(f->host, s->path, from, (size_t)(size - from), &len, errp);
    if (!data)
        return -1;
    start = lines_start(data, len, lines);
    s->at = from + (int64_t)len;
    status = bytes_print(f, s, data + start, len - start, errp);
    free(data);
    return status;
}

/* What is new: the number of bytes, or -1. */
static int64_t news_print(follow *f, source *s, pe_error *errp)
{
    int64_t before = s->at;
    size_t len;

    do {
        char *data = host_read(f->host, s->path, s->at, CHUNK, &len, errp);
        if (!data)
            return -1;
        s->at += (int64_t)len;
        int status = bytes_print(f, s, data, len, errp);
        free(data);
        if (status < 0)
            return -1;
    } while (len == CHUNK);
    return s->at - before;
}

/* --- follow --- */

static int64_t all_news(follow *f, pe_error *errp)
{
    int64_t sum = 0;

    for (size_t i = 0; i < N_FILES; i++) {
        int64_t n =
            f->sources[i].wanted ? news_print(f, &f->sources[i], errp) : 0;
        if (n < 0)
            return -1;
        sum += n;
    }
    return sum;
}

/* Until it is over, and then what was written last. */
static int follow_on(follow *f, pe_error *errp)
{
    int64_t asked = 0, step = host_is_local(f->host) ? STEP_NS : STEP_REMOTE_NS;
    bool over = false;

    while (true) {
        int64_t n, now = clock_mono_ns();
        if (!over && now - asked > LOOK_NS) {
            asked = now;
            if (pilots_observe(&f->p, PILOTS_ASK_IF_DUE, errp) < 0)
                return -1;
            over = pilot_state_is_final(pilot_of(f)->state);
        }
        n = all_news(f, errp);
        if (n < 0)
            return -1;
        if (over && n == 0)
            return 0;
        if (n == 0)
            clock_sleep_ns(step, 1);
    }
}

/* How one that lives does; that nothing was written wants a reason. */
static void state_tell(const follow *f)
{
    const pilot_record *r = pilot_of(f);
    text why = {0};

    pilots_reason(r, clock_real_ns(), &why);
    log_info("%s %s %s%s%s", r->id,
             f->last ? "is" : "has written nothing: it is",
             pilot_state_name(r->state), why.data && *why.data ? ": " : "",
             why.data ? why.data : "");
    text_free(&why);
}

static int sources_open(follow *f, const struct log_options *o, pe_error *errp)
{
    const bool all = !o->out && !o->err;
    const source sources[N_FILES] = {{"out", o->out || all, NULL, 0},
                                     {"err", o->err || all, NULL, 0}};
    size_t n = 0;

    memcpy(f->sources, sources, sizeof(sources));
    for (size_t i = 0; i < N_FILES; i++) {
        f->sources[i].path =
            text_format("%s/%s", pilot_of(f)->dir, sources[i].name);
        if (!f->sources[i].path)
            return pe_error_nomem(errp);
        n += sources[i].wanted;
    }
    f->titles = n > 1;
    return 0;
}

static int pilot_open(follow *f, char *const *words, pe_error *errp)
{
    resource *res;

    if (pilots_open(&f->p, errp) < 0 ||
        pilots_select(&f->p, words, 1, errp) < 0)
        return -1;
    if (f->p.n > 1)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "'%.200s' has %zu pilots: name one, for instance "
                            "%s",
                            words[0], f->p.n, f->p.r[0].id);
    res = observe_cache_open(f->p.cache, pilot_of(f)->resource, errp);
    if (!res)
        return -1;
    f->host = resource_host(res, pilot_of(f)->sched_id, errp);
    return f->host ? 0 : -1;
}

static int log_do(follow *f, const struct log_options *o, char *const *words,
                  pe_error *errp)
{
    int64_t lines = LINES;

    if (o->lines && (text_parse_int(o->lines, &lines) < 0 || lines < 0 ||
                     lines > LINES_MAX))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_USAGE,
                            "option --lines: '%s' is no number from 0 to %d",
                            o->lines, LINES_MAX);
    if (pilot_open(f, words, errp) < 0 || sources_open(f, o, errp) < 0)
        return -1;
    for (size_t i = 0; i < N_FILES; i++)
        if (f->sources[i].wanted &&
            tail_print(f, &f->sources[i], lines, errp) < 0)
            return -1;
    if (o->follow)
        return follow_on(f, errp);
    if (lines == 0)
        return 0;
    if (pilots_observe(&f->p, f->last ? PILOTS_ASK_NOT : PILOTS_ASK_IF_DUE,
                       errp) < 0)
        return -1;
    if (!f->last || !pilot_state_is_final(pilot_of(f)->state))
        state_tell(f);
    return 0;
}

int cmd_log(int argc, char **argv)
{
    struct log_options o = {0};
    follow f = {.host = NULL};
    pe_error e = {0};
    int status = PE_EXIT_OK, first = option_parse(&usage, argc, argv, &o, &e);

    if (first >= 0 && o.help) {
        option_help(&usage, stdout);
        return PE_EXIT_OK;
    }
    if (first < 0 || option_operands(&usage, argc - first, &e) < 0 ||
        log_do(&f, &o, argv + first, &e) < 0)
        status = log_failure(&e);
    for (size_t i = 0; i < N_FILES; i++)
        free(f.sources[i].path);
    pilots_close(&f.p);
    return status;
}
