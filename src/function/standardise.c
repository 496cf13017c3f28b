/* standardise.c - built-in function: (x - mean) / scale in every column. */
#include "builtin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/context/rows.h"
#include "src/common/spread.h"
#include "src/common/text.h"
#include "src/function/host.h"

/* Columns in one allocation, so that they come and go together.  A value that
 * is far, SPREAD_FARTHEST deviations off or more, is an overload and no part
 * of what is learned; but when most since the last look are, the data have
 * moved, and the column begins anew with them.  Nothing is far before there
 * are LOOK values.
 */
enum {
    MEAN,
    SQUARES,
    FACTOR,
    COUNT, /* values behind them */
    REACH, /* from the mean: beyond it a value is far */
    ROW,
    SHIFT, /* of one block: origin, number, sums of what counts */
    NEAR,
    SUM,
    SUM_SQUARES,
    RECENT, /* since the last look: values that counted, those that were far */
    FAR,
    FAR_SUM,
    FAR_SQUARES,
    COLUMNS
};

enum { LOOK = 100 }; /* values before it is decided whether the data moved */

typedef struct standardise_state {
    bool fixed;      /* by options, or by all rows there are */
    uint64_t freeze; /* points after which nothing changes; 0: never */
    uint64_t n;      /* points learned from */
    uint32_t features;
    double *room; /* COLUMNS x features; NULL: no block yet */
} standardise_state;

static double *column(const standardise_state *st, int which)
{
    return st->room + (size_t)which * st->features;
}

static int make_room(pe_context *ctx, standardise_state *st, uint32_t features)
{
    st->room = calloc((size_t)COLUMNS * features, sizeof(*st->room));
    if (!st->room)
        return pe_context_fail(ctx, "out of memory for %u features", features);
    st->features = features;
    for (uint32_t j = 0; j < features; j++)
        column(st, FACTOR)[j] = 1;
    return 0;
}

/* --- fixed values --- */

static uint32_t count_items(const char *list)
{
    char item[ROWS_ITEM];
    uint32_t n = 0;

    while (rows_item(&list, item))
        n++;
    return n;
}

/* The values of option [name], where it is given, into [to]. */
static int take_list(pe_context *ctx, const char *name, bool positive,
                     double *to)
{
    const char *list = pe_options_string(pe_context_options(ctx), name);
    char item[ROWS_ITEM];

    for (int i = 0; rows_item(&list, item); i++) {
        if (text_parse_float(item, &to[i]) < 0)
            return pe_context_fail(ctx, "%s: value %d, '%s', is not a number",
                                   name, i + 1, item);
        if (positive && !(isnormal(to[i]) && to[i] > 0))
            return pe_context_fail(ctx,
                                   "%s: value %d, %s, is not above 0; take 1 "
                                   "for a column that stays as it is",
                                   name, i + 1, item);
    }
    return 0;
}

static int take_fixed(pe_context *ctx, standardise_state *st)
{
    const pe_options *o = pe_context_options(ctx);
    uint32_t means = count_items(pe_options_string(o, "mean"));
    uint32_t scales = count_items(pe_options_string(o, "scale"));

    st->fixed = means || scales;
    if (!st->fixed)
        return 0;
    if (means && scales && means != scales)
        return pe_context_fail(ctx,
                               "mean has %u values and scale %u; give both "
                               "one for each column",
                               means, scales);
    if (make_room(ctx, st, means ? means : scales) < 0 ||
        take_list(ctx, "mean", false, column(st, MEAN)) < 0 ||
        take_list(ctx, "scale", true, column(st, FACTOR)) < 0)
        return -1;
    for (uint32_t j = 0; j < st->features; j++)
        column(st, FACTOR)[j] = 1 / column(st, FACTOR)[j];
    return 0;
}

/* --- of all rows --- */

bool standardise_wants_all(const pe_options *o)
{
    return !pe_options_has(o, "mean") && !pe_options_has(o, "scale") &&
           pe_options_int(o, "freeze") == 0 &&
           !strcmp(pe_options_string(o, "learn"), "all");
}

static int take_given(pe_context *ctx, standardise_state *st)
{
    const context_scaling *g = context_given(ctx);

    if (!g || g->n == 0 || !standardise_wants_all(pe_context_options(ctx)))
        return 0;
    if (make_room(ctx, st, g->n) < 0)
        return -1;
    memcpy(column(st, MEAN), g->mean, g->n * sizeof(*g->mean));
    memcpy(column(st, FACTOR), g->factor, g->n * sizeof(*g->factor));
    st->fixed = true;
    return 0;
}

