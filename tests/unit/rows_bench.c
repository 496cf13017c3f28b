/* rows_bench.c - a function that works on the rows of blocks, under test. */
#include "rows_bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* --- a model in place of the real ones: scores are the first column --- */

pe_model model;
bool have_model;

int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    if (b->features != m->features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "features changed from %u to %u", m->features,
                            b->features);
    for (uint32_t i = 0; i < b->points; i++)
        scores[i] = (float)pe_block_at(b, i, 0);
    return 0;
}

static const pe_model *host_model(void *arg)
{
    (void)arg;
    return have_model ? &model : NULL;
}

static const context_host host = {.model = host_model};

/* --- a function at work --- */

/* [options] is "NAME=VALUE;NAME=VALUE". */
static void set_options(pe_options *o, const char *options)
{
    char *copy = strdup(options), *rest = copy, *item;

    while ((item = strsep(&rest, ";")) && *item) {
        pe_error e = {0};
        char *value = strchr(item, '=');

        *value++ = '\0';
        CU_ASSERT_EQUAL(pe_options_set(o, item, value, &e), 0);
        UNIT_EQUAL(e.text, "");
    }
    free(copy);
}

/* The answer of the open hook. */
int bench_open(bench *b, const char *name, const char *options)
{
    context_setup set = {.stage = "s", .host = &host};
    pe_error e = {0};

    memset(b, 0, sizeof(*b));
    b->fn = function_load(name, NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->fn);
    b->options = function_options(b->fn, NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->options);
    set_options(b->options, options);
    set.options = b->options;
    b->ctx = context_create(&set, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->ctx);
    return function_ops(b->fn)->open(b->ctx);
}

void bench_close(bench *b)
{
    function_ops(b->fn)->close(b->ctx);
    function_ops(b->fn)->close(b->ctx); /* twice does no harm */
    context_destroy(b->ctx);
    pe_options_destroy(b->options);
    function_unload(b->fn);
    pe_block_release(&b->in);
    pe_block_release(&b->out);
}

static void put(pe_block *b, const double *values)
{
    for (size_t i = 0; i < (size_t)b->points * b->features; i++) {
        if (b->dtype == PE_F8)
            ((double *)b->data)[i] = values[i];
        else
            ((float *)b->data)[i] = (float)values[i];
    }
}

/* Give [values] to the function, as device or as rank. */
int feed(bench *b, const double *values, uint32_t points, uint32_t features,
         enum pe_dtype dtype)
{
    const pe_function *f = function_ops(b->fn);

    CU_ASSERT_EQUAL(pe_block_reserve(&b->in, points, features, dtype, NULL), 0);
    put(&b->in, values);
    b->in.device = "d-1";
    b->in.source = "f.csv:7";
    b->in.topic = "t";
    b->in.partition = 3;
    b->in.offset = 11;
    b->in.boot = 2;
    b->in.seq = 5;
    b->in.has_seq = 1;
    b->in.version = 4;
    b->in.sense_ns = 100;
    b->in.edge_ns = 200;
    b->in.broker_ns = 300;
    b->in.fetch_ns = 400;
    return dtype == PE_F8 ? f->process_edge(b->ctx, &b->in, &b->out)
                          : f->process_cloud(b->ctx, &b->in, &b->out);
}

/* Everything a block says of itself is what it was. */
void check_origin(const bench *b)
{
    const pe_block *o = &b->out;

    UNIT_EQUAL(o->device, "d-1");
    CU_ASSERT_EQUAL(strncmp(o->source, "f.csv:", 6), 0);
    UNIT_EQUAL(o->topic, "t");
    CU_ASSERT_EQUAL(o->partition, 3);
    CU_ASSERT_EQUAL(o->offset, 11);
    CU_ASSERT_EQUAL(o->boot, 2);
    CU_ASSERT_EQUAL(o->seq, 5);
    CU_ASSERT_EQUAL(o->has_seq, 1);
    CU_ASSERT_EQUAL(o->sense_ns, 100);
    CU_ASSERT_EQUAL(o->edge_ns, 200);
    CU_ASSERT_EQUAL(o->broker_ns, 300);
    CU_ASSERT_EQUAL(o->fetch_ns, 400);
    CU_ASSERT_EQUAL((uintptr_t)o->data & 63, 0);
}

bool same(double a, double b)
{
    return (isnan(a) && isnan(b)) || a == b || fabs(a - b) < 1e-6 * fabs(b);
}

void check_out(const bench *b, const double *want, uint32_t points,
               uint32_t features)
{
    CU_ASSERT_EQUAL_FATAL(b->out.points, points);
    CU_ASSERT_EQUAL_FATAL(b->out.features, features);
    CU_ASSERT_EQUAL(b->out.dtype, b->in.dtype);
    check_origin(b);
    for (uint32_t i = 0; i < points; i++)
        for (uint32_t j = 0; j < features; j++)
            if (!same(pe_block_at(&b->out, i, j), want[i * features + j])) {
                CU_FAIL("value");
                printf("# (%u, %u) is %g, not %g\n", i, j,
                       pe_block_at(&b->out, i, j), want[i * features + j]);
            }
}
