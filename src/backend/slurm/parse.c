/* parse.c - what squeue, pilot-slurm and sacct print. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format.h"
#include "private.h"

#define COLUMNS_MAX 32

/* A part of the text under parsing. */
typedef struct piece {
    const char *at;
    size_t len;
} piece;

static bool is(piece p, const char *word)
{
    return strlen(word) == p.len && !memcmp(p.at, word, p.len);
}

static int64_t number_of(piece p)
{
    char digits[24];
    int64_t n = 0;

    if (p.len == 0 || p.len >= sizeof(digits))
        return -1;
    memcpy(digits, p.at, p.len);
    digits[p.len] = '\0';
    return text_parse_int(digits, &n) == 0 ? n : -1;
}

/* A small number, or -1. */
static int count_of(piece p)
{
    int64_t n = number_of(p);

    return n >= 0 && n <= INT_MAX ? (int)n : -1;
}

/* squeue shortens counts of nodes: "2K". */
static int nodes_of(piece p)
{
    bool k = p.len > 1 && p.at[p.len - 1] == 'K';
    int64_t n = number_of((piece){p.at, p.len - k});

    return n > 0 && n < 1000000 ? (int)(k ? n * 1024 : n) : 0;
}

/* The next of the parts that '|' is between; *restp moves behind it. */
static piece part_next(piece *restp)
{
    const char *bar = memchr(restp->at, '|', restp->len);
    piece p = {restp->at, bar ? (size_t)(bar - restp->at) : restp->len};
    size_t used = p.len + (bar != NULL);

    restp->at += used;
    restp->len -= used;
    return p;
}

static piece line_next(piece *restp)
{
    const char *end = memchr(restp->at, '\n', restp->len);
    piece p = {restp->at, end ? (size_t)(end - restp->at) : restp->len};
    size_t used = p.len + (end != NULL);

    restp->at += used;
    restp->len -= used;
    return p;
}

/* A reason may hold a '|', and so may a path: the path begins with '/'. */
static void tail_split(piece tail, piece *reason, piece *command)
{
    const char *slash = memmem(tail.at, tail.len, "|/", 2);
    const char *bar = slash ? slash : memrchr(tail.at, '|', tail.len);

    *reason = tail;
    *command = (piece){tail.at + tail.len, 0};
    if (!bar)
        return;
    reason->len = (size_t)(bar - tail.at);
    *command = (piece){bar + 1, tail.len - reason->len - 1};
}

/* The fields of a line, or -1: it is none. */
static int fields_split(piece line, piece field[SLURM_N_FIELDS])
{
    size_t bars = 0;

    for (size_t i = 0; i < line.len; i++)
        bars += line.at[i] == '|';
    if (bars + 1 < SLURM_N_FIELDS)
        return -1;
    for (int i = 0; i < SLURM_REASON; i++)
        field[i] = part_next(&line);
    tail_split(line, &field[SLURM_REASON], &field[SLURM_COMMAND]);
    return number_of(field[SLURM_ID]) > 0 ? 0 : -1;
}

/* "CODE:SIGNAL". */
static void exit_read(piece p, resource_job *job)
{
    piece rest = p;
    const char *colon = memchr(p.at, ':', p.len);

    if (!colon)
        return;
    rest.len = (size_t)(colon - p.at);
    job->exit_code = count_of(rest);
    rest = (piece){colon + 1, p.len - rest.len - 1};
    job->signal = count_of(rest);
}

static bool is_over(enum resource_seen s)
{
    return s == RESOURCE_DONE || s == RESOURCE_FAILED ||
           s == RESOURCE_CANCELED || s == RESOURCE_TIMEOUT ||
           s == RESOURCE_PREEMPTED || s == RESOURCE_NODE_LOST;
}

static void copy(char *out, size_t cap, piece p)
{
    scheduler_copy(out, cap, p.at, p.len);
}

/* A line of the queue, and the cluster of its id (or NULL). */
struct queue_line {
    piece field[SLURM_N_FIELDS];
    const char *cluster;
};

/* Times of a job that waits are guesses of the scheduler, not facts. */
static void times_set(resource_job *job, const piece *f, int64_t *expected)
{
    bool waits = job->seen == RESOURCE_QUEUED || job->seen == RESOURCE_HELD;
    int64_t start = scheduler_time_iso(f[SLURM_START].at, f[SLURM_START].len);

    job->submit_ns =
        scheduler_time_iso(f[SLURM_SUBMIT].at, f[SLURM_SUBMIT].len);
    *expected = waits ? start : 0;
    if (waits)
        return;
    job->start_ns = start;
    job->end_ns = scheduler_time_iso(f[SLURM_END].at, f[SLURM_END].len);
}

