/* fold.c - takes the rows of a trace. */
#include "fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/page/fold_private.h"

/* Steps of the series are no shorter. */
#define STEP_NS (100 * CLOCK_MS)

const char *const fold_states[RANK_STATES] = {
    [RANK_FETCH] = "fetch",   [RANK_HELP] = "help",
    [RANK_KERNEL] = "kernel", [RANK_REDUCE] = "reduce",
    [RANK_COMMIT] = "commit", [RANK_IDLE] = "idle",
    [RANK_OTHER] = "other"};

static void latency_join(void *arg, int into, int from)
{
    histogram *h = ((fold *)arg)->latency;

    histogram_merge(&h[into], &h[from]);
    memset(&h[from], 0, sizeof(h[from]));
}

fold *fold_create(pe_error *errp)
{
    fold *f = calloc(1, sizeof(*f));

    if (!f) {
        pe_error_nomem(errp);
        return NULL;
    }
    f->stride = 1;
    f->latency = calloc(PAGE_BINS, sizeof(*f->latency));
    f->version = calloc(FOLD_VERSIONS, sizeof(*f->version));
    if (bins_open(&f->series, LANES, STEP_NS, errp) == 0 && f->latency &&
        f->version) {
        f->series.join = latency_join;
        f->series.arg = f;
        return f;
    }
    fold_destroy(f);
    pe_error_nomem(errp);
    return NULL;
}

void fold_destroy(fold *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_rows; i++)
        bins_close(&f->row[i].over_time);
    bins_close(&f->series);
    free(f->latency);
    free(f->row);
    free(f->partition);
    free(f->version);
    free(f);
}

/* --- blocks --- */

static void owner_name(const trace_process *p, uint32_t rank, char *out,
                       size_t cap)
{
    if (!p)
        snprintf(out, cap, "?");
    else
        snprintf(out, cap, "%.100s rank %u", p->member, rank);
}

static void device_add(fold_partition *q, const char *device)
{
    size_t len = strlen(q->devices);

    if (!strcmp(q->newest, device))
        return; /* rows of one device follow each other */
    snprintf(q->newest, sizeof(q->newest), "%s", device);
    if (len + strlen(device) + 3 > sizeof(q->devices))
        q->more++;
    else
        snprintf(q->devices + len, sizeof(q->devices) - len, "%s%s",
                 len ? ", " : "", device);
}

/* Room for partition [k]; NULL: it is beyond what is kept, or no memory, which
 * *failedp says.
 */
static fold_partition *partition_at(fold *f, int32_t k, bool *failedp)
{
    fold_partition *more;

    *failedp = false;
    if (k < 0 || k >= FOLD_PARTITIONS)
        return NULL;
    if ((size_t)k >= f->n_partitions) {
        more = reallocarray(f->partition, (size_t)k + 1, sizeof(*more));
        if (!more) {
            *failedp = true;
            return NULL;
        }
        memset(more + f->n_partitions, 0,
               ((size_t)k + 1 - f->n_partitions) * sizeof(*more));
        for (size_t i = f->n_partitions; i <= (size_t)k; i++)
            more[i].last = -1;
        f->partition = more;
        f->n_partitions = (size_t)k + 1;
    }
    return &f->partition[k];
}

static int partition_take(fold *f, const trace_block *b, const trace_process *p,
                          const char *device, pe_error *errp)
{
    bool failed;
    fold_partition *q = partition_at(f, b->partition, &failed);

    if (failed)
        return pe_error_nomem(errp);
    if (!q) {
        f->unknown_partitions++;
        return 0;
    }
    q->blocks++;
    q->bytes += b->bytes;
    q->refused += b->outcome == TRACE_REFUSED;
    if (b->flags & TRACE_COMMITTED) {
        q->committed++;
        q->last = b->offset > q->last ? b->offset : q->last;
    }
    if (b->flags & TRACE_HAS_RANK && !(b->flags & TRACE_HELPED) &&
        (b->log != q->log || !*q->owner)) {
        q->log = b->log;
        owner_name(p, b->rank, q->owner, sizeof(q->owner));
    }
    device_add(q, device);
    return 0;
}

