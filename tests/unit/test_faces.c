/* test_faces.c - model files read by the words of doc/design.md, section 9. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "blobs.h"
#include "src/model/safetensors.h"

enum { D = 5, N = 60 };

/* A model that has learned, its file, and its scores of [b]. */
static pe_tensors *learned(const char *kind, const char *const *words,
                           pe_block *b, float *scores)
{
    pe_options *o = pe_model_options(kind, NULL);
    pe_model *m;
    pe_buffer file = {0};
    pe_tensors *t;

    for (; words && *words; words += 2)
        CU_ASSERT_EQUAL(pe_options_set(o, words[0], words[1], NULL), 0);
    m = pe_model_create(kind, o, D, NULL);
    for (int i = 0; i < 8; i++) {
        pe_delta *d = pe_delta_create(m, NULL);

        blobs_fill(b, 300, D, PE_F8, 3, i, NULL);
        for (size_t k = 0; k < 300 * D; k++)
            ((double *)b->data)[k] += 1000;
        CU_ASSERT_EQUAL(pe_model_update(m, d, b, NULL, NULL), 0);
        CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
        pe_delta_destroy(d);
    }
    b->points = N;
    ((double *)b->data)[7] = 9.9e37;
    CU_ASSERT_EQUAL(pe_model_score(m, b, scores, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_encode(m, &file, NULL), 0);
    t = pe_tensors_decode(file.data, file.len, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    pe_buffer_free(&file);
    pe_options_destroy(o);
    pe_model_destroy(m);
    return t;
}

static const void *tensor_of(const pe_tensors *t, const char *name,
                             enum tensor_type type, size_t rank,
                             uint64_t *shape)
{
    const void *data = pe_tensors_get(t, name, type, rank, shape, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(data);
    return data;
}

/* scikit-learn's c(n). */
static double mean_path(double n)
{
    return n <= 1   ? 0
           : n == 2 ? 1
                    : 2 * (log(n - 1) + 0.5772156649015329) - 2 * (n - 1) / n;
}

static void test_forest(void)
{
    pe_block b = {0};
    float scores[N];
    pe_tensors *t = learned("iforest", NULL, &b, scores);
    uint64_t shape[2], n, psi;
    const int64_t *feature = tensor_of(t, "feature", TENSOR_I64, 2, shape);
    const float *threshold = tensor_of(t, "threshold", TENSOR_F32, 2, shape);
    const float *value = tensor_of(t, "value", TENSOR_F32, 2, shape);
    const double *shift = tensor_of(t, "shift", TENSOR_F64, 1, &n);

    CU_ASSERT_EQUAL(pe_tensors_u64(t, "psi", &psi, NULL), 0);
    n = shape[1];
    for (int r = 0; r < N; r++) {
        const double *x = (double *)b.data + r * D;
        double sum = 0;

        for (uint64_t k = 0; k < shape[0]; k++) {
            uint64_t i = 1;

            while (i < n) {
                int64_t f = feature[k * n + i];

                i = 2 * i + ((float)(x[f] - shift[f]) > threshold[k * n + i]);
            }
            sum += (double)value[k * n + i - n];
        }
        CU_ASSERT_DOUBLE_EQUAL(
            scores[r], exp2(-sum / (double)shape[0] / mean_path((double)psi)),
            1e-6);
    }
    pe_tensors_destroy(t);
    pe_block_release(&b);
}

/* a = a W + b of layer [l]; the last one is not rectified. */
static int layer(const pe_tensors *t, int l, int layers, bool sigmoid,
                 double *a)
{
    uint64_t shape[2], n;
    char name[32];
    const float *w, *bias;
    double out[64];

    snprintf(name, sizeof(name), "weight.%d", l);
    w = tensor_of(t, name, TENSOR_F32, 2, shape);
    snprintf(name, sizeof(name), "bias.%d", l);
    bias = tensor_of(t, name, TENSOR_F32, 1, &n);
    CU_ASSERT_EQUAL(n, shape[1]);
    for (uint64_t j = 0; j < shape[1]; j++) {
        out[j] = (double)bias[j];
        for (uint64_t i = 0; i < shape[0]; i++)
            out[j] += a[i] * (double)w[i * shape[1] + j];
        if (l < layers)
            out[j] = fmax(out[j], 0);
        else if (sigmoid)
            out[j] = 1 / (1 + exp(-out[j]));
    }
    memcpy(a, out, shape[1] * sizeof(*a));
    return (int)shape[1];
}

static void net(const char *output)
{
    static const int widths[] = {D, D, 6, 4, 6, D};
    const char *const words[] = {"hidden", "6,4,6", "output", output, NULL};
    bool sigmoid = !strcmp(output, "sigmoid");
    pe_block b = {0};
    float scores[N];
    pe_tensors *t = learned("autoencoder", words, &b, scores);
    uint64_t n;
    const double *mean = tensor_of(t, "mean", TENSOR_F64, 1, &n);
    const double *scale = tensor_of(t, "scale", TENSOR_F64, 1, &n);

    CU_ASSERT_PTR_NULL(pe_tensors_find(t, "weight.7"));
    for (int r = 0; r < N; r++) {
        const double *x = (double *)b.data + r * D;
        double z[D], a[64], sum = 0;

        for (int f = 0; f < D; f++)
            a[f] = z[f] = (double)(float)fmax(
                fmin((x[f] - mean[f]) / scale[f], 1e4), -1e4);
        for (int l = 1; l <= 6; l++)
            CU_ASSERT_EQUAL(layer(t, l, 6, sigmoid, a), widths[l - 1]);
        for (int f = 0; f < D; f++)
            sum += (z[f] - a[f]) * (z[f] - a[f]);
        CU_ASSERT_DOUBLE_EQUAL(scores[r], sqrt(sum), 1e-4 * (1 + sqrt(sum)));
    }
    pe_tensors_destroy(t);
    pe_block_release(&b);
}

static void test_net(void)
{
    net("linear");
    net("sigmoid");
}

static void test_kmeans(void)
{
    pe_block b = {0};
    float scores[N];
    pe_tensors *t = learned("kmeans", NULL, &b, scores);
    uint64_t shape[2];
    const double *c = tensor_of(t, "centers", TENSOR_F64, 2, shape);

    for (int r = 0; r < N; r++) {
        double least = INFINITY;

        for (uint64_t j = 0; j < shape[0]; j++) {
            double d2 = 0;

            for (int f = 0; f < D; f++)
                d2 += pow(((double *)b.data)[r * D + f] - c[j * D + f], 2);
            least = fmin(least, d2);
        }
        CU_ASSERT_DOUBLE_EQUAL(scores[r], sqrt(least),
                               1e-6 * (1 + sqrt(least)));
    }
    pe_tensors_destroy(t);
    pe_block_release(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"k-means", test_kmeans},
        {"forest", test_forest},
        {"auto-encoder", test_net},
        {0},
    };

    return unit_main("faces", tests);
}
