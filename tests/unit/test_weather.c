/* test_weather.c - the weather of a link by its seed, and bytes on their way.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/random.h"
#include "src/link/flow.h"
#include "src/link/weather.h"

static const char *const profiles[] = {"none", "lan", "mobile", "wan"};

static link_weather weather(const char *name, uint64_t seed)
{
    link_weather w = {0};

    CU_ASSERT_EQUAL_FATAL(link_profile(name, &w, NULL), 0);
    w.seed = seed;
    return w;
}

/* --- words that are none --- */

static void test_words(void)
{
    static const struct {
        const char *text;
        bool rate;
        double least, most; /* -1: refused */
    } rows[] = {
        {"", false, -1, -1},
        {"", true, -1, -1},
        {"..", false, -1, -1},
        {"..", true, -1, -1},
        {"..80ms", false, -1, -1},
        {"1ms..2ms..3ms", false, -1, -1},
        {"1ms...2ms", false, -1, -1},
        {"1ms-2ms", false, -1, -1},
        {"-1ms", false, -1, -1},
        {" 1ms", false, -1, -1},
        {"1ms ", false, -1, -1},
        {"nan", false, -1, -1},
        {"inf", false, -1, -1},
        {"infs", false, -1, -1},
        {"60001ms", false, -1, -1},
        {"1ms..61s", false, -1, -1},
        {"1ms,2ms", false, -1, -1},
        {"1\xc2\xb5s", false, -1, -1},
        {"999bit", true, -1, -1},
        {"0Mbit", true, -1, -1},
        {"-8Mbit", true, -1, -1},
        {"1001Gbit", true, -1, -1},
        {"1Tbit", true, -1, -1},
        {"1mbit", true, -1, -1},
        {"1.2.3Mbit", true, -1, -1},
        {".Mbit", true, -1, -1},
        {"8Mbit/s", true, -1, -1},
        {"8 Mbit", true, -1, -1},
        {"100Mbit..60Mbit", true, -1, -1},
        {"00000000000000000000000000000001Mbit", true, -1, -1},
        {"0ms", false, 0, 0},
        {"0s..0s", false, 0, 0},
        {"60s", false, 60, 60},
        {"1us..1m", false, 1e-6, 60},
        {"1000bit", true, 1e3, 1e3},
        {"1000Gbit", true, 1e12, 1e12},
        {"0.001Mbit..0.5Gbit", true, 1e3, 5e8},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool refused = rows[i].least < 0;
        link_range r = {7, 7};
        pe_error e = {0};
        char want[128];
        int rc = rows[i].rate ? link_rate_parse(rows[i].text, &r, &e)
                              : link_delay_parse(rows[i].text, &r, &e);

        if ((rc < 0) != refused)
            printf("# '%s': %d\n", rows[i].text, rc);
        CU_ASSERT_EQUAL(rc, refused ? -1 : 0);
        snprintf(want, sizeof(want), "'%s' is no %s: give ", rows[i].text,
                 rows[i].rate ? "rate" : "delay");
        if (refused)
            UNIT_CONTAINS(e.text, want);
        CU_ASSERT_DOUBLE_EQUAL(r.least, refused ? 7 : rows[i].least, 1e-12);
        CU_ASSERT_DOUBLE_EQUAL(r.most, refused ? 7 : rows[i].most, 1e-12);
    }
}

/* Far longer than any number. */
static void test_long(void)
{
    char words[400];
    link_range r = {7, 7};
    pe_error e = {0};

    memset(words, '1', sizeof(words));
    strcpy(words + 300, "ms..2ms");
    CU_ASSERT_EQUAL(link_delay_parse(words, &r, &e), -1);
    UNIT_CONTAINS(e.text, "'1111111111");
    strcpy(words + 300, "Mbit..2Mbit");
    CU_ASSERT_EQUAL(link_rate_parse(words, &r, NULL), -1);
    CU_ASSERT_EQUAL(link_rate_parse(words + 290, &r, NULL), -1);
    CU_ASSERT_EQUAL(r.least, 7);
}

/* --- the weather by its seed --- */

/* At any time it is within its range, and wanders through all of it. */
static void test_ranges(void)
{
    for (size_t k = 0; k < 4; k++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            link_weather w = weather(profiles[k], seed);
            double sum[2] = {0}, low[2] = {1, 1}, high[2] = {0};
            int wrong = 0;

            for (int i = 0; i < 2000; i++) {
                double rate = link_rate_at(&w, i % 2, 0.37 * i);
                double delay = link_delay_at(&w, 0.37 * i);
                const link_range *r[] = {&w.rate, &w.delay_s};
                double at[] = {rate, delay};

                for (int n = 0; n < 2; n++) {
                    double wide = r[n]->most - r[n]->least;
                    double part = wide > 0 ? (at[n] - r[n]->least) / wide : 0.5;

                    wrong += at[n] < r[n]->least || at[n] > r[n]->most;
                    sum[n] += part / 2000;
                    low[n] = fmin(low[n], part);
                    high[n] = fmax(high[n], part);
                }
            }
            CU_ASSERT_EQUAL(wrong, 0);
            for (int n = 0; n < 2; n++) {
                const link_range *r = n ? &w.delay_s : &w.rate;

                CU_ASSERT_DOUBLE_EQUAL(sum[n], 0.5, 0.06);
                if (r->most > r->least)
                    CU_ASSERT_TRUE(low[n] < 0.05 && high[n] > 0.95);
            }
        }
}

