/* test_federate.c - models that learn on devices, and what a rank makes of it.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blobs.h"
#include "learner.h"
#include "oracle.h"
#include "src/federate/delta.h"
#include "src/federate/learner.h"
#include "src/federate/merge.h"

enum { D = 8, N = 200, DEVICES = 4, SEED = 11, LEAST = 5 };

/* A run without its services: devices, and the model of all. */
typedef struct fed {
    const char *kind;
    pe_options *options;
    pe_model *m;
    learner *device[DEVICES];
    uint64_t seq[DEVICES];
    size_t bytes;  /* of the largest delta behind the first of each device */
    uint64_t rows; /* that were merged */
    bool leaked;   /* a delta had a value of a row */
} fed;

static const char *const words[][12] = {
    {"kmeans", "clusters", "25", "contamination", "0.05", NULL},
    {"autoencoder", "contamination", "0.05", NULL},
    {"iforest", "contamination", "0.05", NULL},
};

static void fed_open(fed *f, const char *const *w, const char *name,
                     const char *value)
{
    static const char *const names[DEVICES] = {"d0", "d1", "d2", "d3"};

    memset(f, 0, sizeof(*f));
    f->kind = w[0];
    f->options = pe_model_options(w[0], NULL);
    for (w++; *w; w += 2)
        CU_ASSERT_EQUAL(pe_options_set(f->options, w[0], w[1], NULL), 0);
    if (name)
        CU_ASSERT_EQUAL(pe_options_set(f->options, name, value, NULL), 0);
    f->m = pe_model_create(f->kind, f->options, D, NULL);
    for (int i = 0; i < DEVICES; i++)
        f->device[i] = learner_create(&(learner_conf){.stage = names[i],
                                                      .kind = f->kind,
                                                      .options = f->options,
                                                      .least = LEAST,
                                                      .number = i,
                                                      .within_s = 3600},
                                      NULL);
}

static void fed_close(fed *f)
{
    for (int i = 0; i < DEVICES; i++)
        learner_destroy(f->device[i]);
    pe_model_destroy(f->m);
    pe_options_destroy(f->options);
}

/* --- no row in it --- */

static bool has(const unsigned char *in, size_t len, const void *what, size_t n)
{
    return memmem(in, len, what, n) != NULL;
}

/* A value of a row as a double, or two of them side by side as floats. */
static bool leaks(const pe_block *b, const learner_delta *delta)
{
    for (uint32_t i = 0; i < b->points; i += 7)
        for (uint32_t k = 0; k + 1 < b->features; k++) {
            double v = pe_block_at(b, i, k);
            float pair[2] = {(float)v, (float)pe_block_at(b, i, k + 1)};

            if (has(delta->data, delta->len, &v, sizeof(v)) ||
                has(delta->data, delta->len, pair, sizeof(pair)))
                return true;
        }
    return false;
}

/* --- a device, and a rank --- */

/* Device [i] learns from block [number] of all. */
static void fed_block(fed *f, int i, int64_t number, uint32_t points,
                      pe_block *b)
{
    pe_error e = {0};

    blobs_fill(b, points, D, PE_F8, SEED, number, NULL);
    b->seq = f->seq[i]++;
    b->has_seq = 1;
    CU_ASSERT_EQUAL(
        learner_fold(f->device[i], f->m->version ? f->m : NULL, b, &e), 0);
    UNIT_EQUAL(e.text, "");
}

static source_item item_of(const learner_delta *delta, int i, int64_t offset)
{
    static const char *const names[DEVICES] = {"d0", "d1", "d2", "d3"};

    return (source_item){.raw = delta->data,
                         .raw_len = delta->len,
                         .is_delta = true,
                         .first = delta->first,
                         .block = {.device = names[i],
                                   .partition = i,
                                   .offset = offset,
                                   .boot = 1,
                                   .seq = delta->last,
                                   .version = delta->version,
                                   .points = (uint32_t)delta->rows,
                                   .features = delta->features}};
}

