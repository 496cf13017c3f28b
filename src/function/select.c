/* select.c - built-in function: some columns of a block, in a given order. */
#include "builtin.h"

#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "src/block/columns.h"
#include "src/common/text.h"

#define SELECT_MOST 65536 /* columns, repeats included */

typedef struct select_state {
    uint32_t *columns;
    uint32_t n, highest;
} select_state;

/* --- the list --- */

/* "3" or "5-8". */
static int parse_item(const char *item, int64_t *fromp, int64_t *top)
{
    const char *dash = strchr(item, '-');
    char first[ROWS_ITEM];

    if (!dash) {
        if (text_parse_int(item, fromp) < 0)
            return -1;
        *top = *fromp;
        return 0;
    }
    memcpy(first, item, (size_t)(dash - item));
    first[dash - item] = '\0';
    if (text_parse_int(first, fromp) < 0 || text_parse_int(dash + 1, top) < 0)
        return -1;
    return *fromp <= *top ? 0 : -1;
}

static int add_range(pe_context *ctx, select_state *st, int64_t from,
                     int64_t to)
{
    uint32_t *columns;
    size_t n;

    if (to >= UINT32_MAX || to - from >= SELECT_MOST ||
        st->n + (uint64_t)(to - from) >= SELECT_MOST)
        return pe_context_fail(ctx, "columns: more than %d of them",
                               SELECT_MOST);
    n = st->n + (size_t)(to - from) + 1;
    columns = realloc(st->columns, n * sizeof(*columns));
    if (!columns)
        return pe_context_fail(ctx, "out of memory for %zu columns", n);
    st->columns = columns;
    for (int64_t c = from; c <= to; c++)
        st->columns[st->n++] = (uint32_t)c;
    if ((uint32_t)to > st->highest)
        st->highest = (uint32_t)to;
    return 0;
}

static int parse(pe_context *ctx, select_state *st)
{
    const char *list = pe_options_string(pe_context_options(ctx), "columns");
    char item[ROWS_ITEM];
    int64_t from, to;

    if (!list)
        return pe_context_fail(ctx, "columns is not given; name those to "
                                    "keep, as in columns: \"0,3,5-8\"");
    while (rows_item(&list, item)) {
        if (parse_item(item, &from, &to) < 0 || from < 0)
            return pe_context_fail(ctx,
                                   "columns: '%s' is neither a number from 0 "
                                   "on nor a range as 5-8",
                                   item);
        if (add_range(ctx, st, from, to) < 0)
            return -1;
    }
    return 0;
}

int select_columns(const pe_options *o, const char *names, text *out)
{
    const char *list = pe_options_string(o, "columns");
    char item[ROWS_ITEM];
    size_t n = 0, len = 0;
    int64_t from, to;

    while (list && rows_item(&list, item)) {
        if (parse_item(item, &from, &to) < 0 || from < 0 || to >= UINT32_MAX)
            return -1;
        for (; from <= to; from++, n++) {
            const char *name =
                columns_at(names, strlen(names), (uint32_t)from, &len);
            char *copy = name ? strndup(name, len) : NULL;

            if (copy)
                columns_add(out, n, copy);
            free(copy);
            if (!copy)
                return -1;
        }
    }
    return out->failed || n == 0 ? -1 : 0;
}

/* --- entry points --- */

static void select_close(pe_context *ctx)
{
    select_state *st = pe_context_state(ctx);

    if (!st)
        return;
    free(st->columns);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static int select_open(pe_context *ctx)
{
    select_state *st = calloc(1, sizeof(*st));

    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    if (parse(ctx, st) == 0)
        return 0;
    select_close(ctx);
    return -1;
}

static void gather_f8(const select_state *st, const pe_block *in, pe_block *out)
{
    const double *restrict from = in->data;
    double *restrict to = out->data;

    for (uint32_t i = 0; i < in->points; i++) {
        for (uint32_t j = 0; j < st->n; j++)
            to[j] = from[st->columns[j]];
        from += in->features;
        to += st->n;
    }
}

static void gather_f4(const select_state *st, const pe_block *in, pe_block *out)
{
    const float *restrict from = in->data;
    float *restrict to = out->data;

    for (uint32_t i = 0; i < in->points; i++) {
        for (uint32_t j = 0; j < st->n; j++)
            to[j] = from[st->columns[j]];
        from += in->features;
        to += st->n;
    }
}

static int select_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    const select_state *st = pe_context_state(ctx);

    if (st->highest >= in->features)
        return pe_context_fail(ctx,
                               "columns: %u is out of range, the block has %u "
                               "features, 0 to %u",
                               st->highest, in->features, in->features - 1);
    if (rows_reserve(ctx, in, out, in->points, st->n) < 0)
        return -1;
    if (in->dtype == PE_F8)
        gather_f8(st, in, out);
    else
        gather_f4(st, in, out);
    return PE_FORWARD;
}

static const pe_option_spec options[] = {
    {"columns", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "those to keep, from 0, in this order: \"0,3,5-8\"; may repeat"},
    {0},
};

const pe_function select_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "select",
    .prose = "keeps some columns, in a given order",
    .options = options,
    .open = select_open,
    .close = select_close,
    .process_edge = select_process,
    .process_cloud = select_process,
};
