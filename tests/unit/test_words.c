/* test_words.c - words of command lines, spreads of values, interruptions. */
#include "unit.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "src/common/interrupt.h"
#include "src/common/log.h"
#include "src/common/process.h"
#include "src/common/random.h"
#include "src/common/shell.h"
#include "src/common/spread.h"
#include "src/common/words.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- lists of words --- */

static void test_words(void)
{
    static const char *const more[] = {"b", "", "c d", NULL};
    static const char *const none[] = {NULL};
    char **list = NULL;
    pe_error e = {0};

    CU_ASSERT_EQUAL(words_count(NULL), 0);
    words_free(NULL);
    CU_ASSERT_EQUAL(words_add_all(&list, none, &e), 0);
    CU_ASSERT_PTR_NULL(list);
    CU_ASSERT_EQUAL(words_add(&list, strdup("a"), &e), 0);
    CU_ASSERT_EQUAL(words_add_all(&list, more, &e), 0);
    CU_ASSERT_EQUAL_FATAL(words_count(list), 4);
    UNIT_EQUAL(list[0], "a");
    UNIT_EQUAL(list[2], "");
    UNIT_EQUAL(list[3], "c d");
    CU_ASSERT_PTR_NOT_EQUAL(list[3], more[2]);
    /* What there was no memory for leaves the list as it is. */
    CU_ASSERT_EQUAL(words_add(&list, NULL, &e), -1);
    UNIT_EQUAL(e.text, "out of memory");
    CU_ASSERT_EQUAL(words_count(list), 4);
    words_free(list);
}

static void test_copies(void)
{
    bool failed = false;
    char *copy = words_copy("x", &failed);

    UNIT_EQUAL(copy, "x");
    CU_ASSERT_PTR_NULL(words_copy(NULL, &failed));
    CU_ASSERT_FALSE(failed);
    failed = true; /* of a copy before */
    free(words_copy("y", &failed));
    CU_ASSERT_TRUE(failed);
    free(copy);
}

/* --- words of a shell --- */

static void test_shell(void)
{
    static const struct {
        const char *word, *want;
    } rows[] = {
        {"plain", "plain"},
        {"-n", "-n"},
        {"/a/b_c-1.2:3,4+5@6%7=8", "/a/b_c-1.2:3,4+5@6%7=8"},
        {"", "''"},
        {"a b", "'a b'"},
        {"$HOME", "'$HOME'"},
        {"`x`", "'`x`'"},
        {"~", "'~'"},
        {"it's", "'it'\\''s'"},
        {"'", "''\\'''"},
        {"''", "''\\'''\\'''"},
        {"a\nb", "'a\nb'"},
        {"\\", "'\\'"},
        {"\xc3\xa4", "'\xc3\xa4'"},
        {"*", "'*'"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        text t = {0};

        shell_add_word(&t, rows[i].word);
        UNIT_EQUAL(t.data, rows[i].want);
        CU_ASSERT_EQUAL(shell_is_plain(rows[i].word),
                        !strcmp(rows[i].word, rows[i].want));
        text_free(&t);
    }
}

/* A real shell reads every word as it was. */
static void test_shell_reads(void)
{
    static const char *const words[] = {"printf", "[%s]", "a b",  "",  "it's",
                                        "$HOME",  "\\n",  "a\nb", "*", NULL};
    const process_limits limits = {10, 1000};
    process_answer a = {0};
    pe_error e = {0};
    text t = {0};

    shell_add_words(&t, words);
    CU_ASSERT_EQUAL(
        process_run(
            &(process_spec){.argv = (const char *[]){"sh", "-c", t.data, NULL}},
            &limits, &a, &e),
        0);
    UNIT_EQUAL(a.out.data, "[a b][][it's][$HOME][\\n][a\nb][*]");
    CU_ASSERT_EQUAL(a.status, 0);
    process_answer_free(&a);
    text_free(&t);
    shell_add_words(&t, words + COUNT(words) - 1);
    CU_ASSERT_EQUAL(t.len, 0);
    text_free(&t);
}

/* --- spreads --- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Every rank of many kinds of rows, ties and sorted ones too. */
static void test_select(void)
{
    enum { N = 41 };
    random_stream r = {3, 0};

    for (int kind = 0; kind < 5; kind++)
        for (size_t n = 1; n <= N; n += 4) {
            double v[N], sorted[N];

            for (size_t i = 0; i < n; i++)
                v[i] = kind == 0   ? random_normal(&r)
                       : kind == 1 ? (double)i
                       : kind == 2 ? (double)(n - i)
                       : kind == 3 ? (double)random_below(&r, 3)
                                   : 7;
            memcpy(sorted, v, n * sizeof(*v));
            qsort(sorted, n, sizeof(*sorted), by_value);
            for (size_t k = 0; k < n; k++) {
                CU_ASSERT_EQUAL(spread_select(v, n, k), sorted[k]);
                for (size_t i = 0; i < n; i++)
                    CU_ASSERT_TRUE(i < k ? v[i] <= v[k] : v[i] >= v[k]);
            }
        }
}

/* What a few are does not count; where most are the same, more are asked. */
static void test_spread(void)
{
    static const struct {
        int same, others; /* of 1000: at 5, and at 5 + their number */
        double far;       /* one more, there */
        double middle, width;
    } rows[] = {
        {1000, 0, 5, 5, 0}, /* it does not move */
        {999, 0, 1e30, 5, 1e30 - 5},
        {950, 50, 1e30, 5, 40}, /* 99 in 100 */
        {0, 1000, 1e30, 506, 450},
    };
    enum { N = 1001, STRIDE = 3 };
    double x[STRIDE * N], work[N];

    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t n = (size_t)(rows[i].same + rows[i].others + 1);
        struct spread s;

        for (size_t k = 0; k < STRIDE * N; k++)
            x[k] = (double)NAN; /* columns of others */
        for (size_t k = 0; k + 1 < n; k++)
            x[STRIDE * k] = 5 + (k < (size_t)rows[i].same
                                     ? 0
                                     : (double)(k - (size_t)rows[i].same + 1));
        x[STRIDE * (n - 1)] = rows[i].far;
        s = spread_of(x, n, STRIDE, work);
        CU_ASSERT_EQUAL(s.middle, rows[i].middle);
        CU_ASSERT_DOUBLE_EQUAL(s.width, rows[i].width,
                               1e-9 + rows[i].width * 0.03);
    }
    x[0] = -2;
    CU_ASSERT_EQUAL(spread_of(x, 1, 1, work).middle, -2);
    CU_ASSERT_EQUAL(spread_of(x, 1, 1, work).width, 0);
}