/* What device [i] has learned goes into the model of all; 1: it had any. */
static int fed_sync(fed *f, int i, const pe_block *last)
{
    learner_delta delta;
    params_counters add = {0};
    pe_error e = {0};
    int64_t points = 0;
    pe_delta *d;
    int rc = learner_cut(f->device[i], 1, &delta, &e);

    UNIT_EQUAL(e.text, "");
    if (rc <= 0)
        return rc;
    f->leaked = f->leaked || (last && leaks(last, &delta));
    if (delta.version && delta.len > f->bytes)
        f->bytes = delta.len;
    d = pe_delta_create(f->m, NULL);
    source_item r = item_of(&delta, i, (int64_t)f->seq[i]);
    points = federate_merge(f->m, d, &r, 0, &add, &e);
    CU_ASSERT_TRUE(points >= 0);
    UNIT_EQUAL(e.text, "");
    f->rows += add.points;
    CU_ASSERT_EQUAL(pe_delta_seal(f->m, d, &e), 0);
    CU_ASSERT_EQUAL(pe_model_apply(f->m, d, &e), 0);
    UNIT_EQUAL(e.text, "");
    f->m->version++;
    pe_delta_destroy(d);
    return 1;
}

static double auc_of(const pe_model *m)
{
    enum { ROWS = 4000 };
    unsigned char *label = malloc(ROWS);
    float *scores = malloc(ROWS * sizeof(*scores));
    pe_block b = {0};
    double auc;

    blobs_fill(&b, ROWS, D, PE_F8, SEED, 1 << 20, label);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, scores, NULL), 0);
    auc = oracle_auc(scores, label, ROWS);
    pe_block_release(&b);
    free(scores);
    free(label);
    return auc;
}

/* --- the tests --- */

/* All blocks by one model in one place. */
static pe_model *central(const char *const *w, int blocks)
{
    pe_model *m = learner_make(w[0], D, w + 1);
    pe_block b = {0};

    for (int i = 0; i < blocks; i++) {
        blobs_fill(&b, N, D, PE_F8, SEED, i, NULL);
        learner_learn(m, &b, NULL);
    }
    pe_block_release(&b);
    return m;
}

/* The same rows on four devices and in one place: as good, to 0.02; no row
 * goes up, every row counts once, and a delta is no larger than two models.
 */
static void test_as_good(void)
{
    enum { ROUNDS = 12, BLOCKS = 5 };

    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
        pe_model *m = central(words[k], ROUNDS * BLOCKS * DEVICES);
        pe_buffer file = {0};
        pe_block b = {0};
        double auc[2];
        int64_t n = 0;
        fed f;

        fed_open(&f, words[k], NULL, NULL);
        for (int round = 0; round < ROUNDS; round++)
            for (int i = 0; i < DEVICES; i++) {
                for (int j = 0; j < BLOCKS; j++)
                    fed_block(&f, i, n++, N, &b);
                CU_ASSERT_EQUAL(fed_sync(&f, i, &b), 1);
            }
        CU_ASSERT_FALSE(f.leaked);
        CU_ASSERT_EQUAL(f.rows, (uint64_t)n * N);
        CU_ASSERT_EQUAL(f.m->points, (uint64_t)n * N);
        auc[0] = auc_of(m);
        auc[1] = auc_of(f.m);
        printf("# %s: AUC in one place %.4f, on devices %.4f\n", f.kind, auc[0],
               auc[1]);
        CU_ASSERT_TRUE(auc[1] > auc[0] - 0.02);
        CU_ASSERT_TRUE(f.m->threshold > 0.5 * m->threshold &&
                       f.m->threshold < 2 * m->threshold);
        CU_ASSERT_EQUAL(pe_model_encode(f.m, &file, NULL), 0);
        printf("# %s: delta %zu bytes, model %zu\n", f.kind, f.bytes, file.len);
        CU_ASSERT_TRUE(f.bytes <= 2 * file.len);
        pe_buffer_free(&file);
        pe_block_release(&b);
        pe_model_destroy(m);
        fed_close(&f);
    }
}

/* Behind the warm-up a delta that went the way of a device changes the model
 * as the same rows on a rank do.
 */
