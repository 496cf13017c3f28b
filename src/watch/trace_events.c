/* trace_events.c - a trace as events of Chrome's trace viewer (JSON).
 *
 * A process is a pilot, beside one for the broker; a thread is a device or a
 * rank.  What a device or a rank does is a slice of its thread; a hop in which
 * many blocks are at once is one of a lane by itself ("b" and "e").  An arrow
 * goes from the slice in which a block was sensed through the one in which it
 * was worked on to the commit that has it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "trace_out.h"

#define BROKER 1  /* process */
#define COMMITS 1 /* thread of a pool; ranks and devices come behind it */
#define FIRST 2

typedef struct events {
    trace *t;
    FILE *f;
    int64_t base; /* times count from here: a number of JSON has 53 bits */
    bool any;
    uint64_t backward;
    int64_t *busy; /* of each device: the end of its last slice */
    uint64_t *seen;
} events;

void trace_put_string(FILE *f, const char *words)
{
    size_t left = strlen(words), n;

    fputc('"', f);
    for (; left > 0; words += n, left -= n) {
        unsigned char c = (unsigned char)*words;

        n = text_utf8(words, left);
        if (c == '"' || c == '\\')
            fputc('\\', f);
        if (c < ' ')
            fprintf(f, "\\u%04x", c);
        else if (n == 0)
            fprintf(f, "%%%02X", c);
        else
            fwrite(words, 1, n, f);
        n = n ? n : 1;
    }
    fputc('"', f);
}

/* --- one event --- */

static void put_us(FILE *f, const char *name, int64_t ns)
{
    int64_t size = ns < 0 ? -ns : ns;

    fprintf(f, ",\"%s\":%s%" PRId64 ".%03d", name, ns < 0 ? "-" : "",
            size / 1000, (int)(size % 1000));
}

static void begin(events *x, const char *name, char phase, unsigned process,
                  unsigned thread)
{
    fputs(x->any ? ",\n" : "\n", x->f);
    x->any = true;
    fputs("{\"name\":", x->f);
    trace_put_string(x->f, name);
    fprintf(x->f, ",\"ph\":\"%c\",\"pid\":%u,\"tid\":%u", phase, process,
            thread);
}

static void at(const events *x, int64_t ns)
{
    put_us(x->f, "ts", ns - x->base);
}

static void slice(events *x, const char *name, unsigned process,
                  unsigned thread, const int64_t span[2])
{
    begin(x, name, 'X', process, thread);
    at(x, span[0]);
    put_us(x->f, "dur", span[1] - span[0]);
}

static void end(const events *x)
{
    fputc('}', x->f);
}

/* --- who there is --- */

/* The number of a pilot's process: that of the first log of the member. */
static unsigned process_of(const events *x, uint32_t log)
{
    const trace_process *p = trace_process_at(x->t, log), *q;

    for (uint32_t i = 0; p && i < log; i++) {
        q = trace_process_at(x->t, i);
        if (!strcmp(q->member, p->member))
            return BROKER + 1 + i;
    }
    return BROKER + 1 + log;
}

static void name(events *x, const char *what, unsigned process, unsigned thread,
                 const char *words)
{
    begin(x, what, 'M', process, thread);
    fputs(",\"args\":{\"name\":", x->f);
    trace_put_string(x->f, words);
    fputs("}}", x->f);
}

static void name_all(events *x)
{
    const trace_process *p;
    char words[512];

    name(x, "process_name", BROKER, 0, "broker");
    for (uint32_t i = 0; (p = trace_process_at(x->t, i)); i++) {
        unsigned n = process_of(x, i);

        if (n == BROKER + 1 + i) {
            snprintf(words, sizeof(words), "%s (%s)", p->member, p->kind);
            name(x, "process_name", n, 0, words);
        }
        if (strcmp(p->kind, "pool") != 0)
            continue;
        if (p->rank == 0)
            name(x, "thread_name", n, COMMITS, "commits");
        snprintf(words, sizeof(words), "rank %d, %s", p->rank, p->host);
        name(x, "thread_name", n, FIRST + (unsigned)p->rank, words);
    }
}

/* --- blocks --- */

