/* test_source_text.c - text files as a source: many, followed, gone on with. */
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scratch.h"
#include "source_bench.h"
#include "src/common/clock.h"
#include "src/common/file.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static char at[400]; /* the path of the last at_scratch */

static const char *at_scratch(const char *name)
{
    snprintf(at, sizeof(at), "%s/%s", scratch_folder, name);
    return at;
}

static void put(const char *name, const char *text)
{
    CU_ASSERT_EQUAL(
        file_write(at_scratch(name), text, strlen(text), 0600, NULL), 0);
}

/* Files of a folder begin anew. */
static void folder(const char *name)
{
    char path[400];

    snprintf(path, sizeof(path), "%s", at_scratch(name));
    file_remove_tree(path, NULL);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
}

/* --- the shared state of a run --- */

static struct {
    char key[64], value[256];
} kept[4];

static int host_put(void *arg, const char *key, const void *value, uint32_t len,
                    pe_error *errp)
{
    size_t i = 0;

    (void)arg;
    (void)errp;
    while (i < COUNT(kept) && *kept[i].key && strcmp(kept[i].key, key) != 0)
        i++;
    CU_ASSERT_FATAL(i < COUNT(kept));
    snprintf(kept[i].key, sizeof(kept[i].key), "%s", key);
    snprintf(kept[i].value, sizeof(kept[i].value), "%.*s", (int)len,
             (const char *)value);
    return 0;
}

static int host_get(void *arg, const char *key, void *value, uint32_t cap,
                    pe_error *errp)
{
    (void)arg;
    (void)errp;
    for (size_t i = 0; i < COUNT(kept); i++)
        if (!strcmp(kept[i].key, key)) {
            size_t n = strlen(kept[i].value);
            memcpy(value, kept[i].value, n < cap ? n : cap);
            return (int)n;
        }
    return 0;
}

static const context_host host = {.put = host_put, .get = host_get};

static void forget(void)
{
    memset(kept, 0, sizeof(kept));
    source_log[0] = '\0';
}

/* --- reading --- */

static int begin(source_bench *b, const char *name, uint64_t position)
{
    source_init(b, "file");
    source_set(b, "path", at_scratch(name));
    b->setup.position = position;
    b->setup.host = &host;
    return source_open(b);
}

/* Blocks as "FILE:ROW=V xPOINTS #SEQ;", at most [want], or the error. */
static void give(source_bench *b, int want, char *out, size_t cap)
{
    int64_t until = clock_mono_ns() + 10 * CLOCK_S;
    size_t n = 0;
    int rc = PE_AGAIN;

    out[0] = '\0';
    while (want > 0 && rc > 0 && n + 60 < cap && clock_mono_ns() < until) {
        rc = b->ops->produce_edge(b->ctx, &b->out);
        if (rc != PE_FORWARD)
            continue;
        n += (size_t)snprintf(
            out + n, cap - n, "%s=%g x%u #%d;", strrchr(b->out.source, '/') + 1,
            pe_block_at(&b->out, 0, 0), b->out.points, (int)b->out.seq);
        want--;
    }
    if (rc < 0)
        snprintf(out + n, cap - n, "%s", context_error(b->ctx));
}

/* All that source [name] gives from [position], or the error of its open. */
static void read_all(const char *name, uint64_t position, char *out, size_t cap)
{
    source_bench b;

    if (begin(&b, name, position) < 0)
        snprintf(out, cap, "%s", context_error(b.ctx));
    else
        give(&b, 1000, out, cap);
    source_end(&b);
}

/* --- several files --- */

