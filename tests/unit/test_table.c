/* test_table.c - rows of numbers out of text. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/clock.h"
#include "src/common/text.h"
#include "src/table/table.h"

/* What was skipped, as "[LINE nul]", "[LINE 3 fields]", ... */
static char skips[512];

static const table_wish comma = {.delimiter = ','};
static const table_wish no_header = {.delimiter = ',',
                                     .header = TABLE_HEADER_NO};

static void note_skip(void *arg, const table_skip *s)
{
    static const char *const words[] = {
        [TABLE_ROW_NUL] = "nul",        [TABLE_ROW_FIELDS] = "fields",
        [TABLE_ROW_QUOTE] = "quote",    [TABLE_ROW_LONG] = "long",
        [TABLE_FIELD_EMPTY] = "empty",  [TABLE_FIELD_TEXT] = "text",
        [TABLE_FIELD_MISSING] = "none", [TABLE_FIELD_RANGE] = "range",
    };
    size_t n = strlen(skips);

    (void)arg;
    if (n + 100 > sizeof(skips))
        return;
    n += (size_t)snprintf(skips + n, sizeof(skips) - n, "[%d ", (int)s->line);
    if (s->reason == TABLE_ROW_FIELDS)
        n += (size_t)snprintf(skips + n, sizeof(skips) - n, "%d ",
                              (int)s->fields);
    if (s->reason >= TABLE_FIELD_EMPTY)
        n += (size_t)snprintf(skips + n, sizeof(skips) - n, "%d '%s' ",
                              s->column, s->text);
    snprintf(skips + n, sizeof(skips) - n, "%s]", words[s->reason]);
}

/* Rows as text: fields by ',', rows by ';', rows that are skipped as "-;", then
 * what was; or the error without its folder.
 */
static void read_all(table_conf *conf, char *out, size_t cap)
{
    pe_error e = {0};
    skips[0] = '\0';
    conf->skip = note_skip;
    conf->wish = conf->wish ? conf->wish : &comma;
    table *c = table_open(conf, &e);
    int rc = c ? table_ready(c, &e) : -1;
    double row[16];
    size_t n = 0;
    int columns = rc > 0 ? (int)table_dialect_of(c)->n_features : 0;

    out[0] = '\0';
    while (rc > 0 && (rc = table_row(c, row, &e)) > 0) {
        for (int j = 0; rc == TABLE_ROW && j < columns; j++)
            n += (size_t)snprintf(out + n, cap - n, "%s%g", j ? "," : "",
                                  row[j]);
        n += (size_t)snprintf(out + n, cap - n, "%s;",
                              rc == TABLE_SKIPPED ? "-" : "");
    }
    n += (size_t)snprintf(out + n, cap - n, "%s", skips);
    if (rc < 0)
        snprintf(out + n, cap - n, "%s",
                 strrchr(e.text, '/') ? strrchr(e.text, '/') + 1 : e.text);
    table_close(c);
}

