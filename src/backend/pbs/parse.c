/* parse.c - what `qstat -f -F dsv` prints: a line a job, bytes and all. */
#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#include "src/common/clock.h"

#define NO_STATUS INT64_MIN

/* Substates that tell jobs of one state apart. */
enum {
    SUBSTATE_DEPENDENT = 22, /* held until another job has ended */
    SUBSTATE_PREEMPTED = 45,
    SUBSTATE_DELETED = 91,
    SUBSTATE_FAILED = 93,
};

/* Exit_status below 0: PBS ended it, and why (its job.h). */
enum {
    EXIT_RERUN = -11,
    EXIT_NODE_LOST = -20,
    EXIT_NCPUS_BURST = -24,
    EXIT_NCPUS_SUM = -25,
    EXIT_VMEM = -26,
    EXIT_MEM = -27,
    EXIT_CPUT = -28,
    EXIT_WALLTIME = -29,
};

/* Bytes of the value at [s]: up to the '|' that no backslash takes away. */
static size_t value_len(const char *s, size_t len)
{
    size_t n = 0;

    while (n < len && s[n] != '|')
        n += s[n] == '\\' && n + 1 < len ? 2 : 1;
    return n < len ? n : len;
}

bool pbs_line_read(const char *s, size_t len, char id[RESOURCE_ID_MAX],
                   pbs_attribute_f f, void *arg)
{
    static const char head[] = "Job Id: ";
    size_t skip = sizeof(head) - 1;

    if (len < skip || memcmp(s, head, skip))
        return false;
    s += skip;
    len -= skip;
    for (bool first = true; len > 0; first = false) {
        size_t n = value_len(s, len);
        const char *equal = memchr(s, '=', n);
        if (first)
            scheduler_copy(id, RESOURCE_ID_MAX, s, n);
        else if (equal)
            f(arg, s, (size_t)(equal - s), equal + 1,
              n - (size_t)(equal - s) - 1);
        s += n + (n < len);
        len -= n + (n < len);
    }
    return true;
}

int64_t pbs_seconds(const char *s, size_t len)
{
    int64_t total = 0, part = 0;
    int colons = 0;

    if (len == 0 || len > 12)
        return -1;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == ':' && ++colons < 3) {
            total = (total + part) * 60;
            part = 0;
        } else if (isdigit((unsigned char)s[i])) {
            part = 10 * part + (s[i] - '0');
        } else {
            return -1;
        }
    }
    return total + part;
}

/* What a job's line says, as far as it matters here. */
struct facts {
    char id[RESOURCE_ID_MAX];
    char state;
    int64_t substate, exit_status, run_count, nodes, stageout;
    int64_t qtime, stime, end, mtime, walltime;
    bool dependent;
    char comment[RESOURCE_TEXT_MAX];
    char hosts[RESOURCE_TEXT_MAX];
    const char *mark; /* not NUL-ended */
    size_t mark_len;
};

/* An attribute by name, and what of the facts it is. */
enum fact_kind { FACT_NUMBER, FACT_TIME, FACT_SECONDS };
static const struct fact {
    const char *name;
    enum fact_kind kind;
    size_t at;
} facts_table[] = {
    {"substate", FACT_NUMBER, offsetof(struct facts, substate)},
    {"Exit_status", FACT_NUMBER, offsetof(struct facts, exit_status)},
    {"run_count", FACT_NUMBER, offsetof(struct facts, run_count)},
    {"Stageout_status", FACT_NUMBER, offsetof(struct facts, stageout)},
    {"Resource_List.nodect", FACT_NUMBER, offsetof(struct facts, nodes)},
    {"Resource_List.walltime", FACT_SECONDS, offsetof(struct facts, walltime)},
    {"qtime", FACT_TIME, offsetof(struct facts, qtime)},
    {"stime", FACT_TIME, offsetof(struct facts, stime)},
    {"obittime", FACT_TIME, offsetof(struct facts, end)},
    {"mtime", FACT_TIME, offsetof(struct facts, mtime)},
};

static void number_read(const char *s, size_t len, int64_t *out)
{
    char digits[24];
    int64_t n;

    if (len == 0 || len >= sizeof(digits))
        return;
    memcpy(digits, s, len);
    digits[len] = '\0';
    if (text_parse_int(digits, &n) == 0 && n > INT_MIN && n < INT_MAX)
        *out = n;
}

