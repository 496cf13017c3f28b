/* rms.c - a source and a filter of one's own: vibration windows by loudness.
 *
 * A point is a window of samples of a vibration sensor.  `tone` stands for
 * the sensor, `rms` lets only the windows pass whose root mean square is
 * above a limit.  README.md says how to build and use them.
 */
#include <math.h>
#include <stdlib.h>

#include <pilot/pilot.h>

#define TAU 6.283185307179586 /* a whole turn */

/* --- tone: a sensor whose windows are quiet, and now and then loud --- */

/* State of the source: one per device. */
typedef struct tone {
    int64_t blocks; /* left to sense */
    int64_t window; /* number of the next one */
} tone;

static int tone_open(pe_context *ctx)
{
    tone *t = calloc(1, sizeof(*t));

    if (!t)
        return pe_context_fail(ctx, "out of memory");
    t->blocks = pe_options_int(pe_context_options(ctx), "blocks");
    pe_context_set_state(ctx, t);
    return 0;
}

static void tone_close(pe_context *ctx)
{
    free(pe_context_state(ctx));
}

static double sample(const tone *t, int64_t loud_every, uint32_t at)
{
    double amplitude = (t->window + 1) % loud_every == 0 ? 5.0 : 0.5;

    return amplitude * sin(TAU * at / 8.0);
}

static int tone_produce(pe_context *ctx, pe_block *out)
{
    tone *t = pe_context_state(ctx);
    const pe_options *o = pe_context_options(ctx);
    int64_t loud_every = pe_options_int(o, "loud-every");
    uint32_t samples = (uint32_t)pe_options_int(o, "samples");
    pe_error error;

    if (t->blocks-- <= 0)
        return PE_NOTHING;
    if (pe_block_reserve(out, pe_context_points(ctx), samples, PE_F8, &error) <
        0)
        return pe_context_fail(ctx, "%s", error.text);
    double *value = out->data;
    for (uint32_t i = 0; i < out->points; i++, t->window++)
        for (uint32_t j = 0; j < samples; j++)
            *value++ = sample(t, loud_every, j);
    return PE_FORWARD;
}

static const pe_option_spec tone_options[] = {
    {"blocks", PE_OPTION_INT, 0, 1e9, "100", NULL, "blocks to sense"},
    {"samples", PE_OPTION_INT, 1, 65536, "32", NULL, "samples of a window"},
    {"loud-every", PE_OPTION_INT, 1, 1e9, "10", NULL,
     "one window in so many is loud"},
    {0},
};

const pe_function tone_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "tone",
    .prose = "windows of a vibration sensor",
    .options = tone_options,
    .open = tone_open,
    .close = tone_close,
    .produce_edge = tone_produce,
};

/* --- rms: forwards the loud rows of a block --- */

static double row_rms(const pe_block *b, uint32_t point)
{
    double sum = 0;

    for (uint32_t j = 0; j < b->features; j++) {
        double v = pe_block_at(b, point, j);
        sum += v * v;
    }
    return sqrt(sum / b->features);
}

/* Copy the rows above the limit into [out], which has room for all; returns
 * their number.
 */
static uint32_t copy_loud(const pe_block *in, double limit, pe_block *out)
{
    double *row = out->data;
    uint32_t n = 0;

    for (uint32_t i = 0; i < in->points; i++) {
        if (row_rms(in, i) <= limit)
            continue;
        pe_block_row(in, i, row);
        row += in->features;
        n++;
    }
    return n;
}

static int rms_process(pe_context *ctx, const pe_block *in, pe_block *out)
{
    double limit = pe_options_float(pe_context_options(ctx), "limit");
    pe_error error;

    if (pe_block_reserve(out, in->points, in->features, PE_F8, &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    out->points = copy_loud(in, limit, out);
    return out->points > 0 ? PE_FORWARD : PE_NOTHING;
}

static const pe_option_spec rms_options[] = {
    {"limit", PE_OPTION_FLOAT, 0, 1e300, "1.0", NULL,
     "root mean square above which a row goes on"},
    {0},
};

const pe_function rms_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "rms",
    .prose = "forwards the rows whose root mean square is above a limit",
    .options = rms_options,
    .process_edge = rms_process,
    .process_cloud = rms_process, /* the same code, on a rank */
};
