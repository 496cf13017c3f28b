/* test_text.c - growing text, parsers of values, nearest words, URLs. */
#include "unit.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/common/text.h"
#include "src/common/url.h"
#include "src/common/words.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void test_grow(void)
{
    text t = {0};
    text_free(&t);
    text_free(NULL);

    text_add(&t, "%s", "");
    UNIT_EQUAL(t.data, "");
    for (int i = 0; i < 1000; i++)
        text_add(&t, "%03d,", i);
    CU_ASSERT_EQUAL(t.len, 4000);
    CU_ASSERT_EQUAL(strlen(t.data), 4000);
    CU_ASSERT_EQUAL(strncmp(t.data + 3996, "999,", 4), 0);
    text_add_bytes(&t, "a\0b", 3);
    CU_ASSERT_EQUAL(t.len, 4003);
    CU_ASSERT_EQUAL(memcmp(t.data + 4000, "a\0b", 4), 0);
    text_free(&t);
    CU_ASSERT_PTR_NULL(t.data);
    CU_ASSERT_EQUAL(t.cap, 0);
}

static void test_grow_failed(void)
{
    text t = {0};

    text_add(&t, "kept");
    text_add_bytes(&t, "", SIZE_MAX);
    CU_ASSERT_EQUAL(t.failed, 1);
    text_add(&t, "more");
    text_add_bytes(&t, "more", 4);
    UNIT_EQUAL(t.data, "kept");
    text_free(&t);
    CU_ASSERT_EQUAL(t.failed, 0);
}

static void test_format(void)
{
    char *s = text_format("%d-%s", 5, "x");

    UNIT_EQUAL(s, "5-x");
    free(s);
}

static void test_shown(void)
{
    static const struct {
        const char *bytes;
        size_t cap;
        const char *want;
    } rows[] = {
        {"temp", 16, "temp"},
        {"", 16, ""},
        {"\xc2\xb0"
         "C \xe2\x82\xac \xf0\x9f\x98\x80",
         16,
         "\xc2\xb0"
         "C \xe2\x82\xac \xf0\x9f\x98\x80"},
        /* Latin-1, half a character, longer than needed, half of a pair,
         * beyond the last. */
        {"\xe9!", 16, "?!"},
        {"\xe2\x82", 16, "??"},
        {"\xc0\xaf", 16, "??"},
        {"\xed\xa0\x80", 16, "???"},
        {"\xf4\x90\x80\x80", 16, "????"},
        /* What terminals obey. */
        {"\x1b[2J\t\x7f", 16, "?[2J??"},
        {"\xc2\x9b"
         "2J",
         16, "??2J"},
        {"12345678", 9, "12345678"},
        {"123456789", 9, "12345..."},
        {"1234\xc3\xa9"
         "67",
         9,
         "1234\xc3\xa9"
         "67"},
        {"1234\xc3\xa9"
         "678",
         9, "1234..."},
    };
    char out[32];

    for (size_t i = 0; i < COUNT(rows); i++) {
        text_shown(rows[i].bytes, strlen(rows[i].bytes), out, rows[i].cap);
        UNIT_EQUAL(out, rows[i].want);
    }
}

static void test_put_u64(void)
{
    static const uint64_t values[] = {0, 9, 10, 12345, UINT64_MAX};
    char out[21], want[32];

    for (size_t i = 0; i < COUNT(values); i++) {
        out[text_put_u64(out, values[i])] = '\0';
        snprintf(want, sizeof(want), "%llu", (unsigned long long)values[i]);
        UNIT_EQUAL(out, want);
    }
}

