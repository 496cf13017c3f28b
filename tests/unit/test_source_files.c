/* test_source_files.c - the source that reads .npy, .csv and .tsv files. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "source_bench.h"
#include "src/block/npy.h"
#include "src/common/clock.h"
#include "src/file/file_facts.h"

/* First values and sources of the blocks: "SOURCE=V xPOINTS;". */
static void read_blocks(source_bench *b, char *out, size_t cap)
{
    size_t n = 0;
    int rc = 0;

    out[0] = '\0';
    while (n < cap && (rc = source_next(b)) == PE_FORWARD) {
        const char *name = strrchr(b->out.source, '/');
        n += (size_t)snprintf(out + n, cap - n, "%s=%g x%u;",
                              name ? name + 1 : b->out.source,
                              pe_block_at(&b->out, 0, 0), b->out.points);
    }
    if (rc < 0)
        snprintf(out + n, cap - n, "%s", context_error(b->ctx));
}

static void write_npy(const char *name, enum pe_dtype dtype, uint32_t rows)
{
    pe_block b = {0};
    size_t len;

    pe_block_reserve(&b, rows, 2, dtype, NULL);
    for (uint32_t i = 0; i < rows * 2; i++) {
        if (dtype == PE_F8)
            ((double *)b.data)[i] = i / 2.0;
        else
            ((float *)b.data)[i] = (float)i / 2.0f;
    }
    const void *frame = npy_frame(&b, &len);
    scratch_write_bytes(name, frame, len);
    pe_block_release(&b);
}

static void write_csv_rows(const char *name, int rows)
{
    scratch_write(name, "a,b\n");
    for (int i = 0; i < rows; i++) {
        char line[64];
        snprintf(line, sizeof(line), "%d,%d.5\n", i, i);
        scratch_append(line);
    }
}

/* [blocks] with [name] in place of each star. */
static void named(char *out, size_t cap, const char *blocks, const char *name)
{
    size_t at = 0;

    out[0] = '\0';
    for (; *blocks && at < cap; blocks++) {
        bool star = *blocks == '*';
        at += (size_t)snprintf(out + at, cap - at, "%.*s",
                               star ? (int)strlen(name) : 1,
                               star ? name : blocks);
    }
}

/* The same ten rows in each format, over one and over three devices, and from
 * a position.
 */
static void test_file_blocks(void)
{
    static const struct {
        int index, size;
        uint64_t position;
        const char *want;
    } rows[] = {
        {0, 1, 0, "*:0=0 x4;*:4=4 x4;*:8=8 x2;"},
        {0, 1, 2, "*:8=8 x2;"},
        {0, 1, 3, ""},
        {0, 3, 0, "*:0=0 x4;"},
        {1, 3, 0, "*:4=4 x4;"},
        {2, 3, 0, "*:8=8 x2;"},
        {0, 2, 0, "*:0=0 x4;*:8=8 x2;"},
        {0, 2, 1, "*:8=8 x2;"},
    };
    static const char *const names[] = {"d.npy", "s.npy", "t.csv"};

    write_npy(names[0], PE_F8, 10);
    write_npy(names[1], PE_F4, 10);
    write_csv_rows(names[2], 10);
    for (int k = 0; k < 6; k++) {
        const char *name = names[k / 2];
        char path[300];
        snprintf(path, sizeof(path), "%s/%s", scratch_folder, name);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            char got[256], want[256];
            source_bench b;
            source_init(&b, "file");
            source_set(&b, "path", path);
            b.setup.index = rows[i].index;
            b.setup.size = rows[i].size;
            b.setup.position = rows[i].position;
            b.setup.dtype = k % 2 ? PE_F4 : PE_F8;
            CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
            read_blocks(&b, got, sizeof(got));
            named(want, sizeof(want), rows[i].want, name);
            UNIT_EQUAL(got, want);
            CU_ASSERT(!want[0] || b.out.dtype == b.setup.dtype);
            source_end(&b);
        }
    }
}

/* What loggers write for no value: of columns that are learned from, and vary.
 */
