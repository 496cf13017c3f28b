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

#include "redis_server.h"

#include "src/common/clock.h"
#include "src/common/file.h"
#include "src/common/log.h"
#include "src/params/params.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define ID_1 "11111111111111111111111111111111"
#define ID_2 "22222222222222222222222222222222"

static redis_server server;

static params_conf conf(void)
{
    return (params_conf){
        .url = server.url, .connect_timeout_s = 5, .command_timeout_s = 5};
}

static params *open_run(const char *run)
{
    params_conf c = conf();
    pe_error e = {0};
    params *p = params_open(&c, run, &e);

    if (!p)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL(p);
    return p;
}

static const char *ask(const char *line)
{
    return redis_server_ask(&server, line);
}

/* Commit [0, 5) of partition 0, or [5, 9) on top of it. */
static int commit(params *p, const char *id)
{
    int second = !strcmp(id, ID_2);
    params_range range = {"t", 0, second ? 5 : 0, second ? 9 : 5, UINT64_MAX};
    params_commit c = {.writer = "w",
                       .version = second ? 2 : 1,
                       .time_ns = 7,
                       .kind = "kmeans",
                       .model = id,
                       .model_len = 10,
                       .ranges = &range,
                       .n_ranges = 1};
    int64_t stored;

    memcpy(c.id, id, sizeof(c.id));
    if (second)
        memcpy(c.base, ID_1, sizeof(c.base));
    params_offset_init(p, "t", 0, 0, &stored, NULL);
    return params_commit_send(p, &c, NULL);
}

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
        {"rediss://h:6379", "for TLS use a tunnel"},
        {"redis:///x", "names no host"},
        {"redis://h:6379/3", "names a database"},
        {"redis://:hunter2@h:6379", "password"},
        {"unix://h/x", "names no socket"},
        {"unix://", "names no socket"},
        {"unix:///12345678901234567890123456789012345678901234567890123456789"
         "01234567890123456789012345678901234567890123456789",
         "is too long for a socket's path"},
    };
    params_conf c = conf();

    expect_closed(&c, "a b", PE_ERROR_INPUT, PE_EXIT_CONFIG, "no run id");
    CU_ASSERT_PTR_NULL(params_follower_open(&c, "", NULL));
    for (size_t i = 0; i < N(rows); i++) {
        c.url = rows[i].url;
        expect_closed(&c, "r", PE_ERROR_INPUT, PE_EXIT_CONFIG, rows[i].part);
    }
}

static void test_unreachable(void)
{
    params_conf c = conf();
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
    params_conf c = conf();
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

    snprintf(path, sizeof(path), "%s/secret", server.dir);
    CU_ASSERT_EQUAL(file_write(path, secret, strlen(secret), mode, NULL), 0);
    CU_ASSERT_EQUAL(chmod(path, mode), 0);
    return path;
}

static void test_password(void)
{
    params_conf c = conf();
    pe_error e = {0};

    c.password_file = secret_file("hunter2\n", 0600);
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_CONFIG,
                  "says 'ERR': it wants no password");
    ask("CONFIG SET requirepass correct");
    server.password = "correct";
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
    ask("CLIENT KILL TYPE normal SKIPME yes");
    CU_ASSERT_EQUAL(params_control_put(p, "drain", &e), 0);
    params_close(p);
    ask("CONFIG SET requirepass \"\"");
    server.password = NULL;
}

/* The rule that the error text names is enough for everything. */
static void test_rules(void)
{
    static const char marker[] = " USER ";
    char line[1024];
    params_conf c = conf();
    pe_error e = {0};

    ask("ACL SETUSER poor on >hunter2 ~pilot:* +ping +hget");
    c.user = "poor";
    c.password_file = secret_file("hunter2\n", 0600);
    expect_closed(&c, "rules", PE_ERROR_FATAL, PE_EXIT_CONFIG, "says 'NOPERM");
    params_open(&c, "rules", &e);
    const char *rules = strstr(e.text, marker);
    CU_ASSERT_PTR_NOT_NULL(rules);
    if (!rules)
        return;
    int len = (int)strcspn(rules, "(") - (int)strlen(marker);
    snprintf(line, sizeof(line), "ACL SETUSER rich on >hunter2 %.*s", len,
             rules + strlen(marker));
    CU_ASSERT_EQUAL(*ask(line), '+');

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

        CU_ASSERT_EQUAL(commit(p, ID_1), PARAMS_OK);
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
        CU_ASSERT_EQUAL(params_run_delete(p, &e), 0);
    }
    params_follower_close(f);
    params_close(p);
}

