/* test_dialect.c - how text files are written, found or asked for. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/common/text.h"
#include "src/table/split.h"
#include "src/table/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What is said of [bytes], or the error without its folder; then, behind '|',
 * the first row and, with a clock, its time.
 */
static void say(const table_wish *w, const char *bytes, size_t len, char *out,
                size_t cap)
{
    table_conf conf = {.wish = w};
    pe_error e = {0};
    double row[32];
    int64_t ns;
    text line = {0};

    scratch_write_bytes("d.dat", bytes, len);
    conf.path = scratch_path;
    table *t = table_open(&conf, &e);
    int rc = table_ready(t, &e);
    if (rc <= 0) {
        const char *base = *e.text == '/' ? strstr(e.text, "d.dat") : NULL;
        snprintf(out, cap, "%s", rc == 0 ? "no row" : base ? base : e.text);
        table_close(t);
        return;
    }
    dialect_line(table_dialect_of(t), &line);
    text_add(&line, "|");
    if (table_row(t, row, &e) > 0)
        for (size_t j = 0; j < table_dialect_of(t)->n_features; j++)
            text_add(&line, "%s%g", j ? " " : "", row[j]);
    if (table_time(t, &ns))
        text_add(&line, " @%.3f", (double)ns / 1e9);
    snprintf(out, cap, "%s", line.data);
    text_free(&line);
    table_close(t);
}

typedef struct found {
    const char *what, *bytes, *want;
    table_wish wish;
} found;

static void check(const found *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char got[1200], line[1400], want[1400];
        say(&rows[i].wish, rows[i].bytes, strlen(rows[i].bytes), got,
            sizeof(got));
        snprintf(line, sizeof(line), "%s: %s", rows[i].what, got);
        snprintf(want, sizeof(want), "%s: %s", rows[i].what, rows[i].want);
        UNIT_EQUAL(line, want);
    }
}

static void test_layouts(void)
{
    static const found rows[] = {
        {"commas", "a,b\n1,2.5\n3,4\n", "2 columns of 2: a b|1 2.5", {0}},
        {"no header",
         "1.5,2\n3,4\n",
         "2 columns of 2: 0 1; no header|1.5 2",
         {0}},
        {"semicolons, decimal commas",
         "a;b\n1,5;2\n3,5;4\n",
         "2 columns of 2: a b; ';' between fields; decimal commas|1.5 2",
         {0}},
        {"semicolons, points",
         "a;b\n1.5;2\n",
         "2 columns of 2: a b; ';' between fields|1.5 2",
         {0}},
        {"tabs",
         "a\tb c\n1\t2\n",
         "2 columns of 2: a b c; tabs between "
         "fields|1 2",
         {0}},
        {"tabs with nothing between",
         "a\tb\tc\n1\t\t2\n3\t4\t5\n",
         "3 columns of 3: a b c; tabs between fields|1 nan 2",
         {0}},
        {"bars",
         "a|b\n1|2\n",
         "2 columns of 2: a b; '|' between fields|1 2",
         {0}},
        {"blanks",
         "  a   b\n  1   2\n 10  20\n",
         "2 columns of 2: a b; blanks between fields|1 2",
         {0}},
        {"blanks, decimal commas",
         "1,5 2,5\n3,5 4,5\n",
         "2 columns of 2: 0 1; blanks between fields; decimal commas; no "
         "header|1.5 2.5",
         {0}},
        {"one column", "x\n1.5\n2\n", "1 column of 1: x|1.5", {0}},
        {"one column of decimal commas",
         "1\n2,5\n3\n4\n5,25\n",
         "1 column of 1: 0; decimal commas; no header|1",
         {.decimal = ','}},
        {"CR", "a,b\r1.5,2\r3,4\r", "2 columns of 2: a b|1.5 2", {0}},
        {"CRLF", "a,b\r\n1.5,2\r\n3,4\r\n", "2 columns of 2: a b|1.5 2", {0}},
        {"byte order mark",
         "\xef\xbb\xbf"
         "a,b\n1,2\n",
         "2 columns of 2: a b|1 2",
         {0}},
        {"comments",
         "# made by x\n# 2026\na,b\n1,2\n",
         "2 columns of 2: a b; line 3 is the header|1 2",
         {0}},
        {"a header in a comment",
         "# a b\n1.0 2.0\n3.0 4.0\n",
         "2 columns of 2: a b; blanks between fields; the comment in line 1 is "
         "the header|1 2",
         {0}},
        {"comments of MATLAB",
         "% a b\n1.5 2.0\n",
         "2 columns of 2: a b; blanks between fields; the comment in line 1 is "
         "the header|1.5 2",
         {0}},
        {"another comment",
         "! x\n1.5,2\n! y\n3,4\n",
         "2 columns of 2: 0 1; no header|1.5 2",
         {.comment = "!"}},
        {"a title and units",
         "Station 4\n\nt;p\ndegC;hPa\n1,5;2\n",
         "2 columns of 2: t p; ';' between fields; decimal commas; line 3 is "
         "the header; line 4 has units; 1 line in front of that is passed "
         "over|1.5 2",
         {0}},
        {"three lines of header",
         "x,y\na,b\nm,[s]\n1.5,2\n",
         "2 columns of 2: a b; line 2 is the header; line 3 has units|1.5 2",
         {0}},
        {"header lines given",
         "1,2\n3,4\n5,6\n",
         "2 columns of 2: 1 2; line 2 has units|5 6",
         {.header = 2, .delimiter = ','}},
        {"skip",
         "9,9,9\n8,8,8\na,b\n1,2\n",
         "2 columns of 2: a b; line 3 is the header|1 2",
         {.skip = 2}},
        {"pandas without names",
         ",0,1\n0,1.5,2\n1,3.5,4\n",
         "2 columns of 3: 0 1; column 0 is left out (a count of rows without a "
         "name)|1.5 2",
         {0}},
        {"a file that ends in its first row",
         "a,b\n1,2",
         "2 columns of 2: a b|1 2",
         {0}},
        {"a spreadsheet's first line",
         "sep=;\na;b\n1,5;2\n",
         "2 columns of 2: a b; ';' between fields; decimal commas; line 2 is "
         "the header|1.5 2",
         {0}},
        {"decimal commas in quotes",
         "a,b\n\"1,5\",\"2\"\n\"3,5\",4\n",
         "2 columns of 2: a b; decimal commas|1.5 2",
         {0}},
        {"empty", "", "no row", {0}},
        {"a header and nothing else", "a,b\n", "no row", {0}},
        {"Latin-1, named",
         "T [\xb0"
         "C],b\n1,2\n",
         "2 columns of 2: T [\xc2\xb0"
         "C] b|1 2",
         {.latin1 = true}},
    };

    check(rows, COUNT(rows));
}