/* The same numbers give the same weather, also in the next release. */
static void test_same(void)
{
    static const struct {
        uint64_t seed;
        double at, up, down, delay;
    } rows[] = {
        {0, 0, 83.22275, 87.15457, 78.83311},
        {0, 0.5, 83.22275, 87.15457, 74.48672},
        {0, 1, 99.36129, 91.63056, 70.14033},
        {0, 99.25, 83.76014, 95.05569, 74.22630},
        {0, 86400, 63.68747, 78.30104, 73.16928},
        {1, 0, 80.57404, 73.83409, 74.72466},
        {1, 0.5, 80.57404, 73.83409, 76.18733},
        {1, 1, 62.94808, 67.49404, 77.65000},
        {1, 99.25, 66.02355, 83.60742, 79.41270},
        {1, 86400, 85.14291, 66.59813, 71.80428},
        {2, 0, 66.49158, 92.84283, 79.69969},
        {2, 0.5, 66.49158, 92.84283, 77.40069},
        {2, 1, 66.56848, 91.96993, 75.10169},
        {2, 99.25, 90.85790, 93.60534, 75.06363},
        {2, 86400, 71.57612, 70.31049, 70.49805},
        {UINT64_MAX, 0, 94.27527, 85.69914, 70.72289},
        {UINT64_MAX, 0.5, 94.27527, 85.69914, 73.09189},
        {UINT64_MAX, 1, 68.24372, 83.39107, 75.46089},
        {UINT64_MAX, 99.25, 62.54479, 84.65191, 78.82744},
        {UINT64_MAX, 86400, 98.67691, 72.59473, 73.04018},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        link_weather w = weather("wan", rows[i].seed);

        CU_ASSERT_DOUBLE_EQUAL(link_rate_at(&w, LINK_UP, rows[i].at) / 1e6,
                               rows[i].up, 1e-4);
        CU_ASSERT_DOUBLE_EQUAL(link_rate_at(&w, LINK_DOWN, rows[i].at) / 1e6,
                               rows[i].down, 1e-4);
        CU_ASSERT_DOUBLE_EQUAL(link_delay_at(&w, rows[i].at) * 1e3,
                               rows[i].delay, 1e-4);
    }
}

/* What is drawn stays for as long as it says; before the start is the start. */
static void test_every(void)
{
    for (uint64_t seed = 1; seed < 50; seed++) {
        link_weather w = weather("mobile", seed), slow = w;

        slow.every_s = 8; /* exact in binary */
        for (int i = 0; i < 40; i++) {
            double at = i * 0.25;

            CU_ASSERT_EQUAL(link_rate_at(&w, LINK_DOWN, at),
                            link_rate_at(&slow, LINK_DOWN, 8 * at));
            CU_ASSERT_EQUAL(link_delay_at(&w, at),
                            link_delay_at(&slow, 8 * at));
            CU_ASSERT_EQUAL(link_rate_at(&w, LINK_UP, at),
                            link_rate_at(&w, LINK_UP, floor(at)));
        }
        CU_ASSERT_EQUAL(link_rate_at(&w, LINK_UP, -5),
                        link_rate_at(&w, LINK_UP, 0));
        CU_ASSERT_EQUAL(link_delay_at(&w, -5), link_delay_at(&w, 0));
    }
}

/* No two seeds, ways or draws go together. */
static void test_apart(void)
{
    static double seen[4000];
    size_t n = 0, same = 0;
    double both = 0;

    for (uint64_t seed = 0; seed < 20; seed++) {
        link_weather w = weather("wan", seed);

        for (int i = 0; i < 100; i++)
            for (int way = 0; way < LINK_WAYS; way++)
                seen[n++] = link_rate_at(&w, (enum link_way)way, i);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            same += seen[i] == seen[k];
    for (size_t i = 0; i < n; i += 2)
        both += (seen[i] / 1e6 - 80) * (seen[i + 1] / 1e6 - 80) / 133;
    CU_ASSERT_EQUAL(same, 0);
    CU_ASSERT_TRUE(fabs(both / (double)n * 2) < 0.1);
}

/* --- bytes on their way --- */

/* Whatever is put and taken, in pieces of any size: the same bytes in the same
 * order, and none before the one in front of it.
 */
static void test_flow(void)
{
    enum { PIECE = 50 };
    unsigned char put = 0, taken = 0, piece[PIECE];
    random_stream r = {.key = 3};
    size_t there = 0, len;
    int64_t last = 0;
    flow f = {0};

    for (int i = 0; i < 20000; i++) {
        size_t n = 1 + random_next(&r) % PIECE;

        if (random_next(&r) % 2) {
            for (size_t k = 0; k < n; k++)
                piece[k] = put++;
            CU_ASSERT_EQUAL(flow_put(&f, piece, n,
                                     (int64_t)(random_next(&r) % 1000 + i),
                                     NULL),
                            0);
            there += n;
        } else if (there > 0) {
            const unsigned char *data = flow_peek(&f, &len);

            CU_ASSERT_TRUE(flow_next_ns(&f) >= last);
            last = flow_next_ns(&f);
            n = n < len ? n : len;
            for (size_t k = 0; k < n; k++)
                if (data[k] != taken++)
                    CU_FAIL_FATAL("another byte");
            flow_take(&f, n);
            there -= n;
        }
        if (f.bytes != there || (flow_next_ns(&f) == INT64_MAX) != (there == 0))
            CU_FAIL_FATAL("another number of bytes");
    }
    CU_ASSERT_FALSE(f.ends);
    flow_clear(&f);
    CU_ASSERT_EQUAL(flow_next_ns(&f), INT64_MAX);
    CU_ASSERT_EQUAL(f.bytes, 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"words", test_words},
        {"long words", test_long},
        {"ranges", test_ranges},
        {"the same again", test_same},
        {"every so many seconds", test_every},
        {"apart", test_apart},
        {"bytes in order", test_flow},
        {0},
    };

    return unit_main("weather", tests);
}
