/* test_arrivals.c - when the blocks of a generator come, and what they are. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "source_bench.h"
#include "src/function/arrivals.h"
#include "src/function/generator.h"

#define N 20000

static double due[N];

/* The first N times of [s]. */
static void draw(const arrivals_spec *s)
{
    arrivals a;

    arrivals_start(&a, s);
    for (int i = 0; i < N; i++, arrivals_next(&a))
        due[i] = a.due_s;
}

static void test_constant(void)
{
    draw(&(arrivals_spec){.kind = ARRIVALS_CONSTANT, .rate = 50, .after_s = 3});
    for (int i = 0; i < N; i++)
        CU_ASSERT_DOUBLE_EQUAL(due[i], 3 + i / 50.0, 1e-9);
}

/* Gaps of mean and deviation 1 / rate; as many blocks in a second as a Poisson
 * variable has: mean and variance alike.
 */
static void test_poisson(void)
{
    const double rate = 20;
    double sum = 0, square = 0, mean, variance;
    int seconds = 0, in_second = 0, at = 0;

    draw(&(arrivals_spec){.kind = ARRIVALS_POISSON, .rate = rate, .key = 5});
    for (int i = 1; i < N; i++) {
        double gap = due[i] - due[i - 1];
        CU_ASSERT(gap >= 0);
        sum += gap;
        square += gap * gap;
    }
    mean = sum / (N - 1);
    CU_ASSERT_DOUBLE_EQUAL(mean, 1 / rate, 0.03 / rate);
    CU_ASSERT_DOUBLE_EQUAL(sqrt(square / (N - 1) - mean * mean), 1 / rate,
                           0.04 / rate);
    sum = square = 0;
    for (int i = 0; i < N; i++) {
        for (; at < (int)due[i]; at++, in_second = 0, seconds++) {
            sum += in_second;
            square += (double)in_second * in_second;
        }
        in_second++;
    }
    mean = sum / seconds;
    variance = square / seconds - mean * mean;
    CU_ASSERT_DOUBLE_EQUAL(mean, rate, 0.05 * rate);
    CU_ASSERT_DOUBLE_EQUAL(variance / mean, 1, 0.2);
}

static void test_bursts(void)
{
    draw(&(arrivals_spec){.kind = ARRIVALS_BURSTS, .rate = 100, .burst = 16});
    for (int i = 0; i < N; i++) {
        int burst = i / 16;
        CU_ASSERT_DOUBLE_EQUAL(due[i], burst * 0.16, 1e-9);
    }
}

/* The mean over whole seasons is the rate; the middle of one has peak times as
 * many blocks as its ends.
 */
static void test_season(void)
{
    const arrivals_spec s = {
        .kind = ARRIVALS_CONSTANT, .rate = 100, .season_s = 20, .peak = 5};
    int middle = 0, ends = 0;

    draw(&s);
    for (int i = 0; i < N; i++) {
        double phase = fmod(due[i], 20);
        CU_ASSERT(i == 0 || due[i] > due[i - 1]);
        middle += phase > 9.5 && phase < 10.5;
        ends += phase < 0.5 || phase > 19.5;
    }
    CU_ASSERT_DOUBLE_EQUAL(due[N - 1], N / 100.0, 0.2);
    CU_ASSERT_DOUBLE_EQUAL((double)middle / ends, 5, 0.15);
    /* Chance and a season together. */
    arrivals_spec chance = s;
    chance.kind = ARRIVALS_POISSON;
    draw(&chance);
    middle = ends = 0;
    for (int i = 0; i < N; i++) {
        double phase = fmod(due[i], 20);
        middle += phase > 9.5 && phase < 10.5;
        ends += phase < 0.5 || phase > 19.5;
    }
    CU_ASSERT_DOUBLE_EQUAL((double)middle / ends, 5, 1);
}

/* The same key gives the same times, another one others, and who starts again
 * goes on with the gaps of its blocks.
 */