/* Is [path] the script of pilot folder [dir]? */
static bool is_script_of(piece path, const char *dir)
{
    size_t n = dir ? strlen(dir) : 0;

    return dir && path.len == n + strlen(SCHEDULER_SCRIPT) &&
           !memcmp(path.at, dir, n) &&
           !memcmp(path.at + n, SCHEDULER_SCRIPT, strlen(SCHEDULER_SCRIPT));
}

/* A job of a query that [arg], a line of the queue, is about. */
static void line_take(resource_job *job, void *arg)
{
    const struct queue_line *l = arg;
    const piece *f = l->field;
    int64_t submit =
        scheduler_time_iso(f[SLURM_SUBMIT].at, f[SLURM_SUBMIT].len);
    int64_t expected = 0;
    int restarts = count_of(f[SLURM_RESTARTS]);

    if (scheduler_is_other(job, is_script_of(f[SLURM_COMMAND], job->dir),
                           submit))
        return;
    /* Two that were submitted for one folder: the newer one is meant. */
    if (job->seen != RESOURCE_ABSENT && submit < job->submit_ns)
        return;
    snprintf(job->id, sizeof(job->id), "%.*s%s%s", (int)f[SLURM_ID].len,
             f[SLURM_ID].at, l->cluster ? ";" : "",
             l->cluster ? l->cluster : "");
    copy(job->native, sizeof(job->native), f[SLURM_STATE]);
    copy(job->reason, sizeof(job->reason), f[SLURM_REASON]);
    copy(job->hosts, sizeof(job->hosts), f[SLURM_HOSTS]);
    if (!strcmp(job->reason, "None"))
        job->reason[0] = '\0';
    job->seen = slurm_state(f[SLURM_STATE].at, f[SLURM_STATE].len);
    job->restarts = restarts > 0 ? restarts : 0;
    job->nodes = nodes_of(f[SLURM_NODES]);
    const slurm_reason *r = slurm_reason_find(job->reason);
    if (job->seen == RESOURCE_QUEUED &&
        (is(f[SLURM_PRIORITY], "0") || (r && r->held)))
        job->seen = RESOURCE_HELD;
    if (is_over(job->seen))
        exit_read(f[SLURM_EXIT], job);
    times_set(job, f, &expected);
    slurm_explain(job, expected);
}

void slurm_parse_queue(const char *out, size_t len, const char *cluster,
                       const job_index *x)
{
    piece rest = {out, len};
    struct queue_line l = {.cluster = cluster};
    char id[RESOURCE_ID_MAX];

    while (rest.len > 0) {
        if (fields_split(line_next(&rest), l.field) < 0)
            continue;
        int n = snprintf(id, sizeof(id), "%.*s%s%s", (int)l.field[SLURM_ID].len,
                         l.field[SLURM_ID].at, cluster ? ";" : "",
                         cluster ? cluster : "");
        if (n > 0 && (size_t)n < sizeof(id))
            job_index_by_id(x, id, (size_t)n, line_take, &l);
        job_index_by_path(x, l.field[SLURM_COMMAND].at,
                          l.field[SLURM_COMMAND].len, line_take, &l);
    }
}

/* Columns of sacct that are used, by their place in its header; -1: it has
 * none such.
 */
struct columns {
    int id, state, exit, reason, submit, start, end, nodes, hosts, energy;
};

/* A line of accounting. */
struct account_line {
    piece cell[COLUMNS_MAX];
    const struct columns *column;
};

