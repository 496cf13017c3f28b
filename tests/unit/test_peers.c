/* test_peers.c - the outliers a final model names, against what scikit-learn
 * and PyOD name in the same rows (tests/data/answers.txt, which
 * benchmarks/peers/answers.py writes).
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pilot/model.h>

#include "answer_data.h"
#include "src/answer/exact.h"
#include "src/function/overall.h"

#define WITHIN 0.02

enum { ROWS = ANSWER_DATA_ROWS, POINTS = 100, EPOCH = 5, SEEDS = 3 };

static answer_data table;

static pe_model *create(const char *kind, int seed)
{
    pe_options *o = pe_model_options(kind, NULL);
    pe_model *m;
    char word[32];

    snprintf(word, sizeof(word), "%g",
             (double)ANSWER_DATA_ODD / ANSWER_DATA_ROWS);
    pe_options_set(o, "contamination", word, NULL);
    snprintf(word, sizeof(word), "%d", seed);
    pe_options_set(o, "seed", word, NULL);
    if (!strcmp(kind, "kmeans"))
        pe_options_set(o, "clusters", "3", NULL);
    if (!strcmp(kind, "autoencoder")) { /* as PyOD's fit */
        snprintf(word, sizeof(word), "%d", ROWS);
        pe_options_set(o, "passes", "10", NULL);
        pe_options_set(o, "warmup", word, NULL);
    }
    m = pe_model_create(kind, o, ANSWER_DATA_COLUMNS, NULL);
    pe_options_destroy(o);
    return m;
}

/* As a pool would: blocks in order, a commit after every few. */
static pe_model *learn(const char *kind, int seed)
{
    pe_model *m = create(kind, seed);
    pe_block b = {0};

    CU_ASSERT_EQUAL(
        pe_block_reserve(&b, POINTS, ANSWER_DATA_COLUMNS, PE_F8, NULL), 0);
    for (int at = 0; at < ROWS;) {
        pe_delta *d = pe_delta_create(m, NULL);

        for (int k = 0; k < EPOCH && at < ROWS; k++, at += POINTS) {
            memcpy(b.data, table.x[at], sizeof(table.x[0]) * POINTS);
            b.offset = at / POINTS;
            b.partition = 0;
            CU_ASSERT_EQUAL(pe_model_update(m, d, &b, NULL, NULL), 0);
            if (m->ops->full && m->warming && m->ops->full(m, d))
                k = EPOCH;
        }
        CU_ASSERT_EQUAL(pe_delta_seal(m, d, NULL), 0);
        CU_ASSERT_EQUAL(pe_model_apply(m, d, NULL), 0);
        m->version++;
        pe_delta_destroy(d);
    }
    pe_block_release(&b);
    CU_ASSERT_FALSE(m->warming);
    return m;
}

/* Scores of all rows, and the exact threshold. */
static double score(const pe_model *m, float *scores)
{
    static uint64_t lanes[EXACT_LANES];
    pe_block b = {.data = table.x,
                  .points = ROWS,
                  .features = ANSWER_DATA_COLUMNS,
                  .dtype = PE_F8};
    double t;
    exact e;

    CU_ASSERT_EQUAL(pe_model_score(m, &b, scores, NULL), 0);
    memset(lanes, 0, sizeof(lanes));
    for (int i = 0; i < ROWS; i++)
        exact_count(lanes, scores[i]);
    CU_ASSERT_EQUAL(exact_begin(&e, lanes, m->contamination), 0);
    for (int i = 0; i < ROWS; i++)
        exact_look(&e, scores[i]);
    t = exact_end(&e);
    exact_free(&e);
    return t;
}

/* Precision and recall of the rows above the exact threshold. */
static void judge(const pe_model *m, double *precision, double *recall)
{
    static float scores[ROWS];
    int hits = 0, found = 0;
    double t = score(m, scores);

    for (int i = 0; i < ROWS; i++) {
        found += (double)scores[i] > t;
        hits += (double)scores[i] > t && table.planted[i];
    }
    *precision += (double)hits / (found ? found : 1) / SEEDS;
    *recall += (double)hits / ANSWER_DATA_ODD / SEEDS;
}

static void compare(const char *name, const char *kind, double precision,
                    double recall)
{
    double ours[2] = {0, 0};

    if (answer_data_make(name, &table) < 0)
        return; /* a table of scikit-learn's */
    for (int seed = 1; seed <= SEEDS; seed++) {
        pe_model *m = learn(kind, seed);

        judge(m, &ours[0], &ours[1]);
        pe_model_destroy(m);
    }
    if (ours[0] < precision - WITHIN || ours[1] < recall - WITHIN)
        printf("# %s, %s: precision %.3f (peer %.3f), recall %.3f (peer "
               "%.3f)\n",
               name, kind, ours[0], precision, ours[1], recall);
    CU_ASSERT(ours[0] >= precision - WITHIN);
    CU_ASSERT(ours[1] >= recall - WITHIN);
}