static void test_parse_int(void)
{
    static const struct {
        const char *s;
        int64_t want;
    } good[] = {{"0", 0},
                {"-7", -7},
                {"+7", 7},
                {"007", 7},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    static const char *const bad[] = {
        NULL, "",    " 1",  "1 ",  "1x",  "0x10",
        "-",  "--1", "+-1", "1.0", "1e3", "9223372036854775808",
        "\n1"};
    int64_t v;

    for (size_t i = 0; i < COUNT(good); i++) {
        v = 99;
        CU_ASSERT_EQUAL(text_parse_int(good[i].s, &v), 0);
        CU_ASSERT_EQUAL(v, good[i].want);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        v = 99;
        CU_ASSERT_EQUAL(text_parse_int(bad[i], &v), -1);
        CU_ASSERT_EQUAL(v, 99);
    }
}

static void test_parse_float(void)
{
    static const struct {
        const char *s;
        double want;
    } good[] = {{"0", 0},  {"-1.5", -1.5}, {"+2.5", 2.5}, {".5", 0.5},
                {"3.", 3}, {"1e3", 1000},  {"1E-2", .01}, {"1e-400", 0}};
    static const char *const bad[] = {NULL,  "",    " 1",    "1 ",  "inf",
                                      "nan", "0x1", "1e",    "1f",  "1,5",
                                      "e5",  "-",   "1e400", "--1", "1.2.3"};
    double v;

    for (size_t i = 0; i < COUNT(good); i++) {
        v = 99;
        CU_ASSERT_EQUAL(text_parse_float(good[i].s, &v), 0);
        CU_ASSERT_DOUBLE_EQUAL(v, good[i].want, 1e-12);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        v = 99;
        CU_ASSERT_EQUAL(text_parse_float(bad[i], &v), -1);
        CU_ASSERT_EQUAL(v, 99);
    }
}

static void test_parse_bool(void)
{
    static const char *const yes[] = {"true", "yes", "on"};
    static const char *const no[] = {"false", "no", "off"};
    static const char *const bad[] = {NULL, "", "1", "0", "True ", "y", "offf"};
    int v;

    for (size_t i = 0; i < COUNT(yes); i++) {
        v = 7;
        CU_ASSERT(text_parse_bool(yes[i], &v) == 0 && v == 1);
        v = 7;
        CU_ASSERT(text_parse_bool(no[i], &v) == 0 && v == 0);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        v = 7;
        CU_ASSERT(text_parse_bool(bad[i], &v) == -1 && v == 7);
    }
}

static void test_parse_size(void)
{
    static const struct {
        const char *s;
        uint64_t want;
    } good[] = {{"0B", 0},
                {"512B", 512},
                {"4kB", 4000},
                {"3MB", 3000000},
                {"2GB", 2000000000},
                {"1TB", UINT64_C(1000000000000)},
                {"1KiB", 1024},
                {"64MiB", 64 << 20},
                {"2GiB", UINT64_C(2) << 30},
                {"1TiB", UINT64_C(1) << 40}};
    static const char *const bad[] = {NULL,
                                      "",
                                      "64",
                                      "MiB",
                                      "64mb",
                                      "64 MiB",
                                      "-1B",
                                      "1.5GiB",
                                      "64MiBs",
                                      " 1B",
                                      "1k",
                                      "99999999999TiB",
                                      "00000000000000000000000000000000001B"};
    uint64_t v;

    for (size_t i = 0; i < COUNT(good); i++) {
        v = 99;
        CU_ASSERT_EQUAL(text_parse_size(good[i].s, &v), 0);
        CU_ASSERT_EQUAL(v, good[i].want);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        v = 99;
        CU_ASSERT_EQUAL(text_parse_size(bad[i], &v), -1);
        CU_ASSERT_EQUAL(v, 99);
    }
}

static void test_parse_time(void)
{
    static const struct {
        const char *s;
        double want;
    } good[] = {{"0s", 0},      {"1ns", 1e-9}, {"1us", 1e-6}, {"250ms", 0.25},
                {"30s", 30},    {"2m", 120},   {"1h", 3600},  {"7d", 604800},
                {"1.5h", 5400}, {"0.5s", 0.5}};
    static const char *const bad[] = {NULL,   "",       "30", "s",
                                      "30 s", "-1s",    "1S", "1hr",
                                      "1e3s", "1.2.3s", ".s", "1h30m"};
    double v;

    for (size_t i = 0; i < COUNT(good); i++) {
        v = 99;
        CU_ASSERT_EQUAL(text_parse_time(good[i].s, &v), 0);
        CU_ASSERT_DOUBLE_EQUAL(v, good[i].want, good[i].want * 1e-12);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        v = 99;
        CU_ASSERT_EQUAL(text_parse_time(bad[i], &v), -1);
        CU_ASSERT_EQUAL(v, 99);
    }
}

static void test_nearest(void)
{
    static const struct {
        const char *word, *words, *want;
    } table[] = {
        {"clusters", "features clusters seed", "clusters"},
        {"cluster", "features clusters seed", "clusters"},
        {"clutsers", "features clusters seed", "clusters"},
        {"sede", "features clusters seed", "seed"}, /* neighbours swapped */
        {"desd", "features clusters seed", ""},
        {"rnu", "run wait", "run"},
        {"wiat", "run wait", "wait"},
        {"aitw", "run wait", ""},
        {"sed", "features clusters seed", "seed"},
        {"zzz", "features clusters seed", ""},
        {"ab", "cd", ""},
        {"a", "b c", "b"},
        {"interval", "  interval  ", "interval"},
        {"intrval", "intervals interval", "interval"},
        {"", "a", "a"},
        {"x", "", ""},
        {"x", NULL, ""},
        {"points", "averyveryverylongword", ""},
    };
    char out[16];

    for (size_t i = 0; i < COUNT(table); i++) {
        text_nearest(table[i].word, table[i].words, out, sizeof(out));
        UNIT_EQUAL(out, table[i].want);
    }
    text_nearest("seed", "seed", out, 4);
    UNIT_EQUAL(out, "");
    text_nearest("seed", "seed", out, 5);
    UNIT_EQUAL(out, "seed");
    text_nearest("seed", "seed", out, 0);
}

static void test_nearest_long(void)
{
    char word[200], words[200], out[200];

    memset(word, 'w', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    memcpy(words, word, sizeof(words));
    text_nearest(word, words, out, sizeof(out));
    UNIT_EQUAL(out, "");
    text_nearest("seed", words, out, sizeof(out));
    UNIT_EQUAL(out, "");
    words[64] = '\0';
    word[63] = '\0';
    text_nearest(word, words, out, sizeof(out));
    UNIT_EQUAL(out, words);
}

static void test_url_good(void)
{
    static const struct {
        const char *s;
        url want;
    } table[] = {
        {"host:9092", {"", "", "host", 9092, ""}},
        {"host", {"", "", "host", 0, ""}},
        {"10.0.0.1:6379", {"", "", "10.0.0.1", 6379, ""}},
        {"redis://host:6379", {"redis", "", "host", 6379, ""}},
        {"redis://host", {"redis", "", "host", 0, ""}},
        {"local://", {"local", "", "", 0, ""}},
        {"slurm://", {"slurm", "", "", 0, ""}},
        {"file:///a/b", {"file", "", "", 0, "/a/b"}},
        {"ssh://me@login-1.site.org:22/home/me",
         {"ssh", "me", "login-1.site.org", 22, "/home/me"}},
        {"ssh://me@host/a@b:c", {"ssh", "me", "host", 0, "/a@b:c"}},
        {"redis://[::1]:6379/0", {"redis", "", "::1", 6379, "/0"}},
        {"[fe80::1%eth0]", {"", "", "fe80::1%eth0", 0, ""}},
        {"a+b.c-1://h:65535", {"a+b.c-1", "", "h", 65535, ""}},
    };
    pe_error e = {0};

    for (size_t i = 0; i < COUNT(table); i++) {
        const url *want = &table[i].want;
        url u;
        memset(&u, 0x55, sizeof(u));
        CU_ASSERT_EQUAL_FATAL(url_parse(table[i].s, &u, &e), 0);
        UNIT_EQUAL(u.scheme, want->scheme);
        UNIT_EQUAL(u.user, want->user);
        UNIT_EQUAL(u.host, want->host);
        UNIT_EQUAL(u.path, want->path);
        CU_ASSERT_EQUAL(u.port, want->port);
    }
}

static void test_url_bad(void)
{
    static const struct {
        const char *s, *want;
    } table[] = {
        {NULL, "empty"},
        {"", "empty"},
        {"://host", "the scheme is empty"},
        {"1a://host", "the scheme is empty"},
        {"a_b://host", "odd characters"},
        {"averyverylongscheme://host", "too long"},
        {"/path", "no host"},
        {"host:0", "not a number from 1 to 65535"},
        {"host:", "not a number from 1 to 65535"},
        {"host:65536", "not a number from 1 to 65535"},
        {"host:99999999999999", "not a number from 1 to 65535"},
        {"host:9092x", "not a number from 1 to 65535"},
        {"host:-1", "not a number from 1 to 65535"},
        {"redis://:6379", "a port without a host"},
        {"redis://::1:6379", "an IPv6 address needs brackets"},
        {"redis://[::1", "']' is missing"},
        {"redis://[::1]x", "only ':PORT' may follow"},
        {"ssh://-oProxyCommand=x", "the host is too long or has odd"},
        {"ssh://-ohost", "the host is too long or has odd"},
        {"ssh://ho st", "the host is too long or has odd"},
        {"ssh://a;b", "the host is too long or has odd"},
        {"ssh://-l@host", "the user name is empty"},
        {"ssh://@host", "the user name is empty"},
        {"ssh://a b@host", "the user name is empty"},
        {"ssh://host/a b", "blanks and controls"},
        {"ssh://host/a\nb", "blanks and controls"},
    };

    for (size_t i = 0; i < COUNT(table); i++) {
        pe_error e = {0};
        url u = {.port = 1};
        CU_ASSERT_EQUAL(url_parse(table[i].s, &u, &e), -1);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        UNIT_CONTAINS(e.text, table[i].want);
        CU_ASSERT_EQUAL(u.port, 1);
    }
}

static void test_url_long(void)
{
    char s[700];
    url u;

    memset(s, 'h', sizeof(s) - 1);
    s[sizeof(s) - 1] = '\0';
    CU_ASSERT_EQUAL(url_parse(s, &u, NULL), -1);
    s[255] = '\0';
    CU_ASSERT_EQUAL(url_parse(s, &u, NULL), 0);
    CU_ASSERT_EQUAL(strlen(u.host), 255);
    memset(s, 'p', sizeof(s) - 1);
    s[1] = '/';
    CU_ASSERT_EQUAL(url_parse(s, &u, NULL), -1);
    s[1 + 511] = '\0';
    CU_ASSERT_EQUAL(url_parse(s, &u, NULL), 0);
    CU_ASSERT_EQUAL(strlen(u.path), 511);
}

/* A password is refused, and never shown. */
static void test_url_password(void)
{
    static const char *const table[] = {
        "redis://me:hunter2@host:6379", "redis://:hunter2@host",
        "me:hunter2@host", "redis://me:hunter2/x@host",
        "redis://me:a@hunter2@host"};
    url u;

    for (size_t i = 0; i < COUNT(table); i++) {
        pe_error e = {0};
        CU_ASSERT_EQUAL(url_parse(table[i], &u, &e), -1);
        CU_ASSERT_PTR_NULL(strstr(e.text, "hunter2"));
    }
    pe_error e = {0};
    url_parse(table[0], &u, &e);
    UNIT_CONTAINS(e.text, "a password is refused here");
    UNIT_CONTAINS(e.text, "...@host:6379");
}

static void test_words(void)
{
    static const char *const more[] = {"b", "", NULL};
    char **list = NULL;
    bool failed = false;
    pe_error e = {0};

    CU_ASSERT_EQUAL(words_count(list), 0);
    CU_ASSERT_EQUAL(words_add(&list, strdup("a"), &e), 0);
    CU_ASSERT_EQUAL(words_add_all(&list, more, &e), 0);
    CU_ASSERT_EQUAL_FATAL(words_count(list), 3);
    UNIT_EQUAL(list[0], "a");
    UNIT_EQUAL(list[1], "b");
    UNIT_EQUAL(list[2], "");
    /* A word that there was no memory for leaves the list as it was. */
    CU_ASSERT_EQUAL(words_add(&list, NULL, &e), -1);
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(words_count(list), 3);
    words_free(list);
    words_free(NULL);
    CU_ASSERT_PTR_NULL(words_copy(NULL, &failed));
    CU_ASSERT_FALSE(failed);
}

int main(void)
{
    static const unit_test tests[] = {
        {"text: grows", test_grow},
        {"text: failure sticks", test_grow_failed},
        {"text: format", test_format},
        {"text: digits", test_put_u64},
        {"bytes for people", test_shown},
        {"words: a list", test_words},
        {"parse: int", test_parse_int},
        {"parse: float", test_parse_float},
        {"parse: bool", test_parse_bool},
        {"parse: size", test_parse_size},
        {"parse: time", test_parse_time},
        {"nearest: table", test_nearest},
        {"nearest: long words", test_nearest_long},
        {"url: accepted", test_url_good},
        {"url: refused", test_url_bad},
        {"url: lengths", test_url_long},
        {"url: password never shown", test_url_password},
        {NULL, NULL},
    };
    return unit_main("text", tests);
}
