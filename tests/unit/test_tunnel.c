/* test_tunnel.c - connections through a real sshd. */
#include "unit.h"

#include <errno.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "far_server.h"
#include "src/common/clock.h"
#include "src/common/random.h"
#include "src/common/text.h"
#include "src/host/tunnel.h"
#include "ssh_server.h"

#define MIB ((size_t)1 << 20)

static ssh_server server;

static tunnel *open_tunnel(const host_conf *c)
{
    pe_error e = {0};
    tunnel *t = tunnel_open(server.url, c, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    return t;
}

static int dial(tunnel *t, const far_server *s)
{
    pe_error e = {0};
    int fd = tunnel_connect(t, "127.0.0.1", s->port, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_FATAL(fd >= 0);
    return fd;
}

static void restart(const char *extra)
{
    ssh_server_kill(&server);
    server.extra = extra;
    CU_ASSERT_EQUAL_FATAL(ssh_server_run(&server), 0);
}

/* Wait up to 30 s until [*value] is at least [want]. */
static int reaches(atomic_int *value, int want)
{
    for (int i = 0; i < 3000 && atomic_load(value) < want; i++)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    return atomic_load(value) >= want;
}

/* Is there something to read, or the end, within 30 s? */
static int readable(int fd)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};

    return poll(&pfd, 1, 30000) == 1;
}

/* All until the end, or [len] bytes. */
static size_t read_all(int fd, char *out, size_t len)
{
    size_t at = 0;
    ssize_t n;

    while (at < len && readable(fd) && (n = read(fd, out + at, len - at)) > 0)
        at += (size_t)n;
    return at;
}

static int write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        data += n;
        len -= (size_t)n;
    }
    return 0;
}

static char *random_bytes(size_t len, unsigned seed)
{
    random_stream r = {seed, 0};
    uint64_t *data = malloc(len + 8);

    for (size_t i = 0; i < len / 8 + 1; i++)
        data[i] = random_next(&r);
    return (char *)data;
}

/* --- one connection --- */

static void test_echo(void)
{
    far_server s;
    tunnel *t = open_tunnel(NULL);
    char got[16] = "";

    CU_ASSERT_EQUAL_FATAL(far_server_open(&s, FAR_ECHO), 0);
    for (int i = 0; i < 3; i++) {
        int fd = dial(t, &s);
        CU_ASSERT_EQUAL(write_all(fd, "hello", 5), 0);
        CU_ASSERT_EQUAL(read_all(fd, got, 5), 5);
        UNIT_EQUAL(got, "hello");
        close(fd);
    }
    CU_ASSERT(reaches(&s.ended, 3));
    tunnel_close(t);
    tunnel_close(NULL);
    far_server_close(&s);
}

/* The names are those of the login node. */
static void test_names(void)
{
    far_server s;
    tunnel *t = open_tunnel(NULL);
    pe_error e = {0};

    far_server_open(&s, FAR_ECHO);
    int fd = tunnel_dial(t, "localhost", s.port, &e);
    CU_ASSERT(fd >= 0);
    close(fd);
    tunnel_close(t);
    far_server_close(&s);
}

static void test_half_close(void)
{
    far_server s, g;
    tunnel *t = open_tunnel(NULL);
    char got[200] = "";

    far_server_open(&s, FAR_COUNT);
    far_server_open(&g, FAR_GREET);
    int fd = dial(t, &s);
    write_all(fd, "abc", 3);
    CU_ASSERT_EQUAL(shutdown(fd, SHUT_WR), 0);
    CU_ASSERT_EQUAL(read_all(fd, got, sizeof(got)), 2 + 64 + 1);
    UNIT_CONTAINS(got, "3 ba7816bf8f01cfea414140de5dae2223");
    close(fd);
    /* The other way round. */
    fd = dial(t, &g);
    memset(got, 0, sizeof(got));
    CU_ASSERT_EQUAL(read_all(fd, got, sizeof(got)), 5);
    UNIT_EQUAL(got, "hello");
    CU_ASSERT_EQUAL(write_all(fd, "abc", 3), 0);
    clock_sleep_ns(50 * CLOCK_MS, 1);
    CU_ASSERT_EQUAL(write_all(fd, "def", 3), 0);
    close(fd);
    CU_ASSERT(reaches(&g.ended, 1));
    CU_ASSERT_EQUAL(atomic_load(&g.bytes), 6);
    tunnel_close(t);
    far_server_close(&g);
    far_server_close(&s);
}

