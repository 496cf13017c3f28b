/* test_sniff.c - text files that are written as few others are. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/common/text.h"
#include "src/table/table.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What is said of [text], or the error without its folder; behind '|' all of
 * its rows, with their times.
 */
static void say(const table_wish *w, const char *text_of, char *out, size_t cap)
{
    table_conf conf = {.wish = w};
    pe_error e = {0};
    double row[64];
    text line = {0};
    int64_t ns;
    int rc;

    scratch_write("s.dat", text_of);
    conf.path = scratch_path;
    table *t = table_open(&conf, &e);
    rc = table_ready(t, &e);
    if (rc <= 0) {
        const char *base = *e.text == '/' ? strstr(e.text, "s.dat") : NULL;

        snprintf(out, cap, "%s", rc == 0 ? "no row" : base ? base : e.text);
        table_close(t);
        return;
    }
    dialect_line(table_dialect_of(t), &line);
    for (const char *mark = "|"; (rc = table_row(t, row, &e)) > 0;
         mark = "; ") {
        text_add(&line, "%s", mark);
        for (size_t j = 0;
             rc == TABLE_ROW && j < table_dialect_of(t)->n_features; j++)
            text_add(&line, "%s%g", j ? " " : "", row[j]);
        if (rc == TABLE_SKIPPED)
            text_add(&line, "-");
        else if (table_time(t, &ns))
            text_add(&line, "@%.9g", (double)(ns - 1795940100000000000) / 1e9);
    }
    snprintf(out, cap, "%s", line.data ? line.data : "");
    text_free(&line);
    table_close(t);
}

typedef struct found {
    const char *what, *text, *want;
    table_wish wish;
} found;

static void check(const found *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char got[1500], line[1600], want[1600];

        say(&rows[i].wish, rows[i].text, got, sizeof(got));
        snprintf(line, sizeof(line), "%s: %s", rows[i].what, got);
        snprintf(want, sizeof(want), "%s: %s", rows[i].what, rows[i].want);
        UNIT_EQUAL(line, want);
    }
}

/* --- files that their first lines name --- */

#define LVM_HEAD                                 \
    "LabVIEW Measurement\t\nWriter_Version\t2\n" \
    "Separator\tTab\n"
#define LVM_END "***End_of_Header***\t\n"

