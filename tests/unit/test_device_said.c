/* test_device_said.c - what a device says of rows beside their values. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_bench.h"
#include "fake_producer.h"
#include "src/common/clock.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define POINTS 3

/* --- a source with a clock and names --- */

/* Row r of block b is at b x 100 + r^2 s, where there is a clock; its values
 * are 10 b + r and 1000 times that.
 */
static struct {
    const char *columns;
    bool clock;
    uint32_t timed; /* times it gives; 0: of all rows */
} sensor;

typedef struct clocked {
    int n;
    char source[32];
    int64_t times[POINTS];
} clocked;

static int clocked_open(pe_context *ctx)
{
    pe_context_set_state(ctx, calloc(1, sizeof(clocked)));
    return context_columns(ctx, sensor.columns);
}

static void clocked_close(pe_context *ctx)
{
    free(pe_context_state(ctx));
}

static int clocked_produce(pe_context *ctx, pe_block *out)
{
    clocked *c = pe_context_state(ctx);
    double *x;

    if (c->n >= atomic_load(&bench_blocks))
        return PE_NOTHING;
    pe_block_reserve(out, POINTS, 2, PE_F8, NULL);
    x = out->data;
    for (int i = 0; i < POINTS; i++) {
        x[2 * i] = 10 * c->n + i;
        x[2 * i + 1] = 1000 * x[2 * i];
        c->times[i] = (100 * c->n + i * i) * CLOCK_S;
    }
    if (sensor.clock)
        context_times(ctx, c->times, sensor.timed ? sensor.timed : POINTS);
    snprintf(c->source, sizeof(c->source), "f:%d", POINTS * c->n);
    out->source = c->source;
    c->n++;
    return PE_FORWARD;
}

static const pe_function source = {.abi = PE_FUNCTION_ABI,
                                   .name = "clocked",
                                   .open = clocked_open,
                                   .close = clocked_close,
                                   .produce_edge = clocked_produce};

/* --- stages --- */

/* Of a user: passes on. */
static int own_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    return pe_context_pass(ctx, in, out);
}

/* Its last two rows, and says which those are, or not. */
static bool tells;

static int less_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    static char where[32];
    const char *colon = strrchr(in->source, ':');

    pe_context_pass(ctx, in, out);
    out->data = (double *)in->data + 2;
    out->points = 2;
    snprintf(where, sizeof(where), "f:%d-%d", atoi(colon + 1) + 1,
             atoi(colon + 1) + 2);
    if (tells)
        out->source = where;
    return PE_FORWARD;
}

static const pe_function own = {
    .abi = PE_FUNCTION_ABI, .name = "own", .process_edge = own_process};
static const pe_function less = {
    .abi = PE_FUNCTION_ABI, .name = "less", .process_edge = less_process};

/* Run [n] blocks through [stage], with [words], NULL: none; what was sent stays
 * in fake.stored.
 */
static void run(const pe_function *stage, const char *name, const char *value,
                int n, uint64_t message_bytes)
{
    pe_options *o = NULL;
    bench b;

    bench_init(&b, &source, stage);
    atomic_store(&bench_blocks, n);
    if (stage && stage->options)
        o = pe_options_create(stage->options, NULL);
    if (o && name)
        CU_ASSERT_EQUAL(pe_options_set(o, name, value, NULL), 0);
    b.stages[1].setup.options = o;
    b.conf.message_bytes = message_bytes;
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    UNIT_EQUAL(device_error(b.device)->text, "");
    bench_stop(&b);
    pe_options_destroy(o);
    CU_ASSERT_EQUAL(fake.n_stored, n);
}

static void test_plain(void)
{
    sensor.clock = true;
    sensor.columns = "temp\thum";
    run(NULL, NULL, NULL, 3, 0);
    UNIT_EQUAL(fake.stored[0].times, "0/1000000000:1,3");
    UNIT_EQUAL(fake.stored[2].times, "200000000000/1000000000:1,3");
    UNIT_EQUAL(fake.stored[0].columns, "temp\thum");
    UNIT_EQUAL(fake.stored[1].columns, ""); /* the first says it */
    UNIT_EQUAL(fake.stored[0].scale, "");
    /* Without a clock, and without names. */
    sensor.clock = false;
    sensor.columns = NULL;
    run(NULL, NULL, NULL, 1, 0);
    UNIT_EQUAL(fake.stored[0].times, "");
    UNIT_EQUAL(fake.stored[0].columns, "");
    /* A clock of another number of rows is none. */
    sensor.clock = true;
    sensor.timed = 2;
    run(NULL, NULL, NULL, 1, 0);
    UNIT_EQUAL(fake.stored[0].times, "");
    sensor.timed = 0;
}

