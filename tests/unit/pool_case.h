/* pool_case.h - a rank of a pool, as far as a test needs one. */
#ifndef TESTS_POOL_CASE_H
#define TESTS_POOL_CASE_H

#include "src/pool/pool_private.h"

/* A rank with two partitions, 0 at offset 5 and 1 at 9. */
pool *pool_case_new(void);
void pool_case_free(pool *p);
/* Epoch [number] at its place. */
pool_slot *pool_case_slot(pool *p, int64_t number);

#endif
