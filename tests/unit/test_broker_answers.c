/* test_broker_answers.c - how fast brokers answer, out of the words in which
 * the client counts, second by second.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/broker/client.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define BROKER(name, wire, min, max, cnt, avg, throttled)              \
    "\"" name "\": {\"name\": \"" name "\", \"txbytes\": " #wire       \
    ", \"rtt\": {\"min\": " #min ", \"max\": " #max ", \"cnt\": " #cnt \
    "}, \"throttle\": {\"avg\": " #avg ", \"cnt\": " #throttled "}}"
#define SECOND(brokers) "{\"name\": \"c\", \"brokers\": {" brokers "}}"

static broker_answers counted(const char *const *seconds, size_t n)
{
    client *cl = calloc(1, sizeof(*cl));
    broker_answers a;

    CU_ASSERT_PTR_NOT_NULL_FATAL(cl);
    for (size_t i = 0; i < n; i++)
        client_count(cl, seconds[i], strlen(seconds[i]));
    client_answers(cl, &a);
    free(cl);
    return a;
}

static void check(const broker_answers *a, uint64_t seconds, double quick,
                  double slow, double throttle, uint64_t wire)
{
    CU_ASSERT_EQUAL(a->seconds, seconds);
    CU_ASSERT_DOUBLE_EQUAL(a->quick_ms, quick, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(a->slow_ms, slow, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(a->throttle_ms, throttle, 1e-9);
    CU_ASSERT_EQUAL(a->wire_bytes, wire);
}

/* What is no such word counts nothing, and takes nothing away. */
static void test_bad(void)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "null",
        "[]",
        "\"brokers\"",
        "{\"brokers\": 7}",
        "{\"brokers\": []}",
        "{\"brokers\": {\"a\": 7, \"b\": [], \"c\": null}}",
        "{\"brokers\": {\"a\": {\"rtt\": 5, \"throttle\": \"x\"}}}",
        "{\"brokers\": {\"a\": {\"rtt\": {\"min\": \"1\", \"cnt\": \"1\"}}}}",
        "{\"topics\": {}}",
        "\"topics\": {}}",
        ", \"topics\"",
        "{\"brokers\": {\"a\": {\"rtt\": {\"cnt\": 3, \"min\": 5, \"max\": 9",
    };
    static const char good[] = SECOND(BROKER("h:1/1", 70, 5, 9, 2, 4, 1));

    for (size_t i = 0; i < COUNT(bad); i++) {
        const char *const both[] = {good, bad[i]};
        broker_answers a = counted(&bad[i], 1);

        check(&a, 0, 0, 0, 0, 0);
        a = counted(both, 2);
        CU_ASSERT_EQUAL(a.seconds, 1);
        CU_ASSERT_DOUBLE_EQUAL(a.slow_ms, 0.009, 1e-12);
        if (!strstr(bad[i], "{\"brokers\": ")) /* no word of what was sent */
            CU_ASSERT_EQUAL(a.wire_bytes, 70);
    }
}

/* Of several brokers the slowest and the quickest answer of all; one that was
 * not asked has no quickest one.
 */
static void test_brokers(void)
{
    static const struct {
        const char *second;
        uint64_t seconds;
        double quick, slow, throttle;
        uint64_t wire;
    } rows[] = {
        {SECOND(""), 0, 0, 0, 0, 0},
        {SECOND(BROKER("h:1/1", 70, 2000, 9000, 4, 0, 0)), 1, 2, 9, 0, 70},
        {SECOND(BROKER("h:1/1", 70, 2000, 9000, 4, 0,
                       0) ", " BROKER("h:2/2", 30, 1500, 8000, 1, 0, 0)),
         1, 1.5, 9, 0, 100},
        {SECOND(BROKER("h:2/2", 30, 1500, 8000, 1, 0,
                       0) ", " BROKER("h:1/1", 70, 2000, 9000, 4, 0, 0)),
         1, 1.5, 9, 0, 100},
        {SECOND(BROKER("h:1/bootstrap", 5, 0, 0, 0, 0,
                       0) ", " BROKER("h:1/1", 70, 2000, 9000, 4, 0, 0)),
         1, 2, 9, 0, 75},
        {SECOND(BROKER("h:1/1", 70, 2000, 9000, 4, 0,
                       0) ", " BROKER("GroupCoordinator", 5, 0, 0, 0, 0, 0)),
         1, 2, 9, 0, 75},
        /* none was asked: no such second, but for what was sent */
        {SECOND(BROKER("h:1/1", 70, 0, 0, 0, 0, 0)), 0, 0, 0, 0, 70},
        /* held back: over all answers of the second, ms */
        {SECOND(BROKER("h:1/1", 1, 1000, 1000, 4, 30, 2)), 1, 1, 1, 15, 1},
        {SECOND(BROKER("h:1/1", 1, 1000, 1000, 4, 30,
                       2) ", " BROKER("h:2/2", 1, 1000, 1000, 6, 10, 4)),
         1, 1, 1, 10, 2},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        broker_answers a = counted(&rows[i].second, 1);

        check(&a, rows[i].seconds, rows[i].quick, rows[i].slow,
              rows[i].throttle, rows[i].wire);
    }
}

