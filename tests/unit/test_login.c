/* test_login.c - files of logins, and what clients take of them. */
#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "scratch.h"
#include "src/broker/broker.h"
#include "src/broker/token.h"
#include "src/login/login.h"
#include "src/params/params.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BROKER(rest)                                                      \
    "{\"schema\": 1, \"brokers\": [{\"endpoints\": [\"h:1\"]" rest "}], " \
    "\"params\": []}"

static const char *write_logins(const char *text)
{
    scratch_write("logins", text);
    chmod(scratch_path, 0600);
    return scratch_path;
}

static void test_open(void)
{
    static const char file[] =
        "{\"schema\": 1, \"brokers\": [{\"endpoints\": [\"a:1\"], \"user\": "
        "\"one\"}, {\"endpoints\": [\"b:2\", \"c:3,d:4\"], \"user\": \"two\", "
        "\"hostname\": false, \"options\": {\"x\": \"1\"}}], \"params\": "
        "[{\"endpoints\": [\"a:1\"], \"ca\": \"/etc\"}]}";
    static const struct {
        const char *list, *endpoint, *user; /* NULL: nothing */
    } rows[] = {
        {LOGIN_BROKERS, "a:1", "one"},     {LOGIN_BROKERS, "b:2", "two"},
        {LOGIN_BROKERS, "c:3,d:4", "two"}, {LOGIN_BROKERS, "c:3", NULL},
        {LOGIN_PARAMS, "b:2", NULL},
    };
    const char *path = write_logins(file);
    login *l = NULL;
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        CU_ASSERT_EQUAL(
            login_open(path, rows[i].list, rows[i].endpoint, &l, &e), 0);
        CU_ASSERT_EQUAL(!l, !rows[i].user);
        if (l)
            UNIT_EQUAL(login_text(l, "user"), rows[i].user);
        login_close(l);
    }
    CU_ASSERT_EQUAL(login_open(path, LOGIN_PARAMS, "a:1", &l, &e), 0);
    UNIT_EQUAL(login_text(l, "ca"), "/etc");
    CU_ASSERT_PTR_NULL(login_text(l, "user"));
    CU_ASSERT_TRUE(login_flag(l, "hostname"));
    login_close(l);
    CU_ASSERT_EQUAL(login_open(path, LOGIN_BROKERS, "b:2", &l, &e), 0);
    CU_ASSERT_FALSE(login_flag(l, "hostname"));
    CU_ASSERT_TRUE(login_flag(l, "tls"));
    login_close(l);
    login_close(NULL);
}

static void test_open_refused(void)
{
    static const struct {
        const char *file;
        mode_t mode;
        int exit_code;
        const char *part;
    } rows[] = {
        {"{\"schema\": 1}", 0640, PE_EXIT_PERMISSION, "is open to others"},
        {"{\"schema\": 2}", 0600, PE_EXIT_DATA, "is no file of logins"},
        {"sasl: plain", 0600, PE_EXIT_DATA, "is no file of logins"},
        {"", 0600, PE_EXIT_DATA, "is no file of logins"},
    };
    pe_error e = {0};
    login *l;

    for (size_t i = 0; i < COUNT(rows); i++) {
        write_logins(rows[i].file);
        chmod(scratch_path, rows[i].mode);
        CU_ASSERT_EQUAL(login_open(scratch_path, LOGIN_BROKERS, "h:1", &l, &e),
                        -1);
        CU_ASSERT_PTR_NULL(l);
        CU_ASSERT_EQUAL((int)e.exit_code, (int)rows[i].exit_code);
        UNIT_CONTAINS(e.text, rows[i].part);
    }
    CU_ASSERT_EQUAL(login_open("nowhere", LOGIN_BROKERS, "h:1", &l, &e), -1);
    UNIT_CONTAINS(e.text, "cannot open nowhere");
}

/* What a Kafka client is given; NULL: it takes it. */
static void test_broker(void)
{
    static const struct {
        const char *file, *text;
    } rows[] = {
        {BROKER(""), NULL},
        {BROKER(", \"tls\": false"), NULL},
        {BROKER(", \"sasl\": \"PLAIN\", \"user\": \"a\", \"password\": \"b\""),
         NULL},
        {BROKER(", \"sasl\": \"OAUTHBEARER\", \"token\": \"t\""), NULL},
        {BROKER(", \"ca\": \"no pem\""), "broker client cannot start: "},
        {BROKER(", \"options\": {\"socket.timeout.ms\": \"10000\"}"), NULL},
        {BROKER(", \"options\": {\"socket.timeout.ms\": \"x\"}"),
         "options: broker client refuses socket.timeout.ms=x: "},
        {BROKER(", \"options\": {\"plugin.library.paths\": \"x.so\"}"),
         "options: plugin.library.paths cannot be set here: it loads code"},
        {BROKER(", \"options\": {\"sasl.kerberos.kinit.cmd\": \"x\"}"),
         "options: sasl.kerberos.kinit.cmd cannot be set here: it runs a "
         "command"},
        {BROKER(", \"options\": {\"sasl.password\": \"x\"}"),
         "options: sasl.password cannot be set here: say password-file"},
        {BROKER(", \"options\": {\"reconnect.backoff.ms\": \"7\"}"),
         "options: reconnect.backoff.ms cannot be set here: this program needs "
         "50"},
        /* the same as ours, in other words */
        {BROKER(", \"options\": {\"socket.keepalive.enable\": \"1\"}"), NULL},
    };
    broker_conf c = {.endpoint = "h:1"};
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        c.logins = write_logins(rows[i].file);
        CU_ASSERT_EQUAL(broker_login_check(&c, &e), rows[i].text ? -1 : 0);
        if (rows[i].text) {
            UNIT_CONTAINS(e.text, rows[i].text);
            CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        }
    }
}