/* "node1/0*2+node2/0*2": the names, each once. */
static void hosts_read(struct facts *f, const char *s, size_t len)
{
    text out = {0};
    const char *last = "";
    size_t last_len = 0;

    for (const char *end = s + len; s < end;) {
        const char *plus = memchr(s, '+', (size_t)(end - s));
        size_t n = plus ? (size_t)(plus - s) : (size_t)(end - s);
        const char *slash = memchr(s, '/', n);
        size_t name = slash ? (size_t)(slash - s) : n;
        if (name != last_len || memcmp(s, last, name)) {
            text_add(&out, "%s", out.len ? "," : "");
            text_add_bytes(&out, s, name);
        }
        last = s;
        last_len = name;
        s += n + 1;
    }
    scheduler_copy(f->hosts, sizeof(f->hosts), out.data ? out.data : "",
                   out.len);
    text_free(&out);
}

/* Our mark in a Variable_List: "A=x,B=y\,z,PILOT_DIR=/home/..." */
static void mark_read(struct facts *f, const char *s, size_t len)
{
    static const char mark[] = PBS_MARK "=";
    size_t head = sizeof(mark) - 1;

    for (size_t n; len > 0; s += n, len -= n) {
        n = 0;
        while (n < len && s[n] != ',')
            n += s[n] == '\\' && n + 1 < len ? 2 : 1;
        n = n < len ? n : len;
        if (n >= head && !memcmp(s, mark, head)) {
            f->mark = s + head;
            f->mark_len = n - head;
            return;
        }
        n += n < len;
    }
}

static bool is(const char *name, size_t len, const char *want)
{
    return strlen(want) == len && !memcmp(name, want, len);
}

static void fact_take(struct facts *f, const struct fact *row, const char *s,
                      size_t len)
{
    int64_t *at = (int64_t *)(void *)((char *)f + row->at);

    if (row->kind == FACT_NUMBER)
        number_read(s, len, at); /* what is no number changes nothing */
    else
        *at = row->kind == FACT_TIME ? scheduler_time_c(s, len)
                                     : pbs_seconds(s, len);
}

static void attribute_take(void *arg, const char *name, size_t name_len,
                           const char *s, size_t len)
{
    struct facts *f = arg;

    for (size_t i = 0; i < sizeof(facts_table) / sizeof(facts_table[0]); i++)
        if (is(name, name_len, facts_table[i].name)) {
            fact_take(f, &facts_table[i], s, len);
            return;
        }
    if (is(name, name_len, "job_state") && len > 0)
        f->state = isalpha((unsigned char)*s) ? *s : '?';
    else if (is(name, name_len, "comment"))
        scheduler_copy(f->comment, sizeof(f->comment), s, len);
    else if (is(name, name_len, "exec_host"))
        hosts_read(f, s, len);
    else if (is(name, name_len, "depend"))
        f->dependent = true;
    else if (is(name, name_len, "Variable_List"))
        mark_read(f, s, len);
}

/* How a job that is over (F, X) ended.  Its status alone does not tell: it is
 * 0 for one that was deleted by force, and for one that never ran there is
 * none.
 */
static enum resource_seen end_seen(const struct facts *f)
{
    if (f->substate == SUBSTATE_DELETED)
        return RESOURCE_CANCELED;
    if (f->exit_status == EXIT_WALLTIME || f->exit_status == EXIT_CPUT)
        return RESOURCE_TIMEOUT;
    if (f->exit_status == EXIT_NODE_LOST)
        return RESOURCE_NODE_LOST;
    if (f->exit_status == 0 && f->substate != SUBSTATE_FAILED)
        return RESOURCE_DONE;
    return RESOURCE_FAILED;
}

static enum resource_seen seen_of(const struct facts *f)
{
    switch (f->state) {
    case 'Q':
    case 'T': /* in transit to another server */
    case 'M': /* moved there */
    case 'W': /* its time has not come */
        return RESOURCE_QUEUED;
    case 'H': /* nobody has to let go of one that waits for another */
        return f->substate == SUBSTATE_DEPENDENT ? RESOURCE_QUEUED
                                                 : RESOURCE_HELD;
    case 'R':
    case 'B': /* an array that has begun */
        return RESOURCE_RUNNING;
    case 'S':
    case 'U': /* the workstation's owner is there */
        return RESOURCE_SUSPENDED;
    case 'E':
        return RESOURCE_ENDING;
    case 'F':
    case 'X':
        return end_seen(f);
    default:
        return RESOURCE_UNKNOWN;
    }
}

