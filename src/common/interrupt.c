/* interrupt.c - somebody wants the end while a long step is under way. */
#include "interrupt.h"

#include <stdatomic.h>

#include "src/common/clock.h"

#define SLICE_MS 100

static atomic_int current;

void interrupt_set(enum interrupt level)
{
    atomic_store(&current, (int)level);
}

enum interrupt interrupt_level(void)
{
    return (enum interrupt)atomic_load(&current);
}

int interrupt_check(enum interrupt level, pe_error *errp)
{
    if (interrupt_level() < level)
        return 0;
    return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_AGAIN, "interrupted");
}

int interrupt_sleep(int64_t ns, pe_error *errp)
{
    const int64_t slice = SLICE_MS * CLOCK_MS;

    while (ns > 0 && interrupt_level() == INTERRUPT_NONE) {
        clock_sleep_ns(ns < slice ? ns : slice, 1);
        ns -= slice;
    }
    return interrupt_check(INTERRUPT_SOON, errp);
}

int interrupt_slice(int64_t ms)
{
    return ms > SLICE_MS ? SLICE_MS : ms > 0 ? (int)ms : 0;
}