/* Each command the script runs is looked at before a run starts. */
static void test_script_rules(void)
{
    static const char *const commands[] = {"evalsha", "script|load", "type",
                                           "get",     "hget",        "mset",
                                           "publish", "time",        "set"};
    params_conf c = conf();
    char line[256];

    c.user = "almost";
    c.password_file = secret_file("hunter2\n", 0600);
    for (size_t i = 0; i < N(commands); i++) {
        snprintf(line, sizeof(line),
                 "ACL SETUSER almost reset on >hunter2 ~pilot:* &pilot:* "
                 "+@all -%s",
                 commands[i]);
        CU_ASSERT_EQUAL(*ask(line), '+');
        expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_CONFIG,
                      "+evalsha '+script|load'");
    }
    ask("ACL SETUSER almost reset on >hunter2 ~other:* &* +@all");
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_CONFIG, "'~pilot:*'");
}

/* A device's user may run no script, and needs none. */
static void test_no_commits(void)
{
    params *p = open_run("device");
    params_conf c = conf();
    pe_error e = {0};
    params_commit none = {.writer = "w"};
    params_end end = {(char *)"d", 0, 5, false};
    char id[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version;
    int64_t time_ns;
    pe_buffer model = {0};

    CU_ASSERT_EQUAL(commit(p, ID_1), PARAMS_OK);
    ask("ACL SETUSER device on >hunter2 ~pilot:* +@all -@scripting -config");
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
    params_conf c = conf();

    log_init(log_keep, warning, LOG_LEVEL_WARN);
    ask("CONFIG SET maxmemory-policy allkeys-lru");
    expect_closed(&c, "r", PE_ERROR_FATAL, PE_EXIT_CONFIG,
                  "(maxmemory-policy allkeys-lru): run CONFIG SET "
                  "maxmemory-policy noeviction");
    ask("CONFIG SET maxmemory-policy volatile-lru"); /* ours never expire */
    params_close(open_run("r"));
    ask("CONFIG SET maxmemory-policy noeviction");
    UNIT_EQUAL(warning, "");
    ask("CONFIG SET appendonly no");
    params_close(open_run("r"));
    UNIT_CONTAINS(warning, "appendonly off");
    ask("CONFIG SET appendonly yes");
    log_init(NULL, NULL, LOG_LEVEL_ERROR);
}

/* --- a connection that breaks --- */

static void test_killed_connection(void)
{
    params *p = open_run("mend");
    char word[16];

    CU_ASSERT_EQUAL(params_control_put(p, "drain", NULL), 0);
    for (int i = 0; i < 3; i++) {
        ask("CLIENT KILL TYPE normal SKIPME yes");
        CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), NULL), 0);
        UNIT_EQUAL(word, "drain");
    }
    params_close(p);
}

static void test_down_and_up(void)
{
    params *p = open_run("down");
    pe_error e = {0};
    char word[16];

    CU_ASSERT_EQUAL(params_control_put(p, "drain", NULL), 0);
    redis_server_kill(&server);
    for (int i = 0; i < 2; i++) {
        int64_t start = clock_mono_ns();
        CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), &e), -1);
        CU_ASSERT_TRUE(clock_mono_ns() - start < 4000 * CLOCK_MS);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_UNAVAILABLE);
    }
    CU_ASSERT_EQUAL(redis_server_run(&server), 0);
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), &e), 0);
    UNIT_EQUAL(word, "drain");
    params_close(p);
}

static void test_time_out(void)
{
    params_conf c = conf();
    pe_error e = {0};
    char word[16];

    c.command_timeout_s = 0.2;
    params *p = params_open(&c, "slow", &e);
    kill(server.pid, SIGSTOP);
    int64_t start = clock_mono_ns();
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), &e), -1);
    /* At once: neither sent again nor connected again meanwhile. */
    CU_ASSERT_TRUE(clock_mono_ns() - start < 1000 * CLOCK_MS);
    kill(server.pid, SIGCONT);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(e.text, "did not answer within 0.2 s");
    params_close(p);
}

/* --- what is read --- */

