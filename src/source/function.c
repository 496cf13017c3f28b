/* function.c - the source stage run inside the ranks: no broker. */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/record.h"
#include "src/block/times.h"
#include "src/common/clock.h"
#include "src/function/host.h"

/* One partition: a device that lives here. */
struct lane {
    int32_t partition;
    pe_context *ctx;
    char device[64];
    int64_t next;     /* position of the next block, and its offset */
    int64_t end;      /* -1: goes on */
    int64_t start_ns; /* of the schedule */
    text times;       /* of the rows of the block given last */
};

struct function_source {
    source_reader base;
    const pipeline *pl;
    const pipeline_stage *stage;
    const char *run;
    const atomic_int *drain;
    function *fn;
    pe_options *options;
    context_host host;
    struct lane *lanes;
    size_t n, turn;
    bool by_lane;
    bool keeps;           /* a stage keeps rows, and asks for their times */
    bool positions;       /* function_rereadable of the source */
    uint64_t skipped;     /* rows that lanes have left out before they closed */
    char first_skip[256]; /* what was said of the first; "": nothing */
};

_Static_assert(sizeof(((struct lane *)0)->device) + RECORD_SOURCE_MAX + 1 <=
                   SOURCE_TEXT,
               "a record holds its strings");

static struct function_source *source_of(source_reader *s)
{
    return (struct function_source *)s;
}

/* Rows that [l] has left out; what it said of the first is kept. */
static uint64_t lane_skipped(struct function_source *s, const struct lane *l)
{
    const context_skip_list *k = l->ctx ? context_skips(l->ctx) : NULL;

    if (k && !*s->first_skip)
        snprintf(s->first_skip, sizeof(s->first_skip), "%.255s",
                 k->by[0].first);
    return k ? k->rows : 0;
}

static void close_lanes(struct function_source *s)
{
    for (size_t i = 0; i < s->n; i++) {
        s->skipped += lane_skipped(s, &s->lanes[i]);
        if (s->lanes[i].ctx && function_ops(s->fn)->close)
            function_ops(s->fn)->close(s->lanes[i].ctx);
        context_destroy(s->lanes[i].ctx);
        text_free(&s->lanes[i].times);
    }
    free(s->lanes);
    s->lanes = NULL;
    s->n = 0;
}

static int open_lane(struct function_source *s, struct lane *l,
                     const broker_position *p, pe_error *errp)
{
    context_setup set = {
        .run = s->run,
        .stage = s->stage->name,
        .device = l->device,
        .index = p->partition,
        .size = s->pl->partitions,
        .options = s->options,
        .context_keys = (const char *const *)s->pl->context_keys,
        .context_values = (const char *const *)s->pl->context_values,
        .n_context = s->pl->n_context,
        .within_s = s->stage->within_s,
        .rate = s->stage->rate,
        .points = s->stage->points,
        .dtype = s->pl->dtype,
        .position = (uint64_t)p->offset,
        .host = &s->host,
        .cancelled = s->drain,
    };

    l->partition = p->partition;
    l->next = p->offset;
    l->end = -1;
    l->start_ns = clock_real_ns();
    snprintf(l->device, sizeof(l->device), "%.40s-%d", s->stage->name,
             (int)p->partition);
    l->ctx = context_create(&set, errp);
    if (!l->ctx)
        return -1;
    if (function_ops(s->fn)->open && function_ops(s->fn)->open(l->ctx) < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "stage '%s': %s", s->stage->name,
                            context_error(l->ctx));
    return 0;
}

static int source_assign(source_reader *base, const broker_position *p,
                         size_t n, pe_error *errp)
{
    struct function_source *s = source_of(base);

    close_lanes(s);
    if (n == 0)
        return 0;
    s->lanes = calloc(n, sizeof(*s->lanes));
    if (!s->lanes)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n; i++) {
        s->n = i + 1;
        if (open_lane(s, &s->lanes[i], &p[i], errp) < 0)
            return -1;
    }
    return 0;
}

/* Intended time of the lane's next block; 0: whenever it is ready. */
static int64_t due_ns(const struct function_source *s, const struct lane *l)
{
    int64_t own = context_due_get(l->ctx);

    if (own >= 0)
        return l->start_ns + own;
    if (s->stage->rate <= 0)
        return 0;
    return l->start_ns + (int64_t)(1e9 * (double)l->next / s->stage->rate);
}

static void stamp(struct function_source *s, struct lane *l, source_item *r,
                  int64_t due)
{
    pe_block *b = &r->block;

    /* A source that can be read again knows the positions of its blocks. */
    if (b->has_seq && s->positions)
        l->next = (int64_t)b->seq;
    snprintf(r->text, sizeof(l->device), "%s", l->device);
    b->device = r->text;
    if (b->source) {
        record_source_fit(b->source, r->text + sizeof(l->device));
        b->source = r->text + sizeof(l->device);
    }
    b->topic = s->stage->name;
    b->partition = l->partition;
    b->offset = l->next;
    b->boot = 1;
    b->seq = (uint64_t)l->next;
    b->has_seq = 1;
    b->fetch_ns = clock_real_ns();
    if (!b->sense_ns) /* else the source has a clock of its own */
        b->sense_ns = due ? due : b->fetch_ns;
    b->edge_ns = b->broker_ns = b->fetch_ns;
    r->bad.kind = PE_ERROR_NONE;
    r->said = (source_said){0};
    r->times = NULL;
    r->foreign = false;
    r->raw = b->data;
    r->raw_len = pe_block_bytes(b);
    l->next++;
}

