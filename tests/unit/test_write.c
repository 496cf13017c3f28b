/* test_write.c - the stage that keeps rows: what is in a file, once. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/function/host.h"
#include "src/file/write_part.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- calls that change files, and what becomes of them --- */

static int calls;    /* so far */
static int kill_at;  /* before this one, or in the middle of it; 0: never */
static int full;     /* so many find no room on the disk */
static bool is_half; /* a call that is killed has written the first half */

static bool dies(void)
{
    return ++calls == kill_at;
}

static void die(void)
{
    kill(getpid(), SIGKILL);
}

static ssize_t put(int fd, const void *data, size_t n, off_t at)
{
    bool last = fd > 2 && dies();

    if (fd > 2 && full > 0) {
        full--;
        errno = ENOSPC;
        return -1;
    }
    if (last && is_half)
        n /= 2;
    if (last && !is_half)
        die();
    n = (size_t)(at < 0 ? syscall(SYS_write, fd, data, n)
                        : syscall(SYS_pwrite64, fd, data, n, at));
    if (last)
        die();
    return (ssize_t)n;
}

ssize_t write(int fd, const void *data, size_t n)
{
    return put(fd, data, n, -1);
}

ssize_t pwrite(int fd, const void *data, size_t n, off_t at)
{
    return put(fd, data, n, at);
}

ssize_t pwrite64(int fd, const void *data, size_t n, off_t at)
{
    return put(fd, data, n, at);
}

