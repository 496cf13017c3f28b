/* filter.c - built-in function: keeps rows by their score. */
#include "builtin.h"

#include <stdlib.h>
#include <string.h>

#include "src/context/rows.h"
#include "src/block/origin.h"

typedef struct filter_state {
    bool outliers; /* keep them, else the others */
    bool blocks;   /* a block with one of them goes on whole */
    bool drop;     /* while there is no model */
    float *scores;
    uint32_t cap;
    origin_list rows; /* of those that stayed of a block */
    bool blurred;     /* it was said that they found no room */
} filter_state;

static int filter_open(pe_context *ctx)
{
    const pe_options *o = pe_context_options(ctx);
    filter_state *st = calloc(1, sizeof(*st));

    if (!st)
        return pe_context_fail(ctx, "out of memory");
    st->outliers = !strcmp(pe_options_string(o, "keep"), "outliers");
    st->blocks = pe_options_bool(o, "blocks");
    st->drop = !strcmp(pe_options_string(o, "warming"), "drop");
    pe_context_set_state(ctx, st);
    return 0;
}

static void filter_close(pe_context *ctx)
{
    filter_state *st = pe_context_state(ctx);

    if (!st)
        return;
    free(st->scores);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static int make_room(pe_context *ctx, filter_state *st, uint32_t points)
{
    float *scores;

    if (points <= st->cap)
        return 0;
    scores = realloc(st->scores, points * sizeof(*scores));
    if (!scores)
        return pe_context_fail(ctx, "out of memory for %u scores", points);
    st->scores = scores;
    st->cap = points;
    return 0;
}

/* The label everywhere else: a row without a score, masked, is no outlier. */
static bool keeps(const filter_state *st, float score, double threshold)
{
    return (score > threshold) == st->outliers;
}

static uint32_t count_kept(const filter_state *st, uint32_t points,
                           double threshold)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < points; i++)
        n += keeps(st, st->scores[i], threshold);
    return n;
}

static void copy_kept(const filter_state *st, const pe_block *in,
                      double threshold, pe_block *out)
{
    size_t row = (size_t)in->features * (size_t)in->dtype;
    const char *from = in->data;
    char *to = out->data;

    for (uint32_t i = 0; i < in->points; i++, from += row) {
        if (!keeps(st, st->scores[i], threshold))
            continue;
        memcpy(to, from, row);
        to += row;
    }
}

/* Which rows of their file the points of [out] are. */
static void say_rows(pe_context *ctx, filter_state *st, const pe_block *in,
                     double threshold, pe_block *out)
{
    origin_reader o;

    if (!origin_open(&o, in->source))
        return;
    origin_begin(&st->rows, in->source);
    for (uint32_t i = 0; i < in->points; i++)
        origin_keep(&st->rows, &o, keeps(st, st->scores[i], threshold));
    if (!origin_end(&st->rows, &o))
        rows_blurred(ctx, &st->blurred, st->rows.text);
    out->source = *st->rows.text ? st->rows.text : NULL;
}

static int keep_rows(pe_context *ctx, const pe_block *in, double threshold,
                     pe_block *out)
{
    filter_state *st = pe_context_state(ctx);
    uint32_t kept = count_kept(st, in->points, threshold);

    if (kept == 0)
        return PE_NOTHING;
    if (st->blocks || kept == in->points)
        return pe_context_pass(ctx, in, out);
    if (rows_reserve(ctx, in, out, kept, in->features) < 0)
        return -1;
    copy_kept(st, in, threshold, out);
    say_rows(ctx, st, in, threshold, out);
    return PE_FORWARD;
}

static int filter_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    const pe_options *o = pe_context_options(ctx);
    filter_state *st = pe_context_state(ctx);
    double threshold = 0;
    uint64_t version = 0;
    int rc;

    if (make_room(ctx, st, in->points) < 0)
        return -1;
    rc = pe_context_score(ctx, in, st->scores, &threshold, &version);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return st->drop ? PE_NOTHING : pe_context_pass(ctx, in, out);
    if (pe_options_has(o, "threshold"))
        threshold = pe_options_float(o, "threshold");
    rc = keep_rows(ctx, in, threshold, out);
    if (rc > 0)
        out->version = version;
    return rc;
}

static const pe_option_spec options[] = {
    {"keep", PE_OPTION_STRING, 0, 0, "outliers", "outliers inliers",
     "the rows that go on"},
    {"threshold", PE_OPTION_FLOAT, -1e300, 1e300, NULL, NULL,
     "a score above it is an outlier; not given: the model's"},
    {"blocks", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "a block with such a row goes on whole"},
    {"warming", PE_OPTION_STRING, 0, 0, "pass", "pass drop",
     "what becomes of blocks while there is no model"},
    {0},
};

const pe_function filter_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "filter",
    .prose = "keeps outliers, or the other rows, by the newest model",
    .options = options,
    .open = filter_open,
    .close = filter_close,
    .process_edge = filter_process,
    .process_cloud = filter_process,
};
