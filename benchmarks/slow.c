/* slow.c - functions for benchmarks/pool: a slow stage, a silent source. */
#include <pilot/pilot.h>

#include <string.h>
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

/* One block, since a run that learns from nothing has failed, then nothing
 * for five seconds. */
static int wait5(pe_context *ctx, pe_block *out)
{
    static double start;
    pe_error err;

    if (start <= 0) {
        start = now();
        if (pe_block_reserve(out, 1, 1, PE_F8, &err) != 0)
            return -1;
        memset(out->data, 0, pe_block_bytes(out));
        return PE_FORWARD;
    }
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
