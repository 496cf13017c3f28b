/* pool_case.c - a rank of a pool, as far as a test needs one. */
#include "pool_case.h"

#include <stdlib.h>

#include "unit.h"

pool *pool_case_new(void)
{
    pool *p = calloc(1, sizeof(*p));

    p->own.n_parts = 2;
    p->own.at = calloc(2, sizeof(*p->own.at));
    p->own.at[0] = (broker_position){0, 5, 0};
    p->own.at[1] = (broker_position){1, 9, 44};
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(pool_slot_init(&p->epochs.slot[i], 2, NULL), 0);
    return p;
}

void pool_case_free(pool *p)
{
    for (int i = 0; i < 2; i++)
        pool_slot_fini(&p->epochs.slot[i]);
    commit_devices_clear(&p->own.devices);
    free(p->own.at);
    free(p);
}

pool_slot *pool_case_slot(pool *p, int64_t number)
{
    pool_slot *s = &p->epochs.slot[number & 1];

    pool_slot_open(s, number, p->own.at, p->own.n_parts);
    return s;
}
