/* python.c - a model that is an object of Python: one rank holds it, learns
 * from block after block, and its state, as it pickles itself, is committed.
 *
 * A delta is the state behind its blocks, so it belongs to the base it began
 * with and to no other, and epochs are counted (PE_MODEL_ORDER).  Its blocks
 * are kept until it is sealed: where user code fails in the middle of one, or
 * the program dies, the object is put together again from the base.
 */
#include <pilot/model.h>

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "models/python/talk.h"
#include "src/model/items.h"
#include "src/model/safetensors.h"
#include "src/model/threshold.h"

#define TRIES 2 /* the first death may have been another's doing */
#define ITEM_STATE ITEM_OWN

struct python {
    pe_model base;
    pe_buffer state; /* "": none yet */
    struct threshold threshold;
};

/* Blocks of a delta. */
struct work {
    uint64_t delta; /* its name */
    pe_block *blocks;
    size_t n, cap;
    pe_buffer answer; /* its memory is used again */
};

static const struct python *python_of(const pe_model *m)
{
    return (const struct python *)m;
}

/* --- made and unmade --- */

static void destroy(pe_model *m)
{
    struct python *p = (struct python *)m;

    if (!p)
        return;
    pe_buffer_free(&p->state);
    threshold_free(&p->threshold);
    free(p);
}

static pe_model *create(const pe_options *o, uint32_t features, pe_error *errp)
{
    struct python *p;

    (void)features;
    if (!pe_options_has(o, "object")) {
        pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_CONFIG,
                     "python: option object is not given; set it to "
                     "MODULE:NAME or FILE.py:NAME, what makes the object");
        return NULL;
    }
    p = calloc(1, sizeof(*p));
    if (!p) {
        pe_error_nomem(errp);
        return NULL;
    }
    p->base.warming = true;
    p->base.threshold = NAN;
    if (threshold_create(&p->threshold, o, errp) == 0)
        return &p->base;
    destroy(&p->base);
    return NULL;
}

static int set_state(struct python *p, const void *data, size_t len,
                     pe_error *errp)
{
    p->state.len = 0;
    return pe_buffer_append(&p->state, data, len, errp);
}

/* --- deltas --- */

static void work_clear(struct work *w)
{
    for (size_t i = 0; i < w->n; i++)
        pe_block_release(&w->blocks[i]);
    w->n = 0;
}

static void work_destroy(void *arg)
{
    struct work *w = arg;

    work_clear(w);
    free(w->blocks);
    pe_buffer_free(&w->answer);
    free(w);
}

static int delta_init(const pe_model *base, pe_delta *d, pe_error *errp)
{
    static atomic_uint_fast64_t names;
    struct work *w = d->work;

    d->n_count = threshold_lanes(&python_of(base)->threshold);
    if (!w) {
        w = d->work = calloc(1, sizeof(*w));
        d->work_destroy = work_destroy;
        if (!w)
            return pe_error_nomem(errp);
    }
    work_clear(w);
    w->delta = ++names;
    return pe_delta_alloc(d, errp);
}

/* Room for one block more, and a copy of [b] in it, which does not count yet.
 */
static int work_keep(struct work *w, const pe_block *b, pe_error *errp)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 16;
        pe_block *more = realloc(w->blocks, cap * sizeof(*more));

        if (!more)
            return pe_error_nomem(errp);
        w->blocks = more;
        w->cap = cap;
    }
    w->blocks[w->n] = (pe_block){0};
    return pe_block_copy(&w->blocks[w->n], b, errp);
}

static enum talk_verb verb_of(const pe_model *base)
{
    return base->score_after ? TALK_AFTER : TALK_LEARN;
}

/* --- where the object stands --- */

/* Its program has the state of [p], on which nothing was put, or blocks. */
static bool stands_on(const talk *t, const struct python *p)
{
    return t->process && t->known && t->state.len == p->state.len &&
           (p->state.len == 0 ||
            !memcmp(t->state.data, p->state.data, p->state.len));
}

/* The program has the [len] bytes at [data] now. */
static int stand(talk *t, const void *data, size_t len, pe_error *errp)
{
    t->state.len = 0;
    t->delta = 0;
    t->n = 0;
    t->known = pe_buffer_append(&t->state, data, len, errp) == 0;
    return t->known ? 0 : -1;
}

static enum talk_step load(talk *t, const struct python *p, pe_buffer *answer,
                           pe_error *errp)
{
    enum talk_step step = talk_ask(
        t, &(talk_question){TALK_LOAD, NULL, p->state.data, p->state.len},
        answer, errp);

    t->known = false;
    if (step == TALK_DONE && stand(t, p->state.data, p->state.len, errp) < 0)
        return TALK_REFUSES;
    /* No block is to blame for an object that cannot be made. */
    if (step == TALK_REFUSES && errp) {
        errp->kind = PE_ERROR_FATAL;
        errp->exit_code = PE_EXIT_CONFIG;
    }
    return step;
}

