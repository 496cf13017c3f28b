/* test_write_killed.c - a writer that is killed, and power that is cut. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "src/common/file.h"
#include "src/file/write_part.h"
#include "src/file/write_rows.h"
#include "write_bench.h"

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

    if (bench_open(&b, options, rank("pool-0", 0)) < 0) {
        printf("# %s\n", context_error(b.ctx));
        fflush(stdout);
        _exit(70);
    }
    settle(&b, next, NULL);
    for (int k = 0; at[0] < BLOCKS || at[1] < BLOCKS; k++) {
        int p = at[k % 2] < BLOCKS ? k % 2 : 1 - k % 2;

        if (feed(&b, p, at[p], 2) != PE_FORWARD) {
            fflush(stdout);
            _exit(71);
        }
        at[p]++;
        if (k % BATCH != BATCH - 1)
            continue;
        sync_all(&b);
        next[k / BATCH % 2] = at[k / BATCH % 2];
    }
    sync_all(&b);
    next[0] = next[1] = BLOCKS;
    bench_close(&b);
}

/* A life that ends at call [at]; true: it came to its own end. */
static bool life(const char *options, int64_t *next, int at)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        power_on();
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

/* Every life of a writer of [name] ends at another call; those behind it have
 * to make up for that.  The number of lives.
 */
static int live_all(const char *name, const char *file, const char *more)
{
    bool is_array = strstr(name, ".npy");
    int64_t *next = mmap(NULL, 2 * sizeof(*next), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char options[400];
    bool whole = false;
    int at;

    CU_ASSERT_FATAL(next != MAP_FAILED);
    path_option(options, name, more);
    for (at = 1; !whole && at < 1000; at++) {
        remove_all();
        next[0] = next[1] = 0;
        whole = life(options, next, at);
        /* And again in the life behind it, sooner or later. */
        if (!whole && !life(options, next, 1 + at % 17)) {
            if (is_array)
                check_array(file, 0, false);
            CU_ASSERT(life(options, next, 0));
        }
        if (is_array)
            check_array(file, 2 * 2 * BLOCKS, true);
        else
            check_all(file);
    }
    CU_ASSERT(whole);
    kill_at = 0;
    munmap(next, 2 * sizeof(*next));
    return at;
}

static void test_killed(void)
{
    for (int half = 0; half < 2; half++) {
        is_half = half;
        CU_ASSERT(live_all("rows.csv", "rows.pool-0.csv", ";what=rows") > 30);
        CU_ASSERT(live_all("rows.npy", "rows.pool-0.npy", ";what=rows") > 30);
        CU_ASSERT(live_all("rows.csv", "rows.pool-0.csv",
                           ";what=rows;sync=never") > 30);
    }
    is_half = false;
}

/* Whatever the disk has of what nobody has asked to be there: what is committed
 * is.
 */
static void test_power(void)
{
    static const unsigned lost[] = {
        POWER_LOSES_ROWS, POWER_LOSES_INDEX, POWER_LOSES_NAMES,
        POWER_LOSES_ROWS | POWER_LOSES_INDEX | POWER_LOSES_NAMES};

    for (size_t i = 0; i < COUNT(lost); i++) {
        power = POWER_GOES | lost[i];
        live_all("rows.csv", "rows.pool-0.csv", ";what=rows");
        live_all("rows.npy", "rows.pool-0.npy", ";what=rows");
    }
    power = POWER_STAYS;
}

/* --- changed by hand --- */

static bool all_count(void *arg, const part_place *at)
{
    (void)arg;
    (void)at;
    return true;
}

static void write_all(const char *name, const char *data, size_t len)
{
    FILE *f = fopen(in_folder(name), "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_EQUAL(fwrite(data, 1, len, f), len);
    fclose(f);
}

/* Open [name] and cut it; either that is an error, or all it has lost of [len]
 * bytes [data] is told; true: the latter.
 */
static bool is_whole(const char *name, const char *data, size_t len)
{
    const part_conf conf = {.path = in_folder(name),
                            .owner = "r1 keep",
                            .claims = true,
                            .recount = write_recount};
    pe_error e = {0};
    part_gone gone = {0};
    part *p = part_open(&conf, &e);
    size_t now = 0;
    char *left;
    int rc = p ? part_cut(p, all_count, NULL, &gone, &e) : -1;

    part_close(p);
    if (rc < 0) {
        UNIT_CONTAINS(e.text, name);
        return false;
    }
    left = read_file(name, &now);
    CU_ASSERT_EQUAL(gone.rows, 0);
    CU_ASSERT_EQUAL(now + gone.bytes, len);
    /* The head of an array says how many rows are left. */
    if (gone.bytes == 0 || strstr(name, ".csv"))
        CU_ASSERT_EQUAL(memcmp(left, data, now), 0);
    free(left);
    return true;
}

/* [file], of [name] and its index, with each byte changed, and cut at each:
 * [name] has [data], [len] bytes.
 */
static void change_all(const char *name, const char *data, size_t len,
                       bool of_index)
{
    char index[80], *other, *bytes;
    size_t n_other, n;
    int whole = 0, wrong = 0;

    snprintf(index, sizeof(index), "%.60s.index", name);
    other = read_file(index, &n_other);
    n = of_index ? n_other : len;
    bytes = malloc(n + 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    for (size_t at = 0; at < 2 * n; at++) {
        size_t i = at / 2, size = at % 2 ? i : n;

        memcpy(bytes, of_index ? other : data, n);
        bytes[i] ^= at % 2 ? 0 : i % 3 ? 1 : 0x40;
        write_all(name, of_index ? data : bytes, of_index ? len : size);
        write_all(index, of_index ? bytes : other, of_index ? size : n_other);
        *(is_whole(name, data, len) ? &whole : &wrong) += 1;
    }
    CU_ASSERT(wrong > (int)n);
    free(bytes);
    write_all(name, data, len);
    write_all(index, other, n_other);
    free(other);
}

static void test_changed(void)
{
    static const char *const names[][2] = {{"rows.csv", "rows.d-0.csv"},
                                           {"rows.npy", "rows.d-0.npy"}};
    char options[400], *data;
    size_t len;
    bench b;

    for (size_t t = 0; t < COUNT(names); t++) {
        remove_all();
        path_option(options, names[t][0], ";what=rows");
        /* Rows that are there for good, and pieces behind them. */
        for (int life = 0; life < 2; life++) {
            CU_ASSERT_EQUAL(bench_open(&b, options, device("d-0")), 0);
            for (int i = 0; i < 2; i++)
                CU_ASSERT_EQUAL(feed(&b, 0, 2 * life + i, 1), PE_FORWARD);
            bench_close(&b);
        }
        data = read_file(names[t][1], &len);
        CU_ASSERT(is_whole(names[t][1], data, len));
        change_all(names[t][1], data, len, false);
        change_all(names[t][1], data, len, true);
        free(data);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"killed anywhere", test_killed},
        {"power that is cut anywhere", test_power},
        {"changed by hand", test_changed},
        {0},
    };
    int status;

    scratch_make();
    status = unit_main("write_killed", tests);
    scratch_remove();
    return status;
}
