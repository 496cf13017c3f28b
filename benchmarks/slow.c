/* slow.c - functions for benchmarks/pool: a slow stage, a silent source. */
#include <pilot/pilot.h>

#include <time.h>

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* 2 ms of wall time a block, asleep: 4 ranks fit on any machine. */
static int nap(pe_context *ctx, const pe_block *in, pe_block *out)
{
    struct timespec t = {0, 2000000};

    (void)ctx;
    (void)in;
    (void)out;
    nanosleep(&t, NULL);
    return PE_NOTHING;
}

/* Says nothing for five seconds, then ends. */
static int wait5(pe_context *ctx, pe_block *out)
{
    static double start;

    (void)out;
    if (start <= 0)
        start = now();
    return now() - start < 5 && !pe_context_cancelled(ctx) ? PE_AGAIN
                                                           : PE_NOTHING;
}

const pe_function slow = {
    .abi = PE_FUNCTION_ABI,
    .name = "slow",
    .prose = "sleeps 2 ms a block",
    .process_cloud = nap,
};

const pe_function silent = {
    .abi = PE_FUNCTION_ABI,
    .name = "silent",
    .prose = "a source with nothing to say",
    .produce_edge = wait5,
};