static void test_ids_and_model(void)
{
    params *p = open_run("model");
    char id[PE_COMMIT_ID_LEN + 1] = "x";
    uint64_t version = 9, fence = 9;
    int64_t time_ns = 9;
    pe_buffer model = {0};

    CU_ASSERT_EQUAL(params_ids_fetch(p, id, &version, &fence, NULL), 0);
    UNIT_EQUAL(id, "");
    CU_ASSERT_EQUAL(version, 0);
    CU_ASSERT_EQUAL(fence, 0);
    CU_ASSERT_EQUAL(params_model_fetch(p, &model, id, &version, &time_ns, NULL),
                    0);
    UNIT_EQUAL(id, "");
    CU_ASSERT_EQUAL(model.len, 0);
    CU_ASSERT_EQUAL(commit(p, ID_1), PARAMS_OK);
    for (int i = 0; i < 2; i++) { /* into nothing, and into old memory */
        CU_ASSERT_EQUAL(
            params_model_fetch(p, &model, id, &version, &time_ns, NULL), 0);
        UNIT_EQUAL(id, ID_1);
        CU_ASSERT_EQUAL(version, 1);
        CU_ASSERT_EQUAL(time_ns, 7);
        CU_ASSERT_EQUAL(model.len, 10);
        CU_ASSERT_EQUAL(memcmp(model.data, ID_1, 10), 0);
    }
    CU_ASSERT_EQUAL(params_ids_fetch(p, id, &version, &fence, NULL), 0);
    UNIT_EQUAL(id, ID_1);
    free(model.data);
    params_close(p);
}

