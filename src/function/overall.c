/* overall.c - sums of all rows: means and scales, whatever order threads take.
 */
#include "overall.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/spread.h"
#include "src/common/text.h"
#include "src/context/rows.h"

/* A column of doubles for each feature. */
enum {
    MEAN,
    FACTOR, /* 1 / scale, at the end */
    COUNT,
    SQUARES, /* of what lies beyond the mean */
    LEAST,
    MOST,
    MIDDLE, /* the second look: what lies REACH beyond it is far */
    REACH,
    ROW, /* of one block: a row, an origin, sums beyond it */
    SHIFT,
    NEAR,
    SUM,
    SUM_SQUARES,
    COLUMNS
};

#define SAMPLE_ROWS 1024
#define SAMPLE_LEAST 100 /* of fewer rows nobody can say which are far */
#define SAMPLE_BYTES (16 << 20)
#define HEAD "pilot-edge.scaling.v1"

static double *column(const overall *w, int which)
{
    return w->room + (size_t)which * w->features;
}

void overall_free(overall *w)
{
    free(w->room);
    free(w->sample);
    *w = (overall){0};
}

static int begin(overall *w, uint32_t features, pe_error *errp)
{
    size_t most = SAMPLE_BYTES / sizeof(double) / features;

    w->cap_sample = most < SAMPLE_ROWS ? most : SAMPLE_ROWS;
    w->room = calloc((size_t)COLUMNS * features, sizeof(*w->room));
    w->sample = malloc((w->cap_sample * features + 1) * sizeof(*w->sample));
    if (!w->room || !w->sample) {
        overall_free(w);
        return pe_error_nomem(errp);
    }
    w->features = features;
    w->step = 1;
    for (uint32_t j = 0; j < features; j++) {
        column(w, LEAST)[j] = column(w, REACH)[j] = INFINITY;
        column(w, MOST)[j] = -INFINITY;
    }
    return 0;
}

/* Each step-th row; when there is no room, every second one of those goes. */
static void sample_row(overall *w, const double *x)
{
    size_t f = w->features;

    if (w->again || w->cap_sample < SAMPLE_LEAST || w->rows % w->step != 0)
        return;
    if (w->n_sample == w->cap_sample) {
        w->n_sample = (w->n_sample + 1) / 2;
        for (size_t i = 1; i < w->n_sample; i++)
            memcpy(w->sample + i * f, w->sample + 2 * i * f,
                   f * sizeof(*w->sample));
        w->step *= 2;
        if (w->rows % w->step != 0)
            return;
    }
    memcpy(w->sample + w->n_sample++ * f, x, f * sizeof(*w->sample));
}

static void add_row(overall *w)
{
    const double *restrict x = column(w, ROW);
    const double *restrict middle = column(w, MIDDLE);
    const double *restrict reach = column(w, REACH);
    const double *restrict shift = column(w, SHIFT);
    double *restrict near = column(w, NEAR);
    double *restrict sum = column(w, SUM);
    double *restrict squares = column(w, SUM_SQUARES);
    double *restrict least = column(w, LEAST);
    double *restrict most = column(w, MOST);

    for (uint32_t j = 0; j < w->features; j++) {
        bool is = fabs(x[j] - middle[j]) < reach[j];
        double d = is ? x[j] - shift[j] : 0;

        near[j] += is;
        sum[j] += d;
        squares[j] += d * d;
        w->far += !is;
        least[j] = x[j] < least[j] ? x[j] : least[j];
        most[j] = x[j] > most[j] ? x[j] : most[j];
    }
}

/* Chan, Golub, LeVeque: two sets of values become one. */
static void join(overall *w, uint32_t j, double m, double mean, double squares)
{
    double n = column(w, COUNT)[j], all = n + m;
    double delta = mean - column(w, MEAN)[j];

    if (m == 0)
        return;
    column(w, MEAN)[j] += delta * m / all;
    column(w, SQUARES)[j] += fmax(squares, 0) + delta * delta * n * m / all;
    column(w, COUNT)[j] = all;
}

/* Sums are taken beyond the first row of all (in the second look it may be a
 * far one, and the middle is known), then beyond the mean so far.
 */
