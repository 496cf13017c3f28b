/* pipeline_object.c - functions in a shared object, for tests. */
#include <pilot/function.h>

#include <stdatomic.h>
#include <unistd.h>

static int produce(pe_context *ctx, pe_block *out)
{
    (void)ctx;
    (void)out;
    return PE_NOTHING;
}

static int process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    return pe_context_pass(ctx, in, out);
}

static const pe_option_spec gauge_options[] = {
    {"features", PE_OPTION_INT, 1, 9, "3", NULL, "columns"},
    {"period", PE_OPTION_TIME, 0, 9, NULL, NULL, "time between two"},
    {0},
};

const pe_function gauge = {
    .abi = PE_FUNCTION_ABI,
    .name = "gauge",
    .options = gauge_options,
    .produce_edge = produce,
};

const pe_function plain = {
    .abi = PE_FUNCTION_ABI,
    .name = "plain",
    .process_edge = process,
    .process_cloud = process,
};

/* For ever, but for a cancel. */
static int wait_long(pe_context *ctx, const pe_block *in, pe_block *out)
{
    while (!pe_context_cancelled(ctx))
        usleep(5000);
    return pe_context_pass(ctx, in, out);
}

const pe_function patient = {
    .abi = PE_FUNCTION_ABI,
    .name = "patient",
    .process_cloud = wait_long,
};

/* Its close takes as long as the test wants. */
atomic_int clingy_closing, clingy_go, clingy_closed;

static void close_long(pe_context *ctx)
{
    (void)ctx;
    atomic_store(&clingy_closing, 1);
    for (int i = 0; i < 1000 && !atomic_load(&clingy_go); i++)
        usleep(5000);
    atomic_store(&clingy_closed, 1);
}

const pe_function clingy = {
    .abi = PE_FUNCTION_ABI,
    .name = "clingy",
    .process_cloud = process,
    .close = close_long,
};
