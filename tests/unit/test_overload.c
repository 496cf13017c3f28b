/* test_overload.c - readings of an overload, and data of any scale. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blobs.h"
#include "learner.h"
#include "models/kmeans/kernel.h"
#include "oracle.h"
#include "src/common/random.h"
#include "src/model/path.h"

enum { N = 200 };

/* --- k-means: labels --- */

static void label_rows(const struct kmeans *k, const double *rows, uint32_t n,
                       uint32_t *label)
{
    const struct kmeans_kernel *kernel = kmeans_kernel_now();
    uint32_t d = k->base.features;
    double *padded = calloc((size_t)n * k->stride, sizeof(*padded));
    void *work = malloc(kmeans_work_bytes(k));

    for (uint32_t i = 0; i < n; i++)
        memcpy(padded + (size_t)i * k->stride, rows + (size_t)i * d,
               d * sizeof(*rows));
    for (size_t at = 0; at < n; at += kernel->tile) {
        size_t m = n - at < kernel->tile ? n - at : kernel->tile;

        kernel->assign(k, padded + at * k->stride, m, label + at, work);
        kmeans_settle(k, padded + at * k->stride, m, label + at);
    }
    free(padded);
    free(work);
}

static bool same_labels(const struct kmeans *k, const double *rows, uint32_t n)
{
    uint32_t want[N], got[N];
    bool same = true;

    path_select("plain", NULL);
    label_rows(k, rows, n, want);
    for (int p = PATH_BLAS; p < PATH_COUNT; p++) {
        if (path_select(path_name((enum model_path)p), NULL) < 0)
            continue;
        label_rows(k, rows, n, got);
        same = same && !memcmp(got, want, n * sizeof(*got));
    }
    path_select("auto", NULL);
    return same;
}

/* Centres and rows of one kind; [far]: some of both are an overload. */
static void draw(random_stream *r, struct kmeans *k, double *rows, int kind,
                 double scale, double offset, double far)
{
    uint32_t d = k->base.features;

    for (uint32_t j = 0; j < k->k; j++) {
        k->counts[j] = (double)random_below(r, 9);
        for (uint32_t f = 0; f < d; f++)
            k->centers[j * k->stride + f] =
                scale * (kind ? (double)random_below(r, 5) : random_normal(r)) +
                offset;
    }
    for (size_t i = 0; i < (size_t)N * d; i++)
        rows[i] = scale * (kind == 1 ? (double)random_below(r, 9) / 2
                                     : 2 * random_normal(r)) +
                  offset;
    for (uint32_t i = 0; far > 0 && i < 5; i++)
        rows[random_below(r, (uint64_t)N * d)] = i % 2 ? -far : far;
    if (far > 0 && kind < 2)
        k->centers[random_below(r, k->k) * k->stride] = far;
}

/* Ties, twice the same centre, centres in a line, offsets, any scale: every
 * kernel gives the labels of plain f64.
 */
static void test_same_labels(void)
{
    static const double scales[] = {1e-37, 1e-20, 1e-9, 1, 1e9, 1e17, 1e30};
    static const double offsets[] = {0, 1, 1e4, 1e8};
    static const uint32_t shapes[][2] = {{1, 1},   {2, 2},  {3, 2},  {4, 3},
                                         {25, 32}, {33, 5}, {70, 17}};
    random_stream r = {11, 0};

    for (size_t s = 0; s < sizeof(shapes) / sizeof(*shapes); s++) {
        uint32_t clusters = shapes[s][0], d = shapes[s][1];
        char text[16];
        pe_model *m;
        struct kmeans *k;
        double *rows = calloc((size_t)N * d, sizeof(*rows));

        snprintf(text, sizeof(text), "%u", clusters);
        m = learner_make("kmeans", d, (const char *[]){"clusters", text, NULL});
        k = kmeans_of(m);
        for (int i = 0; i < 7 * 4 * 3 * (OVERLOADS + 1); i++) {
            int far = i / 84 - 1;

            draw(&r, k, rows, i / 28 % 3, scales[i % 7],
                 offsets[i / 7 % 4] * scales[i % 7],
                 far < 0 ? 0 : overloads[far]);
            kmeans_prepare(k);
            CU_ASSERT_TRUE(same_labels(k, rows, N));
        }
        free(rows);
        pe_model_destroy(m);
    }
}

/* Where the kernels are sure they are fast: of ordinary rows all but a few
 * are, with a centre of an overload or without.
 */
