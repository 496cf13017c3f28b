/* broker_cases.c - what every broker does for us: topics and records. */
#include "broker_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/clock.h"
#include "unit.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const broker_kind *broker_kind_now;

bool broker_case_skipped(const char *what, const char *why)
{
    if (why)
        printf("# SKIP %s: %s: %s\n", broker_kind_now->name, what, why);
    return why != NULL;
}

void broker_case_topic(const char *name, int partitions)
{
    CU_ASSERT_PTR_NULL_FATAL(broker_kind_now->topic(name, partitions));
}

void broker_case_silent(broker_consumer *c)
{
    broker_record r = {0};
    pe_error e = {0};

    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(broker_consumer_fetch(c, 100, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
}

static broker_admin *admin_open(void)
{
    const broker_conf c = {.endpoint = mock_endpoint, .client_id = "test"};
    pe_error e = {0};
    broker_admin *a = broker_admin_open(&c, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    return a;
}

/* ---- topics ---- */

void case_topics(void)
{
    broker_topic t = {.name = "made", .partitions = 3, .message_bytes = 5000};
    broker_admin *a;
    int64_t low = -1, high = -1;
    pe_error e = {0};
    int n = 0;

    if (broker_case_skipped("makes topics", broker_kind_now->no_topics))
        return;
    a = admin_open();
    for (int again = 0; again < 2; again++) {
        CU_ASSERT_EQUAL(broker_topic_ensure(a, &t, &n, &e), 0);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_EQUAL(n, 3);
        t.retention_s = 3600; /* of one that is made only */
    }
    t.partitions = 2;
    CU_ASSERT_EQUAL(broker_topic_ensure(a, &t, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 3);
    mock_send("made", 0, 5);
    CU_ASSERT_EQUAL(broker_topic_delete(a, "made", &e), 0);
    CU_ASSERT_EQUAL(broker_topic_delete(a, "made", &e), 0);
    CU_ASSERT_EQUAL(broker_topic_partitions(a, "made", &n, &e), 0);
    CU_ASSERT_EQUAL(n, 0);
    UNIT_EQUAL(e.text, "");
    /* its name is free, and nothing of it is left */
    t.partitions = 1;
    CU_ASSERT_EQUAL(broker_topic_ensure(a, &t, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT_EQUAL(broker_watermarks(a, "made", 0, &low, &high, &e), 0);
    CU_ASSERT(low == 0 && high == 0);
    broker_admin_close(a);
}

static void misfit_check(broker_admin *a, const broker_topic *t,
                         const char *words)
{
    pe_error e = {0};
    int n = -5;

    CU_ASSERT_EQUAL(broker_topic_ensure(a, t, &n, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    UNIT_CONTAINS(e.text, words);
    UNIT_CONTAINS(e.text, mock_endpoint);
    UNIT_CONTAINS(e.text, broker_kind_now->alter);
    CU_ASSERT_EQUAL(n, -5);
    CU_ASSERT_EQUAL(broker_topic_ensure(a, t, &n, NULL), -1);
}

/* Each is an error with the command that mends it. */
void case_topics_misfit(void)
{
    broker_topic t = {.name = "misfit", .partitions = 2, .message_bytes = 5000};
    broker_admin *a = admin_open();
    int n;

    broker_case_topic("few", 2);
    misfit_check(a, &(broker_topic){.name = "few", .partitions = 3},
                 "topic few has 2 partitions and 3 are asked for: `");
    CU_ASSERT_EQUAL(broker_topic_partitions(a, "few", &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 2);
    if (!broker_case_skipped("has settings", broker_kind_now->no_topics)) {
        CU_ASSERT_EQUAL(broker_topic_ensure(a, &t, &n, NULL), 0);
        t.message_bytes = 6000;
        misfit_check(a, &t,
                     "takes records of up to 5000 bytes and 6000 are "
                     "needed: `");
        t.message_bytes = 4000;
        CU_ASSERT_EQUAL(broker_topic_ensure(a, &t, &n, NULL), 0);
    }
    broker_admin_close(a);
}

void case_names(void)
{
    static const char *const names[] = {"a b", "a/b", ".", ""};
    broker_producer *p = mock_producer(MOCK_MIB);
    char name[600] = "";
    pe_error e = {0};
    int n;

    memset(name, 'x', sizeof(name) - 1);
    CU_ASSERT_EQUAL(
        broker_produce(p,
                       &(broker_output){
                           .topic = name, .value = "v", .len = 1, .copy = true},
                       &e),
        -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "cannot be the name of a topic");
    CU_ASSERT_EQUAL(broker_producer_pending(p), 0);
    broker_producer_close(p);
    if (broker_case_skipped("looks at names", broker_kind_now->no_topics))
        return;
    broker_admin *a = admin_open();
    for (size_t i = 0; i < COUNT(names); i++) {
        const broker_topic t = {.name = names[i], .partitions = 1};
        CU_ASSERT_EQUAL(broker_topic_ensure(a, &t, &n, &e), -1);
        printf("# '%s': %s\n", names[i], e.text);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        UNIT_CONTAINS(e.text, "topic '");
    }
    broker_admin_close(a);
}

void case_watermarks(void)
{
    broker_admin *a = admin_open();
    int64_t low = -5, high = -5;
    pe_error e = {0};

    broker_case_topic("marks", 2);
    CU_ASSERT_EQUAL(broker_watermarks(a, "marks", 0, &low, &high, &e), 0);
    CU_ASSERT(low == 0 && high == 0);
    mock_send("marks", 0, 7);
    CU_ASSERT_EQUAL(broker_watermarks(a, "marks", 0, &low, &high, &e), 0);
    CU_ASSERT(low == 0 && high == 7);
    CU_ASSERT_EQUAL(broker_watermarks(a, "marks", 1, &low, &high, &e), 0);
    CU_ASSERT(low == 0 && high == 0);
    high = 9;
    CU_ASSERT_EQUAL(broker_watermarks(a, "marks", 2, &low, &high, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    UNIT_CONTAINS(e.text, "offsets of marks/2 cannot be read");
    CU_ASSERT_EQUAL(high, 9);
    broker_admin_close(a);
}

void case_trips(void)
{
    broker_admin *a = admin_open();
    int32_t us[] = {-1, -1, -1};
    pe_error e = {0};

    broker_case_topic("trips", 2);
    /* A leader that has been named may not know of it yet. */
    for (int i = 0; i < 50; i++) {
        e = (pe_error){0};
        if (broker_trips(a, "trips", 3, us, &e) == 0 ||
            e.kind != PE_ERROR_RETRY)
            break;
        clock_sleep_ns(100 * CLOCK_MS, 0);
    }
    UNIT_EQUAL(e.text, "");
    CU_ASSERT(us[0] > 0 && us[1] > 0);
    CU_ASSERT_EQUAL(us[2], 0); /* there is none */
    broker_admin_close(a);
}

static void broker_take(void *arg, const char *host, int port)
{
    char *there = arg;
    size_t len = strlen(there);

    snprintf(there + len, 256 - len, "%s:%d,", host, port);
}

void case_each(void)
{
    broker_admin *a = admin_open();
    char there[256] = "", want[300];

    snprintf(want, sizeof(want), "%s,", mock_endpoint);
    if (broker_kind_now->reach)
        snprintf(want, sizeof(want), "%s", broker_kind_now->reach);
    CU_ASSERT_EQUAL(broker_admin_each(a, broker_take, there, NULL), 0);
    UNIT_EQUAL(there, want);
    broker_admin_close(a);
}

/* ---- records ---- */

/* Each once, at its offset, with all that may be under way at once. */
void case_order(void)
{
    enum { N = 2000 };
    broker_producer_conf conf = mock_producer_conf(64 * MOCK_MIB);
    broker_producer *p;
    broker_consumer *c;

    broker_case_topic("order", 1);
    conf.in_flight = 5;
    memset(&mock_seen, 0, sizeof(mock_seen));
    p = broker_producer_open(&conf, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (int i = 0; i < N; i += 100) {
        mock_produce(p, "order", i, i + 100);
        broker_producer_poll(p, 1);
    }
    CU_ASSERT_EQUAL(broker_producer_flush(p, 60000, NULL), 0);
    CU_ASSERT_EQUAL(mock_seen.stored, N);
    CU_ASSERT_EQUAL(mock_seen.out_of_order, 0);
    CU_ASSERT_EQUAL(mock_seen.last_offset, N - 1);
    CU_ASSERT_EQUAL(broker_producer_pending(p), 0);
    broker_producer_close(p);
    c = mock_consumer("order", 0);
    CU_ASSERT_TRUE(mock_read(c, 0, N));
    CU_ASSERT_EQUAL(broker_consumer_high(c, 0), N);
    CU_ASSERT_EQUAL(broker_consumer_high(c, 7), -1);
    broker_consumer_close(c);
}

void case_bytes(void)
{
    static const char value[] = "a\0b\xff\n", raw[] = {0, 1, (char)0xfe};
    broker_producer *p = mock_producer(MOCK_MIB);
    broker_consumer *c;
    broker_record r = {0};
    record_headers h;

    broker_case_topic("bytes", 1);
    record_clear(&h);
    record_add_borrowed(&h, "null", NULL, 0);
    record_add_borrowed(&h, "raw", raw, sizeof(raw));
    record_add(&h, "twice", "1");
    record_add(&h, "twice", "2");
    CU_ASSERT_EQUAL(broker_produce(p,
                                   &(broker_output){.topic = "bytes",
                                                    .value = value,
                                                    .len = sizeof(value),
                                                    .headers = &h},
                                   NULL),
                    0);
    CU_ASSERT_EQUAL(
        broker_produce(
            p, &(broker_output){.topic = "bytes", .key = "", .copy = true},
            NULL),
        0);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
    broker_producer_close(p);
    c = mock_consumer("bytes", 0);
    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL_FATAL(r.len, sizeof(value));
    CU_ASSERT_EQUAL(memcmp(r.value, value, sizeof(value)), 0);
    CU_ASSERT_PTR_NULL(r.key);
    CU_ASSERT_NOT_EQUAL(r.mark, 0);
    CU_ASSERT_EQUAL(broker_record_headers(&r, &h, NULL), 0);
    CU_ASSERT_EQUAL(h.n, 4);
    CU_ASSERT_PTR_NULL(record_find(&h, "null")->value);
    CU_ASSERT_EQUAL(record_find(&h, "raw")->len, sizeof(raw));
    CU_ASSERT_EQUAL(memcmp(record_find(&h, "raw")->value, raw, sizeof(raw)), 0);
    CU_ASSERT_EQUAL(record_find(&h, "twice")->value[0], '2');
    broker_record_release(&r);
    broker_record_release(&r);
    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT(r.len == 0 && r.key_len == 0);
    CU_ASSERT_EQUAL(broker_record_headers(&r, &h, NULL), 0);
    CU_ASSERT_EQUAL(h.n, 0);
    broker_record_release(&r);
    broker_consumer_close(c);
}

void broker_kafka_headers(const char *topic, int n)
{
    rd_kafka_headers_t *many = rd_kafka_headers_new(0);
    rd_kafka_conf_t *k = rd_kafka_conf_new();
    char name[256];

    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "h%d", i);
        rd_kafka_header_add(many, name, -1, "v", 1);
    }
    rd_kafka_conf_set(k, "bootstrap.servers", mock_endpoint, name,
                      sizeof(name));
    rd_kafka_t *other = rd_kafka_new(RD_KAFKA_PRODUCER, k, name, sizeof(name));
    CU_ASSERT_PTR_NOT_NULL_FATAL(other);
    CU_ASSERT_EQUAL(rd_kafka_producev(other, RD_KAFKA_V_TOPIC(topic),
                                      RD_KAFKA_V_PARTITION(0),
                                      RD_KAFKA_V_HEADERS(many), RD_KAFKA_V_END),
                    RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_flush(other, 20000);
    rd_kafka_destroy(other);
}

void case_headers(void)
{
    broker_consumer *c;
    broker_record r = {0};
    record_headers h;

    broker_case_topic("headers", 1);
    broker_kind_now->headers("headers", RECORD_HEADERS_MAX + 3);
    c = mock_consumer("headers", 0);
    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(broker_record_headers(&r, &h, NULL), 0);
    CU_ASSERT_EQUAL(h.n, RECORD_HEADERS_MAX);
    UNIT_EQUAL(h.h[RECORD_HEADERS_MAX - 1].name, "h23");
    broker_record_release(&r);
    broker_consumer_close(c);
}

void case_compressed(void)
{
    static const char *const codecs[] = {"lz4", "zstd", "snappy"};
    broker_consumer *c;
    int n = 0;

    broker_case_topic("packed", 1);
    memset(&mock_seen, 0, sizeof(mock_seen));
    for (size_t i = 0; i < COUNT(codecs); i++) {
        broker_producer_conf conf = mock_producer_conf(4 * MOCK_MIB);
        broker_producer *p;
        pe_error e = {0};
        conf.compression = codecs[i];
        conf.linger_s = 0.01;
        p = broker_producer_open(&conf, &e);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_PTR_NOT_NULL_FATAL(p);
        mock_produce(p, "packed", n, n + 300);
        CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
        broker_producer_close(p);
        n += 300;
    }
    CU_ASSERT_EQUAL(mock_seen.stored, n);
    c = mock_consumer("packed", 0);
    CU_ASSERT_TRUE(mock_read(c, 0, n));
    broker_consumer_close(c);
}

/* Milliseconds of this epoch, and none before the one in front of it. */
void case_times(void)
{
    int64_t before = clock_real_ns() - CLOCK_S, last = before;
    broker_consumer *c;
    broker_record r = {0};

    broker_case_topic("times", 1);
    for (int i = 0; i < 3; i++)
        mock_send("times", i, i + 1);
    c = mock_consumer("times", 0);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
        CU_ASSERT(r.time_ns >= last && r.time_ns <= clock_real_ns());
        CU_ASSERT_EQUAL(r.time_ns % CLOCK_MS, 0);
        last = r.time_ns;
        broker_record_release(&r);
    }
    broker_consumer_close(c);
}

void case_large(void)
{
    broker_producer *p = mock_producer(64 * MOCK_MIB);
    char *big = calloc(1, MOCK_MIB);
    broker_consumer *c;
    broker_record r = {0};
    pe_error e = {0};

    broker_case_topic("large", 1);
    CU_ASSERT_EQUAL(broker_produce(p,
                                   &(broker_output){.topic = "large",
                                                    .value = big,
                                                    .len = MOCK_MIB,
                                                    .copy = true},
                                   &e),
                    -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_CONTAINS(e.text, "record of 1048576 bytes for large is larger");
    CU_ASSERT_EQUAL(broker_producer_pending(p), 0);
    CU_ASSERT_EQUAL(broker_producer_error(p, NULL), 0);
    /* the largest that fits does */
    CU_ASSERT_EQUAL(broker_produce(p,
                                   &(broker_output){.topic = "large",
                                                    .value = big,
                                                    .len = MOCK_MIB - 1024,
                                                    .copy = true},
                                   &e),
                    0);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, &e), 0);
    broker_producer_close(p);
    c = mock_consumer("large", 0);
    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    CU_ASSERT_EQUAL(r.len, MOCK_MIB - 1024);
    broker_record_release(&r);
    broker_consumer_close(c);
    free(big);
}

/* The producer is broken from then on, and says why: nothing behind it goes
 * into the log.
 */
void case_refused(void)
{
    static char value[9000];
    broker_producer *p = mock_producer(MOCK_MIB);
    broker_admin *a = admin_open();
    int64_t low, high;
    pe_error e = {0};

    CU_ASSERT_PTR_NULL_FATAL(broker_kind_now->refuse("refused"));
    CU_ASSERT_EQUAL(broker_produce(p,
                                   &(broker_output){.topic = "refused",
                                                    .value = value,
                                                    .len = sizeof(value),
                                                    .copy = true},
                                   NULL),
                    0);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    CU_ASSERT(mock_seen.stored == 0 && mock_seen.given_up == 1);
    CU_ASSERT_EQUAL(broker_producer_error(p, &e), -1);
    UNIT_CONTAINS(e.text, "broker producer is broken: record for refused/0 "
                          "was given up: ");
    UNIT_CONTAINS(e.text, "too large");
    CU_ASSERT_EQUAL(broker_watermarks(a, "refused", 0, &low, &high, NULL), 0);
    CU_ASSERT_EQUAL(high, 0);
    broker_admin_close(a);
    broker_producer_close(p);
}

/* ---- what is not there ---- */

void case_partition(void)
{
    broker_producer *p = mock_producer(MOCK_MIB);
    const broker_position at = {5, 0, 0};
    record_headers h;
    broker_consumer *c;
    pe_error e = {0};

    broker_case_topic("parts", 2);
    record_clear(&h);
    record_add(&h, "a", "b");
    CU_ASSERT_EQUAL(broker_produce(p,
                                   &(broker_output){.topic = "parts",
                                                    .partition = 5,
                                                    .key = "k",
                                                    .value = "v",
                                                    .len = 1,
                                                    .headers = &h,
                                                    .copy = true},
                                   &e),
                    -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    UNIT_CONTAINS(e.text, "topic parts has no partition 5");
    CU_ASSERT_EQUAL(broker_producer_pending(p), 0);
    broker_producer_close(p);
    c = mock_consumer("parts", -1);
    CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, NULL), 0);
    broker_case_silent(c);
    broker_consumer_close(c);
}

/* Nobody makes it by asking for it: readers wait for it, and what is written
 * to it is told of as given up.
 */
void case_unknown(void)
{
    broker_producer *p;
    broker_consumer *c;

    if (broker_case_skipped("knows what is no topic",
                            broker_kind_now->no_topics))
        return;
    c = mock_consumer("nowhere", 0);
    broker_case_silent(c);
    p = mock_producer(MOCK_MIB);
    CU_ASSERT_EQUAL(broker_produce(p,
                                   &(broker_output){.topic = "nowhere",
                                                    .value = "v",
                                                    .len = 1,
                                                    .copy = true},
                                   NULL),
                    0);
    CU_ASSERT_EQUAL(broker_producer_pending(p), 1);
    broker_producer_close(p);
    CU_ASSERT(mock_seen.stored == 0 && mock_seen.given_up == 1);
    broker_case_silent(c);
    broker_case_topic("nowhere", 1);
    mock_send("nowhere", 0, 5);
    CU_ASSERT_TRUE(mock_read(c, 0, 5));
    broker_consumer_close(c);
}
