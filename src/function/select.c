/* select.c - built-in function: some columns of a block, in a given order. */
#include "builtin.h"

#include <stdlib.h>
#include <string.h>

#include "src/context/rows.h"
#include "src/block/columns.h"
#include "src/common/text.h"

int select_columns(const pe_options *o, const char *names, text *out)
{
    const char *list = pe_options_string(o, "columns");
    char item[ROWS_ITEM];
    size_t n = 0, len = 0;
    int64_t from, to;

    while (list && rows_item(&list, item)) {
        if (rows_range(item, &from, &to) < 0 || to >= UINT32_MAX)
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

static void select_close(pe_context *ctx)
{
    rows_columns *st = pe_context_state(ctx);

    if (!st)
        return;
    rows_columns_free(st);
    free(st);
    pe_context_set_state(ctx, NULL);
}

static int select_open(pe_context *ctx)
{
    const char *list = pe_options_string(pe_context_options(ctx), "columns");
    rows_columns *st;

    if (!list)
        return pe_context_fail(ctx, "columns is not given; name those to "
                                    "keep, as in columns: \"0,3,5-8\"");
    st = calloc(1, sizeof(*st));
    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    if (rows_columns_parse(ctx, st, list) == 0)
        return 0;
    select_close(ctx);
    return -1;
}

static void gather_f8(const rows_columns *st, const pe_block *in, pe_block *out)
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

static void gather_f4(const rows_columns *st, const pe_block *in, pe_block *out)
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
    const rows_columns *st = pe_context_state(ctx);

    if (rows_columns_check(ctx, st, in) < 0 ||
        rows_reserve(ctx, in, out, in->points, st->n) < 0)
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
