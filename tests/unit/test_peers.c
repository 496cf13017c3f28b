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

/* Precision and recall of the rows above the exact threshold. */
static void judge(const pe_model *m, double *precision, double *recall)
{
    static float scores[ROWS];
    static uint64_t lanes[EXACT_LANES];
    pe_block b = {.data = table.x,
                  .points = ROWS,
                  .features = ANSWER_DATA_COLUMNS,
                  .dtype = PE_F8};
    int hits = 0, found = 0;
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
        {0},
    };

    return unit_main("peers", tests);
}