/* No error has a secret in it. */
static void test_quiet(void)
{
    broker_conf c = {.endpoint = "h:1"};
    pe_error e = {0};

    c.logins = write_logins(BROKER(
        ", \"certificate\": \"-----BEGIN\", \"key\": \"-----BEGIN hushhush\", "
        "\"key-password\": \"hushhush\""));
    CU_ASSERT_EQUAL(broker_login_check(&c, &e), -1);
    CU_ASSERT_PTR_NULL(strstr(e.text, "hushhush"));
}

static void test_params(void)
{
    static const struct {
        const char *url, *file, *text;
    } rows[] = {
        {"rediss://h:1", NULL, NULL},
        {"rediss://h:1",
         "{\"schema\": 1, \"params\": [{\"endpoints\": [\"rediss://h:1\"], "
         "\"ca\": \"-----BEGIN\"}]}",
         "Redis at rediss://h:1: auth: ca: there is no certificate in it"},
        {"rediss://h:2",
         "{\"schema\": 1, \"params\": [{\"endpoints\": [\"rediss://h:1\"], "
         "\"ca\": \"-----BEGIN\"}]}",
         NULL},
        {"rediss://h:1",
         "{\"schema\": 1, \"params\": [{\"endpoints\": [\"rediss://h:1\"], "
         "\"certificate\": \"-----BEGIN\", \"key\": \"-----BEGIN\"}]}",
         "auth: certificate: it cannot be used"},
        {"http://h:1", NULL,
         "'http://h:1' is no address of a Redis; write redis://HOST:PORT, "
         "rediss://HOST:PORT (TLS) or unix:///PATH in pilots.NAME.endpoint"},
    };
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(rows); i++) {
        params_conf c = {.url = rows[i].url};

        c.logins = rows[i].file ? write_logins(rows[i].file) : NULL;
        CU_ASSERT_EQUAL(params_login_check(&c, &e), rows[i].text ? -1 : 0);
        if (rows[i].text)
            UNIT_CONTAINS(e.text, rows[i].text);
    }
}

/* {"sub":"me","exp":4102444800}, {"exp":1}, {"sub":1} */
#define GOOD_CLAIMS "eyJzdWIiOiJtZSIsImV4cCI6NDEwMjQ0NDgwMH0"
#define OLD_CLAIMS "eyJleHAiOjF9"
#define ODD_CLAIMS "eyJzdWIiOjF9"

static void test_token(void)
{
    static const struct {
        const char *text, *user, *who;
        int64_t until_ms; /* 0: about an hour */
    } rows[] = {
        {"a." GOOD_CLAIMS ".", NULL, "me", INT64_C(4102444800000)},
        {"a." GOOD_CLAIMS ".sig", "u", "me", INT64_C(4102444800000)},
        {"a." GOOD_CLAIMS "=.sig", "u", "me", INT64_C(4102444800000)},
        {"a." ODD_CLAIMS ".s", NULL, "pilot", 0},
        {"opaque", "u", "u", 0},
        {"a.b", NULL, "pilot", 0},
        {"..", NULL, "pilot", 0},
        {"a.!!!.c", NULL, "pilot", 0},
    };
    int64_t now_ms = (int64_t)time(NULL) * 1000;
    pe_error e = {0};
    token t;

    for (size_t i = 0; i < COUNT(rows); i++) {
        CU_ASSERT_EQUAL(token_parse(rows[i].text, rows[i].user, &t, &e), 0);
        UNIT_EQUAL(t.who, rows[i].who);
        if (rows[i].until_ms)
            CU_ASSERT_EQUAL(t.until_ms, rows[i].until_ms);
        if (!rows[i].until_ms)
            CU_ASSERT_TRUE(t.until_ms > now_ms + 3000000);
    }
    CU_ASSERT_EQUAL(token_parse("a." OLD_CLAIMS ".c", NULL, &t, &e), -1);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_PERMISSION);
    UNIT_CONTAINS(e.text, "the token was good until ");
}

static const unit_test tests[] = {
    {"a file of logins", test_open},
    {"no file of logins", test_open_refused},
    {"what a Kafka client takes", test_broker},
    {"secrets are in no error", test_quiet},
    {"what TLS to Redis takes", test_params},
    {"bearer tokens", test_token},
    {0},
};

int main(void)
{
    int status;

    scratch_make();
    status = unit_main("login", tests);
    scratch_remove();
    return status;
}
