/* trace_text.c - a trace in some lines: blocks, hops, clocks, what is lost. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "src/common/text.h"
#include "trace_out.h"

#define LABEL "%-9s "

static void add_hop(histogram *h, const trace_block *b, enum trace_hop hop)
{
    int64_t ns;

    if (trace_hop_ns(b, hop, &ns))
        histogram_add(h, ns);
}

/* The row of a block in one of several layers. */
static void count_layer(const trace *t, trace_sums *s, const trace_block *b)
{
    struct trace_layer *l = &s->layer[b->layer];
    const trace_process *p = trace_process_at(t, b->log);

    if (!*l->pilot && p)
        snprintf(l->pilot, sizeof(l->pilot), "%s", p->pilot);
    l->blocks++;
    l->committed += (b->flags & TRACE_COMMITTED) != 0;
    add_hop(&l->broker, b, TRACE_HOP_BROKER);
    add_hop(&l->process, b, TRACE_HOP_PROCESS);
    add_hop(&l->commit, b, TRACE_HOP_COMMIT);
    add_hop(&l->total, b, TRACE_HOP_TOTAL);
}

static void count_block(trace_sums *s, const trace_block *b)
{
    bool backward = false;

    s->blocks++;
    s->outcome[b->outcome <= TRACE_ASIDE ? b->outcome : TRACE_UNKNOWN]++;
    s->committed += (b->flags & TRACE_COMMITTED) != 0;
    s->helped += (b->flags & TRACE_HELPED) != 0;
    s->no_edge += !(b->flags & TRACE_HAS_EDGE) && (b->flags & TRACE_HAS_SEQ);
    s->no_rank += !(b->flags & TRACE_HAS_RANK);
    s->repeats += b->repeats;
    s->points += b->points;
    s->outliers += b->outliers;
    for (unsigned h = 0; h < TRACE_HOPS; h++) {
        int64_t ns;

        if (!trace_hop_ns(b, (enum trace_hop)h, &ns))
            continue;
        histogram_add(&s->hop[h], ns);
        backward = backward || ns < 0;
    }
    s->backward += backward;
    for (unsigned i = 0; i < TRACE_STAMPS; i++) {
        int64_t at = b->stamp[i];

        if (at && (!s->first_ns || at < s->first_ns))
            s->first_ns = at;
        if (at > s->last_ns)
            s->last_ns = at;
    }
}

int trace_sum(trace *t, trace_sums *s, pe_error *errp)
{
    trace_block b;
    trace_commit c;
    trace_model m;
    int rc;

    memset(s, 0, sizeof(*s));
    if (trace_last_layer(t, &s->last, errp) < 0)
        return -1;
    while ((rc = trace_next(t, TRACE_BLOCKS, &b, errp)) > 0) {
        if (s->last > 0 && b.layer < TRACE_LAYERS)
            count_layer(t, s, &b);
        if (b.layer == s->last)
            count_block(s, &b);
    }
    while (rc == 0 && (rc = trace_next(t, TRACE_COMMITS, &c, errp)) > 0) {
        s->commits++;
        rc = 0;
    }
    while (rc == 0 && (rc = trace_next(t, TRACE_MODELS, &m, errp)) > 0) {
        s->models++;
        rc = 0;
    }
    return rc;
}

/* --- for people --- */

/* A run whose source is in its pool has none. */
static bool has_edge(const trace *t)
{
    const trace_process *p;

    for (uint32_t i = 0; (p = trace_process_at(t, i)); i++)
        if (!strcmp(p->kind, "edge"))
            return true;
    return false;
}