int rename(const char *from, const char *to)
{
    if (dies())
        die();
    return (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

int fsync(int fd)
{
    if (dies())
        die();
    return (int)syscall(SYS_fsync, fd);
}

static int cut_to(int fd, off_t length)
{
    if (dies())
        die();
    return (int)syscall(SYS_ftruncate, fd, length);
}

int ftruncate(int fd, off_t length)
{
    return cut_to(fd, length);
}

int ftruncate64(int fd, off_t length)
{
    return cut_to(fd, length);
}

/* --- a model in place of the real ones: scores are the first column --- */

static pe_model model = {.features = 2, .threshold = 2, .version = 12};
static bool have_model;

int pe_model_score(const pe_model *m, const pe_block *b, float *scores,
                   pe_error *errp)
{
    if (b->features != m->features)
        return pe_error_set(errp, PE_ERROR_INPUT, PE_EXIT_DATA,
                            "features changed from %u to %u", m->features,
                            b->features);
    for (uint32_t i = 0; i < b->points; i++)
        scores[i] = (float)pe_block_at(b, i, 0);
    return 0;
}

static const pe_model *host_model(void *arg)
{
    (void)arg;
    return have_model ? &model : NULL;
}

static char told[2048];
static atomic_int cancelled;
static bool cancels; /* as soon as something is told */

static void host_tell(void *arg, const char *words)
{
    (void)arg;
    snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s\n", words);
    if (cancels)
        atomic_store(&cancelled, 1);
}

static const context_host host = {.model = host_model, .tell = host_tell};

/* --- a stage at work --- */

typedef struct bench {
    function *fn;
    pe_options *options;
    pe_context *ctx;
    pe_block in, out;
} bench;

/* [options] is "NAME=VALUE;NAME=VALUE".  The answer of the open hook. */
static int bench_open(bench *b, const char *options, context_setup set)
{
    char *copy = strdup(options), *rest = copy, *item;
    pe_error e = {0};

    memset(b, 0, sizeof(*b));
    b->fn = function_load("write", NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->fn);
    b->options = function_options(b->fn, NULL, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->options);
    while ((item = strsep(&rest, ";")) && *item) {
        char *value = strchr(item, '=');

        *value++ = '\0';
        CU_ASSERT_EQUAL(pe_options_set(b->options, item, value, &e), 0);
        UNIT_EQUAL(e.text, "");
    }
    free(copy);
    set.run = set.run ? set.run : "r1";
    set.stage = "keep";
    set.options = b->options;
    set.host = &host;
    set.cancelled = &cancelled;
    b->ctx = context_create(&set, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(b->ctx);
    return function_ops(b->fn)->open(b->ctx);
}

static void bench_close(bench *b)
{
    function_ops(b->fn)->close(b->ctx);
    context_destroy(b->ctx);
    pe_options_destroy(b->options);
    function_unload(b->fn);
    pe_block_release(&b->in);
    pe_block_release(&b->out);
}

static context_setup device(const char *name)
{
    return (context_setup){.device = name, .writer = name, .size = 1};
}

static context_setup rank(const char *writer, int index)
{
    return (context_setup){.writer = writer, .index = index, .size = 2};
}

static void settle(bench *b, const int64_t *next, const unsigned char *own)
{
    static const unsigned char all[] = {1, 1};
    const context_committed c = {.next = next, .own = own ? own : all, .n = 2};
    pe_error e = {0};

    CU_ASSERT_EQUAL(function_settle(function_ops(b->fn), b->ctx, &c, &e), 0);
    UNIT_EQUAL(e.text, "");
}

/* A block of [points] rows of 2 columns: its number, and 10 times it plus the
 * row.
 */
static int feed(bench *b, int32_t partition, int64_t offset, uint32_t points)
{
    const pe_function *f = function_ops(b->fn);
    double *x;

    CU_ASSERT_EQUAL(pe_block_reserve(&b->in, points, 2, PE_F8, NULL), 0);
    x = b->in.data;
    for (uint32_t i = 0; i < points; i++) {
        x[2 * i] = (double)(100 * partition + offset);
        x[2 * i + 1] = 10 * x[2 * i] + i;
    }
    b->in.device = "d-0";
    b->in.source = "f.csv:7";
    b->in.partition = partition;
    b->in.offset = offset;
    b->in.boot = 1;
    b->in.seq = (uint64_t)offset;
    b->in.has_seq = 1;
    b->in.sense_ns = 1000000000;
    return *pe_context_device(b->ctx)
               ? f->process_edge(b->ctx, &b->in, &b->out)
               : f->process_cloud(b->ctx, &b->in, &b->out);
}

static char folder_path[300];

/* PATH of [name] in our folder. */
static const char *in_folder(const char *name)
{
    snprintf(folder_path, sizeof(folder_path), "%s/%s", scratch_folder, name);
    return folder_path;
}

static char *read_file(const char *name, size_t *lenp)
{
    pe_error e = {0};
    char *data = file_read(in_folder(name), 1 << 24, lenp, &e);

    UNIT_EQUAL(e.text, "");
    return data ? data : strdup("");
}

static void check_file(const char *name, const char *want)
{
    size_t len;
    char *data = read_file(name, &len);

    UNIT_EQUAL(data, want);
    free(data);
}

static void path_option(char out[400], const char *name, const char *more)
{
    snprintf(out, 400, "path=%s/%s%s", scratch_folder, name, more);
}

static void remove_all(void)
{
    file_remove_tree(scratch_folder, NULL);
    CU_ASSERT_EQUAL(mkdir(scratch_folder, 0700), 0);
}

/* --- options --- */

static void test_bad_options(void)
{
    static const struct {
        const char *options, *text;
    } rows[] = {
        {"", "path is not given; name the file to write, as in path: rows.csv"},
        {"path=/tmp/rows",
         "path: what to write is not seen by its end, '': let it end in .csv, "
         ".npy or .h5, or say format"},
        {"path=/tmp.d/rows",
         "path: what to write is not seen by its end, '': let it end in .csv, "
         ".npy or .h5, or say format"},
        {"path=r.xlsx",
         "path: what to write is not seen by its end, 'xlsx': let it end in "
         ".csv, .npy or .h5, or say format"},
        {"path=r.csv;what=rows,labels",
         "what: 'labels' is none of rows, scores"},
        {"path=r.csv;what=", "what: '' is none of rows, scores"},
        {"path=r.csv;columns=3-1",
         "columns: '3-1' is neither a number from 0 on nor a range as 5-8"},
        {"path=r.csv;what=scores;columns=1",
         "columns: those of rows, and what: does not name them"},
    };
    bench b;

    for (size_t i = 0; i < COUNT(rows); i++) {
        pe_error e = {0};

        CU_ASSERT_EQUAL(bench_open(&b, rows[i].options, (context_setup){0}),
                        -1);
        UNIT_EQUAL(context_error(b.ctx), rows[i].text);
        /* And before anything is started. */
        CU_ASSERT_EQUAL(
            function_check(b.fn, &(context_setup){.options = b.options}, &e),
            -1);
        UNIT_EQUAL(e.text, rows[i].text);
        bench_close(&b);
    }
    CU_ASSERT_EQUAL(bench_open(&b, "path=r;format=csv", (context_setup){0}), 0);
    CU_ASSERT(function_scores(b.fn, b.options));
    CU_ASSERT(function_keeps(b.fn));
    pe_options_set(b.options, "what", "rows", NULL);
    CU_ASSERT_FALSE(function_scores(b.fn, b.options));
    bench_close(&b);
}

/* --- what is in it --- */

static void test_csv(void)
{
    char options[400];
    bench b;

    remove_all();
    have_model = false;
    path_option(options, "rows.CSV", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    CU_ASSERT_PTR_EQUAL(b.out.data, b.in.data);
    have_model = true;
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 2), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, 0, 3, 1), PE_FORWARD);
    bench_close(&b);
    check_file("rows.d-0.CSV",
               "time,device,source,row,score,threshold,label,version,x0,x1\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,7,,,warming,0,1,10\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,7,2,2,inlier,12,2,20\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,8,2,2,inlier,12,2,21\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,7,3,2,outlier,12,3,30"
               "\n");
}

/* Rows have their own times where somebody says them, of each. */
static void test_times(void)
{
    static const int64_t ns[] = {5, 1500000000};
    char options[400];
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows;columns=0");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    context_times(b.ctx, ns, 2);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 2), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), PE_FORWARD); /* of others */
    bench_close(&b);
    check_file("rows.d-0.csv",
               "time,device,source,row,x0\n"
               "1970-01-01T00:00:00.000000005Z,d-0,f.csv,7,1\n"
               "1970-01-01T00:00:01.500000000Z,d-0,f.csv,8,1\n"
               "1970-01-01T00:00:01.000000000Z,d-0,f.csv,7,2\n");
}

/* Other names and rows, and a part of the columns. */
static void test_csv_rows(void)
{
    static const struct {
        const char *device, *source;
        double x;
        const char *line;
    } rows[] = {
        {"d,1", "f.csv:0-9/5", 1.5, "\"d,1\",f.csv,0-4,1.5\n"},
        {"d", "a\"b\nc:3-5*", NAN, "d,\"a\"\"b\nc\",3-5,\n"},
        {"d", NULL, INFINITY, "d,,,inf\n"},
        {"d", "unnumbered", 0.1, "d,,,0.10000000000000001\n"},
    };
    char options[400], want[500];
    bench b;

    path_option(options, "part.csv", ";what=rows;columns=1");
    for (size_t i = 0; i < COUNT(rows); i++) {
        remove_all();
        CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
        CU_ASSERT_EQUAL(pe_block_reserve(&b.in, 1, 2, PE_F8, NULL), 0);
        ((double *)b.in.data)[1] = rows[i].x;
        b.in.device = rows[i].device;
        b.in.source = rows[i].source;
        CU_ASSERT_EQUAL(function_ops(b.fn)->process_edge(b.ctx, &b.in, &b.out),
                        1);
        bench_close(&b);
        snprintf(want, sizeof(want), "time,device,source,row,x1\n,%s",
                 rows[i].line);
        check_file("part.d-0.csv", want);
    }
}

static void test_npy(void)
{
    static const char head[] =
        "{'descr': [('time_ns', '<i8'), ('device', 'S64'), ('source', 'S192'), "
        "('row', '<i8'), ('last', '<i8'), ('score', '<f4'), ('label', '<i4'), "
        "('threshold', '<f8'), ('version', '<u8'), ('x', '<f8', (2,))], "
        "'fortran_order': False, 'shape': (3,), }";
    const size_t item = 8 + 64 + 192 + 16 + 24 + 16;
    char options[400], *data;
    int32_t label;
    int64_t row;
    double x[2];
    size_t len;
    bench b;

    remove_all();
    have_model = true;
    path_option(options, "rows.npy", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, 0, 3, 2), PE_FORWARD);
    bench_close(&b);
    data = read_file("rows.d-0.npy", &len);
    CU_ASSERT_EQUAL_FATAL(len, 512 + 3 * item);
    CU_ASSERT_EQUAL(memcmp(data, "\x93NUMPY\x01\0\xf6\x01", 10), 0);
    CU_ASSERT_EQUAL(strncmp(data + 10, head, strlen(head)), 0);
    CU_ASSERT_EQUAL(data[511], '\n');
    UNIT_EQUAL(data + 512 + 8, "d-0");
    UNIT_EQUAL(data + 512 + 72, "f.csv");
    memcpy(&row, data + 512 + 2 * item + 264, sizeof(row));
    CU_ASSERT_EQUAL(row, 8);
    memcpy(&label, data + 512 + 2 * item + 284, sizeof(label));
    CU_ASSERT_EQUAL(label, 1);
    memcpy(x, data + 512 + 2 * item + 304, sizeof(x));
    CU_ASSERT_EQUAL(x[0], 3);
    CU_ASSERT_EQUAL(x[1], 31);
    free(data);
}

