/* test_forest_devices.c - an isolation forest that learns on devices: what its
 * trees tell of rows, and what the pool makes of them.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "blobs.h"
#include "models/iforest/private.h"
#include "models/iforest/trees.h"
#include "src/common/random.h"

enum { D = 4, N = 500, DEVICES = 3, SEED = 5, LEAST = 5 };

/* Devices without what carries their deltas, and the model of all. */
typedef struct fleet {
    pe_options *options;
    pe_model *m;
    pe_model *base[DEVICES];
    pe_delta *delta[DEVICES];
    int64_t number; /* of blocks and records, so far */
} fleet;

static const char *const names[DEVICES] = {"d0", "d1", "d2"};

static void fleet_open(fleet *f, const char *const *words)
{
    memset(f, 0, sizeof(*f));
    f->options = pe_model_options("iforest", NULL);
    for (; words && *words; words += 2)
        CU_ASSERT_EQUAL(pe_options_set(f->options, words[0], words[1], NULL),
                        0);
    f->m = pe_model_create("iforest", f->options, D, NULL);
    for (int i = 0; i < DEVICES; i++) {
        f->base[i] = pe_model_create("iforest", f->options, D, NULL);
        f->delta[i] = pe_delta_create(f->base[i], NULL);
    }
}

static void fleet_close(fleet *f)
{
    for (int i = 0; i < DEVICES; i++) {
        pe_delta_destroy(f->delta[i]);
        pe_model_destroy(f->base[i]);
    }
    pe_model_destroy(f->m);
    pe_options_destroy(f->options);
}

/* What device [i] does with a block whose values lie about [at]. */
static void fold(fleet *f, int i, uint32_t points, double at)
{
    pe_block b = {0};

    blobs_fill(&b, points, D, PE_F8, SEED, f->number, NULL);
    for (size_t k = 0; k < (size_t)points * D; k++)
        ((double *)b.data)[k] += at;
    b.partition = i;
    b.offset = f->number++;
    CU_ASSERT_EQUAL(pe_model_update(f->base[i], f->delta[i], &b, NULL, NULL),
                    0);
    pe_block_release(&b);
}

/* The newest model becomes the base of device [i]. */
static void follow(fleet *f, int i)
{
    pe_model *base = pe_model_copy(f->m, NULL);
    pe_delta *fresh = pe_delta_create(base, NULL);

    iforest_remember(fresh, f->delta[i]);
    pe_delta_destroy(f->delta[i]);
    pe_model_destroy(f->base[i]);
    f->base[i] = base;
    f->delta[i] = fresh;
}

static struct trees_item item_of(const pe_delta *d)
{
    struct trees_item it = {0};
    size_t at = 0;

    CU_ASSERT_TRUE_FATAL(trees_next(&d->blob, &at, &it));
    return it;
}

/* The delta of device [i] is veiled, admitted, and applied. */
static void deliver(fleet *f, int i)
{
    const pe_block from = {
        .device = names[i], .partition = i, .offset = f->number++};
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_delta_veil(f->base[i], f->delta[i], LEAST, &e), 1);
    CU_ASSERT_EQUAL(pe_delta_admit(f->m, f->delta[i], &from, &e), 1);
    CU_ASSERT_EQUAL(pe_model_apply(f->m, f->delta[i], &e), 0);
    UNIT_EQUAL(e.text, "");
    f->m->version++;
    CU_ASSERT_EQUAL(pe_delta_reset(f->delta[i], f->base[i], &e), 0);
    if (!f->m->warming)
        follow(f, i);
}

/* Trees of device [i] in the ring. */
static int trees_of(const fleet *f, int i)
{
    const struct iforest *m = iforest_cof(f->m);
    const pe_block from = {.device = names[i]};
    int n = 0;

    for (uint32_t t = 0; t < m->forest.trees; t++)
        n += m->whose[t] == item_device(&from);
    return n;
}

/* --- what a tree tells --- */

/* A grid of which value is a part: does it have a step of [step]? */
static bool is_on_grid(forest_key node, double step)
{
    double below = (double)forest_value_of(node & ~(forest_key)31);
    double above = (double)forest_value_of(node | 31);
    double nearest = rint(below / step) * step;

    return nearest >= below && nearest <= above;
}

