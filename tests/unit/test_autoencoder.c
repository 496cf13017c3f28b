/* test_autoencoder.c - gradients, Adam, learning, merging. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blobs.h"
#include "models/autoencoder/private.h"
#include "oracle.h"
#include "src/common/random.h"
#include "src/model/path.h"

enum { ROWS = 1000, D = 32 };

static pe_model *new_model(const char *const *options, uint32_t features)
{
    pe_options *o = pe_model_options("autoencoder", NULL);
    pe_error e = {0};
    pe_model *m;

    for (; options && *options; options += 2)
        CU_ASSERT_EQUAL(pe_options_set(o, options[0], options[1], &e), 0);
    m = pe_model_create("autoencoder", o, features, &e);
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

/* --- shape --- */

static void test_shape(void)
{
    static const char *const pyod[] = {"preset", "pyod2021", NULL};
    static const uint32_t widths[] = {32, 32, 32, 64, 32, 32, 64, 32};
    const char *const *presets[] = {NULL, pyod};

    for (int i = 0; i < 2; i++) {
        pe_model *m = new_model(presets[i], D);
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

static void test_bad_options(void)
{
    static const struct {
        const char *name, *value, *says;
        uint32_t features;
    } rows[] = {
        {"hidden", "64,,32", "hidden: '64,,32' is not a list of widths", D},
        {"hidden", "64,32,", "hidden: '64,32,' is not a list of widths", D},
        {"hidden", "0", "hidden: '0' is not a list of widths", D},
        {"preset", "pyod2021", "8 features, and the narrowest has 32", 8},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_options *o = pe_model_options("autoencoder", NULL);
        pe_error e = {0};

        pe_options_set(o, rows[i].name, rows[i].value, NULL);
        CU_ASSERT_PTR_NULL(
            pe_model_create("autoencoder", o, rows[i].features, &e));
        UNIT_CONTAINS(e.text, rows[i].says);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        pe_options_destroy(o);
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
    float *g = calloc(n->params, sizeof(*g)), *z;
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
    loss = net_gradient(n, s.w, z, BATCH, key, g, tape);
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
    free(g);
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
        pe_model *m = new_model(NULL, features[i]);
        float want[ROWS], got[ROWS];
        pe_block b = {0};

        blobs_fill(&b, ROWS, features[i], PE_F8, 3, 0, NULL);
        learn(m, &b, NULL);
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

/* --- learning --- */

/* A linear net without a bottleneck learns to pass its input on. */
static void test_identity(void)
{
    static const char *const options[] = {"hidden", "32",  "dropout", "0",
                                          "passes", "300", "rate",    "0.003",
                                          "warmup", "500", NULL};
    pe_model *m = new_model(options, 4);
    pe_block b = {0};
    float s[500];
    double sum = 0;

    blobs_fill(&b, 500, 4, PE_F8, 3, 0, NULL);
    learn(m, &b, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    for (int i = 0; i < 500; i++)
        sum += (double)s[i] / 500;
    CU_ASSERT_TRUE(sum < 0.2); /* 2 for a net that knows nothing */
    pe_block_release(&b);
    pe_model_destroy(m);
}

static double auc_after(pe_model *m, int blocks)
{
    unsigned char label[ROWS];
    float s[ROWS];
    pe_block b = {0};
    double auc;

    for (int i = 0; i < blocks; i++) {
        blobs_fill(&b, ROWS, D, PE_F8, 3, i, NULL);
        learn(m, &b, NULL);
    }
    blobs_fill(&b, ROWS, D, PE_F8, 3, 99, label);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    auc = oracle_auc(s, label, ROWS);
    pe_block_release(&b);
    return auc;
}

/* AUC of the length of the standardised row. */
static double auc_of_length(const pe_model *m)
{
    const struct autoencoder *a = autoencoder_cof(m);
    unsigned char label[ROWS];
    float s[ROWS];
    pe_block b = {0};

    blobs_fill(&b, ROWS, D, PE_F8, 3, 99, label);
    for (uint32_t i = 0; i < ROWS; i++) {
        double sum = 0;

        for (uint32_t f = 0; f < D; f++)
            sum += pow((pe_block_at(&b, i, f) - a->mean[f]) * a->inverse[f], 2);
        s[i] = (float)sqrt(sum);
    }
    pe_block_release(&b);
    return oracle_auc(s, label, ROWS);
}

/* PyOD's preset of 2021 all but gives the length: its penalty outweighs the
 * error, and the net learns to say nothing.
 */
static void test_quality(void)
{
    static const char *const pyod[] = {"preset", "pyod2021", "passes", "5",
                                       NULL};
    pe_model *a = new_model(NULL, D), *p = new_model(pyod, D);
    double auc = auc_after(p, 40);

    CU_ASSERT_TRUE(auc_after(a, 40) > 0.99);
    CU_ASSERT_DOUBLE_EQUAL(auc, auc_of_length(p), 0.02);
    pe_model_destroy(a);
    pe_model_destroy(p);
}

static void test_masks(void)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY, 1e300, -1e200};
    pe_model *m = new_model(NULL, 8);
    float s[ROWS];
    pe_delta *d;
    pe_block b = {0};

    blobs_fill(&b, ROWS, 8, PE_F8, 3, 0, NULL);
    learn(m, &b, NULL);
    d = pe_delta_create(m, NULL);
    for (int i = 0; i < 5; i++)
        ((double *)b.data)[i * 10 * 8 + i] = bad[i];
    ((double *)b.data)[999 * 8] = 1e30; /* odd, but a measurement */
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, s, NULL), 0);
    CU_ASSERT_EQUAL(d->masked, 5);
    CU_ASSERT_EQUAL(d->points, ROWS - 5);
    for (int i = 0; i < ROWS; i++)
        CU_ASSERT_EQUAL(!!isnan(s[i]), i % 10 == 0 && i < 50);
    CU_ASSERT_TRUE(s[999] > 1000);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_TRUE(pe_delta_finite(d));
    CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
    for (size_t i = 0; i < autoencoder_of(m)->net.params; i++)
        CU_ASSERT_TRUE(isfinite(autoencoder_of(m)->state.w[i]));
    pe_delta_destroy(d);
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* A net that diverges says so; the model it began with stays as it was. */
static void test_divergence(void)
{
    pe_model *m = new_model(NULL, 8);
    struct autoencoder *a = autoencoder_of(m);
    pe_buffer was = {0}, is = {0};
    pe_block b = {0};
    pe_error e = {0};
    pe_delta *d;

    blobs_fill(&b, ROWS, 8, PE_F8, 3, 0, NULL);
    learn(m, &b, NULL);
    for (size_t i = 0; i < a->net.params; i++)
        a->state.w[i] = 3e38F;
    d = pe_delta_create(m, NULL);
    pe_model_encode(m, &was, NULL);
    CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    UNIT_CONTAINS(e.text, "the net diverged");
    UNIT_CONTAINS(e.text, "lower 'rate' (0.001)");
    pe_model_encode(m, &is, NULL);
    CU_ASSERT_EQUAL(was.len, is.len);
    CU_ASSERT_EQUAL(memcmp(was.data, is.data, is.len), 0);
    pe_buffer_free(&was);
    pe_buffer_free(&is);
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(m);
}

static void test_constant_feature(void)
{
    pe_model *m = new_model(NULL, 3);
    pe_block b = {0};
    float s[ROWS];

    blobs_fill(&b, ROWS, 3, PE_F8, 3, 0, NULL);
    for (int i = 0; i < ROWS; i++)
        ((double *)b.data)[i * 3 + 1] = 1e6;
    learn(m, &b, NULL);
    CU_ASSERT_DOUBLE_EQUAL(autoencoder_of(m)->mean[1], 1e6, 1e-6);
    CU_ASSERT_EQUAL(autoencoder_of(m)->inverse[1], 1);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    CU_ASSERT_TRUE(isfinite(s[0]));
    pe_block_release(&b);
    pe_model_destroy(m);
}

/* --- merging --- */

static double mean_score(const pe_model *m)
{
    pe_block b = {0};
    float s[ROWS];
    double sum = 0;

    blobs_fill(&b, ROWS, D, PE_F8, 3, 99, NULL);
    CU_ASSERT_EQUAL(pe_model_score(m, &b, s, NULL), 0);
    for (int i = 0; i < ROWS; i++)
        sum += (double)s[i] / ROWS;
    pe_block_release(&b);
    return sum;
}

/* Two writers that commit in turn, each a commit behind, learn what one does;
 * and no moment becomes negative.
 */
static void test_two_writers(void)
{
    pe_model *one = new_model(NULL, D), *m = new_model(NULL, D);
    pe_model *base[2];
    pe_delta *d[2];
    pe_block b = {0};
    double alone = auc_after(one, 41), both;
    int at = 0;

    blobs_fill(&b, ROWS, D, PE_F8, 3, at++, NULL);
    learn(m, &b, NULL);
    for (int i = 0; i < 2; i++) {
        base[i] = pe_model_copy(m, NULL);
        d[i] = pe_delta_create(base[i], NULL);
    }
    for (int turn = 0; turn < 40; turn++) {
        int i = turn % 2;

        blobs_fill(&b, ROWS, D, PE_F8, 3, at++, NULL);
        CU_ASSERT_EQUAL(pe_model_update(base[i], d[i], &b, NULL, NULL), 0);
        CU_ASSERT_EQUAL(pe_delta_seal(base[i], d[i], NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(m, d[i], NULL), 0);
        for (size_t k = 0; k < autoencoder_of(m)->net.params; k++)
            CU_ASSERT_TRUE(autoencoder_of(m)->state.v[k] >= 0);
        pe_model_destroy(base[i]);
        base[i] = pe_model_copy(m, NULL);
        CU_ASSERT_EQUAL(pe_delta_reset(d[i], base[i], NULL), 0);
    }
    both = auc_after(m, 0);
    CU_ASSERT_DOUBLE_EQUAL(alone, both, 0.02);
    CU_ASSERT_TRUE(mean_score(m) < 1.3 * mean_score(one));
    for (int i = 0; i < 2; i++) {
        pe_delta_destroy(d[i]);
        pe_model_destroy(base[i]);
    }
    pe_block_release(&b);
    pe_model_destroy(one);
    pe_model_destroy(m);
}

/* After as many commits, ranks that each had a block have learned at least
 * what one does.
 */
static void test_ranks(void)
{
    pe_model *one = new_model(NULL, D);
    double alone = auc_after(one, 31);

    for (int ranks = 2; ranks <= 7; ranks += 5) {
        pe_model *m = new_model(NULL, D);
        pe_block b = {0};

        blobs_fill(&b, ROWS, D, PE_F8, 3, 0, NULL);
        learn(m, &b, NULL);
        for (int at = 1; at < 1 + 30 * ranks; at += ranks) {
            pe_delta *sum = pe_delta_create(m, NULL);

            for (int r = 0; r < ranks; r++) {
                pe_delta *d = pe_delta_create(m, NULL);

                blobs_fill(&b, ROWS, D, PE_F8, 3, at + r, NULL);
                CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
                CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
                CU_ASSERT_EQUAL(pe_delta_merge(m->ops, sum, d, NULL), 0);
                pe_delta_destroy(d);
            }
            CU_ASSERT_EQUAL(pe_model_apply(m, sum, NULL), 0);
            pe_delta_destroy(sum);
        }
        CU_ASSERT_DOUBLE_EQUAL(alone, auc_after(m, 0), 0.01);
        pe_block_release(&b);
        pe_model_destroy(m);
    }
    pe_model_destroy(one);
}

/* A delta that is moved to a newer base says the same of it. */
static void test_rebase(void)
{
    pe_model *m = new_model(NULL, D), *old, *copy;
    pe_delta *d;
    pe_block b = {0};

    blobs_fill(&b, ROWS, D, PE_F8, 3, 0, NULL);
    learn(m, &b, NULL);
    old = pe_model_copy(m, NULL);
    d = pe_delta_create(old, NULL);
    blobs_fill(&b, ROWS, D, PE_F8, 3, 1, NULL);
    CU_ASSERT_EQUAL(pe_model_update(old, d, &b, NULL, NULL), 0);
    blobs_fill(&b, ROWS, D, PE_F8, 3, 2, NULL);
    learn(m, &b, NULL);
    copy = pe_model_copy(m, NULL);
    CU_ASSERT_EQUAL(m->ops->rebase(d, old, m, NULL), 0);
    CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
    CU_ASSERT_EQUAL(pe_model_apply(copy, d, NULL), 0);
    /* In full, since it is no longer behind. */
    for (size_t i = 0; i < autoencoder_of(m)->net.params; i += 97) {
        struct autoencoder_work *w = d->work;

        CU_ASSERT_DOUBLE_EQUAL(autoencoder_of(copy)->state.w[i], w->state.w[i],
                               1e-6);
    }
    pe_block_release(&b);
    pe_delta_destroy(d);
    pe_model_destroy(old);
    pe_model_destroy(copy);
    pe_model_destroy(m);
}

int main(void)
{
    static const unit_test tests[] = {
        {"the shape: 11,552 parameters", test_shape},
        {"options that cannot be", test_bad_options},
        {"gradients, all kernels", test_gradient},
        {"Adam, all kernels, against NumPy", test_adam},
        {"scores of all kernels", test_paths},
        {"a net without a bottleneck", test_identity},
        {"planted outliers are found", test_quality},
        {"rows that are no measurements", test_masks},
        {"a net that diverges says so", test_divergence},
        {"a constant feature", test_constant_feature},
        {"two writers in turn", test_two_writers},
        {"ranks", test_ranks},
        {"rebase", test_rebase},
        {0},
    };

    return unit_main("autoencoder", tests);
}