static void columns_read(piece header, struct columns *c)
{
    const struct {
        const char *name;
        int *at;
    } names[] = {{"JobID", &c->id},
                 {"JobIDRaw", &c->id},
                 {"State", &c->state},
                 {"ExitCode", &c->exit},
                 {"Reason", &c->reason},
                 {"Submit", &c->submit},
                 {"Start", &c->start},
                 {"End", &c->end},
                 {"NNodes", &c->nodes},
                 {"NodeList", &c->hosts},
                 {"ConsumedEnergyRaw", &c->energy}};

    *c = (struct columns){-1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    for (int i = 0; i < COLUMNS_MAX && header.len > 0; i++) {
        piece p = part_next(&header);
        for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
            if (is(p, names[n].name))
                *names[n].at = i;
    }
}

static piece cell(const struct account_line *l, int column)
{
    return column < 0 ? (piece){"", 0} : l->cell[column];
}

static void account_take(resource_job *job, void *arg)
{
    const struct account_line *l = arg;
    const struct columns *c = l->column;
    piece state = cell(l, c->state), start = cell(l, c->start);
    piece submit = cell(l, c->submit), end = cell(l, c->end);
    enum resource_seen seen = slurm_state(state.at, state.len);
    int64_t submit_ns = scheduler_time_iso(submit.at, submit.len);

    /* One that was queued again has a later time than that of its submit. */
    if (!is_over(seen) || (submit_ns < job->since_ns &&
                           scheduler_is_other(job, false, submit_ns)))
        return;
    job->seen = seen;
    copy(job->native, sizeof(job->native), state);
    copy(job->reason, sizeof(job->reason), cell(l, c->reason));
    copy(job->hosts, sizeof(job->hosts), cell(l, c->hosts));
    if (!strcmp(job->reason, "None"))
        job->reason[0] = '\0';
    if (!strncmp(job->hosts, "None", 4))
        job->hosts[0] = '\0';
    exit_read(cell(l, c->exit), job);
    job->nodes = nodes_of(cell(l, c->nodes));
    job->submit_ns = submit_ns;
    job->start_ns = scheduler_time_iso(start.at, start.len);
    job->end_ns = scheduler_time_iso(end.at, end.len);
    slurm_explain(job, 0);
}

void slurm_parse_accounting(const char *out, size_t len, const char *cluster,
                            const job_index *x)
{
    piece rest = {out, len};
    struct columns c;
    struct account_line l = {.column = &c};
    char id[RESOURCE_ID_MAX];

    columns_read(line_next(&rest), &c);
    while (rest.len > 0 && c.id >= 0) {
        piece line = line_next(&rest);
        for (int i = 0; i < COLUMNS_MAX; i++)
            l.cell[i] = part_next(&line);
        piece p = l.cell[c.id];
        if (number_of(p) <= 0) /* a step, a part of an array */
            continue;
        int n = snprintf(id, sizeof(id), "%.*s%s%s", (int)p.len, p.at,
                         cluster ? ";" : "", cluster ? cluster : "");
        if (n > 0 && (size_t)n < sizeof(id))
            job_index_by_id(x, id, (size_t)n, account_take, &l);
    }
}

/* --- energy --- */

struct energy_lines {
    bool found, over;
    int nodes;                 /* of the job */
    int widest;                /* nodes of the step that has the most */
    int64_t job, batch, steps; /* joules; steps without the batch step */
};

static void energy_take(struct energy_lines *e, const struct account_line *l)
{
    const struct columns *c = l->column;
    piece id = cell(l, c->id), state = cell(l, c->state);
    int64_t n = number_of(cell(l, c->energy));
    int nodes = nodes_of(cell(l, c->nodes));
    const char *dot = memchr(id.at, '.', id.len);

    n = n > 0 ? n : 0; /* none is told */
    if (number_of(id) > 0) {
        e->found = true;
        e->over = is_over(slurm_state(state.at, state.len));
        e->nodes = nodes;
        e->job = n;
    } else if (dot &&
               is((piece){dot, (size_t)(id.at + id.len - dot)}, ".batch")) {
        e->batch = n;
    } else if (dot && number_of((piece){
                          dot + 1, (size_t)(id.at + id.len - dot - 1)}) >= 0) {
        e->steps += n;
        e->widest = nodes > e->widest ? nodes : e->widest;
    }
}

/* -1: nodes are missing. */
static int64_t energy_sum(const struct energy_lines *e)
{
    int64_t steps = e->job > e->steps ? e->job : e->steps;

    if (e->nodes <= 1)
        return e->batch > steps ? e->batch : steps;
    if (e->widest == e->nodes)
        return steps;
    return e->widest == e->nodes - 1 ? steps + e->batch : -1;
}

int slurm_parse_energy(const char *out, size_t len, double *joulesp,
                       pe_error *errp)
{
    piece rest = {out, len};
    struct columns c;
    struct account_line l = {.column = &c};
    struct energy_lines e = {0};
    int64_t sum;

    columns_read(line_next(&rest), &c);
    while (rest.len > 0 && c.id >= 0) {
        piece line = line_next(&rest);
        for (int i = 0; i < COLUMNS_MAX; i++)
            l.cell[i] = part_next(&line);
        energy_take(&e, &l);
    }
    if (!e.found || !e.over)
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN,
                            "Slurm's accounting does not know yet that the job "
                            "is over");
    if (e.job + e.batch + e.steps == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "Slurm's accounting has none of the job: its "
                            "AcctGatherEnergyType counts none");
    sum = energy_sum(&e);
    if (sum < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                            "Slurm's accounting tells of steps on %d of the "
                            "%d nodes of the job",
                            e.widest > 1 ? e.widest : 1, e.nodes);
    *joulesp = (double)sum;
    return 0;
}
