/* test_dial.c - Redis and Kafka through a tunnel: the hooks of both rooms. */
#include "unit.h"

#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mock_broker.h"
#include "redis_server.h"
#include "src/broker/broker.h"
#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/params/params.h"
#include "src/host/tunnel.h"
#include "ssh_server.h"

static ssh_server sshd;
static redis_server redis;
static int mock_port;

/* What was dialled; then on to the tunnel, where the names that only the far
 * side would know are given their address.
 */
static struct dialled {
    tunnel *t;
    atomic_int calls, refused;
    char last[256];
    int last_port;
    bool broken; /* refuse all */
} seen;

static int dial(void *arg, const char *name, int port, pe_error *errp)
{
    struct dialled *d = arg;

    atomic_fetch_add(&d->calls, 1);
    snprintf(d->last, sizeof(d->last), "%s", name);
    d->last_port = port;
    if (d->broken) {
        atomic_fetch_add(&d->refused, 1);
        return pe_error_set(errp, PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                            "the tunnel has caved in");
    }
    bool far = !strcmp(name, "kafka.cluster.invalid") ||
               !strcmp(name, "redis.cluster.invalid");
    return tunnel_dial(d->t, far ? "127.0.0.1" : name, port, errp);
}

/* --- Redis: it listens on a socket, and the tunnel wants a port --- */

static int relay_fd, relay_port;
static pid_t relay_pid;

static void pass_bytes(int from, int to)
{
    char chunk[65536];
    ssize_t n;

    while ((n = read(from, chunk, sizeof(chunk))) > 0)
        for (ssize_t at = 0, w; at < n; at += w)
            if ((w = write(to, chunk + at, (size_t)(n - at))) <= 0)
                _exit(0);
    shutdown(to, SHUT_WR);
}

static void relay_one(int fd)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int far = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", redis.dir);
    if (connect(far, (struct sockaddr *)&a, sizeof(a)) < 0)
        _exit(1);
    if (fork() == 0) {
        pass_bytes(fd, far);
        _exit(0);
    }
    pass_bytes(far, fd);
    _exit(0);
}

/* A process that carries connections of a port to the socket of Redis. */
static int relay_start(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);

    relay_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(relay_fd, (struct sockaddr *)&a, len) < 0 ||
        listen(relay_fd, 50) < 0 ||
        getsockname(relay_fd, (struct sockaddr *)&a, &len) < 0)
        return -1;
    relay_port = ntohs(a.sin_port);
    relay_pid = fork();
    if (relay_pid != 0) {
        setpgid(relay_pid, relay_pid);
        return relay_pid;
    }
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        int fd = accept(relay_fd, NULL, NULL);
        if (fork() == 0)
            relay_one(fd);
        close(fd);
    }
}

static params_conf redis_conf(const char *url)
{
    seen.last[0] = '\0';
    return (params_conf){.url = url, .dial = dial, .dial_arg = &seen};
}

static void test_redis(void)
{
    char *url = text_format("redis://redis.cluster.invalid:%d", relay_port);
    params_conf c = redis_conf(url);
    char word[32] = "";
    pe_error e = {0};

    params *p = params_open(&c, "run", &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    UNIT_EQUAL(seen.last, "redis.cluster.invalid");
    CU_ASSERT_EQUAL(seen.last_port, relay_port);
    CU_ASSERT_EQUAL(params_control_put(p, "drain", &e), 0);
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, "drain");
    UNIT_CONTAINS(redis_server_ask(&redis, "KEYS *"), "pilot:{run}:control");
    params_close(p);
    free(url);
}