static void test_text_folder(void)
{
    static const struct {
        const char *name;
        uint64_t position;
        const char *want;
    } rows[] = {
        {"d", 0,
         "m2.csv:0=1 x4 #0;m2.csv:4=5 x1 #1;m9.csv:0=6 x1 #2;m10.csv:0=8 x2 "
         "#3;"},
        {"d/m*.csv", 2, "m9.csv:0=6 x1 #2;m10.csv:0=8 x2 #3;"},
        {"d/m[29].csv", 1, "m2.csv:4=5 x1 #1;m9.csv:0=6 x1 #2;"},
        {"d/x*", 0, "/d/x* is a pattern that no file fits"},
        {"e", 0, "/e is a folder without files"},
        {"d/m9.csv", 0, "m9.csv:0=6 x1 #0;"},
    };
    char got[512];

    folder("e");
    folder("d");
    put("d/m2.csv", "a,b\n1,0\n2,0\n3,0\n4,0\n5,0\n");
    put("d/m10.csv", "b,a\n0,8\n0,9\n"); /* other columns, and last */
    put("d/m9.csv", "a,b\n6,0\n");
    put("d/m3.csv", "a,b\n"); /* nothing but a header */
    put("d/m4.csv", "");
    put("d/.hidden", "x");
    CU_ASSERT_EQUAL(mkdir(at_scratch("d/sub"), 0700), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        forget();
        /* a run that has read some before */
        if (rows[i].position > 0)
            read_all(rows[i].name, 0, got, sizeof(got));
        read_all(rows[i].name, rows[i].position, got, sizeof(got));
        UNIT_CONTAINS(got, rows[i].want);
        if (i == 0) {
            UNIT_EQUAL(got, rows[i].want);
            UNIT_CONTAINS(source_log, "2 of its files have no rows");
        }
    }
    put("d/m9.csv", "a,c\n6,0\n");
    read_all("d", 0, got, sizeof(got));
    UNIT_CONTAINS(got, "m9.csv has no column 'b', which ");
}

/* Ten thousand files of one row each: every one, each a block. */
static void test_text_many(void)
{
    enum { FILES = 10000 };
    source_bench b;
    double sum = 0;
    int n = 0;

    forget();
    folder("many");
    for (int i = 0; i < FILES; i++) {
        char name[32], row[32];
        snprintf(name, sizeof(name), "many/f%d", i);
        snprintf(row, sizeof(row), "v,w\n%d,1\n", i);
        FILE *f = fopen(at_scratch(name), "w");
        CU_ASSERT_PTR_NOT_NULL_FATAL(f);
        fputs(row, f);
        fclose(f);
    }
    CU_ASSERT_EQUAL_FATAL(begin(&b, "many", 0), 0);
    while (source_next(&b) == PE_FORWARD) {
        CU_ASSERT_EQUAL(pe_block_at(&b.out, 0, 0), n); /* by their numbers */
        sum += pe_block_at(&b.out, 0, 0);
        n++;
    }
    CU_ASSERT_EQUAL(n, FILES);
    CU_ASSERT_EQUAL(sum, FILES / 2.0 * (FILES - 1));
    source_end(&b);
    folder("many");
}

/* --- the clock, and rows that are bad --- */

static void test_text_clock(void)
{
    source_bench b;

    forget();
    put("c.csv", "time,v\n2026-11-29T08:15:00Z,1\n2026-11-29T08:15:01Z,2\n"
                 "2026-11-29T08:15:02Z,3\n2026-11-29T08:15:03Z,4\n"
                 "2026-11-29T08:15:04Z,5\nnever,6\n");
    CU_ASSERT_EQUAL_FATAL(begin(&b, "c.csv", 0), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.features, 1);
    CU_ASSERT_EQUAL(b.out.sense_ns, 1795940103 * CLOCK_S); /* of its last */
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.sense_ns, 1795940104 * CLOCK_S);
    UNIT_CONTAINS(source_log, "c.csv: the clock, column time, of row 5 is no "
                              "time; that of the row before is taken");
    source_end(&b);
}

/* Times of the rows of the block at hand, less [from] and in seconds. */
static void show_times(const source_bench *b, int64_t from, char out[128])
{
    uint32_t n;
    const int64_t *ns = context_times_get(b->ctx, &n);
    size_t len = 0;

    out[0] = '\0';
    for (uint32_t i = 0; ns && i < n; i++)
        len += (size_t)snprintf(out + len, 128 - len, "%s%g", i ? " " : "",
                                ns[i] ? (double)(ns[i] - from) / CLOCK_S : -1);
}