struct census {
    const struct forest_told *told;
    const forest_key *rows;
    size_t width, at;
    uint32_t leaves, few;
};

/* Rows of [in] that come to the next node of the tree. */
static void walk(struct census *c, const uint32_t *in, size_t n)
{
    const struct forest_told *node = &c->told[c->at++];
    float low = INFINITY, high = -INFINITY;
    uint32_t *side[2];
    size_t at[2] = {0};

    if (node->rows) {
        CU_ASSERT_EQUAL(node->rows, n);
        c->leaves++;
        c->few += n < LEAST;
        return;
    }
    /* Never of a few, at neither end, and always on a coarse grid. */
    CU_ASSERT_TRUE(n >= LEAST);
    side[0] = malloc((n + 1) * sizeof(**side));
    side[1] = malloc((n + 1) * sizeof(**side));
    for (size_t i = 0; i < n; i++) {
        forest_key k = c->rows[in[i] * c->width + node->feature];
        int right = k > node->node;

        low = fminf(low, forest_value_of(k));
        high = fmaxf(high, forest_value_of(k));
        side[right][at[right]++] = in[i];
    }
    CU_ASSERT_TRUE(at[0] > 0 && at[1] > 0);
    CU_ASSERT_TRUE(forest_key_of(low) / 32 < node->node / 32);
    CU_ASSERT_TRUE(forest_key_of(high) / 32 > node->node / 32);
    CU_ASSERT_TRUE(is_on_grid(
        node->node, exp2(floor(log2((double)high - (double)low)) - 5)));
    walk(c, side[0], at[0]);
    walk(c, side[1], at[1]);
    free(side[0]);
    free(side[1]);
}

static void test_tells_no_row(void)
{
    enum { ROWS = 256, WIDTH = 32 };
    forest_key *rows = calloc(ROWS * WIDTH, sizeof(*rows));
    struct forest_told told[2 * ROWS];
    uint32_t index[ROWS];
    size_t n_told = 0;
    struct forest f;
    const struct forest_seed from = {.rows = rows,
                                     .n = ROWS,
                                     .width = WIDTH,
                                     .index = index,
                                     .psi = ROWS,
                                     .least = LEAST,
                                     .told = told,
                                     .n_told = &n_told};
    random_stream draw = {3, 0};
    uint32_t few = 0;

    CU_ASSERT_EQUAL_FATAL(forest_create(&f, 1, 8, D, NULL), 0);
    for (uint32_t i = 0; i < ROWS; i++) {
        index[i] = i;
        for (uint32_t k = 0; k < D; k++) {
            double v = random_normal(&draw) * (i % 50 ? 1 : 30);

            /* A column far from 0, one of few values. */
            v = k == 1 ? v + 1e4 : k == 2 ? rint(v) : v;
            rows[i * WIDTH + k] = forest_key_of((float)v);
        }
    }
    for (uint64_t key = 0; key < 200; key++) {
        struct census c = {.told = told, .rows = rows, .width = WIDTH};

        CU_ASSERT_EQUAL(forest_grow(&f, 0, &from, key, NULL), 0);
        walk(&c, index, ROWS);
        CU_ASSERT_EQUAL(c.at, n_told);
        few += c.few;
    }
    CU_ASSERT_TRUE(few > 0); /* far rows are parted from the others */
    forest_free(&f);
    free(rows);
}

/* A leaf of few rows does not say how many. */
static void test_leaf_of_few(void)
{
    const struct forest_told told[] = {
        {.feature = 1, .node = 97}, {.rows = LEAST - 1}, {.rows = LEAST}};
    unsigned char out[64];
    size_t n = trees_write(out, told, 3, 9, LEAST);

    CU_ASSERT_EQUAL(n, 1 + 1 + 4 + 2 + 2);
    CU_ASSERT_EQUAL(out[0], 9);
    CU_ASSERT_EQUAL(out[1], 2);
    CU_ASSERT_EQUAL(out[7], 0);
    CU_ASSERT_EQUAL(out[9], LEAST);
    CU_ASSERT_TRUE(n <= trees_room(3));
}

/* The origin of a warm-up is near the rows, and of no row: not even where all
 * of them are the same.
 */
