/* test_iforest.c - isolation trees against scikit-learn and arithmetic. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blobs.h"
#include "models/iforest/private.h"
#include "oracle.h"
#include "src/common/random.h"
#include "src/model/path.h"

enum { WIDTH = 32, ROWS = 1000 };

static pe_model *new_model(const char *const *options, uint32_t features)
{
    pe_options *o = pe_model_options("iforest", NULL);
    pe_error e = {0};
    pe_model *m;

    for (; *options; options += 2)
        CU_ASSERT_EQUAL(pe_options_set(o, options[0], options[1], &e), 0);
    m = pe_model_create("iforest", o, features, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    pe_options_destroy(o);
    return m;
}

static void learn(pe_model *m, const pe_block *b, float *scores)
{
    pe_delta *d = pe_delta_create(m, NULL);
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_model_update(m, d, b, scores, &e), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, &e), 0);
    CU_ASSERT_EQUAL(pe_model_apply(m, d, &e), 0);
    m->version++;
    pe_delta_destroy(d);
}

/* --- the structure --- */

struct oracle_node {
    int feature, left, right;
    double threshold, samples;
};

/* Path length of a row down a tree of scikit-learn, in f64. */
static double path(const struct oracle_node *t, const double *row)
{
    double length = 0;
    int i = 0;

    for (; t[i].left >= 0; length++)
        i = row[t[i].feature] <= t[i].threshold ? t[i].left : t[i].right;
    return length + forest_mean_path(t[i].samples);
}

/* The same tree as our heap; keys are exact where a float is. */
static void convert(struct forest *f, uint32_t tree,
                    const struct oracle_node *t, int i, uint32_t at,
                    uint32_t depth)
{
    size_t base = (size_t)tree * f->stride;
    bool leaf = t[i].left < 0;
    float below = (float)t[i].threshold;

    if (depth == f->depth) {
        uint32_t levels = 0;

        for (uint32_t k = at; k > 1; k /= 2)
            levels++;
        CU_ASSERT_EQUAL(levels, f->depth);
        return;
    }
    /* Right where x > threshold: of floats, where x > the float below. */
    if ((double)below > t[i].threshold)
        below = nextafterf(below, -INFINITY);
    f->feature[base + at] = leaf ? 0 : (uint16_t)t[i].feature;
    f->node[base + at] = forest_key_of(leaf ? INFINITY : below);
    convert(f, tree, t, leaf ? i : t[i].left, 2 * at, depth + 1);
    convert(f, tree, t, leaf ? i : t[i].right, 2 * at + 1, depth + 1);
}

static void set_leaves(struct forest *f, uint32_t tree,
                       const struct oracle_node *t, int i, uint32_t at,
                       uint32_t depth, uint32_t edges)
{
    bool leaf = t[i].left < 0;

    if (depth == f->depth) {
        double length = edges + forest_mean_path(t[i].samples);

        CU_ASSERT_TRUE(leaf);
        f->leaf[(size_t)tree * f->stride + at - f->stride] =
            (uint32_t)lrint(length * (1 << FOREST_FRACTION));
        return;
    }
    edges += !leaf;
    set_leaves(f, tree, t, leaf ? i : t[i].left, 2 * at, depth + 1, edges);
    set_leaves(f, tree, t, leaf ? i : t[i].right, 2 * at + 1, depth + 1, edges);
}

/* scikit-learn's trees give its scores to 1e-12 by its own arithmetic, and to
 * a fixed-point step by ours.
 */
static void test_trees_of_scikit_learn(void)
{
    FILE *in = oracle_open("iforest.txt");
    uint32_t trees = (uint32_t)oracle_number(in);
    double psi = oracle_number(in), d = oracle_number(in);
    struct oracle_node t[8][256];
    struct forest f = {0};
    forest_key keys[64 * 64] = {0};
    uint64_t sum[64] = {0};
    size_t n, n_scores;
    double *rows, *scores;

    /* 40 features wide: nodes are not packed, thresholds not rounded. */
    CU_ASSERT_EQUAL_FATAL(forest_create(&f, trees, 6, 40, NULL), 0);
    for (uint32_t k = 0; k < trees; k++) {
        int nodes = (int)oracle_number(in);

        for (int i = 0; i < nodes; i++) {
            t[k][i].feature = (int)oracle_number(in);
            t[k][i].threshold = oracle_number(in);
            t[k][i].left = (int)oracle_number(in);
            t[k][i].right = (int)oracle_number(in);
            t[k][i].samples = oracle_number(in);
        }
        convert(&f, k, t[k], 0, 1, 0);
        set_leaves(&f, k, t[k], 0, 1, 0, 0);
    }
    rows = oracle_array(in, &n);
    scores = oracle_array(in, &n_scores);
    for (size_t i = 0; i < n_scores; i++) {
        double paths = 0;

        for (uint32_t k = 0; k < trees; k++)
            paths += path(t[k], rows + i * (size_t)d);
        CU_ASSERT_DOUBLE_EQUAL(exp2(-paths / (trees * forest_mean_path(psi))),
                               scores[i], 1e-12);
        for (size_t j = 0; j < (size_t)d; j++)
            keys[i * 64 + j] = forest_key_of((float)rows[i * (size_t)d + j]);
        forest_walk_plain(&f, keys + i * 64, 1, 64, &sum[i]);
        CU_ASSERT_DOUBLE_EQUAL((double)sum[i] / (1 << FOREST_FRACTION), paths,
                               1e-5);
    }
    free(rows);
    free(scores);
    forest_free(&f);
    fclose(in);
}

