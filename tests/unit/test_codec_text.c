/* test_codec_text.c - records of JSON, and a stream of all kinds. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec_said.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

typedef struct row {
    codec_wish w;
    const char *record, *want;
} row;

static void check(const row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        UNIT_EQUAL(
            codec_said_of(&rows[i].w, rows[i].record, strlen(rows[i].record)),
            rows[i].want);
}

#define N10 "nnnnnnnnnn"
#define N100 N10 N10 N10 N10 N10 N10 N10 N10 N10 N10

#define COLUMNS(list)    \
    {                    \
        .columns = list, \
    }

/* One object is one row, one of lists are columns, several are rows. */
static void test_json_shapes(void)
{
    static const row rows[] = {
        {COLUMNS("a,b"), "{\"a\": 1.5, \"b\": -2}", "json 1x2 f8: 1.5 -2"},
        {COLUMNS("b,a"), "{\"a\": 1.5, \"b\": -2}", "json 1x2 f8: -2 1.5"},
        {COLUMNS("b , \"a\""), " {\"a\":1,\"x\":[{}],\"b\":2}\n",
         "json 1x2 f8: 2 1"},
        {COLUMNS("a,b"), "{\"a\":[1,2,3],\"b\":[4,5,6],\"c\":[7]}",
         "json 3x2 f8: 1 4; 2 5; 3 6"},
        {COLUMNS("a,b"), "[{\"a\":1,\"b\":2},{\"b\":4,\"x\":\"?\",\"a\":3}]",
         "json 2x2 f8: 1 2; 3 4"},
        {COLUMNS("a,b"), "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\r\n\n",
         "json 2x2 f8: 1 2; 3 4"},
        {COLUMNS("a,b"), "[{\"a\":1,\"b\":2}]", "json 1x2 f8: 1 2"},
        {COLUMNS("a,d.b.c"), "{\"d\":{\"b\":{\"c\":2},\"c\":3},\"a\":1}",
         "json 1x2 f8: 1 2"},
        {COLUMNS("d.b"), "{\"d.b\":7}", "json 1x1 f8: 7"},
        {{0}, "{\"t\": 20.5, \"station\": \"x\"}", "json 1x1 f8: 20.5"},
        {{0}, "{\"x\":[[1,2],[3,4],[5,6]]}", "json 3x2 f8: 1 2; 3 4; 5 6"},
        {{.rows = "1"},
         "{\"x\":[[1,2],[3,4],[5,6]]}",
         "json 2x3 f8: 1 3 5; 2 4 6"},
        {{.rows = "record"}, "{\"x\":[[1,2],[3,4]]}", "json 1x4 f8: 1 2 3 4"},
        {{.frames = true},
         "{\"x\":[[[1,2]],[[3,4]]]}",
         "json 2x2 f8: 1 2; 3 4"},
        {{.columns = "m,x", .rows = "record"},
         "{\"x\":[1,2],\"m\":9}",
         "json 1x3 f8: 9 1 2"},
        {{0}, "[1,2,3]", "json 1x3 f8: 1 2 3"},
        {{0}, "[[1,2,3],[4,5,6]]", "json 2x3 f8: 1 2 3; 4 5 6"},
        {{0}, "[1,2]\n[3,4]", "json 2x2 f8: 1 2; 3 4"},
        {COLUMNS("2,0-1"), "[[1,2,3]]", "json 1x3 f8: 3 1 2"},
        {COLUMNS("1"), "[[1,2],[3,4]]", "json 2x1 f8: 2; 4"},
        {COLUMNS("a"), "\xef\xbb\xbf{\"a\":1}", "json 1x1 f8: 1"},
        {COLUMNS("\xc3\xa9"), "{\"\\u00e9\":1}", "json 1x1 f8: 1"},
        {COLUMNS("\xf0\x9f\x98\x80"), "{\"\\ud83d\\ude00\":1}",
         "json 1x1 f8: 1"},
        {COLUMNS("a\"b"), "{\"a\\\"b\":1}", "json 1x1 f8: 1"},
        {COLUMNS("\"a\"\",b\",c"), "{\"a\\\",b\":1,\"c\":2}",
         "json 1x2 f8: 1 2"},
    };

    check(rows, COUNT(rows));
}