static void test_other_blocks(void)
{
    char options[400];
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    CU_ASSERT_EQUAL(pe_block_reserve(&b.in, 1, 3, PE_F8, NULL), 0);
    CU_ASSERT_EQUAL(function_ops(b.fn)->process_edge(b.ctx, &b.in, &b.out), -1);
    UNIT_EQUAL(context_error(b.ctx),
               "features changed from 2 to 3, and a file has rows of one kind");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_INPUT);
    bench_close(&b);
    /* Started again by other options. */
    path_option(options, "rows.csv", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), -1);
    UNIT_EQUAL(context_error(b.ctx),
               "the file has csv rows of 2 features f8, and this block makes "
               "csv rows scores of 2 features f8: take another path");
    bench_close(&b);
}

/* A file of somebody else is not written to. */
static void test_not_ours(void)
{
    char options[400];
    context_setup set = device("d-0");
    bench b, c;

    remove_all();
    path_option(options, "rows.csv", "");
    scratch_write("rows.d-0.csv", "mine\n");
    CU_ASSERT_EQUAL(bench_open(&b, options, set), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "rows.d-0.csv is there and is not ours: "
                  "remove it and ");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(context_failure(b.ctx)->exit_code, PE_EXIT_CREATE);
    bench_close(&b);
    check_file("rows.d-0.csv", "mine\n");

    remove_all();
    CU_ASSERT_EQUAL(bench_open(&b, options, set), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    /* Two at a time. */
    const part_conf conf = {.path = in_folder("rows.d-0.csv"),
                            .owner = "r1 keep"};
    pe_error e = {0};
    CU_ASSERT_PTR_NULL(part_open(&conf, &e));
    UNIT_CONTAINS(e.text, "rows.d-0.csv is being written by another process");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_RETRY);
    bench_close(&b);
    set.run = "r2";
    CU_ASSERT_EQUAL(bench_open(&c, options, set), -1);
    UNIT_CONTAINS(context_error(c.ctx), "is there and is that of r1 keep");
    bench_close(&c);
    /* {run} is the run's. */
    path_option(options, "rows-{run}.csv", "");
    CU_ASSERT_EQUAL(bench_open(&c, options, set), 0);
    CU_ASSERT_EQUAL(feed(&c, 0, 1, 1), PE_FORWARD);
    bench_close(&c);
    CU_ASSERT_EQUAL(access(in_folder("rows-r2.d-0.csv"), R_OK), 0);
    /* Nor is one that was changed. */
    CU_ASSERT_EQUAL(truncate(in_folder("rows-r2.d-0.csv"), 60), 0);
    CU_ASSERT_EQUAL(bench_open(&c, options, set), -1);
    UNIT_CONTAINS(context_error(c.ctx), "is shorter than its index says");
    bench_close(&c);
    scratch_write("rows-r2.d-0.csv.index", "pilot-edge rows 1\nwhat\n");
    CU_ASSERT_EQUAL(bench_open(&c, options, set), -1);
    UNIT_CONTAINS(context_error(c.ctx), "for it has a line 'what'");
    bench_close(&c);
    path_option(options, "nowhere/rows.csv", "");
    CU_ASSERT_EQUAL(bench_open(&c, options, set), -1);
    UNIT_CONTAINS(context_error(c.ctx), "nowhere/rows.d-0.csv is not there: "
                                        "make it, on each host");
    CU_ASSERT_EQUAL(context_failure(c.ctx)->exit_code, PE_EXIT_CREATE);
    bench_close(&c);
}

