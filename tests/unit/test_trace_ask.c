/* test_trace_ask.c - a trace out of an HDF5 file, said by a program that the
 * test puts in the place of ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "logs_case.h"
#include "src/common/text.h"

static char file[128]; /* that is asked for; nobody reads it */

/* From here on the program does [body]; $2 is what it is asked for, $D where
 * the streams are.
 */
static void put_program(const char *body)
{
    char path[128];
    FILE *f;

    snprintf(file, sizeof(file), "%s/x.h5", logs_folder);
    f = fopen(file, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fclose(f);
    snprintf(path, sizeof(path), "%s/pilot-hdf5", logs_folder);
    f = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fprintf(f, "#!/bin/sh\nD=%s\n%s\n", logs_folder, body);
    fclose(f);
    CU_ASSERT_EQUAL_FATAL(chmod(path, 0700), 0);
    setenv("PILOT_LIBEXEC", logs_folder, 1);
}

/* --- streams --- */

/* The stream [name], that has its head. */
static FILE *open_stream(const char *name)
{
    layout_head h = {.kind = "file", .run = "r7", .host = "far, near"};
    char path[128];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", logs_folder, name);
    f = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    layout_head_seal(&h);
    fwrite(&h, sizeof(h), 1, f);
    return f;
}

static void put_rows(FILE *f, uint16_t kind, const void *rows, uint32_t n)
{
    size_t row = layout_row(kind);
    layout_segment s = {.kind = kind,
                        .row = (uint16_t)row,
                        .n = n,
                        .bytes = (uint32_t)(row * n),
                        .nameless = 2};

    layout_segment_seal(&s, rows);
    fwrite(&s, sizeof(s), 1, f);
    fwrite(rows, row, n, f);
}

/* Two devices, two processes, five blocks, and no row of other kinds. */
static void put_streams(void)
{
    static const char names[] = "\0\0\0\0\1\0\0\0a\1\0\0\0\1\0\0\0b";
    static const layout_process p[] = {
        {.member = "pool",
         .kind = "pool",
         .host = "h",
         .ended = 1,
         .dropped = 3,
         .bound_ns = -1},
        {.member = "devices", .kind = "edge", .lost = 4, .torn_bytes = 5}};
    static const char *const others[] = {"commits", "ranks", "models",
                                         "clocks"};
    layout_segment s = {.kind = LAYOUT_NAMES, .bytes = sizeof(names) - 1};
    trace_block b = {.points = 10, .flags = TRACE_HAS_SEQ};
    FILE *f = open_stream("facts");

    layout_segment_seal(&s, names);
    fwrite(&s, sizeof(s), 1, f);
    fwrite(names, 1, sizeof(names) - 1, f);
    put_rows(f, LAYOUT_PROCESS, p, 2);
    fclose(f);
    f = open_stream("blocks");
    for (uint32_t i = 0; i < 5; i++) { /* of segments of one row each */
        b.device = i / 3;
        b.seq = i;
        put_rows(f, LAYOUT_BLOCK, &b, 1);
    }
    fclose(f);
    for (int i = 0; i < 4; i++)
        fclose(open_stream(others[i]));
}

static trace *open_file(void)
{
    pe_error e = {0};
    trace *t = trace_open(file, &e);

    UNIT_EQUAL(e.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    return t;
}

/* --- a program that fails --- */

static void test_refused(void)
{
    static const struct {
        const char *body, *words;
    } rows[] = {
        {"echo 'pilot-hdf5: x.h5 is no HDF5' >&2; exit 65", "x.h5 is no HDF5"},
        {"echo 'other words' >&2; exit 1", "other words"},
        {"printf 'one\\ntwo\\n' >&2; exit 1", "one"},
        {"exit 3", "/x.h5 cannot be read: pilot-hdf5 ended with status 3"},
        {"kill -9 $$",
         "/x.h5 cannot be read: pilot-hdf5 was killed by signal 9"},
        {"exit 0", "/x.h5: pilot-hdf5 does not say what is in it"},
        {"printf PETRACE", "/x.h5: pilot-hdf5 does not say what is in it"},
        {"echo some words that are no log",
         "/x.h5: pilot-hdf5 does not say what is in it"},
        {"head -c 4000 /dev/zero",
         "/x.h5: pilot-hdf5 does not say what is in it"},
        {"cat \"$D/facts\"; echo 'it broke' >&2; exit 74", "it broke"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_error e = {0};

        logs_begin();
        put_streams();
        put_program(rows[i].body);
        CU_ASSERT_PTR_NULL(trace_open(file, &e));
        if (*rows[i].words == '/')
            UNIT_CONTAINS(e.text, rows[i].words);
        else
            UNIT_EQUAL(e.text, rows[i].words);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_DATA);
    }
}

/* --- one that does as it should --- */

static void test_read(void)
{
    trace_block b = {0};
    trace_facts x;
    trace *t;

    logs_begin();
    put_streams();
    put_program("exec cat \"$D/$2\"");
    t = open_file();
    x = trace_facts_get(t);
    CU_ASSERT_TRUE(x.folded);
    UNIT_EQUAL(x.run, "r7");
    UNIT_EQUAL(x.missing, "far, near");
    CU_ASSERT_EQUAL(x.processes, 2);
    CU_ASSERT_EQUAL(x.unended, 1);
    CU_ASSERT_EQUAL(x.dropped, 3);
    CU_ASSERT_EQUAL(x.lost, 4);
    CU_ASSERT_EQUAL(x.torn_bytes, 5);
    CU_ASSERT_EQUAL(x.nameless, 2);
    UNIT_EQUAL(trace_process_at(t, 0)->host, "h");
    CU_ASSERT_EQUAL(trace_process_at(t, 0)->bound_ns, -1);
    UNIT_EQUAL(trace_process_at(t, 1)->member, "devices");
    CU_ASSERT_PTR_NULL(trace_process_at(t, 2));
    CU_ASSERT_EQUAL(trace_devices(t), 2);
    for (uint64_t i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL_FATAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
        CU_ASSERT_EQUAL(b.seq, i);
        UNIT_EQUAL(trace_device(t, b.device), i < 3 ? "a" : "b");
    }
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 0);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_COMMITS), 0);
    /* Again; and left in the midst of it. */
    CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), 5);
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_CLOCKS), 0);
    CU_ASSERT_EQUAL(trace_next(t, TRACE_BLOCKS, &b, NULL), 1);
    CU_ASSERT_EQUAL(b.seq, 0);
    trace_close(t);
}

