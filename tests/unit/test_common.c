/* test_common.c - errors, clocks, log, histograms and random numbers. */
#include "unit.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include <pilot/error.h>

#include "src/common/clock.h"
#include "src/common/histogram.h"
#include "src/common/log.h"
#include "src/common/random.h"

static void test_error_set(void)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_error_set(NULL, PE_ERROR_INPUT, PE_EXIT_DATA, "%s", "x"),
                    -1);
    errno = EPIPE;
    CU_ASSERT_EQUAL(
        pe_error_set(&e, PE_ERROR_RETRY, PE_EXIT_AGAIN, "%s %d", "broker", 3),
        -1);
    CU_ASSERT_EQUAL(errno, EPIPE);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_AGAIN);
    UNIT_EQUAL(e.text, "broker 3");
}

static void test_error_own_text(void)
{
    pe_error e = {0};

    pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_DATA, "inner");
    pe_error_set(&e, PE_ERROR_FATAL, PE_EXIT_FAILED, "outer (%s)", e.text);
    UNIT_EQUAL(e.text, "outer (inner)");
}

static void test_error_one_line(void)
{
    pe_error e = {0};

    pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_DATA, "a\nb\r\nc");
    UNIT_EQUAL(e.text, "a b  c");
}

static void test_error_cut(void)
{
    char text[3000];
    pe_error e = {0};

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t len = sizeof(e.text) - 2; len <= sizeof(e.text) + 1; len++) {
        size_t want = len < sizeof(e.text) ? len : sizeof(e.text) - 1;
        pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_DATA, "%.*s", (int)len, text);
        CU_ASSERT_EQUAL(strlen(e.text), want);
        pe_error_prefix(&e, "p");
        CU_ASSERT(strlen(e.text) < sizeof(e.text));
        CU_ASSERT_EQUAL(strncmp(e.text, "p: xxx", 6), 0);
    }
    pe_error_prefix(&e, "%s", text);
    CU_ASSERT_EQUAL(strlen(e.text), sizeof(e.text) - 1);
}

static void test_error_prefix(void)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_error_prefix(NULL, "stage %d", 1), -1);
    pe_error_set(&e, PE_ERROR_INPUT, PE_EXIT_CONFIG, "no such key");
    errno = ENOENT;
    CU_ASSERT_EQUAL(pe_error_prefix(&e, "stage '%s'", "learn"), -1);
    CU_ASSERT_EQUAL(errno, ENOENT);
    UNIT_EQUAL(e.text, "stage 'learn': no such key");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
}

static void test_error_nomem(void)
{
    pe_error e = {0};

    CU_ASSERT_EQUAL(pe_error_nomem(NULL), -1);
    CU_ASSERT_EQUAL(pe_error_nomem(&e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    UNIT_EQUAL(e.text, "out of memory");
}

static void test_clock(void)
{
    int64_t real = clock_real_ns();
    int64_t mono = clock_mono_ns();
    double cpu = clock_cpu_s();

    /* 2020-01-01 to 2100-01-01: the unit is nanoseconds. */
    CU_ASSERT(real > INT64_C(1577836800000000000));
    CU_ASSERT(real < INT64_C(4102444800000000000));
    clock_sleep_ns(20000000, 1);
    CU_ASSERT(clock_mono_ns() - mono >= 20000000);
    CU_ASSERT(clock_mono_ns() - mono < 10000000000);
    CU_ASSERT(clock_cpu_s() >= cpu);
    CU_ASSERT(clock_cpu_s() < 60);
    clock_sleep_ns(0, 1);
    clock_sleep_ns(-5, 1);
}

static void on_alarm(int signum)
{
    (void)signum;
}

static void test_clock_signal(void)
{
    struct sigaction act = {.sa_handler = on_alarm}, old;
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};

    sigaction(SIGALRM, &act, &old);
    int64_t start = clock_mono_ns();
    setitimer(ITIMER_REAL, &soon, NULL);
    clock_sleep_ns(100000000, 1);
    CU_ASSERT(clock_mono_ns() - start >= 100000000);

    start = clock_mono_ns();
    setitimer(ITIMER_REAL, &soon, NULL);
    clock_sleep_ns(INT64_C(20000000000), 0);
    CU_ASSERT(clock_mono_ns() - start < INT64_C(10000000000));
    sigaction(SIGALRM, &old, NULL);
}

/* Nobody signals: it is waited for to its end, and no longer than a wake-up
 * that came before.
 */
static void test_clock_cond(void)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t c;
    int64_t until;

    CU_ASSERT_EQUAL_FATAL(clock_cond_init(&c), 0);
    pthread_mutex_lock(&lock);
    until = clock_mono_ns() + 20 * CLOCK_MS;
    while (clock_cond_wait(&c, &lock, until)) /* a spurious one may come */
        ;
    CU_ASSERT(clock_mono_ns() >= until);
    CU_ASSERT_FALSE(clock_cond_wait(&c, &lock, 0));
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&c);
}