static void print_blocks(const trace *t, const trace_sums *s, FILE *f)
{
    fprintf(f,
            LABEL "%" PRIu64 " of %" PRIu32 " device%s, %" PRIu64
                  " committed in %" PRIu64 " commit%s, %.1f s\n",
            "blocks", s->blocks, trace_devices(t), text_s(trace_devices(t)),
            s->committed, s->commits, text_s(s->commits),
            (double)(s->last_ns - s->first_ns) / 1e9);
    fprintf(f,
            LABEL "%" PRIu64 " applied, %" PRIu64 " refused, %" PRIu64
                  " duplicate, %" PRIu64 " set aside; %" PRIu64
                  " by a rank that helped\n",
            "", s->outcome[TRACE_APPLIED], s->outcome[TRACE_REFUSED],
            s->outcome[TRACE_DUPLICATE], s->outcome[TRACE_ASIDE], s->helped);
    if (s->repeats)
        fprintf(f, LABEL "%" PRIu64 " time%s a rank had one again\n", "",
                s->repeats, text_s(s->repeats));
    if (s->no_rank)
        fprintf(f, LABEL "%" PRIu64 " known from %s alone\n", "", s->no_rank,
                s->no_rank == 1 ? "its device" : "their devices");
    if (s->no_edge && has_edge(t) && s->last == 0)
        fprintf(f, LABEL "%" PRIu64 " known from ranks alone\n", "",
                s->no_edge);
}

static void print_hops(const trace_sums *s, FILE *f)
{
    const char *label = "latency";

    for (unsigned h = 0; h < TRACE_HOPS; h++) {
        const histogram *x = &s->hop[h];

        if (histogram_count(x) + x->negative == 0)
            continue;
        if (*label)
            fprintf(f, LABEL "%-9s %9s %9s %9s %9s %9s\n", label, "hop", "n",
                    "p50 ms", "p90 ms", "p99 ms", "max ms");
        label = "";
        fprintf(f, LABEL "%-9s %9" PRId64, "", trace_hop_name(h),
                histogram_count(x));
        if (histogram_count(x) > 0)
            fprintf(f, " %9.2f %9.2f %9.2f %9.2f",
                    histogram_quantile_ms(x, 0.5),
                    histogram_quantile_ms(x, 0.9),
                    histogram_quantile_ms(x, 0.99), (double)x->max_ns / 1e6);
        else
            fprintf(f, " %9s %9s %9s %9s", "-", "-", "-", "-");
        if (x->negative)
            fprintf(f, "  and %" PRId64 " below 0", x->negative);
        fputc('\n', f);
    }
    if (s->backward)
        fprintf(f,
                LABEL "%" PRIu64 " block%s a latency below 0, which is in no "
                      "percentile: the clocks of\n" LABEL
                      "two hosts disagree by more than it took\n",
                "", s->backward, s->backward == 1 ? " has" : "s have", "");
}

/* A line for each of several layers, in the way of blocks. */
static void print_layers(const trace_sums *s, FILE *f)
{
    for (uint32_t i = 0; s->last > 0 && i <= s->last && i < TRACE_LAYERS; i++) {
        const struct trace_layer *l = &s->layer[i];

        if (i == 0)
            fprintf(f, LABEL "%-16s %9s %9s %9s %9s %9s\n", "layers",
                    "p50 in ms", "n", "broker", "process", "commit", "total");
        fprintf(f, LABEL "%-16.16s %9" PRIu64 " %9.2f %9.2f %9.2f %9.2f\n", "",
                l->pilot, l->blocks, histogram_quantile_ms(&l->broker, 0.5),
                histogram_quantile_ms(&l->process, 0.5),
                histogram_quantile_ms(&l->commit, 0.5),
                histogram_quantile_ms(&l->total, 0.5));
    }
}

static bool was_said(const trace *t, uint32_t i)
{
    const trace_process *p = trace_process_at(t, i), *q;

    for (uint32_t k = 0; k < i; k++) {
        q = trace_process_at(t, k);
        if (q->bound_ns >= 0 && !strcmp(q->host, p->host))
            return true;
    }
    return false;
}

static const trace_process *best_of_host(const trace *t, const char *host)
{
    const trace_process *best = NULL, *p;

    for (uint32_t i = 0; (p = trace_process_at(t, i)); i++)
        if (p->bound_ns >= 0 && !strcmp(p->host, host) &&
            (!best || p->bound_ns < best->bound_ns))
            best = p;
    return best;
}

