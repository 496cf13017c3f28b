/* broker_reads.c - what every broker does for us: reading, and outages. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker_cases.h"
#include "src/broker/guard.h"
#include "src/common/clock.h"
#include "unit.h"

/* ---- positions ---- */

void case_offsets(void)
{
    static const int from[] = {0, 42, 99, 10, 80, 0};
    static const broker_position bad[] = {{0, 1, 0}, {0, -2, 0}};
    static const broker_position twice[] = {{0, 1, 0}, {0, 2, 0}};
    broker_consumer *c;
    pe_error e = {0};

    broker_case_topic("offsets", 1);
    mock_send("offsets", 0, 100);
    c = mock_consumer("offsets", -1);
    broker_case_silent(c);
    for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++) {
        const broker_position at = {0, from[i], 0};
        CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, NULL), 0);
        CU_ASSERT_TRUE(mock_read(c, from[i], from[i] == 99 ? 1 : 15));
    }
    /* positions that are none change nothing */
    CU_ASSERT_EQUAL(broker_consumer_assign(c, bad, 2, &e), -1);
    UNIT_CONTAINS(e.text, "position offsets/0/-2");
    CU_ASSERT_EQUAL(broker_consumer_assign(c, twice, 2, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_TRUE(mock_read(c, 15, 5));
    /* at the end: what comes from then on */
    const broker_position end = {0, 100, 0};
    CU_ASSERT_EQUAL(broker_consumer_assign(c, &end, 1, NULL), 0);
    broker_case_silent(c);
    mock_send("offsets", 100, 105);
    CU_ASSERT_TRUE(mock_read(c, 100, 5));
    CU_ASSERT_EQUAL(broker_consumer_assign(c, NULL, 0, NULL), 0);
    mock_send("offsets", 105, 106);
    broker_case_silent(c);
    broker_consumer_close(c);
}

/* A record that is not there is an error, now and later, and no other one in
 * its place.
 */
static void missing_check(const char *topic, int offset, const char *words)
{
    broker_consumer *c = mock_consumer(topic, offset);
    broker_record r = {0};
    pe_error e = {0};

    CU_ASSERT_EQUAL(mock_fetch(c, &r, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_CONTAINS(e.text, words);
    broker_consumer_close(c);
}

void case_range(void)
{
    broker_case_topic("range", 1);
    mock_send("range", 0, 10);
    missing_check("range", 5000,
                  "record range/0/5000 is not in the log: it "
                  "was deleted, or the topic made again; start "
                  "another run");
    missing_check("range", 11, "record range/0/11 is not in the log");
}

/* The mark of record [offset] of [topic], whatever is in it. */
static uint64_t mark_at(const char *topic, int64_t offset)
{
    broker_consumer *c = mock_consumer(topic, offset);
    broker_record r = {0};
    uint64_t mark;

    CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
    mark = r.mark;
    broker_record_release(&r);
    broker_consumer_close(c);
    return mark;
}

static int64_t low_of(const char *topic)
{
    const broker_conf conf = {.endpoint = mock_endpoint, .client_id = "test"};
    broker_admin *a = broker_admin_open(&conf, NULL);
    int64_t low = -1, high;

    CU_ASSERT_EQUAL(broker_watermarks(a, topic, 0, &low, &high, NULL), 0);
    broker_admin_close(a);
    return low;
}

/* From where it begins now it is read, also where the record in front of that
 * would have been looked at.
 */
void case_cut(void)
{
    broker_consumer *c;
    broker_record r = {0};
    int64_t low;

    broker_case_topic("cut", 1);
    mock_send("cut", 0, 20);
    CU_ASSERT_PTR_NULL_FATAL(broker_kind_now->cut("cut"));
    low = low_of("cut");
    CU_ASSERT_FATAL(low > 0);
    missing_check("cut", 0, "record cut/0/0 is not in the log: it was deleted");
    missing_check("cut", (int)low - 1, "is not in the log");
    for (int marked = 0; marked < 2; marked++) {
        const broker_position at = {0, low, marked ? 12345 : 0};
        c = mock_consumer("cut", -1);
        CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, NULL), 0);
        CU_ASSERT_EQUAL(broker_consumer_checks(c), (size_t)marked);
        CU_ASSERT_EQUAL(mock_fetch(c, &r, NULL), 1);
        CU_ASSERT_EQUAL(r.offset, low);
        broker_record_release(&r);
        CU_ASSERT_EQUAL(broker_consumer_checks(c), 0);
        broker_consumer_close(c);
    }
}

void case_mark(void)
{
    broker_position at = {0, 4, 0};
    broker_consumer *c;
    broker_record r = {0};
    pe_error e = {0};

    broker_case_topic("mark", 1);
    mock_send("mark", 0, 10);
    at.mark = mark_at("mark", 3);
    CU_ASSERT_NOT_EQUAL(at.mark, mark_at("mark", 4));
    CU_ASSERT_EQUAL(at.mark, mark_at("mark", 3));
    c = mock_consumer("mark", -1);
    CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, NULL), 0);
    CU_ASSERT_TRUE(mock_read(c, 4, 6));
    CU_ASSERT_EQUAL(broker_consumer_checks(c), 0);
    at.mark = mark_at("mark", 4);
    CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, NULL), 0);
    CU_ASSERT_EQUAL(mock_fetch(c, &r, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_CONTAINS(e.text, "record mark/0/3 is not the one that was read there");
    UNIT_CONTAINS(e.text, "start another run");
    broker_consumer_close(c);
}

/* Under the same name, and as long: it is not the one that was read. */
void case_anew(void)
{
    const broker_conf conf = {.endpoint = mock_endpoint, .client_id = "test"};
    broker_position at = {0, 5, 0};
    broker_consumer *c;
    broker_guard *g;
    broker_admin *a;
    broker_record r = {0};
    pe_error e = {0};

    if (broker_case_skipped("deletes topics", broker_kind_now->no_topics))
        return;
    broker_case_topic("anew", 1);
    mock_send("anew", 0, 10);
    at.mark = mark_at("anew", 4);
    a = broker_admin_open(&conf, NULL);
    CU_ASSERT_EQUAL(broker_topic_delete(a, "anew", NULL), 0);
    broker_admin_close(a);
    broker_case_topic("anew", 1);
    mock_send("anew", 10, 20);
    c = mock_consumer("anew", -1);
    CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, NULL), 0);
    CU_ASSERT_EQUAL(mock_fetch(c, &r, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    UNIT_CONTAINS(e.text, "record anew/0/4 is not the one that was read there");
    broker_consumer_close(c);
    g = broker_guard_open(&conf, "anew", MOCK_MIB, NULL);
    CU_ASSERT_EQUAL(broker_guard_start(g, &at, 1, NULL), 0);
    CU_ASSERT_EQUAL(broker_guard_poll(g, 20000, &e), -1);
    at.mark = mark_at("anew", 4);
    CU_ASSERT_EQUAL(broker_guard_start(g, &at, 1, NULL), 0);
    CU_ASSERT_EQUAL(broker_guard_poll(g, 20000, &e), 1);
    broker_guard_close(g);
}

/* ---- who reads ---- */

/* Without a record it wakes nobody, but for what the client says of itself
 * once a second.
 */
static bool is_quiet(broker_consumer *c, struct pollfd *fd)
{
    broker_record r;

    if (poll(fd, 1, 100) == 0)
        return true;
    if (broker_consumer_fetch(c, 0, &r, NULL) != 0) {
        broker_record_release(&r);
        return false;
    }
    broker_consumer_fd_clear(c);
    return poll(fd, 1, 100) == 0;
}

void case_descriptor(void)
{
    broker_consumer *c;
    struct pollfd fd = {.events = POLLIN};
    broker_record r;

    broker_case_topic("events", 1);
    c = mock_consumer("events", 0);
    fd.fd = broker_consumer_fd(c);
    for (int i = 0; i < 3; i++) {
        while (broker_consumer_fetch(c, 200, &r, NULL) != 0)
            broker_record_release(&r);
        broker_consumer_fd_clear(c);
        broker_consumer_fd_clear(c);
        CU_ASSERT_TRUE(is_quiet(c, &fd));
        mock_send("events", i, i + 1);
        CU_ASSERT_EQUAL(poll(&fd, 1, 20000), 1);
        CU_ASSERT_TRUE(mock_read(c, i, 1));
    }
    broker_consumer_close(c);
}

/* Of one group and one partition: each reads all of it, from where it says. */
void case_two(void)
{
    broker_consumer *c[2];

    broker_case_topic("two", 1);
    mock_send("two", 0, 30);
    c[0] = mock_consumer("two", 0);
    c[1] = mock_consumer("two", 10);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_TRUE(mock_read(c[0], 10 * i, 10));
        CU_ASSERT_TRUE(mock_read(c[1], 10 + 10 * i, 10));
    }
    broker_consumer_close(c[0]);
    mock_send("two", 30, 35);
    CU_ASSERT_TRUE(mock_read(c[1], 30, 5));
    broker_consumer_close(c[1]);
}