/* --- learned values --- */

/* Adds the values of a row that are near; how many are not. */
static uint32_t add_row(const standardise_state *st, const double *restrict x)
{
    const double *restrict mean = column(st, MEAN);
    const double *restrict reach = column(st, REACH);
    const double *restrict shift = column(st, SHIFT);
    double *restrict near = column(st, NEAR);
    double *restrict sum = column(st, SUM);
    double *restrict squares = column(st, SUM_SQUARES);
    uint32_t far = 0;

    for (uint32_t j = 0; j < st->features; j++) {
        bool is = fabs(x[j] - mean[j]) < reach[j];
        double d = is ? x[j] - shift[j] : 0;

        near[j] += is;
        sum[j] += d;
        squares[j] += d * d;
        far += !is;
    }
    return far;
}

static void add_far(const standardise_state *st, const double *x)
{
    const double *mean = column(st, MEAN), *reach = column(st, REACH);

    for (uint32_t j = 0; j < st->features; j++) {
        if (fabs(x[j] - mean[j]) < reach[j])
            continue;
        column(st, FAR)[j] += 1;
        column(st, FAR_SUM)[j] += x[j];
        column(st, FAR_SQUARES)[j] += x[j] * x[j];
    }
}

/* Before anything is known: what is far from the middle of the first rows. */
static int look_first(pe_context *ctx, standardise_state *st,
                      const pe_block *in)
{
    size_t d = st->features, n = 0;
    double *rows = malloc((in->points * (d + 1) + 1) * sizeof(*rows));

    if (!rows)
        return pe_context_fail(ctx, "out of memory for %u points", in->points);
    for (uint32_t i = 0; i < in->points; i++)
        n += rows_load(in, i, rows + n * d);
    for (size_t j = 0; n > 0 && j < d; j++) {
        struct spread s =
            spread_of(rows + j, n, d, rows + (size_t)in->points * d);

        column(st, MEAN)[j] = s.middle;
        column(st, REACH)[j] =
            n < LOOK || s.width == 0 ? INFINITY : SPREAD_FARTHEST * s.width;
    }
    free(rows);
    return 0;
}

/* Sums of the block about a point near its mean, where they lose no digits:
 * the mean so far.  Returns the rows that count.
 */
static uint64_t sum_up(standardise_state *st, const pe_block *in)
{
    size_t bytes = st->features * sizeof(double);
    double *x = column(st, ROW);
    uint64_t m = 0;

    memset(column(st, NEAR), 0, bytes);
    memset(column(st, SUM), 0, bytes);
    memset(column(st, SUM_SQUARES), 0, bytes);
    memcpy(column(st, SHIFT), column(st, MEAN), bytes);
    for (uint32_t i = 0; i < in->points; i++) {
        if (!rows_load(in, i, x))
            continue;
        if (add_row(st, x))
            add_far(st, x);
        m++;
    }
    return m;
}

/* Chan, Golub, LeVeque: two sets of points become one. */
static void merge(standardise_state *st, uint32_t j)
{
    double n = column(st, COUNT)[j], m = column(st, NEAR)[j], all = n + m;
    double sum = column(st, SUM)[j], own, delta;

    if (m == 0)
        return;
    delta = column(st, SHIFT)[j] + sum / m - column(st, MEAN)[j];
    own = column(st, SUM_SQUARES)[j] - sum * sum / m;
    column(st, MEAN)[j] += delta * m / all;
    column(st, SQUARES)[j] += fmax(own, 0) + delta * delta * n * m / all;
    column(st, COUNT)[j] = all;
    column(st, RECENT)[j] += m;
}

/* Most values were far: they are the data now.  Where rounding left nothing
 * of their deviation, the next values tell it.
 */