static void test_file_mark(void)
{
    static const struct {
        file_fact columns[3];
        double mark;
        size_t first, n;
    } rows[] = {
        {{{.learned = true, .has_range = true, .least = 1, .most = 2}},
         0,
         0,
         0},
        {{{.learned = true, .has_range = true, .least = 1, .most = 2},
          {.learned = true, .has_range = true, .least = -7999, .most = 3},
          {.learned = true, .has_range = true, .least = -7999, .most = 4}},
         -7999,
         1,
         2},
        {{{.learned = false, .has_range = true, .least = -9999, .most = 2},
          {.learned = true, .has_range = false, .least = -9999, .most = 2},
          {.learned = true, .has_range = true, .least = -999, .most = -999}},
         0,
         0,
         0},
        {{{.learned = true, .has_range = true, .least = -999.25, .most = 2},
          {.learned = true, .has_range = true, .least = -998, .most = 2}},
         -999.25,
         0,
         1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        file_fact columns[3];
        const file_facts f = {.columns = columns, .n = 3};
        size_t first = 0, n = 9;

        memcpy(columns, rows[i].columns, sizeof(columns));
        CU_ASSERT_EQUAL(file_facts_mark(&f, &first, &n), rows[i].mark);
        CU_ASSERT_EQUAL(first, rows[i].first);
        CU_ASSERT_EQUAL(n, rows[i].n);
    }
}

static void test_file_errors(void)
{
    static const struct {
        const char *name, *text, *follow, *want;
    } rows[] = {
        {NULL, NULL, "no", "option path is not given"},
        {"x.h5", "", "no", "/x.h5 does not begin as a .h5 file does"},
        {".csv", "", "no", ""},
        {"gone.csv", NULL, "no", "/gone.csv cannot be opened: No such file"},
        {"gone.npy", NULL, "no", "/gone.npy cannot be opened: No such file"},
        {"bad.npy", "1,2\n", "no",
         "/bad.npy does not begin as a .npy file does"},
        {"d.npy", NULL, "yes", "/d.npy cannot be followed: the header"},
    };

    write_npy("d.npy", PE_F8, 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[300];
        source_bench b;
        source_init(&b, "file");
        if (rows[i].text)
            scratch_write(rows[i].name, rows[i].text);
        snprintf(path, sizeof(path), "%s/%s", scratch_folder,
                 rows[i].name ? rows[i].name : "");
        if (rows[i].name)
            source_set(&b, "path", path);
        source_set(&b, "follow", rows[i].follow);
        CU_ASSERT_EQUAL(source_open(&b), rows[i].want[0] ? -1 : 0);
        UNIT_CONTAINS(context_error(b.ctx), rows[i].want);
        source_end(&b);
    }
}

static void test_file_cut(void)
{
    source_bench b;

    write_npy("cut.npy", PE_F8, 10);
    CU_ASSERT_EQUAL(truncate(scratch_path, 200), 0);
    source_init(&b, "file");
    source_set(&b, "path", scratch_path);
    CU_ASSERT_EQUAL(source_open(&b), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "cut.npy has 200 bytes and its header promises 288; it is "
                  "not complete");
    source_end(&b);
}

static uint64_t skipped(const source_bench *b, const char *reason)
{
    const context_skip_list *s = context_skips(b->ctx);

    for (size_t i = 0; s && i < s->n; i++)
        if (!strcmp(s->by[i].reason, reason))
            return s->by[i].n;
    return 0;
}

/* Rows that cannot be taken and fields that are no numbers are counted by
 * reason, the first of each told with its place; they end nothing.
 */
static void test_file_bad_rows(void)
{
    char got[512];
    source_bench b;

    source_log[0] = '\0';
    scratch_write("b.csv", "a,b\n1,2\n3,?\n5,?\n7,8\n9,10,11\n,12\n\"13\n");
    source_init(&b, "file");
    source_set(&b, "path", scratch_path);
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT(isnan(pe_block_at(&b.out, 1, 1)));
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 3, 1), 8);
    CU_ASSERT_EQUAL(b.out.seq, 0);
    read_blocks(&b, got, sizeof(got));
    UNIT_EQUAL(got, "b.csv:5=nan x1;");
    CU_ASSERT_EQUAL(skipped(&b, "another number of fields"), 1);
    CU_ASSERT_EQUAL(skipped(&b, "a quote left open"), 1);
    CU_ASSERT_EQUAL(skipped(&b, "column b is no number"), 2);
    CU_ASSERT_EQUAL(skipped(&b, "column a is empty"), 1);
    CU_ASSERT_EQUAL(context_skips(b.ctx)->rows, 2);
    CU_ASSERT_EQUAL(context_skips(b.ctx)->cells, 3);
    source_end(&b);
    UNIT_CONTAINS(source_log, "b.csv: 2 columns of 2: a b\n");
    UNIT_CONTAINS(source_log, "b.csv:3: column b, '?', is not a number; it "
                              "becomes NaN\n");
    UNIT_CONTAINS(source_log,
                  "b.csv:6: the row has 3 fields, the others have 2; it is "
                  "left out\n");
    UNIT_CONTAINS(source_log, "b.csv: 2 rows were left out, 3 fields became "
                              "NaN or are masked\n");
    CU_ASSERT_PTR_NULL(strstr(source_log, "b.csv:4"));
}

/* A row that is left out keeps its number, so that positions are the same
 * whoever reads, also where nothing of a block is left.
 */
