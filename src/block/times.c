/* times.c - the time of each row of a block, as header pe_times has them. */
#include "times.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "src/block/origin.h"

/* --- to text --- */

static uint64_t size_of(int64_t x)
{
    return x < 0 ? -(uint64_t)x : (uint64_t)x;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* The largest unit of all steps, and whether they are one and the same; -1: a
 * step is too large.
 */
static int measure(const int64_t *ns, uint32_t n, int64_t *unitp, bool *evenp)
{
    uint64_t unit = 0;
    int64_t step, first = 0;

    *evenp = true;
    for (uint32_t i = 1; i < n; i++) {
        if (__builtin_sub_overflow(ns[i], ns[i - 1], &step) ||
            step == INT64_MIN)
            return -1;
        first = i == 1 ? step : first;
        *evenp = *evenp && step == first;
        unit = common_divisor(unit, size_of(step));
    }
    *unitp = unit ? (int64_t)unit : 1;
    return 0;
}

/* Without an allocation for each. */
static void add_number(text *out, const char *mark, int64_t value)
{
    char word[32];
    int n = snprintf(word, sizeof(word), "%s%" PRId64, mark, value);

    text_add_bytes(out, word, (size_t)n);
}

static void add_steps(const int64_t *ns, uint32_t n, int64_t unit, text *out)
{
    for (uint32_t i = 1, same; i < n && out->len <= TIMES_BYTES_MAX;
         i += same) {
        int64_t step = ns[i] - ns[i - 1];

        for (same = 1; i + same < n && ns[i + same] - ns[i + same - 1] == step;)
            same++;
        add_number(out, i == 1 ? ":" : ",", step / unit);
        if (same > 1)
            add_number(out, "*", same);
    }
}

int times_encode(const int64_t *ns, uint32_t n, text *out)
{
    int64_t unit;
    bool even;

    out->len = 0;
    if (measure(ns, n, &unit, &even) < 0)
        return -1;
    add_number(out, "", ns[0]);
    if (n > 1)
        add_number(out, "/", even ? ns[1] - ns[0] : unit);
    if (!even)
        add_steps(ns, n, unit, out);
    return out->failed || out->len > TIMES_BYTES_MAX ? -1 : 0;
}

/* --- from text --- */

/* A number at *atp, which goes behind it; false: there is none. */
static bool take_number(const char **atp, const char *end, int64_t *valuep)
{
    const char *p = *atp;
    bool minus = p < end && *p == '-';
    int64_t value = 0;

    p += minus;
    if (p == end || *p < '0' || *p > '9')
        return false;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        int digit = *p - '0';

        if (__builtin_mul_overflow(value, 10, &value) ||
            (minus ? __builtin_sub_overflow(value, digit, &value)
                   : __builtin_add_overflow(value, digit, &value)))
            return false;
    }
    *atp = p;
    *valuep = value;
    return true;
}

static bool take_mark(const char **atp, const char *end, char mark)
{
    if (*atp == end || **atp != mark)
        return false;
    ++*atp;
    return true;
}

/* [same] rows more behind row [i], each [step] later. */
static int go_on(int64_t *ns, uint32_t n, uint32_t *ip, int64_t step,
                 int64_t same)
{
    if (same < 1 || same > (int64_t)(n - 1 - *ip))
        return -1;
    for (; same > 0; same--, ++*ip)
        if (__builtin_add_overflow(ns[*ip], step, &ns[*ip + 1]))
            return -1;
    return 0;
}

static int take_steps(const char *p, const char *end, int64_t unit, uint32_t n,
                      int64_t *ns)
{
    uint32_t i = 0;

    do {
        int64_t step, same = 1;

        if (!take_number(&p, end, &step) ||
            __builtin_mul_overflow(step, unit, &step) ||
            (take_mark(&p, end, '*') && !take_number(&p, end, &same)) ||
            go_on(ns, n, &i, step, same) < 0)
            return -1;
    } while (take_mark(&p, end, ','));
    return p == end && i + 1 == n ? 0 : -1;
}

int times_decode(const char *s, size_t len, uint32_t n, int64_t *ns)
{
    const char *p = s, *end = s + len;
    int64_t step;
    uint32_t i = 0;

    if (n == 0 || !take_number(&p, end, &ns[0]))
        return -1;
    if (p == end)
        return n == 1 ? 0 : -1;
    if (n == 1 || !take_mark(&p, end, '/') || !take_number(&p, end, &step))
        return -1;
    if (take_mark(&p, end, ':'))
        return take_steps(p, end, step, n, ns);
    return p == end ? go_on(ns, n, &i, step, (int64_t)n - 1) : -1;
}

/* --- of some rows --- */

int times_pick(const char *source_in, uint32_t n_in, const int64_t *ns,
               const char *source_out, uint32_t n_out, int64_t *out)
{
    bool same = source_in == source_out ||
                (source_in && source_out && !strcmp(source_in, source_out));
    origin_reader from, to;
    uint32_t j = 0;
    int64_t row = -1;

    if (same && n_in == n_out) {
        if (out != ns)
            memcpy(out, ns, n_in * sizeof(*ns));
        return 0;
    }
    if (same || !origin_open(&from, source_in) ||
        !origin_open(&to, source_out) || to.kind == ORIGIN_SOME)
        return -1;
    for (uint32_t i = 0; i < n_out; i++) {
        int64_t last = origin_next(&to).last;

        for (; last >= 0 && row != last && j < n_in; j++)
            row = origin_next(&from).last;
        if (last < 0 || row != last)
            return -1;
        out[i] = ns[j - 1];
    }
    return 0;
}