static void test_clock_backoff(void)
{
    static const struct {
        unsigned n;
        int64_t first, most, want;
    } rows[] = {
        {0, 50, 2000, 50},    {1, 50, 2000, 100},
        {5, 50, 2000, 1600},  {6, 50, 2000, 2000},
        {99, 50, 2000, 2000}, {0, 50, 50, 50},
        {0, 700, 600, 600},   {4000000000, CLOCK_S, 8 * CLOCK_S, 8 * CLOCK_S},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t apart =
            clock_backoff_apart_ns(rows[i].n, rows[i].first, rows[i].most);
        CU_ASSERT_EQUAL(
            clock_backoff_ns(rows[i].n, rows[i].first, rows[i].most),
            rows[i].want);
        CU_ASSERT(apart > rows[i].want * 3 / 4 && apart <= rows[i].want);
    }
}

static void test_day(void)
{
    static const struct {
        int year, month, day;
        bool julian;
        int64_t want;
    } rows[] = {
        {1970, 1, 1, false, 0},       {1969, 12, 31, false, -1},
        {1900, 1, 1, false, -25567},  {1901, 12, 14, false, -24855},
        {2000, 2, 29, false, 11016},  {2000, 3, 1, false, 11017},
        {2038, 1, 20, false, 24856},  {2106, 2, 8, false, 49711},
        {2200, 1, 1, false, 84006},   {1970, 1, 366, false, 365},
        {1582, 10, 4, true, -141428}, {1582, 10, 15, false, -141427},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CU_ASSERT_EQUAL(
            clock_day(rows[i].year, rows[i].month, rows[i].day, rows[i].julian),
            rows[i].want);
}

struct rest {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool over;
};

static void *wake(void *arg)
{
    struct rest *r = arg;

    pthread_mutex_lock(&r->lock);
    r->over = true;
    pthread_cond_signal(&r->cond);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* What never comes is waited for, also where time_t has 32 bits. */
static void test_wait_for_ever(void)
{
    struct rest r = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t other;
    bool waits = true;

    CU_ASSERT_EQUAL_FATAL(clock_cond_init(&r.cond), 0);
    pthread_mutex_lock(&r.lock);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&other, NULL, wake, &r), 0);
    while (waits && !r.over)
        waits = clock_cond_wait(&r.cond, &r.lock, INT64_MAX);
    CU_ASSERT(r.over);
    pthread_mutex_unlock(&r.lock);
    pthread_join(other, NULL);
    pthread_cond_destroy(&r.cond);
}

static struct {
    int n;
    enum log_level level;
    char line[4096];
} last;

static void log_keep(void *arg, enum log_level level, const char *line)
{
    CU_ASSERT_EQUAL(arg, &last);
    last.n++;
    last.level = level;
    snprintf(last.line, sizeof(last.line), "%s", line);
}

