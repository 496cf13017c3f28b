/* test_codec_csv.c - records of lines of text, and bad wishes. */
#include "unit.h"

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

#define COLUMNS(list)    \
    {                    \
        .columns = list, \
    }

static void test_csv(void)
{
    static const row rows[] = {
        {{0}, "1,2.5,-3e2\n", "csv 1x3 f8: 1 2.5 -300"},
        {{0}, "1;2\r\n3;4\r\n\r\n", "csv 2x2 f8: 1 2; 3 4"},
        {{0}, "1\t2\n3\t\n", "csv 2x2 f8: 1 2; 3 nan"},
        {{0}, "20.5 55 1013", "csv 1x3 f8: 20.5 55 1013"},
        {{0}, "20.5", "csv 1x1 f8: 20.5"},
        {{.decimal = ','}, "1,5;2,25", "csv 1x2 f8: 1.5 2.25"},
        {{.decimal = ','}, "1,5", "csv 1x1 f8: 1.5"},
        {{.delimiter = ','}, "1,75754", "csv 1x2 f8: 1 75754"},
        /* Text is left out, a time is the clock. */
        {{0},
         "2026-11-29 08:00:00,st1,1.5,NA\n2026-11-29 08:00:01,st1,2.5,7\n",
         "csv 2x2 f8: 1.5 nan; 2.5 7 @1795939201000000000 "
         "[1795939200000000000 1795939201000000000]"},
        {{.time = "none"}, "2026-11-29 08:00:00,1.5,2", "csv 1x2 f8: 1.5 2"},
        {{.time = "0"},
         "1795939200,1.5,2",
         "csv 1x2 f8: 1.5 2 @1795939200000000000 "
         "[1795939200000000000]"},
        {COLUMNS("2,0"), "1,x,3", "csv 1x2 f8: 3 1"},
        /* A header in the record, or none, and names all the same. */
        {{0}, "temp,hum\n1,2\n3,4\n", "csv 2x2 f8: 1 2; 3 4"},
        {COLUMNS("hum,temp"), "temp,name,hum\n1,x,2\n3,y,4\n",
         "csv 2x2 f8: 2 1; 4 3"},
        {COLUMNS("1,0"), "temp,hum\n1,2\n", "csv 1x2 f8: 2 1"},
        {COLUMNS("hum,temp"), "temp,hum\n", "csv aside: header line"},
        {COLUMNS("temp,hum"), "1,2", "csv 1x2 f8: 1 2"},
        {COLUMNS("-,temp,-,hum"), "9,1,x,2", "csv 1x2 f8: 1 2"},
        {{.columns = "temp,hum,ts", .time = "ts"},
         "1,2,1795939200",
         "csv 1x2 f8: 1 2 @1795939200000000000 "
         "[1795939200000000000]"},
        {{0}, "\"1\",\"2\"\n", "csv 1x2 f8: 1 2"},
    };

    check(rows, COUNT(rows));
}

static void test_csv_bad(void)
{
    static const row rows[] = {
        {{0},
         "1,75754",
         "ERROR: csv record: '1,75754' is two numbers or one with a decimal "
         "comma: give delimiter: comma or decimal: comma in streams:"},
        {{0},
         "1,5;2,5",
         "ERROR: csv record: it holds no numbers to learn from, but 0 (a "
         "number "
         "with a decimal comma (decimal: comma)), 1 (a number with a decimal "
         "comma (decimal: comma))"},
        {{0},
         "1,2,3\n4,x,6\n",
         "ERROR: csv record: line 2: 'x' in column 1 is no number"},
        {{0},
         "1,2,3\n\n4,5\n",
         "ERROR: csv record: line 3 has 2 fields, those before have 3"},
        {{0},
         "a,b,c\n4,5\n",
         "ERROR: csv record: line 2 has 2 fields where the header has 3"},
        {COLUMNS("temp,hum"), "1,2,3",
         "ERROR: csv record: line 1 has 3 fields and no names, columns: has 2 "
         "names: give each field one, '-' where it is left out, or numbers "
         "from 0"},
        {COLUMNS("temp,wind"), "temp,hum\n1,2\n",
         "ERROR: csv record: it has no 'wind', which columns: names; it has "
         "temp, hum"},
        {COLUMNS("7"), "1,2,3",
         "ERROR: csv record: it has no '7', which columns: names; it has 0, 1, "
         "2"},
        {{0},
         "hello world, how are you",
         "ERROR: csv record: it holds no numbers to learn from, but 0 (text), "
         "1 (text)"},
        {{0}, " \n\n", "ERROR: csv record: it is blank"},
        {{0}, "", "ERROR: the record is empty"},
        {{0},
         "\x01\x02",
         "ERROR: the record is none that is known: not .npy, da00, f144, ev44, "
         "se00, ad00, msgpack, JSON or lines of text (it begins with 01)"},
        {{0},
         "20.5,50\x0b\n",
         "ERROR: the record is none that is known: not .npy, da00, f144, ev44, "
         "se00, ad00, msgpack, JSON or lines of text (it would be text, but "
         "for byte 7, the control character 0b)"},
        {{.codec = "npy"},
         "1,2",
         "ERROR: not a .npy record: it does not start with \\x93NUMPY"},
    };

    check(rows, COUNT(rows));
    UNIT_EQUAL(codec_said_of(&(codec_wish){.codec = "csv"}, "1,2\0,3", 6),
               "ERROR: csv record: byte 3 is NUL: it is no text");
}

static void test_wish_bad(void)
{
    static const row rows[] = {
        {{.codec = "xml"},
         "",
         "WISH: codec: 'xml' is not one of: auto npy da00 f144 ev44 se00 ad00 "
         "msgpack json "
         "csv"},
        {{.rows = "first"},
         "",
         "WISH: rows: 'first' is neither the number of an axis, from 0, nor "
         "record"},
        {{.rows = "-1"},
         "",
         "WISH: rows: '-1' is neither the number of an axis, from 0, nor "
         "record"},
        {COLUMNS("a,,b"), "",
         "WISH: columns: 'a,,b': a name is missing between commas"},
        {COLUMNS(""), "",
         "WISH: columns: '': a name is missing between commas"},
        {COLUMNS("a,\"b"), "",
         "WISH: columns: 'a,\"b': a quote is left open at character 3"},
        {COLUMNS("\"a\"b"), "",
         "WISH: columns: '\"a\"b': text stands behind a quote at character 1"},
        {{.columns = "-,t", .time = "t"},
         "",
         "WISH: columns: '-,t': it names nothing to learn from"},
        {COLUMNS("a,b,a"), "", "WISH: columns: 'a,b,a': a name is there twice"},
        {COLUMNS("5-2"), "",
         "WISH: columns: '5-2': a range ends before it begins, or is too "
         "long"},
        {{.delimiter = ',', .decimal = ','},
         "",
         "WISH: delimiter and decimal are both ','"},
    };

    check(rows, COUNT(rows));
}

static const unit_test tests[] = {
    {"lines of text", test_csv},
    {"bad lines of text", test_csv_bad},
    {"bad wishes", test_wish_bad},
    {NULL, NULL},
};

int main(void)
{
    return unit_main("codec_csv", tests);
}