/* The object is the base's, with the blocks of [w] put on it. */
static enum talk_step bring(talk *t, const struct python *p, struct work *w,
                            pe_error *errp)
{
    enum talk_step step;

    if (stands_on(t, p) && t->n == w->n && (t->n == 0 || t->delta == w->delta))
        return TALK_DONE;
    step = load(t, p, &w->answer, errp);
    for (size_t i = 0; step == TALK_DONE && i < w->n; i++) {
        step = talk_ask(
            t, &(talk_question){verb_of(&p->base), &w->blocks[i], NULL, 0},
            &w->answer, errp);
        t->n += step == TALK_DONE;
    }
    t->delta = w->delta;
    return step;
}

/* Ask [q] of the object of now; what is lost by a death is done again. */
static int ask(const struct python *p, struct work *w, const talk_question *q,
               pe_error *errp)
{
    talk *t = talk_take(p->base.options, true, errp);
    enum talk_step step = TALK_DIED;
    pe_error e = {0};

    if (!t)
        return -1;
    for (int i = 0; i < TRIES && step == TALK_DIED; i++) {
        e = (pe_error){0};
        step = bring(t, p, w, &e);
        if (step == TALK_DONE)
            step = talk_ask(t, q, &w->answer, &e);
    }
    if (step == TALK_DONE && q->b) {
        t->delta = w->delta;
        t->n++;
    }
    if (step == TALK_DONE && !q->b && /* its state: what comes begins there */
        stand(t, w->answer.data, w->answer.len, &e) < 0)
        step = TALK_REFUSES;
    talk_drop(t);
    if (step != TALK_DONE && errp)
        *errp = e;
    return step == TALK_DONE ? 0 : -1;
}

/* --- blocks --- */

/* The scores that were answered. */
static int take_scores(const pe_buffer *answer, float *scores, uint32_t points,
                       pe_error *errp)
{
    if (answer->len != points * sizeof(*scores))
        return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                            "python: %zu bytes of scores for %u points",
                            answer->len, points);
    memcpy(scores, answer->data, answer->len);
    return 0;
}

/* How many of the rows of [b] are masked: a value is not finite. */
static void count(pe_delta *d, const pe_model *base, const pe_block *b,
                  const float *scores)
{
    for (uint32_t i = 0; i < b->points; i++) {
        bool there = true;

        for (uint32_t k = 0; there && k < b->features; k++)
            there = isfinite(pe_block_at(b, i, k)) != 0;
        d->points += there;
        d->masked += !there;
        d->outliers += (double)scores[i] > base->threshold;
    }
}

static int update(const pe_model *base, pe_delta *d, const pe_block *b,
                  float *scores, pe_error *errp)
{
    const struct python *p = python_of(base);
    struct work *w = d->work;
    float *own = malloc(b->points * sizeof(*own));
    int rc = -1;

    if (!own)
        return pe_error_nomem(errp);
    if (threshold_reserve(&p->threshold, d, b, errp) < 0 ||
        work_keep(w, b, errp) < 0)
        goto done;
    if (ask(p, w, &(talk_question){verb_of(base), b, NULL, 0}, errp) < 0 ||
        take_scores(&w->answer, own, b->points, errp) < 0) {
        pe_block_release(&w->blocks[w->n]);
        goto done;
    }
    w->n++;
    threshold_fold(&p->threshold, d, d->count, b, own);
    for (uint32_t i = 0; base->warming && i < b->points; i++)
        own[i] = NAN; /* there was no model that is committed */
    count(d, base, b, own);
    if (scores)
        memcpy(scores, own, b->points * sizeof(*own));
    rc = 0;
done:
    free(own);
    return rc;
}

static int score(const pe_model *m, const pe_block *b, float *scores,
                 pe_error *errp)
{
    const struct python *p = python_of(m);
    talk *t = talk_take(m->options, false, errp);
    enum talk_step step = TALK_DIED;
    pe_buffer answer = {0};
    pe_error e = {0};

    if (!t)
        return -1;
    for (int i = 0; i < TRIES && step == TALK_DIED; i++) {
        e = (pe_error){0};
        step = TALK_DONE;
        if (!stands_on(t, p))
            step = load(t, p, &answer, &e);
        if (step == TALK_DONE)
            step = talk_ask(t, &(talk_question){TALK_SCORE, b, NULL, 0},
                            &answer, &e);
    }
    if (step == TALK_DONE && take_scores(&answer, scores, b->points, &e) < 0)
        step = TALK_REFUSES;
    talk_drop(t);
    pe_buffer_free(&answer);
    if (step == TALK_DONE)
        return 0;
    if (errp)
        *errp = e;
    return -1;
}

/* --- from the rank into the model --- */