int64_t broker_kafka_noted(const char *topic)
{
    rd_kafka_conf_t *k = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_t *rk;
    int64_t offset;
    char why[256];

    rd_kafka_conf_set(k, "bootstrap.servers", mock_endpoint, why, sizeof(why));
    rd_kafka_conf_set(k, "group.id", "g", why, sizeof(why));
    rk = rd_kafka_new(RD_KAFKA_CONSUMER, k, why, sizeof(why));
    CU_ASSERT_PTR_NOT_NULL_FATAL(rk);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = -1;
    rd_kafka_committed(rk, list, 5000);
    offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset;
}

/* What was noted is there for displays, and is never read back. */
void case_note(void)
{
    broker_position at = {0, 7, 0};
    int64_t noted = -1;
    broker_consumer *c;

    broker_case_topic("note", 1);
    mock_send("note", 0, 10);
    c = mock_consumer("note", 0);
    for (int i = 0; i < 400 && noted != 7; i++) {
        /* the first makes the group, the broker's own topic first */
        broker_consumer_note(c, &at, 1);
        clock_sleep_ns(50 * CLOCK_MS, 1);
        noted = broker_kind_now->noted("note");
    }
    CU_ASSERT_EQUAL(noted, 7);
    CU_ASSERT_TRUE(mock_read(c, 0, 10));
    broker_consumer_close(c);
}