static void against(const char *model)
{
    const char *root = getenv("top_srcdir");
    char path[4096], line[256], name[64], kind[64];
    double precision, recall;
    int n = 0;

    snprintf(path, sizeof(path), "%s/tests/data/answers.txt",
             root ? root : ".");
    FILE *f = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "%63s %63s %lf %lf", name, kind, &precision,
                   &recall) == 4 &&
            !strcmp(kind, model)) {
            compare(name, kind, precision, recall);
            n++;
        }
    fclose(f);
    CU_ASSERT(n >= 5);
}

/* --- when all rows are there: tests/data/named.txt --- */

/* Behind `standardise`, of all rows, which finds what StandardScaler has found:
 * [of], means and then scales.
 */
static void scale(const double *of)
{
    pe_block b = {.data = table.x,
                  .points = ROWS,
                  .features = ANSWER_DATA_COLUMNS,
                  .dtype = PE_F8};
    overall w = {0};
    context_scaling s;

    CU_ASSERT_EQUAL(overall_add(&w, &b, NULL), 0);
    CU_ASSERT_EQUAL(overall_end(&w, NULL), 0);
    s = overall_scaling(&w);
    CU_ASSERT_EQUAL_FATAL(s.n, ANSWER_DATA_COLUMNS);
    for (int j = 0; j < ANSWER_DATA_COLUMNS; j++) {
        double size = of[ANSWER_DATA_COLUMNS + j];

        CU_ASSERT_DOUBLE_EQUAL(s.mean[j], of[j], 1e-11 * size);
        CU_ASSERT_DOUBLE_EQUAL(1 / s.factor[j], size, 1e-11 * size);
        for (int i = 0; i < ROWS; i++)
            table.x[i][j] = (table.x[i][j] - s.mean[j]) * s.factor[j];
    }
    overall_free(&w);
}

/* How many of the [n] rows of a peer ours names, too, once it is fitted. */
static int common(const char *kind, int seed, const int *row, int n)
{
    static _Alignas(64) double rows[ROWS][ANSWER_DATA_COLUMNS];
    static float scores[ROWS];
    pe_model *m = learn(kind, seed);
    double t;
    int both = 0;

    memcpy(rows, table.x, sizeof(rows));
    CU_ASSERT_EQUAL(pe_model_fit(m, rows[0], ROWS, NULL), 1);
    CU_ASSERT(m->fitted > ROWS - ANSWER_DATA_ODD && m->fitted <= ROWS);
    t = score(m, scores);
    for (int i = 0; i < n; i++)
        both += (double)scores[row[i]] > t;
    pe_model_destroy(m);
    return both;
}

static int middle(int a, int b, int c)
{
    return a > b ? (b > c ? b : a > c ? c : a) : (a > c ? a : b > c ? c : b);
}

/* "TABLE MODEL SCALED LEAST ROW..." */
static void check_named(const char *words, const double *scaler)
{
    char name[64], kind[64];
    int scaled, at, row[2 * ANSWER_DATA_ODD], n = 0, both;
    double least;

    if (sscanf(words, "%63s %63s %d %lf%n", name, kind, &scaled, &least, &at) !=
        4)
        return;
    for (words += at;
         n < 2 * ANSWER_DATA_ODD && sscanf(words, "%d%n", &row[n], &at) == 1;
         n++)
        words += at;
    CU_ASSERT_EQUAL_FATAL(answer_data_make(name, &table), 0);
    if (scaled)
        scale(scaler);
    both = middle(common(kind, 1, row, n), common(kind, 2, row, n),
                  common(kind, 3, row, n));
    if (both < least)
        printf("# %s, %s%s: %d of %d rows are a peer's; two peers have %g\n",
               name, kind, scaled ? ", scaled" : "", both, n, least);
    CU_ASSERT(both >= least);
}

static void test_named(void)
{
    const char *root = getenv("top_srcdir");
    char path[4096], line[4096];
    double scaler[2 * ANSWER_DATA_COLUMNS] = {0};
    int n = 0, at;

    snprintf(path, sizeof(path), "%s/tests/data/named.txt", root ? root : ".");
    FILE *f = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    while (fgets(line, sizeof(line), f)) {
        const char *words = line;

        if (!strncmp(line, "named ", 6) && ++n)
            check_named(line + 6, scaler);
        if (strncmp(line, "scaler ", 7) != 0)
            continue;
        words += strcspn(words + 7, " ") + 7;
        for (int k = 0; k < 2 * ANSWER_DATA_COLUMNS &&
                        sscanf(words, "%lf%n", &scaler[k], &at) == 1;
             k++)
            words += at;
    }
    fclose(f);
    CU_ASSERT_EQUAL(n, 15);
}

static void test_kmeans(void)
{
    against("kmeans");
}

static void test_iforest(void)
{
    against("iforest");
}

static void test_autoencoder(void)
{
    against("autoencoder");
}

int main(void)
{
    static const unit_test tests[] = {
        {"k-means", test_kmeans},
        {"isolation forest", test_iforest},
        {"auto-encoder", test_autoencoder},
        {"all rows there: those that peers name", test_named},
        {0},
    };

    return unit_main("peers", tests);
}