/* Mean path lengths of {0, 1, 10}: the split falls between 1 and 10 nine
 * times of ten, and isolates 10 then.
 */
static void test_three_points(void)
{
    enum { TREES = 4000 };
    static const double want[] = {1.9, 2.0, 1.1};
    forest_key rows[3 * WIDTH] = {0};
    uint32_t index[3] = {0, 1, 2};
    const struct forest_seed from = {
        .rows = rows, .n = 3, .width = WIDTH, .index = index, .psi = 3};
    struct forest f = {0};

    rows[0] = forest_key_of(0);
    rows[WIDTH] = forest_key_of(1);
    rows[2 * WIDTH] = forest_key_of(10);
    CU_ASSERT_EQUAL_FATAL(forest_create(&f, TREES, 2, 1, NULL), 0);
    for (uint32_t t = 0; t < TREES; t++)
        CU_ASSERT_EQUAL(forest_grow(&f, t, &from, random_mix(7, t), NULL), 0);
    for (int i = 0; i < 3; i++) {
        uint64_t sum = 0;

        forest_walk_plain(&f, rows + (size_t)i * WIDTH, 1, WIDTH, &sum);
        CU_ASSERT_DOUBLE_EQUAL((double)sum / (1 << FOREST_FRACTION) / TREES,
                               want[i], 0.03);
        CU_ASSERT_EQUAL(index[i], (uint32_t)i);
    }
    forest_free(&f);
}

static void test_mean_path(void)
{
    CU_ASSERT_EQUAL(forest_mean_path(1), 0);
    CU_ASSERT_EQUAL(forest_mean_path(2), 1);
    CU_ASSERT_DOUBLE_EQUAL(forest_mean_path(3), 1.2074, 1e-4);
    CU_ASSERT_DOUBLE_EQUAL(forest_mean_path(256), 10.2448, 1e-4);
    CU_ASSERT_EQUAL(forest_depth(256), 8);
    CU_ASSERT_EQUAL(forest_depth(257), 9);
    CU_ASSERT_EQUAL(forest_depth(2), 1);
}

/* Every tree isolates: nodes lie strictly between their rows, and about as
 * many splits are drawn as scikit-learn draws.
 */
