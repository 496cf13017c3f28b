/* term.c - the term of a rank, and how it may end. */
#include "pool_private.h"

#include <unistd.h>

#include "src/agent/event.h"
#include "src/common/log.h"

void pool_fail(pool *p, const pe_error *e)
{
    fate_fail(&p->fate, e);
}

_Noreturn void pool_abort(pool *p, const pe_error *e)
{
    log_error("rank %d: %s", p->rank, e->text);
    event_error(p->c.pilot, e);
    MPI_Abort(p->c.comm, (int)e->exit_code);
    _exit((int)e->exit_code); /* MPI_Abort may not be declared so */
}

/* --- the tables --- */

enum phase_action pool_step(pool *p, enum phase_event e)
{
    enum phase_action a = phase_step(&p->term.phase, e);
    pe_error error = {0};

    if (a != PHASE_IMPOSSIBLE)
        return a;
    pe_error_set(&error, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "rank %d is %s and was told %s: a fault in the pool", p->rank,
                 phase_name(p->term.phase), phase_event_name(e));
    pool_fail(p, &error);
    return a;
}

static void fail_turn(pool *p, const char *what)
{
    pe_error e = {0};

    pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED,
                 "rank %d cannot %s now: a fault in the pool", p->rank, what);
    pool_fail(p, &e);
}

void pool_hear(pool *p, enum phase_word w)
{
    if (!phase_order_step(&p->term.order, w))
        fail_turn(p, "take an order");
}

void pool_turn(pool *p, enum phase_turn t)
{
    if (!phase_ship_step(&p->ship.at, t))
        fail_turn(p, "turn to a broadcast");
}