/* A user that goes is noticed there, and a server that goes here. */
static void test_ends(void)
{
    far_server s, c, f;
    tunnel *t = open_tunnel(NULL);
    char byte;

    far_server_open(&s, FAR_ECHO);
    far_server_open(&c, FAR_CLOSE);
    far_server_open(&f, FAR_FLOOD);
    int fd = dial(t, &s);
    close(fd);
    CU_ASSERT(reaches(&s.ended, 1));
    fd = dial(t, &c);
    CU_ASSERT(readable(fd));
    CU_ASSERT(read(fd, &byte, 1) <= 0);
    /* What is written then has an end too. */
    int tries = 0;
    while (write_all(fd, "x", 1) == 0 && tries++ < 3000)
        clock_sleep_ns(10 * CLOCK_MS, 1);
    CU_ASSERT(tries < 3000);
    close(fd);
    fd = dial(t, &f);
    CU_ASSERT(readable(fd));
    close(fd);
    CU_ASSERT(reaches(&f.ended, 1));
    tunnel_close(t);
    far_server_close(&f);
    far_server_close(&c);
    far_server_close(&s);
}

/* --- much, and many --- */

/* Both ways at once through an echo. */
struct load {
    int fd;
    const char *data;
    size_t len;
    int status;
};

static void *write_load(void *arg)
{
    struct load *l = arg;

    l->status = write_all(l->fd, l->data, l->len);
    shutdown(l->fd, SHUT_WR);
    return NULL;
}

/* Returns true when exactly [data] comes back. */
static bool echoes(int fd, const char *data, size_t len)
{
    struct load l = {fd, data, len, -1};
    char *back = malloc(len + 1);
    pthread_t thread;

    pthread_create(&thread, NULL, write_load, &l);
    size_t n = read_all(fd, back, len + 1);
    pthread_join(thread, NULL);
    bool same = l.status == 0 && n == len && !memcmp(back, data, len);
    free(back);
    close(fd);
    return same;
}

static void test_much(void)
{
    far_server s;
    tunnel *t = open_tunnel(NULL);
    char *data = random_bytes(64 * MIB, 1);

    far_server_open(&s, FAR_ECHO);
    CU_ASSERT(echoes(dial(t, &s), data, 64 * MIB));
    CU_ASSERT_EQUAL(atomic_load(&s.bytes), 64 * MIB);
    free(data);
    tunnel_close(t);
    far_server_close(&s);
}

/* The keys of the session change in the middle, many times. */
static void test_rekey(void)
{
    far_server s;

    restart("RekeyLimit 3M\n");
    tunnel *t = open_tunnel(NULL);
    char *data = random_bytes(32 * MIB, 2);
    far_server_open(&s, FAR_ECHO);
    CU_ASSERT(echoes(dial(t, &s), data, 32 * MIB));
    free(data);
    tunnel_close(t);
    far_server_close(&s);
    restart(NULL);
}

enum { MANY = 60 };

struct user {
    tunnel *t;
    const far_server *s;
    unsigned seed;
    bool good;
    pe_error e;
};

static void *use(void *arg)
{
    struct user *u = arg;
    size_t len = 1000 + 20011 * u->seed;
    char *data = random_bytes(len, u->seed);

    int fd = tunnel_connect(u->t, "127.0.0.1", u->s->port, &u->e);
    u->good = fd >= 0 && echoes(fd, data, len);
    free(data);
    return NULL;
}

static void test_many(void)
{
    /* The last of them waits for what the others send, on a busy host long. */
    const host_conf conf = {.connect_timeout_s = 300};
    far_server s;
    struct user users[MANY];
    pthread_t threads[MANY];
    tunnel *t = open_tunnel(&conf);
    int good = 0;

    far_server_open(&s, FAR_ECHO);
    for (unsigned i = 0; i < MANY; i++) {
        users[i] = (struct user){.t = t, .s = &s, .seed = i};
        pthread_create(&threads[i], NULL, use, &users[i]);
    }
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], NULL);
        UNIT_EQUAL(users[i].e.text, "");
        good += users[i].good;
    }
    CU_ASSERT_EQUAL(good, MANY);
    CU_ASSERT(reaches(&s.ended, MANY));
    tunnel_close(t);
    far_server_close(&s);
}