static void test_columns(void)
{
    static const found rows[] = {
        {"the clock and text",
         "time,temp,hum,press,wind,status\n2026-11-29 08:15:00,1,2,3,4,ok\n",
         "4 columns of 6: temp hum press wind; time is the clock (ISO 8601, "
         "UTC); "
         "status is left out (text)|1 2 3 4 @1795940100.000",
         {0}},
        {"marks between thousands",
         "a;b;c;d\n1,5;1.234,7;1.234;-12.345.678,25\n"
         "2,5;1.240,1;10.200;1.000\n",
         "1 column of 4: a; b c d are left out (numbers with marks between "
         "thousands, which have to go); ';' between fields; decimal commas|1.5",
         {.decimal = ','}},
        {"marks between thousands, points",
         "a,b\n1.5,\"1,234.7\"\n2.5,\"1,240\"\n",
         "1 column of 2: a; b is left out (numbers with marks between "
         "thousands, which have to go)|1.5",
         {.decimal = '.'}},
        {"no marks between thousands",
         "a;b;c\n1,5;1.23;1.234,7\n2,5;12.3456;x\n",
         "1 column of 3: a; b c are left out (text); ';' between fields; "
         "decimal commas|1.5",
         {.decimal = ','}},
        {"a zone of its own",
         "t,a\n2026-11-29T08:15:00+01:00,1\n",
         "1 column of 2: a; t is the clock (ISO 8601)|1 @1795936500.000",
         {0}},
        {"a zone given",
         "t,a\n2026-11-29 08:15:00,1\n",
         "1 column of 2: a; t is the clock (ISO 8601, UTC+01:00)|1 "
         "@1795936500.000",
         {.stamp = {.zone_s = 3600}}},
        {"seconds",
         "ts,a\n1795940100,1\n1795940101,2\n",
         "1 column of 2: a; ts is the clock (seconds since 1970)|1 "
         "@1795940100.000",
         {0}},
        {"milliseconds",
         "time,a\n1795940100250,1\n",
         "1 column of 2: a; time is the clock (milliseconds since 1970)|1 "
         "@1795940100.250",
         {0}},
        {"no time, though large",
         "counts,a\n1795940100,1\n1795940101,2\n",
         "2 columns of 2: counts a|1.79594e+09 1",
         {0}},
        {"a day and a time of day",
         "day,clock,v\n29.11.2026,08:15:00,1\n30.11.2026,08:15:00,2\n",
         "1 column of 3: v; day and clock are the clock (day, month, year, "
         "UTC)|1 "
         "@1795940100.000",
         {0}},
        {"a time of day alone",
         "clock,v,w\n08:15:00,1,2\n",
         "2 columns of 3: v w; clock is left out (a time of day without a day)"
         "|1 2",
         {0}},
        {"time that has passed",
         "time,v\n0.0,1\n0.1,2\n0.2,3\n",
         "1 column of 2: v; time is left out (time that has passed, for it "
         "only rises; name it in columns: to learn from it)|1",
         {0}},
        {"a temperature that only rises",
         "T,v\n20.5,1\n20.6,2\n20.7,3\n",
         "2 columns of 2: T v|20.5 1",
         {.columns = "T,v"}},
        {"two times",
         "a,b,v\n2026-11-29,2026-11-30,1\n",
         "1 column of 3: v; a is the clock (ISO 8601, UTC); b is left out "
         "(another "
         "time)|1 @1795910400.000",
         {0}},
        {"days that tell",
         "d,v\n11/29/2026,1\n",
         "1 column of 2: v; d is the clock (month, day, year, UTC)|1 "
         "@1795910400.000",
         {0}},
        {"months that tell",
         "d,v\n1/2/2026,1\n29/11/2026,2\n",
         "1 column of 2: v; d is the clock (day, month, year, UTC)|1 "
         "@1769904000.000",
         {0}},
        {"a pattern",
         "d,v\n29-Nov-2026,1\n",
         "1 column of 2: v; d is the clock (%d-%b-%Y, UTC)|1 @1795910400.000",
         {.time = "d",
          .stamp = {.kind = STAMP_PATTERN, .pattern = "%d-%b-%Y"}}},
        {"no clock",
         "ts,a\n1795940100,1\n1795940101,2\n",
         "1 column of 2: a; ts is left out (another time)|1",
         {.time = "none"}},
        {"columns",
         "a,b,c,d\n1,2,3,4\n",
         "3 columns of 4: d a b; c is left out (not named)|4 1 2",
         {.columns = "d, 0-1"}},
        {"a name with a comma",
         "\"a,b\",c\n1,2\n",
         "1 column of 2: a,b; c is "
         "left out (not named)|1",
         {.columns = "\"a,b\""}},
        {"exclude",
         "a,b,c,d\n1,2,3,4\n",
         "2 columns of 4: a d; b c are left out (excluded)|1 4",
         {.exclude = "b,2"}},
        {"a column without a value",
         "a,b\n1,NA\n2,\n",
         "1 column of 2: a; b is left out (no value)|1",
         {0}},
        {"values that are none",
         "a,b,c\n-9999,7,2\n1,x,-9999.0\n5,6,7\n",
         "3 columns of 3: a b c|nan 7 2",
         {.missing = "-9999, x"}},
    };

    check(rows, COUNT(rows));
}