/* Two stages with one path: the second fails for good, also while nothing is
 * in the file of the first one; nobody waits for what does not end.
 */
static void test_two_stages(void)
{
    const part_conf visitor = {.path = in_folder("rows.pool-0.csv"),
                               .owner = "r1 other"};
    part_conf other = visitor;
    char options[400];
    pe_error e = {0};
    bench b;

    remove_all();
    path_option(options, "rows.csv", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    other.claims = true;
    other.patience_s = 1e9;
    CU_ASSERT_PTR_NULL(part_open(&other, &e));
    UNIT_CONTAINS(e.text, "rows.pool-0.csv is there and is that of r1 keep");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CREATE);
    bench_close(&b);
    /* A visitor takes nothing that is nobody's yet. */
    remove_all();
    part_close(part_open(&visitor, &e));
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    bench_close(&b);
}

/* HDF5 is for programs that have it. */
static void test_no_hdf5(void)
{
    char options[400];
    bench b;

    remove_all();
    path_option(options, "rows.h5", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, (context_setup){0}), 0);
    bench_close(&b);
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), -1);
    UNIT_CONTAINS(context_error(b.ctx),
                  "rows.h5 is not made: this program was built without HDF5; "
                  "let the path end in .npy or .csv");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->exit_code, PE_EXIT_CONFIG);
    bench_close(&b);
}