static void test_table_table(void)
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
        {"a number in the first row", "x,2\n1,2\n", "nan,2;1,2;[1 0 'x' text]"},
        {"blank lines", "\n1,2\n\n  \n3,4\n\n", "1,2;3,4;"},
        {"blanks around", " 1 ,\t2 \n", "1,2;"},
        {"quotes", "\"1\",\"2.5\"\n\" 3 \" , \"4\"\n", "1,2.5;3,4;"},
        {"a newline in quotes", "1,\"2\n\"\n3,4\n", "1,2;3,4;"},
        {"a separator in quotes", "1,\"2,x\"\n4,5\n",
         "1,nan;4,5;[1 1 '2,x' text]"},
        {"doubled quotes", "1,\"2\"\"\"\n3,4\n",
         "1,nan;3,4;[1 1 '2\"\"' text]"},
        {"text behind a quote", "1,\"2\"x\n3,4\n",
         "1,nan;3,4;[1 1 '\"2\"x' text]"},
        {"quote within a field", "1,2\"3\"\n4,5\n",
         "1,nan;4,5;[1 1 '2\"3\"' text]"},
        {"not numbers", "1,2\n,x\n1e,0x\n",
         "1;nan;nan;[2 0 '' empty][3 0 '1e' text]"},
        {"values that are none", "1,2\nNA,nan\n\"NAN\",null\nN/A,3\n",
         "1,2;nan,nan;nan,nan;nan,3;[2 0 'NA' none][2 1 'nan' none]"
         "[3 0 'NAN' none][3 1 'null' none][4 0 'N/A' none]"},
        {"a delimiter at the end", "a,b,\n1,2,\n3,4,\n", "1,2;3,4;"},
        {"comments", "# x\n1,2\n# y,z\n 3,4\n", "1,2;3,4;"},
        {"a quote in a field", "5\" pipe,1,2\n6\" pipe,3,4\n", "1,2;3,4;"},
        {"signs and powers", "-1.5,+2e3\n1E-2,.5\n-0.25,7.\n",
         "-1.5,2000;0.01,0.5;-0.25,7;"},
        {"not finite", "nan,inf\n-inf,1\n",
         "nan,inf;-inf,1;[1 0 'nan' none][1 1 'inf' range]"
         "[2 0 '-inf' range]"},
        {"beyond a double, and a float", "1,2\n1e400,-1e39\n",
         "1,2;inf,-1e+39;[2 0 '1e400' range][2 1 '-1e39' range]"},
        {"one column", "1\n2\n", "1;2;"},
        {"one row of nothing", "1,2\n,\n",
         "1,2;nan,nan;[2 0 '' empty][2 1 '' empty]"},
        {"too many", "1,2\n3,4,5\n6,7\n", "1,2;-;6,7;[2 3 fields]"},
        {"too few", "a,b\n\n1,2\n\n3\n4,5\n", "1,2;-;4,5;[5 1 fields]"},
        {"lines within quotes count", "\"a\n\",b\n1\n2,3\n",
         "-;2,3;[3 1 fields]"},
        {"quote left open", "1,2\n3,\"4\n5,6\n", "1,2;-;5,6;[2 quote]"},
        {"quote left open in the last line", "1,2\n3,\"4", "1,2;-;[2 quote]"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[512], want[512], line[600];
        table_conf conf = {.path = scratch_path};
        scratch_write("t.csv", rows[i].text);
        conf.path = scratch_path;
        read_all(&conf, got, sizeof(got));
        snprintf(line, sizeof(line), "%s: %s", rows[i].what, got);
        snprintf(want, sizeof(want), "%s: %s", rows[i].what, rows[i].want);
        UNIT_EQUAL(line, want);
    }
}

static void test_table_modes(void)
{
    static const table_wish yes = {.delimiter = ',',
                                   .header = TABLE_HEADER_YES};
    static const table_wish tab = {.delimiter = '\t'};
    char got[256];
    table_conf conf = {.path = scratch_path, .wish = &yes};

    scratch_write("t.csv", "1,2\n3,4\n");
    read_all(&conf, got, sizeof(got));
    UNIT_EQUAL(got, "3,4;");
    scratch_write("t.csv", "a,b\n3,4\n5,6\n");
    conf.wish = &no_header;
    read_all(&conf, got, sizeof(got));
    UNIT_EQUAL(got, "nan,nan;3,4;5,6;[1 0 'a' text][1 1 'b' text]");
    scratch_write("t.tsv", "a\tb\n3\t 4\n\t5\n");
    conf = (table_conf){.path = scratch_path, .wish = &tab};
    read_all(&conf, got, sizeof(got));
    UNIT_EQUAL(got, "3,4;nan,5;[3 0 '' empty]");
    conf.path = "/nowhere/x.csv";
    pe_error e = {0};
    CU_ASSERT_PTR_NULL(table_open(&conf, &e));
    UNIT_EQUAL(e.text,
               "/nowhere/x.csv cannot be opened: No such file or directory");
    table_close(NULL);
}