static void test_loggers(void)
{
    static const char toa5[] =
        "\"TOA5\",\"s\",\"CR1000\",\"1\",\"CR1000.Std.27\",\"CPU:m\",\"4\","
        "\"Met\"\r\n\"TIMESTAMP\",\"RECORD\",\"AirTC\",\"RH\"\r\n"
        "\"TS\",\"RN\",\"Deg C\",\"%\"\r\n\"\",\"\",\"Avg\",\"Smp\"\r\n"
        "\"2026-11-29 08:15:00\",1,12.5,\"NAN\"\r\n"
        "\"2026-11-29 08:16:00\",2,12.6,55\r\n";
    static const char lvm[] =
        "LabVIEW Measurement\t\r\nWriter_Version\t2\r\nSeparator\tTab\r\n"
        "Decimal_Separator\t,\r\nX_Columns\tOne\r\nDate\t2026/11/29\r\n"
        "Time\t08:15:00,5\r\n***End_of_Header***\t\r\n\t\r\n"
        "Channels\t2\t\t\r\nDate\t2026/11/29\t2026/11/29\t\r\n"
        "Time\t08:15:00,512345678901234567\t08:15:00,5\t\r\n"
        "Y_Unit_Label\tVolts\tVolts\t\r\nX0\t0,0\t0,0\t\r\n"
        "***End_of_Header***\t\t\t\r\nX_Value\tU1\tU2\tComment\r\n"
        "0,001\t1,5\t2,5\r\n0,002\t1,7\t2,7\tlate\r\n";
    static const found rows[] = {
        {"TOA5",
         toa5,
         "2 columns of 4: AirTC RH; TIMESTAMP is the clock (ISO 8601, UTC); "
         "RECORD "
         "is left out (numbers of records); it is a file of a Campbell logger "
         "(TOA5)|12.5 nan @1795940100.000",
         {0}},
        {"LabVIEW",
         lvm,
         "2 columns of 3: U1 U2; X_Value is the clock (seconds since its "
         "header's time, UTC); it is a file of LabVIEW (.lvm); decimal "
         "commas|1.5 "
         "2.5 @1795940100.513",
         {0}},
        {"TOB1",
         "\"TOB1\",\"s\"\r\n",
         "d.dat: it is a binary table of a Campbell logger (TOB1); CardConvert "
         "or camp2ascii writes TOA5",
         {0}},
    };

    check(rows, COUNT(rows));
}

