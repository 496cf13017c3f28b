/* test_net.c - the auto-encoder's net: shape, gradients, Adam, kernels. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blobs.h"
#include "learner.h"
#include "models/autoencoder/private.h"
#include "oracle.h"
#include "src/common/random.h"
#include "src/model/path.h"

enum { ROWS = 1000, D = 32 };

/* --- shape --- */

static void test_shape(void)
{
    static const char *const pyod[] = {"preset", "pyod2021", NULL};
    static const uint32_t widths[] = {32, 32, 32, 64, 32, 32, 64, 32};
    const char *const *presets[] = {NULL, pyod};

    for (int i = 0; i < 2; i++) {
        pe_model *m = learner_make("autoencoder", D, presets[i]);
        struct autoencoder *a = autoencoder_of(m);

        CU_ASSERT_EQUAL(net_count(&a->net), 11552);
        CU_ASSERT_EQUAL(a->net.layers, 7);
        for (int l = 0; l < 8; l++)
            CU_ASSERT_EQUAL(a->net.width[l], widths[l]);
        CU_ASSERT_EQUAL(a->net.sigmoid, i == 1);
        CU_ASSERT_EQUAL(a->net.l2 > 0, i == 1);
        CU_ASSERT_EQUAL(a->batch, 32);
        pe_model_destroy(m);
    }
}

/* --- gradient and Adam, against f64 --- */

/* The loss once more, in f64 and by nothing of ours but the dropout's hash. */
static double loss_of(const struct net *n, const double *w, const float *z,
                      uint32_t rows, const uint32_t *key)
{
    double loss = 0;

    for (uint32_t r = 0; r < rows; r++) {
        double in[64], out[64];
        uint32_t word = 0;

        for (uint32_t f = 0; f < n->width[0]; f++)
            in[f] = (double)z[r * n->pad[0] + f];
        for (uint32_t l = 0; l < n->layers; l++) {
            bool last = l + 1 == n->layers;

            for (uint32_t j = 0; j < n->width[l + 1]; j++) {
                double h = w[n->biases[l] + j];

                for (uint32_t i = 0; i < n->width[l]; i++)
                    h += in[i] * w[n->weights[l] + i * n->pad[l + 1] + j];
                h = last ? (n->sigmoid ? 1 / (1 + exp(-h)) : h) : fmax(h, 0);
                loss += (double)n->l2 * h * h / rows;
                if (!last && key) {
                    uint32_t bits =
                        net_hash(key[r], word + j / 32 * 16 + j % 16);

                    bits = j % 32 < 16 ? bits & 0xffff : bits >> 16;
                    h = bits < (uint32_t)lrintf(n->keep * 65536)
                            ? h / (double)n->keep
                            : 0;
                }
                out[j] = h;
            }
            word += n->pad[l + 1] / 2;
            memcpy(in, out, sizeof(in));
        }
        for (uint32_t f = 0; f < n->width[0]; f++)
            loss += pow(in[f] - (double)z[r * n->pad[0] + f], 2) /
                    ((double)rows * n->width[0]);
    }
    return loss;
}

/* Every kernel's gradient against central differences: 1e-5 of its length,
 * with dropout's draw held fixed.
 */