static int seal(const pe_model *base, pe_delta *d, pe_error *errp)
{
    struct work *w = d->work;
    unsigned char *to;
    uint64_t len;
    size_t all;
    int rc;

    if (w->n == 0)
        return 0;
    rc = ask(python_of(base), w, &(talk_question){TALK_STATE, NULL, NULL, 0},
             errp);
    work_clear(w);
    if (rc < 0) {
        if (errp)
            errp->kind = PE_ERROR_FATAL;
        return -1;
    }
    len = w->answer.len;
    all = (len + 15) / 8 * 8; /* its length, and whole words */
    to = item_reserve(d, ITEM_STATE, all, errp);
    if (!to)
        return -1;
    memset(to, 0, all);
    memcpy(to, &len, 8);
    memcpy(to + 8, w->answer.data, len);
    item_commit(d, all);
    return 0;
}

static int apply(pe_model *m, const pe_delta *d, pe_error *errp)
{
    struct python *p = (struct python *)m;
    const unsigned char *payload;
    struct item item;
    size_t at = 0, states = 0;

    while (item_next(d->blob.data, d->blob.len, &at, &item, &payload)) {
        uint64_t len = 0;

        if (item.kind != ITEM_STATE)
            continue;
        if (item.len >= 8)
            memcpy(&len, payload, 8);
        if (item.len < 8 || len > item.len - 8 || states++)
            return pe_error_set(errp, PE_ERROR_FATAL, PE_EXIT_FAILED,
                                "python: an epoch has more than one state, "
                                "and one rank alone may learn");
        if (set_state(p, payload + 8, (size_t)len, errp) < 0)
            return -1;
    }
    m->points += d->points;
    m->warming = m->warming && states == 0;
    return threshold_apply(&p->threshold, m, d, d->count, errp);
}

/* --- its file --- */

/* Bytes travel as whole words, for there is no type of single ones. */
static int encode(const pe_model *m, pe_tensors *t, pe_error *errp)
{
    const struct python *p = python_of(m);
    size_t words = (p->state.len + 7) / 8;
    const tensor_form form = {TENSOR_U64, 1, {words}};
    uint64_t *padded = calloc(words + 1, sizeof(*padded));
    int rc = -1;

    if (!padded)
        return pe_error_nomem(errp);
    if (p->state.len)
        memcpy(padded, p->state.data, p->state.len);
    if (pe_tensors_put_u64(t, "state_bytes", p->state.len, errp) == 0 &&
        pe_tensors_put(t, "state", &form, padded, errp) == 0)
        rc = threshold_encode(&p->threshold, t, errp);
    free(padded);
    return rc;
}

static int decode(pe_model *m, const pe_tensors *t, pe_error *errp)
{
    struct python *p = (struct python *)m;
    uint64_t words, len;
    const void *state = pe_tensors_get(t, "state", TENSOR_U64, 1, &words, errp);

    if (!state || pe_tensors_u64(t, "state_bytes", &len, errp) < 0)
        return -1;
    if (len > words * 8 || words * 8 - len >= 8 || (len == 0 && !m->warming))
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "not a model file: a state of %llu bytes in %llu "
                            "words",
                            (unsigned long long)len, (unsigned long long)words);
    if (len > 0 && set_state(p, state, (size_t)len, errp) < 0)
        return -1;
    return threshold_decode(&p->threshold, t, errp);
}

static const pe_option_spec options[] = {
    {"object", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "MODULE:NAME or FILE.py:NAME: what makes the object, with partial_fit and "
     "score_samples, or its like"},
    {"python", PE_OPTION_STRING, 0, 0, "python3", NULL,
     "the Python that has pilot_edge, NumPy, and what the object needs"},
    {"folder", PE_OPTION_STRING, 0, 0, NULL, NULL,
     "where it starts, and finds FILE.py"},
    {"limit", PE_OPTION_TIME, 0.001, 86400, "5m", NULL,
     "longest time from a block, or a commit, to its answer"},
    {"most", PE_OPTION_SIZE, 1024, 268435456, "64MiB", NULL,
     "the largest state, pickled"},
    {"window", PE_OPTION_INT, 100, 1e12, "10000", NULL,
     "points the threshold looks back on"},
    {"threshold", PE_OPTION_STRING, 0, 0, "exact", "stream exact",
     "how it is found: all scores, or, where none is below 0, buckets 1.6% "
     "wide"},
    {0},
};

const pe_model_ops python_ops = {
    .abi = PE_MODEL_ABI,
    .name = "python",
    .prose = "an object of Python, which one rank holds",
    .options = options,
    .flags = PE_MODEL_ORDER,
    .create = create,
    .destroy = destroy,
    .delta_init = delta_init,
    .update = update,
    .score = score,
    .seal = seal,
    .merge_blob = item_merge,
    .apply = apply,
    .encode = encode,
    .decode = decode,
};