/* Every record that was accepted is told of, stored or not; one that is read
 * no more is no leak.
 */
void case_close(void)
{
    enum { N = 500 };
    broker_producer_conf conf = mock_producer_conf(64 * MOCK_MIB);
    broker_producer *p;
    broker_consumer *c;
    broker_record r = {0};

    broker_case_topic("close", 1);
    mock_send("close", 0, N);
    c = mock_consumer("close", 0);
    CU_ASSERT_EQUAL(mock_fetch(c, &r, NULL), 1);
    broker_record_release(&r);
    broker_consumer_close(c);
    memset(&mock_seen, 0, sizeof(mock_seen));
    conf.linger_s = 60; /* none of it is sent yet */
    p = broker_producer_open(&conf, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    mock_produce(p, "close", 0, N);
    CU_ASSERT_EQUAL(broker_producer_pending(p), N);
    broker_producer_close(p);
    CU_ASSERT_EQUAL(mock_seen.stored + mock_seen.given_up, N);
    broker_producer_close(NULL);
    broker_consumer_close(NULL);
    broker_admin_close(NULL);
}

/* ---- outages ---- */

/* Until the queue is full: how many records were taken. */
static int fill(broker_producer *p, const char *topic, const char *value,
                size_t len)
{
    int n = 0, rc = 0;

    while (rc == 0 && n < 1000) {
        rc = broker_produce(
            p,
            &(broker_output){.topic = topic,
                             .value = value,
                             .len = len,
                             .copy = true,
                             .opaque = (void *)(intptr_t)(100 + n)},
            NULL);
        n += rc == 0;
    }
    CU_ASSERT_EQUAL(rc, 1);
    return n;
}

/* Records [from, from + n) are as long as [len], each at its offset. */
static void filled_check(broker_consumer *c, int from, int n, size_t len)
{
    broker_record r = {0};

    for (int i = 0; i < n; i++) {
        CU_ASSERT_EQUAL_FATAL(mock_fetch(c, &r, NULL), 1);
        CU_ASSERT_EQUAL(r.offset, from + i);
        CU_ASSERT_EQUAL(r.len, len);
        broker_record_release(&r);
    }
}

static void away_check(broker_consumer *c, broker_admin *a)
{
    char words[300] = "";
    broker_record r = {0};
    int64_t low, high;
    pe_error e = {0};

    for (int i = 0; i < 200 && !broker_consumer_is_away(c, words, 300); i++)
        CU_ASSERT_EQUAL(broker_consumer_fetch(c, 100, &r, &e), 0);
    UNIT_EQUAL(e.text, "");
    UNIT_CONTAINS(words, mock_endpoint);
    UNIT_CONTAINS(words, " is away");
    CU_ASSERT_EQUAL(broker_watermarks(a, "away", 0, &low, &high, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    /* what failed is not done later */
    CU_ASSERT_EQUAL(broker_topic_delete(a, "away", &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
}

/* Nothing is lost, doubled or out of its order, on either side; who fills the
 * queue meanwhile is told that it is full.
 */
void case_away(void)
{
    static char value[MOCK_MIB / 4];
    const broker_conf conf = {
        .endpoint = mock_endpoint, .client_id = "test", .timeout_s = 3};
    broker_producer *p = mock_producer(2 * MOCK_MIB);
    broker_admin *a = broker_admin_open(&conf, NULL);
    broker_consumer *c;
    pe_error e = {0};
    int n;

    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    broker_case_topic("away", 1);
    mock_produce(p, "away", 0, 100);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
    c = mock_consumer("away", 0);
    CU_ASSERT_TRUE(mock_read(c, 0, 100));
    if (!broker_case_skipped("leaves", broker_kind_now->leave())) {
        n = fill(p, "away", value, sizeof(value));
        CU_ASSERT(n >= 2 && broker_producer_pending(p) == n);
        CU_ASSERT_EQUAL(broker_producer_flush(p, 100, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        UNIT_CONTAINS(e.text, "records are not acknowledged by broker");
        away_check(c, a);
        CU_ASSERT_PTR_NULL_FATAL(broker_kind_now->come());
        e.text[0] = '\0';
        CU_ASSERT_EQUAL(broker_producer_flush(p, 60000, &e), 0);
        UNIT_EQUAL(e.text, "");
        CU_ASSERT_EQUAL(mock_seen.stored, 100 + n);
        CU_ASSERT(mock_seen.given_up == 0 && mock_seen.out_of_order == 0);
        filled_check(c, 100, n, sizeof(value));
        broker_case_silent(c);
    }
    broker_admin_close(a);
    broker_consumer_close(c);
    broker_producer_close(p);
}