static void test_keys(void)
{
    arrivals_spec s = {.kind = ARRIVALS_POISSON, .rate = 1, .key = 7};
    arrivals a, b, c, d;
    double from;

    arrivals_start(&a, &s);
    arrivals_start(&b, &s);
    s.position = 100;
    arrivals_start(&d, &s);
    s.position = 0;
    s.key = 8;
    arrivals_start(&c, &s);
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(a.due_s, b.due_s);
        CU_ASSERT_NOT_EQUAL(a.due_s, c.due_s);
        from = a.due_s;
        arrivals_next(&a);
        arrivals_next(&b);
        arrivals_next(&c);
    }
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_DOUBLE_EQUAL(a.due_s - from, d.due_s, 1e-9);
        arrivals_next(&a);
        arrivals_next(&d);
    }
}

/* --- traces --- */

static const char *trace_file(const char *text)
{
    scratch_write("load", text);
    return scratch_path;
}

static void test_trace(void)
{
    arrivals_trace t;
    arrivals a;
    pe_error e = {0};

    CU_ASSERT_EQUAL_FATAL(
        arrivals_trace_read(
            &t, trace_file("time points\n10 5\n10.5,7 # a peak\n\n13\t9\r\n"),
            9, &e),
        0);
    CU_ASSERT_EQUAL(t.n, 3);
    CU_ASSERT_EQUAL(t.at_s[1], 0.5);
    CU_ASSERT_EQUAL(t.points[2], 9);
    CU_ASSERT_EQUAL(t.length_s, 4.5);
    /* Twice as fast, and again from its start. */
    arrivals_start(
        &a, &(arrivals_spec){
                .kind = ARRIVALS_TRACE, .speed = 2, .after_s = 1, .trace = &t});
    static const double want[] = {1, 1.25, 2.5, 3.25, 3.5, 4.75, 5.5};
    for (int i = 0; i < 7; i++, arrivals_next(&a))
        CU_ASSERT_DOUBLE_EQUAL(a.due_s, want[i], 1e-9);
    /* From its second line on. */
    arrivals_start(&a, &(arrivals_spec){.kind = ARRIVALS_TRACE,
                                        .speed = 1,
                                        .position = 4,
                                        .trace = &t});
    CU_ASSERT_EQUAL(a.due_s, 0);
    arrivals_next(&a);
    CU_ASSERT_DOUBLE_EQUAL(a.due_s, 2.5, 1e-9);
    arrivals_trace_free(&t);
}

static void test_trace_refused(void)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "load has no line with a time"},
        {"# nothing\n", "load has no line with a time"},
        {"1\nx\n", "load:2: a line is a time in seconds, from 0 on, and the "
                   "points of its block where they differ"},
        {"-1\n", "load:1: a line is a time in seconds"},
        {"2\n1\n", "load:2: it is earlier than the line before; sort them"},
        {"1 0\n", "load:1: the points of a block are a number from 1 on"},
        {"1 2 3\n", "load:1: there is a third value"},
        {"1 2\n3\n", "load:2: either each line has points or none has"},
        {"1 101\n", "load:1: 101 points are more than block: {points: 100}"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        arrivals_trace t;
        pe_error e = {0};
        CU_ASSERT_EQUAL(
            arrivals_trace_read(&t, trace_file(rows[i].text), 100, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].error);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    }
}

/* --- the source --- */

/* What the source says of its next blocks, in ms, and their points. */
static void test_source(void)
{
    source_bench b;

    source_init(&b, "generator");
    source_set(&b, "arrivals", "trace");
    source_set(&b, "path", trace_file("0 1\n0.25 3\n0.5 4\n"));
    source_set(&b, "blocks", "0"); /* as many as it has */
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    static const uint32_t points[] = {1, 3, 4};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(context_due_get(b.ctx), i * INT64_C(250000000));
        CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
        CU_ASSERT_EQUAL(b.out.points, points[i]);
    }
    CU_ASSERT_EQUAL(source_next(&b), PE_NOTHING);
    source_end(&b);
    /* Without a rate there is no schedule, but for the first one's. */
    source_init(&b, "generator");
    source_set(&b, "after", "2s");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(context_due_get(b.ctx), INT64_C(2000000000));
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(context_due_get(b.ctx), -1);
    source_end(&b);
}