static void join_block(overall *w)
{
    for (uint32_t j = 0; j < w->features; j++) {
        double m = column(w, NEAR)[j], sum = column(w, SUM)[j];

        if (m > 0)
            join(w, j, m, column(w, SHIFT)[j] + sum / m,
                 column(w, SUM_SQUARES)[j] - sum * sum / m);
        column(w, NEAR)[j] = column(w, SUM)[j] = column(w, SUM_SQUARES)[j] = 0;
    }
}

static int other(const overall *w, uint32_t features, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                        "features changed from %u to %u", w->features,
                        features);
}

int overall_add(overall *w, const pe_block *b, pe_error *errp)
{
    double *x;

    if (!w->features && begin(w, b->features, errp) < 0)
        return -1;
    if (b->features != w->features)
        return other(w, b->features, errp);
    x = column(w, ROW);
    memcpy(column(w, SHIFT), column(w, MEAN), w->features * sizeof(double));
    for (uint32_t i = 0; i < b->points; i++) {
        if (!rows_load(b, i, x)) {
            w->masked++;
            continue;
        }
        if (w->rows == 0)
            memcpy(column(w, SHIFT), w->again ? column(w, MIDDLE) : x,
                   w->features * sizeof(double));
        add_row(w);
        sample_row(w, x);
        w->rows++;
    }
    join_block(w);
    return 0;
}

int overall_merge(overall *into, const overall *from, pe_error *errp)
{
    size_t f = from->features, room;

    if (!from->features)
        return 0;
    if (!into->features && begin(into, from->features, errp) < 0)
        return -1;
    if (from->features != into->features)
        return other(into, from->features, errp);
    for (uint32_t j = 0; j < f; j++) {
        join(into, j, column(from, COUNT)[j], column(from, MEAN)[j],
             column(from, SQUARES)[j]);
        column(into, LEAST)[j] =
            fmin(column(into, LEAST)[j], column(from, LEAST)[j]);
        column(into, MOST)[j] =
            fmax(column(into, MOST)[j], column(from, MOST)[j]);
    }
    into->rows += from->rows;
    into->masked += from->masked;
    into->far += from->far;
    room = into->cap_sample - into->n_sample;
    room = room < from->n_sample ? room : from->n_sample;
    memcpy(into->sample + into->n_sample * f, from->sample,
           room * f * sizeof(*into->sample));
    into->n_sample += room;
    return 0;
}

int overall_like(overall *w, const overall *like, pe_error *errp)
{
    size_t bytes = like->features * sizeof(double);

    if (begin(w, like->features, errp) < 0)
        return -1;
    memcpy(column(w, MIDDLE), column(like, MIDDLE), bytes);
    memcpy(column(w, REACH), column(like, REACH), bytes);
    w->again = like->again;
    return 0;
}

/* --- the end --- */

/* Where values of a column begin to be far; true when some are. */
static bool set_reach(overall *w, uint32_t j, double *work)
{
    struct spread s = spread_of(w->sample + j, w->n_sample, w->features, work);
    double reach = SPREAD_FARTHEST * s.width;

    column(w, MIDDLE)[j] = s.middle;
    if (!(s.width > 0) || (column(w, LEAST)[j] > s.middle - reach &&
                           column(w, MOST)[j] < s.middle + reach))
        return false;
    column(w, REACH)[j] = reach;
    return true;
}

static int look_for_far(overall *w, pe_error *errp)
{
    double *work = malloc((w->n_sample + 1) * sizeof(*work));
    int some = 0;

    if (!work)
        return pe_error_nomem(errp);
    for (uint32_t j = 0; j < w->features; j++)
        some |= set_reach(w, j, work);
    free(work);
    return some;
}

/* For the second look. */
static void forget(overall *w)
{
    size_t bytes = w->features * sizeof(double);

    memset(column(w, MEAN), 0, bytes);
    memset(column(w, COUNT), 0, bytes);
    memset(column(w, SQUARES), 0, bytes);
    w->rows = w->masked = w->far = 0;
    w->again = true;
}

/* What rounding leaves of a column that does not move is no scale: the bound is
 * StandardScaler's.
 */
static bool is_constant(const overall *w, uint32_t j, double scale)
{
    double n = column(w, COUNT)[j] * DBL_EPSILON;
    double rounding = n * column(w, MEAN)[j];

    return !isnormal(scale) ||
           scale * scale <= n * scale * scale + rounding * rounding;
}