/* Every row has its own time, whoever reads it. */
static void test_text_times(void)
{
    static const struct {
        const char *text;
        int index, size; /* of the devices */
        const char *times[3];
    } rows[] = {
        {"t,v\n100,1\n101,2\n103,3\n103.5,4\n90,5\n",
         0,
         1,
         {"0 1 3 3.5", "-10"}},
        {"t,v\n100,1\n101,2\n103,3\n104,4\n90,5\n91,6\n", 1, 2, {"-10 -9"}},
        /* Rows that are left out take no time with them. */
        {"t,v\n100,1\n101,2,9\n103,3\n104,4\n105,5\n", 0, 1, {"0 3 4", "5"}},
        /* A clock that is none: as the row before, also of another block. */
        {"t,v\n100,1\n101,2\nx,3\n104,4\nx,5\n", 0, 1, {"0 1 1 4", "4"}},
        /* Before there was any it is not known. */
        {"t,v\nx,1\nNA,2\n103,3\n104,4\n105,5\n", 0, 1, {"-1 -1 3 4", "5"}},
        {"a,v\n1,1\n2,2\n3,3\n4,4\n5,5\n", 0, 1, {"", ""}},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        char got[128];
        source_bench b;
        int n = 0;

        forget();
        put("t.csv", rows[i].text);
        source_init(&b, "file");
        source_set(&b, "path", at_scratch("t.csv"));
        if (rows[i].text[0] == 't')
            source_set(&b, "format", "s");
        b.setup.index = rows[i].index;
        b.setup.size = rows[i].size;
        if (rows[i].text[0] == 't')
            source_set(&b, "time", "t");
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        for (; source_next(&b) == PE_FORWARD; n++) {
            show_times(&b, 100 * CLOCK_S, got);
            UNIT_EQUAL(got, rows[i].times[n] ? rows[i].times[n] : "no block");
        }
        CU_ASSERT(n == 3 || rows[i].times[n] == NULL);
        source_end(&b);
    }
}

/* What columns are called goes with them. */
static void test_text_names(void)
{
    static const struct {
        const char *text, *option, *value, *names;
    } rows[] = {
        {"temp,hum\n1,2\n", NULL, NULL, "temp\thum"},
        {"temp,state,hum\n1,ok,2\n3,bad,4\n", NULL, NULL, "temp\thum"},
        {"temp,hum,wind\n1,2,3\n", "columns", "wind,temp", "wind\ttemp"},
        {"time,a\n2026-11-29 08:15:00,1\n", NULL, NULL, "a"},
        {"1,2,3\n4,5,6\n", NULL, NULL, NULL},
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        source_bench b;

        forget();
        put("n.csv", rows[i].text);
        source_init(&b, "file");
        source_set(&b, "path", at_scratch("n.csv"));
        if (rows[i].option)
            source_set(&b, rows[i].option, rows[i].value);
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
        if (rows[i].names)
            UNIT_EQUAL(context_columns_get(b.ctx), rows[i].names);
        else
            CU_ASSERT_PTR_NULL(context_columns_get(b.ctx));
        source_end(&b);
    }
}

static void test_text_stop(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"a,b\n1,2\n3\n4,5\n", "s.csv:3: the row has 1 field, the others have "
                               "2; it is left out (bad: stop)"},
        {"a,b\n1,2\n3,4\n5,x\n", "s.csv:4: column b, 'x', is not a number; it "
                                 "becomes NaN (bad: stop)"},
        {"a,b\n1,2\n3,\n5,NA\n", "s.csv:0=1 x3 #0;"}, /* no faults */
    };
    char got[512];

    for (size_t i = 0; i < COUNT(rows); i++) {
        source_bench b;
        forget();
        put("s.csv", rows[i].text);
        source_init(&b, "file");
        source_set(&b, "path", at_scratch("s.csv"));
        source_set(&b, "bad", "stop");
        CU_ASSERT_EQUAL_FATAL(source_open(&b), 0);
        give(&b, 9, got, sizeof(got));
        UNIT_CONTAINS(got, rows[i].want);
        source_end(&b);
    }
}

/* --- a run that goes on --- */