/* What may be read in two ways is asked for, with the option. */
static void test_asked(void)
{
    static const found rows[] = {
        {"a comma",
         "1,75754\n2,5\n",
         "d.dat:2: '2,5' may be two columns, or one number with a decimal "
         "comma: give delimiter: comma or decimal: comma",
         {0}},
        {"the same, one column",
         "1,75754\n2,5\n",
         "1 column of 1: 0; decimal commas; no header|1.75754",
         {.decimal = ','}},
        {"the same, two",
         "1,75754\n2,5\n",
         "2 columns of 2: 0 1; no header|1 75754",
         {.delimiter = ','}},
        {"two names say it",
         "a,b\n1,75754\n",
         "2 columns of 2: a b|1 75754",
         {0}},
        {"a sign says it",
         "1,-5\n2,3\n",
         "2 columns of 2: 0 1; no header|1 "
         "-5",
         {0}},
        {"days and months",
         "d,v\n01/02/2026,1\n",
         "d.dat: the days in column 'd' may be written day first or month "
         "first: give format: dmy or format: mdy, or time: none",
         {0}},
        {"the same, said",
         "d,v\n01/02/2026,1\n",
         "1 column of 2: v; d is the clock (day, month, year, UTC)|1 "
         "@1769904000.000",
         {.stamp = {.kind = STAMP_DMY}}},
        {"numbers as names",
         "0,1,2\n1.5,2,3\n4.5,5,6\n",
         "d.dat:1: '0,1,2' may be a header or a row: give header: yes or "
         "header: no",
         {0}},
        {"channels as names",
         "t,1,2\n0,1.5,2\n1,4.5,5\n",
         "d.dat:1: 't,1,2' may be a header or a row: give header: yes or "
         "header: no",
         {0}},
        {"points and commas",
         "a;b\n1,5;2.5\n",
         "d.dat:2: '1,5' may be a number with a decimal comma, but others have "
         "a point: give decimal: comma or decimal: point",
         {0}},
    };

    check(rows, COUNT(rows));
}

static void test_refused(void)
{
    static const found rows[] = {
        {"UTF-16",
         "\xff\xfe"
         "a",
         "d.dat: it is UTF-16 and not UTF-8; 'iconv "
         "-f UTF-16 -t UTF-8 FILE >NEW' writes one that is",
         {0}},
        {"Latin-1",
         "a,T [\xb0"
         "C]\n1,2\n",
         "d.dat:1: byte 0xB0 is no UTF-8; where the file is Latin-1 (ISO "
         "8859-1), give encoding: latin1",
         {0}},
        {"no such column",
         "temp,hum\n1,2\n",
         "columns: 'tmp' is no column of",
         {.columns = "tmp"}},
        {"a number too high",
         "temp,hum\n1,2\n",
         "columns: column 2 is not there:",
         {.columns = "2"}},
        {"a quote left open",
         "a,b\n1,2\n",
         "columns: 'a, \"b': a quote is left open at character 4",
         {.columns = "a, \"b"}},
        {"a doubled quote that is open",
         "a,b\n1,2\n",
         "columns: '\"a\"\"': a quote is left open at character 1",
         {.columns = "\"a\"\""}},
        {"text behind a quote",
         "a,b\n1,2\n",
         "exclude: '\"a\"b': text stands behind a quote at character 1",
         {.exclude = "\"a\"b"}},
        {"text as a column", "a,b\n1,x\n", "columns: 'b' of", {.columns = "b"}},
        {"a name of two",
         "a,a\n1,2\n",
         "columns: 'a' is the name of several columns of",
         {.columns = "a"}},
        {"twice",
         "a,b\n1,2\n",
         "columns: 'a' is named twice",
         {.columns = "a,0"}},
        {"no number at all",
         "a,b\nx,NA\n",
         "d.dat: no row of it can be learned from: none of its 2 columns holds "
         "numbers ('a' is text, 'b' is no value)",
         {0}},
        {"no text",
         "\x7f"
         "ELF\2\1\1\3\n1,2\n",
         "d.dat: it is no text: its first bytes are 7f 45 4c 46",
         {0}},
        {"no time",
         "a,b\n1,x\n",
         "d.dat: column 'b' is no time that is known: "
         "give format: iso, dmy, mdy,",
         {.time = "b"}},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char got[1200];
        say(&rows[i].wish, rows[i].bytes, strlen(rows[i].bytes), got,
            sizeof(got));
        CU_ASSERT_EQUAL(strncmp(got, rows[i].want, strlen(rows[i].want)), 0);
        UNIT_CONTAINS(got, rows[i].want);
    }
}