/* --- somebody wants the end --- */

static void test_interrupt(void)
{
    static const struct {
        enum interrupt level;
        int soon, now;
    } rows[] = {
        {INTERRUPT_NONE, 0, 0},
        {INTERRUPT_SOON, -1, 0},
        {INTERRUPT_NOW, -1, -1},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};

        interrupt_set(rows[i].level);
        CU_ASSERT_EQUAL(interrupt_level(), rows[i].level);
        CU_ASSERT_EQUAL(interrupt_check(INTERRUPT_NOW, NULL), rows[i].now);
        CU_ASSERT_EQUAL(interrupt_check(INTERRUPT_SOON, &e), rows[i].soon);
        UNIT_EQUAL(e.text, rows[i].soon ? "interrupted" : "");
        CU_ASSERT_EQUAL(interrupt_sleep(1, &e), rows[i].soon);
        CU_ASSERT_EQUAL(interrupt_sleep(0, &e), rows[i].soon);
    }
    interrupt_set(INTERRUPT_NONE);
}

static void *interrupt_soon(void *arg)
{
    clock_sleep_ns(50 * CLOCK_MS, 1);
    interrupt_set(INTERRUPT_SOON);
    return arg;
}

/* A sleep of an hour ends with it. */
static void test_interrupt_sleep(void)
{
    pthread_t thread;

    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, interrupt_soon, NULL),
                          0);
    CU_ASSERT_EQUAL(interrupt_sleep(3600 * CLOCK_S, NULL), -1);
    pthread_join(thread, NULL);
    interrupt_set(INTERRUPT_NONE);
}

static void test_slice(void)
{
    static const struct {
        int64_t ms;
        int want;
    } rows[] = {{-5, 0},    {0, 0},     {1, 1},
                {100, 100}, {101, 100}, {INT64_MAX, 100}};

    for (size_t i = 0; i < COUNT(rows); i++)
        CU_ASSERT_EQUAL(interrupt_slice(rows[i].ms), rows[i].want);
}

/* --- what is told --- */

static char told[256];

static void tell(void *arg, enum log_level level, const char *line)
{
    (void)arg;
    (void)level;
    strncat(told, line, sizeof(told) - strlen(told) - 2);
    strcat(told, ";");
}

static void test_limit(void)
{
    log_init(tell, NULL, LOG_LEVEL_INFO);
    log_debug("1");
    CU_ASSERT_EQUAL(log_limit(LOG_LEVEL_ERROR), LOG_LEVEL_INFO);
    log_warn("2");
    log_info("3");
    log_error("4");
    CU_ASSERT_EQUAL(log_limit(LOG_LEVEL_DEBUG), LOG_LEVEL_ERROR);
    log_debug("5");
    log_init(NULL, NULL, LOG_LEVEL_DEBUG);
    log_error("6");
    UNIT_EQUAL(told, "4;5;");
}

/* It grows with what is used, and does not fall with what is given back. */
static void test_peak(void)
{
    enum { MORE = 64 << 20 };
    int64_t before = process_peak_bytes();
    char *p = malloc(MORE);

    CU_ASSERT_TRUE(before > 0);
    for (size_t i = 0; i < MORE; i += 4096)
        ((volatile char *)p)[i] = 1;
    CU_ASSERT_TRUE(process_peak_bytes() > before + MORE / 2);
    free(p);
    CU_ASSERT_TRUE(process_peak_bytes() > before + MORE / 2);
}

int main(void)
{
    static const unit_test tests[] = {
        {"lists of words", test_words},
        {"copies of words", test_copies},
        {"words of a shell", test_shell},
        {"... as a shell reads them", test_shell_reads},
        {"the value of a rank", test_select},
        {"where values lie", test_spread},
        {"interruptions", test_interrupt},
        {"... of a sleep", test_interrupt_sleep},
        {"how long to wait at once", test_slice},
        {"a limit of what is told", test_limit},
        {"the most memory there was", test_peak},
        {0},
    };

    return unit_main("words", tests);
}