static void test_origin(void)
{
    fleet f;
    struct trees_item it;

    fleet_open(&f, NULL);
    fold(&f, 0, N, 1234.5678);
    CU_ASSERT_EQUAL(pe_delta_veil(f.base[0], f.delta[0], LEAST, NULL), 1);
    it = item_of(f.delta[0]);
    for (uint32_t k = 0; k < D; k++) {
        double shift = trees_shift(&it, k);

        CU_ASSERT_TRUE(fabs(shift - 1234.5678) < 16);
        CU_ASSERT_EQUAL(shift, rint(shift));
    }
    fleet_close(&f);
}

/* --- the mixture --- */

/* Devices have as many trees as rows, at every time: those with many rows a
 * sync, and one with few.
 */
static void test_mixture(void)
{
    static const uint32_t rows[DEVICES] = {6000, 3000, 60};
    static const char *const words[] = {"quorum", "3", NULL};
    int least[DEVICES] = {100, 100, 100}, most[DEVICES] = {0};
    fleet f;

    fleet_open(&f, words);
    for (int round = 0; round < 12; round++)
        for (int i = 0; i < DEVICES; i++) {
            fold(&f, i, rows[i], 20.0 * i);
            if (round == 0 && i == 2)
                fold(&f, i, 200, 40); /* a warm-up's worth */
            deliver(&f, i);
            for (int k = 0; round > 1 && k < DEVICES; k++) {
                int n = trees_of(&f, k);

                least[k] = n < least[k] ? n : least[k];
                most[k] = n > most[k] ? n : most[k];
            }
        }
    CU_ASSERT_TRUE(least[0] >= 55 && most[0] <= 77);
    CU_ASSERT_TRUE(least[1] >= 23 && most[1] <= 44);
    CU_ASSERT_TRUE(most[2] <= 5);
    fleet_close(&f);
}

/* What goes up is little more than what is taken. */
static void test_few_bytes(void)
{
    struct trees_item it;
    fleet f;

    fleet_open(&f, NULL);
    fold(&f, 0, N, 0);
    deliver(&f, 0);
    fold(&f, 1, N, 0);
    deliver(&f, 1);
    follow(&f, 0);
    /* 20 rows of 2,560 renew 0.78 of 100 trees; the window has more. */
    fold(&f, 0, 20, 0);
    CU_ASSERT_EQUAL(pe_delta_veil(f.base[0], f.delta[0], LEAST, NULL), 1);
    it = item_of(f.delta[0]);
    CU_ASSERT_EQUAL(it.head.from.n, 1);
    CU_ASSERT_EQUAL(it.head.rows, 20);
    CU_ASSERT_EQUAL(it.head.least, LEAST);
    /* Grown from 512, as a varint: what the device remembers. */
    CU_ASSERT_EQUAL(it.data[sizeof(it.head) + D * sizeof(double)], 0x80);
    CU_ASSERT_EQUAL(it.data[sizeof(it.head) + D * sizeof(double) + 1], 4);
    fleet_close(&f);
}

static double mean_score(const pe_model *m, double at)
{
    float scores[N];
    pe_block b = {0};
    double sum = 0;

    blobs_fill(&b, N, D, PE_F8, SEED, 12345, NULL);
    for (size_t k = 0; k < (size_t)N * D; k++)
        ((double *)b.data)[k] += at;
    CU_ASSERT_EQUAL(pe_model_score(m, &b, scores, NULL), 0);
    for (int i = 0; i < N; i++)
        sum += (double)scores[i] / N;
    pe_block_release(&b);
    return sum;
}

/* Trees of few rows are short, and count as if they were of as many as the
 * others: scores are what they are.
 */
static void test_small_trees(void)
{
    static const char *const words[] = {"warmup", "60", NULL};
    double few, many;
    fleet f;

    fleet_open(&f, words);
    fold(&f, 0, 60, 0);
    deliver(&f, 0);
    CU_ASSERT_FALSE(f.m->warming);
    few = mean_score(f.m, 0);
    for (int i = 0; i < 10; i++) {
        fold(&f, 0, 3000, 0);
        deliver(&f, 0);
    }
    many = mean_score(f.m, 0);
    CU_ASSERT_DOUBLE_EQUAL(few, many, 0.05);
    CU_ASSERT_TRUE(many > 0.4 && many < 0.55);
    CU_ASSERT_TRUE(mean_score(f.m, 60) > many + 0.15);
    fleet_close(&f);
}