/* Points within their bounds, each of them, by seed and device. */
static void test_points(void)
{
    int seen[5] = {0}, differ = 0;
    source_bench b, c;

    source_init(&b, "generator");
    source_init(&c, "generator");
    c.setup.index = 1;
    source_set(&b, "points-least", "2");
    source_set(&c, "points-least", "2");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL_FATAL(source_open(&c), 0);
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
        CU_ASSERT_EQUAL(source_next(&c), PE_FORWARD);
        CU_ASSERT_FATAL(b.out.points >= 2 && b.out.points <= 4);
        seen[b.out.points]++;
        differ += b.out.points != c.out.points;
    }
    CU_ASSERT(seen[2] > 20 && seen[3] > 20 && seen[4] > 20);
    CU_ASSERT(differ > 30);
    source_end(&b);
    source_end(&c);
}

/* Each centre goes as far as it is asked to, by a way of its own; the block
 * at a position is the same whoever makes it.
 */
static void test_drift(void)
{
    const generator_spec s = {
        .features = 8, .clusters = 3, .seed = 4, .spread = 0.5, .drift = 0.1};
    double centres[24], moved[24], length[3], dot = 0;
    source_bench b;
    double first;

    generator_centres(&s, centres);
    generator_moved(&s, centres, 0, moved);
    CU_ASSERT(!memcmp(centres, moved, sizeof(centres)));
    generator_moved(&s, centres, 40, moved);
    for (int c = 0; c < 3; c++) {
        length[c] = 0;
        for (int j = 0; j < 8; j++) {
            double way = moved[8 * c + j] - centres[8 * c + j];
            length[c] += way * way;
            dot += way * (moved[j] - centres[j]) * (c == 1);
        }
        CU_ASSERT_DOUBLE_EQUAL(sqrt(length[c]), 40 * 0.1 * 0.5, 1e-9);
    }
    CU_ASSERT(fabs(dot) < 0.99 * length[0]);
    source_init(&b, "generator");
    source_set(&b, "drift", "0.1");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    first = pe_block_at(&b.out, 0, 0);
    b.ops->close(b.ctx);
    context_destroy(b.ctx);
    b.setup.position = 4;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), first);
    source_end(&b);
}

static void test_refused(void)
{
    static const struct {
        const char *options;
        double rate;
        const char *error;
    } rows[] = {
        {"arrivals=poisson", 0,
         "poisson: it goes by a rate: give block: {rate: BLOCKS_A_SECOND}"},
        {"arrivals=bursts", 0, "bursts: it goes by a rate: give block:"},
        {"season=10s", 0, "season: it goes by a rate: give block:"},
        {"arrivals=trace", 0,
         "arrivals: trace wants a file of them: give path: FILE"},
        {"path=x", 0, "path: the file of a trace wants arrivals: trace"},
        {"arrivals=trace path=x", 5,
         "block: {rate:}: a trace has its own times; leave it out, and see "
         "speed"},
        {"arrivals=trace path=x season=9s", 0,
         "season: a trace has its own times"},
        {"points-least=5", 0,
         "points-least: 5 is more than block: {points: 4}"},
        {"points-least=2 distinct=3", 0,
         "distinct: blocks that come again do not have points drawn "
         "(points-least); leave one of the two out"},
        {"drift=1 distinct=3", 0,
         "distinct: blocks that come again do not drift; leave one of"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_error e = {0};
        function *f = function_load("generator", NULL, &e);
        source_bench b;

        source_init(&b, "generator");
        b.setup.rate = rows[i].rate;
        source_set_words(&b, rows[i].options);
        CU_ASSERT_EQUAL(source_open(&b), -1);
        UNIT_CONTAINS(context_error(b.ctx), rows[i].error);
        /* And before anything is started. */
        b.setup.options = b.options;
        CU_ASSERT_EQUAL(function_check(f, &b.setup, &e), -1);
        UNIT_CONTAINS(e.text, rows[i].error);
        source_end(&b);
        function_unload(f);
    }
}

static const unit_test tests[] = {
    {"constant", test_constant},
    {"poisson", test_poisson},
    {"bursts", test_bursts},
    {"season", test_season},
    {"keys", test_keys},
    {"trace", test_trace},
    {"trace: refused", test_trace_refused},
    {"source", test_source},
    {"points of a block", test_points},
    {"drift", test_drift},
    {"refused", test_refused},
    {0},
};

int main(void)
{
    return source_main("arrivals", tests);
}
