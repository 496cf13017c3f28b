/* test_auth.c - `auth` of a broker and a Redis, as a pipeline file has it. */
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline_file.h"

#define AUTH(broker, params)                                                   \
    "version: 1\n"                                                             \
    "pipeline: p\n"                                                            \
    "pilots:\n"                                                                \
    "  devices: {kind: edge, broker: \"far:9\"}\n"                             \
    "  broker: {kind: broker, endpoint: \"h:1\", auth: " broker "}\n"          \
    "  params: {kind: params, endpoint: \"rediss://h:2\", auth: " params "}\n" \
    "  pool: {kind: pool, ntasks: 2}\n"                                        \
    "stages:\n" SENSE LEARN

#define PLAIN "{sasl: plain, user: me, password-file: secret}"

static void file_make(const char *name, mode_t mode, const char *text)
{
    FILE *f = fopen(name, "w");

    if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(name, mode) < 0)
        exit(1);
}

static void test_refused(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"pilots.broker.endpoint=",
         "auth: is for a service that is there; say its endpoint"},
        {"pilots.params.endpoint=redis://h:2",
         "auth: is for TLS; write rediss://HOST:PORT, or say user and "
         "password-file alone, or those of an operator, a pool and a device"},
        {"pilots.pool.auth=x",
         "auth: a key of pilots of kind broker; 'pool' is of kind pool"},
        {"pilots.broker.auth={sasl: plain, password: hushhush}",
         "--set pilots.broker.auth: auth: a password does not belong"},
        {"pilots.broker.auth.password=hushhush",
         "auth: a password does not belong into this file: put it into a file "
         "of mode 0600 and name that with password-file"},
        {"pilots.broker.auth.token=x",
         "auth: a token does not belong into this file: put it into a file of "
         "mode 0600 and name that with token-file"},
        {"pilots.broker.auth.sasl=gssapi",
         "sasl: 'gssapi' is not one of: plain scram-sha-256 scram-sha-512 "
         "oauthbearer"},
        {"pilots.broker.auth.sasl=",
         "auth: say how, by sasl: plain, scram-sha-256, scram-sha-512 or "
         "oauthbearer"},
        {"pilots.broker.auth.user=", "auth: plain wants a user and a "
                                     "password-file"},
        {"pilots.broker.auth.sasl=oauthbearer",
         "auth: oauthbearer wants a token-file"},
        {"pilots.broker.auth.key=x",
         "auth: a certificate and its key go together"},
        {"pilots.broker.auth={tls: no, ca: x}",
         "auth: with 'tls: no' nothing has a ca"},
        {"pilots.broker.auth.cafile=x", "unknown key 'cafile'"},
        {"pilots.broker.auth.options=x", "options: a mapping is expected here"},
        {"pilots.broker.auth.options.a={b: c}",
         "options: a: one value is expected"},
        {"pilots.params.auth.user=x", "auth: user is for a broker; a Redis has "
                                      "user and password-file beside "
                                      "its endpoint"},
        {"pilots.params.auth.options.a=b", "auth: options are for a broker"},
        {"pilots.params.auth.tls=no", "auth: rediss:// is TLS"},
        {"pilots.broker.auth.pool={user: p}",
         "auth: plain wants a user and a password-file"},
        {"pilots.broker.auth.pool={sasl: plain}",
         "auth: plain wants a user and a password-file"},
        {"pilots.broker.auth.pool={}",
         "auth: pool: say who it is, by user and password-file, or by "
         "certificate and key"},
        {"pilots.broker.auth.device={certificate: x}",
         "auth: a certificate and its key go together"},
        {"pilots.broker.auth.device.password=hushhush",
         "auth: a password does not belong into this file"},
        {"pilots.broker.auth={tls: no, pool: {certificate: a, key: b}}",
         "auth: with 'tls: no' nothing has a certificate"},
        {"pilots.broker.auth={ca: x, pool: {certificate: a, key: b}}",
         "auth: nothing says who the operator is: give it a 'operator:', or "
         "say for all of them who we are"},
        {"pilots.params.auth.device={user: d}",
         "auth: device wants a user and a password-file"},
        {"pilots.params.auth.device={sasl: plain, user: d, password-file: x}",
         "auth: sasl is for a broker"},
        {"pilots.broker.auth.devices={}", "unknown key 'devices'"},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        pipeline *p =
            pipeline_file_load(AUTH(PLAIN, "{hostname: any}"), rows[i].set, &e);

        CU_ASSERT_PTR_NULL(p);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_PTR_NULL(strstr(e.text, "hushhush"));
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        pipeline_destroy(p);
    }
}