/* What the scheduler says of a job that waits, and what it means. */
static const struct {
    const char *part, *prose;
    bool never;
} comments[] = {
    {"Can Never Run", "no host has so much: cancel it and ask for less", true},
    {"Queue not started",
     "its queue is stopped: move it to another ('qmove QUEUE ID'), or wait",
     false},
    {"Not enough free nodes", "waits for hosts to become free", false},
    {"Insufficient amount of resource",
     "waits for what it asks for to become free", false},
    {"Insufficient amount of server resource",
     "waits for a resource of the server to become free", false},
    {"Insufficient amount of queue resource",
     "waits for a resource of its queue to become free", false},
    {"limit has been reached",
     "a limit of the site is reached: waits for "
     "other jobs to end",
     false},
    {"would exceed",
     "a limit of the site is reached: waits for other jobs to "
     "end",
     false},
    {"Job would conflict with reservation",
     "waits: it would not end before a reservation begins", false},
    {"Job would cross dedicated time",
     "waits: it would not end before a time set aside by the site", false},
    {"dedicated time", "waits for the end of a time set aside by the site",
     false},
    {NULL, NULL, false},
};

static void explain_waiting(const struct facts *f, resource_job *job)
{
    const char *prose = "";

    if (f->state == 'W')
        prose = "waits for its time to begin";
    else if (f->state == 'H' && f->substate == SUBSTATE_DEPENDENT)
        prose = "waits for another job (--dependency)";
    else if (f->state == 'T' || f->state == 'M')
        prose = "is on its way to another server";
    else if (job->restarts > 0 && f->exit_status == EXIT_NODE_LOST)
        prose = "a host of it was lost, and it was queued again";
    else if (job->restarts > 0 && f->exit_status == EXIT_RERUN)
        prose = "was queued again";
    for (int i = 0; !*prose && comments[i].part; i++)
        if (strstr(f->comment, comments[i].part)) {
            prose = comments[i].prose;
            job->never = comments[i].never;
        }
    snprintf(job->prose, sizeof(job->prose), "%s", prose);
}

/* Who holds it: 'u' the user, 'o' an operator, 's' the system. */
static void explain_held(char type, resource_job *job)
{
    snprintf(job->prose, sizeof(job->prose), "%s",
             type == 'u' ? "held: 'qrls ID' lets it go"
                         : "held by the site: ask them why");
}

static const char *failure_of(const struct facts *f)
{
    switch (f->exit_status) {
    case EXIT_NCPUS_BURST:
    case EXIT_NCPUS_SUM:
        return "used more cores than it had: ask for more with "
               "--cpus-per-task or --ntasks";
    case EXIT_VMEM:
    case EXIT_MEM:
        return "used more memory than it had: ask for more with --mem";
    case 127:
        return "its script ended with 127: a command in it was not found";
    case 254:
        return "its script ended with 254, as it does when its shell is not "
               "there";
    default:
        return NULL;
    }
}

static void explain_failure(const struct facts *f, resource_job *job)
{
    const char *why = failure_of(f);

    if (why)
        snprintf(job->prose, sizeof(job->prose), "%s", why);
    else if (f->stime == 0)
        snprintf(job->prose, sizeof(job->prose), "%s",
                 f->dependent
                     ? "never ran: the job it waited for did not end as "
                       "--dependency wants it"
                     : "never ran, and PBS does not say why");
    else if (f->exit_status == NO_STATUS)
        snprintf(job->prose, sizeof(job->prose),
                 "failed, and PBS does not say why");
    else if (f->exit_status == 0)
        snprintf(job->prose, sizeof(job->prose), "a part of it failed");
    else if (f->exit_status < 0)
        snprintf(job->prose, sizeof(job->prose),
                 "PBS could not run it (status %d): ask the site",
                 (int)f->exit_status);
    else if (f->exit_status > 256)
        snprintf(job->prose, sizeof(job->prose), "killed by signal %d",
                 (int)f->exit_status - 256);
    else
        snprintf(job->prose, sizeof(job->prose),
                 "its script ended with %d; its err in the pilot's folder may "
                 "say why",
                 (int)f->exit_status);
}