static void test_known(void)
{
    static const found rows[] = {
        {"TOACI1: environment and names",
         "\"TOACI1\",\"st\",\"Tab\"\n\"TMSTAMP\",\"RECNBR\",\"Air\"\n"
         "\"2026-11-29 08:15:00\",1,2.5\n\"2026-11-29 08:16:00\",2,3.5\n",
         "2 columns of 3: RECNBR Air; TMSTAMP is the clock (ISO 8601, UTC); it "
         "is a file of a Campbell logger (TOA5)|1 2.5@0; 2 3.5@60",
         {0}},
        {"TOA5 without quotes",
         "TOA5,s,CR1000\nTIMESTAMP,RECORD,T\nTS,RN,C\n,,Smp\n"
         "2026-11-29 08:15:00,7,1.5\n",
         "1 column of 3: T; TIMESTAMP is the clock (ISO 8601, UTC); RECORD is "
         "left out (numbers of records); it is a file of a Campbell logger "
         "(TOA5)|1.5@0",
         {0}},
        {"TOA5 that has no rows yet",
         "\"TOA5\",\"s\"\n\"TIMESTAMP\",\"T\"\n\"TS\",\"C\"\n",
         "no row",
         {0}},
        {"TOA5 with a delimiter given is any file",
         "TOA5,s\nT,RH\nC,%\n,Smp\n1.5,2\n3.5,4\n",
         "no row",
         {.delimiter = ';'}},
        {"LabVIEW: commas and points",
         "LabVIEW Measurement,\nSeparator,Comma\nDecimal_Separator,.\n"
         "***End_of_Header***,\n,\nChannels,1,\n***End_of_Header***,,\n"
         "X_Value,U,Comment\n0.0,1.5,\n0.5,2.5,late\n",
         "",
         {0}},
        {"LabVIEW: no X values",
         LVM_HEAD "X_Columns\tNo\nDate\t2026/11/29\nTime\t08:15:00\n" LVM_END
                  "\t\nChannels\t2\nDate\t2026/11/29\nTime\t08:15:00\n" LVM_END
                  "X_Value\tU1\tU2\tComment\n\t1.5\t2.5\n\t3.5\t4.5\n",
         "2 columns of 3: U1 U2; X_Value is left out (no value); it is a file "
         "of LabVIEW (.lvm)|1.5 2.5; 3.5 4.5",
         {0}},
        {"LabVIEW: the file's time where the section has none",
         LVM_HEAD "X_Columns\tOne\nDate\t2026/11/29\nTime\t08:15:00\n" LVM_END
                  "\t\nChannels\t1\n" LVM_END
                  "X_Value\tU1\tComment\n0.5\t1.5\n",
         "1 column of 2: U1; X_Value is the clock (seconds since its header's "
         "time, UTC); it is a file of LabVIEW (.lvm)|1.5@0.5",
         {0}},
        {"LabVIEW: no time at all",
         LVM_HEAD LVM_END "\t\nChannels\t1\n" LVM_END
                          "X_Value\tU1\tComment\n0.5\t1.5\n1.0\t2.5\n",
         "2 columns of 2: X_Value U1; it is a file of LabVIEW (.lvm)|0.5 1.5; "
         "1 "
         "2.5",
         {0}},
        {"LabVIEW: a header that does not end", LVM_HEAD, "no row", {0}},
        {"LabVIEW: a header and no rows",
         LVM_HEAD LVM_END "\t\nChannels\t1\n" LVM_END "X_Value\tU1\n",
         "no row",
         {0}},
    };
    char got[1500];

    for (size_t i = 0; i < COUNT(rows); i++) {
        say(&rows[i].wish, rows[i].text, got, sizeof(got));
        UNIT_CONTAINS(got, rows[i].want);
    }
}

/* --- headers --- */

static void test_headers(void)
{
    static const found rows[] = {
        {"more lines than there are",
         "1,2\n3,4\n",
         "no row",
         {.header = 5, .delimiter = ','}},
        {"one line given, comments between",
         "# x\na,b\n# y\n1,2\n",
         "2 columns of 2: a b; line 2 is the header|1 2",
         {.header = 1}},
        {"quotes within quotes, and ones that are not",
         "\"say \"\"a\"\"\",5\"\"\"x,\"c\"\n1,2,3\n4,5,6\n",
         "3 columns of 3: say \"a\" 5\"\"\"x c|1 2 3; 4 5 6",
         {0}},
        {"given, over numbers",
         "1,2\n3,4\n5,6\n",
         "2 columns of 2: 1 2|3 4; 5 6",
         {.header = TABLE_HEADER_YES, .delimiter = ','}},
        {"none, over text",
         "a,b\n1,2\n3,4\n",
         "2 columns of 2: 0 1; no header|nan nan; 1 2; 3 4",
         {.header = TABLE_HEADER_NO}},
        {"names over units in brackets",
         "T,p\n[degC],(hPa)\n1.5,2\n",
         "2 columns of 2: T p; line 2 has units|1.5 2",
         {0}},
        {"names over names are a title",
         "left,right\nT,speed\n1.5,2\n",
         "2 columns of 2: left right; line 2 has units|1.5 2",
         {0}},
        {"a title of one field",
         "all of it\nA,p\n1.5,2\n3.5,4\n",
         "2 columns of 2: A p; line 2 is the header; 1 line in front of that "
         "is passed over|1.5 2; 3.5 4",
         {0}},
        {"rows with a delimiter at their end and a header without",
         "a,b\n1,2,\n3,4,\n",
         "2 columns of 3: a b; column 2 is left out (no value)|1 2; 3 4",
         {0}},
        {"a comment that is no header: another number of fields",
         "# made by hand\n1.5,2\n3.5,4\n",
         "2 columns of 2: 0 1; no header|1.5 2; 3.5 4",
         {0}},
        {"a comment that is a row",
         "# 1.5,2\n2.5,3\n3.5,4\n",
         "2 columns of 2: 0 1; no header|2.5 3; 3.5 4",
         {0}},
        {"pandas, one column without a name",
         ",0\n0,1.5\n1,2.5\n",
         "1 column of 2: 0; column 0 is left out (a count of rows without a "
         "name)|1.5; 2.5",
         {0}},
        {"a first row of text over numbers",
         "run,2,on\n1,2,3\n4,5,6\n",
         "s.dat:1: 'run,2,on' may be a header or a row: give header: yes or "
         "header: no",
         {0}},
        {"text that is a row among text",
         "a,1.5\nb,2.5\nc,3.5\n",
         "1 column of 2: 1; column 0 is left out (text); no header|1.5; 2.5; "
         "3.5",
         {0}},
    };

    check(rows, COUNT(rows));
}