static void test_same_as_rank(void)
{
    pe_block b = {0};
    float scores[2][N];
    pe_model *rank;
    fed f;

    fed_open(&f, words[0], "clusters", "4");
    for (int i = 0; i < 5; i++)
        fed_block(&f, 0, i, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 1);
    CU_ASSERT_FALSE(f.m->warming);
    rank = pe_model_copy(f.m, NULL);
    fed_block(&f, 0, 7, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 1);
    learner_learn(rank, &b, NULL);
    CU_ASSERT_EQUAL(f.m->points, rank->points);
    CU_ASSERT_DOUBLE_EQUAL(f.m->threshold, rank->threshold, 1e-9);
    blobs_fill(&b, N, D, PE_F8, SEED, 99, NULL);
    CU_ASSERT_EQUAL(pe_model_score(f.m, &b, scores[0], NULL), 0);
    CU_ASSERT_EQUAL(pe_model_score(rank, &b, scores[1], NULL), 0);
    for (int i = 0; i < N; i++)
        CU_ASSERT_DOUBLE_EQUAL(scores[0][i], scores[1][i], 1e-5);
    pe_model_destroy(rank);
    pe_block_release(&b);
    fed_close(&f);
}

/* A model is made once a quorum has spoken; who stays silent is waited for no
 * longer than until the others have said four times as much.
 */
static void quorum_of(const char *const *kind)
{
    pe_block b = {0};
    pe_model *copy;
    int64_t n = 0;
    fed f;

    fed_open(&f, kind, "quorum", "3");
    for (int i = 0; i < 2; i++) {
        fed_block(&f, i, n++, 2 * N, &b);
        CU_ASSERT_EQUAL(fed_sync(&f, i, &b), 1);
        CU_ASSERT_TRUE(f.m->warming);
        CU_ASSERT_TRUE(isnan(f.m->threshold));
    }
    copy = pe_model_copy(f.m, NULL); /* what waits is in its file, too */
    pe_model_destroy(f.m);
    f.m = copy;
    fed_block(&f, 2, n++, 2 * N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 2, &b), 1);
    CU_ASSERT_FALSE(f.m->warming);
    CU_ASSERT_TRUE(f.m->threshold > 0);
    /* One that comes late is merged all the same. */
    fed_block(&f, 3, n++, 2 * N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 3, &b), 1);
    CU_ASSERT_EQUAL(f.m->points, 8 * N);
    fed_close(&f);

    fed_open(&f, kind, "quorum", "3");
    for (int i = 0; i < 12; i++) {
        CU_ASSERT_TRUE(f.m->warming);
        fed_block(&f, 0, n++, 2 * N, &b);
        CU_ASSERT_EQUAL(fed_sync(&f, 0, &b), 1);
    }
    CU_ASSERT_FALSE(f.m->warming);
    CU_ASSERT_FALSE(f.leaked);
    pe_block_release(&b);
    fed_close(&f);
}

static void test_quorum(void)
{
    quorum_of(words[0]);
    quorum_of(words[2]);
}

/* Fewer rows than may be told of stay until there are more. */
static void least_of(const char *const *kind)
{
    pe_block b = {0};
    uint64_t rows = 0;
    fed f;

    fed_open(&f, kind, NULL, NULL);
    for (int i = 0; i < 5; i++)
        fed_block(&f, 0, i, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 1);
    fed_block(&f, 0, 6, LEAST - 1, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 0);
    CU_ASSERT_EQUAL(learner_held(f.device[0], &rows), 1);
    CU_ASSERT_EQUAL(rows, LEAST - 1);
    fed_block(&f, 0, 7, 1, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, &b), 1);
    CU_ASSERT_EQUAL(learner_held(f.device[0], &rows), 0);
    CU_ASSERT_EQUAL(f.m->points, 5 * N + LEAST);
    pe_block_release(&b);
    fed_close(&f);
}

static void test_least(void)
{
    for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k += 2)
        least_of(words[k]);
}

