/* rows.c - what the functions that work on the rows of a block share. */
#include "rows.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"

int rows_item(const char **atp, char item[ROWS_ITEM])
{
    const char *from = *atp;
    size_t len;

    if (!from)
        return 0;
    len = strcspn(from, ",");
    *atp = from[len] ? from + len + 1 : NULL;
    while (len && *from == ' ') {
        from++;
        len--;
    }
    while (len && from[len - 1] == ' ')
        len--;
    if (len >= ROWS_ITEM)
        len = 0;
    memcpy(item, from, len);
    item[len] = '\0';
    return 1;
}

/* --- lists of columns --- */

int rows_range(const char *item, int64_t *fromp, int64_t *top)
{
    const char *dash = strchr(item, '-');
    char first[ROWS_ITEM];

    if (!dash) {
        if (text_parse_int(item, fromp) < 0)
            return -1;
        *top = *fromp;
        return *fromp < 0 ? -1 : 0;
    }
    memcpy(first, item, (size_t)(dash - item));
    first[dash - item] = '\0';
    if (text_parse_int(first, fromp) < 0 || text_parse_int(dash + 1, top) < 0)
        return -1;
    return *fromp >= 0 && *fromp <= *top ? 0 : -1;
}

static int add_range(pe_context *ctx, rows_columns *c, int64_t from, int64_t to)
{
    uint32_t *columns;
    size_t n;

    if (to >= UINT32_MAX || to - from >= ROWS_COLUMNS_MAX ||
        c->n + (uint64_t)(to - from) >= ROWS_COLUMNS_MAX)
        return pe_context_fail(ctx, "columns: more than %d of them",
                               ROWS_COLUMNS_MAX);
    n = c->n + (size_t)(to - from) + 1;
    columns = realloc(c->columns, n * sizeof(*columns));
    if (!columns)
        return pe_context_fail(ctx, "out of memory for %zu columns", n);
    c->columns = columns;
    for (int64_t k = from; k <= to; k++)
        c->columns[c->n++] = (uint32_t)k;
    if ((uint32_t)to > c->highest)
        c->highest = (uint32_t)to;
    return 0;
}

int rows_columns_parse(pe_context *ctx, rows_columns *c, const char *list)
{
    char item[ROWS_ITEM];
    int64_t from, to;

    while (rows_item(&list, item)) {
        if (rows_range(item, &from, &to) < 0)
            return pe_context_fail(ctx,
                                   "columns: '%s' is neither a number from 0 "
                                   "on nor a range as 5-8",
                                   item);
        if (add_range(ctx, c, from, to) < 0)
            return -1;
    }
    return 0;
}

void rows_columns_free(rows_columns *c)
{
    free(c->columns);
    memset(c, 0, sizeof(*c));
}

int rows_columns_check(pe_context *ctx, const rows_columns *c,
                       const pe_block *b)
{
    if (c->highest < b->features)
        return 0;
    return pe_context_fail(ctx,
                           "columns: %u is out of range, the block has %u "
                           "features, 0 to %u",
                           c->highest, b->features, b->features - 1);
}

int rows_reserve(pe_context *ctx, const pe_block *in, pe_block *out,
                 uint32_t points, uint32_t features)
{
    pe_error e = {0};

    pe_context_pass(ctx, in, out);
    if (pe_block_reserve(out, points, features, in->dtype, &e) < 0)
        return pe_context_fail(ctx, "%s", e.text);
    return 0;
}

void rows_blurred(pe_context *ctx, bool *saidp, const char *source)
{
    if (!*saidp)
        pe_context_log(ctx,
                       "the rows that stay of a block are too many ranges to "
                       "be named in its record: results say from where to "
                       "where they are, as %s; smaller blocks have their rows "
                       "named",
                       source);
    *saidp = true;
}

bool rows_load(const pe_block *b, uint32_t row, double *x)
{
    bool usable = true;

    pe_block_row(b, row, x);
    /* No early end: so the loop is one of vectors. */
    for (uint32_t j = 0; j < b->features; j++)
        usable &= fabs(x[j]) <= FLT_MAX;
    return usable;
}

void rows_store(pe_block *b, uint32_t row, const double *x)
{
    size_t at = (size_t)row * b->features;
    float *f;

    if (b->dtype == PE_F8) {
        memcpy((double *)b->data + at, x, b->features * sizeof(*x));
        return;
    }
    f = (float *)b->data + at;
    for (uint32_t j = 0; j < b->features; j++)
        f[j] = (float)x[j];
}
