/* autoencoder.c - streaming auto-encoder: PyOD's net, learned by the block.
 *
 * Rows are standardised, pass through dense layers and are compared with what
 * comes out; the score is the distance between the two.  A block is learned
 * from in batches by Adam, whose state goes on from block to block.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/model/items.h"
#include "src/model/scratch.h"

static const pe_option_spec options[] = {
    {"preset", PE_OPTION_STRING, 0, 0, "default", "default pyod2021",
     "pyod2021: sigmoid output, activity penalty 0.1, a tenth held out"},
    {"hidden", PE_OPTION_STRING, 0, 0, "64,32,32,64", NULL,
     "widths of the hidden layers"},
    {"batch", PE_OPTION_INT, 1, NET_BATCH_MAX, "32", NULL,
     "rows of a step of Adam"},
    {"passes", PE_OPTION_INT, 1, 10000, "1", NULL, "times over each block"},
    {"rate", PE_OPTION_FLOAT, 0, 1, "0.001", NULL, "of learning"},
    {"dropout", PE_OPTION_FLOAT, 0, 0.95, "0.2", NULL,
     "share of hidden units left out of a step"},
    {"output", PE_OPTION_STRING, 0, 0, NULL, "linear sigmoid",
     "default: the preset's"},
    {"penalty", PE_OPTION_FLOAT, 0, 1000, NULL, NULL,
     "of activity; default: the preset's"},
    {"holdout", PE_OPTION_FLOAT, 0, 0.9, NULL, NULL,
     "share of a block not learned from; default: the preset's"},
    {"scaler", PE_OPTION_STRING, 0, 0, "running", "running frozen",
     "frozen: as the warm-up left it"},
    {"warmup", PE_OPTION_INT, 2, 1e7, "1000", NULL,
     "rows that the first scaler is made of"},
    THRESHOLD_OPTIONS,
    {0},
};

/* --- making --- */

static void destroy(pe_model *m)
{
    struct autoencoder *a = autoencoder_of(m);

    if (!a)
        return;
    net_state_free(&a->state);
    scaler_free(&a->scaler);
    free(a->mean);
    free(a->inverse);
    warmup_free(&a->warmup);
    threshold_free(&a->threshold);
    free(a);
}

/* "64,32,32,64" */
static int read_hidden(const char *text, uint32_t *widths, uint32_t *np,
                       pe_error *errp)
{
    *np = 0;
    for (const char *p = text; *p;) {
        char *end;
        long v = strtol(p, &end, 10);

        if (end == p || v < 1 || v > 4096 || *np == NET_LAYERS_MAX ||
            (*end && (*end != ',' || !end[1])))
            return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                                "hidden: '%s' is not a list of widths as "
                                "64,32,32,64, each 1 to 4096",
                                text);
        widths[(*np)++] = (uint32_t)v;
        p = *end ? end + 1 : end;
    }
    return 0;
}

static int check_preset(uint32_t features, const uint32_t *hidden, uint32_t n,
                        pe_error *errp)
{
    uint32_t least = n ? hidden[0] : 0;

    for (uint32_t i = 1; i < n; i++)
        least = hidden[i] < least ? hidden[i] : least;
    if (least <= features)
        return 0;
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "autoencoder: preset pyod2021 takes no hidden layer "
                        "wider than the data: %u features, and the narrowest "
                        "has %u; set 'hidden', or use preset default",
                        features, least);
}

static double option_or(const pe_options *o, const char *name, double other)
{
    return pe_options_has(o, name) ? pe_options_float(o, name) : other;
}

static int describe(struct autoencoder *a, const pe_options *o,
                    uint32_t features, pe_error *errp)
{
    bool pyod = !strcmp(pe_options_string(o, "preset"), "pyod2021");
    const char *output = pyod ? "sigmoid" : "linear";
    uint32_t hidden[NET_LAYERS_MAX], n;

    if (read_hidden(pe_options_string(o, "hidden"), hidden, &n, errp) < 0)
        return -1;
    if (pyod && check_preset(features, hidden, n, errp) < 0)
        return -1;
    if (pe_options_has(o, "output"))
        output = pe_options_string(o, "output");
    a->net.sigmoid = !strcmp(output, "sigmoid");
    a->net.keep = (float)(1 - pe_options_float(o, "dropout"));
    a->net.l2 = (float)option_or(o, "penalty", pyod ? 0.1 : 0);
    a->net.rate = (float)pe_options_float(o, "rate");
    a->holdout = option_or(o, "holdout", pyod ? 0.1 : 0);
    a->batch = (uint32_t)pe_options_int(o, "batch");
    a->passes = (uint32_t)pe_options_int(o, "passes");
    a->frozen = !strcmp(pe_options_string(o, "scaler"), "frozen");
    a->warmup.want = (size_t)pe_options_int(o, "warmup");
    return net_shape(&a->net, features, hidden, n, errp);
}