/* Objects in a list of one: a row each. */
static void test_json_listed(void)
{
    static const row rows[] = {
        {COLUMNS("s.a,s.d.b"),
         "{\"id\":7,\"s\":[{\"a\":1,\"d\":{\"b\":2}},"
         "{\"d\":{\"b\":null},\"x\":\"?\",\"a\":3}]}",
         "json 2x2 f8: 1 2; 3 nan"},
        {{0},
         "{\"site\":\"x\",\"s\":[{\"v\":1},{\"v\":2}]}",
         "json 2x1 f8: 1; 2"},
        {{.columns = "s.v", .time = "s.t"},
         "{\"s\":[{\"t\":1795939200,\"v\":1},{\"v\":2,\"t\":1795939201}]}",
         "json 2x1 f8: 1; 2 @1795939201000000000 [1795939200000000000 "
         "1795939201000000000]"},
        {{.columns = "s.v", .time = "at"},
         "{\"s\":[{\"v\":1},{\"v\":2}],\"at\":1795939200}",
         "json 2x1 f8: 1; 2 @1795939200000000000"},
        {COLUMNS("s.v,r.v"),
         "{\"s\":[{\"v\":1},{\"v\":2}],\"r\":[{\"v\":3},{\"v\":4}]}",
         "json 2x2 f8: 1 3; 2 4"},
        {COLUMNS("id,s.v"), "{\"id\":7,\"s\":[{\"v\":1},{\"v\":2}]}",
         "ERROR: json record: 'id' has 1 row and 's.v' has 2: columns are of "
         "one length (rows: record makes each record one row)"},
        {{0},
         "{\"id\":7,\"s\":[{\"v\":1}]}",
         "ERROR: json record: it holds 2 columns of numbers: say which, in "
         "their order, by columns: \"id,s.v\" in streams:"},
        /* Numbers that only some of them have. */
        {COLUMNS("s.v"), "{\"s\":[{\"v\":1},{\"w\":2}]}",
         "ERROR: json record: 's.v', which columns: names, is in a list of "
         "uneven objects"},
        {COLUMNS("s.v"), "{\"s\":[{\"v\":1},{\"v\":2,\"w\":2}]}",
         "ERROR: json record: 's.v', which columns: names, is in a list of "
         "uneven objects"},
        {COLUMNS("s.v"), "{\"s\":[{\"v\":1},{\"v\":\"2\"}]}",
         "ERROR: json record: 's.v', which columns: names, is in a list of "
         "uneven objects"},
        {COLUMNS("s.v"), "{\"s\":[{\"v\":1},{\"v\":2,\"v\":3}]}",
         "ERROR: json record: 's.v', which columns: names, is in a list of "
         "uneven objects"},
        {COLUMNS("s.v"), "{\"s\":[{\"v\":1},4]}",
         "ERROR: json record: 's.v', which columns: names, is in a list of "
         "uneven objects"},
        {COLUMNS("b"), "{\"s\":[{\"v\":1},{}],\"b\":4}", "json 1x1 f8: 4"},
        {COLUMNS("s.l"), "{\"s\":[{\"l\":[1,2]}]}",
         "ERROR: json record: 's.l', which columns: names, is a list within a "
         "list of objects"},
        {COLUMNS("s.r"), "{\"s\":[{\"r\":[{\"v\":1}]}]}",
         "ERROR: json record: 's.r', which columns: names, is a list of "
         "objects"},
        {COLUMNS("s.v"), "{\"s\":[{\"v\":1},{\"v\":2}",
         "ERROR: json record: byte 21: it ends within a [...]"},
        {COLUMNS("s"), "{\"s\":[1,{\"v\":1}]}",
         "ERROR: json record: 's', which columns: names, is a list of objects"},
    };

    check(rows, COUNT(rows));
}

/* Names of all lengths: what lists them stays within its room, which the last
 * one that fits may fill to the last byte.
 */
static void test_json_names(void)
{
    static const codec_wish none;
    char record[1024];

    for (int a = 20; a < 50; a++)
        for (int b = 1; b < 50; b++) {
            const char *got;
            int n = 0;

            for (int i = 0; i < 12; i++)
                n += snprintf(record + n, sizeof(record) - (size_t)n,
                              "%s\"%c%.*s\":\"x\"", i ? "," : "{", 'a' + i,
                              (i % 5 == 4 ? b : a) - 1, N100);
            snprintf(record + n, sizeof(record) - (size_t)n, "}");
            got = codec_said_of(&none, record, strlen(record));
            UNIT_CONTAINS(got, "holds no numbers to learn from, but a");
            UNIT_EQUAL(got + strlen(got) - 5, ", ...");
            CU_ASSERT_TRUE(strlen(got) < 480);
        }
}

