/* test_params.c - what the parameter service writes and reads, as text. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "src/params/args.h"
#include "src/params/reply.h"
#include "src/common/digest.h"
#include "src/params/wire.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))
#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210"

/* --- keys --- */

static void test_key_name(void)
{
    static const char *const bad[] = {NULL,  "",    "a b",   "a{b",
                                      "a}b", "a\n", "\x7f.", "\xc3\xa9"};
    char longest[130];
    pe_error e;

    char *key = params_key_name("run-1", PARAMS_KEY_STATE, &e);
    UNIT_EQUAL(key, "pilot:{run-1}:state");
    free(key);
    key = params_key_name("run:2", PARAMS_CHANNEL, &e);
    UNIT_EQUAL(key, "pilot:{run:2}:announce");
    free(key);
    for (size_t i = 0; i < N(bad); i++) {
        CU_ASSERT_PTR_NULL(params_key_name(bad[i], PARAMS_KEY_STATE, &e));
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        UNIT_CONTAINS(e.text, "is no run id");
    }
    memset(longest, 'x', sizeof(longest));
    longest[129] = '\0';
    CU_ASSERT_PTR_NULL(params_key_name(longest, PARAMS_KEY_STATE, NULL));
    key = params_key_name(longest + 1, PARAMS_KEY_STATE, NULL);
    CU_ASSERT_PTR_NOT_NULL(key);
    free(key);
}

/* --- numbers and ids --- */

static void test_number(void)
{
    static const struct {
        const char *text;
        uint64_t max;
        int rc;
        uint64_t value;
    } rows[] = {
        {NULL, 9, -1, 7},
        {"", 9, -1, 7},
        {"0", 0, 0, 0},
        {"1", 0, -1, 7},
        {"10", 10, 0, 10},
        {"11", 10, -1, 7},
        {"-1", 10, -1, 7},
        {"+1", 10, -1, 7},
        {" 1", 10, -1, 7},
        {"1 ", 10, -1, 7},
        {"0x1", 10, -1, 7},
        {"9223372036854775807", INT64_MAX, 0, INT64_MAX},
        {"9223372036854775808", INT64_MAX, -1, 7},
        {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, -1, 7},
        {"99999999999999999999", UINT64_MAX, -1, 7},
    };

    for (size_t i = 0; i < N(rows); i++) {
        uint64_t value = 7;
        int rc = params_number_parse(rows[i].text, rows[i].max, &value);
        CU_ASSERT_EQUAL(rc, rows[i].rc);
        CU_ASSERT_EQUAL(value, rows[i].value);
    }
}

static void test_id(void)
{
    CU_ASSERT_EQUAL(params_id_check(ID_A), 0);
    CU_ASSERT_EQUAL(params_id_check(NULL), -1);
    CU_ASSERT_EQUAL(params_id_check(""), -1);
    CU_ASSERT_EQUAL(params_id_check(ID_A "0"), -1);
    CU_ASSERT_EQUAL(params_id_check(&ID_A[1]), -1);
    CU_ASSERT_EQUAL(params_id_check("0123456789ABCDEF0123456789abcdef"), -1);
}

/* --- fields --- */

