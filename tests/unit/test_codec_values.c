/* test_codec_values.c - every way in which msgpack writes a value, and clocks
 * in every unit.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec_said.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* What is said of the record of hexadecimal digits [hex], blanks between. */
static const char *said_of(const codec_wish *w, const char *hex)
{
    unsigned char bytes[256];
    size_t n = 0;

    while (*hex) {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        CU_ASSERT_FATAL(n < sizeof(bytes));
        bytes[n++] = (unsigned char)(digit(hex[0]) * 16 + digit(hex[1]));
        hex += 2;
    }
    return codec_said_of(w, bytes, n);
}

typedef struct row {
    const char *hex, *want;
} row;

/* Each is the value of "a" in a map of one. */
static void check_values(const row *rows, size_t n, const char *before)
{
    static const codec_wish a = {.columns = "a"};
    char hex[512], want[512];

    for (size_t i = 0; i < n; i++) {
        snprintf(hex, sizeof(hex), "81 a161 %s", rows[i].hex);
        snprintf(want, sizeof(want), "%s%s", before, rows[i].want);
        UNIT_EQUAL(said_of(&a, hex), want);
    }
}

static void test_numbers(void)
{
    static const row rows[] = {
        {"00", "0"},
        {"7f", "127"},
        {"ff", "-1"},
        {"e0", "-32"},
        {"cc ff", "255"},
        {"cd ffff", "65535"},
        {"ce ffffffff", "4294967295"},
        {"cf 0020000000000000", "9007199254740992"},
        {"cf 0020000000000001", "9007199254740992 ~"},
        {"cf ffffffffffffffff", "1.8446744073709552e+19 ~"},
        {"d0 7f", "127"},
        {"d0 80", "-128"},
        {"d1 8000", "-32768"},
        {"d2 80000000", "-2147483648"},
        {"d3 ffffffffffffffff", "-1"},
        {"d3 8000000000000000", "-9.2233720368547758e+18"},
        {"d3 7fffffffffffffff", "9.2233720368547758e+18 ~"},
        {"ca 3fc00000", "1.5"},
        {"cb bff8000000000000", "-1.5"},
        {"cb 7ff0000000000000", "inf"},
        {"c2", "0"},
        {"c3", "1"},
        {"c0", "nan"},
    };

    check_values(rows, COUNT(rows), "msgpack 1x1 f8: ");
}

static void test_lists(void)
{
    static const row rows[] = {
        {"92 01 02", "2x1 f8: 1; 2"},
        {"dc 0002 01 02", "2x1 f8: 1; 2"},
        {"dd 00000002 01 02", "2x1 f8: 1; 2"},
        {"92 92 01 02 92 03 04", "2x2 f8: 1 2; 3 4"},
        {"91 c0", "1x1 f8: nan"},
    };
    static const codec_wish ab = {.columns = "a.b"};

    check_values(rows, COUNT(rows), "msgpack ");
    UNIT_EQUAL(said_of(&ab, "81 a161 de 0001 a162 05"), "msgpack 1x1 f8: 5");
    UNIT_EQUAL(said_of(&ab, "df 00000001 a161 df 00000001 a162 05"),
               "msgpack 1x1 f8: 5");
    /* A name that is none is nobody's. */
    UNIT_EQUAL(said_of(&(codec_wish){0}, "82 01 02 a161 03"),
               "msgpack 1x1 f8: 3");
    UNIT_EQUAL(said_of(&(codec_wish){0}, "dc 0002 01 02"),
               "msgpack 1x2 f8: 1 2");
    UNIT_EQUAL(said_of(&(codec_wish){0}, "dd 00000001 92 01 02"),
               "msgpack 1x2 f8: 1 2");
}

/* What is no number is passed over by its length, and what follows is read. */
static void test_others(void)
{
    static const char *const values[] = {
        "a178",
        "d9 01 78",
        "da 0001 78",
        "db 00000001 78",
        "c4 01 00",
        "c5 0001 00",
        "c6 00000001 00",
        "d4 05 00",
        "d5 05 0000",
        "d6 ff 00000000",
        "d7 ff 0000000000000000",
        "d8 05 00000000000000000000000000000000",
        "c7 01 05 00",
        "c8 0001 05 00",
        "c9 00000001 05 00",
        "90",
        "80",
        "91 a178",
        "81 a178 81 a179 a17a",
    };
    static const codec_wish b = {.columns = "b"};
    char hex[512];

    for (size_t i = 0; i < COUNT(values); i++) {
        snprintf(hex, sizeof(hex), "82 a161 %s a162 07", values[i]);
        UNIT_EQUAL(said_of(&b, hex), "msgpack 1x1 f8: 7");
    }
}