static void print_clocks(const trace *t, FILE *f)
{
    const trace_process *p;
    const char *label = "clocks";

    for (uint32_t i = 0; (p = trace_process_at(t, i)); i++) {
        if (p->bound_ns < 0 || was_said(t, i))
            continue;
        p = best_of_host(t, p->host);
        fprintf(f,
                LABEL "%s: the parameter service is %+.3f ms from it, known to "
                      "within %.3f ms\n",
                label, p->host, (double)p->offset_ns / 1e6,
                (double)p->bound_ns / 1e6);
        label = "";
    }
    if (*label)
        fprintf(f, LABEL "offsets were not measured\n", label);
}

static void print_lost(const trace *t, FILE *f)
{
    trace_facts x = trace_facts_get(t);
    const trace_process *p;
    const char *label = "lost";

    if (x.dropped || x.lost) {
        fprintf(f,
                LABEL "every block is traced but %" PRIu64 " entr%s: %" PRIu64
                      " had no room in memory, %" PRIu64
                      " could not be written\n",
                label, x.dropped + x.lost,
                x.dropped + x.lost == 1 ? "y" : "ies", x.dropped, x.lost);
        label = "";
    }
    for (uint32_t i = 0; (p = trace_process_at(t, i)); i++) {
        if (p->ended)
            continue;
        fprintf(f,
                LABEL "%s rank %d, process %d on %s, has not closed its log: "
                      "it lives, or was killed and at most its last second is "
                      "not here\n",
                label, p->member, p->rank, p->pid, p->host);
        label = "";
    }
    if (x.torn_bytes) {
        fprintf(f, LABEL "%" PRIu64 " byte%s torn at the end of logs\n", label,
                x.torn_bytes, text_s(x.torn_bytes));
        label = "";
    }
    if (x.nameless) {
        fprintf(f, LABEL "%" PRIu64 " time%s a device had no name in its log\n",
                label, x.nameless, text_s(x.nameless));
        label = "";
    }
    if (x.cut) {
        fprintf(f,
                LABEL "%" PRIu64
                      " name%s of devices cut, and a hash put behind "
                      "the rest\n",
                label, x.cut, text_s(x.cut));
        label = "";
    }
    if (*x.missing) {
        fprintf(f, LABEL "the logs of %s are not here\n", label, x.missing);
        label = "";
    }
    if (*label)
        fprintf(f, LABEL "nothing: every block is traced\n", label);
}

void trace_print_text(const trace *t, const trace_sums *s, FILE *f)
{
    trace_facts x = trace_facts_get(t);

    fprintf(f, LABEL "run %s, %" PRIu32 " process%s%s\n", "trace", x.run,
            x.processes, x.processes == 1 ? "" : "es",
            x.folded ? ", from HDF5" : "");
    print_blocks(t, s, f);
    print_hops(s, f);
    print_layers(s, f);
    print_clocks(t, f);
    print_lost(t, f);
}

/* --- for programs --- */

static json_t *hops_of(const trace_sums *s)
{
    json_t *o = json_object();

    for (unsigned h = 0; h < TRACE_HOPS; h++) {
        const histogram *x = &s->hop[h];

        json_t *hop =
            json_pack("{s:I, s:I}", "n", (json_int_t)histogram_count(x),
                      "negative", (json_int_t)x->negative);

        /* Of nothing there is no percentile. */
        if (histogram_count(x) > 0) {
            json_object_set_new(hop, "p50",
                                json_real(histogram_quantile_ms(x, 0.5)));
            json_object_set_new(hop, "p90",
                                json_real(histogram_quantile_ms(x, 0.9)));
            json_object_set_new(hop, "p99",
                                json_real(histogram_quantile_ms(x, 0.99)));
            json_object_set_new(hop, "max", json_real((double)x->max_ns / 1e6));
        }
        json_object_set_new(o, trace_hop_name(h), hop);
    }
    return o;
}