/* A rank that looks ahead has nothing to keep. */
static void test_nobody(void)
{
    char options[400];
    bench b;

    remove_all();
    path_option(options, "rows.csv", "");
    CU_ASSERT_EQUAL(bench_open(&b, options, (context_setup){.size = 1}), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    settle(&b, (const int64_t[]){0, 0}, NULL);
    bench_close(&b);
    CU_ASSERT_EQUAL(rmdir(scratch_folder), 0);
    CU_ASSERT_EQUAL(mkdir(scratch_folder, 0700), 0);
}

/* --- once --- */

/* Rows of [name], which has x0 and x1 alone, as "BLOCK.ROW ", sorted as they
 * are; "?" is what is no such row.
 */
static char *rows_in(const char *name, char out[2000])
{
    size_t len, n = 0;
    char *data = read_file(name, &len), *line = data, *end;

    *out = '\0';
    line = strchr(line, '\n') ? strchr(line, '\n') + 1 : line + len;
    for (; (end = strchr(line, '\n')); line = end + 1) {
        double x0, x1;
        const char *at = strstr(line, ",f.csv,");

        *end = '\0';
        at = at ? strchr(at + 7, ',') : NULL;
        if (at && sscanf(at, ",%lf,%lf", &x0, &x1) == 2)
            n +=
                (size_t)snprintf(out + n, 2000 - n, "%g.%g ", x0, x1 - 10 * x0);
        else
            n += (size_t)snprintf(out + n, 2000 - n, "? ");
    }
    if (*line)
        snprintf(out + n, 2000 - n, "torn");
    free(data);
    return out;
}

/* A device whose source comes again from a position, and one that does not. */
static void test_device_again(void)
{
    char options[400], rows[2000];
    context_setup set = device("d-0");
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    set.again = true;
    for (int life = 0; life < 3; life++) {
        set.position = (uint64_t)life * 2;
        CU_ASSERT_EQUAL(bench_open(&b, options, set), 0);
        for (int i = 0; i < 4; i++)
            CU_ASSERT_EQUAL(feed(&b, 0, 2 * life + i, 2), PE_FORWARD);
        bench_close(&b);
    }
    UNIT_EQUAL(rows_in("rows.d-0.csv", rows),
               "0.0 0.1 1.0 1.1 2.0 2.1 3.0 3.1 4.0 4.1 5.0 5.1 6.0 6.1 7.0 "
               "7.1 ");
    set.again = false;
    set.position = 0;
    CU_ASSERT_EQUAL(bench_open(&b, options, set), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 8, 1), PE_FORWARD);
    bench_close(&b);
    UNIT_CONTAINS(rows_in("rows.d-0.csv", rows), "6.0 6.1 7.0 7.1 8.0 ");
}

/* What is behind the last whole piece was not finished. */
static void test_torn(void)
{
    char options[400], rows[2000];
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    settle(&b, (const int64_t[]){0, 0}, NULL);
    CU_ASSERT_EQUAL(feed(&b, 0, 0, 1), PE_FORWARD);
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    bench_close(&b);
    in_folder("rows.pool-0.csv");
    snprintf(scratch_path, sizeof(scratch_path), "%.250s", folder_path);
    scratch_append("1970,half a");
    in_folder("rows.pool-0.csv.index");
    snprintf(scratch_path, sizeof(scratch_path), "%.250s", folder_path);
    scratch_append("+ 0 2 1");
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    settle(&b, (const int64_t[]){2, 0}, NULL);
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), PE_FORWARD);
    UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), "0.0 1.0 2.0 ");
    /* And the same pool goes back. */
    settle(&b, (const int64_t[]){2, 0}, NULL);
    UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), "0.0 1.0 ");
    settle(&b, (const int64_t[]){0, 0}, NULL);
    UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), "0.0 1.0 ");
    bench_close(&b);
}

