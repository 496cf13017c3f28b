/* delta.c - what a device has learned, as the value of a record. */
#include "delta.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "src/commit/frame.h"
#include "src/common/varint.h"

/* "PEDELTA1" in the order of bytes of who wrote it. */
#define MAGIC UINT64_C(0x3141544c45444550)

#define ROWS_MAX (UINT64_C(1) << 53)

/* --- numbers that are mostly small, or 0 --- */

static uint64_t fold_sign(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

static int64_t unfold_sign(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}

/* Each number that is not 0, behind how many of them are before it. */
static void put_numbers(frame_writer *w, const int64_t *v, size_t n)
{
    unsigned char *packed = malloc(n * 2 * VARINT_MAX + 1);
    size_t len = 0, zeros = 0;

    if (!packed) {
        w->rc = w->rc < 0 ? -1 : pe_error_nomem(w->errp);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (!v[i]) {
            zeros++;
            continue;
        }
        len += varint_put(packed + len, zeros);
        len += varint_put(packed + len, fold_sign(v[i]));
        zeros = 0;
    }
    frame_put_u64(w, n);
    frame_put_bytes(w, packed, len);
    free(packed);
}

/* Into [v], zeroed, of [n] numbers. */
static void take_numbers(frame_reader *r, int64_t *v, size_t n)
{
    size_t len, at = 0, i = 0;
    const unsigned char *p = frame_take_bytes(r, &len);

    while (p && at < len && !r->bad) {
        uint64_t zeros, number;
        size_t a = varint_take(p + at, len - at, &zeros);
        size_t b = a ? varint_take(p + at + a, len - at - a, &number) : 0;

        if (!b || zeros >= n - i) {
            r->bad = true;
            return;
        }
        i += zeros;
        v[i++] = unfold_sign(number);
        at += a + b;
    }
}

/* Sums, of which those up to the first that is no float go as floats: nothing
 * is lost.
 */
static void put_sums(frame_writer *w, const double *v, size_t n)
{
    size_t n4 = 0;
    float *floats;

    while (n4 < n && fabs(v[n4]) <= (double)FLT_MAX &&
           !((double)(float)v[n4] < v[n4]) && !((double)(float)v[n4] > v[n4]))
        n4++;
    floats = malloc((n4 + 1) * sizeof(*floats));
    if (!floats) {
        w->rc = w->rc < 0 ? -1 : pe_error_nomem(w->errp);
        return;
    }
    for (size_t i = 0; i < n4; i++)
        floats[i] = (float)v[i];
    frame_put_u64(w, n);
    frame_put_bytes(w, floats, n4 * sizeof(*floats));
    frame_put_bytes(w, n > n4 ? (const void *)(v + n4) : "",
                    (n - n4) * sizeof(*v));
    free(floats);
}

/* --- to bytes --- */

int federate_encode(const pe_model *base, const pe_delta *d, pe_buffer *to,
                    pe_error *errp)
{
    frame_writer w;

    frame_begin(&w, to, errp);
    frame_put_u64(&w, MAGIC);
    frame_put_text(&w, base->ops->name);
    frame_put_u64(&w, base->features);
    frame_put_text(&w, base->commit);
    frame_put_u64(&w, d->points);
    frame_put_u64(&w, d->masked);
    frame_put_u64(&w, d->outliers);
    put_numbers(&w, (const int64_t *)d->cells, d->masked ? d->n_cells : 0);
    frame_put_u64(&w, d->n_tag);
    frame_put_bytes(&w, d->tag ? (const void *)d->tag : "",
                    d->n_tag * sizeof(*d->tag));
    put_numbers(&w, d->count, d->n_count);
    put_sums(&w, d->sum, d->n_sum);
    frame_put_bytes(&w, d->blob.data ? (const void *)d->blob.data : "",
                    d->blob.len);
    return frame_end(&w);
}

/* --- and back --- */

static int refuse(const char *why, pe_error *errp)
{
    return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA, "a delta %s", why);
}

static int take_head(frame_reader *r, const pe_model *base, pe_delta *d,
                     pe_error *errp)
{
    uint64_t magic = frame_take_u64(r);
    const char *kind = frame_take_text(r);
    uint64_t features = frame_take_u64(r);

    if (r->bad || magic != MAGIC)
        return refuse("that is none, or of a machine with another order of "
                      "bytes",
                      errp);
    if (strcmp(kind, base->ops->name) != 0)
        return refuse("of another model than the run's", errp);
    if (features != base->features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "features changed from %u to %llu", base->features,
                            (unsigned long long)features);
    frame_take_text(r);
    d->points = frame_take_u64(r);
    d->masked = frame_take_u64(r);
    d->outliers = frame_take_u64(r);
    if (r->bad || d->points > ROWS_MAX || d->masked > ROWS_MAX ||
        d->outliers > d->points)
        return refuse("with numbers of rows that cannot be", errp);
    return 0;
}