/* A value of the size of a model, there and back. */
static void test_redis_large(void)
{
    char *url = text_format("redis://redis.cluster.invalid:%d", relay_port);
    params_conf c = redis_conf(url);
    size_t len = 5 << 20, got_len = 0;
    char *value = malloc(len), *got = malloc(len);
    params *p = params_open(&c, "run", NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (size_t i = 0; i < len; i++)
        value[i] = (char)(i * 7 + i / 1000);
    CU_ASSERT_EQUAL(params_shared_put(p, "k", value, len, NULL), 0);
    CU_ASSERT_EQUAL(params_shared_get(p, "k", got, len, &got_len, NULL), 0);
    CU_ASSERT_EQUAL(got_len, len);
    CU_ASSERT_EQUAL(memcmp(value, got, len), 0);
    params_close(p);
    free(got);
    free(value);
    free(url);
}

static void test_redis_follower(void)
{
    char *url = text_format("redis://redis.cluster.invalid:%d", relay_port);
    params_conf c = redis_conf(url);
    char commit[PE_COMMIT_ID_LEN + 1] = "";
    params_follower *f = params_follower_open(&c, "run", NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(params_follower_wait(f, 10, commit, NULL), 0);
    redis_server_ask(&redis, "PUBLISH pilot:{run}:announce "
                             "\"0123456789abcdef0123456789abcdef 1\"");
    int got = 0;
    for (int i = 0; i < 100 && got == 0; i++)
        got = params_follower_wait(f, 100, commit, NULL);
    CU_ASSERT_EQUAL(got, 1);
    UNIT_EQUAL(commit, "0123456789abcdef0123456789abcdef");
    params_follower_close(f);
    free(url);
}

/* The session breaks: the next call makes another connection. */
static void test_redis_mended(void)
{
    char *url = text_format("redis://redis.cluster.invalid:%d", relay_port);
    params_conf c = redis_conf(url);
    char word[32] = "";
    pe_error e = {0};
    params *p = params_open(&c, "run", NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    params_control_put(p, "stop", NULL);
    int before = atomic_load(&seen.calls);
    ssh_server_hang_up(&sshd);
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, "stop");
    CU_ASSERT(atomic_load(&seen.calls) > before);
    params_close(p);
    free(url);
}

static void test_redis_away(void)
{
    char *url = text_format("redis://redis.cluster.invalid:%d", relay_port);
    params_conf c = redis_conf(url);
    pe_error e = {0};

    seen.broken = true;
    CU_ASSERT_PTR_NULL(params_open(&c, "run", &e));
    UNIT_CONTAINS(e.text, "Redis at redis://redis.cluster.invalid:");
    UNIT_CONTAINS(e.text, "cannot be reached: the tunnel has caved in");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    seen.broken = false;
    /* A socket of this host is no business of the tunnel. */
    int before = atomic_load(&seen.calls);
    params_conf local = redis_conf(redis.url);
    params *p = params_open(&local, "run", NULL);
    CU_ASSERT_PTR_NOT_NULL(p);
    CU_ASSERT_EQUAL(atomic_load(&seen.calls), before);
    params_close(p);
    free(url);
}

/* --- Kafka --- */

/* The mock's own address is what it advertises; the bootstrap is a name. */
static broker_conf far_broker(char endpoint[64])
{
    snprintf(endpoint, 64, "kafka.cluster.invalid:%d", mock_port);
    return (broker_conf){.endpoint = endpoint,
                         .client_id = "test",
                         .timeout_s = 20,
                         .dial = dial,
                         .dial_arg = &seen};
}

static void test_kafka_admin(void)
{
    char endpoint[64];
    broker_conf c = far_broker(endpoint);
    int64_t low = -1, high = -1;
    pe_error e = {0};

    int before = atomic_load(&seen.calls);
    mock_send("far", 0, 3);
    CU_ASSERT_EQUAL(atomic_load(&seen.calls), before);
    broker_admin *a = broker_admin_open(&c, &e);
    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    CU_ASSERT_EQUAL(broker_watermarks(a, "far", 0, &low, &high, &e), 0);
    CU_ASSERT_EQUAL(low, 0);
    CU_ASSERT_EQUAL(high, 3);
    /* The bootstrap, and the broker under the name it has for itself. */
    CU_ASSERT(atomic_load(&seen.calls) >= before + 2);
    broker_admin_close(a);
}

static void test_kafka_records(void)
{
    char endpoint[64];
    broker_producer_conf pc = mock_producer_conf(64 * MOCK_MIB);
    broker_consumer_conf cc = mock_consumer_conf("far2", 16 * MOCK_MIB);
    broker_position at = {0, 0, 0};

    pc.broker = cc.broker = far_broker(endpoint);
    memset(&mock_seen, 0, sizeof(mock_seen));
    broker_producer *p = broker_producer_open(&pc, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    mock_produce(p, "far2", 0, 2000);
    CU_ASSERT_EQUAL(broker_producer_flush(p, 20000, NULL), 0);
    CU_ASSERT_EQUAL(mock_seen.stored, 2000);
    broker_consumer *c = broker_consumer_open(&cc, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(c);
    CU_ASSERT_EQUAL(broker_consumer_assign(c, &at, 1, NULL), 0);
    CU_ASSERT(mock_read(c, 0, 2000));
    broker_consumer_close(c);
    broker_producer_close(p);
}

/* The session breaks under a producer: all arrives, once and in order. */
static void test_kafka_mended(void)
{
    char endpoint[64];
    broker_producer_conf pc = mock_producer_conf(64 * MOCK_MIB);

    pc.broker = far_broker(endpoint);
    memset(&mock_seen, 0, sizeof(mock_seen));
    broker_producer *p = broker_producer_open(&pc, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    for (int i = 0; i < 4; i++) {
        mock_produce(p, "far3", 100 * i, 100 * (i + 1));
        CU_ASSERT_EQUAL(broker_producer_flush(p, 30000, NULL), 0);
        ssh_server_hang_up(&sshd);
    }
    CU_ASSERT_EQUAL(mock_seen.stored, 400);
    CU_ASSERT_EQUAL(mock_seen.out_of_order, 0);
    broker_producer_close(p);
}

static void test_kafka_away(void)
{
    char endpoint[64];
    broker_conf c = far_broker(endpoint);
    pe_error e = {0};

    c.timeout_s = 1;
    seen.broken = true;
    CU_ASSERT_PTR_NULL(broker_admin_open(&c, &e));
    UNIT_CONTAINS(e.text, "broker kafka.cluster.invalid:");
    UNIT_CONTAINS(e.text, "(the tunnel has caved in)");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    CU_ASSERT(atomic_load(&seen.refused) > 0);
    seen.broken = false;
    /* And without a dialler the name means nothing. */
    c.dial = NULL;
    CU_ASSERT_PTR_NULL(broker_admin_open(&c, &e));
    CU_ASSERT_PTR_NULL(strstr(e.text, "caved in"));
}

int main(void)
{
    static const unit_test tests[] = {
        {"Redis through a tunnel", test_redis},
        {"5 MB to Redis and back", test_redis_large},
        {"a follower hears through a tunnel", test_redis_follower},
        {"Redis when the session breaks", test_redis_mended},
        {"Redis that is not reached", test_redis_away},
        {"topics of Kafka through a tunnel", test_kafka_admin},
        {"records there and back", test_kafka_records},
        {"a producer when the session breaks", test_kafka_mended},
        {"Kafka that is not reached", test_kafka_away},
        {NULL, NULL},
    };

    if (!ssh_server_installed() || !redis_server_installed()) {
        printf("1..0 # SKIP no sshd or no redis-server\n");
        return 0;
    }
    if (redis_server_open(&redis) < 0 || relay_start() < 0 ||
        ssh_server_open(&sshd) < 0)
        return 99;
    mock_start();
    mock_port = atoi(strrchr(mock_endpoint, ':') + 1);
    seen.t = tunnel_open(sshd.url, NULL, NULL);
    int status = seen.t ? unit_main("dial", tests) : 99;
    tunnel_close(seen.t);
    mock_stop();
    kill(-relay_pid, SIGKILL);
    waitpid(relay_pid, NULL, 0);
    ssh_server_close(&sshd);
    redis_server_close(&redis);
    return status;
}
