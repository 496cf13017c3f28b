/* iforest.c - streaming isolation forest (Liu, Ting, Zhou 2008).
 *
 * Scores are scikit-learn's -score_samples, 2^(-E(h)/c(psi)), PyOD's unshifted,
 * in (0, 1), high for outliers.  The model keeps a window of sampled rows and
 * a ring of trees, of which the oldest are grown anew as points come.  A tree
 * depends on the seed, its number and the window alone, and a path is a whole
 * number, so neither order nor ranks change a bit.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "src/model/scratch.h"

static const pe_option_spec options[] = {
    {"trees", PE_OPTION_INT, 1, 4096, "100", NULL, "in the ring"},
    {"psi", PE_OPTION_INT, 2, 4096, "256", NULL, "rows a tree is grown from"},
    {"rows", PE_OPTION_INT, 0, 1e6, "0", NULL,
     "sampled rows kept, and points that renew all trees; 0: 10 psi"},
    {"warmup", PE_OPTION_INT, 0, 1e7, "0", NULL,
     "points before the first trees; 0: psi"},
    {"refit", PE_OPTION_BOOL, 0, 0, "false", NULL,
     "score each block by trees grown from it"},
    {"quorum", PE_OPTION_INT, 1, 1e6, "1", NULL,
     "devices whose first deltas make the first model, where they learn"},
    THRESHOLD_OPTIONS,
    {0},
};

/* --- making --- */

static void destroy(pe_model *base)
{
    struct iforest *m = iforest_of(base);

    if (!m)
        return;
    forest_free(&m->forest);
    free(m->shift);
    free(m->window);
    free(m->index);
    free(m->whose);
    free(m->stands);
    pe_buffer_free(&m->waiting.blob);
    warmup_free(&m->warmup);
    threshold_free(&m->threshold);
    free(m);
}

static int allocate(struct iforest *m, uint32_t trees, uint32_t features,
                    pe_error *errp)
{
    if (features > UINT16_MAX)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "iforest: %u features; it takes %d", features,
                            UINT16_MAX);
    m->base.features = features;
    m->width = features < FOREST_PACKED ? FOREST_PACKED : features;
    m->shift = calloc(features, sizeof(*m->shift));
    m->window = calloc(m->cap * m->width, sizeof(*m->window));
    m->index = calloc(m->cap, sizeof(*m->index));
    m->whose = calloc(trees, sizeof(*m->whose));
    m->stands = calloc(trees, sizeof(*m->stands));
    if (!m->shift || !m->window || !m->index || !m->whose || !m->stands)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < m->cap; i++)
        m->index[i] = (uint32_t)i;
    return forest_create(&m->forest, trees, forest_depth(m->psi), features,
                         errp);
}

static pe_model *create(const pe_options *o, uint32_t features, pe_error *errp)
{
    struct iforest *m = calloc(1, sizeof(*m));

    if (!m) {
        pe_error_nomem(errp);
        return NULL;
    }
    m->psi = (uint32_t)pe_options_int(o, "psi");
    m->cap = (size_t)pe_options_int(o, "rows");
    if (m->cap < m->psi)
        m->cap = m->cap ? m->psi : 10 * (size_t)m->psi;
    m->warmup.want = (size_t)pe_options_int(o, "warmup");
    if (m->warmup.want < 2)
        m->warmup.want = m->warmup.want ? 2 : m->psi;
    m->refit = pe_options_bool(o, "refit");
    m->quorum = (uint32_t)pe_options_int(o, "quorum");
    m->base.warming = true;
    m->base.threshold = NAN;
    if (allocate(m, (uint32_t)pe_options_int(o, "trees"), features, errp) ==
            0 &&
        threshold_create(&m->threshold, o, errp) == 0)
        return &m->base;
    destroy(&m->base);
    return NULL;
}

/* --- deltas --- */

void iforest_work_destroy(void *work)
{
    struct iforest_work *w = work;

    if (!w)
        return;
    sample_free(&w->sample);
    sample_free(&w->one);
    forest_free(&w->own);
    free(w->index);
    pe_model_destroy(w->after);
    pe_model_destroy(w->home);
    free(w);
}

static int fill_work(const struct iforest *m, struct iforest_work *w,
                     pe_error *errp)
{
    const struct forest *f = &m->forest;

    if (sample_create(&w->sample, m->cap, m->width, errp) < 0)
        return -1;
    if (m->refit)
        return forest_create(&w->own, f->trees, f->depth, f->features, errp);
    if (!m->base.score_after)
        return 0;
    w->after = pe_model_copy(&m->base, errp);
    return w->after ? sample_create(&w->one, m->cap, m->width, errp) : -1;
}