static void test_growing(void)
{
    static const char *const none[] = {NULL};
    pe_model *m = new_model(none, 32);
    struct iforest *f = iforest_of(m);
    pe_block b = {0};
    double splits = 0;

    blobs_fill(&b, ROWS, 32, PE_F8, 3, 0, NULL);
    learn(m, &b, NULL);
    CU_ASSERT_FALSE_FATAL(m->warming);
    for (uint32_t t = 0; t < f->forest.trees; t++)
        for (uint32_t i = 1; i < f->forest.stride; i++) {
            forest_key k = f->forest.node[t * f->forest.stride + i];

            splits += k != forest_key_of(INFINITY);
            CU_ASSERT_EQUAL(k % FOREST_PACKED,
                            f->forest.feature[t * f->forest.stride + i]);
        }
    splits /= f->forest.trees;
    CU_ASSERT_TRUE(splits > 40 && splits < 140);
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* --- the kernels --- */

/* Every path gives the same scores to the bit, however rows lie. */
static void test_paths(void)
{
    static const uint32_t features[] = {1, 5, 31, 32, 40};
    static const char *const psis[] = {"256", "20", "300"};

    for (size_t i = 0; i < 15; i++) {
        const char *const options[] = {"psi",   psis[i % 3], "warmup", "900",
                                       "trees", "37",        NULL};
        pe_model *m = new_model(options, features[i / 3]);
        float want[ROWS], got[ROWS];
        pe_block b = {0};

        blobs_fill(&b, ROWS, features[i / 3], PE_F8, 3, 0, NULL);
        path_select("plain", NULL);
        learn(m, &b, NULL);
        CU_ASSERT_FALSE(m->warming);
        CU_ASSERT_EQUAL(pe_model_score(m, &b, want, NULL), 0);
        for (int p = PATH_BLAS; p < PATH_COUNT; p++) {
            if (path_select(path_name((enum model_path)p), NULL) < 0)
                continue;
            CU_ASSERT_EQUAL(pe_model_score(m, &b, got, NULL), 0);
            CU_ASSERT_EQUAL(memcmp(got, want, sizeof(got)), 0);
            /* Seven rows alone are what they are among a thousand. */
            b.points = 7;
            CU_ASSERT_EQUAL(pe_model_score(m, &b, got, NULL), 0);
            CU_ASSERT_EQUAL(memcmp(got, want, 7 * sizeof(*got)), 0);
            b.points = ROWS;
        }
        path_select("auto", NULL);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* --- data that is odd --- */

static void test_degenerate(void)
{
    static const char *const options[] = {"warmup", "2", NULL};
    pe_model *m = new_model(options, 3);
    float s[4];
    double same[12], two[6] = {0, 0, 0, 1, 1, 1};
    pe_block b = {.data = same,
                  .points = 4,
                  .features = 3,
                  .dtype = PE_F8,
                  .device = "d"};

    /* All the same: no split, 0.5 each, and none is an outlier. */
    for (int i = 0; i < 12; i++)
        same[i] = 2.5;
    learn(m, &b, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_DOUBLE_EQUAL(s[i], 0.5, 1e-6);
    CU_ASSERT_EQUAL(pe_model_outliers(m, s, 4), 0);
    pe_model_destroy(m);
    /* Two points: one split tells them apart. */
    m = new_model(options, 3);
    b.data = two;
    b.points = 2;
    learn(m, &b, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    CU_ASSERT_DOUBLE_EQUAL(s[0], 0.5, 1e-6);
    CU_ASSERT_DOUBLE_EQUAL(s[1], 0.5, 1e-6);
    pe_model_destroy(m);
}

static void test_masks(void)
{
    static const char *const none[] = {NULL};
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e300, -1e200};
    pe_model *m = new_model(none, 8);
    float s[ROWS];
    pe_delta *d;
    pe_block b = {0};

    blobs_fill(&b, ROWS, 8, PE_F8, 3, 0, NULL);
    learn(m, &b, NULL);
    d = pe_delta_create(m, NULL);
    for (int i = 0; i < 5; i++)
        ((double *)b.data)[i * 10 * 8 + i] = bad[i];
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, s, NULL), 0);
    CU_ASSERT_EQUAL(d->masked, 5);
    CU_ASSERT_EQUAL(d->points, ROWS - 5);
    for (int i = 0; i < ROWS; i++)
        CU_ASSERT_EQUAL(!!isnan(s[i]), i % 10 == 0 && i < 50);
    pe_delta_destroy(d);
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* A shift that swallows the digits of a float does not matter. */
static void test_far_from_the_origin(void)
{
    static const char *const none[] = {NULL};
    unsigned char label[ROWS];
    pe_block b = {0};
    float s[ROWS];
    double auc[2];

    for (int far = 0; far < 2; far++) {
        pe_model *m = new_model(none, 32);

        for (int i = 0; i < 4; i++) {
            blobs_fill(&b, ROWS, 32, PE_F8, 3, i, label);
            for (size_t k = 0; far && k < ROWS * 32; k++)
                ((double *)b.data)[k] += 1e6;
            learn(m, &b, NULL);
        }
        CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
        auc[far] = oracle_auc(s, label, ROWS);
        pe_model_destroy(m);
    }
    CU_ASSERT_DOUBLE_EQUAL(auc[0], auc[1], 0.02);
    pe_block_release(&b);
}

/* --- streaming --- */

/* The ring renews as many trees as the points ask for. */
static void test_ring(void)
{
    static const char *const none[] = {NULL};
    pe_model *m = new_model(none, 8);
    struct iforest *f = iforest_of(m);
    pe_block b = {0};

    blobs_fill(&b, 256, 8, PE_F8, 3, 0, NULL);
    learn(m, &b, NULL);
    CU_ASSERT_EQUAL(f->grown, 100);
    CU_ASSERT_EQUAL(f->rows, 256);
    blobs_fill(&b, 256, 8, PE_F8, 3, 1, NULL);
    learn(m, &b, NULL);
    CU_ASSERT_EQUAL(f->grown, 110); /* 256 of 2,560: ten of a hundred */
    CU_ASSERT_EQUAL(f->ring, 10);
    CU_ASSERT_EQUAL(f->rows, 512);
    blobs_fill(&b, 5000, 8, PE_F8, 3, 2, NULL);
    learn(m, &b, NULL);
    CU_ASSERT_EQUAL(f->grown, 210);
    CU_ASSERT_EQUAL(f->rows, 2560);
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* refit: the scores of a block do not depend on what the model holds. */
static void test_refit(void)
{
    static const char *const options[] = {"refit", "true", NULL};
    pe_model *a = new_model(options, 8), *c = new_model(options, 8);
    float first[300], second[300];
    pe_block b = {0};

    for (int i = 0; i < 3; i++) {
        blobs_fill(&b, 300, 8, PE_F8, 3, i, NULL);
        learn(a, &b, NULL);
    }
    blobs_fill(&b, 300, 8, PE_F8, 3, 0, NULL);
    learn(c, &b, NULL);
    blobs_fill(&b, 300, 8, PE_F8, 3, 9, NULL);
    learn(a, &b, first);
    learn(c, &b, second);
    CU_ASSERT_EQUAL(memcmp(first, second, sizeof(first)), 0);
    /* Fewer rows than psi are all there are. */
    blobs_fill(&b, 25, 8, PE_F8, 3, 10, NULL);
    learn(a, &b, first);
    for (int i = 0; i < 25; i++)
        CU_ASSERT_TRUE(first[i] > 0 && first[i] < 1);
    pe_block_release(&b);
    pe_model_destroy(a);
    pe_model_destroy(c);
}

/* Over seeds, as scikit-learn finds them: 0.98 +- 0.006. */
static void test_quality(void)
{
    double mean = 0;

    for (int seed = 1; seed <= 5; seed++) {
        char text[16];
        const char *const options[] = {"seed", text, NULL};
        unsigned char label[ROWS];
        float s[ROWS];
        pe_block b = {0};
        pe_model *m;

        snprintf(text, sizeof(text), "%d", seed);
        m = new_model(options, 32);
        for (int i = 0; i < 5; i++) {
            blobs_fill(&b, ROWS, 32, PE_F8, 3, i, NULL);
            learn(m, &b, NULL);
        }
        blobs_fill(&b, ROWS, 32, PE_F8, 3, 20, label);
        CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
        mean += oracle_auc(s, label, ROWS) / 5;
        pe_block_release(&b);
        pe_model_destroy(m);
    }
    CU_ASSERT_TRUE(mean > 0.96);
}

/* Debian's scikit-learn brings the table: 357 benign and 21 malignant. */
static void test_breast_cancer(void)
{
    FILE *f = fopen("/usr/lib/python3/dist-packages/sklearn/datasets/data/"
                    "breast_cancer.csv",
                    "r");
    enum { D = 30 };
    static double rows[378 * D];
    static const char *const options[] = {"warmup", "300", NULL};
    unsigned char label[378];
    float s[378];
    char line[2048];
    int n = 0, malignant = 0;
    pe_block b = {.data = rows, .features = D, .dtype = PE_F8, .device = "d"};
    pe_model *m;

    if (!f)
        return; /* not installed */
    CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), f));
    while (fgets(line, sizeof(line), f) && n < 378) {
        char *p = line;
        double row[D + 1];

        for (int i = 0; i <= D; i++, p += *p == ',')
            row[i] = strtod(p, &p);
        label[n] = row[D] == 0;
        if (label[n] && ++malignant > 21)
            continue;
        memcpy(rows + n++ * D, row, D * sizeof(*row));
    }
    fclose(f);
    CU_ASSERT_EQUAL(n, 378);
    b.points = (uint32_t)n;
    m = new_model(options, D);
    learn(m, &b, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    CU_ASSERT_TRUE(oracle_auc(s, label, (size_t)n) > 0.93);
    pe_model_destroy(m);
}

int main(void)
{
    static const unit_test tests[] = {
        {"trees of scikit-learn score as there", test_trees_of_scikit_learn},
        {"path lengths of three points", test_three_points},
        {"mean path, depth", test_mean_path},
        {"growing", test_growing},
        {"all kernels, all shapes: the same bits", test_paths},
        {"points all the same, two points", test_degenerate},
        {"rows that are no measurements", test_masks},
        {"far from the origin", test_far_from_the_origin},
        {"the ring", test_ring},
        {"refit", test_refit},
        {"planted outliers are found", test_quality},
        {"breast cancer, where it is installed", test_breast_cancer},
        {0},
    };

    return unit_main("iforest", tests);
}
