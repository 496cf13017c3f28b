/* test_spool_cells.c - blocks that are made in memory of a spool's. */
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scratch.h"
#include "spool_bench.h"

enum { SCALE = 40, BLOCKS = 12 };

static spool_found found;
static pe_error e;

static spool *begin(uint64_t boot)
{
    spool *s = bench_open(8 * BENCH_MIB, SPOOL_SECOND, &found, &e);
    bool more = true;

    if (!s)
        printf("# %s\n", e.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s);
    while (boot && more)
        CU_ASSERT_EQUAL(spool_resolve(s, boot++, &more, &e), 0);
    return s;
}

static void turn(spool *s)
{
    int fds[64];
    size_t n = spool_turn(s, fds, 64);

    for (size_t i = 0; i < n; i++) {
        fsync(fds[i]);
        close(fds[i]);
    }
}

static void release(pe_block *b)
{
    for (int i = 0; i < BLOCKS; i++)
        pe_block_release(&b[i]);
}

/* Files of version [v] there are. */
static int files(uint32_t v)
{
    const char *name;
    int n = 0;

    for (int i = 0; (name = bench_chunk(i)); i++) {
        size_t len;
        char *data = bench_load(name, &len);

        n +=
            len >= sizeof(format_chunk) && ((format_chunk *)data)->version == v;
        free(data);
    }
    return n;
}

/* What is in there is [from] to [to] - 1, of BOOT [boot]. */
static void holds(spool *s, int64_t from, int64_t to, uint64_t boot)
{
    spool_record r;

    for (int64_t i = from; i < to; i++) {
        CU_ASSERT_EQUAL_FATAL(bench_take(s, &r), i);
        CU_ASSERT_EQUAL(r.boot, boot);
    }
    CU_ASSERT_EQUAL(bench_take(s, &r), -1);
    CU_ASSERT_EQUAL(spool_stats_get(s).lost, 0);
}

/* A thousand blocks, acknowledged soon: no file of records is written. */
static void test_flow(void)
{
    pe_block b[BLOCKS] = {{0}};
    spool *s = begin(7);

    for (uint64_t i = 0; i < 1000; i++) {
        CU_ASSERT_EQUAL(bench_make(s, &b[i % BLOCKS], i, SCALE), 1);
        if (i >= 5)
            spool_ack(s, 1, i - 5);
    }
    CU_ASSERT_EQUAL(files(FORMAT_VERSION), 0);
    CU_ASSERT(files(FORMAT_VERSION_CELLS) > 0);
    CU_ASSERT_EQUAL(spool_stats_get(s).records, 5);
    CU_ASSERT(spool_stats_get(s).bytes >= 5 * SCALE * 100);
    release(b); /* what is in there stays */
    spool_close(s);
    s = begin(8);
    CU_ASSERT_EQUAL(found.records, 5);
    CU_ASSERT_EQUAL(found.boot, 7);
    CU_ASSERT_EQUAL(found.lost, 0);
    holds(s, 995, 1000, 7);
    spool_ack(s, 5, 999);
    CU_ASSERT_EQUAL(spool_stats_get(s).bytes, 0);
    CU_ASSERT_EQUAL(files(FORMAT_VERSION_CELLS), 0);
    spool_close(s);
    CU_ASSERT(access(bench_path("."), F_OK) < 0);
}

/* A life that is killed when it has [puts] blocks, two of them acknowledged,
 * and another half made.
 */