/* Who begins to read in the middle has the names soon. */
static void test_names_again(void)
{
    int named = 0;

    sensor.clock = false;
    sensor.columns = "a\tb";
    run(NULL, NULL, NULL, 600, 0);
    for (int i = 0; i < 600; i++) {
        named += *fake.stored[i].columns != '\0';
        CU_ASSERT_EQUAL(*fake.stored[i].columns != '\0', i % 256 == 0);
    }
    CU_ASSERT_EQUAL(named, 3);
}

/* What stages make of names, of rows and of values. */
static void test_stages(void)
{
    static const char all[] = "0/1000000000:1,3";
    static const struct {
        const char *stage, *option, *value; /* NULL: [ops] */
        const pe_function *ops;
        bool tells;
        const char *columns, *times, *scale;
    } rows[] = {
        {"score", NULL, NULL, NULL, 0, "temp\thum", all, ""},
        {"filter", NULL, NULL, NULL, 0, "temp\thum", all, ""},
        {"drift", "on", "1", NULL, 0, "temp\thum", all, ""},
        {"select", "columns", "1,0,1", NULL, 0, "hum\ttemp\thum", all, ""},
        {"standardise", "mean", "5,7", NULL, 0, "temp\thum", all, "5:1,7:1"},
        {"standardise", "scale", "2,4", NULL, 0, "temp\thum", all, "0:2,0:4"},
        /* Rows that are joined have the time of the last. */
        {"aggregate", "rows", "3", NULL, 0, "temp_mean\thum_mean", "4000000000",
         ""},
        {"aggregate", "rows", "1", NULL, 0, "temp_mean\thum_mean", all, ""},
        /* Nobody knows what a user's function makes of columns. */
        {NULL, NULL, NULL, &own, 0, "", all, ""},
        {NULL, NULL, NULL, &less, true, "", "1000000000/3000000000", ""},
        {NULL, NULL, NULL, &less, false, "", "", ""},
    };

    sensor.clock = true;
    sensor.columns = "temp\thum";
    for (size_t i = 0; i < COUNT(rows); i++) {
        const pe_function *ops =
            rows[i].stage ? function_find(rows[i].stage) : rows[i].ops;

        tells = rows[i].tells;
        run(ops, rows[i].option, rows[i].value, 1, 0);
        UNIT_EQUAL(fake.stored[0].columns, rows[i].columns);
        UNIT_EQUAL(fake.stored[0].times, rows[i].times);
        UNIT_EQUAL(fake.stored[0].scale, rows[i].scale);
    }
}

/* What it has learned says each block for itself. */
static void test_learned(void)
{
    sensor.clock = false;
    sensor.columns = NULL;
    run(function_find("standardise"), NULL, NULL, 2, 0);
    CU_ASSERT_NOT_EQUAL(strcmp(fake.stored[0].scale, fake.stored[1].scale), 0);
    for (int i = 0; i < 2; i++) {
        double shift, scale;

        CU_ASSERT_EQUAL(sscanf(fake.stored[i].scale, "%lf:%lf", &shift, &scale),
                        2);
        CU_ASSERT_DOUBLE_EQUAL(shift + scale * fake.stored[i].first, 10 * i,
                               1e-9);
    }
}

/* A record is no larger than it may be for what is said of its rows. */
static void test_room(void)
{
    sensor.clock = true;
    sensor.columns = "temp\thum";
    run(NULL, NULL, NULL, 2, 100);
    UNIT_EQUAL(fake.stored[0].times, "");
    UNIT_EQUAL(fake.stored[0].columns, "");
    run(NULL, NULL, NULL, 2, 1 << 20);
    UNIT_EQUAL(fake.stored[0].times, "0/1000000000:1,3");
    UNIT_EQUAL(fake.stored[0].columns, "temp\thum");
}

/* Changes that a stage finds are counted, and said. */
static void test_drift(void)
{
    char words[DEVICE_DRIFT];
    pe_options *o = pe_options_create(function_find("drift")->options, NULL);
    bench b;

    sensor.clock = false;
    sensor.columns = NULL;
    bench_init(&b, &source, function_find("drift"));
    atomic_store(&bench_blocks, 400); /* its values rise */
    CU_ASSERT_EQUAL(pe_options_set(o, "on", "0", NULL), 0);
    b.stages[1].setup.options = o;
    bench_start(&b);
    CU_ASSERT(bench_wait(bench_over, &b));
    CU_ASSERT(device_drifts(b.device, words) > 0);
    UNIT_CONTAINS(words, "column 0 has changed at f row ");
    UNIT_CONTAINS(words, "(Page-Hinkley)");
    CU_ASSERT(bench_stop(&b).drifts > 0);
    pe_options_destroy(o);
}

int main(void)
{
    static const unit_test tests[] = {
        {"said: times and names", test_plain},
        {"said: names again and again", test_names_again},
        {"said: behind a stage", test_stages},
        {"said: what standardise learns", test_learned},
        {"said: no larger than a record", test_room},
        {"said: changes", test_drift},
        {NULL, NULL},
    };

    return unit_main("device said", tests);
}