static int allocate(struct autoencoder *a, uint32_t features, pe_error *errp)
{
    a->base.features = features;
    a->mean = calloc(features, sizeof(double));
    a->inverse = calloc(features, sizeof(double));
    if (!a->mean || !a->inverse)
        return pe_error_nomem(errp);
    for (uint32_t f = 0; f < features; f++)
        a->inverse[f] = 1;
    if (scaler_create(&a->scaler, features, errp) < 0)
        return -1;
    return net_state_create(&a->state, &a->net, errp);
}

static pe_model *create(const pe_options *o, uint32_t features, pe_error *errp)
{
    struct autoencoder *a = calloc(1, sizeof(*a));

    if (!a) {
        pe_error_nomem(errp);
        return NULL;
    }
    a->base.warming = true;
    a->base.threshold = NAN;
    if (describe(a, o, features, errp) == 0 &&
        allocate(a, features, errp) == 0 &&
        threshold_create(&a->threshold, o, errp) == 0)
        return &a->base;
    destroy(&a->base);
    return NULL;
}

/* --- deltas --- */

static void work_destroy(void *work)
{
    struct autoencoder_work *w = work;

    net_state_free(&w->state);
    free(w);
}

/* The copy that is trained starts from the base. */
static int begin_work(const struct autoencoder *a, pe_delta *d, pe_error *errp)
{
    struct autoencoder_work *w = d->work;

    if (!w) {
        w = calloc(1, sizeof(*w));
        if (!w)
            return pe_error_nomem(errp);
        if (net_state_create(&w->state, &a->net, errp) < 0) {
            free(w);
            return -1;
        }
        d->work = w;
        d->work_destroy = work_destroy;
    }
    net_state_copy(&w->state, &a->state, &a->net);
    w->rows = 0;
    return 0;
}

static int delta_init(const pe_model *base, pe_delta *d, pe_error *errp)
{
    const struct autoencoder *a = autoencoder_cof(base);
    bool warm = !base->warming;

    d->n_sum = warm ? 3 * a->net.params + LANE_COUNT +
                          SCALER_LANES * (size_t)base->features
                    : 0;
    d->n_count = warm ? threshold_lanes(&a->threshold) : 0;
    d->n_tag = warm ? base->features : 0;
    if (pe_delta_alloc(d, errp) < 0)
        return -1;
    if (!warm)
        return 0;
    scaler_tag(a, d);
    return begin_work(a, d, errp);
}

static int score(const pe_model *m, const pe_block *b, float *scores,
                 pe_error *errp)
{
    const struct autoencoder *a = autoencoder_cof(m);

    return autoencoder_scores(a, a->state.w, b, scores, errp);
}

static int update(const pe_model *base, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp)
{
    const struct autoencoder *a = autoencoder_cof(base);

    if (base->warming)
        return warmup_update(base, d, b, scores, errp);
    if (!scores)
        scores =
            model_scratch(SCRATCH_SCORES, b->points * sizeof(*scores), errp);
    /* The steps that can fail come first. */
    if (!scores || threshold_reserve(&a->threshold, d, b, errp) < 0 ||
        autoencoder_train(a, d->work, b, scores, errp) < 0)
        return -1;
    threshold_fold(&a->threshold, d, d->count, b, scores);
    if (!a->frozen)
        scaler_fold(a, d, b, scores);
    pe_delta_count(d, base, scores, b->points);
    return 0;
}

static bool full(const pe_model *base, const pe_delta *d)
{
    return warmup_full(&autoencoder_cof(base)->warmup, base, d);
}

const pe_model_ops autoencoder_ops = {
    .abi = PE_MODEL_ABI,
    .name = "autoencoder",
    .prose = "distance of a point to what a small net makes of it",
    .options = options,
    .flags = PE_MODEL_UNALIGNED,
    .create = create,
    .destroy = destroy,
    .delta_init = delta_init,
    .update = update,
    .score = score,
    .seal = autoencoder_seal,
    .rebase = autoencoder_rebase,
    .merge_blob = item_merge,
    .align_lanes = scaler_align,
    .full = full,
    .apply = autoencoder_apply,
    .veil = autoencoder_veil,
    .admit = autoencoder_admit,
    .encode = autoencoder_encode,
    .decode = autoencoder_decode,
};