/* Pieces of two partitions, in turn: those that go may lie between others. */
static void test_between(void)
{
    static const struct {
        int64_t next[2];
        const char *rows;
    } tables[] = {
        {{0, 0}, ""},
        {{3, 3}, "0.0 100.0 1.0 101.0 2.0 102.0 "},
        {{1, 0}, "0.0 "},
        {{0, 1}, "100.0 "},
        {{1, 3}, "0.0 100.0 101.0 102.0 "},
        {{3, 1}, "0.0 100.0 1.0 2.0 "},
        {{2, 2}, "0.0 100.0 1.0 101.0 "},
    };
    char options[400], rows[2000];
    bench b;

    path_option(options, "rows.csv", ";what=rows");
    for (size_t i = 0; i < COUNT(tables); i++) {
        remove_all();
        CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
        settle(&b, (const int64_t[]){0, 0}, NULL);
        for (int k = 0; k < 6; k++)
            CU_ASSERT_EQUAL(feed(&b, k % 2, k / 2, 1), PE_FORWARD);
        settle(&b, tables[i].next, NULL);
        UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), tables[i].rows);
        CU_ASSERT_EQUAL(feed(&b, 0, tables[i].next[0], 1), PE_FORWARD);
        bench_close(&b);
        /* It is as good as any. */
        CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
        settle(&b, tables[i].next, NULL);
        UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), tables[i].rows);
        bench_close(&b);
    }
}

/* An error of a settle is the agent's, whatever the file says. */
static void test_settle_fails(void)
{
    static const unsigned char own[] = {1, 1};
    const int64_t next[] = {0, 0};
    const context_committed c = {.next = next, .own = own, .n = 2};
    char options[400];
    pe_error e = {0};
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&b, options, rank("pool-0", 0)), 0);
    /* Before that nobody knows what is to stay. */
    CU_ASSERT_EQUAL(feed(&b, 0, 0, 1), -1);
    UNIT_CONTAINS(context_error(b.ctx), "a block came before it was known");
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_FATAL);
    CU_ASSERT(access(in_folder("rows.pool-0.csv"), F_OK) < 0);
    settle(&b, next, NULL);
    CU_ASSERT_EQUAL(feed(&b, 0, 0, 1), PE_FORWARD);
    unlink(in_folder("rows.pool-0.csv"));
    CU_ASSERT_EQUAL(function_settle(function_ops(b.fn), b.ctx, &c, &e), -1);
    UNIT_CONTAINS(e.text, "rows.pool-0.csv is gone and its index is there; ");
    UNIT_CONTAINS(e.text, "rows.pool-0.csv.index to go on with a new file");
    CU_ASSERT_EQUAL(e.kind, PE_ERROR_FATAL);
    bench_close(&b);
    /* Nor is a function that keeps nothing asked. */
    CU_ASSERT_EQUAL(function_settle(function_find("select"), NULL, &c, &e), 0);
    CU_ASSERT_EQUAL(function_finish(function_find("select"), NULL, &e), 0);
}

/* --- others --- */

/* Rank 0 cuts what ranks have left that are not there any more; those that
 * are see to themselves, and a pool that lives is told what is ours now.
 */