/* Times are summed over the seconds in which there was an answer; bytes are
 * counted by the client since it began.
 */
static void test_seconds(void)
{
    static const char *const seconds[] = {
        SECOND(BROKER("h:1/1", 100, 1000, 4000, 2, 8, 2)),
        SECOND(BROKER("h:1/1", 150, 0, 0, 0, 0, 0)),
        SECOND(BROKER("h:1/1", 900, 3000, 3000, 1, 0, 0)),
        SECOND(BROKER("h:1/1", 950, 2000, 5000, 9, 0, 0)),
    };
    static const struct {
        uint64_t seconds;
        double quick, slow, throttle;
        uint64_t wire;
    } want[] = {
        {0, 0, 0, 0, 0},   {1, 1, 4, 8, 100},  {1, 1, 4, 8, 150},
        {2, 4, 7, 8, 900}, {3, 6, 12, 8, 950},
    };

    for (size_t n = 0; n < COUNT(want); n++) {
        broker_answers a = counted(seconds, n);

        check(&a, want[n].seconds, want[n].quick, want[n].slow,
              want[n].throttle, want[n].wire);
    }
}

/* What stands behind "topics" is not read, however it is written. */
static void test_topics(void)
{
    static const char *const behind[] = {
        ", \"topics\": {}}",
        ",\"topics\":{\"t\": {\"partitions\": {\"0\": {\"brokers\": {}}}}}}",
        " , \t\n \"topics\": {this is not read",
        "\"topics\"",
        ", \"cgrp\": {}}",
        "}",
    };

    for (size_t i = 0; i < COUNT(behind); i++) {
        char second[512];
        const char *const one[] = {second};
        broker_answers a;

        snprintf(second, sizeof(second), "{\"brokers\": {%s}%s",
                 BROKER("h:1/1", 70, 2000, 9000, 4, 0, 0), behind[i]);
        a = counted(one, 1);
        check(&a, 1, 2, 9, 0, 70);
    }
}

/* It is not said that the words end with a NUL. */
static void test_length(void)
{
    static const char words[] =
        SECOND(BROKER("h:1/1", 70, 2000, 9000, 4, 0, 0)) "{\"brokers\": {}}";
    size_t len = strstr(words + 1, "{\"brokers\"") - words;
    char *exact = malloc(len); /* sanitizers look behind it */
    client *cl = calloc(1, sizeof(*cl));
    broker_answers a;

    CU_ASSERT_FATAL(exact && cl);
    memcpy(exact, words, len);
    for (size_t n = 0; n < len; n++) {
        client_count(cl, exact, n);
        client_answers(cl, &a);
        CU_ASSERT_EQUAL(a.seconds, 0); /* it is cut */
    }
    client_count(cl, exact, len);
    client_answers(cl, &a);
    check(&a, 1, 2, 9, 0, 70);
    free(exact);
    free(cl);
}

int main(void)
{
    static const unit_test tests[] = {
        {"words that are none", test_bad},
        {"several brokers", test_brokers},
        {"second by second", test_seconds},
        {"topics are not read", test_topics},
        {"words by their length", test_length},
        {NULL, NULL},
    };

    return unit_main("broker_answers", tests);
}
