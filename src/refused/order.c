/* order.c - in what order refused blocks are sent again. */
#include <stdlib.h>

#include "refusals.h"

static int as_read(const void *a, const void *b)
{
    const refusal *x = *(const refusal *const *)a;
    const refusal *y = *(const refusal *const *)b;

    if (x->partition != y->partition)
        return x->partition < y->partition ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

void refusals_as_read(const refusal **list, size_t n)
{
    if (n > 1)
        qsort(list, n, sizeof(*list), as_read);
}