static int take_cells(frame_reader *r, const pe_model *base, pe_delta *d,
                      pe_error *errp)
{
    uint64_t n = frame_take_u64(r);

    if (n != 0 && n != base->features)
        return refuse("with counts for other columns", errp);
    d->n_cells = (uint32_t)n;
    d->cells = calloc(n + 1, sizeof(*d->cells));
    if (!d->cells)
        return pe_error_nomem(errp);
    take_numbers(r, (int64_t *)d->cells, n);
    return 0;
}

/* [size] bytes each, of which there are to be [n]. */
static int take_lanes(frame_reader *r, size_t n, void **lanes, pe_error *errp)
{
    size_t len;
    const void *p = frame_take_bytes(r, &len);

    if (r->bad || len != n * sizeof(double))
        return refuse("that is cut", errp);
    *lanes = malloc(len + 1);
    if (!*lanes)
        return pe_error_nomem(errp);
    memcpy(*lanes, p, len);
    return 0;
}

static int take_sums(frame_reader *r, pe_delta *d, pe_error *errp)
{
    uint64_t n = frame_take_u64(r);
    size_t len, n4;
    const unsigned char *p = frame_take_bytes(r, &len), *rest;

    n4 = len / sizeof(float);
    rest = frame_take_bytes(r, &len);
    if (r->bad || n < n4 || n > SIZE_MAX / 16 ||
        len != (n - n4) * sizeof(double))
        return refuse("that is cut", errp);
    d->n_sum = (size_t)n;
    d->sum = malloc(d->n_sum * sizeof(*d->sum) + 1);
    if (!d->sum)
        return pe_error_nomem(errp);
    for (size_t i = 0; i < n4; i++) {
        float v;

        memcpy(&v, p + i * sizeof(v), sizeof(v));
        d->sum[i] = (double)v;
    }
    if (len > 0)
        memcpy(d->sum + n4, rest, len);
    return 0;
}

/* So many lanes as a delta of [base] has, or none. */
static int take_body(frame_reader *r, const pe_delta *shape, pe_delta *d,
                     pe_error *errp)
{
    const void *blob;
    uint64_t n;
    size_t len;

    d->n_tag = frame_take_count(r, sizeof(*d->tag));
    if (take_lanes(r, d->n_tag, (void **)&d->tag, errp) < 0)
        return -1;
    n = frame_take_u64(r);
    if (n > SIZE_MAX / 16 || (n && shape->n_count && n != shape->n_count))
        return refuse("for a model of other options", errp);
    d->n_count = (size_t)n;
    /* Of what is not to be merged nothing is unpacked. */
    d->count = calloc(shape->n_count + 1, sizeof(*d->count));
    if (!d->count)
        return pe_error_nomem(errp);
    if (shape->n_count)
        take_numbers(r, d->count, d->n_count);
    else
        frame_take_bytes(r, &len);
    if (take_sums(r, d, errp) < 0)
        return -1;
    blob = frame_take_bytes(r, &len);
    if (r->bad || r->at != r->end)
        return refuse("that is cut", errp);
    return pe_buffer_append(&d->blob, blob, len, errp);
}

int federate_decode(const void *data, size_t len, const pe_model *base,
                    const pe_block *from, pe_delta *d, pe_error *errp)
{
    pe_delta *shape = pe_delta_create(base, errp);
    frame_reader r;
    int rc = shape ? 0 : -1;

    frame_open(&r, data, len);
    if (rc == 0)
        rc = take_head(&r, base, d, errp);
    if (rc == 0)
        rc = take_cells(&r, base, d, errp);
    if (rc == 0)
        rc = take_body(&r, shape, d, errp);
    /* Lanes for a base that has none yet: of one that is gone. */
    if (rc == 0 && d->n_count && !shape->n_count)
        goto done;
    if (rc == 0)
        rc = pe_delta_admit(base, d, from, errp);
    d->sealed = rc > 0;
done:
    pe_delta_destroy(shape);
    return rc;
}

void federate_clear(pe_delta *d)
{
    free(d->sum);
    free(d->count);
    free(d->tag);
    free(d->cells);
    pe_buffer_free(&d->blob);
    memset(d, 0, sizeof(*d));
}