static void hops_take(fold *f, const trace_block *b)
{
    bool below = false;
    int64_t ns;

    for (unsigned i = 0; i < TRACE_HOPS; i++)
        if (trace_hop_ns(b, (enum trace_hop)i, &ns)) {
            histogram_add(&f->hop[i], ns);
            below = below || ns < 0;
        }
    f->negative += below;
}

int fold_block(fold *f, const trace_block *b, const trace_process *p,
               const char *device, pe_error *errp)
{
    int64_t end = b->stamp[TRACE_END], ns;
    double *row;
    int i;

    f->blocks++;
    hops_take(f, b);
    if (end > 0) {
        i = bins_at(&f->series, end);
        row = bins_row(&f->series, i);
        row[LANE_BLOCKS] += 1;
        row[LANE_POINTS] += b->points;
        row[LANE_BYTES] += (double)b->bytes;
        row[LANE_OUTLIERS] += b->outliers;
        if (trace_hop_ns(b, TRACE_HOP_TOTAL, &ns))
            histogram_add(&f->latency[i], ns);
    } else {
        f->unended++;
    }
    return partition_take(f, b, p, device, errp);
}

/* --- ranks --- */

int fold_ranks_span(fold *f, int64_t from_ns, int64_t to_ns, pe_error *errp)
{
    if (to_ns < from_ns)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "a trace ends before it begins");
    f->from_ns = from_ns;
    f->to_ns = to_ns;
    return 0;
}

static fold_row *row_add(fold *f, const trace_rank *r, const trace_process *p,
                         bool committer, pe_error *errp)
{
    fold_row *more = reallocarray(f->row, f->n_rows + 1, sizeof(*more)), *row;

    if (!more) {
        pe_error_nomem(errp);
        return NULL;
    }
    f->row = more;
    row = &more[f->n_rows];
    memset(row, 0, sizeof(*row));
    /* About a third more than is needed: bins become wider, not fewer. */
    if (bins_open(&row->over_time, RANK_STATES, STEP_NS, errp) < 0)
        return NULL;
    f->n_rows++;
    row->log = r->log;
    row->rank = r->rank;
    row->committer = committer;
    snprintf(row->name, sizeof(row->name), "%.100s rank %u%s",
             p ? p->member : "?", r->rank, committer ? ", commits" : "");
    snprintf(row->host, sizeof(row->host), "%s", p ? p->host : "");
    /* All rows cover the same time. */
    bins_at(&row->over_time, f->from_ns);
    bins_at(&row->over_time, f->to_ns);
    if (p && p->start_ns > 0)
        row->last.time_ns = p->start_ns;
    return row;
}

static fold_row *row_of(fold *f, const trace_rank *r, bool committer)
{
    for (size_t i = f->n_rows; i-- > 0;)
        if (f->row[i].log == r->log && f->row[i].rank == r->rank &&
            f->row[i].committer == committer)
            return &f->row[i];
    return NULL;
}

