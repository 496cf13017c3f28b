/* test_params_service.c - the parameter service on a Redis of its own. */
#include "unit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service_case.h"
#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/common/text.h"
#include "src/params/acl.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* params_open fails like this. */
static void expect_closed(const params_conf *c, const char *run,
                          enum pe_error_class kind, enum pe_exit exit_code,
                          const char *part)
{
    pe_error e = {0};
    params *p = params_open(c, run, &e);

    CU_ASSERT_PTR_NULL(p);
    CU_ASSERT_EQUAL(e.kind, kind);
    CU_ASSERT_EQUAL(e.exit_code, exit_code);
    UNIT_CONTAINS(e.text, part);
    CU_ASSERT_PTR_NULL(strstr(e.text, "hunter2"));
    params_close(p);
}

/* --- open --- */

static void test_nothing(void)
{
    params_close(NULL);
    params_state_free(NULL);
    params_ends_free(NULL, 0);
    params_follower_close(NULL);
}

static void test_bad_conf(void)
{
    static const struct {
        const char *url, *part;
    } rows[] = {
        {NULL, "empty"},
        {"", "empty"},
        {"127.0.0.1:6379", "is no address of a Redis"},
        {"http://h:6379", "rediss://HOST:PORT (TLS)"},
        {"redis:///x", "names no host"},
        {"redis://h:6379/3", "names a database"},
        {"redis://:hunter2@h:6379", "password"},
        {"unix://h/x", "names no socket"},
        {"unix://", "names no socket"},
        {"unix:///12345678901234567890123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567890123456789",
         "is too long for a socket's path"},
    };
    params_conf c = service_conf();

    expect_closed(&c, "a b", PE_ERROR_INPUT, PE_EXIT_CONFIG, "no run id");
    CU_ASSERT_PTR_NULL(params_follower_open(&c, "", NULL));
    for (size_t i = 0; i < N(rows); i++) {
        c.url = rows[i].url;
        expect_closed(&c, "r", PE_ERROR_INPUT, PE_EXIT_CONFIG, rows[i].part);
    }
}

static void test_unreachable(void)
{
    params_conf c = service_conf();
    pe_error e;

    c.url = "unix:///nowhere/socket";
    expect_closed(&c, "r", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                  "Redis at unix:///nowhere/socket cannot be reached (no such "
                  "file or directory): is it running? start one with "
                  "`pilot services start`, or set pilots.NAME.endpoint");
    c.from = "job.yaml:3, pilots.r.endpoint";
    expect_closed(&c, "r", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                  "is it running? start it, or name another endpoint (this "
                  "one: job.yaml:3, pilots.r.endpoint)");
    c.url = "redis://127.0.0.1:1";
    expect_closed(&c, "r", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                  "Redis at redis://127.0.0.1:1 cannot be reached (connection "
                  "refused)");
    c.url = "redis://nowhere.invalid";
    expect_closed(&c, "r", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
                  "cannot be reached");
    CU_ASSERT_PTR_NULL(params_follower_open(&c, "r", &e));
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
}

/* Listens on 127.0.0.1 and says the first words of a web server. */
static void *serve_http(void *arg)
{
    static const char words[] = "HTTP/1.1 400 Bad Request\r\n\r\n";
    int fd = accept(*(int *)arg, NULL, NULL);
    char line[64];

    CU_ASSERT_TRUE(read(fd, line, sizeof(line)) > 0);
    CU_ASSERT_EQUAL(write(fd, words, strlen(words)), (ssize_t)strlen(words));
    close(fd);
    return NULL;
}

static void test_no_redis(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    params_conf c = service_conf();
    pthread_t thread;
    char url[64];

    CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&a, len), 0);
    CU_ASSERT_EQUAL(listen(fd, 1), 0);
    CU_ASSERT_EQUAL(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(url, sizeof(url), "redis://127.0.0.1:%d", ntohs(a.sin_port));
    c.url = url;
    pthread_create(&thread, NULL, serve_http, &fd);
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_CONFIG, "is no Redis");
    pthread_join(thread, NULL);
    close(fd);
}

