/* score.c - built-in function: marks outliers with the newest model. */
#include "builtin.h"

#include <stdlib.h>

/* Room for the scores of one block. */
typedef struct score_state {
    float *scores;
    uint32_t cap;
} score_state;

static int score_open(pe_context *ctx)
{
    score_state *st = calloc(1, sizeof(*st));

    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    return 0;
}

static void score_close(pe_context *ctx)
{
    score_state *st = pe_context_state(ctx);

    if (!st)
        return;
    free(st->scores);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static int reserve(score_state *st, uint32_t points)
{
    float *scores;

    if (points <= st->cap)
        return 0;
    scores = realloc(st->scores, points * sizeof(*scores));
    if (!scores)
        return -1;
    st->scores = scores;
    st->cap = points;
    return 0;
}

/* A NaN (a masked row) is above no threshold. */
static uint64_t count_above(const float *scores, uint32_t points,
                            double threshold)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < points; i++)
        n += scores[i] > threshold;
    return n;
}

static int score_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    score_state *st = pe_context_state(ctx);
    double threshold = 0;
    uint64_t version = 0;
    int rc;

    if (reserve(st, in->points) < 0)
        return pe_context_fail(ctx, "out of memory for %u scores", in->points);
    rc = pe_context_score(ctx, in, st->scores, &threshold, &version);
    if (rc < 0)
        return -1;
    if (rc > 0)
        pe_context_count_outliers(
            ctx, count_above(st->scores, in->points, threshold));
    pe_context_pass(ctx, in, out);
    out->version = version;
    return PE_FORWARD;
}

static const pe_option_spec options[] = {{0}};

const pe_function score_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "score",
    .prose = "scores each block with the newest model and counts outliers",
    .options = options,
    .open = score_open,
    .close = score_close,
    .process_edge = score_process,
};
