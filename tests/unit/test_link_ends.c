/* test_link_ends.c - connections through a link that end, break, or stand
 * still.
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "link_case.h"
#include "src/common/clock.h"

#define KIB ((size_t)1 << 10)
#define MIB (KIB << 10)

/* Wait until [n] is so many, or more; a minute at most. */
static bool reaches(atomic_int *n, int many)
{
    for (int i = 0; i < 6000 && atomic_load(n) < many; i++)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    return atomic_load(n) >= many;
}

/* Close it so that the other side is told of an error. */
static void cut_off(int fd)
{
    const struct linger now = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

/* Carry until [p] has no connection any more, at most a minute. */
static bool drains(proxy *p)
{
    for (int i = 0; i < 6000 && proxy_stats_get(p).open > 0; i++)
        if (proxy_turn(p, 10 * CLOCK_MS, NULL, NULL) < 0)
            return false;
    return proxy_stats_get(p).open == 0;
}

/* --- ends --- */

/* A client that ends its side is answered: what was on the way arrives, then
 * the end, and then the server speaks.
 */
static void test_half_up(void)
{
    static const size_t lens[] = {0, 1, 16 * KIB, 16 * KIB + 1, 300 * KIB};

    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
        char *data = calloc(1, lens[i] + 1), line[128] = "", want[32];
        bench b;
        int fd;

        bench_open(&b, FAR_COUNT, "3ms", "50Mbit", 4);
        fd = bench_dial(&b);
        write_all(fd, data, lens[i]);
        CU_ASSERT_EQUAL(shutdown(fd, SHUT_WR), 0);
        size_t n = read_all(fd, line, sizeof(line) - 1);
        snprintf(want, sizeof(want), "%zu ", lens[i]);
        CU_ASSERT_EQUAL(strncmp(line, want, strlen(want)), 0);
        CU_ASSERT_EQUAL(n, strlen(want) + 64 + 1);
        if (lens[i] == 0)
            UNIT_EQUAL(line, "0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934"
                             "ca495991b7852b855\n");
        close(fd);
        bench_stop(&b);
        CU_ASSERT_TRUE(drains(b.p));
        proxy_stats s = proxy_stats_get(b.p);
        CU_ASSERT_EQUAL(s.way[LINK_UP].bytes, (int64_t)lens[i]);
        CU_ASSERT_EQUAL(s.way[LINK_DOWN].bytes, (int64_t)n);
        CU_ASSERT_EQUAL(s.accepted, 1);
        CU_ASSERT_EQUAL(s.broken, 0);
        CU_ASSERT_EQUAL(s.refused, 0);
        bench_close(&b);
        free(data);
    }
}

/* A server that ends its side first hears the client out, however long. */
static void test_half_down(void)
{
    enum { LEN = 200 << 10 };
    char *data = calloc(1, LEN), line[128] = "";
    bench b;
    int fd;

    bench_open(&b, FAR_GREET, "1ms", "50Mbit", 4);
    fd = bench_dial(&b);
    CU_ASSERT_EQUAL(read_all(fd, line, sizeof(line)), 5);
    UNIT_EQUAL(line, "hello");
    write_all(fd, data, LEN);
    close(fd);
    CU_ASSERT_TRUE(reaches(&b.server.ended, 1));
    CU_ASSERT_EQUAL(atomic_load(&b.server.bytes), LEN);
    bench_stop(&b);
    CU_ASSERT_TRUE(drains(b.p));
    CU_ASSERT_EQUAL(proxy_stats_get(b.p).way[LINK_UP].bytes, LEN);
    CU_ASSERT_EQUAL(proxy_stats_get(b.p).way[LINK_DOWN].bytes, 5);
    bench_close(&b);
    free(data);
}

/* A server that closes at once: its end arrives as an end. */
static void test_closed(void)
{
    char c;
    bench b;

    bench_open(&b, FAR_CLOSE, "1ms", NULL, 4);
    for (int i = 0; i < 5; i++) {
        int fd = bench_dial(&b);

        CU_ASSERT_EQUAL(read(fd, &c, 1), 0);
        close(fd);
    }
    bench_stop(&b);
    CU_ASSERT_TRUE(drains(b.p));
    proxy_stats s = proxy_stats_get(b.p);
    CU_ASSERT_EQUAL(s.accepted, 5);
    CU_ASSERT_EQUAL(s.refused, 0);
    CU_ASSERT_EQUAL(s.broken, 0);
    CU_ASSERT_EQUAL(s.way[LINK_UP].bytes, 0);
    CU_ASSERT_EQUAL(s.way[LINK_DOWN].bytes, 0);
    CU_ASSERT_EQUAL(s.way[LINK_DOWN].most_s, 0);
    bench_close(&b);
}

/* --- breaks --- */