static bool hop(events *x, const trace_block *b, enum trace_hop h,
                int64_t span[2])
{
    enum trace_stamp from, to;
    int64_t ns;

    if (!trace_hop_ns(b, h, &ns))
        return false;
    if (ns < 0) {
        x->backward++;
        return false;
    }
    trace_hop_stamps(h, &from, &to);
    span[0] = b->stamp[from];
    span[1] = b->stamp[to];
    return true;
}

/* A hop of which many are under way at once.  Its id is of the process alone:
 * viewers show one of all processes beside them and not in them.
 */
static void lane(events *x, const trace_block *b, enum trace_hop h,
                 unsigned process, uint64_t id)
{
    int64_t span[2];

    if (!hop(x, b, h, span))
        return;
    for (int i = 0; i < 2; i++) {
        begin(x, trace_hop_name(h), i ? 'e' : 'b', process, 0);
        fprintf(x->f, ",\"cat\":\"%s\",\"id2\":{\"local\":\"0x%" PRIx64 "\"}",
                trace_hop_name(h), id);
        at(x, span[i]);
        end(x);
    }
}

static void flow(events *x, char phase, const unsigned where[2], int64_t ns,
                 uint64_t id)
{
    begin(x, "block", phase, where[0], where[1]);
    fprintf(x->f, ",\"cat\":\"block\",\"id\":%" PRIu64, id);
    if (phase == 'f')
        fputs(",\"bp\":\"e\"", x->f);
    at(x, ns);
    end(x);
}

static void put_identity(events *x, const trace_block *b)
{
    fputs(",\"args\":{\"device\":", x->f);
    trace_put_string(x->f, trace_device(x->t, b->device));
    if (b->flags & TRACE_HAS_SEQ)
        fprintf(x->f, ",\"boot\":%" PRIu64 ",\"seq\":%" PRIu64, b->boot,
                b->seq);
    fprintf(x->f,
            ",\"partition\":%d,\"offset\":%" PRId64
            ",\"points\":%u,\"outliers\":%u,\"outcome\":\"%s\","
            "\"commit_version\":%" PRIu64 "}",
            b->partition, b->offset, b->points, b->outliers,
            trace_outcome_name(b->outcome), b->commit_version);
}

/* On a thread slices do not overlap: where the next block was sensed, or was to
 * be, before the last one was through, its slice begins there.
 */
static void put_sensing(events *x, const trace_block *b,
                        const unsigned where[2])
{
    int64_t span[2], *busy = &x->busy[b->device];

    if (!hop(x, b, TRACE_HOP_EDGE, span))
        return;
    if (span[0] < *busy)
        span[0] = *busy < span[1] ? *busy : span[1];
    *busy = span[1];
    slice(x, "sense", where[0], where[1], span);
    put_identity(x, b);
    end(x);
}

static void put_block(events *x, const trace_block *b, uint64_t id)
{
    bool device = b->device != TRACE_NO_DEVICE && b->edge != TRACE_NO_DEVICE;
    const unsigned sensed[2] = {device ? process_of(x, b->edge) : BROKER,
                                device ? FIRST + b->device : 0};
    unsigned pool = (b->flags & TRACE_HAS_RANK) ? process_of(x, b->log) : 0;
    const unsigned worked[2] = {pool, FIRST + b->rank};
    const unsigned committed[2] = {pool, COMMITS};
    bool starts = device && b->stamp[TRACE_EDGE];
    int64_t span[2];

    if (starts)
        put_sensing(x, b, sensed);
    if (device)
        lane(x, b, TRACE_HOP_SEND, sensed[0], id);
    lane(x, b, TRACE_HOP_BROKER, BROKER, id);
    if (!pool)
        return;
    lane(x, b, TRACE_HOP_WAIT, pool, id);
    if (hop(x, b, TRACE_HOP_PROCESS, span)) {
        slice(x, "process", worked[0], worked[1], span);
        put_identity(x, b);
        end(x);
        flow(x, starts ? 't' : 's', worked, span[0], id);
    }
    lane(x, b, TRACE_HOP_RESULT, pool, id);
    lane(x, b, TRACE_HOP_COMMIT, pool, id);
    if (starts)
        flow(x, 's', sensed, b->stamp[TRACE_EDGE], id);
    if (b->stamp[TRACE_COMMIT])
        flow(x, 'f', committed, b->stamp[TRACE_COMMIT], id);
}

