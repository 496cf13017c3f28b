/* test_link.c - the weather of a link, and connections through it. */
#include "unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link_case.h"
#include "src/common/clock.h"
#include "src/common/random.h"
#include "src/link/flow.h"

#define MIB ((size_t)1 << 20)

/* --- weather --- */

/* The paper's link, by its numbers, over an hour. */
static void test_wan(void)
{
    link_weather w = link_case_profile("wan");
    double least = 1e18, most = 0, sum = 0, rtt_least = 1e18, rtt_most = 0;
    const int n = 3600;

    for (int i = 0; i < n; i++) {
        double rate = link_rate_at(&w, LINK_UP, i + 0.5);
        double rtt = 2 * link_delay_at(&w, i + 0.5);
        least = rate < least ? rate : least;
        most = rate > most ? rate : most;
        rtt_least = rtt < rtt_least ? rtt : rtt_least;
        rtt_most = rtt > rtt_most ? rtt : rtt_most;
        sum += rate;
    }
    CU_ASSERT(least >= 60e6 && least < 61e6);
    CU_ASSERT(most <= 100e6 && most > 99e6);
    CU_ASSERT(sum / n > 78e6 && sum / n < 82e6);
    CU_ASSERT(rtt_least >= 0.140 && rtt_least < 0.142);
    CU_ASSERT(rtt_most <= 0.160 && rtt_most > 0.158);
}

static void test_seed(void)
{
    link_weather a = link_case_profile("wan"), b = link_case_profile("wan"),
                 c = link_case_profile("wan");
    int same = 0;

    c.seed = 2;
    for (int i = 0; i < 100; i++) {
        CU_ASSERT_EQUAL(link_rate_at(&a, LINK_UP, i),
                        link_rate_at(&b, LINK_UP, i));
        CU_ASSERT_EQUAL(link_delay_at(&a, i), link_delay_at(&b, i));
        same += link_rate_at(&a, LINK_UP, i) == link_rate_at(&c, LINK_UP, i);
        /* Each way has a rate of its own. */
        same += link_rate_at(&a, LINK_UP, i) == link_rate_at(&a, LINK_DOWN, i);
    }
    CU_ASSERT_EQUAL(same, 0);
}

/* A delay goes nowhere at once, a rate stays for a draw. */
static void test_steps(void)
{
    link_weather w = link_case_profile("wan");

    for (int i = 0; i < 1000; i++) {
        double at = i * 0.01;
        double step = link_delay_at(&w, at + 0.01) - link_delay_at(&w, at);
        CU_ASSERT(step < 1.1e-4 && step > -1.1e-4);
    }
    CU_ASSERT_EQUAL(link_rate_at(&w, LINK_UP, 3.0),
                    link_rate_at(&w, LINK_UP, 3.99));
    CU_ASSERT_NOT_EQUAL(link_rate_at(&w, LINK_UP, 3.99),
                        link_rate_at(&w, LINK_UP, 4.0));
}

static void test_words(void)
{
    static const struct {
        const char *text, *error;
        double least, most;
        int rate;
    } rows[] = {
        {"70ms..80ms", NULL, 0.07, 0.08, 0},
        {"1s", NULL, 1, 1, 0},
        {"60Mbit..100Mbit", NULL, 60e6, 100e6, 1},
        {"8kbit", NULL, 8e3, 8e3, 1},
        {"1.5Gbit", NULL, 1.5e9, 1.5e9, 1},
        {"80", "'80' is no delay", 0, 0, 0},
        {"80ms..70ms", "'80ms..70ms' is no delay", 0, 0, 0},
        {"70ms..", "'70ms..' is no delay", 0, 0, 0},
        {"2m", "'2m' is no delay: give a time like 75ms", 0, 0, 0},
        {"80", "'80' is no rate: give one like 80Mbit", 0, 0, 1},
        {"80MB", "'80MB' is no rate", 0, 0, 1},
        {"1bit", "'1bit' is no rate", 0, 0, 1},
        {"Mbit", "'Mbit' is no rate", 0, 0, 1},
        {"1e3Mbit", "'1e3Mbit' is no rate", 0, 0, 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        link_range r = {-1, -1};
        pe_error e = {0};
        int rc = rows[i].rate ? link_rate_parse(rows[i].text, &r, &e)
                              : link_delay_parse(rows[i].text, &r, &e);
        CU_ASSERT_EQUAL(rc, rows[i].error ? -1 : 0);
        if (rows[i].error) {
            UNIT_CONTAINS(e.text, rows[i].error);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_USAGE);
            CU_ASSERT_EQUAL(r.least, -1);
        } else {
            CU_ASSERT_DOUBLE_EQUAL(r.least, rows[i].least, 1e-9 * rows[i].most);
            CU_ASSERT_DOUBLE_EQUAL(r.most, rows[i].most, 1e-9 * rows[i].most);
        }
    }
    link_weather w;
    pe_error e = {0};
    CU_ASSERT_EQUAL(link_profile("moon", &w, &e), -1);
    UNIT_EQUAL(e.text, "there is no profile 'moon': none lan mobile wan");
}