/* One that is cut off is counted, and the others go on. */
static void test_cut(void)
{
    char c = 0;
    bench b;
    int fd[6];

    bench_open(&b, FAR_ECHO, "1ms", NULL, 8);
    for (int i = 0; i < 6; i++) {
        fd[i] = bench_dial(&b);
        write_all(fd[i], "x", 1);
        CU_ASSERT_EQUAL(read_all(fd[i], &c, 1), 1);
    }
    for (int i = 0; i < 3; i++)
        cut_off(fd[i]);
    CU_ASSERT_TRUE(reaches(&b.server.ended, 3));
    for (int i = 3; i < 6; i++) {
        const char word = (char)('a' + i);

        write_all(fd[i], &word, 1);
        CU_ASSERT_EQUAL(read_all(fd[i], &c, 1), 1);
        CU_ASSERT_EQUAL(c, word);
        close(fd[i]);
    }
    bench_stop(&b);
    CU_ASSERT_TRUE(drains(b.p));
    proxy_stats s = proxy_stats_get(b.p);
    CU_ASSERT_EQUAL(s.accepted, 6);
    CU_ASSERT_EQUAL(s.broken, 3);
    CU_ASSERT_EQUAL(s.way[LINK_UP].bytes, 9);
    CU_ASSERT_EQUAL(s.way[LINK_DOWN].bytes, 9);
    bench_close(&b);
}

/* A proxy that goes cuts off what is open, on both sides. */
static void test_destroyed(void)
{
    char c = 0;
    bench b;
    int fd;

    bench_open(&b, FAR_ECHO, "1ms", NULL, 4);
    fd = bench_dial(&b);
    write_all(fd, "x", 1);
    CU_ASSERT_EQUAL(read_all(fd, &c, 1), 1);
    bench_stop(&b);
    CU_ASSERT_EQUAL(proxy_stats_get(b.p).open, 1);
    proxy_destroy(b.p);
    b.p = NULL;
    CU_ASSERT_TRUE(read(fd, &c, 1) <= 0);
    close(fd);
    CU_ASSERT_TRUE(reaches(&b.server.ended, 1));
    bench_close(&b);
}

/* --- back-pressure --- */

/* Write until nobody has taken a byte for a while: how many were. */
static size_t fill(int fd, size_t most)
{
    static char data[64 << 10];
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    size_t n = 0;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (n < most && poll(&p, 1, 500) > 0) {
        ssize_t got = send(fd, data, sizeof(data), MSG_NOSIGNAL);

        if (got < 0 && errno != EAGAIN)
            break;
        n += got > 0 ? (size_t)got : 0;
    }
    return n;
}

/* A server that does not read is not written to for ever, and the one who
 * writes is held; what the link itself keeps is bounded.
 */
static void test_held_up(void)
{
    const size_t most = 64 * MIB;
    bench b;
    int fd;
    size_t n;

    bench_open(&b, FAR_FLOOD, "1ms", "1Gbit", 4); /* it reads nothing */
    fd = bench_dial(&b);
    n = fill(fd, most);
    CU_ASSERT_TRUE(n >= PROXY_BUFFER_MIN);
    CU_ASSERT_TRUE(n < most);
    bench_stop(&b);
    proxy_stats s = proxy_stats_get(b.p);
    CU_ASSERT_TRUE(s.way[LINK_UP].bytes > 0);
    CU_ASSERT_TRUE((size_t)s.way[LINK_UP].bytes <= n);
    CU_ASSERT_EQUAL(s.open, 1);
    close(fd);
    bench_close(&b);
}

/* One that is held holds nobody else. */
static void test_held_alone(void)
{
    char c = 0;
    bench b;
    int held, other;

    bench_open(&b, FAR_ECHO, "1ms", "100Mbit", 4);
    held = bench_dial(&b);
    CU_ASSERT_TRUE(fill(held, 64 * MIB) < 64 * MIB); /* reads no echo */
    other = bench_dial(&b);
    for (char i = 'a'; i < 'k'; i++) {
        write_all(other, &i, 1);
        CU_ASSERT_EQUAL(read_all(other, &c, 1), 1);
        CU_ASSERT_EQUAL(c, i);
    }
    close(other);
    cut_off(held);
    CU_ASSERT_TRUE(reaches(&b.server.ended, 2));
    bench_stop(&b);
    CU_ASSERT_TRUE(drains(b.p));
    CU_ASSERT_EQUAL(proxy_stats_get(b.p).broken, 1);
    bench_close(&b);
}

/* --- the link by its numbers --- */

/* No byte is there before its delay, nor an answer before two. */
static void test_delay(void)
{
    bench b;
    char c = 0;
    int fd;

    bench_open(&b, FAR_ECHO, "40ms", NULL, 4);
    fd = bench_dial(&b);
    for (int i = 0; i < 3; i++) {
        int64_t start = clock_mono_ns();

        write_all(fd, "x", 1);
        CU_ASSERT_EQUAL(read_all(fd, &c, 1), 1);
        CU_ASSERT_TRUE(clock_mono_ns() - start >= 80 * CLOCK_MS);
    }
    close(fd);
    bench_stop(&b);
    CU_ASSERT_TRUE(drains(b.p));
    proxy_stats s = proxy_stats_get(b.p);
    for (int way = 0; way < LINK_WAYS; way++) {
        CU_ASSERT_EQUAL(s.way[way].bytes, 3);
        CU_ASSERT_DOUBLE_EQUAL(s.way[way].delay_s, 0.04, 1e-9);
        CU_ASSERT_DOUBLE_EQUAL(s.way[way].most_s, 0.04, 1e-9);
        CU_ASSERT_EQUAL(s.way[way].busy_s, 0); /* without limit */
    }
    bench_close(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a client ends its side", test_half_up},
        {"a server ends its side", test_half_down},
        {"closed at once", test_closed},
        {"cut off", test_cut},
        {"the proxy goes", test_destroyed},
        {"a server that does not read", test_held_up},
        {"one that is held", test_held_alone},
        {"delay", test_delay},
        {0},
    };

    return unit_main("link_ends", tests);
}