static void test_others(void)
{
    static const unsigned char first[] = {1, 0};
    char options[400], rows[2000];
    bench left, lives, own;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&left, options, rank("pool-5", 5)), 0);
    CU_ASSERT_EQUAL(bench_open(&lives, options, rank("pool.2-1", 1)), 0);
    settle(&left, (const int64_t[]){0, 0}, NULL);
    settle(&lives, (const int64_t[]){0, 0}, NULL);
    for (int k = 0; k < 3; k++) {
        CU_ASSERT_EQUAL(feed(&left, 0, k, 1), PE_FORWARD);
        CU_ASSERT_EQUAL(feed(&lives, 0, k, 1), PE_FORWARD);
        CU_ASSERT_EQUAL(feed(&lives, 1, k, 1), PE_FORWARD);
    }
    bench_close(&left);

    CU_ASSERT_EQUAL(bench_open(&own, options, rank("pool-0", 0)), 0);
    settle(&own, (const int64_t[]){1, 1}, first);
    UNIT_EQUAL(rows_in("rows.pool-5.csv", rows), "0.0 ");
    UNIT_EQUAL(rows_in("rows.pool.2-1.csv", rows),
               "0.0 100.0 1.0 101.0 2.0 102.0 ");
    CU_ASSERT_EQUAL(feed(&own, 0, 1, 1), PE_FORWARD);
    /* It goes on with what is ours, and hears of it when it begins anew: by
     * then we have committed those.
     */
    CU_ASSERT_EQUAL(feed(&lives, 0, 3, 1), PE_FORWARD);
    settle(&lives, (const int64_t[]){4, 2}, NULL);
    UNIT_EQUAL(rows_in("rows.pool.2-1.csv", rows), "0.0 100.0 101.0 ");
    settle(&own, (const int64_t[]){4, 2}, first);
    UNIT_EQUAL(rows_in("rows.pool-0.csv", rows), "1.0 ");
    /* What is void is so until then: it has partition 0 again. */
    settle(&lives, (const int64_t[]){4, 2}, NULL);
    CU_ASSERT_EQUAL(feed(&lives, 0, 4, 1), PE_FORWARD);
    settle(&lives, (const int64_t[]){5, 2}, NULL);
    UNIT_CONTAINS(rows_in("rows.pool.2-1.csv", rows), "101.0 4.0 ");
    bench_close(&lives);
    bench_close(&own);
}

/* A file of another stage in the same folder is none of these. */
static void test_others_alone(void)
{
    char options[400], rows[2000];
    context_setup set = device("pool-7");
    bench other, own;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    set.run = "r2";
    CU_ASSERT_EQUAL(bench_open(&other, options, set), 0);
    CU_ASSERT_EQUAL(feed(&other, 0, 9, 1), PE_FORWARD);
    bench_close(&other);
    scratch_write("rows.pool-8.csv", "mine\n");
    CU_ASSERT_EQUAL(bench_open(&own, options, rank("pool-0", 0)), 0);
    settle(&own, (const int64_t[]){0, 0}, NULL);
    bench_close(&own);
    UNIT_EQUAL(rows_in("rows.pool-7.csv", rows), "9.0 ");
    check_file("rows.pool-8.csv", "mine\n");
}

/* --- a full disk --- */

static void test_full(void)
{
    char options[400], rows[2000];
    bench b;

    remove_all();
    path_option(options, "rows.csv", ";what=rows");
    CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
    CU_ASSERT_EQUAL(feed(&b, 0, 0, 1), PE_FORWARD);
    *told = '\0';
    full = 1;
    CU_ASSERT_EQUAL(feed(&b, 0, 1, 1), PE_FORWARD);
    UNIT_CONTAINS(told,
                  "stage 'keep' waits, and nothing is lost: cannot write ");
    UNIT_CONTAINS(told, "rows.d-0.csv: disk full (");
    UNIT_CONTAINS(told, "stage 'keep' goes on: there is room again\n");
    /* The run ends: the block is not done, and nobody's fault. */
    full = 1000;
    cancels = true;
    CU_ASSERT_EQUAL(feed(&b, 0, 2, 1), -1);
    CU_ASSERT_EQUAL(context_failure(b.ctx)->kind, PE_ERROR_RETRY);
    UNIT_CONTAINS(context_error(b.ctx), "disk full");
    cancels = false;
    atomic_store(&cancelled, 0);
    full = 0;
    bench_close(&b);
    UNIT_EQUAL(rows_in("rows.d-0.csv", rows), "0.0 1.0 ");
}

/* --- killed anywhere --- */

enum { BLOCKS = 6, BATCH = 3 };

/* Blocks of two partitions in turn, committed in batches of one and then of
 * the other, so that a life that ends leaves pieces of one between those of
 * the other.  [next] outlives the process.
 */