/* More than one read and a record that straddles them. */
static void test_table_large(void)
{
    enum { ROWS = 100000 };
    table_conf conf = {.path = scratch_path, .wish = &comma};
    double row[3], sum = 0;
    int n = 0;
    FILE *f;

    scratch_write("l.csv", "");
    f = fopen(scratch_path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (int i = 0; i < ROWS; i++)
        fprintf(f, "%d,\"%d\",%s\n", i, -i, i % 50000 == 7 ? "?" : "1.25");
    fclose(f);
    skips[0] = '\0';
    conf.skip = note_skip;
    table *c = table_open(&conf, NULL);
    while (table_row(c, row, NULL) > 0) {
        CU_ASSERT(row[0] == n && row[1] == -n);
        sum += isnan(row[2]) ? 0 : row[2];
        n++;
    }
    CU_ASSERT_EQUAL(n, ROWS);
    CU_ASSERT_EQUAL(sum, 1.25 * (ROWS - 2));
    UNIT_EQUAL(skips, "[8 2 '?' text][50008 2 '?' text]");
    table_close(c);
}

/* NULs are what a loss of power leaves in a log, also in front of a row. */
static void test_table_nul(void)
{
    static const char bytes[] = "\0\0\n1,2\n\0\0\0\0003,4\n5,6\n\0\0";
    table_conf conf = {.path = scratch_path};
    char got[256];

    scratch_write_bytes("n.csv", bytes, sizeof(bytes) - 1);
    conf.path = scratch_path;
    read_all(&conf, got, sizeof(got));
    UNIT_EQUAL(got, "-;1,2;-;5,6;-;[1 nul][3 nul][5 nul]");
}

/* A quote that nothing closes costs its line, not the file; and a record of
 * several lines is no longer than 64 KiB.
 */
static void test_table_endless_quote(void)
{
    enum { LINES = 200000 };
    table_conf conf = {.wish = &comma};
    int n = 0, rc;
    double row[2];
    FILE *f;

    scratch_write("q.csv", "");
    f = fopen(scratch_path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("1,2\n\"\n", f);
    for (int i = 0; i < LINES; i++)
        fprintf(f, "%d,1\n", i);
    fputs("3,\"4\n\"\n", f); /* two lines, but a whole row */
    fclose(f);
    skips[0] = '\0';
    conf.path = scratch_path;
    conf.skip = note_skip;
    table *c = table_open(&conf, NULL);
    CU_ASSERT_EQUAL(table_row(c, row, NULL), TABLE_ROW);
    CU_ASSERT_EQUAL(table_row(c, row, NULL), TABLE_SKIPPED);
    while ((rc = table_row(c, row, NULL)) == TABLE_ROW && n < LINES)
        CU_ASSERT_EQUAL(row[0], n++);
    CU_ASSERT_EQUAL(n, LINES);
    CU_ASSERT_EQUAL(row[1], 4);
    CU_ASSERT_EQUAL(table_row(c, row, NULL), TABLE_NONE);
    UNIT_EQUAL(skips, "[2 quote]");
    table_close(c);
    unlink(scratch_path);
}

/* No line of numbers is so long: it is passed over without being held. */
static void test_table_long(void)
{
    table_conf conf = {.wish = &comma};
    char got[256];
    FILE *f;

    for (int last = 0; last < 2; last++) {
        scratch_write("l.csv", "");
        f = fopen(scratch_path, "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fputs("1,2\n", f);
        for (int i = 0; i < 20 << 10; i++)
            fprintf(f, "%01024d", 0);
        fputs(last ? "" : "\n3,4\n", f);
        fclose(f);
        conf.path = scratch_path;
        read_all(&conf, got, sizeof(got));
        UNIT_EQUAL(got, last ? "1,2;-;[2 long]" : "1,2;-;3,4;[2 long]");
    }
    unlink(scratch_path);
}

static void test_table_follow(void)
{
    table_conf conf = {.path = scratch_path, .wish = &comma, .follow = true};
    pe_error e = {0};
    double row[2];

    scratch_write("f.csv", "");
    table *c = table_open(&conf, NULL);
    CU_ASSERT_EQUAL(table_ready(c, &e), 0); /* not known yet */
    scratch_append("a,b\n1,");
    CU_ASSERT_EQUAL(table_ready(c, &e), 0);
    CU_ASSERT_EQUAL(table_row(c, row, &e), 0); /* its newline is not there */
    scratch_append("2");
    CU_ASSERT_EQUAL(table_row(c, row, &e), 0);
    scratch_append("3\n4,5\n");
    CU_ASSERT_EQUAL(table_row(c, row, &e), 1);
    CU_ASSERT_EQUAL(row[1], 23);
    CU_ASSERT_EQUAL(table_row(c, row, &e), 1);
    CU_ASSERT_EQUAL(row[0], 4);
    CU_ASSERT_EQUAL(table_row(c, row, &e), 0);
    CU_ASSERT_EQUAL(table_renew(c, &e), 0); /* the same file */
    /* Copied and cut: from its start, behind a header again. */
    CU_ASSERT_EQUAL(truncate(scratch_path, 4), 0);
    CU_ASSERT_EQUAL(table_row(c, row, &e), 0);
    CU_ASSERT_EQUAL(table_renew(c, &e), 1);
    scratch_append("6,7\n");
    CU_ASSERT_EQUAL(table_row(c, row, &e), 1);
    CU_ASSERT_EQUAL(row[0], 6);
    table_close(c);
}

/* Wait until the file that was renamed is quiet. */
static int renews(table *c)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < 1000; i++) {
        rc = table_renew(c, NULL);
        if (rc == 0)
            clock_sleep_ns(10000000, 0);
    }
    return rc;
}

static void test_table_renamed(void)
{
    table_conf conf = {.path = scratch_path, .wish = &comma, .follow = true};
    char old[300], path[256], is[TABLE_IDENTITY_MAX], was[TABLE_IDENTITY_MAX];
    double row[2];
    FILE *f;

    scratch_write("r.csv", "a,b\n1,2\n");
    memcpy(path, scratch_path, sizeof(path));
    snprintf(old, sizeof(old), "%s.1", path);
    table *c = table_open(&conf, NULL);
    CU_ASSERT_EQUAL(table_row(c, row, NULL), 1);
    table_open_identity(c, was);
    CU_ASSERT_EQUAL(table_identity(path, is), 0);
    UNIT_EQUAL(is, was);
    CU_ASSERT_EQUAL(rename(path, old), 0);
    CU_ASSERT_EQUAL(table_renew(c, NULL), 0); /* nothing took its place */
    scratch_write("r.csv", "b,a\n7,8\n");
    f = fopen(old, "a"); /* who wrote has not noticed yet */
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("3,4\n5,6", f); /* ... and its last line has no end */
    fclose(f);
    CU_ASSERT_EQUAL(table_renew(c, NULL), 0); /* it is not quiet */
    CU_ASSERT_EQUAL(table_row(c, row, NULL), 1);
    CU_ASSERT_EQUAL(row[0], 3);
    CU_ASSERT_EQUAL(table_row(c, row, NULL), 0);
    for (int i = 0; i < 1000 && table_row(c, row, NULL) == 0; i++) {
        CU_ASSERT_EQUAL(table_renew(c, NULL), 0);
        clock_sleep_ns(10000000, 0);
    }
    CU_ASSERT_EQUAL(row[0], 5);
    CU_ASSERT_EQUAL(renews(c), 1);
    CU_ASSERT_EQUAL(table_row(c, row, NULL), 1);
    CU_ASSERT_EQUAL(row[0], 8); /* its columns are known by their names */
    table_open_identity(c, is);
    CU_ASSERT(strcmp(is, was) != 0);
    table_close(c);
    /* The old one is found by who it is. */
    conf.from = old;
    c = table_open(&conf, NULL);
    CU_ASSERT_EQUAL(table_row(c, row, NULL), 1);
    CU_ASSERT_EQUAL(row[0], 1);
    table_open_identity(c, is);
    UNIT_EQUAL(is, was);
    table_close(c);
    CU_ASSERT_EQUAL(table_identity("/nowhere/x", is), -1);
}

int main(void)
{
    static const unit_test tests[] = {
        {"table: table", test_table_table},
        {"table: header, separator, missing file", test_table_modes},
        {"table: a large file", test_table_large},
        {"table: NULs", test_table_nul},
        {"table: a quote that never ends", test_table_endless_quote},
        {"table: a line that never ends", test_table_long},
        {"table: a file that grows", test_table_follow},
        {"table: a file that is renamed", test_table_renamed},
        {NULL, NULL},
    };
    int rc;

    scratch_make();
    rc = unit_main("table", tests);
    scratch_remove();
    return rc;
}