/* What has no value this time may be a number the next. */
static void test_json_null(void)
{
    static const row rows[] = {
        {{0},
         "{\"temp\":null,\"hum\":5}",
         "ERROR: json record: it holds 2 columns of numbers ('temp' is null): "
         "say which, in their order, by columns: \"temp,hum\" in streams:"},
        {COLUMNS("hum"), "{\"temp\":null,\"hum\":5}", "json 1x1 f8: 5"},
        {COLUMNS("temp,hum"), "{\"temp\":null,\"hum\":5}",
         "json 1x2 f8: nan 5"},
        {{0},
         "{\"temp\":null,\"s\":\"x\"}",
         "ERROR: json record: it holds no numbers to learn from, but temp "
         "(null), s (text)"},
        /* ... and what the first of several objects does not have. */
        {{0},
         "{\"hum\":5}{\"hum\":6,\"temp\":20}",
         "ERROR: json record: row 2: 'temp' is a number, too: say by columns: "
         "which are learned from"},
        {{0}, "{\"hum\":5}{\"hum\":6,\"s\":\"x\"}", "json 2x1 f8: 5; 6"},
    };

    check(rows, COUNT(rows));
}

static void test_json_values(void)
{
    static const row rows[] = {
        /* Of what is a column alone it matters that it is rounded. */
        {{.columns = "a"},
         "{\"a\":1,\"id\":9007199254740993}",
         "json 1x1 f8: 1"},
        {{.columns = "a"},
         "{\"a\":[1,9007199254740993]}",
         "json 2x1 f8: 1; 9007199254740992 ~"},
        {{.columns = "a"},
         "[{\"a\":1,\"id\":9007199254740993}]",
         "json 1x1 f8: 1"},
        {{.columns = "id"},
         "[{\"a\":1,\"id\":9007199254740993}]",
         "json 1x1 f8: 9007199254740992 ~"},
        {COLUMNS("a,b,c"), "{\"a\":true,\"b\":false,\"c\":null}",
         "json 1x3 f8: 1 0 nan"},
        {COLUMNS("a,b,c"), "{\"a\":NaN,\"b\":-Infinity,\"c\":1e400}",
         "json 1x3 f8: nan -inf inf"},
        {{0}, "[9007199254740993]", "json 1x1 f8: 9007199254740992 ~"},
        {{0},
         "[-9007199254740992, 18446744073709551616]",
         "json 1x2 f8: -9007199254740992 1.8446744073709552e+19 ~"},
        {{0},
         "[0.1, 1234567890123456789.5]",
         "json 1x2 f8: 0.10000000000000001 1.2345678901234568e+18"},
        {{.columns = "a", .time = "ts"},
         "{\"a\":1,\"ts\":\"2026-11-29T08:00:00.25Z\"}",
         "json 1x1 f8: 1 @1795939200250000000"},
        {{.time = "ts"},
         "{\"a\":1,\"ts\":1795939200.5}",
         "json 1x1 f8: 1 @1795939200500000000"},
        {{.time = "m.ts"},
         "{\"a\":1,\"m\":{\"ts\":1795939200123}}",
         "json 1x1 f8: 1 @1795939200123000000"},
        {{.time = "ts"},
         "[{\"a\":1,\"ts\":1795939200000000},{\"a\":2,"
         "\"ts\":1795939200000007}]",
         "json 2x1 f8: 1; 2 @1795939200000007000 [1795939200000000000 "
         "1795939200000007000]"},
        {{.columns = "a", .time = "ts"},
         "{\"a\":[1,2],\"ts\":[1795939200,1795939201]}",
         "json 2x1 f8: 1; 2 @1795939201000000000 [1795939200000000000 "
         "1795939201000000000]"},
        {{.columns = "a", .time = "ts"},
         "{\"a\":[1,2],\"ts\":[1795939200,null]}",
         "ERROR: json record: its time 'ts' is null; name another by time:, or "
         "time: none"},
    };

    check(rows, COUNT(rows));
}