/* Two bytes a character, without a mark. */
static void test_wide(void)
{
    static const char bytes[] = "a\0,\0b\0\n\0001\0,\0002\0\n\0";
    table_wish w = {0};
    char got[400];

    say(&w, bytes, sizeof(bytes) - 1, got, sizeof(got));
    UNIT_CONTAINS(got, "it is UTF-16LE and not UTF-8");
}

/* A line of a million fields is none of a table, and takes no memory. */
static void test_many_columns(void)
{
    const size_t n = TABLE_COLUMNS_MAX + 1;
    table_wish wish = {0};
    char *line = malloc(2 * n), got[1200];

    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    for (size_t i = 0; i < n; i++)
        memcpy(line + 2 * i, i + 1 < n ? "1," : "1\n", 2);
    say(&wish, line, 2 * n, got, sizeof(got));
    UNIT_EQUAL(got, "d.dat:1: 1048577 fields in a row are too many, at most "
                    "1048576 are read; where others stand in a line, give "
                    "delimiter:");
    free(line);
}

/* --- several files --- */

static void test_match(void)
{
    static const struct {
        const char *bytes, *want;
    } rows[] = {
        {"a,b,c\n1,2,3\n", "1 2 3"},
        {"c,b,a\n1,2,3\n", "3 2 1"},
        {"x,c,b,a\n0,1,2,3\n", "3 2 1"},
        {"a,b\n1,2\n", "has no column 'c', which one.csv has; leave it out by "
                       "exclude:, or the file by another path"},
        {"1,2,3\n4,5,6\n", "has no header and one.csv has one; say which by "
                           "header:"},
        {"a,b,c\n1,,3\n", "1 nan 3"},
    };
    table_wish w = {0};
    table_dialect first;
    table_conf conf = {.wish = &w};
    double row[3];
    table *t;

    scratch_write("one.csv", "a,b,c\n1,2,3\n");
    conf.path = scratch_path;
    t = table_open(&conf, NULL);
    CU_ASSERT_EQUAL_FATAL(table_ready(t, NULL), 1);
    CU_ASSERT_EQUAL_FATAL(dialect_copy(&first, table_dialect_of(t), NULL), 0);
    table_close(t);
    conf.like = &first;
    conf.like_path = "one.csv";
    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};
        char got[64];
        scratch_write("two.csv", rows[i].bytes);
        conf.path = scratch_path;
        t = table_open(&conf, NULL);
        if (table_row(t, row, &e) == TABLE_ROW)
            snprintf(got, sizeof(got), "%g %g %g", row[0], row[1], row[2]);
        UNIT_CONTAINS(*e.text ? e.text : got, rows[i].want);
        table_close(t);
    }
    dialect_free(&first);
}

int main(void)
{
    static const unit_test tests[] = {
        {"dialect: layouts", test_layouts},
        {"dialect: columns and clocks", test_columns},
        {"dialect: loggers", test_loggers},
        {"dialect: what is asked", test_asked},
        {"dialect: what is refused", test_refused},
        {"dialect: two bytes a character", test_wide},
        {"dialect: more columns than are read", test_many_columns},
        {"dialect: another file of the same", test_match},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    rc = unit_main("dialect", tests);
    scratch_remove();
    return rc;
}