static void test_text_again(void)
{
    static const struct {
        const char *what, *name, *text; /* written in between; NULL: removed */
        const char *path, *want, *said;
    } rows[] = {
        {"the same", NULL, NULL, "r", "a.csv:4=5 x1 #1;b.csv:0=6 x1 #2;", ""},
        {"grown", "r/b.csv", "a,b\n6,0\n7,0\n", "r",
         "a.csv:4=5 x1 #1;b.csv:0=6 x2 #2;",
         "b.csv has grown by 4 bytes since this run began, which are read, "
         "too"},
        {"one more behind", "r/c.csv", "a,b\n8,0\n", "r",
         "a.csv:4=5 x1 #1;b.csv:0=6 x1 #2;c.csv:0=8 x1 #3;",
         "1 file has come since this run began"},
        {"one more in front", "r/A.csv", "a,b\n8,0\n", "r",
         "other files are in it, or in front, than when this run began, and "
         "blocks of it were learned from: put it back as it was, or begin "
         "another run",
         ""},
        {"another first row", "r/a.csv", "a,b\n9,0\n2,0\n3,0\n4,0\n5,0\n", "r",
         "than when this run began", ""},
        {"shorter", "r/b.csv", "a,b\n", "r", "it is shorter than when this run",
         ""},
        {"gone", "r/b.csv", NULL, "r", "files of it are gone since this run",
         ""},
        {"alone, another", "r/a.csv", "a,b\n9,0\n2,0\n3,0\n4,0\n5,0\n",
         "r/a.csv", "it begins otherwise than when this run began", ""},
        {"alone, more of it", "r/a.csv", "a,b\n1,0\n2,0\n3,0\n4,0\n5,0\n6,0\n",
         "r/a.csv", "a.csv:4=5 x2 #1;", "has grown by 4 bytes"},
    };
    char got[700];

    for (size_t i = 0; i < COUNT(rows); i++) {
        forget();
        folder("r");
        put("r/a.csv", "a,b\n1,0\n2,0\n3,0\n4,0\n5,0\n");
        put("r/b.csv", "a,b\n6,0\n");
        read_all(rows[i].path, 0, got, sizeof(got));
        if (rows[i].text)
            put(rows[i].name, rows[i].text);
        else if (rows[i].name)
            unlink(at_scratch(rows[i].name));
        read_all(rows[i].path, 1, got, sizeof(got));
        UNIT_CONTAINS(got, rows[i].want);
        UNIT_CONTAINS(source_log, rows[i].said);
    }
}

/* --- files that are followed --- */

static void follow(source_bench *b, const char *name, uint64_t position)
{
    source_init(b, "file");
    source_set(b, "path", at_scratch(name));
    source_set(b, "follow", "true");
    b->setup.within_s = 0.01;
    b->setup.position = position;
    b->setup.host = &host;
    CU_ASSERT_EQUAL_FATAL(source_open(b), 0);
}

/* In place, as `cp /dev/null` does. */
static void write_over(const char *name, const char *text)
{
    FILE *f = fopen(at_scratch(name), "r+");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(ftruncate(fileno(f), 0), 0);
    fputs(text, f);
    fclose(f);
}

/* Cut, and longer again before anybody looks. */
static void test_text_cut(void)
{
    source_bench b;
    char got[512];

    forget();
    put("log", "a,b\n1,0\n2,0\n");
    follow(&b, "log", 0);
    give(&b, 1, got, sizeof(got));
    UNIT_EQUAL(got, "log:0=1 x2 #1;");
    write_over("log", "a,b\n11,0\n12,0\n13,0\n14,0\n");
    give(&b, 1, got, sizeof(got));
    UNIT_EQUAL(got, "log:0=11 x2 #3;");
    give(&b, 1, got, sizeof(got));
    UNIT_EQUAL(got, "log:2=13 x2 #5;");
    UNIT_CONTAINS(source_log, "log: another file took its place or it was cut; "
                              "it is followed from its start, as row 2");
    source_end(&b);
    /* And while the device is away. */
    write_over("log", "a,b\n21,0\n22,0\n23,0\n24,0\n25,0\n26,0\n27,0\n");
    source_log[0] = '\0';
    follow(&b, "log", 6);
    give(&b, 1, got, sizeof(got));
    UNIT_EQUAL(got, "log:0=21 x2 #7;");
    UNIT_CONTAINS(source_log, "log: the file that was followed was cut, or "
                              "written anew; what it held behind row 6 was not "
                              "read");
    source_end(&b);
    /* What has grown only is the same. */
    follow(&b, "log", 8);
    give(&b, 1, got, sizeof(got));
    UNIT_EQUAL(got, "log:2=23 x4 #11;");
    source_end(&b);
}