/* An hour offline: what is held does not grow with it. */
static void bounded_of(const char *const *kind, size_t most)
{
    pe_block b = {0};
    learner_delta delta;
    pe_error e = {0};
    fed f;

    fed_open(&f, kind, NULL, NULL);
    for (int i = 0; i < 60; i++) /* 15 MB of rows */
        fed_block(&f, 0, i, 4000, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    CU_ASSERT_EQUAL(delta.rows, 240000);
    CU_ASSERT_EQUAL(delta.blocks, 60);
    CU_ASSERT_EQUAL(delta.first, 0);
    CU_ASSERT_EQUAL(delta.last, 59);
    CU_ASSERT_TRUE(delta.len < most);
    CU_ASSERT_FALSE(leaks(&b, &delta));
    pe_block_release(&b);
    fed_close(&f);
}

static void test_bounded(void)
{
    bounded_of(words[0], 100000);
    bounded_of(words[2], 200000);
}

/* A delta of a model whose centres are gone, or of none, where there is one:
 * what can be used is.  One that is too old is left out, and counted.
 */
static void test_stale(void)
{
    pe_block b = {0};
    learner_delta delta;
    params_counters add = {0};
    pe_error e = {0};
    int64_t points = 1;
    pe_model *fresh;
    pe_delta *d;
    fed f;

    fed_open(&f, words[0], NULL, NULL);
    for (int i = 0; i < 5; i++)
        fed_block(&f, 0, i, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 1);
    fed_block(&f, 0, 6, N, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    source_item r = item_of(&delta, 0, 9);
    fresh = pe_model_create(f.kind, f.options, D, NULL);
    d = pe_delta_create(fresh, NULL);
    CU_ASSERT_TRUE(federate_is_early(fresh, &r));
    CU_ASSERT_FALSE(federate_is_early(f.m, &r));
    points = federate_merge(fresh, d, &r, 0, &add, &e);
    CU_ASSERT_TRUE(points >= 0);
    CU_ASSERT_EQUAL(points, 0);
    CU_ASSERT_EQUAL(add.applied, 1);
    CU_ASSERT_EQUAL(add.stale, N);
    CU_ASSERT_EQUAL(add.points, 0);
    CU_ASSERT_TRUE(pe_delta_empty(d));
    pe_delta_destroy(d);
    pe_model_destroy(fresh);

    r.block.sense_ns = 1;
    r.block.broker_ns = INT64_C(7200000000001);
    d = pe_delta_create(f.m, NULL);
    memset(&add, 0, sizeof(add));
    points = federate_merge(f.m, d, &r, 3600, &add, &e);
    CU_ASSERT_TRUE(points >= 0);
    CU_ASSERT_TRUE(pe_delta_empty(d));
    CU_ASSERT_EQUAL(add.stale, N);
    memset(&add, 0, sizeof(add));
    points = federate_merge(f.m, d, &r, 7201, &add, &e);
    CU_ASSERT_TRUE(points >= 0);
    CU_ASSERT_EQUAL(points, N);
    CU_ASSERT_EQUAL(add.points, N);
    CU_ASSERT_EQUAL(d->points, N);
    pe_delta_destroy(d);
    pe_block_release(&b);
    fed_close(&f);
}

/* Blocks that were merged already come with others only by a fault. */
static void test_overlap(void)
{
    const params_device known = {.device = "d0", .boot = 1, .seq = 20};
    source_item r = {
        .is_delta = true, .first = 21, .block = {.boot = 1, .seq = 30}};

    federate_check(&known, &r);
    CU_ASSERT_EQUAL(r.bad.kind, PE_ERROR_NONE);
    r.first = 11;
    r.block.boot = 2;
    federate_check(&known, &r);
    CU_ASSERT_EQUAL(r.bad.kind, PE_ERROR_NONE);
    r.block.boot = 1;
    federate_check(&known, &r);
    UNIT_EQUAL(
        r.bad.text,
        "a delta of blocks 11 to 30, and those to 20 were merged before");
}

/* Each [step]-th byte of a delta cut off, and some changed: an error, or a
 * delta that can be merged; never anything else.
 */
static void try_damage(const pe_model *m, const learner_delta *delta,
                       size_t step)
{
    pe_block from = {.device = "d0", .partition = 0, .offset = 1};
    unsigned char *copy = malloc(delta->len);

    for (size_t i = 0; i < delta->len; i += step) {
        pe_delta d = {0};
        pe_error e = {0};

        CU_ASSERT_EQUAL(federate_decode(delta->data, i, m, &from, &d, &e), -1);
        UNIT_CONTAINS(e.text, "a delta");
        federate_clear(&d);
    }
    for (size_t i = 0; i < delta->len; i += step) {
        pe_delta d = {0}, *into = pe_delta_create(m, NULL);
        pe_model *to = pe_model_copy(m, NULL);
        pe_error e = {0};

        memcpy(copy, delta->data, delta->len);
        copy[i] ^= 0x81;
        if (federate_decode(copy, delta->len, m, &from, &d, &e) > 0) {
            CU_ASSERT_EQUAL(pe_delta_merge(m->ops, into, &d, &e), 0);
            CU_ASSERT_EQUAL(pe_model_apply(to, into, &e), 0);
        }
        federate_clear(&d);
        pe_delta_destroy(into);
        pe_model_destroy(to);
    }
    free(copy);
}

static void test_damage(void)
{
    pe_block b = {0};
    static const char *const small[] = {"autoencoder", "hidden", "2",
                                        "warmup",      "50",     NULL};
    learner_delta delta;
    pe_error e = {0};
    fed f;

    fed_open(&f, small, NULL, NULL);
    fed_block(&f, 0, 0, N, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    try_damage(f.m, &delta, 61);
    fed_block(&f, 0, 1, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, &b), 1);
    CU_ASSERT_FALSE(f.m->warming);
    fed_block(&f, 0, 2, N, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    try_damage(f.m, &delta, 61);
    fed_close(&f);

    fed_open(&f, words[0], "clusters", "3");
    for (int i = 0; i < 5; i++)
        fed_block(&f, 0, i, N, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    try_damage(f.m, &delta, 1);
    fed_block(&f, 0, 5, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 1);
    fed_block(&f, 0, 6, 50, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    try_damage(f.m, &delta, 1);

    pe_block_release(&b);
    fed_close(&f);
}

static void test_damage_of_forest(void)
{
    static const char *const small[] = {"iforest", "trees",  "3",  "psi",
                                        "32",      "warmup", "50", NULL};
    learner_delta delta;
    pe_block b = {0};
    pe_error e = {0};
    fed f;

    fed_open(&f, small, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        fed_block(&f, 0, i, N, &b);
        CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
        try_damage(f.m, &delta, 1);
        fed_block(&f, 0, 10 + i, N, &b);
        CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 1);
    }
    CU_ASSERT_FALSE(f.m->warming);
    pe_block_release(&b);
    fed_close(&f);
}

static void test_other_model(void)
{
    learner_delta delta;
    pe_block b = {0};
    pe_error e = {0};
    pe_delta d = {0};
    pe_model *other;
    fed f;

    fed_open(&f, words[0], "clusters", "3");
    fed_block(&f, 0, 6, 5 * N, &b);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    other = learner_make("kmeans", D + 1, NULL);
    CU_ASSERT_EQUAL(federate_decode(delta.data, delta.len, other, &b, &d, &e),
                    -1);
    UNIT_EQUAL(e.text, "features changed from 9 to 8");
    federate_clear(&d);
    pe_model_destroy(other);
    other = learner_make("iforest", D, NULL);
    CU_ASSERT_EQUAL(federate_decode(delta.data, delta.len, other, &b, &d, &e),
                    -1);
    UNIT_EQUAL(e.text, "a delta of another model than the run's");
    federate_clear(&d);
    pe_model_destroy(other);
    pe_block_release(&b);
    fed_close(&f);
}

int main(void)
{
    static const unit_test tests[] = {
        {"on devices as good as in one place", test_as_good},
        {"a delta does what its rows do on a rank", test_same_as_rank},
        {"a quorum makes the first model", test_quorum},
        {"fewer rows than may be told of stay", test_least},
        {"what is held is bounded", test_bounded},
        {"a model that is gone, a delta that is old", test_stale},
        {"blocks that were merged before", test_overlap},
        {"damaged deltas", test_damage},
        {"damaged deltas of a forest", test_damage_of_forest},
        {"a delta of another model", test_other_model},
        {0},
    };

    return unit_main("federate", tests);
}