/* Names are shown as they are, so that the line of an error can be used. */
static void test_names(void)
{
    static const row rows[] = {
        {{0},
         "{\"T \u00b0C\":1,\"F\xc3\xbchler\":2,\"a,b\":3,\"c\\\"d\":4}",
         "ERROR: json record: it holds 4 columns of numbers: say which, in "
         "their order, by columns: \"T \xc2\xb0"
         "C,F\xc3\xbchler,\\\"a,b\\\","
         "c\\\"d\" in streams:"},
        {{0},
         "{\"YMIR-SEE:SE-LS336-004:KRDG0:of-the-sample-stick\":1,\"b\":2}",
         "ERROR: json record: it holds 2 columns of numbers: say which, in "
         "their order, by columns: "
         "\"YMIR-SEE:SE-LS336-004:KRDG0:of-the-sample-stick,b\" in streams:"},
        /* No text, and what a terminal obeys. */
        {COLUMNS("q"),
         "{\"a\xe9\":1,\"b\\u001b[2J\":2,\"\xc2\x9b"
         "c\":3}",
         "ERROR: json record: it has no 'q', which columns: names; it has a?, "
         "b?[2J, ??c"},
        /* As many as there is room for, each of them whole. */
        {{0},
         "{\"" N100 "1\":1,\"" N100 "2\":2,\"" N100 "3\":3,\"" N100 "4\":4}",
         "ERROR: json record: it holds 4 columns of numbers: say which, in "
         "their order, by columns: \"" N100 "1," N100 "2," N100
         "3,...\" in streams:"},
        {{.columns = "q"},
         "\"say \"\"a\"\"\",5\"\"x\"\n1,2\n",
         "ERROR: csv record: it has no 'q', which columns: names; it has "
         "say \"a\", 5\"\"x\""},
        /* A name that no column can have is said. */
        {{0},
         "{\"" N100 N100 N100 "\":1}",
         "ERROR: json record: it holds no numbers to learn from, but "
         "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn... (under a name that is "
         "too long)"},
        {{.codec = "msgpack"},
         "\x81\x05\x06",
         "ERROR: msgpack record: it holds no numbers to learn from, but ? "
         "(under a name that is no text)"},
    };

    check(rows, COUNT(rows));
}