/* A logger that begins a file a day. */
static void test_text_days(void)
{
    source_bench b;
    char got[512];

    forget();
    folder("days");
    put("days/1.csv", "a,b\n1,0\n2,0\n");
    follow(&b, "days", 0);
    give(&b, 1, got, sizeof(got));
    UNIT_EQUAL(got, "1.csv:0=1 x2 #1;");
    put("days/2.csv", "b,a\n0,3\n");
    give(&b, 1, got, sizeof(got));
    UNIT_EQUAL(got, "2.csv:0=3 x1 #2;");
    UNIT_CONTAINS(source_log, "2.csv: it came behind the one before; it is "
                              "followed from its start, as row 2");
    source_end(&b);
    /* A restart goes on in it, and does not begin with the first day. */
    follow(&b, "days", 3);
    FILE *f = fopen(at_scratch("days/2.csv"), "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("0,4\n", f);
    fclose(f);
    give(&b, 1, got, sizeof(got));
    UNIT_EQUAL(got, "2.csv:1=4 x1 #3;");
    source_end(&b);
    /* One that was committed less far reads the end of the day before. */
    follow(&b, "days", 1);
    give(&b, 2, got, sizeof(got));
    UNIT_EQUAL(got, "1.csv:1=2 x1 #1;2.csv:0=3 x2 #3;");
    source_end(&b);
}

/* --- a pipe --- */

static void *write_pipe(void *arg)
{
    FILE *f = fopen(arg, "w");

    for (int i = 0; f && i < 5; i++)
        fprintf(f, "%d.5,1\n", i);
    if (f)
        fclose(f);
    return NULL;
}

/* Nobody looks into it but who reads it, and only once. */
static void test_text_pipe(void)
{
    char path[400], got[128];
    pthread_t writer;
    source_bench b;

    forget();
    snprintf(path, sizeof(path), "%s", at_scratch("pipe"));
    CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&writer, NULL, write_pipe, path), 0);
    CU_ASSERT_EQUAL(begin(&b, "pipe", 0), 0);
    function *f = function_load("file", NULL, NULL);
    CU_ASSERT_FALSE(function_rereadable(f, b.options));
    source_set(&b, "path", scratch_folder);
    CU_ASSERT_TRUE(function_rereadable(f, b.options));
    function_unload(f);
    give(&b, 9, got, sizeof(got));
    UNIT_EQUAL(got, "pipe:0=0.5 x4 #0;pipe:4=4.5 x1 #1;");
    source_end(&b);
    pthread_join(writer, NULL);
    unlink(path);
}

/* --- lines of a megabyte --- */

static void test_text_wide(void)
{
    enum { COLUMNS = 10000, FIELDS = 100000 };
    source_bench b;
    FILE *f;

    forget();
    put("wide.csv", "");
    f = fopen(at_scratch("wide.csv"), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (int row = 0; row < 3; row++)
        for (int j = 0; j < COLUMNS; j++)
            fprintf(f, "%d.%06d%090d%c", row, j, 0,
                    j + 1 < COLUMNS ? ',' : '\n');
    fclose(f);
    CU_ASSERT_EQUAL_FATAL(begin(&b, "wide.csv", 0), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.features, COLUMNS);
    CU_ASSERT_EQUAL(b.out.points, 3);
    CU_ASSERT_DOUBLE_EQUAL(pe_block_at(&b.out, 2, COLUMNS - 1), 2.009999,
                           1e-12);
    CU_ASSERT_EQUAL(source_next(&b), PE_NOTHING);
    source_end(&b);
    /* One in a file of short ones is left out, with its line. */
    f = fopen(at_scratch("wide.csv"), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fputs("1.5,2\n", f);
    for (int j = 0; j < FIELDS; j++)
        fprintf(f, "%09d,", j);
    fputs("\n3,4\n", f);
    fclose(f);
    source_log[0] = '\0';
    CU_ASSERT_EQUAL_FATAL(begin(&b, "wide.csv", 0), 0);
    CU_ASSERT_EQUAL(source_next(&b), PE_FORWARD);
    CU_ASSERT_EQUAL(b.out.points, 2);
    UNIT_CONTAINS(source_log, "wide.csv:2: the row has 100001 fields, the "
                              "others have 2; it is left out");
    source_end(&b);
}

int main(void)
{
    static const unit_test tests[] = {
        {"text: folders and patterns", test_text_folder},
        {"text: ten thousand files", test_text_many},
        {"text: the clock of a file", test_text_clock},
        {"text: times of rows", test_text_times},
        {"text: names of columns", test_text_names},
        {"text: stop at a bad row", test_text_stop},
        {"text: other files when a run goes on", test_text_again},
        {"text: followed, cut and grown again", test_text_cut},
        {"text: a folder is followed", test_text_days},
        {"text: a pipe", test_text_pipe},
        {"text: lines of a megabyte", test_text_wide},
        {NULL, NULL},
    };

    return source_main("source text", tests);
}
