/* sensor.c - a source, and a function for devices and ranks alike. */
#include <math.h>
#include <stdlib.h>

#include "sensor.h"

enum { FEATURES = 4 };

/* --- sensor: four readings that belong together, now and then not --- */

static int sensor_open(pe_context *ctx)
{
    int64_t *left = malloc(sizeof(*left));

    if (!left)
        return pe_context_fail(ctx, "out of memory");
    *left = pe_options_int(pe_context_options(ctx), "blocks");
    pe_context_set_state(ctx, left);
    return 0;
}

static void sensor_close(pe_context *ctx)
{
    free(pe_context_state(ctx));
}

/* Of every 100th row the last reading is far off. */
static double reading(int64_t row, uint32_t column)
{
    double wave = sin((double)row * 0.1 + column);

    return row % 100 == 99 && column == FEATURES - 1 ? 50 + wave : wave;
}

static int sensor_produce(pe_context *ctx, pe_block *out)
{
    int64_t *left = pe_context_state(ctx);
    uint32_t points = pe_context_points(ctx);
    pe_error error;

    if (*left <= 0)
        return PE_NOTHING;
    if (pe_block_reserve(out, points, FEATURES, PE_F8, &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    int64_t row = --*left * points;
    double *value = out->data;
    for (uint32_t i = 0; i < points; i++, row++)
        for (uint32_t j = 0; j < FEATURES; j++)
            *value++ = reading(row, j);
    return PE_FORWARD;
}

static const pe_option_spec sensor_options[] = {
    {"blocks", PE_OPTION_INT, 0, 1e9, "20", NULL, "blocks to sense"},
    {NULL, PE_OPTION_INT, 0, 0, NULL, NULL, NULL},
};

const pe_function sensor_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "sensor",
    .prose = "four readings, now and then odd ones",
    .options = sensor_options,
    .open = sensor_open,
    .close = sensor_close,
    .produce_edge = sensor_produce,
};

/* --- calibrate: volts of the sensor as the unit of its data sheet --- */

static int calibrate_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    double gain = pe_options_float(pe_context_options(ctx), "gain");
    pe_error error;

    if (pe_block_reserve(out, in->points, in->features, PE_F8, &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    double *row = out->data;
    for (uint32_t i = 0; i < in->points; i++, row += in->features) {
        pe_block_row(in, i, row);
        for (uint32_t j = 0; j < in->features; j++)
            row[j] *= gain;
    }
    return PE_FORWARD;
}

static const pe_option_spec calibrate_options[] = {
    {"gain", PE_OPTION_FLOAT, -1e9, 1e9, "1", NULL, "units of a volt"},
    {NULL, PE_OPTION_INT, 0, 0, NULL, NULL, NULL},
};

const pe_function calibrate_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "calibrate",
    .prose = "volts as the unit of the data sheet",
    .options = calibrate_options,
    .process_edge = calibrate_process,
    .process_cloud = calibrate_process, /* the same code, on a rank */
};