/* What it did from the row before to this one. */
static void row_take(fold *f, fold_row *row, const trace_rank *r)
{
    const trace_rank *was = &row->last;
    int64_t whole = r->time_ns - was->time_ns, known = 0;
    int64_t ns[RANK_STATES] = {0};

    if (row->committer) {
        ns[RANK_COMMIT] = r->commit_ns - was->commit_ns;
        ns[RANK_IDLE] = whole - ns[RANK_COMMIT];
    } else {
        f->set_back += was->time_ns > 0 && whole < 0;
        ns[RANK_FETCH] = r->fetch_ns - was->fetch_ns;
        ns[RANK_HELP] = r->help_ns - was->help_ns;
        ns[RANK_KERNEL] = r->kernel_ns - was->kernel_ns;
        ns[RANK_REDUCE] = r->reduce_ns - was->reduce_ns;
        ns[RANK_IDLE] = r->idle_ns - was->idle_ns;
        for (int k = 0; k < RANK_STATES; k++)
            known += ns[k];
        ns[RANK_OTHER] = whole - known;
    }
    for (int k = 0; k < RANK_STATES && was->time_ns > 0 && whole > 0; k++)
        if (ns[k] > 0) {
            row->seconds[k] += (double)ns[k] / CLOCK_S;
            bins_spread(&row->over_time, k, was->time_ns, r->time_ns,
                        (double)ns[k] / CLOCK_S);
        }
    row->last = *r;
}

int fold_rank(fold *f, const trace_rank *r, const trace_process *p,
              pe_error *errp)
{
    for (int committer = 0; committer < 2; committer++) {
        fold_row *row = row_of(f, r, committer);

        if (!row && committer && r->commit_ns <= 0)
            return 0;
        if (!row && f->n_rows >= FOLD_RANKS) {
            f->unknown_ranks++;
            return 0;
        }
        if (!row && !(row = row_add(f, r, p, committer, errp)))
            return -1;
        row_take(f, row, r);
    }
    return 0;
}

/* --- commits --- */

int fold_commit(fold *f, const trace_commit *c, pe_error *errp)
{
    (void)errp;
    if (f->commits++ % f->stride != 0)
        return 0;
    if (f->n_versions == FOLD_VERSIONS) { /* each other one goes */
        for (size_t i = 0; i < FOLD_VERSIONS / 2; i++)
            f->version[i] = f->version[2 * i];
        f->n_versions = FOLD_VERSIONS / 2;
        f->stride *= 2;
        if ((f->commits - 1) % f->stride != 0)
            return 0;
    }
    f->version[f->n_versions++] = *c;
    return 0;
}

/* --- all of a trace --- */

static int ranks_take(fold *f, trace *t, pe_error *errp)
{
    int64_t from = 0, to = 0;
    trace_rank r;
    int rc;

    while ((rc = trace_next(t, TRACE_RANKS, &r, errp)) > 0) {
        const trace_process *p = trace_process_at(t, r.log);
        int64_t start = p && p->start_ns > 0 ? p->start_ns : r.time_ns;

        from = from == 0 || start < from ? start : from;
        to = r.time_ns > to ? r.time_ns : to;
    }
    if (rc < 0 || to == 0)
        return rc;
    if (fold_ranks_span(f, from, to, errp) < 0)
        return -1;
    while ((rc = trace_next(t, TRACE_RANKS, &r, errp)) > 0)
        if (fold_rank(f, &r, trace_process_at(t, r.log), errp) < 0)
            return -1;
    return rc;
}

/* Of several layers a report is about the last one.  Did an earlier one write
 * [log]?
 */
static bool passes_on(const trace *t, uint32_t log, uint32_t last)
{
    const trace_process *p = trace_process_at(t, log);

    return p && last > 0 && !trace_facts_get(t).folded && p->layer != last;
}

int fold_trace(fold *f, trace *t, pe_error *errp)
{
    trace_block b;
    trace_commit c;
    uint32_t last;
    int rc = trace_last_layer(t, &last, errp);

    if (rc == 0)
        rc = ranks_take(f, t, errp);
    while (rc == 0 && (rc = trace_next(t, TRACE_COMMITS, &c, errp)) > 0)
        rc = passes_on(t, c.log, last) ? 0 : fold_commit(f, &c, errp);
    while (rc == 0 && (rc = trace_next(t, TRACE_BLOCKS, &b, errp)) > 0)
        rc = b.layer != last ? 0
                             : fold_block(f, &b, trace_process_at(t, b.log),
                                          trace_device(t, b.device), errp);
    return rc;
}
