/* slow.c - functions for benchmarks: a slow stage, a silent source, one that
 * is in no hurry on some devices, a sensor.
 */
#include <pilot/pilot.h>

#include <stdlib.h>
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

/* 4,000 blocks as fast as they go; of devices "alarm-..." 200, 50 a second. */
static int mix(pe_context *ctx, pe_block *out)
{
    int alarm = !strncmp(pe_context_device(ctx), "alarm-", 6);
    uintptr_t sent = (uintptr_t)pe_context_state(ctx);
    struct timespec t = {0, 20000000};
    pe_error err;

    if (sent == (alarm ? 200 : 4000) || pe_context_cancelled(ctx))
        return PE_NOTHING;
    if (alarm && sent == 0)
        t.tv_sec = 3; /* the pool is up, and behind */
    if (alarm)
        nanosleep(&t, NULL);
    if (pe_block_reserve(out, pe_context_points(ctx), 8, PE_F8, &err) != 0)
        return -1;
    memset(out->data, 0, pe_block_bytes(out));
    pe_context_set_state(ctx, (void *)(sent + 1));
    return PE_FORWARD;
}

/* $BLOCKS blocks as fast as they go, each a copy of one that is there: a sensor
 * that cannot be read again.
 */
static int sense(pe_context *ctx, pe_block *out)
{
    static double *ready;
    static long long left = -1;
    size_t n = (size_t)pe_context_points(ctx) * 32;
    const char *blocks = getenv("BLOCKS");
    pe_error err;

    if (left < 0) {
        left = blocks ? atoll(blocks) : 1000;
        ready = malloc(n * sizeof(*ready));
        for (size_t i = 0; ready && i < n; i++)
            ready[i] = (double)(i % 97);
    }
    if (left == 0 || pe_context_cancelled(ctx))
        return PE_NOTHING;
    left--;
    if (!ready ||
        pe_block_reserve(out, pe_context_points(ctx), 32, PE_F8, &err) != 0)
        return -1;
    memcpy(out->data, ready, n * sizeof(*ready));
    return PE_FORWARD;
}

const pe_function slow = {
    .abi = PE_FUNCTION_ABI,
    .name = "slow",
    .prose = "sleeps 2 ms a block",
    .process_cloud = nap,
};

const pe_function mixed = {
    .abi = PE_FUNCTION_ABI,
    .name = "mixed",
    .prose = "a source of some that hurry and some that do not",
    .produce_edge = mix,
};

/* 20 ms of a core. */
static int compute(pe_context *ctx, const pe_block *in, pe_block *out)
{
    double start = now();

    (void)ctx;
    (void)in;
    (void)out;
    while (now() - start < 0.02)
        continue;
    return PE_NOTHING;
}

const pe_function busy = {
    .abi = PE_FUNCTION_ABI,
    .name = "busy",
    .prose = "computes for 20 ms a block",
    .process_cloud = compute,
};

const pe_function silent = {
    .abi = PE_FUNCTION_ABI,
    .name = "silent",
    .prose = "a source with nothing to say",
    .produce_edge = wait5,
};

const pe_function sensor = {
    .abi = PE_FUNCTION_ABI,
    .name = "sensor",
    .prose = "a source of one block, again and again, that is not a file",
    .produce_edge = sense,
};
