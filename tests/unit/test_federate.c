/* test_federate.c - models that learn on devices, and what a rank makes of it.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blobs.h"
#include "fed.h"
#include "learner.h"
#include "oracle.h"
#include "src/federate/delta.h"
#include "src/federate/learner.h"
#include "src/federate/merge.h"

static const char *const words[][12] = {
    {"kmeans", "clusters", "25", "contamination", "0.05", NULL},
    {"autoencoder", "contamination", "0.05", NULL},
    {"iforest", "contamination", "0.05", NULL},
};

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
    CU_ASSERT_FALSE(fed_leaks(&b, &delta));
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
    points = federate_merge(fresh, d, &r, &(federate_rules){0}, &add, &e);
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
    points = federate_merge(f.m, d, &r, &(federate_rules){.stale_s = 3600},
                            &add, &e);
    CU_ASSERT_TRUE(points >= 0);
    CU_ASSERT_TRUE(pe_delta_empty(d));
    CU_ASSERT_EQUAL(add.stale, N);
    memset(&add, 0, sizeof(add));
    points = federate_merge(f.m, d, &r, &(federate_rules){.stale_s = 7201},
                            &add, &e);
    CU_ASSERT_TRUE(points >= 0);
    CU_ASSERT_EQUAL(points, N);
    CU_ASSERT_EQUAL(add.points, N);
    CU_ASSERT_EQUAL(d->points, N);
    pe_delta_destroy(d);
    pe_block_release(&b);
    fed_close(&f);
}

/* Another revision of the stage: what is held goes up as it was learned, what
 * comes then is learned by the new options, from a model of these alone.  A
 * delta of before fits no more, and is no fault then.
 */
static void test_revised(void)
{
    static const char *const six[] = {"kmeans", "clusters", "6", NULL};
    pe_block b = {0};
    learner_delta delta;
    params_counters add = {0};
    pe_error e = {0};
    source_item r;
    pe_delta *d;
    fed f, g;

    fed_open(&f, words[0], "clusters", "4");
    fed_open(&g, six, NULL, NULL);
    for (int i = 0; i < 8; i++)
        fed_block(&f, 0, i, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&f, 0, NULL), 1);
    fed_block(&f, 0, 8, N, &b);
    learner_revise(f.device[0], &(learner_conf){.kind = g.kind,
                                                .options = g.options,
                                                .least = LEAST,
                                                .number = 77});
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    CU_ASSERT_EQUAL(delta.version, f.m->version);
    r = item_of(&delta, 0, 9);
    for (int i = 0; i < 8; i++) /* the model that it is for */
        fed_block(&g, 1, i, N, &b);
    CU_ASSERT_EQUAL(fed_sync(&g, 1, NULL), 1);
    d = pe_delta_create(g.m, NULL);
    CU_ASSERT_EQUAL(federate_merge(g.m, d, &r, &(federate_rules){0}, &add, &e),
                    -1);
    UNIT_EQUAL(e.text, "a delta for a model of other options");
    CU_ASSERT_EQUAL(federate_merge(g.m, d, &r,
                                   &(federate_rules){.revised = true}, &add,
                                   &e),
                    0);
    CU_ASSERT_EQUAL(add.stale, N);
    CU_ASSERT_EQUAL(add.applied, 1);
    CU_ASSERT_EQUAL(add.points + add.masked, 0);
    pe_delta_destroy(d);
    /* Not from the run's model, which is of before ... */
    fed_block(&f, 0, 10, 8 * N, &b);
    CU_ASSERT_EQUAL(learner_version(f.device[0]), 0);
    CU_ASSERT_EQUAL(learner_cut(f.device[0], 1, &delta, &e), 1);
    r = item_of(&delta, 0, 10);
    d = pe_delta_create(g.m, NULL);
    CU_ASSERT_EQUAL(federate_merge(g.m, d, &r, &(federate_rules){0}, &add, &e),
                    8 * N);
    pe_delta_destroy(d);
    /* ... and from one that is as it is wanted. */
    b.seq = f.seq[0]++;
    CU_ASSERT_EQUAL(learner_fold(f.device[0], g.m, &b, &e), 0);
    CU_ASSERT_EQUAL(learner_version(f.device[0]), g.m->version);
    pe_block_release(&b);
    fed_close(&g);
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

int main(void)
{
    static const unit_test tests[] = {
        {"on devices as good as in one place", test_as_good},
        {"a delta does what its rows do on a rank", test_same_as_rank},
        {"a quorum makes the first model", test_quorum},
        {"fewer rows than may be told of stay", test_least},
        {"what is held is bounded", test_bounded},
        {"a model that is gone, a delta that is old", test_stale},
        {"another revision of the stage", test_revised},
        {"blocks that were merged before", test_overlap},
        {0},
    };

    return unit_main("federate", tests);
}