static void test_sure(void)
{
    for (int far = 0; far < 2; far++) {
        pe_model *m = learner_make("kmeans", 32, NULL);
        struct kmeans *k = kmeans_of(m);
        const struct kmeans_kernel *kernel = kmeans_kernel_now();
        void *work = malloc(kmeans_work_bytes(k));
        uint32_t label[KMEANS_CHUNK], unsure = 0;
        pe_block b = {0};

        for (int i = 0; i < 20; i++) {
            blobs_fill(&b, N, 32, PE_F8, 3, i, NULL);
            learner_learn(m, &b, NULL);
        }
        if (far)
            k->centers[7 * k->stride + 1] = 9.9e37;
        kmeans_prepare(k);
        for (size_t at = 0; at + kernel->tile < N; at += kernel->tile) {
            kernel->assign(k, (double *)b.data + at * 32, kernel->tile, label,
                           work);
            for (size_t i = 0; i < kernel->tile; i++)
                unsure += label[i] == KMEANS_UNSURE;
        }
        CU_ASSERT_TRUE(unsure < 3);
        free(work);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

/* --- k-means: scikit-learn's partial_fit --- */

struct replay {
    FILE *in;
    uint32_t k, d, n;
    int blocks;
    double scale;
};

static struct kmeans *begin(const struct replay *r, const double *centers,
                            bool exact)
{
    char clusters[16];
    struct kmeans *m;

    snprintf(clusters, sizeof(clusters), "%u", r->k);
    m = kmeans_of(learner_make(
        "kmeans", r->d,
        (const char *[]){"clusters", clusters, "reassign", "false", "exact",
                         exact ? "true" : "false", NULL}));
    for (uint32_t j = 0; j < r->k; j++)
        memcpy(m->centers + j * m->stride, centers + j * r->d,
               r->d * sizeof(*centers));
    memcpy(m->origins, m->centers, r->k * m->stride * sizeof(*m->origins));
    for (uint32_t f = 0; f < r->d; f++)
        m->limit[f] = exp2(ceil(log2(50 * r->scale)) + 5);
    kmeans_set_magic(m);
    kmeans_prepare(m);
    m->base.warming = false;
    return m;
}

static void check_block(const struct replay *r, struct kmeans *m, int at,
                        double *rows, const double *labels,
                        const double *centers, const double *counts)
{
    pe_block b = {.data = rows,
                  .points = r->n,
                  .features = r->d,
                  .dtype = PE_F8,
                  .offset = at};
    double near = m->exact ? 1e-9 : 1e-12;
    uint32_t got[N];

    label_rows(m, rows, r->n, got);
    for (uint32_t i = 0; i < r->n; i++)
        CU_ASSERT_EQUAL(got[i], labels[i]);
    learner_learn(&m->base, &b, NULL);
    for (uint32_t j = 0; j < r->k * r->d; j++)
        CU_ASSERT_DOUBLE_EQUAL(m->centers[j / r->d * m->stride + j % r->d],
                               centers[j],
                               near * (r->scale * 50 + fabs(centers[j])));
    for (uint32_t j = 0; j < r->k; j++)
        CU_ASSERT_EQUAL(m->counts[j], counts[j]);
}

/* One case by every kernel, plain sums and order-exact ones, side by side. */
static void replay_case(const struct replay *r)
{
    struct kmeans *m[2 * PATH_COUNT] = {NULL};
    double *centers, *rows, *labels, *counts;
    size_t len;

    centers = oracle_array(r->in, &len);
    for (int i = 0; i < 2 * PATH_COUNT; i++)
        m[i] = begin(r, centers, i % 2);
    free(centers);
    for (int t = 0; t < r->blocks; t++) {
        rows = oracle_array(r->in, &len);
        labels = oracle_array(r->in, &len);
        centers = oracle_array(r->in, &len);
        counts = oracle_array(r->in, &len);
        for (int i = 0; i < 2 * PATH_COUNT; i++)
            if (path_select(path_name((enum model_path)(i / 2)), NULL) == 0)
                check_block(r, m[i], t, rows, labels, centers, counts);
        free(rows);
        free(labels);
        free(centers);
        free(counts);
    }
    for (int i = 0; i < 2 * PATH_COUNT; i++)
        pe_model_destroy(&m[i]->base);
    path_select("auto", NULL);
}

static void test_scikit_learn(void)
{
    struct replay r = {.in = oracle_open("overload.txt")};
    int cases;

    r.k = (uint32_t)oracle_number(r.in);
    r.d = (uint32_t)oracle_number(r.in);
    r.blocks = (int)oracle_number(r.in);
    r.n = (uint32_t)oracle_number(r.in);
    for (cases = (int)oracle_number(r.in); cases > 0; cases--) {
        r.scale = oracle_number(r.in);
        oracle_number(r.in);
        replay_case(&r);
    }
    fclose(r.in);
}

/* --- k-means: from the warm-up on --- */

/* Three blobs of deviation 1 at 0 and 50; the reading in column 1. */
static void three_blobs(pe_block *b, int64_t offset, double reading)
{
    random_stream r = {(uint64_t)offset + 100, 0};
    double *x;

    CU_ASSERT_EQUAL(pe_block_reserve(b, N, 2, PE_F8, NULL), 0);
    b->offset = offset;
    x = b->data;
    for (int i = 0; i < 2 * N; i += 2) {
        uint64_t at = random_below(&r, 3);

        x[i] = (at == 1 ? 50 : 0) + random_normal(&r);
        x[i + 1] = (at == 2 ? 50 : 0) + random_normal(&r);
    }
    if (reading > 0)
        x[2 * 77] = reading;
}

static double distance_to_nearest(const struct kmeans *k, double x, double y)
{
    double least = INFINITY;

    for (uint32_t j = 0; j < k->k; j++)
        least = fmin(least, hypot(k->centers[j * k->stride] - x,
                                  k->centers[j * k->stride + 1] - y));
    return least;
}

/* The reading takes a centre of its own; the others are those of the blobs,
 * whatever the reading, the kernel and the sums.
 */
static void test_one_reading(void)
{
    for (int i = 0; i < 2 * PATH_COUNT * OVERLOADS; i++) {
        const char *path = path_name((enum model_path)(i / 2 % PATH_COUNT));
        const char *exact = i % 2 ? "true" : "false";
        struct kmeans *k;
        pe_block b = {0};

        if (path_select(path, NULL) < 0)
            continue;
        k = kmeans_of(learner_make(
            "kmeans", 2,
            (const char *[]){"clusters", "4", "warmup", "200", "iterations",
                             "5", "reassign", "false", "exact", exact, NULL}));
        for (int t = 0; t < 10; t++) {
            three_blobs(&b, t, t % 3 ? 0 : overloads[i / 2 / PATH_COUNT]);
            learner_learn(&k->base, &b, NULL);
        }
        CU_ASSERT_TRUE(distance_to_nearest(k, 0, 0) < 1);
        CU_ASSERT_TRUE(distance_to_nearest(k, 50, 0) < 1);
        CU_ASSERT_TRUE(distance_to_nearest(k, 0, 50) < 1);
        CU_ASSERT_EQUAL(k->base.points, 10 * N);
        pe_block_release(&b);
        pe_model_destroy(&k->base);
    }
    path_select("auto", NULL);
}

static double share_below(const float *scores, double limit)
{
    double n = 0;

    for (int i = 0; i < N; i++)
        n += (double)scores[i] < limit;
    return n / N;
}

/* Nothing but readings of an overload until after the warm-up: centres that
 * are born later have an origin of their own.
 */
static void test_overloaded_warmup(void)
{
    for (int i = 0; i < 2 * OVERLOADS; i++) {
        struct kmeans *k = kmeans_of(
            learner_make("kmeans", 2,
                         (const char *[]){"clusters", "8", "exact",
                                          i % 2 ? "true" : "false", NULL}));
        float scores[N];
        pe_block b = {0};

        for (int t = 0; t < 60; t++) {
            three_blobs(&b, t, 0);
            for (int r = 0; r < N; r++)
                ((double *)b.data)[2 * r] += 20;
            for (int r = 0; t < 2 && r < N; r++)
                ((double *)b.data)[2 * r] = overloads[i / 2];
            learner_learn(&k->base, &b, scores);
        }
        CU_ASSERT_TRUE(share_below(scores, 5) > 0.6);
        pe_block_release(&b);
        pe_model_destroy(&k->base);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"k-means: the same labels by every kernel", test_same_labels},
        {"k-means: the fast kernels are sure", test_sure},
        {"k-means: partial_fit of scikit-learn", test_scikit_learn},
        {"k-means: one reading of an overload", test_one_reading},
        {"k-means: an overload through the warm-up", test_overloaded_warmup},
        {0},
    };

    return unit_main("overload", tests);
}