static void test_wrong_model(void)
{
    static const char *const spoils[] = {"SET pilot:{torn}:model 1111111112",
                                         "DEL pilot:{torn}:model"};
    params *p = open_run("torn");
    char id[PE_COMMIT_ID_LEN + 1] = "";
    uint64_t version;
    int64_t time_ns;
    pe_buffer model = {0};
    params_state s;
    pe_error e;

    CU_ASSERT_EQUAL(commit(p, ID_1), PARAMS_OK);
    for (size_t i = 0; i < N(spoils); i++) {
        ask(spoils[i]);
        CU_ASSERT_EQUAL(
            params_model_fetch(p, &model, id, &version, &time_ns, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
        UNIT_CONTAINS(e.text, "is not the one of commit " ID_1);
        /* No device but a pool: it does not heal by waiting. */
        CU_ASSERT_EQUAL(params_state_fetch(p, &s, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        UNIT_CONTAINS(e.text, "is not the one of commit " ID_1);
        CU_ASSERT_PTR_NULL(s.model.data);
    }
    free(model.data);
    params_close(p);
}

static void test_malformed(void)
{
    static const struct {
        const char *spoil, *part;
    } rows[] = {
        {"SET pilot:{bad}:state x", "the state in pilot:{bad}:state"},
        {"SETRANGE pilot:{bad}:state 60 x", "does not agree with its digest"},
        {"SETRANGE pilot:{bad}:state 60 \"\\x00\"", "state is malformed"},
        {"SET pilot:{bad}:fence x", "fence is malformed"},
        {"HSET pilot:{bad}:first t 1", "TOPIC/PARTITION"},
        {"HSET pilot:{bad}:first u/1 \"1\\x00\"", "no text"},
        {"SET pilot:{bad}:first x", "WRONGTYPE"},
        {"LPUSH pilot:{bad}:fence x", "WRONGTYPE"},
        {"HSET pilot:{bad}:state commit x", "another version of pilot-edge"},
    };
    params *p = open_run("bad");
    params_state s;
    pe_error e;

    for (size_t i = 0; i < N(rows); i++) {
        CU_ASSERT_EQUAL(commit(p, ID_1), PARAMS_OK);
        if (!strncmp(rows[i].spoil, "HSET pilot:{bad}:state", 22) ||
            !strncmp(rows[i].spoil, "SET pilot:{bad}:first", 21))
            ask("DEL pilot:{bad}:state pilot:{bad}:first");
        CU_ASSERT_NOT_EQUAL(*ask(rows[i].spoil), '-');
        CU_ASSERT_EQUAL(params_state_fetch(p, &s, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, rows[i].part);
        CU_ASSERT_PTR_NULL(s.offsets);
        CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
    }
    params_close(p);
}

static void test_offset_init(void)
{
    params *p = open_run("first");
    int64_t stored = -7;
    pe_error e;

    CU_ASSERT_EQUAL(params_offset_init(p, "t", 3, 42, &stored, NULL), 0);
    CU_ASSERT_EQUAL(stored, 42);
    CU_ASSERT_EQUAL(params_offset_init(p, "t", 3, 50, &stored, NULL), 0);
    CU_ASSERT_EQUAL(stored, 42);
    CU_ASSERT_EQUAL(params_offset_init(p, "t", -1, 0, &stored, &e), -1);
    CU_ASSERT_EQUAL(params_offset_init(p, "t", 0, -1, &stored, &e), -1);
    CU_ASSERT_EQUAL(params_offset_init(p, "", 0, 0, &stored, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    ask("HSET pilot:{first}:first t/4 x");
    CU_ASSERT_EQUAL(params_offset_init(p, "t", 4, 0, &stored, &e), -1);
    UNIT_CONTAINS(e.text, "the offset of t/4");
    CU_ASSERT_EQUAL(stored, 42);
    params_close(p);
}

/* --- ends, control words, shared state --- */

static const params_end *end_of(const params_end *ends, size_t n,
                                const char *device)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(ends[i].device, device))
            return &ends[i];
    return NULL;
}

static void test_ends(void)
{
    static const params_end put[] = {
        {(char *)"d/0", 0, 10, false}, {(char *)"d/1", 1, 11, true},
        {(char *)"d/2", 2, 12, true},  {(char *)"d/2", 2, 13, false},
        {(char *)"d/0", 0, 99, true},
    };
    params *p = open_run("ends");
    params_end *ends;
    pe_error e;
    size_t n;

    CU_ASSERT_EQUAL(params_ends_fetch(p, &ends, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 0);
    params_ends_free(ends, n);
    for (size_t i = 0; i < N(put); i++)
        CU_ASSERT_EQUAL(params_end_put(p, &put[i], NULL), 0);
    CU_ASSERT_EQUAL(params_ends_fetch(p, &ends, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 3);
    const params_end *end = end_of(ends, n, "d/0");
    CU_ASSERT_TRUE(end && !end->dead && end->next == 10);
    end = end_of(ends, n, "d/1");
    CU_ASSERT_TRUE(end && end->dead && end->next == 11 && end->partition == 1);
    end = end_of(ends, n, "d/2");
    CU_ASSERT_TRUE(end && !end->dead && end->next == 13);
    params_ends_free(ends, n);

    CU_ASSERT_EQUAL(params_end_clear_dead(p, NULL), 0);
    CU_ASSERT_EQUAL(params_end_clear_dead(p, NULL), 0);
    CU_ASSERT_EQUAL(params_ends_fetch(p, &ends, &n, NULL), 0);
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_PTR_NULL(end_of(ends, n, "d/1"));
    params_ends_free(ends, n);

    params_end bad = {NULL, 0, 0, false};
    CU_ASSERT_EQUAL(params_end_put(p, &bad, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    ask("HSET pilot:{ends}:ends d/3 odd");
    CU_ASSERT_EQUAL(params_ends_fetch(p, &ends, &n, &e), -1);
    UNIT_CONTAINS(e.text, "DEVICE -> PARTITION/OFFSET");
    CU_ASSERT_PTR_NULL(ends);
    params_close(p);
}

/* A run is of one home, which many hosts may see. */
static void test_claims(void)
{
    static const struct {
        const char *claim;
        int refused;
    } rows[] = {
        {ID_1 " 1700000000 hostA /home/u/my runs", 0},
        {ID_1 " 1700000000 hostA /home/u/my runs", 0}, /* resumed */
        {ID_1 " 1700000009 hostB /home/u/my runs", 0}, /* the same folder */
        {ID_2 " 1700000009 hostA /home/u/my runs", 0}, /* a later run there */
        {ID_2 " 1700000009 hostB /home/u/my runs", 1},
        {ID_2 " 1700000009 hostA /home/u/other", 1},
    };
    params *p = open_run("claims");
    pe_error e;

    for (size_t i = 0; i < N(rows); i++) {
        int rc = params_claim_take(p, rows[i].claim, &e);

        CU_ASSERT_EQUAL(rc, rows[i].refused ? -1 : 0);
        if (!rows[i].refused)
            continue;
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_AGAIN);
        UNIT_CONTAINS(e.text, "a run of this name is that of hostA, in "
                              "/home/u/my runs, since 2023-11-14 22:13:20Z");
        UNIT_CONTAINS(e.text, "choose another --run");
    }
    /* Who has it not gives nothing back. */
    CU_ASSERT_EQUAL(params_claim_drop(p, rows[4].claim, &e), 0);
    CU_ASSERT_EQUAL(params_claim_take(p, rows[4].claim, &e), -1);
    CU_ASSERT_EQUAL(params_claim_drop(p, rows[0].claim, &e), 0);
    CU_ASSERT_EQUAL(params_claim_take(p, rows[4].claim, &e), 0);
    CU_ASSERT_EQUAL(params_claim_take(p, "no claim", &e), -1);
    UNIT_CONTAINS(e.text, "'no claim' is no claim of a run");
    ask("SET pilot:{claims}:home x");
    CU_ASSERT_EQUAL(params_claim_take(p, rows[0].claim, &e), -1);
    UNIT_CONTAINS(e.text, "pilot:{claims}:home names no home");
    params_close(p);
}

static void test_control(void)
{
    params *p = open_run("control");
    char word[6] = "x";
    pe_error e;

    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), NULL), 0);
    UNIT_EQUAL(word, "");
    CU_ASSERT_EQUAL(params_control_put(p, "drain", NULL), 0);
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), NULL), 0);
    UNIT_EQUAL(word, "drain");
    CU_ASSERT_EQUAL(params_control_fetch(p, word, 5, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    CU_ASSERT_EQUAL(params_control_put(p, "", NULL), 0);
    CU_ASSERT_EQUAL(params_control_fetch(p, word, sizeof(word), NULL), 0);
    UNIT_EQUAL(word, "");
    params_close(p);
}

static void test_shared(void)
{
    static const char value[] = "a\0b\r\n";
    params *p = open_run("shared");
    char got[8] = "";
    size_t len = 9;
    pe_error e;

    CU_ASSERT_EQUAL(params_shared_get(p, "k", got, sizeof(got), &len, NULL), 0);
    CU_ASSERT_EQUAL(len, 0);
    CU_ASSERT_EQUAL(params_shared_put(p, "k", value, 5, NULL), 0);
    CU_ASSERT_EQUAL(params_shared_put(p, "empty", NULL, 0, NULL), 0);
    CU_ASSERT_EQUAL(params_shared_get(p, "k", got, 5, &len, NULL), 0);
    CU_ASSERT_EQUAL(len, 5);
    CU_ASSERT_EQUAL(memcmp(got, value, 5), 0);
    CU_ASSERT_EQUAL(params_shared_get(p, "k", got, 4, &len, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "k holds 5 bytes and there is room for 4");
    CU_ASSERT_EQUAL(params_shared_get(p, "empty", got, 4, &len, NULL), 0);
    CU_ASSERT_EQUAL(len, 0);
    params_close(p);
}

static void test_delete(void)
{
    static const char *const names[] = {"pilots", "leases"};
    params *p = open_run("gone"), *other = open_run("gone2");
    params_end end = {(char *)"d", 0, 5, false};
    params *both[] = {p, other};
    char line[128];

    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(commit(both[i], ID_1), PARAMS_OK);
        CU_ASSERT_EQUAL(params_end_put(both[i], &end, NULL), 0);
        CU_ASSERT_EQUAL(params_control_put(both[i], "stop", NULL), 0);
        CU_ASSERT_EQUAL(params_shared_put(both[i], "k", "v", 1, NULL), 0);
        for (size_t j = 0; j < N(names); j++) {
            snprintf(line, sizeof(line), "HSET pilot:{gone%s}:%s f v",
                     i ? "2" : "", names[j]);
            ask(line);
        }
        if (i)
            ask("INCR pilot:{gone2}:fence");
    }
    CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
    UNIT_CONTAINS(ask("KEYS pilot:{gone}*"), "*0\r\n");
    UNIT_CONTAINS(ask("KEYS pilot:{gone2}*"), "*9\r\n");
    CU_ASSERT_EQUAL(params_run_delete(p, NULL), 0);
    params_close(p);
    params_close(other);
}

/* --- follower --- */

static void test_follower(void)
{
    params_conf c = conf();
    params *p = open_run("follow"), *other = open_run("follow2");
    params_follower *f = params_follower_open(&c, "follow", NULL);
    char id[PE_COMMIT_ID_LEN + 1] = "none";

    CU_ASSERT_PTR_NOT_NULL(f);
    int64_t start = clock_mono_ns();
    CU_ASSERT_EQUAL(params_follower_wait(f, 50, id, NULL), 0);
    CU_ASSERT_TRUE(clock_mono_ns() - start >= 50 * CLOCK_MS);
    ask("PUBLISH pilot:{follow}:announce hello");
    CU_ASSERT_EQUAL(commit(other, ID_1), PARAMS_OK);
    CU_ASSERT_EQUAL(params_follower_wait(f, 50, id, NULL), 0);
    UNIT_EQUAL(id, "none");
    CU_ASSERT_EQUAL(commit(p, ID_1), PARAMS_OK);
    CU_ASSERT_EQUAL(params_follower_wait(f, 5000, id, NULL), 1);
    UNIT_EQUAL(id, ID_1);
    CU_ASSERT_EQUAL(params_follower_wait(f, 0, id, NULL), 0);
    params_close(p);
    params_close(other);
    params_follower_close(f);
}

/* Of many that arrived meanwhile, more than one read brings, the newest
 * counts; and then there is no waiting for another.
 */
static void test_follower_newest(void)
{
    params_conf c = conf();
    params *p = open_run("newest");
    params_follower *f = params_follower_open(&c, "newest", NULL);
    char id[PE_COMMIT_ID_LEN + 1] = "";

    ask("EVAL \"for i = 1, 300 do redis.call('PUBLISH', ARGV[1], "
        "string.format('%032x %d', i, i)) end\" 0 pilot:{newest}:announce");
    CU_ASSERT_EQUAL(commit(p, ID_1), PARAMS_OK);
    CU_ASSERT_EQUAL(commit(p, ID_2), PARAMS_OK);
    ask("PING"); /* the server has written all of them by now */
    int64_t start = clock_mono_ns();
    CU_ASSERT_EQUAL(params_follower_wait(f, 5000, id, NULL), 1);
    CU_ASSERT_TRUE(clock_mono_ns() - start < 2500 * CLOCK_MS);
    UNIT_EQUAL(id, ID_2);
    params_close(p);
    params_follower_close(f);
}

static void test_follower_restart(void)
{
    params_conf c = conf();
    params *p = open_run("again");
    params_follower *f = params_follower_open(&c, "again", NULL);
    char id[PE_COMMIT_ID_LEN + 1] = "";
    pe_error e = {0};
    int rc = 0;

    CU_ASSERT_EQUAL(commit(p, ID_1), PARAMS_OK);
    CU_ASSERT_EQUAL(params_follower_wait(f, 5000, id, NULL), 1);
    redis_server_kill(&server);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(params_follower_wait(f, 20, id, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    }
    /* A caller without a pause of its own does not spin. */
    int64_t start = clock_mono_ns();
    for (int i = 0; i < 10; i++)
        params_follower_wait(f, 20, id, &e);
    CU_ASSERT_TRUE(clock_mono_ns() - start > 100 * CLOCK_MS);
    CU_ASSERT_EQUAL(redis_server_run(&server), 0);
    for (int i = 0; i < 100 && params_follower_wait(f, 100, id, &e) < 0; i++)
        ;
    CU_ASSERT_EQUAL(commit(p, ID_2), PARAMS_OK);
    rc = params_follower_wait(f, 5000, id, &e);
    CU_ASSERT_EQUAL(rc, 1);
    UNIT_EQUAL(id, ID_2);
    params_close(p);
    params_follower_close(f);
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
        {"each command of the script is looked at", test_script_rules},
        {"a device needs no scripts", test_no_commits},
        {"a connection that is killed", test_killed_connection},
        {"a server that goes and comes", test_down_and_up},
        {"a server that does not answer", test_time_out},
        {"ids and model", test_ids_and_model},
        {"a model that is not the one committed", test_wrong_model},
        {"a state that is malformed", test_malformed},
        {"the first offset stays", test_offset_init},
        {"ends", test_ends},
        {"a run is of one home", test_claims},
        {"control words", test_control},
        {"shared state", test_shared},
        {"delete a run, and no other", test_delete},
        {"a follower hears of commits", test_follower},
        {"a follower takes the newest", test_follower_newest},
        {"a follower outlives the server", test_follower_restart},
        /* last: the log on disk is not whole for a while after it */
        {"settings that lose a run", test_settings},
        {NULL, NULL},
    };

    if (!redis_server_installed()) {
        printf("1..0 # SKIP no redis-server\n");
        return 0;
    }
    alarm(300);
    if (redis_server_open(&server) < 0) {
        printf("Bail out! redis-server does not start\n");
        return 1;
    }
    int rc = unit_main("params_service", tests);
    redis_server_close(&server);
    return rc;
}
