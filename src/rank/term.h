/* term.h - the term of a rank, and how it may end. */
#ifndef RANK_TERM_H
#define RANK_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include <pilot/error.h>

#include "phase.h"

/* What a term begins with as it is raised: an assignment. */
typedef struct pool_term {
    int64_t number, wanted; /* the one this rank wants */
    enum phase phase;
    enum phase_order order;
    int64_t state_seq; /* broadcast that brings, or brought, its state; 0: none
                          yet */
    uint32_t proposal; /* features of the first block, behind the stages */
} pool_term;

static inline bool term_is_wanted(const pool_term *t)
{
    return t->wanted > t->number;
}

/* The first error of this rank, which ends the pool with the next round. */
typedef struct pool_fate {
    bool failed;
    pe_error error;
} pool_fate;

/* Local, as all here. */
void term_raise(pool_term *t, int64_t number); /* it was told so */
void term_want(pool_term *t);                  /* another one */
void fate_fail(pool_fate *f, const pe_error *e);

#endif
