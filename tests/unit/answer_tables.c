/* answer_tables.c - seeded tables with planted rows. */
#include "answer_data.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

static uint64_t seed;

static double uniform(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(seed >> 11) / 9007199254740992.0;
}

/* About N(0, 1), from sums only: the same on every machine. */
static double normal(void)
{
    double sum = -6;

    for (int i = 0; i < 12; i++)
        sum += uniform();
    return sum;
}

static void blobs(double *x, int i, int odd)
{
    static const double centre[3][4] = {
        {0, 0, 0, 0}, {8, 8, -8, 0}, {-8, 8, 8, 8}};
    int k = (int)(3 * uniform());

    (void)i;
    for (int f = 0; f < ANSWER_DATA_COLUMNS; f++)
        x[f] = odd ? 60 * uniform() - 30 : centre[k][f] + normal();
}

/* All columns rise with time, each at its own pace. */
static void ramp(double *x, int i, int odd)
{
    for (int f = 0; f < ANSWER_DATA_COLUMNS; f++)
        x[f] = 0.002 * (f + 1) * i + normal() +
               (odd ? (uniform() < 0.5 ? -1 : 1) * (12 + 8 * uniform()) : 0);
}

static void constant(double *x, int i, int odd)
{
    blobs(x, i, odd);
    x[2] = 7;
}

static void scales(double *x, int i, int odd)
{
    blobs(x, i, odd);
    x[0] *= 1e6;
    x[3] *= 1e-3;
}

/* Whole numbers, nine rows of ten one of a dozen. */
static void duplicates(double *x, int i, int odd)
{
    int k = (int)(12 * uniform());

    (void)i;
    for (int f = 0; f < ANSWER_DATA_COLUMNS; f++)
        x[f] = odd ? floor(80 * uniform()) - 40 : (k * (f + 3)) % 7;
    if (!odd && uniform() < 0.1)
        x[1] += floor(3 * uniform()) - 1;
}

int answer_data_make(const char *name, answer_data *t)
{
    static const struct {
        const char *name;
        void (*fill)(double *x, int i, int odd);
    } tables[] = {
        {"blobs", blobs},           {"ramp", ramp},
        {"constant", constant},     {"scales", scales},
        {"duplicates", duplicates},
    };
    const int every = ANSWER_DATA_ROWS / ANSWER_DATA_ODD;

    memset(t, 0, sizeof(*t));
    t->rows = ANSWER_DATA_ROWS;
    t->columns = ANSWER_DATA_COLUMNS;
    for (size_t k = 0; k < sizeof(tables) / sizeof(tables[0]); k++) {
        if (strcmp(name, tables[k].name) != 0)
            continue;
        seed = 1000 + k;
        for (int i = 0; i < t->rows; i++) {
            t->planted[i] = i % every == every / 2;
            tables[k].fill(t->x[i], i, t->planted[i]);
        }
        return 0;
    }
    return -1;
}