static void die(uint64_t puts)
{
    pid_t pid = fork();

    if (pid == 0) {
        pe_block b[BLOCKS] = {{0}};
        spool *s = begin(7);

        for (uint64_t i = 0; i < puts; i++)
            if (bench_make(s, &b[i], i, SCALE) != 1)
                _exit(71);
        spool_ack(s, 2, 1);
        spool_lend(s, &b[0], SCALE * 100);
        memset(b[0].storage, 'x', SCALE * 50);
        raise(SIGKILL);
    }
    CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

static void test_kill(void)
{
    spool *s;

    for (int64_t puts = 3; puts < BLOCKS; puts++) {
        die((uint64_t)puts);
        s = begin(20);
        CU_ASSERT_EQUAL(found.records, (uint64_t)puts - 2);
        CU_ASSERT_EQUAL(found.lost, 0);
        UNIT_EQUAL(found.first, "");
        holds(s, 2, puts, 7);
        spool_ack(s, (uint64_t)puts - 2, (uint64_t)puts - 1);
        spool_close(s);
        bench_clear();
    }
}

/* Of a machine that was started again only what was sealed is believed. */
static void test_power(void)
{
    pe_block b[BLOCKS] = {{0}};
    spool *s = begin(7);

    for (uint64_t i = 0; i < 6; i++) {
        CU_ASSERT_EQUAL(bench_make(s, &b[i], i, SCALE), 1);
        if (i == 3) {
            turn(s);
            turn(s);
        }
    }
    /* As if it were killed. */
    bench_rebooted = true;
    pid_t pid = fork();
    if (pid == 0) {
        flock(s->lock_fd, LOCK_UN);
        close(s->lock_fd);
        s = begin(20);
        _exit(found.records == 4 && found.lost == 0 && !*found.first ? 0 : 1);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    CU_ASSERT_EQUAL(status, 0);
    release(b);
    s->records = 1;
    spool_close(s);
    bench_clear();
}

/* What was synced is not written over before it is known to be done with. */
static void test_cooling(void)
{
    pe_block b[BLOCKS] = {{0}};
    spool *s = begin(7);
    void *at;

    CU_ASSERT_EQUAL(bench_make(s, &b[0], 0, SCALE), 1);
    at = b[0].storage;
    turn(s);
    turn(s);
    spool_ack(s, 1, 0);
    CU_ASSERT_EQUAL(bench_make(s, &b[0], 1, SCALE), 1);
    CU_ASSERT(b[0].storage != at);
    turn(s);
    turn(s);
    /* Its turn comes again. */
    for (int i = 1; i < BLOCKS; i++)
        spool_lend(s, &b[i], SCALE * 100);
    spool_ack(s, 1, 1);
    release(b);
    spool_close(s);
    bench_clear();
}

/* Blocks that nobody keeps go by files, and those of cells come between. */
static void test_between(void)
{
    pe_block b[BLOCKS] = {{0}};
    spool *s = begin(7);

    for (uint64_t i = 0; i < 12; i++)
        CU_ASSERT_EQUAL(i / 2 % 2 ? bench_put(s, i, SCALE, false)
                                  : bench_make(s, &b[i % BLOCKS], i, SCALE),
                        1);
    release(b);
    spool_close(s);
    s = begin(9);
    CU_ASSERT_EQUAL(found.records, 12);
    CU_ASSERT_EQUAL(found.lost, 0);
    UNIT_EQUAL(found.first, "");
    CU_ASSERT_EQUAL(bench_put(s, 12, SCALE, false), 1);
    spool_record r;
    for (int64_t i = 0; i < 13; i++) {
        CU_ASSERT_EQUAL_FATAL(bench_take(s, &r), i);
        CU_ASSERT_EQUAL(r.boot, i < 12 ? 7 : 9);
    }
    spool_ack(s, 13, 12);
    CU_ASSERT_EQUAL(spool_stats_get(s).records, 0);
    spool_close(s);
    CU_ASSERT(access(bench_path("."), F_OK) < 0);
}

/* A byte is changed in a value, and in a head. */
static void test_damage(void)
{
    static const struct {
        size_t at;
        const char *why;
    } rows[] = {
        {FORMAT_CELLS_AT + CELLS_STORAGE + 99, "fails its check sum"},
        {FORMAT_CELLS_AT + 30, "is damaged"},
    };

    for (int i = 0; i < 2; i++) {
        pe_block b[BLOCKS] = {{0}};
        spool *s = begin(7);
        spool_record r;
        char name[CHUNK_NAME], *data;
        size_t len;

        for (uint64_t k = 0; k < 4; k++)
            CU_ASSERT_EQUAL(bench_make(s, &b[k], k, SCALE), 1);
        release(b);
        spool_close(s);
        snprintf(name, sizeof(name), "%s", bench_chunk(0));
        data = bench_load(name, &len);
        CU_ASSERT_FATAL(len > rows[i].at);
        data[rows[i].at] ^= 4;
        bench_store(name, data, len);
        free(data);
        s = begin(8);
        CU_ASSERT_EQUAL(found.lost, 1);
        CU_ASSERT_EQUAL(found.records, 3);
        UNIT_CONTAINS(found.first, rows[i].why);
        UNIT_CONTAINS(found.first, name);
        for (int64_t k = 1; k < 4; k++)
            CU_ASSERT_EQUAL(bench_take(s, &r), k);
        spool_ack(s, 3, 3);
        spool_close(s);
        bench_clear();
    }
}

/* Where there is no room for them blocks are written, as before. */
static void test_room(void)
{
    pe_block b[BLOCKS] = {{0}};
    spool *s = bench_open(256 << 10, SPOOL_SECOND, &found, &e);
    bool more;

    CU_ASSERT_EQUAL(spool_resolve(s, 7, &more, &e), 0);
    /* Larger than a fourth of it. */
    CU_ASSERT_EQUAL(bench_make(s, &b[0], 0, 800), 1);
    CU_ASSERT_EQUAL(files(FORMAT_VERSION_CELLS), 0);
    CU_ASSERT_EQUAL(files(FORMAT_VERSION), 1);
    CU_ASSERT_FALSE(b[0].capacity % 64);
    spool_ack(s, 1, 0);
    /* One that grows out of its cell has memory of its own. */
    spool_lend(s, &b[0], 1000);
    CU_ASSERT(b[0].capacity % 64);
    CU_ASSERT_EQUAL(pe_block_reserve(&b[0], 10000, 1, PE_F8, &e), 0);
    CU_ASSERT_FALSE(b[0].capacity % 64);
    release(b);
    spool_close(s);
    CU_ASSERT(access(bench_path("."), F_OK) < 0);
}

int main(void)
{
    static const unit_test tests[] = {
        {"cells: blocks that flow", test_flow},
        {"cells: killed", test_kill},
        {"cells: power that is cut", test_power},
        {"cells: not written over at once", test_cooling},
        {"cells: between files", test_between},
        {"cells: damage", test_damage},
        {"cells: no room", test_room},
        {0},
    };
    int status;

    scratch_make();
    status = unit_main("spool_cells", tests);
    scratch_remove();
    return status;
}
