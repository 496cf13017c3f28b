/* same.c - results of one block by one model: do they have the same values? */
#include "same.h"

#include <stdlib.h>

struct same_slot {
    uint64_t what, values; /* what 0: empty */
};

int same_take(same *s, uint64_t what, uint64_t values, pe_error *errp)
{
    struct same_slot *k;

    if (!s->slot && !(s->slot = calloc(SAME_KEPT, sizeof(*s->slot))))
        return pe_error_nomem(errp);
    what += what == 0;
    k = &s->slot[what % SAME_KEPT];
    if (k->what == what) {
        s->compared++;
        return k->values != values;
    }
    *k = (struct same_slot){what, values};
    return 0;
}

void same_free(same *s)
{
    free(s->slot);
    *s = (same){0};
}