static void explain(const struct facts *f, char hold, resource_job *job)
{
    const char *prose = "";

    switch (job->seen) {
    case RESOURCE_QUEUED:
        explain_waiting(f, job);
        return;
    case RESOURCE_HELD:
        explain_held(hold, job);
        return;
    case RESOURCE_FAILED:
        explain_failure(f, job);
        return;
    case RESOURCE_TIMEOUT:
        prose = "its time was over: ask for more with --time, or for "
                "successors with --chain";
        break;
    case RESOURCE_NODE_LOST:
        prose = "a host of it was lost";
        break;
    case RESOURCE_SUSPENDED:
        prose = f->substate == SUBSTATE_PREEMPTED
                    ? "suspended, to make room for a job of higher priority"
                    : "suspended";
        break;
    case RESOURCE_DONE:
        prose = f->stageout == 0 ? "done, but its output could not be brought "
                                   "back: it is still on the host"
                                 : "";
        break;
    default:
        break;
    }
    snprintf(job->prose, sizeof(job->prose), "%s", prose);
}

/* A line, and what is not in its facts. */
struct job_line {
    struct facts f;
    char hold;
};

static void status_set(const struct facts *f, resource_job *job)
{
    if (f->exit_status == NO_STATUS || f->exit_status < 0)
        return;
    if (f->exit_status > 256) { /* its shell itself was killed */
        job->signal = (int)f->exit_status - 256;
        return;
    }
    job->exit_code = (int)f->exit_status;
    job->signal = 0;
}

static void times_set(const struct facts *f, resource_job *job)
{
    bool over = f->state == 'F' || f->state == 'X';

    job->submit_ns = f->qtime;
    if (job->seen == RESOURCE_QUEUED || job->seen == RESOURCE_HELD)
        return;
    job->start_ns = f->stime;
    if (over)
        job->end_ns = f->end ? f->end : f->mtime;
    else if (f->stime > 0 && f->walltime > 0)
        job->end_ns = f->stime + f->walltime * CLOCK_S;
}

/* Does it carry the mark of pilot folder [dir]? */
static bool is_marked(const struct facts *f, const char *dir)
{
    char *mark = dir ? pbs_mark(dir) : NULL;
    bool same = mark && f->mark && is(f->mark, f->mark_len, mark);

    free(mark);
    return same;
}

static void line_take(resource_job *job, void *arg)
{
    const struct job_line *l = arg;
    const struct facts *f = &l->f;
    bool waits;

    if (scheduler_is_other(job, is_marked(f, job->dir), f->qtime))
        return;
    if (job->seen != RESOURCE_ABSENT && f->qtime < job->submit_ns)
        return; /* an older one of the same folder */
    memcpy(job->id, f->id, sizeof(job->id));
    job->seen = seen_of(f);
    waits = job->seen == RESOURCE_QUEUED || job->seen == RESOURCE_HELD;
    snprintf(job->native, sizeof(job->native), "%c", f->state);
    memcpy(job->reason, f->comment, sizeof(job->reason));
    memcpy(job->hosts, f->hosts, sizeof(job->hosts));
    job->nodes = f->nodes > 0 && f->nodes < 1000000 ? (int)f->nodes : 0;
    if (f->run_count > !waits)
        job->restarts = (int)f->run_count - !waits;
    if (f->state == 'F' || f->state == 'X')
        status_set(f, job);
    times_set(f, job);
    explain(f, l->hold, job);
}

static void line_attribute(void *arg, const char *name, size_t name_len,
                           const char *s, size_t len)
{
    struct job_line *l = arg;

    if (is(name, name_len, "Hold_Types") && len > 0)
        l->hold = *s;
    else
        attribute_take(&l->f, name, name_len, s, len);
}

void pbs_parse(const char *out, size_t len, const job_index *x)
{
    while (len > 0) {
        const char *end = memchr(out, '\n', len);
        size_t n = end ? (size_t)(end - out) : len;
        struct job_line l = {
            .f = {.state = '?', .exit_status = NO_STATUS, .stageout = 1},
            .hold = 'u'};
        if (pbs_line_read(out, n, l.f.id, line_attribute, &l)) {
            job_index_by_id(x, l.f.id, strlen(l.f.id), line_take, &l);
            if (l.f.mark)
                job_index_by_path(x, l.f.mark, l.f.mark_len, line_take, &l);
        }
        out += n + (n < len);
        len -= n + (n < len);
    }
}