static void test_file_gap(void)
{
    char got[512];
    source_bench b;

    for (int index = 0; index < 2; index++) {
        scratch_write("gap.csv",
                      "0,0\n1\n2,0\n3,0\n4\n5,,\n6,,,\n7,,\n8,0\n"
                      "9,0\n10,0\n11,0\n12\n13,,\n14,,,\n15\n16,0\n");
        source_init(&b, "file");
        source_set(&b, "delimiter", ",");
        source_set(&b, "path", scratch_path);
        b.setup.index = index;
        b.setup.size = 2;
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        read_blocks(&b, got, sizeof(got));
        UNIT_EQUAL(got, index ? ""
                              : "gap.csv:0-0,2-3=0 x3;gap.csv:8=8 x4;"
                                "gap.csv:16=16 x1;");
        CU_ASSERT_EQUAL(b.out.seq, index ? 0 : 2);
        source_end(&b);
    }
}

/* Nothing to learn from is an error with its line and the fix. */
static void test_file_nothing(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", "e.csv: no row of it can be learned from: it has no lines"},
        {"a,b\n", "e.csv: no row of it can be learned from: it has no row "
                  "of numbers, a header at most"},
        {"a,b\nx,y\n", "e.csv: no row of it can be learned from: it has no "
                       "row of numbers, a header at most"},
        {"a,b\nx,NA\n",
         "e.csv: no row of it can be learned from: none of its "
         "2 columns holds numbers ('a' is text, 'b' is no value)"},
        {"1,75754\n2,5\n", "e.csv:2: '2,5' may be two columns, or one number "
                           "with a decimal comma: give delimiter: comma or "
                           "decimal: comma"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        source_bench b;
        int rc;
        scratch_write("e.csv", rows[i].text);
        source_init(&b, "file");
        source_set(&b, "path", scratch_path);
        rc = source_open(&b);
        while (rc >= 0 && (rc = source_next(&b)) == PE_FORWARD)
            ;
        CU_ASSERT_EQUAL(rc, -1);
        UNIT_CONTAINS(context_error(b.ctx), rows[i].want);
        source_end(&b);
    }
}

static void test_file_follow(void)
{
    source_bench b;

    scratch_write("g.csv", "0,0.5\n1,0.5\n2,0.5\n");
    source_init(&b, "file");
    source_set(&b, "path", scratch_path);
    source_set(&b, "follow", "true");
    source_set(&b, "delimiter", ",");
    b.setup.within_s = 3600;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    scratch_append("3,0.5\n4,0.5\n");
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 4);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), 0);
    CU_ASSERT_EQUAL(b.out.seq, 3); /* its last row */
    CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    scratch_append("5,0.5\n6,0.5\n7,0.5\n");
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), 4);
    UNIT_CONTAINS(b.out.source, "g.csv:4");
    atomic_store(&b.cancelled, 1);
    CU_ASSERT_EQUAL(b.ops->produce_edge(b.ctx, &b.out), PE_AGAIN);
    source_end(&b);
}

/* A block that is not full is sent after `within`, and the rest of it later;
 * a restart goes on behind its last row.
 */
static void test_file_within(void)
{
    source_bench b;

    scratch_write("w.csv", "0,0.5\n1,0.5\n2,0.5\n3,0.5\n4,0.5\n");
    source_init(&b, "file");
    source_set(&b, "path", scratch_path);
    source_set(&b, "follow", "true");
    source_set(&b, "delimiter", ",");
    b.setup.within_s = 0.01;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 4);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 1);
    CU_ASSERT_EQUAL(b.out.seq, 4);
    UNIT_CONTAINS(b.out.source, "w.csv:4");
    scratch_append("5,0.5\n6,0.5\n7,0.5\n8,0.5\n");
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 3); /* of the same block */
    CU_ASSERT_EQUAL(b.out.seq, 7);
    source_end(&b);
    source_init(&b, "file");
    source_set(&b, "path", scratch_path);
    source_set(&b, "follow", "true");
    source_set(&b, "delimiter", ",");
    b.setup.within_s = 0.01;
    b.setup.position = 5;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), 5);
    CU_ASSERT_EQUAL(b.out.points, 3);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), 8);
    source_end(&b);
}

/* --- a log that is rotated --- */

static char kept[256]; /* the shared state of one key */

static int host_put(void *arg, const char *key, const void *value, uint32_t len,
                    pe_error *errp)
{
    (void)arg;
    (void)errp;
    if (strcmp(key, "columns/sense/devices-0") == 0)
        return 0;
    UNIT_EQUAL(key, "follow/sense/devices-0");
    snprintf(kept, sizeof(kept), "%.*s", (int)len, (const char *)value);
    return 0;
}