static void look(standardise_state *st, uint32_t j)
{
    double far = column(st, FAR)[j], recent = column(st, RECENT)[j];
    double mean = column(st, FAR_SUM)[j] / far;
    double variance = column(st, FAR_SQUARES)[j] / far - mean * mean;

    if (recent + far < LOOK)
        return;
    if (far > recent) {
        bool known = variance > 1e-12 * mean * mean;

        column(st, MEAN)[j] = mean;
        column(st, COUNT)[j] = known ? far : 1;
        column(st, SQUARES)[j] = known ? far * variance : 0;
    }
    column(st, RECENT)[j] = column(st, FAR)[j] = 0;
    column(st, FAR_SUM)[j] = column(st, FAR_SQUARES)[j] = 0;
}

static void take_block(standardise_state *st, uint64_t m)
{
    for (uint32_t j = 0; j < st->features; j++) {
        double deviation;

        merge(st, j);
        look(st, j);
        deviation = sqrt(column(st, SQUARES)[j] / column(st, COUNT)[j]);
        deviation = isnormal(deviation) ? deviation : 1;
        column(st, FACTOR)[j] = 1 / deviation;
        column(st, REACH)[j] = column(st, COUNT)[j] < LOOK
                                   ? INFINITY
                                   : SPREAD_FARTHEST * deviation;
    }
    st->n += m;
}

static int learn(pe_context *ctx, standardise_state *st, const pe_block *in)
{
    uint64_t m;

    if (st->fixed || (st->freeze && st->n >= st->freeze))
        return 0;
    if (st->n == 0 && look_first(ctx, st, in) < 0)
        return -1;
    m = sum_up(st, in);
    if (m)
        take_block(st, m);
    return 0;
}

/* --- entry points --- */

static void standardise_close(pe_context *ctx)
{
    standardise_state *st = pe_context_state(ctx);

    if (!st)
        return;
    free(st->room);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static int standardise_open(pe_context *ctx)
{
    standardise_state *st = calloc(1, sizeof(*st));

    if (!st)
        return pe_context_fail(ctx, "out of memory");
    st->freeze = (uint64_t)pe_options_int(pe_context_options(ctx), "freeze");
    pe_context_set_state(ctx, st);
    if (take_fixed(ctx, st) == 0 && (st->fixed || take_given(ctx, st) == 0))
        return 0;
    standardise_close(ctx);
    return -1;
}

static int check_features(pe_context *ctx, standardise_state *st, uint32_t n)
{
    if (!st->room)
        return make_room(ctx, st, n);
    if (n == st->features)
        return 0;
    if (st->fixed)
        return pe_context_fail(ctx,
                               "mean and scale are given for %u columns and "
                               "the block has %u features; give one value for "
                               "each",
                               st->features, n);
    return pe_context_fail(ctx,
                           "features changed from %u to %u; what was learned "
                           "is of the former",
                           st->features, n);
}

/* The block is read twice while learning, since its own points count for it,
 * and once when nothing changes any more.
 */
static int standardise_process(pe_context *ctx, const pe_block *in,
                               pe_block *out)
{
    standardise_state *st = pe_context_state(ctx);
    const double *mean, *factor;
    double *x;

    if (check_features(ctx, st, in->features) < 0 ||
        rows_reserve(ctx, in, out, in->points, in->features) < 0 ||
        learn(ctx, st, in) < 0)
        return -1;
    mean = column(st, MEAN);
    factor = column(st, FACTOR);
    x = column(st, ROW);
    for (uint32_t i = 0; i < in->points; i++) {
        if (rows_load(in, i, x))
            for (uint32_t j = 0; j < in->features; j++)
                x[j] = (x[j] - mean[j]) * factor[j];
        rows_store(out, i, x);
    }
    context_scale(ctx, &(context_scaling){mean, factor, in->features});
    return PE_FORWARD;
}

static const pe_option_spec options[] = {
    {"mean", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "comma list, a value for each column; neither mean nor scale: learned "
     "from what this device or rank has seen"},
    {"scale", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "comma list, a value above 0 for each column; with mean alone: 1"},
    {"learn", PE_OPTION_STRING, 0, 0, "all", "all seen",
     "all: of all rows of files that end, found before the first block; where "
     "they cannot be had, and with seen, learned from what has come so far"},
    {"freeze", PE_OPTION_INT, 0, 9e15, "0", NULL,
     "learn from this many points that come first, which stay then; 0: never"},
    {0},
};

const pe_function standardise_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "standardise",
    .prose = "takes the mean off every column and divides by its deviation",
    .options = options,
    .open = standardise_open,
    .close = standardise_close,
    .process_edge = standardise_process,
    .process_cloud = standardise_process,
};