static int put_blocks(events *x, uint64_t every, uint64_t *leftp,
                      pe_error *errp)
{
    uint64_t id = 0;
    trace_block b;
    int rc;

    while ((rc = trace_next(x->t, TRACE_BLOCKS, &b, errp)) > 0) {
        uint32_t i =
            b.device == TRACE_NO_DEVICE ? trace_devices(x->t) : b.device;

        if (x->seen[i]++ == 0 && b.edge != TRACE_NO_DEVICE)
            name(x, "thread_name", process_of(x, b.edge), FIRST + b.device,
                 trace_device(x->t, b.device));
        if ((x->seen[i] - 1) % every != 0) {
            ++*leftp;
            continue;
        }
        put_block(x, &b, ++id);
    }
    return rc;
}

/* --- commits, counters, models --- */

static int put_commits(events *x, pe_error *errp)
{
    trace_commit c;
    int rc;

    while ((rc = trace_next(x->t, TRACE_COMMITS, &c, errp)) > 0) {
        const int64_t span[2] = {c.time_ns - c.duration_ns, c.time_ns};

        slice(x, "commit", process_of(x, c.log), COMMITS, span);
        fprintf(x->f,
                ",\"args\":{\"version\":%" PRIu64 ",\"blocks\":%" PRIu64
                ",\"points\":%" PRIu64 ",\"bytes\":%" PRIu64 "}",
                c.version, c.blocks, c.points, c.bytes);
        end(x);
    }
    return rc;
}

static void counter(events *x, const char *what, const trace_rank *r,
                    double value)
{
    char words[64];

    snprintf(words, sizeof(words), "%s, rank %u", what, r->rank);
    begin(x, words, 'C', process_of(x, r->log), 0);
    at(x, r->time_ns);
    fprintf(x->f, ",\"args\":{\"value\":%.6g}", value);
    end(x);
}

static int put_ranks(events *x, pe_error *errp)
{
    trace_rank r, last = {.log = UINT32_MAX};
    int rc;

    while ((rc = trace_next(x->t, TRACE_RANKS, &r, errp)) > 0) {
        double s = (double)(r.time_ns - last.time_ns) / 1e9;

        counter(x, "lag", &r, (double)r.lag);
        if (r.log == last.log && s > 0)
            counter(x, "blocks/s", &r, (double)(r.blocks - last.blocks) / s);
        last = r;
    }
    return rc;
}

static int put_models(events *x, pe_error *errp)
{
    trace_model m;
    int rc;

    while ((rc = trace_next(x->t, TRACE_MODELS, &m, errp)) > 0) {
        begin(x, "model", 'i', process_of(x, m.log), 0);
        at(x, m.time_ns);
        fprintf(x->f, ",\"s\":\"p\",\"args\":{\"version\":%" PRIu64 "}",
                m.version);
        end(x);
    }
    return rc;
}

/* --- all --- */

static int64_t base_of(const trace *t)
{
    const trace_process *p;
    int64_t first = 0;

    for (uint32_t i = 0; (p = trace_process_at(t, i)); i++)
        if (p->start_ns && (!first || p->start_ns < first))
            first = p->start_ns;
    return first;
}

int trace_write_events(trace *t, FILE *f, uint64_t every, uint64_t *leftp,
                       uint64_t *backwardp, pe_error *errp)
{
    events x = {.t = t, .f = f, .base = base_of(t)};
    size_t n = (size_t)trace_devices(t) + 1;
    int rc = 0;

    *leftp = 0;
    x.busy = calloc(n, sizeof(*x.busy));
    x.seen = calloc(n, sizeof(*x.seen));
    if (!x.busy || !x.seen)
        rc = pe_error_nomem(errp);
    fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", f);
    name_all(&x);
    if (rc == 0)
        rc = put_commits(&x, errp);
    if (rc == 0)
        rc = put_ranks(&x, errp);
    if (rc == 0)
        rc = put_models(&x, errp);
    if (rc == 0)
        rc = put_blocks(&x, every, leftp, errp);
    fputs("\n],\"otherData\":{\"run\":", f);
    trace_put_string(f, trace_facts_get(t).run);
    fprintf(f,
            ",\"starts_ns\":\"%" PRId64 "\",\"left_out\":\"%" PRIu64
            "\",\"clock_errors\":\"%" PRIu64 "\"}}\n",
            x.base, *leftp, x.backward);
    *backwardp = x.backward;
    free(x.busy);
    free(x.seen);
    return rc;
}