int overall_end(overall *w, pe_error *errp)
{
    int rc = 0;

    if (!w->again && w->n_sample >= SAMPLE_LEAST)
        rc = look_for_far(w, errp);
    if (rc < 0)
        return -1;
    if (rc > 0) {
        forget(w);
        return 1;
    }
    for (uint32_t j = 0; j < w->features; j++) {
        double scale = sqrt(column(w, SQUARES)[j] / column(w, COUNT)[j]);

        column(w, FACTOR)[j] = is_constant(w, j, scale) ? 1 : 1 / scale;
    }
    return 0;
}

context_scaling overall_scaling(const overall *w)
{
    return (context_scaling){w->room, w->room ? column(w, FACTOR) : NULL,
                             w->rows ? w->features : 0};
}

/* Columns that are left as they are though their values move: so far from 0
 * that rounding may be all of what moves.  Their number, and the first.
 */
static uint32_t unscaled(const overall *w, uint32_t *firstp)
{
    uint32_t n = 0;

    for (uint32_t j = w->features; j-- > 0;) {
        bool moves = column(w, LEAST)[j] < column(w, MOST)[j];

        if (!moves || column(w, SQUARES)[j] <= 0 ||
            !is_constant(w, j,
                         sqrt(column(w, SQUARES)[j] / column(w, COUNT)[j])))
            continue;
        *firstp = j;
        n++;
    }
    return n;
}

static void unscaled_words(const overall *w, char *out, size_t cap)
{
    uint32_t first = 0, n = unscaled(w, &first);
    char more[48] = "";

    *out = '\0';
    if (n > 1)
        snprintf(more, sizeof(more), " and %u more", n - 1);
    if (n > 0)
        snprintf(out, cap,
                 "; column %u%s moves by so little beside its mean (%.6g) that "
                 "it may be rounding, and is not scaled: take its mean off "
                 "where it comes from",
                 first, more, column(w, MEAN)[first]);
}

void overall_words(const overall *w, const char *path, char *out, size_t cap)
{
    char masked[64] = "", far[96] = "", small[256];

    if (w->masked)
        snprintf(masked, sizeof(masked), " (%" PRIu64 " masked ones left out)",
                 w->masked);
    if (w->far)
        snprintf(far, sizeof(far),
                 "; %" PRIu64 " value%s %g deviations off or more, and no "
                 "part of it",
                 w->far, w->far == 1 ? " is" : "s are", SPREAD_FARTHEST);
    unscaled_words(w, small, sizeof(small));
    snprintf(out, cap,
             "has the mean and scale of all %" PRIu64 " row%s of %.300s%s%s%s",
             w->rows, text_s(w->rows), path, masked, far, small);
}

/* --- kept by others --- */

void *overall_encode(const overall *w, size_t *lenp, pe_error *errp)
{
    char head[160], *data;
    size_t bytes = w->features * sizeof(double);
    size_t n = (size_t)snprintf(
        head, sizeof(head), HEAD " %u %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
        w->features, w->rows, w->masked, w->far);

    *lenp = n + 2 * bytes;
    data = malloc(*lenp);
    if (!data) {
        pe_error_nomem(errp);
        return NULL;
    }
    memcpy(data, head, n);
    if (bytes > 0) {
        memcpy(data + n, column(w, MEAN), bytes);
        memcpy(data + n + bytes, column(w, FACTOR), bytes);
    }
    return data;
}

int overall_decode(overall *w, const void *data, size_t len, pe_error *errp)
{
    const char *end = memchr(data, '\n', len);
    uint32_t features = 0;
    uint64_t rows, masked, far;
    char head[160] = "";
    size_t at = end ? (size_t)(end - (const char *)data) + 1 : len, bytes;

    if (at < sizeof(head))
        memcpy(head, data, at);
    if (sscanf(head, HEAD " %" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64,
               &features, &rows, &masked, &far) != 4 ||
        (len - at) / 2 / sizeof(double) != features || features == 0)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "what is kept of a scaling is none");
    *w = (overall){0};
    if (begin(w, features, errp) < 0)
        return -1;
    bytes = features * sizeof(double);
    memcpy(column(w, MEAN), (const char *)data + at, bytes);
    memcpy(column(w, FACTOR), (const char *)data + at + bytes, bytes);
    w->rows = rows;
    w->masked = masked;
    w->far = far;
    return 0;
}