static void test_offset_field(void)
{
    static const char *const bad[][2] = {
        {"", "1"},        {"t", "1"},    {"/0", "1"},
        {"t/", "1"},      {"t/-1", "1"}, {"t/0", ""},
        {"t/0", "x"},     {"t/0", "-1"}, {"t/2147483648", "1"},
        {"t/0 ", "1"},    {"t/0", "1/"}, {"t/0", "/1"},
        {"t/0", "1/2/3"},
    };
    params_offset o;
    pe_error e;

    CU_ASSERT_EQUAL(params_offset_parse("a/b/7", "42", &o, &e), 0);
    UNIT_EQUAL(o.topic, "a/b");
    CU_ASSERT_EQUAL(o.partition, 7);
    CU_ASSERT_EQUAL(o.next, 42);
    CU_ASSERT_EQUAL(o.mark, 0);
    free(o.topic);
    CU_ASSERT_EQUAL(
        params_offset_parse("t/7", "42/18446744073709551615", &o, &e), 0);
    CU_ASSERT_EQUAL(o.next, 42);
    CU_ASSERT_EQUAL(o.mark, UINT64_MAX);
    free(o.topic);
    for (size_t i = 0; i < N(bad); i++) {
        CU_ASSERT_EQUAL(params_offset_parse(bad[i][0], bad[i][1], &o, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
        UNIT_CONTAINS(e.text, "is not TOPIC/PARTITION -> OFFSET");
    }
}

static void test_device_field(void)
{
    static const char *const bad[][2] = {
        {"", "1/2/3"}, {"d", ""},       {"d", "1/2"},  {"d", "1/2/3/4"},
        {"d", "1//3"}, {"d", "-1/2/3"}, {"d", "1/2/"}, {"d", "1/x/3"},
    };
    params_device d;
    pe_error e;

    CU_ASSERT_EQUAL(
        params_device_parse("d/0", "3/18446744073709551615/9", &d, &e), 0);
    UNIT_EQUAL(d.device, "d/0");
    CU_ASSERT_EQUAL(d.partition, 3);
    CU_ASSERT_EQUAL(d.boot, UINT64_MAX);
    CU_ASSERT_EQUAL(d.seq, 9);
    free(d.device);
    for (size_t i = 0; i < N(bad); i++) {
        CU_ASSERT_EQUAL(params_device_parse(bad[i][0], bad[i][1], &d, &e), -1);
        UNIT_CONTAINS(e.text, "is not DEVICE -> PARTITION/BOOT/SEQ");
    }
}

static void test_end_field(void)
{
    static const char *const bad[] = {
        "",        "1",       "1/",   "1/2/", "1/2/deaf", "1/2/dead/",
        "1/2dead", "/2/dead", "1/-2", "1/2 ", "1/2 ab",   "1/2 dead"};
    char sealed[80];
    params_end end;
    pe_error e;

    CU_ASSERT_EQUAL(params_end_parse("d", "3/42", &end, &e), 0);
    UNIT_EQUAL(end.device, "d");
    CU_ASSERT_EQUAL(end.partition, 3);
    CU_ASSERT_EQUAL(end.next, 42);
    CU_ASSERT_FALSE(end.dead);
    free(end.device);
    CU_ASSERT_EQUAL(params_end_parse("d", "3/42/dead", &end, &e), 0);
    CU_ASSERT_TRUE(end.dead);
    CU_ASSERT_EQUAL(end.next, 42);
    free(end.device);
    snprintf(sealed, sizeof(sealed), "3/42/dead %064d", 7); /* a signature */
    CU_ASSERT_EQUAL(params_end_parse("d", sealed, &end, &e), 0);
    CU_ASSERT_TRUE(end.dead);
    CU_ASSERT_EQUAL(end.next, 42);
    free(end.device);
    for (size_t i = 0; i < N(bad); i++) {
        CU_ASSERT_EQUAL(params_end_parse("d", bad[i], &end, &e), -1);
        UNIT_CONTAINS(e.text, "is not DEVICE -> PARTITION/OFFSET");
    }
    CU_ASSERT_EQUAL(params_end_parse("", "1/2", &end, NULL), -1);
}

static void test_announcement(void)
{
    static const char *const bad[] = {
        "", ID_A, ID_A " ", ID_A "-7", ID_A " -7", ID_A " 7 ", "x" ID_A " 7"};
    char commit[PE_COMMIT_ID_LEN + 1] = "as it was";

    for (size_t i = 0; i < N(bad); i++)
        CU_ASSERT_EQUAL(
            params_announcement_parse(bad[i], strlen(bad[i]), commit), -1);
    CU_ASSERT_EQUAL(params_announcement_parse(ID_A " 7\0.", 36, commit), -1);
    UNIT_EQUAL(commit, "as it was");
    CU_ASSERT_EQUAL(params_announcement_parse(ID_A " 7", 34, commit), 0);
    UNIT_EQUAL(commit, ID_A);
}

static void test_answers(void)
{
    static const char *const names[] = {"OK",    "DUP",     "FENCED", "OFFSET",
                                        "STALE", "REVISED", "EMPTY"};

    for (int i = 0; i < (int)N(names); i++) {
        UNIT_EQUAL(params_answer_name((enum params_answer)i), names[i]);
        CU_ASSERT_EQUAL(params_answer_parse(names[i]), i);
    }
    UNIT_EQUAL(params_answer_name((enum params_answer)99), "unknown");
    CU_ASSERT_EQUAL(params_answer_parse("ok"), -1);
    CU_ASSERT_EQUAL(params_answer_parse(""), -1);
    CU_ASSERT_EQUAL(params_answer_parse(NULL), -1);
}

/* --- refusals --- */

static void test_refusals(void)
{
    static const struct {
        const char *text;
        enum pe_error_class kind;
        enum pe_exit exit_code;
        const char *part;
    } rows[] = {
        {"LOADING Redis is loading the dataset in memory", PE_ERROR_RETRY,
         PE_EXIT_UNAVAILABLE, "it is starting"},
        {"BUSY Redis is busy running a script.", PE_ERROR_RETRY,
         PE_EXIT_UNAVAILABLE, "SCRIPT KILL"},
        {"NOSCRIPT No matching script.", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
         "flushed"},
        {"OOM command not allowed", PE_ERROR_RETRY, PE_EXIT_AGAIN,
         "CONFIG SET maxmemory"},
        {"MISCONF Errors writing to the AOF file", PE_ERROR_RETRY,
         PE_EXIT_AGAIN, "disk"},
        {"MISCONF Errors writing to the AOF file: No space left on device",
         PE_ERROR_RETRY, PE_EXIT_AGAIN, "its disk is full"},
        {"ERR Error running script (call to f_12): @user_script:7: "
         "@user_script: 7: -OOM command not allowed when used memory > "
         "'maxmemory'.",
         PE_ERROR_RETRY, PE_EXIT_AGAIN, "CONFIG SET maxmemory"},
        {"ERR Error running script (call to f_12): @user_script:7: "
         "@user_script: 7: -MISCONF Errors writing to the AOF file: No space "
         "left on device",
         PE_ERROR_RETRY, PE_EXIT_AGAIN, "its disk is full"},
        {"ERR Error running script (call to f_12): @user_script:7: "
         "@user_script: 7: -READONLY You can't write against a replica",
         PE_ERROR_FATAL, PE_EXIT_CONFIG, "the primary's address"},
        {"ERR Error running script (call to f_12): @user_script:7: nil value",
         PE_ERROR_FATAL, PE_EXIT_FAILED, "Redis 6"},
        {"NOREPLICAS Not enough good replicas", PE_ERROR_RETRY,
         PE_EXIT_UNAVAILABLE, "min-replicas-to-write"},
        {"MASTERDOWN Link with MASTER is down", PE_ERROR_RETRY,
         PE_EXIT_UNAVAILABLE, "primary"},
        {"CLUSTERDOWN The cluster is down", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
         "cluster is down"},
        {"TRYAGAIN Multiple keys request", PE_ERROR_RETRY, PE_EXIT_UNAVAILABLE,
         "moving keys"},
        {"ERR max number of clients reached", PE_ERROR_RETRY,
         PE_EXIT_UNAVAILABLE, "maxclients"},
        {"MOVED 3999 127.0.0.1:6381", PE_ERROR_FATAL, PE_EXIT_CONFIG,
         "one primary"},
        {"READONLY You can't write against a read only replica.",
         PE_ERROR_FATAL, PE_EXIT_CONFIG, "the primary's address"},
        {"DENIED Redis is running in protected mode", PE_ERROR_FATAL,
         PE_EXIT_CONFIG, "protected mode"},
        {"NOAUTH Authentication required.", PE_ERROR_FATAL, PE_EXIT_PERMISSION,
         "pilots.NAME.password-file"},
        {"WRONGPASS invalid username-password pair", PE_ERROR_FATAL,
         PE_EXIT_PERMISSION, "pilots.NAME.password-file"},
        {"ERR invalid password", PE_ERROR_FATAL, PE_EXIT_PERMISSION,
         "pilots.NAME.password-file"},
        {"ERR AUTH <password> called without any password configured",
         PE_ERROR_FATAL, PE_EXIT_CONFIG, "leave out"},
        {"NOPERM this user has no permissions", PE_ERROR_FATAL, PE_EXIT_CONFIG,
         "'pilot acl RUN' prints the rules"},
        {"WRONGTYPE Operation against a key", PE_ERROR_FATAL, PE_EXIT_DATA,
         "some other program"},
        {"ERR unknown command", PE_ERROR_FATAL, PE_EXIT_FAILED, "Redis 6"},
        {"", PE_ERROR_FATAL, PE_EXIT_FAILED, "Redis 6"},
    };
    pe_error e;

    for (size_t i = 0; i < N(rows); i++) {
        CU_ASSERT_EQUAL(redis_refusal_set(&e, "redis://h:1", rows[i].text, 0),
                        -1);
        CU_ASSERT_EQUAL(e.kind, rows[i].kind);
        CU_ASSERT_EQUAL(e.exit_code, rows[i].exit_code);
        UNIT_CONTAINS(e.text, "Redis at redis://h:1 says '");
        UNIT_CONTAINS(e.text, rows[i].text);
        UNIT_CONTAINS(e.text, rows[i].part);
    }
    CU_ASSERT_EQUAL(redis_refusal_set(NULL, "u", "OOM", 0), -1);
}

static void test_refusal_secret(void)
{
    pe_error e;

    redis_refusal_set(&e, "u",
                      "ERR unknown command `AUTH`, with args beginning with: "
                      "`hunter2`",
                      1);
    UNIT_CONTAINS(e.text, "says 'ERR'");
    CU_ASSERT_PTR_NULL(strstr(e.text, "hunter2"));
}

/* --- digest --- */

static void test_sha1(void)
{
    static const struct {
        const char *text, *digest;
    } rows[] = {
        /* FIPS 180 examples, then each side of a chunk's bounds */
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
    };
    char digest[DIGEST_SHA1_HEX + 1];

    CU_ASSERT_EQUAL(digest_sha1(NULL, 0, digest, NULL), 0);
    UNIT_EQUAL(digest, rows[0].digest);
    for (size_t i = 0; i < N(rows); i++) {
        CU_ASSERT_EQUAL(
            digest_sha1(rows[i].text, strlen(rows[i].text), digest, NULL), 0);
        UNIT_EQUAL(digest, rows[i].digest);
    }
    char *million = malloc(1000000);
    memset(million, 'a', 1000000);
    CU_ASSERT_EQUAL(digest_sha1(million, 1000000, digest, NULL), 0);
    UNIT_EQUAL(digest, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(million);
}

/* --- arguments --- */

static char *const names[] = {
    "state",  "model",   "first",  "fence",   "ends",   "pilots",  "orders",
    "leases", "control", "shared", "boots",   "home",   "commits", "stages",
    "files",  "places",  "keeper", "scale",   "events", "next",    "suspects",
    "tasks",  "slices",  "claims", "replays", "trials", "announce"};

static params_commit commit_sample(void)
{
    static const params_range ranges[] = {{"t", 0, 5, 9, 77},
                                          {"u", 3, 7, 7, 0}};
    static const params_device devices[] = {
        {"d-0", 0, UINT64_C(18446744073709551615), 4}};

    return (params_commit){
        .id = ID_A,
        .base = ID_B,
        .writer = "pool:1",
        .fence = 2,
        .version = 12,
        .time_ns = 1700000000000000000,
        .kind = "kmeans",
        .model = "a\0b",
        .model_len = 3,
        .add = {.applied = 4, .points = 4000, .bytes = 64000},
        .ranges = ranges,
        .n_ranges = N(ranges),
        .devices = devices,
        .n_devices = N(devices),
    };
}

static void test_args(void)
{
    static const char *const want[] = {
        "EVALSHA",
        "sha",
        "4",
        "state",
        "model",
        "first",
        "fence",
        "announce",
        ID_A,
        ID_B,
        "pool:1",
        "2",
        "12",
        "1700000000000000000",
        "4a3dec2d1f8245280855c42db0ee4239f917fdb8",
        "kmeans",
        "a",
        "12",
        "2",
        "1",
        "applied",
        "4",
        "refused",
        "0",
        "deduplicated",
        "0",
        "foreign",
        "0",
        "points",
        "4000",
        "masked",
        "0",
        "outliers",
        "0",
        "bytes",
        "64000",
        "refused_own",
        "0",
        "unscored",
        "0",
        "forwarded",
        "0",
        "stale",
        "0",
        "t/0",
        "9/77",
        "u/3",
        "7",
        "d-0",
        "0/18446744073709551615/4",
        "5",
        "7",
        "3"};
    params_commit c = commit_sample();
    redis_args a;

    c.revision = 3;
    CU_ASSERT_EQUAL(params_commit_args(&c, "sha", names, &a, NULL), 0);
    CU_ASSERT_EQUAL(a.n, (int)N(want));
    for (int i = 0; i < a.n && i < (int)N(want); i++) {
        UNIT_EQUAL(a.argv[i], want[i]);
        CU_ASSERT_EQUAL(a.lens[i], i == 16 ? 3 : strlen(want[i]));
    }
    redis_args_free(&a);
    CU_ASSERT_PTR_NULL(a.argv);
    redis_args_free(&a);
}

static void test_args_empty(void)
{
    params_commit c = commit_sample();
    redis_args a;

    c.base[0] = '\0';
    c.model = NULL;
    c.model_len = 0;
    c.n_ranges = c.n_devices = 0;
    CU_ASSERT_EQUAL(params_commit_args(&c, "sha", names, &a, NULL), 0);
    CU_ASSERT_EQUAL(a.n, 45);
    UNIT_EQUAL(a.argv[9], "");
    CU_ASSERT_EQUAL(a.lens[16], 0);
    redis_args_free(&a);
}

static void args_refused(const params_commit *c, const char *part)
{
    redis_args a;
    pe_error e = {0};

    CU_ASSERT_EQUAL(params_commit_args(c, "sha", names, &a, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
    UNIT_CONTAINS(e.text, "a commit is refused before it is sent");
    UNIT_CONTAINS(e.text, part);
    redis_args_free(&a);
}

static void test_args_ranges(void)
{
    static const struct {
        params_range range;
        const char *part;
    } rows[] = {
        {{NULL, 0, 0, 1, 0}, "no topic or partition"},
        {{"", 0, 0, 1, 0}, "no topic or partition"},
        {{"t", -1, 0, 1, 0}, "no topic or partition"},
        {{"a b", 0, 0, 1, 0}, "no topic or partition"},
        {{"a\n", 0, 0, 1, 0}, "no topic or partition"},
        {{"t", 4, -1, 1, 0}, "range [-1, 1) of t/4"},
        {{"t", 4, 9, 8, 0}, "range [9, 8) of t/4"},
    };
    params_commit c = commit_sample();

    c.n_ranges = 1;
    for (size_t i = 0; i < N(rows); i++) {
        c.ranges = &rows[i].range;
        args_refused(&c, rows[i].part);
    }
}

static void test_args_refused(void)
{
    static const params_device nameless[] = {{NULL, 0, 1, 1}, {"", 0, 1, 1}};
    static const params_device nowhere = {"d", -1, 1, 1};
    params_commit c;

#define REFUSED(change, part) \
    c = commit_sample();      \
    change;                   \
    args_refused(&c, part)
    REFUSED(c.id[0] = '\0', "an id is not 32");
    REFUSED(c.id[3] = 'G', "an id is not 32");
    REFUSED(c.base[31] = '\0', "an id is not 32");
    REFUSED(c.writer = NULL, "no writer");
    REFUSED(c.writer = "", "no writer");
    REFUSED(c.kind = NULL, "no writer or kind");
    REFUSED(c.kind = "", "no writer or kind");
    REFUSED(c.kind = "k\nsum x", "no writer or kind");
    REFUSED(c.model = NULL, "a length but no bytes");
    REFUSED(c.fence = PARAMS_FENCE_MAX + 1, "out of range");
    REFUSED(c.version = UINT64_MAX, "out of range");
    REFUSED(c.time_ns = -1, "out of range");
    REFUSED(c.add.bytes = PARAMS_COUNTER_MAX + 1, "a counter");
    REFUSED(c.devices = nameless, "a device has no name");
    REFUSED(c.devices = nameless + 1, "a device has no name");
    REFUSED(c.devices = &nowhere, "a device has no name or partition");
#undef REFUSED
}

int main(void)
{
    static const unit_test tests[] = {
        {"names of keys", test_key_name},
        {"numbers", test_number},
        {"ids", test_id},
        {"fields of offsets", test_offset_field},
        {"fields of devices", test_device_field},
        {"fields of ends", test_end_field},
        {"announcements", test_announcement},
        {"answers", test_answers},
        {"error replies have a class, an exit status and a fix", test_refusals},
        {"an error reply to a password shows its first word only",
         test_refusal_secret},
        {"SHA-1", test_sha1},
        {"arguments of a commit", test_args},
        {"arguments of a commit without model, ranges, devices",
         test_args_empty},
        {"ranges that are refused", test_args_ranges},
        {"commits that are refused", test_args_refused},
        {NULL, NULL},
    };

    return unit_main("params", tests);
}
