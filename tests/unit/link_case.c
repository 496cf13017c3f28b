/* link_case.c - a server behind a link, whose proxy is in a thread. */
#include "link_case.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/common/clock.h"
#include "unit.h"

link_weather link_case_profile(const char *name)
{
    link_weather w = {0};
    pe_error e = {0};

    CU_ASSERT_EQUAL(link_profile(name, &w, &e), 0);
    UNIT_EQUAL(e.text, "");
    return w;
}

static void *turn(void *arg)
{
    bench *b = arg;
    pe_error e = {0};

    while (!atomic_load(&b->stop))
        if (proxy_turn(b->p, 10 * CLOCK_MS, NULL, &e) < 0)
            fprintf(stderr, "%s\n", e.text);
    return NULL;
}

void bench_open(bench *b, enum far_way way, const char *delay, const char *rate,
                size_t connections)
{
    proxy_conf c = {.weather = link_case_profile("none"),
                    .buffer = PROXY_BUFFER_MIN,
                    .connections = connections};
    char target[32];
    pe_error e = {0};

    memset(b, 0, sizeof(*b));
    link_delay_parse(delay, &c.weather.delay_s, &e);
    if (rate)
        link_rate_parse(rate, &c.weather.rate, &e);
    CU_ASSERT_EQUAL_FATAL(far_server_open(&b->server, way), 0);
    b->p = proxy_create(&c, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->p);
    snprintf(target, sizeof(target), "127.0.0.1:%d", b->server.port);
    CU_ASSERT_EQUAL(proxy_route(b->p, NULL, target, &b->at, &e), 0);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_EQUAL_FATAL(pthread_create(&b->thread, NULL, turn, b), 0);
}

void bench_stop(bench *b)
{
    atomic_store(&b->stop, 1);
    pthread_join(b->thread, NULL);
}

void bench_close(bench *b)
{
    proxy_destroy(b->p);
    far_server_close(&b->server);
}

int bench_dial(const bench *b)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)atoi(strrchr(b->at, ':') + 1))};
    const struct timeval patience = {.tv_sec = 60};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

size_t read_all(int fd, char *out, size_t len)
{
    size_t at = 0;
    ssize_t n;

    while (at < len && (n = read(fd, out + at, len - at)) > 0)
        at += (size_t)n;
    return at;
}

void write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        CU_ASSERT_FATAL(n > 0);
        data += n;
        len -= (size_t)n;
    }
}

void *write_thread(void *arg)
{
    struct writer *w = arg;

    write_all(w->fd, w->data, w->len);
    shutdown(w->fd, SHUT_WR);
    return NULL;
}
