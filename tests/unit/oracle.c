/* oracle.c - numbers that others computed, read from tests/data. */
#include "oracle.h"

#include <stdint.h>
#include <stdlib.h>

#include "unit.h"

FILE *oracle_open(const char *name)
{
    const char *root = getenv("top_srcdir");
    char path[1024];
    FILE *f;
    int c;

    snprintf(path, sizeof(path), "%s/tests/data/%s", root ? root : "..", name);
    f = fopen(path, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    while ((c = getc(f)) != '\n' && c != EOF)
        ;
    return f;
}

double oracle_number(FILE *f)
{
    double x = 0;

    CU_ASSERT_EQUAL_FATAL(fscanf(f, "%lf", &x), 1);
    return x;
}

double *oracle_array(FILE *f, size_t *np)
{
    double *x;

    *np = (size_t)oracle_number(f);
    x = malloc((*np + 1) * sizeof(*x));
    CU_ASSERT_PTR_NOT_NULL_FATAL(x);
    for (size_t i = 0; i < *np; i++)
        x[i] = oracle_number(f);
    return x;
}

struct scored {
    float score;
    unsigned char out;
};

static int by_score(const void *a, const void *b)
{
    float x = ((const struct scored *)a)->score;
    float y = ((const struct scored *)b)->score;

    return (x > y) - (x < y);
}

/* Ties count half: ranks of equal scores are averaged. */
double oracle_auc(const float *s, const unsigned char *label, size_t n)
{
    struct scored *v = malloc((n + 1) * sizeof(*v));
    double ranks = 0, out = 0;

    CU_ASSERT_PTR_NOT_NULL_FATAL(v);
    for (size_t i = 0; i < n; i++)
        v[i] = (struct scored){s[i], label[i]};
    qsort(v, n, sizeof(*v), by_score);
    for (size_t i = 0, j; i < n; i = j) {
        for (j = i; j < n && v[j].score == v[i].score; j++)
            ;
        for (size_t k = i; k < j; k++) {
            ranks += v[k].out ? (double)(i + j + 1) / 2 : 0;
            out += v[k].out;
        }
    }
    free(v);
    return (ranks - out * (out + 1) / 2) / (out * ((double)n - out));
}