/* --- a file --- */

/* All of a model comes back, to the bit; a device whose origin is another one
 * is taken in.
 */
static void test_file(void)
{
    static const char *const words[] = {"quorum", "2", NULL};
    pe_buffer a = {0}, b = {0};
    pe_model *copy;
    fleet f;

    fleet_open(&f, words);
    fold(&f, 0, N, 0);
    deliver(&f, 0);
    CU_ASSERT_TRUE(f.m->warming);
    CU_ASSERT_EQUAL(iforest_cof(f.m)->parts, 1);
    for (int step = 0; step < 2; step++) {
        CU_ASSERT_EQUAL(pe_model_encode(f.m, &a, NULL), 0);
        copy = pe_model_decode(a.data, a.len, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        CU_ASSERT_EQUAL(pe_model_encode(copy, &b, NULL), 0);
        CU_ASSERT_EQUAL(a.len, b.len);
        CU_ASSERT_EQUAL(memcmp(a.data, b.data, a.len), 0);
        pe_model_destroy(f.m);
        f.m = copy;
        fold(&f, 1, N, 3);
        deliver(&f, 1);
        CU_ASSERT_FALSE(f.m->warming);
    }
    CU_ASSERT_TRUE(trees_of(&f, 0) > 0);
    CU_ASSERT_TRUE(trees_of(&f, 1) > 0);
    CU_ASSERT_EQUAL(iforest_cof(f.m)->waiting.blob.len, 0);
    pe_buffer_free(&a);
    pe_buffer_free(&b);
    fleet_close(&f);
}

/* --- what no device sends --- */

static void refused(fleet *f, size_t at, unsigned char byte, const char *why)
{
    pe_delta copy = {.points = f->delta[0]->points};
    const pe_block from = {.device = "d0"};
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_buffer_append(&copy.blob, f->delta[0]->blob.data,
                                     f->delta[0]->blob.len, NULL),
                    0);
    copy.blob.data[at] = byte;
    CU_ASSERT_EQUAL(pe_delta_admit(f->m, &copy, &from, &e), -1);
    UNIT_EQUAL(e.text, why);
    pe_buffer_free(&copy.blob);
}

static void test_refused(void)
{
    const size_t item = sizeof(struct item), head = sizeof(struct trees_head);
    const size_t trees = item + head + D * sizeof(double);
    fleet f;

    fleet_open(&f, NULL);
    fold(&f, 0, N, 0);
    CU_ASSERT_EQUAL(pe_delta_veil(f.base[0], f.delta[0], LEAST, NULL), 1);
    refused(&f, 0, 99,
            "a delta of an isolation forest with an item that is none");
    refused(&f, item + offsetof(struct trees_head, from.n), 99,
            "a delta of an isolation forest with trees that cannot be");
    refused(&f, item + offsetof(struct trees_head, rows), 1,
            "a delta of an isolation forest whose trees do not add up to its "
            "rows");
    refused(&f, trees + 1, 0x7f, /* 500 rows were */
            "a delta of an isolation forest with trees that cannot be");
    refused(&f, trees + 2, D + 1, /* of one column more than there are */
            "a delta of an isolation forest with trees that cannot be");
    f.delta[0]->n_sum = 1;
    f.delta[0]->sum[0] = 0;
    CU_ASSERT_EQUAL(
        pe_delta_admit(f.m, f.delta[0], &(pe_block){.device = "d"}, NULL), -1);
    fleet_close(&f);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a tree tells no row", test_tells_no_row},
        {"a leaf of few rows does not say how many", test_leaf_of_few},
        {"an origin is no row", test_origin},
        {"as many trees as rows", test_mixture},
        {"what goes up is what is due", test_few_bytes},
        {"trees of few rows", test_small_trees},
        {"a file has all of it", test_file},
        {"what no device sends is refused", test_refused},
        {0},
    };

    return unit_main("forest_devices", tests);
}