static void test_log_levels(void)
{
    log_error("nobody listens");
    log_init(log_keep, &last, LOG_LEVEL_WARN);
    errno = EAGAIN;
    log_error("error %d", 1);
    CU_ASSERT_EQUAL(errno, EAGAIN);
    CU_ASSERT_EQUAL(last.level, LOG_LEVEL_ERROR);
    UNIT_EQUAL(last.line, "error 1");
    log_warn("warn %d", 2);
    UNIT_EQUAL(last.line, "warn 2");
    log_info("info");
    log_debug("debug");
    CU_ASSERT_EQUAL(last.n, 2);
    log_init(log_keep, &last, LOG_LEVEL_DEBUG);
    log_info("info");
    CU_ASSERT_EQUAL(last.level, LOG_LEVEL_INFO);
    log_debug("debug");
    CU_ASSERT_EQUAL(last.level, LOG_LEVEL_DEBUG);
    CU_ASSERT_EQUAL(last.n, 4);
    log_error("%4000d", 1);
    CU_ASSERT_EQUAL(strlen(last.line), 2047);
    log_init(NULL, NULL, LOG_LEVEL_ERROR);
}

/* What log_write_stderr prints for [line], in static memory. */
static const char *stderr_of(void *arg, const char *line)
{
    static char got[8192];
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);

    CU_ASSERT_FATAL(file && saved >= 0);
    dup2(fileno(file), STDERR_FILENO);
    log_write_stderr(arg, LOG_LEVEL_INFO, line);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    got[fread(got, 1, sizeof(got) - 1, file)] = '\0';
    fclose(file);
    return got;
}

static void test_log_stderr(void)
{
    char name[] = "pilot-edged";
    char longest[5000];

    UNIT_EQUAL(stderr_of(name, "up"), "pilot-edged: up\n");
    UNIT_EQUAL(stderr_of(NULL, "up"), "pilot: up\n");
    UNIT_EQUAL(stderr_of(name, "a\rb\nc\x1b[2Jd\te\x7f"),
               "pilot-edged: a b c [2Jd e \n");
    UNIT_EQUAL(stderr_of(name, "\xc2\x9b"
                               "1m caf\xc3\xa9"),
               "pilot-edged:   1m caf\xc3\xa9\n");
    memset(longest, 'y', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    CU_ASSERT(strlen(stderr_of(name, longest)) < 2100);
}

static void test_histogram_empty(void)
{
    histogram h = {0};

    CU_ASSERT_EQUAL(histogram_count(&h), 0);
    CU_ASSERT_EQUAL(histogram_quantile_ms(&h, 0.5), 0);
    CU_ASSERT_EQUAL(sizeof(h), HISTOGRAM_LANES * sizeof(int64_t));
}

static void test_histogram_single(void)
{
    static const int64_t values[] = {
        0,    1,       31,        32,         63,
        64,   65,      1000,      123456789,  INT64_C(3600000000000),
        4095, 1 << 30, 999999999, 5000000000, (INT64_C(1) << 47) - 1};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        histogram h = {0};
        /* A larger one, so that the bucket's own edge is seen. */
        histogram_add(&h, values[i]);
        histogram_add(&h, INT64_C(1) << 47);
        double got = histogram_quantile_ms(&h, 0.5) * 1e6;
        CU_ASSERT(got >= (double)values[i] * (1 - 1e-12));
        CU_ASSERT(got <= (double)values[i] * 1.032 || values[i] > INT64_C(1)
                                                                      << 46);
    }
}

static void test_histogram_quantile(void)
{
    static const double q[] = {0.01, 0.1, 0.5, 0.9, 0.99, 0.999};
    histogram h = {0};

    for (int64_t us = 1; us <= 10000; us++)
        histogram_add(&h, us * 1000);
    CU_ASSERT_EQUAL(histogram_count(&h), 10000);
    for (size_t i = 0; i < sizeof(q) / sizeof(q[0]); i++) {
        double got = histogram_quantile_ms(&h, q[i]);
        CU_ASSERT(got >= q[i] * 10);
        CU_ASSERT(got <= q[i] * 10 * 1.032);
    }
    CU_ASSERT_EQUAL(histogram_quantile_ms(&h, 1), 10);
    CU_ASSERT_DOUBLE_EQUAL(histogram_quantile_ms(&h, 0), 0.001, 0.0001);
}