/* A file of ours that holds [secret]; its path. */
static const char *secret_file(const char *secret, mode_t mode)
{
    static char path[96];

    snprintf(path, sizeof(path), "%s/secret", service_server.dir);
    CU_ASSERT_EQUAL(file_write(path, secret, strlen(secret), mode, NULL), 0);
    CU_ASSERT_EQUAL(chmod(path, mode), 0);
    return path;
}

static void test_password(void)
{
    params_conf c = service_conf();
    pe_error e = {0};

    c.password_file = secret_file("hunter2\n", 0600);
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_CONFIG,
                  "says 'ERR': it wants no password");
    service_ask("CONFIG SET requirepass correct");
    service_server.password = "correct";
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                  "says 'WRONGPASS': user or password is wrong");
    c.user = "nobody";
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                  "pilots.NAME.password-file");
    c.user = c.password_file = NULL;
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_PERMISSION,
                  "says 'NOAUTH Authentication required.'");
    c.password_file = secret_file("correct\n", 0644);
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_PERMISSION, "chmod");
    c.password_file = secret_file("correct\n", 0600);
    params *p = params_open(&c, "password", &e);
    CU_ASSERT_PTR_NOT_NULL(p);
    /* A new connection says it again. */
    service_ask("CLIENT KILL TYPE normal SKIPME yes");
    CU_ASSERT_EQUAL(params_control_put(p, "drain", &e), 0);
    params_close(p);
    service_ask("CONFIG SET requirepass \"\"");
    service_server.password = NULL;
}

/* What `pilot acl` prints for a pool is enough for a pool; and who has less is
 * told who it is, and who has more to say.
 */
static void test_rules(void)
{
    params_conf c = service_conf();
    pe_error e = {0};
    text line = {0};
    char *rules = params_acl_rules(LOGIN_POOL, "rules", &e);

    CU_ASSERT_PTR_NOT_NULL_FATAL(rules);
    service_ask("ACL SETUSER poor on >hunter2 ~pilot:* +ping +hget +info");
    c.user = "poor";
    c.password_file = secret_file("hunter2\n", 0600);
    expect_closed(&c, "rules", PE_ERROR_FATAL, PE_EXIT_CONFIG,
                  " as 'poor' says 'NOPERM");
    expect_closed(&c, "rules", PE_ERROR_FATAL, PE_EXIT_CONFIG,
                  "'pilot acl RUN' prints the rules");
    text_add(&line, "ACL SETUSER rich on >hunter2 %s", rules);
    CU_ASSERT_EQUAL(*service_ask(line.data), '+');
    text_free(&line);
    free(rules);
    CU_ASSERT_PTR_NULL(params_acl_rules(LOGIN_POOL, "a{b", &e));
    UNIT_CONTAINS(e.text, "'a{b' is no run id");

    c.user = "rich";
    params *p = params_open(&c, "rules", &e);
    params_follower *f = params_follower_open(&c, "rules", &e);
    CU_ASSERT_PTR_NOT_NULL(p);
    CU_ASSERT_PTR_NOT_NULL(f);
    if (p && f) {
        char id[PE_COMMIT_ID_LEN + 1] = "";
        params_end end = {(char *)"d", 0, 5, true}, *ends;
        params_state s;
        size_t n;

        CU_ASSERT_EQUAL(service_commit(p, ID_1), PARAMS_OK);
        CU_ASSERT_EQUAL(params_follower_wait(f, 5000, id, &e), 1);
        CU_ASSERT_EQUAL(params_state_fetch(p, &s, &e), 0);
        params_state_free(&s);
        CU_ASSERT_EQUAL(params_end_put(p, &end, &e), 0);
        CU_ASSERT_EQUAL(params_end_clear_dead(p, &e), 0);
        CU_ASSERT_EQUAL(params_ends_fetch(p, &ends, &n, &e), 0);
        CU_ASSERT_EQUAL(n, 0);
        params_ends_free(ends, n);
        CU_ASSERT_EQUAL(params_control_put(p, "stop", &e), 0);
        CU_ASSERT_EQUAL(params_shared_put(p, "k", "v", 1, &e), 0);
        CU_ASSERT_EQUAL(params_next_ask(p, "a", 60000, &e), 2);
        CU_ASSERT_EQUAL(params_next_drop(p, "a", &e), 0);
        CU_ASSERT_EQUAL(params_order_put(p, "a", "", &e), 0);
    }
    params_follower_close(f);
    params_close(p);
}