static int delta_init(const pe_model *base, pe_delta *d, pe_error *errp)
{
    const struct iforest *m = iforest_cof(base);
    struct iforest_work *w = d->work;

    d->n_sum = d->n_tag = 0;
    d->n_count = base->warming ? 0 : threshold_lanes(&m->threshold);
    if (pe_delta_alloc(d, errp) < 0)
        return -1;
    if (base->warming)
        return 0;
    if (!w) {
        w = calloc(1, sizeof(*w));
        if (!w)
            return pe_error_nomem(errp);
        if (fill_work(m, w, errp) < 0) {
            iforest_work_destroy(w);
            return -1;
        }
        d->work = w;
        d->work_destroy = iforest_work_destroy;
    }
    w->sample.n = 0;
    return 0;
}

/* Scores of the forest that the block leads to, whatever else this rank has
 * seen.
 */
static int score_after(const struct iforest *m, struct iforest_work *w,
                       const pe_block *b, float *scores, pe_error *errp)
{
    struct iforest *after = iforest_of(w->after);

    forest_copy(&after->forest, &m->forest);
    memcpy(after->window, m->window, m->cap * m->width * sizeof(*m->window));
    memcpy(after->shift, m->shift, m->base.features * sizeof(*m->shift));
    after->rows = m->rows;
    after->next = m->next;
    after->grown = m->grown;
    after->ring = m->ring;
    after->sampled = m->sampled;
    w->one.n = 0;
    if (iforest_offer(m, &w->one, b, errp) < 0 ||
        iforest_absorb(after, &w->one, b->points, errp) < 0)
        return -1;
    return iforest_scores(after, &after->forest, after->sampled, b, scores,
                          errp);
}

static int score(const pe_model *base, const pe_block *b, float *scores,
                 pe_error *errp)
{
    const struct iforest *m = iforest_cof(base);

    return iforest_scores(m, &m->forest, m->sampled, b, scores, errp);
}

static int make_scores(const struct iforest *m, struct iforest_work *w,
                       const pe_block *b, float *scores, pe_error *errp)
{
    if (m->refit)
        return iforest_refit(m, w, b, scores, errp);
    /* Without rows there is nothing to renew trees from: they are devices'. */
    if (m->base.score_after && m->rows > 0)
        return score_after(m, w, b, scores, errp);
    return score(&m->base, b, scores, errp);
}

static int update(const pe_model *base, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp)
{
    const struct iforest *m = iforest_cof(base);
    struct iforest_work *w = d->work;

    if (base->warming)
        return warmup_update(base, d, b, scores, errp);
    if (!scores)
        scores =
            model_scratch(SCRATCH_SCORES, b->points * sizeof(*scores), errp);
    /* The steps that can fail come first. */
    if (!scores || threshold_reserve(&m->threshold, d, b, errp) < 0 ||
        make_scores(m, w, b, scores, errp) < 0 ||
        iforest_offer(m, &w->sample, b, errp) < 0)
        return -1;
    threshold_fold(&m->threshold, d, d->count, b, scores);
    pe_delta_count(d, base, scores, b->points);
    return 0;
}

static int seal(const pe_model *base, pe_delta *d, pe_error *errp)
{
    const struct iforest *m = iforest_cof(base);
    struct iforest_work *w = d->work;

    if (base->warming)
        return 0;
    return sample_put(&w->sample, m->shift, base->features, d, errp);
}

static bool full(const pe_model *base, const pe_delta *d)
{
    return warmup_full(&iforest_cof(base)->warmup, base, d);
}

const pe_model_ops iforest_ops = {
    .abi = PE_MODEL_ABI,
    .name = "iforest",
    .prose = "isolation forest: how soon random splits isolate a point",
    .options = options,
    .flags = PE_MODEL_UNALIGNED,
    .create = create,
    .destroy = destroy,
    .delta_init = delta_init,
    .update = update,
    .score = score,
    .seal = seal,
    .veil = iforest_veil,
    .remember = iforest_remember,
    .admit = iforest_admit,
    .merge_blob = item_merge,
    .full = full,
    .apply = iforest_apply,
    .fit = iforest_fit,
    .encode = iforest_encode,
    .decode = iforest_decode,
};