/* A stage that keeps rows may get the block when the lane is further on: the
 * times of its rows come with it.
 */
static void time_rows(const struct lane *l, source_item *r)
{
    text times = {0};
    uint32_t n;
    const int64_t *ns = context_times_get(l->ctx, &n);

    if (!ns || n == 0 || times_encode(ns, n, &times) < 0) {
        text_free(&times);
        return;
    }
    r->times = times.data;
    r->said.times = (source_text){times.data, times.len};
}

static int lane_fetch(struct function_source *s, struct lane *l, source_item *r,
                      pe_error *errp)
{
    int64_t due = due_ns(s, l);
    int rc;

    if (l->end >= 0 || (due && clock_real_ns() < due))
        return 0;
    if (atomic_load_explicit(s->drain, memory_order_relaxed)) {
        l->end = l->next;
        return 0;
    }
    r->block.source = NULL;
    r->block.has_seq = 0;
    r->block.sense_ns = 0;
    rc = function_ops(s->fn)->produce_edge(l->ctx, &r->block);
    if (rc < 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "stage '%s': %s", s->stage->name,
                            context_error(l->ctx));
    if (rc == PE_NOTHING)
        l->end = l->next;
    if (rc != PE_FORWARD)
        return 0;
    stamp(s, l, r, due);
    if (s->keeps)
        time_rows(l, r);
    return 1;
}

static int source_fetch(source_reader *base, size_t lane, source_item *r,
                        pe_error *errp)
{
    struct function_source *s = source_of(base);

    if (s->by_lane)
        return lane < s->n ? lane_fetch(s, &s->lanes[lane], r, errp) : 0;
    for (size_t i = 0; i < s->n; i++) {
        struct lane *l = &s->lanes[s->turn++ % s->n];
        int rc = lane_fetch(s, l, r, errp);

        if (rc)
            return rc;
    }
    return 0;
}

/* The record's storage stays for the next block. */
static void source_release(source_reader *base, source_item *r)
{
    (void)base;
    free(r->times);
    r->times = NULL;
}

static void source_wait(source_reader *base, int timeout_ms)
{
    (void)base;
    clock_sleep_ns((int64_t)timeout_ms * 1000000, 0);
}

static const struct lane *find_lane(struct function_source *s,
                                    int32_t partition)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->lanes[i].partition == partition)
            return &s->lanes[i];
    return NULL;
}

static source_said source_say(source_reader *base, const source_item *r)
{
    struct function_source *s = source_of(base);
    source_said said = {0};

    for (size_t i = 0; i < s->n; i++) {
        struct lane *l = &s->lanes[i];
        const char *columns = context_columns_get(l->ctx);
        uint32_t n;
        const int64_t *times = context_times_get(l->ctx, &n);

        if (l->partition != r->block.partition)
            continue;
        if (times && times_encode(times, n, &l->times) == 0)
            said.times = (source_text){l->times.data, l->times.len};
        if (columns)
            said.columns = (source_text){columns, strlen(columns)};
    }
    return said;
}

static int64_t source_high(source_reader *base, int32_t partition)
{
    const struct lane *l = find_lane(source_of(base), partition);

    return l ? l->next : -1;
}

static int64_t source_end(source_reader *base, int32_t partition)
{
    const struct lane *l = find_lane(source_of(base), partition);

    return l ? l->end : -1;
}

static void source_close(source_reader *base)
{
    struct function_source *s = source_of(base);

    if (!s)
        return;
    close_lanes(s);
    pe_options_destroy(s->options);
    function_unload(s->fn);
    free(s);
}

static uint64_t source_skipped(source_reader *base, const char **firstp)
{
    struct function_source *s = source_of(base);
    uint64_t rows = s->skipped;

    for (size_t i = 0; i < s->n; i++)
        rows += lane_skipped(s, &s->lanes[i]);
    *firstp = s->first_skip;
    return rows;
}

static context_progress source_read(source_reader *base)
{
    struct function_source *s = source_of(base);
    context_progress sum = {0};

    for (size_t i = 0; i < s->n; i++) {
        context_progress r = {0};

        if (s->lanes[i].ctx)
            r = context_read_get(s->lanes[i].ctx);
        sum.rows += r.rows;
        sum.done += r.done;
        sum.all += r.all;
    }
    return sum;
}

static const source_ops ops = {
    .assign = source_assign,
    .fetch = source_fetch,
    .release = source_release,
    .said = source_say,
    .wait = source_wait,
    .high = source_high,
    .end = source_end,
    .skipped = source_skipped,
    .read = source_read,
    .close = source_close,
};

source_reader *source_open_function(const pipeline *pl,
                                    const pipeline_request *req, bool lanes,
                                    const atomic_int *drain, pe_error *errp)
{
    struct function_source *s = calloc(1, sizeof(*s));

    if (!s) {
        pe_error_nomem(errp);
        return NULL;
    }
    s->base.ops = &ops;
    s->pl = pl;
    s->stage = pipeline_stage_of(pl, STAGE_SOURCE);
    s->run = req->run;
    s->drain = drain;
    s->by_lane = lanes;
    for (size_t i = 0; i < pl->n_stages; i++)
        s->keeps = s->keeps || (pl->stages[i].loaded &&
                                function_keeps(pl->stages[i].loaded));
    s->fn = function_load(s->stage->function, req->dir, errp);
    if (s->fn)
        s->options = function_options(s->fn, s->stage->options, errp);
    if (s->options)
        s->positions = function_rereadable(s->fn, s->options);
    if (!s->options) {
        function_unload(s->fn);
        free(s);
        return NULL;
    }
    return &s->base;
}