/* --- delimiters and marks --- */

static void test_delimiters(void)
{
    static const found rows[] = {
        {"two that fit alike",
         "1;2|3\n4;5|6\n",
         "s.dat:2: '4;5|6' may be read with 'semicolon' or with 'pipe' between "
         "its fields: give delimiter: semicolon or delimiter: pipe",
         {0}},
        {"the same, said",
         "1;2|3\n4;5|6\n",
         "1 column of 2: 0; column 1 is left out (text); ';' between fields; "
         "no "
         "header|1; 4",
         {.delimiter = ';'}},
        {"semicolons in a text among commas",
         "a,b,c\n1,x;y,2\n3,z;w,4\n",
         "2 columns of 3: a c; b is left out (text)|1 2; 3 4",
         {0}},
        {"commas are marks where that is said",
         "1,5\n2,5\n",
         "1 column of 1: 0; decimal commas; no header|1.5; 2.5",
         {.decimal = ','}},
        {"blanks of several lengths",
         "x     y\n1 2\n 3    4\n",
         "2 columns of 2: x y; blanks between fields|1 2; 3 4",
         {0}},
        {"blanks within, tabs between",
         "a b\tc d\n1\t2\n",
         "2 columns of 2: a b c d; tabs between fields|1 2",
         {0}},
        {"a delimiter given that is not there",
         "a,b\n1,2\n",
         "1 column of 1: a,b; decimal commas|1.2",
         {.delimiter = '|'}},
        {"rows cut short at the end are not the most",
         "a,b,c\n1,2,3\n4,5,6\n7,8,9\n1,2,3\n4\n",
         "3 columns of 3: a b c|1 2 3; 4 5 6; 7 8 9; 1 2 3; -",
         {0}},
        {"rows that are wider from some point on",
         "1,2\n3,4\n5,6,7\n8,9,1\n2,3,4\n5,6,7\n",
         "3 columns of 3: 0 1 2; no header|-; -; 5 6 7; 8 9 1; 2 3 4; 5 6 7",
         {0}},
        {"two numbers with a point are two columns",
         "1.5,2.5\n3.5,4.5\n",
         "2 columns of 2: 0 1; no header|1.5 2.5; 3.5 4.5",
         {0}},
        {"one number alone", "5\n6\n", "1 column of 1: 0; no header|5; 6", {0}},
        {"a word and a comma",
         "x,1\ny,2\n",
         "1 column of 2: 1; column 0 is left out (text); no header|1; 2",
         {0}},
        {"nothing but comments", "# a\n# b\n", "no row", {0}},
        {"nothing is a comment",
         "#,a\n1,2\n",
         "2 columns of 2: # a|1 2",
         {.comment = ""}},
    };

    check(rows, COUNT(rows));
}

/* --- times among numbers --- */