/* Files are opened when logins are made, and not before. */
static void test_files(void)
{
    static const struct {
        const char *set, *text;
    } rows[] = {
        {"pilots.broker.auth.password-file=none",
         "pilot 'broker': p.yaml:5: auth: password-file: cannot open none: No "
         "such file or directory"},
        {"pilots.broker.auth.password-file=open",
         "auth: password-file: open is open to others; run 'chmod 600 open'"},
        {"pilots.broker.auth.ca=none", "auth: ca: cannot open none: No such"},
        {"pilots.broker.auth.ca=secret",
         "auth: ca: secret is no PEM file (it begins with -----BEGIN)"},
        {"pilots.broker.auth=open", "open is open to others"},
        {"pilots.broker.auth=wrong",
         "wrong:1: unknown key 'saslx'; did you mean 'sasl'?"},
    };
    pe_error e = {0};
    char *text;

    file_make("secret", 0600, "pw\n");
    file_make("open", 0644, "pw\n");
    file_make("wrong", 0600, "saslx: plain\n");
    for (size_t i = 0; i < COUNT(rows); i++) {
        pipeline *p =
            pipeline_file_load(AUTH(PLAIN, "{hostname: any}"), rows[i].set, &e);

        CU_ASSERT_PTR_NOT_NULL_FATAL(p);
        CU_ASSERT_EQUAL(pipeline_logins(p, NULL, LOGIN_OPERATOR, &text, &e),
                        -1);
        UNIT_CONTAINS(e.text, rows[i].text);
        CU_ASSERT_PTR_NULL(text);
        /* A mistake of the pipeline file, but for what is open to others. */
        CU_ASSERT_EQUAL(e.exit_code, strstr(e.text, "is open to")
                                         ? PE_EXIT_PERMISSION
                                         : PE_EXIT_CONFIG);
        pipeline_destroy(p);
    }
}

static json_t *logins_as(const pipeline *p, const pipeline_request *r,
                         enum login_role role)
{
    pe_error e = {0};
    char *text = NULL;
    json_t *o;

    CU_ASSERT_EQUAL(pipeline_logins(p, r, role, &text, &e), 0);
    o = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    return o;
}

static json_t *logins_of(const pipeline *p, const pipeline_request *r)
{
    return logins_as(p, r, LOGIN_OPERATOR);
}

static const char *at(json_t *o, const char *list, size_t i, const char *key)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(o, list), i), key));
}

static size_t ways(json_t *o, const char *list)
{
    return json_array_size(json_object_get(
        json_array_get(json_object_get(o, list), 0), "endpoints"));
}

static void test_made(void)
{
    pipeline *p;
    json_t *o;

    file_make("secret", 0600, "pw\n");
    file_make("ca.pem", 0644, "-----BEGIN X\n");
    p = pipeline_file_good(
        AUTH("{ca: ca.pem, sasl: scram-sha-512, user: me, password-file: "
             "secret, options: {a.b: 1}}",
             "{ca: /}"),
        NULL);
    o = logins_of(p, NULL);
    UNIT_EQUAL(at(o, "brokers", 0, "ca"), "-----BEGIN X\n");
    UNIT_EQUAL(at(o, "brokers", 0, "sasl"), "SCRAM-SHA-512");
    UNIT_EQUAL(at(o, "brokers", 0, "password"), "pw");
    UNIT_EQUAL(at(o, "params", 0, "ca"), "/");
    /* its endpoint, and the name that the devices reach it by */
    CU_ASSERT_EQUAL(ways(o, "brokers"), 2);
    CU_ASSERT_EQUAL(ways(o, "params"), 1);
    json_decref(o);
    pipeline_destroy(p);
}

/* At the broker of [p]; "": by other means. */
static void expect_user(const pipeline *p, enum login_role role,
                        const char *user)
{
    pe_error e = {0};
    char *is = NULL;

    CU_ASSERT_EQUAL(pipeline_auth_user(pipeline_pilot_of(p, PILOT_BROKER)->auth,
                                       role, &is, &e),
                    0);
    UNIT_EQUAL(is ? is : "", user);
    free(is);
}