/* A user that does not read stops his server, not the others and not us. */
static void test_pressure(void)
{
    far_server f, s;
    tunnel *t = open_tunnel(NULL);
    char *data = random_bytes(8 * MIB, 3);
    long long before, after;

    far_server_open(&f, FAR_FLOOD);
    far_server_open(&s, FAR_ECHO);
    int slow[3] = {dial(t, &f), dial(t, &f), dial(t, &f)};
    do {
        before = atomic_load(&f.bytes);
        clock_sleep_ns(200 * CLOCK_MS, 1);
        after = atomic_load(&f.bytes);
    } while (after != before);
    CU_ASSERT(after < (long long)(3 * 24 * MIB));
    CU_ASSERT(echoes(dial(t, &s), data, 8 * MIB));
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(read_all(slow[i], data, 8 * MIB), 8 * MIB);
        CU_ASSERT(data[0] == 'f' && !memcmp(data, data + 1, 8 * MIB - 1));
        close(slow[i]);
    }
    CU_ASSERT(reaches(&f.ended, 3));
    free(data);
    tunnel_close(t);
    far_server_close(&s);
    far_server_close(&f);
}

/* --- what does not work --- */

static void test_errors(void)
{
    far_server s;
    tunnel *t = open_tunnel(NULL);
    pe_error e = {0};

    CU_ASSERT_PTR_NULL(tunnel_open("http://x", NULL, &e));
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
    CU_ASSERT_PTR_NULL(tunnel_open("ssh://x@127.0.0.1:1", NULL, &e));
    UNIT_CONTAINS(e.text, "cannot be reached: Connection refused");
    far_server_open(&s, FAR_ECHO);
    int closed = s.port;
    far_server_close(&s);
    CU_ASSERT_EQUAL(tunnel_connect(t, "127.0.0.1", closed, &e), -1);
    UNIT_CONTAINS(e.text, "cannot be reached from 127.0.0.1: it knows no such "
                          "host, or nothing listens there");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    CU_ASSERT_EQUAL(tunnel_connect(t, "no-such-host.invalid", 80, &e), -1);
    UNIT_CONTAINS(e.text, "no-such-host.invalid port 80 cannot be reached");
    tunnel_close(t);
}

static void test_forbidden(void)
{
    static const char *const settings[] = {"AllowTcpForwarding no\n",
                                           "PermitOpen none\n"};
    far_server s;

    far_server_open(&s, FAR_ECHO);
    for (int i = 0; i < 2; i++) {
        pe_error e = {0};
        restart(settings[i]);
        tunnel *t = open_tunnel(NULL);
        CU_ASSERT_EQUAL(tunnel_connect(t, "127.0.0.1", s.port, &e), -1);
        UNIT_CONTAINS(e.text, "127.0.0.1 forbids connections to 127.0.0.1 "
                              "port");
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
        tunnel_close(t);
    }
    restart(NULL);
    far_server_close(&s);
}

/* A server that does not answer holds up nobody but who asks for it. */
static void test_stuck(void)
{
    const host_conf conf = {.connect_timeout_s = 3};
    far_server d, s;
    tunnel *t = open_tunnel(&conf);
    pe_error e = {0};

    far_server_open(&d, FAR_DEAF);
    far_server_open(&s, FAR_ECHO);
    CU_ASSERT_EQUAL(tunnel_connect(t, "127.0.0.1", d.port, &e), -1);
    UNIT_CONTAINS(e.text, "does not answer 127.0.0.1");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT(echoes(dial(t, &s), "hello", 5));
    CU_ASSERT_EQUAL(tunnel_connect(t, "127.0.0.1", d.port, &e), -1);
    CU_ASSERT(echoes(dial(t, &s), "hello", 5));
    tunnel_close(t);
    far_server_close(&s);
    far_server_close(&d);
}

/* --- sessions that end --- */