/* Of two pools one is the next, as long as it has asked for. */
static void test_next(void)
{
    params_conf c = service_conf();
    pe_error e = {0};
    params *p = params_open(&c, "next", &e);
    int64_t until = clock_mono_ns() + 10 * CLOCK_S;
    int rc;

    CU_ASSERT_PTR_NOT_NULL_FATAL(p);
    CU_ASSERT_EQUAL(params_next_look(p, "a", &e), 0);
    CU_ASSERT_EQUAL(params_next_ask(p, "a", 60000, &e), 2);
    CU_ASSERT_EQUAL(params_next_ask(p, "b", 60000, &e), 1);
    CU_ASSERT_EQUAL(params_next_look(p, "b", &e), 1);
    CU_ASSERT_EQUAL(params_next_drop(p, "b", &e), 0);
    CU_ASSERT_EQUAL(params_next_look(p, "a", &e), 2);
    CU_ASSERT_EQUAL(params_next_drop(p, "a", &e), 0);
    CU_ASSERT_EQUAL(params_next_ask(p, "b", 200, &e), 2);
    while ((rc = params_next_look(p, "a", &e)) == 1 && clock_mono_ns() < until)
        clock_sleep_ns(10 * CLOCK_MS, 0);
    CU_ASSERT_EQUAL(rc, 0);
    params_close(p);
}

/* Each command the script runs is looked at before a run starts. */
static void test_script_rules(void)
{
    static const char *const commands[] = {"evalsha", "script|load", "type",
                                           "get",     "hget",        "mset",
                                           "publish", "time",        "set"};
    params_conf c = service_conf();
    char line[256];

    c.user = "almost";
    c.password_file = secret_file("hunter2\n", 0600);
    for (size_t i = 0; i < N(commands); i++) {
        snprintf(line, sizeof(line),
                 "ACL SETUSER almost reset on >hunter2 ~pilot:* &pilot:* "
                 "+@all -%s",
                 commands[i]);
        CU_ASSERT_EQUAL(*service_ask(line), '+');
        expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_CONFIG,
                      "'pilot acl RUN'");
    }
    service_ask("ACL SETUSER almost reset on >hunter2 ~other:* &* +@all");
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_CONFIG, "as 'almost'");
}

