/* test_csv.c - rows of numbers out of text. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/function/csv.h"

/* Rows as text: fields by ',', rows by ';', or the error without its folder. */
static void read_all(const csv_conf *conf, char *out, size_t cap)
{
    pe_error e = {0};
    csv *c = csv_open(conf, &e);
    int columns = c ? csv_columns(c, &e) : -1;
    double row[16];
    size_t n = 0;
    int rc = columns;

    out[0] = '\0';
    while (rc > 0 && (rc = csv_row(c, row, &e)) > 0) {
        for (int j = 0; j < columns; j++)
            n += (size_t)snprintf(out + n, cap - n, "%s%g", j ? "," : "",
                                  row[j]);
        n += (size_t)snprintf(out + n, cap - n, ";");
    }
    if (rc < 0)
        snprintf(out + n, cap - n, "%s",
                 strrchr(e.text, '/') ? strrchr(e.text, '/') + 1 : e.text);
    csv_close(c);
}

static void test_csv_table(void)
{
    static const struct {
        const char *what, *text, *want;
    } rows[] = {
        {"empty", "", ""},
        {"only blanks", "\n  \n\r\n", ""},
        {"plain", "1,2\n3,4\n", "1,2;3,4;"},
        {"no final newline", "1,2\n3,4", "1,2;3,4;"},
        {"CRLF", "1,2\r\n3,4\r\n", "1,2;3,4;"},
        {"CR at the very end", "1,2\r\n3,4\r", "1,2;3,4;"},
        {"byte order mark",
         "\xef\xbb\xbf"
         "1,2\n",
         "1,2;"},
        {"mark and header", "\xef\xbb\xbf\"a\",b\n1,2\n", "1,2;"},
        {"header", "a,b\n1,2\n", "1,2;"},
        {"only a header", "a,b\n", ""},
        {"quoted header", "\"a,b\",\"c\"\"d\"\n1,2\n", "1,2;"},
        {"a number in the first row", "x,2\n1,2\n", "nan,2;1,2;"},
        {"blank lines", "\n1,2\n\n  \n3,4\n\n", "1,2;3,4;"},
        {"blanks around", " 1 ,\t2 \n", "1,2;"},
        {"quotes", "\"1\",\"2.5\"\n\" 3 \" , \"4\"\n", "1,2.5;3,4;"},
        {"a newline in quotes", "1,\"2\n\"\n3,4\n", "1,2;3,4;"},
        {"a separator in quotes", "1,\"2,3\"\n4,5\n", "1,nan;4,5;"},
        {"doubled quotes", "1,\"2\"\"\"\n3,4\n", "1,nan;3,4;"},
        {"text behind a quote", "1,\"2\"x\n3,4\n", "1,nan;3,4;"},
        {"quote within a field", "1,2\"3\"\n4,5\n", "1,nan;4,5;"},
        {"not numbers", "1,2\n,x\n1e,0x\n", "1,2;nan,nan;nan,nan;"},
        {"signs and powers", "-1.5,+2e3\n1E-2,.5\n-0.25,7.\n",
         "-1.5,2000;0.01,0.5;-0.25,7;"},
        {"not finite", "nan,inf\n-inf,1\n", "nan,inf;-inf,1;"},
        {"one column", "1\n2\n", "1;2;"},
        {"one row of nothing", "1,2\n,\n", "1,2;nan,nan;"},
        {"too many", "1,2\n3,4,5\n",
         "1,2;t.csv:2: the row has 3 fields, the "
         "first one has 2"},
        {"too few", "a,b\n\n1,2\n\n3\n",
         "1,2;t.csv:5: the row has 1 fields, "
         "the first one has 2"},
        {"lines within quotes count", "\"a\n\",b\n1\n",
         "t.csv:3: the row has 1 fields, the first one has 2"},
        {"quote left open", "1,2\n3,\"4\n5,6\n",
         "1,2;t.csv:2: a quote is left open"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[512], want[512], line[600];
        csv_conf conf = {.path = scratch_path, .separator = ','};
        scratch_write("t.csv", rows[i].text);
        read_all(&conf, got, sizeof(got));
        snprintf(line, sizeof(line), "%s: %s", rows[i].what, got);
        snprintf(want, sizeof(want), "%s: %s", rows[i].what, rows[i].want);
        UNIT_EQUAL(line, want);
    }
}

static void test_csv_modes(void)
{
    char got[256];
    csv_conf conf = {
        .path = scratch_path, .separator = ',', .header = CSV_HEADER_YES};

    scratch_write("t.csv", "1,2\n3,4\n");
    read_all(&conf, got, sizeof(got));
    UNIT_EQUAL(got, "3,4;");
    scratch_write("t.csv", "a,b\n3,4\n");
    conf.header = CSV_HEADER_NO;
    read_all(&conf, got, sizeof(got));
    UNIT_EQUAL(got, "nan,nan;3,4;");
    scratch_write("t.tsv", "a\tb\n3\t 4\n\t5\n");
    conf = (csv_conf){.path = scratch_path, .separator = '\t'};
    read_all(&conf, got, sizeof(got));
    UNIT_EQUAL(got, "3,4;nan,5;");
    conf.path = "/nowhere/x.csv";
    pe_error e = {0};
    CU_ASSERT_PTR_NULL(csv_open(&conf, &e));
    UNIT_EQUAL(e.text,
               "/nowhere/x.csv cannot be opened: No such file or directory");
    csv_close(NULL);
}

/* Values as strtod reads them, by either way of parsing. */
static void test_csv_numbers(void)
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "1",
                                        "123456789012345",
                                        "1234567890123456",
                                        "0.1",
                                        "3.14159",
                                        "0.000000000000001",
                                        "123456.789012345",
                                        "1.7976931348623157e308",
                                        "4.9e-324",
                                        "9007199254740993",
                                        "-2.5000000000000000001",
                                        "1e400",
                                        "0x1p3"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        csv_conf conf = {
            .path = scratch_path, .separator = ',', .header = CSV_HEADER_NO};
        double got = -1, want = strtod(texts[i], NULL);
        scratch_write("n.csv", texts[i]);
        csv *c = csv_open(&conf, NULL);
        CU_ASSERT_EQUAL(csv_row(c, &got, NULL), 1);
        CU_ASSERT_EQUAL(memcmp(&got, &want, sizeof(got)), 0);
        csv_close(c);
    }
}