static void test_json_bad(void)
{
    static const row rows[] = {
        /* What looks like a clock is offered as one. */
        {{0},
         "{\"ts\":1795939200.5,\"a\":1,\"b\":1795939200}",
         "ERROR: json record: it holds 3 columns of numbers: say which, in "
         "their order, by columns: \"a,b\", time: \"ts\" in streams:"},
        {{0},
         "{\"a\":1,\"b\":2,\"h\":{\"at\":1795939200.5}}",
         "ERROR: json record: it holds 3 columns of numbers: say which, in "
         "their order, by columns: \"a,b\", time: \"h.at\" in streams:"},
        {{0},
         "{\"a\":1,\"b\":2,\"heat\":1795939200.5}",
         "ERROR: json record: it holds 3 columns of numbers: say which, in "
         "their order, by columns: \"a,b,heat\" in streams:"},
        {{0},
         "{\"a\":1,\"b\":2,\"at\":\"2026-11-29T08:00:00Z\"}",
         "ERROR: json record: it holds 2 columns of numbers: say which, in "
         "their order, by columns: \"a,b\", time: \"at\" in streams:"},
        {{.time = "t"},
         "{\"t\":10843961455,\"a\":1}",
         "ERROR: json record: its time 10843961455 is none since 1970, in s, "
         "ms, us or ns; name another by time:, or time: none"},
        {{0},
         "{\"a\":1,\"b\":2,\"s\":\"x\"}",
         "ERROR: json record: it holds 2 columns of numbers: say which, in "
         "their order, by columns: \"a,b\" in streams:"},
        {{0},
         "{\"a\":1}{\"a\":2,\"b\":{\"c\":\"x\"}} x",
         "ERROR: json record: byte 29: there is no value that JSON has"},
        {COLUMNS("a,h"), "{\"a\":1,\"b\":2}",
         "ERROR: json record: it has no 'h', which columns: names; it has a, "
         "b"},
        {COLUMNS("a"), "{\"a\":\"x\"}",
         "ERROR: json record: 'a', which columns: names, is text"},
        {COLUMNS("a"), "{\"b\":\"x\",\"c\":[\"y\"]}",
         "ERROR: json record: it holds no numbers to learn from, but b (text), "
         "c (a list of text)"},
        {COLUMNS("a,b"), "[{\"a\":1,\"b\":2},{\"a\":3}]",
         "ERROR: json record: row 2 has no 'b'"},
        {COLUMNS("a"), "[{\"a\":1},{\"a\":[3]}]",
         "ERROR: json record: row 2: 'a' is list"},
        {COLUMNS("a"), "[{\"a\":1},7]",
         "ERROR: json record: row 2 is number, and not an object"},
        {COLUMNS("a"), "{\"a\":1,\"a\":2}",
         "ERROR: json record: it has 'a' twice"},
        {COLUMNS("a"), "[{\"a\":1},{\"a\":1,\"a\":2}]",
         "ERROR: json record: row 2: 'a' is there twice"},
        {COLUMNS("a,b"), "{\"a\":[1,2],\"b\":[1,2,3]}",
         "ERROR: json record: 'a' has 2 rows and 'b' has 3: columns are of one "
         "length (rows: record makes each record one row)"},
        {COLUMNS("a"), "{\"a\":[[1,2],[3]]}",
         "ERROR: json record: 'a', which columns: names, is a list of uneven "
         "lists"},
        {COLUMNS("a"), "{\"a\":[1,[2]]}",
         "ERROR: json record: 'a', which columns: names, is a list of lists "
         "and numbers"},
        {{0},
         "{\"x\":[[[1]]]}",
         "ERROR: json record: 'x': shape (1, 1, 1) is refused: it has more "
         "than 2 axes; with frames: true each of the first is a row of all "
         "behind it, with rows: N each of axis N (from 0)"},
        {{0},
         "[[1,2],[3]]",
         "ERROR: json record: row 2 has 1 number, the first has 2"},
        {{0}, "[]", "ERROR: json record: row 1 is an empty list"},
        {{0}, "[1,\"x\"]", "ERROR: json record: row 1: its item 2 is text"},
        {{0}, "{}", "ERROR: json record: it holds no numbers to learn from"},
        {{0},
         "{\"a\" 1}",
         "ERROR: json record: byte 5: ':' is missing behind a name"},
        {{0},
         "{\"a\":1 \"b\":2}",
         "ERROR: json record: byte 7: ',' or '}' is missing"},
        {{0},
         "{a:1}",
         "ERROR: json record: byte 1: a name in quotes is missing"},
        {{0}, "{\"a\":1", "ERROR: json record: byte 6: it ends within a {...}"},
        {{0},
         "{\"a\":\"x\\\"",
         "ERROR: json record: byte 5: a text has no closing quote"},
        {{0},
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]",
         "ERROR: json record: row 1: its item 1 is list"},
        {{.time = "ts"},
         "{\"a\":1,\"ts\":\"noon\"}",
         "ERROR: json record: its time 'noon' is none of ISO 8601; name "
         "another by time:, or time: none"},
        {{.time = "ts"},
         "{\"a\":1,\"ts\":12}",
         "ERROR: json record: its time 12 is none since 1970, in s, ms, us or "
         "ns; name another by time:, or time: none"},
        {{.time = "ts"},
         "{\"a\":1,\"ts\":{}}",
         "ERROR: json record: it has no 'ts', which time: names"},
        {{.codec = "json"},
         "7",
         "ERROR: json record: it is number, and neither an object nor a "
         "list"},
        {{.codec = "json"},
         "a,b",
         "ERROR: json record: byte 0: there is no value that JSON has"},
    };

    check(rows, COUNT(rows));
}

/* A stream with all kinds of them: each by itself, whatever came before. */
static void test_mixed(void)
{
    static const char *const records[][2] = {
        {"{\"a\":[1,2],\"b\":[3,4]}", "json 2x2 f8: 1 3; 2 4"},
        {"a,b\n5,6\n", "csv 1x2 f8: 5 6"},
        {"{\"a\":1}", "ERROR: json record: it has no 'b', which columns: "
                      "names; it has a"},
        {"[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4},{\"a\":5,\"b\":6}]",
         "json 3x2 f8: 1 2; 3 4; 5 6"},
        {"{\"b\":8,\"a\":7}", "json 1x2 f8: 7 8"},
    };
    codec *c = codec_open(&(codec_wish){.columns = "a,b"}, NULL);
    pe_block b = {0};
    char name[32];

    CU_ASSERT_FATAL(c != NULL);
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < COUNT(records); i++)
            UNIT_EQUAL(codec_said(c, &b, records[i][0], strlen(records[i][0])),
                       records[i][1]);
    codec_feature(c, 1, name, sizeof(name));
    UNIT_EQUAL(name, "b");
    codec_close(c);
    pe_block_release(&b);
}

