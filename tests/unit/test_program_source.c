/* test_program_source.c - programs as sources: arrays and lines. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "scratch.h"
#include "source_bench.h"
#include "src/block/npy.h"
#include "src/context/context.h"

static void begin(source_bench *b, const char *script, const char *format)
{
    char line[600];

    source_log[0] = '\0';
    source_init(b, "exec");
    snprintf(line, sizeof(line), "sh -c \"%s\"", script);
    source_set(b, "command", line);
    source_set(b, "folder", scratch_folder);
    source_set(b, "format", format);
    source_set(b, "most", "1MiB");
}

static void test_files(void)
{
    unsigned char bytes[NPY_HEADER_LEN + 8] = {0};

    npy_header(bytes, PE_F4, 1, 2);
    ((float *)(bytes + NPY_HEADER_LEN))[1] = 2;
    scratch_write_bytes("pair", bytes, sizeof(bytes));
    npy_header(bytes, PE_F8, 1 << 28, 1);
    scratch_write_bytes("huge", bytes, NPY_HEADER_LEN);
}

/* What a program prints, the rows that come of it, and the log. */
static void test_rows(void)
{
    static const struct {
        const char *script, *format, *rows, *said;
        uint64_t skipped, cells;
    } rows[] = {
        {"cat pair pair pair", "npy", "0 2;0 2;0 2;", "", 0, 0},
        {"dd if=pair bs=5 2>/dev/null", "npy", "0 2;", "", 0, 0},
        {"exit 0", "npy", "", "", 0, 0},
        {"test -e a && exec cat pair; touch a; cat pair; exit 1", "npy",
         "0 2;0 2;", "has its source started again: ", 0, 0},
        {"test -e b && exec cat pair; touch b; cat pair; head -c 130 pair; "
         "kill -9 $$",
         "npy", "0 2;0 2;",
         "was killed by signal 9 behind 130 of 136 bytes of an array", 1, 0},
        {"test -e c && exec cat pair; touch c; cat pair; echo hello", "npy",
         "0 2;0 2;", "no .npy array begins with 'hello?'", 1, 0},
        {"printf '1,2\\n3,4\\n'", "csv", "1 2;3 4;", "", 0, 0},
        {"printf 'a b\\n1  2\\n3 4'", "csv", "1 2;3 4;", "", 0, 0},
        {"for i in 1 2 3 4 5 6 7 8 9; do echo $i; done", "csv",
         "1;2;3;4;5;6;7;8;9;", "", 0, 0},
        {"printf '1;2\\n3\\n\\n5;x\\n;nan\\r\\n'", "csv", "1 2;5 nan;nan nan;",
         "line 2 has 1 field and not 2", 1, 1},
        {"test -e d && exit 0; touch d; printf '1,2\\n3,'; kill -9 $$", "csv",
         "1 2;", "line 2 was cut off by the end of the program", 1, 0},
        {"echo 1; head -c 1100000 /dev/zero | tr '\\0' 7; echo; echo 2", "csv",
         "1;2;", "line 2 is longer than 1048576 bytes", 1, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[1200];
        const context_skip_list *s;
        source_bench b;

        begin(&b, rows[i].script, rows[i].format);
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        source_read_all(&b, got, sizeof(got));
        UNIT_EQUAL(got, rows[i].rows);
        UNIT_CONTAINS(source_log, rows[i].said);
        s = context_skips(b.ctx);
        CU_ASSERT_EQUAL(s ? s->rows : 0, rows[i].skipped);
        CU_ASSERT_EQUAL(s ? s->cells : 0, rows[i].cells);
        source_end(&b);
    }
}

static void test_names(void)
{
    source_bench b;

    begin(&b, "printf 'temp\\twind speed\\n1\\t2\\n'", "csv");
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    UNIT_EQUAL(context_columns_get(b.ctx), "temp\twind speed");
    CU_ASSERT_EQUAL(source_next(&b), PE_NOTHING);
    source_end(&b);
}

/* Blocks are closed at their points, by the clock, and by a cancel. */
static void test_blocks(void)
{
    source_bench b;

    begin(&b, "for i in 1 2 3 4 5; do echo $i; done; exec sleep 1000", "csv");
    b.setup.within_s = 0.001;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 4);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 1);
    CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    source_end(&b);

    begin(&b, "echo 7; exec sleep 1000", "csv");
    b.setup.within_s = 1000;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    while (b.ops->produce_edge(b.ctx, &b.out) == PE_AGAIN)
        b.cancelled = context_read_get(b.ctx).rows == 0;
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), 7);
    source_end(&b);
}

static void test_useless(void)
{
    static const struct {
        const char *script, *format, *error;
    } rows[] = {
        {"cat huge", "npy", "an array of 2147483648 bytes, and all"},
        {"exit 3", "csv", "ended with status 3 (started 5 times"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char got[1200];
        source_bench b;

        begin(&b, rows[i].script, rows[i].format);
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        source_read_all(&b, got, sizeof(got));
        UNIT_CONTAINS(got, rows[i].error);
        CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_FATAL);
        source_end(&b);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"files for the programs", test_files},
        {"rows of what they print", test_rows},
        {"names of columns", test_names},
        {"when a block is full", test_blocks},
        {"one that is never of use", test_useless},
        {NULL, NULL},
    };

    signal(SIGPIPE, SIG_IGN);
    return source_main("program_source", tests);
}