/* More than one read and a record that straddles them. */
static void test_csv_large(void)
{
    enum { ROWS = 100000 };
    csv_conf conf = {.path = scratch_path, .separator = ','};
    double row[3], sum = 0;
    uint64_t line;
    int n = 0;
    FILE *f;

    scratch_write("l.csv", "");
    f = fopen(scratch_path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (int i = 0; i < ROWS; i++)
        fprintf(f, "%d,\"%d\",%s\n", i, -i, i % 50000 == 7 ? "?" : "1.25");
    fclose(f);
    csv *c = csv_open(&conf, NULL);
    while (csv_row(c, row, NULL) > 0) {
        CU_ASSERT(row[0] == n && row[1] == -n);
        sum += isnan(row[2]) ? 0 : row[2];
        n++;
    }
    CU_ASSERT_EQUAL(n, ROWS);
    CU_ASSERT_EQUAL(sum, 1.25 * (ROWS - 2));
    CU_ASSERT_EQUAL(csv_bad_fields(c, &line), 2);
    CU_ASSERT_EQUAL(line, 8);
    csv_close(c);
}

static void test_csv_endless_quote(void)
{
    csv_conf conf = {.path = scratch_path, .separator = ','};
    pe_error e = {0};
    double row[2];
    FILE *f;

    scratch_write("q.csv", "");
    f = fopen(scratch_path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("1,2\n\"", f);
    for (int i = 0; i < 20 << 10; i++)
        fprintf(f, "%01023d\n", 0);
    fclose(f);
    csv *c = csv_open(&conf, NULL);
    CU_ASSERT_EQUAL(csv_row(c, row, &e), 1);
    CU_ASSERT_EQUAL(csv_row(c, row, &e), -1);
    UNIT_CONTAINS(e.text, "q.csv:2: the record is longer than 16 MiB; is a "
                          "quote left open?");
    csv_close(c);
    unlink(scratch_path);
}

static void test_csv_follow(void)
{
    csv_conf conf = {.path = scratch_path, .separator = ',', .follow = true};
    pe_error e = {0};
    double row[2];

    scratch_write("f.csv", "");
    csv *c = csv_open(&conf, NULL);
    CU_ASSERT_EQUAL(csv_columns(c, &e), 0); /* not known yet */
    scratch_append("a,b\n1,");
    CU_ASSERT_EQUAL(csv_columns(c, &e), 2);
    CU_ASSERT_EQUAL(csv_row(c, row, &e), 0); /* its newline is not there */
    scratch_append("2");
    CU_ASSERT_EQUAL(csv_row(c, row, &e), 0);
    scratch_append("3\n4,5\n");
    CU_ASSERT_EQUAL(csv_row(c, row, &e), 1);
    CU_ASSERT_EQUAL(row[1], 23);
    CU_ASSERT_EQUAL(csv_row(c, row, &e), 1);
    CU_ASSERT_EQUAL(row[0], 4);
    CU_ASSERT_EQUAL(csv_row(c, row, &e), 0);
    CU_ASSERT_EQUAL(truncate(scratch_path, 3), 0);
    CU_ASSERT_EQUAL(csv_row(c, row, &e), -1);
    UNIT_CONTAINS(e.text, "f.csv became shorter while it was followed (3 "
                          "bytes, 13 were read); start a new run");
    csv_close(c);
}

int main(void)
{
    static const unit_test tests[] = {
        {"csv: table", test_csv_table},
        {"csv: header, separator, missing file", test_csv_modes},
        {"csv: numbers are those of strtod", test_csv_numbers},
        {"csv: a large file", test_csv_large},
        {"csv: a quote that never ends", test_csv_endless_quote},
        {"csv: a file that grows", test_csv_follow},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    rc = unit_main("csv", tests);
    scratch_remove();
    return rc;
}