/* Lengths are compared with what is there. */
static void test_bad(void)
{
    static const row rows[] = {
        {"c1", "byte 4: msgpack has no value that begins with c1"},
        {"", "byte 3: it ends where a value is to be"},
        {"cd ff", "byte 4: it ends within a value"},
        {"cb 00000000000000", "byte 4: it ends within a value"},
        {"a5 7878", "byte 4: 5 bytes of a value are announced, 2 are there"},
        {"db ffffffff",
         "byte 8: 4294967295 bytes of a value are announced, 0 are there"},
        {"c6 ffffffff 00",
         "byte 8: 4294967295 bytes of a value are announced, 1 are there"},
        {"c9 ffffffff 00",
         "byte 8: 4294967296 bytes of a value are announced, 1 are there"},
        {"d9", "byte 4: it ends within a value"},
        {"dd ffffffff 01", "byte 9: it ends where a value is to be"},
        {"df ffffffff", "byte 8: it ends where a value is to be"},
        {"81 90 01", "byte 5: a list or map stands for a name"},
    };

    check_values(rows, COUNT(rows), "ERROR: msgpack record: ");
}

/* Arrays of msgpack-numpy that are not what they say. */
static void test_numpy(void)
{
    /* {nd: true, type: TYPE, shape: SHAPE, data: DATA} */
#define ARRAY(type, shape, data) \
    "84 a26e64 c3 a474797065 " type " a57368617065 " shape " a464617461 " data
    static const row rows[] = {
        {ARRAY("a33c6932", "91 02", "c4 04 01000200"), "msgpack 2x1 f4: 1; 2"},
        {ARRAY("a33e6932", "91 02", "c4 04 01000200"),
         "msgpack 2x1 f4: 256; 512"},
        {ARRAY("a37c6231", "91 02", "c4 02 0001"), "msgpack 2x1 f4: 0; 1"},
        {ARRAY("a33c6932", "90", "c4 02 0300"), "msgpack 1x1 f4: 3"},
        {ARRAY("a33c6932", "91 03", "c4 04 01000200"),
         "ERROR: msgpack record: 'a': 4 bytes of data where shape (3,) of "
         "int16 "
         "has others"},
        {ARRAY("a33c6932", "92 ceffffffff ceffffffff", "c4 00"),
         "ERROR: msgpack record: 'a': 0 bytes of data where shape (4294967295, "
         "4294967295) of int16 has others"},
        {ARRAY("a33c6932", "91 00", "c4 00"),
         "ERROR: msgpack record: 'a', which columns: names, is an empty array"},
        {ARRAY("a33c6339", "91 01", "c4 09 000000000000000000"),
         "ERROR: msgpack record: 'a', which columns: names, is an array of no "
         "plain numbers"},
        {ARRAY("a33c5534", "91 01", "c4 01 00"),
         "ERROR: msgpack record: 'a', which columns: names, is an array of no "
         "plain numbers"},
        /* No array at all: a map like any other. */
        {"81 a26e64 c3",
         "ERROR: msgpack record: it has no 'a', which columns: names; it has "
         "a.nd"},
    };
#undef ARRAY

    check_values(rows, COUNT(rows), "");
}

/* Seconds, and what is smaller, by their size alone. */
static void test_clocks(void)
{
    static const struct {
        const char *time, *want;
    } rows[] = {
        {"1795939200", "@1795939200000000000"},
        {"1795939200.25", "@1795939200250000000"},
        {"1795939200123", "@1795939200123000000"},
        {"1795939200123.5", "@1795939200123500000"},
        {"1795939200123456", "@1795939200123456000"},
        {"1795939200123456789", "@1795939200123456768"},
        {"100000000", "@100000000000000000"},
        {"\"2026-11-29 08:00:00\"", "@1795939200000000000"},
        {"\"2026-11-29T10:00:00.5+02:00\"", "@1795939200500000000"},
        {"99999999", NULL},
        {"9000000001", NULL},
        {"-5", NULL},
        {"NaN", NULL},
        {"1e300", NULL},
        {"\"08:00:00\"", NULL},
        {"\"29.11.2026 08:00:00\"", NULL},
    };
    static const codec_wish w = {.columns = "a", .time = "t"};
    char json[128], want[128];

    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *said;

        snprintf(json, sizeof(json), "{\"a\":1,\"t\":%s}", rows[i].time);
        said = codec_said_of(&w, json, strlen(json));
        if (!rows[i].want) {
            UNIT_CONTAINS(said, "ERROR: json record: its time ");
            UNIT_CONTAINS(said, "name another by time:, or time: none");
            continue;
        }
        snprintf(want, sizeof(want), "json 1x1 f8: 1 %s", rows[i].want);
        UNIT_EQUAL(said, want);
        /* Where none is wanted, none is looked for. */
        said = codec_said_of(&(codec_wish){.columns = "a", .time = "none"},
                             json, strlen(json));
        UNIT_EQUAL(said, "json 1x1 f8: 1");
    }
}

static const unit_test tests[] = {
    {"numbers of msgpack", test_numbers},
    {"lists and maps of msgpack", test_lists},
    {"what is no number", test_others},
    {"bad msgpack", test_bad},
    {"arrays of msgpack-numpy", test_numpy},
    {"clocks", test_clocks},
    {NULL, NULL},
};

int main(void)
{
    return unit_main("codec_values", tests);
}
