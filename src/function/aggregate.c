/* aggregate.c - built-in function: each N rows of a block become one. */
#include "builtin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/context/rows.h"
#include "src/block/columns.h"
#include "src/block/origin.h"
#include "src/common/text.h"

#define AGGREGATE_KINDS 8 /* with repeats; more are a mistake */

/* Folds row [x] into [to]; [first]: it is the first of its window. */
typedef void aggregate_fold(double *restrict to, const double *restrict x,
                            uint32_t n, bool first);

typedef struct aggregate_kind {
    const char *name;
    aggregate_fold *fold;
    bool divide; /* by the rows folded, at the end */
} aggregate_kind;

/* Windows never cross blocks: a rest that waited for the next block would be
 * lost with the process that holds it, though its block counts as applied, and
 * would be another one on a rank that works on another share of the blocks.
 */
typedef struct aggregate_state {
    uint32_t rows;
    const aggregate_kind *kinds[AGGREGATE_KINDS];
    uint32_t n_kinds;
    double *room; /* the row read, the row made */
    size_t cap;
    origin_list joined; /* the rows of a block */
    bool blurred;       /* it was said that they found no room */
} aggregate_state;

/* --- kinds --- */

static void fold_sum(double *restrict to, const double *restrict x, uint32_t n,
                     bool first)
{
    for (uint32_t j = 0; j < n; j++)
        to[j] = first ? x[j] : to[j] + x[j];
}

static void fold_min(double *restrict to, const double *restrict x, uint32_t n,
                     bool first)
{
    for (uint32_t j = 0; j < n; j++)
        to[j] = first || x[j] < to[j] ? x[j] : to[j];
}

static void fold_max(double *restrict to, const double *restrict x, uint32_t n,
                     bool first)
{
    for (uint32_t j = 0; j < n; j++)
        to[j] = first || x[j] > to[j] ? x[j] : to[j];
}

static const aggregate_kind kinds[] = {
    {"mean", fold_sum, true},
    {"min", fold_min, false},
    {"max", fold_max, false},
};

static const aggregate_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (!strcmp(kinds[i].name, name))
            return &kinds[i];
    return NULL;
}

static int take_kinds(pe_context *ctx, aggregate_state *st)
{
    const char *list = pe_options_string(pe_context_options(ctx), "what");
    char item[ROWS_ITEM];

    while (rows_item(&list, item)) {
        const aggregate_kind *k = find_kind(item);

        if (!k)
            return pe_context_fail(ctx, "what: '%s' is none of mean, min, max",
                                   item);
        if (st->n_kinds == AGGREGATE_KINDS)
            return pe_context_fail(ctx, "what: more than %d of mean, min, max",
                                   AGGREGATE_KINDS);
        st->kinds[st->n_kinds++] = k;
    }
    return 0;
}

int aggregate_columns(const pe_options *o, const char *names, text *out)
{
    const char *list = pe_options_string(o, "what");
    uint32_t features = columns_count(names, strlen(names));
    char item[ROWS_ITEM];
    size_t n = 0, len = 0;

    while (rows_item(&list, item))
        for (uint32_t k = 0; k < features; k++, n++) {
            const char *name = columns_at(names, strlen(names), k, &len);
            char *made = text_format("%.*s_%s", (int)len, name, item);

            if (made)
                columns_add(out, n, made);
            out->failed = out->failed || !made;
            free(made);
        }
    return out->failed ? -1 : 0;
}

/* --- entry points --- */

static void aggregate_close(pe_context *ctx)
{
    aggregate_state *st = pe_context_state(ctx);

    if (!st)
        return;
    free(st->room);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static int aggregate_open(pe_context *ctx)
{
    const pe_options *o = pe_context_options(ctx);
    aggregate_state *st;

    if (!pe_options_has(o, "rows"))
        return pe_context_fail(ctx, "rows is not given; say how many of them "
                                    "become one, as in rows: 10");
    st = calloc(1, sizeof(*st));
    if (!st)
        return pe_context_fail(ctx, "out of memory");
    st->rows = (uint32_t)pe_options_int(o, "rows");
    pe_context_set_state(ctx, st);
    if (take_kinds(ctx, st) == 0)
        return 0;
    aggregate_close(ctx);
    return -1;
}

static int make_room(pe_context *ctx, aggregate_state *st, uint32_t features)
{
    size_t need = (size_t)features * (1 + st->n_kinds);
    double *room;

    if (need <= st->cap)
        return 0;
    room = realloc(st->room, need * sizeof(*room));
    if (!room)
        return pe_context_fail(ctx, "out of memory for %u features", features);
    st->room = room;
    st->cap = need;
    return 0;
}

/* Rows [from, to) of [in] into [made].  Rows that models mask are left out,
 * so that a gap of a sensor costs no more than itself; a window of nothing
 * else is a row of NaN, which models mask.
 */
static void fold_window(const aggregate_state *st, const pe_block *in,
                        uint32_t from, uint32_t to, double *made)
{
    uint32_t features = in->features, folded = 0;
    double *x = st->room;

    for (uint32_t i = from; i < to; i++) {
        if (!rows_load(in, i, x))
            continue;
        for (uint32_t k = 0; k < st->n_kinds; k++)
            st->kinds[k]->fold(made + (size_t)k * features, x, features,
                               folded == 0);
        folded++;
    }
    for (uint32_t k = 0; k < st->n_kinds; k++)
        for (uint32_t j = 0; j < features; j++) {
            double *v = &made[(size_t)k * features + j];

            if (!folded)
                *v = NAN;
            else if (st->kinds[k]->divide)
                *v /= folded;
        }
}

/* Which rows of their file each point of [out] is made of. */
static void say_rows(pe_context *ctx, aggregate_state *st, const pe_block *in,
                     pe_block *out)
{
    if (origin_path(in->source) == 0)
        return;
    if (!origin_join(&st->joined, in->source, in->points, st->rows))
        rows_blurred(ctx, &st->blurred, st->joined.text);
    out->source = *st->joined.text ? st->joined.text : NULL;
}

static int aggregate_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    aggregate_state *st = pe_context_state(ctx);
    uint32_t windows = (in->points - 1) / st->rows + 1;

    if (make_room(ctx, st, in->features) < 0 ||
        rows_reserve(ctx, in, out, windows, in->features * st->n_kinds) < 0)
        return -1;
    for (uint32_t w = 0; w < windows; w++) {
        uint32_t from = w * st->rows, left = in->points - from;
        double *made = st->room + in->features;

        fold_window(st, in, from, from + (left < st->rows ? left : st->rows),
                    made);
        rows_store(out, w, made);
    }
    say_rows(ctx, st, in, out);
    return PE_FORWARD;
}

static const pe_option_spec options[] = {
    {"rows", PE_OPTION_INT, 1, 16777216, NULL, NULL,
     "rows of a block that become one; a short rest is one by itself"},
    {"what", PE_OPTION_STRING, 0, 0, "mean", NULL,
     "any of mean, min, max, comma-separated: columns of each, one kind after "
     "another"},
    {0},
};

const pe_function aggregate_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "aggregate",
    .prose = "makes one row of each N: their mean, least or largest values",
    .options = options,
    .open = aggregate_open,
    .close = aggregate_close,
    .process_edge = aggregate_process,
    .process_cloud = aggregate_process,
};