static void check_gradient(const struct net *n, const uint32_t *key)
{
    enum { BATCH = 13 };
    struct net_state s = {0};
    double *w = calloc(n->params, sizeof(*w));
    const float *g;
    float *z;
    void *tape = malloc(net_tape_bytes(n, BATCH));
    random_stream r = {5, 0};
    double want2 = 0, off2 = 0, loss;

    z = calloc((size_t)BATCH * n->pad[0], sizeof(*z));
    CU_ASSERT_EQUAL_FATAL(net_state_create(&s, n, NULL), 0);
    net_init(n, &s, 3);
    /* A unit whose inputs were all dropped must not sit on its kink. */
    for (uint32_t l = 0; l < n->layers; l++)
        for (uint32_t j = 0; j < n->width[l + 1]; j++)
            s.w[n->biases[l] + j] = 0.1F * (float)random_normal(&r);
    for (uint32_t i = 0; i < BATCH; i++)
        for (uint32_t f = 0; f < n->width[0]; f++)
            z[i * n->pad[0] + f] = (float)random_normal(&r);
    for (size_t i = 0; i < n->params; i++)
        w[i] = (double)s.w[i];
    loss = net_gradient(n, s.w, z, BATCH, key, tape);
    g = tape;
    CU_ASSERT_DOUBLE_EQUAL(loss, loss_of(n, w, z, BATCH, key), 1e-5);
    for (int k = 0; k < 600; k++) {
        uint32_t l = (uint32_t)random_below(&r, n->layers);
        size_t row = random_below(&r, n->width[l] + 1), at, j;
        double was, up, down, numeric;

        j = random_below(&r, n->width[l + 1]);
        at = row == n->width[l] ? n->biases[l] + j
                                : n->weights[l] + row * n->pad[l + 1] + j;
        was = w[at];
        w[at] = was + 1e-6;
        up = loss_of(n, w, z, BATCH, key);
        w[at] = was - 1e-6;
        down = loss_of(n, w, z, BATCH, key);
        w[at] = was;
        numeric = (up - down) / 2e-6;
        want2 += numeric * numeric;
        off2 += pow(numeric - (double)g[at], 2);
    }
    CU_ASSERT_TRUE(sqrt(off2 / want2) < 1e-5);
    net_state_free(&s);
    free(w);
    free(z);
    free(tape);
}

static void test_gradient(void)
{
    static const uint32_t hidden[] = {6, 4, 6}, wide[] = {40, 8};
    uint32_t keys[13];

    for (uint32_t i = 0; i < 13; i++)
        keys[i] = i * 77777;
    for (int p = 0; p < PATH_COUNT; p++) {
        if (path_select(path_name((enum model_path)p), NULL) < 0)
            continue;
        for (int c = 0; c < 8; c++) {
            struct net n = {.sigmoid = c & 1,
                            .l2 = c & 2 ? 0.1F : 0,
                            .keep = 0.8F,
                            .rate = 1e-3F};

            CU_ASSERT_EQUAL(c < 6 ? net_shape(&n, 8, hidden, 3, NULL)
                                  : net_shape(&n, 33, wide, 2, NULL),
                            0);
            check_gradient(&n, c & 4 ? keys : NULL);
        }
    }
    path_select("auto", NULL);
}

/* Weights and biases as the oracle lists them. */
static void put_params(const struct net *n, float *w, FILE *in)
{
    for (int bias = 0; bias < 2; bias++)
        for (uint32_t l = 0; l < n->layers; l++) {
            size_t len, columns = n->width[l + 1];
            double *x = oracle_array(in, &len);

            for (size_t i = 0; i < len; i++)
                w[bias ? n->biases[l] + i
                       : n->weights[l] + i / columns * n->pad[l + 1] +
                             i % columns] = (float)x[i];
            free(x);
        }
}

