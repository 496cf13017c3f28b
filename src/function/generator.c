/* generator.c - built-in source: Mini-App data, seeded and re-readable. */
#include "generator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/block/npy.h"
#include "src/common/random.h"
#include "src/context/context.h"
#include "src/function/arrivals.h"
#include "src/function/builtin.h"

#define CENTRE_DEVIATION 2.0 /* N(0, 4 I) */
#define PLANTED_RANGE 4.0
#define KEPT_BYTES_MAX ((size_t)1 << 30) /* of pre-generated blocks */

typedef struct generator_state {
    generator_spec spec;
    double *centres, *moved; /* at block 0; at the block at hand */
    arrivals_trace trace;
    arrivals arrivals;
    uint32_t least;    /* points of a block are drawn from here on; 0:
                          all have as many */
    uint64_t blocks;   /* 0: endless */
    uint64_t position; /* of the next block */
    pe_block *kept;    /* pre-generated frames */
    uint64_t n_kept;   /* 0: every block its own */
} generator_state;

/* Box-Muller gives two normals for two draws. */
static void normal_pair(random_stream *r, double *a, double *b)
{
    double radius = sqrt(-2.0 * log(1.0 - random_uniform(r)));
    double angle = 2.0 * M_PI * random_uniform(r);

    *a = radius * cos(angle);
    *b = radius * sin(angle);
}

void generator_centres(const generator_spec *s, double *centres)
{
    random_stream r = {.key = random_mix(s->seed, 0)};
    size_t n = (size_t)s->clusters * s->features;
    double a, b;

    for (size_t i = 0; i < n; i += 2) {
        normal_pair(&r, &a, &b);
        centres[i] = CENTRE_DEVIATION * a;
        if (i + 1 < n)
            centres[i + 1] = CENTRE_DEVIATION * b;
    }
}

void generator_moved(const generator_spec *s, const double *centres,
                     uint64_t position, double *out)
{
    double way = s->drift * s->spread * (double)position;

    for (uint32_t c = 0; c < s->clusters; c++) {
        random_stream r = {.key = random_mix(random_mix(s->seed, 2), c)};
        double *to = out + (size_t)c * s->features, length = 0;
        for (uint32_t j = 0; j < s->features; j++) {
            to[j] = random_normal(&r);
            length += to[j] * to[j];
        }
        for (uint32_t j = 0; j < s->features; j++)
            to[j] = centres[(size_t)c * s->features + j] +
                    (length > 0 ? way * to[j] / sqrt(length) : 0);
    }
}

static inline void put(pe_block *b, size_t at, double value)
{
    if (b->dtype == PE_F8)
        ((double *)b->data)[at] = value;
    else
        ((float *)b->data)[at] = (float)value;
}

static void fill_planted(const generator_spec *s, random_stream *r,
                         pe_block *out, size_t at)
{
    for (uint32_t j = 0; j < s->features; j++)
        put(out, at + j, PLANTED_RANGE * (2.0 * random_uniform(r) - 1.0));
}

static void fill_blob(const generator_spec *s, const double *centre,
                      random_stream *r, pe_block *out, size_t at)
{
    double a, b;

    for (uint32_t j = 0; j < s->features; j += 2) {
        normal_pair(r, &a, &b);
        put(out, at + j, centre[j] + s->spread * a);
        if (j + 1 < s->features)
            put(out, at + j + 1, centre[j + 1] + s->spread * b);
    }
}

void generator_fill(const generator_spec *s, const double *centres, int device,
                    uint64_t position, pe_block *out, unsigned char *labels)
{
    uint64_t key = random_mix(random_mix(s->seed, 1), (uint64_t)device);
    random_stream r = {.key = random_mix(key, position)};

    for (uint32_t i = 0; i < out->points; i++) {
        size_t at = (size_t)i * s->features;
        int planted = random_uniform(&r) < s->outliers;
        if (planted) {
            fill_planted(s, &r, out, at);
        } else {
            uint64_t cluster = random_below(&r, s->clusters);
            fill_blob(s, centres + cluster * s->features, &r, out, at);
        }
        if (labels)
            labels[i] = (unsigned char)planted;
    }
}