static void test_histogram_odd(void)
{
    histogram h = {0};

    histogram_add(&h, -1);
    histogram_add_n(&h, -7, 4);
    CU_ASSERT_EQUAL(h.negative, 5);
    CU_ASSERT_EQUAL(histogram_count(&h), 0);
    histogram_add_n(&h, 5, 0);
    histogram_add_n(&h, 5, -3);
    CU_ASSERT_EQUAL(histogram_count(&h), 0);
    CU_ASSERT_EQUAL(h.max_ns, 0);
    histogram_add(&h, INT64_MAX);
    CU_ASSERT_EQUAL(h.bucket[HISTOGRAM_BUCKETS - 1], 1);
    CU_ASSERT_EQUAL(histogram_quantile_ms(&h, 0.5), (double)INT64_MAX / 1e6);
}

/* Summing lanes, as MPI does, is the same as histogram_merge. */
static void test_histogram_merge(void)
{
    histogram a = {0}, b = {0}, all = {0};
    int64_t lanes[HISTOGRAM_LANES], more[HISTOGRAM_LANES];

    for (int64_t i = -10; i < 1000; i++) {
        histogram_add(i % 3 ? &a : &b, i * i * i);
        histogram_add(&all, i * i * i);
    }
    memcpy(lanes, &a, sizeof(a));
    memcpy(more, &b, sizeof(b));
    for (int i = 0; i < HISTOGRAM_LANES - 1; i++)
        lanes[i] += more[i];
    if (more[HISTOGRAM_LANES - 1] > lanes[HISTOGRAM_LANES - 1])
        lanes[HISTOGRAM_LANES - 1] = more[HISTOGRAM_LANES - 1];
    histogram_merge(&a, &b);
    CU_ASSERT_EQUAL(memcmp(&a, &all, sizeof(a)), 0);
    CU_ASSERT_EQUAL(memcmp(lanes, &all, sizeof(all)), 0);
    CU_ASSERT_EQUAL(a.max_ns, 999 * 999 * 999);
}

/* With key 0 the stream is SplitMix64 with seed 0, whose first outputs are
 * published.
 */
static void test_random_known(void)
{
    random_stream r = {0};

    CU_ASSERT_EQUAL(random_next(&r), UINT64_C(0xe220a8397b1dcdaf));
    CU_ASSERT_EQUAL(random_next(&r), UINT64_C(0x6e789e6aa1b965f4));
    CU_ASSERT_EQUAL(random_next(&r), UINT64_C(0x06c45d188009454f));
    CU_ASSERT_EQUAL(r.counter, 3);
    CU_ASSERT_EQUAL(random_mix(0, 1), UINT64_C(0xe220a8397b1dcdaf));
    /* Published FNV-1a hashes of "" and "a". */
    CU_ASSERT_EQUAL(random_hash(7, NULL, 0),
                    random_mix(7, UINT64_C(0xcbf29ce484222325)));
    CU_ASSERT_EQUAL(random_hash(7, "a", 1),
                    random_mix(7, UINT64_C(0xaf63dc4c8601ec8c)));
    CU_ASSERT_NOT_EQUAL(random_hash(7, "a", 1), random_hash(8, "a", 1));
}

static void test_random_uniform(void)
{
    random_stream r = {.key = 42};
    random_stream saved;
    double sum = 0;

    for (int i = 0; i < 100000; i++) {
        double u = random_uniform(&r);
        if (!(u >= 0 && u < 1))
            CU_FAIL("not in [0, 1)");
        sum += u;
    }
    CU_ASSERT_DOUBLE_EQUAL(sum / 100000, 0.5, 0.005);
    saved = r;
    double next = random_uniform(&r);
    CU_ASSERT_EQUAL(random_uniform(&saved), next);
}