static double farthest(const struct net *n, const float *a, const float *b)
{
    double most = 0;

    for (size_t i = 0; i < n->params; i++)
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

/* Twenty steps against NumPy's f64: losses, and weights after the first and
 * the last.
 */
static void replay(FILE *in, uint32_t d, const uint32_t *hidden, uint32_t n_hid,
                   uint32_t batch, uint32_t steps)
{
    struct net n = {.keep = 1, .rate = 1e-3F};
    struct net_state s = {0};
    float *want, *z;
    size_t len;
    double *x, *loss;
    double first = 0;
    void *tape;
    float *after;

    n.sigmoid = oracle_number(in) != 0;
    n.l2 = (float)oracle_number(in);
    CU_ASSERT_EQUAL_FATAL(net_shape(&n, d, hidden, n_hid, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(net_state_create(&s, &n, NULL), 0);
    want = calloc(n.params, sizeof(*want));
    after = calloc(n.params, sizeof(*after));
    z = calloc((size_t)batch * n.pad[0], sizeof(*z));
    tape = malloc(net_tape_bytes(&n, batch));
    put_params(&n, s.w, in);
    x = oracle_array(in, &len);
    loss = oracle_array(in, &len);
    for (uint32_t t = 0; t < steps; t++) {
        for (uint32_t i = 0; i < batch; i++)
            for (uint32_t f = 0; f < d; f++)
                z[i * n.pad[0] + f] = (float)x[(t * batch + i) * d + f];
        CU_ASSERT_DOUBLE_EQUAL(net_step(&n, &s, z, batch, NULL, tape), loss[t],
                               1e-4 * loss[t]);
        if (t == 0)
            memcpy(after, s.w, n.params * sizeof(*after));
    }
    put_params(&n, want, in);
    first = farthest(&n, want, after);
    CU_ASSERT_TRUE(first < 1e-4);
    put_params(&n, want, in);
    CU_ASSERT_TRUE(farthest(&n, want, s.w) < 1e-4);
    net_state_free(&s);
    free(want);
    free(after);
    free(z);
    free(x);
    free(loss);
    free(tape);
}

static void test_adam(void)
{
    for (int p = 0; p < PATH_COUNT; p++) {
        uint32_t hidden[8], d, batch, steps;
        size_t n;
        double *h;
        FILE *in;

        if (path_select(path_name((enum model_path)p), NULL) < 0)
            continue;
        in = oracle_open("adam.txt");
        d = (uint32_t)oracle_number(in);
        h = oracle_array(in, &n);
        for (size_t i = 0; i < n; i++)
            hidden[i] = (uint32_t)h[i];
        free(h);
        batch = (uint32_t)oracle_number(in);
        steps = (uint32_t)oracle_number(in);
        for (int c = (int)oracle_number(in); c > 0; c--)
            replay(in, d, hidden, (uint32_t)n, batch, steps);
        fclose(in);
    }
    path_select("auto", NULL);
}

/* --- kernels --- */

/* Scores of all kernels agree; a row's does not depend on its place. */
static void test_paths(void)
{
    static const uint32_t features[] = {1, 5, 32, 40};

    for (size_t i = 0; i < 4; i++) {
        pe_model *m = learner_make("autoencoder", features[i], NULL);
        float want[ROWS], got[ROWS];
        pe_block b = {0};

        blobs_fill(&b, ROWS, features[i], PE_F8, 3, 0, NULL);
        learner_learn(m, &b, NULL);
        path_select("plain", NULL);
        CU_ASSERT_EQUAL(pe_model_score(m, &b, want, NULL), 0);
        for (int p = PATH_BLAS; p < PATH_COUNT; p++) {
            if (path_select(path_name((enum model_path)p), NULL) < 0)
                continue;
            CU_ASSERT_EQUAL(pe_model_score(m, &b, got, NULL), 0);
            for (int k = 0; k < ROWS; k++)
                CU_ASSERT_DOUBLE_EQUAL(got[k], want[k], 1e-5 * (1 + want[k]));
            if (p == PATH_BLAS)
                continue;
            memcpy(want, got, sizeof(want));
            b.points = 77;
            CU_ASSERT_EQUAL(pe_model_score(m, &b, got, NULL), 0);
            CU_ASSERT_EQUAL(memcmp(got, want, 77 * sizeof(*got)), 0);
            b.points = ROWS;
        }
        path_select("auto", NULL);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"the shape: 11,552 parameters", test_shape},
        {"gradients, all kernels", test_gradient},
        {"Adam, all kernels, against NumPy", test_adam},
        {"scores of all kernels", test_paths},
        {0},
    };

    return unit_main("net", tests);
}