static void test_clocks(void)
{
    static const found rows[] = {
        {"microseconds",
         "ts,a\n1795940100250000,1\n1795940101250000,2\n",
         "1 column of 2: a; ts is the clock (microseconds since 1970)|1@0.25; "
         "2@1.25",
         {0}},
        {"nanoseconds",
         "timestamp,a\n1795940100000000000,1\n",
         "1 column of 2: a; timestamp is the clock (nanoseconds since 1970)"
         "|1@0",
         {0}},
        {"seconds that go back are no clock by themselves",
         "time,a\n1795940101,1\n1795940100,2\n",
         "2 columns of 2: time a|1.79594e+09 1; 1.79594e+09 2",
         {0}},
        {"... but where it is said",
         "time,a\n1795940101,1\n1795940100,2\n",
         "1 column of 2: a; time is the clock (seconds since 1970)|1@1; 2@0",
         {.time = "time", .stamp = {.kind = STAMP_S, .decimal = '.'}}},
        {"seconds without a name, in front",
         "1795940100,1.5\n1795940160,2.5\n",
         "1 column of 2: 1; column 0 is the clock (seconds since 1970); no "
         "header|1.5@0; 2.5@60",
         {0}},
        {"a name that ends in time",
         "LocalTime,a\n1795940100,1\n",
         "1 column of 2: a; LocalTime is the clock (seconds since 1970)|1@0",
         {0}},
        {"a name with its unit",
         "t_ms,a\n1795940100000,1\n",
         "1 column of 2: a; t_ms is the clock (milliseconds since 1970)|1@0",
         {0}},
        {"times that do not grow are numbers",
         "time,a\n5,1\n5,2\n6,3\n",
         "2 columns of 2: time a|5 1; 5 2; 6 3",
         {0}},
        {"days with and without a time of day",
         "when,a\n2026-11-29,1\n2026-11-29 08:15,2\n",
         "1 column of 2: a; when is the clock (ISO 8601, UTC)|1@-29700; 2@0",
         {0}},
        {"a clock with a gap",
         "when,a\n2026-11-29 08:15,1\nNA,2\n2026-11-29 08:17,3\n",
         "1 column of 2: a; when is the clock (ISO 8601, UTC)|1@0; 2; 3@120",
         {0}},
        {"more texts than times",
         "when,a\n2026-11-29,1\nx,2\ny,3\n",
         "1 column of 2: a; when is left out (text)|1; 2; 3",
         {0}},
    };

    check(rows, COUNT(rows));
}

/* --- lists of columns --- */

static void test_lists(void)
{
    static const found rows[] = {
        {"a range of all",
         "1,2,3\n4,5,6\n",
         "3 columns of 3: 0 1 2; no header|1 2 3; 4 5 6",
         {.columns = "0-2"}},
        {"numbers in any order",
         "1,2,3\n4,5,6\n",
         "2 columns of 3: 2 0; column 1 is left out (not named); no header|3 "
         "1; "
         "6 4",
         {.columns = " 2 , 0 "}},
        {"a range the wrong way",
         "1,2,3\n4,5,6\n",
         "columns: '2-0'",
         {.columns = "2-0"}},
        {"nothing between commas",
         "a,b\n1,2\n",
         "columns: ''",
         {.columns = "a,,b"}},
        {"all of them excluded",
         "a,b\n1,2\n",
         "no row of it can be learned from",
         {.exclude = "a,b"}},
        {"an excluded name that is not there",
         "a,b\n1,2\n",
         "exclude: 'c' is no column of",
         {.exclude = "c"}},
        {"the clock among the columns",
         "time,a\n2026-11-29,1\n",
         "columns: ",
         {.columns = "time"}},
        {"a clock that is not there",
         "a,b\n1,2\n",
         "time: 'when' is no column of",
         {.time = "when"}},
        {"a clock of numbers that are none",
         "a,b\n1,2\n3,4\n",
         "column 'a' is no time that is known: give format: iso, dmy, mdy",
         {.time = "a"}},
    };
    char got[1500];

    for (size_t i = 0; i < COUNT(rows); i++) {
        say(&rows[i].wish, rows[i].text, got, sizeof(got));
        if (!strstr(got, rows[i].want))
            printf("# %s\n", rows[i].what);
        UNIT_CONTAINS(got, rows[i].want);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"sniff: files known by their first lines", test_known},
        {"sniff: headers", test_headers},
        {"sniff: delimiters and marks", test_delimiters},
        {"sniff: times", test_clocks},
        {"sniff: lists of columns", test_lists},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    rc = unit_main("sniff", tests);
    scratch_remove();
    return rc;
}