/* --- flow --- */

static void test_flow(void)
{
    flow f = {0};
    size_t len;

    CU_ASSERT_EQUAL(flow_next_ns(&f), INT64_MAX);
    CU_ASSERT_EQUAL(flow_put(&f, "abc", 3, 100, NULL), 0);
    /* A shorter way later on overtakes nothing. */
    CU_ASSERT_EQUAL(flow_put(&f, "de", 2, 50, NULL), 0);
    CU_ASSERT_EQUAL(flow_put(&f, "", 0, 120, NULL), 0);
    CU_ASSERT(f.ends);
    CU_ASSERT_EQUAL(f.bytes, 5);
    CU_ASSERT_EQUAL(flow_next_ns(&f), 100);
    CU_ASSERT(!memcmp(flow_peek(&f, &len), "abc", 3) && len == 3);
    flow_take(&f, 1);
    CU_ASSERT(!memcmp(flow_peek(&f, &len), "bc", 2) && len == 2);
    flow_take(&f, 2);
    CU_ASSERT_EQUAL(flow_next_ns(&f), 100);
    CU_ASSERT(!memcmp(flow_peek(&f, &len), "de", 2) && len == 2);
    flow_take(&f, 2);
    CU_ASSERT_EQUAL(flow_next_ns(&f), 120);
    flow_peek(&f, &len);
    CU_ASSERT_EQUAL(len, 0);
    flow_take(&f, 0);
    CU_ASSERT_EQUAL(flow_next_ns(&f), INT64_MAX);
    CU_ASSERT_EQUAL(f.bytes, 0);
    CU_ASSERT_EQUAL(flow_put(&f, "x", 1, 1, NULL), 0);
    flow_clear(&f);
}

/* --- the proxy, in a thread --- */

/* All bytes come back as they went, and so does the end, over a link that is
 * short of everything.
 */
static void test_echo(void)
{
    char *data = malloc(MIB), *back = malloc(MIB + 1);
    random_stream r = {.key = 7};
    pthread_t thread;
    bench b;

    for (size_t i = 0; i < MIB; i += 8) {
        uint64_t x = random_next(&r);
        memcpy(data + i, &x, 8);
    }
    bench_open(&b, FAR_ECHO, "1ms..3ms", "80Mbit..160Mbit", 8);
    struct writer w = {bench_dial(&b), data, MIB};
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, write_thread, &w), 0);
    CU_ASSERT_EQUAL(read_all(w.fd, back, MIB + 1), MIB);
    CU_ASSERT(!memcmp(data, back, MIB));
    pthread_join(thread, NULL);
    close(w.fd);
    bench_stop(&b);
    proxy_stats s = proxy_stats_get(b.p);
    for (int way = 0; way < LINK_WAYS; way++) {
        double rate = 8.0 * (double)s.way[way].bytes / s.way[way].busy_s;
        CU_ASSERT_EQUAL(s.way[way].bytes, (int64_t)MIB);
        CU_ASSERT(rate > 79e6 && rate < 161e6);
        CU_ASSERT(s.way[way].delay_s >= 0.001 && s.way[way].delay_s <= 0.003);
        CU_ASSERT(s.way[way].most_s <= 0.003);
        /* It never gave the link more than that carries. */
        CU_ASSERT(s.way[way].busy_s <= s.seconds + 0.01);
    }
    CU_ASSERT_EQUAL(s.accepted, 1);
    CU_ASSERT_EQUAL(s.broken, 0);
    bench_close(&b);
    free(data);
    free(back);
}

/* Many at a time share one link, and each has its part of it. */
static void test_share(void)
{
    enum { N = 8, LEN = 64 << 10 };
    char *data = calloc(1, LEN), *back = malloc(LEN);
    pthread_t thread[N];
    struct writer w[N];
    bench b;

    bench_open(&b, FAR_ECHO, "0ms", "50Mbit", N);
    for (int i = 0; i < N; i++) {
        w[i] = (struct writer){bench_dial(&b), data, LEN};
        CU_ASSERT_EQUAL_FATAL(
            pthread_create(&thread[i], NULL, write_thread, &w[i]), 0);
    }
    for (int i = 0; i < N; i++) {
        CU_ASSERT_EQUAL(read_all(w[i].fd, back, LEN), LEN);
        pthread_join(thread[i], NULL);
        close(w[i].fd);
    }
    bench_stop(&b);
    proxy_stats s = proxy_stats_get(b.p);
    CU_ASSERT_EQUAL(s.way[LINK_UP].bytes, N * LEN);
    CU_ASSERT_DOUBLE_EQUAL(s.way[LINK_UP].busy_s, 8.0 * N * LEN / 50e6, 1e-6);
    bench_close(&b);
    free(data);
    free(back);
}