/* What is shown to people of a record, also of one that is refused. */
static void test_columns(void)
{
    static const char record[] =
        "{\"t\":\"2026-11-29T08:00:00Z\",\"x\":[[1,2,3]],\"n\":null,"
        "\"s\":\"text\"}";
    codec *c = codec_open(&(codec_wish){.time = "t", .columns = "x,q"}, NULL);
    codec_column k[4];
    codec_facts f;
    pe_block b = {0};
    pe_error e = {0};
    char name[32];

    CU_ASSERT_FATAL(c != NULL);
    CU_ASSERT_EQUAL(codec_decode(c, record, sizeof(record) - 1, &b, &f, &e),
                    -1);
    UNIT_CONTAINS(e.text, "it has no 'q'");
    CU_ASSERT_EQUAL_FATAL(codec_columns(c), 4);
    for (size_t i = 0; i < 4; i++)
        codec_column_of(c, i, &k[i]);
    CU_ASSERT(k[0].clock && !k[0].number);
    UNIT_EQUAL(k[1].name, "x");
    UNIT_EQUAL(k[1].type, "float64");
    UNIT_EQUAL(k[1].shape, "(1, 3)");
    CU_ASSERT(k[2].number && !k[3].number);
    UNIT_EQUAL(k[3].type, "text");
    codec_close(c);
    c = codec_open(&(codec_wish){.columns = "x"}, NULL);
    CU_ASSERT_EQUAL(codec_decode(c, record, sizeof(record) - 1, &b, &f, &e), 0);
    codec_feature(c, 2, name, sizeof(name));
    UNIT_EQUAL(name, "x[2]");
    codec_close(c);
    pe_block_release(&b);
}

/* Deeper than anybody needs: an error, and no stack that runs out. */
static void test_deep(void)
{
    static char record[100000];
    size_t n = 0;

    while (n + 5 < sizeof(record)) {
        memcpy(record + n, "{\"a\":", 5);
        n += 5;
    }
    UNIT_EQUAL(codec_said_of(&(codec_wish){0}, record, n),
               "ERROR: json record: byte 161: lists and maps are nested deeper "
               "than 32");
    memset(record, '[', n);
    memcpy(record, "{\"a\":", 5);
    UNIT_EQUAL(codec_said_of(&(codec_wish){0}, record, n),
               "ERROR: json record: byte 37: lists and maps are nested deeper "
               "than 32");
}

/* Cut anywhere it is refused. */
static void test_cut(void)
{
    static const char record[] = "{\"a\":[1.5,[2]],\"b\":{\"c\":\"\\u00e9\","
                                 "\"a\":null},\"s\":[{\"v\":1},"
                                 "{\"v\":2}],\"x\":-1e5}";
    const codec_wish w = {.columns = "b.a,x"};
    char text[sizeof(record)];

    for (size_t n = 1; n < sizeof(record) - 1; n++) {
        memcpy(text, record, n);
        UNIT_CONTAINS(codec_said_of(&w, text, n), "ERROR: json record: byte ");
    }
    UNIT_EQUAL(codec_said_of(&w, record, sizeof(record) - 1),
               "json 1x2 f8: nan -100000");
}

static const unit_test tests[] = {
    {"objects and lists of JSON", test_json_shapes},
    {"objects in a list of JSON", test_json_listed},
    {"names of all lengths", test_json_names},
    {"JSON without a value", test_json_null},
    {"values of JSON", test_json_values},
    {"names as they are shown", test_names},
    {"bad JSON", test_json_bad},
    {"one codec, many records", test_mixed},
    {"columns for people", test_columns},
    {"JSON without a bottom", test_deep},
    {"JSON cut anywhere", test_cut},
    {NULL, NULL},
};

int main(void)
{
    return unit_main("codec_text", tests);
}