/* It breaks in the midst of rows: those before are there, and it is said. */
static void test_breaks(void)
{
    trace_block b = {0};
    pe_error e = {0};
    trace *t;

    logs_begin();
    put_streams();
    put_program("[ \"$2\" = facts ] && exec cat \"$D/$2\"\n"
                "head -c 1500 \"$D/$2\"; echo 'pilot-hdf5: no more' >&2\n"
                "exit 74");
    t = open_file();
    for (int again = 0; again < 2; again++) {
        int rc, n = 0;

        while ((rc = trace_next(t, TRACE_BLOCKS, &b, &e)) > 0)
            n++;
        CU_ASSERT_EQUAL(rc, -1);
        UNIT_EQUAL(e.text, "no more");
        CU_ASSERT_EQUAL(n, (int)((1500 - sizeof(layout_head)) /
                                 (sizeof(layout_segment) + sizeof(b))));
        CU_ASSERT_TRUE(n > 0);
    }
    trace_close(t);
}

/* More words than a pipe has room for, before, among and behind the rows, stop
 * neither side; of one that fails the first of them count, when they come late,
 * too.
 */
#define LOUD(n) "head -c " #n " /dev/zero | tr '\\0' 'w' >&2"

static void test_loud(void)
{
    static const char *const bodies[] = {
        LOUD(300000) "; exec cat \"$D/$2\"",
        "head -c 2000 \"$D/$2\"; " LOUD(300000) "\ntail -c +2001 \"$D/$2\"",
        "cat \"$D/$2\"; " LOUD(300000),
        "cat \"$D/$2\"; exec >&-; " LOUD(300000),
    };
    trace *t;

    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        logs_begin();
        put_streams();
        put_program(bodies[i]);
        t = open_file();
        CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), 5);
        CU_ASSERT_EQUAL(logs_count(t, TRACE_CLOCKS), 0);
        trace_close(t);
    }
}

static void test_loud_failure(void)
{
    static const struct {
        const char *body, *words;
    } rows[] = {
        {"echo 'pilot-hdf5: the first' >&2; " LOUD(300000) "; exit 1",
         "the first"},
        {"cat \"$D/facts\"; echo 'the first' >&2; " LOUD(300000) "; exit 1",
         "the first"},
        /* its output has ended, and its words are to come */
        {"exec >&-; sleep 0.2; echo 'late' >&2; exit 1", "late"},
        {"cat \"$D/facts\"; exec >&-; sleep 0.2; echo 'late' >&2; exit 1",
         "late"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pe_error e = {0};

        logs_begin();
        put_streams();
        put_program(rows[i].body);
        CU_ASSERT_PTR_NULL(trace_open(file, &e));
        UNIT_EQUAL(e.text, rows[i].words);
    }
}

/* Output that is no trace, and has no end. */
static void test_endless(void)
{
    pe_error e = {0};

    logs_begin();
    put_streams();
    put_program("exec cat /dev/zero");
    CU_ASSERT_PTR_NULL(trace_open(file, &e));
    UNIT_CONTAINS(e.text, "/x.h5: pilot-hdf5 does not say what is in it");
}

/* The folder of a run that has no logs any more has such a file. */
static void test_folder(void)
{
    char path[128];
    trace *t;

    logs_begin();
    put_streams();
    put_program("[ \"$3\" = \"$D/trace.h5\" ] && exec cat \"$D/$2\"\nexit 1");
    snprintf(path, sizeof(path), "%s/trace.h5", logs_folder);
    CU_ASSERT_EQUAL_FATAL(rename(file, path), 0);
    t = logs_trace();
    CU_ASSERT_TRUE(trace_facts_get(t).folded);
    CU_ASSERT_EQUAL(logs_count(t, TRACE_BLOCKS), 5);
    trace_close(t);
    /* Logs are newer than what was once made of them. */
    trace_log_close(logs_open("pool", "pool", 0, "r1"));
    t = logs_trace();
    CU_ASSERT_FALSE(trace_facts_get(t).folded);
    UNIT_EQUAL(trace_facts_get(t).run, "r1");
    trace_close(t);
}

int main(void)
{
    static const unit_test tests[] = {
        {"a program that fails", test_refused},
        {"read", test_read},
        {"breaks", test_breaks},
        {"more words than a pipe has room for", test_loud},
        {"such words of one that fails", test_loud_failure},
        {"output without an end", test_endless},
        {"a folder", test_folder},
        {0},
    };

    return logs_main("trace_ask", tests);
}
