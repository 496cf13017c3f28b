/* rows.c - what the functions that work on the rows of a block share. */
#include "rows.h"

#include <float.h>
#include <math.h>
#include <string.h>

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