static void test_server_killed(void)
{
    far_server s;
    tunnel *t = open_tunnel(NULL);
    pe_error e = {0};
    char byte;

    far_server_open(&s, FAR_ECHO);
    int a = dial(t, &s), b = dial(t, &s);
    CU_ASSERT_EQUAL(write_all(a, "x", 1), 0);
    CU_ASSERT_EQUAL(read_all(a, &byte, 1), 1);
    ssh_server_kill(&server);
    CU_ASSERT(readable(a));
    CU_ASSERT(read(a, &byte, 1) <= 0);
    CU_ASSERT(readable(b));
    CU_ASSERT(read(b, &byte, 1) <= 0);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(tunnel_connect(t, "127.0.0.1", s.port, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    }
    restart(NULL);
    int fd = -1;
    for (int i = 0; i < 1000 && fd < 0; i++) {
        fd = tunnel_connect(t, "127.0.0.1", s.port, &e);
        if (fd < 0)
            clock_sleep_ns(20 * CLOCK_MS, 1);
    }
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT(echoes(fd, "hello", 5));
    close(a);
    close(b);
    tunnel_close(t);
    far_server_close(&s);
}

/* Closed while it is in use: its users see the end. */
static void test_close(void)
{
    far_server s;
    tunnel *t = open_tunnel(NULL);
    char byte;

    far_server_open(&s, FAR_ECHO);
    int fd = dial(t, &s);
    tunnel_close(t);
    CU_ASSERT(readable(fd));
    CU_ASSERT(read(fd, &byte, 1) <= 0);
    CU_ASSERT(reaches(&s.ended, 1));
    close(fd);
    far_server_close(&s);
}

/* A server that asks whether we live, while nothing goes through; and one
 * that gives no channel for that.
 */
static void test_idle(void)
{
    static const char *const settings[] = {
        "ClientAliveInterval 1\nClientAliveCountMax 1\n", "MaxSessions 0\n"};
    far_server s;
    char byte;

    far_server_open(&s, FAR_ECHO);
    for (int i = 0; i < 2; i++) {
        restart(settings[i]);
        tunnel *t = open_tunnel(NULL);
        clock_sleep_ns(5000 * CLOCK_MS, 1);
        int fd = dial(t, &s);
        clock_sleep_ns((i == 0 ? 5000 : 0) * CLOCK_MS, 1);
        CU_ASSERT_EQUAL(write_all(fd, "x", 1), 0);
        CU_ASSERT_EQUAL(read_all(fd, &byte, 1), 1);
        close(fd);
        tunnel_close(t);
        char *log = ssh_server_read(&server, "log");
        CU_ASSERT_PTR_NULL(strstr(log, "client not responding"));
        free(log);
    }
    restart(NULL);
    far_server_close(&s);
}

static void test_silent(void)
{
    const host_conf conf = {.keepalive_s = 2};
    far_server s;
    tunnel *t = open_tunnel(&conf);
    char byte;

    far_server_open(&s, FAR_ECHO);
    int fd = dial(t, &s);
    CU_ASSERT(ssh_server_signal(&server, "sshd", SIGSTOP) > 0);
    CU_ASSERT(readable(fd));
    CU_ASSERT(read(fd, &byte, 1) <= 0);
    close(fd);
    ssh_server_hang_up(&server);
    CU_ASSERT(echoes(dial(t, &s), "hello", 5));
    tunnel_close(t);
    far_server_close(&s);
}

int main(void)
{
    static const unit_test tests[] = {
        {"one connection, and another one", test_echo},
        {"names of the other side", test_names},
        {"each side ends for itself", test_half_close},
        {"ends are seen on both sides", test_ends},
        {"64 MB both ways at once", test_much},
        {"new keys on the way", test_rekey},
        {"many connections at once", test_many},
        {"back-pressure", test_pressure},
        {"what is not reached", test_errors},
        {"what is forbidden", test_forbidden},
        {"a server that does not answer", test_stuck},
        {"an sshd that is killed and comes back", test_server_killed},
        {"a tunnel that is closed", test_close},
        {"a tunnel that is not used", test_idle},
        {"an sshd that falls silent", test_silent},
        {NULL, NULL},
    };

    if (!ssh_server_installed()) {
        printf("1..0 # SKIP no sshd\n");
        return 0;
    }
    if (ssh_server_open(&server) < 0)
        return 99;
    int status = unit_main("tunnel", tests);
    ssh_server_close(&server);
    return status;
}