static json_t *processes_of(const trace *t)
{
    const trace_process *p;
    json_t *all = json_array();

    for (uint32_t i = 0; (p = trace_process_at(t, i)); i++) {
        json_t *o = json_pack(
            "{s:s, s:s, s:s, s:i, s:i, s:b, s:I, s:I, s:I, s:I}", "member",
            p->member, "kind", p->kind, "host", p->host, "rank", p->rank, "pid",
            p->pid, "ended", p->ended, "rows", (json_int_t)p->rows, "dropped",
            (json_int_t)p->dropped, "lost", (json_int_t)p->lost, "torn_bytes",
            (json_int_t)p->torn_bytes);

        if (o && p->bound_ns >= 0)
            json_object_set_new(o, "clock",
                                json_pack("{s:I, s:I}", "offset_ns",
                                          (json_int_t)p->offset_ns, "bound_ns",
                                          (json_int_t)p->bound_ns));
        json_array_append_new(all, o);
    }
    return all;
}

static json_t *blocks_of(const trace_sums *s)
{
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "blocks",
        (json_int_t)s->blocks, "committed", (json_int_t)s->committed, "applied",
        (json_int_t)s->outcome[TRACE_APPLIED], "refused",
        (json_int_t)s->outcome[TRACE_REFUSED], "duplicate",
        (json_int_t)s->outcome[TRACE_DUPLICATE], "aside",
        (json_int_t)s->outcome[TRACE_ASIDE], "helped", (json_int_t)s->helped,
        "repeats", (json_int_t)s->repeats, "without_edge",
        (json_int_t)s->no_edge, "without_rank", (json_int_t)s->no_rank,
        "backward", (json_int_t)s->backward);
}

static json_t *layers_of(const trace_sums *s)
{
    json_t *all = json_array();

    for (uint32_t i = 0; i <= s->last && i < TRACE_LAYERS; i++) {
        const struct trace_layer *l = &s->layer[i];
        const struct {
            const char *name;
            const histogram *h;
        } hops[] = {{"broker", &l->broker},
                    {"process", &l->process},
                    {"commit", &l->commit},
                    {"total", &l->total}};
        json_t *ms = json_object();

        for (size_t k = 0; k < sizeof(hops) / sizeof(hops[0]); k++)
            if (histogram_count(hops[k].h) > 0)
                json_object_set_new(
                    ms, hops[k].name,
                    json_pack("{s:f, s:f}", "p50",
                              histogram_quantile_ms(hops[k].h, 0.5), "p99",
                              histogram_quantile_ms(hops[k].h, 0.99)));
        json_array_append_new(
            all, json_pack("{s:s, s:I, s:I, s:o}", "pilot", l->pilot, "blocks",
                           (json_int_t)l->blocks, "committed",
                           (json_int_t)l->committed, "latency_ms", ms));
    }
    return all;
}

int trace_print_json(const trace *t, const trace_sums *s, FILE *f)
{
    trace_facts x = trace_facts_get(t);
    json_t *o = json_pack(
        "{s:i, s:s, s:i, s:o, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:s, s:o}",
        "schema", 1, "run", x.run, "devices", (int)trace_devices(t), "blocks",
        blocks_of(s), "commits", (json_int_t)s->commits, "models",
        (json_int_t)s->models, "latency_ms", hops_of(s), "dropped",
        (json_int_t)x.dropped, "lost", (json_int_t)x.lost, "torn_bytes",
        (json_int_t)x.torn_bytes, "names_cut", (json_int_t)x.cut, "missing",
        x.missing, "processes", processes_of(t));

    if (o && s->last > 0)
        json_object_set_new(o, "layers", layers_of(s));
    int rc = o ? json_dumpf(o, f,
                            JSON_INDENT(2) | JSON_PRESERVE_ORDER |
                                JSON_REAL_PRECISION(9))
               : -1;

    json_decref(o);
    if (rc == 0)
        fputc('\n', f);
    return rc;
}