/* A role says who it is; all else is said for all. */
static void test_roles(void)
{
    static const struct {
        enum login_role role;
        const char *broker, *store, *secret;
    } rows[] = {{LOGIN_OPERATOR, "me", NULL, "pw"},
                {LOGIN_POOL, NULL, NULL, NULL},
                {LOGIN_DEVICE, "dev", "rdev", "dw"}};
    pipeline *p;

    file_make("secret", 0600, "pw\n");
    file_make("device", 0600, "dw\n");
    file_make("ca.pem", 0644, "-----BEGIN X\n");
    p = pipeline_file_good(
        AUTH("{ca: ca.pem, sasl: plain, user: me, password-file: secret, "
             "options: {a.b: 1}, pool: {certificate: ca.pem, key: ca.pem}, "
             "device: {user: dev, password-file: device}}",
             "{ca: ca.pem, device: {user: rdev, password-file: device}}"),
        NULL);
    CU_ASSERT_EQUAL(chmod("ca.pem", 0600), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_t *o = logins_as(p, NULL, rows[i].role);
        const char *user = at(o, "brokers", 0, "user");
        const char *store = at(o, "params", 0, "user");

        UNIT_EQUAL(at(o, "brokers", 0, "ca"), "-----BEGIN X\n");
        UNIT_EQUAL(user ? user : "", rows[i].broker ? rows[i].broker : "");
        UNIT_EQUAL(store ? store : "", rows[i].store ? rows[i].store : "");
        CU_ASSERT_EQUAL(!at(o, "brokers", 0, "password"), !rows[i].secret);
        if (rows[i].secret)
            UNIT_EQUAL(at(o, "brokers", 0, "password"), rows[i].secret);
        CU_ASSERT_EQUAL(!at(o, "brokers", 0, "sasl"), !rows[i].broker);
        CU_ASSERT_EQUAL(!at(o, "brokers", 0, "key"), !!rows[i].broker);
        json_decref(o);
    }
    expect_user(p, LOGIN_DEVICE, "dev");
    expect_user(p, LOGIN_OPERATOR, "me");
    expect_user(p, LOGIN_POOL, "");
    pipeline_destroy(p);
    /* A file of its own says it as well. */
    file_make("named", 0600,
              "sasl: plain\nuser: boss\npassword: x\n"
              "device: {user: thing, password: y}\n");
    p = pipeline_file_good(
        AUTH("named", "{device: {user: d, password-file: device}}"), NULL);
    expect_user(p, LOGIN_OPERATOR, "boss");
    expect_user(p, LOGIN_DEVICE, "thing");
    pipeline_destroy(p);
    /* In the clear a Redis can tell them apart, too. */
    p = pipeline_file_good(AUTH(PLAIN, "{device: {user: d, password-file: s}}"),
                           "pilots.params.endpoint=redis://h:2");
    pipeline_destroy(p);
}

/* A file of its own may say secrets; a request names services the file does
 * not.
 */
static void test_other(void)
{
    pipeline_request r = {.broker = "b:1", .broker_auth = "own"};
    pipeline *p = pipeline_file_good(GOOD, NULL);
    json_t *o = logins_of(p, NULL);

    CU_ASSERT_PTR_NULL(o); /* none is needed */
    file_make("own", 0600, "sasl: plain\nuser: u\npassword: hush\n");
    o = logins_of(p, &r);
    UNIT_EQUAL(at(o, "brokers", 0, "password"), "hush");
    json_decref(o);
    pipeline_destroy(p);
    p = pipeline_file_good(AUTH("own", "{}"), NULL);
    o = logins_of(p, NULL);
    UNIT_EQUAL(at(o, "brokers", 0, "password"), "hush");
    json_decref(o);
    pipeline_destroy(p);
}

/* The login belongs to the endpoint it stands with. */
static void test_environment(void)
{
    pipeline *p;
    json_t *o;

    file_make("secret", 0600, "pw\n");
    file_make("own", 0600, "sasl: plain\nuser: u\npassword: hush\n");
    setenv("PILOT_BROKER", "other:7", 1);
    p = pipeline_file_good(AUTH(PLAIN, "{}"), NULL);
    o = logins_of(p, NULL);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(o, "brokers")), 0);
    json_decref(o);
    pipeline_destroy(p);
    setenv("PILOT_BROKER_AUTH", "own", 1);
    p = pipeline_file_good(AUTH(PLAIN, "{}"), NULL);
    o = logins_of(p, NULL);
    UNIT_EQUAL(at(o, "brokers", 0, "password"), "hush");
    json_decref(o);
    pipeline_destroy(p);
    unsetenv("PILOT_BROKER");
    unsetenv("PILOT_BROKER_AUTH");
}

static void test_left(void)
{
    static const char *const names[] = {"secret", "open", "wrong", "ca.pem",
                                        "device", "own",  "named"};

    for (size_t i = 0; i < COUNT(names); i++)
        CU_ASSERT_EQUAL(unlink(names[i]), 0);
}

static const unit_test tests[] = {
    {"what is refused", test_refused},
    {"files that are wrong", test_files},
    {"a file of logins", test_made},
    {"roles", test_roles},
    {"a file that says secrets", test_other},
    {"out of the environment", test_environment},
    {"what they made is taken away", test_left},
    {0},
};

int main(void)
{
    return pipeline_file_main("auth", tests);
}
