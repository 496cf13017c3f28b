/* held.h - records that wait because the client has no room for them. */
#ifndef FORWARD_HELD_H
#define FORWARD_HELD_H

#include "src/broker/broker.h"

typedef struct held held;

/* In the order they came. */
typedef struct held_list {
    held *first, **last; /* last is NULL while it is empty */
} held_list;

/* A copy of [o], with all that it borrows, behind the others. */
int held_add(held_list *l, const broker_output *o, pe_error *errp);
/* The first one; NULL: none. */
const broker_output *held_first(const held_list *l);
void held_pop(held_list *l);

#endif