static void test_random_normal(void)
{
    random_stream r = {.key = 3};
    double sum = 0, squares = 0;
    int n = 100000, beyond = 0;

    for (int i = 0; i < n; i++) {
        double x = random_normal(&r);
        if (!isfinite(x))
            CU_FAIL("not finite");
        sum += x;
        squares += x * x;
        beyond += fabs(x) > 1.959964;
    }
    CU_ASSERT_EQUAL(r.counter, 2 * (uint64_t)n);
    CU_ASSERT_DOUBLE_EQUAL(sum / n, 0, 0.015);
    CU_ASSERT_DOUBLE_EQUAL(squares / n, 1, 0.02);
    CU_ASSERT_DOUBLE_EQUAL((double)beyond / n, 0.05, 0.005);
}

static void test_random_below(void)
{
    random_stream r = {.key = 9};
    int seen[7] = {0};

    CU_ASSERT_EQUAL(random_below(&r, 0), 0);
    CU_ASSERT_EQUAL(random_below(&r, 1), 0);
    for (int i = 0; i < 70000; i++) {
        uint64_t x = random_below(&r, 7);
        CU_ASSERT_FATAL(x < 7);
        seen[x]++;
    }
    for (int i = 0; i < 7; i++)
        CU_ASSERT(abs(seen[i] - 10000) < 500);
    /* 3/4 of all words: plain remainders would give low halves 2/3. */
    int low = 0;
    for (int i = 0; i < 30000; i++)
        low += random_below(&r, UINT64_C(3) << 62) < UINT64_C(3) << 61;
    CU_ASSERT(abs(low - 15000) < 600);
}

static void test_random_id(void)
{
    char a[33] = "", b[33] = "", longest[2 * 300 + 1];

    CU_ASSERT_EQUAL(random_id(a, 16, NULL), 0);
    CU_ASSERT_EQUAL(random_id(b, 16, NULL), 0);
    CU_ASSERT_EQUAL(strlen(a), 32);
    CU_ASSERT_EQUAL(strspn(a, "0123456789abcdef"), 32);
    CU_ASSERT(strcmp(a, b) != 0);
    CU_ASSERT_EQUAL(random_id(longest, 300, NULL), 0);
    CU_ASSERT_EQUAL(strspn(longest, "0123456789abcdef"), 600);
    CU_ASSERT_EQUAL(random_id(a, 0, NULL), 0);
    UNIT_EQUAL(a, "");
}

int main(void)
{
    static const unit_test tests[] = {
        {"error: class, exit status, text, errno", test_error_set},
        {"error: argument may be its own text", test_error_own_text},
        {"error: one line", test_error_one_line},
        {"error: cut where too long", test_error_cut},
        {"error: prefix", test_error_prefix},
        {"error: no memory", test_error_nomem},
        {"clock: units and sleep", test_clock},
        {"clock: sleep and signals", test_clock_signal},
        {"clock: a condition variable", test_clock_cond},
        {"clock: back-off", test_clock_backoff},
        {"clock: days", test_day},
        {"clock: a wait without an end", test_wait_for_ever},
        {"log: levels", test_log_levels},
        {"log: stderr without controls", test_log_stderr},
        {"histogram: empty", test_histogram_empty},
        {"histogram: bucket edges", test_histogram_single},
        {"histogram: quantiles", test_histogram_quantile},
        {"histogram: negative and huge", test_histogram_odd},
        {"histogram: merge", test_histogram_merge},
        {"random: known answers", test_random_known},
        {"random: uniform", test_random_uniform},
        {"random: normal", test_random_normal},
        {"random: below", test_random_below},
        {"random: id", test_random_id},
        {NULL, NULL},
    };
    return unit_main("common", tests);
}
