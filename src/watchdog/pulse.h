/* pulse.h - what the loop of a rank leaves for its watchdog. */
#ifndef WATCHDOG_PULSE_H
#define WATCHDOG_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Written by the loop alone, so nothing is added atomically. */
typedef struct watchdog_pulse {
    atomic_uint_fast64_t turns;  /* of the loop */
    atomic_uint_fast64_t rounds; /* that have ended */
    atomic_bool waits;           /* in a collective, for other ranks */
} watchdog_pulse;

static inline void pulse_count(atomic_uint_fast64_t *n)
{
    uint_fast64_t now = atomic_load_explicit(n, memory_order_relaxed);

    atomic_store_explicit(n, now + 1, memory_order_relaxed);
}

/* The loop comes by, and does or does not wait for other ranks.  [p] may be
 * NULL in both.
 */
static inline void pulse_turn(watchdog_pulse *p, bool waits)
{
    if (!p)
        return;
    atomic_store_explicit(&p->waits, waits, memory_order_relaxed);
    pulse_count(&p->turns);
}

/* A round has ended. */
static inline void pulse_round(watchdog_pulse *p)
{
    if (p)
        pulse_count(&p->rounds);
}

#endif