static void live(const char *options, int64_t *next)
{
    int64_t at[2] = {next[0], next[1]};
    bench b;

    if (bench_open(&b, options, rank("pool-0", 0)) < 0)
        _exit(70);
    settle(&b, next, NULL);
    for (int k = 0; at[0] < BLOCKS || at[1] < BLOCKS; k++) {
        int p = at[k % 2] < BLOCKS ? k % 2 : 1 - k % 2;

        if (feed(&b, p, at[p], 2) != PE_FORWARD)
            _exit(71);
        at[p]++;
        if (k % BATCH == BATCH - 1)
            next[k / BATCH % 2] = at[k / BATCH % 2];
    }
    next[0] = next[1] = BLOCKS;
    bench_close(&b);
}

/* A life that ends at call [at]; true: it came to its own end. */
static bool life(const char *options, int64_t *next, int at)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        kill_at = at;
        calls = 0;
        live(options, next);
        _exit(0);
    }
    CU_ASSERT(pid > 0);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Are rows 0 and 1 of all blocks in the file, and nothing else? */
static void check_all(const char *name)
{
    char rows[2000], *word[200], *rest = rows, *w;
    size_t n = 0;

    rows_in(name, rows);
    while ((w = strsep(&rest, " ")) && *w && n < COUNT(word))
        word[n++] = w;
    CU_ASSERT_EQUAL(n, 2 * 2 * BLOCKS);
    qsort(word, n, sizeof(*word), by_text);
    for (size_t i = 1; i < n; i++)
        CU_ASSERT_NOT_EQUAL(strcmp(word[i - 1], word[i]), 0);
}

/* An array can be opened all the time: it has the rows that its head says. */
static void check_array(const char *name, uint64_t rows, bool exact)
{
    size_t len;
    char *data, *at;
    uint64_t n;

    if (access(in_folder(name), F_OK) < 0)
        return;
    data = read_file(name, &len);
    at = len >= 512 ? memmem(data, 512, "'shape': (", 10) : NULL;
    n = at ? strtoull(at + 10, NULL, 10) : 0;
    CU_ASSERT(len < 512 || at);
    CU_ASSERT(len < 512 || 512 + n * (8 + 64 + 192 + 16 + 16) <= len);
    if (exact) {
        CU_ASSERT_EQUAL(n, rows);
        CU_ASSERT_EQUAL(512 + n * (8 + 64 + 192 + 16 + 16), len);
    }
    free(data);
}

static void test_killed(void)
{
    static const char *const names[] = {"rows.csv", "rows.npy"};
    int64_t *next = mmap(NULL, 2 * sizeof(*next), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char options[400], name[64];

    CU_ASSERT_FATAL(next != MAP_FAILED);
    for (int t = 0; t < 4; t++) {
        bool whole = false;
        int lives = 0;

        is_half = t % 2;
        snprintf(name, sizeof(name), "rows.pool-0.%s", t / 2 ? "npy" : "csv");
        path_option(options, names[t / 2], ";what=rows");
        for (int at = 1; !whole && at < 1000; at++) {
            remove_all();
            next[0] = next[1] = 0;
            whole = life(options, next, at);
            /* And again in the life behind it, sooner or later. */
            if (!whole && !life(options, next, 1 + at % 17)) {
                if (t / 2)
                    check_array(name, 0, false);
                CU_ASSERT(life(options, next, 0));
            }
            if (t / 2)
                check_array(name, 2 * 2 * BLOCKS, true);
            else
                check_all(name);
            lives++;
        }
        CU_ASSERT(whole);
        CU_ASSERT(lives > 30);
    }
    kill_at = 0;
    munmap(next, 2 * sizeof(*next));
}

int main(void)
{
    static const unit_test tests[] = {
        {"options that are none", test_bad_options},
        {"CSV", test_csv},
        {"CSV: times of rows", test_times},
        {"CSV: names and numbers", test_csv_rows},
        {"an array", test_npy},
        {"blocks of another kind", test_other_blocks},
        {"files that are not ours", test_not_ours},
        {"two stages, one path", test_two_stages},
        {"HDF5 without it", test_no_hdf5},
        {"nobody keeps nothing", test_nobody},
        {"a device that begins again", test_device_again},
        {"what was not finished", test_torn},
        {"what lies between", test_between},
        {"what cannot be cut", test_settle_fails},
        {"what others have left", test_others},
        {"files of others", test_others_alone},
        {"a full disk", test_full},
        {"killed anywhere", test_killed},
        {0},
    };
    int status;

    scratch_make();
    status = unit_main("write", tests);
    scratch_remove();
    return status;
}
