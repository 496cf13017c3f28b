/* device_bench.c - a device under test: its functions, sender and thread. */
#include "device_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "unit.h"

atomic_int bench_blocks;
atomic_int bench_sleep_ns;
enum bench_behaviour bench_behaviour;
int bench_closed;

typedef struct counter {
    int n;
    char source[32];
} counter;

static int count_open(pe_context *ctx)
{
    if (bench_behaviour == BENCH_NO_OPEN)
        return pe_context_fail(ctx, "no sensor");
    pe_context_set_state(ctx, calloc(1, sizeof(counter)));
    return 0;
}

static void count_close(pe_context *ctx)
{
    bench_closed++;
    free(pe_context_state(ctx));
}

/* Blocks of 3 x 2 that hold their position. */
static int count_produce(pe_context *ctx, pe_block *out)
{
    counter *c = pe_context_state(ctx);
    double position = (double)pe_context_position(ctx) + c->n;
    pe_error e;

    if (atomic_load(&bench_sleep_ns))
        clock_sleep_ns(atomic_load(&bench_sleep_ns), 1);
    if (c->n >= atomic_load(&bench_blocks))
        return bench_behaviour == BENCH_SENSOR_LOST
                   ? pe_context_fail(ctx, "sensor lost")
                   : PE_NOTHING;
    pe_block_reserve(out, 3, 2, PE_F8, &e);
    for (int i = 0; i < 6; i++)
        ((double *)out->data)[i] = position;
    snprintf(c->source, sizeof(c->source), "f:%d", c->n);
    out->source = c->source;
    c->n++;
    return PE_FORWARD;
}

static double borrowed[4];

/* By the number of the block (seq): filter, pass, own output, a borrowed one,
 * a part of its own storage.
 */
static int odd_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    pe_error e;

    CU_ASSERT_EQUAL(pe_block_at(in, 0, 0), (double)in->seq);
    switch (in->seq % 5) {
    case 0:
        return PE_NOTHING;
    case 1:
        pe_context_pass(ctx, in, out);
        out->version = 3;
        pe_context_count_outliers(ctx, 2);
        return PE_FORWARD;
    case 2:
        pe_block_reserve(out, 100, 1, PE_F4, &e);
        for (int i = 0; i < 100; i++)
            ((float *)out->data)[i] = (float)in->seq;
        out->seq = 999; /* the record's identity is not the function's */
        out->device = NULL;
        return PE_FORWARD;
    case 3:
        borrowed[0] = (double)in->seq;
        out->data = borrowed;
        out->points = 2;
        out->features = 2;
        return PE_FORWARD;
    default:
        pe_block_reserve(out, 4, 2, PE_F8, &e);
        out->data = (double *)out->data + 2; /* its last three rows */
        out->points = 3;
        for (int i = 0; i < 6; i++)
            ((double *)out->data)[i] = (double)in->seq;
        return PE_FORWARD;
    }
}

static int broken_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    if (in->seq == 4 && bench_behaviour == BENCH_BAD_LENS)
        return pe_context_fail(ctx, "bad lens");
    if (in->seq == 4 && bench_behaviour == BENCH_WORDLESS)
        return -1;
    pe_context_pass(ctx, in, out);
    if (in->seq == 4 && bench_behaviour == BENCH_EMPTY_BLOCK)
        out->points = 0;
    return PE_FORWARD;
}

const pe_function bench_count = {.abi = PE_FUNCTION_ABI,
                                 .open = count_open,
                                 .close = count_close,
                                 .produce_edge = count_produce};
const pe_function bench_odd = {.abi = PE_FUNCTION_ABI,
                               .process_edge = odd_process};
const pe_function bench_broken = {.abi = PE_FUNCTION_ABI,
                                  .process_edge = broken_process};

executor *bench_executor;

void bench_init(bench *b, const pe_function *source, const pe_function *process)
{
    memset(b, 0, sizeof(*b));
    fake_reset();
    bench_behaviour = BENCH_GOOD;
    atomic_store(&bench_sleep_ns, 0);
    b->stages[0].ops = source;
    b->stages[1].ops = process;
    b->stages[0].prompt = true;
    b->stages[1].prompt = false;
    b->options = pe_options_create(source->options, NULL);
    for (int i = 0; i < 2; i++) {
        b->stages[i].setup = (context_setup){.run = "r1",
                                             .stage = i ? "infer" : "sense",
                                             .points = 3,
                                             .dtype = PE_F8,
                                             .options = b->options,
                                             .size = 1};
    }
    b->conf = (device_conf){.run = "r1",
                            .topic = "t",
                            .name = "dev-0",
                            .partition = 2,
                            .id = {1, 0},
                            .queue_bytes = 1 << 20,
                            .rereadable = true,
                            .executor = bench_executor,
                            .stages = b->stages,
                            .n_stages = process ? 2 : 1};
}

void bench_start(bench *b)
{
    pe_error e = {0};

    b->sender = sender_open(&fake_ops, &b->producer, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->sender);
    b->conf.sender = b->sender;
    b->device = device_create(&b->conf, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->device);
    CU_ASSERT_EQUAL(device_start(b->device, &e), 0);
}

bool bench_wait(bool (*done)(bench *b), bench *b)
{
    for (int i = 0; i < 5000 && !done(b); i++)
        clock_sleep_ns(1000000, 0);
    return done(b);
}

bool bench_over(bench *b)
{
    enum device_state state = device_state_get(b->device);

    return state == DEVICE_ENDED || state == DEVICE_FAILED;
}

device_stats bench_stop(bench *b)
{
    device_stats s;

    device_abort(b->device);
    device_join(b->device);
    sender_close(b->sender);
    s = device_stats_get(b->device);
    device_destroy(b->device);
    pe_options_destroy(b->options);
    return s;
}