bool generator_framed(const pe_options *o)
{
    return pe_options_int(o, "distinct") > 0;
}

static void generator_close(pe_context *ctx)
{
    generator_state *st = pe_context_state(ctx);

    if (!st)
        return;
    for (uint64_t i = 0; st->kept && i < st->n_kept; i++)
        pe_block_release(&st->kept[i]);
    free(st->kept);
    free(st->centres);
    free(st->moved);
    arrivals_trace_free(&st->trace);
    free(st);
    pe_context_set_state(ctx, NULL);
}

/* Points of the block at [position]. */
static uint32_t points_of(pe_context *ctx, const generator_state *st,
                          uint64_t position)
{
    uint64_t key = random_mix(random_mix(st->spec.seed, 3),
                              (uint64_t)pe_context_index(ctx));
    random_stream r = {.key = random_mix(key, position)};
    uint32_t most = pe_context_points(ctx);

    if (st->trace.points)
        return st->trace.points[position % st->trace.n];
    if (st->least == 0)
        return most;
    return st->least + (uint32_t)random_below(&r, most - st->least + 1);
}

/* Make the block at [position] in the storage of [out]. */
static int make_block(pe_context *ctx, const generator_state *st,
                      uint64_t position, pe_block *out)
{
    const double *centres = st->centres;
    pe_error error;

    if (pe_block_reserve(out, points_of(ctx, st, position), st->spec.features,
                         pe_context_dtype(ctx), &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    if (st->spec.drift > 0) {
        generator_moved(&st->spec, st->centres, position, st->moved);
        centres = st->moved;
    }
    generator_fill(&st->spec, centres, pe_context_index(ctx), position, out,
                   NULL);
    return 0;
}

/* Generate the blocks that are cycled through, as frames. */
static int keep_blocks(pe_context *ctx, generator_state *st)
{
    size_t bytes = (size_t)pe_context_points(ctx) * st->spec.features *
                   (size_t)pe_context_dtype(ctx);
    size_t len;

    if (st->n_kept == 0)
        return 0;
    if (bytes > KEPT_BYTES_MAX / st->n_kept)
        return pe_context_fail(ctx,
                               "%llu distinct blocks of %zu bytes are more "
                               "than 1 GiB; set distinct lower",
                               (unsigned long long)st->n_kept, bytes);
    st->kept = calloc(st->n_kept, sizeof(*st->kept));
    if (!st->kept)
        return pe_context_fail(ctx, "out of memory");
    for (uint64_t i = 0; i < st->n_kept; i++) {
        if (make_block(ctx, st, i, &st->kept[i]) < 0)
            return -1;
        npy_frame(&st->kept[i], &len);
    }
    return 0;
}

static void read_options(const pe_options *o, generator_state *st)
{
    st->spec.features = (uint32_t)pe_options_int(o, "features");
    st->spec.clusters = (uint32_t)pe_options_int(o, "clusters");
    st->spec.seed = (uint64_t)pe_options_int(o, "seed");
    st->spec.outliers = pe_options_float(o, "outliers");
    st->spec.spread = pe_options_float(o, "spread");
    st->spec.drift = pe_options_float(o, "drift");
    st->least = (uint32_t)pe_options_int(o, "points-least");
    st->blocks = (uint64_t)pe_options_int(o, "blocks");
    st->n_kept = (uint64_t)pe_options_int(o, "distinct");
}

/* --- when blocks come --- */

static enum arrivals_kind kind_of(const pe_options *o)
{
    static const char *const names[] = {
        [ARRIVALS_CONSTANT] = "constant",
        [ARRIVALS_POISSON] = "poisson",
        [ARRIVALS_BURSTS] = "bursts",
    };
    const char *name = pe_options_string(o, "arrivals");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(names[i], name))
            return (enum arrivals_kind)i;
    return ARRIVALS_TRACE;
}

/* Options that do not go together; 0, or the error of [ctx]. */
static int check_arrivals(pe_context *ctx)
{
    const pe_options *o = pe_context_options(ctx);
    const char *name = pe_options_string(o, "arrivals");
    enum arrivals_kind kind = kind_of(o);
    bool season = pe_options_time(o, "season") > 0;
    double rate = context_rate(ctx);

    if ((kind == ARRIVALS_TRACE) != pe_options_has(o, "path"))
        return pe_context_fail(
            ctx,
            kind == ARRIVALS_TRACE
                ? "arrivals: trace wants a file of them: give path: FILE"
                : "path: the file of a trace wants arrivals: trace with it");
    if (kind == ARRIVALS_TRACE && (rate > 0 || season))
        return pe_context_fail(ctx,
                               "%s: a trace has its own times; leave it out, "
                               "and see speed",
                               season ? "season" : "block: {rate:}");
    if (kind != ARRIVALS_TRACE && rate <= 0 &&
        (season || kind != ARRIVALS_CONSTANT))
        return pe_context_fail(ctx,
                               "%s: it goes by a rate: give block: {rate: "
                               "BLOCKS_A_SECOND}",
                               season ? "season" : name);
    return 0;
}

int generator_check(pe_context *ctx)
{
    const pe_options *o = pe_context_options(ctx);
    int64_t least = pe_options_int(o, "points-least");

    if (check_arrivals(ctx) < 0)
        return -1;
    if (least > pe_context_points(ctx))
        return pe_context_fail(ctx,
                               "points-least: %lld is more than block: "
                               "{points: %u}",
                               (long long)least, pe_context_points(ctx));
    if (pe_options_int(o, "distinct") > 0 &&
        (least > 0 || pe_options_float(o, "drift") > 0))
        return pe_context_fail(ctx,
                               "distinct: blocks that come again do not %s; "
                               "leave one of the two out",
                               least > 0 ? "have points drawn (points-least)"
                                         : "drift");
    return 0;
}

static int open_trace(pe_context *ctx, generator_state *st)
{
    const char *path = pe_options_string(pe_context_options(ctx), "path");
    pe_error e = {0};

    if (!path)
        return 0;
    if (arrivals_trace_read(&st->trace, path, pe_context_points(ctx), &e) < 0)
        return pe_context_fail(ctx, "path: %s", e.text);
    if (st->trace.points && (st->n_kept > 0 || st->least > 0))
        return pe_context_fail(ctx,
                               "%s: the trace %s says how many points each "
                               "block has; leave it out",
                               st->least > 0 ? "points-least" : "distinct",
                               path);
    if (st->blocks == 0)
        st->blocks = st->trace.n;
    return 0;
}

static void say_due(pe_context *ctx, const generator_state *st)
{
    const arrivals *a = &st->arrivals;

    if (a->spec.rate > 0 || a->spec.kind == ARRIVALS_TRACE ||
        (a->spec.after_s > 0 && a->n == 0))
        context_due(ctx, (int64_t)(1e9 * a->due_s));
    else
        context_due(ctx, -1);
}

static void open_arrivals(pe_context *ctx, generator_state *st)
{
    const pe_options *o = pe_context_options(ctx);
    const arrivals_spec spec = {
        .kind = kind_of(o),
        .rate = context_rate(ctx),
        .burst = (double)pe_options_int(o, "burst"),
        .season_s = pe_options_time(o, "season"),
        .peak = pe_options_float(o, "peak"),
        .after_s = pe_options_time(o, "after"),
        .speed = pe_options_float(o, "speed"),
        .key = random_mix(random_mix(st->spec.seed, 4),
                          (uint64_t)pe_context_index(ctx)),
        .position = st->position,
        .trace = &st->trace,
    };

    arrivals_start(&st->arrivals, &spec);
    say_due(ctx, st);
}

/* --- the source --- */

static int generator_open(pe_context *ctx)
{
    generator_state *st = calloc(1, sizeof(*st));
    size_t bytes;

    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    read_options(pe_context_options(ctx), st);
    st->position = pe_context_position(ctx);
    bytes = (size_t)st->spec.clusters * st->spec.features * sizeof(double);
    st->centres = malloc(bytes);
    st->moved = st->spec.drift > 0 ? malloc(bytes) : NULL;
    if (!st->centres || (st->spec.drift > 0 && !st->moved)) {
        pe_context_fail(ctx, "out of memory for %u centres", st->spec.clusters);
        goto error;
    }
    generator_centres(&st->spec, st->centres);
    if (generator_check(ctx) < 0 || open_trace(ctx, st) < 0 ||
        keep_blocks(ctx, st) < 0)
        goto error;
    open_arrivals(ctx, st);
    return 0;
error:
    generator_close(ctx);
    return -1;
}

static int generator_produce(pe_context *ctx, pe_block *out)
{
    generator_state *st = pe_context_state(ctx);

    if (st->blocks > 0 && st->position >= st->blocks)
        return PE_NOTHING;
    if (st->n_kept > 0)
        pe_context_pass(ctx, &st->kept[st->position % st->n_kept], out);
    else if (make_block(ctx, st, st->position, out) < 0)
        return -1;
    st->position++;
    arrivals_next(&st->arrivals);
    say_due(ctx, st);
    return PE_FORWARD;
}

static const pe_option_spec options[] = {
    {"features", PE_OPTION_INT, 1, 65536, "32", NULL, "columns of a point"},
    {"blocks", PE_OPTION_INT, 0, 9007199254740992.0, "128", NULL,
     "blocks each device makes; 0: endless"},
    {"seed", PE_OPTION_INT, 0, 9007199254740992.0, "1", NULL,
     "another seed, other data"},
    {"clusters", PE_OPTION_INT, 1, 65536, "25", NULL, "blobs"},
    {"outliers", PE_OPTION_FLOAT, 0, 1, "0.05", NULL,
     "share of the points that is uniform noise"},
    {"spread", PE_OPTION_FLOAT, 0, 1e6, "0.5", NULL,
     "standard deviation within a blob"},
    {"distinct", PE_OPTION_INT, 0, 65536, "0", NULL,
     "make this many blocks at the start and send them in turn; 0: every "
     "block its own"},
    {"drift", PE_OPTION_FLOAT, 0, 1e6, "0", NULL,
     "way of each blob from block to block, in spreads"},
    {"points-least", PE_OPTION_INT, 0, UINT32_MAX, "0", NULL,
     "draw the points of each block from here to block: {points:}; 0: all "
     "have as many"},
    {"arrivals", PE_OPTION_STRING, 0, 0, "constant",
     "constant poisson bursts trace",
     "when blocks come, by block: {rate:} or a trace"},
    {"burst", PE_OPTION_INT, 1, 1e9, "16", NULL,
     "blocks of a burst, which come at once"},
    {"season", PE_OPTION_TIME, 0, 1e9, "0s", NULL,
     "the rate swells and falls in such a time; 0s: it does not"},
    {"peak", PE_OPTION_FLOAT, 1, 1e6, "4", NULL,
     "highest rate of a season over its lowest; the mean is block: {rate:}"},
    {"after", PE_OPTION_TIME, 0, 1e9, "0s", NULL, "no block comes before"},
    {"path", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "file of recorded arrivals: SECONDS, or SECONDS POINTS, a line"},
    {"speed", PE_OPTION_FLOAT, 1e-6, 1e6, "1", NULL,
     "times as fast as the trace was recorded"},
    {0},
};

const pe_function generator_function = {
    .abi = PE_FUNCTION_ABI,
    .name = "generator",
    .prose = "synthetic data: seeded blobs with planted outliers",
    .options = options,
    .open = generator_open,
    .close = generator_close,
    .produce_edge = generator_produce,
};