static int host_get(void *arg, const char *key, void *value, uint32_t cap,
                    pe_error *errp)
{
    size_t n = strlen(kept);

    (void)arg;
    (void)errp;
    if (strcmp(key, "columns/sense/devices-0") == 0)
        return 0;
    UNIT_EQUAL(key, "follow/sense/devices-0");
    n = n < cap ? n : cap;
    memcpy(value, kept, n);
    return (int)n;
}

/* A followed source of path [name] from [position]; its blocks, until nothing
 * came for two seconds or [want] blocks did.
 */
static void follow(const char *name, uint64_t position, int want, char *got,
                   size_t cap)
{
    static const context_host host = {.put = host_put, .get = host_get};
    int64_t until = clock_mono_ns() + INT64_C(10000000000);
    char path[300];
    size_t n = 0;
    source_bench b;

    got[0] = '\0';
    snprintf(path, sizeof(path), "%s/%s", scratch_folder, name);
    source_init(&b, "file");
    source_set(&b, "path", path);
    source_set(&b, "follow", "true");
    source_set(&b, "delimiter", ",");
    b.setup.within_s = 0.01;
    b.setup.position = position;
    b.setup.host = &host;
    CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
    while (want > 0 && clock_mono_ns() < until) {
        if (b.ops->produce_edge(b.ctx, &b.out) != PE_FORWARD)
            continue;
        n += (size_t)snprintf(
            got + n, cap - n, "%s=%g x%u #%d;", strrchr(b.out.source, 47) + 1,
            pe_block_at(&b.out, 0, 0), b.out.points, (int)b.out.seq);
        want--;
    }
    source_end(&b);
}

static void rotate(const char *from, const char *to)
{
    char a[300], z[300];

    snprintf(a, sizeof(a), "%s/%s", scratch_folder, from);
    snprintf(z, sizeof(z), "%s/%s", scratch_folder, to);
    CU_ASSERT_EQUAL(to ? rename(a, z) : unlink(a), 0);
}

static void test_file_rotated(void)
{
    char got[512];

    source_log[0] = kept[0] = '\0';
    scratch_write("log.csv", "0,0.5\n1,0.5\n2,0.5\n");
    follow("log.csv", 0, 1, got, sizeof(got));
    UNIT_EQUAL(got, "log.csv:0=0 x3 #2;");
    /* It is renamed while nobody looks: first its rest, then the new one. */
    scratch_append("3,0.5\n");
    rotate("log.csv", "log.csv.1");
    scratch_write("log.csv", "10,0.5\n11,0.5\n");
    follow("log.csv", 3, 2, got, sizeof(got));
    UNIT_EQUAL(got, "log.csv:3=3 x1 #3;log.csv:0=10 x2 #5;");
    UNIT_CONTAINS(source_log, "log.csv: another file took its place or it was "
                              "cut; it is followed from its start, as row 4");
    /* A restart in the new file, and one behind what the old one had. */
    follow("log.csv", 5, 1, got, sizeof(got));
    UNIT_EQUAL(got, "log.csv:1=11 x1 #5;");
    follow("log.csv", 2, 3, got, sizeof(got));
    UNIT_EQUAL(got, "log.csv:2=2 x2 #3;log.csv:0=10 x2 #5;");
}

/* What is gone is said, and is not taken for the rows that are there. */
static void test_file_rotated_away(void)
{
    char got[512];

    source_log[0] = kept[0] = '\0';
    scratch_write("away.csv", "0,0.5\n1,0.5\n2,0.5\n");
    follow("away.csv", 0, 1, got, sizeof(got));
    scratch_write("other", ""); /* so that its inode is not used again */
    rotate("away.csv", "away.old");
    scratch_write("away.csv", "10,0.5\n11,0.5\n");
    rotate("away.old", NULL);
    follow("away.csv", 3, 1, got, sizeof(got));
    UNIT_EQUAL(got, "away.csv:0=10 x1 #3;");
    UNIT_CONTAINS(source_log, "away.csv: the file that was followed is gone; "
                              "what it held behind row 3 was not read");
}

int main(void)
{
    static const unit_test tests[] = {
        {"file: blocks, devices, positions", test_file_blocks},
        {"file: marks for no value", test_file_mark},
        {"file: errors", test_file_errors},
        {"file: a .npy that is cut", test_file_cut},
        {"file: bad fields and rows", test_file_bad_rows},
        {"file: rows that are left out", test_file_gap},
        {"file: nothing to learn from", test_file_nothing},
        {"file: follow", test_file_follow},
        {"file: a short block in time", test_file_within},
        {"file: a log that is rotated", test_file_rotated},
        {"file: a log that is rotated away", test_file_rotated_away},
        {NULL, NULL},
    };

    return source_main("source files", tests);
}