/* One who reads nothing is not read from for ever: what waits is bounded. */
static void test_held(void)
{
    bench b;
    int64_t before = -1, now = 0;
    int fd;

    bench_open(&b, FAR_FLOOD, "1ms", "1Gbit", 4);
    fd = bench_dial(&b);
    while (now == 0 || now != before) {
        before = now;
        clock_sleep_ns(50 * CLOCK_MS, 1);
        now = atomic_load(&b.server.bytes);
    }
    bench_stop(&b);
    proxy_stats s = proxy_stats_get(b.p);
    /* Ours, and what the kernel keeps on its way to the client. */
    CU_ASSERT(s.way[LINK_DOWN].bytes > 0);
    CU_ASSERT(s.way[LINK_DOWN].bytes < (int64_t)(16 * MIB));
    close(fd);
    bench_close(&b);
}

/* A server that ends its side first is heard to the end of the other. */
static void test_half(void)
{
    char line[200] = "";
    bench b;
    int fd;

    bench_open(&b, FAR_GREET, "2ms", NULL, 4);
    fd = bench_dial(&b);
    CU_ASSERT_EQUAL(read_all(fd, line, sizeof(line)), 5);
    UNIT_EQUAL(line, "hello");
    write_all(fd, "0123456789", 10);
    close(fd);
    for (int i = 0; i < 3000 && atomic_load(&b.server.ended) < 1; i++)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    CU_ASSERT_EQUAL(atomic_load(&b.server.bytes), 10);
    bench_stop(&b);
    bench_close(&b);
}

/* Keep a port of 127.0.0.1 from everybody, and listen to nobody there. */
static int take_port(int port)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    CU_ASSERT_EQUAL_FATAL(bind(fd, (const struct sockaddr *)&at, sizeof(at)),
                          0);
    return fd;
}

/* A server that is not there: the connection is cut, and counted. */
static void test_refused(void)
{
    char c;
    bench b;
    int fd, taken;

    bench_open(&b, FAR_ECHO, "1ms", NULL, 4);
    far_server_close(&b.server);
    taken = take_port(b.server.port);
    fd = bench_dial(&b);
    CU_ASSERT(read(fd, &c, 1) <= 0);
    close(fd);
    close(taken);
    bench_stop(&b);
    proxy_stats s = proxy_stats_get(b.p);
    CU_ASSERT_EQUAL(s.accepted, 1);
    CU_ASSERT_EQUAL(s.refused, 1);
    CU_ASSERT_EQUAL(s.open, 0);
    proxy_destroy(b.p);
}

/* One more than it may carry waits for its turn. */
static void test_turns(void)
{
    char c = 0;
    bench b;

    bench_open(&b, FAR_ECHO, "0ms", NULL, 1);
    int first = bench_dial(&b), second = bench_dial(&b);
    write_all(second, "b", 1);
    write_all(first, "a", 1);
    CU_ASSERT(read_all(first, &c, 1) == 1 && c == 'a');
    close(first);
    CU_ASSERT(read_all(second, &c, 1) == 1 && c == 'b');
    close(second);
    bench_stop(&b);
    CU_ASSERT_EQUAL(proxy_stats_get(b.p).accepted, 2);
    bench_close(&b);
}

static void test_addresses(void)
{
    static const struct {
        const char *listen, *target, *error;
    } rows[] = {
        {NULL, "h", "'h' has no port: write HOST:PORT"},
        {NULL, "redis://127.0.0.1:1", "'redis://127.0.0.1:1' is no HOST:PORT"},
        {NULL, "127.0.0.1:70000", "'127.0.0.1:70000' is no HOST:PORT"},
        {"127.0.0.1:x", "127.0.0.1:1", "'127.0.0.1:x' is no HOST:PORT"},
        {"192.0.2.1:1", "127.0.0.1:1", "cannot listen at 192.0.2.1:1: "},
        {NULL, "nowhere.invalid:1", "'nowhere.invalid': "},
    };
    proxy_conf c = {.weather = link_case_profile("wan"),
                    .buffer = PROXY_BUFFER_MIN,
                    .connections = 1};
    proxy *p = proxy_create(&c, NULL);
    const char *at = NULL, *again = NULL;
    pe_error e = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(proxy_route(p, rows[i].listen, rows[i].target, &at, &e),
                        -1);
        UNIT_CONTAINS(e.text, rows[i].error);
    }
    CU_ASSERT_EQUAL(proxy_route(p, NULL, "localhost:1", &at, &e), 0);
    UNIT_CONTAINS(at, "127.0.0.1:");
    CU_ASSERT_EQUAL(proxy_route(p, at, "127.0.0.1:1", &again, &e), -1);
    UNIT_CONTAINS(e.text, "leave the port out for a free one");
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    proxy_destroy(p);
}

static const unit_test tests[] = {
    {"the paper's link", test_wan},
    {"a seed", test_seed},
    {"steps", test_steps},
    {"words", test_words},
    {"flow", test_flow},
    {"bytes come as they went", test_echo},
    {"one link is shared", test_share},
    {"back-pressure", test_held},
    {"half closed", test_half},
    {"no server", test_refused},
    {"more than it carries", test_turns},
    {"addresses", test_addresses},
    {0},
};

int main(void)
{
    return unit_main("link", tests);
}
