/* generator.c - built-in source: Mini-App data, seeded and re-readable. */
#include "generator.h"

#include <math.h>
#include <stdlib.h>

#include "src/block/npy.h"
#include "src/common/random.h"
#include "src/function/builtin.h"

#define CENTRE_DEVIATION 2.0 /* N(0, 4 I) */
#define PLANTED_RANGE 4.0
#define KEPT_BYTES_MAX ((size_t)1 << 30) /* of pre-generated blocks */

typedef struct generator_state {
    generator_spec spec;
    double *centres;
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
    free(st);
    pe_context_set_state(ctx, NULL);
}

/* Make the block at [position] in the storage of [out]. */
static int make_block(pe_context *ctx, const generator_state *st,
                      uint64_t position, pe_block *out)
{
    pe_error error;

    if (pe_block_reserve(out, pe_context_points(ctx), st->spec.features,
                         pe_context_dtype(ctx), &error) < 0)
        return pe_context_fail(ctx, "%s", error.text);
    generator_fill(&st->spec, st->centres, pe_context_index(ctx), position, out,
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
    st->blocks = (uint64_t)pe_options_int(o, "blocks");
    st->n_kept = (uint64_t)pe_options_int(o, "distinct");
}

static int generator_open(pe_context *ctx)
{
    generator_state *st = calloc(1, sizeof(*st));

    if (!st)
        return pe_context_fail(ctx, "out of memory");
    pe_context_set_state(ctx, st);
    read_options(pe_context_options(ctx), st);
    st->position = pe_context_position(ctx);
    st->centres = calloc((size_t)st->spec.clusters * st->spec.features,
                         sizeof(*st->centres));
    if (!st->centres) {
        pe_context_fail(ctx, "out of memory for %u centres", st->spec.clusters);
        goto error;
    }
    generator_centres(&st->spec, st->centres);
    if (keep_blocks(ctx, st) < 0)
        goto error;
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