/* A device's user may run no script, and needs none. */
static void test_no_commits(void)
{
    params *p = service_run("device");
    params_conf c = service_conf();
    pe_error e = {0};
    params_commit none = {.writer = "w"};
    params_end end = {(char *)"d", 0, 5, false};
    char id[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version;
    int64_t time_ns;
    pe_buffer model = {0};

    CU_ASSERT_EQUAL(service_commit(p, ID_1), PARAMS_OK);
    service_ask(
        "ACL SETUSER device on >hunter2 ~pilot:* +@all -@scripting -config");
    c.user = "device";
    c.password_file = secret_file("hunter2\n", 0600);
    expect_closed(&c, "device", PE_ERROR_FATAL, PE_EXIT_CONFIG, "NOPERM");
    c.no_commits = true;
    params *d = params_open(&c, "device", &e);
    CU_ASSERT_PTR_NOT_NULL(d);
    CU_ASSERT_EQUAL(params_model_fetch(d, &model, id, &version, &time_ns, &e),
                    0);
    UNIT_EQUAL(id, ID_1);
    free(model.data);
    CU_ASSERT_EQUAL(params_end_put(d, &end, &e), 0);
    CU_ASSERT_EQUAL(params_commit_send(d, &none, &e), -1);
    UNIT_CONTAINS(e.text, "was opened without commits");
    params_close(d);
    params_close(p);
}

static void log_keep(void *arg, enum log_level level, const char *line)
{
    char *kept = arg;

    if (level == LOG_LEVEL_WARN)
        snprintf(kept, 512, "%s", line);
}

static void test_settings(void)
{
    char warning[512] = "";
    params_conf c = service_conf();

    log_init(log_keep, warning, LOG_LEVEL_WARN);
    service_ask("CONFIG SET maxmemory-policy allkeys-lru");
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_CONFIG,
                  "(maxmemory-policy allkeys-lru): run CONFIG SET "
                  "maxmemory-policy noeviction");
    service_ask(
        "CONFIG SET maxmemory-policy volatile-lru"); /* ours never expire */
    params_close(service_run("r"));
    service_ask("CONFIG SET maxmemory-policy noeviction");
    UNIT_EQUAL(warning, "");
    service_ask("CONFIG SET appendonly no");
    params_close(service_run("r"));
    UNIT_CONTAINS(warning, "appendonly off");
    service_ask("CONFIG SET appendonly yes");
    log_init(NULL, NULL, LOG_LEVEL_ERROR);
}

/* --- a connection that breaks --- */

static void test_killed_connection(void)
{
    params *p = service_run("mend");
    char word[16];

    CU_ASSERT_EQUAL(params_control_put(p, "drain", NULL), 0);
    for (int i = 0; i < 3; i++) {
        service_ask("CLIENT KILL TYPE normal SKIPME yes");
        CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), NULL), 0);
        UNIT_EQUAL(word, "drain");
    }
    params_close(p);
}

static void test_down_and_up(void)
{
    params *p = service_run("down");
    pe_error e = {0};
    char word[16];

    CU_ASSERT_EQUAL(params_control_put(p, "drain", NULL), 0);
    redis_server_kill(&service_server);
    for (int i = 0; i < 2; i++) {
        int64_t start = clock_mono_ns();
        CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), &e), -1);
        CU_ASSERT_TRUE(clock_mono_ns() - start < 4000 * CLOCK_MS);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    }
    CU_ASSERT_EQUAL(redis_server_run(&service_server), 0);
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, "drain");
    params_close(p);
}

static void test_time_out(void)
{
    params_conf c = service_conf();
    pe_error e = {0};
    char word[16];

    c.command_timeout_s = 0.2;
    params *p = params_open(&c, "slow", &e);
    kill(service_server.pid, SIGSTOP);
    int64_t start = clock_mono_ns();
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), &e), -1);
    /* At once: neither sent again nor connected again meanwhile. */
    CU_ASSERT_TRUE(clock_mono_ns() - start < 1000 * CLOCK_MS);
    kill(service_server.pid, SIGCONT);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, "did not answer within 0.2 s");
    params_close(p);
}

int main(void)
{
    static const unit_test tests[] = {
        {"nothing to close", test_nothing},
        {"addresses and run ids that are refused", test_bad_conf},
        {"a server that is not there", test_unreachable},
        {"a server that is no Redis", test_no_redis},
        {"passwords", test_password},
        {"the rule named in the error is enough", test_rules},
        {"who is the next of two pools", test_next},
        {"each command of the script is looked at", test_script_rules},
        {"a device needs no scripts", test_no_commits},
        {"a connection that is killed", test_killed_connection},
        {"a server that goes and comes", test_down_and_up},
        {"a server that does not answer", test_time_out},
        /* last: the log on disk is not whole for a while after it */
        {"settings that lose a run", test_settings},
        {NULL, NULL},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    alarm(300);
    if (redis_server_open(&service_server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("params_service", tests);
    redis_server_close(&service_server);
    return rc;
}
